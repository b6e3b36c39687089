//! The service traits that the server crate implements for the tab and the shell, and the types of
//! the request context. This module performs no I/O.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use domain::audit::Action;
use domain::time_format::{TimeDisplay, TimePreference};
use domain::token::Attempt;
use domain::{Draft, Field, OauthFlow};

use crate::api::{
    ApiError, AttemptFinished, AttemptStarted, EmailTab, RunView, Save, SaveAnswer, TestAnswer,
    TokenView,
};
use crate::explanation::{Explanation, LookupResult};

/// The authenticated user, by any sign-in method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// A unique ID across all identity sources.
    pub id: String,
    /// The issuer of the identity; `None` for a local account.
    pub issuer: Option<String>,
    /// The email address, if any.
    pub email: Option<Email>,
    /// The display name.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The user's language tag (BCP 47), if the host sends one.
    pub language: Option<String>,
    /// The host's time preference, if any; it overrides the user's own choice here.
    pub times: Option<TimePreference>,
    /// The provider's default time zone, if any; the user's own choice here overrides it.
    pub zone: Option<String>,
    /// The origin of the request.
    pub client: RequestClient,
}

/// The origin of a request, as recorded in the audit trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestClient {
    /// The client's IPv4 address or the /64 of its IPv6 address, if known.
    pub address: Option<String>,
    /// The session's name, if any.
    pub session: Option<String>,
}

impl Principal {
    /// Creates a principal of an external issuer, without optional claims.
    #[must_use]
    pub fn foreign(issuer: &str, subject: &str, name: &str, role: Role) -> Self {
        Self {
            id: Self::foreign_id(issuer, subject),
            issuer: Some(issuer.to_owned()),
            email: None,
            name: name.to_owned(),
            role,
            language: None,
            times: None,
            zone: None,
            client: RequestClient::default(),
        }
    }

    /// Creates a principal with a local account.
    #[must_use]
    pub fn local(id: String, email: String, name: String, role: Role) -> Self {
        let (email, issuer, client) =
            (Some(Email::verified(email)), None, RequestClient::default());
        Self { id, issuer, email, name, role, language: None, times: None, zone: None, client }
    }

    /// Builds the ID of an external identity. Its space distinguishes it from local IDs.
    #[must_use]
    pub fn foreign_id(issuer: &str, subject: &str) -> String {
        format!("{issuer} {subject}")
    }

    /// Whether an ID belongs to a local account.
    #[must_use]
    pub fn is_local_id(id: &str) -> bool {
        !id.contains(' ')
    }

    /// Returns the verified address, to which test messages may be sent.
    #[must_use]
    pub fn recipient(&self) -> Option<&str> {
        self.email.as_ref().filter(|email| email.is_verified).map(|email| email.address.as_str())
    }

    /// Returns the address for display, verified or not; empty if there is none.
    #[must_use]
    pub fn address(&self) -> &str {
        self.email.as_ref().map_or("", |email| email.address.as_str())
    }

    /// Whether the user may edit settings.
    #[must_use]
    pub fn may_edit(&self) -> bool {
        self.role == Role::Administrator
    }
}

/// A user's email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub address: String,
    /// Whether the address is verified to belong to the user.
    pub is_verified: bool,
}

impl Email {
    /// Creates a verified address.
    #[must_use]
    pub fn verified(address: String) -> Self {
        Self { address, is_verified: true }
    }
}

/// A user's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Full access.
    Administrator,
    /// Read access to the settings without secrets, the token's status and the history.
    Reader,
}

/// The use cases of the tab. Each takes the caller; errors are codes.
#[async_trait]
pub trait EmailService: Send + Sync + 'static {
    /// Returns the tab's initial data; `callback` is this server's callback address.
    async fn load(&self, who: &Principal, callback: &str) -> Result<EmailTab, ApiError>;

    /// Saves the whole form, or returns why it was not saved.
    async fn save(&self, who: &Principal, save: Save) -> Result<SaveAnswer, ApiError>;

    /// Starts a test message to the caller with the saved settings and returns immediately.
    async fn send_test(&self, who: &Principal) -> Result<RunView, ApiError>;

    /// Starts a test message to the caller with unsaved settings. A stored secret or token is used
    /// only for the destination that it is bound to.
    async fn test_typed(&self, who: &Principal, draft: Draft) -> Result<TestAnswer, ApiError>;

    /// Returns the preset of the provider with this name.
    async fn preset(
        &self,
        who: &Principal,
        provider: &str,
        detail: &str,
        flow: OauthFlow,
    ) -> Result<LookupResult, ApiError>;

    /// Returns a test message and its progress.
    async fn run(&self, who: &Principal, id: &str) -> Result<RunView, ApiError>;

    /// Returns the token's status and the caller's last attempt.
    async fn token(&self, who: &Principal) -> Result<TokenView, ApiError>;

    /// Starts an attempt to obtain a token with the saved settings; `callback` is this server's
    /// callback address.
    async fn get_token(
        &self,
        who: &Principal,
        callback: &str,
        in_pop_up: bool,
    ) -> Result<AttemptStarted, ApiError>;

    /// Completes an attempt of the caller with the pasted callback address.
    async fn finish_attempt(
        &self,
        who: &Principal,
        binding: &ConsentBinding,
        id: &str,
        address: &str,
    ) -> Result<AttemptFinished, ApiError>;

    /// Returns the claims of the access token and its problems.
    async fn inspect_token(&self, who: &Principal) -> Result<LookupResult, ApiError>;

    /// Returns a provider's metadata (RFC 8414), by its issuer or a Microsoft tenant.
    async fn discover(&self, who: &Principal, issuer: &str) -> Result<LookupResult, ApiError>;

    /// Checks whether a Redirect URI, typed on a page of the origin `page`, leads to this server.
    async fn check_redirect(
        &self,
        who: &Principal,
        origin: &RequestOrigin,
        uri: &str,
        page: &str,
    ) -> Result<LookupResult, ApiError>;
}

/// Marks a request authenticated by a session of this server. Only then can the user sign out here;
/// other methods would authenticate the next request again.
#[derive(Debug, Clone, Copy)]
pub struct SessionAuth;

/// The sign-in methods offered on the sign-in page.
#[derive(Debug, Clone)]
pub struct SignInOptions {
    /// Whether local accounts can sign in with a password.
    pub by_password: bool,
    /// The display name of the organisation's `OpenID` provider, if configured.
    pub by_provider: Option<String>,
}

/// What binds a browser to its pending OAuth attempt when it returns from the provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ConsentBinding {
    /// No binding: another browser, or no attempt was started.
    #[default]
    Unknown,
    /// The cookie set when the browser was redirected to the provider.
    ByCookie(String),
    /// The caller's bearer token, which a browser never sends automatically (no CSRF). A page of
    /// another site has no cookie of this server that could bind the browser.
    ByToken,
}

impl ConsentBinding {
    /// Returns the cookie, if the binding is one.
    #[must_use]
    pub fn cookie(&self) -> Option<&str> {
        match self {
            Self::ByCookie(token) => Some(token),
            Self::Unknown | Self::ByToken => None,
        }
    }
}

/// This server's callback address as reached by the caller.
#[derive(Debug, Clone)]
pub struct Callback(pub String);

/// How a request has reached this server.
#[derive(Debug, Clone, Default)]
pub struct RequestOrigin {
    /// This server's callback address as reached by the caller.
    pub callback: String,
    /// The origin of the public URL, if configured.
    pub public_origin: Option<String>,
    /// Forwarding headers (RFC 7239) by name, for display only; they are not trusted.
    pub forwarded: Vec<(&'static str, String)>,
}

/// The path of the page with the tab.
#[derive(Debug, Clone)]
pub struct TabPath(pub String);

/// Why a request with an identity was denied.
#[derive(Debug, Clone, Copy)]
pub struct AccessDenied {
    /// The error that API calls return.
    pub why: ApiError,
    /// The reason's code.
    pub code: &'static str,
    /// Whether the user also has a session of this server, which can be ended.
    pub has_session: bool,
}

/// The tab's service in the request context.
pub type SharedService = Arc<dyn EmailService>;

/// The use cases of the shell's pages.
#[async_trait]
pub trait ShellService: Send + Sync + 'static {
    /// Returns whether the first administrator can be created with this ticket.
    async fn set_up(&self, ticket: &str) -> Result<SetUp, ApiError>;

    /// Returns an attempt to obtain a token, whether the provider's page is in a popup window, and the
    /// explanation of its outcome.
    async fn attempt(
        &self,
        who: Option<&Principal>,
        id: &str,
    ) -> Result<Option<(Attempt, bool, Option<Explanation>)>, ApiError>;

    /// Returns the latest test messages of all users.
    async fn history(&self, who: &Principal) -> Result<History, ApiError>;

    /// Returns the part of the audit trail that matches the query.
    async fn audit(&self, who: &Principal, query: &AuditQuery) -> Result<AuditPage, ApiError>;

    /// Returns the caller's sessions and, for administrators, those of other users.
    async fn account(&self, who: &Principal) -> Result<MyAccount, ApiError>;

    /// Returns the caller's time preference and the available choices.
    async fn time_settings(&self, who: &Principal) -> Result<TimeSettings, ApiError>;
}

/// The shell's service in the request context.
pub type SharedShell = Arc<dyn ShellService>;

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
