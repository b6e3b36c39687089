//! Checks the media type of requests that may change something: JSON for calls, URL-encoded for
//! forms. A form on another site can also send `text/plain` and `multipart/form-data`, with any
//! JSON in it, without a preflight (Fetch 2.2.2, CORS-safelisted request-header); so any other
//! `Content-Type` is refused before authentication and before the body is read.

use axum::{
    extract::Request, http::HeaderMap, http::header::CONTENT_TYPE, middleware::Next,
    response::Response,
};
use contract::ApiCode;

use super::api_error::refuse;

/// Middleware: refuses a request in another media type than its path accepts.
pub async fn guard(request: Request, next: Next) -> Response {
    let (taken, refusal) = if request.uri().path().starts_with("/api/") {
        ("application/json", ApiCode::NotJson)
    } else {
        ("application/x-www-form-urlencoded", ApiCode::NotAForm)
    };
    if request.method().is_safe() || is_in(taken, request.headers()) {
        next.run(request).await
    } else {
        refuse(refusal)
    }
}

/// Whether there is one `Content-Type`, of this media type with any parameters (RFC 9110 8.3.1).
fn is_in(media_type: &str, headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter().map(|value| value.to_str().ok());
    let (Some(Some(only)), None) = (types.next(), types.next()) else { return false };
    let essence = only.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(media_type)
}
