//! The session cookie's life: made at sign-in, hashed before it touches the database, ended by
//! sign-out, by an hour without a request, or half a day after sign-in.
//!
//! A layer of our own instead of `tower-sessions`: that one reads the ambient clock and makes ids
//! from ambient randomness, knows one end and not two, and writes a record back after a request,
//! which revives a session that another request has just ended.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use app::service::Browser;
use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::sleep;

use super::Principal;
use super::cookies::Cookie;
use super::devices::Device;
use super::refused::Refused;
use crate::clock::{Clock, Randomness, random_token};
use crate::digest::hashed;
use crate::log::one_line;
use crate::store::audit::{Action, Actor, Entry};
use crate::store::sessions::{self, Ended, Listed};
use crate::store::{Store, StoreError};

/// A session ends this long after its last request (NIST SP 800-63B-4, 2.2.3).
pub const IDLE_END: TimeDelta = TimeDelta::hours(1);
/// A session ends this long after sign-in: a working day, overtime included.
pub const ABSOLUTE_END: TimeDelta = TimeDelta::hours(12);
/// Requests closer together than this are noted once.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);
/// How long a database that was not told of a session's end is left alone, for the first time; each
/// further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How many ends of sessions are remembered that the database does not know.
const MAX_PENDING_ENDS: usize = 10_000;
/// How many of them may be of cookies that could not be looked up: while the database cannot be read, a
/// stranger can make them up.
const MAX_PENDING_UNKNOWN: usize = 1_000;

/// Who a request comes from, as far as it is known. Every request behind
/// [`recognise`](super::recognise) has one among its extensions.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person, if signed in.
    pub principal: Option<Principal>,
    /// The person's session.
    pub session: Option<SessionKey>,
    /// The address that the request came from.
    pub address: IpAddr,
    /// What the browser is known by when it comes back from a provider.
    pub browser: Browser,
    /// The device that the browser is, where an account has signed in from it before.
    pub device: Option<Device>,
}

/// What the database knows of a session's token: its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionKey(String);

impl SessionKey {
    fn of(token: &str) -> Self {
        Self(hashed(token))
    }

    /// The session's name on pages and in the audit trail.
    #[must_use]
    pub fn name(&self) -> String {
        sessions::name_of(&self.0)
    }

    /// The hash, as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The cookie by which a browser is known again.
#[derive(Debug, Clone, Copy)]
pub struct SessionCookie {
    /// Whether browsers come by https.
    pub https: bool,
}

impl SessionCookie {
    /// A new session's key, and the header that gives its token to the browser.
    pub(super) fn issue(self, randomness: &dyn Randomness) -> (SessionKey, HeaderValue) {
        let token = random_token(randomness);
        (SessionKey::of(&token), self.cookie().given(&token, ""))
    }

    /// The header that takes the token from the browser.
    #[must_use]
    pub fn removal(self) -> HeaderValue {
        self.cookie().given("", "; Max-Age=0")
    }

    /// The session that a request claims.
    pub(super) fn claimed(self, headers: &HeaderMap) -> Option<SessionKey> {
        self.cookie().brought(headers).map(SessionKey::of)
    }

    const fn cookie(self) -> Cookie {
        Cookie::of_session(self.https)
    }
}

/// Before a session begins: forgets those that are over, and ends the one that the caller had, so
/// that nobody goes on with a session from before the sign-in (session fixation).
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

/// Does work to its end even if the caller hangs up meanwhile.
async fn complete(work: impl Future<Output = bool> + Send + 'static) -> bool {
    tokio::spawn(work).await.unwrap_or_default()
}

/// The sessions of this product, and what the database could not be told of them. Copies share
/// everything.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: Store,
    clock: Arc<dyn Clock>,
    unwritten: Arc<Mutex<Unwritten>>,
}

/// What a database that takes no write, such as one on a full disk, does not know. Other processes do
/// not know it either.
#[derive(Debug, Default)]
struct Unwritten {
    /// Sessions that were ended, by their key.
    ended: HashSet<String>,
    /// When requests last came, by the session's key.
    seen: HashMap<String, DateTime<Utc>>,
}

impl Sessions {
    /// The sessions in `store`.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, unwritten: Arc::default() }
    }

    /// The person of a session that has not ended by `now`; `is_presence` says whether a person caused
    /// the request, which keeps the session alive. Only reading can fail.
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

    /// Why a session is refused that was ended on purpose; nothing where it ended by itself, or never
    /// was.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn refusal(
        &self,
        key: &SessionKey,
        now: DateTime<Utc>,
    ) -> Result<Option<Refused>, StoreError> {
        if self.unwritten().ended.contains(key.as_str()) {
            return Ok(Some(Refused::SessionEnded));
        }
        let ended = sessions::how_ended(&self.store, key.as_str(), now - ABSOLUTE_END).await?;
        Ok(ended.map(|how| match how {
            Ended::BySignOut => Refused::SessionEnded,
            Ended::ByRemoval => Refused::AccountRemoved,
        }))
    }

    /// The sessions that have not ended by `now`, of one person or of all, latest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list(
        &self,
        person: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Listed>, StoreError> {
        let (created_after, seen_after) = (now - ABSOLUTE_END, now - IDLE_END);
        let mut found = sessions::list(&self.store, person, created_after, seen_after).await?;
        found.retain(|session| !self.unwritten().ended.contains(&session.token_hash));
        Ok(found)
    }

    /// Ends sessions of a list, each with its audit row, and returns whether the database knows of all.
    pub(super) async fn end_listed(&self, listed: Vec<Listed>, by: &Actor) -> bool {
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

    /// Ends a session, with its audit row. This process refuses the session from now on; if the
    /// database cannot be written, the write is tried again in the background until it works.
    pub(super) async fn end(&self, key: &SessionKey, entry: Entry, is_known: bool) {
        let most = if is_known { MAX_PENDING_ENDS } else { MAX_PENDING_UNKNOWN };
        complete(self.clone().end_and_record(key.clone(), entry, most)).await;
    }

    /// Whether the database knows of the end.
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

    /// Refuses a session from now on, unless as many are refused already. False if it was refused
    /// before, or is not now.
    fn refuse(&self, key: &SessionKey, most: usize) -> bool {
        let ended = &mut self.unwritten().ended;
        ended.len() < most && ended.insert(key.as_str().to_owned())
    }

    /// Tells the database of a session's end, as long as the session would have lasted at most.
    async fn write_end(self, key: SessionKey, entry: Entry) {
        let mut pause = FIRST_PAUSE;
        while self.clock.now() < entry.at + ABSOLUTE_END {
            sleep(pause).await;
            if sessions::end(&self.store, key.as_str(), entry.at, Some(&entry)).await.is_ok() {
                tracing::info!(session = key.name(), "the end of a session was written");
                break;
            }
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
        self.forget(&key);
    }

    async fn touch(&self, key: &SessionKey, now: DateTime<Utc>) {
        match sessions::touch(&self.store, key.as_str(), now).await {
            Ok(()) => {
                self.unwritten().seen.remove(key.as_str());
            }
            Err(error) => {
                tracing::warn!(error = one_line(&error), "a session could not be kept alive");
                self.unwritten().seen.insert(key.as_str().to_owned(), now);
            }
        }
    }

    /// Removes a session that ended by itself; the next one that begins does so too.
    async fn remove(&self, key: &SessionKey) {
        self.forget(key);
        if let Err(error) = sessions::remove(&self.store, key.as_str()).await {
            tracing::warn!(error = one_line(&error), "a session that is over could not be removed");
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
