//! The open database: a pool of connections to a `SQLite` file or a `PostgreSQL` server.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{cmp::Ordering, fs::OpenOptions, io, os::unix::fs::OpenOptionsExt, time::Duration};

use chrono::{DateTime, Utc};
use domain::error::one_line;
use secrecy::ExposeSecret;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Connection, Transaction};

use crate::columns::millis;
use crate::database::Database;
use crate::dialect::{Dialect, LOCK_TIMEOUT};
use crate::error::StoreError;
use crate::files::{NotPrivate, check_private};
use crate::migrations::{self, KNOWN};

/// The pool size per process. `SQLite` serializes its writers anyway.
const CONNECTIONS: u32 = 8;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time that a write takes to succeed or fail: it waits for a connection, and then for
/// another writer.
pub const WRITTEN_WITHIN: Duration = ACQUIRE_TIMEOUT.saturating_add(LOCK_TIMEOUT);

/// `FULL`: an acknowledged commit survives a power cut. `secure_delete`: a deleted row is overwritten.
const SQLITE_TO_WRITE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;";
/// An acknowledged commit survives a crash, also if the server's default is weaker. `local` and
/// `remote_write` become `on`, too: they differ only where there are synchronous standbys, and after a
/// failover to one of those nothing may be missing. `remote_apply` waits for even more, and stays.
const POSTGRES_TO_WRITE: &str = "SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') <> 'remote_apply';";
const POSTGRES_TO_READ: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;";

/// An open database with the current schema.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: AnyPool,
    dialect: Dialect,
    /// An idle connection to `SQLite`. While it is open, others need no new file beside the
    /// database, for which a full disk has no space.
    anchor: Arc<Mutex<Option<AnyConnection>>>,
}

/// Why the database cannot be opened. Each message is the one line an operator reads.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum OpenStoreError {
    #[error("the folder {} for the database does not exist", .0.display())]
    FolderMissing(PathBuf),
    #[error("the database file {} cannot be created", .0.display())]
    CreateFile(PathBuf, #[source] io::Error),
    #[error("--database-url is not valid")]
    Url,
    #[error("the database server could not be reached within {} seconds", ACQUIRE_TIMEOUT.as_secs())]
    Unreachable,
    #[error("the database cannot be opened")]
    Connect(#[source] sqlx::Error),
    #[error("the database's tables cannot be brought up to date")]
    Migrate(#[source] sqlx::Error),
    #[error("the database file {} is not safe", .0.display())]
    NotPrivate(PathBuf, #[source] NotPrivate),
    #[error("the database file {} cannot be read", .0.display())]
    ReadFile(PathBuf, #[source] io::Error),
    #[error("the database file {} does not exist: name the right one with --database-url", .0.display())]
    FileMissing(PathBuf),
    #[error(
        "the database has no ppm-email tables: start ppm-email serve once, or name the right one with --database-url"
    )]
    NoTables,
    #[error(
        "the database is from an older version of ppm-email (schema {found}, this version knows {known}): start this version's ppm-email serve first, or use the older version's command"
    )]
    Older { found: i64, known: i64 },
    #[error(
        "the database is from a newer version of ppm-email (schema {found}, this version knows {known}): use that version"
    )]
    Newer { found: i64, known: i64 },
}

impl OpenStoreError {
    /// Maps an error. A pool timeout means no server; a URL error may repeat a part of the URL.
    fn from_connect(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self::Unreachable,
            sqlx::Error::Configuration(_) => Self::Url,
            other => Self::Connect(other),
        }
    }
}

impl Store {
    /// Opens the database to serve: creates a missing `SQLite` file and migrates the schema.
    ///
    /// # Errors
    /// The folder, the file, the server or the schema cannot be used.
    pub async fn open(database: &Database) -> Result<Self, OpenStoreError> {
        let store = Self::connect_or_make(database).await?;
        let migrated = migrations::run(&store.pool, store.dialect).await;
        match migrated.map_err(OpenStoreError::Migrate)? {
            found if found > KNOWN => Err(OpenStoreError::Newer { found, known: KNOWN }),
            _ => Ok(store),
        }
    }

    /// Opens the database for a command that may be the first to use it: creates what is missing,
    /// as [`open`](Self::open) does, but does not migrate an older schema, because nodes of that
    /// version may be serving.
    ///
    /// # Errors
    /// As [`open`](Self::open), or the schema is of another version.
    pub async fn open_or_make(database: &Database) -> Result<Self, OpenStoreError> {
        let store = Self::connect_or_make(database).await?;
        let found = migrations::run_if_empty(&store.pool, store.dialect).await;
        match found.map_err(OpenStoreError::Migrate)? {
            0 => Ok(store),
            found => store.with_schema(found),
        }
    }

    /// Opens the database to change rows while nodes serve: it creates no file and changes no
    /// table.
    ///
    /// # Errors
    /// There is no such database, or its schema is of another version.
    pub async fn open_existing(database: &Database) -> Result<Self, OpenStoreError> {
        if let Database::Sqlite(file) = database {
            present_file(file)?;
        }
        let store = Self::connect_or_make(database).await?;
        store.with_known_schema().await
    }

    /// Opens the database to read it while nodes serve: it creates nothing and changes nothing.
    ///
    /// # Errors
    /// There is no such database, or its schema is of another version.
    pub async fn open_to_read(database: &Database) -> Result<Self, OpenStoreError> {
        let store = match database {
            Database::Sqlite(file) => {
                let url = format!("{}?mode=ro", sqlite_url(&present_file(file)?));
                Self::connect(Dialect::Sqlite, &url, "").await?
            }
            Database::Postgres(url) => {
                Self::connect(Dialect::Postgres, url.expose_secret(), POSTGRES_TO_READ).await?
            }
        };
        store.with_known_schema().await
    }

    /// Returns this database if its schema is of this version.
    async fn with_known_schema(self) -> Result<Self, OpenStoreError> {
        let found = migrations::found(&self.pool, self.dialect).await;
        match found.map_err(OpenStoreError::Connect)? {
            0 => Err(OpenStoreError::NoTables),
            found => self.with_schema(found),
        }
    }

    /// Returns this database if the schema that was found is of this version.
    fn with_schema(self, found: i64) -> Result<Self, OpenStoreError> {
        match found.cmp(&KNOWN) {
            Ordering::Less => Err(OpenStoreError::Older { found, known: KNOWN }),
            Ordering::Equal => Ok(self),
            Ordering::Greater => Err(OpenStoreError::Newer { found, known: KNOWN }),
        }
    }

    /// Connects to write, and creates a missing `SQLite` file.
    async fn connect_or_make(database: &Database) -> Result<Self, OpenStoreError> {
        match database {
            Database::Sqlite(file) => {
                let url = sqlite_url(&private_file(file)?);
                let store = Self::connect(Dialect::Sqlite, &url, SQLITE_TO_WRITE).await?;
                let anchor = store.pool.acquire().await.map_err(OpenStoreError::from_connect)?;
                *store.anchor() = Some(anchor.detach());
                Ok(store)
            }
            Database::Postgres(url) => {
                Self::connect(Dialect::Postgres, url.expose_secret(), POSTGRES_TO_WRITE).await
            }
        }
    }

    /// Connects. Each connection begins with the lock timeout and the statements in `first`.
    async fn connect(
        dialect: Dialect,
        url: &str,
        first: &'static str,
    ) -> Result<Self, OpenStoreError> {
        sqlx::any::install_default_drivers();
        // The URL may contain a password, and its parser's error the URL: neither is passed on.
        let options: AnyConnectOptions = url.parse().map_err(|_| OpenStoreError::Url)?;
        let pool =
            AnyPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
        let pool = match dialect {
            Dialect::Sqlite => {
                // A ping costs as much as a small statement. A file's connection is not lost while it
                // is idle, and the release has tested it.
                let pool = pool.test_before_acquire(false);
                pool.after_release(|connection, _| Box::pin(is_reusable(connection)))
            }
            Dialect::Postgres => pool,
        };
        let pool = pool
            .after_connect(move |connection, _| {
                let first = format!("{} {first}", dialect.lock_timeout());
                Box::pin(async move {
                    sqlx::raw_sql(AssertSqlSafe(first)).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_with(options)
            .await
            .map_err(OpenStoreError::from_connect)?;
        Ok(Self { pool, dialect, anchor: Arc::default() })
    }

    /// Writes to the single row of the readiness probe, so that the database does not grow.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn write_probe(&self, at: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("UPDATE readiness_probe SET written_at = $1 WHERE id = 1")
            .bind(millis(at))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Whether the database answers.
    pub async fn answers(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.pool).await.is_ok()
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
        let anchor = self.anchor().take();
        if let Some(anchor) = anchor
            && let Err(error) = anchor.close().await
        {
            tracing::debug!(error = one_line(&error), "a connection to the database broke");
        }
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn anchor(&self) -> MutexGuard<'_, Option<AnyConnection>> {
        self.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin_write(&self) -> Result<Transaction<'static, Any>, sqlx::Error> {
        self.dialect.begin_write(&self.pool).await
    }

    /// Begins a transaction that writes, and locks the row of settings until it ends, as a save
    /// does. `None` if the settings have another revision by now.
    pub(crate) async fn begin_write_for(
        &self,
        revision: i64,
    ) -> Result<Option<Transaction<'static, Any>>, sqlx::Error> {
        let sql = "UPDATE settings SET revision = revision WHERE id = 1 AND revision = $1";
        self.begin_write_if(sql, revision).await
    }

    /// Begins such a transaction; `None` if the settings have another token revision by now.
    pub(crate) async fn begin_write_for_token(
        &self,
        token_revision: i64,
    ) -> Result<Option<Transaction<'static, Any>>, sqlx::Error> {
        let sql = "UPDATE settings SET revision = revision WHERE id = 1 AND token_revision = $1";
        self.begin_write_if(sql, token_revision).await
    }

    async fn begin_write_if(
        &self,
        sql: &'static str,
        revision: i64,
    ) -> Result<Option<Transaction<'static, Any>>, sqlx::Error> {
        let mut transaction = self.begin_write().await?;
        let held = sqlx::query(sql).bind(revision).execute(&mut *transaction).await?;
        Ok((held.rows_affected() == 1).then_some(transaction))
    }

    /// Begins a transaction that alone writes to this table: a later one sees all rows of earlier
    /// ones, and gets higher numbers. On `SQLite` every writer is alone.
    pub(crate) async fn begin_write_alone(
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

/// Whether a connection can be reused. On a full disk `SQLite` rolls a transaction back by itself;
/// sqlx still counts it, and would begin no other on that connection.
async fn is_reusable(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    // The ping first completes the rollback of a dropped transaction.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Returns the absolute path of an existing and private database file.
fn present_file(file: &Path) -> Result<PathBuf, OpenStoreError> {
    let present = std::path::absolute(file).ok().filter(|file| file.is_file());
    require_private(present.ok_or_else(|| OpenStoreError::FileMissing(file.to_owned()))?)
}

/// Requires that a database file is private, and the journals that a killed process has left beside
/// it: `SQLite` goes on writing with their permissions.
fn require_private(file: PathBuf) -> Result<PathBuf, OpenStoreError> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = file.clone().into_os_string();
        name.push(suffix);
        match std::fs::metadata(&name).map(|found| check_private(&found)) {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => return Err(OpenStoreError::NotPrivate(name.into(), fault)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !suffix.is_empty() => {}
            Err(error) => return Err(OpenStoreError::ReadFile(name.into(), error)),
        }
    }
    Ok(file)
}

/// Creates a missing file with mode 600. `SQLite` gives the same permissions to the journals beside
/// it.
fn private_file(file: &Path) -> Result<PathBuf, OpenStoreError> {
    let cannot = |error| OpenStoreError::CreateFile(file.to_owned(), error);
    let file = std::path::absolute(file).map_err(cannot)?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        return Err(OpenStoreError::FolderMissing(folder.to_owned()));
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file) {
        Ok(_) => Ok(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => require_private(file),
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
            byte => write!(url, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
    }
    url
}
