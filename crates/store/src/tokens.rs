//! The one token, sealed. It is stored under a lock of the settings that it is for, refreshed under
//! a lease, and deleted by the next save that
//! changes what it depends on. Each writing statement names the grant and the generation
//! that it read (optimistic lock), so that a late one changes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use domain::token::OauthFailure;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::audit::{self, Entry};
use crate::columns::{columns, json, millis};
use crate::error::StoreError;
use crate::health;
use crate::pool::Store;

/// The stored token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredToken {
    /// The id of the grant, the same over all refreshes.
    pub grant: String,
    /// Counts the refreshes.
    pub generation: i64,
    /// The sealed tokens.
    pub sealed: SealedTokens,
    /// When the grant began; unknown for a token of an earlier version.
    pub granted_at: Option<DateTime<Utc>>,
    /// When the access token was obtained.
    pub obtained_at: DateTime<Utc>,
    /// When the access token expires.
    pub expires_at: DateTime<Utc>,
    /// Until when it can be refreshed.
    pub ends: Ends,
    /// The number of consecutive failed refreshes.
    pub failures: i64,
    /// When the last of them was made.
    pub tried_at: Option<DateTime<Utc>>,
    /// When the next refresh is due.
    pub next_try_at: Option<DateTime<Utc>>,
    /// Why the last refresh failed.
    pub failure: Option<OauthFailure>,
    /// Whether the provider said that the grant is gone.
    pub is_gone: bool,
}

columns!(StoredToken {
    grant = "grant_id", generation, sealed: SealedTokens, granted_at, obtained_at, expires_at, ends: Ends,
    failures, tried_at, next_try_at, failure = "setback", is_gone,
});

/// Until when a token can be refreshed, if the provider says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ends {
    /// When an unused refresh token expires.
    pub refresh: Option<DateTime<Utc>>,
    /// When the grant expires, regardless of refreshes.
    pub grant: Option<DateTime<Utc>>,
}

columns!(Ends { refresh = "refresh_expires_at", grant = "grant_expires_at" });

/// The next generation, the result of a refresh.
#[derive(Debug, Clone, Copy)]
pub struct Renewed<'a> {
    /// The sealed tokens.
    pub sealed: &'a SealedTokens,
    /// When the access token was obtained.
    pub obtained_at: DateTime<Utc>,
    /// When the access token expires.
    pub expires_at: DateTime<Utc>,
    /// Until when it can be refreshed.
    pub ends: Ends,
    /// Why it is unusable, and the number of consecutive refreshes with that result.
    pub failure: Option<(FailedTry<'a>, i64)>,
}

/// The sealed parts of a token response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SealedTokens {
    /// The access token.
    pub access: Vec<u8>,
    /// The refresh token, if there is one.
    pub refresh: Option<Vec<u8>>,
    /// The client authentication method, by its wire name.
    pub client_auth: String,
    /// The granted scope, if the response named it.
    pub granted_scope: Option<String>,
}

columns!(SealedTokens { access, refresh, client_auth, granted_scope });

/// The lease to refresh a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease<'a> {
    /// The token's grant.
    pub grant: &'a str,
    /// The generation that is refreshed.
    pub generation: i64,
    /// The unique name of the holder.
    pub owner: &'a str,
}

/// A failed refresh.
#[derive(Debug, Clone, Copy)]
pub struct FailedTry<'a> {
    /// The reason.
    pub failure: &'a OauthFailure,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// When the next refresh is due; `None` if the grant is gone.
    pub next_at: Option<DateTime<Utc>>,
}

/// A grant that is gone.
#[derive(Debug, Clone, Copy)]
pub struct Gone<'a> {
    /// The audit row.
    pub entry: &'a Entry,
    /// How long a grant lasts, if its end has shown that.
    pub lifetime: Option<TimeDelta>,
}

/// Returns the token, if there is one.
pub async fn load(store: &Store) -> Result<Option<StoredToken>, StoreError> {
    let sql = format!("SELECT {} FROM token WHERE id = 1", StoredToken::columns());
    Ok(sqlx::query_as(AssertSqlSafe(sql)).fetch_optional(&store.pool).await?)
}

/// Deletes the token within a transaction, and returns it.
pub(super) async fn delete_in(
    connection: &mut AnyConnection,
) -> Result<Option<StoredToken>, StoreError> {
    let sql = format!("DELETE FROM token RETURNING {}", StoredToken::columns());
    Ok(sqlx::query_as(AssertSqlSafe(sql)).fetch_optional(connection).await?)
}

/// The result of storing a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// It is stored, in place of this one.
    Stored(Option<Box<StoredToken>>),
    /// The settings were changed since; nothing was stored.
    OutOfDate,
}

/// Stores a token obtained for the settings of this token revision, in place of any other, with its
/// audit row.
pub async fn put(
    store: &Store,
    token_revision: i64,
    token: &StoredToken,
    entry: &Entry,
) -> Result<PutOutcome, StoreError> {
    let Some(mut transaction) = store.begin_write_for_token(token_revision).await? else {
        return Ok(PutOutcome::OutOfDate);
    };
    let before = delete_in(&mut transaction).await?;
    sqlx::query(
        "INSERT INTO token (id, grant_id, generation, access, refresh, client_auth, granted_scope,
                            obtained_at, expires_at, refresh_expires_at, grant_expires_at, granted_at)
         VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $7)",
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
    health::token_obtained_in(&mut transaction, token.obtained_at).await?;
    audit::record_in(&mut transaction, entry).await?;
    transaction.commit().await?;
    Ok(PutOutcome::Stored(before.map(Box::new)))
}

/// Takes the lease to refresh a token until an instant. False if another holder has it, or the
/// token is another one by now. A lease beyond `longest` is from another clock, and is ignored.
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

/// Stores the next generation. False, and nothing changed, if the token was deleted, replaced or
/// refreshed meanwhile. The holder of the lease is not compared: of two concurrent refreshes the
/// first success counts, and the other's failure changes nothing.
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
    .bind(failure.map(|failure| json(failure.failure)))
    .execute(&store.pool)
    .await?;
    Ok(stored.rows_affected() == 1)
}

/// Records a failed refresh and releases the lease, with what the end of a grant leaves behind.
/// False, and nothing changed, if the token is another one or the lease another holder's by now.
pub async fn failed(
    store: &Store,
    lease: Lease<'_>,
    failure: FailedTry<'_>,
    gone: Option<Gone<'_>>,
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
    .bind(json(failure.failure))
    .bind(i64::from(failure.next_at.is_none()))
    .execute(&mut *transaction)
    .await?;
    if let Some(lifetime) = gone.and_then(|gone| gone.lifetime) {
        health::learn_grant_lifetime_in(&mut transaction, lifetime).await?;
    }
    audit::commit_if_changed(transaction, &noted, gone.map(|gone| gone.entry)).await
}
