//! How often a password may be guessed, without a stranger being able to lock the owner out.
//!
//! Failed attempts of the last quarter of an hour are counted in three ways:
//! - by account and address together, strictly: five, then that address waits for that account.
//!   A guesser locks out only the own address, the owner elsewhere notices nothing.
//! - by address, loosely: fifty, then the address waits, whatever accounts it names. Many people
//!   may share an address, and one guesser may try many accounts.
//! - by account alone, never with a refusal: whoever could refuse by failing often enough would
//!   lock the owner out. Each answer only takes longer, up to four seconds, so that guessing from
//!   many addresses is slow and signing in is still possible.
//!
//! A sign-in that is begun here and ended at another provider is no guess, but leaves a row until it
//! is over: so many by address, then the address waits.
//!
//! Addresses count by what one subscriber holds: a whole IPv4 address, the first half of an IPv6 one.
//! Behind a reverse proxy that is the proxy's, and everybody's, until `--trusted-proxy` names it.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::digest::hashed;
use crate::store::sign_ins::Tally;

/// How long a failed attempt counts.
pub const WINDOW: TimeDelta = TimeDelta::minutes(15);
const PER_PAIR: i64 = 5;
const PER_ADDRESS: i64 = 50;
/// How many browsers may be away from one address, to sign in with an account of the organisation's.
pub const AWAY_PER_ADDRESS: i64 = 50;
const PER_ACCOUNT_UNDELAYED: i64 = 5;
const LONGEST_DELAY: Duration = Duration::from_secs(4);

/// What an attempt gets before its password is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is looked at, after this long.
    After(Duration),
    /// It is turned away; trying again makes sense after this long.
    NotBefore(Duration),
}

/// Decides about an attempt made `now`, from the failed ones before it.
#[must_use]
pub fn verdict(tally: &Tally, now: DateTime<Utc>) -> Verdict {
    if tally.pair >= PER_PAIR || tally.address >= PER_ADDRESS {
        let over = tally.oldest.unwrap_or(now) + WINDOW;
        return Verdict::NotBefore((over - now).to_std().unwrap_or_default());
    }
    Verdict::After(delay(tally.account))
}

/// A quarter of a second after the undelayed failures, doubled by each further one.
fn delay(failures: i64) -> Duration {
    match failures - PER_ACCOUNT_UNDELAYED {
        ..0 => Duration::ZERO,
        beyond @ 0..4 => Duration::from_millis(250 << beyond),
        _ => LONGEST_DELAY,
    }
}

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
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Tally = Tally { pair: 0, address: 0, account: 0, oldest: None };

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    #[test]
    fn the_fifth_failure_of_an_account_from_one_address_is_the_last_that_is_looked_at() {
        assert_eq!(verdict(&Tally { pair: 4, ..NOTHING }, now()), Verdict::After(Duration::ZERO));
        assert!(matches!(verdict(&Tally { pair: 5, ..NOTHING }, now()), Verdict::NotBefore(_)));
    }

    #[test]
    fn an_address_is_turned_away_until_its_oldest_failure_no_longer_counts() {
        let tally = Tally { address: 50, oldest: Some(now() - TimeDelta::minutes(10)), ..NOTHING };
        assert_eq!(verdict(&tally, now()), Verdict::NotBefore(Duration::from_mins(5)));
    }

    #[test]
    fn an_account_guessed_from_everywhere_is_slow_and_never_locked() {
        let delays =
            [4, 5, 6, 7, 8, 9, 10_000].map(|account| verdict(&Tally { account, ..NOTHING }, now()));
        assert_eq!(
            delays,
            [0, 250, 500, 1000, 2000, 4000, 4000]
                .map(|ms| Verdict::After(Duration::from_millis(ms)))
        );
    }

    #[test]
    fn an_ipv6_subscriber_counts_once_however_many_addresses_it_uses() {
        let key = |text: &str| address_key(text.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
