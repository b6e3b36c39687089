//! Sessions of people whom somebody else knows: who they are is kept as it was said at sign-in.
//! They are found, touched and ended as all others are, by `sessions`.

use chrono::{DateTime, Utc};
use domain::time_format::TimePreference;
use serde::{Deserialize, Serialize};
use sqlx::Row;

use super::sessions::Found;
use super::{Store, StoreError, instant, json, millis};
use crate::identity::{Email, Principal, role_name, role_of};

/// Whoever is signed in, as the database keeps them. Nothing of it is secret.
#[derive(Serialize, Deserialize)]
struct Kept {
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

impl Kept {
    fn of(who: &Principal) -> Self {
        Self {
            id: who.id.clone(),
            issuer: who.issuer.clone(),
            email: who.email.as_ref().map(|email| email.address.clone()),
            is_email_verified: who.email.as_ref().is_some_and(|email| email.is_verified),
            name: who.name.clone(),
            role: role_name(who.role).to_owned(),
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
            role: role_of(&self.role).ok_or(StoreError::Unknown("role"))?,
            language: self.language,
            times: self.times,
            zone: self.zone,
        })
    }
}

/// Begins a session.
///
/// # Errors
/// The database does not answer.
pub async fn begin(
    store: &Store,
    token_hash: &str,
    who: &Principal,
    id_token: &[u8],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO foreign_session (token_hash, principal, id_token, created_at, seen_at)
         VALUES ($1, $2, $3, $4, $4)",
    )
    .bind(token_hash)
    .bind(json(&Kept::of(who)))
    .bind(id_token)
    .bind(millis(at))
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// The sealed ID token of a session that somebody else began.
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

/// The session with this token.
pub(super) async fn find(store: &Store, token_hash: &str) -> Result<Option<Found>, StoreError> {
    let row = sqlx::query(
        "SELECT principal, created_at, seen_at FROM foreign_session WHERE token_hash = $1",
    )
    .bind(token_hash)
    .fetch_optional(&store.pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let kept: Kept = serde_json::from_str(row.try_get(0)?)
        .map_err(|_| StoreError::Unknown("person of a session"))?;
    Ok(Some(Found {
        principal: kept.principal()?,
        created_at: instant(row.try_get(1)?)?,
        seen_at: instant(row.try_get(2)?)?,
    }))
}
