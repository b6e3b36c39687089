//! Which other sites' pages may read what this server answers (Fetch, 3.2). The browser's bundle is
//! everybody's. Calls are for the origins that were configured, on bearer routes alone: those know
//! nobody by a cookie, so that a page gets no further than the token it has.

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::headers::CROSS_ORIGIN_RESOURCE_POLICY;
use crate::Server;
use crate::config::HostOrigin;

/// What a browser may send after asking, and for how many seconds it need not ask again.
const PREFLIGHT: [(HeaderName, HeaderValue); 3] = [
    (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST")),
    (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type")),
    (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
];

/// What makes a file everybody's, on pages that take nothing else from other sites either.
const FOR_EVERYBODY: [(HeaderName, HeaderValue); 2] = [
    (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin")),
];

/// Middleware: lets pages of the configured origins call and read the answer, a refusal too. A
/// browser that asks first is answered here, before anybody asks who is calling.
pub async fn calls(State(server): State<Server>, request: Request, next: Next) -> Response {
    let allowed = allowed(&server.config.elsewhere.embedding, request.headers().get(ORIGIN));
    let asks_first = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (asks_first, &allowed) {
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

/// Middleware: makes every answer one that all sites may use.
pub async fn everybody(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().extend(FOR_EVERYBODY);
    response
}

/// The origin that asks, if it is a configured one, letter for letter.
fn allowed(configured: &[HostOrigin], origin: Option<&HeaderValue>) -> Option<HeaderValue> {
    origin.filter(|origin| configured.iter().any(|one| *origin == one.as_str())).cloned()
}
