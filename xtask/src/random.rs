//! What nobody can guess, without a dependency for it.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// A word that nobody knows: the standard library keys its hashes from the system's random numbers.
pub fn unguessable() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
