//! Who is signed in, by the hash of a token that only the browser has: people of this product's own,
//! and those whom somebody else knows.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::audit::{self, Entry};
use super::{Store, StoreError, attempts, foreign_sessions, instant, millis};
use crate::digest::hashed;
use crate::identity::{Principal, role_of};
use crate::log::one_line;

/// A session and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Whose it is, as the database knows the person now, or as whoever knows them said at sign-in.
    pub principal: Principal,
    /// When the person signed in.
    pub created_at: DateTime<Utc>,
    /// When a request last came, give or take what [`touch`] is spared.
    pub seen_at: DateTime<Utc>,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The hash of its token.
    pub token_hash: String,
    /// From which address the person signed in, where that was recorded.
    pub address: Option<String>,
    /// Whose it is and since when.
    pub found: Found,
}

impl Listed {
    /// The session's name on pages and in the audit trail.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(&self.token_hash)
    }
}

/// The name by which pages and the audit trail know a session. It opens nothing: it is a digest of what
/// the database knows, which is a digest of the token.
#[must_use]
pub fn name_of(token_hash: &str) -> String {
    hashed(token_hash).chars().take(16).collect()
}

const ENDS: [&str; 2] = [
    "DELETE FROM session WHERE token_hash = $1",
    "DELETE FROM foreign_session WHERE token_hash = $1",
];

/// How somebody ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By signing out, by signing in again, by another password or from the list of sessions.
    BySignOut,
    /// By removing the account.
    ByRemoval,
}

impl Ended {
    const fn name(self) -> &'static str {
        match self {
            Self::BySignOut => "sign-out",
            Self::ByRemoval => "removal",
        }
    }

    fn of_name(name: &str) -> Result<Self, StoreError> {
        let mut all = [Self::BySignOut, Self::ByRemoval].into_iter();
        all.find(|ended| ended.name() == name).ok_or(StoreError::Unknown("end of a session"))
    }
}

const SESSIONS: &str = "SELECT token_hash, person.id AS id, email, name, role, address,
    session.created_at AS created_at, seen_at FROM session JOIN person ON person.id = session.person";

/// Begins a session for a person whose password is still the one with this hash, and returns
/// whether it is.
///
/// # Errors
/// The database does not answer.
pub async fn begin(
    store: &Store,
    token_hash: &str,
    person: &str,
    password_hash: &str,
    address: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let mut transaction = store.begin_write().await?;
    // Holds the person's row: a password that is changed meanwhile was so before, or ends this session too.
    let held = sqlx::query(
        "UPDATE person SET password_hash = password_hash WHERE id = $1 AND password_hash = $2",
    )
    .bind(person)
    .bind(password_hash)
    .execute(&mut *transaction)
    .await?;
    if held.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO session (token_hash, person, address, created_at, seen_at)
         VALUES ($1, $2, $3, $4, $4)",
    )
    .bind(token_hash)
    .bind(person)
    .bind(address)
    .bind(millis(at))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(true)
}

/// The session with this token.
///
/// # Errors
/// The database does not answer.
pub async fn find(store: &Store, token_hash: &str) -> Result<Option<Found>, StoreError> {
    let sql = format!("{SESSIONS} WHERE session.token_hash = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(token_hash).fetch_optional(&store.pool).await?;
    match row {
        Some(row) => Ok(Some(listed(&row)?.found)),
        None => foreign_sessions::find(store, token_hash).await,
    }
}

/// The sessions that began and were last seen after these instants, of one person or of all, latest
/// first.
///
/// # Errors
/// The database does not answer.
pub async fn list(
    store: &Store,
    person: Option<&str>,
    created_after: DateTime<Utc>,
    seen_after: DateTime<Utc>,
) -> Result<Vec<Listed>, StoreError> {
    let sql = format!(
        "{SESSIONS} WHERE ($1 = 0 OR session.person = $2) AND session.created_at > $3 AND seen_at > $4"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(i64::from(person.is_some()))
        .bind(person.unwrap_or_default())
        .bind(millis(created_after))
        .bind(millis(seen_after))
        .fetch_all(&store.pool)
        .await?;
    let mut found = readable(&rows, listed);
    found.extend(foreign_sessions::list(store, person, created_after, seen_after).await?);
    found.sort_by_key(|session| Reverse(session.found.seen_at));
    Ok(found)
}

/// The sessions in rows that can be read; one that cannot, such as one with a role of a later release,
/// does not keep the others from being seen and ended.
pub(super) fn readable(
    rows: &[AnyRow],
    listed: impl Fn(&AnyRow) -> Result<Listed, StoreError>,
) -> Vec<Listed> {
    let or_skipped = |error: &StoreError| {
        tracing::error!(error = one_line(error), "a session cannot be read and is not listed");
    };
    rows.iter().filter_map(|row| listed(row).inspect_err(or_skipped).ok()).collect()
}

fn listed(row: &AnyRow) -> Result<Listed, StoreError> {
    let token_hash: String = row.try_get("token_hash")?;
    let role = role_of(row.try_get("role")?).ok_or(StoreError::Unknown("role"))?;
    let (id, email) = (row.try_get("id")?, row.try_get("email")?);
    let principal = Principal::local(id, email, row.try_get("name")?, role);
    Ok(Listed {
        address: row.try_get("address")?,
        found: Found {
            principal,
            created_at: instant(row.try_get("created_at")?)?,
            seen_at: instant(row.try_get("seen_at")?)?,
        },
        token_hash,
    })
}

/// Notes that a request came. A session that ended meanwhile stays ended.
///
/// # Errors
/// The database does not answer.
pub async fn touch(store: &Store, token_hash: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    for touch in [
        "UPDATE session SET seen_at = $2 WHERE token_hash = $1 AND seen_at < $2",
        "UPDATE foreign_session SET seen_at = $2 WHERE token_hash = $1 AND seen_at < $2",
    ] {
        sqlx::query(touch).bind(token_hash).bind(millis(at)).execute(&store.pool).await?;
    }
    Ok(())
}

/// Ends a session and remembers that it was ended, with an audit row where the session was there and
/// there is a row to write. What it had begun is over by `at`.
///
/// # Errors
/// The database does not answer; the session has not ended.
pub async fn end(
    store: &Store,
    token_hash: &str,
    at: DateTime<Utc>,
    entry: Option<&Entry>,
) -> Result<(), StoreError> {
    let mut transaction = store.begin_write().await?;
    attempts::expire_of_session(&mut transaction, token_hash, at).await?;
    for remember in [
        "INSERT INTO ended_session (token_hash, how, created_at)
         SELECT token_hash, $2, created_at FROM session WHERE token_hash = $1
         ON CONFLICT (token_hash) DO NOTHING",
        "INSERT INTO ended_session (token_hash, how, created_at)
         SELECT token_hash, $2, created_at FROM foreign_session WHERE token_hash = $1
         ON CONFLICT (token_hash) DO NOTHING",
    ] {
        let remembered = sqlx::query(remember).bind(token_hash).bind(Ended::BySignOut.name());
        remembered.execute(&mut *transaction).await?;
    }
    let mut ended = 0;
    for end in ENDS {
        let deleted = sqlx::query(end).bind(token_hash).execute(&mut *transaction).await?;
        ended += deleted.rows_affected();
    }
    if let Some(entry) = entry.filter(|_| ended > 0) {
        audit::record_in(&mut transaction, entry).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Ends all sessions of a person, and remembers how. What they had begun is over by `at`.
pub(super) async fn end_all(
    connection: &mut AnyConnection,
    person: &str,
    how: Ended,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ended = sqlx::query("SELECT token_hash FROM session WHERE person = $1")
        .bind(person)
        .fetch_all(&mut *connection)
        .await?;
    for row in ended {
        attempts::expire_of_session(connection, row.try_get(0)?, at).await?;
    }
    sqlx::query(
        "INSERT INTO ended_session (token_hash, how, created_at)
         SELECT token_hash, $2, created_at FROM session WHERE person = $1
         ON CONFLICT (token_hash) DO NOTHING",
    )
    .bind(person)
    .bind(how.name())
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM session WHERE person = $1").bind(person).execute(connection).await?;
    Ok(())
}

/// How somebody ended the session with this token, where it began after an instant.
///
/// # Errors
/// The database does not answer.
pub async fn how_ended(
    store: &Store,
    token_hash: &str,
    created_after: DateTime<Utc>,
) -> Result<Option<Ended>, StoreError> {
    let row =
        sqlx::query("SELECT how FROM ended_session WHERE token_hash = $1 AND created_at > $2")
            .bind(token_hash)
            .bind(millis(created_after))
            .fetch_optional(&store.pool)
            .await?;
    row.map(|row| Ended::of_name(row.try_get(0)?)).transpose()
}

/// Removes a session that ended by itself.
///
/// # Errors
/// The database does not answer.
pub async fn remove(store: &Store, token_hash: &str) -> Result<(), StoreError> {
    for end in ENDS {
        sqlx::query(end).bind(token_hash).execute(&store.pool).await?;
    }
    Ok(())
}

/// Removes the sessions that began or were last seen before these instants: they ended by themselves.
/// What is remembered of others goes when they would have.
///
/// # Errors
/// The database does not answer.
pub async fn remove_ended(
    store: &Store,
    created_before: DateTime<Utc>,
    seen_before: DateTime<Utc>,
) -> Result<(), StoreError> {
    for remove in [
        "DELETE FROM session WHERE created_at <= $1 OR seen_at <= $2",
        "DELETE FROM foreign_session WHERE created_at <= $1 OR seen_at <= $2",
    ] {
        sqlx::query(remove)
            .bind(millis(created_before))
            .bind(millis(seen_before))
            .execute(&store.pool)
            .await?;
    }
    sqlx::query("DELETE FROM ended_session WHERE created_at <= $1")
        .bind(millis(created_before))
        .execute(&store.pool)
        .await?;
    Ok(())
}
