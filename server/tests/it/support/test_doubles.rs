//! Deterministic replacements of the clock and of randomness.

use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, SeedableRng, rngs::StdRng};
use vault::clock::{Clock, Randomness};

/// A clock that stands still until it is advanced.
#[derive(Debug)]
pub struct FixedClock(Mutex<DateTime<Utc>>);

impl FixedClock {
    /// Creates a clock at 2027-03-01T08:00:00Z.
    pub fn new() -> Self {
        Self(Mutex::new("2027-03-01T08:00:00Z".parse().expect("an instant")))
    }

    /// Advances the clock.
    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().expect("no test panics while it holds the clock") += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("no test panics while it holds the clock")
    }
}

/// Randomness that is the same in every run.
#[derive(Debug)]
pub struct SeededRandomness(Mutex<StdRng>);

impl SeededRandomness {
    /// Creates the sequence with this seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Randomness for SeededRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().expect("no test panics while it holds the generator").fill_bytes(bytes);
    }
}
