//! Every call that this server makes to another on an administrator's word goes through here. A name
//! is resolved once, each address that it leads to is vetted by the operator's policy, and a
//! connection is made to a vetted address only, so that a second answer of the name service cannot
//! lead elsewhere. `policy` decides, `address` knows kinds of addresses, `connect` tries them.

mod address;
mod connect;
mod policy;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use domain::check::host::Host;
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use tokio::net::lookup_host;
use tokio::time::timeout;

pub use address::{AddressKind, canonical};
pub use connect::{Attempt, AttemptEnd, ConnectError, Connected, connect};
pub use policy::{EgressPolicy, EgressRuleError, Protocol, Refused};

/// Addresses of one host that may be called, in the order in which the name service gave them.
///
/// Only [`look_up`] makes one, and it is never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vetted {
    addresses: Vec<SocketAddr>,
    is_public: bool,
}

impl Vetted {
    /// The addresses, each with the port.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether each of them is a public one.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.is_public
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
    /// Every address it has is one that is never called.
    #[error("only forbidden addresses")]
    Forbidden(Vec<IpAddr>),
    /// It has addresses that `--egress-allow` could allow, and does not.
    #[error("only addresses that are not allowed")]
    NotAllowed(Vec<SocketAddr>),
    /// `--egress-deny` denies the host, or every address it has: host and port, or those addresses.
    #[error("denied by a rule")]
    Denied(String),
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

/// Decides about a host that somebody else resolves: by its name only what `--egress-deny` says, and
/// about a literal address everything. Returns the kind of a literal address.
///
/// # Errors
/// It may not be called.
pub fn by_form(
    policy: &EgressPolicy,
    host: &Host,
    port: u16,
    protocol: Protocol,
) -> Result<Option<AddressKind>, LookUpError> {
    match host {
        Host::Name(_) if policy.denies(host, port) => Err(LookUpError::Denied(place(host, port))),
        Host::Name(_) => Ok(None),
        Host::Ip(ip) => {
            let address = SocketAddr::new(*ip, port);
            let kind = policy.vet(host, address, protocol);
            kind.map(Some).map_err(|why| refusal(&[(address, why)]))
        }
    }
}

/// Resolves a host, once, and keeps the addresses that may be called. A host that is denied is not
/// asked for.
///
/// # Errors
/// No address, no answer within the time, or no address that may be called.
pub async fn look_up(
    policy: &EgressPolicy,
    host: &Host,
    port: u16,
    protocol: Protocol,
    within: Duration,
) -> Result<Vetted, LookUpError> {
    if policy.denies(host, port) {
        return Err(LookUpError::Denied(place(host, port)));
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

/// Why no address may be called; what an operator can allow comes first.
fn refusal(refused: &[(SocketAddr, Refused)]) -> LookUpError {
    let of = |wanted| {
        let those = refused.iter().filter(move |(_, why)| *why == wanted);
        those.map(|(address, _)| SocketAddr::new(canonical(address.ip()), address.port()))
    };
    let not_allowed: Vec<_> = of(Refused::NotAllowed).collect();
    let denied: Vec<_> = of(Refused::Denied).map(|address| address.to_string()).collect();
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

/// A host and a port as one text.
fn place(host: &Host, port: u16) -> String {
    match host {
        Host::Ip(address) => SocketAddr::new(*address, port).to_string(),
        Host::Name(name) => format!("{name}:{port}"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_name_is_looked_up_by_its_a_labels() {
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
    fn a_name_with_an_underscore_is_one_for_tls_too() {
        assert!(rustls::pki_types::ServerName::try_from("mail_server").is_ok());
    }

    async fn mail_at(policy: &EgressPolicy, host: Host, port: u16) -> Result<Vetted, LookUpError> {
        look_up(policy, &host, port, Protocol::Smtp, SECOND).await
    }

    #[tokio::test]
    async fn a_name_under_invalid_is_not_found_without_asking_anybody() {
        for name in ["mail.invalid", "invalid", "MAIL.INVALID."] {
            let found = mail_at(&EgressPolicy::default(), Host::Name(name.to_owned()), 25).await;
            assert!(matches!(found, Err(LookUpError::NotFound)), "{name}: {found:?}");
        }
    }

    #[tokio::test]
    async fn a_forbidden_address_is_named_in_its_refusal() {
        let metadata: IpAddr = [169, 254, 169, 254].into();
        let found = mail_at(&EgressPolicy::default(), Host::Ip(metadata), 80).await;
        assert!(matches!(found, Err(LookUpError::Forbidden(which)) if which == [metadata]));
    }

    #[tokio::test]
    async fn an_address_that_is_not_allowed_is_named_as_what_it_embeds() {
        let mapped = Host::Ip("::ffff:127.0.0.1".parse().expect("an address"));
        let found = mail_at(&EgressPolicy::default(), mapped, 6379).await;
        let expected: SocketAddr = ([127, 0, 0, 1], 6379).into();
        assert!(matches!(found, Err(LookUpError::NotAllowed(which)) if which == [expected]));
    }

    #[tokio::test]
    async fn a_name_that_is_denied_is_not_asked_for() {
        let policy = EgressPolicy::parse(&[], &["mail.invalid"]).expect("rules");
        let found = mail_at(&policy, Host::Name("Mail.invalid".to_owned()), 25).await;
        assert!(matches!(found, Err(LookUpError::Denied(which)) if which == "Mail.invalid:25"));
    }
}
