//! The server functions: each asks first who is calling, then calls the port, and answers in
//! codes. They are a public HTTP API under `/api`, whatever the page does with it.

use chrono::{DateTime, Utc};
use domain::delivery::{Run, Step};
use domain::time_format::TimeDisplay;
use domain::token::{Attempt, Token};
use domain::{Draft, Field, OauthFlow, Problems, Saved};
use leptos::prelude::*;
use leptos::server_fn::Bytes;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

use crate::deadline;
use crate::explanation::{Explanation, Findings};
use crate::host::Call;
use crate::wire::{self, Text};

/// Why a call brought no answer. Codes only: no value, no server's text, no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum ApiError {
    /// Nobody is signed in, or no longer, or what says who it is was not believed.
    #[error("signed out")]
    #[serde(
        alias = "host-token-malformed",
        alias = "host-token-algorithm",
        alias = "host-token-key-unknown",
        alias = "host-token-type",
        alias = "host-token-signature",
        alias = "host-token-issuer",
        alias = "host-token-audience-missing",
        alias = "host-token-audience",
        alias = "host-token-expiry-missing",
        alias = "host-token-issued-at-missing",
        alias = "host-token-not-yet-valid",
        alias = "proxy-header-spoofed",
        alias = "proxy-header-malformed",
        alias = "session-ended",
        alias = "account-removed"
    )]
    SignedOut,
    /// The host's word on who is signed in has expired; a fresh one helps.
    #[error("host token expired")]
    HostTokenExpired,
    /// Whoever is signed in may not do this.
    #[error("not allowed")]
    #[serde(alias = "role-missing")]
    Forbidden,
    /// A control holds more than any control may.
    #[error("too large")]
    Oversized(Field),
    /// What is saved is not enough to send with.
    #[error("settings incomplete")]
    Incomplete,
    /// Whoever asks has no e-mail address that is known to be theirs.
    #[error("no address")]
    NoAddress,
    /// An OAuth flow is saved, and there is no token.
    #[error("token needed")]
    TokenNeeded,
    /// There is a token, and it goes to another mail server.
    #[error("token for another server")]
    TokenElsewhere,
    /// What was pasted is no address that a provider sends a browser back to.
    #[error("no answer in the address")]
    NoAnswerInAddress,
    /// A test message is under way already.
    #[error("busy")]
    Busy,
    /// There is no such thing.
    #[error("not found")]
    NotFound,
    /// The request makes no sense to the server.
    #[error("malformed request")]
    #[serde(alias = "body-broken", alias = "not-json")]
    Malformed,
    /// The request is larger than any form of this server.
    #[error("request too large")]
    #[serde(alias = "body-too-large")]
    TooLarge,
    /// The request came from another site's page.
    #[error("cross-site request")]
    CrossSite,
    /// The server cannot do it now; the log says why.
    #[error("server failed")]
    #[serde(alias = "internal", alias = "unavailable", alias = "host-keys-unavailable")]
    ServerFailed,
    /// The server did not answer, or not in time.
    #[error("no answer")]
    #[serde(alias = "body-too-slow")]
    Unreachable,
}

impl FromServerFnError for ApiError {
    type Encoder = Text;

    /// Reads what the server functions answer, what the guards before them do, and takes what
    /// neither wrote (a proxy's page, say) for no answer.
    fn de(body: Bytes) -> Self {
        wire::read(&body)
            .or_else(|_| wire::read(&body).map(|Refused { code }| code))
            .unwrap_or(Self::Unreachable)
    }

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let error = match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => Self::Unreachable,
            ServerFnErrorErr::Deserialization(_)
            | ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_) => Self::Malformed,
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_)
            | ServerFnErrorErr::Serialization(_) => Self::ServerFailed,
        };
        #[cfg(feature = "ssr")]
        answering::set_status(error);
        error
    }
}

/// The answer of a guard that a request never passed.
#[derive(Deserialize)]
struct Refused {
    code: ApiError,
}

/// What the tab shows first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tab {
    /// What is saved.
    pub saved: Saved,
    /// Whether this person may change anything.
    pub may_edit: bool,
    /// Where a test message would go; nowhere for somebody without an address of their own.
    pub recipient: Option<String>,
    /// The last test message that this administrator asked for.
    pub last_run: Option<RunNow>,
    /// How this administrator likes times.
    pub display: TimeDisplay,
    /// What there is of a token.
    pub token: TokenNow,
    /// This server's own callback address, for a Redirect URI.
    pub callback: String,
}

/// A test message as far as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunNow {
    /// In codes.
    pub run: Run,
    /// Its steps in the order in which they are to come.
    pub order: Vec<Step>,
    /// What its end means, and what to do.
    pub explanation: Option<Explanation>,
    /// All of it as text for a support ticket, once it has ended.
    pub transcript: Option<String>,
}

/// What there is of a token at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenNow {
    /// The token, if there is one.
    pub token: Option<Token>,
    /// The server's present instant; on the wire in epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub now: DateTime<Utc>,
    /// The attempt that this administrator began last, for the settings that are saved.
    pub attempt: Option<Attempt>,
    /// What keeps the token from being renewed, explained.
    #[serde(default)]
    pub renewal: Option<Explanation>,
    /// What the end of the attempt means; nothing to say of a good one, unless the token is another
    /// account's than the sender's.
    #[serde(default)]
    pub ended: Option<Explanation>,
}

/// An attempt that somebody has tried to finish by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// The attempt.
    pub attempt: Attempt,
    /// What its end means, where there is anything to say.
    pub explanation: Option<Explanation>,
}

/// An attempt that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The attempt.
    pub attempt: Attempt,
    /// The path that leads to the provider's page, once; nothing where nobody is asked.
    pub start: Option<String>,
}

/// A save: the whole form, and what the administrator knew when they made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Save {
    /// The form.
    pub draft: Draft,
    /// The revision that it was made on.
    pub revision: i64,
    /// The token that the administrator agreed to delete.
    pub deletes_grant: Option<String>,
}

/// What became of a save. Unless it is `Saved`, nothing was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaveAnswer {
    /// This is saved now.
    Saved(Saved),
    /// These controls need attention.
    Problems(Problems),
    /// Somebody else has saved since.
    Conflict(Theirs),
    /// Saving would delete this token, which the save did not name.
    TokenWouldBeDeleted(String),
}

/// What became of asking for a test of settings that are not saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestAnswer {
    /// It is under way.
    Begun(Box<RunNow>),
    /// These controls need attention; nothing was sent.
    Problems(Problems),
}

/// What somebody else has saved meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Theirs {
    /// What is saved now, with their name and the time in it.
    pub saved: Saved,
    /// The secrets that were stored since the revision that the refused save was made on.
    pub replaced: Vec<Field>,
    /// Whether one person made both the refused save and the one before it.
    #[serde(default)]
    pub is_own: bool,
}

/// What the tab shows first.
///
/// # Errors
/// [`ApiError`], as the service says.
#[server(name = LoadTab, prefix = "/api", endpoint = "email/load", protocol = Call)]
pub async fn load() -> Result<Tab, ApiError> {
    let (service, who) = answering::caller()?;
    answering::with_status(service.load(&who, &answering::callback()).await)
}

/// Saves the form.
///
/// # Errors
/// [`ApiError`], as the service says; then nothing was saved.
#[server(name = SaveForm, prefix = "/api", endpoint = "email/save", protocol = Call)]
pub async fn save(
    /// The form, and what it was made on.
    save: Save,
) -> Result<SaveAnswer, ApiError> {
    let (service, who) = answering::caller()?;
    answering::with_status(service.save(&who, save).await)
}

/// Starts a test message to whoever asks.
///
/// # Errors
/// [`ApiError`], as the service says; then nothing was sent.
#[server(name = SendTest, prefix = "/api", endpoint = "email/send-test", protocol = Call)]
pub async fn send_test() -> Result<RunNow, ApiError> {
    let (service, who) = answering::caller()?;
    answering::with_status(service.send_test(&who).await)
}

/// Starts a test message to whoever asks, through settings that are not saved.
///
/// # Errors
/// [`ApiError`], as the service says; then nothing was sent.
#[server(name = TestTyped, prefix = "/api", endpoint = "email/test-typed", protocol = Call)]
pub async fn test_typed(
    /// The form as it is typed.
    draft: Draft,
) -> Result<TestAnswer, ApiError> {
    let (service, who) = answering::caller()?;
    answering::with_status(service.test_typed(&who, draft).await)
}

/// What the controls are to hold for a provider.
///
/// # Errors
/// [`ApiError`], as the service says.
#[server(name = ReadPreset, prefix = "/api", endpoint = "email/preset", protocol = Call)]
pub async fn preset(
    /// The provider's name.
    provider: String,
    /// What has to be known beside it: a tenant or a region.
    detail: String,
    /// The flow that is chosen.
    flow: OauthFlow,
) -> Result<Findings, ApiError> {
    let (service, who) = answering::caller()?;
    answering::with_status(service.preset(&who, &provider, &detail, flow).await)
}

/// How a test message is getting on.
///
/// # Errors
/// [`ApiError`], as the service says.
#[server(name = ReadRun, prefix = "/api", endpoint = "email/run", protocol = Call)]
pub async fn run(
    /// The run's id.
    id: String,
) -> Result<RunNow, ApiError> {
    let (service, who) = answering::caller()?;
    answering::with_status(service.run(&who, &id).await)
}

/// What there is of a token.
///
/// # Errors
/// [`ApiError`], as the service says.
#[server(name = ReadToken, prefix = "/api", endpoint = "email/token", protocol = Call)]
pub async fn token() -> Result<TokenNow, ApiError> {
    let (service, who) = answering::caller()?;
    answering::with_status(service.token(&who).await)
}

/// Begins an attempt to obtain a token.
///
/// # Errors
/// [`ApiError`], as the service says; then nothing was begun.
#[server(name = GetToken, prefix = "/api", endpoint = "email/get-token", protocol = Call)]
pub async fn get_token(
    /// Whether the provider's page will stand in a window of its own.
    in_pop_up: bool,
) -> Result<Begun, ApiError> {
    let (service, who) = answering::caller()?;
    let callback = answering::callback();
    answering::with_status(service.get_token(&who, &callback, in_pop_up).await)
}

/// Finishes an attempt from the address that the browser ended at.
///
/// # Errors
/// [`ApiError`], as the service says; then the attempt is as it was.
#[server(name = FinishAttempt, prefix = "/api", endpoint = "email/finish-attempt", protocol = Call)]
pub async fn finish_attempt(
    /// The attempt's id.
    id: String,
    /// The address, as pasted.
    address: String,
) -> Result<Finished, ApiError> {
    let (service, who) = answering::caller()?;
    let browser = answering::browser();
    answering::with_status(service.finish_attempt(&who, &browser, &id, &address).await)
}

/// What the access token says.
///
/// # Errors
/// [`ApiError`], as the service says.
#[server(name = TokenXray, prefix = "/api", endpoint = "email/token-xray", protocol = Call)]
pub async fn token_xray() -> Result<Findings, ApiError> {
    let (service, who) = answering::caller()?;
    answering::with_status(service.token_xray(&who).await)
}

/// What a provider says about itself.
///
/// # Errors
/// [`ApiError`], as the service says.
#[server(name = Discover, prefix = "/api", endpoint = "email/discover", protocol = Call)]
pub async fn discover(
    /// The issuer, or a tenant of Microsoft's.
    issuer: String,
) -> Result<Findings, ApiError> {
    let (service, who) = answering::caller()?;
    answering::with_status(service.discover(&who, &issuer).await)
}

/// Whether a browser comes back by a Redirect URI.
///
/// # Errors
/// [`ApiError`], as the service says.
#[server(name = RedirectDoctor, prefix = "/api", endpoint = "email/redirect-doctor", protocol = Call)]
pub async fn redirect_doctor(
    /// As it is typed.
    uri: String,
    /// The origin of the page with the tab, as its browser writes it.
    page: String,
) -> Result<Findings, ApiError> {
    let (service, who) = answering::caller()?;
    let reached = answering::reached();
    answering::with_status(service.redirect_doctor(&who, &reached, &uri, &page).await)
}

/// Why nobody was signed in. It travels in the address of the sign-in page, so that the page works
/// without any script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorRefusal {
    /// E-mail address or password is wrong; nobody learns which.
    WrongCredentials,
    /// Too many attempts: again after this many seconds.
    TooManyAttempts(u32),
    /// Too many sign-ins of others: again after this many seconds.
    Busy(u32),
    /// The server cannot do it now; the log says why.
    ServerFailed,
    /// The sign-in with another account was declined.
    Declined,
    /// The sign-in with another account took too long, or was finished before.
    Over,
    /// The sign-in with another account was begun in another browser.
    OtherBrowser,
    /// Whoever has the other accounts does not answer, or not what can be believed.
    ProviderFailed,
    /// The other account may do nothing here.
    NoRole,
}

impl DoorRefusal {
    /// The refusal as the value of the page's `refused` parameter.
    #[must_use]
    pub fn code(self) -> String {
        match self {
            Self::WrongCredentials => "wrong-credentials".to_owned(),
            Self::TooManyAttempts(seconds) => format!("too-many-attempts-{seconds}"),
            Self::Busy(seconds) => format!("busy-{seconds}"),
            Self::ServerFailed => "server-failed".to_owned(),
            Self::Declined => "declined".to_owned(),
            Self::Over => "over".to_owned(),
            Self::OtherBrowser => "other-browser".to_owned(),
            Self::ProviderFailed => "provider-failed".to_owned(),
            Self::NoRole => "no-role".to_owned(),
        }
    }

    /// The refusal with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "wrong-credentials" => Some(Self::WrongCredentials),
            "server-failed" => Some(Self::ServerFailed),
            "declined" => Some(Self::Declined),
            "over" => Some(Self::Over),
            "other-browser" => Some(Self::OtherBrowser),
            "provider-failed" => Some(Self::ProviderFailed),
            "no-role" => Some(Self::NoRole),
            _ => {
                let (kind, seconds) = code.rsplit_once('-')?;
                let seconds = seconds.parse().ok()?;
                match kind {
                    "too-many-attempts" => Some(Self::TooManyAttempts(seconds)),
                    "busy" => Some(Self::Busy(seconds)),
                    _ => None,
                }
            }
        }
    }

    /// Whether nothing was looked at, so that waiting helps.
    #[must_use]
    pub const fn ends_by_waiting(self) -> bool {
        matches!(self, Self::TooManyAttempts(_) | Self::Busy(_))
    }
}

/// Waits for an answer, but not for ever: a server that says nothing is [`ApiError::Unreachable`].
///
/// # Errors
/// What the call answers, or that nothing came within 45 seconds.
pub async fn in_time<T>(call: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    deadline::within(deadline::ANSWER, call).await.unwrap_or(Err(ApiError::Unreachable))
}

/// The server's side of every call: who asks, and a status that tells the truth.
#[cfg(feature = "ssr")]
mod answering {
    use axum::http::StatusCode;
    use axum::http::request::Parts;
    use leptos::context::use_context;
    use leptos_axum::ResponseOptions;

    use super::ApiError;
    use crate::service::{Browser, Callback, Principal, Reached, SharedService, TurnedAway};

    /// The service and the administrator who asks.
    pub fn caller() -> Result<(SharedService, Principal), ApiError> {
        let found =
            use_context::<SharedService>().ok_or(ApiError::ServerFailed).and_then(|service| {
                let refusal = || {
                    use_context::<TurnedAway>()
                        .map_or(ApiError::SignedOut, |turned_away| turned_away.why)
                };
                Ok((service, use_context::<Principal>().ok_or_else(refusal)?))
            });
        with_status(found)
    }

    /// This server's callback address, as this caller reaches it.
    pub fn callback() -> String {
        use_context::<Callback>().map(|Callback(address)| address).unwrap_or_default()
    }

    /// How this caller has reached this server.
    pub fn reached() -> Reached {
        use_context::<Reached>().unwrap_or_default()
    }

    /// What the caller's browser is known by when it comes back from a provider.
    pub fn browser() -> Browser {
        use_context::<Browser>().unwrap_or_default()
    }

    /// Gives an error the status that it means.
    pub fn with_status<T>(answer: Result<T, ApiError>) -> Result<T, ApiError> {
        answer.inspect_err(|error| set_status(*error))
    }

    /// Sets the status that an error means: leptos would answer 500 to each of them. A page that
    /// was rendered with an error keeps its own.
    pub fn set_status(error: ApiError) {
        let is_call =
            use_context::<Parts>().is_some_and(|parts| parts.uri.path().starts_with("/api/"));
        if let (Some(response), true) = (use_context::<ResponseOptions>(), is_call) {
            response.set_status(status(error));
        }
    }

    fn status(error: ApiError) -> StatusCode {
        match error {
            ApiError::SignedOut | ApiError::HostTokenExpired => StatusCode::UNAUTHORIZED,
            ApiError::Forbidden | ApiError::CrossSite => StatusCode::FORBIDDEN,
            ApiError::Oversized(_) | ApiError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::Incomplete
            | ApiError::NoAddress
            | ApiError::TokenNeeded
            | ApiError::TokenElsewhere
            | ApiError::Busy => StatusCode::CONFLICT,
            ApiError::NotFound => StatusCode::NOT_FOUND,
            ApiError::Malformed | ApiError::NoAnswerInAddress => StatusCode::BAD_REQUEST,
            ApiError::ServerFailed => StatusCode::INTERNAL_SERVER_ERROR,
            ApiError::Unreachable => StatusCode::BAD_GATEWAY,
        }
    }
}
