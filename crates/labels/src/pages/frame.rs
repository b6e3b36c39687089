//! Texts of the layout that the pages share.

/// The product's name.
pub const PRODUCT: &str = "PPM Administrator";
/// The link that skips the navigation.
pub const SKIP: &str = "Skip to the content";
/// The label of the navigation.
pub const NAVIGATION: &str = "Main";
/// The link to the page with the tab.
pub const EMAIL: &str = "Email";
/// The link to the test messages.
pub const TEST_MESSAGES: &str = "Test messages";
/// The link to the health of mail.
pub const HEALTH: &str = "Health";
/// The link to the applications.
pub const APPLICATIONS: &str = "Applications";
/// The link to the audit trail.
pub const AUDIT_TRAIL: &str = "Audit trail";
/// The link to the user's time preferences.
pub const MY_PREFERENCES: &str = "My Preferences";
/// The link to the user's account.
pub const MY_ACCOUNT: &str = "My account";
/// The link to the help page.
pub const HELP: &str = "Help";

/// The product's version, at the end of each page.
pub fn version(version: &str) -> String {
    format!("PPM Email Settings {version}")
}

/// The heading if a page's data could not be loaded.
pub const NOT_LOADED: &str = "This could not be loaded.";

/// The title of the browser's window.
pub fn window_title(page: &str) -> String {
    format!("{page} · {PRODUCT}")
}
