//! OAuth 2.0 towards providers: the address of the consent page, what comes back from it, and the
//! Token Endpoint. Keeps nothing: where tokens are stored and when they are renewed is decided
//! elsewhere. The requests are made by the `oauth2` crate; the connection and the reading of what
//! providers answer are our own, because the crate takes neither.
//!
//! - [`TokenClient`] is the conversation with a Token Endpoint; begin there.
//! - `wire` sends one request within its bounds; `encoding` takes the content codings off its answer;
//!   `transport` says what a broken connection means.
//! - `answer` tells a refusal from a token; `given` reads a token answer as leniently as providers
//!   write them; `page` finds words in what is no answer at all, and who else than a provider wrote it.
//! - [`Documents`] fetches what an issuer publishes beside its endpoints.
//! - [`claims_of`] looks into a token that can be read, for a person's eyes only.
//! - `fault` is the dictionary from error codes to meanings; `elsewhere` finds errors under other names.
//! - [`authorization_request`] and [`Answer`] are the two ends of a consent; `query` sees to it that no
//!   request says anything twice.

mod answer;
mod client;
mod consent;
mod documents;
mod elsewhere;
mod encoding;
mod fault;
mod given;
mod jwt;
mod page;
mod query;
mod transport;
mod wire;

use std::time::Duration;

use secrecy::SecretString;

pub(crate) use answer::Refusal;
pub use client::TokenClient;
pub use consent::{Answer, AuthorizationRequest, authorization_request, takes_login_hint};
pub use documents::{Document, DocumentError, Documents};
pub use fault::ProviderError;
pub use jwt::{Claims, claims_of, other_account};
pub use wire::TokenClientError;
pub(crate) use wire::Wire;

/// How long a Token Endpoint may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenDeadlines {
    /// For the name lookup, and for the connection with its TLS.
    pub connect: Duration,
    /// For everything, from the name lookup to the last octet, a second request included.
    pub total: Duration,
}

impl Default for TokenDeadlines {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), total: Duration::from_secs(30) }
    }
}

/// What a Token Endpoint gave (RFC 6749 5.1).
#[derive(Debug, Clone)]
pub struct Issued {
    /// Visible ASCII characters only, at least one.
    pub access_token: SecretString,
    /// Nothing where the answer names none: one that is there already stays good.
    pub refresh_token: Option<SecretString>,
    /// For how long the access token is good, in whole seconds from the answer on.
    pub lifetime: Duration,
    /// For how long the refresh token is good if it is not used, where the answer says.
    pub refresh_lifetime: Option<Duration>,
    /// For how long the grant lasts, however often it is renewed, where the answer says.
    pub grant_lifetime: Option<Duration>,
    /// What was granted, where the answer says; fit to be shown as text.
    pub scope: Option<String>,
    /// How client id and secret went.
    pub auth: ClientAuth,
    /// The addresses by which the tokens name their user, where they can be read; unverified.
    pub accounts: Vec<String>,
}

/// How client id and secret go to the Token Endpoint (RFC 6749 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// Among the parameters, which every known provider takes.
    #[default]
    Body,
    /// By HTTP Basic, for those that ask for it.
    Basic,
    /// The client ID alone, among the parameters: a public client has no secret (RFC 6749 2.1).
    None,
}

impl ClientAuth {
    /// Every way, the preferred one first.
    pub const ALL: [Self; 3] = [Self::Body, Self::Basic, Self::None];

    /// The way's name where it is stored.
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Basic => "basic",
            Self::None => "none",
        }
    }

    /// The way with this name.
    #[must_use]
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.wire_name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_of_client_authentication_is_found_by_its_name() {
        for way in ClientAuth::ALL {
            assert_eq!(ClientAuth::from_wire_name(way.wire_name()), Some(way));
        }
        assert_eq!(ClientAuth::from_wire_name("post"), None);
    }
}
