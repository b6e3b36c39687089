//! Fingerprints of content, for file names and for the detection of changes.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of the content in hexadecimal digits.
pub fn fingerprint(content: &[u8]) -> String {
    let mut digits = String::new();
    for octet in Sha256::digest(content) {
        let _ = write!(digits, "{octet:02x}");
    }
    digits
}
