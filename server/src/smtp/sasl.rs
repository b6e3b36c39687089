//! Signing in (RFC 4954): which mechanism, and the lines that each one sends. The lines are
//! secrets: they wipe themselves and print as nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::settings::Account;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use crate::hush::Hush;

/// The longest command line that a server has to take, without its CRLF (RFC 5321 4.5.3.1.4).
const LONGEST_COMMAND: usize = 510;

/// A way of signing in with a user name and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// Both in one response (RFC 4616).
    Plain,
    /// One after the other (draft-murchison-sasl-login).
    Login,
}

impl Mechanism {
    /// Those that PPM speaks, the preferred one first.
    const PREFERENCE: [Self; 2] = [Self::Plain, Self::Login];

    /// The one to use among those that a server offers.
    pub(super) fn choose(offered: &[String]) -> Option<Self> {
        Self::PREFERENCE
            .into_iter()
            .find(|known| offered.iter().any(|name| name.eq_ignore_ascii_case(known.name())))
    }

    /// Its name in the registry.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// What is to be sent for an account.
    pub(super) fn exchange(self, account: &Account) -> Exchange {
        let (username, password) = (&account.username, account.password.expose_secret());
        match self {
            Self::Plain => {
                let mut response =
                    Zeroizing::new(Vec::with_capacity(username.len() + password.len() + 2));
                response.push(0);
                response.extend_from_slice(username.as_bytes());
                response.push(0);
                response.extend_from_slice(password.as_bytes());
                Exchange::with_initial_response(self.name(), &response)
            }
            Self::Login => Exchange::of(
                self.name(),
                &[encoded(username.as_bytes()), encoded(password.as_bytes())],
            ),
        }
    }
}

/// Hides what signs an account in from whatever its server says.
pub(super) fn hush(account: Option<&Account>) -> Hush {
    const MARK: &str = "[password]";
    let Some(Account { username, password }) = account else { return Hush::default() };
    let plain = format!("\0{username}\0{}", password.expose_secret());
    Hush::default().hide(MARK, password).hide_sent(MARK, encoded(plain.as_bytes()))
}

/// The lines of one sign-in, each with its CRLF.
#[derive(Debug)]
pub(super) struct Exchange {
    /// The mechanism's name.
    pub(super) mechanism: &'static str,
    /// The AUTH command.
    pub(super) opening: SecretString,
    /// What answers each 334, in order; those for which no 334 comes are not sent.
    pub(super) responses: Vec<SecretString>,
}

impl Exchange {
    /// AUTH alone, and each response for itself.
    fn of(mechanism: &'static str, responses: &[SecretString]) -> Self {
        Self {
            mechanism,
            opening: line("AUTH ", mechanism),
            responses: responses.iter().map(|one| line("", one.expose_secret())).collect(),
        }
    }

    /// AUTH with the first response on its line, where such a line is short enough for every
    /// server (RFC 4954 4); otherwise the response answers an empty 334.
    fn with_initial_response(mechanism: &'static str, response: &[u8]) -> Self {
        let response = encoded(response);
        let command = format!("AUTH {mechanism} ");
        if command.len() + response.expose_secret().len() > LONGEST_COMMAND {
            return Self::of(mechanism, &[response]);
        }
        let opening = line(&command, response.expose_secret());
        Self { mechanism, opening, responses: Vec::new() }
    }
}

fn encoded(octets: &[u8]) -> SecretString {
    BASE64.encode(octets).into()
}

/// A line in one allocation, so that growing leaves no copy behind.
fn line(start: &str, rest: &str) -> SecretString {
    let mut line = String::with_capacity(start.len() + rest.len() + 2);
    line.push_str(start);
    line.push_str(rest);
    line.push_str("\r\n");
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(username: &str, password: &str) -> Account {
        Account { username: username.to_owned(), password: password.to_owned().into() }
    }

    fn lines(mechanism: Mechanism, username: &str, password: &str) -> Vec<String> {
        let exchange = mechanism.exchange(&account(username, password));
        std::iter::once(&exchange.opening)
            .chain(&exchange.responses)
            .map(|line| line.expose_secret().to_owned())
            .collect()
    }

    #[test]
    fn plain_is_preferred_and_then_login_in_any_case_of_letters() {
        for (offered, expected) in [
            (&["LOGIN", "PLAIN"][..], Some(Mechanism::Plain)),
            (&["login"][..], Some(Mechanism::Login)),
            (&["CRAM-MD5", "Plain"][..], Some(Mechanism::Plain)),
            (&["GSSAPI", "XOAUTH2"][..], None),
            (&[][..], None),
        ] {
            let offered: Vec<String> = offered.iter().map(ToString::to_string).collect();
            assert_eq!(Mechanism::choose(&offered), expected, "{offered:?}");
        }
    }

    #[test]
    fn a_short_password_rides_on_the_line_of_auth_plain() {
        assert_eq!(
            lines(Mechanism::Plain, "tim", "tanstaaftanstaaf"),
            ["AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n"]
        );
    }

    #[test]
    fn login_answers_two_questions() {
        assert_eq!(
            lines(Mechanism::Login, "tim", "secret"),
            ["AUTH LOGIN\r\n", "dGlt\r\n", "c2VjcmV0\r\n"]
        );
    }

    #[test]
    fn the_line_of_auth_plain_never_passes_510_octets() {
        for length in 300..500 {
            let lines = lines(Mechanism::Plain, "tim", &"x".repeat(length));
            let is_within = lines[0].len() <= LONGEST_COMMAND + 2;
            let is_needed = length + 5 > (LONGEST_COMMAND - "AUTH PLAIN ".len()) / 4 * 3;
            assert!(is_within, "{length}");
            assert_eq!(lines.len() == 2, is_needed, "{length}");
            assert!(lines.len() == 1 || lines[0] == "AUTH PLAIN\r\n", "{length}");
        }
    }

    #[test]
    fn neither_account_nor_exchange_prints_a_secret() {
        let account = account("tim", "tanstaaf");
        let printed = format!("{account:?} {:?}", Mechanism::Login.exchange(&account));
        assert!(!printed.contains("tanstaaf") && !printed.contains("dGFuc3RhYWY"), "{printed}");
    }
}
