//! Which address a request came from: its connection's, or the one that a proxy names whose word
//! was configured to be taken. Anybody else's `X-Forwarded-For` is a claim and is ignored.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

/// The address that a request came from. Where the server was not told (a host that drives the
/// router itself), everybody comes from the unspecified address.
#[must_use]
pub fn address(extensions: &Extensions, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let mut nearest = peer(extensions);
    for hop in forwarded_for(headers).into_iter().rev() {
        if !trusted.contains(&nearest) {
            break;
        }
        match hop {
            Some(address) => nearest = address,
            None => break,
        }
    }
    nearest
}

/// The address at the other end of the connection.
#[must_use]
pub fn peer(extensions: &Extensions) -> IpAddr {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip().to_canonical())
}

/// The hops named, the one next to this server last; nothing where one is not an address.
fn forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|line| line.to_str().unwrap_or_default().split(','))
        .map(|hop| hop_address(hop.trim()))
        .collect()
}

/// A hop's address; some gateways write its port too, and an IPv6 one in brackets.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let in_brackets = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || hop.parse().ok().map(|hop: SocketAddr| hop.ip());
    let address: IpAddr = hop.parse().ok().or_else(with_port).or_else(in_brackets)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn address_of(peer: &str, forwarded: &'static str, trusted: &[&str]) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().expect("an address"), 1)));
        let headers = HeaderMap::from_iter([(
            "x-forwarded-for".parse().expect("a name"),
            HeaderValue::from_static(forwarded),
        )]);
        let trusted: Vec<_> =
            trusted.iter().map(|text| text.parse().expect("an address")).collect();
        address(&extensions, &headers, &trusted).to_string()
    }

    #[test]
    fn a_strangers_word_on_its_address_is_ignored() {
        assert_eq!(address_of("192.0.2.1", "198.51.100.7", &[]), "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxys_word_is_taken_for_the_last_hop_only() {
        assert_eq!(
            address_of("10.0.0.1", "203.0.113.9, 198.51.100.7", &["10.0.0.1"]),
            "198.51.100.7"
        );
    }

    #[test]
    fn a_chain_of_trusted_proxies_is_followed() {
        let trusted = ["10.0.0.1", "10.0.0.2"];
        assert_eq!(address_of("10.0.0.1", "198.51.100.7, 10.0.0.2", &trusted), "198.51.100.7");
    }

    #[test]
    fn a_hop_may_have_a_port_and_brackets() {
        for (hop, expected) in [
            ("203.0.113.9:51234", "203.0.113.9"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(address_of("10.0.0.1", hop, &["10.0.0.1"]), expected, "{hop}");
        }
    }

    #[test]
    fn what_is_not_an_address_ends_the_chain() {
        assert_eq!(address_of("10.0.0.1", "unknown", &["10.0.0.1"]), "10.0.0.1");
    }
}
