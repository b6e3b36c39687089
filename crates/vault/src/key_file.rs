//! The file of the sealing keys: a header, then one line for each key, oldest first: 32 octets in
//! base64 (RFC 4648 4) and, if known, the day on which the key was made. It is created and replaced
//! atomically. It does not say which key seals: the database says that, once for all nodes.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::NaiveDate;
use secrecy::zeroize::Zeroizing;
use store::files::{PrivateTextError, private_text};

use super::key_ring::{Key, Ring};
use crate::clock::{Randomness, random_id};

const HEADER: &str =
    "ppm-email key ring 2: opens the secrets in the database; keep a copy, show it to nobody";
/// The start of the header of a ring.
const RING: &str = "ppm-email key ring 2";
/// The start of the header of a file with one key, as versions without a ring made it.
const ONE_KEY: &str = "ppm-email key 1";

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum KeyFileError {
    #[error(transparent)]
    NotHad(#[from] PrivateTextError),
    #[error("it is not a ppm-email key file, or not a complete one")]
    Malformed,
    #[error("it cannot be created")]
    Create(#[source] io::Error),
    #[error("its folder cannot be locked against other commands")]
    Lock(#[source] io::Error),
    #[error("it cannot be changed, and stays as it was")]
    Change(#[source] io::Error),
}

/// Reads the keys; `None` if there is no file.
///
/// # Errors
/// The file is not private, or is not a key file.
pub fn read(file: &Path) -> Result<Option<Ring>, KeyFileError> {
    match private_text(file) {
        Ok(text) => parse(&text).map(Some).ok_or(KeyFileError::Malformed),
        Err(PrivateTextError::Read(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn parse(text: &str) -> Option<Ring> {
    let mut lines = text.lines();
    let header = lines.next()?;
    if header.starts_with(ONE_KEY) {
        return Some(Ring::of_one(key(lines.next()?)?));
    }
    if !header.starts_with(RING) {
        return None;
    }
    let keys = lines.map(str::trim).filter(|line| !line.is_empty()).map(key);
    Ring::of(keys.collect::<Option<_>>()?)
}

fn key(line: &str) -> Option<Key> {
    let mut words = line.split_whitespace();
    let mut octets = Zeroizing::new([0; 32]);
    let length = STANDARD.decode_slice(words.next()?, octets.as_mut_slice()).ok()?;
    let made_on = words.next().map(str::parse::<NaiveDate>).transpose().ok()?;
    (length == octets.len() && words.next().is_none()).then(|| Key::new(&octets, made_on))
}

fn text(ring: &Ring) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(HEADER.len() + 64 * ring.keys().len()));
    text.push_str(HEADER);
    for key in ring.keys() {
        text.push('\n');
        STANDARD.encode_string(key.octets(), &mut text);
        if let Some(day) = key.made_on() {
            text.push(' ');
            text.push_str(&day.to_string());
        }
    }
    text.push('\n');
    text
}

/// Creates the file, for its owner only. False if there is one by now, which stays.
///
/// # Errors
/// The file cannot be created.
pub fn make(file: &Path, ring: &Ring, randomness: &dyn Randomness) -> Result<bool, KeyFileError> {
    let draft = draft(file, randomness);
    let made = write_durably(&draft, ring, None).and_then(|()| publish(&draft, file));
    if made.is_err() {
        // Best effort: there may be no draft, and the first error is the one to report.
        let _ = fs::remove_file(&draft);
    }
    match made {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(KeyFileError::Create(error)),
    }
}

/// A key file that is locked against other commands. It must be read under the lock that it is
/// replaced under, so that no command undoes another's change.
#[derive(Debug)]
pub struct Locked {
    /// The canonical path, not a link.
    file: PathBuf,
    ring: Ring,
    /// The locked folder: a lock on the file would end with the first rename, and one on a folder
    /// leaves nothing behind when the process ends.
    _folder: File,
}

/// Waits for the lock against other commands on this machine, and reads the keys; `None` if there
/// is no file. Readers are not locked out.
///
/// # Errors
/// The folder cannot be locked, or the file is not private or is not a key file.
pub fn lock(file: &Path) -> Result<Option<Locked>, KeyFileError> {
    let file = match file.canonicalize() {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(PrivateTextError::Read(error).into()),
    };
    let folder = File::open(folder(&file)).map_err(KeyFileError::Lock)?;
    folder.lock().map_err(KeyFileError::Lock)?;
    Ok(read(&file)?.map(|ring| Locked { file, ring, _folder: folder }))
}

impl Locked {
    /// Returns the keys in the file.
    pub const fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Replaces the keys in the file, which keeps its owner and its permissions, and unlocks it.
    ///
    /// # Errors
    /// The file cannot be replaced, and is unchanged.
    pub fn replace(self, ring: &Ring, randomness: &dyn Randomness) -> Result<(), KeyFileError> {
        replace(&self.file, ring, randomness).map_err(KeyFileError::Change)
    }
}

fn replace(file: &Path, ring: &Ring, randomness: &dyn Randomness) -> io::Result<()> {
    let before = fs::metadata(file)?;
    remove_drafts(file)?;
    let draft = draft(file, randomness);
    let replaced = write_durably(&draft, ring, Some(&before))
        .and_then(|()| fs::rename(&draft, file))
        .and_then(|()| sync_folder(file));
    if replaced.is_err() {
        // Best effort, as above.
        let _ = fs::remove_file(&draft);
    }
    replaced
}

/// Returns the path of a temporary file beside this one.
fn draft(file: &Path, randomness: &dyn Randomness) -> PathBuf {
    let mut name = draft_start(file);
    name.push(random_id(randomness));
    name.push(DRAFT_END);
    file.with_file_name(name)
}

const DRAFT_END: &str = ".tmp";

fn draft_start(file: &Path) -> OsString {
    let mut start = file.file_name().unwrap_or(OsStr::new("ppm-email.key")).to_owned();
    start.push(".");
    start
}

/// Removes the drafts of commands that were killed: they contain keys.
fn remove_drafts(file: &Path) -> io::Result<()> {
    let start = draft_start(file);
    for entry in fs::read_dir(folder(file))? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(start.as_encoded_bytes()) && name.ends_with(DRAFT_END.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn write_durably(draft: &Path, ring: &Ring, like: Option<&Metadata>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(text(ring).as_bytes())?;
    if let Some(like) = like {
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (like.uid(), like.gid()) {
            fchown(&file, Some(like.uid()), Some(like.gid()))?;
        }
        file.set_permissions(Permissions::from_mode(like.mode() & 0o7777))?;
    }
    file.sync_all()
}

/// Renames the draft. A hard link fails if the name is taken, which a rename does not; file systems
/// without links get the rename.
fn publish(draft: &Path, file: &Path) -> io::Result<()> {
    match fs::hard_link(draft, file) {
        Ok(()) => fs::remove_file(draft)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) => fs::rename(draft, file)?,
    }
    sync_folder(file)
}

fn sync_folder(file: &Path) -> io::Result<()> {
    File::open(folder(file))?.sync_all()
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a copy of the database's folder contains the key file too.
pub fn lies_beside(file: &Path, database: &Path) -> bool {
    let whole = |path: &Path| folder(path).canonicalize();
    // A folder that does not exist contains neither.
    match (whole(file), whole(database)) {
        (Ok(key), Ok(database)) => key.starts_with(database),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const TWO: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

    fn ids(text: &str) -> Option<Vec<[u8; 32]>> {
        parse(text).map(|ring| ring.keys().iter().map(|key| *key.octets()).collect())
    }

    #[test]
    fn a_file_with_one_key_of_an_earlier_version_is_read_as_a_ring() {
        let file = format!("ppm-email key 1: opens the secrets in the database\n{ONE}\n");
        assert_eq!(ids(&file), Some(vec![[1; 32]]));
    }

    #[test]
    fn a_written_ring_is_read_unchanged() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 28);
        let ring = Ring::of(vec![Key::new(&[1; 32], None), Key::new(&[2; 32], day)]);
        let written = text(&ring.expect("two keys"));
        assert_eq!(*written, format!("{HEADER}\n{ONE}\n{TWO} 2026-11-28\n"));
        let read = parse(&written).expect("a ring");
        assert_eq!(read.keys().iter().map(Key::made_on).collect::<Vec<_>>(), [None, day]);
        assert_eq!(ids(&written), Some(vec![[1; 32], [2; 32]]));
    }

    #[test]
    fn an_incomplete_or_other_file_is_rejected() {
        for text in [
            String::new(),
            "my notes".to_owned(),
            HEADER.to_owned(),
            "ppm-email key 1: without a key\n".to_owned(),
            format!("{HEADER}\n{ONE}\n{}", &TWO[..20]),
            format!("{HEADER}\n{ONE}\n{}", &TWO[..43]),
            format!("{HEADER}\n{ONE} 2026-1"),
            format!("{HEADER}\n{ONE}\n{ONE}"),
            format!("{HEADER}\n{ONE} 2026-11-28 and more"),
            format!("ppm-email key ring 3: of a later version\n{ONE}\n"),
        ] {
            assert!(parse(&text).is_none(), "{text}");
        }
    }
}
