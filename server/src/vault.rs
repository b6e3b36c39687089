//! Seals secrets for the database and opens them again, each for the one destination it was
//! entered for. The key lives in a file of its own, so that a copy of the database alone tells
//! nothing. Nothing here decides who may open a secret.
//!
//! A sealed value is `version (1) | key id (8) | nonce (24) | ciphertext and tag`. The key id is
//! there so that a later rotation can tell which key a value was sealed with.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use domain::secret::Destination;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::clock::{Randomness, random_bytes, random_id};
use crate::store::{Store, StoreError, key_check};

const VERSION: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 24;
const FILE_HEADER: &str =
    "ppm-email key 1: opens the secrets in the database; keep a copy, show it to nobody";
const CHECKED_TEXT: &[u8] = b"ppm-email";

/// Seals and opens secrets with one key.
#[derive(Clone)]
pub struct Vault {
    cipher: Arc<XChaCha20Poly1305>,
    key_id: [u8; KEY_ID],
    randomness: Arc<dyn Randomness>,
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
    #[error("the value was sealed with another key")]
    OtherKey,
    #[error("the value was sealed for another field or destination, or was changed")]
    Refused,
}

/// Why there is no vault to start with. Each message is the one line an operator reads.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum UnlockError {
    #[error("the database holds secrets sealed with a key, and the key file {} is not there: put it back, or name the right one with --key-file", .0.display())]
    KeyMissing(PathBuf),
    #[error("the key in {} is not the one that the database was sealed with: name the right one with --key-file", .0.display())]
    WrongKey(PathBuf),
    #[error("the key file {} cannot be used", .0.display())]
    KeyFile(PathBuf, #[source] KeyFileError),
    #[error("the database cannot be asked which key it needs")]
    Store(#[from] StoreError),
}

/// Why a key file is no use.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum KeyFileError {
    #[error("others may read or change it: allow it to its owner only (chmod 600)")]
    Open,
    #[error("it is not a key file of ppm-email")]
    Malformed,
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    #[error("it cannot be made")]
    Create(#[source] io::Error),
}

/// Opens the vault that the database needs: reads the key file, or makes one where neither key
/// nor sealed value exists yet.
///
/// # Errors
/// The key is missing, wrong, or in a file that cannot be trusted.
pub async fn unlock(
    key_file: &Path,
    store: &Store,
    randomness: Arc<dyn Randomness>,
) -> Result<Vault, UnlockError> {
    let unusable = |error| UnlockError::KeyFile(key_file.to_owned(), error);
    let needed = key_check::load(store).await?;
    let key = match read_key(key_file).map_err(unusable)? {
        Some(key) => key,
        None if needed.is_some() => return Err(UnlockError::KeyMissing(key_file.to_owned())),
        None => make_key(key_file, randomness.as_ref()).map_err(unusable)?,
    };
    let vault = Vault::new(&key, randomness);
    let check = match needed {
        Some(check) => check,
        None => key_check::settle(store, &vault.check()).await?,
    };
    if vault.answers(&check) { Ok(vault) } else { Err(UnlockError::WrongKey(key_file.to_owned())) }
}

impl Vault {
    /// A vault with this key.
    #[must_use]
    pub fn new(key: &[u8; 32], randomness: Arc<dyn Randomness>) -> Self {
        let digest = Sha256::new().chain_update(b"ppm-email key id").chain_update(key).finalize();
        let mut key_id = [0; KEY_ID];
        key_id.copy_from_slice(&digest[..KEY_ID]);
        Self { cipher: Arc::new(XChaCha20Poly1305::new(key.into())), key_id, randomness }
    }

    /// Seals a secret for one column (a field's wire name) and one destination.
    #[must_use]
    pub fn seal(&self, column: &str, destination: &Destination, secret: &SecretString) -> Vec<u8> {
        self.seal_bytes(&associated_data(column, destination), secret.expose_secret().as_bytes())
    }

    /// Opens what was sealed for this column and this destination.
    ///
    /// # Errors
    /// It was sealed for another one, with another key, or was changed since.
    pub fn open(
        &self,
        column: &str,
        destination: &Destination,
        sealed: &[u8],
    ) -> Result<SecretString, VaultError> {
        let opened = self.open_bytes(&associated_data(column, destination), sealed)?;
        let text = std::str::from_utf8(&opened).map_err(|_| VaultError::UnknownShape)?;
        Ok(SecretString::from(text))
    }

    /// A value that only this key opens again.
    fn check(&self) -> Vec<u8> {
        self.seal_bytes(&check_data(), CHECKED_TEXT)
    }

    fn answers(&self, check: &[u8]) -> bool {
        self.open_bytes(&check_data(), check).is_ok_and(|opened| *opened == CHECKED_TEXT)
    }

    fn seal_bytes(&self, associated: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = random_bytes::<NONCE>(self.randomness.as_ref());
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: associated })
            .expect("XChaCha20-Poly1305 refuses only messages of 256 GiB and more");
        [&[VERSION][..], &self.key_id, &nonce, &sealed].concat()
    }

    fn open_bytes(
        &self,
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let rest = sealed.strip_prefix(&[VERSION]).ok_or(VaultError::UnknownShape)?;
        let (key_id, rest) = rest.split_first_chunk::<KEY_ID>().ok_or(VaultError::UnknownShape)?;
        if *key_id != self.key_id {
            return Err(VaultError::OtherKey);
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(VaultError::UnknownShape)?;
        self.cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: associated })
            .map(Zeroizing::new)
            .map_err(|_| VaultError::Refused)
    }
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

/// Reads the key, if the file is there.
fn read_key(file: &Path) -> Result<Option<Zeroizing<[u8; 32]>>, KeyFileError> {
    let mode = match fs::metadata(file) {
        Ok(found) => found.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(KeyFileError::Read(error)),
    };
    // A group may read it (a secret mounted into a container), nobody else, and only the owner changes it.
    if mode & 0o027 != 0 {
        return Err(KeyFileError::Open);
    }
    let text = Zeroizing::new(fs::read_to_string(file).map_err(KeyFileError::Read)?);
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let encoded = lines.next().unwrap_or_default().trim();
    if !header.starts_with("ppm-email key 1") {
        return Err(KeyFileError::Malformed);
    }
    let mut key = Zeroizing::new([0; 32]);
    match STANDARD.decode_slice(encoded, key.as_mut_slice()) {
        Ok(32) => Ok(Some(key)),
        _ => Err(KeyFileError::Malformed),
    }
}

/// Makes a key and its file. The file appears whole or not at all, and never in place of another.
fn make_key(file: &Path, randomness: &dyn Randomness) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let key = Zeroizing::new(random_bytes::<32>(randomness));
    let text = Zeroizing::new(format!("{FILE_HEADER}\n{}\n", STANDARD.encode(*key)));
    let draft = file.with_extension(format!("{}.tmp", random_id(randomness)));
    let made = write_durably(&draft, text.as_bytes()).and_then(|()| publish(&draft, file));
    if made.is_err() {
        // A draft that is not there needs no removal, and the first error is the one to tell.
        let _ = fs::remove_file(&draft);
    }
    made.map_err(KeyFileError::Create).map(|()| key)
}

fn write_durably(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    draft.write_all(bytes)?;
    draft.sync_all()
}

/// Gives the draft its name. A link fails where a name is taken, which a rename would not; file
/// systems without links get the rename.
fn publish(draft: &Path, file: &Path) -> io::Result<()> {
    match fs::hard_link(draft, file) {
        Ok(()) => fs::remove_file(draft)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) => fs::rename(draft, file)?,
    }
    let folder =
        file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
