//! The URLs that are an origin alone: this server's public URL and a proxy's.

use std::fmt;

use ::http::Uri;
use domain::syntax::{port::port, url::endpoint_url};
use secrecy::{ExposeSecret, SecretString};

/// The text is not `http://` or `https://`, a host and optionally a port, with nothing after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not http:// or https://, a host and optionally a port")]
pub struct NotAnOrigin;

/// The URL that browsers use: an origin (RFC 6454), without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    https: bool,
    origin: String,
}

impl PublicUrl {
    /// Parses an origin, with or without a trailing slash.
    ///
    /// # Errors
    /// Another scheme, no host, user info, or a path.
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        let uri: Uri = text.parse().map_err(|_| NotAnOrigin)?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(NotAnOrigin),
        };
        let authority = uri.authority().ok_or(NotAnOrigin)?;
        let is_origin = uri.path() == "/" && uri.query().is_none() && !text.contains('#');
        if !is_origin || authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(NotAnOrigin);
        }
        let (scheme, default_port) = if https { ("https", 443) } else { ("http", 80) };
        let host = authority.host().to_ascii_lowercase();
        let after_host = &authority.as_str()[host.len()..];
        let port = match after_host.strip_prefix(':').map(port) {
            None => default_port,
            Some(Ok(port)) => port,
            Some(Err(_)) => return Err(NotAnOrigin),
        };
        let origin = if port == default_port {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        };
        Ok(Self { https, origin })
    }

    /// The origin as browsers serialise it: lower case, no default port, no trailing slash.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        let (_, authority) = self.origin.split_once("://").unwrap_or_default();
        let end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
        let port = authority[end..].find(':').map_or(authority.len(), |colon| end + colon);
        &authority[..port]
    }

    /// Whether the scheme is https.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether a `Host` header names this origin: case-insensitively, and with or without the
    /// scheme's default port (RFC 9110 4.2.3).
    pub fn has_host(&self, host: &str) -> bool {
        let scheme = if self.https { "https" } else { "http" };
        Self::parse(&format!("{scheme}://{host}")).is_ok_and(|asked| asked.origin == self.origin)
    }

    /// Whether it is http to another machine than the browser's own.
    pub fn is_in_clear(&self) -> bool {
        !self.https && endpoint_url(&self.origin).is_err()
    }
}

/// The URL of an HTTP proxy, which may contain a user name and a password.
#[derive(Clone)]
pub struct ProxyUrl {
    url: SecretString,
    origin: String,
}

impl ProxyUrl {
    /// Parses an origin, with or without a trailing slash or user info.
    ///
    /// # Errors
    /// Another scheme, no host, or a path.
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        let uri: Uri = text.parse().map_err(|_| NotAnOrigin)?;
        let authority = uri.authority().ok_or(NotAnOrigin)?.as_str();
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        let is_origin = uri.path() == "/" && uri.query().is_none() && !text.contains('#');
        let origin = PublicUrl::parse(&format!("{}://{place}", uri.scheme_str().unwrap_or("")));
        match origin {
            Ok(origin) if is_origin => {
                Ok(Self { url: SecretString::from(text), origin: origin.origin })
            }
            _ => Err(NotAnOrigin),
        }
    }

    /// The whole URL with its credentials, for the client that connects to the proxy.
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }

    /// The URL without user name and password.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProxyUrl").field(&self.origin).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_in_clear_if_it_is_http_on_another_machine() {
        let is_in_clear = |url| PublicUrl::parse(url).expect("a URL").is_in_clear();
        assert!(is_in_clear("http://ppm.example"));
        for url in ["https://ppm.example", "http://localhost:3000", "http://127.0.0.1:3000"] {
            assert!(!is_in_clear(url), "{url}");
        }
    }
}
