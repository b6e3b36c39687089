//! Local accounts, which sign in with a password. A hash of it is stored, and never the password.

use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::audit::{self, Entry};
use crate::columns::{columns, millis, sought};
use crate::error::StoreError;
use crate::pool::Store;
use crate::sessions::{self, SessionEnd};
use domain::{Principal, Role};

/// A local account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// A random id, which is never reused.
    pub id: String,
    /// The address as it was typed when the account was added.
    pub email: String,
    /// The display name.
    pub name: String,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    /// The role.
    pub role: Role,
    /// When the account was added.
    pub created_at: DateTime<Utc>,
}

columns!(Person { id, email, name, password_hash, role, created_at });

impl Person {
    /// Returns the account's principal.
    pub fn principal(&self) -> Principal {
        let Self { id, email, name, role, .. } = self.clone();
        Principal::local(id, email, name, role)
    }
}

/// The result of adding an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The account was added.
    Done,
    /// Another account has the address, ignoring case.
    EmailTaken,
}

/// Adds an account, with the audit row in the same transaction.
pub async fn add(store: &Store, person: &Person, entry: &Entry) -> Result<Added, StoreError> {
    let mut transaction = store.begin_write().await?;
    let added = add_in(&mut transaction, person, entry).await?;
    if added == Added::Done {
        transaction.commit().await?;
    }
    Ok(added)
}

/// Adds an account and the audit row within a transaction.
pub(super) async fn add_in(
    connection: &mut AnyConnection,
    person: &Person,
    entry: &Entry,
) -> Result<Added, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO person (id, email, email_key, name, password_hash, role, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (email_key) DO NOTHING",
    )
    .bind(&person.id)
    .bind(&person.email)
    .bind(email_key(&person.email))
    .bind(&person.name)
    .bind(&person.password_hash)
    .bind(person.role.wire_name())
    .bind(millis(person.created_at))
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if inserted == 0 {
        return Ok(Added::EmailTaken);
    }
    audit::record_in(connection, entry).await?;
    Ok(Added::Done)
}

/// Returns the account with this address, ignoring case.
pub async fn by_email(store: &Store, email: &str) -> Result<Option<Person>, StoreError> {
    let sql = format!("SELECT {} FROM person WHERE email_key = $1", Person::columns());
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(email_key(email));
    Ok(query.fetch_optional(&store.pool).await?)
}

/// Whether there is an administrator with this id.
pub async fn is_administrator(store: &Store, id: &str) -> Result<bool, StoreError> {
    let found = sqlx::query("SELECT 1 FROM person WHERE id = $1 AND role = $2")
        .bind(id)
        .bind(Role::Administrator.wire_name())
        .fetch_optional(&store.pool)
        .await?;
    Ok(found.is_some())
}

/// Returns all accounts, sorted by address.
pub async fn list(store: &Store) -> Result<Vec<Person>, StoreError> {
    let sql = format!("SELECT {} FROM person ORDER BY email_key", Person::columns());
    Ok(sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&store.pool).await?)
}

/// Replaces the password if its hash is still `before`, and ends the account's sessions. False if
/// there is no such account, or the hash is another one by now.
pub async fn set_password(
    store: &Store,
    id: &str,
    before: &str,
    password_hash: &str,
    entry: &Entry,
) -> Result<bool, StoreError> {
    let mut transaction = store.begin_write().await?;
    let sql = "UPDATE person SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    let changed = sqlx::query(sql)
        .bind(id)
        .bind(before)
        .bind(password_hash)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    if changed == 0 {
        return Ok(false);
    }
    sessions::end_all(&mut transaction, id, SessionEnd::BySignOut, entry.at).await?;
    audit::record_in(&mut transaction, entry).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Removes an account and its sessions. False if there is no such account.
pub async fn remove(store: &Store, id: &str, entry: &Entry) -> Result<bool, StoreError> {
    let mut transaction = store.begin_write().await?;
    sessions::end_all(&mut transaction, id, SessionEnd::ByRemoval, entry.at).await?;
    let removed = sqlx::query("DELETE FROM person WHERE id = $1").bind(id);
    let removed = removed.execute(&mut *transaction).await?;
    audit::commit_if_changed(transaction, &removed, Some(entry)).await
}

/// Returns the key by which addresses are compared.
fn email_key(email: &str) -> String {
    sought(email.trim()).to_lowercase()
}
