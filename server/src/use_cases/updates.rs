//! Per-user subscriptions to saves, to incidents and to test-run progress (fan-out over the database). One task
//! polls the database for each subscribed user, however many streams the user has open. A save or a
//! step of this process wakes it; one of another node is found at the next poll. The database is the
//! only source, so a stream never shows what a reload would not. No state remains when a user's last
//! stream ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::error::one_line;
use store::runs::{self, StoredRun};
use store::{
    Store, StoreError,
    health::{self, OpenIncident},
    settings,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;
use vault::clock::Clock;

use crate::config::StreamTiming;

/// All subscriptions.
#[derive(Debug)]
pub struct Updates {
    pace: StreamTiming,
    room: Arc<Semaphore>,
    users: Mutex<HashMap<String, Subscribers>>,
}

/// What a user's streams report, as last read from the database.
#[derive(Debug, Clone, Default, PartialEq)]
struct Latest {
    /// The revision of the saved settings; `None` until it is read.
    revision: Option<i64>,
    /// The user's last test message.
    run: Option<StoredRun>,
    /// The open incident; `None` until it is read.
    incident: Option<OpenOrNone>,
}

/// Whether an incident is open.
#[derive(Debug, Clone, PartialEq)]
enum OpenOrNone {
    None,
    Open(Box<OpenIncident>),
}

/// A change that a stream reports.
#[derive(Debug)]
pub enum Update {
    /// The revision of the saved settings.
    Saved(i64),
    /// The user's last test message is another one, or has progressed.
    Run(Box<StoredRun>),
    /// The open incident is another one, has occurred again, or has closed; or the settings were
    /// changed, so that those that last worked can be restored.
    Incident(Option<Box<OpenIncident>>),
}

/// The subscriptions of one user, and the task that polls for them.
#[derive(Debug)]
struct Subscribers {
    streams: usize,
    latest: watch::Receiver<Latest>,
    wake: Arc<Notify>,
    _polling: AbortOnDropHandle<()>,
}

/// A subscription, which ends when it is dropped.
#[derive(Debug)]
pub struct Subscription {
    updates: Arc<Updates>,
    user: String,
    latest: watch::Receiver<Latest>,
    reported: Latest,
    _room: OwnedSemaphorePermit,
}

impl Updates {
    /// Creates it without subscriptions.
    pub fn new(pace: StreamTiming) -> Self {
        Self { pace, room: Arc::new(Semaphore::new(pace.max_streams)), users: Mutex::default() }
    }

    /// The timing and the limits.
    pub fn timing(&self) -> StreamTiming {
        self.pace
    }

    /// Subscribes to saves, incidents and a user's last test message; `None` if there are too many
    /// subscriptions.
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
        let (updates, user) = (self.clone(), user.to_owned());
        let latest = subscribers.latest.clone();
        Some(Subscription { updates, user, latest, reported: Latest::default(), _room: room })
    }

    /// Wakes the subscriptions of this user: there is a change to see.
    pub fn notify(&self, user: &str) {
        if let Some(subscribers) = self.users().get(user) {
            subscribers.wake.notify_one();
        }
    }

    /// Wakes all subscriptions: the settings were saved, or an incident opened or closed.
    pub fn notify_all(&self) {
        for subscribers in self.users().values() {
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
        let (tell, latest) = watch::channel(Latest::default());
        let wake = Arc::new(Notify::new());
        let (store, clock, user) = (store.clone(), clock.clone(), user.to_owned());
        let polling = tokio::spawn(poll(pace, store, clock, user, tell, wake.clone()));
        Self { streams: 0, latest, wake, _polling: AbortOnDropHandle::new(polling) }
    }
}

impl Subscription {
    /// Waits for a change that this subscription has not reported; at first, for what is known.
    /// `None` if polling has ended.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            let latest = self.latest.borrow_and_update().clone();
            if let Some(revision) = latest.revision
                && self.reported.revision != latest.revision
            {
                self.reported.revision = latest.revision;
                return Some(Update::Saved(revision));
            }
            if self.reported.incident != latest.incident {
                self.reported.incident.clone_from(&latest.incident);
                match latest.incident {
                    Some(OpenOrNone::None) => return Some(Update::Incident(None)),
                    Some(OpenOrNone::Open(open)) => return Some(Update::Incident(Some(open))),
                    None => {}
                }
            }
            if self.reported.run != latest.run {
                self.reported.run.clone_from(&latest.run);
                if let Some(run) = latest.run {
                    return Some(Update::Run(Box::new(run)));
                }
            }
            self.latest.changed().await.ok()?;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut users = self.updates.users();
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

/// Polls for saves, incidents and a user's last test message, and publishes every change.
async fn poll(
    pace: StreamTiming,
    store: Store,
    clock: Arc<dyn Clock>,
    user: String,
    tell: watch::Sender<Latest>,
    wake: Arc<Notify>,
) {
    let mut is_failing = false;
    loop {
        match read(&store, &clock, &user).await {
            Ok(latest) => {
                is_failing = false;
                tell.send_if_modified(|known| {
                    let is_changed = *known != latest;
                    *known = latest;
                    is_changed
                });
            }
            Err(error) if !is_failing => {
                is_failing = true;
                tracing::error!(
                    error = one_line(&error),
                    "saves, incidents and test messages cannot be watched"
                );
            }
            Err(_) => {}
        }
        let is_under_way =
            tell.borrow().run.as_ref().is_some_and(|latest| latest.run.outcome.is_none());
        let pause = if is_under_way { pace.poll_interval } else { pace.idle_poll_interval };
        tokio::select! {
            () = wake.notified() => {}
            () = sleep(pause) => {}
        }
    }
}

async fn read(store: &Store, clock: &Arc<dyn Clock>, user: &str) -> Result<Latest, StoreError> {
    let run = runs::latest(store, user).await?.map(|kept| kept.at(clock.now()));
    let incident =
        health::open(store).await?.map_or(OpenOrNone::None, |open| OpenOrNone::Open(open.into()));
    let revision = Some(settings::revision(store).await?);
    Ok(Latest { revision, run, incident: Some(incident) })
}
