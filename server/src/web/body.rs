//! Reads a request's body into memory, once the caller is known: in time and within the size that
//! this caller may send, or refused with a status that says which. A stranger's body is small.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;
use crate::identity::Caller;

/// The most octets of a body whose sender is signed in: every control full of the widest characters,
/// escaped.
pub const MAX_OCTETS: usize = 704 * 1024;
/// The most octets of any other body: the forms for sign-in and set-up, with the longest address,
/// name and passwords percent-encoded.
pub const MAX_OCTETS_OF_STRANGERS: usize = 16 * 1024;
/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);

/// Middleware: lets a request pass with its whole body at hand.
pub async fn whole(request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>();
    let is_signed_in = caller.is_some_and(|caller| caller.principal.is_some());
    let most = if is_signed_in { MAX_OCTETS } else { MAX_OCTETS_OF_STRANGERS };
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|octets| octets > most as u64) {
        return Refusal::BODY_TOO_LARGE.into_response();
    }
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(DEADLINE, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Ok(Err(error)) if is_too_large(&error) => Refusal::BODY_TOO_LARGE.into_response(),
        Ok(Err(_)) => Refusal::BODY_BROKEN.into_response(),
        Err(_) => Refusal::BODY_TOO_SLOW.into_response(),
    }
}

/// Whether reading stopped at the limit; the error's type is not axum's own to name.
fn is_too_large(error: &axum::Error) -> bool {
    std::error::Error::source(error)
        .is_some_and(|source| source.to_string() == "length limit exceeded")
}
