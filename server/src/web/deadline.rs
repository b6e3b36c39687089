//! The time in which a request is answered, its body included. The deadline is for the head of the
//! answer: a stream of events goes on after it, until its own end.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::refusal::Refusal;
use crate::Server;

/// Middleware: answers 503 once a request has taken longer than any that works does.
pub async fn guard(State(server): State<Server>, request: Request, next: Next) -> Response {
    timeout(server.config.answer_within, next.run(request)).await.unwrap_or_else(|_| {
        tracing::error!("a request was not answered in time");
        Refusal::ANSWER_TOO_SLOW.into_response()
    })
}
