//! Seals secrets for the database and opens them again. The associated data of the AEAD binds each
//! to one destination. The keys are in a separate file, so that a copy of the database alone
//! reveals nothing. Nothing here decides who may open a secret. Passwords of administrators are not
//! sealed but hashed, in [`passwords`].
//!
//! A sealed value is `version (1) | key id (8) | nonce (24) | ciphertext and tag`. A vault opens
//! with any key of its ring. It seals with the key that sealed the database's check value
//! (`store/key_check.rs`): one row decides for all nodes, and each node polls it every
//! [`LOOK_EVERY`].

pub mod application_key;
pub mod clock;
pub mod columns;
pub mod key_file;
pub mod key_ring;
pub mod passwords;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::{collections::BTreeSet, fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use domain::{error::one_line, secret::Destination};
use key_file::KeyFileError;
use key_ring::{Key, Ring};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use store::key_id::{KeyId, VERSION};
use store::{Store, StoreError, key_check, sealed};

use crate::clock::{Clock, Randomness, random_bytes};

const NONCE: usize = 24;
const CHECKED_TEXT: &[u8] = b"ppm-email";

/// How often a process checks which key seals, and whether the file has a missing key now.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Seals and opens secrets with the keys of a ring. Clones share everything.
#[derive(Clone)]
pub struct Vault {
    ring: Arc<RwLock<Arc<Ring>>>,
    /// The key file to read again; `None` for a vault without a file.
    file: Option<Arc<Path>>,
    missing: Arc<Mutex<MissingKeys>>,
    randomness: Arc<dyn Randomness>,
}

/// The keys that are missing in a vault.
#[derive(Default)]
struct MissingKeys {
    /// The keys that a value in the database needs and the ring does not have.
    keys: BTreeSet<KeyId>,
    /// The logged error of the last attempt to read the key file.
    last_error: Option<String>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// Why a sealed value cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum VaultError {
    #[error("the sealed value has a shape that this version does not know")]
    UnknownShape,
    #[error("the value was sealed with a key that is not in the key file")]
    OtherKey,
    #[error("the value was sealed for another field or destination, or was changed")]
    Refused,
}

/// Why the vault cannot be opened at startup. Each message is the one line an operator reads.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum UnlockError {
    #[error("the database contains secrets sealed with a key, but the key file {} does not exist: put it back, copy it from another node, or name the right one with --key-file", .0.display())]
    KeyMissing(PathBuf),
    #[error("the key in {} is not the one that the database was sealed with: copy the key file from a node that works, or name the right one with --key-file", .0.display())]
    WrongKey(PathBuf),
    #[error("the key file {} cannot be used", .0.display())]
    KeyFile(PathBuf, #[source] KeyFileError),
    #[error("the key that the database needs cannot be looked up")]
    Store(#[from] StoreError),
}

/// Opens the vault that the database needs: reads the key file, or creates one if neither key nor
/// sealed value exists yet.
///
/// # Errors
/// The key is missing, wrong, or in a file that cannot be trusted.
pub async fn unlock(
    key_file: &Path,
    store: &Store,
    clock: &dyn Clock,
    randomness: Arc<dyn Randomness>,
) -> Result<Vault, UnlockError> {
    let unusable = |error| UnlockError::KeyFile(key_file.to_owned(), error);
    let needed = key_check::load(store).await?;
    let (ring, is_new) = match key_file::read(key_file).map_err(unusable)? {
        Some(ring) => (ring, false),
        None if needed.is_some() => return Err(UnlockError::KeyMissing(key_file.to_owned())),
        None => first_ring(key_file, clock, randomness.as_ref()).map_err(unusable)?,
    };
    let vault = Vault::over(ring, Some(key_file), randomness);
    let check = match needed {
        Some(check) => check,
        None => key_check::settle(store, &vault.check()).await?,
    };
    if vault.adopt(&check) {
        vault.record_missing(sealed::keys(store).await?);
        return Ok(vault);
    }
    if is_new {
        // Another node was first: this key has sealed nothing, and its file would be in the way.
        let _ = std::fs::remove_file(key_file);
        return Err(UnlockError::KeyMissing(key_file.to_owned()));
    }
    Err(UnlockError::WrongKey(key_file.to_owned()))
}

/// Creates a key in a new file, and returns whether this call has created it: a process that starts
/// at the same moment may have been first.
fn first_ring(
    key_file: &Path,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
) -> Result<(Ring, bool), KeyFileError> {
    let ring = Ring::of_one(new_key(clock, randomness));
    if key_file::make(key_file, &ring, randomness)? {
        return Ok((ring, true));
    }
    Ok((key_file::read(key_file)?.ok_or(KeyFileError::Malformed)?, false))
}

/// Generates a random key.
pub fn new_key(clock: &dyn Clock, randomness: &dyn Randomness) -> Key {
    let octets = Zeroizing::new(random_bytes::<32>(randomness));
    Key::new(&octets, Some(clock.now().date_naive()))
}

/// Checks every [`LOOK_EVERY`] which key seals, and whether missing keys are in the file now or not
/// needed any more. Never returns.
pub async fn follow(vault: Vault, store: Store) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(error) = poll(&vault, &store).await {
            tracing::warn!(error = one_line(&error), "which key seals could not be looked up");
        }
    }
}

async fn poll(vault: &Vault, store: &Store) -> Result<(), StoreError> {
    let before = vault.ring().active().id();
    if let Some(check) = key_check::load(store).await?
        && !vault.adopt(&check)
    {
        vault.record_missing(KeyId::of(&check));
    }
    let key = vault.ring().active().id();
    if key != before {
        tracing::info!(%key, "another key seals from now on");
    }
    let missing = vault.missing_keys();
    for key in &missing {
        if vault.has_or_loads(*key) || !sealed::is_needed(store, *key).await? {
            vault.missing().keys.remove(key);
        }
    }
    if !missing.is_empty() && !vault.has_met_unknown_key() {
        tracing::info!("no key is missing any more");
    }
    Ok(())
}

impl Vault {
    /// Creates a vault with this key alone.
    pub fn new(key: &[u8; 32], randomness: Arc<dyn Randomness>) -> Self {
        let ring = Ring::of_one(Key::new(key, None));
        Self::over(ring, None, randomness)
    }

    /// Creates a vault with these keys, which looks for missing ones in this file.
    pub fn over(ring: Ring, file: Option<&Path>, randomness: Arc<dyn Randomness>) -> Self {
        Self {
            ring: Arc::new(RwLock::new(Arc::new(ring))),
            file: file.map(Arc::from),
            missing: Arc::default(),
            randomness,
        }
    }

    /// Returns the current keys.
    pub fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs a text for one purpose (HMAC-SHA-256) and returns base64url, which fits a cookie.
    pub fn sign(&self, purpose: &str, text: &str) -> String {
        let signed = encode(purpose, 0, &[text]);
        URL_SAFE_NO_PAD.encode(hmac::sign(self.ring().active().signing(), &signed))
    }

    /// Whether a key of this vault has signed a text for this purpose.
    pub fn has_signed(&self, purpose: &str, text: &str, signature: &str) -> bool {
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let signed = encode(purpose, 0, &[text]);
        let is_by = |key: &Key| hmac::verify(key.signing(), &signed, &signature).is_ok();
        self.ring().keys().iter().any(is_by)
    }

    /// Seals a secret for one column (a field's wire name) and one destination.
    pub fn seal(&self, column: &str, destination: &Destination, secret: &SecretString) -> Vec<u8> {
        self.seal_octets(column, destination, secret.expose_secret().as_bytes())
    }

    /// Seals octets that are no text, such as a message.
    pub fn seal_octets(&self, column: &str, destination: &Destination, plain: &[u8]) -> Vec<u8> {
        self.seal_bytes(self.ring().active(), &associated_data(column, destination), plain)
    }

    /// Opens a value that was sealed for this column and this destination. A key that is not in the
    /// ring is looked for in the key file.
    ///
    /// # Errors
    /// It was sealed for another one or with an unknown key, or was changed since.
    pub fn open(
        &self,
        column: &str,
        destination: &Destination,
        sealed: &[u8],
    ) -> Result<SecretString, VaultError> {
        let opened = self.open_octets(column, destination, sealed)?;
        let text = std::str::from_utf8(&opened).map_err(|_| VaultError::UnknownShape)?;
        Ok(SecretString::from(text))
    }

    /// Opens octets that are no text.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_octets(
        &self,
        column: &str,
        destination: &Destination,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let key = KeyId::of(sealed).ok_or(VaultError::UnknownShape)?;
        if !self.has_or_loads(key) {
            self.record_missing([key]);
        }
        open_bytes(&self.ring(), &associated_data(column, destination), sealed)
    }

    /// Returns the same value, sealed with the key that seals now.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reseal(
        &self,
        column: &str,
        destination: &Destination,
        sealed: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let opened = self.open_octets(column, destination, sealed)?;
        Ok(self.seal_octets(column, destination, &opened))
    }

    /// Seals from now on with the key that sealed this check value. False if that key is neither in
    /// the ring nor in the file: the vault then goes on sealing with the key that it has, because a
    /// rotated refresh token must not be lost. The other nodes can still open such a value;
    /// `ppm-email key rotate` reseals it, and `key prune` fails until then.
    pub fn adopt(&self, check: &[u8]) -> bool {
        let Some(id) = KeyId::of(check) else { return false };
        if self.ring().key(id).is_none() && !self.load_again(id, Some(id)) {
            return false;
        }
        let opened = open_bytes(&self.ring(), &check_data(), check);
        if !opened.is_ok_and(|opened| *opened == CHECKED_TEXT) {
            return false;
        }
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        if ring.active().id() != id
            && let Some(sealing) = ring.sealing_with(id)
        {
            *ring = Arc::new(sealing);
        }
        true
    }

    /// Whether a value in the database needs a key that is neither in the ring nor in the key file.
    /// False again once the file has the key, or no value needs it.
    pub fn has_met_unknown_key(&self) -> bool {
        !self.missing().keys.is_empty()
    }

    /// Returns a check value of the key that seals, which only this key opens.
    pub fn check(&self) -> Vec<u8> {
        self.check_by(self.ring().active())
    }

    /// Returns a check value of this key, which makes it the sealing key.
    pub fn check_by(&self, key: &Key) -> Vec<u8> {
        self.seal_bytes(key, &check_data(), CHECKED_TEXT)
    }

    fn seal_bytes(&self, key: &Key, associated: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = random_bytes::<NONCE>(self.randomness.as_ref());
        let sealed = key
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: associated })
            .expect("XChaCha20-Poly1305 refuses only messages of 256 GiB and more");
        [&[VERSION][..], key.id().octets(), &nonce, &sealed].concat()
    }

    /// Whether this key is in the ring, or in the key file, which is then loaded.
    fn has_or_loads(&self, key: KeyId) -> bool {
        self.ring().key(key).is_some() || self.load_again(key, None)
    }

    /// Loads the key file again, if it has this key and the sealing key (by default the present
    /// one). A file without them is another one, and changes nothing.
    fn load_again(&self, sought: KeyId, sealing: Option<KeyId>) -> bool {
        let Some(file) = &self.file else { return false };
        let read = match key_file::read(file) {
            Ok(read) => read,
            Err(error) => {
                let last_error = one_line(&error);
                let mut missing = self.missing();
                if missing.last_error.as_ref() != Some(&last_error) {
                    tracing::error!(file = %file.display(), error = last_error, "the key file cannot be read");
                    missing.last_error = Some(last_error);
                }
                return false;
            }
        };
        self.missing().last_error = None;
        let found = read.filter(|read| read.key(sought).is_some());
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let sealing = sealing.unwrap_or_else(|| ring.active().id());
        let Some(found) = found.and_then(|read| read.sealing_with(sealing)) else { return false };
        *ring = Arc::new(found);
        drop(ring);
        self.missing().keys.retain(|key| self.ring().key(*key).is_none());
        tracing::info!(file = %file.display(), "the key file was read again");
        true
    }

    /// Records which of these keys are not in the ring.
    fn record_missing(&self, keys: impl IntoIterator<Item = KeyId>) {
        let ring = self.ring();
        for key in keys.into_iter().filter(|key| ring.key(*key).is_none()) {
            if self.missing().keys.insert(key) && self.file.is_some() {
                tracing::error!(%key, "a key is not in the key file: copy the file from the node where it was added");
            }
        }
    }

    fn missing_keys(&self) -> Vec<KeyId> {
        self.missing().keys.iter().copied().collect()
    }

    fn missing(&self) -> MutexGuard<'_, MissingKeys> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_bytes(
    ring: &Ring,
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let id = KeyId::of(sealed).ok_or(VaultError::UnknownShape)?;
    let key = ring.key(id).ok_or(VaultError::OtherKey)?;
    let rest = &sealed[1 + id.octets().len()..];
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(VaultError::UnknownShape)?;
    key.cipher()
        .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: associated })
        .map(Zeroizing::new)
        .map_err(|_| VaultError::Refused)
}

/// Encodes column and destination so that no two pairs share it: a length precedes each text.
fn associated_data(column: &str, destination: &Destination) -> Vec<u8> {
    match destination {
        Destination::Account { server, port, username, security } => {
            encode(column, 1, &[server, port, username, security])
        }
        Destination::Origin(origin) => encode(column, 2, &[origin]),
        Destination::Unbound => encode(column, 3, &[]),
        Destination::MailServer { server, port, security } => {
            encode(column, 4, &[server, port, security])
        }
        Destination::CodeExchange { token_endpoint } => encode(column, 5, &[token_endpoint]),
        Destination::ClientCredentials { token_endpoint, scope, server, port, security } => {
            encode(column, 6, &[token_endpoint, scope, server, port, security])
        }
        Destination::Message(id) => encode(column, 7, &[id]),
    }
}

fn check_data() -> Vec<u8> {
    encode("key-check", 0, &[])
}

fn encode(column: &str, kind: u8, parts: &[&str]) -> Vec<u8> {
    let mut bytes = vec![VERSION, kind];
    for text in std::iter::once(&column).chain(parts) {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}
