//! Problem details (RFC 9457): the refusals of `/v1/messages`, each with a code of ours.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProblemCode {
    IdempotencyKey,
    RequestNotValid,
    KeyNotValid,
    Disabled,
    SenderNotAllowed,
    NotFound,
    TooSlow,
    NotCancelable,
    TooLarge,
    MediaType,
    MessageNotValid,
    Expired,
    IdempotencyKeyReused,
    TooFast,
    TooManyAttempts,
    Incomplete,
    Busy,
    NotStored,
}

impl ProblemCode {
    /// The codes of an operation that sends.
    pub(super) const OF_SENDING: [Self; 16] = [
        Self::IdempotencyKey,
        Self::RequestNotValid,
        Self::KeyNotValid,
        Self::Disabled,
        Self::SenderNotAllowed,
        Self::TooSlow,
        Self::TooLarge,
        Self::MediaType,
        Self::MessageNotValid,
        Self::Expired,
        Self::IdempotencyKeyReused,
        Self::TooFast,
        Self::TooManyAttempts,
        Self::Incomplete,
        Self::Busy,
        Self::NotStored,
    ];
    /// The codes of an operation that reads.
    pub(super) const OF_READING: [Self; 5] =
        [Self::KeyNotValid, Self::Disabled, Self::NotFound, Self::TooManyAttempts, Self::NotStored];
    /// The codes of an operation that cancels.
    pub(super) const OF_CANCELING: [Self; 6] = [
        Self::KeyNotValid,
        Self::Disabled,
        Self::NotFound,
        Self::NotCancelable,
        Self::TooManyAttempts,
        Self::NotStored,
    ];

    /// The statuses, the usual one first.
    pub(super) const fn statuses(self) -> &'static [StatusCode] {
        match self {
            Self::IdempotencyKey => &[StatusCode::BAD_REQUEST],
            // The second one if the body is not JSON.
            Self::RequestNotValid => &[StatusCode::UNPROCESSABLE_ENTITY, StatusCode::BAD_REQUEST],
            Self::KeyNotValid => &[StatusCode::UNAUTHORIZED],
            Self::Disabled | Self::SenderNotAllowed => &[StatusCode::FORBIDDEN],
            Self::NotFound => &[StatusCode::NOT_FOUND],
            Self::TooSlow => &[StatusCode::REQUEST_TIMEOUT],
            Self::NotCancelable => &[StatusCode::CONFLICT],
            Self::TooLarge => &[StatusCode::PAYLOAD_TOO_LARGE],
            Self::MediaType => &[StatusCode::UNSUPPORTED_MEDIA_TYPE],
            Self::MessageNotValid | Self::Expired | Self::IdempotencyKeyReused => {
                &[StatusCode::UNPROCESSABLE_ENTITY]
            }
            Self::TooFast | Self::TooManyAttempts => &[StatusCode::TOO_MANY_REQUESTS],
            Self::Incomplete | Self::Busy | Self::NotStored => &[StatusCode::SERVICE_UNAVAILABLE],
        }
    }

    /// What the code means, in one sentence.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::IdempotencyKey => "Idempotency-Key has 1 to 255 visible ASCII characters.",
            Self::RequestNotValid => "A member of the request is not valid.",
            Self::KeyNotValid => "The key of the application is missing or not valid.",
            Self::Disabled => "The application is disabled.",
            Self::SenderNotAllowed => {
                "The application may not use this sender. An administrator allows it on the page Applications."
            }
            Self::NotFound => "The application has no such message.",
            Self::TooSlow => "The request took too long.",
            Self::NotCancelable => "The message is being sent, or has ended.",
            Self::TooLarge => "The message is too large.",
            Self::MediaType => "Send application/json or message/rfc822.",
            Self::MessageNotValid => "The message is not valid.",
            Self::Expired => "expiresAt is in the past.",
            Self::IdempotencyKeyReused => "This Idempotency-Key was used for another request.",
            Self::TooFast => "The application sends more messages a minute than it may.",
            Self::TooManyAttempts => {
                "Too many requests without a valid key came from this network."
            }
            Self::Incomplete => "The email settings are not complete.",
            Self::Busy => "Too many large messages come at once.",
            Self::NotStored => {
                "The server could not do this. Repeat the request, with the same Idempotency-Key."
            }
        }
    }

    /// After how many seconds the request may be repeated.
    pub(super) const fn retry_after(self) -> Option<u16> {
        match self {
            Self::TooFast | Self::TooManyAttempts | Self::Incomplete => Some(60),
            Self::Busy | Self::NotStored => Some(5),
            _ => None,
        }
    }
}

/// A refused request.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) code: ProblemCode,
    pub(super) detail: Option<String>,
    pub(super) pointer: Option<String>,
    pub(super) retry_after: Option<u16>,
}

impl From<ProblemCode> for Refused {
    fn from(code: ProblemCode) -> Self {
        let (status, retry_after) = (code.statuses()[0], code.retry_after());
        Self { status, code, detail: None, pointer: None, retry_after }
    }
}

/// Why a request was refused (RFC 9457). It has no word of the message.
#[derive(Serialize, ToSchema)]
pub(super) struct ProblemDetails {
    /// What the code means.
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    code: ProblemCode,
    /// What exactly is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// The JSON pointer (RFC 6901) of the refused member; if it is missing, of its object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pointer: Option<String>,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { status, code, detail, pointer, retry_after } = self;
        let title = code.title();
        let details = ProblemDetails { title, status: status.as_u16(), code, detail, pointer };
        let mut response = (status, Json(details)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
