//! Sessions, by the hash of a token that only the browser has: of local accounts, and of users of
//! an `OpenID` provider.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::audit::{self, Entry};
use super::{Store, StoreError, foreign_sessions, instant, millis, oauth_attempts};
use crate::hash::hashed;
use domain::error::one_line;
use domain::{Principal, Role};

/// A session and its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// Its user: a local account as it is now, or an `OpenID` user as at sign-in.
    pub principal: Principal,
    /// When the user signed in.
    pub created_at: DateTime<Utc>,
    /// When the last request came that [`touch`] recorded.
    pub seen_at: DateTime<Utc>,
}

/// A session of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// The hash of its token.
    pub token_hash: String,
    /// The address of the sign-in, if recorded.
    pub address: Option<String>,
    /// Its user and its times.
    pub found: StoredSession,
}

impl SessionSummary {
    /// Returns the session's name on pages and in the audit trail.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(&self.token_hash)
    }
}

/// Returns a session's name on pages and in the audit trail. It is no credential: it is a digest of
/// what the database knows, which is a digest of the token.
#[must_use]
pub fn name_of(token_hash: &str) -> String {
    hashed(token_hash).chars().take(16).collect()
}

const ENDS: [&str; 2] = [
    "DELETE FROM session WHERE token_hash = $1",
    "DELETE FROM foreign_session WHERE token_hash = $1",
];

/// How a session was ended explicitly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// By signing out, by signing in again, by a new password or from the list of sessions.
    BySignOut,
    /// By removing the account.
    ByRemoval,
}

impl SessionEnd {
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

/// Begins a session if the account's password hash is still this one. Returns whether it is.
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
    // Locks the account's row: a concurrent password change is before this, or ends this session.
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

/// Returns the session with this token.
///
/// # Errors
/// The database does not answer.
pub async fn find(store: &Store, token_hash: &str) -> Result<Option<StoredSession>, StoreError> {
    let sql = format!("{SESSIONS} WHERE session.token_hash = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(token_hash).fetch_optional(&store.pool).await?;
    match row {
        Some(row) => Ok(Some(listed(&row)?.found)),
        None => foreign_sessions::find(store, token_hash).await,
    }
}

/// Lists the sessions that began and were last seen after these instants, of one user or of all,
/// latest first.
///
/// # Errors
/// The database does not answer.
pub async fn list(
    store: &Store,
    person: Option<&str>,
    created_after: DateTime<Utc>,
    seen_after: DateTime<Utc>,
) -> Result<Vec<SessionSummary>, StoreError> {
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

/// Returns the sessions in readable rows. One that is not, such as one with a role of a later
/// release, is skipped, so that the others can be seen and ended.
pub(super) fn readable(
    rows: &[AnyRow],
    listed: impl Fn(&AnyRow) -> Result<SessionSummary, StoreError>,
) -> Vec<SessionSummary> {
    let or_skipped = |error: &StoreError| {
        tracing::error!(error = one_line(error), "a session cannot be read and is not listed");
    };
    rows.iter().filter_map(|row| listed(row).inspect_err(or_skipped).ok()).collect()
}

fn listed(row: &AnyRow) -> Result<SessionSummary, StoreError> {
    let token_hash: String = row.try_get("token_hash")?;
    let role = Role::from_wire_name(row.try_get("role")?).ok_or(StoreError::Unknown("role"))?;
    let (id, email) = (row.try_get("id")?, row.try_get("email")?);
    let principal = Principal::local(id, email, row.try_get("name")?, role);
    Ok(SessionSummary {
        address: row.try_get("address")?,
        found: StoredSession {
            principal,
            created_at: instant(row.try_get("created_at")?)?,
            seen_at: instant(row.try_get("seen_at")?)?,
        },
        token_hash,
    })
}

/// Records the time of a request. A session that ended meanwhile stays ended.
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

/// Ends a session and records how, with the audit row if the session existed and a row is given.
/// Its attempts to obtain a token expire at `at`.
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
    oauth_attempts::expire_of_session(&mut transaction, token_hash, at).await?;
    for remember in [
        "INSERT INTO ended_session (token_hash, how, created_at)
         SELECT token_hash, $2, created_at FROM session WHERE token_hash = $1
         ON CONFLICT (token_hash) DO NOTHING",
        "INSERT INTO ended_session (token_hash, how, created_at)
         SELECT token_hash, $2, created_at FROM foreign_session WHERE token_hash = $1
         ON CONFLICT (token_hash) DO NOTHING",
    ] {
        let remembered = sqlx::query(remember).bind(token_hash).bind(SessionEnd::BySignOut.name());
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

/// Ends all sessions of an account and records how. Their attempts to obtain a token expire.
pub(super) async fn end_all(
    connection: &mut AnyConnection,
    person: &str,
    how: SessionEnd,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ended = sqlx::query("SELECT token_hash FROM session WHERE person = $1")
        .bind(person)
        .fetch_all(&mut *connection)
        .await?;
    for row in ended {
        oauth_attempts::expire_of_session(connection, row.try_get(0)?, at).await?;
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

/// Returns how the session with this token was ended, if it began after an instant.
///
/// # Errors
/// The database does not answer.
pub async fn how_ended(
    store: &Store,
    token_hash: &str,
    created_after: DateTime<Utc>,
) -> Result<Option<SessionEnd>, StoreError> {
    let row =
        sqlx::query("SELECT how FROM ended_session WHERE token_hash = $1 AND created_at > $2")
            .bind(token_hash)
            .bind(millis(created_after))
            .fetch_optional(&store.pool)
            .await?;
    row.map(|row| SessionEnd::of_name(row.try_get(0)?)).transpose()
}

/// Deletes an expired session.
///
/// # Errors
/// The database does not answer.
pub async fn remove(store: &Store, token_hash: &str) -> Result<(), StoreError> {
    for end in ENDS {
        sqlx::query(end).bind(token_hash).execute(&store.pool).await?;
    }
    Ok(())
}

/// Deletes the expired sessions: those that began or were last seen before these instants. The
/// records of explicit ends are deleted when the sessions would have expired.
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
