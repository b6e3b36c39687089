//! Random texts without a dependency.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// Sixteen random hexadecimal digits: the standard library keys its hashes from the system's random
/// numbers.
pub fn random_hex() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
