//! The key that a sealed value names, without opening it.

use std::fmt;

/// The version of the form of sealed values: their first octet.
pub const VERSION: u8 = 1;

/// The length of a key id in octets.
const ID_OCTETS: usize = 8;

/// The id of a key: the start of its digest, which reveals nothing about the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId([u8; ID_OCTETS]);

impl KeyId {
    /// Returns the id of the key with this digest.
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        let mut id = [0; ID_OCTETS];
        id.copy_from_slice(&digest[..ID_OCTETS]);
        Self(id)
    }

    /// Returns the key of a sealed value; `None` if it is not a sealed value.
    pub fn of(sealed: &[u8]) -> Option<Self> {
        sealed.strip_prefix(&[VERSION])?.first_chunk().copied().map(Self)
    }

    /// Returns the octets that each value sealed with the key contains.
    pub const fn octets(&self) -> &[u8; ID_OCTETS] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}
