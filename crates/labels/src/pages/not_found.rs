//! Texts of the 404 page.

/// The page's title.
pub const TITLE: &str = "Page not found";
/// The likely reasons.
pub const LEAD: &str = "The address may be mistyped, or the page may have moved.";
/// The link to the page with the tab.
pub const GO_TO_EMAIL: &str = "Go to the Email settings";
