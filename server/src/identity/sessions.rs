//! The life cycle of sessions: they begin at sign-in and end by sign-out, after an hour without a
//! request, or half a day after sign-in. The database holds a hash of the token only.
//!
//! It replaces `tower-sessions`, which reads the ambient clock, makes ids from ambient randomness,
//! has one expiry instead of two, and writes a record back after a request, which revives a session
//! that a concurrent request has ended.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{net::IpAddr, time::Duration};

use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, TimeDelta, Utc};
use contract::{ApiCode, ConsentBinding};
use domain::error::one_line;
use store::audit::{Action, Actor, Entry};
use store::sessions::{self, SessionEnd, SessionSummary};
use store::{Store, StoreError, hash::hashed};
use tokio::time::sleep;
use vault::clock::{Clock, Randomness, random_token};

use super::{Principal, devices::Device};
use crate::cookies::Cookie;

/// The idle timeout: a session ends this long after its last request (NIST SP 800-63B-4, 2.2.3).
pub const IDLE_END: TimeDelta = TimeDelta::hours(1);
/// The absolute timeout after sign-in: a working day, overtime included.
pub const ABSOLUTE_END: TimeDelta = TimeDelta::hours(12);
/// The shortest interval between two writes of a session's last request.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);
/// The first back-off after a failed write of a session's end; each further one is twice as long.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
/// The longest back-off.
const MAX_BACK_OFF: Duration = Duration::from_mins(1);
/// The maximum number of session ends that are in memory because they could not be written.
const MAX_PENDING_ENDS: usize = 10_000;
/// How many of them may be of cookies that could not be looked up: while the database cannot be
/// read, a client can fabricate them.
const MAX_PENDING_UNKNOWN: usize = 1_000;

/// The caller of a request. Every request behind [`authenticate`](crate::web::authenticate) has one
/// among its extensions.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user, if signed in.
    pub principal: Option<Principal>,
    /// The user's session.
    pub session: Option<SessionKey>,
    /// The client's address.
    pub address: IpAddr,
    /// What identifies the browser on a provider's callback.
    pub browser: ConsentBinding,
    /// The browser's device, if an account has signed in from it before.
    pub device: Option<Device>,
}

/// The SHA-256 of a session's token, as stored in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionKey(String);

impl SessionKey {
    fn of(token: &str) -> Self {
        Self(hashed(token))
    }

    /// Returns the session's name on pages and in the audit trail.
    pub fn name(&self) -> String {
        sessions::name_of(&self.0)
    }

    /// Returns the hash, as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The session cookie.
#[derive(Debug, Clone, Copy)]
pub struct SessionCookie {
    /// Whether the site is served over HTTPS.
    pub https: bool,
}

impl SessionCookie {
    /// Creates a token; returns its key and the `Set-Cookie` header.
    pub(super) fn issue(self, randomness: &dyn Randomness) -> (SessionKey, HeaderValue) {
        let token = random_token(randomness);
        (SessionKey::of(&token), self.cookie().given(&token, ""))
    }

    /// Returns the `Set-Cookie` header that removes the cookie.
    pub fn removal(self) -> HeaderValue {
        self.cookie().given("", "; Max-Age=0")
    }

    /// Returns the session key of a request's cookie, which is not checked yet.
    pub(crate) fn claimed(self, headers: &HeaderMap) -> Option<SessionKey> {
        self.cookie().brought(headers).map(SessionKey::of)
    }

    const fn cookie(self) -> Cookie {
        Cookie::of_session(self.https)
    }
}

/// Prepares for a new session: deletes expired ones and ends the caller's previous one, which must
/// not outlive the sign-in (session fixation).
pub(super) async fn make_room(
    store: &Store,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sessions::remove_ended(store, now - ABSOLUTE_END, now - IDLE_END).await?;
    match &caller.session {
        Some(previous) => sessions::end(store, previous.as_str(), now, None).await,
        None => Ok(()),
    }
}

/// Runs work to completion even if the client disconnects.
async fn complete(work: impl Future<Output = bool> + Send + 'static) -> bool {
    tokio::spawn(work).await.unwrap_or_default()
}

/// The sessions, and the changes that could not be written to the database. Clones share
/// everything.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: Store,
    clock: Arc<dyn Clock>,
    unwritten: Arc<Mutex<Unwritten>>,
}

/// Changes that could not be written to the database, such as on a full disk. Other processes do
/// not have them either.
#[derive(Debug, Default)]
struct Unwritten {
    /// The keys of sessions that were ended.
    ended: HashSet<String>,
    /// The time of the last request, by the session's key.
    seen: HashMap<String, DateTime<Utc>>,
}

impl Sessions {
    /// Creates the service over `store`.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, unwritten: Arc::default() }
    }

    /// Returns the user of a session that has not ended by `now`; `is_presence` says whether a user
    /// caused the request, which resets the idle timeout. Only reading can fail.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn resume(
        &self,
        key: &SessionKey,
        now: DateTime<Utc>,
        is_presence: bool,
    ) -> Result<Option<Principal>, StoreError> {
        if self.unwritten().ended.contains(key.as_str()) {
            return Ok(None);
        }
        let Some(found) = sessions::find(&self.store, key.as_str()).await? else { return Ok(None) };
        let unwritten = self.unwritten().seen.get(key.as_str()).copied();
        let seen_at = unwritten.map_or(found.seen_at, |seen_at| seen_at.max(found.seen_at));
        if now >= found.created_at + ABSOLUTE_END || now >= seen_at + IDLE_END {
            self.remove(key).await;
            return Ok(None);
        }
        if is_presence && now >= seen_at + TOUCH_EVERY {
            self.touch(key, now).await;
        }
        Ok(Some(found.principal))
    }

    /// Returns why a session was ended explicitly; `None` if it expired or never existed.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn refusal(
        &self,
        key: &SessionKey,
        now: DateTime<Utc>,
    ) -> Result<Option<ApiCode>, StoreError> {
        if self.unwritten().ended.contains(key.as_str()) {
            return Ok(Some(ApiCode::SessionEnded));
        }
        let ended = sessions::how_ended(&self.store, key.as_str(), now - ABSOLUTE_END).await?;
        Ok(ended.map(|how| match how {
            SessionEnd::BySignOut => ApiCode::SessionEnded,
            SessionEnd::ByRemoval => ApiCode::AccountRemoved,
        }))
    }

    /// Lists the sessions that have not ended by `now`, of one user or of all, latest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list(
        &self,
        person: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionSummary>, StoreError> {
        let (created_after, seen_after) = (now - ABSOLUTE_END, now - IDLE_END);
        let mut found = sessions::list(&self.store, person, created_after, seen_after).await?;
        found.retain(|session| !self.unwritten().ended.contains(&session.token_hash));
        Ok(found)
    }

    /// Ends the listed sessions, each with an audit row. Returns whether every end was written.
    pub(super) async fn end_listed(&self, listed: Vec<SessionSummary>, by: &Actor) -> bool {
        let (sessions, by) = (self.clone(), by.clone());
        complete(async move {
            let mut is_written = true;
            for session in listed {
                let whose = Actor::from(&session.found.principal).email;
                let detail = Some(format!("{whose} ({})", session.name()));
                let entry = Entry::new(sessions.clock.now(), by.clone(), Action::SessionEnded);
                let entry = Entry { detail, ..entry };
                let key = SessionKey(session.token_hash);
                is_written &= sessions.clone().end_and_record(key, entry, MAX_PENDING_ENDS).await;
            }
            is_written
        })
        .await
    }

    /// Ends a session, with an audit row. This process rejects the session from now on; a failed
    /// write is retried in the background.
    pub(super) async fn end(&self, key: &SessionKey, entry: Entry, is_known: bool) {
        let most = if is_known { MAX_PENDING_ENDS } else { MAX_PENDING_UNKNOWN };
        complete(self.clone().end_and_record(key.clone(), entry, most)).await;
    }

    /// Ends a session. Returns whether the end was written.
    async fn end_and_record(self, key: SessionKey, entry: Entry, most: usize) -> bool {
        let is_new = self.refuse(&key, most);
        let Err(error) = sessions::end(&self.store, key.as_str(), entry.at, Some(&entry)).await
        else {
            self.forget(&key);
            return true;
        };
        tracing::error!(
            error = one_line(&error),
            session = key.name(),
            "the end of a session could not be written to the database"
        );
        if is_new {
            tokio::spawn(self.write_end(key, entry));
        }
        false
    }

    /// Rejects a session from now on, unless `most` are rejected already. False if it was rejected
    /// before, or is not now.
    fn refuse(&self, key: &SessionKey, most: usize) -> bool {
        let ended = &mut self.unwritten().ended;
        ended.len() < most && ended.insert(key.as_str().to_owned())
    }

    /// Retries the write of a session's end for as long as the session can have lasted.
    async fn write_end(self, key: SessionKey, entry: Entry) {
        let mut back_off = FIRST_BACK_OFF;
        while self.clock.now() < entry.at + ABSOLUTE_END {
            sleep(back_off).await;
            if sessions::end(&self.store, key.as_str(), entry.at, Some(&entry)).await.is_ok() {
                tracing::info!(session = key.name(), "the end of a session was written");
                break;
            }
            back_off = (2 * back_off).min(MAX_BACK_OFF);
        }
        self.forget(&key);
    }

    async fn touch(&self, key: &SessionKey, now: DateTime<Utc>) {
        match sessions::touch(&self.store, key.as_str(), now).await {
            Ok(()) => {
                self.unwritten().seen.remove(key.as_str());
            }
            Err(error) => {
                tracing::warn!(
                    error = one_line(&error),
                    "the last use of a session could not be stored"
                );
                self.unwritten().seen.insert(key.as_str().to_owned(), now);
            }
        }
    }

    /// Deletes an expired session; if this fails, the next sign-in deletes it.
    async fn remove(&self, key: &SessionKey) {
        self.forget(key);
        if let Err(error) = sessions::remove(&self.store, key.as_str()).await {
            tracing::warn!(error = one_line(&error), "an expired session could not be removed");
        }
    }

    fn forget(&self, key: &SessionKey) {
        let mut unwritten = self.unwritten();
        unwritten.ended.remove(key.as_str());
        unwritten.seen.remove(key.as_str());
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
