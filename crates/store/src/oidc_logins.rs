//! Pending logins at an `OpenID` provider. They are rows, because the callback may reach another
//! node than the start. A state is consumed by one statement, so that of two concurrent callbacks
//! only one succeeds.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;

use crate::columns::{Column, columns, millis};
use crate::error::StoreError;
use crate::pool::Store;

/// A pending login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingLogin {
    /// The hash of the nonce that the ID token must contain.
    pub nonce_hash: String,
    /// The sealed code verifier (RFC 7636 4.1).
    pub verifier: Vec<u8>,
    /// The issuer that the verifier is sealed for.
    pub issuer: String,
    /// The Redirect URI.
    pub redirect_uri: String,
    /// The path to continue to.
    pub destination: String,
}

columns!(PendingLogin { nonce_hash, verifier, issuer, redirect_uri, destination });

/// What a pending login is bound to.
#[derive(Debug, Clone, Copy)]
pub struct LoginBinding<'a> {
    /// The hash of the `state` parameter.
    pub state_hash: &'a str,
    /// The hash of the browser's cookie.
    pub browser_hash: &'a str,
    /// The network of the client's subscriber.
    pub address: &'a str,
}

/// Too many logins of one subscriber are pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyPending {
    /// When the first of them expires.
    pub until: DateTime<Utc>,
}

/// Why a callback has no pending login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingLogin {
    /// The state was consumed before, has expired, or never existed.
    Over,
    /// The state is another browser's.
    OtherBrowser,
}

/// Stores a pending login, unless `most` of its subscriber are pending. Deletes expired ones in
/// either case.
pub async fn begin(
    store: &Store,
    known_by: LoginBinding<'_>,
    login: &PendingLogin,
    most: i64,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<Result<(), TooManyPending>, StoreError> {
    // Alone, so that concurrent logins count one another.
    let mut transaction = store.begin_write_alone("foreign_sign_in").await?;
    sqlx::query("DELETE FROM foreign_sign_in WHERE expires_at <= $1")
        .bind(millis(now))
        .execute(&mut *transaction)
        .await?;
    let (pending, first): (i64, i64) = sqlx::query_as(
        "SELECT COUNT(*), COALESCE(MIN(expires_at), 0) FROM foreign_sign_in WHERE address = $1",
    )
    .bind(known_by.address)
    .fetch_one(&mut *transaction)
    .await?;
    if pending >= most {
        transaction.commit().await?;
        return Ok(Err(TooManyPending { until: Column::read(first)? }));
    }
    sqlx::query(
        "INSERT INTO foreign_sign_in (state_hash, browser_hash, address, nonce_hash, verifier,
                                      redirect_uri, destination, expires_at, issuer)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(known_by.state_hash)
    .bind(known_by.browser_hash)
    .bind(known_by.address)
    .bind(&login.nonce_hash)
    .bind(&login.verifier)
    .bind(&login.redirect_uri)
    .bind(&login.destination)
    .bind(millis(expires_at))
    .bind(&login.issuer)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Ok(()))
}

/// Consumes a state for the browser that started the login.
pub async fn take(
    store: &Store,
    state_hash: &str,
    browser_hash: &str,
    now: DateTime<Utc>,
) -> Result<Result<PendingLogin, MissingLogin>, StoreError> {
    let sql = format!(
        "DELETE FROM foreign_sign_in
         WHERE state_hash = $1 AND browser_hash = $2 AND expires_at > $3 RETURNING {}",
        PendingLogin::columns(),
    );
    let login = sqlx::query_as(AssertSqlSafe(sql))
        .bind(state_hash)
        .bind(browser_hash)
        .bind(millis(now))
        .fetch_optional(&store.pool)
        .await?;
    match login {
        Some(login) => Ok(Ok(login)),
        None => Ok(Err(why_missing(store, state_hash, now).await?)),
    }
}

async fn why_missing(
    store: &Store,
    state_hash: &str,
    now: DateTime<Utc>,
) -> Result<MissingLogin, StoreError> {
    let of_another_browser =
        sqlx::query("SELECT 1 FROM foreign_sign_in WHERE state_hash = $1 AND expires_at > $2")
            .bind(state_hash)
            .bind(millis(now))
            .fetch_optional(&store.pool)
            .await?;
    Ok(if of_another_browser.is_some() { MissingLogin::OtherBrowser } else { MissingLogin::Over })
}
