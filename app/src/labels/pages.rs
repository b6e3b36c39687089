//! The words of the pages around the tab.

use domain::audit::Action;

use crate::api::ApiError;
use crate::service::TurnedAway;
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
        Action::TestSent if has_fields => "Asked for a test message with unsaved changes",
        Action::TestSent => "Asked for a test message",
        Action::TokenRequested => "Asked for a token",
        Action::TokenObtained => "Obtained a token",
        Action::TokenNotObtained => "Obtained no token",
        Action::TokenDeleted => "Deleted the token by saving",
        Action::TokenGone => "The provider ended the consent to the token",
        Action::PreferencesSaved => "Saved time preferences",
        Action::SetUp => "Became the first administrator",
        Action::PersonAdded => "Added an account",
        Action::PersonRemoved => "Removed an account",
        Action::PasswordChanged => "Changed a password",
        Action::PasswordNotChanged => "Gave a wrong password to change it",
        Action::Refused => "Was refused",
        Action::KeyChanged => "Changed the key that seals secrets",
    }
}

/// How often something happened, from where and in which session, as far as there is something to say.
#[must_use]
pub fn occurrences(count: i64, address: Option<&str>, session: Option<&str>) -> Option<String> {
    let times = (count > 1).then(|| format!("{count} times"));
    let from = address.map(|address| format!("from {address}"));
    let within = session.map(|session| format!("in session {session}"));
    let said: Vec<_> = times.into_iter().chain(from).chain(within).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// For how many days rows of the audit trail are kept.
#[must_use]
pub fn audit_retention(days: u32) -> String {
    match days {
        0 => "Rows are kept for ever.".to_owned(),
        1 => "Rows are kept for one day.".to_owned(),
        days => format!("Rows are kept for {days} days."),
    }
}

/// For how many days test messages are kept.
#[must_use]
pub fn message_retention(days: u32) -> String {
    const LATEST: &str = "The latest message of each person is kept for longer.";
    match days {
        0 => "Test messages are kept for ever.".to_owned(),
        1 => format!("Test messages are kept for one day. {LATEST}"),
        days => format!("Test messages are kept for {days} days. {LATEST}"),
    }
}

/// Said where a choice of times was not saved because the server failed.
pub const TIMES_NOT_SAVED: &str =
    "The server could not save this; its log says why. Your choices are still here: try again.";

/// What a new password is to be like.
pub const NEW_PASSWORD: &str = "At least 12 characters: a few words that do not belong together are good, your name and address are not.";

/// What a new password brings about.
pub const PASSWORD_ENDS_SESSIONS: &str = "Your other sessions end. You stay signed in here.";

/// Said once a password was changed.
pub const PASSWORD_CHANGED: &str = "Your password was changed, and your other sessions have ended.";

/// Said where a person is known otherwise than by a session.
pub const NO_SESSION_HERE: &str = "You are signed in by the product that you come from, or by your organisation's proxy: that is where you sign out.";

/// How many sessions were ended.
#[must_use]
pub fn sessions_ended(count: usize) -> String {
    match count {
        0 => "There was no such session any more.".to_owned(),
        1 => "One session was ended.".to_owned(),
        count => format!("{count} sessions were ended."),
    }
}

/// Why a form of the page My account was sent in vain.
#[must_use]
pub fn account_problem(problem: AccountProblem) -> String {
    let problem = match problem {
        AccountProblem::Sessions => {
            return "The sessions could not be ended; the server's log says why. Try again."
                .to_owned();
        }
        AccountProblem::Password(problem) => problem,
    };
    match problem {
        PasswordProblem::Wrong => {
            "The present password is wrong. Your password was not changed.".to_owned()
        }
        PasswordProblem::TooMany { minutes: 1 } => {
            "The present password was wrong too often. Try again in a minute.".to_owned()
        }
        PasswordProblem::TooMany { minutes } => {
            format!("The present password was wrong too often. Try again in {minutes} minutes.")
        }
        PasswordProblem::Busy => "The server is busy. Try again in a moment.".to_owned(),
        PasswordProblem::TooShort => set_up_problem(SetUpProblem::PasswordTooShort).to_owned(),
        PasswordProblem::TooLong => set_up_problem(SetUpProblem::PasswordTooLong).to_owned(),
        PasswordProblem::Common => set_up_problem(SetUpProblem::PasswordCommon).to_owned(),
        PasswordProblem::Personal => set_up_problem(SetUpProblem::PasswordPersonal).to_owned(),
        PasswordProblem::Differ => {
            "The two new passwords are not the same. Type both again.".to_owned()
        }
        PasswordProblem::ServerFailed => set_up_problem(SetUpProblem::ServerFailed).to_owned(),
    }
}

/// Said to somebody who may not be here, whoever says who they are.
#[must_use]
pub fn turned_away(TurnedAway { why, code, .. }: TurnedAway) -> String {
    if why == ApiError::Forbidden {
        return "You are signed in, but your account has no role here. Ask whoever administers your accounts for one.".to_owned();
    }
    format!(
        "Who you are was not believed ({code}). Whoever runs the product that you come from has to mend that."
    )
}

/// What follows for somebody who has another account.
pub const ANOTHER_ACCOUNT: &str = "Every page here goes by that account until you sign out of it where it belongs. Then you can use another one.";

/// Said where nobody signs in here: neither with a password nor by an organisation's account.
pub const SIGN_IN_ELSEWHERE: &str = "Nobody signs in on this page. You are signed in by the product that you come from, or by your organisation's proxy: open the Email settings from there.";

/// The way out.
pub const SIGN_OUT: &str = "Sign out";

/// The way on from a session that has ended here to where the account belongs.
pub const GO_ON_OUT: &str = "Go on to sign out of your organisation's account";

/// Said where a host decides how times are written.
pub const THE_HOSTS_TIMES: &str =
    "The product that you come from says how dates and times are written for you. Change it there.";

/// Who did it, where no name is known.
#[must_use]
pub const fn actor(name: &str) -> &str {
    if name.is_empty() { "Unknown" } else { name }
}

/// Why nobody became the first administrator.
#[must_use]
pub const fn set_up_problem(problem: SetUpProblem) -> &'static str {
    match problem {
        SetUpProblem::Email => "This is no e-mail address. An example: ada@example.com.",
        SetUpProblem::Name => "Enter your name, in at most 254 characters.",
        SetUpProblem::PasswordTooShort => "The password needs at least 12 characters.",
        SetUpProblem::PasswordTooLong => "The password may have at most 1,024 bytes.",
        SetUpProblem::PasswordCommon => {
            "This password is among those that are guessed first, or follows a common pattern. Take a few words that do not belong together."
        }
        SetUpProblem::PasswordPersonal => {
            "This password is made of your own name or e-mail address, which are guessed first. Take a few words that have nothing to do with you."
        }
        SetUpProblem::PasswordsDiffer => "The two passwords are not the same. Type both again.",
        SetUpProblem::ServerFailed => "The server could not do it; its log says why. Try again.",
    }
}

/// What a window shows where something was posted to the callback that is no answer of a provider.
pub const NO_ANSWER: &str = "This address takes the answer of a provider, and what came here is none. Go back to the Email settings of PPM, and press Get Auth Token again.\n";
