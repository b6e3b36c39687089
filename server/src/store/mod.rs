//! What is kept: one module per table or two, each of small functions over [`Store`]. The SQL is
//! the same text for `SQLite` and `PostgreSQL`, so only 64-bit integers, texts and blobs cross the
//! border, and times as epoch milliseconds. Nothing here knows what a form means.

mod migrations;

pub mod attempts;
pub mod audit;
pub mod foreign_sessions;
pub mod foreign_sign_ins;
pub mod key_check;
pub mod people;
pub mod providers;
pub mod runs;
pub mod sealed;
pub mod sessions;
pub mod set_up;
pub mod settings;
pub mod sign_ins;
pub mod time_preferences;
pub mod tokens;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::Serialize;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyPool, AssertSqlSafe, Transaction};

use crate::config::Database;

/// Connections per process. Writers of `SQLite` wait for one another anyhow.
const CONNECTIONS: u32 = 8;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Waits for another writer instead of failing; an acknowledged commit survives a power cut.
const SQLITE_PRAGMAS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; \
                              PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";

/// The database, open and of the present schema.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    dialect: Dialect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

/// Why the database cannot be opened. Each message is the one line an operator reads.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum OpenStoreError {
    #[error("the folder {} for the database is not there", .0.display())]
    FolderMissing(PathBuf),
    #[error("the database file {} cannot be made", .0.display())]
    CreateFile(PathBuf, #[source] io::Error),
    #[error("--database-url cannot be understood")]
    Url,
    #[error("the database's server could not be reached within {} seconds", ACQUIRE_TIMEOUT.as_secs())]
    Unreachable,
    #[error("the database cannot be opened")]
    Connect(#[source] sqlx::Error),
    #[error("the database's tables cannot be brought up to date")]
    Migrate(#[source] sqlx::Error),
    #[error(
        "the database was made by a newer version of ppm-email (schema {found}, this version knows {known})"
    )]
    Newer { found: i64, known: i64 },
}

impl OpenStoreError {
    /// A server that is not there yet was waited for; an error about the URL may repeat a part of it.
    fn from_connect(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self::Unreachable,
            sqlx::Error::Configuration(_) => Self::Url,
            other => Self::Connect(other),
        }
    }
}

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum StoreError {
    #[error("the database does not answer as it should")]
    Database(#[from] sqlx::Error),
    #[error("the database holds a {0} that this version does not know")]
    Unknown(&'static str),
}

impl Store {
    /// Opens the database, makes a `SQLite` file that is not there yet, and brings the tables up to date.
    ///
    /// # Errors
    /// The folder, the file, the server or the schema is not as it must be.
    pub async fn open(database: &Database) -> Result<Self, OpenStoreError> {
        sqlx::any::install_default_drivers();
        let (dialect, url) = match database {
            Database::Sqlite(file) => (Dialect::Sqlite, sqlite_url(&private_file(file)?)),
            Database::Postgres(url) => (Dialect::Postgres, url.expose_secret().to_owned()),
        };
        // The URL may hold a password, and its parser's error the URL: neither goes further.
        let options: AnyConnectOptions = url.parse().map_err(|_| OpenStoreError::Url)?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if dialect == Dialect::Sqlite {
                        sqlx::raw_sql(SQLITE_PRAGMAS).execute(connection).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await
            .map_err(OpenStoreError::from_connect)?;
        let store = Self { pool, dialect };
        migrations::run(&store).await?;
        Ok(store)
    }

    /// Whether the database answers.
    pub async fn answers(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.pool).await.is_ok()
    }

    /// Lets every connection end.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A transaction that will write. On `SQLite` it takes its place among the writers at once: one
    /// that reads first and then writes would be refused when another came between.
    async fn begin_write(&self) -> Result<Transaction<'static, Any>, sqlx::Error> {
        match self.dialect {
            Dialect::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await,
            Dialect::Postgres => self.pool.begin().await,
        }
    }

    /// The same, with nobody else writing to this table meanwhile: whoever comes later sees all
    /// that came before, and gets a higher number. On `SQLite` every writer is alone.
    async fn begin_write_alone(
        &self,
        table: &'static str,
    ) -> Result<Transaction<'static, Any>, sqlx::Error> {
        let mut transaction = self.begin_write().await?;
        if self.dialect == Dialect::Postgres {
            let lock = format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE");
            sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *transaction).await?;
        }
        Ok(transaction)
    }
}

/// Makes the file readable by its owner only, where it is not there; the journals beside it get
/// the same permissions from `SQLite`.
fn private_file(file: &Path) -> Result<PathBuf, OpenStoreError> {
    let cannot = |error| OpenStoreError::CreateFile(file.to_owned(), error);
    let file = std::path::absolute(file).map_err(cannot)?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        return Err(OpenStoreError::FolderMissing(folder.to_owned()));
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file) {
        Ok(_) => Ok(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(file),
        Err(error) => Err(OpenStoreError::CreateFile(file, error)),
    }
}

fn sqlite_url(file: &Path) -> String {
    use std::fmt::Write;
    let mut url = String::from("sqlite://");
    for byte in file.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => url.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => url.push(char::from(*byte)),
            byte => write!(url, "%{byte:02X}").expect("a String takes whatever is written to it"),
        }
    }
    url
}

/// A text to look for: `PostgreSQL` takes no U+0000, which stands in nothing that is kept.
fn sought(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// An instant as the database keeps it.
fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// An instant that the database kept.
fn instant(millis: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(millis).ok_or(StoreError::Unknown("time"))
}

/// A value as the database keeps it.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value)
        .expect("what is kept as JSON has text keys only, and no way to fail")
}
