//! Texts of the 403 page.

/// The page's title.
pub const TITLE: &str = "No access";
/// The button that ends the session of this server.
pub const SIGN_OUT_HERE: &str = "Sign out here";
/// The link to the sign-in page.
pub const USE_ANOTHER_ACCOUNT: &str = "Use another account";
