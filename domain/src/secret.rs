//! Secrets at every stage of their way: typed, kept, shown as kept, opened. Only the first and the
//! last hold the value, and neither has a path towards the browser.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::field::Field;

/// A secret as it was typed, on its way from the browser to the server and never back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypedSecret(String);

impl TypedSecret {
    /// Takes what was typed.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The value, for checking its bounds and for sealing it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value in the type that wipes itself.
    #[must_use]
    pub fn open(&self) -> SecretString {
        SecretString::from(self.0.clone())
    }
}

impl fmt::Debug for TypedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedSecret(..)")
    }
}

/// What the form says about a secret: write-only, so the value is never part of what was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretEdit {
    /// Leave what is stored, if anything is.
    #[default]
    Untouched,
    /// Store this instead.
    Replace(TypedSecret),
    /// Remove what is stored.
    Clear,
}

impl SecretEdit {
    /// The edit that a text in the control means: an emptied control is an untouched one.
    #[must_use]
    pub fn from_text(text: String) -> Self {
        if text.is_empty() { Self::Untouched } else { Self::Replace(TypedSecret::new(text)) }
    }

    /// The typed text, or nothing.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Replace(typed) => typed.expose(),
            Self::Untouched | Self::Clear => "",
        }
    }
}

/// What a browser may know of a stored secret: that it is there, and where it may go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoredSecret {
    /// Nothing is stored.
    #[default]
    Unset,
    /// A value is stored, sealed for this destination.
    For(Destination),
}

/// The only place a stored secret goes to: it was entered for exactly this.
///
/// Sealed with the secret as associated data, so that a value cannot be opened for another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// A password's: this account at this server, by this kind of connection.
    Account {
        /// Host name without regard to case, or address.
        server: String,
        /// Port as typed.
        port: String,
        /// User name as typed.
        username: String,
        /// `clear`, or the TLS mode's wire name, and after a space the certificates that are trusted
        /// for this server alone, if any.
        security: String,
    },
    /// A refresh token's: the origin (RFC 6454) of the Token Endpoint. A Client Secret of an earlier
    /// version has it too until it is bound anew.
    Origin(String),
    /// A Client Secret's that a code is exchanged with: this Token Endpoint, as typed. Alone it yields
    /// no token, so it is bound to nothing else.
    CodeExchange {
        /// Token Endpoint as typed.
        token_endpoint: String,
    },
    /// A Client Secret's that alone yields tokens (RFC 6749 4.4): this Token Endpoint, for this scope,
    /// for this mail server.
    ClientCredentials {
        /// Token Endpoint as typed.
        token_endpoint: String,
        /// Scope as typed.
        scope: String,
        /// Host name without regard to case, or address.
        server: String,
        /// Port as typed.
        port: String,
        /// As of an account.
        security: String,
    },
    /// An access token's: this server, by this kind of connection.
    MailServer {
        /// Host name without regard to case, or address.
        server: String,
        /// Port as typed.
        port: String,
        /// As of an account; no token is ever used for `clear`.
        security: String,
    },
    /// A value that is sealed only against readers of the database: the Client ID's.
    Nowhere,
}

impl Destination {
    /// The controls in which two destinations of one secret differ, in the order of the screen. None
    /// differ exactly where the destinations are equal.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Field> {
        use Destination::{Account, ClientCredentials, CodeExchange};
        match (self, other) {
            (one, other) if one == other => Vec::new(),
            (
                Account { server, port, username, security },
                Account { server: server2, port: port2, username: username2, security: security2 },
            ) => {
                let [use_tls, tls_mode, trusted_ca] = security_differences(security, security2);
                named([
                    (server != server2, Field::BasicServer),
                    (port != port2, Field::BasicPort),
                    (use_tls, Field::BasicUseTls),
                    (tls_mode, Field::BasicTlsMode),
                    (trusted_ca, Field::BasicTrustedCa),
                    (username != username2, Field::Username),
                ])
            }
            (
                ClientCredentials { token_endpoint, scope, server, port, security },
                ClientCredentials {
                    token_endpoint: token_endpoint2,
                    scope: scope2,
                    server: server2,
                    port: port2,
                    security: security2,
                },
            ) => {
                let [use_tls, tls_mode, trusted_ca] = security_differences(security, security2);
                named([
                    (server != server2, Field::OauthServer),
                    (port != port2, Field::OauthPort),
                    (use_tls, Field::OauthUseTls),
                    (tls_mode, Field::OauthTlsMode),
                    (trusted_ca, Field::OauthTrustedCa),
                    (token_endpoint != token_endpoint2, Field::TokenEndpoint),
                    (scope != scope2, Field::Scope),
                ])
            }
            (
                CodeExchange { token_endpoint: one },
                ClientCredentials { token_endpoint: other, .. },
            )
            | (
                ClientCredentials { token_endpoint: one, .. },
                CodeExchange { token_endpoint: other },
            ) => named([(true, Field::Flow), (one != other, Field::TokenEndpoint)]),
            // Two Token Endpoints, or one of an earlier version, of which only the origin is known.
            _ => vec![Field::TokenEndpoint],
        }
    }
}

fn named<const N: usize>(differences: [(bool, Field); N]) -> Vec<Field> {
    differences.into_iter().filter_map(|(differs, field)| differs.then_some(field)).collect()
}

/// Whether Use TLS, TLS mode and Trusted CA certificate differ between two kinds of connection, as
/// [`Destination`] has them.
fn security_differences(one: &str, other: &str) -> [bool; 3] {
    const CLEAR: &str = "clear";
    if (one == CLEAR) != (other == CLEAR) {
        return [true, false, false];
    }
    let parts = |security| str::split_once(security, ' ').unwrap_or((security, ""));
    let ((mode, trusted), (other_mode, other_trusted)) = (parts(one), parts(other));
    [false, mode != other_mode, trusted != other_trusted]
}
