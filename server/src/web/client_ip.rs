//! The client's IP address: the connection's, or the one that a trusted proxy names in
//! `X-Forwarded-For`. The header is ignored from any other peer.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

/// Returns the client's address. If the server does not know it (a host that drives the router
/// itself), it is the unspecified address for all clients.
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
pub fn peer(extensions: &Extensions) -> IpAddr {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip().to_canonical())
}

/// The hops in `X-Forwarded-For`, the nearest last; `None` for one that is not an address.
fn forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|line| line.to_str().unwrap_or_default().split(','))
        .map(|hop| hop_address(hop.trim()))
        .collect()
}

/// Parses a hop's address; some gateways append the port, or put IPv6 in brackets.
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
    fn each_trusted_proxy_is_believed_for_one_hop_and_no_other_peer_is() {
        for (peer, forwarded, trusted, expected) in [
            ("192.0.2.1", "198.51.100.7", &[][..], "192.0.2.1"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.7", &["10.0.0.1"], "198.51.100.7"),
            ("10.0.0.1", "198.51.100.7, 10.0.0.2", &["10.0.0.1", "10.0.0.2"], "198.51.100.7"),
            // A hop that is not an address ends the chain.
            ("10.0.0.1", "unknown", &["10.0.0.1"], "10.0.0.1"),
        ] {
            assert_eq!(address_of(peer, forwarded, trusted), expected, "{peer} {forwarded}");
        }
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
}
