//! How often a password may be guessed, on all nodes together. Failed attempts of the last quarter of
//! an hour are counted in the database; what one process refuses before that is in `throttle`.
//!
//! - By account and source together: five, then that source waits for that account.
//! - By source: fifty, then it waits, whatever accounts it names. Many people may share an address,
//!   and one guesser may try many accounts.
//! - By account, from all addresses together: twenty, then every address waits for that account.
//!   A browser that the account has signed in from before (`devices`) does not: it is a source of
//!   its own, so that strangers lock the owner out of no device that is known.
//!
//! A sign-in that is begun here and ended at another provider is no guess, but leaves a row until it
//! is over: so many by address, then the address waits.
//!
//! Addresses count by what one subscriber holds: a whole IPv4 address, the first half of an IPv6 one.
//! Behind a reverse proxy that is the proxy's, and everybody's, until `--trusted-proxy` names it.

use chrono::TimeDelta;

use crate::digest::hashed;
use crate::store::sign_ins::Most;

/// How long a failed attempt counts.
pub const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// From how many failed attempts on an address waits.
pub const FROM_AN_ADDRESS: Most = Most { pair: 5, source: 50, account: 20 };
/// The same for a device that the account has signed in from.
pub const FROM_A_DEVICE: Most = Most { pair: 5, source: 50, account: i64::MAX };
/// How many browsers may be away from one address, to sign in with an account of the organisation's.
pub const AWAY_PER_ADDRESS: i64 = 50;

/// The account that an address as typed names: a digest, because people also type passwords there.
#[must_use]
pub fn account_key(email: &str) -> String {
    hashed(&email.trim().to_lowercase())
}
