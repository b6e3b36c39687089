//! Seals secrets for the database and opens them again, each for the one destination it was
//! entered for. The keys live in a file of their own, so that a copy of the database alone tells
//! nothing. Nothing here decides who may open a secret.
//!
//! A sealed value is `version (1) | key id (8) | nonce (24) | ciphertext and tag`. A vault opens with
//! any key of its ring. It seals with the one that sealed the database's check value
//! (`store/key_check.rs`): one row decides for all nodes, and each looks at it every
//! [`LOOK_EVERY`].

pub mod columns;
pub mod key_file;
pub mod key_ring;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use domain::secret::Destination;
use ring::hmac;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use crate::clock::{Clock, Randomness, random_bytes};
use crate::log::one_line;
use crate::store::{Store, StoreError, key_check, sealed};

use key_file::KeyFileError;
use key_ring::{Key, KeyId, Ring};

const VERSION: u8 = 1;
const NONCE: usize = 24;
const CHECKED_TEXT: &[u8] = b"ppm-email";

/// How often a process looks which key seals, and whether a key that it lacks has come.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Seals and opens secrets with the keys of a ring. Copies share everything.
#[derive(Clone)]
pub struct Vault {
    ring: Arc<RwLock<Arc<Ring>>>,
    /// Where the keys are read again; nothing for a vault without a file.
    file: Option<Arc<Path>>,
    lacking: Arc<Mutex<Lacking>>,
    randomness: Arc<dyn Randomness>,
}

/// What a vault is short of.
#[derive(Default)]
struct Lacking {
    /// The keys that something in the database needs, and that are not in the ring.
    keys: BTreeSet<KeyId>,
    /// Why the key file could not be read at the last look, as it was logged.
    complaint: Option<String>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// Why a sealed value stays closed.
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

/// Why there is no vault to start with. Each message is the one line an operator reads.
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

/// Opens the vault that the database needs: reads the key file, or makes one where neither key
/// nor sealed value exists yet.
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
        vault.note_lacking(sealed::keys(store).await?);
        return Ok(vault);
    }
    if is_new {
        // Another node was first: this key has sealed nothing, and its file would be in the way.
        let _ = std::fs::remove_file(key_file);
        return Err(UnlockError::KeyMissing(key_file.to_owned()));
    }
    Err(UnlockError::WrongKey(key_file.to_owned()))
}

/// A new key in a new file, and whether this call has made it: a process that starts at the same
/// moment may have been first.
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

/// A key that nobody has.
#[must_use]
pub fn new_key(clock: &dyn Clock, randomness: &dyn Randomness) -> Key {
    let octets = Zeroizing::new(random_bytes::<32>(randomness));
    Key::new(&octets, Some(clock.now().date_naive()))
}

/// Looks every [`LOOK_EVERY`] which key seals, and whether a key that was lacking has come or is no
/// longer needed, for as long as the process lives.
pub async fn follow(vault: Vault, store: Store) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(error) = look(&vault, &store).await {
            tracing::warn!(error = one_line(&error), "which key seals could not be looked up");
        }
    }
}

async fn look(vault: &Vault, store: &Store) -> Result<(), StoreError> {
    let before = vault.ring().active().id();
    if let Some(check) = key_check::load(store).await?
        && !vault.adopt(&check)
    {
        vault.note_lacking(KeyId::of(&check));
    }
    let key = vault.ring().active().id();
    if key != before {
        tracing::info!(%key, "another key seals from now on");
    }
    let lacking = vault.lacking_keys();
    for key in &lacking {
        if vault.finds(*key) || !sealed::is_needed(store, *key).await? {
            vault.lacking().keys.remove(key);
        }
    }
    if !lacking.is_empty() && !vault.has_met_unknown_key() {
        tracing::info!("no key is missing any more");
    }
    Ok(())
}

impl Vault {
    /// A vault with this key alone.
    #[must_use]
    pub fn new(key: &[u8; 32], randomness: Arc<dyn Randomness>) -> Self {
        let ring = Ring::of_one(Key::new(key, None));
        Self::over(ring, None, randomness)
    }

    /// A vault with these keys, which looks into this file for those that it lacks.
    #[must_use]
    pub fn over(ring: Ring, file: Option<&Path>, randomness: Arc<dyn Randomness>) -> Self {
        Self {
            ring: Arc::new(RwLock::new(Arc::new(ring))),
            file: file.map(Arc::from),
            lacking: Arc::default(),
            randomness,
        }
    }

    /// The keys at this moment.
    #[must_use]
    pub fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs a text for one purpose (HMAC-SHA-256), in letters that fit a cookie.
    #[must_use]
    pub fn sign(&self, purpose: &str, text: &str) -> String {
        let signed = encode(purpose, 0, &[text]);
        URL_SAFE_NO_PAD.encode(hmac::sign(self.ring().active().signing(), &signed))
    }

    /// Whether a key of this vault has signed a text for this purpose.
    #[must_use]
    pub fn has_signed(&self, purpose: &str, text: &str, signature: &str) -> bool {
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let signed = encode(purpose, 0, &[text]);
        let is_by = |key: &Key| hmac::verify(key.signing(), &signed, &signature).is_ok();
        self.ring().keys().iter().any(is_by)
    }

    /// Seals a secret for one column (a field's wire name) and one destination.
    #[must_use]
    pub fn seal(&self, column: &str, destination: &Destination, secret: &SecretString) -> Vec<u8> {
        let associated = associated_data(column, destination);
        self.seal_bytes(self.ring().active(), &associated, secret.expose_secret().as_bytes())
    }

    /// Opens what was sealed for this column and this destination. A key that is not in the ring is
    /// looked for in the key file.
    ///
    /// # Errors
    /// It was sealed for another one, with another key, or was changed since.
    pub fn open(
        &self,
        column: &str,
        destination: &Destination,
        sealed: &[u8],
    ) -> Result<SecretString, VaultError> {
        let key = KeyId::of(sealed).ok_or(VaultError::UnknownShape)?;
        if !self.finds(key) {
            self.note_lacking([key]);
        }
        self.open_from_request(column, destination, sealed)
    }

    /// The same for a value that a request has brought: what it names as its key is text from
    /// outside, so it is not looked for, and not noted as lacking.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_from_request(
        &self,
        column: &str,
        destination: &Destination,
        sealed: &[u8],
    ) -> Result<SecretString, VaultError> {
        let opened = open_bytes(&self.ring(), &associated_data(column, destination), sealed)?;
        let text = std::str::from_utf8(&opened).map_err(|_| VaultError::UnknownShape)?;
        Ok(SecretString::from(text))
    }

    /// The same value, sealed with the key that seals now.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reseal(
        &self,
        column: &str,
        destination: &Destination,
        sealed: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let secret = self.open(column, destination, sealed)?;
        Ok(self.seal(column, destination, &secret))
    }

    /// Seals from now on with the key that has sealed this check value. False, and all is as before,
    /// where that key is neither in the ring nor in the file: the vault goes on sealing with the key
    /// that it has, because a refresh token that a provider has replaced must not be lost. The other
    /// nodes open such a value; `ppm-email key rotate` seals it anew, and `key prune` refuses until then.
    pub fn adopt(&self, check: &[u8]) -> bool {
        let Some(id) = KeyId::of(check) else { return false };
        if self.ring().key(id).is_none() && !self.reads_again(id, Some(id)) {
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

    /// Whether something in the database was sealed with a key that is neither in the ring nor in
    /// the key file. It is false again once the file has the key, or nothing needs it.
    #[must_use]
    pub fn has_met_unknown_key(&self) -> bool {
        !self.lacking().keys.is_empty()
    }

    /// A value that names the key that seals, and that only this key opens.
    #[must_use]
    pub fn check(&self) -> Vec<u8> {
        self.check_by(self.ring().active())
    }

    /// The check value by which this key seals.
    #[must_use]
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

    /// Whether this key is in the ring, or in the key file, which is then taken.
    fn finds(&self, key: KeyId) -> bool {
        self.ring().key(key).is_some() || self.reads_again(key, None)
    }

    /// Takes the key file as it is now, where it has this key and the one that seals, which is as
    /// before where none is given: a file without them is another one, and changes nothing.
    fn reads_again(&self, sought: KeyId, sealing: Option<KeyId>) -> bool {
        let Some(file) = &self.file else { return false };
        let read = match key_file::read(file) {
            Ok(read) => read,
            Err(error) => {
                let complaint = one_line(&error);
                let mut lacking = self.lacking();
                if lacking.complaint.as_ref() != Some(&complaint) {
                    tracing::error!(file = %file.display(), error = complaint, "the key file cannot be read");
                    lacking.complaint = Some(complaint);
                }
                return false;
            }
        };
        self.lacking().complaint = None;
        let found = read.filter(|read| read.key(sought).is_some());
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let sealing = sealing.unwrap_or_else(|| ring.active().id());
        let Some(found) = found.and_then(|read| read.sealing_with(sealing)) else { return false };
        *ring = Arc::new(found);
        drop(ring);
        self.lacking().keys.retain(|key| self.ring().key(*key).is_none());
        tracing::info!(file = %file.display(), "the key file was read again");
        true
    }

    /// Notes which of these keys are not in the ring.
    fn note_lacking(&self, keys: impl IntoIterator<Item = KeyId>) {
        let ring = self.ring();
        for key in keys.into_iter().filter(|key| ring.key(*key).is_none()) {
            if self.lacking().keys.insert(key) && self.file.is_some() {
                tracing::error!(%key, "a key is not in the key file: copy the file from the node where it was added");
            }
        }
    }

    fn lacking_keys(&self) -> Vec<KeyId> {
        self.lacking().keys.iter().copied().collect()
    }

    fn lacking(&self) -> MutexGuard<'_, Lacking> {
        self.lacking.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Column and destination in an encoding that no two pairs share: each text is preceded by its length.
fn associated_data(column: &str, destination: &Destination) -> Vec<u8> {
    match destination {
        Destination::Account { server, port, username, security } => {
            encode(column, 1, &[server, port, username, security])
        }
        Destination::Origin(origin) => encode(column, 2, &[origin]),
        Destination::Nowhere => encode(column, 3, &[]),
        Destination::MailServer { server, port, security } => {
            encode(column, 4, &[server, port, security])
        }
        Destination::CodeExchange { token_endpoint } => encode(column, 5, &[token_endpoint]),
        Destination::ClientCredentials { token_endpoint, scope, server, port, security } => {
            encode(column, 6, &[token_endpoint, scope, server, port, security])
        }
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
