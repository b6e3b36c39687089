//! Health and readiness of this process, for load balancers and monitors. Both endpoints respond
//! with codes, need no session, and reveal nothing else.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use axum::{Json, extract::State, http::StatusCode};
use contract::ApiCode;
use serde::Serialize;

use super::api_error::refuse;
use crate::readiness::Reason;
use crate::state::Server;

/// The deadline of the check.
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

/// `GET /health`: 200 while the database responds, else 503. It only reads.
pub async fn health(State(server): State<Server>) -> Response {
    match tokio::time::timeout(DEADLINE, server.store.answers()).await {
        Ok(true) => Json(Healthy { code: "ok" }).into_response(),
        Ok(false) | Err(_) => refuse(ApiCode::Unavailable),
    }
}

/// `GET /ready`: 200 while the process is ready, else 503 with the reasons.
pub async fn ready(State(server): State<Server>) -> Response {
    server.readiness.set(Reason::KeyUnknown, server.vault.has_met_unknown_key());
    let reasons = server.readiness.probed(&server.store, server.clock.now()).await;
    if reasons.is_empty() {
        return Json(Healthy { code: "ok" }).into_response();
    }
    let reasons = reasons.into_iter().map(Reason::code).collect();
    (StatusCode::SERVICE_UNAVAILABLE, Json(NotReady { code: "not-ready", reasons })).into_response()
}
