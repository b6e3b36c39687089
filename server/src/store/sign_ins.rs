//! Sign-ins that have failed or are under way, in the database because the next one may come to
//! another node. How many are too many is decided in `identity/limits.rs`.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::{Store, StoreError, instant, millis};

/// For how long an attempt whose end was never noted counts: its process is gone by then.
const UNDER_WAY: TimeDelta = TimeDelta::seconds(30);

/// From how many attempts that have failed, or may fail yet, the next one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// For this account from this source.
    pub pair: i64,
    /// From this source, for any account.
    pub source: i64,
    /// For this account, from any source.
    pub account: i64,
}

/// Why the next attempt is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMany {
    /// Too many have failed.
    Failed {
        /// When the oldest of them was made.
        oldest: DateTime<Utc>,
    },
    /// Too many would have failed if those that are under way fail.
    UnderWay,
}

/// Notes an attempt before its password is compared, so that many at once count one another, and
/// returns its number, unless too many have failed since `since`. Those that are older are forgotten.
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
) -> Result<Result<i64, TooMany>, StoreError> {
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
    let number = sqlx::query(sql)
        .bind(account)
        .bind(source)
        .bind(millis(at))
        .bind(millis(at + UNDER_WAY))
        .fetch_one(&mut *transaction)
        .await?
        .try_get(0)?;
    transaction.commit().await?;
    Ok(Ok(number))
}

/// Notes that the attempt with this number has failed.
///
/// # Errors
/// The database does not answer.
pub async fn fail(store: &Store, number: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE sign_in_attempt SET under_way_until = NULL WHERE id = $1")
        .bind(number)
        .execute(&store.pool)
        .await?;
    Ok(())
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
    now: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<Result<(), TooMany>, StoreError> {
    let mut connection = store.pool.acquire().await?;
    within(&mut connection, account, source, most, now, since).await
}

async fn within(
    connection: &mut AnyConnection,
    account: &str,
    source: &str,
    most: Most,
    now: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<Result<(), TooMany>, StoreError> {
    let limits = [
        ("account = $1 AND source = $2", most.pair),
        ("source = $2", most.source),
        ("account = $1", most.account),
    ];
    // How many there are, how many of them have failed, and when the oldest of those was made.
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
            return Ok(Err(TooMany::Failed { oldest: instant(row.try_get(3 * at + 2)?)? }));
        }
        is_full |= all >= most;
    }
    Ok(if is_full { Err(TooMany::UnderWay) } else { Ok(()) })
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
