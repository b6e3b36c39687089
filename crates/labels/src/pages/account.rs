//! Texts of the page My account.

/// The page's title.
pub const TITLE: &str = "My account";
/// The page's purpose.
pub const LEAD: &str = "Your password, and where you are signed in.";
/// The heading of the user's sessions.
pub const YOUR_SESSIONS: &str = "Your sessions";
/// The heading of the sessions of other users.
pub const OTHER_PEOPLES_SESSIONS: &str = "Sessions of other people";
/// The text if no other user has a session.
pub const NO_OTHER_SESSION: &str = "No other user has a session.";
/// The button that ends the user's other sessions.
pub const END_MY_OTHERS: &str = "End all other sessions";
/// The button that ends the sessions of all other users.
pub const END_ALL_OF_THESE: &str = "End all of these";
/// The button that ends one session, and the heading of its column.
pub const END: &str = "End";
/// The mark of the session of this request.
pub const THIS_SESSION: &str = "This session";
/// The heading of the column with the user.
pub const PERSON: &str = "Person";
/// The heading of the column with the start of the session.
pub const SIGNED_IN: &str = "Signed in";
/// The heading of the column with the client's address.
pub const FROM: &str = "From";
/// The heading of the column with the last request.
pub const LAST_SEEN: &str = "Last seen";
/// The text before a session's ID.
pub const SESSION: &str = "Session ";
/// The text in place of an unknown address.
pub const UNKNOWN: &str = "Unknown";
/// The name of the password form, and of its button.
pub const CHANGE_PASSWORD: &str = "Change password";
/// The label of the current password.
pub const CURRENT_PASSWORD: &str = "Current password";
/// The label of the new password.
pub const NEW_PASSWORD: &str = "New password";
/// The label of the new password, entered again.
pub const CONFIRM_NEW_PASSWORD: &str = "Confirm new password";

/// The accessible name of the button that ends a session.
pub fn end_session_of(name: &str, began: &str) -> String {
    format!("End the session of {name}, signed in {began}")
}
