//! Provider metadata that administrators have looked up. Its key is the Token Endpoint, so that it
//! does not apply to another provider.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;

use crate::columns::{columns, millis, sought};
use crate::error::StoreError;
use crate::pool::Store;

/// The number of providers that are kept, the latest.
const MAX_PROVIDERS: i64 = 100;

/// The metadata of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProvider {
    /// Its Token Endpoint, the key.
    pub token_endpoint: String,
    /// Its Authorization Endpoint.
    pub authorization_endpoint: String,
    /// Its revocation endpoint (RFC 7009), at the same origin.
    pub revocation_endpoint: Option<String>,
    /// Whether it is an `OpenID` provider.
    pub is_openid: bool,
    /// Its issuer identifier, if it is the Token Endpoint's own issuer.
    pub issuer: Option<String>,
    /// Whether its authorization responses have an `iss` (RFC 9207 3).
    pub names_itself: bool,
    /// Its client authentication methods, if it is the Token Endpoint's own issuer.
    pub auth_methods: Vec<String>,
    /// Whether it supports PKCE with S256 (RFC 8414 2, `code_challenge_methods_supported`).
    pub knows_pkce: bool,
}

columns!(StoredProvider {
    token_endpoint,
    authorization_endpoint,
    revocation_endpoint,
    is_openid,
    issuer,
    names_itself,
    auth_methods,
    knows_pkce,
});

/// Stores a provider's metadata; `may_replace` overwrites metadata that is already stored.
pub async fn learn(
    store: &Store,
    metadata: &StoredProvider,
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
    .bind(&metadata.token_endpoint)
    .bind(&metadata.authorization_endpoint)
    .bind(&metadata.revocation_endpoint)
    .bind(i64::from(metadata.is_openid))
    .bind(&metadata.issuer)
    .bind(i64::from(metadata.names_itself))
    .bind(metadata.auth_methods.join(" "))
    .bind(i64::from(metadata.knows_pkce))
    .bind(millis(at))
    .bind(i64::from(may_replace))
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "DELETE FROM provider WHERE token_endpoint NOT IN
         (SELECT token_endpoint FROM provider ORDER BY learnt_at DESC, token_endpoint LIMIT $1)",
    )
    .bind(MAX_PROVIDERS)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Returns the metadata for this Token Endpoint, if it was looked up.
pub async fn of(store: &Store, token_endpoint: &str) -> Result<Option<StoredProvider>, StoreError> {
    let sql =
        format!("SELECT {} FROM provider WHERE token_endpoint = $1", StoredProvider::columns());
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(sought(token_endpoint));
    Ok(query.fetch_optional(&store.pool).await?)
}
