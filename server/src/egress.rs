//! Which addresses this server may call on an administrator's word. A name is resolved once, every
//! address it leads to is vetted, and a connection is made to a vetted address only, so that no
//! second answer of the name service can lead elsewhere. Knows nothing of mail: whatever calls out
//! calls through here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use domain::check::host::Host;
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

/// Addresses of one host that may be called, in the order in which the name service gave them.
///
/// Only [`look_up`] makes one, and it is never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vetted(Vec<SocketAddr>);

impl Vetted {
    /// The addresses, each with the port.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.0
    }
}

/// Why a host has no address to call.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// There is no such name, or it has no address.
    #[error("no such name")]
    NotFound,
    /// The name service did not answer, in time or at all.
    #[error("the name service failed")]
    ServiceFailed(#[source] Option<io::Error>),
    /// Every address it has is one that must not be called.
    #[error("only forbidden addresses")]
    Forbidden(Vec<IpAddr>),
}

/// Why no address took the connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A machine answered that nothing listens on this port.
    #[error("connection refused")]
    Refused(#[source] io::Error),
    /// No machine answered.
    #[error("no answer")]
    Unreachable(#[source] io::Error),
}

/// A host name as the name service, TLS and SMTP want it: A-labels (RFC 5891 4.4).
///
/// Returns nothing for a name that has no such form.
#[must_use]
pub fn a_labels(name: &str) -> Option<String> {
    // With the lengths of RFC 1035 2.3.4, which the plain conversion lets pass.
    let name = name.strip_suffix('.').unwrap_or(name);
    let (denied, hyphens) = (AsciiDenyList::URL, Hyphens::Allow);
    let ascii = Uts46::new().to_ascii(name.as_bytes(), denied, hyphens, DnsLength::Verify).ok()?;
    Some(ascii.into_owned())
}

/// Resolves a host, once, and keeps the addresses that may be called.
///
/// # Errors
/// No address, no answer within the time, or no address that may be called.
pub async fn look_up(host: &Host, port: u16, within: Duration) -> Result<Vetted, LookUpError> {
    let found = match host {
        Host::Ip(address) => vec![SocketAddr::new(*address, port)],
        Host::Name(name) => resolve(name, port, within).await?,
    };
    let (callable, forbidden): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|address| is_callable(address.ip()));
    if !callable.is_empty() {
        return Ok(Vetted(callable));
    }
    if forbidden.is_empty() {
        return Err(LookUpError::NotFound);
    }
    Err(LookUpError::Forbidden(forbidden.iter().map(SocketAddr::ip).collect()))
}

async fn resolve(name: &str, port: u16, within: Duration) -> Result<Vec<SocketAddr>, LookUpError> {
    let name = a_labels(name).ok_or(LookUpError::NotFound)?;
    if is_never_a_name(&name) {
        return Err(LookUpError::NotFound);
    }
    let answers = match timeout(within, lookup_host((name, port))).await {
        Ok(Ok(answers)) => answers,
        Ok(Err(error)) if is_service_failure(&error) => {
            return Err(LookUpError::ServiceFailed(Some(error)));
        }
        Ok(Err(_)) => return Err(LookUpError::NotFound),
        Err(_) => return Err(LookUpError::ServiceFailed(None)),
    };
    let mut found = Vec::new();
    for address in answers {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    Ok(found)
}

/// Whether a name stands under `invalid`, which never resolves and is not asked for (RFC 6761 6.4).
fn is_never_a_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("invalid"))
}

/// Whether the name service itself failed, as far as `getaddrinfo` lets us know: the standard
/// library keeps of its error only the words (those of glibc, musl and the BSDs are known here).
fn is_service_failure(error: &io::Error) -> bool {
    let words = error.to_string().to_ascii_lowercase();
    ["temporary failure", "try again", "recoverable", "not implemented", "system error"]
        .iter()
        .any(|failure| words.contains(failure))
}

/// Connects to the first vetted address that takes the connection.
///
/// Each address gets an equal share of the time that is left, so that one that swallows packets
/// leaves time for the next.
///
/// # Errors
/// No address took it. A refusal tells more than silence, and is the error if there was one.
pub async fn connect(to: &Vetted, within: Duration) -> Result<TcpStream, ConnectError> {
    let ends = Instant::now() + within;
    let mut refusal = None;
    let mut silence = io::Error::from(io::ErrorKind::TimedOut);
    for (address, left) in to.0.iter().zip((1..=to.0.len()).rev()) {
        let share = ends.saturating_duration_since(Instant::now())
            / u32::try_from(left).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                refusal = Some(error);
            }
            Ok(Err(error)) => silence = error,
            Err(_) => {}
        }
    }
    Err(refusal.map_or(ConnectError::Unreachable(silence), ConnectError::Refused))
}

/// Whether this server may call an address on an administrator's word.
///
/// Loopback and private addresses are: mail servers stand there. Link-local ones, those at which
/// clouds answer for their machines, and those that name no single machine are not, in whatever
/// form they are wrapped for IPv6.
#[must_use]
pub fn is_callable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_callable_v4(address),
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(embedded) => is_callable_v4(embedded),
            None => is_callable_v6(address),
        },
    }
}

fn is_callable_v4(address: Ipv4Addr) -> bool {
    /// Where clouds answer outside of link-local: Alibaba, Oracle, Azure.
    const CLOUD: [Ipv4Addr; 3] = [
        Ipv4Addr::new(100, 100, 100, 200),
        Ipv4Addr::new(192, 0, 0, 192),
        Ipv4Addr::new(168, 63, 129, 16),
    ];
    let is_this_network = address.octets()[0] == 0;
    !(is_this_network
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || CLOUD.contains(&address))
}

fn is_callable_v6(address: Ipv6Addr) -> bool {
    /// Where clouds answer outside of link-local: Amazon, Google.
    const CLOUD: [Ipv6Addr; 2] = [
        Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
        Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
    ];
    !(address.is_unspecified()
        || address.is_unicast_link_local()
        || address.is_multicast()
        || CLOUD.contains(&address))
}

/// The IPv4 address that a packet to this IPv6 address ends up at: mapped and compatible (RFC 4291
/// 2.5.5), NAT64 (RFC 6052 2.1, RFC 8215) and 6to4 (RFC 3056 2).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let at = |start: usize| {
        Ipv4Addr::new(octets[start], octets[start + 1], octets[start + 2], octets[start + 3])
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0x0064, 0xff9b, 0, 0, 0, 0, ..]
        | [0x0064, 0xff9b, 1, ..] => Some(at(12)),
        [0x2002, ..] => Some(at(2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_callable_unless_it_is_link_local_a_clouds_own_or_no_single_machine() {
        for (address, expected) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("10.0.0.25", true),
            ("172.16.0.25", true),
            ("192.168.1.25", true),
            ("fd12:3456:789a::25", true),
            ("192.0.2.25", true),
            ("2001:db8::25", true),
            ("100.64.0.1", true),
            ("::ffff:192.0.2.25", true),
            ("::ffff:127.0.0.1", true),
            ("64:ff9b::192.0.2.25", true),
            ("2002:c000:219::1", true),
            ("169.253.255.255", true),
            ("169.255.0.0", true),
            ("fec0::1", true),
            ("169.254.0.1", false),
            ("169.254.169.254", false),
            ("169.254.255.255", false),
            ("fe80::1", false),
            ("febf::1", false),
            ("fd00:ec2::254", false),
            ("fd20:ce::254", false),
            ("100.100.100.200", false),
            ("192.0.0.192", false),
            ("168.63.129.16", false),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("::", false),
            ("224.0.0.1", false),
            ("239.255.255.255", false),
            ("ff02::1", false),
            ("255.255.255.255", false),
            ("::ffff:169.254.169.254", false),
            ("::ffff:0.0.0.0", false),
            ("::ffff:255.255.255.255", false),
            ("::169.254.169.254", false),
            ("64:ff9b::169.254.169.254", false),
            ("64:ff9b:1::169.254.169.254", false),
            ("64:ff9b::100.100.100.200", false),
            ("2002:a9fe:a9fe::1", false),
            ("2002:a9fe:a9fe:1:2:3:4:5", false),
            ("2002:0:0::1", false),
        ] {
            let address: IpAddr = address.parse().expect("an address of this table");
            assert_eq!(is_callable(address), expected, "{address}");
        }
    }

    #[test]
    fn a_name_is_looked_up_by_its_a_labels() {
        for (name, expected) in [
            ("smtp.example.com", Some("smtp.example.com")),
            ("SMTP.Example.COM", Some("smtp.example.com")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("почта.рф", Some("xn--80a1acny.xn--p1ai")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("", None),
            ("xn--a.example", None),
            (&"ü".repeat(63), None),
        ] {
            assert_eq!(a_labels(name).as_deref(), expected, "{name:?}");
        }
    }

    #[tokio::test]
    async fn a_name_under_invalid_is_not_found_without_asking_anybody() {
        for name in ["mail.invalid", "invalid", "MAIL.INVALID."] {
            let found = look_up(&Host::Name(name.to_owned()), 25, Duration::from_secs(1)).await;
            assert!(matches!(found, Err(LookUpError::NotFound)), "{name}: {found:?}");
        }
    }

    #[tokio::test]
    async fn a_forbidden_address_is_named_in_its_refusal() {
        let metadata: IpAddr = [169, 254, 169, 254].into();
        let found = look_up(&Host::Ip(metadata), 80, Duration::from_secs(1)).await;
        assert!(matches!(found, Err(LookUpError::Forbidden(which)) if which == [metadata]));
    }
}
