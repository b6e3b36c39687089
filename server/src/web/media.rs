//! What a request that may change something has to be written in: calls in JSON, forms as HTML forms
//! are by default. A form on a page can also send `text/plain` and `multipart/form-data`, with any
//! JSON in it, and the browser asks nobody first (Fetch 2.2.2, CORS-safelisted request-header); so
//! anything else is refused by its `Content-Type`, before the caller is looked up and the body read.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;

/// Middleware: refuses a request in another media type than its path takes.
pub async fn guard(request: Request, next: Next) -> Response {
    let (taken, refusal) = if request.uri().path().starts_with("/api/") {
        ("application/json", Refusal::NOT_JSON)
    } else {
        ("application/x-www-form-urlencoded", Refusal::NOT_A_FORM)
    };
    if request.method().is_safe() || is_in(taken, request.headers()) {
        next.run(request).await
    } else {
        refusal.into_response()
    }
}

/// Whether there is one `Content-Type`, of this media type with any parameters (RFC 9110 8.3.1).
fn is_in(media_type: &str, headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter().map(|value| value.to_str().ok());
    let (Some(Some(only)), None) = (types.next(), types.next()) else { return false };
    let essence = only.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(media_type)
}
