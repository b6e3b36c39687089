//! The library interface for a host written in Rust: the tab on one of the host's pages, behind the
//! host's sign-in, and a [`Mailer`] that sends the host's mail with the saved settings, at once or
//! through the outbox.
//!
//! ```no_run
//! # use async_trait::async_trait;
//! # use axum::http::request::Parts;
//! # use server::embed::{EmailSettings, Identity, IdentityError, Principal};
//! # use server::config::{Config, Database};
//! # struct OurSignIn;
//! # #[async_trait]
//! # impl Identity for OurSignIn {
//! #     async fn principal(&self, _: &Parts) -> Result<Option<Principal>, IdentityError> { Ok(None) }
//! # }
//! # async fn host() -> Result<(), Box<dyn std::error::Error>> {
//! let database = Database::parse("sqlite://email.db")?;
//! let email = EmailSettings::open(Config::new(database), OurSignIn).await?;
//! let router: axum::Router = axum::Router::new().merge(email.router());
//!
//! let mailer = email.mailer();
//! let message = lettre::Message::builder()
//!     .from(mailer.sender().await?)
//!     .to("ada@example.com".parse()?)
//!     .subject("The week's report")
//!     .body("All is well.".to_owned())?;
//! mailer.send(&message).await?;
//!
//! // Durably: the workers send it, and retry it for 48 hours.
//! email.start_workers();
//! mailer.enqueue("PPM Planner", &message.formatted(), Some("report-2026-49")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/planner` is a complete host.

use std::sync::{Arc, Once};

use axum::{Router, extract::FromRef, middleware::from_fn_with_state};
use leptos::{config::LeptosOptions, server_fn::axum::server_fn_paths};
use vault::clock::{SystemClock, SystemRandomness};

use crate::config::Config;
use crate::identity::People;
use crate::identity::host::HostIdentity;
use crate::state::Background;
use crate::use_cases::Service;
use crate::web::authenticate;
use crate::web::pages::{CALLS, Pages, tab};
use crate::web::router::{by_cookie, protected};
use crate::{Server, StartError, warnings};

pub use crate::identity::host::{Identity, IdentityError};
pub use crate::identity::{Email, Principal, Role};
pub use crate::use_cases::{
    EnqueueError, Handed, MailError, Mailer, NotAccepted, SentMessage, Undelivered,
};
pub use crate::web::headers::page_policy;
pub use outbox::{Attachment, InvalidRequest, MessageError, MessageRequest, Problem};

/// The email settings inside a host. Clones share all state.
#[derive(Debug, Clone)]
pub struct EmailSettings {
    server: Server,
    service: Arc<Service>,
    workers: Arc<Once>,
    _background: Arc<Background>,
}

impl EmailSettings {
    /// Opens the database and the key file, creates them if missing, and starts the background
    /// tasks: token renewal, and deletion of old rows by `Config::retention`.
    ///
    /// # Errors
    /// [`StartError`]: one of them cannot be used.
    pub async fn open(config: Config, identity: impl Identity) -> Result<Self, StartError> {
        let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
        let server = Server::start(config, clock, randomness).await?;
        for warning in warnings::of_config(&server.config) {
            tracing::warn!("{warning}");
        }
        Ok(Self::with_server(server, identity))
    }

    /// The same with a server that has started.
    pub fn with_server(server: Server, identity: impl Identity) -> Self {
        let host = Some(HostIdentity(Arc::new(identity)));
        let people = People { host, ..(*server.people).clone() };
        let server = server.with_people(people);
        let background = Arc::new(server.start_background());
        let service = Arc::new(server.service());
        Self { server, service, workers: Arc::new(Once::new()), _background: background }
    }

    /// The routes that the tab needs on any page: its calls (`/api/email/…`), the redirects to the
    /// OAuth provider and back (`/oauth/…`), and the browser bundle (`/pkg/…`).
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let tab = by_cookie(&self.server, tab(&self.server, &self.service));
        protected(&self.server, tab).with_state(self.server.clone())
    }

    /// Wraps the host's pages in middleware that authenticates by [`Identity`]; a page with the tab
    /// finds the user by [`context`](Self::context). No request is rejected: the tab itself shows a
    /// user without access why.
    pub fn recognise<S: Clone + Send + Sync + 'static>(&self, pages: Router<S>) -> Router<S> {
        pages.layer(from_fn_with_state(self.server.clone(), authenticate::on_host_pages))
    }

    /// Provides the context of a page with the tab: pass it to `leptos_routes_with_context`.
    pub fn context(&self) -> impl Fn() + Clone + Send + Sync + 'static {
        let pages = Pages::new(&self.server, &self.service);
        move || pages.provide()
    }

    /// The locations of the bundle's files, for `HydrationScripts` and `HashedStylesheet`. A page
    /// finds the same in its [`context`](Self::context).
    pub fn leptos_options(&self) -> LeptosOptions {
        LeptosOptions::from_ref(&self.server)
    }

    /// The paths of the tab's server functions, which [`router`](Self::router) serves. Pass them to
    /// `generate_route_list_with_exclusions`: otherwise Leptos adds each a second time, unguarded.
    pub fn calls() -> Vec<String> {
        let paths = server_fn_paths().map(|(path, _)| path);
        paths.filter(|path| path.starts_with(CALLS)).map(str::to_owned).collect()
    }

    /// The mailer for the host's own mail.
    pub fn mailer(&self) -> Mailer {
        Mailer::new(self.server.outbox.clone())
    }

    /// Starts the workers of the outbox, as `ppm-email` does: they send what was enqueued here, by
    /// other processes on the same database, and by the HTTP API. A second call starts no more.
    ///
    /// On `PostgreSQL` any number of processes may have workers. On `SQLite` one has: a host beside
    /// `ppm-email serve` on the same file only enqueues.
    ///
    /// They run until [`close_streams`](Self::close_streams) or [`shutdown`](Self::shutdown). Each
    /// ends the message that it is sending; the others wait for the next start.
    pub fn start_workers(&self) {
        self.workers.call_once(|| self.server.start_workers());
    }

    /// Closes the event streams of open pages, and ends the workers. The streams never end by
    /// themselves, and a graceful shutdown of the host would wait for them. The pages poll from then
    /// on.
    pub fn close_streams(&self) {
        self.server.stopping.cancel();
    }

    /// Waits before the host ends for messages and token requests in progress: at most ten seconds
    /// for messages, a minute for those of the outbox, and as long as a request may take for tokens.
    pub async fn shutdown(&self) {
        self.close_streams();
        self.server.drain().await;
    }
}
