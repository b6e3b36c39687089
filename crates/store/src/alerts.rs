//! Alerts to deliver: a row for each way, written in the transaction of what it is about. A way's
//! rows are delivered one after another in their order, by the node that has the row's lease, at
//! least once.

use chrono::{DateTime, Utc};
use domain::health::AlertSubject;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::columns::{columns, json, millis};
use crate::error::StoreError;
use crate::hash::hashed;
use crate::pool::Store;

/// A way to deliver alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// A request to the webhook.
    Webhook,
    /// An email.
    Email,
}

impl Channel {
    const ALL: [Self; 2] = [Self::Webhook, Self::Email];

    const fn wire_name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Email => "email",
        }
    }
}

/// A stored alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAlert {
    /// Its place in the order.
    pub ordinal: i64,
    /// Its ID, the same for every attempt and every way.
    pub id: String,
    /// What it is about.
    pub subject: AlertSubject,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// When it may be sent.
    pub next_try_at: DateTime<Utc>,
    /// The number of failed attempts.
    pub tries: i64,
}

columns!(StoredAlert { ordinal, id, subject, created_at, next_try_at, tries });

/// Queues an alert for every way within a transaction. A way that is not configured lets its rows
/// expire.
pub(super) async fn queue_in(
    connection: &mut AnyConnection,
    subject: &AlertSubject,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let subject = json(subject);
    let id = format!("msg_{}", hashed(&subject));
    for channel in Channel::ALL {
        sqlx::query(
            "INSERT INTO alert (id, channel, subject, created_at, next_try_at)
             VALUES ($1, $2, $3, $4, $4)",
        )
        .bind(&id)
        .bind(channel.wire_name())
        .bind(&subject)
        .bind(millis(now))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Leases the first alert of a way until an instant; `None` if there is none, it may not be sent
/// yet, or another node has it.
pub async fn lease_first(
    store: &Store,
    channel: Channel,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<StoredAlert>, StoreError> {
    let sql = format!(
        "SELECT {} FROM alert WHERE channel = $1 AND sent_at IS NULL ORDER BY ordinal LIMIT 1",
        StoredAlert::columns()
    );
    let first: Option<StoredAlert> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(channel.wire_name())
        .fetch_optional(&store.pool)
        .await?;
    let Some(alert) = first.filter(|alert| alert.next_try_at <= now) else { return Ok(None) };
    let leased = sqlx::query(
        "UPDATE alert SET lease_until = $3
         WHERE ordinal = $1 AND sent_at IS NULL AND next_try_at <= $2
           AND (lease_until IS NULL OR lease_until <= $2)",
    )
    .bind(alert.ordinal)
    .bind(millis(now))
    .bind(millis(until))
    .execute(&store.pool)
    .await?;
    Ok((leased.rows_affected() == 1).then_some(alert))
}

/// Ends an alert that was delivered.
pub async fn sent(store: &Store, ordinal: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
    let sql = "UPDATE alert SET sent_at = $2, lease_until = NULL WHERE ordinal = $1";
    sqlx::query(sql).bind(ordinal).bind(millis(now)).execute(&store.pool).await?;
    Ok(())
}

/// Schedules another attempt.
pub async fn retry(
    store: &Store,
    ordinal: i64,
    next_try_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "UPDATE alert SET next_try_at = $2, tries = tries + 1, lease_until = NULL WHERE ordinal = $1";
    sqlx::query(sql).bind(ordinal).bind(millis(next_try_at)).execute(&store.pool).await?;
    Ok(())
}

/// Deletes an alert that is too old to be sent.
pub async fn discard(store: &Store, ordinal: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM alert WHERE ordinal = $1";
    sqlx::query(sql).bind(ordinal).execute(&store.pool).await?;
    Ok(())
}
