//! Texts of the shell's pages: a module a page for its headings, labels and buttons, and here what codes
//! are converted to.

pub mod account;
pub mod applications;
pub mod audit;
pub mod email;
pub mod forbidden;
pub mod frame;
pub mod health;
pub mod help;
pub mod history;
pub mod not_found;
pub mod preferences;
pub mod set_up;
pub mod sign_in;
pub mod token_result;

use contract::pages::{AccountProblem, AuditRow, PasswordProblem, SetUpProblem};
use contract::{AccessDenied, ApiCode};
use domain::audit::Action;

use super::{FAILED, duration};

/// The text of an audit action; `has_fields` is whether controls are listed after it.
pub const fn action(action: Action, has_fields: bool) -> &'static str {
    match action {
        Action::SignedIn => "Signed in",
        Action::SignInFailed => "Sign-in failed",
        Action::SignedOut => "Signed out",
        Action::SessionEnded => "Ended a session",
        Action::SettingsSaved => "Saved the Email settings",
        Action::TestSent if has_fields => "Requested a test message with unsaved changes",
        Action::TestSent => "Requested a test message",
        Action::TokenRequested => "Requested a token",
        Action::TokenObtained => "Obtained a token",
        Action::TokenNotObtained => "Failed to obtain a token",
        Action::TokenDeleted => "Saved and deleted the token",
        Action::TokenGone => "The provider ended the consent for the token",
        Action::PreferencesSaved => "Saved time preferences",
        Action::SetUp => "Became the first administrator",
        Action::PersonAdded => "Added an account",
        Action::PersonRemoved => "Removed an account",
        Action::PasswordChanged => "Changed a password",
        Action::PasswordNotChanged => "Failed to change a password",
        Action::Refused => "Was refused",
        Action::ApplicationAdded => "Added an application",
        Action::ApplicationSenderAllowed => "Allowed an application another sender",
        Action::ApplicationChanged => "Changed an application",
        Action::ApplicationKeyAdded => "Added a key to an application",
        Action::ApplicationKeyRemoved => "Removed a key of an application",
        Action::ApplicationDisabled => "Disabled an application",
        Action::ApplicationEnabled => "Enabled an application",
        Action::ApplicationRemoved => "Removed an application",
        Action::MessageRetried => "Had a message tried again at once",
        Action::MessageCanceled => "Canceled a message",
        Action::MessageDiscarded => "Discarded a message",
        Action::RecipientErased => "Erased a recipient of messages",
        Action::KeyChanged => "Changed the key that seals secrets",
    }
}

/// The number of an audit entry's occurrences, if there was more than one.
pub fn times(count: i64) -> Option<String> {
    (count > 1).then(|| format!("{count} times"))
}

/// The recorded origin of an audit entry: identity, client address and session.
pub fn origin(row: &AuditRow) -> Option<String> {
    let by = row.issuer.as_ref().zip(row.subject.as_ref());
    let by = by.map(|(issuer, subject)| format!("by {subject} of {issuer}"));
    let from = row.address.as_ref().map(|address| format!("from {address}"));
    let within = row.session.as_ref().map(|session| format!("in session {session}"));
    let details: Vec<_> = by.into_iter().chain(from).chain(within).collect();
    (!details.is_empty()).then(|| details.join(" "))
}

/// The retention of the audit trail.
pub fn audit_retention(days: u32) -> String {
    match days {
        0 => "Entries are kept forever.".to_owned(),
        1 => "Entries are kept for one day.".to_owned(),
        days => format!("Entries are kept for {days} days."),
    }
}

/// The retention of test messages.
pub fn message_retention(days: u32) -> String {
    const LATEST: &str = "Each person's latest message is kept longer.";
    match days {
        0 => "Test messages are kept forever.".to_owned(),
        1 => format!("Test messages are kept for one day. {LATEST}"),
        days => format!("Test messages are kept for {days} days. {LATEST}"),
    }
}

/// The message if the time preference was not saved because the server failed.
pub const TIMES_NOT_SAVED: &str = "Something went wrong on the server, and nothing was saved; its log has the details. Your choices are still here: try again.";

/// The requirements for a new password.
pub const NEW_PASSWORD: &str =
    "At least 12 characters. A few random words work well; do not use your name or address.";

/// The effect of a password change.
pub const PASSWORD_ENDS_SESSIONS: &str =
    "Changing the password ends your other sessions. You stay signed in here.";

/// The message after a password change.
pub const PASSWORD_CHANGED: &str = "Your password was changed, and your other sessions have ended.";

/// The message for a user who is not signed in by a session of this server.
pub const NO_SESSION_HERE: &str = "You are signed in through the product you came from, or your organisation's proxy. Sign out there.";

/// The message after sessions were ended.
pub fn sessions_ended(count: usize) -> String {
    match count {
        0 => "That session had already ended.".to_owned(),
        1 => "One session was ended.".to_owned(),
        count => format!("{count} sessions were ended."),
    }
}

/// The error message of a form of the page My account.
pub fn account_problem(problem: AccountProblem) -> String {
    let problem = match problem {
        AccountProblem::Sessions => {
            return "Not every session could be ended; the server's log has the details. Try again."
                .to_owned();
        }
        AccountProblem::Password(problem) => problem,
    };
    match problem {
        PasswordProblem::Wrong => {
            "The current password is wrong. Your password was not changed.".to_owned()
        }
        PasswordProblem::TooMany { seconds } => {
            format!("Too many attempts. Try again in {}.", duration(seconds))
        }
        PasswordProblem::Busy { seconds } => {
            format!("The server is busy. Try again in {}.", duration(seconds))
        }
        PasswordProblem::TooShort => set_up_problem(SetUpProblem::PasswordTooShort).to_owned(),
        PasswordProblem::TooLong => set_up_problem(SetUpProblem::PasswordTooLong).to_owned(),
        PasswordProblem::Common => set_up_problem(SetUpProblem::PasswordCommon).to_owned(),
        PasswordProblem::Personal => set_up_problem(SetUpProblem::PasswordPersonal).to_owned(),
        PasswordProblem::Differ => "The new passwords do not match. Enter both again.".to_owned(),
        PasswordProblem::ServerFailed => set_up_problem(SetUpProblem::ServerFailed).to_owned(),
    }
}

/// The reason on the 403 page.
pub fn access_denied(AccessDenied { code, .. }: AccessDenied) -> String {
    if code.general() == ApiCode::Forbidden {
        return "You are signed in, but your account has no role here. Ask the administrator of your accounts for one.".to_owned();
    }
    format!(
        "Your identity could not be verified ({code}). Contact the administrator of the product you came from."
    )
}

/// The hint on the 403 page for users with another account.
pub const ANOTHER_ACCOUNT: &str = "Every page here uses that account until you sign out of it there. Then you can use another one.";

/// The hint on the sign-in page if it offers no sign-in method.
pub const EXTERNAL_SIGN_IN: &str = "You cannot sign in on this page. The product you came from, or your organisation's proxy, signs you in: open the Email settings from there.";

/// The sign-out button.
pub const SIGN_OUT: &str = "Sign out";

/// The link that continues to the provider's logout after the local session has ended.
pub const GO_ON_OUT: &str = "Continue to sign out of your organisation's account";

/// The message if the host sets the time preference.
pub const THE_HOSTS_TIMES: &str =
    "The product you came from sets your date and time format. Change it there.";

/// The name of an audit entry's user, or a text if it is unknown.
pub const fn actor(name: &str) -> &str {
    if name.is_empty() { "Unknown" } else { name }
}

/// The error message of the setup form.
pub const fn set_up_problem(problem: SetUpProblem) -> &'static str {
    match problem {
        SetUpProblem::Email => "Enter an email address, such as ada@example.com.",
        SetUpProblem::Name => "Enter your name, with at most 254 characters.",
        SetUpProblem::PasswordTooShort => "Enter a password of at least 12 characters.",
        SetUpProblem::PasswordTooLong => "Enter a password of at most 1,024 bytes.",
        SetUpProblem::PasswordCommon => {
            "This password is too common or follows a common pattern, so it is easy to guess. Use a few random words."
        }
        SetUpProblem::PasswordPersonal => {
            "This password is made of your name or email address, so it is easy to guess. Use a few random words."
        }
        SetUpProblem::PasswordsDiffer => "The passwords do not match. Enter both again.",
        SetUpProblem::ServerFailed => FAILED,
    }
}

/// The response to a POST to the callback that is not an authorization response.
pub const NO_ANSWER: &str = "This address accepts only a provider's answer, and this request is not one. Go back to the Email settings of PPM, and press Get Auth Token again.\n";
