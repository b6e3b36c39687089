//! For a host written in Rust: the tab on a page of its own, behind its own sign-in, and a
//! [`Mailer`] that sends the host's mail through what is saved there.
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
//! # Ok(())
//! # }
//! ```
//!
//! `examples/planner` is a whole host.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::middleware::from_fn_with_state;
use leptos::config::LeptosOptions;
use leptos::server_fn::axum::server_fn_paths;
use tokio::task::JoinHandle;

use crate::clock::{SystemClock, SystemRandomness};
use crate::config::Config;
use crate::identity::host::HostIdentity;
use crate::identity::recognise;
use crate::serve;
use crate::service::{Service, enforce_retention, keep_fresh};
use crate::web::pages::{CALLS, Pages, tab};
use crate::{Server, StartError, by_cookie, protected, vault, warnings};

pub use crate::identity::host::{Identity, IdentityError};
pub use crate::identity::{Email, Principal, Role};
pub use crate::service::{MailError, Mailer, Sent, Undelivered};
pub use crate::web::headers::page_policy;

/// The e-mail settings inside a host. Copies share everything.
#[derive(Debug, Clone)]
pub struct EmailSettings {
    server: Server,
    service: Arc<Service>,
    _background: Arc<Background>,
}

/// The tasks that renew the token ahead of time, look which key seals and delete old rows. They end
/// with this.
#[derive(Debug)]
struct Background([JoinHandle<()>; 3]);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl EmailSettings {
    /// Opens the database and the key, makes them where there are none, and from then on keeps the
    /// token fresh and deletes what was kept as long as `Config::retention` says.
    ///
    /// # Errors
    /// [`StartError`]: one of them is not as it must be.
    pub async fn open(config: Config, identity: impl Identity) -> Result<Self, StartError> {
        let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
        let server = Server::start(config, clock, randomness).await?;
        for warning in warnings::of_config(&server.config) {
            tracing::warn!("{warning}");
        }
        Ok(Self::over(server, identity))
    }

    /// The same over a server that has started.
    #[must_use]
    pub fn over(server: Server, identity: impl Identity) -> Self {
        let identity = Some(HostIdentity(Arc::new(identity)));
        let server = Server { identity, ..server };
        let background = [
            tokio::spawn(keep_fresh(server.clone())),
            tokio::spawn(vault::follow(server.vault.clone(), server.store.clone())),
            tokio::spawn(enforce_retention(server.clone())),
        ];
        let service = Arc::new(Service::new(server.clone()));
        Self { server, service, _background: Arc::new(Background(background)) }
    }

    /// What the tab needs on whatever page it stands: its calls (`/api/email/…`), the way to the
    /// provider and back (`/oauth/…`), and the browser's bundle (`/pkg/…`).
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let tab = by_cookie(&self.server, tab(&self.server, &self.service));
        protected(&self.server, tab).with_state(self.server.clone())
    }

    /// Puts the host's own pages behind what asks [`Identity`] who is there, so that one with the tab
    /// on it finds them by [`context`](Self::context). It turns nobody away: to whoever may not be
    /// here, the tab says so.
    pub fn recognise<S: Clone + Send + Sync + 'static>(&self, pages: Router<S>) -> Router<S> {
        pages.layer(from_fn_with_state(self.server.clone(), recognise::on_host_pages))
    }

    /// What a page with the tab on it finds in its context: to be given to
    /// `leptos_routes_with_context`.
    pub fn context(&self) -> impl Fn() + Clone + Send + Sync + 'static {
        let pages = Pages::new(&self.server, &self.service);
        move || pages.provide()
    }

    /// Where the bundle's files are: what `HydrationScripts` and `HashedStylesheet` ask for. A page
    /// finds the same in its [`context`](Self::context).
    #[must_use]
    pub fn leptos_options(&self) -> LeptosOptions {
        LeptosOptions::from_ref(&self.server)
    }

    /// The paths of the tab's calls, which [`router`](Self::router) answers: to be given to
    /// `generate_route_list_with_exclusions`, or Leptos adds each once more, unguarded.
    #[must_use]
    pub fn calls() -> Vec<String> {
        let paths = server_fn_paths().map(|(path, _)| path);
        paths.filter(|path| path.starts_with(CALLS)).map(str::to_owned).collect()
    }

    /// What sends the host's own mail.
    #[must_use]
    pub fn mailer(&self) -> Mailer {
        Mailer::new(self.server.clone())
    }

    /// Ends what would never end by itself: the streams by which open pages hear of their test
    /// messages, and which a graceful stop of the host's own would wait for. They poll from then on.
    pub fn stop_streams(&self) {
        self.server.stopping.cancel();
    }

    /// Waits, before the host ends, for messages and requests for tokens under way: at most ten
    /// seconds for the ones, and as long as a request may take for the others.
    pub async fn drain(&self) {
        self.stop_streams();
        self.server.accounts.aggregates().flush().await;
        let longest_request = self.server.config.token_deadlines.total;
        tokio::join!(
            serve::drain_messages(&self.server.under_way),
            serve::drain_requests(&self.server.asking, longest_request),
        );
    }
}
