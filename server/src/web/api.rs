//! What every call of a server function passes first: it comes from somebody who is signed in, to a
//! function that exists, and is answered in JSON and codes. leptos alone would read the request
//! before asking who sends it, repeat an unknown path, and redirect a form to wherever it came from.

use std::sync::LazyLock;

use app::api::ApiError;
use axum::Json;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_TYPE, REFERER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use leptos::server_fn::axum::server_fn_paths;

use super::events::EVENTS;
use super::refusal::Refusal;
use crate::identity::Caller;

/// The paths of all server functions.
static FUNCTIONS: LazyLock<Vec<&str>> =
    LazyLock::new(|| server_fn_paths().map(|(path, _)| path).collect());

/// Middleware: lets a call pass that can be answered, and every request that is none.
pub async fn guard(mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !path.starts_with("/api/") {
        return next.run(request).await;
    }
    let caller = request.extensions().get::<Caller>();
    if caller.is_none_or(|caller| caller.principal.is_none()) {
        return refusal(StatusCode::UNAUTHORIZED, ApiError::SignedOut);
    }
    let method = match path {
        EVENTS => Method::GET,
        path if FUNCTIONS.contains(&path) => Method::POST,
        _ => return refusal(StatusCode::NOT_FOUND, ApiError::NotFound),
    };
    if request.method() != method {
        return refusal(StatusCode::METHOD_NOT_ALLOWED, ApiError::Malformed);
    }
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.remove(REFERER);
    next.run(request).await
}

/// Middleware: lets nothing pass but calls that say that they are in JSON. No form of another site's
/// can: a browser would ask this server first (Fetch, 2.2.2, CORS-safelisted request-header).
pub async fn only_calls(request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/api/") {
        return refusal(StatusCode::NOT_FOUND, ApiError::NotFound);
    }
    // What only reads is no call, and has no body to say anything of.
    let is_call = request.uri().path() != EVENTS;
    if is_call && !is_in_json(request.headers()) {
        return Refusal::NOT_JSON.into_response();
    }
    next.run(request).await
}

/// Whether the media type is JSON's, whatever its parameters (RFC 9110 8.3.1).
fn is_in_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter().map(|value| value.to_str().ok());
    let (Some(Some(only)), None) = (types.next(), types.next()) else { return false };
    let essence = only.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn refusal(status: StatusCode, error: ApiError) -> Response {
    (status, Json(error)).into_response()
}
