//! Sign-in attempts that have failed or are in progress. They are in the database because the next
//! one may reach another node. The limits are in `identity/login_limits.rs`.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use crate::columns::{Column, millis};
use crate::error::StoreError;
use crate::pool::Store;

/// How long an attempt without a recorded result counts: its process is gone by then.
const UNDER_WAY: TimeDelta = TimeDelta::seconds(30);

/// The limits: from this many attempts that have failed, or may fail yet, the next one is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureLimits {
    /// For this account from this source.
    pub pair: i64,
    /// From this source, for any account.
    pub source: i64,
    /// For this account, from any source.
    pub account: i64,
}

/// Why the next attempt is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitExceeded {
    /// Too many have failed.
    Failed {
        /// When the oldest of them was made.
        oldest: DateTime<Utc>,
    },
    /// Too many would have failed if those in progress fail.
    UnderWay,
}

/// Records an attempt before its password is compared, so that concurrent ones count one another.
/// Returns its number, unless too many have failed since `since`. Deletes older attempts.
pub async fn begin(
    store: &Store,
    account: &str,
    source: &str,
    most: FailureLimits,
    at: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<Result<i64, LimitExceeded>, StoreError> {
    let mut transaction = store.begin_write_alone("sign_in_attempt").await?;
    if let Err(full) = within(&mut transaction, account, source, most, at, since).await? {
        return Ok(Err(full));
    }
    sqlx::query("DELETE FROM sign_in_attempt WHERE at <= $1")
        .bind(millis(since))
        .execute(&mut *transaction)
        .await?;
    let sql = "INSERT INTO sign_in_attempt (account, source, at, under_way_until)
               VALUES ($1, $2, $3, $4) RETURNING id";
    let number = sqlx::query_scalar(sql)
        .bind(account)
        .bind(source)
        .bind(millis(at))
        .bind(millis(at + UNDER_WAY))
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Ok(number))
}

/// Records that the attempt with this number has failed.
pub async fn fail(store: &Store, number: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE sign_in_attempt SET under_way_until = NULL WHERE id = $1")
        .bind(number)
        .execute(&store.pool)
        .await?;
    Ok(())
}

/// Checks whether an attempt would be rejected now. Only reads: [`begin`] decides.
pub async fn check(
    store: &Store,
    account: &str,
    source: &str,
    most: FailureLimits,
    now: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<Result<(), LimitExceeded>, StoreError> {
    let mut connection = store.pool.acquire().await?;
    within(&mut connection, account, source, most, now, since).await
}

async fn within(
    connection: &mut AnyConnection,
    account: &str,
    source: &str,
    most: FailureLimits,
    now: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<Result<(), LimitExceeded>, StoreError> {
    let limits = [
        ("account = $1 AND source = $2", most.pair),
        ("source = $2", most.source),
        ("account = $1", most.account),
    ];
    // Per limit: how many attempts, how many failed ones, and the time of the oldest failed one.
    let counts = limits.map(|(counted, _)| {
        let failed = format!("{counted} AND under_way_until IS NULL");
        format!(
            "COUNT(CASE WHEN {counted} THEN 1 END), COUNT(CASE WHEN {failed} THEN 1 END),
             COALESCE(MIN(CASE WHEN {failed} THEN at END), 0)"
        )
    });
    let sql = format!(
        "SELECT {} FROM sign_in_attempt WHERE (account = $1 OR source = $2) AND at > $3
         AND (under_way_until IS NULL OR under_way_until > $4)",
        counts.join(", ")
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(account)
        .bind(source)
        .bind(millis(since))
        .bind(millis(now))
        .fetch_one(connection)
        .await?;
    let mut is_full = false;
    for (at, (_, most)) in limits.into_iter().enumerate() {
        let (all, failed): (i64, i64) = (row.try_get(3 * at)?, row.try_get(3 * at + 1)?);
        if failed >= most {
            let oldest = Column::read(row.try_get(3 * at + 2)?)?;
            return Ok(Err(LimitExceeded::Failed { oldest }));
        }
        is_full |= all >= most;
    }
    Ok(if is_full { Err(LimitExceeded::UnderWay) } else { Ok(()) })
}

/// Deletes the attempts for an account from a source, because one just succeeded there.
pub async fn clear(store: &Store, account: &str, source: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sign_in_attempt WHERE account = $1 AND source = $2")
        .bind(account)
        .bind(source)
        .execute(&store.pool)
        .await?;
    Ok(())
}
