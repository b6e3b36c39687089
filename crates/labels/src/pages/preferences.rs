//! Texts of the user's time preferences.

use domain::time_format::ClockStyle;

/// The page's title.
pub const TITLE: &str = "My Preferences, Time";
/// The page's purpose.
pub const LEAD: &str = "How PPM shows dates and times to you.";
/// The texts before and after the current time.
pub const IT_IS_NOW: (&str, &str) = ("It is now ", ".");
/// The name of the choice of a date format.
pub const DATE_FORMAT: &str = "Date format";
/// The name of the choice of a clock.
pub const CLOCK: &str = "Clock";
/// The name of the choice of a time zone, and the label of its control.
pub const TIME_ZONE: &str = "Time zone";
/// The help text of that control.
pub const TIME_ZONE_HELP: &str =
    "Type a city to search, such as Berlin or New York. The list shows the matches.";
/// The button that enters the browser's time zone, whose name follows in brackets.
pub const USE_BROWSERS_ZONE: &str = "Use this browser's time zone";
/// The error message if no time zone matches.
pub const NO_ZONE: &str = "No time zone matches. Enter the name of a large city near you.";
/// The text before an example in the saved format.
pub const SHOWN_AS: &str = "Currently shown as: ";
/// The button that saves.
pub const SAVE: &str = "Save";

/// The name of a clock.
pub const fn clock(clock: ClockStyle) -> &'static str {
    match clock {
        ClockStyle::TwentyFourHours => "24 hours",
        ClockStyle::TwelveHours => "12 hours",
    }
}

/// The message after a save.
pub fn saved(now: &str) -> String {
    format!("Saved. It is now {now}.")
}

/// The error message if several time zones match.
pub fn several_zones(zones: &[&str]) -> String {
    format!("Several time zones match: {}. Enter one of them.", zones.join(", "))
}
