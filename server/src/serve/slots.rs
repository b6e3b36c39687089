//! Connection limits: in total and per address. At a limit, the connection that has been idle
//! longest is evicted, so that clients who hold many cannot lock others out. A connection whose
//! request is being processed is never evicted.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Room;
use crate::subscriber::subscriber;

/// The connections of one listener.
#[derive(Debug)]
pub(super) struct Places {
    room: Room,
    start: Instant,
    taken: Mutex<Vec<Arc<ConnectionSlot>>>,
    left: Notify,
}

/// One connection, as far as eviction needs to know it.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    /// The subscriber that it counts for; `None` for an unlimited address.
    subscriber: Option<IpAddr>,
    start: Instant,
    /// When the client last sent or read an octet, in microseconds since `start`.
    last_progress: AtomicU64,
    is_worked_on: AtomicBool,
    is_half_asked: AtomicBool,
    gives_way: CancellationToken,
}

/// A guard that frees its slot when it is dropped.
pub(super) struct Taken {
    place: Arc<ConnectionSlot>,
    places: Arc<Places>,
}

impl Places {
    pub(super) fn new(room: Room) -> Arc<Self> {
        Arc::new(Self { room, start: Instant::now(), taken: Mutex::default(), left: Notify::new() })
    }

    /// Takes a slot for a connection from this address, if necessary by evicting another one;
    /// `None` if every candidate is processing a request.
    pub(super) async fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Taken> {
        let peer = peer.to_canonical();
        let subscriber = (!self.room.unlimited.contains(&peer)).then(|| subscriber(peer));
        loop {
            let left = self.left.notified();
            {
                let mut taken = self.taken();
                let own = |place: &&Arc<ConnectionSlot>| place.subscriber == subscriber;
                let is_at_address_limit = subscriber.is_some()
                    && taken.iter().filter(own).count() >= self.room.per_address;
                let candidate = if is_at_address_limit {
                    eviction_candidate(taken.iter().filter(own))
                } else if taken.len() >= self.room.connections {
                    eviction_candidate(taken.iter())
                } else {
                    let place = Arc::new(ConnectionSlot::new(subscriber, self.start));
                    taken.push(place.clone());
                    return Some(Taken { place, places: self.clone() });
                };
                candidate?.gives_way.cancel();
            }
            left.await;
        }
    }

    fn taken(&self) -> MutexGuard<'_, Vec<Arc<ConnectionSlot>>> {
        // A panic cannot leave the list half changed.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection to evict. One that is already being evicted comes first, so that no second one
/// is.
fn eviction_candidate<'a>(
    places: impl Iterator<Item = &'a Arc<ConnectionSlot>>,
) -> Option<&'a Arc<ConnectionSlot>> {
    places.filter(|place| place.is_evictable()).min_by_key(|place| {
        (!place.gives_way.is_cancelled(), place.last_progress.load(Ordering::Relaxed))
    })
}

impl ConnectionSlot {
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

    /// Records that the client sent or read an octet.
    pub(super) fn progresses(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_progress.store(elapsed, Ordering::Relaxed);
    }

    /// Records that the client sent octets of a request that may be incomplete.
    pub(super) fn hears(&self) {
        self.is_half_asked.store(true, Ordering::Relaxed);
        self.progresses();
    }

    /// Records that a request is complete: the server acts next.
    pub(super) fn is_asked(&self) {
        self.is_half_asked.store(false, Ordering::Relaxed);
        self.is_worked_on.store(true, Ordering::Relaxed);
    }

    /// Records that the response is ready: the client acts next.
    pub(super) fn has_answered(&self) {
        self.is_worked_on.store(false, Ordering::Relaxed);
        self.progresses();
    }

    /// Whether the client has begun a request and may still be sending it.
    pub(super) fn is_half_asked(&self) -> bool {
        self.is_half_asked.load(Ordering::Relaxed)
    }

    /// Waits until this connection is evicted.
    pub(super) async fn gives_way(&self) {
        self.gives_way.cancelled().await;
    }

    fn is_evictable(&self) -> bool {
        !self.is_worked_on.load(Ordering::Relaxed) || self.gives_way.is_cancelled()
    }
}

impl Taken {
    pub(super) fn place(&self) -> Arc<ConnectionSlot> {
        self.place.clone()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.places.taken().retain(|place| !Arc::ptr_eq(place, &self.place));
        self.places.left.notify_one();
    }
}
