//! Implements the client side of SMTP AUTH (RFC 4954): credentials, mechanisms, and the lines that
//! each mechanism sends. The lines are secrets: they are zeroized and never printed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::settings::{Account, MailServer};
use domain::syntax::host::Host;
use net::egress;
use net::redact::Redactor;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// The longest command line of RFC 5321 4.5.3.1.4, in octets without CRLF.
const LONGEST_COMMAND: usize = 510;

/// The credentials for sending a message.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// None: PPM does not sign in.
    None,
    /// A user name and a password.
    Password(Account),
    /// An access token, which is never sent unencrypted.
    Token(Bearer),
}

/// An access token and its account (RFC 6750).
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The mailbox.
    pub user: String,
    /// The token, decrypted for one use.
    pub token: SecretString,
}

/// A SASL mechanism for a user name and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// PLAIN: both in one response (RFC 4616).
    Plain,
    /// LOGIN: one after the other (draft-murchison-sasl-login).
    Login,
}

impl Mechanism {
    /// The supported mechanisms, in order of preference.
    const PREFERENCE: [Self; 2] = [Self::Plain, Self::Login];

    /// Returns the supported mechanisms that a server offers, in order of preference.
    pub(super) fn among(offered: &[String]) -> Vec<Self> {
        Self::PREFERENCE.into_iter().filter(|known| is_offered(offered, known.name())).collect()
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// Returns the lines to send for an account.
    pub(super) fn exchange(self, account: &Account) -> Exchange {
        let (username, password) = (&account.username, account.password.expose_secret());
        match self {
            Self::Plain => Exchange::with_initial_response(self.name(), &plain(account)),
            Self::Login => Exchange::of(
                self.name(),
                &[encoded(username.as_bytes()), encoded(password.as_bytes())],
            ),
        }
    }
}

/// A SASL mechanism for an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenMechanism {
    /// XOAUTH2 of Microsoft and Google (Google Developers, "OAuth 2.0 Mechanism").
    Xoauth2,
    /// OAUTHBEARER (RFC 7628).
    OauthBearer,
}

impl TokenMechanism {
    /// The supported mechanisms, the more widespread one first.
    const PREFERENCE: [Self; 2] = [Self::Xoauth2, Self::OauthBearer];

    /// Returns the preferred mechanism that a server offers.
    pub(super) fn choose(offered: &[String]) -> Option<Self> {
        Self::PREFERENCE.into_iter().find(|known| is_offered(offered, known.name()))
    }

    /// Returns the mechanism's name; XOAUTH2 is not registered.
    const fn name(self) -> &'static str {
        match self {
            Self::Xoauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }

    /// Returns the lines to send to a server for a token.
    pub(super) fn exchange(self, bearer: &Bearer, server: &MailServer) -> Exchange {
        Exchange::with_initial_response(self.name(), &self.response(bearer, server))
    }

    /// Returns the response to an error challenge, after which the server replies: empty, or an
    /// encoded ^A (RFC 7628 3.2.3).
    pub(super) const fn acknowledgement(self) -> &'static str {
        match self {
            Self::Xoauth2 => "\r\n",
            Self::OauthBearer => "AQ==\r\n",
        }
    }

    fn response(self, bearer: &Bearer, server: &MailServer) -> Zeroizing<Vec<u8>> {
        let (user, token) = (&bearer.user, bearer.token.expose_secret());
        match self {
            Self::Xoauth2 => joined(&["user=", user, "\x01auth=Bearer ", token, "\x01\x01"]),
            Self::OauthBearer => {
                let (user, host) = (sasl_name(user), host_name(&server.host));
                let target = format!(",\x01host={host}\x01port={}\x01auth=Bearer ", server.port);
                joined(&["n,a=", &user, &target, token, "\x01\x01"])
            }
        }
    }
}

/// Whether a server offers a mechanism. Case does not matter.
fn is_offered(offered: &[String], name: &str) -> bool {
    offered.iter().any(|offer| offer.eq_ignore_ascii_case(name))
}

/// Redacts the credentials from the server's text.
pub(super) fn redactor(credentials: &Credentials, server: &MailServer) -> Redactor {
    match credentials {
        Credentials::None => Redactor::default(),
        Credentials::Password(account) => {
            const MARK: &str = "[password]";
            Redactor::default()
                .secret(MARK, &account.password)
                .encoded(MARK, encoded(&plain(account)))
        }
        Credentials::Token(bearer) => {
            const MARK: &str = "[token]";
            let response = |mechanism: TokenMechanism| encoded(&mechanism.response(bearer, server));
            Redactor::default()
                .secret(MARK, &bearer.token)
                .encoded(MARK, response(TokenMechanism::Xoauth2))
                .encoded(MARK, response(TokenMechanism::OauthBearer))
        }
    }
}

/// The lines of one AUTH exchange, each with its CRLF.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) mechanism: &'static str,
    pub(super) opening: SecretString,
    /// The response to each 334, in order. A response without its 334 is not sent.
    pub(super) responses: Vec<SecretString>,
}

impl Exchange {
    /// Builds an exchange of AUTH alone on its line, then the responses.
    fn of(mechanism: &'static str, responses: &[SecretString]) -> Self {
        Self {
            mechanism,
            opening: line("AUTH ", mechanism),
            responses: responses.iter().map(|one| line("", one.expose_secret())).collect(),
        }
    }

    /// Builds an exchange with an initial response (RFC 4954 4). If its line would be too long for
    /// some servers, the response answers an empty 334.
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

/// Returns the response of PLAIN (RFC 4616 2).
fn plain(account: &Account) -> Zeroizing<Vec<u8>> {
    joined(&["\0", &account.username, "\0", account.password.expose_secret()])
}

/// Joins parts in one allocation, because growing would leave copies of secrets in memory.
fn joined(parts: &[&str]) -> Zeroizing<Vec<u8>> {
    let mut whole = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        whole.extend_from_slice(part.as_bytes());
    }
    whole
}

/// Escapes a user name (`saslname`, RFC 5801 4).
fn sasl_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// Returns the server's name in A-labels.
fn host_name(host: &Host) -> String {
    let name = host.to_string();
    match host {
        Host::Name(_) => egress::a_labels(&name).unwrap_or(name),
        Host::Ip(_) => name,
    }
}

fn encoded(octets: &[u8]) -> SecretString {
    BASE64.encode(octets).into()
}

/// Builds a line in one allocation, because growing would leave copies of secrets in memory.
fn line(start: &str, rest: &str) -> SecretString {
    let mut line = String::with_capacity(start.len() + rest.len() + 2);
    line.push_str(start);
    line.push_str(rest);
    line.push_str("\r\n");
    line.into()
}

#[cfg(test)]
mod tests {
    use domain::settings::Security;

    use super::*;

    fn account(username: &str, password: &str) -> Account {
        Account { username: username.to_owned(), password: password.to_owned().into() }
    }

    fn lines_of(exchange: &Exchange) -> Vec<String> {
        let lines = std::iter::once(&exchange.opening).chain(&exchange.responses);
        lines.map(|line| line.expose_secret().to_owned()).collect()
    }

    fn lines(mechanism: Mechanism, username: &str, password: &str) -> Vec<String> {
        lines_of(&mechanism.exchange(&account(username, password)))
    }

    #[test]
    fn plain_is_preferred_to_login_and_case_does_not_matter() {
        use Mechanism::{Login, Plain};
        for (offered, expected) in [
            (&["LOGIN", "PLAIN"][..], &[Plain, Login][..]),
            (&["login"][..], &[Login][..]),
            (&["CRAM-MD5", "Plain"][..], &[Plain][..]),
            (&["GSSAPI", "XOAUTH2"][..], &[][..]),
            (&[][..], &[][..]),
        ] {
            let offered: Vec<String> = offered.iter().map(ToString::to_string).collect();
            assert_eq!(Mechanism::among(&offered), expected, "{offered:?}");
        }
    }

    #[test]
    fn a_short_password_is_sent_as_an_initial_response() {
        assert_eq!(
            lines(Mechanism::Plain, "tim", "tanstaaftanstaaf"),
            ["AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n"]
        );
    }

    #[test]
    fn login_sends_two_responses() {
        assert_eq!(
            lines(Mechanism::Login, "tim", "secret"),
            ["AUTH LOGIN\r\n", "dGlt\r\n", "c2VjcmV0\r\n"]
        );
    }

    #[test]
    fn the_auth_plain_line_never_exceeds_510_octets() {
        for length in 300..500 {
            let lines = lines(Mechanism::Plain, "tim", &"x".repeat(length));
            let is_within = lines[0].len() <= LONGEST_COMMAND + 2;
            let is_needed = length + 5 > (LONGEST_COMMAND - "AUTH PLAIN ".len()) / 4 * 3;
            assert!(is_within, "{length}");
            assert_eq!(lines.len() == 2, is_needed, "{length}");
            assert!(lines.len() == 1 || lines[0] == "AUTH PLAIN\r\n", "{length}");
        }
    }

    fn bearer(user: &str, token: &str) -> Bearer {
        Bearer { user: user.to_owned(), token: token.to_owned().into() }
    }

    fn server(host: &str) -> MailServer {
        let host = host.parse().map_or_else(|_| Host::Name(host.to_owned()), Host::Ip);
        let (security, trusted_ca) = (Security::StartTls, String::new());
        MailServer { host, port: 587, security, trusted_ca }
    }

    #[test]
    fn xoauth2_is_preferred_to_oauthbearer_and_case_does_not_matter() {
        for (offered, expected) in [
            (&["OAUTHBEARER", "XOAUTH2"][..], Some(TokenMechanism::Xoauth2)),
            (&["PLAIN", "OAuthBearer"][..], Some(TokenMechanism::OauthBearer)),
            (&["xoauth2"][..], Some(TokenMechanism::Xoauth2)),
            (&["PLAIN", "LOGIN"][..], None),
            (&[][..], None),
        ] {
            let offered: Vec<String> = offered.iter().map(ToString::to_string).collect();
            assert_eq!(TokenMechanism::choose(&offered), expected, "{offered:?}");
        }
    }

    #[test]
    fn each_mechanism_frames_user_and_token_by_its_grammar() {
        use TokenMechanism::{OauthBearer, Xoauth2};
        const AUTH: &str = "\x01auth=Bearer vF9dft4qmT\x01\x01";
        for (mechanism, user, host, expected) in [
            (Xoauth2, "ada,=@example.com", "smtp.example.com", "user=ada,=@example.com"),
            (
                OauthBearer,
                "ada@example.com",
                "smtp.example.com",
                "n,a=ada@example.com,\x01host=smtp.example.com\x01port=587",
            ),
            (
                OauthBearer,
                "a=,=da@example.com",
                "Bücher.example",
                "n,a=a=3D=2C=3Dda@example.com,\x01host=xn--bcher-kva.example\x01port=587",
            ),
            (OauthBearer, "ada", "2001:db8::1", "n,a=ada,\x01host=2001:db8::1\x01port=587"),
        ] {
            let response = mechanism.response(&bearer(user, "vF9dft4qmT"), &server(host));
            let expected = [expected, AUTH].concat();
            assert_eq!(response.as_slice(), expected.as_bytes(), "{mechanism:?} {user}");
        }
    }

    #[test]
    fn a_token_is_sent_after_the_334_if_its_line_would_exceed_510_octets() {
        for mechanism in TokenMechanism::PREFERENCE {
            for length in (200..400).chain([9_000, 20_000]) {
                let bearer = bearer("ada@example.com", &"t".repeat(length));
                let server = server("smtp.example.com");
                let response = encoded(&mechanism.response(&bearer, &server));
                let whole = format!("AUTH {} {}", mechanism.name(), response.expose_secret());
                let lines = lines_of(&mechanism.exchange(&bearer, &server));
                if whole.len() <= LONGEST_COMMAND {
                    assert_eq!(lines, [format!("{whole}\r\n")]);
                } else {
                    let opening = format!("AUTH {}\r\n", mechanism.name());
                    assert_eq!(lines, [opening, format!("{}\r\n", response.expose_secret())]);
                }
            }
        }
    }

    #[test]
    fn credentials_do_not_print_a_token() {
        let credentials = Credentials::Token(bearer("ada", "vF9dft4qmT"));
        let printed = format!("{credentials:?}");
        assert!(printed.contains("ada") && !printed.contains("vF9dft4qmT"), "{printed}");
    }

    #[test]
    fn neither_account_nor_exchange_prints_a_secret() {
        let account = account("tim", "tanstaaf");
        let printed = format!("{account:?} {:?}", Mechanism::Login.exchange(&account));
        assert!(!printed.contains("tanstaaf") && !printed.contains("dGFuc3RhYWY"), "{printed}");
    }
}
