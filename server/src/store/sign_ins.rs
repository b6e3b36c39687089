//! Sign-ins that were tried and did not succeed, in the database because the next one may come
//! to another node. What follows from them is decided in `identity/limits.rs`.

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::{Store, StoreError, instant, millis};

/// A sign-in that is being tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt(i64);

/// The failed attempts of a while, this one not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// For this account from this address.
    pub pair: i64,
    /// From this address, for any account.
    pub address: i64,
    /// For this account, from any address.
    pub account: i64,
    /// When the oldest attempt from this address was made.
    pub oldest: Option<DateTime<Utc>>,
}

/// Notes an attempt before its password is looked at, so that many at once count one another, and
/// tells what came before it since `since`. Older attempts are forgotten.
///
/// # Errors
/// The database does not answer.
pub async fn begin(
    store: &Store,
    account: &str,
    address: &str,
    at: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<(Attempt, Tally), StoreError> {
    let mut transaction = store.begin_write_alone("sign_in_attempt").await?;
    sqlx::query("DELETE FROM sign_in_attempt WHERE at <= $1")
        .bind(millis(since))
        .execute(&mut *transaction)
        .await?;
    let id: i64 = sqlx::query(
        "INSERT INTO sign_in_attempt (account, address, at) VALUES ($1, $2, $3) RETURNING id",
    )
    .bind(account)
    .bind(address)
    .bind(millis(at))
    .fetch_one(&mut *transaction)
    .await?
    .try_get(0)?;
    let row = sqlx::query(
        "SELECT COUNT(CASE WHEN account = $1 AND address = $2 THEN 1 END),
                COUNT(CASE WHEN address = $2 THEN 1 END),
                COUNT(CASE WHEN account = $1 THEN 1 END),
                MIN(CASE WHEN address = $2 THEN at END)
         FROM sign_in_attempt WHERE (account = $1 OR address = $2) AND at > $3 AND id < $4",
    )
    .bind(account)
    .bind(address)
    .bind(millis(since))
    .bind(id)
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let oldest: Option<i64> = row.try_get(3)?;
    let tally = Tally {
        pair: row.try_get(0)?,
        address: row.try_get(1)?,
        account: row.try_get(2)?,
        oldest: oldest.map(instant).transpose()?,
    };
    Ok((Attempt(id), tally))
}

/// Forgets an attempt that was turned away unseen: waiting in front of the door is no guess.
///
/// # Errors
/// The database does not answer.
pub async fn forget(store: &Store, attempt: Attempt) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sign_in_attempt WHERE id = $1")
        .bind(attempt.0)
        .execute(&store.pool)
        .await?;
    Ok(())
}

/// Forgets what an account tried from an address, because it just succeeded there.
///
/// # Errors
/// The database does not answer.
pub async fn forgive(store: &Store, account: &str, address: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sign_in_attempt WHERE account = $1 AND address = $2")
        .bind(account)
        .bind(address)
        .execute(&store.pool)
        .await?;
    Ok(())
}
