//! The vault: a sealed secret opens only with its key, for its field and its destination.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::{error::one_line, secret::Destination};
use secrecy::ExposeSecret;
use store::Store;
use tempfile::TempDir;
use vault::{UnlockError, Vault, VaultError, unlock};

use crate::support::databases::database;
use crate::support::program::write_private;
use crate::support::test_doubles::{FixedClock, SeededRandomness};

fn vault(key: u8) -> Vault {
    Vault::new(&[key; 32], Arc::new(SeededRandomness::new(1)))
}

/// The destination of most secrets here.
fn home() -> Destination {
    account("mail.example", "587")
}

fn account(server: &str, port: &str) -> Destination {
    Destination::Account {
        server: server.to_owned(),
        port: port.to_owned(),
        username: "ppm".to_owned(),
        security: "automatic".to_owned(),
    }
}

fn opened(
    vault: &Vault,
    column: &str,
    destination: &Destination,
    sealed: &[u8],
) -> Result<String, VaultError> {
    vault.open(column, destination, sealed).map(|secret| secret.expose_secret().to_owned())
}

#[test]
fn a_secret_opens_only_with_its_key_for_its_field_and_its_whole_destination() {
    let sealed = vault(1).seal("password", &account("mail.example1", "25"), &"pässword".into());
    for (key, field, server, port, expected) in [
        (1, "password", "mail.example1", "25", Ok("pässword".to_owned())),
        (2, "password", "mail.example1", "25", Err(VaultError::OtherKey)),
        (1, "client-secret", "mail.example1", "25", Err(VaultError::Refused)),
        (1, "password", "evil.example", "25", Err(VaultError::Refused)),
        // The same characters in other parts of the destination.
        (1, "password", "mail.example", "125", Err(VaultError::Refused)),
    ] {
        let found = opened(&vault(key), field, &account(server, port), &sealed);
        assert_eq!(found, expected, "{key} {field} {server} {port}");
    }
}

#[test]
fn a_changed_or_truncated_value_is_refused_at_any_octet() {
    let sealed = vault(1).seal("password", &home(), &"secret".into());
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert!(opened(&vault(1), "password", &home(), &changed).is_err(), "octet {index}");
        let truncated = opened(&vault(1), "password", &home(), &sealed[..index]);
        assert!(truncated.is_err(), "{index} octets");
    }
}

#[test]
fn one_secret_sealed_twice_gives_different_values() {
    let vault = vault(1);
    let sealed = || vault.seal("password", &home(), &"secret".into());
    assert_ne!(sealed(), sealed());
}

/// A folder, and the path of a key file in it.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let key_file = folder.path().join("ppm-email.key");
    (folder, key_file)
}

/// Unlocks the vault of the folder's database with this key file.
async fn unlocked(folder: &TempDir, key_file: &Path) -> Result<Vault, UnlockError> {
    let store = Store::open(&database(folder).await).await.expect("the folder is there");
    unlock(key_file, &store, &FixedClock::new(), Arc::new(SeededRandomness::new(2))).await
}

#[tokio::test]
async fn the_first_start_makes_a_key_for_its_owner_only() {
    let (folder, key_file) = folder();
    unlocked(&folder, &key_file).await.expect("a new key is made");
    assert_eq!(fs::metadata(&key_file).expect("it is there").permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn making_a_key_leaves_no_other_file_behind() {
    let ((folder, _), (keys, key_file)) = (folder(), folder());
    unlocked(&folder, &key_file).await.expect("a new key is made");
    assert_eq!(fs::read_dir(keys.path()).expect("it is there").count(), 1);
}

#[tokio::test]
async fn a_later_start_opens_values_that_the_first_has_sealed() {
    let (folder, key_file) = folder();
    let first = unlocked(&folder, &key_file).await.expect("a key is made");
    let sealed = first.seal("password", &home(), &"secret".into());
    let vault = unlocked(&folder, &key_file).await.expect("the key is there");
    assert_eq!(opened(&vault, "password", &home(), &sealed), Ok("secret".to_owned()));
}

#[tokio::test]
async fn a_database_whose_key_is_missing_is_not_given_a_new_one() {
    let (folder, key_file) = folder();
    unlocked(&folder, &key_file).await.expect("a new key is made");
    fs::remove_file(&key_file).expect("it is there");
    assert!(matches!(unlocked(&folder, &key_file).await, Err(UnlockError::KeyMissing(_))));
    assert!(!key_file.exists());
}

#[tokio::test]
async fn a_key_of_another_database_is_refused() {
    let ((folder, key_file), (other, other_key)) = (folder(), folder());
    unlocked(&folder, &key_file).await.expect("a new key is made");
    let randomness = Arc::new(SeededRandomness::new(3));
    let store = Store::open(&database(&other).await).await.expect("the folder is there");
    unlock(&other_key, &store, &FixedClock::new(), randomness).await.expect("a new key is made");
    assert!(matches!(unlocked(&folder, &other_key).await, Err(UnlockError::WrongKey(_))));
}

#[tokio::test]
async fn a_key_that_others_may_read_is_refused_with_the_remedy() {
    let (folder, key_file) = folder();
    unlocked(&folder, &key_file).await.expect("a new key is made");
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let error = unlocked(&folder, &key_file).await.expect_err("others may read it");
    assert!(one_line(&error).contains("chmod 600"), "{}", one_line(&error));
}

#[tokio::test]
async fn a_file_that_is_no_key_is_refused_and_kept() {
    let (folder, key_file) = folder();
    write_private(&key_file, "my notes\n");
    assert!(matches!(unlocked(&folder, &key_file).await, Err(UnlockError::KeyFile(..))));
    assert_eq!(fs::read_to_string(&key_file).expect("it is there"), "my notes\n");
}

/// Two concurrent starts with these key files on one new database.
async fn both_unlocked(
    folder: &TempDir,
    [one, two]: [&Path; 2],
) -> [Result<Vault, UnlockError>; 2] {
    let store = Store::open(&database(folder).await).await.expect("the folder is there");
    let (clock, random) = (FixedClock::new(), |seed| Arc::new(SeededRandomness::new(seed)));
    let one = unlock(one, &store, &clock, random(2));
    let two = unlock(two, &store, &clock, random(3));
    tokio::join!(one, two).into()
}

#[tokio::test]
async fn of_two_nodes_that_start_at_once_one_makes_the_key_and_the_other_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let files = ["one.key", "two.key"].map(|name| folder.path().join(name));
    let starts = both_unlocked(&folder, [&files[0], &files[1]]).await;
    let [one, two] = starts.map(Result::err);
    let ends = [&one, &two].into_iter().flatten().collect::<Vec<_>>();
    assert!(matches!(ends[..], [UnlockError::KeyMissing(_)]), "{one:?} {two:?}");
    assert_eq!(files.map(|file| file.exists()), [one.is_none(), two.is_none()]);
}

#[tokio::test]
async fn two_concurrent_starts_with_one_key_file_share_the_key() {
    let (folder, key_file) = folder();
    let starts = both_unlocked(&folder, [&key_file, &key_file]).await;
    let [one, two] = starts.map(|start| start.expect("a key is made or read"));
    let sealed = one.seal("password", &home(), &"secret".into());
    assert_eq!(opened(&two, "password", &home(), &sealed), Ok("secret".to_owned()));
}
