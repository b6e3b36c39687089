//! The words of the pages around the tab.

use domain::audit::Action;

use super::{FAILED, duration};
use crate::api::ApiError;
use crate::service::{AuditRow, TurnedAway};
use crate::shell::{AccountProblem, PasswordProblem, SetUpProblem};

/// What somebody did, as the audit trail says it; `has_fields` tells whether it names controls.
#[must_use]
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
        Action::KeyChanged => "Changed the key that seals secrets",
    }
}

/// How often something happened, by which identity, from where and in which session, as far as it was
/// recorded.
#[must_use]
pub fn origin(row: &AuditRow) -> Option<String> {
    let times = (row.count > 1).then(|| format!("{} times", row.count));
    let by = row.issuer.as_ref().zip(row.subject.as_ref());
    let by = by.map(|(issuer, subject)| format!("by {subject} of {issuer}"));
    let from = row.address.as_ref().map(|address| format!("from {address}"));
    let within = row.session.as_ref().map(|session| format!("in session {session}"));
    let said: Vec<_> = times.into_iter().chain(by).chain(from).chain(within).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// For how many days rows of the audit trail are kept.
#[must_use]
pub fn audit_retention(days: u32) -> String {
    match days {
        0 => "Entries are kept forever.".to_owned(),
        1 => "Entries are kept for one day.".to_owned(),
        days => format!("Entries are kept for {days} days."),
    }
}

/// For how many days test messages are kept.
#[must_use]
pub fn message_retention(days: u32) -> String {
    const LATEST: &str = "Each person's latest message is kept longer.";
    match days {
        0 => "Test messages are kept forever.".to_owned(),
        1 => format!("Test messages are kept for one day. {LATEST}"),
        days => format!("Test messages are kept for {days} days. {LATEST}"),
    }
}

/// Said where a choice of times was not saved because the server failed.
pub const TIMES_NOT_SAVED: &str = "Something went wrong on the server, and nothing was saved; its log has the details. Your choices are still here: try again.";

/// What a new password has to be like.
pub const NEW_PASSWORD: &str =
    "At least 12 characters. A few random words work well; do not use your name or address.";

/// What a new password brings about.
pub const PASSWORD_ENDS_SESSIONS: &str =
    "Changing the password ends your other sessions. You stay signed in here.";

/// Said once a password was changed.
pub const PASSWORD_CHANGED: &str = "Your password was changed, and your other sessions have ended.";

/// Said where a person is known otherwise than by a session.
pub const NO_SESSION_HERE: &str = "You are signed in through the product you came from, or your organisation's proxy. Sign out there.";

/// How many sessions were ended.
#[must_use]
pub fn sessions_ended(count: usize) -> String {
    match count {
        0 => "That session had already ended.".to_owned(),
        1 => "One session was ended.".to_owned(),
        count => format!("{count} sessions were ended."),
    }
}

/// Why a form of the page My account was sent in vain.
#[must_use]
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

/// Said to somebody who may not be here, whoever says who they are.
#[must_use]
pub fn turned_away(TurnedAway { why, code, .. }: TurnedAway) -> String {
    if why == ApiError::Forbidden {
        return "You are signed in, but your account has no role here. Ask the administrator of your accounts for one.".to_owned();
    }
    format!(
        "Your identity could not be verified ({code}). Contact the administrator of the product you came from."
    )
}

/// What follows for somebody who has another account.
pub const ANOTHER_ACCOUNT: &str = "Every page here uses that account until you sign out of it there. Then you can use another one.";

/// Said where nobody signs in here: neither with a password nor by an organisation's account.
pub const SIGN_IN_ELSEWHERE: &str = "You cannot sign in on this page. The product you came from, or your organisation's proxy, signs you in: open the Email settings from there.";

/// The way out.
pub const SIGN_OUT: &str = "Sign out";

/// The way on from a session that has ended here to where the account belongs.
pub const GO_ON_OUT: &str = "Continue to sign out of your organisation's account";

/// Said where a host decides how times are written.
pub const THE_HOSTS_TIMES: &str =
    "The product you came from sets your date and time format. Change it there.";

/// Who did it, where no name is known.
#[must_use]
pub const fn actor(name: &str) -> &str {
    if name.is_empty() { "Unknown" } else { name }
}

/// Why nobody became the first administrator.
#[must_use]
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

/// What a window shows where something was posted to the callback that is no answer of a provider.
pub const NO_ANSWER: &str = "This address accepts only a provider's answer, and this request is not one. Go back to the Email settings of PPM, and press Get Auth Token again.\n";
