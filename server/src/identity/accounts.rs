//! Accounts of our own: signing in, signing out, and who may at all. One answer for a wrong
//! address and a wrong password, in words and in time.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use chrono::TimeDelta;
use domain::check::text::is_unsafe_in_one_line;
use secrecy::SecretString;

use super::limits::{self, Verdict};
use super::passwords::{self, HashError, PasswordRule, Passwords};
use super::sessions::{self, Caller, SessionCookie};
use super::{Principal, Role};
use crate::clock::{Clock, Randomness, random_id};
use crate::digest::hashed;
use crate::store::audit::{self, Action, Actor, Entry};
use crate::store::people::{self, Added, Person};
use crate::store::{Store, StoreError, set_up, sign_ins};

/// The longest address that is looked at or kept, in characters.
const MAX_EMAIL: usize = 254;

/// The accounts in the database.
#[derive(Debug, Clone)]
pub struct Accounts {
    store: Store,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    passwords: Passwords,
    cookie: SessionCookie,
}

/// A sign-in that succeeded.
#[derive(Debug)]
pub struct SignedIn {
    /// Who it is.
    pub principal: Principal,
    /// The `Set-Cookie` header that makes the browser known.
    pub cookie: HeaderValue,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Address or password, and nobody learns which.
    #[error("the address or the password is wrong")]
    Wrong,
    /// Nothing was looked at.
    #[error("too many attempts failed")]
    TooMany {
        /// How long to wait before the next attempt.
        retry_after: Duration,
    },
    /// It could not be looked at.
    #[error("the account could not be looked up")]
    Store(#[from] StoreError),
    /// The password could not be compared.
    #[error("the password could not be compared")]
    Hash(#[from] HashError),
}

/// Why no account was made or changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum AccountError {
    #[error("{0} is not an e-mail address")]
    Email(String),
    #[error("a name needs 1 to 254 characters, and no control characters")]
    Name,
    #[error("{0} has an account already")]
    EmailTaken(String),
    #[error("{0} has no account")]
    Unknown(String),
    #[error(transparent)]
    Password(#[from] PasswordRule),
    #[error("the accounts could not be changed")]
    Store(#[from] StoreError),
    #[error("the password could not be hashed")]
    Hash(#[from] HashError),
}

/// Why nobody became the first administrator.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The ticket does not work, or no longer.
    #[error("the link does not work, or no longer")]
    LinkOver,
    /// Address, name or password cannot be taken, or the database does not answer.
    #[error(transparent)]
    Account(#[from] AccountError),
}

/// How long the link of the first start works.
const SET_UP_WITHIN: TimeDelta = TimeDelta::minutes(10);

impl Accounts {
    /// The accounts in `store`; `https` says how browsers come.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        https: bool,
    ) -> Self {
        Self {
            store,
            clock,
            randomness,
            passwords: Passwords::default(),
            cookie: SessionCookie { https },
        }
    }

    /// The cookie by which a browser is known again.
    #[must_use]
    pub fn cookie(&self) -> SessionCookie {
        self.cookie
    }

    /// Signs somebody in: a new session, and the end of the one that the caller had.
    ///
    /// # Errors
    /// Wrong, too many attempts, or the database does not answer.
    pub async fn sign_in(
        &self,
        email: &str,
        password: SecretString,
        caller: &Caller,
    ) -> Result<SignedIn, SignInError> {
        let (account, address) = (limits::account_key(email), limits::address_key(caller.address));
        self.wait_for_turn(&account, &address).await?;

        let person = people::by_email(&self.store, email).await?;
        let hash = person.as_ref().map(|person| person.password_hash.clone());
        let is_right = self.passwords.is_right(password, hash).await?;
        let known = person.as_ref().map(|person| person.email.clone());
        let Some(person) = person.filter(|_| is_right) else {
            // What belongs to nobody is not kept: people also type passwords there.
            self.note(Actor::nobody(), Action::SignInFailed, known).await?;
            return Err(SignInError::Wrong);
        };

        sign_ins::forgive(&self.store, &account, &address).await?;
        let principal = person.principal();
        let hash = &person.password_hash;
        let Some(cookie) = self.begin_session(&principal, hash, caller).await? else {
            return Err(SignInError::Wrong);
        };
        self.note(Actor::from(&principal), Action::SignedIn, None).await?;
        Ok(SignedIn { principal, cookie })
    }

    /// Ends the caller's session, and returns the `Set-Cookie` header that makes the browser forget it.
    ///
    /// # Errors
    /// The database does not answer; the session has not ended.
    pub async fn sign_out(&self, caller: &Caller) -> Result<HeaderValue, StoreError> {
        if let (Some(key), Some(principal)) = (&caller.session, &caller.principal) {
            crate::store::sessions::end(&self.store, key.as_str()).await?;
            self.note(Actor::from(principal), Action::SignedOut, principal.issuer.clone()).await?;
        }
        Ok(self.cookie.removal())
    }

    /// Makes an account.
    ///
    /// # Errors
    /// Address, name or password cannot be taken, or the database does not answer.
    pub async fn add(
        &self,
        email: &str,
        name: &str,
        role: Role,
        password: SecretString,
        by: Actor,
    ) -> Result<(), AccountError> {
        let person = self.person(email, name, role, password).await?;
        match people::add(
            &self.store,
            &person,
            &self.entry(by, Action::PersonAdded, Some(person.email.clone())),
        )
        .await?
        {
            Added::Done => Ok(()),
            Added::EmailTaken => Err(AccountError::EmailTaken(person.email)),
        }
    }

    /// Whether there is an administrator.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn has_any(&self) -> Result<bool, StoreError> {
        set_up::is_done(&self.store).await
    }

    /// A ticket for whoever becomes the first administrator, while there is none.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn open_set_up(&self) -> Result<Option<String>, StoreError> {
        if self.has_any().await? {
            return Ok(None);
        }
        let (ticket, now) = (random_id(self.randomness.as_ref()), self.clock.now());
        set_up::issue(&self.store, &hashed(&ticket), now, now + SET_UP_WITHIN).await?;
        Ok(Some(ticket))
    }

    /// Whether this ticket would work now.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn is_set_up_open(&self, ticket: &str) -> Result<bool, StoreError> {
        set_up::is_valid(&self.store, &hashed(ticket), self.clock.now()).await
    }

    /// Makes the first administrator for a ticket, and signs them in.
    ///
    /// # Errors
    /// The ticket does not work; address, name or password cannot be taken; or the database does not
    /// answer. Then the ticket is as good as before.
    pub async fn set_up(
        &self,
        ticket: &str,
        email: &str,
        name: &str,
        password: SecretString,
        caller: &Caller,
    ) -> Result<SignedIn, SetUpError> {
        // Before the password costs anything.
        if !self.is_set_up_open(ticket).await.map_err(AccountError::from)? {
            return Err(SetUpError::LinkOver);
        }
        let person = self.person(email, name, Role::Administrator, password).await?;
        let principal = person.principal();
        let entry = self.entry(Actor::from(&principal), Action::SetUp, None);
        let (hash, now) = (hashed(ticket), self.clock.now());
        let redeemed = set_up::redeem(&self.store, &hash, now, &person, &entry).await;
        if !redeemed.map_err(AccountError::from)? {
            return Err(SetUpError::LinkOver);
        }
        let session = self.begin_session(&principal, &person.password_hash, caller);
        match session.await.map_err(AccountError::from)? {
            Some(cookie) => Ok(SignedIn { principal, cookie }),
            None => Err(SetUpError::LinkOver),
        }
    }

    /// Somebody who is in no database yet.
    async fn person(
        &self,
        email: &str,
        name: &str,
        role: Role,
        password: SecretString,
    ) -> Result<Person, AccountError> {
        let (email, name) = (email.trim(), name.trim());
        if domain::check::address::email_address(email).is_err() {
            return Err(AccountError::Email(cut_short(email)));
        }
        if name.is_empty() || name.chars().count() > 254 || name.contains(is_unsafe_in_one_line) {
            return Err(AccountError::Name);
        }
        passwords::check(&password)?;
        Ok(Person {
            id: random_id(self.randomness.as_ref()),
            email: email.to_owned(),
            name: name.to_owned(),
            password_hash: self.passwords.hash(password, self.randomness.as_ref()).await?,
            role,
            created_at: self.clock.now(),
        })
    }

    /// Gives an account another password and ends its sessions, but for the caller's own where
    /// `kept` is that caller's.
    ///
    /// # Errors
    /// There is no such account, the password cannot be taken, or the database does not answer.
    pub async fn set_password(
        &self,
        email: &str,
        password: SecretString,
        kept: Option<&Caller>,
        by: Actor,
    ) -> Result<(), AccountError> {
        passwords::check(&password)?;
        let person = self.known(email).await?;
        let hash = self.passwords.hash(password, self.randomness.as_ref()).await?;
        let kept =
            kept.and_then(|caller| caller.session.as_ref()).map(sessions::SessionKey::as_str);
        let entry = self.entry(by, Action::PasswordChanged, Some(person.email.clone()));
        let changed = people::set_password(&self.store, &person.id, &hash, kept, &entry).await?;
        if changed { Ok(()) } else { Err(AccountError::Unknown(person.email)) }
    }

    /// Removes an account and ends its sessions.
    ///
    /// # Errors
    /// There is no such account, or the database does not answer.
    pub async fn remove(&self, email: &str, by: Actor) -> Result<(), AccountError> {
        let person = self.known(email).await?;
        let entry = self.entry(by, Action::PersonRemoved, Some(person.email.clone()));
        let removed = people::remove(&self.store, &person.id, &entry).await?;
        if removed { Ok(()) } else { Err(AccountError::Unknown(person.email)) }
    }

    async fn known(&self, email: &str) -> Result<Person, AccountError> {
        people::by_email(&self.store, email)
            .await?
            .ok_or_else(|| AccountError::Unknown(cut_short(email)))
    }

    /// Notes the attempt, then lets it wait or turns it away.
    async fn wait_for_turn(&self, account: &str, address: &str) -> Result<(), SignInError> {
        let now = self.clock.now();
        let since = now - limits::WINDOW;
        let (attempt, tally) = sign_ins::begin(&self.store, account, address, now, since).await?;
        match limits::verdict(&tally, now) {
            Verdict::After(delay) => tokio::time::sleep(delay).await,
            Verdict::NotBefore(retry_after) => {
                sign_ins::forget(&self.store, attempt).await?;
                return Err(SignInError::TooMany { retry_after });
            }
        }
        Ok(())
    }

    /// Begins a session, unless the password was changed while it was being compared.
    async fn begin_session(
        &self,
        principal: &Principal,
        password_hash: &str,
        caller: &Caller,
    ) -> Result<Option<HeaderValue>, StoreError> {
        use crate::store::sessions as table;
        let now = self.clock.now();
        sessions::make_room(&self.store, caller, now).await?;
        let (key, cookie) = self.cookie.issue(self.randomness.as_ref());
        let has_begun =
            table::begin(&self.store, key.as_str(), &principal.id, password_hash, now).await?;
        Ok(has_begun.then_some(cookie))
    }

    async fn note(
        &self,
        actor: Actor,
        action: Action,
        detail: Option<String>,
    ) -> Result<(), StoreError> {
        audit::record(&self.store, &self.entry(actor, action, detail)).await
    }

    fn entry(&self, actor: Actor, action: Action, detail: Option<String>) -> Entry {
        Entry { detail, ..Entry::new(self.clock.now(), actor, action) }
    }
}

/// What was typed as an address, fit to be kept and shown.
fn cut_short(email: &str) -> String {
    email.chars().filter(|&c| !is_unsafe_in_one_line(c)).take(MAX_EMAIL).collect()
}
