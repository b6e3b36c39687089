//! Applications and their keys, of which the database has prefix and hash.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::application::{
    Application, ApplicationSettings, KeyInfo, LastRefusal, MAX_KEYS, Refusal,
};
use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::audit::{self, Entry};
use crate::columns::{column, millis, sought};
use crate::error::StoreError;
use crate::pool::Store;

/// A key to store.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    /// Its public prefix.
    pub prefix: &'a str,
    /// Its SHA-256.
    pub hash: &'a str,
}

/// A stored key, for the comparison with one that a caller presents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its SHA-256.
    pub hash: String,
    /// The application that it belongs to.
    pub application: Application,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It was made.
    Done,
    /// There is no such application or key.
    NotFound,
    /// Another application has this name.
    NameTaken,
    /// It has as many keys as it may have.
    TooManyKeys,
}

const COLUMNS: &str = "application.id, application.name, application.senders, \
    application.per_minute, application.sends_again, application.is_disabled, \
    application.created_at, application.last_used_at, application.refused_at, application.refusal";

fn from_row(row: &AnyRow) -> Result<Application, StoreError> {
    let refused_at: Option<DateTime<Utc>> = column(row, "refused_at")?;
    let refusal: Option<Refusal> = column(row, "refusal")?;
    let senders: String = column(row, "senders")?;
    Ok(Application {
        id: column(row, "id")?,
        settings: ApplicationSettings {
            name: column(row, "name")?,
            senders: senders.lines().map(str::to_owned).collect(),
            per_minute: column(row, "per_minute")?,
            sends_again: column(row, "sends_again")?,
        },
        is_disabled: column(row, "is_disabled")?,
        created_at: column(row, "created_at")?,
        last_used_at: column(row, "last_used_at")?,
        last_refusal: refused_at.zip(refusal).map(|(at, reason)| LastRefusal { at, reason }),
        keys: Vec::new(),
    })
}

/// Returns all applications with their keys, sorted by name.
pub async fn list(store: &Store) -> Result<Vec<Application>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM application ORDER BY name_key");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&store.pool).await?;
    let sql =
        "SELECT prefix, application, created_at FROM application_key ORDER BY created_at, prefix";
    let mut keys: HashMap<String, Vec<KeyInfo>> = HashMap::new();
    for row in sqlx::query(sql).fetch_all(&store.pool).await? {
        let key =
            KeyInfo { prefix: column(&row, "prefix")?, created_at: column(&row, "created_at")? };
        keys.entry(column(&row, "application")?).or_default().push(key);
    }
    let with_keys = |application: Application| {
        let keys = keys.remove(&application.id).unwrap_or_default();
        Application { keys, ..application }
    };
    rows.iter()
        .map(from_row)
        .collect::<Result<Vec<_>, _>>()
        .map(|applications| applications.into_iter().map(with_keys).collect())
}

/// Returns the application with this name, regardless of case, without its keys.
pub async fn by_name(store: &Store, name: &str) -> Result<Option<Application>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM application WHERE name_key = $1");
    let query = sqlx::query(AssertSqlSafe(sql)).bind(name_key(name));
    query.fetch_optional(&store.pool).await?.as_ref().map(from_row).transpose()
}

/// Returns the key with this prefix, and its application.
pub async fn key(store: &Store, prefix: &str) -> Result<Option<StoredKey>, StoreError> {
    let sql = format!(
        "SELECT hash, {COLUMNS} FROM application_key
         JOIN application ON application.id = application_key.application WHERE prefix = $1",
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(sought(prefix));
    let row = query.fetch_optional(&store.pool).await?;
    row.map(|row| Ok(StoredKey { hash: column(&row, "hash")?, application: from_row(&row)? }))
        .transpose()
}

/// Adds an application with its first key.
pub async fn add(
    store: &Store,
    application: &Application,
    key: NewKey<'_>,
    entries: &[Entry],
) -> Result<Changed, StoreError> {
    let mut transaction = store.begin_write().await?;
    let ApplicationSettings { name, senders, per_minute, sends_again } = &application.settings;
    let added = sqlx::query(
        "INSERT INTO application (id, name, name_key, senders, per_minute, sends_again, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name_key) DO NOTHING",
    )
    .bind(&application.id)
    .bind(name)
    .bind(name_key(name))
    .bind(senders.join("\n"))
    .bind(*per_minute)
    .bind(i64::from(*sends_again))
    .bind(millis(application.created_at))
    .execute(&mut *transaction)
    .await?;
    if added.rows_affected() == 0 {
        return Ok(Changed::NameTaken);
    }
    put_key(&mut transaction, &application.id, key, application.created_at).await?;
    record(&mut transaction, entries).await?;
    transaction.commit().await?;
    Ok(Changed::Done)
}

/// Replaces what an administrator has decided about an application, except its name.
pub async fn change(
    store: &Store,
    id: &str,
    settings: &ApplicationSettings,
    entries: &[Entry],
) -> Result<Changed, StoreError> {
    let mut transaction = store.begin_write().await?;
    let changed = sqlx::query(
        "UPDATE application SET senders = $2, per_minute = $3, sends_again = $4 WHERE id = $1",
    )
    .bind(sought(id))
    .bind(settings.senders.join("\n"))
    .bind(settings.per_minute)
    .bind(i64::from(settings.sends_again))
    .execute(&mut *transaction)
    .await?;
    if changed.rows_affected() == 0 {
        return Ok(Changed::NotFound);
    }
    record(&mut transaction, entries).await?;
    transaction.commit().await?;
    Ok(Changed::Done)
}

/// Notes that an application has handed over a message, or why one was refused.
pub async fn note_use(
    store: &Store,
    id: &str,
    refusal: Option<Refusal>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = match refusal {
        None => "UPDATE application SET last_used_at = $2 WHERE id = $1",
        Some(_) => "UPDATE application SET refused_at = $2, refusal = $3 WHERE id = $1",
    };
    let mut note = sqlx::query(sql).bind(id).bind(millis(at));
    if let Some(refusal) = refusal {
        note = note.bind(refusal.wire_name());
    }
    note.execute(&store.pool).await?;
    Ok(())
}

/// Disables an application, or enables it again.
pub async fn set_disabled(
    store: &Store,
    id: &str,
    is_disabled: bool,
    entry: &Entry,
) -> Result<Changed, StoreError> {
    let mut transaction = store.begin_write().await?;
    let changed = sqlx::query("UPDATE application SET is_disabled = $2 WHERE id = $1")
        .bind(sought(id))
        .bind(i64::from(is_disabled))
        .execute(&mut *transaction)
        .await?;
    let done = audit::commit_if_changed(transaction, &changed, Some(entry)).await?;
    Ok(if done { Changed::Done } else { Changed::NotFound })
}

/// Removes an application with its keys. Its messages stay.
pub async fn remove(store: &Store, id: &str, entry: &Entry) -> Result<Changed, StoreError> {
    let mut transaction = store.begin_write().await?;
    let removed = sqlx::query("DELETE FROM application WHERE id = $1")
        .bind(sought(id))
        .execute(&mut *transaction)
        .await?;
    let done = audit::commit_if_changed(transaction, &removed, Some(entry)).await?;
    Ok(if done { Changed::Done } else { Changed::NotFound })
}

/// Adds a key to an application.
pub async fn add_key(
    store: &Store,
    id: &str,
    key: NewKey<'_>,
    at: DateTime<Utc>,
    entry: &Entry,
) -> Result<Changed, StoreError> {
    let mut transaction = store.begin_write().await?;
    // Locks the row, so that two rotations at once do not both add a key.
    let found = sqlx::query("UPDATE application SET name = name WHERE id = $1")
        .bind(sought(id))
        .execute(&mut *transaction)
        .await?;
    if found.rows_affected() == 0 {
        return Ok(Changed::NotFound);
    }
    let count: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM application_key WHERE application = $1")
            .bind(sought(id))
            .fetch_one(&mut *transaction)
            .await?;
    if usize::try_from(count).is_ok_and(|count| count >= MAX_KEYS) {
        return Ok(Changed::TooManyKeys);
    }
    put_key(&mut transaction, id, key, at).await?;
    audit::record_in(&mut transaction, entry).await?;
    transaction.commit().await?;
    Ok(Changed::Done)
}

/// Removes a key of an application.
pub async fn remove_key(
    store: &Store,
    id: &str,
    prefix: &str,
    entry: &Entry,
) -> Result<Changed, StoreError> {
    let mut transaction = store.begin_write().await?;
    let removed = sqlx::query("DELETE FROM application_key WHERE application = $1 AND prefix = $2")
        .bind(sought(id))
        .bind(sought(prefix))
        .execute(&mut *transaction)
        .await?;
    let done = audit::commit_if_changed(transaction, &removed, Some(entry)).await?;
    Ok(if done { Changed::Done } else { Changed::NotFound })
}

async fn put_key(
    connection: &mut AnyConnection,
    id: &str,
    key: NewKey<'_>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO application_key (prefix, application, hash, created_at)
               VALUES ($1, $2, $3, $4)";
    let put = sqlx::query(sql).bind(key.prefix).bind(id).bind(key.hash).bind(millis(at));
    put.execute(connection).await?;
    Ok(())
}

async fn record(connection: &mut AnyConnection, entries: &[Entry]) -> Result<(), StoreError> {
    for entry in entries {
        audit::record_in(connection, entry).await?;
    }
    Ok(())
}

/// The name without case.
fn name_key(name: &str) -> String {
    sought(&name.trim().to_lowercase())
}
