//! Deletes what was kept long enough: rows of the audit trail and test messages as configured, and
//! whatever has become useless. Several nodes may do so at once. It may never delete what a page shows
//! as the present state: a person's latest test message, or one under way.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::sleep;

use crate::Server;
use crate::clock::{Randomness, random_bytes};
use crate::identity::limits;
use crate::identity::sessions::{ABSOLUTE_END, IDLE_END};
use crate::log::one_line;
use crate::store::retention::{Kind, delete_batch};
use crate::store::{StoreError, runs, sessions};

/// How often it is looked for, give or take a quarter.
const EVERY: Duration = Duration::from_hours(1);
/// How long other writers have the database between two batches.
const BETWEEN_BATCHES: Duration = Duration::from_millis(20);
/// How long an attempt to obtain a token is kept after it began, so that its page still says how it
/// ended.
const TOKEN_ATTEMPT: TimeDelta = TimeDelta::days(7);

/// Deletes what was kept long enough, now and then every hour, for as long as the process lives.
pub async fn enforce_retention(server: Server) {
    loop {
        if let Err(error) = delete_expired(&server).await {
            tracing::error!(error = one_line(&error), "old rows could not be deleted");
        }
        sleep(pause(server.randomness.as_ref())).await;
    }
}

/// Deletes what was kept long enough by now.
///
/// # Errors
/// The database does not answer; what is left is deleted the next time.
pub async fn delete_expired(server: &Server) -> Result<(), StoreError> {
    let (store, now) = (&server.store, server.clock.now());
    // A message whose process is gone has to have an end before it can be too old.
    runs::interrupt(store, now).await?;
    sessions::remove_ended(store, now - ABSOLUTE_END, now - IDLE_END).await?;
    let retention = server.config.retention;
    for (kind, kept_for) in [
        (Kind::SignInAttempt, Some(limits::WINDOW)),
        (Kind::ForeignSignIn, Some(TimeDelta::zero())),
        (Kind::SetUpTicket, Some(TimeDelta::zero())),
        (Kind::TokenAttempt, Some(TOKEN_ATTEMPT)),
        (Kind::Message, retention.messages()),
        (Kind::Audit, retention.audit()),
    ] {
        let Some(kept_for) = kept_for else { continue };
        delete_all(server, kind, now - kept_for).await?;
    }
    Ok(())
}

async fn delete_all(server: &Server, kind: Kind, before: DateTime<Utc>) -> Result<(), StoreError> {
    let mut rows = 0;
    loop {
        match delete_batch(&server.store, kind, before).await? {
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

/// Nodes that were started together do not stay together.
fn pause(randomness: &dyn Randomness) -> Duration {
    let [spread, ..] = random_bytes::<4>(randomness);
    EVERY * (192 + u32::from(spread / 2)) / 256
}
