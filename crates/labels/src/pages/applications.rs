//! Texts of the page Applications.

use domain::application::{ApplicationProblem, MAX_NAME, MAX_PER_MINUTE, MAX_SENDERS, Refusal};

/// The page's title.
pub const TITLE: &str = "Applications";
/// The page's purpose.
pub const LEAD: &str = "The products that send email through these settings. Each has its own key.";
/// The text before the first application.
pub const NONE: &str =
    "No application can send yet. Add one below, and enter its key in that product.";
/// The caption of the table, and the heading above it.
pub const LIST: &str = "Applications";
/// The heading of the form that adds an application.
pub const ADD: &str = "Add an application";
/// The label of the name.
pub const NAME: &str = "Name";
/// The help of the name.
pub const NAME_HELP: &str = "Such as PPM Planner. Names are unique, regardless of case.";
/// The label of the senders.
pub const SENDERS: &str = "Allowed senders";
/// The label of the rate.
pub const PER_MINUTE: &str = "Messages a minute";
/// The help of the rate.
pub const PER_MINUTE_HELP: &str = "Empty for any number. A faster application is told to wait.";
/// The label of the choice after a lost connection.
pub const SENDS_AGAIN: &str =
    "Send again if the connection was lost and the mail server may have the message already";
/// The button that saves what an application may do.
pub const SAVE: &str = "Save";
/// The text that opens the form of an application.
pub const CHANGE: &str = "Change";
/// The heading of the column with the keys.
pub const KEYS: &str = "Keys";
/// The heading of the column with the last use.
pub const USE: &str = "Last used";
/// The text for an application that was never used.
pub const NEVER: &str = "never";
/// The heading of the column with the buttons.
pub const ACTIONS: &str = "Actions";
/// The mark of a disabled application.
pub const DISABLED: &str = "disabled";
/// The button that adds a second key.
pub const ROTATE: &str = "New key";
/// The button that removes a key.
pub const REMOVE_KEY: &str = "Remove this key";
/// The button that disables an application.
pub const DISABLE: &str = "Disable";
/// The button that enables an application.
pub const ENABLE: &str = "Enable";
/// The text that opens the question before an application is removed.
pub const REMOVE: &str = "Remove";
/// The question before an application is removed.
pub const REMOVE_QUESTION: &str =
    "Its keys stop working at once. Messages that were accepted are still sent.";
/// The button that removes an application.
pub const REMOVE_NOW: &str = "Remove it now";
/// The label of a new key.
pub const KEY: &str = "Key";
/// The heading of a problem.
pub const NOT_DONE: &str = "Nothing was changed.";

/// The heading of a new key.
pub fn new_key(name: &str) -> String {
    format!("The new key of {name}")
}

/// What to do with a new key.
pub const COPY_KEY: &str = "Copy it now and enter it in the product. It is not shown again.";
/// What to do after a rotation.
pub const AFTER_ROTATION: &str =
    "An older key stays valid. Remove it once the product uses the new one.";
/// An application has two keys already.
pub const TOO_MANY_KEYS: &str =
    "This application has two keys already. Remove the one that the product does not use any more.";
/// The application was removed meanwhile.
pub const GONE: &str = "This application or key was removed in the meantime.";
/// The database failed.
pub const FAILED: &str = "The server could not save this. Try again.";

/// The help of the senders.
pub fn senders_help(default_sender: &str) -> String {
    match default_sender {
        "" => "One address a line. Default Sender Email is always allowed.".to_owned(),
        sender => format!("One address a line. {sender} (Default Sender Email) is always allowed."),
    }
}

/// The accessible name of a button for an application.
pub fn button_for(button: &str, name: &str) -> String {
    format!("{button}: {name}")
}

/// A key by its public beginning.
pub fn key(prefix: &str, made: &str) -> String {
    format!("ppm_{prefix}…, made {made}")
}

/// A rate.
pub fn rate(per_minute: i64) -> String {
    format!("at most {per_minute} a minute")
}

/// Why a request was refused.
pub const fn refusal(reason: Refusal) -> &'static str {
    match reason {
        Refusal::Disabled => "the application is disabled",
        Refusal::SenderNotAllowed => "the sender is not allowed",
        Refusal::TooFast => "too many messages a minute",
        Refusal::Malformed => "the message is malformed",
        Refusal::TooLarge => "the message is too large",
    }
}

/// The last refusal.
pub fn last_refusal(at: &str, reason: Refusal) -> String {
    format!("Last refused {at}: {}.", refusal(reason))
}

/// What is wrong with what was entered.
pub fn problem(problem: &ApplicationProblem) -> String {
    match problem {
        ApplicationProblem::NameMissing => "Enter a name.".to_owned(),
        ApplicationProblem::NameInvalid => {
            format!("A name has one line of at most {MAX_NAME} characters.")
        }
        ApplicationProblem::NameTaken => "Another application has this name.".to_owned(),
        ApplicationProblem::SenderInvalid(sender) => {
            format!("{sender} is not an email address such as planner@example.com.")
        }
        ApplicationProblem::TooManySenders => {
            format!("Enter at most {MAX_SENDERS} senders.")
        }
        ApplicationProblem::RateInvalid => {
            format!("Enter a number of messages from 1 to {MAX_PER_MINUTE}, or leave this empty.")
        }
    }
}
