//! Rate limits of unauthenticated requests, in memory and in front of the database: a rejected
//! request causes no query. Has no pages and no routes.
//!
//! - Sign-ins and the other entry points count by address, by the networks around an IPv6 address,
//!   and in total. The narrowest limit is checked first, so that a flood from one address uses up
//!   its own allowance and no other.
//! - A browser that an account has signed in from before counts separately (see `devices`).
//! - Each account has two concurrent password comparisons.
//!
//! Time is monotonic: a wall clock that is set back must not reject requests.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{collections::HashMap, fmt, hash::Hash, time::Duration};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota};

use crate::config::Rates;
use crate::subscriber::network;

/// The maximum number of concurrent password comparisons of an account.
pub const COMPARISONS_AT_ONCE: usize = 2;
/// The maximum number of keys (addresses, networks, devices) of a limit. 65,536 take 4 MiB.
const MAX_KEYS: usize = 65_536;
/// A limit drops the keys with a full allowance each time it has been checked this often.
const CLEAN_UP_EVERY: usize = 1_024;

/// Why a request is rejected for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limited {
    /// Too many requests from this client, or from its network.
    #[error("too many requests from one address")]
    Caller {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Too many requests in total.
    #[error("too many requests in all")]
    Server {
        /// How long to wait.
        retry_after: Duration,
    },
}

/// The entry points of unauthenticated clients. Each kind has separate limits: a flood of one
/// leaves the others open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// A sign-in with a password, or the first administrator's set-up.
    Password,
    /// A login at an `OpenID` provider, its start or its callback.
    OpenId,
    /// A consent at an OAuth provider, its start or its callback.
    Consent,
}

/// The limits of one process.
#[derive(Debug)]
pub struct Throttle {
    passwords: Gate,
    open_id: Gate,
    consents: Gate,
    tokens: Gate,
    keys: Gate,
    devices: Keyed<String>,
    comparisons: Mutex<HashMap<String, usize>>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(Rates::default())
    }
}

impl Throttle {
    /// Creates limits with empty counts.
    pub fn new(rates: Rates) -> Self {
        Self {
            passwords: Gate::new(rates),
            open_id: Gate::new(rates),
            consents: Gate::new(rates),
            tokens: Gate::new(rates),
            keys: Gate::new(rates),
            devices: Keyed::new(rates.device),
            comparisons: Mutex::default(),
        }
    }

    /// Counts a request from this address at an entry point.
    ///
    /// # Errors
    /// The limit is exceeded.
    pub fn admit(&self, entrance: Entrance, address: IpAddr) -> Result<(), Limited> {
        let gate = match entrance {
            Entrance::Password => &self.passwords,
            Entrance::OpenId => &self.open_id,
            Entrance::Consent => &self.consents,
        };
        gate.admit(address)
    }

    /// Counts a request of a known device.
    ///
    /// # Errors
    /// The limit is exceeded.
    pub fn admit_device(&self, device: &str) -> Result<(), Limited> {
        self.devices.check(&device.to_owned())
    }

    /// Counts a rejected token, separately from sign-ins: a page that keeps polling with a bad
    /// token must not keep other users at its address from signing in.
    ///
    /// # Errors
    /// The limit is exceeded.
    pub fn admit_refused_token(&self, address: IpAddr) -> Result<(), Limited> {
        self.tokens.admit(address)
    }

    /// Counts a key of an application that is not valid. A valid one is never counted.
    ///
    /// # Errors
    /// The limit is exceeded.
    pub fn admit_refused_key(&self, address: IpAddr) -> Result<(), Limited> {
        self.keys.admit(address)
    }

    /// Takes a comparison slot, which is freed on drop; `None` while [`COMPARISONS_AT_ONCE`] are in
    /// progress under this key.
    pub fn compare(self: &Arc<Self>, key: &str) -> Option<Comparison> {
        let mut in_progress = self.comparisons.lock().unwrap_or_else(PoisonError::into_inner);
        let count = in_progress.entry(key.to_owned()).or_default();
        if *count >= COMPARISONS_AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Comparison { throttle: Arc::clone(self), key: key.to_owned() })
    }
}

/// The slot of a password comparison in progress.
#[derive(Debug)]
pub struct Comparison {
    throttle: Arc<Throttle>,
    key: String,
}

impl Drop for Comparison {
    fn drop(&mut self) {
        let mut in_progress =
            self.throttle.comparisons.lock().unwrap_or_else(PoisonError::into_inner);
        match in_progress.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(in_progress.remove(&self.key)),
        }
    }
}

/// The limits of one kind of request.
#[derive(Debug)]
struct Gate {
    addresses: Keyed<IpAddr>,
    sites: Keyed<Ipv6Addr>,
    organisations: Keyed<Ipv6Addr>,
    all: DefaultDirectRateLimiter,
}

impl Gate {
    fn new(rates: Rates) -> Self {
        Self {
            addresses: Keyed::new(rates.address),
            sites: Keyed::new(rates.site),
            organisations: Keyed::new(rates.organisation),
            all: DefaultDirectRateLimiter::direct(rates.all),
        }
    }

    /// Where the address is unknown (a host that drives the router itself), only the limit in total
    /// applies: the others would count all clients as one.
    fn admit(&self, address: IpAddr) -> Result<(), Limited> {
        match address.to_canonical() {
            address if address.is_unspecified() => {}
            IpAddr::V4(address) => self.addresses.check(&address.into())?,
            IpAddr::V6(address) => {
                self.addresses.check(&network(address, 64).into())?;
                self.sites.check(&network(address, 56))?;
                self.organisations.check(&network(address, 48))?;
            }
        }
        self.all.check().map_err(|refused| {
            let retry_after = refused.wait_time_from(DefaultClock::default().now());
            Limited::Server { retry_after }
        })
    }
}

/// A limit for each key.
struct Keyed<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    checks: AtomicUsize,
}

impl<K: Hash + Eq + Clone> Keyed<K> {
    fn new(quota: Quota) -> Self {
        Self { limiter: DefaultKeyedRateLimiter::keyed(quota), checks: AtomicUsize::new(1) }
    }

    fn check(&self, key: &K) -> Result<(), Limited> {
        if self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(CLEAN_UP_EVERY) {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        // A new key cannot be told from a known one without a lookup of each: all are rejected.
        if self.limiter.len() >= MAX_KEYS {
            return Err(Limited::Server { retry_after: Duration::from_secs(1) });
        }
        self.limiter.check_key(key).map_err(|refused| {
            let retry_after = refused.wait_time_from(DefaultClock::default().now());
            Limited::Caller { retry_after }
        })
    }
}

impl<K: Hash + Eq + Clone> fmt::Debug for Keyed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").field("len", &self.limiter.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::rate;

    /// Rates that do not recover within a test.
    fn rates() -> Rates {
        let hour = Duration::from_hours(1);
        Rates {
            address: rate(2, hour),
            site: rate(3, hour),
            organisation: rate(4, hour),
            all: rate(6, hour),
            device: rate(1, hour),
        }
    }

    fn admit(throttle: &Throttle, address: &str) -> Result<(), Limited> {
        throttle.admit(Entrance::Password, address.parse().expect("an address"))
    }

    #[test]
    fn a_rejected_address_uses_up_no_allowance_but_its_own() {
        let throttle = Throttle::new(rates());
        for _ in 0..2 {
            assert_eq!(admit(&throttle, "192.0.2.1"), Ok(()));
        }
        for _ in 0..100 {
            let refused = admit(&throttle, "192.0.2.1");
            assert!(matches!(refused, Err(Limited::Caller { .. })), "{refused:?}");
        }
        for neighbour in ["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"] {
            assert_eq!(admit(&throttle, neighbour), Ok(()));
        }
        let refused = admit(&throttle, "192.0.2.6");
        assert!(matches!(refused, Err(Limited::Server { .. })), "{refused:?}");
    }

    #[test]
    fn an_ipv4_mapped_address_counts_as_its_ipv4_address() {
        let throttle = Throttle::new(rates());
        assert_eq!(admit(&throttle, "192.0.2.1"), Ok(()));
        assert_eq!(admit(&throttle, "::ffff:192.0.2.1"), Ok(()));
        assert!(admit(&throttle, "192.0.2.1").is_err());
    }

    #[test]
    fn a_limit_drops_keys_with_a_full_allowance() {
        let keyed = Keyed::new(rate(1, Duration::from_nanos(1)));
        for key in 0..10 * CLEAN_UP_EVERY {
            keyed.check(&key).expect("each comes once");
        }
        assert!(keyed.limiter.len() <= CLEAN_UP_EVERY, "{}", keyed.limiter.len());
    }

    #[test]
    fn a_limit_counts_a_bounded_number_of_keys() {
        let keyed = Keyed::new(rate(1, Duration::from_hours(1)));
        let refused = (0..2 * MAX_KEYS).filter(|key| keyed.check(key).is_err()).count();
        assert_eq!((refused, keyed.limiter.len()), (MAX_KEYS, MAX_KEYS));
    }

    #[test]
    fn a_finished_comparison_frees_its_slot() {
        let throttle = Arc::new(Throttle::default());
        let (first, second) = (throttle.compare("ada"), throttle.compare("ada"));
        assert!(first.is_some() && second.is_some());
        assert!(throttle.compare("ada").is_none());
        assert!(throttle.compare("grace").is_some());
        drop(first);
        assert!(throttle.compare("ada").is_some());
        drop(second);
        assert!(throttle.comparisons.lock().expect("no test panicked").is_empty());
    }
}
