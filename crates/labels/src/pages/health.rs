//! Texts of the page Health.

use chrono::{DateTime, NaiveDate, Utc};
use contract::pages::{CheckOutcome, HealthPage, NextCheck};
use domain::delivery::{Diagnosis, Step};
use domain::health::{Expiry, Health};

use crate::alert::{credential, expires};
use crate::incident::{STOPPED, failure};
use crate::token::{span, time_left};
use crate::{FAILED, diagnosis_words};

/// The page's title.
pub const TITLE: &str = "Health";
/// The page's purpose.
pub const LEAD: &str = "Whether email works, when PPM checks it, and when it had stopped.";
/// The heading of the checks.
pub const CHECKS: &str = "Checks";
/// The name of the last check.
pub const LAST_CHECK: &str = "Last check";
/// The name of the next check.
pub const NEXT_CHECK: &str = "Next check";
/// The name of the last message.
pub const LAST_MESSAGE: &str = "Last message accepted";
/// The value before the first check.
pub const NOT_CHECKED: &str = "not checked yet";
/// The button that checks the sign-in.
pub const CHECK_NOW: &str = "Check now";
/// What a check does.
pub const CHECK_HELP: &str = "Signs in with the saved settings. No message is sent.";
/// The heading of the credentials.
pub const CREDENTIALS: &str = "Expiry dates";
/// The text if no expiry date is known.
pub const NO_EXPIRY: &str = "No expiry date is known. Enter those of the Password and the Client Secret in the Email settings, in Secret expires on.";
/// The heading of the column with the credential.
pub const CREDENTIAL: &str = "Credential";
/// The heading of the column with the expiry date.
pub const EXPIRES_ON: &str = "Expires on";
/// The heading of the column with the days left.
pub const LEFT: &str = "Left";
/// The heading of the list of incidents.
pub const INCIDENTS: &str = "Incidents";
/// The text before the first incident.
pub const NO_INCIDENT: &str = "Email has not stopped so far.";
/// The heading of the column with the first failure.
pub const SINCE: &str = "Since";
/// The heading of the column with the duration.
pub const DURATION: &str = "Duration";
/// The heading of the column with the cause.
pub const CAUSE: &str = "Cause";
/// The duration of an open incident.
pub const OPEN: &str = "still open";
/// The link to the tab.
pub const EMAIL_SETTINGS: &str = "Go to the Email settings";

/// The state in one sentence.
pub fn state(page: &HealthPage) -> String {
    // A message that was accepted since says more.
    let is_failing = page.last_check.is_some_and(|check| {
        check.failure.is_some() && page.accepted_at.is_none_or(|at| at < check.at)
    });
    let is_unknown = page.last_check.is_none() && page.accepted_at.is_none();
    match (page.health, page.next_check) {
        (Health::Down, _) => STOPPED.to_owned(),
        (_, NextCheck::WhenComplete) => {
            "The settings are incomplete, so no email is sent.".to_owned()
        }
        (_, NextCheck::WithToken) => "Email waits for a token: select Get Auth Token.".to_owned(),
        (_, _) if is_failing => {
            "The last check failed. If this goes on, email has stopped.".to_owned()
        }
        (_, _) if is_unknown => "Email has not been checked yet.".to_owned(),
        (Health::Degraded, _) => match page.expiries.first() {
            Some(expiry) => {
                let left = expiry.days_left(page.now.date_naive());
                format!("Email works. {} {}.", credential(expiry.credential), expires(left))
            }
            None => WORKS.to_owned(),
        },
        (Health::Up, _) => WORKS.to_owned(),
    }
}

const WORKS: &str = "Email works.";

/// The duration of an incident.
pub fn lasted(since: DateTime<Utc>, until: DateTime<Utc>) -> String {
    span((until - since).num_seconds())
}

/// The duration of an incident so far.
pub fn so_far(since: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("For {} so far.", lasted(since, now))
}

/// A check: when, its duration and its result.
pub fn check(at: &str, millis: i64, failed: Option<(Step, Diagnosis)>) -> String {
    match failed {
        None => format!("{at}, succeeded in {millis} ms"),
        Some((step, diagnosis)) => {
            format!("{at}, after {millis} ms: {}", cause(step, diagnosis))
        }
    }
}

/// The step that failed, with the likely cause.
pub fn cause(step: Step, diagnosis: Diagnosis) -> String {
    failure(step, diagnosis_words(diagnosis).cause)
}

/// When the sign-in is checked next; `at` is the instant, if there is one.
pub fn next_check(next: NextCheck, at: &str, now: DateTime<Utc>) -> String {
    match next {
        NextCheck::At(instant) if instant <= now => "now".to_owned(),
        NextCheck::At(instant) => {
            format!("{at}, {}", time_left((instant - now).num_seconds()))
        }
        NextCheck::Off => "never: checks are off (--health-check off)".to_owned(),
        NextCheck::WhenComplete => "once the saved settings are complete".to_owned(),
        NextCheck::WithToken => "after Get Auth Token".to_owned(),
        NextCheck::AfterChange => "after the next save, or a new token".to_owned(),
    }
}

/// The days until a credential ends.
pub fn days_left(expiry: Expiry, today: NaiveDate) -> String {
    match expiry.days_left(today) {
        ..0 => "expired".to_owned(),
        0 => "today".to_owned(),
        days => crate::token::count(days, "day"),
    }
}

/// What a request to check now has done.
pub const fn check_outcome(outcome: CheckOutcome) -> &'static str {
    match outcome {
        CheckOutcome::Checked => "The sign-in was checked. The result is below.",
        CheckOutcome::NotPossible => {
            "Nothing was checked: the saved settings are incomplete, or have no token. Complete and save them, or select Get Auth Token."
        }
        CheckOutcome::Running => "The check takes longer. Reload this page to see its result.",
        CheckOutcome::Failed => FAILED,
    }
}
