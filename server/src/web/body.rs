//! Reads a request's body into memory after authentication: within a deadline and the caller's size
//! limit, or refused with a status that names the reason. The limit of unauthenticated callers is
//! small.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::{extract::Request, http::header::CONTENT_LENGTH, middleware::Next, response::Response};
use contract::ApiCode;

use super::api_error::refuse;
use crate::identity::Caller;

/// The maximum body size of a signed-in caller, in octets: every control full of the widest
/// characters, escaped.
pub const MAX_OCTETS: usize = 704 * 1024;
/// The maximum size of any other body, in octets: the forms for sign-in and set-up, with the
/// longest address, name and passwords percent-encoded.
pub const MAX_UNAUTHENTICATED_OCTETS: usize = 16 * 1024;
/// The deadline for a whole body.
const DEADLINE: Duration = Duration::from_secs(30);

/// Middleware: passes a request with its whole body in memory.
pub async fn whole(request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>();
    let is_signed_in = caller.is_some_and(|caller| caller.principal.is_some());
    let most = if is_signed_in { MAX_OCTETS } else { MAX_UNAUTHENTICATED_OCTETS };
    let announced = request.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|octets| octets > most as u64) {
        return refuse(ApiCode::BodyTooLarge);
    }
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(DEADLINE, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Ok(Err(error)) if is_too_large(&error) => refuse(ApiCode::BodyTooLarge),
        Ok(Err(_)) => refuse(ApiCode::BodyBroken),
        Err(_) => refuse(ApiCode::BodyTooSlow),
    }
}

/// Whether reading stopped at the limit; axum does not export the error's type.
pub(super) fn is_too_large(error: &axum::Error) -> bool {
    std::error::Error::source(error)
        .is_some_and(|source| source.to_string() == "length limit exceeded")
}
