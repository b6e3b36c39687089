//! Whether this process can do all of its work: why not, in codes, for a load balancer or a monitor. A
//! reason stands until it is taken back. The database is probed with a write, at most every few seconds
//! however often the question is asked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, timeout};

use crate::log::one_line;
use crate::store::{Store, StoreError, WriteFault};

/// How long the answer of a probe counts.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// A probe that takes longer has failed.
const PROBE_WITHIN: Duration = Duration::from_secs(2);

/// Why a process is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The database does not answer in time, or answers something else.
    DatabaseUnavailable,
    /// The database takes no writes.
    DatabaseReadOnly,
    /// The database has no room.
    DiskFull,
    /// A sealed value needs a key that this process does not have.
    KeyUnknown,
}

impl Reason {
    /// The reason's code, in answers and in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::DatabaseUnavailable => "database-unavailable",
            Self::DatabaseReadOnly => "database-read-only",
            Self::DiskFull => "disk-full",
            Self::KeyUnknown => "key-unknown",
        }
    }

    /// What a probe of the database can find.
    const OF_DATABASE: [Self; 3] =
        [Self::DatabaseUnavailable, Self::DatabaseReadOnly, Self::DiskFull];
}

impl From<WriteFault> for Reason {
    fn from(fault: WriteFault) -> Self {
        match fault {
            WriteFault::DiskFull => Self::DiskFull,
            WriteFault::ReadOnly => Self::DatabaseReadOnly,
            WriteFault::Unavailable => Self::DatabaseUnavailable,
        }
    }
}

/// The reasons that stand. Copies share everything.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    reasons: Arc<Mutex<BTreeSet<Reason>>>,
    probed_at: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

impl Readiness {
    /// Sets a reason, or takes it back. A change is logged, and nothing else.
    pub fn set(&self, reason: Reason, is_so: bool) {
        let code = reason.code();
        let mut reasons = self.reasons();
        if is_so && reasons.insert(reason) {
            tracing::error!(code, "this process is not ready");
        } else if !is_so && reasons.remove(&reason) {
            tracing::info!(code, "a reason why this process was not ready is gone");
        }
    }

    /// The reasons that stand, after a probe of the database where the last one is too old. Callers that
    /// come at once wait for the same probe, which goes on when they have gone away.
    pub async fn probed(&self, store: &Store, now: DateTime<Utc>) -> Vec<Reason> {
        let mut probed_at = self.probed_at.lock().await;
        if probed_at.is_none_or(|probed_at| probed_at.elapsed() >= PROBE_EVERY) {
            *probed_at = Some(Instant::now());
            let probe = tokio::spawn(probe(self.clone(), store.clone(), now));
            if probe.await.is_err() {
                self.set(Reason::DatabaseUnavailable, true);
            }
        }
        self.reasons().iter().copied().collect()
    }

    fn reasons(&self) -> MutexGuard<'_, BTreeSet<Reason>> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn probe(readiness: Readiness, store: Store, now: DateTime<Utc>) {
    let found = match timeout(PROBE_WITHIN, store.write_probe(now)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(reason(&error)),
        Err(_) => Some(Reason::DatabaseUnavailable),
    };
    for reason in Reason::OF_DATABASE {
        readiness.set(reason, found == Some(reason));
    }
}

fn reason(error: &StoreError) -> Reason {
    tracing::debug!(error = one_line(error), "the database did not take the probe's write");
    error.write_fault().into()
}
