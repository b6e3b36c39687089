//! The memory for messages that are being accepted: large ones wait for one another.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::SMALL_MESSAGE;

/// The octets of large messages in memory, in KiB.
const BUDGET: usize = 256 * 1024;
/// How often the octets of a body are in memory at most: read, parsed, composed part by part, as a
/// message, prepared, and sealed.
const COPIES: usize = 6;
/// How long a request waits for memory.
const RESERVED_WITHIN: Duration = Duration::from_secs(5);

/// The memory of this process for large messages. Clones share it.
#[derive(Debug, Clone)]
pub struct MessageMemory(Arc<Semaphore>);

/// Memory for one message. Dropping it frees the memory.
#[derive(Debug)]
pub struct ReservedMemory(Option<OwnedSemaphorePermit>);

impl Default for MessageMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET)))
    }
}

impl MessageMemory {
    /// Waits some seconds for the memory that a body of so many octets needs; `None` if others hold
    /// it. For a small body none is reserved: the maximum number of connections limits those.
    pub async fn reserve(&self, octets: usize) -> Option<ReservedMemory> {
        if octets <= SMALL_MESSAGE {
            return Some(ReservedMemory(None));
        }
        let needed = u32::try_from(needed(octets)).ok()?;
        let permit = timeout(RESERVED_WITHIN, self.0.clone().acquire_many_owned(needed)).await;
        Some(ReservedMemory(Some(permit.ok()?.ok()?)))
    }
}

impl ReservedMemory {
    /// Frees what a body of so many octets does not need.
    pub fn shrink_to(&mut self, octets: usize) {
        if let Some(permit) = &mut self.0 {
            let excess = permit.num_permits().saturating_sub(needed(octets));
            drop(permit.split(excess));
        }
    }
}

/// How many KiB of the budget a body of so many octets needs. The largest needs all of it.
fn needed(octets: usize) -> usize {
    octets.saturating_mul(COPIES).div_ceil(1024).min(BUDGET)
}
