//! Whether this process can do its work, for whoever watches it. It tells nothing else.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::refusal::Refusal;
use crate::Server;

/// Longer than this is as good as never.
const DEADLINE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Healthy {
    code: &'static str,
}

/// Answers 200 while the database answers, 503 otherwise.
pub async fn health(State(server): State<Server>) -> Response {
    match tokio::time::timeout(DEADLINE, server.store.answers()).await {
        Ok(true) => Json(Healthy { code: "ok" }).into_response(),
        Ok(false) | Err(_) => Refusal::UNAVAILABLE.into_response(),
    }
}
