//! The audit trail: who did what and when, with the names of fields, never their values. A row of
//! one event never changes; a row of several events counts them. Retention deletes old rows.

use std::ops::Range;

use chrono::{DateTime, Utc};
use sqlx::any::AnyQueryResult;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Transaction};

pub use domain::audit::Action;
use domain::{Principal, RequestClient};

use crate::columns::{columns, millis, sought};
use crate::error::StoreError;
use crate::pool::Store;

/// Who did something and from where, in values that stay when the account is removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actor {
    /// The e-mail address; empty if unknown.
    pub email: String,
    /// The name at the time.
    pub name: String,
    /// The issuer of the identity; `None` for a local account.
    pub issuer: Option<String>,
    /// The subject at the issuer, or the id of the local account.
    pub subject: Option<String>,
    /// The name of the session (`sessions::name_of`), if there was one.
    pub session: Option<String>,
    /// The client's IPv4 address or the /64 of its IPv6 address, if recorded.
    pub address: Option<String>,
}

columns!(Actor { email, name, issuer, subject, session, address });

impl From<&Principal> for Actor {
    fn from(principal: &Principal) -> Self {
        // An unverified address is not used: it may belong to another user.
        let known_by = principal.recipient().unwrap_or(&principal.id);
        let RequestClient { address, session } = principal.client.clone();
        let issuer = principal.issuer.clone();
        // An id is `issuer subject`; an issuer that a host in Rust names may contain spaces too.
        let prefix = issuer.as_ref().map(|issuer| format!("{issuer} "));
        let subject = prefix.and_then(|prefix| principal.id.strip_prefix(&prefix));
        let subject = Some(subject.unwrap_or(&principal.id).to_owned());
        Self { issuer, subject, session, address, ..Self::named(known_by, &principal.name) }
    }
}

impl Actor {
    /// Returns the actor for an unauthenticated client or the server itself.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// Returns an actor with an address and a name only.
    pub fn named(email: &str, name: &str) -> Self {
        Self { email: email.to_owned(), name: name.to_owned(), ..Self::default() }
    }

    /// Adds the issuer and the subject of a principal's id, whose issuer ends at the first space.
    pub fn with_id(self, id: &str) -> Self {
        let (issuer, subject) = id
            .split_once(' ')
            .map_or((None, id), |(issuer, subject)| (Some(issuer.to_owned()), subject));
        Self { issuer, subject: Some(subject.to_owned()), ..self }
    }
}

/// An audit row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, in UTC.
    pub at: DateTime<Utc>,
    /// The actor.
    pub actor: Actor,
    /// The action.
    pub action: Action,
    /// The wire names of the fields.
    pub fields: Vec<String>,
    /// The other object of the action; never a value of the form.
    pub detail: Option<String>,
    /// How many events the row stands for.
    pub count: i64,
}

impl Entry {
    /// Returns a row of one event without fields or detail.
    pub const fn new(at: DateTime<Utc>, actor: Actor, action: Action) -> Self {
        Self { at, actor, action, fields: Vec::new(), detail: None, count: 1 }
    }
}

/// Writes a row.
pub async fn record(store: &Store, entry: &Entry) -> Result<(), StoreError> {
    let mut connection = store.pool.acquire().await?;
    record_in(&mut connection, entry).await
}

/// Writes a row within a transaction.
pub(super) async fn record_in(
    connection: &mut AnyConnection,
    entry: &Entry,
) -> Result<(), StoreError> {
    insert(connection, entry, None).await
}

/// Commits a change with its audit row, if there is one. False, and the transaction is rolled back,
/// if the change affected no row.
pub(super) async fn commit_if_changed(
    mut transaction: Transaction<'_, Any>,
    changed: &AnyQueryResult,
    entry: Option<&Entry>,
) -> Result<bool, StoreError> {
    if changed.rows_affected() == 0 {
        return Ok(false);
    }
    if let Some(entry) = entry {
        record_in(&mut transaction, entry).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

/// Adds events to the aggregate row with this key, or creates it. The upsert is atomic: concurrent
/// writers on all nodes count. Everything but the count stays as in the first event.
pub async fn add(store: &Store, aggregate_key: &str, events: &Entry) -> Result<(), StoreError> {
    let mut connection = store.pool.acquire().await?;
    insert(&mut connection, events, Some(aggregate_key)).await
}

async fn insert(
    connection: &mut AnyConnection,
    entry: &Entry,
    aggregate_key: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit (at, email, name, issuer, subject, session, address, action, fields, detail,
                            count, aggregate_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (aggregate_key) WHERE aggregate_key IS NOT NULL
         DO UPDATE SET count = audit.count + excluded.count",
    )
    .bind(millis(entry.at))
    .bind(&entry.actor.email)
    .bind(&entry.actor.name)
    .bind(&entry.actor.issuer)
    .bind(&entry.actor.subject)
    .bind(&entry.actor.session)
    .bind(&entry.actor.address)
    .bind(entry.action.wire_name())
    .bind(entry.fields.join(" "))
    .bind(&entry.detail)
    .bind(entry.count)
    .bind(aggregate_key)
    .execute(connection)
    .await?;
    Ok(())
}

/// The filter of audit rows.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only rows of this address; empty selects unknown actors.
    pub email: Option<String>,
    /// Only rows of this time range, its end excluded.
    pub during: Option<Range<DateTime<Utc>>>,
    /// Only rows before the one with this number.
    pub before: Option<i64>,
}

/// Returns the latest matching rows, newest first, each with its number.
pub async fn entries(
    store: &Store,
    wanted: &AuditFilter,
    count: i64,
) -> Result<Vec<(i64, Entry)>, StoreError> {
    let during = wanted.during.as_ref();
    let sql = format!(
        "SELECT {} FROM audit WHERE ($1 = 0 OR email = $2) AND at >= $3 AND at < $4 AND id < $5
         ORDER BY id DESC LIMIT $6",
        Exported::columns(),
    );
    let rows: Vec<Exported> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(i64::from(wanted.email.is_some()))
        .bind(sought(wanted.email.as_deref().unwrap_or_default()))
        .bind(during.map_or(i64::MIN, |during| millis(during.start)))
        .bind(during.map_or(i64::MAX, |during| millis(during.end)))
        .bind(wanted.before.unwrap_or(i64::MAX))
        .bind(count)
        .fetch_all(&store.pool)
        .await?;
    rows.into_iter().map(|row| Ok((row.id, row.entry()?))).collect()
}

/// A row of an export: its action is text, so that every version's rows can be exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Its number.
    pub id: i64,
    /// When, in UTC.
    pub at: DateTime<Utc>,
    /// The actor.
    pub actor: Actor,
    /// The action's name in the database.
    pub action: String,
    /// The wire names of the fields.
    pub fields: Vec<String>,
    /// The other object of the action.
    pub detail: Option<String>,
    /// How many events the row stands for.
    pub count: i64,
}

columns!(Exported { id, at, actor: Actor, action, fields, detail, count });

impl Exported {
    fn entry(self) -> Result<Entry, StoreError> {
        let Self { at, actor, action, fields, detail, count, .. } = self;
        let action = Action::from_wire_name(&action);
        let action = action.ok_or(StoreError::Unknown("kind of audit row"))?;
        Ok(Entry { at, actor, action, fields, detail, count })
    }
}

/// Returns the first rows of a time range, oldest first, after the row with this time and number.
pub async fn export(
    store: &Store,
    during: &Range<DateTime<Utc>>,
    after: Option<(DateTime<Utc>, i64)>,
    count: i64,
) -> Result<Vec<Exported>, StoreError> {
    let (at, id) = after.map_or((millis(during.start), i64::MIN), |(at, id)| (millis(at), id));
    let sql = format!(
        "SELECT {} FROM audit WHERE (at, id) > ($1, $2) AND at < $3 ORDER BY at, id LIMIT $4",
        Exported::columns(),
    );
    let rows = sqlx::query_as(AssertSqlSafe(sql))
        .bind(at)
        .bind(id)
        .bind(millis(during.end))
        .bind(count)
        .fetch_all(&store.pool)
        .await?;
    Ok(rows)
}

/// Returns the distinct addresses in the trail, sorted.
pub async fn people(store: &Store) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT email FROM audit WHERE email <> '' ORDER BY email";
    Ok(sqlx::query_scalar(sql).fetch_all(&store.pool).await?)
}
