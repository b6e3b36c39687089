//! The answer to a request that never reached what it asked for: a status and a code. The words
//! live with the page.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A status and a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// What happened, for a program.
    pub code: &'static str,
}

impl Refusal {
    /// It did not come from a page of this server.
    pub const CROSS_SITE: Self = Self::new(StatusCode::FORBIDDEN, "cross-site");
    /// It asks for another host than that of the public URL.
    pub const MISDIRECTED: Self = Self::new(StatusCode::MISDIRECTED_REQUEST, "another-host");
    /// There is nothing at this path.
    pub const NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, "not-found");
    /// A call that is not declared as JSON.
    pub const NOT_JSON: Self = Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json");
    /// A form that is not declared as a URL-encoded one.
    pub const NOT_A_FORM: Self = Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-a-form");
    /// Its body did not come in time.
    pub const BODY_TOO_SLOW: Self = Self::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow");
    /// Its body is larger than its sender may send.
    pub const BODY_TOO_LARGE: Self = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large");
    /// Its body broke off.
    pub const BODY_BROKEN: Self = Self::new(StatusCode::BAD_REQUEST, "body-broken");
    /// Its answer was not ready in time.
    pub const ANSWER_TOO_SLOW: Self = Self::new(StatusCode::SERVICE_UNAVAILABLE, "answer-too-slow");
    /// A defect of this server.
    pub const INTERNAL: Self = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal");
    /// Nobody is signed in.
    pub const SIGNED_OUT: Self = Self::new(StatusCode::UNAUTHORIZED, "signed-out");
    /// As many streams are open as one server has room for.
    pub const TOO_MANY_STREAMS: Self =
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-streams");
    /// The database does not answer.
    pub const UNAVAILABLE: Self = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable");

    const fn new(status: StatusCode, code: &'static str) -> Self {
        Self { status, code }
    }
}

#[derive(Serialize)]
struct Body {
    code: &'static str,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(Body { code: self.code })).into_response()
    }
}
