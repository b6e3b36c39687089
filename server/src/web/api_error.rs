//! The error responses of middleware: a status and a code, as JSON. The page has the texts.

use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::header::WWW_AUTHENTICATE};
use contract::{ApiCode, code::ErrorBody};

/// The challenge to a client whose credential was rejected (RFC 6750 3.1).
const CHALLENGE: [(HeaderName, &str); 1] = [(WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#)];

/// Returns the response to a refused request. An ended session gets no challenge: a bearer token
/// does not replace it.
pub fn refuse(code: ApiCode) -> Response {
    let response = (status(code), Json(ErrorBody { code }));
    match code {
        ApiCode::ProxyHeaderSpoofed | ApiCode::ProxyHeaderMalformed => {
            (CHALLENGE, response).into_response()
        }
        code if code.is_host_token() => (CHALLENGE, response).into_response(),
        _ => response.into_response(),
    }
}

/// Returns the HTTP status of a code.
pub fn status(code: ApiCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
