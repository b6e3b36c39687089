//! Accounts of our own: signing in, signing out, and who may at all. One answer for a wrong
//! address and a wrong password, in words and in time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use chrono::{DateTime, TimeDelta, Utc};
use domain::check::text::is_unsafe_in_one_line;
use secrecy::SecretString;

use super::devices::Device;
use super::limits;
use super::passwords::{self, Busy, HashError, Owner, PasswordRule, Passwords, Permit, Queue};
use super::sessions::{self, Caller, SessionCookie, Sessions};
use super::throttle::{Comparison, Entrance, Limited, Throttle};
use super::{Client, Principal, Role};
use crate::aggregates::Aggregates;
use crate::clock::{Clock, Randomness, random_id};
use crate::digest::hashed;
use crate::store::audit::{self, Action, Actor, Entry};
use crate::store::people::{self, Added, Person};
use crate::store::sessions::{self as table, Listed};
use crate::store::sign_ins::{self, Most, TooMany};
use crate::store::{Store, StoreError, set_up};
use crate::subscriber::{subscriber, written};

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
    throttle: Arc<Throttle>,
    sessions: Sessions,
    aggregates: Aggregates,
}

/// A sign-in that succeeded.
#[derive(Debug)]
pub struct SignedIn {
    /// Who it is.
    pub principal: Principal,
    /// The `Set-Cookie` header that makes the browser known.
    pub cookie: HeaderValue,
    /// What the browser is known by at its next sign-in.
    pub device: Device,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Address or password, and nobody learns which.
    #[error("the address or the password is wrong")]
    Wrong,
    /// Nothing was looked at: too many attempts failed, or are under way.
    #[error("too many attempts failed")]
    TooMany {
        /// How long to wait before the next attempt.
        retry_after: Duration,
    },
    /// Nothing was looked at: the server compares as many passwords as it may.
    #[error("the server is busy with other sign-ins")]
    Busy {
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

impl From<Busy> for SignInError {
    fn from(Busy: Busy) -> Self {
        Self::Busy { retry_after: SHORTLY }
    }
}

impl From<Limited> for SignInError {
    fn from(limited: Limited) -> Self {
        match limited {
            Limited::Caller { retry_after } => Self::TooMany { retry_after },
            Limited::Server { retry_after } => Self::Busy { retry_after },
        }
    }
}

/// Why no account was made or changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum AccountError {
    #[error("{0} is not an email address")]
    Email(String),
    #[error("a name must have 1 to 254 characters and no control characters")]
    Name,
    #[error("{0} already has an account")]
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

/// Why a person's own password was not changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum PasswordError {
    #[error("the caller has no account of this product")]
    NoAccount,
    #[error("the current password is wrong")]
    Wrong,
    #[error(transparent)]
    NotCompared(#[from] SignInError),
    #[error(transparent)]
    NotTaken(#[from] AccountError),
}

/// Why nobody became the first administrator.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The ticket does not work, or no longer.
    #[error("the link does not work, or no longer works")]
    LinkOver,
    /// Address, name or password cannot be taken, or the database does not answer.
    #[error(transparent)]
    Account(#[from] AccountError),
}

/// How long the link of the first start works.
const SET_UP_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// After how long there may be room for a comparison again.
const SHORTLY: Duration = Duration::from_secs(2);

/// The audit row of a wrong password.
struct Failure {
    action: Action,
    actor: Actor,
}

/// Leave to compare one password, and where the attempt counts if it is wrong.
struct Guess {
    account: String,
    source: String,
    number: i64,
    permit: Permit,
    _room: Comparison,
}

impl Accounts {
    /// The accounts in `store`; `https` says how browsers come, and `throttle` how often.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        https: bool,
        throttle: Arc<Throttle>,
    ) -> Self {
        Self {
            sessions: Sessions::new(store.clone(), clock.clone()),
            aggregates: Aggregates::new(store.clone(), clock.clone()),
            store,
            clock,
            randomness,
            passwords: Passwords::default(),
            cookie: SessionCookie { https },
            throttle,
        }
    }

    /// The sessions of everybody who is signed in.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// What records events that a stranger can cause.
    #[must_use]
    pub fn aggregates(&self) -> &Aggregates {
        &self.aggregates
    }

    /// The cookie by which a browser is known again.
    #[must_use]
    pub fn cookie(&self) -> SessionCookie {
        self.cookie
    }

    /// Signs somebody in: a new session, and the end of the one that the caller had. The caller's
    /// request was admitted by the throttle.
    ///
    /// # Errors
    /// Wrong, too many attempts, or the database does not answer.
    pub async fn sign_in(
        &self,
        email: &str,
        password: SecretString,
        caller: &Caller,
    ) -> Result<SignedIn, SignInError> {
        let account = limits::account_key(email);
        let device = caller.device.as_ref().filter(|device| device.is_of_account(&account));
        let guess = self.guess(email, &account, device, caller).await?;
        let failure = Failure { action: Action::SignInFailed, actor: Actor::nobody() };
        let compared = self.compare(guess, email, password, failure, caller.address);
        let person = compared.await?.ok_or(SignInError::Wrong)?;

        let hash = &person.password_hash;
        let Some((principal, cookie)) = self.begin_session(&person, caller).await? else {
            return Err(SignInError::Wrong);
        };
        self.note(Actor::from(&principal), Action::SignedIn, None).await?;
        let device = Device::of(&account, hash, device, self.randomness.as_ref());
        Ok(SignedIn { principal, cookie, device })
    }

    /// The person, if the password of a guess is right; if not, that is recorded.
    async fn compare(
        &self,
        guess: Guess,
        email: &str,
        password: SecretString,
        failure: Failure,
        address: IpAddr,
    ) -> Result<Option<Person>, SignInError> {
        let (accounts, email) = (self.clone(), email.to_owned());
        // A wrong guess counts even if the caller hangs up meanwhile.
        let compared = tokio::spawn(async move {
            let Guess { account, source, number, permit, _room } = guess;
            let person = people::by_email(&accounts.store, &email).await?;
            let hash = person.as_ref().map(|person| person.password_hash.clone());
            if accounts.passwords.is_right(permit, password, hash).await? {
                sign_ins::forgive(&accounts.store, &account, &source).await?;
                return Ok(person);
            }
            // An address without an account is not kept: people also type passwords there.
            let (Failure { action, actor }, known) = (failure, person.map(|person| person.email));
            accounts.aggregates.record(action, address, actor, known);
            sign_ins::fail(&accounts.store, number).await?;
            Ok(None)
        });
        compared.await.map_err(HashError::from)?
    }

    /// Ends the caller's session, whether or not the database can be written, and returns the
    /// `Set-Cookie` header that makes the browser forget it.
    pub async fn sign_out(&self, caller: &Caller) -> HeaderValue {
        if let Some(key) = &caller.session {
            let principal = caller.principal.as_ref();
            let address = Some(written(caller.address));
            let unknown = || Actor { address, session: Some(key.name()), ..Actor::nobody() };
            let actor = principal.map_or_else(unknown, Actor::from);
            let issuer = principal.and_then(|principal| principal.issuer.clone());
            let entry = self.entry(actor, Action::SignedOut, issuer);
            self.sessions.end(key, entry, principal.is_some()).await;
        }
        self.cookie.removal()
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
        let client = Client { address: Some(written(caller.address)), session: None };
        let actor = Actor::from(&Principal { client, ..person.principal() });
        let entry = self.entry(actor, Action::SetUp, None);
        let (hash, now) = (hashed(ticket), self.clock.now());
        let redeemed = set_up::redeem(&self.store, &hash, now, &person, &entry).await;
        if !redeemed.map_err(AccountError::from)? {
            return Err(SetUpError::LinkOver);
        }
        let session = self.begin_session(&person, caller).await.map_err(AccountError::from)?;
        let Some((principal, cookie)) = session else { return Err(SetUpError::LinkOver) };
        let account = limits::account_key(&person.email);
        let device = Device::of(&account, &person.password_hash, None, self.randomness.as_ref());
        Ok(SignedIn { principal, cookie, device })
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
        passwords::check(&password, Owner { email, name })?;
        Ok(Person {
            id: random_id(self.randomness.as_ref()),
            email: email.to_owned(),
            name: name.to_owned(),
            password_hash: self.passwords.hash(password, self.randomness.as_ref()).await?,
            role,
            created_at: self.clock.now(),
        })
    }

    /// Gives an account another password and ends its sessions.
    ///
    /// # Errors
    /// There is no such account, the password cannot be taken, or the database does not answer.
    pub async fn set_password(
        &self,
        email: &str,
        password: SecretString,
        by: Actor,
    ) -> Result<(), AccountError> {
        let person = self.known(email).await?;
        match self.replace_password(&person, password, by).await? {
            Some(_) => Ok(()),
            None => Err(AccountError::Unknown(person.email)),
        }
    }

    /// Gives the caller's own account another password, for the current one. All of their sessions end,
    /// and a new one begins in this browser: a copy of its cookie is worth nothing any more.
    ///
    /// # Errors
    /// The caller has no account here, the current password is wrong, or too many were; the new one
    /// cannot be taken; or the database does not answer.
    pub async fn change_password(
        &self,
        current: SecretString,
        password: SecretString,
        caller: &Caller,
    ) -> Result<SignedIn, PasswordError> {
        let own = caller.principal.as_ref().filter(|who| who.issuer.is_none());
        let (Some(who), true) = (own, caller.session.is_some()) else {
            return Err(PasswordError::NoAccount);
        };
        let email = who.address();
        let account = limits::account_key(email);
        let device = caller.device.as_ref().filter(|device| device.is_of_account(&account));
        let guess = self.guess(email, &account, device, caller).await?;
        let failure = Failure { action: Action::PasswordNotChanged, actor: Actor::from(who) };
        let compared = self.compare(guess, email, current, failure, caller.address);
        let person = compared.await?.ok_or(PasswordError::Wrong)?;
        // Nothing if another change was quicker: what was typed as the current password no longer is.
        let replaced = self.replace_password(&person, password, Actor::from(who)).await?;
        let password_hash = replaced.ok_or(PasswordError::Wrong)?;
        let person = Person { password_hash, ..person };
        let session = self.begin_session(&person, caller).await.map_err(AccountError::from)?;
        let (principal, cookie) = session.ok_or(PasswordError::Wrong)?;
        let hash = &person.password_hash;
        let device = Device::of(&account, hash, device, self.randomness.as_ref());
        Ok(SignedIn { principal, cookie, device })
    }

    /// The hash of the new password; nothing where the account is gone, or has another password than
    /// this one by now.
    async fn replace_password(
        &self,
        person: &Person,
        password: SecretString,
        by: Actor,
    ) -> Result<Option<String>, AccountError> {
        passwords::check(&password, Owner { email: &person.email, name: &person.name })?;
        let hash = self.passwords.hash(password, self.randomness.as_ref()).await?;
        let before = &person.password_hash;
        let entry = self.entry(by, Action::PasswordChanged, Some(person.email.clone()));
        let replaced = people::set_password(&self.store, &person.id, before, &hash, &entry).await?;
        Ok(replaced.then_some(hash))
    }

    /// The sessions of a person, and, for administrators, those of all others.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn sessions_seen_by(&self, who: &Principal) -> Result<Vec<Listed>, StoreError> {
        let person = (!who.may_edit()).then_some(who.id.as_str());
        self.sessions.list(person, self.clock.now()).await
    }

    /// Ends the sessions visible to a person that match `wanted`, except the one of this request, and
    /// returns how many; nothing if the database could not be told of them all.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn end_sessions(
        &self,
        who: &Principal,
        wanted: impl Fn(&Listed) -> bool,
    ) -> Result<Option<usize>, StoreError> {
        let mut ending = self.sessions_seen_by(who).await?;
        let own = who.client.session.as_deref();
        ending.retain(|session| wanted(session) && Some(session.name().as_str()) != own);
        let count = ending.len();
        let is_written = self.sessions.end_listed(ending, &Actor::from(who)).await;
        Ok(is_written.then_some(count))
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

    /// Leave for a guess at this account's password: as a device that is known to it, or else as a
    /// stranger. Everything that needs no database comes first.
    async fn guess(
        &self,
        email: &str,
        account: &str,
        device: Option<&Device>,
        caller: &Caller,
    ) -> Result<Guess, SignInError> {
        if let Some(device) = device
            && let Some(guess) = self.guess_from_device(email, account, device).await?
        {
            return Ok(guess);
        }
        if caller.device.is_some() {
            // The throttle has taken the caller for a device that it is not, or not of this account.
            self.throttle.admit(Entrance::Password, caller.address)?;
        }
        let source = subscriber(caller.address).to_string();
        // A guess that is refused anyway must take no room from the owner's.
        let (now, most) = (self.clock.now(), limits::FROM_AN_ADDRESS);
        let since = now - limits::WINDOW;
        if let Err(full) = sign_ins::check(&self.store, account, &source, most, now, since).await? {
            return Err(SignInError::TooMany { retry_after: wait(full, now) });
        }
        let room = self.room(account)?;
        let permit = self.passwords.permit(Queue::Strangers).await?;
        let account = account.to_owned();
        match self.count(&account, &source, limits::FROM_AN_ADDRESS).await? {
            Ok(number) => Ok(Guess { account, source, number, permit, _room: room }),
            Err(retry_after) => Err(SignInError::TooMany { retry_after }),
        }
    }

    /// Nothing where the account has another password since, or too many attempts from this device
    /// have failed: whoever has a stolen device cookie is a stranger like any other then.
    async fn guess_from_device(
        &self,
        email: &str,
        account: &str,
        device: &Device,
    ) -> Result<Option<Guess>, SignInError> {
        let source = device.source();
        let room = self.room(&source)?;
        let permit = self.passwords.permit(Queue::Devices).await?;
        let person = people::by_email(&self.store, email).await?;
        if !person.is_some_and(|person| device.has_password_of(&person)) {
            return Ok(None);
        }
        let counted = self.count(account, &source, limits::FROM_A_DEVICE).await?;
        let account = account.to_owned();
        Ok(counted.ok().map(|number| Guess { account, source, number, permit, _room: room }))
    }

    /// Room for one comparison among those of an account, or of a device.
    fn room(&self, key: &str) -> Result<Comparison, SignInError> {
        self.throttle.compare(key).ok_or(SignInError::TooMany { retry_after: SHORTLY })
    }

    /// Counts an attempt that is about to be made, or says how long to wait.
    async fn count(
        &self,
        account: &str,
        source: &str,
        most: Most,
    ) -> Result<Result<i64, Duration>, StoreError> {
        let now = self.clock.now();
        let since = now - limits::WINDOW;
        let counted = sign_ins::begin(&self.store, account, source, most, now, since).await?;
        Ok(counted.map_err(|full| wait(full, now)))
    }

    /// Begins a session, unless the password was changed while it was being compared.
    async fn begin_session(
        &self,
        person: &Person,
        caller: &Caller,
    ) -> Result<Option<(Principal, HeaderValue)>, StoreError> {
        let (now, address) = (self.clock.now(), written(caller.address));
        sessions::make_room(&self.store, caller, now).await?;
        let (key, cookie) = self.cookie.issue(self.randomness.as_ref());
        let Person { id, password_hash, .. } = person;
        if !table::begin(&self.store, key.as_str(), id, password_hash, &address, now).await? {
            return Ok(None);
        }
        let client = Client { address: Some(address), session: Some(key.name()) };
        Ok(Some((Principal { client, ..person.principal() }, cookie)))
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

/// How long it takes until the oldest of too many failed attempts no longer counts, or those under way
/// have ended.
fn wait(full: TooMany, now: DateTime<Utc>) -> Duration {
    match full {
        TooMany::Failed { oldest } => (oldest + limits::WINDOW - now).to_std().unwrap_or_default(),
        TooMany::UnderWay => SHORTLY,
    }
}

/// What was typed as an address, fit to be kept and shown.
fn cut_short(email: &str) -> String {
    email.chars().filter(|&c| !is_unsafe_in_one_line(c)).take(MAX_EMAIL).collect()
}
