//! The vault: a sealed secret opens only with its key, for its field and its destination.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use domain::error::one_line;
use domain::secret::Destination;
use secrecy::ExposeSecret;
use store::Store;
use tempfile::TempDir;
use vault::{UnlockError, Vault, VaultError, unlock};

use crate::support::databases::database;
use crate::support::test_doubles::{FixedClock, SeededRandomness};

fn vault(key: u8) -> Vault {
    Vault::new(&[key; 32], Arc::new(SeededRandomness::new(1)))
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
fn a_secret_opens_for_the_field_and_destination_it_was_sealed_for() {
    let home = account("mail.example", "587");
    let sealed = vault(1).seal("password", &home, &"pässword".into());
    assert_eq!(opened(&vault(1), "password", &home, &sealed), Ok("pässword".to_owned()));
}

#[test]
fn a_stored_password_is_refused_for_another_host() {
    let sealed = vault(1).seal("password", &account("mail.example", "587"), &"secret".into());
    let elsewhere = opened(&vault(1), "password", &account("evil.example", "587"), &sealed);
    assert_eq!(elsewhere, Err(VaultError::Refused));
}

#[test]
fn a_secret_is_refused_for_another_field() {
    let home = Destination::Origin("https://login.example".to_owned());
    let sealed = vault(1).seal("client-secret", &home, &"secret".into());
    assert_eq!(opened(&vault(1), "password", &home, &sealed), Err(VaultError::Refused));
}

#[test]
fn characters_moved_between_parts_of_a_destination_make_another_destination() {
    let sealed = vault(1).seal("password", &account("mail.example1", "25"), &"secret".into());
    let moved = opened(&vault(1), "password", &account("mail.example", "125"), &sealed);
    assert_eq!(moved, Err(VaultError::Refused));
}

#[test]
fn a_changed_or_truncated_value_is_refused_at_any_octet() {
    let home = account("mail.example", "587");
    let sealed = vault(1).seal("password", &home, &"secret".into());
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert!(opened(&vault(1), "password", &home, &changed).is_err(), "octet {index}");
        assert!(opened(&vault(1), "password", &home, &sealed[..index]).is_err(), "{index} octets");
    }
}

#[test]
fn another_key_is_distinguished_from_a_changed_value() {
    let home = account("mail.example", "587");
    let sealed = vault(1).seal("password", &home, &"secret".into());
    assert_eq!(opened(&vault(2), "password", &home, &sealed), Err(VaultError::OtherKey));
}

#[test]
fn one_secret_sealed_twice_gives_different_values() {
    let (vault, home) = (vault(1), account("mail.example", "587"));
    assert_ne!(
        vault.seal("password", &home, &"secret".into()),
        vault.seal("password", &home, &"secret".into())
    );
}

/// Unlocks the vault of the folder's database with this key file.
async fn unlocked(folder: &TempDir, key_file: &Path) -> Result<Vault, UnlockError> {
    let store = Store::open(&database(folder).await).await.expect("the folder is there");
    unlock(key_file, &store, &FixedClock::new(), Arc::new(SeededRandomness::new(2))).await
}

#[tokio::test]
async fn the_first_start_makes_a_key_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder for the test");
    let key_file = folder.path().join("ppm-email.key");
    unlocked(&folder, &key_file).await.expect("a new key is made");
    assert_eq!(fs::metadata(&key_file).expect("it is there").permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn making_a_key_leaves_no_other_file_behind() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let keys = tempfile::tempdir().expect("a folder for the key");
    unlocked(&folder, &keys.path().join("ppm-email.key")).await.expect("a new key is made");
    assert_eq!(fs::read_dir(keys.path()).expect("it is there").count(), 1);
}

#[tokio::test]
async fn a_later_start_opens_values_that_the_first_has_sealed() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let key_file = folder.path().join("ppm-email.key");
    let home = account("mail.example", "587");
    let sealed = unlocked(&folder, &key_file).await.expect("a key is made").seal(
        "password",
        &home,
        &"secret".into(),
    );
    let vault = unlocked(&folder, &key_file).await.expect("the key is there");
    assert_eq!(opened(&vault, "password", &home, &sealed), Ok("secret".to_owned()));
}

#[tokio::test]
async fn a_database_whose_key_is_missing_is_not_given_a_new_one() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let key_file = folder.path().join("ppm-email.key");
    unlocked(&folder, &key_file).await.expect("a new key is made");
    fs::remove_file(&key_file).expect("it is there");
    assert!(matches!(unlocked(&folder, &key_file).await, Err(UnlockError::KeyMissing(_))));
    assert!(!key_file.exists());
}

#[tokio::test]
async fn a_key_of_another_database_is_refused() {
    let (folder, other) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let key_file = folder.path().join("ppm-email.key");
    unlocked(&folder, &key_file).await.expect("a new key is made");
    let randomness = Arc::new(SeededRandomness::new(3));
    let store = Store::open(&database(&other).await).await.expect("the folder is there");
    let other_key = other.path().join("ppm-email.key");
    unlock(&other_key, &store, &FixedClock::new(), randomness).await.expect("a new key is made");
    assert!(matches!(unlocked(&folder, &other_key).await, Err(UnlockError::WrongKey(_))));
}

#[tokio::test]
async fn a_key_that_others_may_read_is_refused_with_the_remedy() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder for the test");
    let key_file = folder.path().join("ppm-email.key");
    unlocked(&folder, &key_file).await.expect("a new key is made");
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let error = unlocked(&folder, &key_file).await.expect_err("others may read it");
    assert!(one_line(&error).contains("chmod 600"), "{}", one_line(&error));
}

#[tokio::test]
async fn a_file_that_is_no_key_is_refused_and_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder for the test");
    let key_file = folder.path().join("ppm-email.key");
    fs::write(&key_file, "my notes\n").expect("the folder is ours");
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).expect("it is ours");
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
    assert!(
        matches!(
            [&one, &two],
            [None, Some(UnlockError::KeyMissing(_))] | [Some(UnlockError::KeyMissing(_)), None]
        ),
        "{one:?} {two:?}"
    );
    assert_eq!(files.map(|file| file.exists()), [one.is_none(), two.is_none()]);
}

#[tokio::test]
async fn two_concurrent_starts_with_one_key_file_share_the_key() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let key_file = folder.path().join("ppm-email.key");
    let starts = both_unlocked(&folder, [&key_file, &key_file]).await;
    let [one, two] = starts.map(|start| start.expect("a key is made or read"));
    let home = account("mail.example", "587");
    let sealed = one.seal("password", &home, &"secret".into());
    assert_eq!(opened(&two, "password", &home, &sealed), Ok("secret".to_owned()));
}
