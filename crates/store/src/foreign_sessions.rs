//! Sessions of users of an `OpenID` provider, with the principal as it was at sign-in. `sessions`
//! finds, touches and ends them with all others.

use chrono::{DateTime, Utc};
use domain::time_format::TimePreference;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::sessions::{SessionSummary, StoredSession, readable};
use super::{Store, StoreError, instant, json, millis};
use domain::{Email, Principal, RequestClient, Role};

/// The principal of a session, as stored. Nothing of it is secret.
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

/// Stores a new session.
///
/// # Errors
/// The database does not answer.
pub async fn begin(
    store: &Store,
    token_hash: &str,
    who: &Principal,
    id_token: &[u8],
    address: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO foreign_session (token_hash, person, principal, id_token, address, created_at, seen_at)
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

/// Returns the sealed ID token of a session.
///
/// # Errors
/// The database does not answer.
pub async fn id_token(store: &Store, token_hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sqlx::query("SELECT id_token FROM foreign_session WHERE token_hash = $1")
        .bind(token_hash)
        .fetch_optional(&store.pool)
        .await?;
    row.map(|row| Ok(row.try_get(0)?)).transpose()
}

/// Returns the session with this token.
pub(super) async fn find(
    store: &Store,
    token_hash: &str,
) -> Result<Option<StoredSession>, StoreError> {
    let sql = format!("{SESSIONS} WHERE token_hash = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(token_hash).fetch_optional(&store.pool).await?;
    row.map(|row| Ok(listed(&row)?.found)).transpose()
}

/// Lists the sessions that began and were last seen after these instants, of one user or all.
pub(super) async fn list(
    store: &Store,
    person: Option<&str>,
    created_after: DateTime<Utc>,
    seen_after: DateTime<Utc>,
) -> Result<Vec<SessionSummary>, StoreError> {
    // Sessions from before the column was added have an empty person.
    let sql = format!(
        "{SESSIONS} WHERE ($1 = 0 OR person = $2 OR person = '') AND created_at > $3 AND seen_at > $4"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(i64::from(person.is_some()))
        .bind(person.unwrap_or_default())
        .bind(millis(created_after))
        .bind(millis(seen_after))
        .fetch_all(&store.pool)
        .await?;
    let mut found = readable(&rows, listed);
    found.retain(|session| person.is_none_or(|person| session.found.principal.id == person));
    Ok(found)
}

const SESSIONS: &str =
    "SELECT token_hash, principal, address, created_at, seen_at FROM foreign_session";

fn listed(row: &AnyRow) -> Result<SessionSummary, StoreError> {
    let stored: StoredPrincipal = serde_json::from_str(row.try_get("principal")?)
        .map_err(|_| StoreError::Unknown("person of a session"))?;
    Ok(SessionSummary {
        token_hash: row.try_get("token_hash")?,
        address: row.try_get("address")?,
        found: StoredSession {
            principal: stored.principal()?,
            created_at: instant(row.try_get("created_at")?)?,
            seen_at: instant(row.try_get("seen_at")?)?,
        },
    })
}
