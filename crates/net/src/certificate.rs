//! Reads the certificates that a server presents, to show them to an administrator: subject,
//! issuer, validity, and the authority to trust. Verifies nothing.

use std::{fmt::Write, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use domain::delivery::{Diagnosis, Fact, FactName};
use domain::{Field, syntax::certificate::CertificateProblem};
use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, Validity};
use x509_parser::x509::{AttributeTypeAndValue, X509Name, X509Version};
use x509_parser::{
    asn1_rs::ToDer, certificate::X509Certificate, extensions::GeneralName, public_key::PublicKey,
};

use crate::tls;

const SECONDS_OF_A_DAY: i64 = 86_400;

/// The line length of PEM, in characters (RFC 7468 2).
const PEM_LINE: usize = 64;

/// The certificate chain that a server presented, its end-entity certificate first.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The certificates, as received.
    pub chain: Vec<CertificateDer<'static>>,
    /// The time at which they were verified.
    pub at: UnixTime,
}

impl Shown {
    /// Returns the facts of an accepted certificate: subject or names, issuer, and validity.
    pub fn facts(&self) -> Vec<Fact> {
        self.end_entity().map_or_else(Vec::new, |certificate| {
            let subject_or_names = match subject(&certificate) {
                Fact { value, .. } if value.is_empty() => names(&certificate),
                subject => Some(subject),
            };
            let more = [issuer(&certificate), self.days_left(&certificate)];
            subject_or_names.into_iter().chain(more).collect()
        })
    }

    /// Returns when the end-entity certificate expires, in epoch seconds.
    pub fn expires_at(&self) -> Option<i64> {
        Some(self.end_entity()?.validity().not_after.timestamp())
    }

    /// Returns the property for which PPM never accepts such a certificate, if that is more
    /// specific than `why` it was refused.
    pub fn unacceptable(&self, why: Diagnosis) -> Option<Diagnosis> {
        let own = self.end_entity()?;
        match problem_of(&own) {
            Some(CertificateProblem::Version1) => Some(Diagnosis::CertificateVersion1),
            Some(CertificateProblem::KeyTooShort) => Some(Diagnosis::CertificateKeyTooShort),
            Some(CertificateProblem::NoNames) => Some(Diagnosis::CertificateWithoutNames),
            // A self-signed certificate can be trusted itself; its signature is not checked.
            _ if why == Diagnosis::CertificateSelfSigned => None,
            _ => self.has_old_signature().then_some(Diagnosis::CertificateOldSignature),
        }
    }

    /// Whether a certificate of the chain, other than a self-issued one, has an insecure signature
    /// algorithm.
    fn has_old_signature(&self) -> bool {
        let shown = self.chain.iter().filter_map(|der| parsed(der));
        let signed_by_others = |it: &X509Certificate<'_>| it.subject() != it.issuer();
        shown.filter(signed_by_others).any(|it| is_signed_insecurely(&it))
    }

    /// Returns the facts of a refused certificate, with the authority to trust if that is missing.
    pub fn facts_of_refused(&self, name: &ServerName<'_>, why: Diagnosis) -> Vec<Fact> {
        let Some(certificate) = self.end_entity() else { return Vec::new() };
        let mut facts = vec![subject(&certificate)];
        facts.extend(names(&certificate));
        facts.extend([
            issuer(&certificate),
            Fact::new(FactName::Fingerprint, fingerprint(&self.chain[0])),
        ]);
        facts.push(self.days_left(&certificate));
        if matches!(why, Diagnosis::CertificateUnknownIssuer | Diagnosis::CertificateSelfSigned) {
            facts.extend(self.authority_to_trust(name).into_iter().flatten());
        }
        facts
    }

    fn end_entity(&self) -> Option<X509Certificate<'_>> {
        parsed(self.chain.first()?)
    }

    fn days_left(&self, certificate: &X509Certificate<'_>) -> Fact {
        let Validity { not_after, .. } = certificate.validity();
        let now = i64::try_from(self.at.as_secs()).unwrap_or(i64::MAX);
        let left = not_after.timestamp().saturating_sub(now).div_euclid(SECONDS_OF_A_DAY);
        Fact::new(FactName::DaysLeft, left.to_string())
    }

    /// Returns the last certificate of the chain, if trusting it would be enough and its PEM fits
    /// into the form.
    fn authority_to_trust(&self, name: &ServerName<'_>) -> Option<[Fact; 2]> {
        let last = self.chain.last()?;
        let pem = pem(last);
        let fits = pem.len() as u64 <= Field::BasicTrustedCa.limit();
        (fits && tls::is_enough(last, self, name)).then(|| {
            [
                Fact::new(FactName::IssuerFingerprint, fingerprint(last)),
                Fact::new(FactName::IssuerPem, pem),
            ]
        })
    }
}

/// Parses a certificate; `None` if it is invalid.
pub(crate) fn parsed<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(certificate)
}

/// Whether a certificate is a CA certificate or self-issued.
pub(crate) fn is_of_authority(der: &CertificateDer<'_>) -> bool {
    parsed(der).is_some_and(|certificate| {
        certificate.is_ca() || certificate.subject() == certificate.issuer()
    })
}

/// Whether a certificate may issue others. Version 1 cannot state that, and counts as a CA.
pub(crate) fn may_issue(der: &CertificateDer<'_>) -> bool {
    parsed(der)
        .is_some_and(|certificate| certificate.is_ca() || certificate.version() == X509Version::V1)
}

/// Checks the validity period and, if there is one, the extended key usage for servers (RFC 5280
/// 4.1.2.5, 4.2.1.12).
pub(crate) fn is_good_now(der: &CertificateDer<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let certificate = parsed(der).ok_or(CertificateError::BadEncoding)?;
    let Validity { not_before, not_after } = certificate.validity();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < not_before.timestamp() {
        return Err(CertificateError::NotValidYet);
    }
    if now > not_after.timestamp() {
        return Err(CertificateError::Expired);
    }
    match certificate.extended_key_usage() {
        Ok(None) => Ok(()),
        Ok(Some(usage)) if usage.value.server_auth || usage.value.any => Ok(()),
        Ok(Some(_)) => Err(CertificateError::InvalidPurpose),
        Err(_) => Err(CertificateError::BadEncoding),
    }
}

/// The minimum size of an RSA key, in bits (NIST SP 800-131A; ring accepts no smaller one).
const SHORTEST_KEY: usize = 2_048;

/// Returns why a server's certificate is never accepted, under any CA: it has no extensions
/// and thus no names, a short key, or no names (RFC 5280 4.1.2.1, RFC 9525 6.3).
fn problem_of(certificate: &X509Certificate<'_>) -> Option<CertificateProblem> {
    if certificate.version() != X509Version::V3 {
        return Some(CertificateProblem::Version1);
    }
    if is_key_short(certificate) {
        return Some(CertificateProblem::KeyTooShort);
    }
    names(certificate).is_none().then_some(CertificateProblem::NoNames)
}

/// Returns why trusting a certificate cannot help with `server`, as far as it shows. One that is
/// not a CA's, or has the server's name, can only be that server's certificate.
pub(crate) fn problem_of_trusted(
    der: &CertificateDer<'_>,
    server: &str,
) -> Option<CertificateProblem> {
    let certificate = parsed(der)?;
    if is_key_short(&certificate) {
        return Some(CertificateProblem::KeyTooShort);
    }
    let is_its_own = has_common_name(&certificate, server)
        || (certificate.version() == X509Version::V3 && !certificate.is_ca());
    is_its_own.then(|| problem_of(&certificate)).flatten()
}

/// Whether the common name of a certificate equals a host.
fn has_common_name(certificate: &X509Certificate<'_>, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let mut names = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    names.any(|name| name.trim_end_matches('.').eq_ignore_ascii_case(host))
}

fn is_key_short(certificate: &X509Certificate<'_>) -> bool {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => key.key_size() < SHORTEST_KEY,
        _ => false,
    }
}

/// Insecure signature algorithms: MD5 and SHA-1 with RSA (RFC 8017 A.2.4, and an old OIW
/// identifier), and SHA-1 with ECDSA and DSA (RFC 3279 2.2).
const OLD_SIGNATURES: [&str; 5] = [
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.3.14.3.2.29",
    "1.2.840.10045.4.1",
    "1.2.840.10040.4.3",
];

fn is_signed_insecurely(certificate: &X509Certificate<'_>) -> bool {
    let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
    OLD_SIGNATURES.contains(&algorithm.as_str())
}

fn subject(certificate: &X509Certificate<'_>) -> Fact {
    Fact::new(FactName::Subject, distinguished_name(certificate.subject()))
}

fn issuer(certificate: &X509Certificate<'_>) -> Fact {
    Fact::new(FactName::Issuer, distinguished_name(certificate.issuer()))
}

/// Returns the host names and addresses of a certificate (RFC 5280 4.2.1.6).
fn names(certificate: &X509Certificate<'_>) -> Option<Fact> {
    let extension = certificate.subject_alternative_name().ok()??;
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => address(octets).map(|address| address.to_string()),
        _ => None,
    });
    let names = names.collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| Fact::new(FactName::Names, names))
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

/// Returns a certificate's SHA-256 fingerprint, in hexadecimal pairs separated by colons.
fn fingerprint(der: &CertificateDer<'_>) -> String {
    let pairs: Vec<_> = Sha256::digest(der).iter().map(|octet| format!("{octet:02X}")).collect();
    pairs.join(":")
}

/// Encodes a certificate in PEM (RFC 7468 5), without a final line end.
fn pem(der: &CertificateDer<'_>) -> String {
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let base64 = BASE64.encode(der);
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem + "-----END CERTIFICATE-----"
}

/// Formats a distinguished name (RFC 4514 2), the last part first.
fn distinguished_name(name: &X509Name<'_>) -> String {
    let mut parts: Vec<_> = name
        .iter_rdn()
        .map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+"))
        .collect();
    parts.reverse();
    parts.join(",")
}

/// The short names of attribute types (RFC 4514 3, and the registry of RFC 4520).
const SHORT_NAMES: [(&str, &str); 11] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.5", "serialNumber"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// Formats a type and a value (RFC 4514 2.3, 2.4), in hexadecimal without a short name or a text.
fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let number = attribute.attr_type().to_id_string();
    let short = SHORT_NAMES.iter().find(|(known, _)| *known == number);
    match (short, attribute.as_str()) {
        (Some((_, name)), Ok(text)) => format!("{name}={}", escaped(text)),
        (short, _) => {
            let octets = attribute.attr_value().to_der_vec_raw().unwrap_or_default();
            let name = short.map_or(number.as_str(), |(_, name)| name);
            octets.iter().fold(format!("{name}=#"), |mut written, octet| {
                let _ = write!(written, "{octet:02X}");
                written
            })
        }
    }
}

/// Escapes the special characters of a value (RFC 4514 2.4).
fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut written = String::with_capacity(value.len());
    for (index, c) in value.chars().enumerate() {
        match c {
            '\0' => written.push_str("\\00"),
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => written.extend(['\\', c]),
            '#' if index == 0 => written.push_str("\\#"),
            ' ' if index == 0 || index == last => written.push_str("\\ "),
            _ => written.push(c),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn named(parts: &[(DnType, &str)]) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().clone()
    }

    #[test]
    fn a_name_is_formatted_by_rfc_4514() {
        let of_unknown_kind = DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 99999]);
        for (parts, expected) in [
            (
                &[
                    (DnType::CountryName, "DE"),
                    (DnType::OrganizationName, "Example, Ltd."),
                    (DnType::CommonName, "mail.example.com"),
                ][..],
                "CN=mail.example.com,O=Example\\, Ltd.,C=DE",
            ),
            (
                &[(DnType::CommonName, "#1 \"a\"+<b>;\\ ")][..],
                "CN=\\#1 \\\"a\\\"\\+\\<b\\>\\;\\\\\\ ",
            ),
            (&[(DnType::CommonName, "Büro")][..], "CN=Büro"),
            (&[(of_unknown_kind, "Hi")][..], "1.3.6.1.4.1.99999=#0C024869"),
            (&[][..], ""),
        ] {
            let der = named(parts);
            let certificate = parsed(&der).expect("a certificate");
            assert_eq!(distinguished_name(certificate.subject()), expected);
        }
    }

    #[test]
    fn pem_has_lines_of_64_characters_and_reads_back() {
        use rustls::pki_types::pem::PemObject;
        let der = named(&[(DnType::CommonName, "Any")]);
        let written = pem(&der);
        assert!(written.lines().all(|line| line.len() <= PEM_LINE));
        assert_eq!(CertificateDer::from_pem_slice(written.as_bytes()).expect("PEM"), der);
    }

    #[test]
    fn the_remaining_days_are_rounded_down_and_negative_after_expiry() {
        let mut params = CertificateParams::default();
        params.not_after = rcgen::date_time_ymd(2030, 1, 11);
        let key = KeyPair::generate().expect("a key");
        let chain = vec![params.self_signed(&key).expect("a certificate").der().clone()];
        // 2030-01-01T00:00:00Z
        let begun = 1_893_456_000;
        for (seconds, expected) in
            [(0, "10"), (1, "9"), (10 * 86_400, "0"), (10 * 86_400 + 1, "-1")]
        {
            let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(begun + seconds));
            let facts = Shown { chain: chain.clone(), at }.facts();
            let left = facts.iter().find(|found| found.name == FactName::DaysLeft);
            assert_eq!(left.map(|found| found.value.as_str()), Some(expected));
        }
    }

    #[test]
    fn an_invalid_certificate_gives_no_facts() {
        let at = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
        for chain in [vec![], vec![CertificateDer::from(vec![0x30, 0x82, 0xFF])]] {
            let shown = Shown { chain, at };
            let name = ServerName::try_from("localhost").expect("a name");
            assert_eq!(shown.facts(), []);
            assert_eq!(shown.facts_of_refused(&name, Diagnosis::CertificateUnknownIssuer), []);
        }
    }
}
