//! Attempts to obtain a token: rows, because the browser may come back to another node than the
//! one that sent it away. A ticket and a state are taken by one statement each, so that of two that
//! come at once one gets it.

use chrono::{DateTime, Utc};
use domain::token::{AttemptEnd, Fault, Leg, Setback};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row};

use super::audit::{self, Actor, Entry};
use super::sessions::name_of;
use super::{Store, StoreError, instant, json, millis, sought};
use crate::identity::Principal;

/// An attempt as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttempt {
    /// Its random id.
    pub id: String,
    /// Who began it, by id.
    pub person: String,
    /// Their address at the time, or their id where none is verified.
    pub person_email: String,
    /// Their name at the time.
    pub person_name: String,
    /// The revision of the settings that it is for.
    pub revision: i64,
    /// Whether the Redirect URI leads elsewhere.
    pub needs_pasting: bool,
    /// Whether the provider's page stands in a window of its own.
    pub in_pop_up: bool,
    /// The hash of the cookie of the browser that went to the provider.
    pub browser_hash: Option<String>,
    /// The sealed code verifier (RFC 7636 4.1).
    pub verifier: Option<Vec<u8>>,
    /// Until when it can be finished.
    pub expires_at: DateTime<Utc>,
    /// When the browser came back.
    pub consumed_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub end: Option<AttemptEnd>,
    /// Whose token it brought, by address, where that is another account than the sender.
    pub account: Option<String>,
    /// The name of the session that began it, where there was one.
    pub session: Option<String>,
}

impl StoredAttempt {
    /// Who began it, as the audit trail knows them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let actor = Actor::named(&self.person_email, &self.person_name).with_id(&self.person);
        Actor { session: self.session.clone(), ..actor }
    }
}

/// An attempt to begin.
#[derive(Debug, Clone, Copy)]
pub struct NewAttempt<'a> {
    /// Its random id.
    pub id: &'a str,
    /// Who begins it.
    pub by: &'a Principal,
    /// The revision of the settings that it is for.
    pub revision: i64,
    /// Whether the Redirect URI leads elsewhere.
    pub needs_pasting: bool,
    /// Whether the provider's page stands in a window of its own.
    pub in_pop_up: bool,
    /// The hash of the ticket that leads to the provider; nothing where nobody is asked.
    pub ticket_hash: Option<&'a str>,
    /// From when on nobody has to come back, where nobody is asked.
    pub consumed_at: Option<DateTime<Utc>>,
    /// When it begins.
    pub at: DateTime<Utc>,
    /// Until when it can be finished.
    pub expires_at: DateTime<Utc>,
}

/// A browser that goes to the provider.
#[derive(Debug, Clone, Copy)]
pub struct Departure<'a> {
    /// The hash of the ticket that it came with.
    pub ticket_hash: &'a str,
    /// The hash of the state that it takes along.
    pub state_hash: &'a str,
    /// The hash of its cookie.
    pub browser_hash: &'a str,
    /// The sealed code verifier, with PKCE.
    pub verifier: Option<&'a [u8]>,
}

/// What shows that whoever comes back is who was sent away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownBy {
    /// The hash of the browser's cookie.
    Browser(String),
    /// The id of the person, who shows anew who they are.
    Person(String),
}

impl KnownBy {
    /// The column that must have it, and what that must hold.
    fn column(&self) -> (&'static str, &str) {
        match self {
            Self::Browser(hash) => ("browser_hash", hash),
            Self::Person(id) => ("person", id),
        }
    }
}

const COLUMNS: &str = "id, person, person_email, person_name, revision, needs_pasting, in_pop_up, \
                       browser_hash, verifier, expires_at, consumed_at, ended, account, session";

/// Begins an attempt.
///
/// # Errors
/// The database does not answer.
pub async fn begin(store: &Store, attempt: &NewAttempt<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO token_attempt (id, person, person_email, person_name, revision, needs_pasting,
                                    in_pop_up, ticket_hash, consumed_at, begun_at, expires_at, session)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(attempt.id)
    .bind(&attempt.by.id)
    .bind(attempt.by.recipient().unwrap_or(&attempt.by.id))
    .bind(&attempt.by.name)
    .bind(attempt.revision)
    .bind(i64::from(attempt.needs_pasting))
    .bind(i64::from(attempt.in_pop_up))
    .bind(attempt.ticket_hash)
    .bind(attempt.consumed_at.map(millis))
    .bind(millis(attempt.at))
    .bind(millis(attempt.expires_at))
    .bind(&attempt.by.client.session)
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// The attempt that a ticket still leads to.
///
/// # Errors
/// The database does not answer.
pub async fn by_ticket(
    store: &Store,
    ticket_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<StoredAttempt>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM token_attempt WHERE ticket_hash = $1 AND expires_at > $2");
    let query = sqlx::query(AssertSqlSafe(sql)).bind(ticket_hash).bind(millis(now));
    found(store, query).await
}

/// Uses a ticket up, and notes what the browser takes along. False where another was quicker.
///
/// # Errors
/// The database does not answer.
pub async fn depart(store: &Store, departure: &Departure<'_>) -> Result<bool, StoreError> {
    let departed = sqlx::query(
        "UPDATE token_attempt SET ticket_hash = NULL, state_hash = $2, browser_hash = $3, verifier = $4
         WHERE ticket_hash = $1",
    )
    .bind(departure.ticket_hash)
    .bind(departure.state_hash)
    .bind(departure.browser_hash)
    .bind(departure.verifier)
    .execute(&store.pool)
    .await?;
    Ok(departed.rows_affected() == 1)
}

/// Uses a state up for whoever took it along, and returns its attempt; nothing where it was used
/// before, its time is over, or the browser or person is another one.
///
/// # Errors
/// The database does not answer.
pub async fn consume(
    store: &Store,
    state_hash: &str,
    known_by: &KnownBy,
    now: DateTime<Utc>,
) -> Result<Option<StoredAttempt>, StoreError> {
    let (column, value) = known_by.column();
    let sql = format!(
        "UPDATE token_attempt SET consumed_at = $3, ended = NULL
         WHERE state_hash = $1 AND {column} = $2 AND consumed_at IS NULL AND expires_at > $3
         RETURNING {COLUMNS}"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(state_hash).bind(value).bind(millis(now));
    found(store, query).await
}

/// The attempt of a state, used or not.
///
/// # Errors
/// The database does not answer.
pub async fn by_state(
    store: &Store,
    state_hash: &str,
) -> Result<Option<StoredAttempt>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM token_attempt WHERE state_hash = $1");
    let query = sqlx::query(AssertSqlSafe(sql)).bind(state_hash);
    found(store, query).await
}

/// Ends an attempt and wipes its verifier, with an audit row where there is one to write. One that has
/// ended already keeps its end, and gets no row.
///
/// # Errors
/// The database does not answer.
pub async fn finish(
    store: &Store,
    id: &str,
    end: &AttemptEnd,
    account: Option<&str>,
    entry: Option<&Entry>,
) -> Result<(), StoreError> {
    let mut transaction = store.begin_write().await?;
    let ended = sqlx::query(
        "UPDATE token_attempt SET ended = $2, account = $3, verifier = NULL
         WHERE id = $1 AND ended IS NULL",
    )
    .bind(id)
    .bind(json(end))
    .bind(account)
    .execute(&mut *transaction)
    .await?;
    if let Some(entry) = entry.filter(|_| ended.rows_affected() > 0) {
        audit::record_in(&mut transaction, entry).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Ends the other attempts of the same person for the same settings that nobody has come back
/// from: an attempt of theirs has made them needless. Who does come back still may.
///
/// # Errors
/// The database does not answer.
pub async fn settle(
    store: &Store,
    id: &str,
    end: &AttemptEnd,
    account: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE token_attempt SET ended = $2, account = $3
         WHERE ended IS NULL AND consumed_at IS NULL
           AND (ticket_hash IS NOT NULL OR state_hash IS NOT NULL)
           AND EXISTS (SELECT 1 FROM token_attempt AS other WHERE other.id = $1
                       AND other.person = token_attempt.person
                       AND other.revision = token_attempt.revision)",
    )
    .bind(id)
    .bind(json(end))
    .bind(account)
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Ends the attempts that a session began: one that has no end yet has failed, and no browser comes back
/// for any of them.
pub(super) async fn expire_of_session(
    connection: &mut AnyConnection,
    token_hash: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (leg, fault) = (Leg::Return, Fault::OtherSession);
    let end = AttemptEnd::Failed(Setback { leg, fault, said: None });
    sqlx::query(
        "UPDATE token_attempt SET expires_at = $2, ended = COALESCE(ended, $3), verifier = NULL
         WHERE session = $1 AND expires_at > $2 AND (ended IS NULL OR consumed_at IS NULL)",
    )
    .bind(name_of(token_hash))
    .bind(millis(at))
    .bind(json(&end))
    .execute(connection)
    .await?;
    Ok(())
}

/// The attempt with this id.
///
/// # Errors
/// The database does not answer.
pub async fn get(store: &Store, id: &str) -> Result<Option<StoredAttempt>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM token_attempt WHERE id = $1");
    let query = sqlx::query(AssertSqlSafe(sql)).bind(sought(id));
    found(store, query).await
}

/// The attempt for the settings of this revision that a person began last.
///
/// # Errors
/// The database does not answer.
pub async fn latest_of(
    store: &Store,
    person: &str,
    revision: i64,
) -> Result<Option<StoredAttempt>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM token_attempt WHERE person = $1 AND revision = $2
         ORDER BY begun_at DESC, id LIMIT 1"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(person).bind(revision);
    found(store, query).await
}

async fn found(
    store: &Store,
    query: Query<'_, Any, AnyArguments>,
) -> Result<Option<StoredAttempt>, StoreError> {
    query.fetch_optional(&store.pool).await?.map(|row| attempt(&row)).transpose()
}

fn attempt(row: &AnyRow) -> Result<StoredAttempt, StoreError> {
    let end: Option<String> = row.try_get("ended")?;
    let consumed_at: Option<i64> = row.try_get("consumed_at")?;
    Ok(StoredAttempt {
        id: row.try_get("id")?,
        person: row.try_get("person")?,
        person_email: row.try_get("person_email")?,
        person_name: row.try_get("person_name")?,
        revision: row.try_get("revision")?,
        needs_pasting: row.try_get::<i64, _>("needs_pasting")? != 0,
        in_pop_up: row.try_get::<i64, _>("in_pop_up")? != 0,
        browser_hash: row.try_get("browser_hash")?,
        verifier: row.try_get("verifier")?,
        expires_at: instant(row.try_get("expires_at")?)?,
        consumed_at: consumed_at.map(instant).transpose()?,
        end: end
            .map(|json| serde_json::from_str(&json))
            .transpose()
            .map_err(|_| StoreError::Unknown("end of an attempt"))?,
        account: row.try_get("account")?,
        session: row.try_get("session")?,
    })
}
