//! `GET /metrics` in Prometheus' text format, on a listener of its own, so that no proxy publishes
//! it. Beyond this machine it needs a bearer token (RFC 6750 2.1).

use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::error::one_line;
use store::hash::hashed;

use crate::config::MetricsConfig;
use crate::state::Server;

/// The content type of the text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The router of the metrics' listener.
pub fn metrics_router(server: Server, config: &MetricsConfig) -> Router {
    let token_hash = config.token_hash.clone();
    let answer = move |State(server): State<Server>, headers: HeaderMap| async move {
        if is_permitted(&headers, token_hash.as_deref()) {
            figures(&server).await
        } else {
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response()
        }
    };
    Router::new().route("/metrics", get(answer)).with_state(server)
}

/// Whether a request has the token. Hashes are compared, so that the duration reveals nothing.
fn is_permitted(headers: &HeaderMap, token_hash: Option<&str>) -> bool {
    let Some(token_hash) = token_hash else { return true };
    let credentials = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = credentials.and_then(|credentials| credentials.strip_prefix("Bearer "));
    token.is_some_and(|token| hashed(token) == token_hash)
}

async fn figures(server: &Server) -> Response {
    let health = &server.runs.delivery.health;
    match health.state(&server.settings).await {
        Ok(state) => {
            let text = health.metrics.text(&state, server.clock.now());
            ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response()
        }
        Err(error) => {
            tracing::error!(error = one_line(&error), "the metrics could not be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Middleware that measures responses.
pub async fn measure(State(server): State<Server>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let response = next.run(request).await;
    let metrics = &server.runs.delivery.health.metrics;
    metrics.observe_http(response.status().as_u16(), begun.elapsed());
    response
}
