//! Who may read the files that hold secrets: the database, the sealing keys and client secrets. One rule
//! for all of them.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;
use secrecy::zeroize::Zeroizing;

/// Why a file is not private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPrivate {
    /// More than its owner may change it, or more than its owner and its group may read it.
    #[error("others can read or change it: let only its owner do so (chmod 600)")]
    Open,
    /// It belongs to another user, who can read and change it.
    #[error("it belongs to another user: give it to the user that runs ppm-email (chown)")]
    Owner,
}

/// Why the text of a private file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PrivateTextError {
    /// Others may read or change it, or it is another user's.
    #[error(transparent)]
    NotPrivate(#[from] NotPrivate),
    /// It is not there, or it is no text.
    #[error("it cannot be read")]
    Read(#[from] io::Error),
}

/// The text of a private file. What is checked is the file that is read, whatever is put in its place
/// meanwhile.
///
/// # Errors
/// Others may read or change the file, or it cannot be read.
pub fn private_text(file: &Path) -> Result<Zeroizing<String>, PrivateTextError> {
    let mut file = File::open(file)?;
    check_private(&file.metadata()?)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Checks that a file is private: its owner alone may change it, and a group at most may read it
/// (a secret mounted into a container). The owner is this process's user, or root. A process of root's
/// serves on behalf of any owner.
///
/// # Errors
/// What is wrong with it.
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
    fn a_file_is_private_that_its_owner_alone_changes_and_a_group_at_most_reads() {
        for mode in [0o100_600, 0o100_400, 0o100_640, 0o100_440] {
            assert_eq!(private(mode, 1000, 1000), Ok(()), "{mode:o}");
        }
        for mode in [0o100_604, 0o100_644, 0o100_660, 0o100_620, 0o100_602, 0o100_601] {
            assert_eq!(private(mode, 1000, 1000), Err(NotPrivate::Open), "{mode:o}");
        }
    }

    #[test]
    fn a_file_of_another_user_is_not_private_unless_root_has_it_or_reads_it() {
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
