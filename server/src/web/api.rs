//! Guards every call of a server function before its body is read: the caller is signed in, the
//! function exists, and the response is JSON with a code. Leptos alone would read the body before
//! authentication, echo an unknown path, and redirect a form to its referrer.

use std::sync::LazyLock;

use axum::http::header::{ACCEPT, REFERER};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, extract::Request, middleware::Next};
use contract::ApiCode;
use leptos::server_fn::axum::server_fn_paths;

use super::events::EVENTS;
use crate::identity::Caller;

/// The paths of all server functions.
static FUNCTIONS: LazyLock<Vec<&str>> =
    LazyLock::new(|| server_fn_paths().map(|(path, _)| path).collect());

/// Middleware: passes calls that can be answered, and all requests that are no calls.
pub async fn guard(mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !path.starts_with("/api/") {
        return next.run(request).await;
    }
    let caller = request.extensions().get::<Caller>();
    if caller.is_none_or(|caller| caller.principal.is_none()) {
        return refusal(StatusCode::UNAUTHORIZED, ApiCode::SignedOut);
    }
    let method = match path {
        EVENTS => Method::GET,
        path if FUNCTIONS.contains(&path) => Method::POST,
        _ => return refusal(StatusCode::NOT_FOUND, ApiCode::NotFound),
    };
    if request.method() != method {
        return refusal(StatusCode::METHOD_NOT_ALLOWED, ApiCode::Malformed);
    }
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.remove(REFERER);
    next.run(request).await
}

/// Middleware: passes calls only.
pub async fn only_calls(request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/api/") {
        next.run(request).await
    } else {
        refusal(StatusCode::NOT_FOUND, ApiCode::NotFound)
    }
}

fn refusal(status: StatusCode, error: ApiCode) -> Response {
    (status, Json(error)).into_response()
}
