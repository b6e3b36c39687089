//! Why an operation on the database fails.

/// Why a database operation failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum StoreError {
    #[error("the database does not answer as it should")]
    Database(#[source] sqlx::Error),
    #[error("the database holds a {0} that this version does not know")]
    Unknown(&'static str),
}

impl From<sqlx::Error> for StoreError {
    /// Converts an error of sqlx. That of a column may wrap one of these, which is unwrapped.
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { index, source } => match source.downcast() {
                Ok(unknown) => *unknown,
                Err(source) => Self::Database(sqlx::Error::ColumnDecode { index, source }),
            },
            error => Self::Database(error),
        }
    }
}

/// Why the database cannot be written, as far as an operator can fix it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteFault {
    /// The disk is full.
    DiskFull,
    /// It is read-only.
    ReadOnly,
    /// It does not answer, or fails otherwise.
    Unavailable,
}

impl StoreError {
    /// Returns why the database cannot be written.
    pub fn write_fault(&self) -> WriteFault {
        let Self::Database(sqlx::Error::Database(error)) = self else {
            return WriteFault::Unavailable;
        };
        // SQLite has (extended) result codes, PostgreSQL has SQLSTATE codes of five characters.
        match error.code().unwrap_or_default().as_ref() {
            SQLITE_FULL | SQLITE_IOERR_SHMSIZE | POSTGRES_DISK_FULL => WriteFault::DiskFull,
            POSTGRES_READ_ONLY => WriteFault::ReadOnly,
            code if code.len() < POSTGRES_READ_ONLY.len() && is_sqlite_read_only(code) => {
                WriteFault::ReadOnly
            }
            _ => WriteFault::Unavailable,
        }
    }
}

const SQLITE_FULL: &str = "13";
const SQLITE_IOERR_SHMSIZE: &str = "4874";
const SQLITE_READONLY: u32 = 8;
const POSTGRES_DISK_FULL: &str = "53100";
const POSTGRES_READ_ONLY: &str = "25006";

/// Whether a primary or extended result code of `SQLite` means a read-only database.
fn is_sqlite_read_only(code: &str) -> bool {
    code.parse::<u32>().is_ok_and(|code| code & 0xFF == SQLITE_READONLY)
}
