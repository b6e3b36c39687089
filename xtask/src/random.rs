//! Random words without a dependency.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// Returns a random word: the standard library keys its hashes from the system's random numbers.
pub fn unguessable() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
