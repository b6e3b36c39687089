//! The data of the pages around the tab, and the outcomes of their forms.

use chrono::{DateTime, NaiveDate, Utc};
use domain::application::{Application, ApplicationProblem, ApplicationSettings};
use domain::delivery::{Diagnosis, Step};
use domain::health::{Expiry, Health};
use domain::time_format::{TimeDisplay, TimePreference};
use domain::{Field, audit::Action};
use secrecy::SecretString;

use crate::tab::{IncidentView, RunView};

/// The state of the initial setup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetUp {
    /// There is no administrator, and the ticket is valid.
    Open,
    /// There is no administrator, and the ticket is invalid or has expired.
    LinkOver,
    /// This server issues no tickets, because users sign in by another method.
    NotOffered,
    /// An administrator exists.
    Done,
}

/// The latest test messages, newest first.
#[derive(Debug, Clone)]
pub struct History {
    /// Each test message with its requester's name.
    pub runs: Vec<(String, RunView)>,
    /// The reader's time display.
    pub display: TimeDisplay,
    /// Retention in days; 0 means unlimited.
    pub kept_days: u32,
}

/// The applications.
#[derive(Debug, Clone)]
pub struct ApplicationsPage {
    /// The applications, sorted by name.
    pub applications: Vec<Application>,
    /// Default Sender Email, which each may use; empty if it is not set.
    pub default_sender: String,
    /// The reader's time display.
    pub display: TimeDisplay,
}

/// What became of a form of the page Applications.
#[derive(Debug, Clone)]
pub enum ApplicationsOutcome {
    /// An application with this name has a new key, which is shown this once.
    NewKey {
        /// The application's name.
        name: String,
        /// The key.
        key: SecretString,
    },
    /// An application was not added or changed.
    Refused(RefusedApplication),
    /// The application has two keys.
    TooManyKeys,
    /// The application, or its key, is gone.
    Gone,
    /// The database failed.
    Failed,
}

/// A form of an application that was refused.
#[derive(Debug, Clone)]
pub struct RefusedApplication {
    /// The application; `None` for a new one.
    pub id: Option<String>,
    /// What was entered.
    pub entered: ApplicationSettings,
    /// The rate as it was entered.
    pub per_minute: String,
    /// The problem.
    pub problem: ApplicationProblem,
}

/// The health of mail.
#[derive(Debug, Clone)]
pub struct HealthPage {
    /// The state.
    pub health: Health,
    /// The open incident.
    pub open: Option<IncidentView>,
    /// The last check of the sign-in.
    pub last_check: Option<CheckRow>,
    /// When the sign-in is checked next.
    pub next_check: NextCheck,
    /// When a mail server last accepted a message, if that is recorded.
    pub accepted_at: Option<DateTime<Utc>>,
    /// When the credentials end, as far as is known, the next one first.
    pub expiries: Vec<Expiry>,
    /// The latest incidents, newest first.
    pub incidents: Vec<IncidentRow>,
    /// Whether the caller may check now.
    pub may_check: bool,
    /// The current time.
    pub now: DateTime<Utc>,
    /// The reader's time display.
    pub display: TimeDisplay,
}

/// A check of the sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckRow {
    /// When it began.
    pub at: DateTime<Utc>,
    /// Its duration in milliseconds.
    pub millis: i64,
    /// The step at which it failed and the likely cause; `None` if it succeeded.
    pub failure: Option<(Step, Diagnosis)>,
}

/// When the sign-in is checked next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextCheck {
    /// At this instant, or soon after it.
    At(DateTime<Utc>),
    /// Checks are off (`--health-check off`).
    Off,
    /// Once the saved settings are complete.
    WhenComplete,
    /// After Get Auth Token.
    WithToken,
    /// After a save, or a new token.
    AfterChange,
}

/// A period in which mail did not work, in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncidentRow {
    /// When the first failure happened.
    pub since: DateTime<Utc>,
    /// When mail worked again; `None` while it does not.
    pub until: Option<DateTime<Utc>>,
    /// The number of failures.
    pub occurrences: i64,
    /// The step that failed last.
    pub step: Step,
    /// The likely cause.
    pub diagnosis: Diagnosis,
}

/// What a request to check now has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOutcome {
    /// The sign-in was checked.
    Checked,
    /// The settings are incomplete, or have no token.
    NotPossible,
    /// The check takes longer than a page may.
    Running,
    /// The server failed.
    Failed,
}

impl CheckOutcome {
    const ALL: [Self; 4] = [Self::Checked, Self::NotPossible, Self::Running, Self::Failed];

    /// The name in the page's query.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Checked => "done",
            Self::NotPossible => "not-possible",
            Self::Running => "running",
            Self::Failed => "failed",
        }
    }

    /// Returns the outcome with this name.
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.wire_name() == name)
    }
}

/// A query of the audit trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only entries of the user with this address.
    pub person: Option<String>,
    /// Only entries of this day in the caller's time zone.
    pub day: Option<NaiveDate>,
    /// Only entries before the row with this number.
    pub before: Option<i64>,
}

/// A page of the audit trail.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// The entries, newest first.
    pub rows: Vec<AuditRow>,
    /// The row number for the next page, if there are older entries.
    pub older: Option<i64>,
    /// The addresses of all users in the trail.
    pub people: Vec<String>,
    /// The reader's time display.
    pub display: TimeDisplay,
    /// Retention in days; 0 means unlimited.
    pub kept_days: u32,
}

/// An entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// The time of the action.
    pub at: DateTime<Utc>,
    /// The user's name; empty if unknown.
    pub name: String,
    /// The user's address; empty if unknown.
    pub email: String,
    /// The action.
    pub action: Action,
    /// The affected controls.
    pub fields: Vec<Field>,
    /// The action's detail, for example another user.
    pub detail: Option<String>,
    /// The issuer of the identity; `None` for a local account.
    pub issuer: Option<String>,
    /// The user's ID at the issuer, or the local account's ID.
    pub subject: Option<String>,
    /// The client's IPv4 address or the /64 of its IPv6 address, if recorded.
    pub address: Option<String>,
    /// The session's name, if any.
    pub session: Option<String>,
    /// The number of occurrences.
    pub count: i64,
}

/// The data of the page My account.
#[derive(Debug, Clone)]
pub struct MyAccount {
    /// Whether the user has a local password.
    pub has_password: bool,
    /// The user's sessions, latest first.
    pub mine: Vec<SessionRow>,
    /// The sessions of other users; `None` unless the caller is an administrator.
    pub others: Option<Vec<SessionRow>>,
    /// The user's time display.
    pub display: TimeDisplay,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The session's name, which identifies it in requests to end it.
    pub id: String,
    /// Whether it is the session of this request.
    pub is_this: bool,
    /// The user's name.
    pub name: String,
    /// The user's address; empty if there is none.
    pub email: String,
    /// The issuer of the identity; `None` for a local account.
    pub issuer: Option<String>,
    /// The client address at sign-in, if recorded.
    pub address: Option<String>,
    /// The time of the sign-in.
    pub began_at: DateTime<Utc>,
    /// The time of the last request, to within a minute.
    pub seen_at: DateTime<Utc>,
}

/// A user's time preference and the available choices.
#[derive(Debug, Clone)]
pub struct TimeSettings {
    /// The effective time display: the user's choice, or the host's.
    pub display: TimeDisplay,
    /// Whether the host sets the preference.
    pub is_the_hosts: bool,
    /// The current time, for examples.
    pub now: DateTime<Utc>,
    /// The available time zones, each with its current offset in minutes.
    pub zones: Vec<(&'static str, i32)>,
}

/// Why a form of this page failed. It contains no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountProblem {
    /// The password was not changed.
    Password(PasswordProblem),
    /// Sessions could not be ended.
    Sessions,
}

/// Why a password was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name says what is wrong; the words are with the labels")]
pub enum PasswordProblem {
    Wrong,
    TooMany { seconds: u32 },
    Busy { seconds: u32 },
    TooShort,
    TooLong,
    Common,
    Personal,
    Differ,
    ServerFailed,
}

/// A failed setup form. It contains no passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUpAttempt {
    /// The link's ticket.
    pub ticket: String,
    /// The address as typed.
    pub email: String,
    /// The name as typed.
    pub name: String,
    /// Why it failed.
    pub problem: SetUpProblem,
}

/// Why the setup failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name says what is wrong; the words are with the labels")]
pub enum SetUpProblem {
    Email,
    Name,
    PasswordTooShort,
    PasswordTooLong,
    PasswordCommon,
    PasswordPersonal,
    PasswordsDiffer,
    ServerFailed,
}

/// A submitted preference that was not saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeAttempt {
    /// The submitted preference, with the time zone as typed.
    pub preference: TimePreference,
    /// Why it was not saved.
    pub problem: TimeProblem,
}

/// Why a preference was not saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeProblem {
    /// The time zone is not unique; these match.
    Zone(Vec<&'static str>),
    /// The server failed.
    ServerFailed,
}
