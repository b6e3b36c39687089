//! The keys that a vault opens with, oldest first, and the one that it seals with. A ring is
//! immutable: a vault replaces it.

use std::fmt;

use chacha20poly1305::{XChaCha20Poly1305, aead::KeyInit};
use chrono::NaiveDate;
use ring::hmac;
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};
use store::key_id::KeyId;

/// A key, and when it was made, if known.
#[derive(Clone)]
pub struct Key {
    octets: Zeroizing<[u8; 32]>,
    id: KeyId,
    cipher: XChaCha20Poly1305,
    signing: hmac::Key,
    made_on: Option<NaiveDate>,
}

impl Key {
    /// Creates a key of these octets.
    pub fn new(octets: &[u8; 32], made_on: Option<NaiveDate>) -> Self {
        let digest =
            Sha256::new().chain_update(b"ppm-email key id").chain_update(octets).finalize();
        Self {
            octets: Zeroizing::new(*octets),
            id: KeyId::of_digest(&digest.into()),
            cipher: XChaCha20Poly1305::new(octets.into()),
            signing: signing_key(octets),
            made_on,
        }
    }

    /// Returns the key's id.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Returns the day on which it was made (UTC), if known.
    pub const fn made_on(&self) -> Option<NaiveDate> {
        self.made_on
    }

    /// Returns the key itself, for the key file.
    pub(crate) fn octets(&self) -> &[u8; 32] {
        &self.octets
    }

    pub(crate) const fn cipher(&self) -> &XChaCha20Poly1305 {
        &self.cipher
    }

    pub(crate) const fn signing(&self) -> &hmac::Key {
        &self.signing
    }
}

/// Derives the key for signatures from the sealing key, which it does not reveal.
fn signing_key(octets: &[u8; 32]) -> hmac::Key {
    let sealing = hmac::Key::new(hmac::HMAC_SHA256, octets);
    let derived = hmac::sign(&sealing, b"ppm-email signing key");
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, ..)", self.id)
    }
}

/// Keys, oldest first: at least one, and no duplicates.
#[derive(Debug, Clone)]
pub struct Ring {
    keys: Vec<Key>,
    /// The index of the key that seals.
    active: usize,
}

impl Ring {
    /// Creates a ring of one key.
    pub fn of_one(key: Key) -> Self {
        Self { keys: vec![key], active: 0 }
    }

    /// Creates a ring that seals with the newest key; `None` without keys or with duplicates.
    pub fn of(keys: Vec<Key>) -> Option<Self> {
        let active = keys.len().checked_sub(1)?;
        let is_first = |(at, key): (usize, &Key)| !keys[..at].iter().any(|k| k.id() == key.id());
        keys.iter().enumerate().all(is_first).then_some(Self { keys, active })
    }

    /// Returns the same keys, sealing with this one; `None` if it is not among them.
    pub fn sealing_with(&self, id: KeyId) -> Option<Self> {
        let active = self.keys.iter().position(|key| key.id() == id)?;
        Some(Self { keys: self.keys.clone(), active })
    }

    /// Returns the same keys and a newer one.
    pub fn and(mut self, newer: Key) -> Self {
        self.keys.push(newer);
        self
    }

    /// Returns the key that seals and those that were added after it.
    pub fn without_retired(&self) -> Self {
        Self { keys: self.keys[self.active..].to_vec(), active: 0 }
    }

    /// Returns the key with this id.
    pub fn key(&self, id: KeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.id() == id)
    }

    /// Returns the keys, oldest first.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Returns the key that seals.
    pub fn active(&self) -> &Key {
        &self.keys[self.active]
    }

    /// Returns the key that was added last.
    pub fn newest(&self) -> &Key {
        &self.keys[self.keys.len() - 1]
    }

    /// Returns the keys that were added before the one that seals, oldest first.
    pub fn retired(&self) -> &[Key] {
        &self.keys[..self.active]
    }
}
