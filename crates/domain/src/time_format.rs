//! Formats instants by a user's preferences: date pattern, 12 or 24 hours, time zone. The browser has
//! no time zone database; the server sends the UTC offsets that it needs.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use serde::{Deserialize, Serialize};

use crate::named::json_enum;

json_enum! {
    /// A date pattern.
    #[derive(Default)]
    pub enum DatePattern {
        /// `2026-11-23` (ISO 8601).
        #[default]
        YearMonthDay = "YYYY-MM-DD",
        /// `11/23/2026`
        MonthDayYear = "MM/DD/YYYY",
        /// `23/11/2026`
        DayMonthYear = "DD/MM/YYYY",
        /// `23.11.2026`
        DayMonthYearDots = "DD.MM.YYYY",
        /// `23-Nov-2026`, which is unambiguous.
        DayMonthNameYear = "DD-Mon-YYYY",
    }
}

json_enum! {
    /// 12-hour or 24-hour clock.
    #[derive(Default)]
    pub enum ClockStyle {
        /// `18:42`
        #[default]
        TwentyFourHours = "24",
        /// `6:42 PM`
        TwelveHours = "12",
    }
}

/// A user's time preference. The default is ISO 8601 dates, 24 hours and UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimePreference {
    /// The date's pattern.
    pub pattern: DatePattern,
    /// 12-hour or 24-hour clock.
    pub clock: ClockStyle,
    /// The time zone's name in the IANA time zone database.
    pub zone: String,
}

impl Default for TimePreference {
    fn default() -> Self {
        Self {
            pattern: DatePattern::default(),
            clock: ClockStyle::default(),
            zone: "UTC".to_owned(),
        }
    }
}

/// A UTC offset that applies from an instant until that of the next entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffsetSince {
    /// Start of the offset in epoch milliseconds.
    pub since: i64,
    /// Minutes to add to UTC.
    pub minutes: i32,
}

/// Everything needed to format an instant for a user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TimeDisplay {
    /// The user's preference.
    pub preference: TimePreference,
    /// The offsets of the user's zone in ascending order. The first also applies to earlier
    /// instants; an empty list means UTC.
    pub offsets: Vec<OffsetSince>,
}

impl TimeDisplay {
    /// Formats an instant, for example `23-Nov-2026 6:42 PM UTC+1`.
    pub fn written(&self, instant: DateTime<Utc>) -> String {
        self.written_as(instant, |local| format!("{:02}", local.minute()))
    }

    /// Formats an instant with its seconds, for example `23-Nov-2026 6:42:07 PM UTC+1`.
    pub fn written_with_seconds(&self, instant: DateTime<Utc>) -> String {
        self.written_as(instant, |local| format!("{:02}:{:02}", local.minute(), local.second()))
    }

    /// Formats a date, which has no time zone.
    pub fn written_date(&self, date: NaiveDate) -> String {
        self::date(self.preference.pattern, date)
    }

    /// Formats an instant; `after_hour` formats its time after the hour.
    fn written_as(
        &self,
        instant: DateTime<Utc>,
        after_hour: impl Fn(NaiveDateTime) -> String,
    ) -> String {
        let minutes = self.offset(instant);
        let local = instant
            .checked_add_signed(TimeDelta::minutes(minutes.into()))
            .unwrap_or(instant)
            .naive_utc();
        let date = date(self.preference.pattern, local.date());
        let time = time(self.preference.clock, local, &after_hour(local));
        format!("{date} {time} {}", offset_name(minutes))
    }

    /// Returns the offset at an instant in minutes.
    fn offset(&self, instant: DateTime<Utc>) -> i32 {
        let millis = instant.timestamp_millis();
        let latest = self.offsets.iter().rev().find(|offset| offset.since <= millis);
        latest.or(self.offsets.first()).map_or(0, |offset| offset.minutes)
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// Without chrono's formatter, which would add 10 KB to the Wasm bundle.
fn date(pattern: DatePattern, date: NaiveDate) -> String {
    let (year, month, day) = (date.year(), date.month(), date.day());
    match pattern {
        DatePattern::YearMonthDay => format!("{year:04}-{month:02}-{day:02}"),
        DatePattern::MonthDayYear => format!("{month:02}/{day:02}/{year:04}"),
        DatePattern::DayMonthYear => format!("{day:02}/{month:02}/{year:04}"),
        DatePattern::DayMonthYearDots => format!("{day:02}.{month:02}.{year:04}"),
        DatePattern::DayMonthNameYear => {
            format!("{day:02}-{}-{year:04}", MONTHS[date.month0() as usize])
        }
    }
}

fn time(clock: ClockStyle, time: NaiveDateTime, after_hour: &str) -> String {
    match (clock, time.hour12()) {
        (ClockStyle::TwentyFourHours, _) => format!("{:02}:{after_hour}", time.hour()),
        (ClockStyle::TwelveHours, (false, hour)) => format!("{hour}:{after_hour} AM"),
        (ClockStyle::TwelveHours, (true, hour)) => format!("{hour}:{after_hour} PM"),
    }
}

/// Formats an offset in minutes, for example `UTC+5:30`.
pub fn offset_name(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    match (minutes.abs() / 60, minutes.abs() % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn display(pattern: DatePattern, clock: ClockStyle, offsets: &[(&str, i32)]) -> TimeDisplay {
        let since = |&(since, minutes): &(&str, i32)| OffsetSince {
            since: at(since).timestamp_millis(),
            minutes,
        };
        TimeDisplay {
            preference: TimePreference { pattern, clock, zone: "Somewhere".to_owned() },
            offsets: offsets.iter().map(since).collect(),
        }
    }

    #[test]
    fn the_default_format_is_iso_8601_in_utc() {
        let written = TimeDisplay::default().written(at("2026-11-23T18:42:00Z"));
        assert_eq!(written, "2026-11-23 18:42 UTC");
    }

    #[test]
    fn each_date_pattern_formats_as_its_name_says() {
        for (pattern, expected) in DatePattern::ALL.into_iter().zip([
            "2026-03-04 05:06 UTC",
            "03/04/2026 05:06 UTC",
            "04/03/2026 05:06 UTC",
            "04.03.2026 05:06 UTC",
            "04-Mar-2026 05:06 UTC",
        ]) {
            let display = display(pattern, ClockStyle::TwentyFourHours, &[]);
            assert_eq!(display.written(at("2026-03-04T05:06:07Z")), expected);
        }
    }

    #[test]
    fn the_12_hour_clock_shows_midnight_and_noon_as_12() {
        let display = display(DatePattern::YearMonthDay, ClockStyle::TwelveHours, &[]);
        for (instant, expected) in [
            ("2026-11-23T00:05:00Z", "2026-11-23 12:05 AM UTC"),
            ("2026-11-23T11:59:00Z", "2026-11-23 11:59 AM UTC"),
            ("2026-11-23T12:00:00Z", "2026-11-23 12:00 PM UTC"),
            ("2026-11-23T23:42:00Z", "2026-11-23 11:42 PM UTC"),
        ] {
            assert_eq!(display.written(at(instant)), expected);
        }
    }

    #[test]
    fn seconds_follow_the_minutes_on_both_clocks() {
        for (clock, expected) in [
            (ClockStyle::TwentyFourHours, "2026-11-23 18:42:07 UTC"),
            (ClockStyle::TwelveHours, "2026-11-23 6:42:07 PM UTC"),
        ] {
            let display = display(DatePattern::YearMonthDay, clock, &[]);
            assert_eq!(display.written_with_seconds(at("2026-11-23T18:42:07.999Z")), expected);
        }
    }

    #[test]
    fn the_offset_follows_daylight_saving_time() {
        let berlin = display(
            DatePattern::YearMonthDay,
            ClockStyle::TwentyFourHours,
            &[("2026-03-29T01:00:00Z", 120), ("2026-10-25T01:00:00Z", 60)],
        );
        for (instant, expected) in [
            ("2026-10-25T00:59:00Z", "2026-10-25 02:59 UTC+2"),
            ("2026-10-25T01:00:00Z", "2026-10-25 02:00 UTC+1"),
            ("2020-01-01T00:00:00Z", "2020-01-01 02:00 UTC+2"),
        ] {
            assert_eq!(berlin.written(at(instant)), expected);
        }
    }

    #[test]
    fn an_offset_shows_minutes_only_if_needed() {
        for (minutes, expected) in
            [(0, "UTC"), (60, "UTC+1"), (330, "UTC+5:30"), (-210, "UTC-3:30"), (-30, "UTC-0:30")]
        {
            assert_eq!(offset_name(minutes), expected);
        }
    }

    #[test]
    fn the_maximum_instant_is_formatted_without_overflow() {
        let far = display(
            DatePattern::YearMonthDay,
            ClockStyle::TwentyFourHours,
            &[("2026-01-01T00:00:00Z", 840)],
        );
        assert!(far.written(DateTime::<Utc>::MAX_UTC).ends_with("23:59 UTC+14"));
    }

    #[test]
    fn every_wire_name_round_trips() {
        for pattern in DatePattern::ALL {
            assert_eq!(DatePattern::from_wire_name(pattern.wire_name()), Some(pattern));
        }
        for clock in ClockStyle::ALL {
            assert_eq!(ClockStyle::from_wire_name(clock.wire_name()), Some(clock));
        }
    }
}
