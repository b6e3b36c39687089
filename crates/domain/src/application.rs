//! Applications: the products that send through the saved settings, each with its own keys.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::named::json_enum;
use crate::syntax::address::{email_address, is_same_address};
use crate::syntax::text::is_unsafe_in_one_line;

/// The maximum length of a name, in characters.
pub const MAX_NAME: usize = 100;
/// The maximum number of senders beside Default Sender Email.
pub const MAX_SENDERS: usize = 50;
/// The maximum rate, in messages a minute.
pub const MAX_PER_MINUTE: i64 = 100_000;
/// The maximum number of keys: an old one stays valid until it is removed.
pub const MAX_KEYS: usize = 2;

/// What an administrator decides about an application.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApplicationSettings {
    /// Its name, unique regardless of case.
    pub name: String,
    /// The senders that it may use beside Default Sender Email.
    pub senders: Vec<String>,
    /// How many messages a minute it may hand over; `None` for any number.
    pub per_minute: Option<i64>,
    /// Whether a message is sent again if the connection was lost after its final dot, so that its
    /// recipients may get it twice. Otherwise its state stays unknown.
    pub sends_again: bool,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// A random ID, which is never reused.
    pub id: String,
    /// What an administrator has decided.
    pub settings: ApplicationSettings,
    /// Whether it may not send now.
    pub is_disabled: bool,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last handed over a message.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Its last refused request.
    pub last_refusal: Option<LastRefusal>,
    /// Its keys, the oldest first.
    pub keys: Vec<KeyInfo>,
}

/// A refused request of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRefusal {
    /// When it was refused.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: Refusal,
}

/// The part of a key that may be displayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// The public beginning of the key.
    pub prefix: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

json_enum! {
    /// Why a request of an application was refused.
    #[derive(Hash)]
    pub enum Refusal {
        /// An administrator has disabled it.
        Disabled = "disabled",
        /// From, Sender or the envelope sender is not allowed.
        SenderNotAllowed = "sender-not-allowed",
        /// It exceeded its rate.
        TooFast = "too-fast",
        /// The message is malformed.
        Malformed = "malformed",
        /// The message is too large.
        TooLarge = "too-large",
    }
}

/// A problem of [`ApplicationSettings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationProblem {
    /// The name is empty.
    NameMissing,
    /// The name has control characters or more than [`MAX_NAME`] characters.
    NameInvalid,
    /// Another application has this name.
    NameTaken,
    /// This is no address.
    SenderInvalid(String),
    /// There are more senders than [`MAX_SENDERS`].
    TooManySenders,
    /// The rate is not between 1 and [`MAX_PER_MINUTE`].
    RateInvalid,
}

impl fmt::Display for ApplicationProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameMissing => write!(f, "the name is empty"),
            Self::NameInvalid => {
                write!(f, "the name has control characters or more than {MAX_NAME} characters")
            }
            Self::NameTaken => write!(f, "another application has this name"),
            Self::SenderInvalid(_) => write!(f, "a sender is not an email address"),
            Self::TooManySenders => write!(f, "there are more than {MAX_SENDERS} senders"),
            Self::RateInvalid => write!(f, "the rate is not between 1 and {MAX_PER_MINUTE}"),
        }
    }
}

impl std::error::Error for ApplicationProblem {}

impl ApplicationSettings {
    /// Returns the settings without surrounding blanks and repeated senders.
    ///
    /// # Errors
    /// The first problem.
    pub fn checked(self) -> Result<Self, ApplicationProblem> {
        let name = self.name.trim().to_owned();
        if name.is_empty() {
            return Err(ApplicationProblem::NameMissing);
        }
        if name.chars().count() > MAX_NAME || name.contains(is_unsafe_in_one_line) {
            return Err(ApplicationProblem::NameInvalid);
        }
        if self.per_minute.is_some_and(|rate| !(1..=MAX_PER_MINUTE).contains(&rate)) {
            return Err(ApplicationProblem::RateInvalid);
        }
        let mut senders: Vec<String> = Vec::new();
        for sender in self.senders.iter().map(|sender| sender.trim()).filter(|it| !it.is_empty()) {
            if email_address(sender).is_err() {
                return Err(ApplicationProblem::SenderInvalid(sender.to_owned()));
            }
            if !senders.iter().any(|other| is_same_address(other, sender)) {
                senders.push(sender.to_owned());
            }
        }
        if senders.len() > MAX_SENDERS {
            return Err(ApplicationProblem::TooManySenders);
        }
        Ok(Self { name, senders, ..self })
    }

    /// Whether the application may use this address, beside Default Sender Email.
    pub fn allows(&self, address: &str, default_sender: &str) -> bool {
        is_same_address(address, default_sender)
            || self.senders.iter().any(|sender| is_same_address(sender, address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(name: &str, senders: &[&str]) -> ApplicationSettings {
        let senders = senders.iter().map(|&sender| sender.to_owned()).collect();
        ApplicationSettings { name: name.to_owned(), senders, ..ApplicationSettings::default() }
    }

    #[test]
    fn a_name_is_needed_and_has_one_line() {
        let too_long = "n".repeat(MAX_NAME + 1);
        for (name, problem) in [
            (" ", ApplicationProblem::NameMissing),
            ("a\nb", ApplicationProblem::NameInvalid),
            (too_long.as_str(), ApplicationProblem::NameInvalid),
        ] {
            assert_eq!(settings(name, &[]).checked(), Err(problem), "{name:?}");
        }
    }

    #[test]
    fn senders_are_addresses_and_each_is_kept_once() {
        let checked = settings("Planner", &[" a@example.com", "", "A@EXAMPLE.COM"]).checked();
        assert_eq!(checked.expect("they are valid").senders, ["a@example.com"]);
        let invalid = settings("Planner", &["nobody"]).checked();
        assert_eq!(invalid, Err(ApplicationProblem::SenderInvalid("nobody".to_owned())));
    }

    #[test]
    fn an_application_may_use_the_default_sender_and_its_own() {
        let planner = settings("Planner", &["planner@example.com", "planner@bücher.example"]);
        for (address, allowed) in [
            ("ppm@example.com", true),
            ("Planner@Example.COM", true),
            ("planner@xn--bcher-kva.example", true),
            ("ceo@example.com", false),
            ("planner@example.com.evil.example", false),
            ("", false),
        ] {
            assert_eq!(planner.allows(address, "ppm@example.com"), allowed, "{address}");
        }
    }

    #[test]
    fn a_rate_is_at_least_one_message_a_minute() {
        let with = |per_minute| ApplicationSettings { per_minute, ..settings("Planner", &[]) };
        assert!(with(Some(1)).checked().is_ok());
        assert_eq!(with(Some(0)).checked(), Err(ApplicationProblem::RateInvalid));
    }
}
