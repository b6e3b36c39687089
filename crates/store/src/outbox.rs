//! The outbox: messages that applications have handed over, with a state for each recipient.
//!
//! A message is claimed under a lease, attempted outside of any transaction, and its results are
//! stored by a statement that names the attempt: the result of a lost lease changes nothing. The
//! leases are measured by the database's clock, which all nodes share.
//!
//! Every write is an [`Operation`], so that a writer can commit many of them at once
//! ([`commit`]): a commit costs a flush of the disk, however much is in it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::delivery::StepReport;
use domain::health::AlertSubject;
use domain::outbox::{MessageState, Pace, RecipientTrouble};
use sqlx::{
    Acquire, AnyConnection, AssertSqlSafe, PgConnection, Postgres, Transaction, any::AnyRow,
};

use crate::alerts;
use crate::audit::{self, Entry};
use crate::columns::{column, columns, json, millis, sought};
use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::health;
use crate::pool::Store;
use crate::statements::{Statements, Value};

/// How long an application can repeat a request by its key.
pub const REPEATED_FOR: TimeDelta = TimeDelta::hours(24);

/// How often the webhook is told of messages that failed, at most.
const TOLD_EVERY: TimeDelta = TimeDelta::hours(1);

/// A message to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Its random ID, which begins with the time.
    pub id: String,
    /// The application's ID and name.
    pub application: (String, String),
    /// Its Message-ID.
    pub message_id: String,
    /// The envelope sender; empty for the null reverse-path.
    pub sender: String,
    /// The recipients, at least one.
    pub recipients: Vec<String>,
    /// The sealed subject.
    pub subject: Vec<u8>,
    /// The sealed octets.
    pub body: Vec<u8>,
    /// How many octets the message has.
    pub size: i64,
    /// Whether it is sent again after a cut behind the final dot.
    pub sends_again: bool,
    /// Whether it is a delivery status notification, for which there is none.
    pub is_notice: bool,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// Until when it is attempted.
    pub expires_at: DateTime<Utc>,
}

/// What a request of an application is accepted by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcceptRules {
    /// The key of the request and the HMAC of its body.
    pub idempotency: Option<(String, String)>,
    /// How many messages a minute the application may hand over.
    pub per_minute: Option<i64>,
}

/// A request that was accepted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The ID of its message.
    pub message: String,
    /// The HMAC of its body, by the key that signed then.
    pub hmac: String,
}

/// A write of the outbox.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Stores a message that an application hands over.
    Accept(Box<NewMessage>, AcceptRules),
    /// Claims a message.
    Claim(Claim),
    /// Notes that the final dot of an attempt is sent next, to the recipients other than those at
    /// these positions, which the server has refused.
    Mark(AttemptId, Vec<i64>),
    /// Stores the results of an attempt.
    Finish(Box<Finished>),
}

/// A request for a message to attempt.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The claimant.
    pub owner: String,
    /// The current time.
    pub now: DateTime<Utc>,
    /// How long the lease lasts, without the time to transfer the message.
    pub lease: Duration,
    /// How many octets of the message prolong the lease by a millisecond.
    pub octets_per_milli: u32,
    /// Which message.
    pub which: Which,
}

/// Which message is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one that is due and was accepted first, if the pace allows it.
    Due(Pace),
    /// The same while email has stopped, if none was claimed so since `since`.
    Probe {
        /// The pace.
        pace: Pace,
        /// When the last claim must have been.
        since: DateTime<Utc>,
    },
    /// One whose time is over, to give it up.
    Expired,
}

/// What became of an [`Operation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// The message is stored.
    Accepted,
    /// A request with this key was accepted before.
    KeyTaken(Earlier),
    /// The application exceeds its rate.
    TooFast,
    /// The message that was claimed, if one was due.
    Claimed(Option<Box<Claimed>>),
    /// Whether the attempt still had its lease, so that the write was made.
    Written(bool),
}

/// An attempt of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptId {
    /// The message.
    pub message: i64,
    /// The number of the attempt.
    pub number: i64,
}

/// A claimed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The attempt.
    pub attempt: AttemptId,
    /// The message's ID.
    pub id: String,
    /// Its Message-ID.
    pub message_id: String,
    /// The envelope sender; empty for the null reverse-path.
    pub sender: String,
    /// The recipients of this attempt, by their positions.
    pub recipients: Vec<(i64, String)>,
    /// The sealed octets.
    pub body: Vec<u8>,
    /// The failed attempts so far.
    pub failures: i64,
    /// Whether it is sent again after a cut behind the final dot.
    pub sends_again: bool,
    /// Whether it is a delivery status notification.
    pub is_notice: bool,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// Until when it is attempted.
    pub expires_at: DateTime<Utc>,
    /// Where the attempt is counted against the pace.
    pub counted: Option<i64>,
}

/// The results of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The attempt.
    pub attempt: AttemptId,
    /// The new state of each recipient, by its position, and why it did not get the message.
    pub recipients: Vec<(i64, MessageState, Option<RecipientTrouble>)>,
    /// When the message is attempted again; `None` if no recipient waits.
    pub due_at: Option<DateTime<Utc>>,
    /// Whether the attempt counts as a failed one, which lengthens the pause before the next.
    pub counts: bool,
    /// When the attempt began.
    pub began_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// Its steps; empty if it came to none, and is not kept.
    pub steps: Vec<StepReport>,
    /// The notification about recipients that failed.
    pub notice: Option<Box<NewMessage>>,
    /// What it shows of the pace.
    pub pace: PaceChange,
    /// Where it is counted against the pace: until now as of its begin, from now on as of its end.
    pub counted: Option<i64>,
}

/// What an attempt shows of the pace of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaceChange {
    /// Nothing.
    None,
    /// The server accepts messages.
    Flows,
    /// The connection fails for now: nothing is sent until this instant.
    PausedUntil(DateTime<Utc>),
}

/// Makes writes in one transaction, and returns what became of each. If this fails, none was made.
///
/// # Errors
/// The database failed, perhaps because of one of them: the others may succeed alone.
pub async fn commit(store: &Store, operations: &[Operation]) -> Result<Vec<Done>, StoreError> {
    let mut transaction = store.begin_write().await?;
    let mut done = Vec::with_capacity(operations.len());
    for operation in operations {
        done.push(apply(store.dialect(), &mut transaction, operation).await?);
    }
    transaction.commit().await?;
    Ok(done)
}

async fn apply(
    dialect: Dialect,
    connection: &mut AnyConnection,
    operation: &Operation,
) -> Result<Done, StoreError> {
    match operation {
        Operation::Accept(message, rules) => accept(connection, message, rules).await,
        Operation::Claim(wanted) => claim(dialect, connection, wanted).await,
        Operation::Mark(attempt, refused) => mark(dialect, connection, *attempt, refused).await,
        Operation::Finish(finished) => finish(connection, finished).await,
    }
}

/// Whether a connection of a host leads to the tables of this store: its server, its database, and
/// the schema that its search path finds them in.
pub async fn has_tables_of(
    store: &Store,
    connection: &mut PgConnection,
) -> Result<bool, StoreError> {
    if store.dialect() != Dialect::Postgres {
        return Ok(false);
    }
    let mut own = store.pool.acquire().await?;
    let (own,): (String,) = (*own).fetch(TABLES, &[]).await?;
    let (given,): (String,) = connection.fetch(TABLES, &[]).await?;
    Ok(own == given)
}

/// The tables that [`accept`] writes to, on `PostgreSQL`: they are the same if this is.
const TABLES: &str = "SELECT CONCAT_WS(' ', system_identifier,
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        CAST(to_regclass('idempotency') AS OID), CAST(to_regclass('message') AS OID),
        CAST(to_regclass('message_body') AS OID), CAST(to_regclass('recipient') AS OID))
    FROM pg_control_system()";

/// Stores a message that an application hands over within a host's transaction. After an error,
/// and unless the message is accepted, the transaction is as it was.
pub async fn accept_within(
    transaction: &mut Transaction<'_, Postgres>,
    message: &NewMessage,
    rules: &AcceptRules,
) -> Result<Done, StoreError> {
    let mut savepoint = transaction.begin().await?;
    let done = accept(&mut *savepoint, message, rules).await?;
    savepoint.commit().await?;
    Ok(done)
}

async fn accept(
    connection: &mut impl Statements,
    message: &NewMessage,
    AcceptRules { idempotency, per_minute }: &AcceptRules,
) -> Result<Done, StoreError> {
    let (application, _) = &message.application;
    let at = message.accepted_at;
    if let Some((key, hmac)) = idempotency {
        // Waits for another transaction with the same key.
        let sought_key = sought(key);
        let sql = "INSERT INTO idempotency (application, key, message, hmac, at)
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (application, key) DO NOTHING";
        let values = [
            application.into(),
            (&sought_key).into(),
            (&message.id).into(),
            hmac.into(),
            millis(at).into(),
        ];
        if connection.execute(sql, &values).await? == 0 {
            let earlier = earlier_in(connection, application, key).await?;
            let earlier = earlier.ok_or(StoreError::Unknown("lack of an earlier request"))?;
            return Ok(Done::KeyTaken(earlier));
        }
    }
    if let Some(per_minute) = per_minute {
        let sql = "SELECT COUNT(*) FROM message WHERE application = $1 AND accepted_at > $2";
        let values = [application.into(), millis(at - TimeDelta::minutes(1)).into()];
        let (count,): (i64,) = connection.fetch(sql, &values).await?;
        if count >= *per_minute {
            if let Some((key, _)) = idempotency {
                let sql = "DELETE FROM idempotency WHERE application = $1 AND key = $2";
                let key = sought(key);
                connection.execute(sql, &[application.into(), (&key).into()]).await?;
            }
            return Ok(Done::TooFast);
        }
    }
    insert(connection, message).await?;
    Ok(Done::Accepted)
}

/// Returns the request of an application that was accepted with this key.
pub async fn earlier(
    store: &Store,
    application: &str,
    key: &str,
) -> Result<Option<Earlier>, StoreError> {
    earlier_in(&mut *store.pool.acquire().await?, application, key).await
}

/// The same as a host's transaction sees it. After an error, the transaction is as it was.
pub async fn earlier_within(
    transaction: &mut Transaction<'_, Postgres>,
    application: &str,
    key: &str,
) -> Result<Option<Earlier>, StoreError> {
    let mut savepoint = transaction.begin().await?;
    let earlier = earlier_in(&mut *savepoint, application, key).await?;
    savepoint.commit().await?;
    Ok(earlier)
}

async fn earlier_in(
    connection: &mut impl Statements,
    application: &str,
    key: &str,
) -> Result<Option<Earlier>, StoreError> {
    let sql = "SELECT message, hmac FROM idempotency WHERE application = $1 AND key = $2";
    let key = sought(key);
    let values = [Value::Text(application), (&key).into()];
    match connection.fetch(sql, &values).await {
        Ok((message, hmac)) => Ok(Some(Earlier { message, hmac })),
        Err(sqlx::Error::RowNotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn insert(connection: &mut impl Statements, message: &NewMessage) -> Result<(), StoreError> {
    let (application, name) = &message.application;
    let at = millis(message.accepted_at);
    let sql =
        "INSERT INTO message (id, application, application_name, message_id, sender, subject, size,
                              sends_again, is_notice, accepted_at, expires_at, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10) RETURNING ordinal";
    let values = [
        (&message.id).into(),
        application.into(),
        name.into(),
        (&message.message_id).into(),
        (&message.sender).into(),
        Value::Octets(&message.subject),
        message.size.into(),
        i64::from(message.sends_again).into(),
        i64::from(message.is_notice).into(),
        at.into(),
        millis(message.expires_at).into(),
    ];
    let (ordinal,): (i64,) = connection.fetch(sql, &values).await?;
    let sql = "INSERT INTO message_body (id, sealed) VALUES ($1, $2)";
    connection.execute(sql, &[(&message.id).into(), Value::Octets(&message.body)]).await?;
    for (position, address) in (0_i64..).zip(&message.recipients) {
        let sql = "INSERT INTO recipient (message, position, address, state, changed_at)
                   VALUES ($1, $2, $3, $4, $5)";
        let state = Value::Text(MessageState::Queued.wire_name());
        let values = [ordinal.into(), position.into(), address.into(), state, at.into()];
        connection.execute(sql, &values).await?;
    }
    Ok(())
}

async fn claim(
    dialect: Dialect,
    connection: &mut AnyConnection,
    Claim { owner, now, lease, octets_per_milli, which }: &Claim,
) -> Result<Done, StoreError> {
    let (clock, locked) = (dialect.now(), dialect.skip_locked());
    let chosen = match which {
        Which::Due(_) | Which::Probe { .. } => {
            "due_at <= $1 AND expires_at > $1 ORDER BY due_at, ordinal"
        }
        Which::Expired => EXPIRED,
    };
    let pace = match which {
        Which::Due(pace) | Which::Probe { pace, .. } => Some(pace),
        Which::Expired => None,
    };
    let room = match pace {
        Some(pace) => pace_allows(connection, *pace, *now).await?,
        None => Room::Unlimited,
    };
    let sql = format!("SELECT ordinal FROM message WHERE {chosen} LIMIT 1 {locked}");
    let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).bind(millis(*now));
    let Some(message) = query.fetch_optional(&mut *connection).await? else {
        return Ok(Done::Claimed(None));
    };
    if !has_room(connection, room, message).await? || !may_probe(connection, which, *now).await? {
        return Ok(Done::Claimed(None));
    }
    let sql = format!(
        "UPDATE message SET due_at = NULL, attempt = attempt + 1, lease_owner = $1,
                lease_until = {clock} + $2 + size / $4, marked_at = NULL
         WHERE ordinal = $3
         RETURNING ordinal, attempt, id, message_id, sender, failures, sends_again, is_notice,
                   accepted_at, expires_at",
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(owner)
        .bind(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX))
        .bind(message)
        .bind(i64::from(*octets_per_milli))
        .fetch_all(&mut *connection)
        .await?;
    let Some(row) = rows.first() else { return Ok(Done::Claimed(None)) };
    let attempt = AttemptId { message: column(row, "ordinal")?, number: column(row, "attempt")? };
    let rows = sqlx::query(
        "UPDATE recipient SET state = 'sending', changed_at = $2
         WHERE message = $1 AND state IN ('queued', 'waiting') RETURNING position, address",
    )
    .bind(attempt.message)
    .bind(millis(*now))
    .fetch_all(&mut *connection)
    .await?;
    let recipient = |row: &AnyRow| Ok((column(row, "position")?, column(row, "address")?));
    let mut recipients = rows.iter().map(recipient).collect::<Result<Vec<_>, StoreError>>()?;
    recipients.sort_unstable();
    let counted = if pace.is_some_and(is_counted) {
        let number = i64::try_from(recipients.len()).unwrap_or(i64::MAX);
        Some(count_sent(connection, number, *now).await?)
    } else {
        None
    };
    let id: String = column(row, "id")?;
    let body = sqlx::query("SELECT sealed FROM message_body WHERE id = $1")
        .bind(&id)
        .fetch_one(connection)
        .await?;
    Ok(Done::Claimed(Some(Box::new(Claimed {
        attempt,
        id,
        message_id: column(row, "message_id")?,
        sender: column(row, "sender")?,
        recipients,
        body: column(&body, "sealed")?,
        failures: column(row, "failures")?,
        sends_again: column(row, "sends_again")?,
        is_notice: column(row, "is_notice")?,
        accepted_at: column(row, "accepted_at")?,
        expires_at: column(row, "expires_at")?,
        counted,
    }))))
}

/// Whether a message is due. Without a lock or a write, because it is asked every second.
pub async fn is_due(store: &Store, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let sql = "SELECT ordinal FROM message WHERE due_at <= $1 AND expires_at > $1 LIMIT 1";
    let due = sqlx::query(sql).bind(millis(now)).fetch_optional(&store.pool).await?;
    Ok(due.is_some())
}

/// The messages whose time is over, except those that a node has released for another to give up.
const EXPIRED: &str = "due_at <= $1 AND expires_at <= $1 ORDER BY expires_at";

/// Whether a message waits to be given up.
pub async fn has_expired(store: &Store, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let sql = format!("SELECT ordinal FROM message WHERE {EXPIRED} LIMIT 1");
    let expired = sqlx::query(AssertSqlSafe(sql)).bind(millis(now));
    Ok(expired.fetch_optional(&store.pool).await?.is_some())
}

/// How many recipients the pace leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// None now.
    None,
    /// This many, of a day of which none is used yet if the flag is set.
    Recipients(i64, bool),
    /// Any number.
    Unlimited,
}

/// Asks the pace. Locks its row, so that nodes that claim at once count each other's messages.
async fn pace_allows(
    connection: &mut AnyConnection,
    Pace { per_minute, recipients_per_day, .. }: Pace,
    now: DateTime<Utc>,
) -> Result<Room, StoreError> {
    let sql = "UPDATE pace SET failures = failures WHERE id = 1 RETURNING paused_until";
    let rows = sqlx::query(sql).fetch_all(&mut *connection).await?;
    let row = rows.first().ok_or(StoreError::Unknown("lack of a pace"))?;
    let paused_until: Option<DateTime<Utc>> = column(row, "paused_until")?;
    if paused_until.is_some_and(|until| now < until) {
        return Ok(Room::None);
    }
    if let Some(per_minute) = per_minute {
        let sql = "SELECT COUNT(*) FROM pace_sent WHERE at > $1";
        let query = sqlx::query_scalar::<_, i64>(sql).bind(millis(now - TimeDelta::minutes(1)));
        if query.fetch_one(&mut *connection).await? >= per_minute {
            return Ok(Room::None);
        }
    }
    let Some(per_day) = recipients_per_day else { return Ok(Room::Unlimited) };
    let sql = "SELECT CAST(COALESCE(SUM(recipients), 0) AS BIGINT) FROM pace_sent WHERE at > $1";
    let query = sqlx::query_scalar::<_, i64>(sql).bind(millis(now - TimeDelta::days(1)));
    let used = query.fetch_one(connection).await?;
    Ok(if used < per_day { Room::Recipients(per_day - used, used == 0) } else { Room::None })
}

/// Whether the recipients of a message fit into the room. One that never fits has a day for itself.
async fn has_room(
    connection: &mut AnyConnection,
    room: Room,
    message: i64,
) -> Result<bool, StoreError> {
    let (left, is_unused) = match room {
        Room::None => return Ok(false),
        Room::Unlimited => return Ok(true),
        Room::Recipients(left, is_unused) => (left, is_unused),
    };
    let sql = "SELECT COUNT(*) FROM recipient
               WHERE message = $1 AND state IN ('queued', 'waiting')";
    let wanted: i64 = sqlx::query_scalar(sql).bind(message).fetch_one(connection).await?;
    Ok(wanted <= left || is_unused)
}

/// Whether this is no probe, or the only one of its time.
async fn may_probe(
    connection: &mut AnyConnection,
    which: &Which,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let Which::Probe { since, .. } = which else { return Ok(true) };
    let sql = "UPDATE pace SET probed_at = $1 WHERE probed_at IS NULL OR probed_at < $2";
    let probed = sqlx::query(sql).bind(millis(now)).bind(millis(*since));
    Ok(probed.execute(connection).await?.rows_affected() == 1)
}

/// Whether messages are counted for this pace.
const fn is_counted(pace: &Pace) -> bool {
    pace.per_minute.is_some() || pace.recipients_per_day.is_some()
}

async fn count_sent(
    connection: &mut AnyConnection,
    recipients: i64,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let sql = "INSERT INTO pace_sent (at, recipients) VALUES ($1, $2) RETURNING ordinal";
    let query = sqlx::query_scalar(sql).bind(millis(now)).bind(recipients);
    Ok(query.fetch_one(connection).await?)
}

/// Counts a message that is sent at once against the pace.
pub async fn count_at_once(
    store: &Store,
    pace: &Pace,
    recipients: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if is_counted(pace) {
        count_sent(&mut *store.pool.acquire().await?, recipients, now).await?;
    }
    Ok(())
}

async fn mark(
    dialect: Dialect,
    connection: &mut AnyConnection,
    attempt: AttemptId,
    refused: &[i64],
) -> Result<Done, StoreError> {
    let clock = dialect.now();
    let sql = format!(
        "UPDATE message SET marked_at = {clock}
         WHERE ordinal = $1 AND attempt = $2 AND lease_until > {clock}",
    );
    let marked = sqlx::query(AssertSqlSafe(sql)).bind(attempt.message).bind(attempt.number);
    let is_marked = marked.execute(&mut *connection).await?.rows_affected() == 1;
    // A refused recipient does not get this message, also if the outcome of the attempt is unknown.
    for position in refused.iter().filter(|_| is_marked) {
        sqlx::query(
            "UPDATE recipient SET state = 'queued'
             WHERE message = $1 AND position = $2 AND state = 'sending'",
        )
        .bind(attempt.message)
        .bind(*position)
        .execute(&mut *connection)
        .await?;
    }
    Ok(Done::Written(is_marked))
}

async fn finish(connection: &mut AnyConnection, finished: &Finished) -> Result<Done, StoreError> {
    let Finished {
        attempt,
        recipients,
        due_at,
        counts,
        began_at,
        ended_at,
        steps,
        notice,
        pace,
        counted,
    } = finished;
    let at = millis(*ended_at);
    let written = sqlx::query(
        "UPDATE message SET lease_owner = NULL, lease_until = NULL, marked_at = NULL, due_at = $3,
                failures = failures + $4, ended_at = CASE WHEN $3 IS NULL THEN $5 END
         WHERE ordinal = $1 AND attempt = $2 AND lease_until IS NOT NULL",
    )
    .bind(attempt.message)
    .bind(attempt.number)
    .bind(due_at.map(millis))
    .bind(i64::from(*counts))
    .bind(at)
    .execute(&mut *connection)
    .await?;
    if written.rows_affected() == 0 {
        return Ok(Done::Written(false));
    }
    for (position, state, trouble) in recipients {
        sqlx::query(
            "UPDATE recipient SET state = $3, changed_at = $5,
                    trouble = CASE WHEN $3 <> 'delivered' THEN COALESCE($4, trouble) END
             WHERE message = $1 AND position = $2 AND state IN ('sending', 'queued')",
        )
        .bind(attempt.message)
        .bind(*position)
        .bind(state.wire_name())
        .bind(trouble.as_ref().map(json))
        .bind(at)
        .execute(&mut *connection)
        .await?;
    }
    if !steps.is_empty() {
        sqlx::query(
            "INSERT INTO message_attempt (message, number, began_at, millis, steps)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(attempt.message)
        .bind(attempt.number)
        .bind(millis(*began_at))
        .bind((*ended_at - *began_at).num_milliseconds())
        .bind(json(steps))
        .execute(&mut *connection)
        .await?;
    }
    if due_at.is_none() {
        delete_body(connection, attempt.message).await?;
    }
    if let Some(notice) = notice {
        insert(connection, notice).await?;
        let sql = "UPDATE message SET notice_of = $1 WHERE id = $2";
        let linked = sqlx::query(sql).bind(attempt.message).bind(&notice.id);
        linked.execute(&mut *connection).await?;
    }
    if recipients.iter().any(|(_, state, _)| *state == MessageState::Failed) {
        let sql = "UPDATE failed_messages SET number = number + 1";
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    if let Some(counted) = counted {
        let sql = "UPDATE pace_sent SET at = $2 WHERE ordinal = $1";
        sqlx::query(sql).bind(*counted).bind(at).execute(&mut *connection).await?;
    }
    let (sql, until) = match pace {
        PaceChange::None => return Ok(Done::Written(true)),
        PaceChange::Flows => {
            ("UPDATE pace SET failures = 0, paused_until = $1 WHERE failures > 0", None)
        }
        PaceChange::PausedUntil(until) => {
            ("UPDATE pace SET failures = failures + 1, paused_until = $1", Some(millis(*until)))
        }
    };
    sqlx::query(sql).bind(until).execute(connection).await?;
    Ok(Done::Written(true))
}

/// Deletes the octets of a message that has ended, unless an administrator may send it again.
async fn delete_body(connection: &mut AnyConnection, message: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM message_body
               WHERE id = (SELECT id FROM message WHERE ordinal = $1)
                     AND NOT EXISTS (SELECT 1 FROM recipient WHERE message = $1
                                     AND state IN ('failed', 'unknown'))";
    sqlx::query(sql).bind(message).execute(connection).await?;
    Ok(())
}

/// Ends the attempts whose lease is over, because their process is gone: one without the mark was
/// not sent and is attempted again, one with it may have been delivered to the recipients that the
/// server had not refused. Returns their number.
pub async fn end_lost_attempts(store: &Store, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let clock = store.dialect().now();
    // Without a write, because it is asked every second.
    let sql = format!("SELECT ordinal FROM message WHERE lease_until <= {clock} LIMIT 1");
    if sqlx::query(AssertSqlSafe(sql)).fetch_optional(&store.pool).await?.is_none() {
        return Ok(0);
    }
    let mut transaction = store.begin_write().await?;
    // In the order of the index: in that of the rows, all that wait would be read.
    let sql = format!(
        "SELECT ordinal, attempt, sends_again, marked_at FROM message WHERE lease_until <= {clock}
         ORDER BY lease_until LIMIT 100 {}",
        store.dialect().skip_locked(),
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *transaction).await?;
    for row in &rows {
        let message: i64 = column(row, "ordinal")?;
        let is_marked = column::<Option<i64>>(row, "marked_at")?.is_some();
        let is_unknown = is_marked && !column::<bool>(row, "sends_again")?;
        let state = if is_unknown { MessageState::Unknown } else { MessageState::Queued };
        sqlx::query(
            "UPDATE recipient SET state = $2, changed_at = $3
             WHERE message = $1 AND state = 'sending'",
        )
        .bind(message)
        .bind(state.wire_name())
        .bind(millis(now))
        .execute(&mut *transaction)
        .await?;
        let is_left = "EXISTS (SELECT 1 FROM recipient WHERE recipient.message = message.ordinal
                               AND state IN ('queued', 'waiting'))";
        let sql = format!(
            "UPDATE message SET lease_owner = NULL, lease_until = NULL, marked_at = NULL,
                    due_at = CASE WHEN {is_left} THEN accepted_at END,
                    ended_at = CASE WHEN NOT {is_left} THEN $2 END
             WHERE ordinal = $1 RETURNING ended_at",
        );
        let updated = sqlx::query(AssertSqlSafe(sql)).bind(message).bind(millis(now));
        for ended in updated.fetch_all(&mut *transaction).await? {
            if column::<Option<i64>>(&ended, "ended_at")?.is_some() {
                delete_body(&mut transaction, message).await?;
            }
        }
    }
    transaction.commit().await?;
    Ok(rows.len() as u64)
}

/// Queues an alert with the number of messages that failed since the last one, if that is an hour
/// ago.
pub async fn tell_of_failures(
    store: &Store,
    id: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let is_due = "number > 0 AND (told_at IS NULL OR told_at <= $1)";
    let before = millis(now - TOLD_EVERY);
    // Without a write, because it is asked every second.
    let sql = format!("SELECT id FROM failed_messages WHERE {is_due}");
    let due = sqlx::query(AssertSqlSafe(sql)).bind(before).fetch_optional(&store.pool).await?;
    if due.is_none() {
        return Ok(());
    }
    let mut transaction = store.begin_write().await?;
    let sql = format!(
        "SELECT number FROM failed_messages WHERE {is_due} {}",
        store.dialect().skip_locked()
    );
    let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).bind(before);
    if let Some(number) = query.fetch_optional(&mut *transaction).await? {
        let sql = "UPDATE failed_messages SET number = 0, told_at = $1";
        sqlx::query(sql).bind(millis(now)).execute(&mut *transaction).await?;
        alerts::queue_in(&mut transaction, id, &AlertSubject::MessagesFailed(number), now).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Returns the failures of the connection in a row.
pub async fn pace_failures(store: &Store) -> Result<i64, StoreError> {
    let sql = "SELECT failures FROM pace WHERE id = 1";
    Ok(sqlx::query_scalar(sql).fetch_one(&store.pool).await?)
}

/// Cancels a message of an application, as far as no attempt has begun. `None` if it has no such
/// message; false if there was nothing to cancel. A row of the audit trail is for an operator: what
/// an application does with its own messages is not audited.
pub async fn cancel(
    store: &Store,
    application: &str,
    id: &str,
    now: DateTime<Utc>,
    entry: Option<&Entry>,
) -> Result<Option<bool>, StoreError> {
    let mut transaction = store.begin_write().await?;
    let sql = "UPDATE message SET due_at = due_at WHERE id = $1 AND application = $2
               RETURNING ordinal, lease_until";
    let found = sqlx::query(sql).bind(sought(id)).bind(application);
    let rows = found.fetch_all(&mut *transaction).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    if column::<Option<i64>>(row, "lease_until")?.is_some() {
        return Ok(Some(false));
    }
    let message: i64 = column(row, "ordinal")?;
    let canceled = sqlx::query(
        "UPDATE recipient SET state = 'canceled', changed_at = $2
         WHERE message = $1 AND state IN ('queued', 'waiting')",
    )
    .bind(message)
    .bind(millis(now))
    .execute(&mut *transaction)
    .await?;
    if canceled.rows_affected() == 0 {
        return Ok(Some(false));
    }
    let sql = "UPDATE message SET due_at = NULL, ended_at = $2 WHERE ordinal = $1";
    sqlx::query(sql).bind(message).bind(millis(now)).execute(&mut *transaction).await?;
    delete_body(&mut transaction, message).await?;
    if let Some(entry) = entry {
        audit::record_in(&mut transaction, entry).await?;
    }
    transaction.commit().await?;
    Ok(Some(true))
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its ID.
    pub id: String,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// Until when it is attempted.
    pub expires_at: DateTime<Utc>,
    /// When it is attempted next.
    pub due_at: Option<DateTime<Utc>>,
    /// Its recipients, in their order.
    pub recipients: Vec<StoredRecipient>,
    /// Its attempts that have ended, in their order.
    pub attempts: Vec<StoredAttempt>,
}

/// A recipient of a stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecipient {
    /// The address.
    pub address: String,
    /// The state.
    pub state: MessageState,
    /// Why it did not get the message, at the last attempt.
    pub trouble: Option<RecipientTrouble>,
    /// When the state last changed.
    pub changed_at: DateTime<Utc>,
}

columns!(StoredRecipient { address, state, trouble, changed_at });

/// An attempt that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttempt {
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// Its duration in milliseconds.
    pub millis: i64,
    /// Its steps.
    pub steps: Vec<StepReport>,
}

columns!(StoredAttempt { began_at, millis, steps });

/// Returns a message of an application.
pub async fn load(
    store: &Store,
    application: &str,
    id: &str,
) -> Result<Option<StoredMessage>, StoreError> {
    let sql = "SELECT ordinal, id, accepted_at, expires_at, due_at FROM message
               WHERE id = $1 AND application = $2";
    let query = sqlx::query(sql).bind(sought(id)).bind(application);
    let Some(row) = query.fetch_optional(&store.pool).await? else { return Ok(None) };
    let message: i64 = column(&row, "ordinal")?;
    let sql = format!(
        "SELECT {} FROM recipient WHERE message = $1 ORDER BY position",
        StoredRecipient::columns(),
    );
    let recipients = sqlx::query_as(AssertSqlSafe(sql)).bind(message).fetch_all(&store.pool);
    let sql = format!(
        "SELECT {} FROM message_attempt WHERE message = $1 ORDER BY number",
        StoredAttempt::columns(),
    );
    let attempts = sqlx::query_as(AssertSqlSafe(sql)).bind(message).fetch_all(&store.pool);
    Ok(Some(StoredMessage {
        id: column(&row, "id")?,
        accepted_at: column(&row, "accepted_at")?,
        expires_at: column(&row, "expires_at")?,
        due_at: column(&row, "due_at")?,
        recipients: recipients.await?,
        attempts: attempts.await?,
    }))
}

/// Returns how many messages wait, and when the one that waits longest was accepted.
pub async fn waiting(store: &Store) -> Result<(i64, Option<DateTime<Utc>>), StoreError> {
    let sql = "SELECT COUNT(*) AS number, MIN(accepted_at) AS accepted_at FROM message
               WHERE due_at IS NOT NULL";
    let row = sqlx::query(sql).fetch_one(&store.pool).await?;
    Ok((column(&row, "number")?, column(&row, "accepted_at")?))
}

/// A message in the list of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedMessage {
    /// Its ID.
    pub id: String,
    /// The name of its application when it was accepted.
    pub application: String,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// The states of its recipients.
    pub states: Vec<MessageState>,
}

/// Returns the messages that were accepted last, newest first.
pub async fn list(store: &Store, count: i64) -> Result<Vec<ListedMessage>, StoreError> {
    let sql = "SELECT latest.id, latest.application_name, latest.accepted_at, recipient.state
               FROM (SELECT * FROM message ORDER BY ordinal DESC LIMIT $1) AS latest
               JOIN recipient ON recipient.message = latest.ordinal
               ORDER BY latest.ordinal DESC, recipient.position";
    let mut messages: Vec<ListedMessage> = Vec::new();
    for row in sqlx::query(sql).bind(count).fetch_all(&store.pool).await? {
        let (id, state) = (column(&row, "id")?, column(&row, "state")?);
        match messages.last_mut().filter(|message| message.id == id) {
            Some(message) => message.states.push(state),
            None => messages.push(ListedMessage {
                id,
                application: column(&row, "application_name")?,
                accepted_at: column(&row, "accepted_at")?,
                states: vec![state],
            }),
        }
    }
    Ok(messages)
}

/// Makes a message due now, for every recipient that has not got it: one that waits, or one that
/// has failed or may have been delivered and whose octets are still there. It is attempted until
/// `expires_at`. False if there is no such message, or an attempt is in progress.
pub async fn retry(
    store: &Store,
    id: &str,
    expires_at: DateTime<Utc>,
    entry: &Entry,
) -> Result<bool, StoreError> {
    let mut transaction = store.begin_write().await?;
    let retried = sqlx::query(
        "UPDATE message SET due_at = accepted_at, ended_at = NULL,
                failures = CASE WHEN ended_at IS NULL THEN failures ELSE 0 END,
                expires_at = CASE WHEN ended_at IS NULL THEN expires_at ELSE $3 END
         WHERE id = $1 AND (due_at > $2 OR (ended_at IS NOT NULL
             AND EXISTS (SELECT 1 FROM recipient WHERE recipient.message = message.ordinal
                         AND state IN ('failed', 'unknown'))
             AND EXISTS (SELECT 1 FROM message_body WHERE message_body.id = message.id)))",
    )
    .bind(sought(id))
    .bind(millis(entry.at))
    .bind(millis(expires_at))
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "UPDATE recipient SET state = 'queued', changed_at = $2
         WHERE state IN ('failed', 'unknown')
               AND message = (SELECT ordinal FROM message WHERE id = $1 AND due_at IS NOT NULL)",
    )
    .bind(sought(id))
    .bind(millis(entry.at))
    .execute(&mut *transaction)
    .await?;
    audit::commit_if_changed(transaction, &retried, Some(entry)).await
}

/// Deletes the octets of a message that has ended without reaching all recipients, so that it
/// cannot be sent again. False if there is no such message.
pub async fn discard(store: &Store, id: &str, entry: &Entry) -> Result<bool, StoreError> {
    let mut transaction = store.begin_write().await?;
    let sql = "DELETE FROM message_body WHERE id = $1
               AND EXISTS (SELECT 1 FROM message WHERE message.id = $1 AND ended_at IS NOT NULL)";
    let discarded = sqlx::query(sql).bind(sought(id)).execute(&mut *transaction).await?;
    audit::commit_if_changed(transaction, &discarded, Some(entry)).await
}

/// Cancels a message of any application, as far as no attempt has begun.
pub async fn cancel_any(
    store: &Store,
    id: &str,
    entry: &Entry,
) -> Result<Option<bool>, StoreError> {
    let sql = "SELECT application FROM message WHERE id = $1";
    let query = sqlx::query_scalar::<_, String>(sql).bind(sought(id));
    match query.fetch_optional(&store.pool).await? {
        Some(application) => cancel(store, &application, id, entry.at, Some(entry)).await,
        None => Ok(None),
    }
}

/// What an erasure has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// The recipients that were erased.
    pub recipients: u64,
    /// Those to which a message is being sent: an erasure after the attempt finds them.
    pub sending: i64,
}

/// Erases an address: cancels what has not been sent to it, and the notifications that name it, and
/// replaces it in every message, with what servers have said in its attempts, of the other recipients
/// and in incidents.
pub async fn erase_recipient(
    store: &Store,
    address: &str,
    entry: &Entry,
) -> Result<Erased, StoreError> {
    let (address, now) = (sought(address), entry.at);
    let mut transaction = store.begin_write().await?;
    sqlx::query(
        "UPDATE recipient SET state = 'canceled', changed_at = $2
         WHERE state IN ('queued', 'waiting') AND message IN
             (SELECT notice.ordinal FROM message AS notice
              JOIN recipient AS failed ON failed.message = notice.notice_of
              WHERE notice.due_at IS NOT NULL AND LOWER(failed.address) = LOWER($1)
                    AND failed.state = 'failed')",
    )
    .bind(&address)
    .bind(millis(now))
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "UPDATE recipient SET trouble = NULL
         WHERE message IN (SELECT message FROM recipient WHERE LOWER(address) = LOWER($1))
               AND REPLACE(LOWER(trouble), LOWER($2), '') <> LOWER(trouble)",
    )
    .bind(&address)
    .bind(json(&address).trim_matches('"'))
    .execute(&mut *transaction)
    .await?;
    health::erase_in_incidents(&mut transaction, &address).await?;
    sqlx::query(
        "DELETE FROM message_attempt WHERE message IN
             (SELECT message FROM recipient WHERE LOWER(address) = LOWER($1))",
    )
    .bind(&address)
    .execute(&mut *transaction)
    .await?;
    let erased = sqlx::query(
        "UPDATE recipient SET address = '', trouble = NULL, changed_at = $2,
                state = CASE WHEN state IN ('queued', 'waiting') THEN 'canceled' ELSE state END
         WHERE LOWER(address) = LOWER($1) AND state <> 'sending'",
    )
    .bind(&address)
    .bind(millis(now))
    .execute(&mut *transaction)
    .await?;
    // A message with no recipient left to try has ended.
    sqlx::query(
        "UPDATE message SET due_at = NULL, ended_at = $1
         WHERE due_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM recipient
             WHERE recipient.message = message.ordinal AND state IN ('queued', 'waiting'))",
    )
    .bind(millis(now))
    .execute(&mut *transaction)
    .await?;
    // Those that have ended name the address in their octets.
    sqlx::query(
        "DELETE FROM message_body WHERE id IN (SELECT id FROM message WHERE ended_at IS NOT NULL
             AND (ended_at = $1 OR ordinal IN
                  (SELECT message FROM recipient WHERE address = '' AND changed_at = $1)))",
    )
    .bind(millis(now))
    .execute(&mut *transaction)
    .await?;
    if erased.rows_affected() > 0 {
        audit::record_in(&mut transaction, entry).await?;
    }
    let sql = "SELECT COUNT(*) FROM recipient WHERE LOWER(address) = LOWER($1)";
    let sending: i64 = sqlx::query_scalar(sql).bind(&address).fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(Erased { recipients: erased.rows_affected(), sending })
}
