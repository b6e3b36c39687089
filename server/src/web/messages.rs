//! `/v1/messages`: the HTTP API by which applications send.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
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
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, SchemaType, Type};

use super::body::is_too_large;
use super::openapi::{self, RefusalsOfCanceling, RefusalsOfReading, RefusalsOfSending, one_of};
use super::problem_details::{ProblemCode, Refused};
use crate::state::Server;
use crate::use_cases::{Handed, IdempotencyKey, NotAccepted, SMALL_MESSAGE};
use crate::web::authenticate;

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
        .layer(from_fn_with_state(server.clone(), throttle_keys))
        .layer(from_fn_with_state(server.clone(), in_time))
        .route(openapi::DOCUMENT, get(openapi::document))
}

/// Middleware: refuses a request that takes longer than any successful one does.
async fn in_time(State(server): State<Server>, request: Request, next: Next) -> Response {
    timeout(server.config.answer_within, next.run(request)).await.unwrap_or_else(|_| {
        tracing::error!("a request was not answered in time");
        Refused::from(ProblemCode::NotStored).into_response()
    })
}

/// Middleware: counts keys that are not valid by address, and answers 429 above the limit. The key
/// is looked up first, so that no flood keeps a valid one from its address.
async fn throttle_keys(State(server): State<Server>, request: Request, next: Next) -> Response {
    let address = authenticate::address(&server, &request);
    let response = next.run(request).await;
    if response.status() != StatusCode::UNAUTHORIZED {
        return response;
    }
    match server.people.throttle.admit_refused_key(address) {
        Ok(()) => response,
        Err(limited) => Refused {
            retry_after: Some(limited.seconds().try_into().unwrap_or(u16::MAX)),
            ..ProblemCode::TooManyAttempts.into()
        }
        .into_response(),
    }
}

/// The application that a request is from, unless it is disabled.
async fn authenticated(server: &Server, headers: &HeaderMap) -> Result<Application, Refused> {
    let credentials = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, key)) = credentials.and_then(|it| it.split_once(' ')) else {
        return Err(ProblemCode::KeyNotValid.into());
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ProblemCode::KeyNotValid.into());
    }
    let application = match server.outbox.application(&SecretString::from(key.trim())).await {
        Ok(application) => application.ok_or(ProblemCode::KeyNotValid)?,
        Err(error) => {
            tracing::error!(error = one_line(&error), "a key could not be looked up");
            return Err(ProblemCode::NotStored.into());
        }
    };
    if application.is_disabled {
        return Err(refuse(server, &application, NotAccepted::Disabled).await);
    }
    Ok(application)
}

/// Refuses a request of an application, and notes why.
async fn refuse(server: &Server, application: &Application, error: NotAccepted) -> Refused {
    server.outbox.note_refusal(application, &error).await;
    refused(&error)
}

/// An accepted message.
#[derive(Debug, Serialize, ToSchema)]
struct AcceptedMessage {
    /// The ID of the message; of the earlier one if the request was repeated.
    id: String,
}

/// Hands a message over.
///
/// The answer comes once the message is on the disk.
#[utoipa::path(
    post,
    path = "/v1/messages",
    operation_id = "sendMessage",
    tag = "messages",
    params((
        "Idempotency-Key" = Option<String>,
        Header,
        description = "With the same key, the same request can be repeated for 24 hours, and is one message.",
        min_length = 1,
        max_length = 255,
        nullable = false,
        pattern = "^[!-~]+$",
    )),
    request_body(
        description = "A message as JSON, or as octets (RFC 5322).",
        content(
            (MessageRequest = "application/json", example = json!({
                "from": "Planner <planner@example.com>",
                "to": ["bo@example.org"],
                "subject": "The plan has changed",
                "text": "It starts on Monday.",
            })),
            ("message/rfc822", example = json!(
                "From: planner@example.com\r\nTo: bo@example.org\r\nSubject: The plan has changed\r\n\r\nIt starts on Monday.\r\n"
            )),
        ),
    ),
    responses(
        (
            status = 202,
            description = "The message is accepted.",
            body = AcceptedMessage,
            headers(("Location" = String, description = "The path of the message.")),
        ),
        RefusalsOfSending,
    ),
)]
pub(super) async fn send(
    State(server): State<Server>,
    request: Request,
) -> Result<Response, Refused> {
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
        return Err(ProblemCode::MediaType.into());
    }
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let is_small = declared.is_some_and(|octets| octets <= SMALL_MESSAGE);
    let largest = if is_small {
        SMALL_MESSAGE
    } else {
        server.outbox.largest_message().await.map_err(|error| refused(&NotAccepted::from(error)))?
    };
    // A message of that size with its text escaped.
    let most = if is_json && !is_small { largest / 3 * 4 + 1024 * 1024 } else { largest };
    if declared.is_some_and(|octets| octets > most) {
        return Err(refuse(server, application, NotAccepted::TooLarge(largest)).await);
    }
    let reserved = server.outbox.memory.reserve(declared.unwrap_or(most)).await;
    let mut reserved = reserved.ok_or(ProblemCode::Busy)?;
    let body = match timeout(BODY_WITHIN, to_bytes(body, most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if is_too_large(&error) => {
            return Err(refuse(server, application, NotAccepted::TooLarge(largest)).await);
        }
        Ok(Err(_)) => {
            let status = StatusCode::BAD_REQUEST;
            let detail = Some("the request ended before its body".to_owned());
            return Err(Refused { status, detail, ..ProblemCode::RequestNotValid.into() });
        }
        Err(_) => return Err(ProblemCode::TooSlow.into()),
    };
    reserved.shrink_to(body.len());
    let handed = if is_json { Handed::Json(&body) } else { Handed::Octets(&body) };
    let accepted = server.outbox.accept(application, handed, key, Protocol::Http).await;
    accepted.map_err(|error| refused(&error))
}

/// The key of a request that may be repeated.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Refused> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().and_then(IdempotencyKey::parse);
    key.map(Some).ok_or_else(|| ProblemCode::IdempotencyKey.into())
}

fn refused(error: &NotAccepted) -> Refused {
    match error {
        NotAccepted::Disabled => ProblemCode::Disabled.into(),
        NotAccepted::Request(invalid) => {
            let refused = Refused::from(ProblemCode::RequestNotValid);
            let is_json = invalid.problem != Problem::NotJson;
            Refused {
                status: if is_json { refused.status } else { StatusCode::BAD_REQUEST },
                detail: Some(invalid.problem.to_string()),
                pointer: Some(invalid.pointer.clone()),
                ..refused
            }
        }
        NotAccepted::Message(error) => {
            let detail = Some(error.to_string());
            Refused { detail, ..ProblemCode::MessageNotValid.into() }
        }
        NotAccepted::SenderNotAllowed => ProblemCode::SenderNotAllowed.into(),
        NotAccepted::TooLarge(largest) => {
            let detail = Some(format!("a message has at most {largest} octets"));
            Refused { detail, ..ProblemCode::TooLarge.into() }
        }
        NotAccepted::Expired => ProblemCode::Expired.into(),
        NotAccepted::Incomplete => ProblemCode::Incomplete.into(),
        NotAccepted::TooFast => ProblemCode::TooFast.into(),
        NotAccepted::KeyReused => ProblemCode::IdempotencyKeyReused.into(),
        NotAccepted::Write(error) => {
            tracing::error!(error = one_line(error), "a message could not be stored");
            ProblemCode::NotStored.into()
        }
        NotAccepted::Store(error) => {
            tracing::error!(error = one_line(error), "a message could not be accepted");
            ProblemCode::NotStored.into()
        }
        NotAccepted::Read(error) => {
            tracing::error!(error = one_line(error), "a message could not be accepted");
            ProblemCode::NotStored.into()
        }
    }
}

/// A message, as its application sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageStatus {
    id: String,
    /// The state that most needs attention, of those of the recipients.
    #[schema(schema_with = states)]
    state: MessageState,
    accepted_at: DateTime<Utc>,
    /// Until when the message is tried.
    expires_at: DateTime<Utc>,
    /// When the message is tried next; null if it has ended.
    #[schema(required)]
    next_attempt_at: Option<DateTime<Utc>>,
    recipients: Vec<RecipientStatus>,
    attempts: Vec<AttemptStatus>,
}

/// A recipient of a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RecipientStatus {
    /// The address; empty once an operator has erased it.
    address: String,
    #[schema(schema_with = states)]
    state: MessageState,
    changed_at: DateTime<Utc>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    trouble: Option<TroubleStatus>,
}

/// Why an attempt failed.
#[derive(Debug, Serialize, ToSchema)]
struct TroubleStatus {
    #[schema(schema_with = steps)]
    step: Step,
    /// The code of the likely cause; with a token that could not be had, an object whose member
    /// is that of the cause.
    #[schema(schema_with = diagnoses)]
    diagnosis: Diagnosis,
    /// The mail server's reply.
    #[schema(required)]
    reply: Option<String>,
}

/// An attempt to send a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AttemptStatus {
    began_at: DateTime<Utc>,
    /// How long it took.
    millis: i64,
    steps: Vec<StepStatusRow>,
}

/// A step of an attempt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AttemptStep)]
struct StepStatusRow {
    #[schema(schema_with = steps)]
    step: Step,
    #[schema(schema_with = step_statuses)]
    ended: StepStatus,
    /// How long it took.
    millis: u32,
}

fn states() -> Object {
    one_of(&MessageState::ALL)
}

fn steps() -> Object {
    one_of(&Step::ALL)
}

fn step_statuses() -> Object {
    one_of(&[StepStatus::Done, StepStatus::Failed, StepStatus::Skipped])
}

/// A later release may have more codes.
fn diagnoses() -> Object {
    Object::with_type(SchemaType::from_iter([Type::String, Type::Object]))
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

/// Returns the state of a message.
#[utoipa::path(
    get,
    path = "/v1/messages/{id}",
    operation_id = "readMessage",
    tag = "messages",
    params(("id" = String, Path, description = "The ID of the message.")),
    responses(
        (status = 200, description = "The state of the message.", body = MessageStatus),
        RefusalsOfReading,
    ),
)]
pub(super) async fn read(
    State(server): State<Server>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let application = authenticated(&server, &headers).await?;
    let Path(id) = id.map_err(|_| ProblemCode::NotFound)?;
    let message = rows::load(&server.store, &application.id, &id).await.map_err(|error| {
        tracing::error!(error = one_line(&error), "a message could not be read");
        ProblemCode::NotStored
    })?;
    let status = MessageStatus::from(message.ok_or(ProblemCode::NotFound)?);
    Ok(([(CACHE_CONTROL, "no-store")], Json(status)).into_response())
}

/// Cancels a message that no attempt has begun.
#[utoipa::path(
    delete,
    path = "/v1/messages/{id}",
    operation_id = "cancelMessage",
    tag = "messages",
    params(("id" = String, Path, description = "The ID of the message.")),
    responses(
        (status = 204, description = "The message is not sent."),
        RefusalsOfCanceling,
    ),
)]
pub(super) async fn cancel(
    State(server): State<Server>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    let application = authenticated(&server, &headers).await?;
    let Path(id) = id.map_err(|_| ProblemCode::NotFound)?;
    let canceled =
        rows::cancel(&server.store, &application.id, &id, server.clock.now(), None).await;
    match canceled {
        Ok(Some(true)) => Ok(StatusCode::NO_CONTENT),
        Ok(Some(false)) => Err(ProblemCode::NotCancelable.into()),
        Ok(None) => Err(ProblemCode::NotFound.into()),
        Err(error) => {
            tracing::error!(error = one_line(&error), "a message could not be canceled");
            Err(ProblemCode::NotStored.into())
        }
    }
}
