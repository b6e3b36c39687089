//! Texts of the page around the tab.

/// The page's title.
pub const TITLE: &str = "Email";
/// The page's purpose.
pub const LEAD: &str = "How PPM Administrator and the other PPM products send mail.";
/// The message in a browser that runs no script.
pub const NO_SCRIPT: &str = "This page needs JavaScript and WebAssembly to save and test settings. Allow both for this site, then reload.";
/// The message if the page's program has not started.
pub const NOT_STARTED: &str = "This page could not be started, so nothing can be saved. Reload it. If that does not help, WebAssembly may be blocked in this browser: allow it for this site, or use another browser.";
