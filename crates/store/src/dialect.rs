//! What `SQLite` and `PostgreSQL` spell differently.

use std::time::Duration;

use sqlx::{Any, AnyPool, Transaction};

/// How long a statement waits for another writer before it fails.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The database system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Returns the statement that limits how long a connection waits for another writer.
    pub(crate) fn lock_timeout(self) -> String {
        let milliseconds = LOCK_TIMEOUT.as_millis();
        match self {
            Self::Sqlite => format!("PRAGMA busy_timeout = {milliseconds};"),
            Self::Postgres => format!("SET lock_timeout = {milliseconds};"),
        }
    }

    /// Begins a transaction that writes. On `SQLite` it takes the write lock at once: one that
    /// reads first and then writes would fail if another writer came between.
    pub(crate) async fn begin_write(
        self,
        pool: &AnyPool,
    ) -> Result<Transaction<'static, Any>, sqlx::Error> {
        match self {
            Self::Sqlite => pool.begin_with("BEGIN IMMEDIATE").await,
            Self::Postgres => pool.begin().await,
        }
    }
}
