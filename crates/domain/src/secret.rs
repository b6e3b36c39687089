//! Secrets as typed, and the destination that a stored secret is bound to. Only [`TypedSecret`] holds
//! a value, and no type here carries a value from the server to the browser.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::field::Field;

/// Each control that is a secret, with the control for the date on which it expires.
pub const EXPIRIES: [(Field, Field); 2] = [
    (Field::Password, Field::PasswordExpiresOn),
    (Field::ClientSecret, Field::ClientSecretExpiresOn),
];

/// A secret as typed. It travels from the browser to the server, never back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypedSecret(String);

impl TypedSecret {
    /// Wraps typed text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the value, for validation and sealing.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Copies the value to a [`SecretString`], which is zeroed on drop.
    pub fn open(&self) -> SecretString {
        SecretString::from(self.0.clone())
    }
}

impl fmt::Debug for TypedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedSecret(..)")
    }
}

/// An edit of a write-only secret; the stored value is never loaded into the form.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretEdit {
    /// Keep the stored value, if any.
    #[default]
    Untouched,
    /// Store this value.
    Replace(TypedSecret),
    /// Remove the stored value.
    Clear,
}

impl SecretEdit {
    /// Converts a control's text to an edit; empty text means untouched.
    pub fn from_text(text: String) -> Self {
        if text.is_empty() { Self::Untouched } else { Self::Replace(TypedSecret::new(text)) }
    }

    /// The typed text, or the empty string.
    pub fn text(&self) -> &str {
        match self {
            Self::Replace(typed) => typed.expose(),
            Self::Untouched | Self::Clear => "",
        }
    }
}

/// The storage state of a secret that a browser may see: whether it is set, and its destination.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoredSecret {
    /// No value is stored.
    #[default]
    Unset,
    /// A value is stored, sealed for this destination.
    For(Destination),
}

/// The only destination to which a stored secret may be sent: the one that it was entered for.
///
/// It is the associated data (AEAD) of the sealed value, which cannot be opened for another
/// destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// For a password: an account at a server, with a kind of connection security.
    Account {
        /// Host name in ASCII lower case, or IP address.
        server: String,
        /// Port as typed.
        port: String,
        /// User name as typed.
        username: String,
        /// `clear`, or the TLS mode's wire name, followed by a space and the certificates trusted for
        /// this server, if any.
        security: String,
    },
    /// For a refresh token: the origin (RFC 6454) of the Token Endpoint. Client Secrets stored by an
    /// earlier version also have it until they are entered again.
    Origin(String),
    /// For a Client Secret of the Authorization Code flows: the Token Endpoint. Without a code the
    /// secret yields no token, so it is bound to nothing else.
    CodeExchange {
        /// Token Endpoint as typed.
        token_endpoint: String,
    },
    /// For a Client Secret of Client Credentials (RFC 6749 4.4), which alone yields tokens: Token
    /// Endpoint, scope and mail server.
    ClientCredentials {
        /// Token Endpoint as typed.
        token_endpoint: String,
        /// Scope as typed.
        scope: String,
        /// Host name in ASCII lower case, or IP address.
        server: String,
        /// Port as typed.
        port: String,
        /// As in [`Destination::Account`].
        security: String,
    },
    /// For an access token: a server, with a kind of connection security.
    MailServer {
        /// Host name in ASCII lower case, or IP address.
        server: String,
        /// Port as typed.
        port: String,
        /// As in [`Destination::Account`]; a token is never sent for `clear`.
        security: String,
    },
    /// For the subject and the octets of a message of the outbox: the message's ID.
    Message(String),
    /// For the Client ID, which is sealed but not bound to a destination.
    // "nowhere" is a historical name.
    #[serde(rename = "nowhere")]
    Unbound,
}

impl Destination {
    /// Returns the controls in which two destinations of one secret differ, in display order. The
    /// list is empty exactly if the destinations are equal.
    pub fn differences(&self, other: &Self) -> Vec<Field> {
        use Destination::{Account, ClientCredentials, CodeExchange};
        match (self, other) {
            (one, other) if one == other => Vec::new(),
            (
                Account { server, port, username, security },
                Account { server: server2, port: port2, username: username2, security: security2 },
            ) => {
                let [use_tls, tls_mode, trusted_ca] = security_differences(security, security2);
                differing_fields([
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
                differing_fields([
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
            ) => differing_fields([(true, Field::Flow), (one != other, Field::TokenEndpoint)]),
            // Different Token Endpoints, or a secret of an earlier version with only the origin.
            _ => vec![Field::TokenEndpoint],
        }
    }
}

fn differing_fields<const N: usize>(differences: [(bool, Field); N]) -> Vec<Field> {
    differences.into_iter().filter_map(|(differs, field)| differs.then_some(field)).collect()
}

/// Whether Use TLS, TLS mode and Trusted CA certificate differ between two `security` texts.
fn security_differences(one: &str, other: &str) -> [bool; 3] {
    const CLEAR: &str = "clear";
    if (one == CLEAR) != (other == CLEAR) {
        return [true, false, false];
    }
    let parts = |security| str::split_once(security, ' ').unwrap_or((security, ""));
    let ((mode, trusted), (other_mode, other_trusted)) = (parts(one), parts(other));
    [false, mode != other_mode, trusted != other_trusted]
}
