//! A mail server as an administrator types it, a host name or an IP address, and never something
//! that another program would take for another address than the one that is read on the screen.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::text::{TextProblem, one_line};

/// The most octets of a name without its trailing dot (RFC 1035 2.3.4, less what the wire adds).
const NAME_LIMIT: usize = 253;

/// The most characters of a label (RFC 1035 2.3.4).
const LABEL_LIMIT: usize = 63;

/// What is wrong with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostProblem {
    /// There is nothing.
    Empty,
    /// The name, or what it is called by on the wire, has more than 253 octets without its trailing
    /// dot (RFC 1035 2.3.4).
    TooLong,
    /// A label has more than 63 characters, or its A-label more than 63 octets (RFC 1035 2.3.4).
    LabelTooLong,
    /// A label has a character other than a letter, a digit, a hyphen (RFC 1123 2.1) or an underscore.
    BadCharacter,
    /// A label begins or ends with a hyphen (RFC 1123 2.1).
    BadHyphen,
    /// Two dots stand side by side, or one stands first.
    EmptyLabel,
    /// It ends like an IPv4 address and is not one of four plain decimal numbers.
    BadIpv4,
    /// It has the brackets or colons of an IPv6 address and is not one, or it names a zone.
    BadIpv6,
    /// It holds a control character.
    ControlCharacter,
    /// It begins like a URL: `smtp://`.
    HasScheme,
    /// It is an email address, or like one.
    HasAt,
    /// A port follows it: `:587`.
    HasPort,
    /// It holds a space of any kind.
    HasSpace,
}

/// A host that a connection can be made to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name as typed, perhaps with letters beyond ASCII (RFC 5890), without the trailing dot.
    Name(String),
    /// An address.
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

/// Reads a host name (RFC 1123 2.1), an IPv4 address, or an IPv6 address in brackets or without.
///
/// Letters, marks and digits of any script stand for themselves (RFC 5890), but not compatibility
/// forms such as `ⓐ`, which would be called by another name. Underscores are accepted: Docker Compose
/// and Windows networks have them, though the public DNS has no such host. The name of a single label
/// is accepted too: intranets have them. Whoever converts a name to A-labels checks the
/// result once more, since only that conversion knows every rule and the final length.
///
/// # Errors
/// The first rule that the text breaks.
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
    if ends_in_a_number(text) {
        let address: Ipv4Addr = text.parse().map_err(|_| HostProblem::BadIpv4)?;
        return Ok(Host::Ip(address.into()));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.len() > NAME_LIMIT {
        return Err(HostProblem::TooLong);
    }
    let mut octets = name.matches('.').count();
    for part in name.split('.') {
        label(part)?;
        octets += called_by(part).ok_or(HostProblem::LabelTooLong)?;
    }
    if octets > NAME_LIMIT {
        return Err(HostProblem::TooLong);
    }
    Ok(Host::Name(name.to_owned()))
}

/// Reads what has a colon or a bracket, and is told apart from a name with a port.
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

/// Whether the last colon of a text ends a host: a name, or an address in brackets.
fn is_host_before(host: &str) -> bool {
    !host.is_empty() && (!host.contains(':') || host.ends_with(']'))
}

/// Whether the last label is a number, decimal or hexadecimal: what some programs would call as an
/// IPv4 address, `2130706433` and `0x7f.1` included, and what RFC 1123 2.1 keeps out of names.
fn ends_in_a_number(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_hexadecimal = |rest: &str| rest.bytes().all(|octet| octet.is_ascii_hexdigit());
    is_digits(last)
        || last.strip_prefix("0x").or(last.strip_prefix("0X")).is_some_and(is_hexadecimal)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

fn label(label: &str) -> Result<(), HostProblem> {
    if label.is_empty() {
        return Err(HostProblem::EmptyLabel);
    }
    if label.chars().count() > LABEL_LIMIT {
        return Err(HostProblem::LabelTooLong);
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(HostProblem::BadHyphen);
    }
    if label.starts_with(is_mark) || !label.chars().all(is_of_a_label) {
        return Err(HostProblem::BadCharacter);
    }
    Ok(())
}

/// How many octets the A-label has by which a label is called (RFC 5890 2.3.2.1), or nothing where
/// they are more than a label may have.
fn called_by(label: &str) -> Option<usize> {
    if label.is_ascii() {
        return Some(label.len());
    }
    let punycode = idna::punycode::encode_str(&label.to_lowercase())?;
    Some(punycode.len() + "xn--".len()).filter(|octets| *octets <= LABEL_LIMIT)
}

fn is_of_a_label(c: char) -> bool {
    matches!(c, '-' | '_') || is_mark(c) || c.is_alphanumeric() && !is_called_by_another_name(c)
}

/// Whether a character is a combining mark that the spelling of a living language needs and that
/// [`char::is_alphanumeric`] does not know: accents, nukta, virama, tones, voicing (RFC 5892 2.1).
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{34E}' | '\u{350}'..='\u{36F}'
        | '\u{93C}' | '\u{94D}' | '\u{9BC}' | '\u{9CD}' | '\u{A3C}' | '\u{A4D}'
        | '\u{ABC}' | '\u{ACD}' | '\u{B3C}' | '\u{B4D}' | '\u{BCD}' | '\u{C3C}' | '\u{C4D}'
        | '\u{CBC}' | '\u{CCD}' | '\u{D3B}' | '\u{D3C}' | '\u{D4D}' | '\u{DCA}'
        | '\u{E47}'..='\u{E4C}' | '\u{E4E}' | '\u{EBA}' | '\u{EC8}'..='\u{ECC}' | '\u{ECE}'
        | '\u{1037}' | '\u{1039}' | '\u{103A}' | '\u{17C9}'..='\u{17D3}' | '\u{3099}' | '\u{309A}')
}

/// Whether IDNA would turn a letter or digit into another, most of them into ASCII (UTS 46): `ª`,
/// `ⓐ`, `ａ`, `①` or a filler that leaves no trace, so that `①②⑦.0.0.①` would call 127.0.0.1.
fn is_called_by_another_name(c: char) -> bool {
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

    use super::HostProblem::*;
    use super::*;

    #[test]
    fn a_name_is_measured_as_it_is_called_on_the_wire() {
        // 30 Han characters are 90 octets as typed, and 66 to 120 as an A-label.
        let label = "邮件服务器测试组织公司名称很长很长的网络地址示例域名字符中国".to_owned();
        assert_eq!(mail_host(&format!("{label}.example")), Err(LabelTooLong));
        let name = ["почтовыйсерверорганизации"; 4].join(".");
        assert!(name.len() <= NAME_LIMIT);
        assert_eq!(mail_host(&name), Ok(Host::Name(name.clone())));
    }

    #[test]
    fn names_are_kept_as_typed_without_the_trailing_dot() {
        for (text, expected) in [
            ("smtp.example.com", "smtp.example.com"),
            ("SMTP.Example.COM", "SMTP.Example.COM"),
            ("smtp.example.com.", "smtp.example.com"),
            ("localhost", "localhost"),
            ("3com.com", "3com.com"),
            ("1.2.3.com", "1.2.3.com"),
            ("a--b.example", "a--b.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("bücher.example", "bücher.example"),
            ("bu\u{308}cher.example", "bu\u{308}cher.example"),
            ("почта.рф", "почта.рф"),
            ("メール.みんな", "メール.みんな"),
            ("ตัวอย่าง.ไทย", "ตัวอย่าง.ไทย"),
            ("संगठन.भारत", "संगठन.भारत"),
            ("हिन्दी.भारत", "हिन्दी.भारत"),
            ("ดีที่สุด.ไทย", "ดีที่สุด.ไทย"),
            ("דואר.ישראל", "דואר.ישראל"),
            ("0xg", "0xg"),
            ("0x7f.example", "0x7f.example"),
            ("mail_server", "mail_server"),
            ("_mail.my_net", "_mail.my_net"),
        ] {
            assert_eq!(mail_host(text), Ok(Host::Name(expected.to_owned())), "{text:?}");
        }
    }

    #[test]
    fn addresses_are_read_and_shown_in_their_usual_form() {
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
    fn what_is_no_host_is_refused_with_its_reason() {
        for (text, expected) in [
            ("", Empty),
            (" ", HasSpace),
            ("smtp.example.com ", HasSpace),
            ("smtp\u{A0}example", HasSpace),
            ("smtp\u{3000}example", HasSpace),
            ("smtp.example.com\n", ControlCharacter),
            ("smtp\u{202E}.example", ControlCharacter),
            ("smtp\0.example", ControlCharacter),
            ("smtp://smtp.example.com", HasScheme),
            ("https://[::1]/", HasScheme),
            ("smtp.example.com:587", HasPort),
            ("192.0.2.25:587", HasPort),
            ("[::1]:587", HasPort),
            ("mailto:smtp.example.com", BadCharacter),
            ("smtp.example.com:", BadCharacter),
            (".", EmptyLabel),
            (".smtp.example", EmptyLabel),
            ("smtp..example", EmptyLabel),
            ("smtp.example..", EmptyLabel),
            ("-smtp.example", BadHyphen),
            ("smtp-.example", BadHyphen),
            ("smtp.example-", BadHyphen),
            ("smtp/example", BadCharacter),
            ("smtp\\example", BadCharacter),
            ("smtp,example", BadCharacter),
            ("ada@smtp.example", HasAt),
            ("smtp.example?x", BadCharacter),
            ("%73mtp.example", BadCharacter),
            ("smtp。example", BadCharacter),
            ("smtp．example", BadCharacter),
            ("ｓｍｔｐ.example", BadCharacter),
            ("①②⑦.0.0.①", BadCharacter),
            ("\u{37A}.example", BadCharacter),
            ("127.0.0.1\u{34F}", BadCharacter),
            ("127.0.0.\u{3164}1", BadCharacter),
            ("\u{301}smtp.example", BadCharacter),
            ("smtp\u{200B}.example", BadCharacter),
            ("smtp\u{AD}.example", BadCharacter),
            ("smtp🎉.example", BadCharacter),
            ("256.1.1.1", BadIpv4),
            ("1.2.3", BadIpv4),
            ("1.2.3.4.5", BadIpv4),
            ("127.1", BadIpv4),
            ("127.0.0.01", BadIpv4),
            ("127.0.0.1.", BadIpv4),
            ("2130706433", BadIpv4),
            ("0x7f.1", BadIpv4),
            ("127.0.0.0x1", BadIpv4),
            ("0X7F000001", BadIpv4),
            ("0x", BadIpv4),
            ("smtp.example.7", BadIpv4),
            (":", BadIpv6),
            (":587", BadIpv6),
            ("::g", BadIpv6),
            ("1::2::3", BadIpv6),
            ("[::1", BadIpv6),
            ("::1]", BadIpv6),
            ("[[::1]]", BadIpv6),
            ("[]", BadIpv6),
            ("[192.0.2.25]", BadIpv6),
            ("[smtp.example]", BadIpv6),
            ("fe80::1%eth0", BadIpv6),
            ("[fe80::1%25eth0]", BadIpv6),
        ] {
            assert_eq!(mail_host(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn a_name_obeys_the_limits_of_the_domain_name_system() {
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
        fn any_text_gets_an_answer(text in r"(?s).*|[0-9a-fA-Fxü.:%/\[\]-]*") {
            let _ = mail_host(&text);
        }

        #[test]
        fn a_host_as_shown_is_read_as_the_same_host(text in r"[a-c0-2ü.:\[\]-]{1,12}") {
            if let Ok(host) = mail_host(&text) {
                prop_assert_eq!(mail_host(&host.to_string()), Ok(host));
            }
        }
    }
}
