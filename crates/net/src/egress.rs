//! Guards all outgoing connections that an administrator's input causes (SSRF). A name is resolved
//! once, each address is checked against the operator's policy, and only a checked address is
//! connected to, so that a second DNS answer cannot redirect the connection. `policy` decides,
//! `address` classifies addresses, `connect` connects.

mod address;
mod connect;
mod policy;

use std::net::{IpAddr, SocketAddr};
use std::{io, time::Duration};

use domain::syntax::host::Host;
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use tokio::{net::lookup_host, time::timeout};

pub use address::{AddressKind, canonical};
pub use connect::{ConnectAttempt, ConnectError, ConnectOutcome, Connected, connect};
pub use policy::{AddressRefusal, EgressPolicy, EgressRuleError, Protocol};

/// The permitted addresses of one host, in the order of the DNS answer.
///
/// Only [`look_up`] creates one. It is never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vetted {
    addresses: Vec<SocketAddr>,
    is_public: bool,
}

impl Vetted {
    /// Returns the addresses, each with the port.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether all addresses are public.
    pub fn is_public(&self) -> bool {
        self.is_public
    }
}

/// Why a host has no permitted address.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// The name does not exist or has no address.
    #[error("no such name")]
    NotFound,
    /// DNS resolution failed or timed out.
    #[error("the name service failed")]
    ServiceFailed(#[source] Option<io::Error>),
    /// All its addresses are forbidden under any rules.
    #[error("only forbidden addresses")]
    Forbidden(Vec<IpAddr>),
    /// It has addresses that `--egress-allow` could permit, but does not.
    #[error("only addresses that are not allowed")]
    NotAllowed(Vec<SocketAddr>),
    /// `--egress-deny` denies the host or all its addresses: host and port, or those addresses.
    #[error("denied by a rule")]
    Denied(String),
}

/// Converts a host name to A-labels (RFC 5891 4.4) for DNS, TLS and SMTP.
///
/// Returns `None` if there is no such form.
pub fn a_labels(name: &str) -> Option<String> {
    // Checks the length limits of RFC 1035 2.3.4, which the default conversion ignores.
    let name = name.strip_suffix('.').unwrap_or(name);
    let (denied, hyphens) = (AsciiDenyList::URL, Hyphens::Allow);
    let ascii = Uts46::new().to_ascii(name.as_bytes(), denied, hyphens, DnsLength::Verify).ok()?;
    Some(ascii.into_owned())
}

/// Converts a host name to U-labels (RFC 5891 4.4), as people write it.
pub fn u_labels(name: &str) -> String {
    Uts46::new().to_unicode(name.as_bytes(), AsciiDenyList::URL, Hyphens::Allow).0.into_owned()
}

/// Checks a host that a proxy resolves: a name against `--egress-deny` only, a literal address
/// against all rules. Returns the kind of a literal address.
///
/// # Errors
/// Connecting is not permitted.
pub fn by_form(
    policy: &EgressPolicy,
    host: &Host,
    port: u16,
    protocol: Protocol,
) -> Result<Option<AddressKind>, LookUpError> {
    match host {
        Host::Name(_) if policy.denies(host, port) => {
            Err(LookUpError::Denied(host_and_port(host, port)))
        }
        Host::Name(_) => Ok(None),
        Host::Ip(ip) => {
            let address = SocketAddr::new(*ip, port);
            let kind = policy.vet(host, address, protocol);
            kind.map(Some).map_err(|why| refusal(&[(address, why)]))
        }
    }
}

/// Resolves a host once, and returns its permitted addresses. A denied host is not resolved.
///
/// # Errors
/// No address, a timeout, or no permitted address.
pub async fn look_up(
    policy: &EgressPolicy,
    host: &Host,
    port: u16,
    protocol: Protocol,
    within: Duration,
) -> Result<Vetted, LookUpError> {
    if policy.denies(host, port) {
        return Err(LookUpError::Denied(host_and_port(host, port)));
    }
    let found = match host {
        Host::Ip(address) => vec![SocketAddr::new(*address, port)],
        Host::Name(name) => resolve(name, port, within).await?,
    };
    let (mut callable, mut refused) = (Vec::new(), Vec::new());
    for address in found {
        match policy.vet(host, address, protocol) {
            Ok(kind) => callable.push((address, kind)),
            Err(why) => refused.push((address, why)),
        }
    }
    if callable.is_empty() {
        return Err(refusal(&refused));
    }
    let is_public = callable.iter().all(|(_, kind)| *kind == AddressKind::Public);
    let addresses = callable.into_iter().map(|(address, _)| address).collect();
    Ok(Vetted { addresses, is_public })
}

/// Returns why no address is permitted; a reason that the operator can change comes first.
fn refusal(refused: &[(SocketAddr, AddressRefusal)]) -> LookUpError {
    let of = |wanted| {
        let those = refused.iter().filter(move |(_, why)| *why == wanted);
        those.map(|(address, _)| SocketAddr::new(canonical(address.ip()), address.port()))
    };
    let not_allowed: Vec<_> = of(AddressRefusal::NotAllowed).collect();
    let denied: Vec<_> = of(AddressRefusal::Denied).map(|address| address.to_string()).collect();
    if !not_allowed.is_empty() {
        return LookUpError::NotAllowed(not_allowed);
    }
    if !denied.is_empty() {
        return LookUpError::Denied(denied.join(", "));
    }
    match refused.iter().map(|(address, _)| address.ip()).collect::<Vec<_>>() {
        none if none.is_empty() => LookUpError::NotFound,
        never => LookUpError::Forbidden(never),
    }
}

fn host_and_port(host: &Host, port: u16) -> String {
    match host {
        Host::Ip(address) => SocketAddr::new(*address, port).to_string(),
        Host::Name(name) => format!("{name}:{port}"),
    }
}

async fn resolve(name: &str, port: u16, within: Duration) -> Result<Vec<SocketAddr>, LookUpError> {
    let name = a_labels(name).ok_or(LookUpError::NotFound)?;
    if is_under_invalid(&name) {
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

/// Whether a name is under `invalid`, which never resolves and is not looked up (RFC 6761 6.4).
fn is_under_invalid(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("invalid"))
}

/// Whether DNS itself failed. The standard library keeps only the text of a `getaddrinfo` error;
/// that of glibc, musl and the BSDs is recognised.
fn is_service_failure(error: &io::Error) -> bool {
    let words = error.to_string().to_ascii_lowercase();
    ["temporary failure", "try again", "recoverable", "not implemented", "system error"]
        .iter()
        .any(|failure| words.contains(failure))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_name_is_converted_to_a_labels() {
        for (name, expected) in [
            ("smtp.example.com", Some("smtp.example.com")),
            ("SMTP.Example.COM", Some("smtp.example.com")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("почта.рф", Some("xn--80a1acny.xn--p1ai")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("mail_server", Some("mail_server")),
            ("", None),
            ("xn--a.example", None),
            (&"ü".repeat(63), None),
        ] {
            assert_eq!(a_labels(name).as_deref(), expected, "{name:?}");
        }
    }

    #[test]
    fn a_name_with_an_underscore_is_valid_for_tls() {
        assert!(rustls::pki_types::ServerName::try_from("mail_server").is_ok());
    }

    async fn mail_at(policy: &EgressPolicy, host: Host, port: u16) -> Result<Vetted, LookUpError> {
        look_up(policy, &host, port, Protocol::Smtp, SECOND).await
    }

    #[tokio::test]
    async fn a_name_under_invalid_is_not_found_without_a_lookup() {
        for name in ["mail.invalid", "invalid", "MAIL.INVALID."] {
            let found = mail_at(&EgressPolicy::default(), Host::Name(name.to_owned()), 25).await;
            assert!(matches!(found, Err(LookUpError::NotFound)), "{name}: {found:?}");
        }
    }

    #[tokio::test]
    async fn a_forbidden_address_is_named_in_the_error() {
        let metadata: IpAddr = [169, 254, 169, 254].into();
        let found = mail_at(&EgressPolicy::default(), Host::Ip(metadata), 80).await;
        assert!(matches!(found, Err(LookUpError::Forbidden(which)) if which == [metadata]));
    }

    #[tokio::test]
    async fn an_embedded_address_that_is_not_allowed_is_named_as_ipv4() {
        let mapped = Host::Ip("::ffff:127.0.0.1".parse().expect("an address"));
        let found = mail_at(&EgressPolicy::default(), mapped, 6379).await;
        let expected: SocketAddr = ([127, 0, 0, 1], 6379).into();
        assert!(matches!(found, Err(LookUpError::NotAllowed(which)) if which == [expected]));
    }

    #[tokio::test]
    async fn a_denied_name_is_not_looked_up() {
        let policy = EgressPolicy::parse(&[], &["mail.invalid"]).expect("rules");
        let found = mail_at(&policy, Host::Name("Mail.invalid".to_owned()), 25).await;
        assert!(matches!(found, Err(LookUpError::Denied(which)) if which == "Mail.invalid:25"));
    }
}
