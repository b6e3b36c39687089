//! Texts of the page that creates the first administrator.

/// The page's title.
pub const TITLE: &str = "Set up";
/// The page's purpose.
pub const LEAD: &str = "Create the first administrator account for PPM's email settings.";
/// The label of the user's name.
pub const NAME: &str = "Name";
/// The label of the user's address.
pub const EMAIL: &str = "Email";
/// The help text of the user's address.
pub const EMAIL_HELP: &str = "You sign in with this address, and test messages go to it.";
/// The label of the password.
pub const PASSWORD: &str = "Password";
/// The label of the password, entered again.
pub const CONFIRM_PASSWORD: &str = "Confirm password";
/// The button that creates the account.
pub const CREATE: &str = "Create administrator";
/// The link to the sign-in page.
pub const SIGN_IN: &str = "Sign in";
/// The heading for a link that has expired.
pub const LINK_OVER: &str = "This link no longer works";
/// The instruction for a link that has expired.
pub const LINK_OVER_LEAD: &str = "The link works once, and only for ten minutes after the server has started. Restart the server: it then prints a new link.";
/// The heading if this server has no local accounts.
pub const NOT_OFFERED: &str = "Setup is not available";
/// The reason why this server has no setup link.
pub const NOT_OFFERED_LEAD: &str =
    "People sign in to this server in another way, so it prints no setup link.";
/// The heading if there is an administrator.
pub const DONE: &str = "Setup is done";
/// The instruction if there is an administrator.
pub const DONE_LEAD: &str = "An administrator account already exists. Sign in with it.";
/// The heading if the server failed.
pub const FAILED: &str = "Setup is not possible now";
/// The instruction if the server failed.
pub const FAILED_LEAD: &str =
    "Something went wrong on the server; its log has the details. Reload the page.";
