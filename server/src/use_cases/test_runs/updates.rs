//! Per-user subscriptions to test-run progress (fan-out over the database). One task polls the
//! database for each subscribed user, however many streams the user has open. A run of this process
//! wakes it at each step; a run of another node is found at the next poll. The database is the only
//! source, so a stream never shows what a reload would not. No state remains when a user's last
//! stream ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::error::one_line;
use store::Store;
use store::runs::{self, StoredRun};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;
use vault::clock::Clock;

use crate::config::StreamTiming;

/// All subscriptions.
#[derive(Debug)]
pub struct RunUpdates {
    pace: StreamTiming,
    room: Arc<Semaphore>,
    users: Mutex<HashMap<String, Subscribers>>,
}

/// The subscriptions of one user, and the task that polls for them.
#[derive(Debug)]
struct Subscribers {
    streams: usize,
    latest: watch::Receiver<Option<StoredRun>>,
    wake: Arc<Notify>,
    _polling: AbortOnDropHandle<()>,
}

/// A subscription, which ends when it is dropped.
#[derive(Debug)]
pub struct Subscription {
    news: Arc<RunUpdates>,
    user: String,
    latest: watch::Receiver<Option<StoredRun>>,
    _room: OwnedSemaphorePermit,
}

impl RunUpdates {
    /// Creates it without subscriptions.
    pub fn new(pace: StreamTiming) -> Self {
        Self { pace, room: Arc::new(Semaphore::new(pace.max_streams)), users: Mutex::default() }
    }

    /// The timing and the limits.
    pub fn timing(&self) -> StreamTiming {
        self.pace
    }

    /// Subscribes to a user's latest test message; `None` if there are too many subscriptions.
    pub fn subscribe(
        self: &Arc<Self>,
        store: &Store,
        clock: &Arc<dyn Clock>,
        user: &str,
    ) -> Option<Subscription> {
        let room = self.room.clone().try_acquire_owned().ok()?;
        let mut users = self.users();
        if users
            .get(user)
            .is_some_and(|subscribers| subscribers.streams >= self.pace.max_streams_per_user)
        {
            return None;
        }
        let subscribers = users
            .entry(user.to_owned())
            .or_insert_with(|| Subscribers::begin(self.pace, store, clock, user));
        subscribers.streams += 1;
        // A later subscriber gets the known state at once, and a fresh one soon after.
        subscribers.wake.notify_one();
        let mut latest = subscribers.latest.clone();
        latest.mark_changed();
        Some(Subscription { news: self.clone(), user: user.to_owned(), latest, _room: room })
    }

    /// Wakes the subscriptions of this user: there is a change to see.
    pub fn notify(&self, user: &str) {
        if let Some(subscribers) = self.users().get(user) {
            subscribers.wake.notify_one();
        }
    }

    /// Whether there are no subscriptions, and no state of any.
    pub fn is_empty(&self) -> bool {
        let users = self.users();
        users.is_empty() && self.room.available_permits() == self.pace.max_streams
    }

    fn users(&self) -> MutexGuard<'_, HashMap<String, Subscribers>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscribers {
    fn begin(pace: StreamTiming, store: &Store, clock: &Arc<dyn Clock>, user: &str) -> Self {
        let (tell, latest) = watch::channel(None);
        let wake = Arc::new(Notify::new());
        let (store, clock, user) = (store.clone(), clock.clone(), user.to_owned());
        let polling = tokio::spawn(poll(pace, store, clock, user, tell, wake.clone()));
        Self { streams: 0, latest, wake, _polling: AbortOnDropHandle::new(polling) }
    }
}

impl Subscription {
    /// Waits until the user's latest message is another one or has progressed. A state that is
    /// known already comes at once. `None` if polling has ended.
    pub async fn next(&mut self) -> Option<StoredRun> {
        loop {
            self.latest.changed().await.ok()?;
            if let Some(kept) = self.latest.borrow_and_update().clone() {
                return Some(kept);
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut users = self.news.users();
        let Some(subscribers) = users.get_mut(&self.user) else { return };
        subscribers.streams -= 1;
        if subscribers.streams == 0 {
            users.remove(&self.user);
        }
        if users.is_empty() {
            users.shrink_to_fit();
        }
    }
}

/// Polls for a user's latest message, and publishes every change.
async fn poll(
    pace: StreamTiming,
    store: Store,
    clock: Arc<dyn Clock>,
    user: String,
    tell: watch::Sender<Option<StoredRun>>,
    wake: Arc<Notify>,
) {
    let mut is_failing = false;
    loop {
        match runs::latest(&store, Some(&user)).await {
            Ok(latest) => {
                is_failing = false;
                let latest = latest.map(|kept| kept.at(clock.now()));
                tell.send_if_modified(|known| {
                    let is_changed = *known != latest;
                    *known = latest;
                    is_changed
                });
            }
            Err(error) if !is_failing => {
                is_failing = true;
                tracing::error!(error = one_line(&error), "test messages cannot be watched");
            }
            Err(_) => {}
        }
        let is_under_way =
            tell.borrow().as_ref().is_some_and(|latest| latest.run.outcome.is_none());
        let pause = if is_under_way { pace.poll_interval } else { pace.idle_poll_interval };
        tokio::select! {
            () = wake.notified() => {}
            () = sleep(pause) => {}
        }
    }
}
