//! The list of messages of applications, newest first.

use chrono::{DateTime, Utc};
use domain::outbox::MessageState;
use sqlx::{AssertSqlSafe, FromRow, any::AnyRow};

use crate::columns::{column, millis, sought};
use crate::error::StoreError;
use crate::outbox::StoredRecipient;
use crate::pool::Store;
use crate::statements::Value;

/// Which messages are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Those with a recipient in this state.
    pub state: Option<MessageState>,
    /// Those of the application with this ID; empty for notifications.
    pub application: Option<String>,
    /// Those to this address, regardless of case.
    pub recipient: Option<String>,
    /// Those that were accepted at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Those that were accepted before this time.
    pub until: Option<DateTime<Utc>>,
    /// Those behind this message in the list.
    pub behind: Option<Place>,
}

/// The place of a message in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// Its number.
    pub ordinal: i64,
}

/// A message in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// Its place.
    pub place: Place,
    /// Its ID.
    pub id: String,
    /// The name of its application when it was accepted.
    pub application: String,
    /// The envelope sender; empty for the null reverse-path.
    pub sender: String,
    /// The sealed subject.
    pub subject: Vec<u8>,
    /// How many octets the message has.
    pub size: i64,
    /// When it is attempted next; `None` while it is attempted, and once it has ended.
    pub due_at: Option<DateTime<Utc>>,
    /// Until when it is attempted.
    pub expires_at: DateTime<Utc>,
    /// Whether it is a delivery status notification.
    pub is_notice: bool,
    /// Whether its octets are there, so that it can be sent again.
    pub has_body: bool,
    /// The attempts so far.
    pub attempts: i64,
    /// Its recipients, in their order.
    pub recipients: Vec<StoredRecipient>,
}

/// The conditions of a filter, with their values.
#[derive(Default)]
struct Conditions<'v> {
    sql: String,
    values: Vec<Value<'v>>,
}

impl<'v> Conditions<'v> {
    /// Adds a condition, in which each `?` is one of the values.
    fn add<const N: usize>(&mut self, condition: &str, values: [Value<'v>; N]) {
        self.sql.push_str(if self.sql.is_empty() { "WHERE " } else { " AND " });
        let mut parts = condition.split('?');
        self.sql.push_str(parts.next().unwrap_or_default());
        for (value, rest) in values.into_iter().zip(parts) {
            self.values.push(value);
            let number = self.values.len().to_string();
            self.sql.extend(["$", &number, rest]);
        }
    }
}

/// Returns the first messages of the list that match.
pub async fn page(
    store: &Store,
    filter: &MessageFilter,
    count: i64,
) -> Result<Vec<MessageRow>, StoreError> {
    let MessageFilter { state, application, recipient, from, until, behind } = filter;
    let recipient = recipient.as_deref().map(sought);
    let mut conditions = Conditions::default();
    if let Some(state) = state {
        let value = Value::Text(state.wire_name());
        conditions.add("ordinal IN (SELECT message FROM recipient WHERE state = ?)", [value]);
    }
    if let Some(application) = application {
        conditions.add("application = ?", [application.into()]);
    }
    if let Some(recipient) = &recipient {
        conditions.add(
            "ordinal IN (SELECT message FROM recipient WHERE LOWER(address) = LOWER(?))",
            [recipient.into()],
        );
    }
    if let Some(from) = from {
        conditions.add("accepted_at >= ?", [millis(*from).into()]);
    }
    if let Some(until) = until {
        conditions.add("accepted_at < ?", [millis(*until).into()]);
    }
    if let Some(Place { accepted_at, ordinal }) = behind {
        let values = [millis(*accepted_at).into(), (*ordinal).into()];
        conditions.add("(accepted_at, ordinal) < (?, ?)", values);
    }
    let Conditions { sql, values } = conditions;
    let sql = format!(
        "SELECT ordinal, id, application_name, sender, subject, size, accepted_at, expires_at,
                due_at, is_notice, attempt,
                CASE WHEN EXISTS (SELECT 1 FROM message_body WHERE message_body.id = message.id)
                     THEN 1 ELSE 0 END AS has_body
         FROM message {sql} ORDER BY accepted_at DESC, ordinal DESC LIMIT {count}",
    );
    let query = values.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match *value {
        Value::Number(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Octets(octets) => query.bind(octets),
    });
    let rows = query.fetch_all(&store.pool).await?;
    let mut messages = rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    for (message, recipient) in recipients(store, &messages).await? {
        if let Some(listed) = messages.iter_mut().find(|listed| listed.place.ordinal == message) {
            listed.recipients.push(recipient);
        }
    }
    Ok(messages)
}

fn row(row: &AnyRow) -> Result<MessageRow, StoreError> {
    Ok(MessageRow {
        place: Place { accepted_at: column(row, "accepted_at")?, ordinal: column(row, "ordinal")? },
        id: column(row, "id")?,
        application: column(row, "application_name")?,
        sender: column(row, "sender")?,
        subject: column(row, "subject")?,
        size: column(row, "size")?,
        due_at: column(row, "due_at")?,
        expires_at: column(row, "expires_at")?,
        is_notice: column(row, "is_notice")?,
        has_body: column(row, "has_body")?,
        attempts: column(row, "attempt")?,
        recipients: Vec::new(),
    })
}

/// The recipients of these messages, each with the number of its message.
async fn recipients(
    store: &Store,
    messages: &[MessageRow],
) -> Result<Vec<(i64, StoredRecipient)>, StoreError> {
    let numbers: Vec<_> =
        messages.iter().map(|message| message.place.ordinal.to_string()).collect();
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT message, {} FROM recipient WHERE message IN ({}) ORDER BY message, position",
        StoredRecipient::columns(),
        numbers.join(", "),
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&store.pool).await?;
    let recipient = |row: &AnyRow| Ok((column(row, "message")?, StoredRecipient::from_row(row)?));
    rows.iter().map(recipient).collect()
}
