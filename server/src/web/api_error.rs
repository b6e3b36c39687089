//! The error responses of middleware: a status and a code, as JSON. The page has the texts.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A status and a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The reason, for programs.
    pub code: &'static str,
}

impl Refusal {
    /// The request did not come from a page of this server.
    pub const CROSS_SITE: Self = Self::new(StatusCode::FORBIDDEN, "cross-site");
    /// The request is for another host than that of the public URL.
    pub const MISDIRECTED: Self = Self::new(StatusCode::MISDIRECTED_REQUEST, "another-host");
    /// No route matches the path.
    pub const NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, "not-found");
    /// A call's `Content-Type` is not JSON.
    pub const NOT_JSON: Self = Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json");
    /// A form's `Content-Type` is not URL-encoded.
    pub const NOT_A_FORM: Self = Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-a-form");
    /// The body did not arrive in time.
    pub const BODY_TOO_SLOW: Self = Self::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow");
    /// The body is larger than this caller may send.
    pub const BODY_TOO_LARGE: Self = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large");
    /// The body was cut off.
    pub const BODY_BROKEN: Self = Self::new(StatusCode::BAD_REQUEST, "body-broken");
    /// The response was not ready in time.
    pub const ANSWER_TOO_SLOW: Self = Self::new(StatusCode::SERVICE_UNAVAILABLE, "answer-too-slow");
    /// An internal error.
    pub const INTERNAL: Self = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal");
    /// No user is signed in.
    pub const SIGNED_OUT: Self = Self::new(StatusCode::UNAUTHORIZED, "signed-out");
    /// The maximum number of streams is open.
    pub const TOO_MANY_STREAMS: Self =
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-streams");
    /// The database does not respond.
    pub const UNAVAILABLE: Self = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable");

    const fn new(status: StatusCode, code: &'static str) -> Self {
        Self { status, code }
    }
}

#[derive(Serialize)]
struct ErrorBody {
    code: &'static str,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(ErrorBody { code: self.code })).into_response()
    }
}
