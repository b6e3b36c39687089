//! The lock by which one process works the queue of a `SQLite` database. The operating system holds it,
//! so that it ends with the process. On `PostgreSQL` all nodes work the queue.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use crate::database::Database;
use crate::error::StoreError;
use crate::pool::Store;

/// The right to work the queue, until it is dropped.
#[derive(Debug)]
pub struct QueueLock(Option<File>);

/// Takes the lock. `None` if another process has it.
///
/// # Errors
/// The file beside the database cannot be made or locked.
pub fn try_lock(database: &Database) -> io::Result<Option<QueueLock>> {
    let Database::Sqlite(path) = database else { return Ok(Some(QueueLock(None))) };
    let mut name = path.clone().into_os_string();
    name.push("-queue");
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(name)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(QueueLock(Some(file)))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl QueueLock {
    /// Ends the leases of a process that had the lock before and crashed, so that its attempts and its
    /// connections need not be waited for.
    pub async fn end_leases(&self, store: &Store) -> Result<(), StoreError> {
        if self.0.is_some() {
            let mut transaction = store.begin_write().await?;
            for sql in [
                "UPDATE message SET lease_until = 0 WHERE lease_until IS NOT NULL",
                "UPDATE connection_slot SET holder = NULL, held_until = 0 WHERE holder IS NOT NULL",
            ] {
                sqlx::query(sql).execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
        }
        Ok(())
    }
}
