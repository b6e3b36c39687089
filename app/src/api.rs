//! The server functions, a public HTTP API under `/api`. Each authenticates the caller and calls the
//! service. Errors are codes.

use contract::{
    ApiCode, AttemptFinished, AttemptStarted, EmailTab, LookupResult, RunView, Save, SaveAnswer,
    TestAnswer, TokenView,
};
use domain::{Draft, OauthFlow};
use leptos::prelude::*;

pub use crate::error::ApiError;
use crate::{deadline, host::HostTransport};

/// Returns the tab's initial data.
///
/// # Errors
/// [`ApiError`] of the service.
#[server(name = LoadTab, prefix = "/api", endpoint = "email/load", protocol = HostTransport)]
pub async fn load() -> Result<EmailTab, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.load(&who, &context.origin.callback).await)
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
    let (context, who) = request::caller()?;
    request::with_status(context.service.save(&who, save).await)
}

/// Starts a test message to the caller with the saved settings.
///
/// # Errors
/// [`ApiError`] of the service; nothing was sent.
#[server(name = SendTest, prefix = "/api", endpoint = "email/send-test", protocol = HostTransport)]
pub async fn send_test() -> Result<RunView, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.send_test(&who).await)
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
    let (context, who) = request::caller()?;
    request::with_status(context.service.test_typed(&who, draft).await)
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
    let (context, who) = request::caller()?;
    request::with_status(context.service.preset(&who, &provider, &detail, flow).await)
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
    let (context, who) = request::caller()?;
    request::with_status(context.service.run(&who, &id).await)
}

/// Returns the token's status and the caller's last attempt.
///
/// # Errors
/// [`ApiError`] of the service.
#[server(name = ReadToken, prefix = "/api", endpoint = "email/token", protocol = HostTransport)]
pub async fn token() -> Result<TokenView, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.token(&who).await)
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
    let (context, who) = request::caller()?;
    request::with_status(context.service.get_token(&who, &context.origin.callback, in_pop_up).await)
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
    let (context, who) = request::caller()?;
    request::with_status(
        context.service.finish_attempt(&who, &context.binding, &id, &address).await,
    )
}

/// Returns the claims of the access token and its problems.
///
/// # Errors
/// [`ApiError`] of the service.
#[server(name = InspectToken, prefix = "/api", endpoint = "email/token-xray", protocol = HostTransport)]
pub async fn inspect_token() -> Result<LookupResult, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.inspect_token(&who).await)
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
    let (context, who) = request::caller()?;
    request::with_status(context.service.discover(&who, &issuer).await)
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
    let (context, who) = request::caller()?;
    request::with_status(context.service.check_redirect(&who, &context.origin, &uri, &page).await)
}

/// Applies a timeout to a call.
///
/// # Errors
/// The call's code, or [`ApiCode::Unreachable`] after 45 seconds.
pub async fn in_time<T>(call: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiCode> {
    let answer = deadline::within(deadline::ANSWER, call).await;
    answer.map_or(Err(ApiCode::Unreachable), |answer| answer.map_err(|ApiError(code)| code))
}

/// The server side of every call: the caller from the request context, and the HTTP status.
#[cfg(feature = "ssr")]
mod request {
    use contract::{ApiCode, RequestContext};
    use domain::Principal;
    use leptos::context::use_context;

    use super::ApiError;
    use crate::error::set_status;

    /// Returns the context of the request and its authenticated caller.
    pub fn caller() -> Result<(RequestContext, Principal), ApiError> {
        let context = use_context::<RequestContext>().ok_or(ApiCode::ServerFailed);
        with_status(context.and_then(|context| {
            let refusal = context.denied.map_or(ApiCode::SignedOut, |denied| denied.code.general());
            let caller = context.caller.clone().ok_or(refusal)?;
            Ok((context, caller))
        }))
    }

    /// Sets the HTTP status of an error result.
    pub fn with_status<T>(answer: Result<T, ApiCode>) -> Result<T, ApiError> {
        answer.inspect_err(|code| set_status(*code)).map_err(ApiError)
    }
}
