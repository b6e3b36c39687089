//! The clock and the source of randomness. Both are parameters, so that a test fixes the one and
//! seeds the other; `clippy.toml` bars the ambient ones.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SubsecRound, Utc};
use rand::{TryRng, rngs::SysRng};

/// The source of the present time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the present instant, in whole milliseconds, as the database stores it.
    fn now(&self) -> DateTime<Utc>;
}

/// The source of unpredictable bytes.
pub trait Randomness: fmt::Debug + Send + Sync {
    /// Fills `bytes` with unpredictable ones.
    fn fill(&self, bytes: &mut [u8]);
}

/// Returns `N` random bytes.
pub fn random_bytes<const N: usize>(randomness: &dyn Randomness) -> [u8; N] {
    let mut bytes = [0; N];
    randomness.fill(&mut bytes);
    bytes
}

/// Returns 128 random bits in base64url, which fits a URL, a cookie and a header.
pub fn random_id(randomness: &dyn Randomness) -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<16>(randomness))
}

/// Returns 256 random bits in base64url, for tokens that grant access by themselves.
pub fn random_token(randomness: &dyn Randomness) -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<32>(randomness))
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }
}

/// The operating system's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        SysRng.try_fill_bytes(bytes).expect(
            "the operating system's random source answers once the machine has started, \
             and no secret may be made without it",
        );
    }
}
