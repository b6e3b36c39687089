//! Validates a mail server: a host name or an IP address. Rejects text that another program could
//! resolve to an address other than the displayed one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::text::{TextProblem, one_line};

/// The maximum octets of a name without its trailing dot (255 on the wire, RFC 1035 2.3.4).
const NAME_LIMIT: usize = 253;

/// The maximum characters of a label (RFC 1035 2.3.4).
const LABEL_LIMIT: usize = 63;

/// Why a host is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostProblem {
    /// The text is empty.
    Empty,
    /// The name or its A-label form exceeds 253 octets without its trailing dot (RFC 1035 2.3.4).
    TooLong,
    /// A label exceeds 63 characters, or its A-label 63 octets (RFC 1035 2.3.4).
    LabelTooLong,
    /// A label has a character other than a letter, a digit, a hyphen (RFC 1123 2.1) or an underscore.
    BadCharacter,
    /// A label begins or ends with a hyphen (RFC 1123 2.1).
    BadHyphen,
    /// A label is empty: a leading dot, or two dots in a row.
    EmptyLabel,
    /// The text ends in a number but is not an IPv4 address of four decimal numbers.
    BadIpv4,
    /// The text has brackets or colons but is not an IPv6 address, or has a zone ID.
    BadIpv6,
    /// The text contains a control character.
    ControlCharacter,
    /// The text has a URL scheme: `smtp://`.
    HasScheme,
    /// The text contains an `@`, like an email address.
    HasAt,
    /// A port follows the host: `:587`.
    HasPort,
    /// The text contains whitespace.
    HasSpace,
}

/// A valid host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name as typed, possibly internationalized (RFC 5890), without the trailing dot.
    Name(String),
    /// An IP address.
    Ip(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// Parses a host name (RFC 1123 2.1), an IPv4 address, or an IPv6 address with or without brackets.
///
/// Letters, marks and digits of any script are accepted (RFC 5890), but not compatibility forms such
/// as `ⓐ`, which IDNA maps to another name. Underscores are accepted for Docker Compose and Windows
/// networks, although public DNS host names have none. Single labels are accepted for intranets. Code
/// that converts a name to A-labels must validate the result again, because only the conversion
/// applies every IDNA rule and yields the final length.
///
/// # Errors
/// Returns the first rule that the text breaks.
pub fn mail_host(text: &str) -> Result<Host, HostProblem> {
    one_line(text).map_err(|TextProblem::ControlCharacter| HostProblem::ControlCharacter)?;
    if text.is_empty() {
        return Err(HostProblem::Empty);
    }
    if text.contains(char::is_whitespace) {
        return Err(HostProblem::HasSpace);
    }
    if text.contains("://") {
        return Err(HostProblem::HasScheme);
    }
    if text.contains('@') {
        return Err(HostProblem::HasAt);
    }
    if text.contains([':', '[', ']']) {
        return ipv6(text).map(|address| Host::Ip(address.into()));
    }
    if ends_in_number(text) {
        let address: Ipv4Addr = text.parse().map_err(|_| HostProblem::BadIpv4)?;
        return Ok(Host::Ip(address.into()));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.len() > NAME_LIMIT {
        return Err(HostProblem::TooLong);
    }
    let mut octets = name.matches('.').count();
    for part in name.split('.') {
        check_label(part)?;
        octets += a_label(part).ok_or(HostProblem::LabelTooLong)?.len();
    }
    if octets > NAME_LIMIT {
        return Err(HostProblem::TooLong);
    }
    Ok(Host::Name(name.to_owned()))
}

/// Parses text with a colon or a bracket: an IPv6 address, or an error for a host with a port.
fn ipv6(text: &str) -> Result<Ipv6Addr, HostProblem> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse() {
        return Ok(address);
    }
    match text.rsplit_once(':') {
        Some((host, port)) if is_host_before(host) && is_digits(port) => Err(HostProblem::HasPort),
        Some((host, _)) if is_host_before(host) && !text.contains(['[', ']']) => {
            Err(HostProblem::BadCharacter)
        }
        _ => Err(HostProblem::BadIpv6),
    }
}

/// Whether the text before the last colon is a host: a name, or an address in brackets.
fn is_host_before(host: &str) -> bool {
    !host.is_empty() && (!host.contains(':') || host.ends_with(']'))
}

/// Whether the last label is a decimal or hexadecimal number. Some programs parse such text as an
/// IPv4 address (`2130706433`, `0x7f.1`), and RFC 1123 2.1 excludes it from names.
fn ends_in_number(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_hexadecimal = |rest: &str| rest.bytes().all(|octet| octet.is_ascii_hexdigit());
    is_digits(last)
        || last.strip_prefix("0x").or(last.strip_prefix("0X")).is_some_and(is_hexadecimal)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

fn check_label(label: &str) -> Result<(), HostProblem> {
    if label.is_empty() {
        return Err(HostProblem::EmptyLabel);
    }
    if label.chars().count() > LABEL_LIMIT {
        return Err(HostProblem::LabelTooLong);
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(HostProblem::BadHyphen);
    }
    if label.starts_with(is_combining_mark) || !label.chars().all(is_label_character) {
        return Err(HostProblem::BadCharacter);
    }
    Ok(())
}

/// Returns a label's A-label (RFC 5890 2.3.2.1) in lower case, or `None` if it exceeds the limit.
pub(super) fn a_label(label: &str) -> Option<String> {
    if label.is_ascii() {
        return Some(label.to_ascii_lowercase());
    }
    let punycode = idna::punycode::encode_str(&label.to_lowercase())?;
    Some(format!("xn--{punycode}")).filter(|label| label.len() <= LABEL_LIMIT)
}

fn is_label_character(c: char) -> bool {
    matches!(c, '-' | '_') || is_combining_mark(c) || c.is_alphanumeric() && !is_remapped_by_idna(c)
}

/// Whether a character is a combining mark that a living language needs and that
/// [`char::is_alphanumeric`] excludes: accents, nukta, virama, tones, voicing (RFC 5892 2.1).
fn is_combining_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{34E}' | '\u{350}'..='\u{36F}'
        | '\u{93C}' | '\u{94D}' | '\u{9BC}' | '\u{9CD}' | '\u{A3C}' | '\u{A4D}'
        | '\u{ABC}' | '\u{ACD}' | '\u{B3C}' | '\u{B4D}' | '\u{BCD}' | '\u{C3C}' | '\u{C4D}'
        | '\u{CBC}' | '\u{CCD}' | '\u{D3B}' | '\u{D3C}' | '\u{D4D}' | '\u{DCA}'
        | '\u{E47}'..='\u{E4C}' | '\u{E4E}' | '\u{EBA}' | '\u{EC8}'..='\u{ECC}' | '\u{ECE}'
        | '\u{1037}' | '\u{1039}' | '\u{103A}' | '\u{17C9}'..='\u{17D3}' | '\u{3099}' | '\u{309A}')
}

/// Whether IDNA maps a letter or digit to another, mostly ASCII, or removes it (UTS 46): `ª`, `ⓐ`,
/// `ａ`, `①` or a filler. Otherwise `①②⑦.0.0.①` would resolve to 127.0.0.1.
fn is_remapped_by_idna(c: char) -> bool {
    matches!(c,
        '\u{AA}' | '\u{B2}' | '\u{B3}' | '\u{B9}'..='\u{BE}' | '\u{132}' | '\u{133}' | '\u{17F}'
        | '\u{1C7}'..='\u{1CC}' | '\u{1F1}'..='\u{1F3}' | '\u{2B0}'..='\u{2B8}'
        | '\u{2E0}'..='\u{2E4}' | '\u{37A}' | '\u{115F}' | '\u{1160}' | '\u{1D2C}'..='\u{1D6A}'
        | '\u{1D9B}'..='\u{1DBF}' | '\u{2070}'..='\u{209C}' | '\u{2100}'..='\u{218F}'
        | '\u{2460}'..='\u{24FF}' | '\u{2C7C}' | '\u{2C7D}' | '\u{3164}' | '\u{3200}'..='\u{33FF}'
        | '\u{A7F1}'..='\u{A7F4}' | '\u{FB00}'..='\u{FDFF}' | '\u{FE70}'..='\u{FFEF}'
        | '\u{10780}'..='\u{107BF}' | '\u{1CCF0}'..='\u{1CCF9}' | '\u{1D400}'..='\u{1D7FF}'
        | '\u{1EE00}'..='\u{1EEFF}' | '\u{1F100}'..='\u{1F2FF}' | '\u{1FBF0}'..='\u{1FBF9}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::HostProblem::{LabelTooLong, TooLong};
    use super::*;
    use crate::cases::assert_cases;

    #[test]
    fn name_length_is_measured_in_a_labels() {
        // 30 Han characters are 90 octets in UTF-8, and 66 to 120 octets as an A-label.
        let label = "邮件服务器测试组织公司名称很长很长的网络地址示例域名字符中国".to_owned();
        assert_eq!(mail_host(&format!("{label}.example")), Err(LabelTooLong));
        let name = ["почтовыйсерверорганизации"; 4].join(".");
        assert!(name.len() <= NAME_LIMIT);
        assert_eq!(mail_host(&name), Ok(Host::Name(name.clone())));
    }

    #[test]
    fn ip_addresses_are_displayed_in_canonical_form() {
        for (text, expected) in [
            ("192.0.2.25", "192.0.2.25"),
            ("0.0.0.0", "0.0.0.0"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("2001:DB8:0:0::25", "2001:db8::25"),
            ("[2001:db8::25]", "2001:db8::25"),
            ("::ffff:192.0.2.25", "::ffff:192.0.2.25"),
            ("fe80::1:587", "fe80::1:587"),
        ] {
            let host = mail_host(text);
            assert!(matches!(host, Ok(Host::Ip(_))), "{text:?}");
            assert_eq!(host.map(|host| host.to_string()), Ok(expected.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn names_keep_their_spelling_and_other_hosts_are_rejected_with_a_reason() {
        assert_cases(include_str!("../../tests/cases/hosts.json"), |text| {
            let name = text.strip_suffix('.').unwrap_or(text).to_owned();
            mail_host(text).map(|host| assert_eq!(host, Host::Name(name))).err()
        });
    }

    #[test]
    fn names_are_limited_as_in_dns() {
        let label = |length| "a".repeat(length);
        let name = |last| [label(63), label(63), label(63), label(last)].join(".");
        for (text, expected) in [
            (label(63), Ok(())),
            (label(64), Err(LabelTooLong)),
            ("ü".repeat(50), Ok(())),
            ("ü".repeat(63), Err(LabelTooLong)),
            ("件".repeat(50), Ok(())),
            (name(61), Ok(())),
            (name(61) + ".", Ok(())),
            (name(62), Err(TooLong)),
            (name(62) + ".", Err(TooLong)),
        ] {
            assert_eq!(mail_host(&text).map(drop), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_a_panic(text in r"(?s).*|[0-9a-fA-Fxü.:%/\[\]-]*") {
            let _ = mail_host(&text);
        }

        #[test]
        fn a_displayed_host_parses_to_itself(text in r"[a-c0-2ü.:\[\]-]{1,12}") {
            if let Ok(host) = mail_host(&text) {
                prop_assert_eq!(mail_host(&host.to_string()), Ok(host));
            }
        }
    }
}
