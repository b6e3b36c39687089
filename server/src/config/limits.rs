//! The limits of connections, streams and unauthenticated requests, as values. It enforces none of
//! them: `serve`, `web`, `identity` and the use cases do.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use governor::Quota;

/// The rates of unauthenticated requests.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Per IPv4 address or IPv6 /64, the smallest network of a subscriber.
    pub address: Quota,
    /// Per IPv6 /56, the network of many subscribers.
    pub site: Quota,
    /// Per IPv6 /48, the network of an organisation.
    pub organisation: Quota,
    /// In total.
    pub all: Quota,
    /// Per browser that has signed in before.
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

/// Returns the quota of a burst of `at_once`, refilled by one each `period`.
///
/// # Panics
/// `at_once` or `period` is zero.
pub fn rate(at_once: u32, period: Duration) -> Quota {
    let at_once = NonZeroU32::new(at_once).expect("every rate is a constant of at least one");
    Quota::with_period(period).expect("every period is a constant above zero").allow_burst(at_once)
}

/// The maximum numbers of connections.
#[derive(Debug, Clone)]
pub struct Room {
    /// In total.
    pub connections: usize,
    /// From one address: a whole IPv4 address, the first 64 bits of an IPv6 one.
    pub per_address: usize,
    /// Addresses without a per-address limit: proxies, which many clients share.
    pub unlimited: Vec<IpAddr>,
}

impl Default for Room {
    fn default() -> Self {
        Self { connections: 2_048, per_address: 256, unlimited: Vec::new() }
    }
}

/// The polling intervals, the lifetime of a stream, and the limits of streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamTiming {
    /// The polling interval while a message is in progress.
    pub poll_interval: Duration,
    /// The polling interval while none is known to be.
    pub idle_poll_interval: Duration,
    /// The interval of keep-alive comments on an idle stream.
    pub keep_alive: Duration,
    /// The interval of session checks.
    pub session_check_interval: Duration,
    /// The lifetime of a stream; its reader then reconnects and is authenticated again.
    pub lifetime: Duration,
    /// The maximum number of streams of one server.
    pub max_streams: usize,
    /// The maximum number of streams of one user, so that no user takes them all.
    pub max_streams_per_user: usize,
}

impl Default for StreamTiming {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_millis(500),
            idle_poll_interval: Duration::from_secs(2),
            keep_alive: Duration::from_secs(15),
            session_check_interval: Duration::from_secs(15),
            lifetime: Duration::from_mins(5),
            max_streams: 1_000,
            max_streams_per_user: 250,
        }
    }
}
