//! Secrets at every stage of their way: typed, kept, shown as kept, opened. Only the first and the
//! last hold the value, and neither has a path towards the browser.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

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
    /// A client secret's and a refresh token's: the origin (RFC 6454) of the Token Endpoint.
    Origin(String),
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
