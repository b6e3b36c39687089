//! Audit rows for events that a stranger can cause as often as they like: failed sign-ins, refusals,
//! consents that come back a second time. Events that have everything in common but the moment are one
//! row with a count. Such a row carries no name, unless a cookie, a session or a provider has proven
//! who it was.
//!
//! A flood costs the database little: the first event of a kind is written at once, those that follow
//! are counted in memory and added to its row a second later. A minute has a limited number of rows,
//! however many addresses a flood comes from.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::digest::hashed;
use crate::identity::limits;
use crate::log::one_line;
use crate::store::audit::{self, Action, Actor, Entry};
use crate::store::{Store, StoreError};

/// How long events are counted in memory before the database learns of them.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// How long a database that took no row is left alone.
const WRITE_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// The rows of one action in a minute, beside one for all that come from further addresses.
const ROWS_PER_MINUTE: usize = 16;
/// The detail of the row for all others.
const OTHER_ADDRESSES: &str = "other-addresses";
/// Events that the database did not take for so long are given up.
const KEPT_IN_MEMORY: TimeDelta = TimeDelta::hours(1);

/// Events, counted. Copies share everything.
#[derive(Debug, Clone)]
pub struct Aggregates {
    store: Store,
    clock: Arc<dyn Clock>,
    counted: Arc<Mutex<Counted>>,
}

#[derive(Debug, Default)]
struct Counted {
    /// What each row of the database stands for, by its key; the count is what is not written yet.
    rows: HashMap<String, Entry>,
    is_write_planned: bool,
}

/// What became of an event that was counted.
enum Next {
    /// It is the first of its kind: its row is to be written.
    Write { key: String },
    /// It is counted in memory, and a write of that has to be planned.
    Plan,
    /// It is counted in memory, and that is written soon.
    Wait,
}

impl Aggregates {
    /// Counts events of the clients of one server.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, counted: Arc::default() }
    }

    /// Records an event: one row for an address, a minute, an actor and a detail. The detail must be one
    /// of a few that the server knows, never text that the client chose. Returns whether it is the first
    /// of its kind.
    pub async fn record(
        &self,
        action: Action,
        address: IpAddr,
        actor: Actor,
        detail: Option<String>,
    ) -> bool {
        let now = self.clock.now();
        let address = Some(subscriber(address));
        let entry = Entry { detail, address, ..Entry::new(now, actor, action) };
        let Actor { email, name } = &entry.actor;
        let minute = minute(now).to_string();
        let [address, detail] =
            [&entry.address, &entry.detail].map(|text| text.as_deref().unwrap_or_default());
        let key = key(&[action.wire_name(), &minute, address, email, name, detail]);
        self.count(key, entry).await
    }

    /// Records an event of an attempt to obtain a token: one row for an attempt, an outcome and an
    /// actor, whenever and from wherever it is repeated. The row has the address of the first.
    pub async fn record_of_attempt(
        &self,
        attempt: &str,
        action: Action,
        address: Option<IpAddr>,
        actor: Actor,
        outcome: String,
    ) {
        let key = key(&[action.wire_name(), attempt, &actor.email, &actor.name, &outcome]);
        let (detail, address) = (Some(outcome), address.map(subscriber));
        let entry = Entry { detail, address, ..Entry::new(self.clock.now(), actor, action) };
        self.count(key, entry).await;
    }

    /// Writes what is counted in memory alone.
    pub async fn flush(&self) {
        let mut unwritten = self.take_unwritten().into_iter();
        while let Some((key, entry)) = unwritten.next() {
            if let Err(error) = audit::add(&self.store, &key, &entry).await {
                self.give_back(&error, std::iter::once((key, entry)).chain(unwritten));
                return;
            }
        }
    }

    async fn count(&self, key: String, entry: Entry) -> bool {
        let (next, entry) = self.counted().add(key, entry);
        match next {
            Next::Write { key } => {
                if let Err(error) = audit::add(&self.store, &key, &entry).await {
                    self.give_back(&error, std::iter::once((key, entry)));
                }
                return true;
            }
            Next::Plan => self.plan_write(WRITE_EVERY),
            Next::Wait => {}
        }
        false
    }

    fn plan_write(&self, pause: Duration) {
        let aggregates = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            aggregates.counted().is_write_planned = false;
            aggregates.flush().await;
        });
    }

    fn take_unwritten(&self) -> Vec<(String, Entry)> {
        let mut counted = self.counted();
        let unwritten = counted.rows.iter_mut().filter(|(_, entry)| entry.count > 0);
        let take = |(key, entry): (&String, &mut Entry)| {
            let taken = (key.clone(), entry.clone());
            entry.count = 0;
            taken
        };
        unwritten.map(take).collect()
    }

    /// Counts events again that the database did not take, and tries once more later.
    fn give_back(&self, error: &StoreError, rows: impl Iterator<Item = (String, Entry)>) {
        tracing::error!(error = one_line(error), "audit rows could not be written");
        let mut counted = self.counted();
        for (key, entry) in rows {
            let count = entry.count;
            counted.rows.entry(key).or_insert(Entry { count: 0, ..entry }).count += count;
        }
        if !std::mem::replace(&mut counted.is_write_planned, true) {
            self.plan_write(WRITE_AGAIN_AFTER);
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// Counts an event under its key, or under the key of all others where its minute is full.
    fn add(&mut self, key: String, entry: Entry) -> (Next, Entry) {
        let (at, action) = (entry.at, entry.action);
        self.rows.retain(|_, known| {
            let is_of_now = minute(known.at) == minute(at);
            is_of_now || (known.count > 0 && (at - known.at).abs() < KEPT_IN_MEMORY)
        });
        let is_known = self.rows.contains_key(&key);
        let (key, entry) = if is_known || !self.is_full(action) {
            (key, entry)
        } else {
            let (key, detail) = (others(action, at), Some(OTHER_ADDRESSES.to_owned()));
            (key, Entry { detail, ..Entry::new(at, Actor::nobody(), action) })
        };
        if let Some(known) = self.rows.get_mut(&key) {
            known.count += 1;
            let next = if self.is_write_planned { Next::Wait } else { Next::Plan };
            self.is_write_planned = true;
            return (next, entry);
        }
        self.rows.insert(key.clone(), Entry { count: 0, ..entry.clone() });
        (Next::Write { key }, entry)
    }

    fn is_full(&self, action: Action) -> bool {
        self.rows.values().filter(|entry| entry.action == action).count() >= ROWS_PER_MINUTE
    }
}

/// What tells one kind of events from all others. A digest, so that no part runs into the next.
fn key(parts: &[&str]) -> String {
    hashed(&parts.iter().map(|part| hashed(part)).collect::<String>())
}

fn others(action: Action, at: DateTime<Utc>) -> String {
    key(&[action.wire_name(), &minute(at).to_string(), OTHER_ADDRESSES])
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

/// The network that one subscriber holds: an IPv4 address, or the /64 of an IPv6 one.
fn subscriber(address: IpAddr) -> String {
    let network = limits::address_key(address);
    if address.to_canonical().is_ipv4() { network } else { format!("{network}/64") }
}
