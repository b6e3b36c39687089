//! Parses the extensions in an EHLO response (RFC 5321 4.1.1.1). lettre keeps neither the names of
//! mechanisms that it does not support nor whether AUTH was offered at all.

use domain::delivery::{Fact, FactName};

use super::protocol::Reply;

/// The extensions that a server offers in the response to its last EHLO, as far as PPM uses them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate offer")]
pub struct Capabilities {
    /// STARTTLS (RFC 3207).
    pub(super) starttls: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit: bool,
    /// The largest accepted message in octets; `None` for no limit or an unknown one (SIZE, RFC
    /// 1870 4).
    pub size: Option<usize>,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// The AUTH mechanisms (RFC 4954) in upper case, each once; `None` if AUTH is not offered.
    pub(super) mechanisms: Option<Vec<String>>,
    /// Whether a firewall has masked a keyword: Cisco's write X over STARTTLS and others ("ESMTP
    /// inspection", formerly "fixup protocol smtp").
    pub(super) is_masked: bool,
    /// The server's name, the first word of the response.
    pub(super) server_name: String,
}

impl Capabilities {
    /// Parses an EHLO response. The first line begins with the server's name.
    pub(super) fn of(ehlo: &Reply) -> Self {
        let first_line = ehlo.lines.first().map(String::as_str).unwrap_or_default();
        let server_name = first_line.split_whitespace().next().unwrap_or_default().to_owned();
        let mut capabilities = Self { server_name, ..Self::default() };
        for line in ehlo.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            // `AUTH=` is an old form that some servers add for old clients.
            let mut words = line.split(|c: char| c.is_whitespace() || c == '=');
            match words.next() {
                Some("STARTTLS") => capabilities.starttls = true,
                Some("SMTPUTF8") => capabilities.smtputf8 = true,
                Some("8BITMIME") => capabilities.eight_bit = true,
                Some("PIPELINING") => capabilities.pipelining = true,
                Some("SIZE") => capabilities.size = words.next().and_then(limit),
                Some("AUTH") => {
                    let known = capabilities.mechanisms.get_or_insert_default();
                    for name in words.filter(|name| !name.is_empty()) {
                        if !known.iter().any(|known| known == name) {
                            known.push(name.to_owned());
                        }
                    }
                }
                Some(word) if is_masked(word) => capabilities.is_masked = true,
                _ => {}
            }
        }
        capabilities
    }

    pub(super) fn facts(&self) -> Vec<Fact> {
        let mechanisms = self.mechanisms.as_ref().map(|names| names.join(" "));
        let size = self.size.map(|limit| limit.to_string());
        let smtputf8 = if self.smtputf8 { "yes" } else { "no" };
        let mechanisms = mechanisms.map(|names| Fact::new(FactName::Mechanisms, names));
        let size = size.map(|limit| Fact::new(FactName::Size, limit));
        let smtputf8 = Fact::new(FactName::SmtpUtf8, smtputf8);
        mechanisms.into_iter().chain(size).chain([smtputf8]).collect()
    }
}

/// Whether a keyword is masked with X, of which the last letter may remain: `XXXXXXXA`.
pub(super) fn is_masked(word: &str) -> bool {
    let rest = word.trim_start_matches('X');
    word.len() - rest.len() >= 4 && rest.len() <= 1
}

/// Parses a limit in octets; 0 means no limit.
fn limit(digits: &str) -> Option<usize> {
    digits.parse().ok().filter(|&limit| limit > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(lines: &[&str]) -> Capabilities {
        let lines = lines.iter().map(ToString::to_string).collect();
        Capabilities::of(&Reply { code: 250, lines })
    }

    #[test]
    fn keywords_are_case_insensitive_and_start_at_the_second_line() {
        let capabilities =
            capabilities(&["STARTTLS now", "smtputf8", "8BitMime", "Pipelining", "SIZE 1000", ""]);
        let expected = Capabilities {
            smtputf8: true,
            eight_bit: true,
            pipelining: true,
            size: Some(1_000),
            server_name: "STARTTLS".to_owned(),
            ..Capabilities::default()
        };
        assert_eq!(capabilities, expected);
    }

    #[test]
    fn a_mechanism_that_is_offered_twice_is_listed_once() {
        let capabilities =
            capabilities(&["mail", "AUTH PLAIN LOGIN", "AUTH=LOGIN", "auth=plain xoauth2"]);
        assert_eq!(capabilities.mechanisms.expect("AUTH"), ["PLAIN", "LOGIN", "XOAUTH2"]);
    }

    #[test]
    fn a_masked_keyword_is_recognised() {
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
            assert_eq!(capabilities(&["mail.example.com", line]).is_masked, expected, "{line:?}");
        }
    }

    #[test]
    fn a_size_of_zero_or_an_unreadable_one_is_no_limit() {
        for (line, expected) in [
            ("SIZE 35882577", Some(35_882_577)),
            ("size=10", Some(10)),
            ("SIZE", None),
            ("SIZE 0", None),
            ("SIZE 99999999999999999999999", None),
            ("SIZE many", None),
        ] {
            assert_eq!(capabilities(&["mail.example.com", line]).size, expected, "{line:?}");
        }
    }

    #[test]
    fn missing_auth_differs_from_auth_without_a_mechanism() {
        for (line, expected) in [
            ("SIZE", None),
            ("AUTHENTICATE PLAIN", None),
            ("AUTH", Some(&[][..])),
            ("AUTH PLAIN LOGIN", Some(&["PLAIN", "LOGIN"][..])),
            ("auth=plain ntlm", Some(&["PLAIN", "NTLM"][..])),
        ] {
            let mechanisms = capabilities(&["mail.example.com", line]).mechanisms;
            let expected = expected.map(|names| names.iter().map(ToString::to_string).collect());
            assert_eq!(mechanisms, expected, "{line:?}");
        }
    }
}
