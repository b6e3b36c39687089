//! Texts of the page with the latest test messages.

/// The page's title, and the label of its list.
pub const TITLE: &str = "Test messages";
/// The page's purpose.
pub const LEAD: &str = "The last ten test messages of all administrators.";
/// The heading if there is no message.
pub const NONE_YET: &str = "No test message has been sent yet.";
/// The instruction if there is no message: before the link, the link, after it.
pub const SEND_ONE: (&str, &str, &str) = ("Send one to yourself from the ", "Email settings", ".");
/// The outcome of a message that the mail server accepted.
pub const ACCEPTED: &str = "Accepted";
/// The outcome of a message that was not sent.
pub const FAILED: &str = "Failed";
/// The outcome of a message whose run the server did not finish.
pub const INTERRUPTED: &str = "Interrupted";
/// The text in place of an outcome while a message is sent.
pub const RUNNING: &str = "Running";

/// Who requested a message, and its recipient.
pub fn requested_by(person: &str, recipient: &str) -> String {
    format!("{person}, to {recipient}")
}
