//! The server of PPM Email Settings: I/O, secrets and the clock. `main.rs` and the tests call
//! [`Server::start`] and [`router`]; a host written in Rust uses [`embed`].

pub mod admin;
pub mod aggregates;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod embed;
pub mod identity;
pub mod key;
pub mod log;
pub mod readiness;
mod rebind;
pub mod serve;
pub mod service;
pub mod subscriber;
pub mod time_zones;
pub mod vault;
pub mod warnings;
pub mod web;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::classify::ServerErrorsFailureClass;
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::clock::{Clock, Randomness};
use crate::config::Config;
use crate::identity::host::HostIdentity;
use crate::identity::host_token::TokenCheck;
use crate::identity::keys::KeySource;
use crate::identity::login_throttle::Throttle;
use crate::identity::oidc::Oidc;
use crate::identity::{Accounts, authenticate};
use crate::readiness::Readiness;
use crate::service::{RunUpdates, Service};
use crate::vault::{UnlockError, Vault};
use crate::web::api_error::refuse;
use contract::ApiCode;
use net::http::HttpClientError;
use net::tls::{TlsTrust, TrustError};
use oauth::{Documents, TokenClient};
use store::{OpenStoreError, Store, StoreError};

/// The state that all handlers share.
#[derive(Debug, Clone)]
pub struct Server {
    /// The configuration.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// Seals and opens secrets.
    pub vault: Vault,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub randomness: Arc<dyn Randomness>,
    /// The local accounts and all sessions.
    pub accounts: Accounts,
    /// The rate limits for unauthenticated callers.
    pub throttle: Arc<Throttle>,
    /// The authentication of a Rust host, if embedded: then it is the only one.
    pub identity: Option<HostIdentity>,
    /// Verifies the host's tokens, if they are accepted.
    pub host_tokens: Option<TokenCheck>,
    /// Sign-in with an `OpenID` provider, if configured.
    pub oidc: Option<Oidc>,
    /// The trusted certificates.
    pub trust: Arc<TlsTrust>,
    /// The client of Token Endpoints.
    pub tokens: TokenClient,
    /// The client for documents that providers publish, such as metadata and keys.
    pub documents: Documents,
    /// Messages in progress, which a graceful shutdown waits for.
    pub delivery_tasks: TaskTracker,
    /// Token requests in progress, which a graceful shutdown waits for: a provider may not repeat a
    /// response.
    pub token_tasks: TaskTracker,
    /// Serialises token renewal within this process.
    pub token_mutex: Arc<Mutex<()>>,
    /// Notified when a token was obtained.
    pub token_obtained: Arc<Notify>,
    /// The subscriptions to test-run progress.
    pub run_updates: Arc<RunUpdates>,
    /// The reasons why this process is not ready, if any.
    pub readiness: Readiness,
    /// Cancelled at shutdown, to end all event streams: shutdown would wait for them.
    pub stopping: CancellationToken,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] OpenStoreError),
    /// The key file cannot be used.
    #[error(transparent)]
    Vault(#[from] UnlockError),
    /// The stored Client Secret cannot be bound to its whole destination.
    #[error("the stored Client Secret cannot be bound to its whole destination")]
    Rebind(#[source] StoreError),
    /// The trusted certificates cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The HTTP client for Token Endpoints cannot be built.
    #[error(transparent)]
    Tokens(#[from] HttpClientError),
}

impl Server {
    /// Opens the database and the vault.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub async fn start(
        config: Config,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, StartError> {
        let store = Store::open(&config.database).await?;
        let vault =
            vault::unlock(&config.key_file, &store, clock.as_ref(), randomness.clone()).await?;
        rebind::rebind_client_secret(&store, &vault).await.map_err(StartError::Rebind)?;
        let throttle = Arc::new(Throttle::new(config.rates));
        let accounts = Accounts::new(
            store.clone(),
            clock.clone(),
            randomness.clone(),
            config.is_https(),
            throttle.clone(),
        );
        let trust = Arc::new(TlsTrust::with_extra_ca(&config.extra_ca)?);
        let (egress, proxy, deadlines) =
            (&config.egress, config.oauth_proxy.as_ref(), config.token_deadlines);
        let tokens = TokenClient::new(&trust, egress, proxy, deadlines)?;
        let documents = Documents::new(&trust, egress, proxy, deadlines)?;
        let host_tokens = config.host_tokens.clone().map(|configured| {
            let documents = match &configured.keys {
                KeySource::Address(address) => documents.by(egress.for_configured(address)),
                KeySource::File(_) => documents.clone(),
            };
            TokenCheck::new(configured, config.roles.clone(), documents, clock.clone())
        });
        let oidc = config.oidc.clone();
        let oidc = oidc.map(|oidc| Oidc::new(oidc, &trust, egress, proxy, deadlines));
        let news = Arc::new(RunUpdates::new(config.stream_timing));
        Ok(Self {
            oidc: oidc.transpose()?,
            config: Arc::new(config),
            store,
            vault,
            clock,
            randomness,
            accounts,
            throttle,
            identity: None,
            host_tokens,
            trust,
            tokens,
            documents,
            delivery_tasks: TaskTracker::new(),
            token_tasks: TaskTracker::new(),
            token_mutex: Arc::default(),
            token_obtained: Arc::default(),
            run_updates: news,
            readiness: Readiness::default(),
            stopping: CancellationToken::new(),
        })
    }
}

/// The router with all routes of this server.
pub fn router(server: Server) -> Router {
    let service = Arc::new(Service::new(server.clone()));
    let pages = by_cookie(&server, web::pages::pages(&server, &service));
    let calls = by_bearer(&server, web::pages::calls(&server, &service));
    around(server, pages.merge(calls))
}

/// Wraps `pages` in the middleware that every request passes. Handlers find an [`identity::Caller`]
/// in the request's extensions.
pub fn guarded(server: Server, pages: Router<Server>) -> Router {
    let pages = by_cookie(&server, pages);
    around(server, pages)
}

/// Wraps routes whose callers authenticate by a cookie or a proxy's headers, and so need CSRF
/// protection. A request passes the layers from the last to the first.
fn by_cookie<S>(server: &Server, routes: Router<S>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    routes
        .layer(from_fn(web::body::whole))
        .layer(from_fn(web::api::guard))
        .layer(from_fn_with_state(server.clone(), authenticate::by_cookie))
        .layer(from_fn_with_state(server.clone(), web::throttle::guard))
        .layer(from_fn(web::media::guard))
        .layer(from_fn_with_state(server.clone(), web::csrf::guard))
        .layer(from_fn_with_state(server.clone(), web::deadline::guard))
}

/// The same calls again, authenticated by the host's token in a header, if host tokens are
/// accepted; with CORS if embedding origins are configured.
fn by_bearer(server: &Server, calls: Router<Server>) -> Router<Server> {
    if server.host_tokens.is_none() {
        return Router::new();
    }
    let calls = calls
        .layer(from_fn(web::body::whole))
        .layer(from_fn(web::api::guard))
        .layer(from_fn_with_state(server.clone(), authenticate::by_bearer))
        .layer(from_fn(web::media::guard))
        .layer(from_fn(web::api::only_calls))
        .layer(from_fn_with_state(server.clone(), web::deadline::guard));
    let calls = if server.config.elsewhere.embedding.is_empty() {
        calls
    } else {
        // Panics are caught inside the CORS layer, or the page could not read the response.
        calls.layer(catch_panics()).layer(from_fn_with_state(server.clone(), web::cors::calls))
    };
    Router::new().nest("/bearer", calls)
}

/// Adds the routes without authentication, and the middleware that every request passes.
fn around(server: Server, routes: Router<Server>) -> Router {
    let routes = routes
        .route("/health", get(web::health::health))
        .route("/ready", get(web::health::ready))
        .route("/embed/frame", get(web::iframe::frame))
        .merge(web::site::scripts(&server.config.site_root));
    protected(&server, routes).with_state(server)
}

/// Adds the browser bundle, and the middleware that every response passes.
fn protected(server: &Server, routes: Router<Server>) -> Router<Server> {
    Router::new()
        .nest("/pkg", web::site::bundle(&server.config.site_root))
        .merge(routes)
        .layer(catch_panics())
        .layer(from_fn_with_state(server.clone(), web::host::guard))
        .layer(from_fn_with_state(server.clone(), web::headers::protect))
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
