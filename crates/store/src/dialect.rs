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

    /// Returns the expression of the database's clock, in epoch milliseconds.
    pub(crate) const fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            // Stable within a statement, so that an index serves it.
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT)",
        }
    }

    /// Returns what makes a query lock the rows that no other transaction has locked.
    pub(crate) const fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "FOR UPDATE SKIP LOCKED",
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
