//! Limits of password guessing, shared by all nodes: the failed attempts of the last 15 minutes are
//! counted in the database. `login_throttle` limits one process before that.
//!
//! - By account and source together: after five failures that source waits for that account.
//! - By source: after fifty failures it waits, for every account. Many users may share an address,
//!   and one attacker may try many accounts.
//! - By account, from all addresses: after twenty failures every address waits for that account. A
//!   browser that has signed in to the account before (`devices`) does not: it is a separate
//!   source, so that an attacker locks the owner out of no known device.
//!
//! A login at an `OpenID` provider is no guess, but has a row until it completes or expires. The
//! number of pending rows is limited by address.
//!
//! Addresses count by subscriber: a whole IPv4 address, or the /64 of an IPv6 address. Behind a
//! reverse proxy all clients share the proxy's address until `--trusted-proxy` names it.

use chrono::TimeDelta;
use store::{hash::hashed, login_attempts::FailureLimits};

/// How long a failed attempt counts.
pub const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// The failure limits of an address.
pub const FROM_AN_ADDRESS: FailureLimits = FailureLimits { pair: 5, source: 50, account: 20 };
/// The failure limits of a device that the account has signed in from.
pub const FROM_A_DEVICE: FailureLimits = FailureLimits { pair: 5, source: 50, account: i64::MAX };
/// The maximum number of pending logins at an `OpenID` provider per address.
pub const AWAY_PER_ADDRESS: i64 = 50;

/// Returns the key of a typed address: a digest, because users sometimes type a password there.
pub fn account_key(email: &str) -> String {
    hashed(&email.trim().to_lowercase())
}
