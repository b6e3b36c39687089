//! The check value: one sealed value for the whole database. The key that sealed it is the one that
//! every node seals with, so one row decides, and one statement changes it. It shows a starting
//! node whether it has that key.

use chrono::{DateTime, Utc};

use crate::audit::{self, Action, Entry};
use crate::columns::column;
use crate::error::StoreError;
use crate::pool::Store;

const SEALED: &str = "SELECT sealed FROM key_check WHERE id = 1";

/// Returns the value, if the database was ever used with a key.
pub async fn load(store: &Store) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(sqlx::query_scalar(SEALED).fetch_optional(&store.pool).await?)
}

/// Stores the value, unless another process stored one first, and returns the stored one.
pub async fn settle(store: &Store, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
    sqlx::query("INSERT INTO key_check (id, sealed) VALUES (1, $1) ON CONFLICT (id) DO NOTHING")
        .bind(sealed)
        .execute(&store.pool)
        .await?;
    Ok(sqlx::query_scalar(SEALED).fetch_one(&store.pool).await?)
}

/// Replaces the value, with an audit row. `entry` is called after every wait, so that its time is
/// the one of the change. False, and nothing changed, if the value is not `before` any more
/// (compare and swap).
pub async fn replace(
    store: &Store,
    before: &[u8],
    after: &[u8],
    entry: impl FnOnce() -> Entry + Send,
) -> Result<bool, StoreError> {
    let mut transaction = store.begin_write().await?;
    let replaced = sqlx::query("UPDATE key_check SET sealed = $2 WHERE id = 1 AND sealed = $1")
        .bind(before)
        .bind(after)
        .execute(&mut *transaction)
        .await?;
    audit::commit_if_changed(transaction, &replaced, Some(&entry())).await
}

/// Returns when the sealing key was last changed, by its audit row; `None` if it never was, or
/// retention has deleted the row.
pub async fn changed_at(store: &Store) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row = sqlx::query("SELECT at FROM audit WHERE action = $1 ORDER BY id DESC LIMIT 1")
        .bind(Action::KeyChanged.wire_name())
        .fetch_optional(&store.pool)
        .await?;
    Ok(row.map(|row| column(&row, "at")).transpose()?)
}
