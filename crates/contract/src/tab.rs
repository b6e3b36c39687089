//! The requests and answers of the tab's calls.

use chrono::{DateTime, Utc};
use domain::delivery::{Run, Step};
use domain::health::LastWorked;
use domain::time_format::TimeDisplay;
use domain::token::{Attempt, Token};
use domain::{Draft, Field, Problems, Saved};
use serde::{Deserialize, Serialize};

use crate::explanation::Explanation;

/// The tab's initial data. The browser reads the test message, the token and the incident later than
/// the rest, so their types vary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmailTab<Run = Option<RunView>, Token = TokenView, Incident = Option<IncidentView>> {
    /// The saved settings.
    pub saved: Saved,
    /// Whether the caller made the last save.
    #[serde(default)]
    pub saved_by_caller: bool,
    /// The caller's ID, so that unsaved input is not shown to another user of the same page.
    #[serde(default)]
    pub caller: String,
    /// Whether the caller may edit.
    pub may_edit: bool,
    /// The recipient of a test message; `None` if the caller has no verified address.
    pub recipient: Option<String>,
    /// The caller's last test message.
    pub last_run: Run,
    /// The caller's time display.
    pub display: TimeDisplay,
    /// The token's status.
    pub token: Token,
    /// The open incident; `None` while mail works, as far as is known.
    pub incident: Incident,
    /// The credentials that expire within 30 days, in sentences.
    #[serde(default)]
    pub reminders: Vec<String>,
    /// This server's callback address, for Redirect URI.
    pub callback: String,
}

impl EmailTab {
    /// The same with another form of what is read later.
    pub fn map_later<Run, Token, Incident>(
        self,
        run: impl FnOnce(Option<RunView>) -> Run,
        token: impl FnOnce(TokenView) -> Token,
        incident: impl FnOnce(Option<IncidentView>) -> Incident,
    ) -> EmailTab<Run, Token, Incident> {
        let Self {
            saved,
            saved_by_caller,
            caller,
            may_edit,
            recipient,
            display,
            reminders,
            callback,
            ..
        } = self;
        let (last_run, token, incident) =
            (run(self.last_run), token(self.token), incident(self.incident));
        EmailTab {
            saved,
            saved_by_caller,
            caller,
            may_edit,
            recipient,
            last_run,
            display,
            token,
            incident,
            reminders,
            callback,
        }
    }
}

/// A test message and its progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// The run, in codes.
    pub run: Run,
    /// Its steps in the order in which they are performed.
    pub order: Vec<Step>,
    /// The explanation of its outcome.
    pub explanation: Option<Explanation>,
    /// The transcript for a support ticket, once it has ended.
    pub transcript: Option<String>,
}

/// An open incident, prepared for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentView {
    /// Its random ID.
    pub id: String,
    /// When the first failure happened; in JSON as epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub since: DateTime<Utc>,
    /// The number of failures.
    pub occurrences: i64,
    /// The step that failed last.
    pub step: Step,
    /// The diagnosis as one word, such as `token-not-renewed:invalid-grant`.
    pub diagnosis: String,
    /// The peer's text, safe to display as text.
    #[serde(rename = "said")]
    pub peer_text: Option<String>,
    /// The error of PPM's own TLS, DNS or socket layer, safe to display as text.
    pub found: Option<String>,
    /// The cause and the next steps.
    pub explanation: Explanation,
    /// The incident in PPM's own words, as alerts have it.
    pub text: String,
    /// The settings that last worked, for an administrator to restore; `None` if they are the saved
    /// ones, or none has worked yet.
    pub last_worked: Option<LastWorked>,
    /// Whether this is for administrators. Readers get a mark in place of the Client ID.
    pub for_administrators: bool,
}

/// The token and the last attempt to obtain one, at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// The token, if there is one.
    pub token: Option<Token>,
    /// The server's current time; in JSON as epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub now: DateTime<Utc>,
    /// The caller's last attempt with the saved settings.
    pub attempt: Option<Attempt>,
    /// The explanation of a failed refresh.
    #[serde(default)]
    pub renewal: Option<Explanation>,
    /// The explanation of the attempt's outcome. A success has one only if the token belongs to
    /// another account than the sender's.
    #[serde(default)]
    pub ended: Option<Explanation>,
}

/// An attempt that a user has tried to complete with a pasted address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFinished {
    /// The attempt.
    pub attempt: Attempt,
    /// The explanation of its outcome, if any.
    pub explanation: Option<Explanation>,
}

/// An attempt that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptStarted {
    /// The attempt.
    pub attempt: Attempt,
    /// The single-use path that redirects to the provider; `None` if the flow needs no consent.
    pub start: Option<String>,
}

/// A save of the whole form, with the revision that it is based on (optimistic lock).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Save {
    /// The form.
    pub draft: Draft,
    /// The revision that the edits are based on.
    pub revision: i64,
    /// The grant whose token the administrator agreed to delete.
    pub deletes_grant: Option<String>,
}

/// The result of a save. Nothing was saved unless it is `Saved`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaveAnswer {
    /// The new saved settings.
    Saved(Saved),
    /// These controls have problems.
    Problems(Problems),
    /// Another save has changed the revision.
    Conflict(Conflict),
    /// The save would delete the token of this grant, which it did not name.
    TokenWouldBeDeleted(String),
}

/// An event of the stream: the settings have this revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsSaved {
    /// Counts the saves; 0 before the first.
    pub revision: i64,
}

/// The result of a request to test unsaved settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestAnswer {
    /// The test message is running.
    Begun(Box<RunView>),
    /// These controls have problems; nothing was sent.
    Problems(Problems),
}

/// The settings that another save has stored meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// The current saved settings, with the user and time of that save.
    pub saved: Saved,
    /// The secrets stored since the base revision of the rejected save.
    pub replaced: Vec<Field>,
    /// Whether the same user made both saves.
    #[serde(default)]
    pub is_own: bool,
}
