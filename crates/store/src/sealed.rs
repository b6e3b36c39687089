//! Every sealed value of the database, by its column, for the rotation of the sealing key. A new
//! column of sealed values must be added to [`Column`]; a test compares that with the tables. The
//! check value is not among them: it is changed separately (`key_check.rs`).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;

use crate::columns::millis;
use crate::error::StoreError;
use crate::key_id::KeyId;
use crate::pool::Store;

/// How many values are read at once.
const BATCH: i64 = 100;
/// How many bodies of messages are read at once, which may be large.
const BODIES: i64 = 4;

/// A column of sealed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The form's secrets and its Client ID.
    Secret,
    /// The Client ID of the settings that last worked.
    ProvedClientId,
    /// The subject of a message.
    Subject,
    /// The octets of a message.
    Body,
    /// The access token.
    AccessToken,
    /// The refresh token.
    RefreshToken,
    /// The code verifier of an attempt to obtain a token.
    CodeVerifier,
    /// The form of a test message.
    Run,
    /// The code verifier of a login at an `OpenID` provider.
    SignInVerifier,
    /// The ID token of a session that began at an `OpenID` provider.
    IdToken,
}

impl Column {
    /// Every column of sealed values.
    pub const ALL: [Self; 10] = [
        Self::Secret,
        Self::ProvedClientId,
        Self::Subject,
        Self::Body,
        Self::AccessToken,
        Self::RefreshToken,
        Self::CodeVerifier,
        Self::Run,
        Self::SignInVerifier,
        Self::IdToken,
    ];

    /// Returns the table.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::ProvedClientId => "proved_secret",
            Self::Subject => "message",
            Self::Body => "message_body",
            Self::AccessToken | Self::RefreshToken => "token",
            Self::CodeVerifier => "token_attempt",
            Self::Run => "run",
            Self::SignInVerifier => "foreign_sign_in",
            Self::IdToken => "session",
        }
    }

    /// Returns the column's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret | Self::ProvedClientId | Self::Body => "sealed",
            Self::Subject => "subject",
            Self::AccessToken => "access",
            Self::RefreshToken => "refresh",
            Self::CodeVerifier | Self::SignInVerifier => "verifier",
            Self::Run => "form",
            Self::IdToken => "id_token",
        }
    }

    /// Returns the key column of the table.
    const fn key(self) -> &'static str {
        match self {
            Self::Secret | Self::ProvedClientId => "field",
            Self::AccessToken | Self::RefreshToken => "grant_id",
            Self::CodeVerifier | Self::Run | Self::Subject | Self::Body => "id",
            Self::SignInVerifier => "state_hash",
            Self::IdToken => "token_hash",
        }
    }

    /// Returns the SQL expression of a value's context (see [`SealedValue::context`]).
    const fn context(self) -> &'static str {
        match self {
            Self::Secret => "secret.destination",
            Self::AccessToken | Self::RefreshToken | Self::CodeVerifier => {
                "COALESCE(settings.form, '')"
            }
            Self::ProvedClientId | Self::Run | Self::Subject | Self::Body => "''",
            Self::SignInVerifier => "foreign_sign_in.issuer",
            Self::IdToken => "session.principal",
        }
    }

    /// Returns the tables to select from: the rows whose values are still used, with their context.
    const fn rows(self) -> &'static str {
        match self {
            Self::AccessToken | Self::RefreshToken => "token JOIN settings ON settings.id = 1",
            // An attempt for an older token revision of the settings cannot finish.
            Self::CodeVerifier => {
                "token_attempt JOIN settings ON settings.token_revision = token_attempt.revision"
            }
            Self::Secret
            | Self::ProvedClientId
            | Self::Subject
            | Self::Body
            | Self::Run
            | Self::SignInVerifier
            | Self::IdToken => self.table(),
        }
    }
}

/// A sealed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedValue {
    /// The key of its row.
    pub row: String,
    /// The sealed octets.
    pub sealed: Vec<u8>,
    /// What its destination is derived from: a destination, a form or a user as JSON, or an issuer.
    pub context: String,
}

/// Returns the next values of a column after the row with this key, in the order of the keys; with
/// `but`, only those that another key has sealed.
pub async fn batch(
    store: &Store,
    column: Column,
    after: &str,
    but: Option<KeyId>,
) -> Result<Vec<SealedValue>, StoreError> {
    let (table, name, key) = (column.table(), column.name(), column.key());
    let sql = format!(
        "SELECT {table}.{key}, {table}.{name}, {} FROM {}
         WHERE {table}.{name} IS NOT NULL AND {table}.{key} > $1 AND substr({table}.{name}, 2, 8) <> $2
         ORDER BY {table}.{key} LIMIT {}",
        column.context(),
        column.rows(),
        if column == Column::Body { BODIES } else { BATCH },
    );
    // Without `but`, nine octets, which never equal the eight of a key id.
    let but = but.as_ref().map_or(&[0; 9][..], |key| key.octets());
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(after).bind(but);
    let rows = query.fetch_all(&store.pool).await?.into_iter();
    Ok(rows.map(|(row, sealed, context)| SealedValue { row, sealed, context }).collect())
}

/// Replaces a value. False, and nothing changed, if it is another one by now, or gone.
pub async fn replace(
    store: &Store,
    column: Column,
    before: &SealedValue,
    sealed: &[u8],
) -> Result<bool, StoreError> {
    let (table, name, key) = (column.table(), column.name(), column.key());
    let sql = format!("UPDATE {table} SET {name} = $3 WHERE {key} = $1 AND {name} = $2");
    let replaced = sqlx::query(AssertSqlSafe(sql))
        .bind(&before.row)
        .bind(before.sealed.as_slice())
        .bind(sealed)
        .execute(&store.pool)
        .await?;
    Ok(replaced.rows_affected() > 0)
}

/// Whether a value is still as it was read.
pub async fn is_unchanged(
    store: &Store,
    column: Column,
    value: &SealedValue,
) -> Result<bool, StoreError> {
    let (table, name, key) = (column.table(), column.name(), column.key());
    let sql = format!("SELECT 1 FROM {table} WHERE {key} = $1 AND {name} = $2");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(&value.row)
        .bind(value.sealed.as_slice())
        .fetch_optional(&store.pool)
        .await?;
    Ok(row.is_some())
}

/// Deletes the values that cannot be used any more: code verifiers that have expired, or that are
/// for an older token revision of the settings.
pub async fn forget_useless(store: &Store, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE token_attempt SET verifier = NULL
         WHERE verifier IS NOT NULL
           AND (expires_at <= $1 OR revision <> (SELECT token_revision FROM settings WHERE id = 1))",
    )
    .bind(millis(now))
    .execute(&store.pool)
    .await?;
    sqlx::query("DELETE FROM foreign_sign_in WHERE expires_at <= $1")
        .bind(millis(now))
        .execute(&store.pool)
        .await?;
    Ok(())
}

/// Counts the values of a column by sealing key; malformed values count under `None`.
pub async fn counts(
    store: &Store,
    column: Column,
) -> Result<Vec<(Option<KeyId>, i64)>, StoreError> {
    let (table, name) = (column.table(), column.name());
    let sql = format!(
        "SELECT substr({name}, 1, 9), COUNT(*) FROM {table} WHERE {name} IS NOT NULL
         GROUP BY substr({name}, 1, 9)"
    );
    let rows: Vec<(Vec<u8>, i64)> =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&store.pool).await?;
    Ok(rows.into_iter().map(|(start, count)| (KeyId::of(&start), count)).collect())
}

/// Returns the keys that have sealed a value in the database.
pub async fn keys(store: &Store) -> Result<BTreeSet<KeyId>, StoreError> {
    let mut keys = BTreeSet::new();
    for column in Column::ALL {
        keys.extend(counts(store, column).await?.into_iter().filter_map(|(key, _)| key));
    }
    Ok(keys)
}

/// Whether this key has sealed a value in the database, the check value included.
pub async fn is_needed(store: &Store, key: KeyId) -> Result<bool, StoreError> {
    let columns = Column::ALL.into_iter().map(|column| (column.table(), column.name()));
    for (table, name) in columns.chain([("key_check", "sealed")]) {
        let sql = format!("SELECT 1 FROM {table} WHERE substr({name}, 2, 8) = $1 LIMIT 1");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(key.octets().as_slice())
            .fetch_optional(&store.pool)
            .await?;
        if row.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
