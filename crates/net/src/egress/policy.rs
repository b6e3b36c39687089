//! The operator's egress policy: the rules of `--egress-allow` and `--egress-deny`, and the
//! defaults. Decides by address and port, and resolves nothing.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use domain::syntax::host::{Host, mail_host};
use domain::syntax::port::port;
use ipnet::IpNet;
use url::{self, Url};

use super::a_labels;
use super::address::{AddressKind, canonical};

/// The ports of SMTP, submission and implicit TLS, and the usual ones of test servers.
const MAIL_PORTS: [u16; 7] = [25, 465, 587, 1025, 2465, 2525, 2587];

/// The default ports of https on this machine.
const HTTPS_PORTS: [u16; 2] = [443, 8443];

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// SMTP, encrypted or not.
    Smtp,
    /// HTTP over TLS.
    Https,
    /// HTTP in clear, which never leaves this machine.
    Http,
}

/// Why connecting to an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressRefusal {
    /// It is never permitted: a special address, or cleartext http to another machine.
    Never,
    /// It needs a rule of `--egress-allow`.
    NotAllowed,
    /// `--egress-deny` denies it.
    Denied,
}

/// Which addresses PPM may connect to. The default is the policy without flags.
///
/// - Special addresses (link-local, cloud metadata, multicast, unspecified) are refused, unless a
///   rule allows exactly that address.
/// - Mail servers at public addresses are permitted on any port; in a private network and on this
///   machine on 25, 465, 587, 1025, 2465, 2525 and 2587.
/// - https is permitted to public and private addresses on any port, and to this machine on 443 and
///   8443.
/// - http is permitted to this machine only, and only with a rule.
///
/// A deny rule overrides all others.
#[derive(Debug, Clone, Default)]
pub struct EgressPolicy {
    allow: Vec<Rule>,
    deny: Vec<Rule>,
}

/// An invalid rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{flag} must be an IP address, a network such as 10.0.0.0/8 or a host name, optionally with :PORT or :PORT-PORT after it; an IPv6 address with a port must be in brackets"
)]
pub struct EgressRuleError {
    flag: &'static str,
}

impl EgressPolicy {
    /// Parses the rules: `HOST-or-CIDR[:PORT[-PORT]]` each.
    ///
    /// # Errors
    /// The flag of the first invalid rule.
    pub fn parse<T: AsRef<str>>(allow: &[T], deny: &[T]) -> Result<Self, EgressRuleError> {
        let read = |flag, rules: &[T]| {
            let rules: Option<_> = rules.iter().map(|rule| Rule::parse(rule.as_ref())).collect();
            rules.ok_or(EgressRuleError { flag })
        };
        Ok(Self { allow: read("--egress-allow", allow)?, deny: read("--egress-deny", deny)? })
    }

    /// Returns the policy for connections to a URL that the operator configured: its host and port
    /// are also allowed, unless they are denied.
    pub fn for_configured(&self, address: &str) -> Self {
        let rule = Url::parse(address).ok().and_then(|address| Rule::of_url(&address));
        let allow = self.allow.iter().cloned().chain(rule).collect();
        Self { allow, deny: self.deny.clone() }
    }

    /// Whether a host is denied before it is resolved: by its name, or as a literal address.
    pub fn denies(&self, host: &Host, port: u16) -> bool {
        self.deny.iter().any(|rule| match host {
            Host::Name(name) => rule.matches_name(&wire_name(name), port),
            Host::Ip(address) => rule.matches_address(SocketAddr::new(*address, port)),
        })
    }

    /// Checks an address, resolved from a name or given as a literal.
    ///
    /// # Errors
    /// Connecting is not permitted.
    pub fn vet(
        &self,
        host: &Host,
        address: SocketAddr,
        protocol: Protocol,
    ) -> Result<AddressKind, AddressRefusal> {
        if self.denies(host, address.port())
            || self.deny.iter().any(|rule| rule.matches_address(address))
        {
            return Err(AddressRefusal::Denied);
        }
        let place = SocketAddr::new(canonical(address.ip()), address.port());
        let kind = AddressKind::of(address.ip());
        if protocol == Protocol::Http && !place.ip().is_loopback() {
            return Err(AddressRefusal::Never);
        }
        if kind == AddressKind::Special {
            let is_named = self.allow.iter().any(|rule| rule.matches_exactly(place));
            return if is_named { Ok(kind) } else { Err(AddressRefusal::Never) };
        }
        let is_allowed = self.allow.iter().any(|rule| match host {
            Host::Name(name) => {
                rule.matches_name(&wire_name(name), place.port()) || rule.matches_address(place)
            }
            Host::Ip(_) => rule.matches_address(place),
        });
        if is_allowed || is_permitted_by_default(protocol, kind, place.port()) {
            Ok(kind)
        } else {
            Err(AddressRefusal::NotAllowed)
        }
    }
}

/// Whether an address is permitted without a rule.
fn is_permitted_by_default(protocol: Protocol, kind: AddressKind, port: u16) -> bool {
    match (protocol, kind) {
        (Protocol::Smtp | Protocol::Https, AddressKind::Public)
        | (Protocol::Https, AddressKind::Private) => true,
        // Port 0 is never connected to; it has a separate error message.
        (Protocol::Smtp, AddressKind::Private | AddressKind::ThisMachine) => {
            port == 0 || MAIL_PORTS.contains(&port)
        }
        (Protocol::Https, AddressKind::ThisMachine) => HTTPS_PORTS.contains(&port),
        (Protocol::Http, _) | (_, AddressKind::Special) => false,
    }
}

/// A rule: hosts and ports.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    place: RuleTarget,
    ports: RangeInclusive<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum RuleTarget {
    /// The addresses of a network; a single address is a network of one.
    Network(IpNet),
    /// A host by its name in lower-case A-labels, independent of its addresses.
    Name(String),
}

impl Rule {
    /// Parses `HOST-or-CIDR[:PORT[-PORT]]`.
    fn parse(text: &str) -> Option<Self> {
        let (place, ports) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, rest)) => {
                let (length, ports) = rest.split_once(':').map_or((rest, None), split_off);
                let is_length = length.is_empty() || length.starts_with('/');
                let address: Ipv6Addr = address.parse().ok().filter(|_| is_length)?;
                (network(&format!("{address}{length}"))?, ports)
            }
            // An IPv6 address without brackets has no port.
            None => network(text).map(|whole| (whole, None)).or_else(|| {
                let (place, ports) = text.split_once(':').map_or((text, None), split_off);
                Some((network(place).or_else(|| name(place))?, ports))
            })?,
        };
        let ports = match ports {
            None => 0..=u16::MAX,
            Some(ports) => {
                let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
                port(first).ok()?..=port(last).ok()?
            }
        };
        (!ports.is_empty()).then_some(Self { place, ports })
    }

    fn of_address(address: SocketAddr) -> Self {
        let network = IpNet::from(canonical(address.ip()));
        Self { place: RuleTarget::Network(network), ports: address.port()..=address.port() }
    }

    fn of_url(address: &Url) -> Option<Self> {
        let port = address.port_or_known_default()?;
        let of_ip = |ip| Self::of_address(SocketAddr::new(ip, port));
        Some(match address.host()? {
            url::Host::Domain(name) => {
                Self { place: RuleTarget::Name(a_labels(name)?), ports: port..=port }
            }
            url::Host::Ipv4(ip) => of_ip(ip.into()),
            url::Host::Ipv6(ip) => of_ip(ip.into()),
        })
    }

    /// Whether the rule matches a host name in lower-case A-labels.
    fn matches_name(&self, name: &str, port: u16) -> bool {
        matches!(&self.place, RuleTarget::Name(own) if own == name) && self.ports.contains(&port)
    }

    /// Whether the rule matches an address, or the one that it embeds.
    fn matches_address(&self, address: SocketAddr) -> bool {
        let RuleTarget::Network(network) = &self.place else { return false };
        let (ip, place) = (address.ip(), canonical(address.ip()));
        self.ports.contains(&address.port()) && (network.contains(&ip) || network.contains(&place))
    }

    /// Whether the rule matches exactly this address and no other.
    fn matches_exactly(&self, address: SocketAddr) -> bool {
        let is_one = matches!(self.place, RuleTarget::Network(network) if network.prefix_len() == network.max_prefix_len());
        is_one && self.matches_address(address)
    }
}

fn split_off<'t>((place, ports): (&'t str, &'t str)) -> (&'t str, Option<&'t str>) {
    (place, Some(ports))
}

/// Parses an address or a network.
fn network(text: &str) -> Option<RuleTarget> {
    let one = || text.parse::<IpAddr>().ok().map(|ip| IpNet::from(canonical(ip)));
    text.parse().ok().or_else(one).map(RuleTarget::Network)
}

fn name(text: &str) -> Option<RuleTarget> {
    match mail_host(text) {
        Ok(Host::Name(name)) => a_labels(&name).map(RuleTarget::Name),
        _ => None,
    }
}

/// Returns a name in A-labels; empty if there are none, in which case it does not resolve either.
fn wire_name(name: &str) -> String {
    a_labels(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::AddressRefusal::{Denied, Never, NotAllowed};
    use super::Protocol::{Http, Https, Smtp};
    use super::*;

    fn policy(allow: &[&str], deny: &[&str]) -> EgressPolicy {
        EgressPolicy::parse(allow, deny).expect("rules")
    }

    /// Checks an address that is given as a literal.
    fn typed(
        policy: &EgressPolicy,
        address: &str,
        protocol: Protocol,
    ) -> Result<(), AddressRefusal> {
        let address: SocketAddr = address.parse().expect("an address and a port");
        policy.vet(&Host::Ip(address.ip()), address, protocol).map(drop)
    }

    /// Checks an address that a name resolved to.
    fn named(policy: &EgressPolicy, name: &str, address: &str) -> Result<(), AddressRefusal> {
        let address = address.parse().expect("an address and a port");
        policy.vet(&Host::Name(name.to_owned()), address, Smtp).map(drop)
    }

    #[test]
    fn without_rules_mail_may_go_to_any_public_port_and_to_mail_ports_elsewhere() {
        let strict = EgressPolicy::default();
        for port in [0, 25, 465, 587, 1025, 2465, 2525, 2587] {
            for host in ["192.0.2.25", "10.0.0.25", "127.0.0.1", "[::1]", "[fd00::25]"] {
                assert_eq!(
                    typed(&strict, &format!("{host}:{port}"), Smtp),
                    Ok(()),
                    "{host}:{port}"
                );
            }
        }
        for port in [1, 22, 24, 26, 80, 443, 2526, 5432, 6379, 8025, 65_535] {
            for host in ["203.0.113.25", "[2001:db8::25]", "[::ffff:203.0.113.25]"] {
                assert_eq!(
                    typed(&strict, &format!("{host}:{port}"), Smtp),
                    Ok(()),
                    "{host}:{port}"
                );
            }
            for host in [
                "127.0.0.1",
                "127.9.9.9",
                "[::1]",
                "[::ffff:127.0.0.1]",
                "[64:ff9b::127.0.0.1]",
                "[2002:7f00:1::1]",
                "10.0.0.25",
                "172.16.0.25",
                "192.168.0.25",
                "100.64.0.25",
                "198.18.0.25",
                "[fd00::25]",
                "[fec0::25]",
                "[::ffff:10.0.0.25]",
            ] {
                let result = typed(&strict, &format!("{host}:{port}"), Smtp);
                assert_eq!(result, Err(NotAllowed), "{host}:{port}");
            }
        }
    }

    #[test]
    fn without_rules_http_is_refused_and_https_to_this_machine_needs_a_default_port() {
        let strict = EgressPolicy::default();
        for (address, http, https) in [
            ("127.0.0.1:80", Err(NotAllowed), Err(NotAllowed)),
            ("127.0.0.1:443", Err(NotAllowed), Ok(())),
            ("[::1]:8443", Err(NotAllowed), Ok(())),
            ("[::1]:9200", Err(NotAllowed), Err(NotAllowed)),
            ("[::ffff:127.0.0.1]:9200", Err(NotAllowed), Err(NotAllowed)),
            ("10.0.0.25:9443", Err(Never), Ok(())),
            ("203.0.113.25:9443", Err(Never), Ok(())),
        ] {
            assert_eq!(typed(&strict, address, Http), http, "{address}");
            assert_eq!(typed(&strict, address, Https), https, "{address}");
        }
    }

    #[test]
    fn a_special_address_is_permitted_only_by_a_rule_for_exactly_that_address() {
        let wide = policy(&["0.0.0.0/0", "::/0", "169.254.0.0/16", "metadata.internal"], &[]);
        let narrow = policy(&["169.254.169.254:80", "fd00:ec2::254"], &[]);
        for (address, expected) in [
            ("169.254.169.254:80", Ok(())),
            ("[::ffff:169.254.169.254]:80", Ok(())),
            ("169.254.169.254:81", Err(Never)),
            ("169.254.169.253:80", Err(Never)),
            ("[fd00:ec2::254]:25", Ok(())),
            ("[fe80::1]:25", Err(Never)),
            ("0.0.0.0:25", Err(Never)),
        ] {
            for policy in [&wide, &EgressPolicy::default()] {
                assert_eq!(typed(policy, address, Smtp), Err(Never), "{address}");
            }
            assert_eq!(typed(&narrow, address, Smtp), expected, "{address}");
        }
        assert_eq!(named(&wide, "metadata.internal", "169.254.169.254:80"), Err(Never));
    }

    #[test]
    fn a_rule_allows_an_address_a_network_or_a_name_on_its_ports() {
        for (rule, address, expected) in [
            ("127.0.0.1", "127.0.0.1:9", Ok(())),
            ("127.0.0.1", "127.0.0.2:9", Err(NotAllowed)),
            ("127.0.0.1:9", "127.0.0.1:9", Ok(())),
            ("127.0.0.1:9", "127.0.0.1:10", Err(NotAllowed)),
            ("127.0.0.1:9-11", "127.0.0.1:10", Ok(())),
            ("127.0.0.1:9-11", "127.0.0.1:12", Err(NotAllowed)),
            ("::ffff:127.0.0.1", "127.0.0.1:9", Ok(())),
            ("127.0.0.1", "[::ffff:127.0.0.1]:9", Ok(())),
            ("127.0.0.1", "[::1]:9", Err(NotAllowed)),
            ("127.0.0.0/8", "127.9.9.9:9", Ok(())),
            ("127.0.0.0/8:9-10", "127.9.9.9:11", Err(NotAllowed)),
            ("10.1.2.3/8", "10.9.9.9:9", Ok(())),
            ("::1", "[::1]:9", Ok(())),
            ("[::1]", "[::1]:9", Ok(())),
            ("[::1]:9", "[::1]:9", Ok(())),
            ("[::1]:9", "[::1]:10", Err(NotAllowed)),
            ("fd00::/8", "[fd12::1]:9", Ok(())),
            ("[fd00::]/8:9-10", "[fd12::1]:10", Ok(())),
            ("[fd00::]/8:9-10", "[fd12::1]:11", Err(NotAllowed)),
            // An embedded IPv4 address counts as that address.
            ("::/0", "[::ffff:127.0.0.1]:9", Err(NotAllowed)),
        ] {
            assert_eq!(typed(&policy(&[rule], &[]), address, Smtp), expected, "{rule} {address}");
        }
        for (rule, name, expected) in [
            ("Mail.Corp", "mail.corp", Ok(())),
            ("mail.corp", "MAIL.corp", Ok(())),
            ("mail.corp.", "mail.corp", Ok(())),
            ("bücher.corp", "xn--bcher-kva.corp", Ok(())),
            ("mail.corp:9", "mail.corp", Ok(())),
            ("mail.corp:10", "mail.corp", Err(NotAllowed)),
            ("corp", "mail.corp", Err(NotAllowed)),
            ("10.0.0.0/8", "mail.corp", Ok(())),
        ] {
            let result = named(&policy(&[rule], &[]), name, "10.0.0.25:9");
            assert_eq!(result, expected, "{rule} {name}");
        }
    }

    #[test]
    fn a_deny_rule_overrides_allow_rules_and_defaults() {
        for (deny, address) in [
            ("203.0.113.0/24", "203.0.113.25:587"),
            ("203.0.113.25:587", "203.0.113.25:587"),
            ("203.0.113.25", "[::ffff:203.0.113.25]:587"),
            ("::ffff:0:0/96", "[::ffff:203.0.113.25]:587"),
            ("0.0.0.0/0", "127.0.0.1:25"),
            ("::/0", "[::1]:25"),
        ] {
            let policy = policy(&["0.0.0.0/0", "::/0", "mail.corp"], &[deny]);
            assert_eq!(typed(&policy, address, Smtp), Err(Denied), "{deny} {address}");
            assert_eq!(named(&policy, "mail.corp", address), Err(Denied), "{deny} {address}");
        }
        let policy = policy(&["10.0.0.0/8"], &["mail.corp:25"]);
        assert_eq!(named(&policy, "Mail.Corp", "10.0.0.25:25"), Err(Denied));
        assert_eq!(named(&policy, "mail.corp", "10.0.0.25:26"), Ok(()));
        assert_eq!(named(&policy, "other.corp", "10.0.0.25:25"), Ok(()));
    }

    #[test]
    fn a_configured_url_is_allowed_for_its_host_and_port_unless_denied() {
        let strict = EgressPolicy::default();
        for (configured, address, expected) in [
            ("http://127.0.0.1:9090/realm", "127.0.0.1:9090", Ok(())),
            ("http://127.0.0.1:9090/realm", "127.0.0.1:9091", Err(NotAllowed)),
            ("https://[::1]:9443", "[::1]:9443", Ok(())),
            ("https://127.0.0.1", "127.0.0.1:443", Ok(())),
            ("nonsense", "127.0.0.1:9090", Err(NotAllowed)),
        ] {
            let policy = strict.for_configured(configured);
            assert_eq!(typed(&policy, address, Smtp), expected, "{configured} {address}");
        }
        let by_name = strict.for_configured("http://localhost:9090");
        assert_eq!(named(&by_name, "localhost", "127.0.0.1:9090"), Ok(()));
        assert_eq!(typed(&by_name, "127.0.0.1:9090", Smtp), Err(NotAllowed));
        let denied = policy(&[], &["127.0.0.0/8"]).for_configured("http://127.0.0.1:9090");
        assert_eq!(typed(&denied, "127.0.0.1:9090", Http), Err(Denied));
    }

    #[test]
    fn an_invalid_rule_is_refused_and_its_flag_is_named() {
        for rule in [
            "",
            ":25",
            "mail.corp:",
            "mail.corp:x",
            "mail.corp:25-",
            "mail.corp:-25",
            "mail.corp:26-25",
            "mail.corp:65536",
            "mail.corp:+25",
            "mail.corp:25-26-27",
            "*.corp",
            "http://mail.corp",
            "mail.corp/8",
            "10.0.0.0/33",
            "10.0.0.256",
            "10.1",
            "2130706433",
            "0x7f.1",
            "fd00::/8:25",
            "[fd00::/8]:25",
            "[fd00::]8:25",
            "[fd00::]1",
            "[10.0.0.1]:25",
            "[::1",
            "fe80::1%eth0",
            "10.0.0.1 ",
            "10.0.0.1,10.0.0.2",
        ] {
            let allow = EgressPolicy::parse(&[rule], &[]).map(drop);
            let deny = EgressPolicy::parse(&[], &[rule]).map(drop);
            assert_eq!(allow, Err(EgressRuleError { flag: "--egress-allow" }), "{rule}");
            assert_eq!(deny, Err(EgressRuleError { flag: "--egress-deny" }), "{rule}");
        }
    }
}
