//! Texts of the audit trail.

/// The page's title.
pub const TITLE: &str = "Audit trail";
/// The page's purpose.
pub const LEAD: &str =
    "Who did what and when. Field names are recorded, never values. Entries cannot be changed.";
/// The link to older entries.
pub const OLDER: &str = "Older";
/// The link that removes the filter.
pub const SHOW_ALL: &str = "Show all";
/// The text if the filter excludes every entry.
pub const NO_MATCH: &str = "No entries match.";
/// The caption of the table.
pub const NEWEST_FIRST: &str = "Entries, newest first";
/// The heading of the column with the time.
pub const WHEN: &str = "When";
/// The heading of the column with the user.
pub const WHO: &str = "Who";
/// The heading of the column with the action.
pub const WHAT: &str = "What";
/// The label of the filter by user.
pub const PERSON: &str = "Person";
/// The option of that filter that includes every user.
pub const EVERYONE: &str = "Everyone";
/// The label of the filter by day.
pub const DAY: &str = "Day";
/// The button that applies the filter.
pub const SHOW: &str = "Show";
