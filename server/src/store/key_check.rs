//! One sealed value by which a start knows whether it holds the key that the database needs.

use sqlx::Row;

use super::{Store, StoreError};

/// The value, if the database was ever used with a key.
///
/// # Errors
/// The database does not answer.
pub async fn load(store: &Store) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sqlx::query("SELECT sealed FROM key_check WHERE id = 1")
        .fetch_optional(&store.pool)
        .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Keeps the value, unless another process kept its own first, and returns the one that is kept.
///
/// # Errors
/// The database does not answer.
pub async fn settle(store: &Store, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
    sqlx::query("INSERT INTO key_check (id, sealed) VALUES (1, $1) ON CONFLICT (id) DO NOTHING")
        .bind(sealed)
        .execute(&store.pool)
        .await?;
    Ok(sqlx::query("SELECT sealed FROM key_check WHERE id = 1")
        .fetch_one(&store.pool)
        .await?
        .try_get(0)?)
}
