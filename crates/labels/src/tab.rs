//! Texts of the tab's views: headings, buttons, and what they say of what is shown.

use domain::delivery::{Fact, FactName, Outcome};
use domain::settings::Security;
use domain::{Field, OauthFlow};

use super::field_in_full;

/// The text while the settings are loaded.
pub const LOADING: &str = "Loading…";
/// The heading if the settings could not be loaded.
pub const NOT_LOADED: &str = "The settings could not be loaded.";
/// The button that repeats a failed load.
pub const TRY_AGAIN: &str = "Try again";
/// The link to the provider's page, if the browser blocked the pop-up.
pub const OPEN_PROVIDERS_PAGE: &str = "Open the provider's page";

/// The mark of a control that may stay empty.
pub const OPTIONAL: &str = "optional";
/// The summary of the provider's menu.
pub const FILL_IN_FOR_PROVIDER: &str = "Fill in for a provider";
/// The purpose of the folded Trusted CA certificate.
pub const TRUSTED_CA_FOR: &str = "only for a server with a certificate from your own organisation";
/// The placeholder of a stored secret.
pub const STORED: &str = "Stored";
/// The placeholder of a secret that the next save removes.
pub const WILL_BE_REMOVED: &str = "Will be removed";
/// The placeholder of a stored secret that the draft's destination does not get.
pub const ENTER_AGAIN: &str = "Enter again";
/// The button that masks the text again.
pub const HIDE: &str = "Hide";
/// The button that shows masked text.
pub const REVEAL: &str = "Reveal";
/// The button that removes a stored secret.
pub const CLEAR: &str = "Clear";
/// The button that keeps a stored secret.
pub const KEEP_STORED: &str = "Keep stored";
/// The note at the expiry date of a secret that was cleared because the secret changes.
pub const EXPIRY_CLEARED: &str =
    "Cleared with the old secret. Enter the date of the new one, if it has one.";
/// The warning at the expiry date of a secret if it is in the past.
pub const EXPIRY_PASSED: &str = "This date has passed.";
/// The button that inserts this server's callback address.
pub const USE_OWN_ADDRESS: &str = "Use this server's";

/// The note that names this server's callback address.
pub fn own_address(callback: &str) -> String {
    format!("This server's own address is {callback}.")
}

/// The destination of a Client Secret for Client Credentials.
pub fn client_credentials_destination(
    token_endpoint: &str,
    scope: &str,
    mail_server: &str,
) -> String {
    format!("{token_endpoint}, with scope {scope} and mail server {mail_server}")
}

/// The button that copies one group to the other.
pub const COPY_FROM_BASIC: &str = "Copy from Basic SMTP Settings";
/// The button that copies although a secret has to be entered again.
pub const COPY_ANYWAY: &str = "Copy anyway";
/// The button that replaces typed values by the suggested ones.
pub const REPLACE_THESE: &str = "Replace these";
/// The button that keeps the typed values.
pub const KEEP_TYPED: &str = "Keep mine";
/// The button that copies a step's lines to the clipboard.
pub const COPY_LINES: &str = "Copy these lines";
/// The label of a step's lines.
pub const LINES_TO_COPY: &str = "Lines to copy";
/// The message after the lines were copied.
pub const COPIED: &str = "Copied.";
/// The instruction if the browser does not copy.
pub const SELECT_AND_COPY: &str = "Select the lines and copy them.";
/// The texts before and after a link to further reading.
pub const SEE_ALSO: (&str, &str) = ("See also ", ".");

/// The label of the bar with Save and Cancel.
pub const UNSAVED_CHANGES: &str = "Unsaved changes";
/// The text between the number of changes and the names of the controls.
pub const NOT_SAVED: &str = " not saved: ";
/// The button that discards the changes.
pub const CANCEL: &str = "Cancel";
/// The button that saves.
pub const SAVE: &str = "Save";
/// The button that saves, while a save is in progress.
pub const SAVING: &str = "Saving…";
/// The message after a save.
pub const SAVED: &str = "Saved.";
/// The message after Cancel.
pub const DISCARDED: &str = "Changes discarded.";
/// The button that moves to Get Auth Token, after a save.
pub const NEXT_GET_TOKEN: &str = "Next: Get Auth Token";
/// The button that moves to Send Test Email, after a save.
pub const NEXT_SEND_TEST: &str = "Next: Send Test Email";
/// The button that moves to the test of unsaved settings.
pub const TEST_FIRST: &str = "Test first ↓";
/// The announcement of the first unsaved change.
pub const SAVE_IS_AVAILABLE: &str = "Unsaved changes: Save is available.";
/// The announcement after a copy.
pub const COPIED_FROM_BASIC: &str = "Copied from Basic SMTP Settings.";

/// The announcement of the groups that a flow requires.
pub const fn required_groups(flow: OauthFlow) -> &'static str {
    match flow {
        OauthFlow::None => "Basic SMTP Settings are now required.",
        OauthFlow::AuthorizationCode
        | OauthFlow::AuthorizationCodePkce
        | OauthFlow::ClientCredentials => {
            "OAuth SMTP Settings and Authentication Settings are now required."
        }
    }
}

/// The steps of a first set-up: what to do, and what it means.
pub const FIRST_STEPS: [(&str, &str); 3] = [
    ("Choose a provider", " or fill in the server yourself."),
    ("Save", " the settings. Nothing is sent yet."),
    ("Send a test email", " to yourself and see each step."),
];
/// The label of the steps.
pub const FIRST_STEPS_LABEL: &str = "First steps";
/// The label of the status at the top.
pub const STATUS: &str = "Status";
/// The name of the mail server in use.
pub const MAIL_GOES_THROUGH: &str = "Mail goes through";
/// The name of the account in use.
pub const SIGNS_IN_AS: &str = "Signs in as";
/// The account of a server without sign-in.
pub const WITHOUT_SIGN_IN: &str = "no sign-in";
/// The name of the token.
pub const TOKEN: &str = "Token";
/// The name of the last test message.
pub const LAST_TEST: &str = "Last test";
/// The value before the first test message.
pub const NOT_TESTED: &str = "not sent yet";

/// The account that signs in with a token.
pub fn by_token(account: &str) -> String {
    format!("{account}, by token")
}

/// A mail server with its port and the connection security.
pub fn mail_server(host: &str, port: &str, security: Security) -> String {
    let security = match security {
        Security::Clear => "not encrypted",
        Security::StartTls => "STARTTLS",
        Security::ImplicitTls => "implicit TLS",
    };
    format!("{host}:{port}, {security}")
}

/// The outcome of the last test message, in short.
pub fn last_outcome(outcome: Option<&Outcome>) -> String {
    match outcome {
        None => "running".to_owned(),
        Some(Outcome::Accepted { .. }) => "✓ accepted".to_owned(),
        Some(Outcome::Failed { step, .. }) => format!("✕ {} failed", super::step(*step)),
        Some(Outcome::Interrupted) => "interrupted".to_owned(),
    }
}
/// The heading after a failed save.
pub const NOTHING_SAVED: &str = "Nothing was saved.";
/// The button that closes a notice.
pub const CLOSE: &str = "Close";

/// The number of unsaved changes.
pub fn changes(count: usize) -> String {
    match count {
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    }
}

/// The heading of the validation problems that blocked a save.
pub fn problems_block_save(count: usize) -> String {
    match count {
        0 => "All fixed. Save again.".to_owned(),
        1 => "Nothing was saved. Correct one field.".to_owned(),
        count => format!("Nothing was saved. Correct {count} fields."),
    }
}

/// The heading of the validation problems that blocked a test message.
pub fn problems_block_test(count: usize) -> String {
    match count {
        0 => "All fixed. Test again.".to_owned(),
        1 => "Nothing was sent. Correct one field.".to_owned(),
        count => format!("Nothing was sent. Correct {count} fields."),
    }
}

/// The label of the choice between two conflicting values of a control.
pub fn choice_for(field: Field) -> String {
    format!("Choice for {}", field_in_full(field))
}

/// The heading of the confirmation before a save deletes the token.
pub const DELETES_TOKEN: &str = "Saving deletes the current OAuth token";
/// The consequence of that save.
pub const NO_MAIL_WITHOUT_TOKEN: &str = "Mail cannot be sent until a new token has been obtained.";
/// The button that does not save.
pub const KEEP_TOKEN: &str = "Keep the token, do not save";
/// The button that saves and deletes the token.
pub const SAVE_AND_DELETE_TOKEN: &str = "Save and delete the token";

/// The name of the test message's group box, and of its button.
pub const SEND_TEST: &str = "Send Test Email";
/// The button while a test message is sent.
pub const SENDING: &str = "Sending…";
/// The button that tests unsaved settings, while it does.
pub const TESTING: &str = "Testing…";
/// The mark of an outcome from before the last save.
pub const OLD_OUTCOME: &str = "This outcome is from before your last save.";
/// The button that tests unsaved settings.
pub const TEST_THESE: &str = "Test these settings";
/// The texts before and after the address of the recipient.
pub const TEST_TO: (&str, &str) = ("To ", " (your own address), with the saved settings.");
/// The label of a run's steps.
pub const STEPS: &str = "Steps of the test message";
/// The name of the row with the steps that a finished run did not reach.
pub const NOT_REACHED: &str = "Not reached";
/// The status of the running step.
pub const RUNNING: &str = "running";
/// The status of a step that is still to come.
pub const PENDING: &str = "waiting";
/// The name of the mail server's last reply.
pub const SERVER_REPLY: &str = "Server reply";
/// The name of the message's ID.
pub const MESSAGE_ID: &str = "Message ID";
/// The button that copies a run's transcript.
pub const COPY_AS_TEXT: &str = "Copy as text";
/// The summary of a run's transcript.
pub const AS_TEXT: &str = "As text";

/// The facts of a step that matter most, in one line.
pub fn summary(facts: &[Fact]) -> String {
    let shown = facts.iter().filter_map(|found| match found.name {
        FactName::Addresses
        | FactName::Peer
        | FactName::TlsVersion
        | FactName::DaysLeft
        | FactName::Mechanism
        | FactName::Mechanisms => Some(super::fact_value(found)),
        FactName::Subject | FactName::Issuer => common_name(&found.value),
        FactName::Age => Some(format!("{} old", super::fact_value(found))),
        FactName::ValidFor => Some(format!("valid for {}", super::fact_value(found))),
        FactName::QueueId => Some(format!("queued as {}", found.value)),
        FactName::SubmissionServer => Some(format!("use {}", found.value)),
        FactName::Attempts
        | FactName::ClientName
        | FactName::Cipher
        | FactName::Names
        | FactName::Fingerprint
        | FactName::IssuerFingerprint
        | FactName::IssuerPem
        | FactName::Size
        | FactName::SmtpUtf8
        | FactName::Renewed
        | FactName::WantedScope => None,
    });
    let line = shown.collect::<Vec<_>>().join(" · ");
    if line.is_empty() { DETAILS.to_owned() } else { line }
}

/// The organisation or common name of a distinguished name (RFC 4514).
fn common_name(name: &str) -> Option<String> {
    let part = |key: &str| name.split(',').find_map(|part| part.trim().strip_prefix(key));
    part("CN=").or_else(|| part("O=")).map(str::to_owned)
}

/// When the last test message was sent, and to whom.
pub fn last_test(at: &str, recipient: &str) -> String {
    format!("Last test: {at}, to {recipient}.")
}

/// The duration of a step.
pub fn millis(millis: u32) -> String {
    format!("{millis} ms")
}

/// The name of the token's status.
pub const TOKEN_STATUS: &str = "Token Status:";
/// The name of the token's expiry.
pub const TOKEN_EXPIRES: &str = "Token Expires:";
/// The button that completes an attempt with the pasted address.
pub const FINISH: &str = "Finish";
/// The name of details that PPM found itself.
pub const DETAILS: &str = "Details";
/// The name of what the provider answered.
pub const PROVIDERS_REPLY: &str = "Provider's reply";
