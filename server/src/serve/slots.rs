//! Connection limits: in total and per address. At a limit, the connection that has been idle
//! longest is evicted, so that clients who hold many cannot lock others out. A connection whose
//! request is being processed is never evicted.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::config::Room;
use crate::subscriber::subscriber;

/// The connections of one listener.
#[derive(Debug)]
pub(super) struct Slots {
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
    is_answering: AtomicBool,
    is_request_incomplete: AtomicBool,
    eviction: CancellationToken,
}

/// A guard that frees its slot when it is dropped.
pub(super) struct TakenSlot {
    pub(super) slot: Arc<ConnectionSlot>,
    slots: Arc<Slots>,
}

impl Slots {
    pub(super) fn new(room: Room) -> Arc<Self> {
        Arc::new(Self { room, start: Instant::now(), taken: Mutex::default(), left: Notify::new() })
    }

    /// Takes a slot for a connection from this address, if necessary by evicting another one;
    /// `None` if every candidate is processing a request.
    pub(super) async fn take(self: &Arc<Self>, peer: IpAddr) -> Option<TakenSlot> {
        let peer = peer.to_canonical();
        let subscriber = (!self.room.unlimited.contains(&peer)).then(|| subscriber(peer));
        loop {
            let left = self.left.notified();
            {
                let mut taken = self.taken();
                let own = |slot: &&Arc<ConnectionSlot>| slot.subscriber == subscriber;
                let is_at_address_limit = subscriber.is_some()
                    && taken.iter().filter(own).count() >= self.room.per_address;
                let candidate = if is_at_address_limit {
                    eviction_candidate(taken.iter().filter(own))
                } else if taken.len() >= self.room.connections {
                    eviction_candidate(taken.iter())
                } else {
                    let slot = Arc::new(ConnectionSlot::new(subscriber, self.start));
                    taken.push(slot.clone());
                    return Some(TakenSlot { slot, slots: self.clone() });
                };
                candidate?.eviction.cancel();
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
    slots: impl Iterator<Item = &'a Arc<ConnectionSlot>>,
) -> Option<&'a Arc<ConnectionSlot>> {
    slots.filter(|slot| slot.is_evictable()).min_by_key(|slot| {
        (!slot.eviction.is_cancelled(), slot.last_progress.load(Ordering::Relaxed))
    })
}

impl ConnectionSlot {
    fn new(subscriber: Option<IpAddr>, start: Instant) -> Self {
        let slot = Self {
            subscriber,
            start,
            last_progress: AtomicU64::new(0),
            is_answering: AtomicBool::new(false),
            is_request_incomplete: AtomicBool::new(false),
            eviction: CancellationToken::new(),
        };
        slot.record_progress();
        slot
    }

    /// Records that the client sent or read an octet.
    pub(super) fn record_progress(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_progress.store(elapsed, Ordering::Relaxed);
    }

    /// Records that the client sent octets of a request that may be incomplete.
    pub(super) fn record_input(&self) {
        self.is_request_incomplete.store(true, Ordering::Relaxed);
        self.record_progress();
    }

    /// Records that a request is complete: the server acts next.
    pub(super) fn begin_answer(&self) {
        self.is_request_incomplete.store(false, Ordering::Relaxed);
        self.is_answering.store(true, Ordering::Relaxed);
    }

    /// Records that the response is ready: the client acts next.
    pub(super) fn end_answer(&self) {
        self.is_answering.store(false, Ordering::Relaxed);
        self.record_progress();
    }

    /// Whether the client has begun a request and may still be sending it.
    pub(super) fn is_request_incomplete(&self) -> bool {
        self.is_request_incomplete.load(Ordering::Relaxed)
    }

    /// Waits until this connection is evicted.
    pub(super) async fn evicted(&self) {
        self.eviction.cancelled().await;
    }

    fn is_evictable(&self) -> bool {
        !self.is_answering.load(Ordering::Relaxed) || self.eviction.is_cancelled()
    }
}

impl Drop for TakenSlot {
    fn drop(&mut self) {
        self.slots.taken().retain(|slot| !Arc::ptr_eq(slot, &self.slot));
        self.slots.left.notify_one();
    }
}
