//! Texts about an open incident, which the tab and the page Health share.

use domain::delivery::Step;

use super::step;

/// The heading of an open incident.
pub const STOPPED: &str = "Email has stopped.";
/// The announcement once an incident has closed.
pub const WORKS_AGAIN: &str = "Email works again.";
/// The link to the page Health.
pub const SHOW_HEALTH: &str = "Show health";

/// The button that moves to the banner.
pub const SHOW_WHY: &str = "Show why";
/// The button that fills in the settings that last worked.
pub const RESTORE: &str = "Restore what last worked";
/// Whose settings are restored.
pub fn last_worked(by: Option<&str>, at: Option<&str>) -> String {
    let by = by.map(|name| format!(" by {name}")).unwrap_or_default();
    let at = at.map(|at| format!(" on {at}")).unwrap_or_default();
    format!("Fills in the settings saved{by}{at}. They take effect when you save.")
}

/// The step that failed, with the likely cause.
pub fn failure(at: Step, cause: &str) -> String {
    format!("{} failed: {cause}", step(at))
}

/// Since when mail does not work, and the number of failures.
pub fn since(at: &str, failures: i64) -> String {
    format!("Since {at}, {}.", self::failures(failures))
}

/// The number of failures.
pub fn failures(number: i64) -> String {
    super::token::count(number, "failure")
}
