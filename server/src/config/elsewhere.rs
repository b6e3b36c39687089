//! Which sites may show the tab on pages of theirs. None may unless it is named, by its origin and
//! nothing shorter; and none at all where the host has no tokens, without which a tab on its pages
//! would be nobody's.

use domain::check::url::endpoint_url;

use super::PublicUrl;
use crate::cli::ElsewhereArgs;

/// The sites on whose pages the tab may be.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    /// Those that may have it as an element among their own, and so call from there.
    pub embedding: Vec<HostOrigin>,
    /// Those that may have it in a frame.
    pub framing: Vec<HostOrigin>,
}

/// The origin of a host's pages (RFC 6454), as a browser writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostOrigin(String);

/// Why the flags about other sites make no sense.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum ElsewhereError {
    #[error(
        "{0} must be https://, or http:// on this machine, a host and optionally a port, with nothing after it"
    )]
    Origin(&'static str),
    #[error("{0} needs host tokens: --host-token-jwks-url or --host-token-key-file")]
    NoTokens(&'static str),
}

impl Elsewhere {
    /// Reads the flags.
    pub(super) fn read(args: &ElsewhereArgs, has_tokens: bool) -> Result<Self, ElsewhereError> {
        let read = |flag, texts: &[String]| {
            if !texts.is_empty() && !has_tokens {
                return Err(ElsewhereError::NoTokens(flag));
            }
            let origin = |text: &String| HostOrigin::parse(text);
            let origins = texts.iter().map(origin).collect::<Option<_>>();
            origins.ok_or(ElsewhereError::Origin(flag))
        };
        Ok(Self {
            embedding: read("--embed-origin", &args.embed_origin)?,
            framing: read("--frame-ancestor", &args.frame_ancestor)?,
        })
    }
}

impl HostOrigin {
    /// Reads an origin, with or without a slash at its end: https, or http of this machine.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The stricter of the two lets nothing into a host's name that means more in a policy.
        endpoint_url(text).ok()?;
        let url = PublicUrl::parse(text).ok()?;
        Some(Self(url.origin().to_owned()))
    }

    /// The origin's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_as_a_browser_writes_it() {
        for (text, expected) in [
            ("https://Host.Example:443/", "https://host.example"),
            ("https://host.example:8443", "https://host.example:8443"),
            ("http://a.localhost:4000", "http://a.localhost:4000"),
            ("http://127.0.0.1", "http://127.0.0.1"),
        ] {
            let origin = HostOrigin::parse(text).expect("an origin");
            assert_eq!(origin.as_str(), expected);
        }
    }

    #[test]
    fn what_is_no_origin_of_one_site_is_refused() {
        for text in [
            "",
            "*",
            "null",
            "host.example",
            "http://host.example",
            "https://*.host.example",
            "https://host.example/page",
            "https://host.example?",
            "https://ada@host.example",
            "https://host.example;script-src",
            "https://host.example https://other.example",
        ] {
            assert_eq!(HostOrigin::parse(text), None, "{text}");
        }
    }
}
