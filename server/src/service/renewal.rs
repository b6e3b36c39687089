//! The token's life after it was obtained: a token to send with, renewed before it expires, once,
//! however many messages, tabs and processes want it.
//!
//! Within a process one task at a time looks after the token; between processes the one with the
//! lease does. The request is made outside of any transaction, in a task of its own that goes on
//! when whoever wanted the token is gone, and what it brings is stored before anybody uses it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::OauthFlow;
use domain::settings::{Grant, Settings};
use domain::token::{Fault, Leg, Renewal, Setback, Token};
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

use super::settings::{self, Current};
use super::{Broken, client_auth, stored_at_last};
use crate::Server;
use crate::clock::{Randomness, random_bytes, random_id};
use crate::log::one_line;
use crate::oauth::{ClientAuth, Issued};
use crate::store::StoreError;
use crate::store::audit::{Action, Actor, Entry};
use crate::store::settings as stored;
use crate::store::tokens::{self, Ends, FailedTry, Lease, Renewed, SealedTokens, StoredToken};
use crate::vault::VaultError;
use crate::vault::columns::{ACCESS_TOKEN, REFRESH_TOKEN};

/// A token is renewed this long before it expires, or a fifth of its life where that is less, and
/// then up to a quarter of that earlier.
const AHEAD: TimeDelta = TimeDelta::seconds(60);
/// A try that failed so recently is not repeated for a message.
const RECENTLY: TimeDelta = TimeDelta::seconds(10);
/// The pause after the first failure; each further one doubles it.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(5);
/// No pause is longer.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(10);
/// A lease that would last this many times as long as a lease does was taken by a clock that was set
/// back since.
const LONGEST_LEASES: u32 = 10;
/// What lives shorter is renewed when it is wanted, and not ahead.
const WORTH_RENEWING: TimeDelta = TimeDelta::seconds(2);
/// How often somebody who waits for another process looks whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often the token is looked at where nothing is due: another process may have obtained one.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(15);
/// How long a rotated refresh token is offered to a database that does not take it.
const STORE_AGAIN_FOR: Duration = Duration::from_mins(10);

/// A token to send with.
pub struct Access {
    /// The access token.
    pub token: SecretString,
    /// Which one it is.
    pub which: Which,
    /// Since when there is it.
    pub obtained_at: DateTime<Utc>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
    /// Whether it was renewed while somebody waited for it here.
    pub is_renewed: bool,
}

/// One access token among all that ever were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Which {
    grant: String,
    generation: i64,
}

impl Which {
    fn of(token: &StoredToken) -> Self {
        Self { grant: token.grant.clone(), generation: token.generation }
    }
}

/// Why there is no token to send with.
#[derive(Debug)]
pub enum NoAccess {
    /// There is none.
    Absent,
    /// Its time is over, and nothing renews it but somebody who signs in.
    Expired,
    /// It could not be renewed.
    NotRenewed(Setback),
    /// A first one could not be had.
    NotObtained(Setback),
}

/// Who wants a token, and so how urgent it is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Want {
    /// A message: a good one, now.
    Good,
    /// A message whose token was refused: another one than this, now.
    OtherThan(Which),
    /// Nobody yet: a fresh one when its time has come.
    Fresh,
}

/// A token to send with, renewed where it is about to expire.
pub async fn access(server: &Server, current: &Current) -> Result<Access, NoAccess> {
    taken(server, current, &Want::Good).await
}

/// Another token than this one, which a mail server has refused.
pub async fn another(
    server: &Server,
    current: &Current,
    refused: Which,
) -> Result<Access, NoAccess> {
    taken(server, current, &Want::OtherThan(refused)).await
}

/// A token for one message alone, in the client's own name (RFC 6749 4.4); it is not kept.
pub async fn one_off(server: &Server, grant: &Grant) -> Result<Access, NoAccess> {
    let auth = client_auth::first(server, grant).await;
    let issued = server.tokens.client_credentials(grant, auth, Leg::TokenRequest).await;
    let Issued { access_token, lifetime, .. } = issued.map_err(NoAccess::NotObtained)?;
    if lifetime.is_zero() {
        return Err(NoAccess::NotObtained(Setback::expired_on_arrival(Leg::TokenRequest)));
    }
    let now = server.clock.now();
    Ok(Access {
        token: access_token,
        which: Which { grant: String::new(), generation: 0 },
        obtained_at: now,
        expires_at: expiry(now, lifetime),
        is_renewed: false,
    })
}

async fn taken(server: &Server, current: &Current, want: &Want) -> Result<Access, NoAccess> {
    let Ensured { token, is_renewed } = ensured(server, current, want).await?;
    let destination = current.saved.form.token_destination();
    let opened = server.vault.open(ACCESS_TOKEN, &destination, &token.sealed.access);
    Ok(Access {
        token: opened.map_err(|error| NoAccess::NotRenewed(unreadable(error)))?,
        which: Which::of(&token),
        obtained_at: token.obtained_at,
        expires_at: token.expires_at,
        is_renewed,
    })
}

/// The tokens that are stored, opened: the access token, and the refresh token where there is one.
pub fn unsealed(
    server: &Server,
    current: &Current,
    sealed: &SealedTokens,
) -> Result<(SecretString, Option<SecretString>), VaultError> {
    let form = &current.saved.form;
    let (mail_server, provider) = (form.token_destination(), form.token_endpoint_origin());
    let open_refresh = |refresh: &Vec<u8>| server.vault.open(REFRESH_TOKEN, &provider, refresh);
    Ok((
        server.vault.open(ACCESS_TOKEN, &mail_server, &sealed.access)?,
        sealed.refresh.as_ref().map(open_refresh).transpose()?,
    ))
}

/// What an answer of a Token Endpoint comes to when it is stored: sealed, each token for where it
/// goes. A refresh token and a scope that the answer does not name are as before (RFC 6749 5.1, 6).
pub fn sealed(
    server: &Server,
    current: &Current,
    issued: &Issued,
    before: Option<&SealedTokens>,
) -> SealedTokens {
    let form = &current.saved.form;
    let (mail_server, provider) = (form.token_destination(), form.token_endpoint_origin());
    // Who asks as itself has no use for a refresh token (RFC 6749 4.4.3).
    let refresh =
        issued.refresh_token.as_ref().filter(|_| form.flow != OauthFlow::ClientCredentials);
    // A key that is about to leave the ring must not come back by a value that is kept.
    let kept_refresh = || {
        let kept = before?.refresh.as_ref()?;
        let resealed = server.vault.reseal(REFRESH_TOKEN, &provider, kept);
        Some(resealed.unwrap_or_else(|_| kept.clone()))
    };
    let seal_refresh = |refresh| server.vault.seal(REFRESH_TOKEN, &provider, refresh);
    SealedTokens {
        access: server.vault.seal(ACCESS_TOKEN, &mail_server, &issued.access_token),
        refresh: refresh.map(seal_refresh).or_else(kept_refresh),
        client_auth: issued.auth.wire_name().to_owned(),
        granted_scope: issued.scope.clone().or_else(|| before?.granted_scope.clone()),
    }
}

/// The end of a lifetime that begins now.
pub fn expiry(now: DateTime<Utc>, lifetime: Duration) -> DateTime<Utc> {
    let lifetime = TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(lifetime).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Until when a token can be renewed. What an answer does not name is as before, except of a refresh token
/// that it replaces.
pub fn ends(now: DateTime<Utc>, issued: &Issued, before: Option<Ends>) -> Ends {
    let before = before.unwrap_or_default();
    let kept = before.refresh.filter(|_| issued.refresh_token.is_none());
    let end = |lifetime: Option<Duration>| lifetime.map(|lifetime| expiry(now, lifetime));
    Ends {
        refresh: end(issued.refresh_lifetime).or(kept),
        grant: end(issued.grant_lifetime).or(before.grant),
    }
}

/// What a browser may know of the token.
pub async fn shown(server: &Server, current: &Current) -> Result<Option<Token>, Broken> {
    let Some(token) = tokens::load(&server.store).await? else { return Ok(None) };
    let asked = &current.saved.form.authentication.scope;
    let scope = token.sealed.granted_scope.clone().filter(|granted| !are_alike(granted, asked));
    let renewal = match (token.setback.clone(), token.next_try_at) {
        (Some(setback), _) if token.is_gone => Renewal::Gone(setback),
        (Some(setback), Some(next_at)) => Renewal::Failing { setback, next_at },
        _ if is_renewable(current, &token) => Renewal::ByItself,
        _ => Renewal::BySigningIn,
    };
    // While PPM renews it, a refresh token does not get old.
    let refresh_end = token.ends.refresh.filter(|_| matches!(renewal, Renewal::Failing { .. }));
    let sign_in_by = token.ends.grant.into_iter().chain(refresh_end).min();
    let StoredToken { grant, obtained_at, expires_at, .. } = token;
    Ok(Some(Token { grant, obtained_at, expires_at, scope, sign_in_by, renewal }))
}

/// Whether two lists of scopes name the same ones.
fn are_alike(one: &str, other: &str) -> bool {
    let names = |scope: &str| {
        let mut names: Vec<_> = scope.split_whitespace().map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    names(one) == names(other)
}

/// Whether PPM can renew a token without anybody.
fn is_renewable(current: &Current, token: &StoredToken) -> bool {
    let asks_as_itself = current.saved.form.flow == OauthFlow::ClientCredentials;
    !token.is_gone && (asks_as_itself || token.sealed.refresh.is_some())
}

/// From when on a token is renewed: up to a quarter earlier than it has to be, which differs from
/// token to token, so that those obtained together are not renewed together. A refresh token that ends
/// before the access token is used before that.
fn due_at(token: &StoredToken) -> DateTime<Utc> {
    let end = token.ends.refresh.map_or(token.expires_at, |refresh| refresh.min(token.expires_at));
    let lifetime = end - token.obtained_at;
    let spread = token.grant.bytes().fold(0_u8, u8::wrapping_add);
    end - AHEAD.min(lifetime / 5) * (1024 + i32::from(spread)) / 1024
}

/// A token as it is wanted.
struct Ensured {
    token: StoredToken,
    /// Whether it is another one than there was at first.
    is_renewed: bool,
}

/// The token as it is wanted: as it stands, or after one renewal.
async fn ensured(server: &Server, current: &Current, want: &Want) -> Result<Ensured, NoAccess> {
    let _turn = server.token_turn.lock().await;
    let patience = Instant::now() + lease_length(server);
    let (mut has_asked, mut at_first) = (false, None);
    loop {
        let token = loaded(server, current).await?.ok_or(NoAccess::Absent)?;
        let is_renewed = *at_first.get_or_insert_with(|| Which::of(&token)) != Which::of(&token);
        match verdict(current, &token, want, server.clock.now()) {
            Some(verdict) => return verdict.map(|()| Ensured { token, is_renewed }),
            // What lives too short to be of use is not asked for twice.
            None if has_asked && server.clock.now() < token.expires_at => {
                return Ok(Ensured { token, is_renewed });
            }
            None if has_asked => {
                return Err(NoAccess::NotRenewed(Setback::expired_on_arrival(Leg::Renewal)));
            }
            None => {}
        }
        match renewed(server, current, &token).await {
            Tried::Done => has_asked = true,
            Tried::Elsewhere if Instant::now() < patience => sleep(LOOK_EVERY).await,
            Tried::Elsewhere => return Err(NoAccess::NotRenewed(setback(Fault::TooSlow))),
            Tried::Broken => return Err(NoAccess::NotRenewed(setback(Fault::ServerFailed))),
        }
    }
}

/// The token of these settings. The token first and the settings' revision after it: a token that is
/// read is then of that revision or of an earlier one, whose token no renewal matches any more.
async fn loaded(server: &Server, current: &Current) -> Result<Option<StoredToken>, NoAccess> {
    let read = async {
        let token = tokens::load(&server.store).await?;
        Ok::<_, StoreError>((token, stored::revision(&server.store).await?))
    };
    match read.await {
        Ok((_, revision)) if revision != current.saved.revision => {
            Err(NoAccess::NotRenewed(setback(Fault::SettingsChanged)))
        }
        Ok((token, _)) => Ok(token),
        Err(error) => {
            tracing::error!(error = one_line(&error), "the token could not be read");
            Err(NoAccess::NotRenewed(setback(Fault::ServerFailed)))
        }
    }
}

/// What is to be done about a token: it will do, nothing can be done, or (nothing) it has to be
/// renewed first.
fn verdict(
    current: &Current,
    token: &StoredToken,
    want: &Want,
    now: DateTime<Utc>,
) -> Option<Result<(), NoAccess>> {
    let is_good = now < token.expires_at && !token.is_gone;
    let will_do = match want {
        Want::Good => is_good && now < due_at(token),
        Want::OtherThan(refused) => is_good && Which::of(token) != *refused,
        Want::Fresh => now < due_at(token),
    };
    if will_do {
        return Some(Ok(()));
    }
    // A token in its last minute still does where it cannot be renewed, or not now.
    let or_as_it_is = |no_access| match want {
        Want::Good if is_good => Some(Ok(())),
        Want::Good | Want::OtherThan(_) | Want::Fresh => Some(Err(no_access)),
    };
    let reason = || token.setback.clone().unwrap_or_else(|| setback(Fault::InvalidGrant));
    if token.is_gone {
        return Some(Err(NoAccess::NotRenewed(reason())));
    }
    if !is_renewable(current, token) {
        return or_as_it_is(NoAccess::Expired);
    }
    let waits = match want {
        // A try that is due later than any pause is long was noted by another clock.
        Want::Fresh => token.next_try_at.is_some_and(|at| now < at && at < now + LONGEST_PAUSE * 2),
        Want::Good | Want::OtherThan(_) => token.tried_at.is_some_and(|at| now < at + RECENTLY),
    };
    if waits { or_as_it_is(NoAccess::NotRenewed(reason())) } else { None }
}

/// What became of a renewal.
enum Tried {
    /// It was made, well or not: the row says which.
    Done,
    /// Somebody else makes it.
    Elsewhere,
    /// The database failed; nothing was asked for.
    Broken,
}

/// Renews under a lease, in a task that nobody's leaving ends.
async fn renewed(server: &Server, current: &Current, token: &StoredToken) -> Tried {
    let owner = random_id(server.randomness.as_ref());
    let now = server.clock.now();
    let (length, longest) = (lease_length(server), LONGEST_LEASES * lease_length(server));
    let (until, longest) = (expiry(now, length), expiry(now, longest));
    let lease = Lease { grant: &token.grant, generation: token.generation, owner: &owner };
    match tokens::lease(&server.store, lease, now, until, longest).await {
        Ok(true) => {}
        Ok(false) => return Tried::Elsewhere,
        Err(error) => {
            tracing::error!(error = one_line(&error), "the token could not be leased");
            return Tried::Broken;
        }
    }
    let (server, current, token) = (server.clone(), current.clone(), token.clone());
    let tracker = server.asking.clone();
    let renewing = tracker.spawn(async move {
        let asked_at = server.clock.now();
        let outcome = asked(&server, &current, &token).await;
        keep(&server, &current, &token, &owner, asked_at, outcome).await;
    });
    match renewing.await {
        Ok(()) => Tried::Done,
        Err(error) => {
            tracing::error!(error = one_line(&error), "a renewal broke off");
            Tried::Broken
        }
    }
}

/// The lease outlasts the request that is made under it.
fn lease_length(server: &Server) -> Duration {
    let total = server.config.token_deadlines.total;
    total + (total / 4).max(Duration::from_secs(1))
}

/// Asks the Token Endpoint.
async fn asked(server: &Server, current: &Current, token: &StoredToken) -> Result<Issued, Setback> {
    let grant = grant(server, current)?;
    let auth = ClientAuth::from_wire_name(&token.sealed.client_auth).unwrap_or_default();
    match &token.sealed.refresh {
        Some(refresh) if current.saved.form.flow != OauthFlow::ClientCredentials => {
            let provider = current.saved.form.token_endpoint_origin();
            let refresh =
                server.vault.open(REFRESH_TOKEN, &provider, refresh).map_err(unreadable)?;
            server.tokens.refresh(&grant, auth, &refresh).await
        }
        _ => server.tokens.client_credentials(&grant, auth, Leg::Renewal).await,
    }
}

/// How a token is asked for, with the Client Secret opened.
pub fn grant(server: &Server, current: &Current) -> Result<Grant, Setback> {
    match current.settings(server) {
        Some(Settings::Oauth { grant, .. }) => Ok(grant),
        Some(Settings::Basic { .. }) | None => Err(setback(Fault::SecretUnreadable)),
    }
}

/// Writes down what a renewal brought. A refresh token that was rotated is not let go before the
/// database has it: the one before is dead by now.
async fn keep(
    server: &Server,
    current: &Current,
    token: &StoredToken,
    owner: &str,
    asked_at: DateTime<Utc>,
    outcome: Result<Issued, Setback>,
) {
    let lease = Lease { grant: &token.grant, generation: token.generation, owner };
    let kept = match &outcome {
        Ok(issued) => {
            let expires_at = expiry(asked_at, issued.lifetime);
            let ends = ends(asked_at, issued, Some(token.ends));
            let setback = Setback::expired_on_arrival(Leg::Renewal);
            let failure = issued.lifetime.is_zero().then(|| {
                let pause = pause_after(token.failures, server.randomness.as_ref());
                let next_at = Some(asked_at + pause);
                (FailedTry { setback: &setback, at: asked_at, next_at }, token.failures + 1)
            });
            let store = || async move {
                // Sealed for each try: another key may seal by then.
                let sealed = &sealed(server, current, issued, Some(&token.sealed));
                let renewed = Renewed { sealed, obtained_at: asked_at, expires_at, ends, failure };
                tokens::renewed(&server.store, lease, renewed).await
            };
            stored_at_last(STORE_AGAIN_FOR, store).await
        }
        Err(setback) => note(server, token, lease, setback).await,
    };
    match kept {
        Ok(true) => match outcome {
            Ok(issued) if !issued.lifetime.is_zero() => tracing::info!("the token was renewed"),
            Ok(_) => not_renewed(Fault::ExpiredOnArrival),
            Err(setback) => not_renewed(setback.fault),
        },
        Ok(false) => tracing::info!("a renewal came too late: the token was deleted or replaced"),
        Err(error) => {
            tracing::error!(error = one_line(&error), "the end of a renewal could not be stored");
        }
    }
}

/// Logs why, by the fault's code alone: a provider's words may hold anything.
fn not_renewed(fault: Fault) {
    let fault = app::shell::fault_code(fault);
    tracing::warn!(fault, "the token could not be renewed");
}

/// Writes down a try that failed. A grant that is gone is not tried again.
async fn note(
    server: &Server,
    token: &StoredToken,
    lease: Lease<'_>,
    setback: &Setback,
) -> Result<bool, StoreError> {
    let now = server.clock.now();
    let is_gone = setback.fault == Fault::InvalidGrant && token.sealed.refresh.is_some();
    let pause = pause_after(token.failures, server.randomness.as_ref());
    let failure = FailedTry { setback, at: now, next_at: (!is_gone).then(|| now + pause) };
    let entry = Entry::new(now, Actor::nobody(), Action::TokenGone);
    tokens::failed(&server.store, lease, failure, is_gone.then_some(&entry)).await
}

/// How long to wait after so many failures and one: doubled each time, give or take a quarter, so
/// that many clients of a provider that comes back do not come all at once.
fn pause_after(failures: i64, randomness: &dyn Randomness) -> TimeDelta {
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(0);
    let pause = (FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE);
    let [spread, ..] = random_bytes::<4>(randomness);
    pause * (192 + i32::from(spread / 2)) / 256
}

/// What a token that does not open comes to.
fn unreadable(error: VaultError) -> Setback {
    tracing::error!(error = one_line(&error), "the stored token cannot be opened");
    setback(Fault::SecretUnreadable)
}

const fn setback(fault: Fault) -> Setback {
    Setback { leg: Leg::Renewal, fault, said: None }
}

/// Renews the token whenever its time has come, for as long as the process lives.
pub async fn keep_fresh(server: Server) {
    loop {
        let wait = match next_look(&server).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::error!(error = one_line(&error), "the token could not be looked at");
                LOOK_AT_LEAST_EVERY
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = server.token_news.notified() => {}
        }
    }
}

/// Renews a token that is due, and tells how long to wait before the next look.
async fn next_look(server: &Server) -> Result<Duration, Broken> {
    let Some(token) = tokens::load(&server.store).await? else { return Ok(LOOK_AT_LEAST_EVERY) };
    let current = settings::current(server).await?;
    // One that had expired on arrival is tried again like any other that failed.
    let is_worth_it =
        token.setback.is_some() || token.expires_at - token.obtained_at >= WORTH_RENEWING;
    if !is_renewable(&current, &token) || !is_worth_it {
        return Ok(LOOK_AT_LEAST_EVERY);
    }
    if verdict(&current, &token, &Want::Fresh, server.clock.now()).is_none() {
        // Whoever was here meanwhile, the row says how it went.
        let _ = ensured(server, &current, &Want::Fresh).await;
    }
    let Some(token) = tokens::load(&server.store).await? else { return Ok(LOOK_AT_LEAST_EVERY) };
    let next_at = token.next_try_at.map_or(due_at(&token), |next_at| next_at.max(due_at(&token)));
    let wait = (next_at - server.clock.now()).to_std().unwrap_or_default();
    Ok(wait.clamp(LOOK_EVERY, LOOK_AT_LEAST_EVERY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Always(u8);

    impl Randomness for Always {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn pauses_double_from_five_seconds_to_ten_minutes_give_or_take_a_quarter() {
        for (failures, shortest, longest) in
            [(0, 3_750, 6_230), (1, 7_500, 12_460), (3, 30_000, 49_843), (50, 450_000, 747_656)]
        {
            for (byte, expected) in [(0, shortest), (255, longest)] {
                let pause = pause_after(failures, &Always(byte)).num_milliseconds();
                assert!((pause - expected).abs() < 10, "{failures} {byte}: {pause}");
            }
        }
    }

    fn token(grant: &str, lifetime: TimeDelta) -> StoredToken {
        let sealed = SealedTokens {
            access: Vec::new(),
            refresh: None,
            client_auth: "body".to_owned(),
            granted_scope: None,
        };
        StoredToken {
            grant: grant.to_owned(),
            generation: 0,
            sealed,
            obtained_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH + lifetime,
            ends: Ends::default(),
            failures: 0,
            tried_at: None,
            next_try_at: None,
            setback: None,
            is_gone: false,
        }
    }

    #[test]
    fn a_token_is_renewed_a_minute_or_a_fifth_of_its_life_ahead_and_up_to_a_quarter_earlier() {
        for (lifetime, ahead) in [(3_600, 60), (300, 60), (100, 20), (5, 1)] {
            let (lifetime, ahead) = (TimeDelta::seconds(lifetime), TimeDelta::seconds(ahead));
            for grant in ["", "a", "another grant", "\u{7f}\u{7f}"] {
                let token = token(grant, lifetime);
                let early = token.expires_at - due_at(&token);
                assert!(early >= ahead && early <= ahead * 5 / 4, "{grant:?} {lifetime}: {early}");
            }
        }
    }

    #[test]
    fn a_token_is_renewed_before_its_refresh_token_ends() {
        let mut token = token("a grant", TimeDelta::hours(1));
        token.ends.refresh = Some(DateTime::UNIX_EPOCH + TimeDelta::minutes(10));
        let due = due_at(&token) - DateTime::UNIX_EPOCH;
        assert!(due > TimeDelta::minutes(8) && due < TimeDelta::minutes(10), "{due}");
    }

    #[test]
    fn what_an_answer_does_not_say_of_ends_is_as_before_except_of_a_new_refresh_token() {
        let seconds = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let before = Ends { refresh: Some(seconds(50)), grant: Some(seconds(90)) };
        let issued = |refresh_token: Option<&str>, refresh_lifetime| Issued {
            access_token: "a".into(),
            refresh_token: refresh_token.map(SecretString::from),
            lifetime: Duration::from_secs(9),
            refresh_lifetime,
            grant_lifetime: None,
            scope: None,
            auth: ClientAuth::Body,
            accounts: Vec::new(),
        };
        for (issued, refresh) in [
            (issued(None, None), Some(50)),
            (issued(Some("b"), None), None),
            (issued(Some("b"), Some(Duration::from_mins(1))), Some(70)),
        ] {
            let found = ends(seconds(10), &issued, Some(before));
            assert_eq!(found, Ends { refresh: refresh.map(seconds), grant: before.grant });
        }
    }

    #[test]
    fn scopes_are_alike_in_any_order() {
        assert!(are_alike("a b", "b  a"));
        assert!(!are_alike("a", "a b"));
    }
}
