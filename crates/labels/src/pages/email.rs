//! Texts of the page around the tab.

/// The page's title.
pub const TITLE: &str = "Email";
/// The page's purpose.
pub const LEAD: &str = "How PPM Administrator and the other PPM products send mail.";
