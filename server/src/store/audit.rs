//! Who did what, when: names of fields, never their values. Rows are written and read, never changed.

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{Store, StoreError, instant, millis};

/// Who did something, in words that stay when the person is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Their e-mail address; empty where nobody was known.
    pub email: String,
    /// Their name at the time.
    pub name: String,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Somebody signed in.
    SignedIn,
    /// Somebody tried to, in vain; the detail is the address as typed.
    SignInFailed,
    /// Somebody signed out.
    SignedOut,
    /// Settings were saved; the fields are those that changed.
    SettingsSaved,
    /// A test message was asked for.
    TestSent,
    /// A person was added; the detail is their address.
    PersonAdded,
    /// A person was removed; the detail is their address.
    PersonRemoved,
    /// A password was changed; the detail is whose.
    PasswordChanged,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 8] = [
        Self::SignedIn,
        Self::SignInFailed,
        Self::SignedOut,
        Self::SettingsSaved,
        Self::TestSent,
        Self::PersonAdded,
        Self::PersonRemoved,
        Self::PasswordChanged,
    ];

    /// The action's name in the database.
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::SignedIn => "signed-in",
            Self::SignInFailed => "sign-in-failed",
            Self::SignedOut => "signed-out",
            Self::SettingsSaved => "settings-saved",
            Self::TestSent => "test-sent",
            Self::PersonAdded => "person-added",
            Self::PersonRemoved => "person-removed",
            Self::PasswordChanged => "password-changed",
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, in UTC.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// The wire names of the fields it was about.
    pub fields: Vec<String>,
    /// Whom or what else it was about; never a value of the form.
    pub detail: Option<String>,
}

/// Writes a row.
///
/// # Errors
/// The database does not answer.
pub async fn record(store: &Store, entry: &Entry) -> Result<(), StoreError> {
    let mut connection = store.pool.acquire().await?;
    record_in(&mut connection, entry).await
}

/// Writes a row as part of a transaction.
pub(super) async fn record_in(
    connection: &mut AnyConnection,
    entry: &Entry,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO audit (at, email, name, action, fields, detail) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(millis(entry.at))
        .bind(&entry.actor.email)
        .bind(&entry.actor.name)
        .bind(entry.action.wire_name())
        .bind(entry.fields.join(" "))
        .bind(&entry.detail)
        .execute(connection)
        .await?;
    Ok(())
}

/// The latest rows, newest first.
///
/// # Errors
/// The database does not answer.
pub async fn latest(store: &Store, count: i64) -> Result<Vec<Entry>, StoreError> {
    sqlx::query(
        "SELECT at, email, name, action, fields, detail FROM audit ORDER BY id DESC LIMIT $1",
    )
    .bind(count)
    .fetch_all(&store.pool)
    .await?
    .iter()
    .map(entry)
    .collect()
}

fn entry(row: &AnyRow) -> Result<Entry, StoreError> {
    let action: &str = row.try_get("action")?;
    let fields: &str = row.try_get("fields")?;
    Ok(Entry {
        at: instant(row.try_get("at")?)?,
        actor: Actor { email: row.try_get("email")?, name: row.try_get("name")? },
        action: Action::ALL
            .into_iter()
            .find(|known| known.wire_name() == action)
            .ok_or(StoreError::Unknown("kind of audit row"))?,
        fields: fields.split_whitespace().map(str::to_owned).collect(),
        detail: row.try_get("detail")?,
    })
}
