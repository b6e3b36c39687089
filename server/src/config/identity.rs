//! What the flags say of identity: names of claims, roles and headers, and the keys of a host.

use axum::http::HeaderName;
use jsonwebtoken::{Algorithm, DecodingKey};

/// The issuer of users whom a proxy identifies.
pub const PROXY_ISSUER: &str = "proxy";

/// The names of the headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyHeaders {
    /// The user's identifier.
    pub user: HeaderName,
    /// The user's roles, separated by commas.
    pub roles: HeaderName,
    /// The user's display name.
    pub name: Option<HeaderName>,
    /// The user's email address.
    pub email: Option<HeaderName>,
}

/// The names of the claims to read. A name that matches no claim is a dotted path into objects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named for what its claim says")]
pub struct ClaimNames {
    pub subject: String,
    pub name: String,
    pub email: String,
    pub email_is_verified: String,
    pub roles: String,
    pub language: String,
    pub zone: String,
    pub date_pattern: String,
    /// The first of these claims that is present is used.
    pub clock: Vec<String>,
}

/// The names of the roles in tokens and headers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named for the role that it stands for")]
pub struct RoleNames {
    pub administrator: String,
    pub reader: String,
}

impl Default for RoleNames {
    fn default() -> Self {
        Self { administrator: "ppm-administrator".to_owned(), reader: "ppm-reader".to_owned() }
    }
}

/// A published or configured public key.
#[derive(Debug, Clone)]
pub struct PublicKey {
    pub(crate) id: Option<String>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) key: DecodingKey,
}

/// The file holds no public key.
#[derive(Debug, thiserror::Error)]
#[error("no public key in PEM")]
pub struct NoKey;

/// The source of the keys.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A file that was read at startup.
    File(PublicKey),
    /// The URL of a JWKS.
    Address(String),
}

impl PublicKey {
    /// Parses a public key in PEM (RFC 7468 13), or an RSA key in PKCS #1.
    ///
    /// # Errors
    /// It is not a public key; a private key and a certificate are rejected too.
    pub fn from_pem(pem: &str) -> Result<Self, NoKey> {
        let is_public = pem.contains("-----BEGIN PUBLIC KEY-----")
            || pem.contains("-----BEGIN RSA PUBLIC KEY-----");
        let pem = pem.as_bytes();
        let key = DecodingKey::from_rsa_pem(pem)
            .or_else(|_| DecodingKey::from_ec_pem(pem))
            .or_else(|_| DecodingKey::from_ed_pem(pem));
        match key {
            Ok(key) if is_public => Ok(Self { id: None, algorithm: None, key }),
            _ => Err(NoKey),
        }
    }
}
