//! Whether this process is alive, and whether it can do all of its work, for whoever watches it. Both
//! answer in codes, ask for no session, and tell nothing else.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::refusal::Refusal;
use crate::Server;
use crate::readiness::Reason;

/// Longer than this is as good as never.
const DEADLINE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Healthy {
    code: &'static str,
}

#[derive(Serialize)]
struct NotReady {
    code: &'static str,
    reasons: Vec<&'static str>,
}

/// `GET /health`: answers 200 while the database answers, 503 otherwise. It only reads.
pub async fn health(State(server): State<Server>) -> Response {
    match tokio::time::timeout(DEADLINE, server.store.answers()).await {
        Ok(true) => Json(Healthy { code: "ok" }).into_response(),
        Ok(false) | Err(_) => Refusal::UNAVAILABLE.into_response(),
    }
}

/// `GET /ready`: answers 200 while everything can be done, 503 with the reasons otherwise.
pub async fn ready(State(server): State<Server>) -> Response {
    server.readiness.set(Reason::KeyUnknown, server.vault.has_met_unknown_key());
    let reasons = server.readiness.probed(&server.store, server.clock.now()).await;
    if reasons.is_empty() {
        return Json(Healthy { code: "ok" }).into_response();
    }
    let reasons = reasons.into_iter().map(Reason::code).collect();
    (StatusCode::SERVICE_UNAVAILABLE, Json(NotReady { code: "not-ready", reasons })).into_response()
}
