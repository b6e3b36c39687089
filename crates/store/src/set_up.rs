//! The set-up links for the first administrator. A link's ticket is stored as a hash. It is valid
//! until it expires, and only while there is no administrator.

use chrono::{DateTime, Utc};
use sqlx::AnyConnection;

use crate::audit::Entry;
use crate::columns::millis;
use crate::error::StoreError;
use crate::people::{self, Added, Person};
use crate::pool::Store;
use domain::Role;

/// Whether there is an administrator.
pub async fn is_done(store: &Store) -> Result<bool, StoreError> {
    let mut connection = store.pool.acquire().await?;
    has_administrator(&mut connection).await
}

/// Stores a ticket until it expires. Those of other nodes stay valid.
pub async fn issue(
    store: &Store,
    hash: &str,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut transaction = store.begin_write().await?;
    sqlx::query("DELETE FROM set_up_ticket WHERE expires_at <= $1")
        .bind(millis(now))
        .execute(&mut *transaction)
        .await?;
    sqlx::query("INSERT INTO set_up_ticket (hash, expires_at) VALUES ($1, $2)")
        .bind(hash)
        .bind(millis(expires_at))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Whether a ticket is valid now.
pub async fn is_valid(store: &Store, hash: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let mut connection = store.pool.acquire().await?;
    let known = sqlx::query("SELECT 1 FROM set_up_ticket WHERE hash = $1 AND expires_at > $2")
        .bind(hash)
        .bind(millis(now))
        .fetch_optional(&mut *connection)
        .await?;
    Ok(known.is_some() && !has_administrator(&mut connection).await?)
}

/// Redeems a ticket: adds the first administrator and deletes every ticket. False if the ticket is
/// not valid, or another request was first.
pub async fn redeem(
    store: &Store,
    hash: &str,
    now: DateTime<Utc>,
    person: &Person,
    entry: &Entry,
) -> Result<bool, StoreError> {
    let mut transaction = store.begin_write().await?;
    // One statement deletes them all, so that the second of two concurrent requests finds none.
    let tickets: Vec<(String, i64)> =
        sqlx::query_as("DELETE FROM set_up_ticket RETURNING hash, expires_at")
            .fetch_all(&mut *transaction)
            .await?;
    let is_valid =
        tickets.iter().any(|(known, expires_at)| known == hash && *expires_at > millis(now));
    if !is_valid || has_administrator(&mut transaction).await? {
        return Ok(false);
    }
    if people::add_in(&mut transaction, person, entry).await? == Added::EmailTaken {
        return Ok(false);
    }
    transaction.commit().await?;
    Ok(true)
}

async fn has_administrator(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let administrator = sqlx::query("SELECT 1 FROM person WHERE role = $1 LIMIT 1")
        .bind(Role::Administrator.wire_name())
        .fetch_optional(connection)
        .await?;
    Ok(administrator.is_some())
}
