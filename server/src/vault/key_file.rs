//! The file of the sealing keys: a header, then one line for each key, oldest first: 32 octets in
//! base64 (RFC 4648 4) and, where it is known, the day on which the key was made. It appears and
//! changes whole or not at all, whatever ends the process. Which key seals is not in it: the
//! database says that, once for all nodes.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::NaiveDate;
use secrecy::zeroize::Zeroizing;

use super::key_ring::{Key, Ring};
use crate::clock::{Randomness, random_id};
use crate::files::{PrivateTextError, private_text};

const HEADER: &str =
    "ppm-email key ring 2: opens the secrets in the database; keep a copy, show it to nobody";
/// How the header of a ring begins.
const RING: &str = "ppm-email key ring 2";
/// How the header of a file with one key begins, as versions without a ring made it.
const ONE_KEY: &str = "ppm-email key 1";

/// Why a key file is no use.
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

/// Reads the keys, if the file is there.
///
/// # Errors
/// Others may read or change the file, or it is no key file.
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

/// Makes the file, for its owner only. False where there is one by now, which stays.
///
/// # Errors
/// The file cannot be made.
pub fn make(file: &Path, ring: &Ring, randomness: &dyn Randomness) -> Result<bool, KeyFileError> {
    let draft = draft(file, randomness);
    let made = write_durably(&draft, ring, None).and_then(|()| publish(&draft, file));
    if made.is_err() {
        // A draft that is not there needs no removal, and the first error is the one to tell.
        let _ = fs::remove_file(&draft);
    }
    match made {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(KeyFileError::Create(error)),
    }
}

/// A key file that no other command changes meanwhile. Only what was read under the lock is replaced,
/// so that no command takes back what another has put there.
#[derive(Debug)]
pub struct Locked {
    /// The file itself, not a link to it.
    file: PathBuf,
    ring: Ring,
    /// The folder, open and locked: a lock on the file would end with the first rename, and one on a
    /// folder leaves nothing behind, however its process ends.
    _folder: File,
}

/// Waits until no other command on this machine is about to change the file, and reads the keys, if
/// the file is there. Others may read it all the while.
///
/// # Errors
/// The folder cannot be locked, others may read or change the file, or it is no key file.
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
    /// The keys in the file.
    #[must_use]
    pub const fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Puts other keys into the file, which keeps its owner and its permissions, and unlocks it.
    ///
    /// # Errors
    /// The file is as it was.
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
        // As above.
        let _ = fs::remove_file(&draft);
    }
    replaced
}

/// A file beside this one that is not it yet.
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

/// Removes the drafts of commands that were killed: they hold keys.
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

/// Gives the draft its name. A link fails where a name is taken, which a rename would not; file
/// systems without links get the rename.
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

/// Whether whoever copies the database's folder copies the key as well.
#[must_use]
pub fn lies_beside(file: &Path, database: &Path) -> bool {
    let whole = |path: &Path| folder(path).canonicalize();
    // A folder that is not there holds neither.
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
    fn a_file_with_one_key_of_an_earlier_version_is_a_ring_of_that_key() {
        let file = format!("ppm-email key 1: opens the secrets in the database\n{ONE}\n");
        assert_eq!(ids(&file), Some(vec![[1; 32]]));
    }

    #[test]
    fn a_ring_is_read_as_it_was_written() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 28);
        let ring = Ring::of(vec![Key::new(&[1; 32], None), Key::new(&[2; 32], day)]);
        let written = text(&ring.expect("two keys"));
        assert_eq!(*written, format!("{HEADER}\n{ONE}\n{TWO} 2026-11-28\n"));
        let read = parse(&written).expect("a ring");
        assert_eq!(read.keys().iter().map(Key::made_on).collect::<Vec<_>>(), [None, day]);
        assert_eq!(ids(&written), Some(vec![[1; 32], [2; 32]]));
    }

    #[test]
    fn half_a_file_is_none() {
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
