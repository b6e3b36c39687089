//! The state that all handlers share, and how it is made at startup.

use std::{ops::Deref, sync::Arc, time::Duration};

use domain::error::one_line;
use metrics::Metrics;
use net::http::{GuardedHttp, HttpClientError};
use net::tls::{TlsTrust, TrustError};
use oauth::{Documents, TokenClient};
use outbox::{Slots, Worker, Writer};
use store::alerts::Channel;
use store::queue_lock::{QueueLock, try_lock};
use store::{OpenStoreError, Store, StoreError};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use vault::clock::{Clock, Randomness};
use vault::{UnlockError, Vault};

use crate::config::{Config, KeySource};
use crate::identity::host_token::TokenCheck;
use crate::identity::login_throttle::Throttle;
use crate::identity::oidc::Oidc;
use crate::identity::{Accounts, People};
use crate::readiness::Readiness;
use crate::rebind;
use crate::serve;
use crate::use_cases::{
    Alerts, Applications, Cleanup, Delivery, HealthChecks, HealthRecord, Lookups, MessageMemory,
    Outbox, SavedConnection, Service, SettingsStore, TestRuns, Tokens, Updates, enforce_retention,
    longest, run_alerts, run_health_checks, run_refresh_loop,
};

/// The state that all handlers share. Clones share the parts: the router clones it several times for
/// each request.
#[derive(Debug, Clone)]
pub struct Server(Arc<Parts>);

impl Deref for Server {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The parts of a server. A use case takes only those that it uses.
#[derive(Debug, Clone)]
pub struct Parts {
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
    /// Who may sign in, and who is signed in.
    pub people: Arc<People>,
    /// The saved settings.
    pub settings: Arc<SettingsStore>,
    /// The token of the saved settings.
    pub tokens: Arc<Tokens>,
    /// The test messages.
    pub runs: Arc<TestRuns>,
    /// The checks of the saved connection.
    pub checks: HealthChecks,
    /// The delivery of alerts.
    pub alerts: Alerts,
    /// The messages of applications.
    pub outbox: Outbox,
    /// The workers of the outbox, which a graceful shutdown waits for.
    pub workers: TaskTracker,
    /// What can be asked without changing anything.
    pub lookups: Arc<Lookups>,
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
        let trust = Arc::new(TlsTrust::with_extra_ca(&config.extra_ca)?);
        let (proxy, deadlines) = (config.oauth_proxy.as_ref(), config.token_deadlines);
        let http = GuardedHttp::new(&trust, &config.egress, proxy, deadlines)?;
        let (client, documents) = (TokenClient::new(http.clone()), Documents::new(http.clone()));
        let config = Arc::new(config);
        let shared = Shared { config, store, vault, clock, randomness };
        let people = Arc::new(shared.people(&trust, &documents)?);
        let settings = Arc::new(shared.settings());
        let health = Arc::new(shared.health());
        let tokens = Arc::new(shared.tokens(&settings, client, &people, &health));
        let runs = Arc::new(shared.runs(&settings, &tokens, trust, &health));
        let delivery = runs.delivery.clone();
        let are_on = !shared.config.alerts.checks_are_off;
        let checks = HealthChecks { delivery: delivery.clone(), are_on };
        let outbox = shared.outbox(delivery.clone());
        let alerts = shared.alerts(delivery, &http);
        let lookups = Arc::new(shared.lookups(&tokens, &people, documents));
        let Shared { config, store, vault, clock, randomness } = shared;
        Ok(Self(Arc::new(Parts {
            config,
            store,
            vault,
            clock,
            randomness,
            people,
            settings,
            tokens,
            runs,
            checks,
            alerts,
            outbox,
            workers: TaskTracker::new(),
            lookups,
            readiness: Readiness::default(),
            stopping: CancellationToken::new(),
        })))
    }

    /// The same with the users of a host.
    #[must_use]
    pub fn with_people(self, people: People) -> Self {
        Self(Arc::new(Parts { people: Arc::new(people), ..Arc::unwrap_or_clone(self.0) }))
    }

    /// Returns the services of the tab and of the pages around it.
    pub fn service(&self) -> Service {
        Service {
            settings: self.settings.clone(),
            tokens: self.tokens.clone(),
            runs: self.runs.clone(),
            checks: self.checks.clone(),
            lookups: self.lookups.clone(),
            people: self.people.clone(),
            applications: self.applications(),
        }
    }

    /// The products that send through the saved settings.
    pub fn applications(&self) -> Applications {
        Applications {
            store: self.store.clone(),
            clock: self.clock.clone(),
            randomness: self.randomness.clone(),
        }
    }

    /// Starts the background tasks: token renewal, the sealing key's rotation, retention, the checks
    /// of the connection, and the delivery of alerts by each way.
    pub fn start_background(&self) -> Background {
        Background([
            tokio::spawn(run_refresh_loop(self.tokens.clone())),
            tokio::spawn(vault::follow(self.vault.clone(), self.store.clone())),
            tokio::spawn(enforce_retention(self.cleanup())),
            tokio::spawn(run_health_checks(self.checks.clone())),
            tokio::spawn(run_alerts(self.alerts.clone(), Channel::Webhook)),
            tokio::spawn(run_alerts(self.alerts.clone(), Channel::Email)),
        ])
    }

    /// Starts the workers of the outbox, which end what they have begun when the server stops. On
    /// `SQLite` they wait while another process works the queue.
    pub fn start_workers(&self) {
        let server = self.clone();
        self.workers.spawn(async move {
            let Some(_lock) = server.queue_lock().await else { return };
            let number = server.config.pace.unwrap_or_default().connections - 1;
            let mut workers = JoinSet::new();
            for _ in 0..number.max(1) {
                workers.spawn(server.worker().run(server.stopping.clone()));
            }
            while workers.join_next().await.is_some() {}
        });
    }

    /// Waits for the right to work the queue; `None` if the server stops.
    async fn queue_lock(&self) -> Option<QueueLock> {
        while !self.stopping.is_cancelled() {
            match try_lock(&self.config.database) {
                Ok(Some(lock)) => match lock.end_leases(&self.store).await {
                    Ok(()) => return Some(lock),
                    Err(error) => {
                        tracing::error!(error = one_line(&error), "the outbox could not be read");
                    }
                },
                Ok(None) => {}
                Err(error) => tracing::error!(error = one_line(&error), "the outbox is not worked"),
            }
            tokio::select! {
                () = self.stopping.cancelled() => {}
                () = sleep(LOCK_TRIED_EVERY) => {}
            }
        }
        None
    }

    /// A worker of the outbox.
    pub fn worker(&self) -> Worker<SavedConnection> {
        let delivery = self.runs.delivery.clone();
        let Outbox { store, writer, vault, clock, randomness, wake, .. } = self.outbox.clone();
        let longest = longest(&delivery);
        let (slots, checks_are_on) = (delivery.slots.clone(), self.checks.are_on);
        let staging = self.config.staging.clone();
        let outlet = Arc::new(SavedConnection { delivery, staging, checks_are_on });
        Worker::new(store, writer, vault, clock, randomness, outlet, slots, wake, longest)
    }

    /// Writes the audit rows that are in memory, and waits for messages, attempts of the outbox and
    /// token requests in progress.
    pub async fn drain(&self) {
        self.people.accounts.aggregates().flush().await;
        tokio::join!(
            serve::drain_messages(&self.runs.delivery.tasks),
            serve::drain_attempts(&self.workers, self.config.smtp_deadlines.total),
            serve::drain_requests(&self.tokens.tasks, self.config.token_deadlines.total),
        );
    }

    /// Returns what the deletion of expired rows uses.
    pub fn cleanup(&self) -> Cleanup {
        Cleanup {
            store: self.store.clone(),
            clock: self.clock.clone(),
            randomness: self.randomness.clone(),
            retention: self.config.retention,
        }
    }
}

/// How often a process that does not work the queue tries to.
const LOCK_TRIED_EVERY: Duration = Duration::from_secs(2);

/// The background tasks of a server. Dropping this aborts them.
#[must_use = "dropping it stops the tasks"]
#[derive(Debug)]
pub struct Background([JoinHandle<()>; 6]);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// What the parts of a server have in common.
#[derive(Clone)]
struct Shared {
    config: Arc<Config>,
    store: Store,
    vault: Vault,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
}

impl Shared {
    fn people(&self, trust: &TlsTrust, documents: &Documents) -> Result<People, StartError> {
        let Self { config, store, vault, clock, randomness } = self.clone();
        let throttle = Arc::new(Throttle::new(config.rates));
        let (https, limits) = (config.is_https(), throttle.clone());
        let accounts =
            Accounts::new(store.clone(), clock.clone(), randomness.clone(), https, limits);
        let host_tokens = config.host_tokens.clone().map(|configured| {
            let documents = match &configured.keys {
                KeySource::Address(address) => documents.by(config.egress.for_configured(address)),
                KeySource::File(_) => documents.clone(),
            };
            TokenCheck::new(configured, config.roles.clone(), documents, clock.clone())
        });
        let (proxy, deadlines) = (config.oauth_proxy.as_ref(), config.token_deadlines);
        let oidc = |oidc| Oidc::new(oidc, trust, &config.egress, proxy, deadlines);
        let oidc = config.oidc.clone().map(oidc).transpose()?;
        Ok(People {
            config,
            store,
            vault,
            clock,
            randomness,
            accounts,
            throttle,
            host: None,
            host_tokens,
            oidc,
        })
    }

    fn settings(&self) -> SettingsStore {
        let Self { config, store, vault, clock, .. } = self.clone();
        SettingsStore { store, vault, clock, egress: config.egress.clone() }
    }

    fn tokens(
        &self,
        settings: &Arc<SettingsStore>,
        client: TokenClient,
        people: &People,
        health: &Arc<HealthRecord>,
    ) -> Tokens {
        Tokens {
            settings: settings.clone(),
            store: self.store.clone(),
            vault: self.vault.clone(),
            clock: self.clock.clone(),
            randomness: self.randomness.clone(),
            health: health.clone(),
            client,
            aggregates: people.accounts.aggregates().clone(),
            has_local_accounts: self.config.has_local_accounts,
            longest_request: self.config.token_deadlines.total,
            tasks: TaskTracker::new(),
            mutex: Arc::default(),
            obtained: Arc::default(),
        }
    }

    fn runs(
        &self,
        settings: &Arc<SettingsStore>,
        tokens: &Arc<Tokens>,
        trust: Arc<TlsTrust>,
        health: &Arc<HealthRecord>,
    ) -> TestRuns {
        let delivery = Delivery {
            settings: settings.clone(),
            tokens: tokens.clone(),
            trust,
            egress: self.config.egress.clone(),
            deadlines: self.config.smtp_deadlines,
            client_name: self.config.client_name(),
            health: health.clone(),
            pace: self.config.pace,
            slots: Slots { store: self.store.clone(), randomness: self.randomness.clone() },
            clock: self.clock.clone(),
            tasks: TaskTracker::new(),
        };
        TestRuns {
            delivery: Arc::new(delivery),
            store: self.store.clone(),
            vault: self.vault.clone(),
            clock: self.clock.clone(),
            randomness: self.randomness.clone(),
            updates: health.updates.clone(),
            kept_days: self.config.retention.message_days,
        }
    }

    fn outbox(&self, delivery: Arc<Delivery>) -> Outbox {
        let Self { config, store, vault, clock, randomness } = self.clone();
        let (writer, wake) = (Writer::start(store.clone()), Arc::default());
        let host = config.public_url.as_ref().map_or("ppm.invalid", |url| url.host()).into();
        let memory = MessageMemory::default();
        Outbox { store, writer, vault, clock, randomness, delivery, wake, host, memory }
    }

    fn health(&self) -> HealthRecord {
        let Self { config, store, clock, randomness, .. } = self.clone();
        let updates = Arc::new(Updates::new(config.stream_timing));
        HealthRecord { store, clock, randomness, updates, metrics: Metrics::default() }
    }

    fn alerts(&self, delivery: Arc<Delivery>, http: &GuardedHttp) -> Alerts {
        let config = self.config.alerts.clone();
        let http = match &config.webhook {
            Some(webhook) if webhook.is_https() => {
                http.by(self.config.egress.for_configured(&webhook.url))
            }
            // http to this machine needs a rule.
            Some(_) | None => http.clone(),
        };
        Alerts { delivery, http, config }
    }

    fn lookups(&self, tokens: &Arc<Tokens>, people: &Arc<People>, documents: Documents) -> Lookups {
        let Self { config, store, clock, .. } = self.clone();
        let (tokens, people) = (tokens.clone(), people.clone());
        let embedding = config.embedding_origins.clone();
        Lookups { tokens, people, store, clock, documents, embedding }
    }
}
