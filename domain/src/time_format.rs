//! How an instant is written. Until a person says otherwise: the order that sorts, 24 hours, UTC.

use chrono::{DateTime, Datelike, Timelike, Utc};

/// Writes an instant as `2026-11-23 18:42 UTC`.
#[must_use]
pub fn written(instant: DateTime<Utc>) -> String {
    // By hand: chrono's own formatter alone would weigh 10 KB in the browser.
    let (date, time) = (instant.date_naive(), instant.time());
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02} UTC",
        date.year(),
        date.month(),
        date.day(),
        time.hour(),
        time.minute()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_in_the_order_that_sorts() {
        let instant = DateTime::from_timestamp(1_795_459_320, 0).unwrap();
        assert_eq!(written(instant), "2026-11-23 18:42 UTC");
    }
}
