//! The time formats that users have chosen.

use domain::time_format::TimePreference;
use sqlx::any::AnyRow;

use crate::audit::{self, Entry};
use crate::columns::column;
use crate::error::StoreError;
use crate::pool::Store;

/// Returns what this user has chosen, if anything.
pub async fn get(store: &Store, person: &str) -> Result<Option<TimePreference>, StoreError> {
    let row = sqlx::query("SELECT pattern, clock, zone FROM time_preference WHERE person = $1")
        .bind(person)
        .fetch_optional(&store.pool)
        .await?;
    Ok(row.as_ref().map(from_row).transpose()?.flatten())
}

/// Reads a preference from a row that may have none.
pub(super) fn from_row(row: &AnyRow) -> Result<Option<TimePreference>, StoreError> {
    let Some(pattern) = column(row, "pattern")? else { return Ok(None) };
    Ok(Some(TimePreference { pattern, clock: column(row, "clock")?, zone: column(row, "zone")? }))
}

/// Stores what this user has chosen, with the audit row in the same transaction.
pub async fn put(
    store: &Store,
    person: &str,
    preference: &TimePreference,
    entry: &Entry,
) -> Result<(), StoreError> {
    let mut transaction = store.begin_write().await?;
    sqlx::query(
        "INSERT INTO time_preference (person, pattern, clock, zone) VALUES ($1, $2, $3, $4)
         ON CONFLICT (person) DO UPDATE
         SET pattern = excluded.pattern, clock = excluded.clock, zone = excluded.zone",
    )
    .bind(person)
    .bind(preference.pattern.wire_name())
    .bind(preference.clock.wire_name())
    .bind(&preference.zone)
    .execute(&mut *transaction)
    .await?;
    audit::record_in(&mut transaction, entry).await?;
    transaction.commit().await?;
    Ok(())
}
