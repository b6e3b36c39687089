//! The health of mail: records what attempts to use the saved connection have shown, checks its
//! sign-in, reminds of credentials that end, and delivers the alerts.

mod alerts;
mod checks;
pub mod page;
pub mod restore;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::error::one_line;
use domain::health::{Evidence, Expiry, Health, Reach, Transition};
use metrics::{MailState, Metrics};
use store::health::{self as rows, Known, Observation};
use store::{Store, StoreError, tokens};
use vault::clock::{Clock, Randomness, random_bytes, random_id};

use super::UseCaseError;
use super::settings::{self, SettingsStore};
use super::updates::Updates;

pub use alerts::{Alerts, run_alerts};
pub use checks::longest;
pub use checks::{HealthChecks, run_health_checks};

/// An accepted message is recorded at most this often.
const MESSAGES_EVERY: TimeDelta = TimeDelta::minutes(1);
/// The maximum jitter of the next check.
const JITTER: TimeDelta = TimeDelta::minutes(6);

/// Records what attempts have shown. Clones share everything.
#[derive(Debug, Clone)]
pub struct HealthRecord {
    /// The rows.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of incidents' IDs and of jitter.
    pub randomness: Arc<dyn Randomness>,
    /// The subscriptions to incidents.
    pub updates: Arc<Updates>,
    /// The figures of this process.
    pub metrics: Metrics,
}

impl HealthRecord {
    /// Records a message or a token of the settings of this revision. A record that cannot be stored
    /// is logged: the next attempt shows the same.
    pub async fn record(&self, revision: i64, evidence: Evidence) {
        self.record_session(revision, evidence, None).await;
    }

    /// The same of an SMTP session, in which the mail server may have presented a certificate.
    pub async fn record_session(
        &self,
        revision: i64,
        evidence: Evidence,
        certificate_expires_at: Option<DateTime<Utc>>,
    ) {
        let observation = Observation {
            evidence,
            at: self.clock.now(),
            check: None,
            certificate_expires_at,
            jitter: self.jitter(),
        };
        let recorded = async {
            if changes(&rows::load(&self.store).await?, &observation) {
                self.observe(revision, &observation).await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = recorded.await {
            tracing::error!(error = one_line(&error), "the health of mail could not be recorded");
        }
    }

    /// Records an observation, and tells the subscribers of an incident.
    async fn observe(&self, revision: i64, observation: &Observation) -> Result<(), StoreError> {
        let id = random_id(self.randomness.as_ref());
        let transition = rows::observe(&self.store, revision, observation, &id).await?;
        match (transition, &observation.evidence) {
            (Some(Transition::Opens), Evidence::Fails(trouble)) => {
                let diagnosis = ::alerts::code(trouble.diagnosis);
                tracing::error!(step = ?trouble.step, diagnosis, "email has stopped");
            }
            (Some(Transition::Closes), _) => tracing::info!("email works again"),
            (None | Some(_), _) => return Ok(()),
        }
        self.updates.notify_all();
        Ok(())
    }

    /// The state of mail, for the metrics and the command line.
    ///
    /// # Errors
    /// The database failed.
    pub async fn state(&self, settings: &SettingsStore) -> Result<MailState, UseCaseError> {
        let known = rows::load(&self.store).await?;
        let current = settings::current(settings).await?;
        let token = tokens::load(&self.store).await?;
        let expiries = checks::expiries(&known.ends, &current, token.as_ref());
        let health = Health::of(known.open.as_ref(), &expiries, self.clock.now().date_naive());
        let ends = |expiry: &Expiry| (expiry.credential, expiry.ends_at());
        Ok(MailState {
            open_incident: known.open.map(|open| ::alerts::code(open.trouble.diagnosis)),
            health: Some(health),
            token_expires_at: token.map(|token| token.expires_at),
            credentials: expiries.iter().map(ends).collect(),
            accepted_at: known.accepted_at,
            waiting: store::outbox::waiting(&self.store).await?,
        })
    }

    fn jitter(&self) -> TimeDelta {
        let [spread, ..] = random_bytes::<4>(self.randomness.as_ref());
        JITTER * i32::from(spread) / 256
    }
}

/// Whether an observation changes what is known, so that it has to be written.
fn changes(known: &Known, observation: &Observation) -> bool {
    let is_new = |at| observation.at >= at + MESSAGES_EVERY || observation.at < at;
    match observation.reach() {
        None => true,
        Some(_) if known.open.is_some() || known.monitor.failures > 0 => true,
        Some(Reach::Token) => false,
        Some(Reach::SignIn | Reach::Message) => {
            !known.is_proved || known.accepted_at.is_none_or(is_new)
        }
    }
}
