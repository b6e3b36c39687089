//! The session cookie's life: made at sign-in, hashed before it touches the database, ended by
//! sign-out, by an hour without a request, or half a day after sign-in.
//!
//! A layer of our own instead of `tower-sessions`: that one reads the ambient clock and makes ids
//! from ambient randomness, knows one end and not two, and writes a record back after a request,
//! which revives a session that another request has just ended.

use std::net::IpAddr;

use app::service::Browser;
use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, TimeDelta, Utc};

use super::Principal;
use super::cookies::Cookie;
use super::devices::Device;
use super::refused::Refused;
use crate::clock::{Randomness, random_token};
use crate::digest::hashed;
use crate::store::sessions::{self, Ended};
use crate::store::{Store, StoreError};

/// A session ends this long after its last request (NIST SP 800-63B-4, 2.2.3).
pub const IDLE_END: TimeDelta = TimeDelta::hours(1);
/// A session ends this long after sign-in: a working day, overtime included.
pub const ABSOLUTE_END: TimeDelta = TimeDelta::hours(12);
/// Requests closer together than this are noted once.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);

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
        Some(previous) => sessions::end(store, previous.as_str()).await,
        None => Ok(()),
    }
}

/// The person of a session that has not ended by `now`; `is_presence` says whether the request is
/// somebody's doing, which keeps the session alive.
///
/// # Errors
/// The database does not answer.
pub async fn resume(
    store: &Store,
    key: &SessionKey,
    now: DateTime<Utc>,
    is_presence: bool,
) -> Result<Option<Principal>, StoreError> {
    let Some(found) = sessions::find(store, key.as_str()).await? else { return Ok(None) };
    if now >= found.created_at + ABSOLUTE_END || now >= found.seen_at + IDLE_END {
        sessions::remove(store, key.as_str()).await?;
        return Ok(None);
    }
    if is_presence && now >= found.seen_at + TOUCH_EVERY {
        sessions::touch(store, key.as_str(), now).await?;
    }
    Ok(Some(found.principal))
}

/// Why nobody is known any more by a session that somebody ended; nothing where it ended by itself, or
/// never was.
///
/// # Errors
/// The database does not answer.
pub async fn refusal(
    store: &Store,
    key: &SessionKey,
    now: DateTime<Utc>,
) -> Result<Option<Refused>, StoreError> {
    let ended = sessions::how_ended(store, key.as_str(), now - ABSOLUTE_END).await?;
    Ok(ended.map(|how| match how {
        Ended::BySignOut => Refused::SessionEnded,
        Ended::ByRemoval => Refused::AccountRemoved,
    }))
}
