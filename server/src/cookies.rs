//! The cookies of this server. Each holds an opaque token that no script can read.

use axum::http::{HeaderMap, HeaderValue, header};

/// A cookie's base name, and whether the site is served over HTTPS.
#[derive(Debug, Clone, Copy)]
pub struct Cookie {
    base: &'static str,
    https: bool,
}

impl Cookie {
    /// Returns the session cookie.
    pub const fn of_session(https: bool) -> Self {
        Self { base: "ppm-email", https }
    }

    /// Returns the cookie that identifies a browser on a provider's callback.
    pub const fn of_consent(https: bool) -> Self {
        Self { base: "ppm-email-consent", https }
    }

    /// Returns the cookie that identifies a browser in which an account has signed in before.
    pub const fn of_device(https: bool) -> Self {
        Self { base: "ppm-email-device", https }
    }

    /// Returns the name; over HTTPS with the prefix `__Host-` (RFC 6265bis 4.1.3.2).
    pub fn name(self) -> String {
        let prefix = if self.https { "__Host-" } else { "" };
        format!("{prefix}{}", self.base)
    }

    /// Returns the `Set-Cookie` header. `end` is empty, for as long as the browser is open, or an
    /// attribute such as `; Max-Age=0`.
    pub(crate) fn given(self, token: &str, end: &str) -> HeaderValue {
        let (name, secure) = (self.name(), if self.https { "; Secure" } else { "" });
        HeaderValue::try_from(format!(
            "{name}={token}; Path=/; HttpOnly; SameSite=Lax{secure}{end}"
        ))
        .expect("a name, a token that came in a header or is base64, and attributes fit a header")
    }

    /// Returns the token in the cookie of a request.
    pub(crate) fn brought(self, headers: &HeaderMap) -> Option<&str> {
        value(headers, &self.name())
    }
}

/// Returns the value of the cookie with this name; an empty value counts as none.
pub(crate) fn value<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == wanted && !value.is_empty())
        .map(|(_, value)| value)
}
