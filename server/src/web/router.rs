//! The routes and the middleware around them, from the last layer to the first.

use std::{any::Any, sync::Arc, time::Duration};

use axum::extract::{MatchedPath, Request};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Router, http::StatusCode, response::Response, routing::get};
use contract::ApiCode;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::classify::ServerErrorsFailureClass;
use tower_http::trace::TraceLayer;
use tracing::Span;

use super::api_error::refuse;
use crate::state::Server;

/// The router with all routes of this server.
pub fn router(server: Server) -> Router {
    let service = Arc::new(server.service());
    let pages = by_cookie(&server, super::pages::pages(&server, &service));
    let calls = by_bearer(&server, super::pages::calls(&server, &service));
    around(server, pages.merge(calls))
}

/// Wraps `pages` in the middleware that every request passes. Handlers find an [`Caller`](crate::identity::Caller)
/// in the request's extensions.
pub fn guarded(server: Server, pages: Router<Server>) -> Router {
    let pages = by_cookie(&server, pages);
    around(server, pages)
}

/// Wraps routes whose callers authenticate by a cookie or a proxy's headers, and so need CSRF
/// protection. A request passes the layers from the last to the first.
pub(crate) fn by_cookie<S>(server: &Server, routes: Router<S>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    routes
        .layer(from_fn(super::body::whole))
        .layer(from_fn(super::api::guard))
        .layer(from_fn_with_state(server.clone(), super::authenticate::by_cookie))
        .layer(from_fn_with_state(server.clone(), super::throttle::guard))
        .layer(from_fn(super::media::guard))
        .layer(from_fn_with_state(server.clone(), super::csrf::guard))
        .layer(from_fn_with_state(server.clone(), super::deadline::guard))
}

/// The same calls again, authenticated by the host's token in a header, if host tokens are
/// accepted; with CORS if embedding origins are configured.
fn by_bearer(server: &Server, calls: Router<Server>) -> Router<Server> {
    if server.people.host_tokens.is_none() {
        return Router::new();
    }
    let calls = calls
        .layer(from_fn(super::body::whole))
        .layer(from_fn(super::api::guard))
        .layer(from_fn_with_state(server.clone(), super::authenticate::by_bearer))
        .layer(from_fn(super::media::guard))
        .layer(from_fn(super::api::only_calls))
        .layer(from_fn_with_state(server.clone(), super::deadline::guard));
    let calls = if server.config.embedding_origins.embedding.is_empty() {
        calls
    } else {
        // Panics are caught inside the CORS layer, or the page could not read the response.
        calls.layer(catch_panics()).layer(from_fn_with_state(server.clone(), super::cors::calls))
    };
    Router::new().nest("/bearer", calls)
}

/// Adds the routes without authentication, and the middleware that every request passes.
fn around(server: Server, routes: Router<Server>) -> Router {
    let routes = routes
        .route("/health", get(super::health::health))
        .route("/ready", get(super::health::ready))
        .route("/embed/frame", get(super::iframe::frame))
        .merge(super::messages::routes(&server))
        .merge(super::site::scripts(&server.config.site_root));
    protected(&server, routes).with_state(server)
}

/// Adds the browser bundle, and the middleware that every response passes.
pub(crate) fn protected(server: &Server, routes: Router<Server>) -> Router<Server> {
    Router::new()
        .nest("/pkg", super::site::bundle(&server.config.site_root))
        .merge(routes)
        .layer(catch_panics())
        .layer(from_fn_with_state(server.clone(), super::host::guard))
        .layer(from_fn_with_state(server.clone(), super::headers::protect))
        .layer(from_fn_with_state(server.clone(), super::metrics::measure))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(log_failure))
}

/// Logs a server error. A 503 is logged at debug level only: its cause is logged where it is known,
/// and unauthenticated callers must not fill the log.
fn log_failure(failure: ServerErrorsFailureClass, latency: Duration, _: &Span) {
    match failure {
        ServerErrorsFailureClass::StatusCode(StatusCode::SERVICE_UNAVAILABLE) => {
            tracing::debug!(?latency, "a request was refused for a while");
        }
        failure => tracing::error!(%failure, ?latency, "a request failed"),
    }
}

/// Turns a handler's panic into a 500 response.
fn catch_panics() -> CatchPanicLayer<fn(Box<dyn Any + Send>) -> Response> {
    CatchPanicLayer::custom(|_| refuse(ApiCode::Internal))
}

/// The tracing span of a request. It has the route's pattern, because a path may contain a ticket.
fn span(request: &Request) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
    tracing::info_span!("request", method = %request.method(), route)
}
