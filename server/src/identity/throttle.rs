//! Limits in memory on what a caller who is not known can cost. They stand in front of the database:
//! a request that is refused here reads and writes nothing. Knows no page and no route.
//!
//! - Sign-ins and whatever else a stranger can begin count by address, by the networks around an
//!   IPv6 address, and in all. The narrowest limit is asked first, so that a flood from one address
//!   uses up its own allowance and nobody else's.
//! - A browser that an account has signed in from before counts by itself (see `devices`).
//! - Of one account, two passwords are compared at a time.
//!
//! Time is monotonic: a wall clock that is set back must not refuse anybody.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota};

use crate::subscriber::network;

/// How many passwords are compared with one account's at a time.
pub const COMPARISONS_AT_ONCE: usize = 2;
/// How many addresses, networks or devices one limit keeps count of. 65,536 of them take 4 MiB.
const MOST_KEYS: usize = 65_536;
/// A limit forgets those that are as good as new each time it has been asked this often.
const FORGET_EVERY: usize = 1_024;

/// How often callers may come who are not known.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// From one IPv4 address, or one IPv6 network of 64 bits, which one subscriber holds at least.
    pub address: Quota,
    /// From an IPv6 network of 56 bits, which many subscribers hold.
    pub site: Quota,
    /// From an IPv6 network of 48 bits, which an organisation holds.
    pub organisation: Quota,
    /// From everywhere.
    pub all: Quota,
    /// From one browser that has signed in before.
    pub device: Quota,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            address: rate(30, Duration::from_secs(1)),
            site: rate(60, Duration::from_millis(500)),
            organisation: rate(120, Duration::from_millis(250)),
            all: rate(240, Duration::from_millis(100)),
            device: rate(10, Duration::from_secs(10)),
        }
    }
}

/// So many at once, and one more each `period`.
///
/// # Panics
/// One of them is zero.
#[must_use]
pub fn rate(at_once: u32, period: Duration) -> Quota {
    let at_once = NonZeroU32::new(at_once).expect("a rate of nothing refuses everybody");
    Quota::with_period(period).expect("a period takes time").allow_burst(at_once)
}

/// Why a caller is refused for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limited {
    /// Too much came from this caller, or from around its address.
    #[error("too many requests from one address")]
    Caller {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Too much comes from everywhere.
    #[error("too many requests in all")]
    Server {
        /// How long to wait.
        retry_after: Duration,
    },
}

/// What a caller who is not known can begin. Each kind has limits of its own: a flood of one leaves
/// the others open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// A sign-in with a password, or the first administrator's set-up.
    Password,
    /// A sign-in at an `OpenID` provider, there or back.
    OpenId,
    /// A consent at an OAuth provider, there or back.
    Consent,
}

/// The limits of one process.
#[derive(Debug)]
pub struct Throttle {
    passwords: Gate,
    open_id: Gate,
    consents: Gate,
    tokens: Gate,
    devices: Keyed<String>,
    comparisons: Mutex<HashMap<String, usize>>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(Rates::default())
    }
}

impl Throttle {
    /// With nobody counted yet.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self {
            passwords: Gate::new(rates),
            open_id: Gate::new(rates),
            consents: Gate::new(rates),
            tokens: Gate::new(rates),
            devices: Keyed::new(rates.device),
            comparisons: Mutex::default(),
        }
    }

    /// Counts a request of a caller at this address who begins a sign-in, or goes on with one.
    ///
    /// # Errors
    /// It is one too many.
    pub fn admit(&self, entrance: Entrance, address: IpAddr) -> Result<(), Limited> {
        let gate = match entrance {
            Entrance::Password => &self.passwords,
            Entrance::OpenId => &self.open_id,
            Entrance::Consent => &self.consents,
        };
        gate.admit(address)
    }

    /// Counts a request of a browser that has signed in before.
    ///
    /// # Errors
    /// It is one too many.
    pub fn admit_device(&self, device: &str) -> Result<(), Limited> {
        self.devices.check(&device.to_owned())
    }

    /// Counts a token that was refused. These count apart from sign-ins: a page that goes on asking
    /// with a bad token must not keep anybody at its address from signing in.
    ///
    /// # Errors
    /// It is one too many.
    pub fn admit_refused_token(&self, address: IpAddr) -> Result<(), Limited> {
        self.tokens.admit(address)
    }

    /// Room for one comparison, until it is dropped; none while [`COMPARISONS_AT_ONCE`] are under way
    /// under this key.
    pub fn compare(self: &Arc<Self>, key: &str) -> Option<Comparison> {
        let mut under_way = self.comparisons.lock().unwrap_or_else(PoisonError::into_inner);
        let count = under_way.entry(key.to_owned()).or_default();
        if *count >= COMPARISONS_AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Comparison { throttle: Arc::clone(self), key: key.to_owned() })
    }
}

/// A comparison of a password that is under way.
#[derive(Debug)]
pub struct Comparison {
    throttle: Arc<Throttle>,
    key: String,
}

impl Drop for Comparison {
    fn drop(&mut self) {
        let mut under_way =
            self.throttle.comparisons.lock().unwrap_or_else(PoisonError::into_inner);
        match under_way.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(under_way.remove(&self.key)),
        }
    }
}

/// The limits around one kind of request.
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

    /// Where nobody knows the address (a host that drives the router itself), only the limit on all
    /// counts: the others would count everybody as one.
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

/// One limit for each key.
struct Keyed<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    asked: AtomicUsize,
}

impl<K: Hash + Eq + Clone> Keyed<K> {
    fn new(quota: Quota) -> Self {
        Self { limiter: DefaultKeyedRateLimiter::keyed(quota), asked: AtomicUsize::new(1) }
    }

    fn check(&self, key: &K) -> Result<(), Limited> {
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGET_EVERY) {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        // Who is new and who is not cannot be told apart without a look at each: all of them wait.
        if self.limiter.len() >= MOST_KEYS {
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
    fn an_address_that_is_refused_uses_up_nobody_elses_allowance() {
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
    fn an_address_written_as_ipv6_counts_as_the_ipv4_address_that_it_is() {
        let throttle = Throttle::new(rates());
        assert_eq!(admit(&throttle, "192.0.2.1"), Ok(()));
        assert_eq!(admit(&throttle, "::ffff:192.0.2.1"), Ok(()));
        assert!(admit(&throttle, "192.0.2.1").is_err());
    }

    #[test]
    fn a_limit_forgets_those_that_are_as_good_as_new() {
        let keyed = Keyed::new(rate(1, Duration::from_nanos(1)));
        for key in 0..10 * FORGET_EVERY {
            keyed.check(&key).expect("each comes once");
        }
        assert!(keyed.limiter.len() <= FORGET_EVERY, "{}", keyed.limiter.len());
    }

    #[test]
    fn a_limit_keeps_count_of_so_many_and_no_more() {
        let keyed = Keyed::new(rate(1, Duration::from_hours(1)));
        let refused = (0..2 * MOST_KEYS).filter(|key| keyed.check(key).is_err()).count();
        assert_eq!((refused, keyed.limiter.len()), (MOST_KEYS, MOST_KEYS));
    }

    #[test]
    fn a_comparison_that_has_ended_makes_room_for_the_next() {
        let throttle = Arc::new(Throttle::default());
        let (first, second) = (throttle.compare("ada"), throttle.compare("ada"));
        assert!(first.is_some() && second.is_some());
        assert!(throttle.compare("ada").is_none());
        assert!(throttle.compare("grace").is_some());
        drop(first);
        assert!(throttle.compare("ada").is_some());
        drop(second);
        assert!(throttle.comparisons.lock().expect("nobody panicked").is_empty());
    }
}
