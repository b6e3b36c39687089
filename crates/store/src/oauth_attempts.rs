//! Attempts to obtain a token. They are rows, because the callback may reach another node than the
//! start. A ticket and a state are consumed by one statement each, so that of two concurrent
//! requests only one succeeds.

use chrono::{DateTime, Utc};
use domain::token::{AttemptOutcome, OauthDiagnosis, OauthFailure, OauthStage};
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::audit::{self, Actor, Entry};
use crate::columns::{columns, json, millis, sought};
use crate::error::StoreError;
use crate::pool::Store;
use domain::Principal;

/// A stored attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttempt {
    /// Its random id.
    pub id: String,
    /// The id of the user who began it.
    pub person: String,
    /// The user's address at the time, or the id if none is verified.
    pub person_email: String,
    /// The user's name at the time.
    pub person_name: String,
    /// The token revision of the settings that it is for.
    pub revision: i64,
    /// Whether the Redirect URI is another one than this server's callback.
    pub needs_pasting: bool,
    /// Whether the provider's page is in a pop-up window.
    pub in_pop_up: bool,
    /// The hash of the consent cookie.
    pub browser_hash: Option<String>,
    /// The sealed code verifier (RFC 7636 4.1).
    pub verifier: Option<Vec<u8>>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// When the state was consumed.
    pub consumed_at: Option<DateTime<Utc>>,
    /// The outcome.
    pub end: Option<AttemptOutcome>,
    /// The address of the account that the token is for, if it is not the sender's.
    pub account: Option<String>,
    /// The name of the session that began it, if there was one.
    pub session: Option<String>,
}

columns!(StoredAttempt {
    id, person, person_email, person_name, revision, needs_pasting, in_pop_up, browser_hash,
    verifier, expires_at, consumed_at, end = "ended", account, session,
});

impl StoredAttempt {
    /// Returns the audit actor who began it.
    pub fn actor(&self) -> Actor {
        let actor = Actor::named(&self.person_email, &self.person_name).with_id(&self.person);
        Actor { session: self.session.clone(), ..actor }
    }
}

/// A new attempt.
#[derive(Debug, Clone, Copy)]
pub struct NewAttempt<'a> {
    /// Its random id.
    pub id: &'a str,
    /// The user who begins it.
    pub by: &'a Principal,
    /// The token revision of the settings that it is for.
    pub revision: i64,
    /// Whether the Redirect URI is another one than this server's callback.
    pub needs_pasting: bool,
    /// Whether the provider's page is in a pop-up window.
    pub in_pop_up: bool,
    /// The hash of the ticket that leads to the provider; `None` where no user consents.
    pub ticket_hash: Option<&'a str>,
    /// Set where no user consents: there is no callback to wait for.
    pub consumed_at: Option<DateTime<Utc>>,
    /// When it begins.
    pub at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

/// The redirect of a browser to the provider.
#[derive(Debug, Clone, Copy)]
pub struct ConsentStart<'a> {
    /// The hash of the ticket, which is consumed.
    pub ticket_hash: &'a str,
    /// The hash of the `state` parameter.
    pub state_hash: &'a str,
    /// The hash of the consent cookie.
    pub browser_hash: &'a str,
    /// The sealed code verifier, with PKCE.
    pub verifier: Option<&'a [u8]>,
}

/// What binds a callback to the browser or the user that was redirected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredBinding {
    /// The hash of the consent cookie.
    Browser(String),
    /// The id of the user, who is authenticated again.
    Person(String),
}

impl StoredBinding {
    /// Returns the column to compare, and its expected value.
    fn column(&self) -> (&'static str, &str) {
        match self {
            Self::Browser(hash) => ("browser_hash", hash),
            Self::Person(id) => ("person", id),
        }
    }
}

/// Begins an attempt.
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

/// Returns the attempt of a ticket that is not consumed and not expired.
pub async fn by_ticket(
    store: &Store,
    ticket_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<StoredAttempt>, StoreError> {
    let sql = format!("{} WHERE ticket_hash = $1 AND expires_at > $2", select());
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(ticket_hash).bind(millis(now));
    Ok(query.fetch_optional(&store.pool).await?)
}

/// Consumes a ticket and stores state, browser and verifier. False if it was consumed before.
pub async fn start(store: &Store, departure: &ConsentStart<'_>) -> Result<bool, StoreError> {
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

/// Consumes a state and returns its attempt; `None` if the state was consumed before, has expired,
/// or is another browser's or user's.
pub async fn consume(
    store: &Store,
    state_hash: &str,
    known_by: &StoredBinding,
    now: DateTime<Utc>,
) -> Result<Option<StoredAttempt>, StoreError> {
    let (column, value) = known_by.column();
    let sql = format!(
        "UPDATE token_attempt SET consumed_at = $3, ended = NULL
         WHERE state_hash = $1 AND {column} = $2 AND consumed_at IS NULL AND expires_at > $3
         RETURNING {}",
        StoredAttempt::columns(),
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(state_hash).bind(value).bind(millis(now));
    Ok(query.fetch_optional(&store.pool).await?)
}

/// Returns the attempt of a state, consumed or not.
pub async fn by_state(
    store: &Store,
    state_hash: &str,
) -> Result<Option<StoredAttempt>, StoreError> {
    let sql = format!("{} WHERE state_hash = $1", select());
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(state_hash);
    Ok(query.fetch_optional(&store.pool).await?)
}

/// Ends an attempt and deletes its verifier, with the audit row if there is one. An attempt that
/// has ended keeps its outcome, and gets no row.
pub async fn finish(
    store: &Store,
    id: &str,
    end: &AttemptOutcome,
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

/// Ends the user's other attempts for the same settings that had no callback: this one has made
/// them unnecessary. A late callback is still accepted.
pub async fn settle(
    store: &Store,
    id: &str,
    end: &AttemptOutcome,
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

/// Ends the user's attempts that had no callback, with the audit row if there are any. A late
/// callback is refused.
pub async fn stop(
    store: &Store,
    person: &str,
    end: &AttemptOutcome,
    entry: &Entry,
) -> Result<(), StoreError> {
    let mut transaction = store.begin_write().await?;
    let stopped = sqlx::query(
        "UPDATE token_attempt SET expires_at = $2, ended = $3, verifier = NULL
         WHERE person = $1 AND expires_at > $2 AND ended IS NULL AND consumed_at IS NULL",
    )
    .bind(person)
    .bind(millis(entry.at))
    .bind(json(end))
    .execute(&mut *transaction)
    .await?;
    if stopped.rows_affected() > 0 {
        audit::record_in(&mut transaction, entry).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Expires the attempts that the session with this name began: those without an outcome fail, and no callback is
/// accepted for any of them.
pub(super) async fn expire_of_session(
    connection: &mut AnyConnection,
    name: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (stage, diagnosis) = (OauthStage::Return, OauthDiagnosis::OtherSession);
    let end = AttemptOutcome::Failed(OauthFailure { stage, diagnosis, peer_text: None });
    sqlx::query(
        "UPDATE token_attempt SET expires_at = $2, ended = COALESCE(ended, $3), verifier = NULL
         WHERE session = $1 AND expires_at > $2 AND (ended IS NULL OR consumed_at IS NULL)",
    )
    .bind(name)
    .bind(millis(at))
    .bind(json(&end))
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the attempt with this id.
pub async fn get(store: &Store, id: &str) -> Result<Option<StoredAttempt>, StoreError> {
    let sql = format!("{} WHERE id = $1", select());
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(sought(id));
    Ok(query.fetch_optional(&store.pool).await?)
}

/// Returns the user's latest attempt for the settings of this token revision.
pub async fn latest_of(
    store: &Store,
    person: &str,
    token_revision: i64,
) -> Result<Option<StoredAttempt>, StoreError> {
    let sql = format!(
        "{} WHERE person = $1 AND revision = $2 ORDER BY begun_at DESC, id LIMIT 1",
        select(),
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(person).bind(token_revision);
    Ok(query.fetch_optional(&store.pool).await?)
}

fn select() -> String {
    format!("SELECT {} FROM token_attempt", StoredAttempt::columns())
}
