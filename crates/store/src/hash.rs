//! Hashes of values that the database must recognise but not contain: session tokens, tickets,
//! states. These are random and long, so that a plain digest reveals nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// Returns the SHA-256 of a text in base64url.
pub fn hashed(text: &str) -> String {
    hashed_octets(text.as_bytes())
}

/// Returns the SHA-256 of octets in base64url.
pub fn hashed_octets(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(octets))
}
