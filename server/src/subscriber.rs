//! The network of one Internet subscriber, by which limits and audit rows count: an IPv6 subscriber
//! has at least 2^64 addresses (RFC 6177).

use std::net::{IpAddr, Ipv6Addr};

/// Returns an IPv4 address, also if IPv4-mapped, or the first 64 bits of an IPv6 address.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => network(address, 64).into(),
    }
}

/// The same as text, an IPv6 network with its prefix length.
pub fn written(address: IpAddr) -> String {
    match subscriber(address) {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(network) => format!("{network}/64"),
    }
}

/// Returns the network of an address with a prefix of `bits`, from 1 to 128.
pub fn network(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_of_an_ipv6_subscriber_count_as_one() {
        let subscriber = |text: &str| subscriber(text.parse().expect("an address")).to_string();
        assert_eq!(subscriber("2001:db8:1:2:3::4"), subscriber("2001:db8:1:2:ffff::1"));
        assert_ne!(subscriber("2001:db8:1:2::1"), subscriber("2001:db8:1:3::1"));
        assert_eq!(subscriber("::ffff:192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn a_network_keeps_only_the_first_bits_of_an_address() {
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
