//! The server of PPM Email Settings: sockets, secrets and the clock. `main.rs`, a test and a host
//! written in Rust all call [`Server::start`] and [`router`].

pub mod admin;
pub mod aggregates;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
mod digest;
pub mod egress;
pub mod embed;
mod files;
mod hush;
pub mod identity;
pub mod key;
pub mod log;
pub mod oauth;
pub mod readiness;
mod rebind;
pub mod serve;
pub mod service;
pub mod smtp;
pub mod store;
pub mod subscriber;
pub mod vault;
pub mod warnings;
pub mod web;
pub mod zones;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
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
use crate::identity::oidc::Oidc;
use crate::identity::throttle::Throttle;
use crate::identity::{Accounts, recognise};
use crate::oauth::{Documents, TokenClient, TokenClientError};
use crate::readiness::Readiness;
use crate::service::{News, Service};
use crate::smtp::{TlsTrust, TrustError};
use crate::store::{OpenStoreError, Store, StoreError};
use crate::vault::{UnlockError, Vault};
use crate::web::refusal::Refusal;

/// What every request may use.
#[derive(Debug, Clone)]
pub struct Server {
    /// What was configured.
    pub config: Arc<Config>,
    /// Where everything is kept.
    pub store: Store,
    /// What seals and opens secrets.
    pub vault: Vault,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What nobody can guess.
    pub randomness: Arc<dyn Randomness>,
    /// Who may sign in.
    pub accounts: Accounts,
    /// How often strangers may come.
    pub throttle: Arc<Throttle>,
    /// Who signs people in, where a host written in Rust does: then nobody else.
    pub identity: Option<HostIdentity>,
    /// What looks at the host's tokens, where they are taken.
    pub host_tokens: Option<TokenCheck>,
    /// The organisation's accounts that may sign in, where there are any.
    pub oidc: Option<Oidc>,
    /// Whose certificates are believed.
    pub trust: Arc<TlsTrust>,
    /// What asks for tokens.
    pub tokens: TokenClient,
    /// What fetches what providers publish.
    pub documents: Documents,
    /// Messages on their way, which a stop waits for.
    pub under_way: TaskTracker,
    /// Requests for tokens on their way, which a stop waits for: what a provider has answered once it
    /// may not answer again.
    pub asking: TaskTracker,
    /// Who looks after the token: one task of this process at a time.
    pub token_turn: Arc<Mutex<()>>,
    /// Tells that a token was obtained.
    pub token_news: Arc<Notify>,
    /// Who watches their test messages.
    pub news: Arc<News>,
    /// Why this process cannot do all of its work, where it cannot.
    pub readiness: Readiness,
    /// That no stream of news goes on: a stop would wait for them.
    pub stopping: CancellationToken,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database is not as it must be.
    #[error(transparent)]
    Store(#[from] OpenStoreError),
    /// The key is not as it must be.
    #[error(transparent)]
    Vault(#[from] UnlockError),
    /// The stored Client Secret cannot be bound to its whole destination.
    #[error("the stored Client Secret cannot be bound to its whole destination")]
    Rebind(#[source] StoreError),
    /// The trusted certificates are not as they must be.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The way out to Token Endpoints is not as it must be.
    #[error(transparent)]
    Tokens(#[from] TokenClientError),
}

impl Server {
    /// Opens the database and the vault.
    ///
    /// # Errors
    /// One of them is not as it must be.
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
        let news = Arc::new(News::new(config.news));
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
            under_way: TaskTracker::new(),
            asking: TaskTracker::new(),
            token_turn: Arc::default(),
            token_news: Arc::default(),
            news,
            readiness: Readiness::default(),
            stopping: CancellationToken::new(),
        })
    }
}

/// Everything this server answers.
pub fn router(server: Server) -> Router {
    let service = Arc::new(Service::new(server.clone()));
    let pages = by_cookie(&server, web::pages::pages(&server, &service));
    let calls = by_bearer(&server, web::pages::calls(&server, &service));
    around(server, pages.merge(calls))
}

/// Puts `pages` behind everything that each request must pass: its handlers find an
/// [`identity::Caller`] among the request's extensions.
pub fn guarded(server: Server, pages: Router<Server>) -> Router {
    let pages = by_cookie(&server, pages);
    around(server, pages)
}

/// Routes whose callers are known by a cookie or by a proxy's word, and so must be guarded against
/// what other sites make a browser send. A request passes the layers from the last to the first.
fn by_cookie<S>(server: &Server, routes: Router<S>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    routes
        .layer(from_fn(web::body::whole))
        .layer(from_fn(web::api::guard))
        .layer(from_fn_with_state(server.clone(), recognise::by_cookie))
        .layer(from_fn_with_state(server.clone(), web::throttle::guard))
        .layer(from_fn(web::media::guard))
        .layer(from_fn_with_state(server.clone(), web::csrf::guard))
        .layer(from_fn_with_state(server.clone(), web::deadline::guard))
}

/// The same calls once more for whoever brings the host's token in a header, where one is taken; for
/// pages of other sites, too, where any are configured.
fn by_bearer(server: &Server, calls: Router<Server>) -> Router<Server> {
    if server.host_tokens.is_none() {
        return Router::new();
    }
    let calls = calls
        .layer(from_fn(web::body::whole))
        .layer(from_fn(web::api::guard))
        .layer(from_fn_with_state(server.clone(), recognise::by_bearer))
        .layer(from_fn(web::media::guard))
        .layer(from_fn(web::api::only_calls))
        .layer(from_fn_with_state(server.clone(), web::deadline::guard));
    let calls = if server.config.elsewhere.embedding.is_empty() {
        calls
    } else {
        // A defect is caught before that, or the page would not learn of it.
        calls.layer(catching()).layer(from_fn_with_state(server.clone(), web::cors::calls))
    };
    Router::new().nest("/bearer", calls)
}

/// Puts routes beside those that ask nobody, and behind what every request must pass.
fn around(server: Server, routes: Router<Server>) -> Router {
    let routes = routes
        .route("/health", get(web::health::health))
        .route("/ready", get(web::health::ready))
        .route("/embed/frame", get(web::frame::frame))
        .merge(web::site::scripts(&server.config.site_root));
    protected(&server, routes).with_state(server)
}

/// Puts routes and the browser's bundle behind what every answer must pass.
fn protected(server: &Server, routes: Router<Server>) -> Router<Server> {
    Router::new()
        .nest("/pkg", web::site::bundle(&server.config.site_root))
        .merge(routes)
        .layer(catching())
        .layer(from_fn_with_state(server.clone(), web::host::guard))
        .layer(from_fn_with_state(server.clone(), web::headers::protect))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(note_failure))
}

/// Logs a defect. That a request is refused for a while is none: whoever has another reason for that
/// status logs it where it is known, and strangers must not fill the log.
fn note_failure(failure: ServerErrorsFailureClass, latency: Duration, _: &Span) {
    match failure {
        ServerErrorsFailureClass::StatusCode(StatusCode::SERVICE_UNAVAILABLE) => {
            tracing::debug!(?latency, "a request was refused for a while");
        }
        failure => tracing::error!(%failure, ?latency, "a request failed"),
    }
}

/// Answers for a handler that a defect has ended.
fn catching() -> CatchPanicLayer<fn(Box<dyn Any + Send>) -> Response> {
    CatchPanicLayer::custom(|_| Refusal::INTERNAL.into_response())
}

/// A request as the log may know it: by the route's pattern, for a path may hold a ticket.
fn span(request: &Request) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
    tracing::info_span!("request", method = %request.method(), route)
}
