//! Sessions, by the hash of a token that only the browser has: of local accounts, and of users of
//! an `OpenID` provider.

use chrono::{DateTime, Utc};
use domain::{Email, Principal, RequestClient, Role, error::one_line, time_format::TimePreference};
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::audit::{self, Entry};
use crate::columns::{column, json, millis};
use crate::error::StoreError;
use crate::hash::hashed;
use crate::oauth_attempts;
use crate::pool::Store;

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
    pub fn name(&self) -> String {
        name_of(&self.token_hash)
    }
}

/// Returns a session's name on pages and in the audit trail. It is no credential: it is a digest of
/// what the database knows, which is a digest of the token.
pub fn name_of(token_hash: &str) -> String {
    hashed(token_hash).chars().take(16).collect()
}

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

/// The principal of a session that began at an `OpenID` provider, as stored. Nothing of it is
/// secret.
#[derive(Serialize, Deserialize)]
struct StoredPrincipal {
    id: String,
    issuer: Option<String>,
    email: Option<String>,
    is_email_verified: bool,
    name: String,
    role: String,
    language: Option<String>,
    times: Option<TimePreference>,
    zone: Option<String>,
}

impl StoredPrincipal {
    fn of(who: &Principal) -> Self {
        Self {
            id: who.id.clone(),
            issuer: who.issuer.clone(),
            email: who.email.as_ref().map(|email| email.address.clone()),
            is_email_verified: who.email.as_ref().is_some_and(|email| email.is_verified),
            name: who.name.clone(),
            role: who.role.wire_name().to_owned(),
            language: who.language.clone(),
            times: who.times.clone(),
            zone: who.zone.clone(),
        }
    }

    fn principal(self) -> Result<Principal, StoreError> {
        let is_verified = self.is_email_verified;
        Ok(Principal {
            id: self.id,
            issuer: self.issuer,
            email: self.email.map(|address| Email { address, is_verified }),
            name: self.name,
            role: Role::from_wire_name(&self.role).ok_or(StoreError::Unknown("role"))?,
            language: self.language,
            times: self.times,
            zone: self.zone,
            client: RequestClient::default(),
        })
    }
}

const SESSIONS: &str = "SELECT token_hash, principal, person.id AS id, email, name, role, address,
    session.created_at AS created_at, seen_at
    FROM session LEFT JOIN person ON person.id = session.account";

/// Begins a session of a local account if the account's password hash is still this one. Returns
/// whether it is.
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
        "INSERT INTO session (token_hash, person, account, address, created_at, seen_at)
         VALUES ($1, $2, $2, $3, $4, $4)",
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

/// Begins a session of a user of an `OpenID` provider, with the sealed ID token.
pub async fn begin_openid(
    store: &Store,
    token_hash: &str,
    who: &Principal,
    id_token: &[u8],
    address: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO session (token_hash, person, principal, id_token, address, created_at, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(token_hash)
    .bind(&who.id)
    .bind(json(&StoredPrincipal::of(who)))
    .bind(id_token)
    .bind(address)
    .bind(millis(at))
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Returns the sealed ID token of a session that began at an `OpenID` provider.
pub async fn id_token(store: &Store, token_hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT id_token FROM session WHERE token_hash = $1 AND id_token IS NOT NULL";
    Ok(sqlx::query_scalar(sql).bind(token_hash).fetch_optional(&store.pool).await?)
}

/// Returns the session with this token.
pub async fn find(store: &Store, token_hash: &str) -> Result<Option<StoredSession>, StoreError> {
    let sql = format!("{SESSIONS} WHERE token_hash = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(token_hash).fetch_optional(&store.pool).await?;
    row.map(|row| Ok(listed(&row)?.found)).transpose()
}

/// Lists the sessions that began and were last seen after these instants, of one user or of all,
/// latest first. A session that cannot be read, such as one with a role of a later release, is
/// skipped, so that the others can be seen and ended.
pub async fn list(
    store: &Store,
    person: Option<&str>,
    created_after: DateTime<Utc>,
    seen_after: DateTime<Utc>,
) -> Result<Vec<SessionSummary>, StoreError> {
    let sql = format!(
        "{SESSIONS} WHERE ($1 = 0 OR session.person = $2) AND session.created_at > $3 AND seen_at > $4
         ORDER BY seen_at DESC"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(i64::from(person.is_some()))
        .bind(person.unwrap_or_default())
        .bind(millis(created_after))
        .bind(millis(seen_after))
        .fetch_all(&store.pool)
        .await?;
    let or_skipped = |error: &StoreError| {
        tracing::error!(error = one_line(error), "a session cannot be read and is not listed");
    };
    Ok(rows.iter().filter_map(|row| listed(row).inspect_err(or_skipped).ok()).collect())
}

fn listed(row: &AnyRow) -> Result<SessionSummary, StoreError> {
    let principal = match column::<Option<String>>(row, "principal")? {
        Some(json) => serde_json::from_str::<StoredPrincipal>(&json)
            .map_err(|_| StoreError::Unknown("person of a session"))?
            .principal()?,
        None => Principal::local(
            column(row, "id")?,
            column(row, "email")?,
            column(row, "name")?,
            column(row, "role")?,
        ),
    };
    let (created_at, seen_at) = (column(row, "created_at")?, column(row, "seen_at")?);
    Ok(SessionSummary {
        token_hash: column(row, "token_hash")?,
        address: column(row, "address")?,
        found: StoredSession { principal, created_at, seen_at },
    })
}

/// Records the time of a request. A session that ended meanwhile stays ended.
pub async fn touch(store: &Store, token_hash: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    let sql = "UPDATE session SET seen_at = $2 WHERE token_hash = $1 AND seen_at < $2";
    sqlx::query(sql).bind(token_hash).bind(millis(at)).execute(&store.pool).await?;
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
    oauth_attempts::expire_of_session(&mut transaction, &name_of(token_hash), at).await?;
    let how = SessionEnd::BySignOut;
    let ended = end_where(&mut transaction, "token_hash", token_hash, how).await?;
    if let Some(entry) = entry.filter(|_| ended > 0) {
        audit::record_in(&mut transaction, entry).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Ends all sessions of an account and records how. Their attempts to obtain a token expire.
pub(super) async fn end_all(
    connection: &mut AnyConnection,
    account: &str,
    how: SessionEnd,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ended = sqlx::query_scalar("SELECT token_hash FROM session WHERE account = $1");
    let ended: Vec<String> = ended.bind(account).fetch_all(&mut *connection).await?;
    for token_hash in ended {
        oauth_attempts::expire_of_session(connection, &name_of(&token_hash), at).await?;
    }
    end_where(connection, "account", account, how).await?;
    Ok(())
}

/// Deletes the sessions with a value in a column, records how they ended, and returns their number.
async fn end_where(
    connection: &mut AnyConnection,
    column: &'static str,
    value: &str,
    how: SessionEnd,
) -> Result<u64, StoreError> {
    let record = format!(
        "INSERT INTO ended_session (token_hash, how, created_at)
         SELECT token_hash, $2, created_at FROM session WHERE {column} = $1
         ON CONFLICT (token_hash) DO NOTHING"
    );
    let record = sqlx::query(AssertSqlSafe(record)).bind(value).bind(how.name());
    record.execute(&mut *connection).await?;
    let delete = format!("DELETE FROM session WHERE {column} = $1");
    let deleted = sqlx::query(AssertSqlSafe(delete)).bind(value).execute(connection).await?;
    Ok(deleted.rows_affected())
}

/// Returns how the session with this token was ended, if it began after an instant.
pub async fn how_ended(
    store: &Store,
    token_hash: &str,
    created_after: DateTime<Utc>,
) -> Result<Option<SessionEnd>, StoreError> {
    let sql = "SELECT how FROM ended_session WHERE token_hash = $1 AND created_at > $2";
    let query = sqlx::query_scalar(sql).bind(token_hash).bind(millis(created_after));
    let how: Option<String> = query.fetch_optional(&store.pool).await?;
    how.map(|how| SessionEnd::of_name(&how)).transpose()
}

/// Deletes an expired session.
pub async fn remove(store: &Store, token_hash: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM session WHERE token_hash = $1";
    sqlx::query(sql).bind(token_hash).execute(&store.pool).await?;
    Ok(())
}

/// Deletes the expired sessions: those that began or were last seen before these instants. The
/// records of explicit ends are deleted when the sessions would have expired.
pub async fn remove_ended(
    store: &Store,
    created_before: DateTime<Utc>,
    seen_before: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM session WHERE created_at <= $1 OR seen_at <= $2")
        .bind(millis(created_before))
        .bind(millis(seen_before))
        .execute(&store.pool)
        .await?;
    sqlx::query("DELETE FROM ended_session WHERE created_at <= $1")
        .bind(millis(created_before))
        .execute(&store.pool)
        .await?;
    Ok(())
}
