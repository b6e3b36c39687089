//! CORS (Fetch, 3.2). The browser bundle is public. Calls are for the configured origins, on bearer
//! routes only: those ignore cookies, so a page has no more access than the token that it has.

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::headers::CROSS_ORIGIN_RESOURCE_POLICY;
use crate::config::HostOrigin;
use crate::state::Server;

/// The response to a preflight: the methods and headers allowed, and its lifetime in seconds.
const PREFLIGHT: [(HeaderName, HeaderValue); 3] = [
    (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST")),
    (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type")),
    (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
];

/// Makes a file public, also on pages that require CORP of embedded resources.
const PUBLIC: [(HeaderName, HeaderValue); 2] = [
    (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin")),
];

/// Middleware: lets pages of the configured origins call and read the response, also a refusal. A
/// preflight is answered here, before authentication.
pub async fn calls(State(server): State<Server>, request: Request, next: Next) -> Response {
    let allowed =
        allowed(&server.config.embedding_origins.embedding, request.headers().get(ORIGIN));
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (is_preflight, &allowed) {
        (true, Some(_)) => (StatusCode::NO_CONTENT, PREFLIGHT).into_response(),
        (true, None) => StatusCode::NO_CONTENT.into_response(),
        (false, _) => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

/// Middleware: makes every response public.
pub async fn any_origin(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().extend(PUBLIC);
    response
}

/// The request's origin, if it is a configured one, byte for byte.
fn allowed(configured: &[HostOrigin], origin: Option<&HeaderValue>) -> Option<HeaderValue> {
    origin.filter(|origin| configured.iter().any(|one| *origin == one.as_str())).cloned()
}
