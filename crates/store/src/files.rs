//! The permission check of the files that contain secrets: the database, the sealing keys and
//! client secrets.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::{os::unix::fs::MetadataExt, path::Path};

use rustix::process::geteuid;
use secrecy::zeroize::Zeroizing;

/// Why a file is not private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPrivate {
    /// Users other than its owner may change it, or users outside its group may read it.
    #[error("others can read or change it: let only its owner do so (chmod 600)")]
    Open,
    /// It belongs to another user, who can read and change it.
    #[error("it belongs to another user: give it to the user that runs ppm-email (chown)")]
    Owner,
}

/// Why a private file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PrivateTextError {
    /// It is not private.
    #[error(transparent)]
    NotPrivate(#[from] NotPrivate),
    /// It does not exist, cannot be read, or is not UTF-8.
    #[error("it cannot be read")]
    Read(#[from] io::Error),
}

/// Reads a private file. The check is of the open file, so that a file that replaces it meanwhile
/// has no effect.
///
/// # Errors
/// The file is not private, or cannot be read.
pub fn private_text(file: &Path) -> Result<Zeroizing<String>, PrivateTextError> {
    let mut file = File::open(file)?;
    check_private(&file.metadata()?)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Checks that a file is private: only its owner may change it, and at most a group may read it (a
/// secret mounted into a container). The owner must be this process's user or root. A root process
/// accepts any owner.
///
/// # Errors
/// The reason why it is not private.
pub fn check_private(file: &Metadata) -> Result<(), NotPrivate> {
    private(file.mode(), file.uid(), geteuid().as_raw())
}

fn private(mode: u32, owner: u32, user: u32) -> Result<(), NotPrivate> {
    const ROOT: u32 = 0;
    if mode & 0o027 != 0 {
        return Err(NotPrivate::Open);
    }
    let is_own = owner == user || owner == ROOT || user == ROOT;
    if is_own { Ok(()) } else { Err(NotPrivate::Owner) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_only_its_owner_changes_and_at_most_a_group_reads_is_private() {
        for mode in [0o100_600, 0o100_400, 0o100_640, 0o100_440] {
            assert_eq!(private(mode, 1000, 1000), Ok(()), "{mode:o}");
        }
        for mode in [0o100_604, 0o100_644, 0o100_660, 0o100_620, 0o100_602, 0o100_601] {
            assert_eq!(private(mode, 1000, 1000), Err(NotPrivate::Open), "{mode:o}");
        }
    }

    #[test]
    fn a_file_of_another_user_is_not_private_unless_root_owns_or_reads_it() {
        for (owner, user, expected) in [
            (1000, 1000, Ok(())),
            (0, 1000, Ok(())),
            (1000, 0, Ok(())),
            (1001, 1000, Err(NotPrivate::Owner)),
        ] {
            assert_eq!(private(0o100_600, owner, user), expected, "{owner} {user}");
        }
    }
}
