//! The client's name in EHLO and HELO (RFC 5321 4.1.1.1): the configured one, else the public host
//! name of PPM's URL, else an address literal of the connection, which is always correct and legal
//! (RFC 5321 4.1.3, 4.1.4).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use domain::syntax::host::{Host, mail_host};
use lettre::transport::smtp::extension::ClientId;
use net::egress;

/// The argument of EHLO: a host name in A-labels, or an address literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientName(ClientId);

/// Domains that other machines cannot resolve: top-level domains, and those that act as such.
const NOT_PUBLIC: [&str; 21] = [
    // RFC 6761.
    "localhost",
    "test",
    "invalid",
    "example",
    // RFC 6762, and the names that its appendix G says private networks use.
    "local",
    "intranet",
    "internal",
    "private",
    "corp",
    "home",
    "lan",
    // RFC 8375.
    "home.arpa",
    // The other special-use domains (RFC 6761): RFC 7686, 9476, 1035, 8880.
    "onion",
    "alt",
    "arpa",
    // Invented names, barred from the root by ICANN (name collisions, 2018) or never applied for.
    "mail",
    "localdomain",
    "domain",
    "workgroup",
    "host",
    "dhcp",
];

impl ClientName {
    /// Parses a configured name: a host name, or an address literal such as `[192.0.2.1]` or
    /// `[IPv6:2001:db8::1]`; `None` otherwise.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(literal) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return address(literal).map(|ip| Self(of_address(ip)));
        }
        match mail_host(text).ok()? {
            Host::Name(name) => host_name(&name).map(|name| Self(ClientId::Domain(name))),
            Host::Ip(_) => None,
        }
    }

    /// Returns the host of a URL, if other machines can resolve it.
    pub fn of_public_host(host: &str) -> Option<Self> {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let is_under = |suffix: &str| {
            host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let is_public = host.contains('.') && !NOT_PUBLIC.iter().any(|suffix| is_under(suffix));
        Self::parse(&host).filter(|_| is_public && !host.starts_with('['))
    }

    /// Returns the local address of a connection as a literal.
    pub(super) fn of_connection(local: Option<SocketAddr>) -> Self {
        local.map_or_else(|| Self(ClientId::default()), |local| Self(of_address(local.ip())))
    }

    /// Returns the name as lettre's EHLO takes it.
    pub(super) fn id(&self) -> ClientId {
        self.0.clone()
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn of_address(ip: IpAddr) -> ClientId {
    match ip.to_canonical() {
        IpAddr::V4(address) => ClientId::Ipv4(address),
        IpAddr::V6(address) => ClientId::Ipv6(address),
    }
}

/// Parses the inner part of an address literal (RFC 5321 4.1.3).
fn address(literal: &str) -> Option<IpAddr> {
    let v6 = literal.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:"));
    match v6 {
        Some(_) => literal[5..].parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => literal.parse().ok().map(IpAddr::V4),
    }
}

/// Returns a host name in A-labels, if it has letters, digits and hyphens only (RFC 5321 4.1.2).
fn host_name(name: &str) -> Option<String> {
    let name = egress::a_labels(name)?;
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    name.bytes().all(is_legal).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: Option<ClientName>) -> Option<String> {
        name.map(|name| name.to_string())
    }

    #[test]
    fn a_configured_name_is_a_host_name_or_an_address_literal() {
        for (text, expected) in [
            ("mail.example.com", Some("mail.example.com")),
            ("Mail.Example.COM.", Some("mail.example.com")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("relay", Some("relay")),
            ("[192.0.2.1]", Some("[192.0.2.1]")),
            ("[IPv6:2001:db8::1]", Some("[IPv6:2001:db8::1]")),
            ("[ipv6:2001:DB8::1]", Some("[IPv6:2001:db8::1]")),
            ("192.0.2.1", None),
            ("2001:db8::1", None),
            ("[2001:db8::1]", None),
            ("[IPv6:192.0.2.1]", None),
            ("[mail.example.com]", None),
            ("mail_server", None),
            ("mail.example.com:25", None),
            ("mail example.com", None),
            ("mail.example.com\r\nRSET", None),
            ("-mail.example.com", None),
            ("", None),
        ] {
            assert_eq!(written(ClientName::parse(text)).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn the_host_of_a_url_is_used_only_if_it_is_public() {
        for (host, expected) in [
            ("mail-settings.example.com", Some("mail-settings.example.com")),
            ("PPM.Example.ORG", Some("ppm.example.org")),
            ("xn--bcher-kva.de", Some("xn--bcher-kva.de")),
            ("ppm", None),
            ("localhost", None),
            ("a.localhost", None),
            ("ppm.local", None),
            ("ppm.internal", None),
            ("ppm.lan", None),
            ("ppm.home.arpa", None),
            ("ppm.test", None),
            ("ppm.invalid", None),
            ("ppm.example", None),
            ("ppm.example.", None),
            ("ppm.corp", None),
            ("192.0.2.1", None),
            ("[2001:db8::1]", None),
            ("notlocal.localnet.de", Some("notlocal.localnet.de")),
        ] {
            assert_eq!(written(ClientName::of_public_host(host)).as_deref(), expected, "{host:?}");
        }
    }
}
