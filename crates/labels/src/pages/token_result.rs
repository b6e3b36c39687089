//! Texts of the page to which a consent returns.

/// The page's title.
pub const TITLE: &str = "Token";
/// The heading after a success.
pub const OBTAINED: &str = "Token obtained";
/// The next step after a success.
pub const OBTAINED_LEAD: &str =
    "PPM can send mail now. Send a test email from the Email settings to check that it works.";
/// The heading after admin consent for an organisation.
pub const CONSENT_GRANTED: &str = "Consent was granted";
/// The heading after a failure.
pub const NOT_OBTAINED: &str = "No token was obtained";
/// The heading while the attempt runs.
pub const RUNNING: &str = "One moment…";
/// The instruction while the attempt runs.
pub const RUNNING_LEAD: &str =
    "PPM is requesting the token from the provider. Reload this page to see the result.";
/// The hint in a pop-up.
pub const CLOSE_WINDOW: &str =
    "You can close this window. The Email settings show the same result.";
/// The link back to the tab.
pub const BACK_TO_EMAIL: &str = "Back to the Email settings";
/// The link to the tab, if there is no attempt.
pub const GO_TO_EMAIL: &str = "Go to the Email settings";
/// The heading if the attempt could not be loaded.
pub const NOT_LOADED: &str = "This could not be loaded";
