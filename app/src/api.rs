//! The server functions, a public HTTP API under `/api`. Each authenticates the caller and calls the
//! service. Errors are codes.

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
use crate::explanation::{Explanation, LookupResult};
use crate::host::HostTransport;
use crate::json::{self, JsonCodec};

/// Why a call failed. Codes only: no value, no peer's text, no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum ApiError {
    /// The caller is not signed in, the session has ended, or the credential was rejected.
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
    /// The host's token has expired; a retry with a new token may succeed.
    #[error("host token expired")]
    HostTokenExpired,
    /// The caller's role does not allow this.
    #[error("not allowed")]
    #[serde(alias = "role-missing")]
    Forbidden,
    /// A control's value exceeds the maximum length.
    #[error("too large")]
    Oversized(Field),
    /// The saved settings are incomplete.
    #[error("settings incomplete")]
    Incomplete,
    /// The caller has no verified email address.
    #[error("no address")]
    NoAddress,
    /// An OAuth flow is saved, but there is no token.
    #[error("token needed")]
    TokenNeeded,
    /// The token is bound to another mail server.
    #[error("token for another server")]
    TokenElsewhere,
    /// The pasted text is not a callback address with an authorization response.
    #[error("no answer in the address")]
    NoAnswerInAddress,
    /// Another test message is already running.
    #[error("busy")]
    Busy,
    /// The requested item does not exist.
    #[error("not found")]
    NotFound,
    /// The request is malformed.
    #[error("malformed request")]
    #[serde(alias = "body-broken", alias = "not-json")]
    Malformed,
    /// The request body is too large.
    #[error("request too large")]
    #[serde(alias = "body-too-large")]
    TooLarge,
    /// The request was cross-site.
    #[error("cross-site request")]
    CrossSite,
    /// The server failed; details are in its log.
    #[error("server failed")]
    #[serde(alias = "internal", alias = "unavailable", alias = "host-keys-unavailable")]
    ServerFailed,
    /// The server did not answer within the timeout.
    #[error("no answer")]
    #[serde(alias = "body-too-slow")]
    Unreachable,
}

impl FromServerFnError for ApiError {
    type Encoder = JsonCodec;

    /// Decodes errors of the server functions and of the middleware in front of them. Anything else,
    /// for example a proxy's error page, counts as [`ApiError::Unreachable`].
    fn de(body: Bytes) -> Self {
        json::read(&body)
            .or_else(|_| json::read(&body).map(|GuardError { code }| code))
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
        request::set_status(error);
        error
    }
}

/// The error response of the middleware.
#[derive(Deserialize)]
struct GuardError {
    code: ApiError,
}

/// The tab's initial data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmailTab {
    /// The saved settings.
    pub saved: Saved,
    /// Whether the caller may edit.
    pub may_edit: bool,
    /// The recipient of a test message; `None` if the caller has no verified address.
    pub recipient: Option<String>,
    /// The caller's last test message.
    pub last_run: Option<RunView>,
    /// The caller's time display.
    pub display: TimeDisplay,
    /// The token's status.
    pub token: TokenView,
    /// This server's callback address, for Redirect URI.
    pub callback: String,
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

/// Returns the tab's initial data.
///
/// # Errors
/// [`ApiError`] of the service.
#[server(name = LoadTab, prefix = "/api", endpoint = "email/load", protocol = HostTransport)]
pub async fn load() -> Result<EmailTab, ApiError> {
    let (service, who) = request::caller()?;
    request::with_status(service.load(&who, &request::callback()).await)
}

/// Saves the form.
///
/// # Errors
/// [`ApiError`] of the service; nothing was saved.
#[server(name = SaveForm, prefix = "/api", endpoint = "email/save", protocol = HostTransport)]
pub async fn save(
    /// The form and its base revision.
    save: Save,
) -> Result<SaveAnswer, ApiError> {
    let (service, who) = request::caller()?;
    request::with_status(service.save(&who, save).await)
}

/// Starts a test message to the caller with the saved settings.
///
/// # Errors
/// [`ApiError`] of the service; nothing was sent.
#[server(name = SendTest, prefix = "/api", endpoint = "email/send-test", protocol = HostTransport)]
pub async fn send_test() -> Result<RunView, ApiError> {
    let (service, who) = request::caller()?;
    request::with_status(service.send_test(&who).await)
}

/// Starts a test message to the caller with unsaved settings.
///
/// # Errors
/// [`ApiError`] of the service; nothing was sent.
#[server(name = TestTyped, prefix = "/api", endpoint = "email/test-typed", protocol = HostTransport)]
pub async fn test_typed(
    /// The form as typed.
    draft: Draft,
) -> Result<TestAnswer, ApiError> {
    let (service, who) = request::caller()?;
    request::with_status(service.test_typed(&who, draft).await)
}

/// Returns a provider's preset.
///
/// # Errors
/// [`ApiError`] of the service.
#[server(name = ReadPreset, prefix = "/api", endpoint = "email/preset", protocol = HostTransport)]
pub async fn preset(
    /// The provider's name.
    provider: String,
    /// The provider's detail: a tenant or a region.
    detail: String,
    /// The chosen flow.
    flow: OauthFlow,
) -> Result<LookupResult, ApiError> {
    let (service, who) = request::caller()?;
    request::with_status(service.preset(&who, &provider, &detail, flow).await)
}

/// Returns a test message and its progress.
///
/// # Errors
/// [`ApiError`] of the service.
#[server(name = ReadRun, prefix = "/api", endpoint = "email/run", protocol = HostTransport)]
pub async fn run(
    /// The run's ID.
    id: String,
) -> Result<RunView, ApiError> {
    let (service, who) = request::caller()?;
    request::with_status(service.run(&who, &id).await)
}

/// Returns the token's status and the caller's last attempt.
///
/// # Errors
/// [`ApiError`] of the service.
#[server(name = ReadToken, prefix = "/api", endpoint = "email/token", protocol = HostTransport)]
pub async fn token() -> Result<TokenView, ApiError> {
    let (service, who) = request::caller()?;
    request::with_status(service.token(&who).await)
}

/// Starts an attempt to obtain a token.
///
/// # Errors
/// [`ApiError`] of the service; no attempt was started.
#[server(name = GetToken, prefix = "/api", endpoint = "email/get-token", protocol = HostTransport)]
pub async fn get_token(
    /// Whether the provider's page opens in a popup window.
    in_pop_up: bool,
) -> Result<AttemptStarted, ApiError> {
    let (service, who) = request::caller()?;
    let callback = request::callback();
    request::with_status(service.get_token(&who, &callback, in_pop_up).await)
}

/// Completes an attempt with the pasted callback address.
///
/// # Errors
/// [`ApiError`] of the service; the attempt is unchanged.
#[server(name = FinishAttempt, prefix = "/api", endpoint = "email/finish-attempt", protocol = HostTransport)]
pub async fn finish_attempt(
    /// The attempt's ID.
    id: String,
    /// The address, as pasted.
    address: String,
) -> Result<AttemptFinished, ApiError> {
    let (service, who) = request::caller()?;
    let binding = request::consent_binding();
    request::with_status(service.finish_attempt(&who, &binding, &id, &address).await)
}

/// Returns the claims of the access token and its problems.
///
/// # Errors
/// [`ApiError`] of the service.
#[server(name = InspectToken, prefix = "/api", endpoint = "email/token-xray", protocol = HostTransport)]
pub async fn inspect_token() -> Result<LookupResult, ApiError> {
    let (service, who) = request::caller()?;
    request::with_status(service.inspect_token(&who).await)
}

/// Returns a provider's metadata (RFC 8414) and its problems.
///
/// # Errors
/// [`ApiError`] of the service.
#[server(name = Discover, prefix = "/api", endpoint = "email/discover", protocol = HostTransport)]
pub async fn discover(
    /// The issuer, or a Microsoft tenant.
    issuer: String,
) -> Result<LookupResult, ApiError> {
    let (service, who) = request::caller()?;
    request::with_status(service.discover(&who, &issuer).await)
}

/// Checks whether a Redirect URI leads back to this server.
///
/// # Errors
/// [`ApiError`] of the service.
#[server(name = CheckRedirect, prefix = "/api", endpoint = "email/redirect-doctor", protocol = HostTransport)]
pub async fn check_redirect(
    /// The Redirect URI as typed.
    uri: String,
    /// The origin of the page with the tab, as reported by the browser.
    page: String,
) -> Result<LookupResult, ApiError> {
    let (service, who) = request::caller()?;
    let origin = request::origin();
    request::with_status(service.check_redirect(&who, &origin, &uri, &page).await)
}

/// Why a sign-in failed. It is a query parameter of the sign-in page, which works without script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInRefusal {
    /// The email address or the password is wrong; it is not revealed which.
    WrongCredentials,
    /// Too many attempts; retry after this many seconds.
    TooManyAttempts(u32),
    /// Too many concurrent sign-ins; retry after this many seconds.
    Busy(u32),
    /// The server failed; details are in its log.
    ServerFailed,
    /// The user declined the `OpenID` Connect login.
    Declined,
    /// The `OpenID` Connect login has expired or was already completed.
    Over,
    /// The `OpenID` Connect login was started in another browser.
    OtherBrowser,
    /// The `OpenID` provider did not answer, or its answer was rejected.
    ProviderFailed,
    /// The account has no role here.
    NoRole,
}

impl SignInRefusal {
    /// Returns the value of the `refused` query parameter.
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

    /// Parses the value of the `refused` query parameter.
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

    /// Whether the sign-in was throttled and can be retried later.
    #[must_use]
    pub const fn ends_by_waiting(self) -> bool {
        matches!(self, Self::TooManyAttempts(_) | Self::Busy(_))
    }
}

/// Applies a timeout to a call.
///
/// # Errors
/// The call's error, or [`ApiError::Unreachable`] after 45 seconds.
pub async fn in_time<T>(call: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    deadline::within(deadline::ANSWER, call).await.unwrap_or(Err(ApiError::Unreachable))
}

/// The server side of every call: the caller from the request context, and the HTTP status.
#[cfg(feature = "ssr")]
mod request {
    use axum::http::StatusCode;
    use axum::http::request::Parts;
    use leptos::context::use_context;
    use leptos_axum::ResponseOptions;

    use super::ApiError;
    use crate::service::{
        AccessDenied, Callback, ConsentBinding, Principal, RequestOrigin, SharedService,
    };

    /// Returns the service and the authenticated caller.
    pub fn caller() -> Result<(SharedService, Principal), ApiError> {
        let found =
            use_context::<SharedService>().ok_or(ApiError::ServerFailed).and_then(|service| {
                let refusal = || {
                    use_context::<AccessDenied>().map_or(ApiError::SignedOut, |denied| denied.why)
                };
                Ok((service, use_context::<Principal>().ok_or_else(refusal)?))
            });
        with_status(found)
    }

    /// Returns this server's callback address as reached by the caller.
    pub fn callback() -> String {
        use_context::<Callback>().map(|Callback(address)| address).unwrap_or_default()
    }

    /// Returns how the request has reached this server.
    pub fn origin() -> RequestOrigin {
        use_context::<RequestOrigin>().unwrap_or_default()
    }

    /// Returns what binds the browser to its pending attempt.
    pub fn consent_binding() -> ConsentBinding {
        use_context::<ConsentBinding>().unwrap_or_default()
    }

    /// Sets the HTTP status of an error result.
    pub fn with_status<T>(answer: Result<T, ApiError>) -> Result<T, ApiError> {
        answer.inspect_err(|error| set_status(*error))
    }

    /// Sets the HTTP status of an error, for which Leptos would answer 500. A page that was rendered
    /// with an error keeps its own status.
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
