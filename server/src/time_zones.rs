//! Time zones, from the IANA database that is compiled in: lists them, finds the one that a user
//! typed, and computes the offsets that a page needs.

use std::ops::Range;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use domain::time_format::{OffsetSince, TimeDisplay, TimePreference};

/// How far ahead a page gets offsets: no token and no page lives longer.
const AHEAD: Days = Days::new(800);
/// The search step. No zone keeps an offset for less time, except a few in the past.
const STRIDE: TimeDelta = TimeDelta::days(7);
/// The maximum number of suggested names.
const SUGGESTIONS: usize = 8;

/// The zone with this name; UTC if this version does not know it.
fn zone(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::UTC)
}

/// Everything that a page needs to format instants from `from` on for a user.
pub fn display(preference: TimePreference, from: DateTime<Utc>, now: DateTime<Utc>) -> TimeDisplay {
    let zone = zone(&preference.zone);
    let end = now.checked_add_days(AHEAD).unwrap_or(now);
    let mut offsets = vec![since(zone, from)];
    let mut reached = from;
    while reached < end {
        let next = reached + STRIDE;
        if minutes(zone, next) != minutes(zone, reached) {
            offsets.push(since(zone, change_between(zone, reached, next)));
        }
        reached = next;
    }
    TimeDisplay { preference, offsets }
}

fn since(zone: Tz, instant: DateTime<Utc>) -> OffsetSince {
    OffsetSince { since: instant.timestamp_millis(), minutes: minutes(zone, instant) }
}

/// The UTC offset of a zone at an instant, in minutes.
fn minutes(zone: Tz, instant: DateTime<Utc>) -> i32 {
    zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc() / 60
}

/// The first second at which a zone has the offset that it has at `late` (binary search).
fn change_between(zone: Tz, early: DateTime<Utc>, late: DateTime<Utc>) -> DateTime<Utc> {
    let (mut before, mut after) = (early.timestamp(), late.timestamp());
    let at = |second| DateTime::from_timestamp(second, 0).unwrap_or(late);
    while after - before > 1 {
        let middle = before.midpoint(after);
        let is_changed = minutes(zone, at(middle)) == minutes(zone, late);
        *(if is_changed { &mut after } else { &mut before }) = middle;
    }
    at(after)
}

/// The names to choose from, without legacy ones, each with its offset in minutes at `now`.
pub fn choices(now: DateTime<Utc>) -> impl Iterator<Item = (&'static str, i32)> {
    let current = TZ_VARIANTS.iter().filter(|zone| is_current(zone.name()));
    current.map(move |&zone| (zone.name(), minutes(zone, now)))
}

fn is_current(name: &str) -> bool {
    const REGIONS: [&str; 10] = [
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    ];
    name == "UTC" || name.split_once('/').is_some_and(|(region, _)| REGIONS.contains(&region))
}

/// Finds the zone that a user typed: its name in any case, or a part that only one name contains.
///
/// # Errors
/// No match, or several: then some suggestions.
pub fn find(typed: &str) -> Result<&'static str, Vec<&'static str>> {
    let wanted = typed.trim().replace(' ', "_").to_lowercase();
    let named = TZ_VARIANTS.iter().find(|zone| zone.name().to_lowercase() == wanted);
    if let Some(zone) = named {
        return Ok(zone.name());
    }
    if wanted.is_empty() {
        return Err(Vec::new());
    }
    let current = TZ_VARIANTS.iter().map(|zone| zone.name()).filter(|name| is_current(name));
    let alike: Vec<_> =
        current.filter(|name| name.to_lowercase().contains(&wanted)).take(SUGGESTIONS).collect();
    match alike[..] {
        [only] => Ok(only),
        _ => Err(alike),
    }
}

/// The zone with exactly this name, if there is one.
pub fn exact(name: &str) -> Option<&'static str> {
    name.parse().ok().map(|zone: Tz| zone.name())
}

/// The instants of a calendar day in the user's zone, without the next day's first.
pub fn day(preference: &TimePreference, day: NaiveDate) -> Range<DateTime<Utc>> {
    let zone = zone(&preference.zone);
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    midnight(zone, day)..midnight(zone, next)
}

/// The first instant of a day: an hour later if the clock goes forward at midnight.
fn midnight(zone: Tz, day: NaiveDate) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    let found = (0..=3)
        .filter_map(|hours| midnight.checked_add_signed(TimeDelta::hours(hours)))
        .find_map(|local| zone.from_local_datetime(&local).earliest());
    found.map_or_else(|| midnight.and_utc(), |first| first.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn preference(zone: &str) -> TimePreference {
        TimePreference { zone: zone.to_owned(), ..TimePreference::default() }
    }

    #[test]
    fn a_display_matches_the_zone_at_every_half_hour_of_its_range() {
        let (from, now) = (at("2024-01-01T00:30:00Z"), at("2026-11-23T18:42:00Z"));
        for name in [
            "Europe/Berlin",
            "America/St_Johns",
            "Australia/Lord_Howe",
            "Africa/Casablanca",
            "Asia/Kolkata",
        ] {
            let display = display(preference(name), from, now);
            let zone = zone(name);
            let mut instant = from;
            while instant < now + TimeDelta::days(780) {
                let local = instant.with_timezone(&zone).format("%Y-%m-%d %H:%M ").to_string();
                let written = display.written(instant);
                assert!(written.starts_with(&local), "{name}: {written} is not {local}");
                instant += TimeDelta::minutes(30);
            }
        }
    }

    #[test]
    fn a_display_holds_only_the_offset_changes() {
        let now = at("2026-11-23T18:42:00Z");
        assert_eq!(display(preference("Asia/Tokyo"), now, now).offsets.len(), 1);
        assert_eq!(display(preference("Europe/Berlin"), now, now).offsets.len(), 5);
    }

    #[test]
    fn an_unknown_zone_falls_back_to_utc() {
        let now = at("2026-11-23T18:42:00Z");
        let display = display(preference("Mars/Olympus_Mons"), now, now);
        assert_eq!(display.written(now), "2026-11-23 18:42 UTC");
    }

    #[test]
    fn a_zone_is_found_by_its_name_in_any_case_or_by_a_unique_part() {
        for (typed, found) in [
            ("Europe/Berlin", "Europe/Berlin"),
            (" europe/berlin ", "Europe/Berlin"),
            ("new york", "America/New_York"),
            ("utc", "UTC"),
            ("US/Eastern", "US/Eastern"),
        ] {
            assert_eq!(find(typed), Ok(found), "{typed}");
        }
    }

    #[test]
    fn an_ambiguous_or_unknown_zone_returns_suggestions() {
        assert_eq!(find("Atlantis"), Err(Vec::new()));
        assert_eq!(find("  "), Err(Vec::new()));
        assert_eq!(find("america").unwrap_err().len(), SUGGESTIONS);
        assert!(find("argentina/s").unwrap_err().contains(&"America/Argentina/Salta"));
    }

    #[test]
    fn a_day_is_shorter_or_longer_where_the_clock_changes() {
        for (zone, date, from, hours) in [
            ("UTC", "2026-11-23", "2026-11-23T00:00:00Z", 24),
            ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", 23),
            ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", 25),
            // The clock goes forward at midnight.
            ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", 23),
        ] {
            let found = day(&preference(zone), date.parse().unwrap());
            assert_eq!(found.start, at(from), "{zone} {date}");
            assert_eq!((found.end - found.start).num_hours(), hours, "{zone} {date}");
        }
    }
}
