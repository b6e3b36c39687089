//! Slots for connections to the mail server, shared by all nodes.

use std::sync::Arc;
use std::time::Duration;

use domain::error::one_line;
use domain::outbox::Pace;
use store::slots::{self as rows, Order};
use store::{Store, StoreError};
use tokio::time::{Instant, interval, sleep};
use tokio_util::task::AbortOnDropHandle;
use vault::clock::{Randomness, random_id};

/// How long a slot outlives its process.
const LEASE: Duration = Duration::from_secs(15);
/// How often a lease is extended.
const EXTENDED_EVERY: Duration = Duration::from_secs(5);
/// How long a test message or an alert waits for a slot before it is sent without one.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it tries.
const RETRIED_EVERY: Duration = Duration::from_millis(250);

/// Takes slots. Clones share everything.
#[derive(Debug, Clone)]
pub struct Slots {
    /// The database.
    pub store: Store,
    /// The source of the holders' names.
    pub randomness: Arc<dyn Randomness>,
}

/// A slot that is held. One that is dropped without [`release`](Self::release) becomes free when its
/// lease ends.
#[derive(Debug)]
pub struct Slot {
    store: Store,
    holder: String,
    number: i64,
    /// Extends the lease.
    _extending: AbortOnDropHandle<()>,
}

impl Slots {
    /// Takes a slot for messages of applications, if one is free. One connection of the pace is left
    /// to test messages and alerts, if it has more than one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn for_messages(&self, pace: &Pace) -> Result<Option<Slot>, StoreError> {
        self.take(pace.connections.saturating_sub(1).max(1), Order::First).await
    }

    /// Waits for a slot for a message that is sent at once, or for a check. `None` if none becomes
    /// free in time, or the database fails: a test message is never held back.
    pub async fn at_once(&self, pace: &Pace) -> Option<Slot> {
        let begun = Instant::now();
        loop {
            match self.take(pace.connections, Order::Last).await {
                Ok(None) if begun.elapsed() < PATIENCE => sleep(RETRIED_EVERY).await,
                Ok(slot) => return slot,
                Err(error) => {
                    tracing::warn!(error = one_line(&error), "a message is sent without a slot");
                    return None;
                }
            }
        }
    }

    async fn take(&self, count: i64, order: Order) -> Result<Option<Slot>, StoreError> {
        let holder = random_id(self.randomness.as_ref());
        let taken = rows::take(&self.store, &holder, count, order, LEASE).await?;
        Ok(taken.map(|number| {
            let store = self.store.clone();
            let extending = tokio::spawn(extend(store.clone(), holder.clone(), number));
            Slot { store, holder, number, _extending: AbortOnDropHandle::new(extending) }
        }))
    }
}

impl Slot {
    /// Frees the slot.
    pub async fn release(self) {
        if let Err(error) = rows::release(&self.store, &self.holder, self.number).await {
            tracing::warn!(error = one_line(&error), "a slot becomes free only after its lease");
        }
    }
}

async fn extend(store: Store, holder: String, number: i64) {
    let mut ticks = interval(EXTENDED_EVERY);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        if let Err(error) = rows::extend(&store, &holder, number, LEASE).await {
            tracing::warn!(error = one_line(&error), "the lease of a slot could not be extended");
        }
    }
}
