//! The network that one subscriber holds. Limits and audit rows count by it: an IPv6 subscriber has
//! 2^64 addresses at least (RFC 6177).

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, also where it is written as an IPv6 one, or the first 64 bits of an IPv6 address.
#[must_use]
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => network(address, 64).into(),
    }
}

/// The same in text, an IPv6 network with its length.
#[must_use]
pub fn written(address: IpAddr) -> String {
    match subscriber(address) {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(network) => format!("{network}/64"),
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
        let subscriber = |text: &str| subscriber(text.parse().expect("an address")).to_string();
        assert_eq!(subscriber("2001:db8:1:2:3::4"), subscriber("2001:db8:1:2:ffff::1"));
        assert_ne!(subscriber("2001:db8:1:2::1"), subscriber("2001:db8:1:3::1"));
        assert_eq!(subscriber("::ffff:192.0.2.1"), "192.0.2.1");
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
