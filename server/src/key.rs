//! `ppm-email key`: manages the sealing keys, for operators with access to the database and the key
//! file. It prints a key's id and never the key, and names a value by its row and never prints it.
//! It works while nodes serve: each value is replaced by one compare-and-swap statement.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{sync::Arc, time::Duration};

use domain::{Form, error::one_line, secret::Destination};
use serde::Deserialize;
use store::audit::{Action, Actor, Entry};
use store::database::{Database, DatabaseUrlError};
use store::sealed::{self, Column, SealedValue};
use store::{OpenStoreError, Store, StoreError, WRITTEN_WITHIN, key_check, key_id::KeyId};
use tokio::time::{Instant, sleep};
use vault::clock::{Clock, SystemClock, SystemRandomness};
use vault::key_file::{self, KeyFileError, Locked};
use vault::key_ring::{Key, Ring};
use vault::{LOOK_EVERY, Vault, VaultError, columns, new_key};

use crate::cli::{KeyArgs, KeyCommand};
use crate::config::key_file_beside;

/// This long after a change of the sealing key, no node writes a value sealed with an older key any
/// more: each responsive node that has the new key has polled which one seals, and its earlier
/// values are written or rejected.
const SETTLED_AFTER: Duration = LOOK_EVERY.saturating_mul(3).saturating_add(WRITTEN_WITHIN);
/// The maximum number of unreadable values that are listed.
const MAX_LISTED: usize = 20;

/// Why a command failed, or was not completed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum KeyError {
    #[error(transparent)]
    DatabaseUrl(#[from] DatabaseUrlError),
    #[error(transparent)]
    Open(#[from] OpenStoreError),
    #[error("the sealed values could not be read or changed")]
    Store(#[from] StoreError),
    #[error("the key file {} does not exist: name the right one with --key-file; the first start of ppm-email serve creates one", .0.display())]
    FileMissing(PathBuf),
    #[error("the key file {} cannot be used", .0.display())]
    KeyFile(PathBuf, #[source] KeyFileError),
    #[error("this database has no sealing key yet: start ppm-email serve once")]
    Unused,
    #[error("the sealing key {key} is not in {}: copy the key file from a node that works, or name the right one with --key-file", .file.display())]
    SealingKeyMissing { key: String, file: PathBuf },
    #[error(
        "{count} of the sealed values cannot be opened ({first}): put the key file with the missing key back, or enter the value again"
    )]
    Closed { count: usize, first: String },
    #[error("another command changed the key at the same moment: run this one again")]
    Overtaken,
    #[error(
        "{0} values were sealed with an older key in the meantime: copy the key file to the nodes whose /ready says key-unknown, then run ppm-email key rotate again"
    )]
    Late(i64),
    #[error("{count} values still need the key {key}: run ppm-email key rotate first")]
    Needed { key: KeyId, count: i64 },
    #[error(
        "the key {key} has only just become the sealing key, and a node may still write values sealed with the one before: run ppm-email key prune again in {seconds} seconds"
    )]
    TooSoon { key: KeyId, seconds: u64 },
    #[error("the result could not be written to standard output")]
    Output(#[source] io::Error),
}

/// Runs the command, and prints to standard output what was done.
///
/// # Errors
/// The command failed or was not completed; it can be run again.
pub async fn run(command: KeyCommand) -> Result<(), KeyError> {
    match command {
        KeyCommand::Add(place) => add(&KeyLocation::of(place)?),
        KeyCommand::Rotate(place) => rotate(&LoadedKeys::open(place).await?).await,
        KeyCommand::Prune(place) => prune(KeyLocation::of(place)?).await,
        KeyCommand::Check(place) => check(&LoadedKeys::open(place).await?).await,
    }
}

/// Returns the warning that a copy of the database's folder contains the key too, if it does.
pub fn place_warning(database: &Database, key_file: &Path) -> Option<String> {
    let Database::Sqlite(file) = database else { return None };
    key_file::lies_beside(key_file, file).then(|| {
        format!(
            "the key file {} is in the database's folder, so a person with a copy of that folder can read the secrets: move the key file to another folder and name it with --key-file",
            key_file.display()
        )
    })
}

/// The locations of the database and the keys.
struct KeyLocation {
    database: Database,
    key_file: PathBuf,
}

impl KeyLocation {
    fn of(KeyArgs { database, key_file }: KeyArgs) -> Result<Self, DatabaseUrlError> {
        let database = Database::parse(&database.database_url)?;
        let key_file = key_file.unwrap_or_else(|| key_file_beside(&database));
        Ok(Self { database, key_file })
    }

    fn ring(&self) -> Result<Ring, KeyError> {
        let ring = key_file::read(&self.key_file).map_err(|error| self.unusable(error))?;
        ring.ok_or_else(|| KeyError::FileMissing(self.key_file.clone()))
    }

    /// Locks the key file against other commands that change it.
    fn lock(&self) -> Result<Locked, KeyError> {
        let locked = key_file::lock(&self.key_file).map_err(|error| self.unusable(error))?;
        locked.ok_or_else(|| KeyError::FileMissing(self.key_file.clone()))
    }

    fn put(&self, locked: Locked, ring: &Ring) -> Result<(), KeyError> {
        locked.replace(ring, &SystemRandomness).map_err(|error| self.unusable(error))
    }

    fn unusable(&self, error: KeyFileError) -> KeyError {
        KeyError::KeyFile(self.key_file.clone(), error)
    }
}

/// The keys, and the database that determines which one seals.
struct LoadedKeys {
    place: KeyLocation,
    store: Store,
    vault: Vault,
    /// The check value, which determines that.
    check: Vec<u8>,
}

impl LoadedKeys {
    async fn open(place: KeyArgs) -> Result<Self, KeyError> {
        let place = KeyLocation::of(place)?;
        let ring = place.ring()?;
        Self::with(place, ring).await
    }

    /// Opens the database with these keys, which were read from the file.
    async fn with(place: KeyLocation, ring: Ring) -> Result<Self, KeyError> {
        let store = Store::open_existing(&place.database).await?;
        let check = key_check::load(&store).await?.ok_or(KeyError::Unused)?;
        let vault = Vault::over(ring, None, Arc::new(SystemRandomness));
        if !vault.adopt(&check) {
            let key = KeyId::of(&check).map_or_else(String::new, |id| id.to_string());
            return Err(KeyError::SealingKeyMissing { key, file: place.key_file });
        }
        Ok(Self { place, store, vault, check })
    }

    /// Returns how long nodes may still write what they sealed before the key was changed; `None`
    /// if none does any more.
    async fn time_to_settle(&self) -> Result<Option<Duration>, StoreError> {
        let Some(changed_at) = key_check::changed_at(&self.store).await? else { return Ok(None) };
        // A negative duration is an error of `to_std`: that time is over.
        Ok((changed_at + SETTLED_AFTER - SystemClock.now()).to_std().ok())
    }

    /// Counts the values whose sealing key matches `wanted`.
    async fn count(&self, wanted: impl Fn(Option<KeyId>) -> bool) -> Result<i64, StoreError> {
        let mut count = 0;
        for column in Column::ALL {
            let counts = sealed::counts(&self.store, column).await?;
            count += counts.iter().filter(|(key, _)| wanted(*key)).map(|(_, n)| n).sum::<i64>();
        }
        Ok(count)
    }
}

fn add(place: &KeyLocation) -> Result<(), KeyError> {
    let key = new_key(&SystemClock, &SystemRandomness);
    let id = key.id();
    let locked = place.lock()?;
    let ring = locked.ring().clone().and(key);
    place.put(locked, &ring)?;
    print_line(&format!(
        "added the key {id}, which is not used yet: copy {} to every node, then run ppm-email key rotate on one of them",
        place.key_file.display()
    ))
}

async fn rotate(keys: &LoadedKeys) -> Result<(), KeyError> {
    sealed::forget_useless(&keys.store, SystemClock.now()).await?;
    all_open(&closed(keys).await?)?;
    make_newest_sealing(keys).await?;
    reseal(keys).await?;
    wait_until_settled(keys).await?;
    // Again, for what nodes have written since. A node whose key file lacks the new key goes on
    // sealing with the one before, because a rotated refresh token must not be lost: what it writes
    // from here on is late, and keeps its key from being pruned.
    reseal(keys).await?;
    let active = keys.vault.ring().active().id();
    match keys.count(|key| key != Some(active)).await? {
        0 => print_line(&format!("every value is sealed with the key {active}")),
        late => Err(KeyError::Late(late)),
    }
}

/// Makes the newest key the sealing key.
///
/// A concurrent prune cannot have removed that key from the file. It removes keys that are older
/// than the sealing key, so another rotation would have had to change the sealing key first; then
/// the check value differs from the one that was read here, and this change is rejected.
async fn make_newest_sealing(keys: &LoadedKeys) -> Result<(), KeyError> {
    let ring = keys.vault.ring();
    let newest = ring.newest();
    if ring.active().id() == newest.id() {
        return Ok(());
    }
    let check = keys.vault.check_by(newest);
    let entry = || {
        let actor = Actor::named("", "command line");
        let detail = Some(newest.id().to_string());
        Entry { detail, ..Entry::new(SystemClock.now(), actor, Action::KeyChanged) }
    };
    if !key_check::replace(&keys.store, &keys.check, &check, entry).await? {
        return Err(KeyError::Overtaken);
    }
    keys.vault.adopt(&check);
    print_line(&format!("the key {} is the sealing key from now on", newest.id()))
}

/// Waits until no node writes any more what it sealed before the key was changed. The nodes are not
/// known, so it waits wherever the change is recent, even one by an earlier rotation that was
/// aborted.
async fn wait_until_settled(keys: &LoadedKeys) -> Result<(), KeyError> {
    // An upper bound, regardless of the clock skew between nodes.
    let latest = Instant::now() + SETTLED_AFTER;
    let mut has_printed = false;
    while let Some(rest) = keys.time_to_settle().await?
        && Instant::now() < latest
    {
        if !has_printed {
            let seconds = SETTLED_AFTER.as_secs();
            print_line(&format!(
                "waiting up to {seconds} seconds for values that nodes have sealed before"
            ))?;
            has_printed = true;
        }
        sleep(rest.min(LOOK_EVERY)).await;
    }
    Ok(())
}

/// Reseals with the present key what other keys have sealed, and returns how many values.
async fn reseal(keys: &LoadedKeys) -> Result<usize, KeyError> {
    sealed::forget_useless(&keys.store, SystemClock.now()).await?;
    let active = keys.vault.ring().active().id();
    let mut total = 0;
    for column in Column::ALL {
        let (mut after, mut done) = (String::new(), 0);
        loop {
            let batch = sealed::batch(&keys.store, column, &after, Some(active)).await?;
            let Some(last) = batch.last() else { break };
            after.clone_from(&last.row);
            for value in &batch {
                done += usize::from(reseal_one(keys, column, value).await?);
            }
            print_line(&format!("{}.{}: {done} resealed", column.table(), column.name()))?;
        }
        total += done;
    }
    Ok(total)
}

/// Reseals a value. Returns whether it was still there.
async fn reseal_one(
    keys: &LoadedKeys,
    column: Column,
    value: &SealedValue,
) -> Result<bool, KeyError> {
    let (name, destination) = bound_to(column, value).unwrap_or(UNBOUND);
    match keys.vault.reseal(&name, &destination, &value.sealed) {
        Ok(resealed) => Ok(sealed::replace(&keys.store, column, value, &resealed).await?),
        Err(error) if sealed::is_unchanged(&keys.store, column, value).await? => {
            all_open(&[describe(column, value, error)]).map(|()| false)
        }
        Err(_) => Ok(false),
    }
}

async fn prune(place: KeyLocation) -> Result<(), KeyError> {
    // Locked before the first lookup and until the file is replaced: a key that another command
    // adds meanwhile would be lost.
    let locked = place.lock()?;
    let keys = LoadedKeys::with(place, locked.ring().clone()).await?;
    sealed::forget_useless(&keys.store, SystemClock.now()).await?;
    let ring = keys.vault.ring();
    let retired: Vec<_> = ring.retired().iter().map(Key::id).collect();
    if retired.is_empty() {
        return print_line("nothing to remove: no key is older than the sealing key");
    }
    // Before the values are counted, so that the count includes late writes.
    if let Some(rest) = keys.time_to_settle().await? {
        return Err(KeyError::TooSoon { key: ring.active().id(), seconds: rest.as_secs() + 1 });
    }
    for &key in &retired {
        let count = keys.count(|sealed_by| sealed_by == Some(key)).await?;
        if count > 0 {
            return Err(KeyError::Needed { key, count });
        }
    }
    keys.place.put(locked, &ring.without_retired())?;
    for key in retired {
        print_line(&format!("removed the key {key}"))?;
    }
    print_line(&format!(
        "backups of the database from before the rotation need the key file from that time; copy {} to every node",
        keys.place.key_file.display()
    ))
}

async fn check(keys: &LoadedKeys) -> Result<(), KeyError> {
    let (ring, file) = (keys.vault.ring(), &keys.place.key_file);
    print_line(&format!("{}", file.display()))?;
    let active = ring.active().id();
    for key in ring.keys() {
        let made = key.made_on().map_or_else(|| "unknown".to_owned(), |day| day.to_string());
        let is_retired = ring.retired().iter().any(|retired| retired.id() == key.id());
        let state = match is_retired {
            _ if key.id() == active => "seals",
            true => "only opens",
            false => "not used yet",
        };
        let count = keys.count(|sealed_by| sealed_by == Some(key.id())).await?;
        print_line(&format!("{}\tmade {made}\t{state}\t{count} values", key.id()))?;
    }
    if let Some(warning) = place_warning(&keys.place.database, file) {
        print_line(&format!("warning: {warning}"))?;
    }
    let closed = closed(keys).await?;
    for value in closed.iter().take(MAX_LISTED) {
        print_line(&format!("cannot be opened: {value}"))?;
    }
    all_open(&closed)?;
    print_line("every value can be opened")
}

/// Returns the values that cannot be opened, each by its row and the reason.
async fn closed(keys: &LoadedKeys) -> Result<Vec<String>, KeyError> {
    let mut closed = Vec::new();
    for column in Column::ALL {
        let mut after = String::new();
        loop {
            let batch = sealed::batch(&keys.store, column, &after, None).await?;
            let Some(last) = batch.last() else { break };
            after.clone_from(&last.row);
            for value in &batch {
                let (name, destination) = bound_to(column, value).unwrap_or(UNBOUND);
                if let Err(error) = keys.vault.open(&name, &destination, &value.sealed)
                    && sealed::is_unchanged(&keys.store, column, value).await?
                {
                    closed.push(describe(column, value, error));
                }
            }
        }
    }
    Ok(closed)
}

fn all_open(closed: &[String]) -> Result<(), KeyError> {
    match closed {
        [] => Ok(()),
        [first, ..] => Err(KeyError::Closed { count: closed.len(), first: first.clone() }),
    }
}

fn describe(column: Column, value: &SealedValue, error: VaultError) -> String {
    format!("{} {}, {}: {}", column.table(), value.row, column.name(), one_line(&error))
}

/// A name and a destination that no value is sealed for.
const UNBOUND: (String, Destination) = (String::new(), Destination::Unbound);

/// Returns what a value was sealed for: its name and its destination; `None` if unknown.
fn bound_to(column: Column, value: &SealedValue) -> Option<(String, Destination)> {
    let form = || serde_json::from_str::<Form<()>>(&value.context).ok();
    let (name, destination) = match column {
        Column::Secret => {
            return Some((value.row.clone(), serde_json::from_str(&value.context).ok()?));
        }
        Column::ProvedClientId => return Some((value.row.clone(), Destination::Unbound)),
        Column::Subject => (columns::SUBJECT, Destination::Message(value.row.clone())),
        Column::Body => (columns::BODY, Destination::Message(value.row.clone())),
        Column::AccessToken => (columns::ACCESS_TOKEN, form()?.token_destination()),
        Column::RefreshToken => (columns::REFRESH_TOKEN, form()?.token_endpoint_origin()),
        Column::CodeVerifier => (columns::CODE_VERIFIER, form()?.token_endpoint_origin()),
        Column::Run => (columns::RUN, Destination::Unbound),
        Column::SignInVerifier => {
            (columns::SIGN_IN_VERIFIER, Destination::Origin(value.context.clone()))
        }
        Column::IdToken => {
            let SubjectRow { issuer } = serde_json::from_str(&value.context).ok()?;
            (columns::ID_TOKEN, Destination::Origin(issuer))
        }
    };
    Some((name.to_owned(), destination))
}

/// The part of a session's user that the ID token is bound to.
#[derive(Deserialize)]
struct SubjectRow {
    issuer: String,
}

fn print_line(line: &str) -> Result<(), KeyError> {
    writeln!(io::stdout(), "{line}").map_err(KeyError::Output)
}
