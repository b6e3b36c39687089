//! Readiness of this process, as codes for a load balancer or a monitor. A reason stays until it is
//! cleared. The database is probed with a write, at most every few seconds however often readiness
//! is requested.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use domain::error::one_line;
use store::{Store, StoreError, WriteFault};
use tokio::time::{Instant, timeout};

/// How long the result of a probe is valid.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// The deadline of a probe.
const PROBE_WITHIN: Duration = Duration::from_secs(2);

/// Why this process is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The database does not respond in time, or fails in another way.
    DatabaseUnavailable,
    /// The database is read-only.
    DatabaseReadOnly,
    /// The database's disk is full.
    DiskFull,
    /// A sealed value needs a key that this process does not have.
    KeyUnknown,
}

impl Reason {
    /// The reason's code, in answers and in the log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::DatabaseUnavailable => "database-unavailable",
            Self::DatabaseReadOnly => "database-read-only",
            Self::DiskFull => "disk-full",
            Self::KeyUnknown => "key-unknown",
        }
    }

    /// The reasons that a probe of the database can set.
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

/// The current reasons. Clones share all state.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    reasons: Arc<Mutex<BTreeSet<Reason>>>,
    probed_at: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

impl Readiness {
    /// Sets or clears a reason. Only a change is logged.
    pub fn set(&self, reason: Reason, is_so: bool) {
        let code = reason.code();
        let mut reasons = self.reasons();
        if is_so && reasons.insert(reason) {
            tracing::error!(code, "this process is not ready");
        } else if !is_so && reasons.remove(&reason) {
            tracing::info!(code, "a reason why this process was not ready is gone");
        }
    }

    /// The current reasons, after a probe of the database if the last one is too old. Concurrent
    /// callers wait for the same probe, which continues if they disconnect.
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
