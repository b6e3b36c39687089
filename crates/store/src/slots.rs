//! Slots: how many connections to the mail server all nodes have open together. A slot is held under a
//! lease by the database's clock, so that the one of a crashed process becomes free by itself.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use crate::columns::column;
use crate::error::StoreError;
use crate::pool::Store;

/// The number of slots, and so of connections.
pub const SLOTS: i64 = 100;

/// Which of the free slots is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The first.
    First,
    /// The last.
    Last,
}

/// Takes one of the first `count` slots, if one is free.
pub async fn take(
    store: &Store,
    holder: &str,
    count: i64,
    order: Order,
    lease: Duration,
) -> Result<Option<i64>, StoreError> {
    let (clock, locked) = (store.dialect().now(), store.dialect().skip_locked());
    let order = match order {
        Order::First => "ASC",
        Order::Last => "DESC",
    };
    let sql = format!(
        "UPDATE connection_slot SET holder = $1, held_until = {clock} + $2
         WHERE number = (SELECT number FROM connection_slot
                         WHERE number <= $3 AND held_until <= {clock}
                         ORDER BY number {order} LIMIT 1 {locked})
         RETURNING number",
    );
    let taken = sqlx::query(AssertSqlSafe(sql)).bind(holder).bind(millis(lease)).bind(count);
    // All rows, because on `SQLite` a statement ends only with its last row.
    let rows = taken.fetch_all(&store.pool).await?;
    Ok(rows.first().map(|row| column(row, "number")).transpose()?)
}

/// Extends the lease of a slot. False if it was lost.
pub async fn extend(
    store: &Store,
    holder: &str,
    number: i64,
    lease: Duration,
) -> Result<bool, StoreError> {
    let clock = store.dialect().now();
    let sql = format!(
        "UPDATE connection_slot SET held_until = {clock} + $3 WHERE number = $1 AND holder = $2",
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(number).bind(holder).bind(millis(lease));
    Ok(query.execute(&store.pool).await?.rows_affected() == 1)
}

/// Frees a slot, if its holder still has it.
pub async fn release(store: &Store, holder: &str, number: i64) -> Result<(), StoreError> {
    let sql = "UPDATE connection_slot SET holder = NULL, held_until = 0
               WHERE number = $1 AND holder = $2";
    sqlx::query(sql).bind(number).bind(holder).execute(&store.pool).await?;
    Ok(())
}

fn millis(lease: Duration) -> i64 {
    i64::try_from(lease.as_millis()).unwrap_or(i64::MAX)
}
