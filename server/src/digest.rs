//! What the database knows of a thing that only somebody else may have: a session's token, a
//! ticket, a state. All are random and long, so that a plain digest tells nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The SHA-256 of a text, in letters that fit a column and a URL.
#[must_use]
pub fn hashed(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}
