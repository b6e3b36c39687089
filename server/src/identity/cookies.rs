//! The cookies of this server: each a random token that the browser sends back and no script sees.

use axum::http::{HeaderMap, HeaderValue, header};

/// A cookie's name, and whether browsers come by https.
#[derive(Debug, Clone, Copy)]
pub struct Cookie {
    base: &'static str,
    https: bool,
}

impl Cookie {
    /// The cookie by which a browser is known again after a sign-in.
    #[must_use]
    pub const fn of_session(https: bool) -> Self {
        Self { base: "ppm-email", https }
    }

    /// The cookie by which a browser is known again when it comes back from a provider.
    #[must_use]
    pub const fn of_consent(https: bool) -> Self {
        Self { base: "ppm-email-consent", https }
    }

    /// The cookie by which a browser is known in which an account has signed in before.
    #[must_use]
    pub const fn of_device(https: bool) -> Self {
        Self { base: "ppm-email-device", https }
    }

    /// The name; under https with the prefix that ties it to this one host (RFC 6265bis 4.1.3.2).
    #[must_use]
    pub fn name(self) -> String {
        let prefix = if self.https { "__Host-" } else { "" };
        format!("{prefix}{}", self.base)
    }

    /// The header that gives a token to the browser, for the time that `end` says: by default until
    /// the browser is closed.
    pub(super) fn given(self, token: &str, end: &str) -> HeaderValue {
        let (name, secure) = (self.name(), if self.https { "; Secure" } else { "" });
        HeaderValue::try_from(format!(
            "{name}={token}; Path=/; HttpOnly; SameSite=Lax{secure}{end}"
        ))
        .expect("a name, a token that came in a header or is base64, and attributes fit a header")
    }

    /// The token that a request brings along.
    pub(super) fn brought(self, headers: &HeaderMap) -> Option<&str> {
        value(headers, &self.name())
    }
}

/// What a request brings along in the cookie with this name; an empty one is none.
pub(super) fn value<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == wanted && !value.is_empty())
        .map(|(_, value)| value)
}
