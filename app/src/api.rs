//! The server functions, a public HTTP API under `/api`. Each authenticates the caller and calls the
//! service. Errors are the service's codes; a call that fails has changed nothing.

use contract::{
    ApiCode, AttemptFinished, AttemptStarted, EmailTab, LookupResult, RunView, Save, SaveAnswer,
    TestAnswer, TokenView,
};
use domain::{Draft, OauthFlow};
use leptos::prelude::*;

pub use crate::error::ApiError;
use crate::{deadline, host::HostTransport, json::Later};

/// The tab's initial data, of which the deferred chunk reads the test message, the token and the
/// incident.
pub type LoadedTab = EmailTab<Later, Later, Later>;

/// Returns the tab's initial data.
#[server(name = LoadTab, prefix = "/api", endpoint = "email/load", protocol = HostTransport)]
pub async fn load() -> Result<LoadedTab, ApiError> {
    let (context, who) = request::caller()?;
    let tab = request::with_status(context.service.load(&who, &context.origin.callback).await)?;
    Ok(tab.map_later(|run| Later::of(&run), |token| Later::of(&token), |open| Later::of(&open)))
}

/// Saves the form, if its base revision is still the latest.
#[server(name = SaveForm, prefix = "/api", endpoint = "email/save", protocol = HostTransport)]
pub async fn save(save: Save) -> Result<SaveAnswer, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.save(&who, save).await)
}

/// Returns the settings that last worked, as values to fill in.
#[server(name = LastWorked, prefix = "/api", endpoint = "email/last-worked", protocol = HostTransport)]
pub async fn last_worked() -> Result<LookupResult, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.last_worked(&who).await)
}

/// Starts a test message to the caller with the saved settings.
#[server(name = SendTest, prefix = "/api", endpoint = "email/send-test", protocol = HostTransport)]
pub async fn send_test() -> Result<RunView, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.send_test(&who).await)
}

/// Starts a test message to the caller with the form as typed.
#[server(name = TestTyped, prefix = "/api", endpoint = "email/test-typed", protocol = HostTransport)]
pub async fn test_typed(draft: Draft) -> Result<TestAnswer, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.test_typed(&who, draft).await)
}

/// Returns the preset of a provider for a flow; `detail` is a tenant or a region.
#[server(name = ReadPreset, prefix = "/api", endpoint = "email/preset", protocol = HostTransport)]
pub async fn preset(
    provider: String,
    detail: String,
    flow: OauthFlow,
) -> Result<LookupResult, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.preset(&who, &provider, &detail, flow).await)
}

/// Returns a test message and its progress.
#[server(name = ReadRun, prefix = "/api", endpoint = "email/run", protocol = HostTransport)]
pub async fn run(id: String) -> Result<RunView, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.run(&who, &id).await)
}

/// Returns the token's status and the caller's last attempt.
#[server(name = ReadToken, prefix = "/api", endpoint = "email/token", protocol = HostTransport)]
pub async fn token() -> Result<TokenView, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.token(&who).await)
}

/// Starts an attempt to obtain a token; the provider's page may open in a popup window.
#[server(name = GetToken, prefix = "/api", endpoint = "email/get-token", protocol = HostTransport)]
pub async fn get_token(in_pop_up: bool) -> Result<AttemptStarted, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.get_token(&who, &context.origin.callback, in_pop_up).await)
}

/// Completes an attempt with the pasted callback address.
#[server(name = FinishAttempt, prefix = "/api", endpoint = "email/finish-attempt", protocol = HostTransport)]
pub async fn finish_attempt(id: String, address: String) -> Result<AttemptFinished, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(
        context.service.finish_attempt(&who, &context.binding, &id, &address).await,
    )
}

/// Stops the caller's attempts that wait for the provider, and returns the token's status.
#[server(name = StopAttempts, prefix = "/api", endpoint = "email/stop-attempts", protocol = HostTransport)]
pub async fn stop_attempts() -> Result<TokenView, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.stop_attempts(&who).await)
}

/// Returns the claims of the access token and its problems.
#[server(name = InspectToken, prefix = "/api", endpoint = "email/token-xray", protocol = HostTransport)]
pub async fn inspect_token() -> Result<LookupResult, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.inspect_token(&who).await)
}

/// Returns the metadata (RFC 8414) of an issuer or a Microsoft tenant, and its problems.
#[server(name = Discover, prefix = "/api", endpoint = "email/discover", protocol = HostTransport)]
pub async fn discover(issuer: String) -> Result<LookupResult, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.discover(&who, &issuer).await)
}

/// Checks whether a Redirect URI, typed on a page of the origin `page`, leads back to this server.
#[server(name = CheckRedirect, prefix = "/api", endpoint = "email/redirect-doctor", protocol = HostTransport)]
pub async fn check_redirect(uri: String, page: String) -> Result<LookupResult, ApiError> {
    let (context, who) = request::caller()?;
    request::with_status(context.service.check_redirect(&who, &context.origin, &uri, &page).await)
}

/// Applies a timeout of 45 seconds to a call, after which its error is [`ApiCode::Unreachable`].
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
