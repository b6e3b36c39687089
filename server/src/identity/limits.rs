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

use std::net::{IpAddr, Ipv6Addr};

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

/// What one subscriber holds.
#[must_use]
pub fn address_key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => network(address, 64).to_string(),
    }
}

/// The network of an address, by its first `bits`, from 1 to 128.
#[must_use]
pub fn network(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_subscriber_counts_once_however_many_addresses_it_uses() {
        let key = |text: &str| address_key(text.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn a_network_is_named_by_its_first_bits() {
        let address = "2001:db8:1:abcd:3::4".parse().expect("an address");
        for (bits, expected) in [
            (128, "2001:db8:1:abcd:3::4"),
            (64, "2001:db8:1:abcd::"),
            (56, "2001:db8:1:ab00::"),
            (48, "2001:db8:1::"),
        ] {
            assert_eq!(network(address, bits).to_string(), expected);
        }
    }
}
