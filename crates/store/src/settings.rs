//! The saved form and its sealed secrets. They are read in one statement and replaced in one
//! transaction, so that a reader never sees half a save.

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::audit::{self, Action, Actor, Entry};
use crate::columns::{column, millis};
use crate::error::StoreError;
use crate::health;
use crate::pool::Store;
use crate::tokens::{self, StoredToken};

/// The saved settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredForm {
    /// Counts the saves; 0 before the first.
    pub revision: i64,
    /// The revision of the last save that a token depends on; 0 before the first.
    pub token_revision: i64,
    /// The form's text fields as JSON; `None` before the first save.
    pub form_json: Option<String>,
    /// Who saved it.
    pub saved_by: Option<Actor>,
    /// When it was saved.
    pub saved_at: Option<DateTime<Utc>>,
    /// The stored secrets, by field.
    pub secrets: Vec<SealedSecret>,
    /// The grant of the token that a save would delete, if there is one.
    pub grant_id: Option<String>,
}

/// A sealed secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// The field's wire name.
    pub field: String,
    /// The destination that it was sealed for, as JSON.
    pub destination_json: String,
    /// The revision of the save that stored it.
    pub revision: i64,
    /// The sealed octets.
    pub sealed: Vec<u8>,
}

/// A save.
#[derive(Debug, Clone, Copy)]
pub struct Replacement<'a> {
    /// The revision that the form was loaded with.
    pub expected_revision: i64,
    /// The form's text fields as JSON.
    pub form_json: &'a str,
    /// Secrets to store, in place of those of the same fields.
    pub secrets_to_put: &'a [SealedSecret],
    /// Wire names of the fields whose secrets are deleted.
    pub secrets_to_remove: &'a [&'a str],
    /// Who saves it.
    pub by: &'a Actor,
    /// When it is saved.
    pub at: DateTime<Utc>,
    /// Wire names of the fields that changed, for the audit.
    pub changed_fields: &'a [&'a str],
    /// The grant whose token this save may delete.
    pub deletes_grant: Option<&'a str>,
    /// Whether no token depends on what it changes. It then deletes none.
    pub keeps_token: bool,
    /// Whether the settings need a token.
    pub needs_token: bool,
}

/// The result of a save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// The settings were saved.
    Done {
        /// The new revision.
        revision: i64,
        /// The token that it deleted, if there was one.
        deleted: Option<Box<StoredToken>>,
    },
    /// The settings were saved since the form was loaded; nothing was changed.
    OutOfDate,
    /// There is a token that the save did not name; nothing was changed.
    GrantUnnamed {
        /// The token's grant.
        grant_id: String,
    },
}

/// The columns of a form and of each of its secrets.
pub(super) const COLUMNS: &str = "settings.revision, settings.token_revision, settings.form, \
    settings.saved_by_email, settings.saved_by_name, settings.saved_at, secret.field, \
    secret.destination, secret.revision AS stored_at, secret.sealed";

/// Reads the saved settings as one consistent snapshot.
pub async fn load(store: &Store) -> Result<StoredForm, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, (SELECT MIN(grant_id) FROM token) AS grant_id
         FROM settings LEFT JOIN secret ON 1 = 1 WHERE settings.id = 1 ORDER BY secret.field",
    );
    from_rows(&sqlx::query(AssertSqlSafe(sql)).fetch_all(&store.pool).await?)
}

/// Reads the form from its rows, one for each secret.
pub(super) fn from_rows(rows: &[AnyRow]) -> Result<StoredForm, StoreError> {
    let first = rows.first().ok_or(StoreError::Unknown("lack of settings"))?;
    let email: Option<String> = column(first, "saved_by_email")?;
    let name: Option<String> = column(first, "saved_by_name")?;
    let mut secrets = Vec::new();
    for row in rows {
        if let Some(field) = column(row, "field")? {
            secrets.push(SealedSecret {
                field,
                destination_json: column(row, "destination")?,
                revision: column(row, "stored_at")?,
                sealed: column(row, "sealed")?,
            });
        }
    }
    Ok(StoredForm {
        revision: column(first, "revision")?,
        token_revision: column(first, "token_revision")?,
        form_json: column(first, "form")?,
        saved_by: email.zip(name).map(|(email, name)| Actor { email, name, ..Actor::default() }),
        saved_at: column(first, "saved_at")?,
        secrets,
        grant_id: column(first, "grant_id")?,
    })
}

/// Returns the current revision.
pub async fn revision(store: &Store) -> Result<i64, StoreError> {
    let sql = "SELECT revision FROM settings WHERE id = 1";
    Ok(sqlx::query_scalar(sql).fetch_one(&store.pool).await?)
}

/// Returns the current token revision.
pub async fn token_revision(store: &Store) -> Result<i64, StoreError> {
    let sql = "SELECT token_revision FROM settings WHERE id = 1";
    Ok(sqlx::query_scalar(sql).fetch_one(&store.pool).await?)
}

/// Replaces the settings, with secrets, token and audit row, or changes nothing (optimistic lock).
///
/// The guarded UPDATE comes first: it locks the one row of `settings` until the end. Storing a
/// token must lock that row too to be seen here.
///
/// # Errors
/// The database does not answer; nothing was changed.
pub async fn replace(store: &Store, save: &Replacement<'_>) -> Result<Replaced, StoreError> {
    let mut transaction = store.begin_write().await?;
    if !update_form(&mut transaction, save).await? {
        return Ok(Replaced::OutOfDate);
    }
    let mut deleted = None;
    if !save.keeps_token {
        let grant = sqlx::query_scalar::<_, String>("SELECT grant_id FROM token");
        if let Some(grant_id) = grant.fetch_optional(&mut *transaction).await?
            && save.deletes_grant != Some(grant_id.as_str())
        {
            return Ok(Replaced::GrantUnnamed { grant_id });
        }
        deleted = tokens::delete_in(&mut transaction).await?.map(Box::new);
    }
    for field in save.secrets_to_remove {
        let removal = sqlx::query("DELETE FROM secret WHERE field = $1").bind(field);
        removal.execute(&mut *transaction).await?;
    }
    for secret in save.secrets_to_put {
        put_secret(&mut transaction, secret).await?;
    }
    if !save.keeps_token {
        let token_deleted = save.needs_token.then_some(deleted.is_some());
        health::connection_changed_in(&mut transaction, save.at, token_deleted).await?;
    }
    audit::record_in(&mut transaction, &audit_entry(save)).await?;
    if deleted.is_some() {
        let entry = Entry { action: Action::TokenDeleted, fields: Vec::new(), ..audit_entry(save) };
        audit::record_in(&mut transaction, &entry).await?;
    }
    transaction.commit().await?;
    Ok(Replaced::Done { revision: save.expected_revision + 1, deleted })
}

/// A stored secret with another destination.
#[derive(Debug, Clone, Copy)]
pub struct Rebound<'a> {
    /// The revision whose form names the destination.
    pub revision: i64,
    /// The secret as it was read.
    pub before: &'a SealedSecret,
    /// The same secret, sealed for the other destination.
    pub after: &'a SealedSecret,
}

/// Binds a stored secret to another destination. False, and nothing changed, if the settings were
/// saved since, or the secret is another one by now.
///
/// # Errors
/// The database does not answer; nothing was changed.
pub async fn rebind(store: &Store, rebound: Rebound<'_>) -> Result<bool, StoreError> {
    let Rebound { revision, before, after } = rebound;
    let Some(mut transaction) = store.begin_write_for(revision).await? else { return Ok(false) };
    let rebound = sqlx::query(
        "UPDATE secret SET destination = $4, sealed = $5
         WHERE field = $1 AND destination = $2 AND sealed = $3",
    )
    .bind(&before.field)
    .bind(&before.destination_json)
    .bind(before.sealed.as_slice())
    .bind(&after.destination_json)
    .bind(after.sealed.as_slice())
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(rebound == 1)
}

/// Returns whether the row still had the expected revision, and so was written.
async fn update_form(
    connection: &mut AnyConnection,
    save: &Replacement<'_>,
) -> Result<bool, StoreError> {
    let token_revision = if save.keeps_token { "token_revision" } else { "revision + 1" };
    let sql = format!(
        "UPDATE settings SET revision = revision + 1, token_revision = {token_revision}, form = $2,
                saved_by_email = $3, saved_by_name = $4, saved_at = $5
         WHERE id = 1 AND revision = $1",
    );
    let written = sqlx::query(AssertSqlSafe(sql))
        .bind(save.expected_revision)
        .bind(save.form_json)
        .bind(&save.by.email)
        .bind(&save.by.name)
        .bind(millis(save.at))
        .execute(connection)
        .await?
        .rows_affected();
    Ok(written == 1)
}

async fn put_secret(
    connection: &mut AnyConnection,
    secret: &SealedSecret,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO secret (field, destination, revision, sealed) VALUES ($1, $2, $3, $4)
         ON CONFLICT (field) DO UPDATE SET destination = excluded.destination,
             revision = excluded.revision, sealed = excluded.sealed",
    )
    .bind(&secret.field)
    .bind(&secret.destination_json)
    .bind(secret.revision)
    .bind(secret.sealed.as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

fn audit_entry(save: &Replacement<'_>) -> Entry {
    Entry {
        fields: save.changed_fields.iter().map(|&field| field.to_owned()).collect(),
        ..Entry::new(save.at, save.by.clone(), Action::SettingsSaved)
    }
}
