//! Validates an email address as used in the SMTP envelope, without display name, list or comment.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::host::{Host, a_label, mail_host};
use super::text::{TextProblem, one_line};

/// The maximum octets of a local part (RFC 5321 4.5.3.1.1).
const LOCAL_PART_LIMIT: usize = 64;

/// The maximum octets of an address: a path of 256 without its brackets (RFC 5321 4.5.3.1.3; erratum
/// 1690 of RFC 3696).
const ADDRESS_LIMIT: usize = 254;

/// Why an email address is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressProblem {
    /// The `@` is missing.
    NoAt,
    /// The local part is empty.
    EmptyLocalPart,
    /// The domain is empty.
    EmptyDomain,
    /// The local part exceeds 64 octets (RFC 5321 4.5.3.1.1).
    LocalPartTooLong,
    /// The address exceeds 254 octets (RFC 5321 4.5.3.1.3).
    AddressTooLong,
    /// The local part is neither a `Dot-string` nor a `Quoted-string`.
    BadLocalPart,
    /// The domain is neither a host name nor an address literal.
    BadDomain,
    /// The address contains a control character.
    ControlCharacter,
}

/// Validates a `Mailbox` (RFC 5321 4.1.2), including non-ASCII letters (RFC 6531 3.3).
///
/// In the local part, only letters and digits are accepted of the non-ASCII characters that RFC 6531
/// allows. A domain of one label (`root@localhost`) is valid. An empty quoted local part counts as
/// empty. Lengths are octets of UTF-8.
///
/// # Errors
/// Returns the first rule that the text breaks.
pub fn email_address(text: &str) -> Result<(), AddressProblem> {
    one_line(text).map_err(|TextProblem::ControlCharacter| AddressProblem::ControlCharacter)?;
    let (local_part, domain) = text.rsplit_once('@').ok_or(AddressProblem::NoAt)?;
    if matches!(local_part, "" | r#""""#) {
        return Err(AddressProblem::EmptyLocalPart);
    }
    if domain.is_empty() {
        return Err(AddressProblem::EmptyDomain);
    }
    if local_part.len() > LOCAL_PART_LIMIT {
        return Err(AddressProblem::LocalPartTooLong);
    }
    if text.len() > ADDRESS_LIMIT {
        return Err(AddressProblem::AddressTooLong);
    }
    if !is_dot_string(local_part) && !is_quoted_string(local_part) {
        return Err(AddressProblem::BadLocalPart);
    }
    if !is_domain(domain) && !is_address_literal(domain) {
        return Err(AddressProblem::BadDomain);
    }
    Ok(())
}

/// Whether two addresses are of one mailbox. Domains are compared in A-labels (RFC 5890 2.3.2.1); of
/// a local part only ASCII letters are compared without their case, as every mail system in use does.
pub fn is_same_address(one: &str, other: &str) -> bool {
    let parts = |address: &str| {
        let (local_part, domain) = address.rsplit_once('@')?;
        let labels = domain.split('.').map(a_label).collect::<Option<Vec<_>>>()?;
        Some((local_part.to_ascii_lowercase(), labels))
    };
    parts(one).is_some_and(|one| parts(other) == Some(one))
}

/// Whether a local part is a `Dot-string`: atoms joined by single dots.
fn is_dot_string(local_part: &str) -> bool {
    let is_atext = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local_part.split('.').all(|word| !word.is_empty() && word.chars().all(is_atext))
}

/// Whether a local part is a `Quoted-string`, in which a backslash escapes an ASCII character.
fn is_quoted_string(local_part: &str) -> bool {
    let quoted = local_part.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(mut rest) = quoted.map(str::chars) else {
        return false;
    };
    while let Some(c) = rest.next() {
        let is_accepted = match c {
            '"' => false,
            '\\' => rest.next().is_some_and(|escaped| matches!(escaped, ' '..='~')),
            _ => matches!(c, ' '..='~') || c.is_alphanumeric(),
        };
        if !is_accepted {
            return false;
        }
    }
    true
}

/// Whether a domain is a public DNS host name without a trailing dot (RFC 5321 2.3.5).
fn is_domain(domain: &str) -> bool {
    !domain.ends_with('.')
        && !domain.contains('_')
        && matches!(mail_host(domain), Ok(Host::Name(_)))
}

/// Whether a domain is `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 4.1.3).
fn is_address_literal(domain: &str) -> bool {
    let literal = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    literal.is_some_and(|literal| match literal.split_once(':') {
        Some((tag, address)) => {
            tag.eq_ignore_ascii_case("IPv6") && address.parse::<Ipv6Addr>().is_ok()
        }
        None => literal.parse::<Ipv4Addr>().is_ok(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::AddressProblem::{AddressTooLong, LocalPartTooLong};
    use super::*;
    use crate::cases::assert_cases;

    #[test]
    fn addresses_are_accepted_or_rejected_with_a_reason() {
        assert_cases(include_str!("../../tests/cases/addresses.json"), |text| {
            email_address(text).err()
        });
    }

    #[test]
    fn addresses_are_compared_as_they_are_sent() {
        for (one, other, expected) in [
            ("Ada@Example.com", "ada@example.COM", true),
            ("ada@bücher.example", "ada@xn--bcher-kva.example", true),
            ("ada@BÜCHER.example", "ADA@XN--bcher-kva.example", true),
            ("jörg@example.com", "JÖRG@example.com", false),
            ("ada@bücher.example", "ada@bucher.example", false),
            ("ada@example.com", "bob@example.com", false),
            ("", "", false),
        ] {
            assert_eq!(is_same_address(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn addresses_are_limited_in_octets() {
        let local_part = "a".repeat(64);
        let domain_of_189 = "d.".repeat(94) + "d";
        for (text, expected) in [
            (format!("{local_part}@example.com"), Ok(())),
            (format!("a{local_part}@example.com"), Err(LocalPartTooLong)),
            (format!("{}@example.com", "é".repeat(32)), Ok(())),
            (format!("{}a@example.com", "é".repeat(32)), Err(LocalPartTooLong)),
            (format!("\"{}\"@example.com", "a".repeat(62)), Ok(())),
            (format!("\"{}\"@example.com", "a".repeat(63)), Err(LocalPartTooLong)),
            (format!("{local_part}@{domain_of_189}"), Ok(())),
            (format!("{local_part}@{domain_of_189}d"), Err(AddressTooLong)),
            (format!("{}@{domain_of_189}", "é".repeat(32)), Ok(())),
            (format!("{}@{domain_of_189}d", "é".repeat(32)), Err(AddressTooLong)),
        ] {
            assert_eq!(email_address(&text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_validated_without_a_panic(text in r#"(?s).*|["\\a@ü. \[\]:<>]*"#) {
            let _ = email_address(&text);
        }

        #[test]
        fn a_valid_unquoted_address_cannot_close_the_smtp_path(text in r#"["\\a@ü. >-]{0,6}@[a>. -]{1,4}"#) {
            if email_address(&text).is_ok() && !text.starts_with('"') {
                prop_assert!(!text.contains([' ', '<', '>']));
            }
        }
    }
}
