//! The settings that last worked, as they were saved, for an administrator to restore.

use domain::{Field, health::LastWorked};
use sqlx::{AnyConnection, any::AnyRow};

use crate::columns::column;
use crate::error::StoreError;
use crate::pool::Store;

/// The settings that last worked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedForm {
    /// The form's text fields as JSON.
    pub form_json: String,
    /// The secrets that were stored.
    pub secrets: Vec<ProvedSecret>,
}

/// A secret that was stored when the settings worked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedSecret {
    /// The field's wire name.
    pub field: String,
    /// The revision of the save that stored it.
    pub revision: i64,
    /// The sealed octets of the Client ID; `None` for a secret.
    pub sealed: Option<Vec<u8>>,
}

/// The columns of [`last_worked_from_row`], for a join with [`JOIN`].
pub(crate) const COLUMNS: &str = "proved.id AS proved_id, proved.saved_by_name AS proved_by, \
    proved.saved_at AS proved_at";
/// Joins `settings` with the settings that last worked, if those are others.
pub(crate) const JOIN: &str =
    "LEFT JOIN proved ON proved.token_revision <> settings.token_revision";

/// Reads from a row who saved the settings that last worked, and when.
pub(crate) fn last_worked_from_row(row: &AnyRow) -> Result<Option<LastWorked>, StoreError> {
    if column::<Option<i64>>(row, "proved_id")?.is_none() {
        return Ok(None);
    }
    Ok(Some(LastWorked { by: column(row, "proved_by")?, at: column(row, "proved_at")? }))
}

/// Reads the settings that last worked; `None` if none have yet.
pub async fn load(store: &Store) -> Result<Option<ProvedForm>, StoreError> {
    let sql = "SELECT proved.form, field, proved_secret.revision AS stored_at, sealed
               FROM proved LEFT JOIN proved_secret ON 1 = 1 WHERE proved.id = 1 ORDER BY field";
    let rows = sqlx::query(sql).fetch_all(&store.pool).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut secrets = Vec::new();
    for row in &rows {
        if let Some(field) = column(row, "field")? {
            let (revision, sealed) = (column(row, "stored_at")?, column(row, "sealed")?);
            secrets.push(ProvedSecret { field, revision, sealed });
        }
    }
    Ok(Some(ProvedForm { form_json: column(first, "form")?, secrets }))
}

/// Keeps the saved settings, unless they are kept already.
pub(crate) async fn keep_in(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let kept = sqlx::query(
        "INSERT INTO proved (id, revision, token_revision, form, saved_by_name, saved_at)
         SELECT 1, revision, token_revision, form, saved_by_name, saved_at FROM settings
         WHERE id = 1 AND form IS NOT NULL
         ON CONFLICT (id) DO UPDATE SET revision = excluded.revision,
             token_revision = excluded.token_revision, form = excluded.form,
             saved_by_name = excluded.saved_by_name, saved_at = excluded.saved_at
         WHERE proved.revision <> excluded.revision",
    )
    .execute(&mut *connection)
    .await?;
    if kept.rows_affected() == 1 {
        sqlx::query("DELETE FROM proved_secret").execute(&mut *connection).await?;
        sqlx::query(
            "INSERT INTO proved_secret (field, revision, sealed)
             SELECT field, revision, CASE WHEN field = $1 THEN sealed END FROM secret",
        )
        .bind(Field::ClientId.wire_name())
        .execute(connection)
        .await?;
    }
    Ok(())
}
