//! What a server says it can do in its answer to EHLO (RFC 5321 4.1.1.1). lettre keeps of it neither
//! the names of mechanisms that it does not speak nor whether AUTH was there at all.

use domain::delivery::{Fact, FactName};

use super::report::fact;
use super::wire::Reply;

/// What a server offers, as far as it is of use here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate offer")]
pub(super) struct Offers {
    /// STARTTLS (RFC 3207).
    pub(super) starttls: bool,
    /// SMTPUTF8 (RFC 6531).
    pub(super) smtputf8: bool,
    /// 8BITMIME (RFC 6152).
    pub(super) eight_bit: bool,
    /// The largest message that is taken, in octets; nothing if there is no limit, or none is told
    /// (SIZE, RFC 1870 4).
    pub(super) size: Option<usize>,
    /// The mechanisms of AUTH (RFC 4954), in capitals, each once; nothing if AUTH is not offered at all.
    pub(super) mechanisms: Option<Vec<String>>,
    /// Whether an offer was made unreadable on its way: Cisco's firewalls write X over the ones that
    /// they do not let pass, STARTTLS among them ("ESMTP inspection", formerly "fixup protocol smtp").
    pub(super) is_masked: bool,
    /// The server's own name, the first word of the answer.
    pub(super) server_name: String,
}

impl Offers {
    /// Reads the lines after the first, which begins with the server's own name.
    pub(super) fn of(ehlo: &Reply) -> Self {
        let first_line = ehlo.lines.first().map(String::as_str).unwrap_or_default();
        let server_name = first_line.split_whitespace().next().unwrap_or_default().to_owned();
        let mut offers = Self { server_name, ..Self::default() };
        for line in ehlo.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            // `AUTH=` is an old way of writing it that some servers add for old clients.
            let mut words = line.split(|c: char| c.is_whitespace() || c == '=');
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("SMTPUTF8") => offers.smtputf8 = true,
                Some("8BITMIME") => offers.eight_bit = true,
                Some("SIZE") => offers.size = words.next().and_then(limit),
                Some("AUTH") => {
                    let known = offers.mechanisms.get_or_insert_default();
                    for name in words.filter(|name| !name.is_empty()) {
                        if !known.iter().any(|known| known == name) {
                            known.push(name.to_owned());
                        }
                    }
                }
                Some(word) if is_masked(word) => offers.is_masked = true,
                _ => {}
            }
        }
        offers
    }

    /// What of it is worth telling.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let mechanisms = self.mechanisms.as_ref().map(|names| names.join(" "));
        let size = self.size.map(|limit| limit.to_string());
        let smtputf8 = if self.smtputf8 { "yes" } else { "no" };
        let mechanisms = mechanisms.map(|names| fact(FactName::Mechanisms, names));
        let size = size.map(|limit| fact(FactName::Size, limit));
        let smtputf8 = fact(FactName::SmtpUtf8, smtputf8);
        mechanisms.into_iter().chain(size).chain([smtputf8]).collect()
    }
}

/// Whether a word is X written over another one, of which a last letter may be left: `XXXXXXXA`.
pub(super) fn is_masked(word: &str) -> bool {
    let rest = word.trim_start_matches('X');
    word.len() - rest.len() >= 4 && rest.len() <= 1
}

/// A limit in octets; 0 is none.
fn limit(digits: &str) -> Option<usize> {
    digits.parse().ok().filter(|&limit| limit > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(lines: &[&str]) -> Offers {
        let lines = lines.iter().map(ToString::to_string).collect();
        Offers::of(&Reply { code: 250, lines })
    }

    #[test]
    fn keywords_are_read_in_any_case_of_letters_from_the_second_line_on() {
        let offers = offers(&["STARTTLS now", "smtputf8", "8BitMime", "SIZE 1000", ""]);
        let expected = Offers {
            smtputf8: true,
            eight_bit: true,
            size: Some(1_000),
            server_name: "STARTTLS".to_owned(),
            ..Offers::default()
        };
        assert_eq!(offers, expected);
    }

    #[test]
    fn a_mechanism_that_is_offered_twice_is_listed_once() {
        let offers = offers(&["mail", "AUTH PLAIN LOGIN", "AUTH=LOGIN", "auth=plain xoauth2"]);
        assert_eq!(offers.mechanisms.expect("AUTH"), ["PLAIN", "LOGIN", "XOAUTH2"]);
    }

    #[test]
    fn an_offer_that_was_written_over_is_told_from_others() {
        for (line, expected) in [
            ("XXXXXXXA", true),
            ("XXXXXXXX", true),
            ("XXXXXXXB", true),
            ("XXXX", true),
            ("STARTTLS", false),
            ("XAUTH", false),
            ("XXX", false),
            ("X-EXPS GSSAPI", false),
            ("XXXXXXXAB", false),
        ] {
            assert_eq!(offers(&["mail.example.com", line]).is_masked, expected, "{line:?}");
        }
    }

    #[test]
    fn a_size_that_is_no_limit_limits_nothing() {
        for (line, expected) in [
            ("SIZE 35882577", Some(35_882_577)),
            ("size=10", Some(10)),
            ("SIZE", None),
            ("SIZE 0", None),
            ("SIZE 99999999999999999999999", None),
            ("SIZE many", None),
        ] {
            assert_eq!(offers(&["mail.example.com", line]).size, expected, "{line:?}");
        }
    }

    #[test]
    fn no_auth_is_told_from_auth_without_a_mechanism() {
        for (line, expected) in [
            ("SIZE", None),
            ("AUTHENTICATE PLAIN", None),
            ("AUTH", Some(&[][..])),
            ("AUTH PLAIN LOGIN", Some(&["PLAIN", "LOGIN"][..])),
            ("auth=plain ntlm", Some(&["PLAIN", "NTLM"][..])),
        ] {
            let mechanisms = offers(&["mail.example.com", line]).mechanisms;
            let expected = expected.map(|names| names.iter().map(ToString::to_string).collect());
            assert_eq!(mechanisms, expected, "{line:?}");
        }
    }
}
