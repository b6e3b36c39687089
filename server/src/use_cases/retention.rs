//! Deletes expired rows: of the audit trail and of test messages as configured, and rows that have
//! become useless. Several nodes may do so at once. It must never delete what a page shows as the
//! current state: a user's latest test message, or one in progress.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::error::one_line;
use store::outbox::REPEATED_FOR;
use store::retention::{RetainedRows, delete_batch};
use store::{Store, StoreError, runs, sessions};
use tokio::time::sleep;
use vault::clock::{Clock, Randomness, random_bytes};

use crate::config::Retention;
use crate::identity::login_limits;
use crate::identity::sessions::{ABSOLUTE_END, IDLE_END};

/// The interval of deletions, with a jitter of a quarter.
const EVERY: Duration = Duration::from_hours(1);
/// The pause between two batches, for other writers.
const BETWEEN_BATCHES: Duration = Duration::from_millis(20);
/// How long an attempt to obtain a token is kept after it began, so that its page still shows the
/// outcome.
const TOKEN_ATTEMPT: TimeDelta = TimeDelta::days(7);
/// How long an alert is kept, which is not sent any more after a day.
const ALERT: TimeDelta = TimeDelta::days(7);
/// How long incidents and reminders are kept; a reminder is not sent twice in this time.
const INCIDENT: TimeDelta = TimeDelta::days(400);

/// What the deletion of expired rows uses.
#[derive(Debug, Clone)]
pub struct Cleanup {
    /// The database.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Spreads the nodes' times.
    pub randomness: Arc<dyn Randomness>,
    /// For how long rows are kept.
    pub retention: Retention,
}

/// Deletes expired rows, now and then every hour, for as long as the process lives.
pub async fn enforce_retention(cleanup: Cleanup) {
    loop {
        if let Err(error) = delete_expired(&cleanup).await {
            tracing::error!(error = one_line(&error), "old rows could not be deleted");
        }
        sleep(pause(cleanup.randomness.as_ref())).await;
    }
}

/// Deletes the rows that have expired by now.
///
/// # Errors
/// The database failed; the remaining rows are deleted the next time.
pub async fn delete_expired(cleanup: &Cleanup) -> Result<(), StoreError> {
    let (store, now) = (&cleanup.store, cleanup.clock.now());
    // A message whose process is gone needs an outcome before it can expire.
    runs::interrupt(store, now).await?;
    sessions::remove_ended(store, now - ABSOLUTE_END, now - IDLE_END).await?;
    let retention = cleanup.retention;
    for (kind, kept_for) in [
        (RetainedRows::SignInAttempt, Some(login_limits::WINDOW)),
        (RetainedRows::ForeignSignIn, Some(TimeDelta::zero())),
        (RetainedRows::SetUpTicket, Some(TimeDelta::zero())),
        (RetainedRows::TokenAttempt, Some(TOKEN_ATTEMPT)),
        (RetainedRows::Alert, Some(ALERT)),
        (RetainedRows::Incident, Some(INCIDENT)),
        (RetainedRows::Reminder, Some(INCIDENT)),
        (RetainedRows::Idempotency, Some(REPEATED_FOR)),
        (RetainedRows::Pace, Some(TimeDelta::days(1))),
        (RetainedRows::OutboxMessage, retention.messages()),
        (RetainedRows::Message, retention.messages()),
        (RetainedRows::Audit, retention.audit()),
    ] {
        let Some(kept_for) = kept_for else { continue };
        delete_all(cleanup, kind, now - kept_for).await?;
    }
    Ok(())
}

async fn delete_all(
    cleanup: &Cleanup,
    kind: RetainedRows,
    before: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut rows = 0;
    loop {
        match delete_batch(&cleanup.store, kind, before).await? {
            0 => break,
            deleted => rows += deleted,
        }
        sleep(BETWEEN_BATCHES).await;
    }
    if rows > 0 {
        tracing::info!(?kind, rows, "old rows were deleted");
    }
    Ok(())
}

/// The interval with jitter, so that nodes started together drift apart.
fn pause(randomness: &dyn Randomness) -> Duration {
    let [spread, ..] = random_bytes::<4>(randomness);
    EVERY * (192 + u32::from(spread / 2)) / 256
}
