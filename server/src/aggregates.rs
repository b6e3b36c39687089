//! Audit rows for events that a stranger can cause as often as they like: failed sign-ins, refusals,
//! consents that come back a second time. Events that have everything in common but the moment are one
//! row with a count. Such a row carries no name, unless a cookie, a session or a provider has proven
//! who it was.
//!
//! No request waits for such a row, so that the time of an answer does not tell whether an account
//! exists. Events are counted in memory; a task writes the first of a kind at once, and those that
//! follow a second later. A minute has a limited number of rows, however many addresses a flood comes
//! from.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::digest::hashed;
use crate::log::one_line;
use crate::store::audit::{self, Action, Actor, Entry};
use crate::store::{Store, StoreError};
use crate::subscriber::written;

/// How long events are counted in memory before the database learns of them.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// How long a database that took no row is left alone.
const WRITE_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// How many addresses have a row of their own in a minute, among the rows that differ in nothing else.
/// Further ones share a row without an address.
const ADDRESSES_PER_MINUTE: usize = 16;
/// Events that the database did not take for so long are given up.
const KEPT_IN_MEMORY: TimeDelta = TimeDelta::hours(1);

/// Events, counted. Copies share everything.
#[derive(Debug, Clone)]
pub struct Aggregates {
    store: Store,
    clock: Arc<dyn Clock>,
    counted: Arc<Mutex<Counted>>,
    /// Held while rows are written: the last write of a process waits for those before it.
    writing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Counted {
    /// By the keys of the rows.
    rows: HashMap<String, Row>,
    is_write_planned: bool,
}

/// A row of the database; the count of its entry is what is not written yet.
#[derive(Debug, Clone)]
struct Row {
    /// What it has in common with rows that differ in the address alone.
    group: String,
    entry: Entry,
}

impl Aggregates {
    /// Counts events of the clients of one server.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, counted: Arc::default(), writing: Arc::default() }
    }

    /// Records an event: one row for an address, a minute, an actor and a detail. The detail must be one
    /// of a few that the server knows, never text that the client chose. Returns whether it is the first
    /// of its kind.
    #[expect(clippy::must_use_candidate, reason = "only a log line asks")]
    pub fn record(
        &self,
        action: Action,
        address: IpAddr,
        actor: Actor,
        detail: Option<String>,
    ) -> bool {
        let now = self.clock.now();
        let address = written(address);
        let mut entry = Entry { detail, ..Entry::new(now, actor, action) };
        let group = group(&minute(now).to_string(), &entry);
        let key = key(&[&group, &address]);
        entry.actor.address = Some(address);
        self.count(key, Row { group, entry })
    }

    /// Records an event of an attempt to obtain a token: one row for an attempt, an outcome and an
    /// actor, whenever and from wherever it is repeated. The row has the address of the first.
    pub fn record_of_attempt(&self, attempt: &str, action: Action, actor: Actor, outcome: String) {
        let entry = Entry { detail: Some(outcome), ..Entry::new(self.clock.now(), actor, action) };
        let group = group(attempt, &entry);
        self.count(group.clone(), Row { group, entry });
    }

    /// Writes what is counted in memory alone.
    pub async fn flush(&self) {
        let _one_at_a_time = self.writing.lock().await;
        let mut unwritten = self.take_unwritten().into_iter();
        while let Some((key, row)) = unwritten.next() {
            if let Err(error) = audit::add(&self.store, &key, &row.entry).await {
                self.give_back(&error, std::iter::once((key, row)).chain(unwritten));
                return;
            }
        }
    }

    /// Counts an event and has it written. Returns whether it is the first of its kind.
    fn count(&self, key: String, row: Row) -> bool {
        let mut counted = self.counted();
        let is_first = counted.add(key, row);
        if is_first {
            let aggregates = self.clone();
            tokio::spawn(async move { aggregates.flush().await });
        } else if !std::mem::replace(&mut counted.is_write_planned, true) {
            self.plan_write(WRITE_EVERY);
        }
        is_first
    }

    fn plan_write(&self, pause: Duration) {
        let aggregates = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            aggregates.counted().is_write_planned = false;
            aggregates.flush().await;
        });
    }

    /// Takes what is not written, oldest first.
    fn take_unwritten(&self) -> Vec<(String, Row)> {
        let mut counted = self.counted();
        let unwritten = counted.rows.iter_mut().filter(|(_, row)| row.entry.count > 0);
        let take = |(key, row): (&String, &mut Row)| {
            let taken = (key.clone(), row.clone());
            row.entry.count = 0;
            taken
        };
        let mut taken: Vec<_> = unwritten.map(take).collect();
        taken.sort_by_key(|(_, row)| row.entry.at);
        taken
    }

    /// Counts events again that the database did not take, and tries once more later.
    fn give_back(&self, error: &StoreError, rows: impl Iterator<Item = (String, Row)>) {
        tracing::error!(error = one_line(error), "audit rows could not be written");
        let mut counted = self.counted();
        for (key, row) in rows {
            counted.put(key, row);
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
    /// Counts an event in its row, or, where its group has too many addresses in this minute, in the
    /// row of the group. Returns whether that row is a new one.
    fn add(&mut self, key: String, row: Row) -> bool {
        let at = row.entry.at;
        self.rows.retain(|_, Row { entry, .. }| {
            let is_of_now = minute(entry.at) == minute(at);
            is_of_now || (entry.count > 0 && (at - entry.at).abs() < KEPT_IN_MEMORY)
        });
        if self.rows.contains_key(&key) || !self.is_full(&row.group) {
            return self.put(key, row);
        }
        let Row { group, mut entry } = row;
        entry.actor.address = None;
        self.put(group.clone(), Row { group, entry })
    }

    fn put(&mut self, key: String, row: Row) -> bool {
        match self.rows.entry(key) {
            Occupied(mut known) => {
                known.get_mut().entry.count += row.entry.count;
                false
            }
            Vacant(new) => {
                new.insert(row);
                true
            }
        }
    }

    fn is_full(&self, group: &str) -> bool {
        self.rows.values().filter(|row| row.group == group).count() >= ADDRESSES_PER_MINUTE
    }
}

/// What an event has in common with all that are counted together in a period, apart from the address.
fn group(period: &str, Entry { actor, action, detail, .. }: &Entry) -> String {
    let [issuer, subject, session, detail] =
        [&actor.issuer, &actor.subject, &actor.session, detail]
            .map(|text| text.as_deref().unwrap_or_default());
    key(&[action.wire_name(), period, &actor.email, &actor.name, issuer, subject, session, detail])
}

/// A digest, so that no part runs into the next.
fn key(parts: &[&str]) -> String {
    hashed(&parts.iter().map(|part| hashed(part)).collect::<String>())
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}
