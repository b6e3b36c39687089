//! The one token, sealed. Obtained in one transaction with the settings that it is for, renewed
//! under a lease by whoever holds it, deleted by the next save. Whoever comes too late changes
//! nothing: each writing statement names the grant and the generation that it read.

use chrono::{DateTime, Utc};
use domain::token::Setback;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::audit::{self, Entry};
use super::{Store, StoreError, hold_settings, instant, json, millis};

/// The token as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// Names what was consented to; the same over all renewals.
    pub grant: String,
    /// Counts the renewals.
    pub generation: i64,
    /// What the vault made of the token, or tokens.
    pub sealed: SealedTokens,
    /// Since when there is this access token.
    pub obtained_at: DateTime<Utc>,
    /// From when on it is no longer good.
    pub expires_at: DateTime<Utc>,
    /// Until when it can be renewed.
    pub ends: Ends,
    /// How many tries to renew it have failed in a row.
    pub failures: i64,
    /// When the last of them was made.
    pub tried_at: Option<DateTime<Utc>>,
    /// When the next is due.
    pub next_try_at: Option<DateTime<Utc>>,
    /// Why the last failed.
    pub setback: Option<Setback>,
    /// Whether the provider said that the grant is gone.
    pub is_gone: bool,
}

/// Until when a token can be renewed, where the provider says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ends {
    /// When the refresh token ends if it is not used.
    pub refresh: Option<DateTime<Utc>>,
    /// When the grant ends, however often the token is renewed.
    pub grant: Option<DateTime<Utc>>,
}

/// The generation that a renewal has brought.
#[derive(Debug, Clone, Copy)]
pub struct Renewed<'a> {
    /// What the vault made of it.
    pub sealed: &'a SealedTokens,
    /// Since when there is this access token.
    pub obtained_at: DateTime<Utc>,
    /// From when on it is no longer good.
    pub expires_at: DateTime<Utc>,
    /// Until when it can be renewed.
    pub ends: Ends,
    /// Why it is of no use, and how many tries in a row have come to that.
    pub failure: Option<(FailedTry<'a>, i64)>,
}

/// What an answer of a Token Endpoint leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedTokens {
    /// The access token.
    pub access: Vec<u8>,
    /// The refresh token, where there is one.
    pub refresh: Option<Vec<u8>>,
    /// How client id and secret went, by its wire name.
    pub client_auth: String,
    /// The scope that was granted, where the answer named it.
    pub granted_scope: Option<String>,
}

/// Who renews which token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease<'a> {
    /// The token's grant.
    pub grant: &'a str,
    /// The generation that is renewed.
    pub generation: i64,
    /// A name that nobody else has.
    pub owner: &'a str,
}

/// A try to renew that failed.
#[derive(Debug, Clone, Copy)]
pub struct FailedTry<'a> {
    /// Why.
    pub setback: &'a Setback,
    /// When.
    pub at: DateTime<Utc>,
    /// When the next is due; nothing where there is none because the grant is gone.
    pub next_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "grant_id, generation, access, refresh, client_auth, granted_scope, \
                       obtained_at, expires_at, refresh_expires_at, grant_expires_at, \
                       failures, tried_at, next_try_at, setback, is_gone";

/// The token, if there is one.
///
/// # Errors
/// The database does not answer.
pub async fn load(store: &Store) -> Result<Option<StoredToken>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM token WHERE id = 1");
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&store.pool).await?;
    row.map(|row| token(&row)).transpose()
}

/// Deletes the token within a transaction, and returns it as it was at the end.
pub(super) async fn delete_in(
    connection: &mut AnyConnection,
) -> Result<Option<StoredToken>, StoreError> {
    let sql = format!("DELETE FROM token RETURNING {COLUMNS}");
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(connection).await?;
    row.map(|row| token(&row)).transpose()
}

/// What became of a token that was to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is stored, in place of this one.
    Stored(Option<Box<StoredToken>>),
    /// The settings were saved since; nothing was changed.
    OutOfDate,
}

/// Stores a token obtained for the settings of this revision, in place of any other, with its audit
/// row.
///
/// # Errors
/// The database does not answer.
pub async fn put(
    store: &Store,
    revision: i64,
    token: &StoredToken,
    entry: &Entry,
) -> Result<Put, StoreError> {
    let mut transaction = store.begin_write().await?;
    if !hold_settings(&mut transaction, revision).await? {
        return Ok(Put::OutOfDate);
    }
    let before = delete_in(&mut transaction).await?;
    sqlx::query(
        "INSERT INTO token (id, grant_id, generation, access, refresh, client_auth, granted_scope,
                            obtained_at, expires_at, refresh_expires_at, grant_expires_at)
         VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&token.grant)
    .bind(token.generation)
    .bind(token.sealed.access.as_slice())
    .bind(token.sealed.refresh.as_deref())
    .bind(&token.sealed.client_auth)
    .bind(&token.sealed.granted_scope)
    .bind(millis(token.obtained_at))
    .bind(millis(token.expires_at))
    .bind(token.ends.refresh.map(millis))
    .bind(token.ends.grant.map(millis))
    .execute(&mut *transaction)
    .await?;
    audit::record_in(&mut transaction, entry).await?;
    transaction.commit().await?;
    Ok(Put::Stored(before.map(Box::new)))
}

/// Takes the right to renew a token until an instant. False where somebody else has it, or the
/// token is another one by now. A lease that would outlive `longest` was taken by another clock, and
/// is over.
///
/// # Errors
/// The database does not answer.
pub async fn lease(
    store: &Store,
    lease: Lease<'_>,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    longest: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let leased = sqlx::query(
        "UPDATE token SET lease_owner = $3, lease_until = $5
         WHERE grant_id = $1 AND generation = $2 AND is_gone = 0
           AND (lease_until IS NULL OR lease_until <= $4 OR lease_until > $6)",
    )
    .bind(lease.grant)
    .bind(lease.generation)
    .bind(lease.owner)
    .bind(millis(now))
    .bind(millis(until))
    .bind(millis(longest))
    .execute(&store.pool)
    .await?;
    Ok(leased.rows_affected() == 1)
}

/// Stores the generation after this one. False, and nothing changed, where the token was deleted or
/// replaced meanwhile, or another has stored it. Whose lease it is does not matter: of two who asked,
/// the first with a good answer is right, and the other's refusal then changes nothing.
///
/// # Errors
/// The database does not answer.
pub async fn renewed(
    store: &Store,
    lease: Lease<'_>,
    renewed: Renewed<'_>,
) -> Result<bool, StoreError> {
    let Renewed { sealed, obtained_at, expires_at, ends, failure } = renewed;
    let (failure, failures) = failure.unzip();
    let stored = sqlx::query(
        "UPDATE token SET generation = generation + 1, access = $3, refresh = $4, client_auth = $5,
                granted_scope = $6, obtained_at = $7, expires_at = $8, refresh_expires_at = $9,
                grant_expires_at = $10, lease_owner = NULL, lease_until = NULL, failures = $11,
                tried_at = $12, next_try_at = $13, setback = $14, is_gone = 0
         WHERE grant_id = $1 AND generation = $2",
    )
    .bind(lease.grant)
    .bind(lease.generation)
    .bind(sealed.access.as_slice())
    .bind(sealed.refresh.as_deref())
    .bind(&sealed.client_auth)
    .bind(&sealed.granted_scope)
    .bind(millis(obtained_at))
    .bind(millis(expires_at))
    .bind(ends.refresh.map(millis))
    .bind(ends.grant.map(millis))
    .bind(failures.unwrap_or(0))
    .bind(failure.map(|failure| millis(failure.at)))
    .bind(failure.and_then(|failure| failure.next_at).map(millis))
    .bind(failure.map(|failure| json(failure.setback)))
    .execute(&store.pool)
    .await?;
    Ok(stored.rows_affected() == 1)
}

/// Notes a try that failed, gives the lease back, and with a grant that is gone writes the audit row.
/// False, and nothing changed, where the token is another one or the lease is somebody else's by now.
///
/// # Errors
/// The database does not answer.
pub async fn failed(
    store: &Store,
    lease: Lease<'_>,
    failure: FailedTry<'_>,
    entry: Option<&Entry>,
) -> Result<bool, StoreError> {
    let mut transaction = store.begin_write().await?;
    let noted = sqlx::query(
        "UPDATE token SET failures = failures + 1, tried_at = $4, next_try_at = $5, setback = $6,
                is_gone = $7, lease_owner = NULL, lease_until = NULL
         WHERE grant_id = $1 AND generation = $2 AND lease_owner = $3",
    )
    .bind(lease.grant)
    .bind(lease.generation)
    .bind(lease.owner)
    .bind(millis(failure.at))
    .bind(failure.next_at.map(millis))
    .bind(json(failure.setback))
    .bind(i64::from(failure.next_at.is_none()))
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if noted == 0 {
        return Ok(false);
    }
    if let Some(entry) = entry {
        audit::record_in(&mut transaction, entry).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

fn token(row: &AnyRow) -> Result<StoredToken, StoreError> {
    let setback: Option<String> = row.try_get("setback")?;
    let moment = |name| -> Result<Option<DateTime<Utc>>, StoreError> {
        row.try_get::<Option<i64>, _>(name)?.map(instant).transpose()
    };
    Ok(StoredToken {
        grant: row.try_get("grant_id")?,
        generation: row.try_get("generation")?,
        sealed: SealedTokens {
            access: row.try_get("access")?,
            refresh: row.try_get("refresh")?,
            client_auth: row.try_get("client_auth")?,
            granted_scope: row.try_get("granted_scope")?,
        },
        obtained_at: instant(row.try_get("obtained_at")?)?,
        expires_at: instant(row.try_get("expires_at")?)?,
        ends: Ends { refresh: moment("refresh_expires_at")?, grant: moment("grant_expires_at")? },
        failures: row.try_get("failures")?,
        tried_at: moment("tried_at")?,
        next_try_at: moment("next_try_at")?,
        setback: setback
            .map(|json| serde_json::from_str(&json))
            .transpose()
            .map_err(|_| StoreError::Unknown("setback of a token"))?,
        is_gone: row.try_get::<i64, _>("is_gone")? != 0,
    })
}
