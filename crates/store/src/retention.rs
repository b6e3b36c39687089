//! Deletes rows whose retention period is over or that are not needed any more. It deletes a few at
//! a time, so that no other writer waits long, and in the order of their times, so that concurrent
//! nodes wait for each other and never deadlock.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;

use crate::columns::millis;
use crate::error::StoreError;
use crate::pool::Store;

/// The rows of one deletion, plus those of the same millisecond.
const BATCH: i64 = 200;

/// The kinds of rows that are deleted by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetainedRows {
    /// Rows of the audit trail.
    Audit,
    /// Messages of applications that have ended, with their recipients and attempts.
    OutboxMessage,
    /// Keys of repeated requests.
    Idempotency,
    /// What counts against the pace.
    Pace,
    /// Test messages and their steps, except the latest of each user and those in progress.
    Message,
    /// Attempts to obtain a token, by start time.
    TokenAttempt,
    /// Pending logins at an `OpenID` provider, by expiry.
    ForeignSignIn,
    /// Sign-in attempts that did not succeed.
    SignInAttempt,
    /// Tickets of set-up links, by expiry.
    SetUpTicket,
    /// Incidents that are over.
    Incident,
    /// Alerts, delivered or not.
    Alert,
    /// Reminders of credentials.
    Reminder,
}

impl RetainedRows {
    /// Returns the table, the time column, and a further condition.
    const fn rows(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Audit => ("audit", "at", "1 = 1"),
            Self::OutboxMessage => ("message", "ended_at", "1 = 1"),
            Self::Idempotency => ("idempotency", "at", "1 = 1"),
            Self::Pace => ("pace_sent", "at", "1 = 1"),
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
            Self::Incident => ("incident", "closed_at", "1 = 1"),
            Self::Alert => ("alert", "created_at", "1 = 1"),
            Self::Reminder => ("reminder", "sent_at", "1 = 1"),
        }
    }
}

/// Deletes a batch of rows older than `before`, oldest first, and returns their number.
pub async fn delete_batch(
    store: &Store,
    kind: RetainedRows,
    before: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let (table, column, condition) = kind.rows();
    let youngest = format!(
        "SELECT MAX(moment) FROM (SELECT {column} AS moment FROM {table}
         WHERE {column} < $1 AND {condition} ORDER BY {column} LIMIT {BATCH}) AS batch"
    );
    let youngest: Option<i64> = sqlx::query_scalar(AssertSqlSafe(youngest))
        .bind(millis(before))
        .fetch_one(&store.pool)
        .await?;
    let Some(youngest) = youngest else { return Ok(0) };
    let delete = format!("DELETE FROM {table} WHERE {column} <= $1 AND {condition}");
    let deleted = sqlx::query(AssertSqlSafe(delete)).bind(youngest).execute(&store.pool).await?;
    Ok(deleted.rows_affected())
}
