//! `/v1/messages`: the HTTP API by which applications send. Errors are problem details (RFC 9457).

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use domain::application::Application;
use domain::delivery::{Diagnosis, Step, StepStatus};
use domain::error::one_line;
use domain::outbox::MessageState;
use outbox::{MessageRequest, Problem, Protocol};
use secrecy::SecretString;
use serde::Serialize;
use store::outbox::{self as rows, StoredMessage};
use tokio::time::timeout;

use crate::state::Server;
use crate::use_cases::{Handed, IdempotencyKey, MAX_MESSAGE, MAX_REQUEST, NotAccepted};

/// The path of the messages.
pub const MESSAGES: &str = "/v1/messages";
/// The deadline for a whole body.
const BODY_WITHIN: Duration = Duration::from_mins(1);
/// The media types of a message.
const JSON: &str = "application/json";
const OCTETS: &str = "message/rfc822";

/// The routes. An application authenticates by its key, so that no cookie is accepted here.
pub fn routes(server: &Server) -> Router<Server> {
    Router::new()
        .route(MESSAGES, post(send))
        .route(&format!("{MESSAGES}/{{id}}"), get(read).delete(cancel))
        .layer(from_fn_with_state(server.clone(), super::deadline::guard))
}

/// A refused request: problem details (RFC 9457) with our code.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    /// What exactly is wrong, without a word of the message.
    detail: Option<String>,
    /// The member of the request's JSON (RFC 6901).
    pointer: Option<String>,
    /// After how many seconds the request may be repeated.
    retry_after: Option<u16>,
}

#[derive(Serialize)]
struct ProblemDetails {
    title: &'static str,
    status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
}

impl Refused {
    const fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title, detail: None, pointer: None, retry_after: None }
    }

    /// The key is missing or not valid.
    const UNAUTHORIZED: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        "key-not-valid",
        "The key of the application is missing or not valid.",
    );

    /// The database failed.
    const UNAVAILABLE: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "not-stored",
        title: "The server could not do this. Repeat the request, with the same Idempotency-Key.",
        detail: None,
        pointer: None,
        retry_after: Some(5),
    };

    /// The request or its message is too large.
    const TOO_LARGE: Self =
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "A message has at most 25 MiB.");

    const NOT_FOUND: Self =
        Self::new(StatusCode::NOT_FOUND, "not-found", "The application has no such message.");
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { status, code, title, detail, pointer, retry_after } = self;
        let details = ProblemDetails { title, status: status.as_u16(), code, detail, pointer };
        let mut response = (status, Json(details)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// The application that a request is from.
async fn authenticated(server: &Server, headers: &HeaderMap) -> Result<Application, Refused> {
    let credentials = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, key)) = credentials.and_then(|it| it.split_once(' ')) else {
        return Err(Refused::UNAUTHORIZED);
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refused::UNAUTHORIZED);
    }
    match server.outbox.application(&SecretString::from(key.trim())).await {
        Ok(application) => application.ok_or(Refused::UNAUTHORIZED),
        Err(error) => {
            tracing::error!(error = one_line(&error), "a key could not be looked up");
            Err(Refused::UNAVAILABLE)
        }
    }
}

/// An accepted message.
#[derive(Debug, Serialize)]
struct AcceptedMessage {
    id: String,
}

/// `POST /v1/messages`.
async fn send(State(server): State<Server>, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let application = authenticated(&server, &parts.headers).await?;
    let id = accept(&server, &application, &parts.headers, body).await?;
    let location = format!("{MESSAGES}/{id}");
    let accepted = Json(AcceptedMessage { id });
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], accepted).into_response())
}

async fn accept(
    server: &Server,
    application: &Application,
    headers: &HeaderMap,
    body: Body,
) -> Result<String, Refused> {
    let key = idempotency_key(headers)?;
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    let is_json = media_type.eq_ignore_ascii_case(JSON);
    if !is_json && !media_type.eq_ignore_ascii_case(OCTETS) {
        let title = "Send application/json or message/rfc822.";
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", title));
    }
    let most = if is_json { MAX_REQUEST } else { MAX_MESSAGE };
    let body = match timeout(BODY_WITHIN, to_bytes(body, most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            return Err(Refused::TOO_LARGE);
        }
        Err(_) => {
            let title = "The request took too long.";
            return Err(Refused::new(StatusCode::REQUEST_TIMEOUT, "too-slow", title));
        }
    };
    let idempotency = key.map(|key| server.outbox.repeatable(key, is_json, &body));
    let accept = |handed| server.outbox.accept(application, handed, idempotency, Protocol::Http);
    let accepted = if is_json {
        match MessageRequest::from_json(&body) {
            Ok(request) => accept(Handed::Request(&request)).await,
            Err(invalid) => Err(invalid.into()),
        }
    } else {
        accept(Handed::Octets(&body)).await
    };
    accepted.map_err(|error| refused(&error))
}

/// The key of a request that may be repeated.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Refused> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().and_then(IdempotencyKey::parse);
    let title = "Idempotency-Key has 1 to 255 visible ASCII characters.";
    let refused = Refused::new(StatusCode::BAD_REQUEST, "idempotency-key", title);
    key.map(Some).ok_or(refused)
}

fn refused(error: &NotAccepted) -> Refused {
    let unprocessable = |code, title| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, code, title);
    match error {
        NotAccepted::Disabled => {
            Refused::new(StatusCode::FORBIDDEN, "disabled", "The application is disabled.")
        }
        NotAccepted::Request(invalid) => {
            let refused =
                unprocessable("request-not-valid", "A member of the request is not valid.");
            let is_json = invalid.problem != Problem::NotJson;
            Refused {
                status: if is_json { refused.status } else { StatusCode::BAD_REQUEST },
                detail: Some(invalid.problem.to_string()),
                pointer: Some(invalid.pointer.clone()),
                ..refused
            }
        }
        NotAccepted::Message(error) => Refused {
            detail: Some(error.to_string()),
            ..unprocessable("message-not-valid", "The message is not valid.")
        },
        NotAccepted::SenderNotAllowed => {
            let title = "The application may not use this sender. An administrator allows it on the page Applications.";
            Refused::new(StatusCode::FORBIDDEN, "sender-not-allowed", title)
        }
        NotAccepted::TooLarge => Refused::TOO_LARGE,
        NotAccepted::Expired => unprocessable("expired", "expiresAt is in the past."),
        NotAccepted::Incomplete => {
            let title = "The email settings are not complete.";
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Refused { retry_after: Some(60), ..Refused::new(status, "incomplete", title) }
        }
        NotAccepted::TooFast => {
            let title = "The application sends more messages a minute than it may.";
            let status = StatusCode::TOO_MANY_REQUESTS;
            Refused { retry_after: Some(60), ..Refused::new(status, "too-fast", title) }
        }
        NotAccepted::KeyReused => unprocessable(
            "idempotency-key-reused",
            "This Idempotency-Key was used for another request.",
        ),
        NotAccepted::Write(error) => {
            tracing::error!(error = one_line(error), "a message could not be stored");
            Refused::UNAVAILABLE
        }
        NotAccepted::Read(error) => {
            tracing::error!(error = one_line(error), "a message could not be accepted");
            Refused::UNAVAILABLE
        }
    }
}

/// A message, as its application sees it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageStatus {
    id: String,
    state: MessageState,
    accepted_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    next_attempt_at: Option<DateTime<Utc>>,
    recipients: Vec<RecipientStatus>,
    attempts: Vec<AttemptStatus>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RecipientStatus {
    address: String,
    state: MessageState,
    changed_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<TroubleStatus>,
}

#[derive(Debug, Serialize)]
struct TroubleStatus {
    step: Step,
    diagnosis: Diagnosis,
    reply: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AttemptStatus {
    began_at: DateTime<Utc>,
    millis: i64,
    steps: Vec<StepStatusRow>,
}

#[derive(Debug, Serialize)]
struct StepStatusRow {
    step: Step,
    ended: StepStatus,
    millis: u32,
}

impl From<StoredMessage> for MessageStatus {
    fn from(message: StoredMessage) -> Self {
        let StoredMessage { id, accepted_at, expires_at, due_at, recipients, attempts } = message;
        let state = MessageState::of_message(recipients.iter().map(|it| it.state));
        let recipients = recipients.into_iter().map(|it| RecipientStatus {
            address: it.address,
            state: it.state,
            changed_at: it.changed_at,
            trouble: it.trouble.map(|it| TroubleStatus {
                step: it.step,
                diagnosis: it.diagnosis,
                reply: it.reply,
            }),
        });
        let attempts = attempts.into_iter().map(|it| AttemptStatus {
            began_at: it.began_at,
            millis: it.millis,
            steps: it
                .steps
                .into_iter()
                .map(|step| StepStatusRow {
                    step: step.step,
                    ended: step.ended,
                    millis: step.millis,
                })
                .collect(),
        });
        Self {
            id,
            state,
            accepted_at,
            expires_at,
            next_attempt_at: due_at,
            recipients: recipients.collect(),
            attempts: attempts.collect(),
        }
    }
}

/// `GET /v1/messages/{id}`.
async fn read(
    State(server): State<Server>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let application = authenticated(&server, &headers).await?;
    let message = rows::load(&server.store, &application.id, &id).await.map_err(|error| {
        tracing::error!(error = one_line(&error), "a message could not be read");
        Refused::UNAVAILABLE
    })?;
    let status = MessageStatus::from(message.ok_or(Refused::NOT_FOUND)?);
    Ok(([(CACHE_CONTROL, "no-store")], Json(status)).into_response())
}

/// `DELETE /v1/messages/{id}`: cancels what has not started.
async fn cancel(
    State(server): State<Server>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    let application = authenticated(&server, &headers).await?;
    let canceled =
        rows::cancel(&server.store, &application.id, &id, server.clock.now(), None).await;
    match canceled {
        Ok(Some(true)) => Ok(StatusCode::NO_CONTENT),
        Ok(Some(false)) => {
            let title = "The message is being sent, or has ended.";
            Err(Refused::new(StatusCode::CONFLICT, "not-cancelable", title))
        }
        Ok(None) => Err(Refused::NOT_FOUND),
        Err(error) => {
            tracing::error!(error = one_line(&error), "a message could not be canceled");
            Err(Refused::UNAVAILABLE)
        }
    }
}
