//! Browsers that are away to sign in with an organisation's account: rows, because one may come back
//! to another node than the one that sent it away. A state is taken by one statement, so that of two
//! that come at once one gets it.

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::{Store, StoreError, instant, millis};

/// What is known of a browser that is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// The hash of the nonce that the ID token must hold.
    pub nonce_hash: String,
    /// The sealed code verifier (RFC 7636 4.1).
    pub verifier: Vec<u8>,
    /// The issuer that it is sealed for.
    pub issuer: String,
    /// Where the provider sends it back to.
    pub redirect_uri: String,
    /// The path that it was going to.
    pub destination: String,
}

/// What a browser that goes away is known by.
#[derive(Debug, Clone, Copy)]
pub struct KnownBy<'a> {
    /// The hash of the state that it brings back.
    pub state_hash: &'a str,
    /// The hash of its cookie.
    pub browser_hash: &'a str,
    /// The address that it comes from, by what one subscriber holds.
    pub address: &'a str,
}

/// So many of one subscriber are away that no other may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowded {
    /// When the time of the first of them is over.
    pub until: DateTime<Utc>,
}

/// Why nobody came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The state was used before, its time is over, or nobody ever had it.
    Over,
    /// Another browser has it.
    OtherBrowser,
}

/// Notes that a browser goes away, unless `most` of its subscriber are away. Those whose time is over
/// are forgotten in either case.
///
/// # Errors
/// The database does not answer.
pub async fn depart(
    store: &Store,
    known_by: KnownBy<'_>,
    away: &Away,
    most: i64,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<Result<(), Crowded>, StoreError> {
    // Alone, so that many at once count one another.
    let mut transaction = store.begin_write_alone("foreign_sign_in").await?;
    sqlx::query("DELETE FROM foreign_sign_in WHERE expires_at <= $1")
        .bind(millis(now))
        .execute(&mut *transaction)
        .await?;
    let row = sqlx::query(
        "SELECT COUNT(*), COALESCE(MIN(expires_at), 0) FROM foreign_sign_in WHERE address = $1",
    )
    .bind(known_by.address)
    .fetch_one(&mut *transaction)
    .await?;
    if row.try_get::<i64, _>(0)? >= most {
        transaction.commit().await?;
        return Ok(Err(Crowded { until: instant(row.try_get(1)?)? }));
    }
    sqlx::query(
        "INSERT INTO foreign_sign_in (state_hash, browser_hash, address, nonce_hash, verifier,
                                      redirect_uri, destination, expires_at, issuer)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(known_by.state_hash)
    .bind(known_by.browser_hash)
    .bind(known_by.address)
    .bind(&away.nonce_hash)
    .bind(&away.verifier)
    .bind(&away.redirect_uri)
    .bind(&away.destination)
    .bind(millis(expires_at))
    .bind(&away.issuer)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Ok(()))
}

/// Uses a state up for the browser that took it along.
///
/// # Errors
/// The database does not answer.
pub async fn come_back(
    store: &Store,
    state_hash: &str,
    browser_hash: &str,
    now: DateTime<Utc>,
) -> Result<Result<Away, Missing>, StoreError> {
    let row = sqlx::query(
        "DELETE FROM foreign_sign_in
         WHERE state_hash = $1 AND browser_hash = $2 AND expires_at > $3
         RETURNING nonce_hash, verifier, redirect_uri, destination, issuer",
    )
    .bind(state_hash)
    .bind(browser_hash)
    .bind(millis(now))
    .fetch_optional(&store.pool)
    .await?;
    let Some(row) = row else { return Ok(Err(why(store, state_hash, now).await?)) };
    Ok(Ok(Away {
        nonce_hash: row.try_get(0)?,
        verifier: row.try_get(1)?,
        redirect_uri: row.try_get(2)?,
        destination: row.try_get(3)?,
        issuer: row.try_get(4)?,
    }))
}

async fn why(store: &Store, state_hash: &str, now: DateTime<Utc>) -> Result<Missing, StoreError> {
    let elsewhere =
        sqlx::query("SELECT 1 FROM foreign_sign_in WHERE state_hash = $1 AND expires_at > $2")
            .bind(state_hash)
            .bind(millis(now))
            .fetch_optional(&store.pool)
            .await?;
    Ok(if elsewhere.is_some() { Missing::OtherBrowser } else { Missing::Over })
}
