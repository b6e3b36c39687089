//! What the mail server of the saved settings offers. It is unknown until the first session with
//! these settings.

use sqlx::any::AnyRow;

use crate::columns::column;
use crate::error::StoreError;
use crate::pool::Store;

/// The extensions in a response to EHLO that decide which messages can be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerCapabilities {
    /// The largest message in octets; `None` without a limit (SIZE, RFC 1870).
    pub max_size: Option<i64>,
    /// 8BITMIME (RFC 6152).
    pub eight_bit: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
}

/// Returns what the mail server of the saved settings offered last; `None` if that is unknown.
pub async fn load(store: &Store) -> Result<Option<ServerCapabilities>, StoreError> {
    let sql = "SELECT max_size, eight_bit, smtputf8 FROM server_capabilities
               JOIN settings ON settings.token_revision = server_capabilities.token_revision
               WHERE settings.id = 1";
    let row = sqlx::query(sql).fetch_optional(&store.pool).await?;
    row.map(|row| from_row(&row)).transpose()
}

/// Records what the mail server of the settings with this token revision has offered, if that is new.
pub async fn record(
    store: &Store,
    token_revision: i64,
    offered: ServerCapabilities,
) -> Result<(), StoreError> {
    let sql = "SELECT max_size, eight_bit, smtputf8 FROM server_capabilities
               WHERE token_revision = $1";
    let row = sqlx::query(sql).bind(token_revision).fetch_optional(&store.pool).await?;
    if row.map(|row| from_row(&row)).transpose()? == Some(offered) {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO server_capabilities (id, token_revision, max_size, eight_bit, smtputf8)
         VALUES (1, $1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET token_revision = $1, max_size = $2, eight_bit = $3,
                smtputf8 = $4
         WHERE server_capabilities.token_revision <= $1",
    )
    .bind(token_revision)
    .bind(offered.max_size)
    .bind(i64::from(offered.eight_bit))
    .bind(i64::from(offered.smtputf8))
    .execute(&store.pool)
    .await?;
    Ok(())
}

fn from_row(row: &AnyRow) -> Result<ServerCapabilities, StoreError> {
    Ok(ServerCapabilities {
        max_size: column(row, "max_size")?,
        eight_bit: column(row, "eight_bit")?,
        smtputf8: column(row, "smtputf8")?,
    })
}
