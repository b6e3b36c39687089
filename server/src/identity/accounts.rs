//! Local accounts: sign-in, sign-out, set-up and management. A wrong address and a wrong password
//! get the same response in the same time, so that accounts cannot be enumerated.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::http::HeaderValue;
use chrono::{DateTime, TimeDelta, Utc};
use domain::syntax::text::is_unsafe_in_one_line;
use secrecy::SecretString;
use store::audit::{self, Action, Actor, Entry};
use store::login_attempts::{self, FailureLimits, LimitExceeded};
use store::people::{self, Added, Person};
use store::sessions::{self as table, SessionSummary};
use store::{Store, StoreError, hash::hashed, set_up};
use vault::clock::{Clock, Randomness, random_id};

use super::claims::LONGEST;
use super::login_throttle::{Comparison, Entrance, Limited, Throttle};
use super::sessions::{self, Caller, SessionCookie, Sessions};
use super::{Principal, RequestClient, Role, devices::Device, login_limits};
use crate::aggregates::Aggregates;
use crate::subscriber::{subscriber, written};
use vault::passwords::{self, Busy, HashError, Owner, PasswordRule, Passwords, Permit, Queue};

/// Authenticates and manages the accounts in the database.
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

/// A successful sign-in.
#[derive(Debug)]
pub struct SignedIn {
    /// The signed-in user.
    pub principal: Principal,
    /// The `Set-Cookie` header of the session cookie.
    pub cookie: HeaderValue,
    /// The device to store in the browser's device cookie.
    pub device: Device,
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The address or the password is wrong; the response does not tell which.
    #[error("the address or the password is wrong")]
    Wrong,
    /// Rejected before the comparison: too many attempts have failed or are in progress.
    #[error("too many attempts failed")]
    TooMany {
        /// How long to wait before the next attempt.
        retry_after: Duration,
    },
    /// Rejected before the comparison: the server compares as many passwords as it may.
    #[error("the server is busy with other sign-ins")]
    Busy {
        /// How long to wait before the next attempt.
        retry_after: Duration,
    },
    /// The database query failed.
    #[error("the account could not be looked up")]
    Store(#[from] StoreError),
    /// The password could not be compared.
    #[error("the password could not be compared")]
    Hash(#[from] HashError),
}

impl From<Busy> for SignInError {
    fn from(Busy: Busy) -> Self {
        Self::Busy { retry_after: BUSY_RETRY_AFTER }
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

/// Why an account was not created or changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum AccountError {
    #[error("{0} is not an email address")]
    Email(String),
    #[error("a name must have 1 to {LONGEST} characters and no control characters")]
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

/// Why a user's own password was not changed.
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

/// Why the first administrator was not created.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The ticket is unknown, used or expired.
    #[error("the link does not work, or no longer works")]
    LinkOver,
    /// The address, name or password is invalid, or the database does not answer.
    #[error(transparent)]
    Account(#[from] AccountError),
}

/// How long a set-up link is valid.
const SET_UP_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// The `retry_after` when all comparison slots are taken.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(2);

/// The audit row to write for a wrong password.
struct SignInFailure {
    action: Action,
    actor: Actor,
}

/// An admitted password comparison, and the keys under which it counts if it fails.
struct AdmittedGuess {
    account: String,
    source: String,
    number: i64,
    permit: Permit,
    _slot: Comparison,
}

impl Accounts {
    /// Creates the service over `store`; `https` makes its cookies secure.
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

    /// Returns the session service.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Returns the audit recorder of events that unauthenticated clients can cause.
    pub fn aggregates(&self) -> &Aggregates {
        &self.aggregates
    }

    /// Returns the session cookie.
    pub fn cookie(&self) -> SessionCookie {
        self.cookie
    }

    /// Signs a user in: begins a session and ends the caller's previous one. The caller must have
    /// passed the throttle.
    ///
    /// # Errors
    /// The credentials are wrong, the attempt is throttled, or the database does not answer.
    pub async fn sign_in(
        &self,
        email: &str,
        password: SecretString,
        caller: &Caller,
    ) -> Result<SignedIn, SignInError> {
        let guess = self.admit_guess(email, caller).await?;
        let failure = SignInFailure { action: Action::SignInFailed, actor: Actor::unknown() };
        let compared = self.compare(guess, email, password, failure, caller.address);
        let person = compared.await?.ok_or(SignInError::Wrong)?;
        let known = known_device(caller, &login_limits::account_key(&person.email));
        let session = self.begin_session(&person, known, caller).await?;
        let signed_in = session.ok_or(SignInError::Wrong)?;
        let entry = self.entry(Actor::from(&signed_in.principal), Action::SignedIn, None);
        audit::record(&self.store, &entry).await?;
        Ok(signed_in)
    }

    /// Returns the account if the password matches; otherwise counts and audits the failure.
    async fn compare(
        &self,
        guess: AdmittedGuess,
        email: &str,
        password: SecretString,
        failure: SignInFailure,
        address: IpAddr,
    ) -> Result<Option<Person>, SignInError> {
        let (accounts, email) = (self.clone(), email.to_owned());
        // Spawned, so that a wrong guess counts even if the client disconnects.
        let compared = tokio::spawn(async move {
            let AdmittedGuess { account, source, number, permit, _slot } = guess;
            let person = people::by_email(&accounts.store, &email).await?;
            let hash = person.as_ref().map(|person| person.password_hash.clone());
            if accounts.passwords.is_right(permit, password, hash).await? {
                login_attempts::clear(&accounts.store, &account, &source).await?;
                return Ok(person);
            }
            // An address without an account is not stored: users sometimes type a password there.
            let (SignInFailure { action, actor }, known) =
                (failure, person.map(|person| person.email));
            accounts.aggregates.record(action, address, actor, known);
            login_attempts::fail(&accounts.store, number).await?;
            Ok(None)
        });
        compared.await.map_err(HashError::from)?
    }

    /// Ends the caller's session, even if the database cannot be written, and returns the
    /// `Set-Cookie` header that removes the cookie.
    pub async fn sign_out(&self, caller: &Caller) -> HeaderValue {
        if let Some(key) = &caller.session {
            let principal = caller.principal.as_ref();
            let address = Some(written(caller.address));
            let unknown = || Actor { address, session: Some(key.name()), ..Actor::unknown() };
            let actor = principal.map_or_else(unknown, Actor::from);
            let issuer = principal.and_then(|principal| principal.issuer.clone());
            let entry = self.entry(actor, Action::SignedOut, issuer);
            self.sessions.end(key, entry, principal.is_some()).await;
        }
        self.cookie.removal()
    }

    /// Creates an account.
    ///
    /// # Errors
    /// The address, name or password is invalid, or the database does not answer.
    pub async fn add(
        &self,
        email: &str,
        name: &str,
        role: Role,
        password: SecretString,
        by: Actor,
    ) -> Result<(), AccountError> {
        let person = self.new_person(email, name, role, password).await?;
        let entry = self.entry(by, Action::PersonAdded, Some(person.email.clone()));
        match people::add(&self.store, &person, &entry).await? {
            Added::Done => Ok(()),
            Added::EmailTaken => Err(AccountError::EmailTaken(person.email)),
        }
    }

    /// Whether an administrator exists.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn has_any(&self) -> Result<bool, StoreError> {
        set_up::is_done(&self.store).await
    }

    /// Issues a set-up ticket for the first administrator; `None` once an administrator exists.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn open_set_up(&self) -> Result<Option<String>, StoreError> {
        if self.has_any().await? {
            return Ok(None);
        }
        let (ticket, now) = (random_id(self.randomness.as_ref()), self.clock.now());
        set_up::issue(&self.store, &hashed(&ticket), now, now + SET_UP_LIFETIME).await?;
        Ok(Some(ticket))
    }

    /// Whether this ticket is valid now.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn is_set_up_open(&self, ticket: &str) -> Result<bool, StoreError> {
        set_up::is_valid(&self.store, &hashed(ticket), self.clock.now()).await
    }

    /// Redeems a ticket: creates the first administrator and signs them in.
    ///
    /// # Errors
    /// The ticket is invalid; the address, name or password is invalid; or the database does not
    /// answer. The ticket stays valid until the account exists.
    pub async fn set_up(
        &self,
        ticket: &str,
        email: &str,
        name: &str,
        password: SecretString,
        caller: &Caller,
    ) -> Result<SignedIn, SetUpError> {
        // Checked before the expensive password hash.
        if !self.is_set_up_open(ticket).await.map_err(AccountError::from)? {
            return Err(SetUpError::LinkOver);
        }
        let person = self.new_person(email, name, Role::Administrator, password).await?;
        let client = RequestClient { address: Some(written(caller.address)), session: None };
        let actor = Actor::from(&Principal { client, ..person.principal() });
        let entry = self.entry(actor, Action::SetUp, None);
        let (hash, now) = (hashed(ticket), self.clock.now());
        let redeemed = set_up::redeem(&self.store, &hash, now, &person, &entry).await;
        if !redeemed.map_err(AccountError::from)? {
            return Err(SetUpError::LinkOver);
        }
        // A new account is known to no device.
        let session =
            self.begin_session(&person, None, caller).await.map_err(AccountError::from)?;
        session.ok_or(SetUpError::LinkOver)
    }

    /// Validates the input and returns a new account, which is not stored yet.
    async fn new_person(
        &self,
        email: &str,
        name: &str,
        role: Role,
        password: SecretString,
    ) -> Result<Person, AccountError> {
        let (email, name) = (email.trim(), name.trim());
        if domain::syntax::address::email_address(email).is_err() {
            return Err(AccountError::Email(sanitized(email)));
        }
        if name.is_empty() || name.chars().count() > LONGEST || name.contains(is_unsafe_in_one_line)
        {
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

    /// Replaces an account's password and ends its sessions.
    ///
    /// # Errors
    /// There is no such account, the password is invalid, or the database does not answer.
    pub async fn set_password(
        &self,
        email: &str,
        password: SecretString,
        by: Actor,
    ) -> Result<(), AccountError> {
        let person = self.existing_person(email).await?;
        match self.replace_password(&person, password, by).await? {
            Some(_) => Ok(()),
            None => Err(AccountError::Unknown(person.email)),
        }
    }

    /// Changes the caller's own password, given the current one. Ends all of their sessions and
    /// begins a new one in this browser, so that a copied session cookie is invalid.
    ///
    /// # Errors
    /// The caller has no local account, the current password is wrong or throttled, the new one is
    /// invalid, or the database does not answer.
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
        let guess = self.admit_guess(email, caller).await?;
        let failure = SignInFailure { action: Action::PasswordNotChanged, actor: Actor::from(who) };
        let compared = self.compare(guess, email, current, failure, caller.address);
        let person = compared.await?.ok_or(PasswordError::Wrong)?;
        // `None` if a concurrent change won: the password that was checked is not current any more.
        let replaced = self.replace_password(&person, password, Actor::from(who)).await?;
        let password_hash = replaced.ok_or(PasswordError::Wrong)?;
        let person = Person { password_hash, ..person };
        let known = known_device(caller, &login_limits::account_key(&person.email));
        let session = self.begin_session(&person, known, caller).await;
        session.map_err(AccountError::from)?.ok_or(PasswordError::Wrong)
    }

    /// Returns the new hash; `None` if the account is gone or its password hash has changed since
    /// `person` was read.
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

    /// Returns a user's own sessions; for administrators, those of all users.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn sessions_seen_by(
        &self,
        who: &Principal,
    ) -> Result<Vec<SessionSummary>, StoreError> {
        let person = (!who.may_edit()).then_some(who.id.as_str());
        self.sessions.list(person, self.clock.now()).await
    }

    /// Ends the sessions visible to a user that match `wanted`, except the current one. Returns how
    /// many; `None` if not every end could be written to the database.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn end_sessions(
        &self,
        who: &Principal,
        wanted: impl Fn(&SessionSummary) -> bool,
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
        let person = self.existing_person(email).await?;
        let entry = self.entry(by, Action::PersonRemoved, Some(person.email.clone()));
        let removed = people::remove(&self.store, &person.id, &entry).await?;
        if removed { Ok(()) } else { Err(AccountError::Unknown(person.email)) }
    }

    async fn existing_person(&self, email: &str) -> Result<Person, AccountError> {
        let found = people::by_email(&self.store, email).await?;
        found.ok_or_else(|| AccountError::Unknown(sanitized(email)))
    }

    /// Admits a guess at this account's password: as a device known to the account, or else by
    /// address. The in-memory throttle comes before the database.
    async fn admit_guess(
        &self,
        email: &str,
        caller: &Caller,
    ) -> Result<AdmittedGuess, SignInError> {
        let account = login_limits::account_key(email);
        if let Some(device) = known_device(caller, &account)
            && let Some(guess) = self.admit_guess_from_device(email, &account, device).await?
        {
            return Ok(guess);
        }
        if caller.device.is_some() {
            // The throttle admitted the caller as a device, but not as one of this account's.
            self.throttle.admit(Entrance::Password, caller.address)?;
        }
        let source = subscriber(caller.address).to_string();
        // A guess over the limit must not take one of the account's comparison slots.
        let (now, most) = (self.clock.now(), login_limits::FROM_AN_ADDRESS);
        let since = now - login_limits::WINDOW;
        if let Err(full) =
            login_attempts::check(&self.store, &account, &source, most, now, since).await?
        {
            return Err(SignInError::TooMany { retry_after: retry_delay(full, now) });
        }
        let slot = self.comparison_slot(&account)?;
        let permit = self.passwords.permit(Queue::Unproven).await?;
        match self.count(&account, &source, login_limits::FROM_AN_ADDRESS).await? {
            Ok(number) => Ok(AdmittedGuess { account, source, number, permit, _slot: slot }),
            Err(retry_after) => Err(SignInError::TooMany { retry_after }),
        }
    }

    /// Admits a guess as a known device; `None` if the account's password has changed since, or too
    /// many attempts from this device have failed. A stolen device cookie then has no effect.
    async fn admit_guess_from_device(
        &self,
        email: &str,
        account: &str,
        device: &Device,
    ) -> Result<Option<AdmittedGuess>, SignInError> {
        let source = device.source();
        let slot = self.comparison_slot(&source)?;
        let permit = self.passwords.permit(Queue::Devices).await?;
        let person = people::by_email(&self.store, email).await?;
        if !person.is_some_and(|person| device.has_password_of(&person)) {
            return Ok(None);
        }
        let counted = self.count(account, &source, login_limits::FROM_A_DEVICE).await?;
        let account = account.to_owned();
        let admit = |number| AdmittedGuess { account, source, number, permit, _slot: slot };
        Ok(counted.ok().map(admit))
    }

    /// Takes a comparison slot of an account or a device.
    fn comparison_slot(&self, key: &str) -> Result<Comparison, SignInError> {
        self.throttle.compare(key).ok_or(SignInError::TooMany { retry_after: BUSY_RETRY_AFTER })
    }

    /// Counts an attempt before it is made; the inner `Err` is how long to wait.
    async fn count(
        &self,
        account: &str,
        source: &str,
        most: FailureLimits,
    ) -> Result<Result<i64, Duration>, StoreError> {
        let now = self.clock.now();
        let since = now - login_limits::WINDOW;
        let counted = login_attempts::begin(&self.store, account, source, most, now, since).await?;
        Ok(counted.map_err(|full| retry_delay(full, now)))
    }

    /// Begins a session in the `known` device, or in a new one; `None` if the password was changed
    /// while it was being compared.
    async fn begin_session(
        &self,
        person: &Person,
        known: Option<&Device>,
        caller: &Caller,
    ) -> Result<Option<SignedIn>, StoreError> {
        let (now, address) = (self.clock.now(), written(caller.address));
        sessions::make_room(&self.store, caller, now).await?;
        let (key, cookie) = self.cookie.issue(self.randomness.as_ref());
        let Person { id, password_hash, .. } = person;
        if !table::begin(&self.store, key.as_str(), id, password_hash, &address, now).await? {
            return Ok(None);
        }
        let client = RequestClient { address: Some(address), session: Some(key.name()) };
        let principal = Principal { client, ..person.principal() };
        let account = login_limits::account_key(&person.email);
        let device = Device::of(&account, password_hash, known, self.randomness.as_ref());
        Ok(Some(SignedIn { principal, cookie, device }))
    }

    fn entry(&self, actor: Actor, action: Action, detail: Option<String>) -> Entry {
        Entry { detail, ..Entry::new(self.clock.now(), actor, action) }
    }
}

/// Returns the caller's device, if the account with this key has signed in from it before.
fn known_device<'c>(caller: &'c Caller, account: &str) -> Option<&'c Device> {
    caller.device.as_ref().filter(|device| device.is_of_account(account))
}

/// Returns how long to wait until the oldest failed attempt expires, or until the attempts in
/// progress have ended.
fn retry_delay(full: LimitExceeded, now: DateTime<Utc>) -> Duration {
    match full {
        LimitExceeded::Failed { oldest } => {
            (oldest + login_limits::WINDOW - now).to_std().unwrap_or_default()
        }
        LimitExceeded::UnderWay => BUSY_RETRY_AFTER,
    }
}

/// Truncates a typed address and removes unsafe characters, for an error message.
fn sanitized(email: &str) -> String {
    email.chars().filter(|&c| !is_unsafe_in_one_line(c)).take(LONGEST).collect()
}
