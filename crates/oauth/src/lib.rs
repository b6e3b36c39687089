//! An OAuth 2.0 client (RFC 6749): the authorization request, its response, and the token endpoint.
//! Stores nothing; the storage and the renewal of tokens are decided by the caller. The `oauth2` crate
//! builds the requests; the HTTP connection and the lenient parsing of responses are implemented
//! here.
//!
//! - [`TokenClient`] sends token requests; begin there.
//! - [`TimedHttp`] sends one HTTP request through the guarded client of `net`.
//! - `response` distinguishes an error from a token; `token_response` parses a token response
//!   leniently; `html_error` takes text from an HTML page and recognises pages that a proxy or a
//!   bot guard sent.
//! - [`Documents`] fetches the JSON documents of an issuer.
//! - [`claims_of`] decodes the claims of a JWT, for display only.
//! - `error` maps error codes to meanings; `nonstandard_error` finds errors in non-standard
//!   members.
//! - [`authorization_request`] and [`AuthorizationResponse`] are the two ends of a consent; `query`
//!   keeps parameters from being sent twice.

mod authorization_endpoint;
mod client;
mod error;
mod html_error;
mod jwt;
mod metadata_document;
mod nonstandard_error;
mod query;
mod response;
mod timed_http;
mod token_response;

use std::time::Duration;

use secrecy::SecretString;

pub use authorization_endpoint::{
    AuthorizationRequest, AuthorizationResponse, authorization_request, takes_login_hint,
};
pub use client::TokenClient;
pub use error::ProviderError;
pub use jwt::{TokenClaims, claims_of, other_account};
pub use metadata_document::{Document, DocumentError, Documents};
pub use response::TokenEndpointError;
pub use timed_http::TimedHttp;

/// A successful token response (RFC 6749 5.1).
#[derive(Debug, Clone)]
pub struct Issued {
    /// The access token: visible ASCII characters only, at least one.
    pub access_token: SecretString,
    /// The refresh token; if it is `None`, an existing one stays valid.
    pub refresh_token: Option<SecretString>,
    /// The lifetime of the access token from the response on, in whole seconds.
    pub lifetime: Duration,
    /// The lifetime of the unused refresh token, if the response states it.
    pub refresh_lifetime: Option<Duration>,
    /// The lifetime of the grant, regardless of renewals, if the response states it.
    pub grant_lifetime: Option<Duration>,
    /// The granted scope, if the response states it; safe to display.
    pub scope: Option<String>,
    /// The client authentication of the request.
    pub auth: ClientAuth,
    /// The users' email addresses in the tokens, if these are JWTs; unverified.
    pub accounts: Vec<String>,
}

/// The client authentication method at the token endpoint (RFC 6749 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// In the request body, which all known providers accept.
    #[default]
    Body,
    /// HTTP Basic, for providers that require it.
    Basic,
    /// The client ID alone in the request body: a public client has no secret (RFC 6749 2.1).
    None,
}

impl ClientAuth {
    /// All methods, the preferred one first.
    pub const ALL: [Self; 3] = [Self::Body, Self::Basic, Self::None];

    /// Returns the stored name.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Basic => "basic",
            Self::None => "none",
        }
    }

    /// Returns the method with a stored name.
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.wire_name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_authentication_method_is_found_by_its_stored_name() {
        for method in ClientAuth::ALL {
            assert_eq!(ClientAuth::from_wire_name(method.wire_name()), Some(method));
        }
        assert_eq!(ClientAuth::from_wire_name("post"), None);
    }
}
