//! What providers say about themselves, as administrators looked it up. It is known by the Token
//! Endpoint, so that it is of no use to another provider.

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::{Store, StoreError, millis, sought};

/// So many are kept, the latest.
const KEPT: i64 = 100;

/// What a provider said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its Token Endpoint, which it is known by.
    pub token_endpoint: String,
    /// Its Authorization Endpoint.
    pub authorization_endpoint: String,
    /// Where a token is revoked (RFC 7009), at the same origin.
    pub revocation_endpoint: Option<String>,
    /// Whether it is an `OpenID` provider.
    pub is_openid: bool,
    /// What it calls itself, where it is the Token Endpoint's own issuer.
    pub issuer: Option<String>,
    /// Whether its answers name it (RFC 9207 3).
    pub names_itself: bool,
    /// The ways of client authentication that it names, where it is the Token Endpoint's own issuer.
    pub auth_methods: Vec<String>,
    /// Whether it knows PKCE by S256 (RFC 8414 2, `code_challenge_methods_supported`).
    pub knows_pkce: bool,
}

/// Remembers what a provider said, in place of what was known before where it `may_replace` that.
///
/// # Errors
/// The database does not answer.
pub async fn learn(
    store: &Store,
    said: &Provider,
    may_replace: bool,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut transaction = store.begin_write().await?;
    sqlx::query(
        "INSERT INTO provider (token_endpoint, authorization_endpoint, revocation_endpoint,
                               is_openid, issuer, names_itself, auth_methods, knows_pkce, learnt_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (token_endpoint) DO UPDATE SET
             authorization_endpoint = excluded.authorization_endpoint,
             revocation_endpoint = excluded.revocation_endpoint,
             is_openid = excluded.is_openid, issuer = excluded.issuer,
             names_itself = excluded.names_itself, auth_methods = excluded.auth_methods,
             knows_pkce = excluded.knows_pkce, learnt_at = excluded.learnt_at
             WHERE $10 = 1",
    )
    .bind(&said.token_endpoint)
    .bind(&said.authorization_endpoint)
    .bind(&said.revocation_endpoint)
    .bind(i64::from(said.is_openid))
    .bind(&said.issuer)
    .bind(i64::from(said.names_itself))
    .bind(said.auth_methods.join(" "))
    .bind(i64::from(said.knows_pkce))
    .bind(millis(at))
    .bind(i64::from(may_replace))
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "DELETE FROM provider WHERE token_endpoint NOT IN
         (SELECT token_endpoint FROM provider ORDER BY learnt_at DESC, token_endpoint LIMIT $1)",
    )
    .bind(KEPT)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// What the provider with this Token Endpoint said, if anybody has asked.
///
/// # Errors
/// The database does not answer.
pub async fn of(store: &Store, token_endpoint: &str) -> Result<Option<Provider>, StoreError> {
    let row = sqlx::query(
        "SELECT token_endpoint, authorization_endpoint, revocation_endpoint, is_openid, issuer,
                names_itself, auth_methods, knows_pkce
         FROM provider WHERE token_endpoint = $1",
    )
    .bind(sought(token_endpoint))
    .fetch_optional(&store.pool)
    .await?;
    let provider = |row: &sqlx::any::AnyRow| {
        Ok(Provider {
            token_endpoint: row.try_get("token_endpoint")?,
            authorization_endpoint: row.try_get("authorization_endpoint")?,
            revocation_endpoint: row.try_get("revocation_endpoint")?,
            is_openid: row.try_get::<i64, _>("is_openid")? != 0,
            issuer: row.try_get("issuer")?,
            names_itself: row.try_get::<i64, _>("names_itself")? != 0,
            auth_methods: words(row.try_get("auth_methods")?),
            knows_pkce: row.try_get::<i64, _>("knows_pkce")? != 0,
        })
    };
    row.map(|row| provider(&row)).transpose()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
