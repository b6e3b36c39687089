//! Aggregated audit rows for events that any client can cause at will: failed sign-ins, rejections,
//! repeated consent callbacks. Events that differ in the time alone are one row with a count. Such
//! a row carries no name, unless a cookie, a session or a provider has authenticated the user.
//!
//! No request waits for such a row, so that the time of a response does not tell whether an account
//! exists. Events are counted in memory; a task writes the first of a kind at once, and those that
//! follow a second later. The number of rows per minute is limited, however many addresses a flood
//! comes from.

use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{collections::HashMap, net::IpAddr, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::error::one_line;
use store::audit::{self, Action, Actor, Entry};
use store::{Store, StoreError, hash::hashed};
use vault::clock::Clock;

use crate::subscriber::written;

/// How long events are counted in memory before they are written.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// The back-off after a failed write.
const WRITE_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// The maximum number of addresses with a separate row in a minute, among the rows that differ in
/// nothing else. Further ones share a row without an address.
const ADDRESSES_PER_MINUTE: usize = 16;
/// Events that could not be written for this long are dropped.
const KEPT_IN_MEMORY: TimeDelta = TimeDelta::hours(1);

/// Counts events and writes their rows. Clones share everything.
#[derive(Debug, Clone)]
pub struct Aggregates {
    store: Store,
    clock: Arc<dyn Clock>,
    counted: Arc<Mutex<Counted>>,
    /// Locked while rows are written: the last write of a process waits for those before it.
    writing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Counted {
    /// The rows, by their keys.
    rows: HashMap<String, AggregateRow>,
    is_write_scheduled: bool,
}

/// A row of the database; its entry counts what is not written yet.
#[derive(Debug, Clone)]
struct AggregateRow {
    /// The key that it shares with rows that differ in the address alone.
    group: String,
    entry: Entry,
}

impl Aggregates {
    /// Creates the counter of one server.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, counted: Arc::default(), writing: Arc::default() }
    }

    /// Records an event: one row for an address, a minute, an actor and a detail. The detail must
    /// be one of a few that the server knows, never text from the client. Returns whether it is the
    /// first of its kind.
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
        self.count(key, AggregateRow { group, entry })
    }

    /// Records an event of an attempt to obtain a token: one row for an attempt, an outcome and an
    /// actor, regardless of time and address. The row has the address of the first event.
    pub fn record_of_attempt(&self, attempt: &str, action: Action, actor: Actor, outcome: String) {
        let entry = Entry { detail: Some(outcome), ..Entry::new(self.clock.now(), actor, action) };
        let group = group(attempt, &entry);
        self.count(group.clone(), AggregateRow { group, entry });
    }

    /// Writes what is counted in memory only.
    pub async fn flush(&self) {
        let _one_at_a_time = self.writing.lock().await;
        let mut unwritten = self.take_unwritten().into_iter();
        while let Some((key, row)) = unwritten.next() {
            if let Err(error) = audit::add(&self.store, &key, &row.entry).await {
                self.requeue(&error, std::iter::once((key, row)).chain(unwritten));
                return;
            }
        }
    }

    /// Counts an event and schedules its write. Returns whether it is the first of its kind.
    fn count(&self, key: String, row: AggregateRow) -> bool {
        let mut counted = self.counted();
        let is_first = counted.add(key, row);
        if is_first {
            let aggregates = self.clone();
            tokio::spawn(async move { aggregates.flush().await });
        } else if !std::mem::replace(&mut counted.is_write_scheduled, true) {
            self.schedule_write(WRITE_EVERY);
        }
        is_first
    }

    fn schedule_write(&self, pause: Duration) {
        let aggregates = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            aggregates.counted().is_write_scheduled = false;
            aggregates.flush().await;
        });
    }

    /// Takes the rows that are not written, oldest first.
    fn take_unwritten(&self) -> Vec<(String, AggregateRow)> {
        let mut counted = self.counted();
        let unwritten = counted.rows.iter_mut().filter(|(_, row)| row.entry.count > 0);
        let take = |(key, row): (&String, &mut AggregateRow)| {
            let taken = (key.clone(), row.clone());
            row.entry.count = 0;
            taken
        };
        let mut taken: Vec<_> = unwritten.map(take).collect();
        taken.sort_by_key(|(_, row)| row.entry.at);
        taken
    }

    /// Counts events again that could not be written, and schedules a retry.
    fn requeue(&self, error: &StoreError, rows: impl Iterator<Item = (String, AggregateRow)>) {
        tracing::error!(error = one_line(error), "audit rows could not be written");
        let mut counted = self.counted();
        for (key, row) in rows {
            counted.put(key, row);
        }
        if !std::mem::replace(&mut counted.is_write_scheduled, true) {
            self.schedule_write(WRITE_AGAIN_AFTER);
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// Counts an event in its row, or, if its group has too many addresses in this minute, in the
    /// row of the group. Returns whether that row is a new one.
    fn add(&mut self, key: String, row: AggregateRow) -> bool {
        let at = row.entry.at;
        self.rows.retain(|_, AggregateRow { entry, .. }| {
            let is_of_now = minute(entry.at) == minute(at);
            is_of_now || (entry.count > 0 && (at - entry.at).abs() < KEPT_IN_MEMORY)
        });
        if self.rows.contains_key(&key) || !self.is_full(&row.group) {
            return self.put(key, row);
        }
        let AggregateRow { group, mut entry } = row;
        entry.actor.address = None;
        self.put(group.clone(), AggregateRow { group, entry })
    }

    fn put(&mut self, key: String, row: AggregateRow) -> bool {
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

/// Returns the key that events of a period share, apart from the address.
fn group(period: &str, Entry { actor, action, detail, .. }: &Entry) -> String {
    let [issuer, subject, session, detail] =
        [&actor.issuer, &actor.subject, &actor.session, detail]
            .map(|text| text.as_deref().unwrap_or_default());
    key(&[action.wire_name(), period, &actor.email, &actor.name, issuer, subject, session, detail])
}

/// Returns a digest of digests, so that no two lists of parts share a key.
fn key(parts: &[&str]) -> String {
    hashed(&parts.iter().map(|part| hashed(part)).collect::<String>())
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}
