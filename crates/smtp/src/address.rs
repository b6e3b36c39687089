//! Converts a mailbox from the form to its SMTP wire form, with the domain in A-labels.

use domain::syntax::address::email_address;
use lettre::Address;
use net::egress;

/// Returns the wire form of a mailbox: its domain in A-labels (RFC 5891 4.4), its local part as
/// typed. `None` for an invalid mailbox, so that no line break or bracket reaches a command.
pub fn wire_form(mailbox: &str) -> Option<Address> {
    email_address(mailbox).ok()?;
    let (local_part, domain) = mailbox.rsplit_once('@')?;
    if domain.starts_with('[') {
        return Some(Address::new_dangerous(local_part, domain));
    }
    // `Address::new` refuses forms that RFC 5321 allows, such as `[IPv6:::1]`.
    Some(Address::new_dangerous(local_part, egress::a_labels(domain)?))
}

/// Whether a mailbox needs SMTPUTF8 (RFC 6531): a local part has no ASCII form.
pub(super) fn needs_utf8(address: &Address) -> bool {
    !address.user().is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_converted_to_a_labels_and_the_local_part_is_unchanged() {
        for (mailbox, expected) in [
            ("Ada@Example.com", Some("Ada@example.com")),
            ("ada@bücher.example", Some("ada@xn--bcher-kva.example")),
            ("jörg@bücher.example", Some("jörg@xn--bcher-kva.example")),
            (r#""Ada Lovelace"@example.com"#, Some(r#""Ada Lovelace"@example.com"#)),
            ("ada@[IPv6:2001:db8::1]", Some("ada@[IPv6:2001:db8::1]")),
            ("root@localhost", Some("root@localhost")),
            ("ada@example.com>\r\nRSET", None),
            ("ada@example.com> SIZE=1", None),
            ("ada", None),
        ] {
            let written = wire_form(mailbox);
            assert_eq!(written.as_ref().map(AsRef::as_ref), expected, "{mailbox:?}");
        }
    }

    #[test]
    fn only_a_non_ascii_local_part_needs_smtputf8() {
        for (mailbox, expected) in [("ada@bücher.example", false), ("jörg@example.com", true)] {
            assert_eq!(wire_form(mailbox).as_ref().map(needs_utf8), Some(expected), "{mailbox}");
        }
    }
}
