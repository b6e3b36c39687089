//! Alerts to deliver: a row for each way, written in the transaction of what it is about, and
//! delivered at least once by the node that has its lease. A row that waits for its next attempt
//! holds up no other one, except that the recovery of an incident waits for its opening.

use chrono::{DateTime, Utc};
use domain::health::AlertSubject;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::columns::{columns, json, millis};
use crate::error::StoreError;
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
    /// Every way.
    pub const ALL: [Self; 2] = [Self::Webhook, Self::Email];

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
    /// The number of failed attempts.
    pub tries: i64,
}

columns!(StoredAlert { ordinal, id, subject, created_at, tries });

/// The lease of an alert.
#[derive(Debug, Clone)]
pub struct AlertLease {
    /// The unique name of the holder.
    pub owner: String,
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it ends.
    pub until: DateTime<Utc>,
    /// No lease ends later and no attempt is scheduled for later, unless by another clock: such an
    /// instant is ignored.
    pub longest: DateTime<Utc>,
}

/// Queues an alert with a random ID within a transaction, for every way that it takes. A way that is
/// not configured lets its rows expire.
pub(super) async fn queue_in(
    connection: &mut AnyConnection,
    id: &str,
    subject: &AlertSubject,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (incident, channels): (_, &[Channel]) = match subject {
        AlertSubject::Opened(incident) | AlertSubject::Recovered(incident) => {
            (Some(&incident.id), &Channel::ALL)
        }
        AlertSubject::Expiring { .. } => (None, &Channel::ALL),
        // Default Sender Email gets a notification of each.
        AlertSubject::MessagesFailed(_) => (None, &[Channel::Webhook]),
    };
    for channel in channels {
        sqlx::query(
            "INSERT INTO alert (id, channel, incident, subject, created_at, next_try_at)
             VALUES ($1, $2, $3, $4, $5, $5)",
        )
        .bind(format!("msg_{id}"))
        .bind(channel.wire_name())
        .bind(incident)
        .bind(json(subject))
        .bind(millis(now))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// What an alert needs to be leased; `$1` is the instant, `$2` the furthest that counts.
const IS_DUE: &str = "sent_at IS NULL AND (next_try_at <= $1 OR next_try_at > $2)
    AND (lease_until IS NULL OR lease_until <= $1 OR lease_until > $2)";

/// Leases the first alert of a way that is due. `None` if there is none, or another node was faster.
pub async fn lease(
    store: &Store,
    channel: Channel,
    lease: &AlertLease,
) -> Result<Option<StoredAlert>, StoreError> {
    let sql = format!(
        "SELECT {} FROM alert WHERE channel = $3 AND {IS_DUE} AND NOT EXISTS (
             SELECT 1 FROM alert AS earlier
             WHERE earlier.channel = alert.channel AND earlier.incident = alert.incident
               AND earlier.ordinal < alert.ordinal AND earlier.sent_at IS NULL)
         ORDER BY ordinal LIMIT 1",
        StoredAlert::columns()
    );
    let first: Option<StoredAlert> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(millis(lease.from))
        .bind(millis(lease.longest))
        .bind(channel.wire_name())
        .fetch_optional(&store.pool)
        .await?;
    let Some(alert) = first else { return Ok(None) };
    let sql = format!(
        "UPDATE alert SET lease_owner = $4, lease_until = $5 WHERE ordinal = $3 AND {IS_DUE}"
    );
    let leased = sqlx::query(AssertSqlSafe(sql))
        .bind(millis(lease.from))
        .bind(millis(lease.longest))
        .bind(alert.ordinal)
        .bind(&lease.owner)
        .bind(millis(lease.until))
        .execute(&store.pool)
        .await?;
    Ok((leased.rows_affected() == 1).then_some(alert))
}

/// Ends an alert that was delivered, if its lease is still this owner's.
pub async fn sent(
    store: &Store,
    owner: &str,
    ordinal: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "UPDATE alert SET sent_at = $3, lease_owner = NULL, lease_until = NULL
               WHERE ordinal = $1 AND lease_owner = $2";
    sqlx::query(sql).bind(ordinal).bind(owner).bind(millis(now)).execute(&store.pool).await?;
    Ok(())
}

/// Schedules another attempt, if the lease is still this owner's.
pub async fn retry(
    store: &Store,
    owner: &str,
    ordinal: i64,
    next_try_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "UPDATE alert SET next_try_at = $3, tries = tries + 1, lease_owner = NULL, lease_until = NULL
               WHERE ordinal = $1 AND lease_owner = $2";
    let retry = sqlx::query(sql).bind(ordinal).bind(owner).bind(millis(next_try_at));
    retry.execute(&store.pool).await?;
    Ok(())
}

/// Deletes an alert that is given up, if its lease is still this owner's.
pub async fn discard(store: &Store, owner: &str, ordinal: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM alert WHERE ordinal = $1 AND lease_owner = $2";
    sqlx::query(sql).bind(ordinal).bind(owner).execute(&store.pool).await?;
    Ok(())
}
