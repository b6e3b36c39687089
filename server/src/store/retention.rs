//! Deletes rows that were kept as long as they are to be kept, or are of no use any more. It deletes a
//! few at a time, so that no other writer waits long, and in the order of their times, so that several
//! nodes that delete at once wait for each other and never deadlock.

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Row};

use super::{Store, StoreError, millis};

/// The rows of one deletion, give or take those of the same millisecond.
const BATCH: i64 = 200;

/// What grows old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Rows of the audit trail.
    Audit,
    /// Test messages and their steps, but for the latest of each person and those under way.
    Message,
    /// Attempts to obtain a token, by when they began.
    TokenAttempt,
    /// Browsers that went to sign in with an organisation's account, by when they had to be back.
    ForeignSignIn,
    /// Sign-ins that were tried and did not succeed.
    SignInAttempt,
    /// Tickets of set-up links, by when they ceased to work.
    SetUpTicket,
}

impl Kind {
    /// The table, the column with the time that counts, and what else must be true.
    const fn rows(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Audit => ("audit", "at", "1 = 1"),
            Self::Message => (
                "run",
                "started_at",
                "outcome IS NOT NULL AND EXISTS (SELECT 1 FROM run AS later
                 WHERE later.person = run.person AND (later.started_at > run.started_at
                     OR (later.started_at = run.started_at AND later.id < run.id)))",
            ),
            Self::TokenAttempt => ("token_attempt", "begun_at", "1 = 1"),
            Self::ForeignSignIn => ("foreign_sign_in", "expires_at", "1 = 1"),
            Self::SignInAttempt => ("sign_in_attempt", "at", "1 = 1"),
            Self::SetUpTicket => ("set_up_ticket", "expires_at", "1 = 1"),
        }
    }
}

/// Deletes a batch of what is older than `before`, the oldest first, and tells how much that was.
///
/// # Errors
/// The database does not answer.
pub async fn delete_batch(
    store: &Store,
    kind: Kind,
    before: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let (table, column, condition) = kind.rows();
    let youngest = format!(
        "SELECT MAX(moment) FROM (SELECT {column} AS moment FROM {table}
         WHERE {column} < $1 AND {condition} ORDER BY {column} LIMIT {BATCH}) AS batch"
    );
    let youngest: Option<i64> = sqlx::query(AssertSqlSafe(youngest))
        .bind(millis(before))
        .fetch_one(&store.pool)
        .await?
        .try_get(0)?;
    let Some(youngest) = youngest else { return Ok(0) };
    let delete = format!("DELETE FROM {table} WHERE {column} <= $1 AND {condition}");
    let deleted = sqlx::query(AssertSqlSafe(delete)).bind(youngest).execute(&store.pool).await?;
    Ok(deleted.rows_affected())
}
