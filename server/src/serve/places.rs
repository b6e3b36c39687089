//! Who may hold a connection: so many in all, and so many of one address. Where no place is free,
//! the connection that has gone longest without an octet gives way, so that strangers who hold many
//! keep nobody out; one whose request is being worked on never does.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::subscriber::subscriber;

/// How many connections there may be.
#[derive(Debug, Clone)]
pub struct Room {
    /// In all.
    pub connections: usize,
    /// From one address: a whole IPv4 address, the first 64 bits of an IPv6 one.
    pub per_address: usize,
    /// Addresses that may have more: proxies, behind which is everybody.
    pub unlimited: Vec<IpAddr>,
}

impl Default for Room {
    fn default() -> Self {
        Self { connections: 2_048, per_address: 256, unlimited: Vec::new() }
    }
}

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Places {
    room: Room,
    start: Instant,
    taken: Mutex<Vec<Arc<Place>>>,
    left: Notify,
}

/// One connection, as far as it matters to the others.
#[derive(Debug)]
pub(super) struct Place {
    /// Whom it counts for, unless that address is unlimited.
    subscriber: Option<IpAddr>,
    start: Instant,
    /// When the client last sent or took an octet, in microseconds since `start`.
    last_progress: AtomicU64,
    is_worked_on: AtomicBool,
    is_half_asked: AtomicBool,
    gives_way: CancellationToken,
}

/// A place that is free again once this is dropped.
pub(super) struct Taken {
    place: Arc<Place>,
    places: Arc<Places>,
}

impl Places {
    pub(super) fn new(room: Room) -> Arc<Self> {
        Arc::new(Self { room, start: Instant::now(), taken: Mutex::default(), left: Notify::new() })
    }

    /// Takes a place for a connection from this address, for which another one may have to give way;
    /// none where a request is being worked on at each.
    pub(super) async fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Taken> {
        let peer = peer.to_canonical();
        let subscriber = (!self.room.unlimited.contains(&peer)).then(|| subscriber(peer));
        loop {
            let left = self.left.notified();
            {
                let mut taken = self.taken();
                let own = |place: &&Arc<Place>| place.subscriber == subscriber;
                let has_too_many = subscriber.is_some()
                    && taken.iter().filter(own).count() >= self.room.per_address;
                let to_leave = if has_too_many {
                    first_to_leave(taken.iter().filter(own))
                } else if taken.len() >= self.room.connections {
                    first_to_leave(taken.iter())
                } else {
                    let place = Arc::new(Place::new(subscriber, self.start));
                    taken.push(place.clone());
                    return Some(Taken { place, places: self.clone() });
                };
                to_leave?.gives_way.cancel();
            }
            left.await;
        }
    }

    fn taken(&self) -> MutexGuard<'_, Vec<Arc<Place>>> {
        // Nothing that holds the lock leaves the list half changed.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection that gives way; one that does so already is not followed by another.
fn first_to_leave<'a>(places: impl Iterator<Item = &'a Arc<Place>>) -> Option<&'a Arc<Place>> {
    places.filter(|place| place.may_leave()).min_by_key(|place| {
        (!place.gives_way.is_cancelled(), place.last_progress.load(Ordering::Relaxed))
    })
}

impl Place {
    fn new(subscriber: Option<IpAddr>, start: Instant) -> Self {
        let place = Self {
            subscriber,
            start,
            last_progress: AtomicU64::new(0),
            is_worked_on: AtomicBool::new(false),
            is_half_asked: AtomicBool::new(false),
            gives_way: CancellationToken::new(),
        };
        place.progresses();
        place
    }

    /// The client has sent or taken an octet.
    pub(super) fn progresses(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_progress.store(elapsed, Ordering::Relaxed);
    }

    /// The client has sent octets, of a request that may go on.
    pub(super) fn hears(&self) {
        self.is_half_asked.store(true, Ordering::Relaxed);
        self.progresses();
    }

    /// A whole request has come: the next one to do something is the server.
    pub(super) fn is_asked(&self) {
        self.is_half_asked.store(false, Ordering::Relaxed);
        self.is_worked_on.store(true, Ordering::Relaxed);
    }

    /// The answer is ready: the next one to do something is the client.
    pub(super) fn has_answered(&self) {
        self.is_worked_on.store(false, Ordering::Relaxed);
        self.progresses();
    }

    /// Whether the client has begun a request and may still be sending it.
    pub(super) fn is_half_asked(&self) -> bool {
        self.is_half_asked.load(Ordering::Relaxed)
    }

    /// Waits until another connection needs this place.
    pub(super) async fn gives_way(&self) {
        self.gives_way.cancelled().await;
    }

    fn may_leave(&self) -> bool {
        !self.is_worked_on.load(Ordering::Relaxed) || self.gives_way.is_cancelled()
    }
}

impl Taken {
    pub(super) fn place(&self) -> Arc<Place> {
        self.place.clone()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.places.taken().retain(|place| !Arc::ptr_eq(place, &self.place));
        self.places.left.notify_one();
    }
}
