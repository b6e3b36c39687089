//! The port to the server: what the tab and the pages around it ask for, and who asks. The server
//! crate implements it; nothing here opens a socket or a database.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use domain::audit::Action;
use domain::time_format::{TimeDisplay, TimePreference};
use domain::token::Attempt;
use domain::{Draft, Field, OauthFlow};

use crate::api::{ApiError, Begun, Finished, RunNow, Save, SaveAnswer, Tab, TestAnswer, TokenNow};
use crate::explanation::{Explanation, Findings};

/// Whoever is signed in, wherever that is known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// What they are known by among all who ever signed in.
    pub id: String,
    /// Who says so; nobody for an account of this product.
    pub issuer: Option<String>,
    /// Their e-mail address, if they have one.
    pub email: Option<Email>,
    /// Their name, as others see it.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The language that they read, as a tag (BCP 47), where their host says.
    pub language: Option<String>,
    /// How they like times, where their host says; it outweighs what they chose here.
    pub times: Option<TimePreference>,
    /// The time zone to begin with, where their provider says; what they chose here outweighs it.
    pub zone: Option<String>,
    /// Where the request came from.
    pub client: Client,
}

/// Where a request came from, as the audit trail records it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// The client's IPv4 address or the /64 of its IPv6 address, where it is known.
    pub address: Option<String>,
    /// The name of the session, where there is one.
    pub session: Option<String>,
}

impl Principal {
    /// Somebody who is `subject` at an issuer, and of whom no more is said.
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
            client: Client::default(),
        }
    }

    /// Somebody with an account of this product.
    #[must_use]
    pub fn local(id: String, email: String, name: String, role: Role) -> Self {
        let (email, issuer, client) = (Some(Email::verified(email)), None, Client::default());
        Self { id, issuer, email, name, role, language: None, times: None, zone: None, client }
    }

    /// What somebody is known by who is `subject` at an issuer; nobody of this product's own has a
    /// space in theirs.
    #[must_use]
    pub fn foreign_id(issuer: &str, subject: &str) -> String {
        format!("{issuer} {subject}")
    }

    /// Whether an id is that of an account of this product.
    #[must_use]
    pub fn is_local_id(id: &str) -> bool {
        !id.contains(' ')
    }

    /// Where a test message may go: an address that is known to be theirs.
    #[must_use]
    pub fn recipient(&self) -> Option<&str> {
        self.email.as_ref().filter(|email| email.is_verified).map(|email| email.address.as_str())
    }

    /// Their address as others may read it, verified or not; empty where there is none.
    #[must_use]
    pub fn address(&self) -> &str {
        self.email.as_ref().map_or("", |email| email.address.as_str())
    }

    /// Whether they may change anything.
    #[must_use]
    pub fn may_edit(&self) -> bool {
        self.role == Role::Administrator
    }
}

/// Somebody's e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub address: String,
    /// Whether it is known to be theirs.
    pub is_verified: bool,
}

impl Email {
    /// An address that is known to be somebody's own.
    #[must_use]
    pub fn verified(address: String) -> Self {
        Self { address, is_verified: true }
    }
}

/// What a person may do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Administrator,
    /// To look: at the settings without their secrets, the token's status and the history.
    Reader,
}

/// The use cases of the tab. Each is told who asks; each answers in codes.
#[async_trait]
pub trait EmailService: Send + Sync + 'static {
    /// What the tab shows first; `callback` is this server's callback address.
    async fn load(&self, who: &Principal, callback: &str) -> Result<Tab, ApiError>;

    /// Saves the whole form, or says what keeps it from being saved.
    async fn save(&self, who: &Principal, save: Save) -> Result<SaveAnswer, ApiError>;

    /// Starts a test message to whoever asks, through what is saved, and answers at once.
    async fn send_test(&self, who: &Principal) -> Result<RunNow, ApiError>;

    /// Starts a test message to whoever asks, through settings that are not saved. A stored secret or
    /// token goes only where it was entered or obtained for.
    async fn test_typed(&self, who: &Principal, draft: Draft) -> Result<TestAnswer, ApiError>;

    /// What the controls are to hold for a provider of this name.
    async fn preset(
        &self,
        who: &Principal,
        provider: &str,
        detail: &str,
        flow: OauthFlow,
    ) -> Result<Findings, ApiError>;

    /// How a test message is getting on.
    async fn run(&self, who: &Principal, id: &str) -> Result<RunNow, ApiError>;

    /// What there is of a token.
    async fn token(&self, who: &Principal) -> Result<TokenNow, ApiError>;

    /// Begins an attempt to obtain a token for what is saved; `callback` is this server's callback
    /// address.
    async fn get_token(
        &self,
        who: &Principal,
        callback: &str,
        in_pop_up: bool,
    ) -> Result<Begun, ApiError>;

    /// Finishes an attempt of whoever asks from the address that their browser ended at.
    async fn finish_attempt(
        &self,
        who: &Principal,
        browser: &Browser,
        id: &str,
        address: &str,
    ) -> Result<Finished, ApiError>;

    /// What the access token says, and what of it does not fit mail.
    async fn token_xray(&self, who: &Principal) -> Result<Findings, ApiError>;

    /// What a provider says about itself, by its issuer or a tenant of Microsoft's.
    async fn discover(&self, who: &Principal, issuer: &str) -> Result<Findings, ApiError>;

    /// Whether a browser comes back by a Redirect URI, as it is typed on a page of this origin.
    async fn redirect_doctor(
        &self,
        who: &Principal,
        reached: &Reached,
        uri: &str,
        page: &str,
    ) -> Result<Findings, ApiError>;
}

/// That whoever is signed in is known by a session of this server's, which they can end. Nobody else
/// can sign out here: the next request would know them again.
#[derive(Debug, Clone, Copy)]
pub struct BySession;

/// How people sign in on the sign-in page.
#[derive(Debug, Clone)]
pub struct WaysIn {
    /// With an account of this product.
    pub by_password: bool,
    /// With an organisation's account, by the name that people know the organisation by.
    pub by_provider: Option<String>,
}

/// What a browser is known by when it comes back from a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Browser {
    /// By nothing: it was sent to none, or it is another one.
    #[default]
    Unknown,
    /// By the cookie that it was given when it was sent there.
    ByCookie(String),
    /// By whoever asks: they show a token with each call, which no page makes a browser send by
    /// itself. A page of another site has no cookie here that would tell more.
    ByToken,
}

impl Browser {
    /// The cookie that it brings along.
    #[must_use]
    pub fn cookie(&self) -> Option<&str> {
        match self {
            Self::ByCookie(token) => Some(token),
            Self::Unknown | Self::ByToken => None,
        }
    }
}

/// This server's callback address, as a caller reaches it.
#[derive(Debug, Clone)]
pub struct Callback(pub String);

/// How a call has reached this server.
#[derive(Debug, Clone, Default)]
pub struct Reached {
    /// This server's callback address, as this caller reaches it.
    pub callback: String,
    /// The origin of this server's public URL, where one is configured.
    pub public_origin: Option<String>,
    /// The headers by which proxies tell what was asked for (RFC 7239), by name. None is believed.
    pub forwarded: Vec<(&'static str, String)>,
}

/// The path of the page that the tab stands on.
#[derive(Debug, Clone)]
pub struct TabPath(pub String);

/// Why whoever asks is nobody here, where that is known.
#[derive(Debug, Clone, Copy)]
pub struct TurnedAway {
    /// What a call answers.
    pub why: ApiError,
    /// The code of the refusal.
    pub code: &'static str,
    /// Whether they have a session of this product's own beside, which they may end.
    pub has_session: bool,
}

/// The service, as it stands in the context of a request.
pub type SharedService = Arc<dyn EmailService>;

/// What the pages around the tab ask for.
#[async_trait]
pub trait FrameService: Send + Sync + 'static {
    /// Whether the first administrator can make themselves one with this ticket.
    async fn set_up(&self, ticket: &str) -> Result<SetUp, ApiError>;

    /// An attempt to obtain a token by its id, whether its provider's page stands in a window of its
    /// own, and what its end means.
    async fn attempt(
        &self,
        who: Option<&Principal>,
        id: &str,
    ) -> Result<Option<(Attempt, bool, Option<Explanation>)>, ApiError>;

    /// The latest test messages of everybody.
    async fn history(&self, who: &Principal) -> Result<History, ApiError>;

    /// The part of the audit trail that is asked for.
    async fn audit(&self, who: &Principal, wanted: &AuditQuery) -> Result<AuditPage, ApiError>;

    /// This person's sessions, and for administrators those of others.
    async fn account(&self, who: &Principal) -> Result<MyAccount, ApiError>;

    /// How this person likes times, and what else they may choose.
    async fn time_settings(&self, who: &Principal) -> Result<TimeSettings, ApiError>;
}

/// The frame's service, as it stands in the context of a request.
pub type SharedFrame = Arc<dyn FrameService>;

/// Where the making of the first administrator stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetUp {
    /// Nobody may sign in yet, and the ticket works.
    Open,
    /// Nobody may sign in yet, and the ticket does not work, or no longer.
    LinkOver,
    /// The ticket does not work, and this server gives none: people sign in otherwise.
    NotOffered,
    /// There is an administrator.
    Done,
}

/// The latest test messages, newest first.
#[derive(Debug, Clone)]
pub struct History {
    /// Who asked for each, by name.
    pub runs: Vec<(String, RunNow)>,
    /// How whoever reads them likes times.
    pub display: TimeDisplay,
    /// For how many days they are kept; 0 is for ever.
    pub kept_days: u32,
}

/// Which part of the audit trail is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only what somebody with this address did.
    pub person: Option<String>,
    /// Only what was done on this day, as whoever asks counts days.
    pub day: Option<NaiveDate>,
    /// Only what is older than the row with this number.
    pub before: Option<i64>,
}

/// A part of the audit trail.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// Newest first.
    pub rows: Vec<AuditRow>,
    /// The number to ask for rows before, if there are older ones.
    pub older: Option<i64>,
    /// The addresses of everybody who is in the trail.
    pub people: Vec<String>,
    /// How whoever reads it likes times.
    pub display: TimeDisplay,
    /// For how many days rows are kept; 0 is for ever.
    pub kept_days: u32,
}

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// When.
    pub at: DateTime<Utc>,
    /// Their name; empty where nobody was known.
    pub name: String,
    /// Their address; empty where nobody was known.
    pub email: String,
    /// What.
    pub action: Action,
    /// The controls that it was about.
    pub fields: Vec<Field>,
    /// Whom else it was about.
    pub detail: Option<String>,
    /// The issuer of the identity; nothing for an account of this product.
    pub issuer: Option<String>,
    /// What the issuer, or this product, knows the person by.
    pub subject: Option<String>,
    /// The client's IPv4 address or the /64 of its IPv6 address, where it was recorded.
    pub address: Option<String>,
    /// The name of the session, where there was one.
    pub session: Option<String>,
    /// How many times it happened.
    pub count: i64,
}

/// What a person's own page shows.
#[derive(Debug, Clone)]
pub struct MyAccount {
    /// Whether they have a password here, which they may change.
    pub has_password: bool,
    /// Their sessions, latest first.
    pub mine: Vec<SessionRow>,
    /// The sessions of others, which administrators alone may see.
    pub others: Option<Vec<SessionRow>>,
    /// How they like times.
    pub display: TimeDisplay,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The session's name, by which it can be ended.
    pub id: String,
    /// Whether it is the one of this request.
    pub is_this: bool,
    /// Whose it is, by name.
    pub name: String,
    /// Whose it is, by address; empty where there is none.
    pub email: String,
    /// The issuer of their identity; nothing for an account of this product.
    pub issuer: Option<String>,
    /// From which address they signed in, where that was recorded.
    pub address: Option<String>,
    /// When they signed in.
    pub began_at: DateTime<Utc>,
    /// When a request last came, give or take a minute.
    pub seen_at: DateTime<Utc>,
}

/// How a person likes times, and what else they may choose.
#[derive(Debug, Clone)]
pub struct TimeSettings {
    /// What they have chosen, or their host for them.
    pub display: TimeDisplay,
    /// Whether their host decides.
    pub is_the_hosts: bool,
    /// The present instant, for examples.
    pub now: DateTime<Utc>,
    /// The time zones to choose from, each with its present offset in minutes.
    pub zones: Vec<(&'static str, i32)>,
}
