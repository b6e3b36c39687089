//! How an instant is written. Until a person says otherwise: the order that sorts, 24 hours, UTC.

use chrono::{DateTime, Utc};

/// Writes an instant as `2026-11-23 18:42 UTC`.
#[must_use]
pub fn written(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%d %H:%M UTC").to_string()
}
