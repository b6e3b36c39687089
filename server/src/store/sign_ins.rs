//! Sign-ins that were tried and did not succeed, in the database because the next one may come
//! to another node. How many are too many is decided in `identity/limits.rs`.

use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, Row};

use super::{Store, StoreError, instant, millis};

/// From how many failed attempts on the next one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// For this account from this source.
    pub pair: i64,
    /// From this source, for any account.
    pub source: i64,
    /// For this account, from any source.
    pub account: i64,
}

/// Too many attempts have failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// When the oldest of them was made.
    pub oldest: DateTime<Utc>,
}

/// Notes an attempt before its password is looked at, so that many at once count one another, unless
/// too many have failed since `since`. Those that are older are forgotten.
///
/// # Errors
/// The database does not answer.
pub async fn begin(
    store: &Store,
    account: &str,
    source: &str,
    most: Most,
    at: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<Result<(), TooMany>, StoreError> {
    let mut transaction = store.begin_write_alone("sign_in_attempt").await?;
    if let Err(full) = within(&mut transaction, account, source, most, since).await? {
        return Ok(Err(full));
    }
    sqlx::query("DELETE FROM sign_in_attempt WHERE at <= $1")
        .bind(millis(since))
        .execute(&mut *transaction)
        .await?;
    sqlx::query("INSERT INTO sign_in_attempt (account, source, at) VALUES ($1, $2, $3)")
        .bind(account)
        .bind(source)
        .bind(millis(at))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Ok(()))
}

/// Says whether an attempt would be refused now. Only reads: [`begin`] decides.
///
/// # Errors
/// The database does not answer.
pub async fn check(
    store: &Store,
    account: &str,
    source: &str,
    most: Most,
    since: DateTime<Utc>,
) -> Result<Result<(), TooMany>, StoreError> {
    let mut connection = store.pool.acquire().await?;
    within(&mut connection, account, source, most, since).await
}

async fn within(
    connection: &mut AnyConnection,
    account: &str,
    source: &str,
    most: Most,
    since: DateTime<Utc>,
) -> Result<Result<(), TooMany>, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(CASE WHEN account = $1 AND source = $2 THEN 1 END),
                COUNT(CASE WHEN source = $2 THEN 1 END),
                COUNT(CASE WHEN account = $1 THEN 1 END),
                COALESCE(MIN(CASE WHEN account = $1 AND source = $2 THEN at END), 0),
                COALESCE(MIN(CASE WHEN source = $2 THEN at END), 0),
                COALESCE(MIN(CASE WHEN account = $1 THEN at END), 0)
         FROM sign_in_attempt WHERE (account = $1 OR source = $2) AND at > $3",
    )
    .bind(account)
    .bind(source)
    .bind(millis(since))
    .fetch_one(connection)
    .await?;
    let (pair, of_source, of_account): (i64, i64, i64) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let oldest = match () {
        () if pair >= most.pair => row.try_get(3)?,
        () if of_source >= most.source => row.try_get(4)?,
        () if of_account >= most.account => row.try_get(5)?,
        () => return Ok(Ok(())),
    };
    Ok(Err(TooMany { oldest: instant(oldest)? }))
}

/// Forgets what an account tried from a source, because it just succeeded there.
///
/// # Errors
/// The database does not answer.
pub async fn forgive(store: &Store, account: &str, source: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sign_in_attempt WHERE account = $1 AND source = $2")
        .bind(account)
        .bind(source)
        .execute(&store.pool)
        .await?;
    Ok(())
}
