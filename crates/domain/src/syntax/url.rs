//! Validates OAuth endpoints, Redirect URIs and scopes. A client secret is sent to an endpoint, so a
//! URL is rejected if two parsers could disagree about its host.

use serde::{Deserialize, Serialize};

use super::host::{Host, mail_host};
use super::port::port;
use super::text::{TextProblem, one_line};

/// Why a URL is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UrlProblem {
    /// The URL does not begin with a scheme and two slashes; as a Redirect URI, it is empty.
    NotAbsolute,
    /// The scheme is neither https nor http; as a Redirect URI, it is a script scheme.
    Scheme,
    /// The scheme is http and the host is not loopback.
    HttpNotLoopback,
    /// The host is missing.
    NoHost,
    /// The host is invalid.
    BadHost,
    /// The port is not a number from 1 to 65,535.
    BadPort,
    /// The URL contains userinfo (RFC 3986 3.2.1).
    UserInfo,
    /// The URL contains a fragment, possibly empty (RFC 6749 3.1, 3.1.2, 3.2).
    Fragment,
    /// Path or query contains a character that must be percent-encoded, or a `%` without two
    /// hexadecimal digits (RFC 3986 2.1, 3.3, 3.4).
    BadCharacter,
    /// The URL contains whitespace.
    Space,
    /// The text contains a control character.
    ControlCharacter,
}

/// Why a list of scopes is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScopeProblem {
    /// The text contains a control character.
    ControlCharacter,
    /// The text contains a quotation mark, a backslash or a non-ASCII character (RFC 6749 3.3).
    BadCharacter,
}

/// Validates the URL of an OAuth endpoint (RFC 3986; RFC 6749 3.1, 3.2).
///
/// The scheme is https, or http to loopback (`localhost`, `*.localhost`, 127.0.0.0/8, `[::1]`). The
/// host must pass [`mail_host`], without underscores and with IPv6 addresses in brackets. A query is
/// allowed. Non-ASCII characters are rejected in path and query; providers publish the encoded form.
///
/// # Errors
/// Returns the first rule that the text breaks.
pub fn endpoint_url(text: &str) -> Result<(), UrlProblem> {
    UrlAuthority::of(text).map(drop)
}

/// Returns the origin of an endpoint (RFC 6454 4): scheme, host and port, without the default port.
///
/// URLs with the same origin are requested from the same server. Names are compared by ASCII case
/// only: a trailing dot or the A-label form makes another origin. Returns `None` if
/// [`endpoint_url`] rejects the text.
pub fn origin(text: &str) -> Option<String> {
    UrlAuthority::of(text).ok().map(|authority| authority.origin())
}

/// Returns the host of an endpoint in lower case, or `None` if [`endpoint_url`] rejects the text.
pub fn endpoint_host(text: &str) -> Option<String> {
    UrlAuthority::of(text).ok().map(|authority| authority.host_text.to_ascii_lowercase())
}

/// Validates a Redirect URI, which the provider compares byte for byte.
///
/// Any registered URI is accepted, including `urn:ietf:wg:oauth:2.0:oob`, unless it is empty, has
/// whitespace, a control character or a fragment (RFC 6749 3.1.2), or has a script scheme.
///
/// # Errors
/// Returns the first rule that the text breaks.
pub fn redirect_uri(text: &str) -> Result<(), UrlProblem> {
    check_no_whitespace(text)?;
    if text.is_empty() {
        return Err(UrlProblem::NotAbsolute);
    }
    if text.contains('#') {
        return Err(UrlProblem::Fragment);
    }
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    if ["javascript", "data", "vbscript"].iter().any(|script| scheme.eq_ignore_ascii_case(script)) {
        return Err(UrlProblem::Scheme);
    }
    Ok(())
}

/// Returns a URL without the part that breaks a rule; `None` if the rule is about no such part.
pub(crate) fn without_part(problem: UrlProblem, text: &str) -> Option<String> {
    match problem {
        UrlProblem::Space => Some(text.split_whitespace().collect()),
        UrlProblem::Fragment => text.split_once('#').map(|(rest, _)| rest.to_owned()),
        UrlProblem::UserInfo => {
            let (scheme, rest) = text.split_once("//")?;
            let (authority, path_and_query) = split_before(rest, ['/', '?']);
            let (_, host_and_port) = authority.rsplit_once('@')?;
            Some(format!("{scheme}//{host_and_port}{path_and_query}"))
        }
        _ => None,
    }
}

/// Validates a list of scope tokens separated by spaces (RFC 6749 3.3).
///
/// Additional spaces are accepted.
///
/// # Errors
/// Returns the first rule that the text breaks.
pub fn scope(text: &str) -> Result<(), ScopeProblem> {
    one_line(text).map_err(|TextProblem::ControlCharacter| ScopeProblem::ControlCharacter)?;
    if !text.chars().all(|c| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~')) {
        return Err(ScopeProblem::BadCharacter);
    }
    Ok(())
}

fn check_no_whitespace(text: &str) -> Result<(), UrlProblem> {
    one_line(text).map_err(|TextProblem::ControlCharacter| UrlProblem::ControlCharacter)?;
    if text.contains(char::is_whitespace) {
        return Err(UrlProblem::Space);
    }
    Ok(())
}

/// The scheme of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn of(name: &str) -> Result<Self, UrlProblem> {
        match name {
            _ if name.eq_ignore_ascii_case("https") => Ok(Self::Https),
            _ if name.eq_ignore_ascii_case("http") => Ok(Self::Http),
            _ if is_scheme(name) => Err(UrlProblem::Scheme),
            _ => Err(UrlProblem::NotAbsolute),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Whether a text is a syntactically valid scheme (RFC 3986 3.1).
fn is_scheme(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// Scheme, host and port of a valid endpoint.
struct UrlAuthority<'a> {
    scheme: Scheme,
    /// The host as typed, which keeps a trailing dot.
    host_text: &'a str,
    host: Host,
    port: u16,
}

impl<'a> UrlAuthority<'a> {
    fn of(text: &'a str) -> Result<Self, UrlProblem> {
        check_no_whitespace(text)?;
        let (scheme, rest) = text.split_once(':').ok_or(UrlProblem::NotAbsolute)?;
        let scheme = Scheme::of(scheme)?;
        let rest = rest.strip_prefix("//").ok_or(UrlProblem::NotAbsolute)?;
        if rest.contains('#') {
            return Err(UrlProblem::Fragment);
        }
        let (authority, path_and_query) = split_before(rest, ['/', '?']);
        if authority.contains('@') {
            return Err(UrlProblem::UserInfo);
        }
        if !is_path_and_query(path_and_query) {
            return Err(UrlProblem::BadCharacter);
        }
        let (host_text, port_text) = split_port(authority);
        let host = parse_host(host_text)?;
        if scheme == Scheme::Http && !is_loopback(&host) {
            return Err(UrlProblem::HttpNotLoopback);
        }
        let port = match port_text.map(port) {
            None => scheme.default_port(),
            Some(Ok(number @ 1..)) => number,
            Some(_) => return Err(UrlProblem::BadPort),
        };
        Ok(Self { scheme, host_text, host, port })
    }

    fn origin(&self) -> String {
        let scheme = self.scheme.name();
        let host = match &self.host {
            Host::Name(_) => self.host_text.to_ascii_lowercase(),
            Host::Ip(address) if address.is_ipv6() => format!("[{address}]"),
            Host::Ip(address) => address.to_string(),
        };
        if self.port == self.scheme.default_port() {
            return format!("{scheme}://{host}");
        }
        format!("{scheme}://{host}:{}", self.port)
    }
}

/// Splits a URL, valid or not, into its host and the text after its authority.
pub(crate) fn host_and_path(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.trim().split_once("://")?;
    let (authority, path) = split_before(rest, ['/', '?']);
    Some((split_port(authority).0, path))
}

/// Splits a text before the first of these characters.
fn split_before(text: &str, ends: [char; 2]) -> (&str, &str) {
    text.find(ends).and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

/// Splits an authority into its host and its port, which follows a colon outside of brackets.
pub(crate) fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn parse_host(text: &str) -> Result<Host, UrlProblem> {
    if text.is_empty() {
        return Err(UrlProblem::NoHost);
    }
    match mail_host(text) {
        Ok(Host::Name(name)) if name.contains('_') => Err(UrlProblem::BadHost),
        Ok(Host::Ip(address)) if address.is_ipv6() && !text.starts_with('[') => {
            Err(UrlProblem::BadHost)
        }
        host => host.map_err(|_| UrlProblem::BadHost),
    }
}

/// Whether a host is loopback: `localhost` (RFC 6761 6.3), a name under it, or a loopback address.
fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Name(name) => {
            name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
        }
        Host::Ip(address) => address.is_loopback(),
    }
}

/// Whether path and query consist of `pchar`, `/` and `?` (RFC 3986 3.3, 3.4).
fn is_path_and_query(text: &str) -> bool {
    let is_accepted = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%".contains(c);
    let begins_with_two_digits =
        |encoded: &str| encoded.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    text.chars().all(is_accepted) && text.split('%').skip(1).all(begins_with_two_digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cases::assert_cases;

    #[test]
    fn origins_ignore_case_and_the_default_port() {
        assert_cases(include_str!("../../tests/cases/origins.json"), |text| {
            assert_eq!(endpoint_url(text), Ok(()), "{text:?}");
            origin(text).unwrap_or_default()
        });
    }

    #[test]
    fn invalid_endpoints_are_rejected_with_a_reason_and_have_no_origin() {
        assert_cases(include_str!("../../tests/cases/endpoints.json"), |text| {
            assert_eq!(origin(text), None, "{text:?}");
            endpoint_url(text).expect_err(text)
        });
    }

    #[test]
    fn redirect_uris_accept_any_scheme_except_scripts() {
        assert_cases(include_str!("../../tests/cases/redirect-uris.json"), |text| {
            redirect_uri(text).err()
        });
    }

    #[test]
    fn scopes_are_ascii_tokens_separated_by_spaces() {
        assert_cases(include_str!("../../tests/cases/scopes.json"), |text| scope(text).err());
    }

    proptest! {
        #[test]
        fn any_text_is_validated_without_a_panic(text in r"(?s).*|https?:[/a1ü.:@%?#\[\]\\]*") {
            let _ = (endpoint_url(&text), redirect_uri(&text), scope(&text));
        }

        #[test]
        fn an_origin_is_a_valid_endpoint_and_its_own_origin(
            text in r"(https|HTTP)://([aBü1.]{1,5}|localhost|\[::1\]|127\.0\.0\.1)(:[0-9]{1,5})?[/?a%0]{0,4}",
        ) {
            let origin_once = origin(&text);
            prop_assert_eq!(origin_once.is_some(), endpoint_url(&text).is_ok());
            if let Some(origin_once) = origin_once {
                prop_assert_eq!(origin(&origin_once), Some(origin_once));
            }
        }
    }
}
