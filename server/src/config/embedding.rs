//! The origins that may embed the tab, as an element or in an iframe. Each must be named as a full
//! origin. Embedding requires host tokens: without them an embedded tab has no authenticated user.

use domain::syntax::url::endpoint_url;

use super::PublicUrl;
use crate::cli::EmbeddingArgs;

/// The sites that may embed the tab.
#[derive(Debug, Clone, Default)]
pub struct EmbeddingOrigins {
    /// Sites that may embed it as an element, and so may call from their pages (CORS).
    pub embedding: Vec<HostOrigin>,
    /// Sites that may embed it in an iframe (`frame-ancestors`).
    pub framing: Vec<HostOrigin>,
}

/// The origin of a host's pages (RFC 6454), as browsers serialise it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostOrigin(String);

/// Why the flags about embedding are invalid.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum EmbeddingError {
    #[error(
        "{0} must be https://, or http:// on this machine, a host and optionally a port, with nothing after it"
    )]
    Origin(&'static str),
    #[error("{0} needs host tokens: --host-token-jwks-url or --host-token-key-file")]
    NoTokens(&'static str),
}

impl EmbeddingOrigins {
    /// Parses the flags.
    pub(super) fn read(args: &EmbeddingArgs, has_tokens: bool) -> Result<Self, EmbeddingError> {
        let read = |flag, texts: &[String]| {
            if !texts.is_empty() && !has_tokens {
                return Err(EmbeddingError::NoTokens(flag));
            }
            let origin = |text: &String| HostOrigin::parse(text);
            let origins = texts.iter().map(origin).collect::<Option<_>>();
            origins.ok_or(EmbeddingError::Origin(flag))
        };
        Ok(Self {
            embedding: read("--embed-origin", &args.embed_origin)?,
            framing: read("--frame-ancestor", &args.frame_ancestor)?,
        })
    }
}

impl HostOrigin {
    /// Parses an origin, with or without a trailing slash: https, or http on this machine.
    pub fn parse(text: &str) -> Option<Self> {
        // The stricter parser: it admits no character in a host name that has a meaning in a CSP.
        endpoint_url(text).ok()?;
        let url = PublicUrl::parse(text).ok()?;
        Some(Self(url.origin().to_owned()))
    }

    /// The origin as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_normalised_as_browsers_serialise_it() {
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
    fn a_text_that_is_not_a_single_origin_is_refused() {
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
