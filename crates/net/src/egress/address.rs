//! Classifies IP addresses for the egress policy. Knows no configuration and opens no connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// The kind of an address. An IPv4 address embedded in an IPv6 address counts as that IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// An address on the Internet. Documentation networks (RFC 5737, RFC 3849) count as such.
    Public,
    /// An address of a private network: RFC 1918, shared address space (RFC 6598), unique local and
    /// site-local addresses (RFC 4193, RFC 3879), benchmarking (RFC 2544), and anything else that
    /// is not routed on the Internet.
    Private,
    /// This machine: loopback, or an address of one of its interfaces.
    ThisMachine,
    /// Never a mail server or a provider: link-local (RFC 3927, RFC 4291 2.5.6), cloud metadata
    /// services, IPv4-translated (RFC 2765 2.1), multicast, broadcast and unspecified addresses.
    Special,
}

impl AddressKind {
    /// Returns the kind of an address. Asks the operating system whether an interface has it.
    pub fn of(address: IpAddr) -> Self {
        match Self::by_form(address) {
            Self::Public | Self::Private if is_own(address) => Self::ThisMachine,
            kind => kind,
        }
    }

    /// Returns the kind by the address alone.
    fn by_form(address: IpAddr) -> Self {
        match (address, embedded_v4(address)) {
            (IpAddr::V4(address), _) => kind_v4(address),
            // The local-use prefix (RFC 8215) is translated by a router of this network.
            (IpAddr::V6(address), Some(embedded)) if is_local_nat64(address) => {
                match kind_v4(embedded) {
                    Self::Public => Self::Private,
                    kind => kind,
                }
            }
            (IpAddr::V6(_), Some(embedded)) => kind_v4(embedded),
            (IpAddr::V6(address), None) => kind_v6(address),
        }
    }
}

/// Returns the address that packets reach: the IPv4 address if an IPv6 address embeds one.
pub fn canonical(address: IpAddr) -> IpAddr {
    embedded_v4(address).map_or(address, IpAddr::V4)
}

fn kind_v4(address: Ipv4Addr) -> AddressKind {
    /// Cloud metadata services outside of link-local: Alibaba, Oracle, Azure.
    const CLOUD: [Ipv4Addr; 3] = [
        Ipv4Addr::new(100, 100, 100, 200),
        Ipv4Addr::new(192, 0, 0, 192),
        Ipv4Addr::new(168, 63, 129, 16),
    ];
    if CLOUD.contains(&address) {
        return AddressKind::Special;
    }
    match address.octets() {
        [0 | 224..=239, ..] | [169, 254, ..] | [255, 255, 255, 255] => AddressKind::Special,
        [127, ..] => AddressKind::ThisMachine,
        [10 | 240..=255, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [192, 0, 0, _]
        | [100, 64..=127, ..]
        | [198, 18 | 19, ..] => AddressKind::Private,
        _ => AddressKind::Public,
    }
}

fn kind_v6(address: Ipv6Addr) -> AddressKind {
    /// Google Cloud's metadata service outside of link-local.
    const GOOGLE: Ipv6Addr = Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254);
    match address.segments() {
        _ if address == GOOGLE => AddressKind::Special,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressKind::ThisMachine,
        // Amazon's local services (metadata, time, DNS, pod identity), and IPv4-translated
        // addresses (RFC 2765 2.1), which are obsolete and which a translator may route anywhere.
        [0xfd00, 0x0ec2, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0, 0, 0, 0, 0, 0, 0, 0]
        | [0xfe80..=0xfebf | 0xff00..=0xffff, ..] => AddressKind::Special,
        // Protocol assignments (RFC 2928) within global unicast, Teredo and ORCHID among them.
        [0x2001, 0..=0x01ff, ..] => AddressKind::Private,
        [0x2000..=0x3fff, ..] => AddressKind::Public,
        _ => AddressKind::Private,
    }
}

/// Returns the IPv4 address embedded in an IPv6 address: mapped and compatible (RFC 4291 2.5.5),
/// NAT64 (RFC 6052 2.1, RFC 8215) and 6to4 (RFC 3056 2).
fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let octets = address.octets();
    let at = |start: usize| {
        Ipv4Addr::new(octets[start], octets[start + 1], octets[start + 2], octets[start + 3])
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x0064, 0xff9b, 0, 0, 0, 0, ..] => Some(at(12)),
        _ if is_local_nat64(address) => Some(at(12)),
        [0x2002, ..] => Some(at(2)),
        _ => None,
    }
}

fn is_local_nat64(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0x0064, 0xff9b, 1, ..])
}

/// Whether an interface of this machine has an address: only then can a socket be bound to it.
/// Other errors, such as too many open files, count as yes, and so does every address with
/// `net.ipv4.ip_nonlocal_bind`. Both are the safe side.
fn is_own(address: IpAddr) -> bool {
    let bound = UdpSocket::bind((canonical(address), 0));
    bound.map_or_else(|error| error.kind() != io::ErrorKind::AddrNotAvailable, |_| true)
}

#[cfg(test)]
mod tests {
    use super::AddressKind::{Private, Public, Special, ThisMachine};
    use super::*;

    #[test]
    fn an_address_is_classified_by_its_registry_in_every_embedded_form() {
        for (address, expected) in [
            ("192.0.2.25", Public),
            ("198.51.100.25", Public),
            ("203.0.113.25", Public),
            ("8.8.8.8", Public),
            ("9.255.255.255", Public),
            ("11.0.0.0", Public),
            ("126.255.255.255", Public),
            ("128.0.0.0", Public),
            ("100.63.255.255", Public),
            ("100.128.0.0", Public),
            ("169.253.255.255", Public),
            ("169.255.0.0", Public),
            ("172.15.255.255", Public),
            ("172.32.0.0", Public),
            ("192.167.255.255", Public),
            ("192.169.0.0", Public),
            ("198.17.255.255", Public),
            ("198.20.0.0", Public),
            ("223.255.255.255", Public),
            ("2001:db8::25", Public),
            ("2001:200::25", Public),
            ("2606:4700::1", Public),
            ("3fff::1", Public),
            ("::ffff:192.0.2.25", Public),
            ("64:ff9b::192.0.2.25", Public),
            ("2002:c000:219::1", Public),
            ("10.0.0.25", Private),
            ("172.16.0.25", Private),
            ("172.31.255.255", Private),
            ("192.168.1.25", Private),
            ("100.64.0.1", Private),
            ("100.127.255.255", Private),
            ("198.18.0.1", Private),
            ("198.19.255.255", Private),
            ("192.0.0.8", Private),
            ("240.0.0.1", Private),
            ("255.255.255.254", Private),
            ("fd12:3456:789a::25", Private),
            ("fc00::1", Private),
            ("fec0::1", Private),
            ("2001::1", Private),
            ("2001:1ff::1", Private),
            ("100::1", Private),
            ("4000::1", Private),
            ("::ffff:10.0.0.25", Private),
            ("64:ff9b::10.0.0.25", Private),
            ("64:ff9b:1::192.0.2.25", Private),
            ("2002:a00:19::1", Private),
            ("127.0.0.1", ThisMachine),
            ("127.255.255.255", ThisMachine),
            ("::1", ThisMachine),
            ("::ffff:127.0.0.1", ThisMachine),
            ("::127.0.0.1", ThisMachine),
            ("64:ff9b::127.0.0.1", ThisMachine),
            ("64:ff9b:1::127.0.0.1", ThisMachine),
            ("2002:7f00:1::1", ThisMachine),
            ("169.254.0.1", Special),
            ("169.254.169.254", Special),
            ("169.254.255.255", Special),
            ("fe80::1", Special),
            ("febf::1", Special),
            ("fd00:ec2::254", Special),
            ("fd00:ec2::23", Special),
            ("fd00:ec2:1::1", Special),
            ("fd00:ec3::1", Private),
            ("::ffff:0:192.0.2.25", Special),
            ("::ffff:0:10.0.0.25", Special),
            ("::ffff:0:127.0.0.1", Special),
            ("::ffff:0:169.254.169.254", Special),
            ("fd20:ce::254", Special),
            ("100.100.100.200", Special),
            ("192.0.0.192", Special),
            ("168.63.129.16", Special),
            ("0.0.0.0", Special),
            ("0.1.2.3", Special),
            ("::", Special),
            ("224.0.0.1", Special),
            ("239.255.255.255", Special),
            ("ff02::1", Special),
            ("255.255.255.255", Special),
            ("::ffff:169.254.169.254", Special),
            ("::ffff:0.0.0.0", Special),
            ("::ffff:255.255.255.255", Special),
            ("::169.254.169.254", Special),
            ("64:ff9b::169.254.169.254", Special),
            ("64:ff9b:1::169.254.169.254", Special),
            ("64:ff9b::100.100.100.200", Special),
            ("2002:a9fe:a9fe::1", Special),
            ("2002:a9fe:a9fe:1:2:3:4:5", Special),
            ("2002:0:0::1", Special),
        ] {
            let parsed: IpAddr = address.parse().expect("an address of this table");
            assert_eq!(AddressKind::by_form(parsed), expected, "{address}");
        }
    }

    #[test]
    fn an_address_without_an_interface_is_not_this_machine() {
        for address in ["203.0.113.25", "10.255.255.254", "2001:db8::25"] {
            let parsed: IpAddr = address.parse().expect("an address of this table");
            assert_ne!(AddressKind::of(parsed), ThisMachine, "{address}");
        }
    }
}
