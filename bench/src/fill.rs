//! Fills the outbox with messages that wait for their next attempt.

use anyhow::Result;
use sqlx::any::install_default_drivers;
use sqlx::{AnyConnection, Connection};

/// The octets of each sealed body.
const BODY: [u8; 512] = [0; 512];
/// When they were accepted and are attempted next, in milliseconds since 1970: 2026 and 2100.
const ACCEPTED_AT: i64 = 1_767_225_600_000;
const DUE_AT: i64 = 4_102_444_800_000;

/// Inserts so many messages in one transaction, and returns their number.
pub async fn fill(database_url: &str, messages: u32) -> Result<f64> {
    install_default_drivers();
    let mut connection = AnyConnection::connect(database_url).await?;
    let mut transaction = connection.begin().await?;
    sqlx::query(
        "WITH RECURSIVE number (n) AS
             (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM number WHERE n < $1)
         INSERT INTO message (id, application, application_name, message_id, sender, subject, size,
             sends_again, is_notice, accepted_at, expires_at, due_at, attempt, failures)
         SELECT 'waiting-' || n, 'other', 'Other', '<' || n || '@example.com>',
             'noreply@example.com', $2, 400, 0, 0, $3, $4, $4, 1, 1 FROM number",
    )
    .bind(i64::from(messages))
    .bind(&BODY[..64])
    .bind(ACCEPTED_AT)
    .bind(DUE_AT)
    .execute(&mut *transaction)
    .await?;
    sqlx::query("INSERT INTO message_body (id, sealed) SELECT id, $1 FROM message")
        .bind(&BODY[..])
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO recipient (message, position, address, state, changed_at)
         SELECT ordinal, 0, id || '@example.org', 'waiting', accepted_at FROM message",
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    if database_url.starts_with("postgres") {
        // What autovacuum does a minute later.
        sqlx::query("ANALYZE").execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(f64::from(messages))
}
