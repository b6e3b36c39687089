//! The deadline of a request, reading its body included. It is for the head of the response: an
//! event stream continues after it.

use axum::extract::{Request, State};
use axum::{middleware::Next, response::Response};
use contract::ApiCode;
use tokio::time::timeout;

use super::api_error::refuse;
use crate::state::Server;

/// Middleware: responds 503 once a request has taken longer than any successful one does.
pub async fn guard(State(server): State<Server>, request: Request, next: Next) -> Response {
    timeout(server.config.answer_within, next.run(request)).await.unwrap_or_else(|_| {
        tracing::error!("a request was not answered in time");
        refuse(ApiCode::AnswerTooSlow)
    })
}
