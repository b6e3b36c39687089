//! Keeps the access token valid: renews it before it expires, exactly once, however many messages,
//! tabs and processes need it.
//!
//! Within a process, a mutex serialises renewal; between processes, a lease does. The request is
//! made outside of any transaction, in a separate task that continues if the caller disconnects.
//! Its result is stored before it is used.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::health::{self, Evidence, Proof, Trouble};
use domain::settings::{Grant, Settings};
use domain::token::{OauthDiagnosis, OauthFailure, OauthStage, Renewal, Token};
use domain::{OauthFlow, error::one_line};
use oauth::{ClientAuth, Issued};
use secrecy::SecretString;
use store::audit::{Action, Actor, Entry};
use store::tokens::{
    self as rows, Ends, FailedTry, Gone, Lease, Renewed, SealedTokens, StoredToken,
};
use store::{StoreError, settings as stored};
use tokio::time::{Instant, sleep};
use vault::VaultError;
use vault::clock::{Randomness, random_bytes, random_id};
use vault::columns::{ACCESS_TOKEN, REFRESH_TOKEN};

use super::super::settings::{self, Current};
use super::super::{UseCaseError, retry_store};
use super::{Tokens, client_auth};

/// How long before its expiry a token is renewed: this, or a fifth of its lifetime if that is less,
/// and up to a quarter earlier (jitter).
const AHEAD: TimeDelta = TimeDelta::seconds(60);
/// A renewal that failed so recently is not retried for a message.
const RECENTLY: TimeDelta = TimeDelta::seconds(10);
/// The back-off after the first failure; each further one doubles it.
const INITIAL_BACK_OFF: TimeDelta = TimeDelta::seconds(5);
/// The maximum back-off.
const MAX_BACK_OFF: TimeDelta = TimeDelta::minutes(10);
/// A lease further in the future than this many lengths is ignored: the clock has been set back.
const MAX_LEASE_LENGTHS: u32 = 10;
/// A refresh token is used at least this often, so that it does not expire unused.
const AT_LEAST_EVERY: TimeDelta = TimeDelta::days(1);
/// How much later a response may seem to end a refresh token that it does not extend.
const ROUNDING: TimeDelta = TimeDelta::seconds(5);
/// A token with a shorter lifetime is renewed on demand, and not ahead.
const WORTH_RENEWING: TimeDelta = TimeDelta::seconds(2);
/// The polling interval while another process renews the token.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The maximum interval of checks: another process may have obtained a token.
const MAX_CHECK_INTERVAL: Duration = Duration::from_secs(15);
/// How long storing a rotated refresh token is retried while the database fails.
const STORE_AGAIN_FOR: Duration = Duration::from_mins(10);

/// An access token to send with.
pub struct Access {
    /// The access token.
    pub token: SecretString,
    /// Its identity.
    pub which: TokenVersion,
    /// When it was obtained.
    pub obtained_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// Whether it was renewed during this call.
    pub is_renewed: bool,
    /// False if its renewal has failed.
    pub renews: bool,
}

/// The identity of an access token: its grant and generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenVersion {
    grant: String,
    generation: i64,
}

impl TokenVersion {
    fn of(token: &StoredToken) -> Self {
        Self { grant: token.grant.clone(), generation: token.generation }
    }
}

/// Why no access token is available.
#[derive(Debug)]
pub enum NoAccess {
    /// There is no token.
    Absent,
    /// It has expired, and only a new sign-in can replace it.
    Expired,
    /// It could not be renewed.
    NotRenewed(OauthFailure),
    /// A new token could not be obtained.
    NotObtained(OauthFailure),
}

/// The purpose of a token, which determines how urgent a renewal is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Want {
    /// For a message: a valid token, now.
    Good,
    /// For a message whose token was refused: another token than this, now.
    OtherThan(TokenVersion),
    /// For the background loop: a new token once renewal is due.
    Fresh,
}

/// Returns a token to send with, renewed if it is about to expire.
pub async fn access_token(tokens: &Tokens, current: &Current) -> Result<Access, NoAccess> {
    taken(tokens, current, &Want::Good).await
}

/// Returns another token than the one that a mail server has refused.
pub async fn replacement_token(
    tokens: &Tokens,
    current: &Current,
    refused: TokenVersion,
) -> Result<Access, NoAccess> {
    taken(tokens, current, &Want::OtherThan(refused)).await
}

/// Requests a token for one message with Client Credentials (RFC 6749 4.4); it is not stored.
pub async fn one_off(tokens: &Tokens, grant: &Grant) -> Result<Access, NoAccess> {
    let auth = client_auth::first(tokens, grant).await;
    let issued = tokens.client.client_credentials(grant, auth, OauthStage::TokenRequest).await;
    let Issued { access_token, lifetime, .. } = issued.map_err(NoAccess::NotObtained)?;
    if lifetime.is_zero() {
        return Err(NoAccess::NotObtained(OauthFailure::expired_on_arrival(
            OauthStage::TokenRequest,
        )));
    }
    let now = tokens.clock.now();
    Ok(Access {
        token: access_token,
        which: TokenVersion { grant: String::new(), generation: 0 },
        obtained_at: now,
        expires_at: expiry(now, lifetime),
        is_renewed: false,
        renews: true,
    })
}

async fn taken(tokens: &Tokens, current: &Current, want: &Want) -> Result<Access, NoAccess> {
    let EnsuredToken { token, is_renewed } = ensure_token(tokens, current, want).await?;
    let destination = current.saved.form.token_destination();
    let opened = tokens.vault.open(ACCESS_TOKEN, &destination, &token.sealed.access);
    Ok(Access {
        token: opened.map_err(|error| NoAccess::NotRenewed(unreadable(error)))?,
        which: TokenVersion::of(&token),
        obtained_at: token.obtained_at,
        expires_at: token.expires_at,
        is_renewed,
        renews: token.failure.is_none(),
    })
}

/// Opens the stored tokens: the access token, and the refresh token if there is one.
pub fn unsealed(
    tokens: &Tokens,
    current: &Current,
    sealed: &SealedTokens,
) -> Result<(SecretString, Option<SecretString>), VaultError> {
    let form = &current.saved.form;
    let (mail_server, provider) = (form.token_destination(), form.token_endpoint_origin());
    let open_refresh = |refresh: &Vec<u8>| tokens.vault.open(REFRESH_TOKEN, &provider, refresh);
    Ok((
        tokens.vault.open(ACCESS_TOKEN, &mail_server, &sealed.access)?,
        sealed.refresh.as_ref().map(open_refresh).transpose()?,
    ))
}

/// Seals the tokens of a Token Endpoint's response, each for its destination. A refresh token or a
/// scope that the response omits stays as before (RFC 6749 5.1, 6).
pub fn sealed(
    tokens: &Tokens,
    current: &Current,
    issued: &Issued,
    before: Option<&SealedTokens>,
) -> SealedTokens {
    let form = &current.saved.form;
    let (mail_server, provider) = (form.token_destination(), form.token_endpoint_origin());
    // Client Credentials needs no refresh token (RFC 6749 4.4.3).
    let refresh =
        issued.refresh_token.as_ref().filter(|_| form.flow != OauthFlow::ClientCredentials);
    // Resealed, so that a kept value does not need a key that is about to be removed.
    let kept_refresh = || {
        let kept = before?.refresh.as_ref()?;
        let resealed = tokens.vault.reseal(REFRESH_TOKEN, &provider, kept);
        Some(resealed.unwrap_or_else(|_| kept.clone()))
    };
    let seal_refresh = |refresh| tokens.vault.seal(REFRESH_TOKEN, &provider, refresh);
    SealedTokens {
        access: tokens.vault.seal(ACCESS_TOKEN, &mail_server, &issued.access_token),
        refresh: refresh.map(seal_refresh).or_else(kept_refresh),
        client_auth: issued.auth.wire_name().to_owned(),
        granted_scope: issued.scope.clone().or_else(|| before?.granted_scope.clone()),
    }
}

/// When a lifetime that begins now ends.
pub fn expiry(now: DateTime<Utc>, lifetime: Duration) -> DateTime<Utc> {
    let lifetime = TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(lifetime).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Until when a token can be renewed. What a response omits stays as before, except for a refresh
/// token that it replaces. If a renewal does not extend the refresh token, the grant ends with it.
pub fn ends(now: DateTime<Utc>, issued: &Issued, before: Option<Ends>) -> Ends {
    let before = before.unwrap_or_default();
    let kept = before.refresh.filter(|_| issued.refresh_token.is_none());
    let end = |lifetime: Option<Duration>| lifetime.map(|lifetime| expiry(now, lifetime));
    let refresh = end(issued.refresh_lifetime).or(kept);
    let is_extended = |at: &DateTime<Utc>| before.refresh.is_none_or(|end| *at > end + ROUNDING);
    let not_extended = refresh.filter(|at| !is_extended(at));
    // A later response may extend a refresh token that ended with the grant so far.
    let kept = before.grant.filter(|_| before.grant != before.refresh);
    let grant = end(issued.grant_lifetime).or(kept).into_iter().chain(not_extended).min();
    Ends { refresh, grant }
}

/// The token as a browser may see it.
pub fn shown(current: &Current, token: StoredToken) -> Token {
    let asked = &current.saved.form.authentication.scope;
    let scope =
        token.sealed.granted_scope.clone().filter(|granted| !have_same_names(granted, asked));
    let renewal = match (token.failure.clone(), token.next_try_at) {
        (Some(failure), _) if token.is_gone => Renewal::Gone(failure),
        (Some(failure), Some(next_at)) => Renewal::Failing { failure, next_at },
        _ if is_renewable(current, &token) => Renewal::ByItself,
        _ => Renewal::BySigningIn,
    };
    // While renewals extend it, a refresh token does not expire.
    let refresh_end = token.ends.refresh.filter(|_| matches!(renewal, Renewal::Failing { .. }));
    let sign_in_by = token.ends.grant.into_iter().chain(refresh_end).min();
    let StoredToken { grant, obtained_at, expires_at, .. } = token;
    Token { grant, obtained_at, expires_at, scope, sign_in_by, renewal }
}

/// Whether two lists of scopes contain the same names.
fn have_same_names(one: &str, other: &str) -> bool {
    let names = |scope: &str| {
        let mut names: Vec<_> = scope.split_whitespace().map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    names(one) == names(other)
}

/// Whether PPM can renew a token without user interaction.
fn is_renewable(current: &Current, token: &StoredToken) -> bool {
    let asks_as_itself = current.saved.form.flow == OauthFlow::ClientCredentials;
    !token.is_gone && (asks_as_itself || token.sealed.refresh.is_some())
}

/// When renewal is due. The jitter of up to a quarter differs from token to token, so that those
/// obtained together are not renewed together. A refresh token that expires before the access token
/// is used before that.
fn due_at(token: &StoredToken) -> DateTime<Utc> {
    let end = token.ends.refresh.map_or(token.expires_at, |refresh| refresh.min(token.expires_at));
    let unused = token.sealed.refresh.as_ref().map(|_| token.obtained_at + AT_LEAST_EVERY);
    let end = unused.map_or(end, |unused| unused.min(end));
    let lifetime = end - token.obtained_at;
    let spread = token.grant.bytes().fold(0_u8, u8::wrapping_add);
    end - AHEAD.min(lifetime / 5) * (1024 + i32::from(spread)) / 1024
}

/// The stored token, which is as wanted.
struct EnsuredToken {
    token: StoredToken,
    /// Whether it is another one than at the start of the call.
    is_renewed: bool,
}

/// Returns the stored token if it is as wanted, else after one renewal.
async fn ensure_token(
    tokens: &Tokens,
    current: &Current,
    want: &Want,
) -> Result<EnsuredToken, NoAccess> {
    let _turn = tokens.mutex.lock().await;
    let patience = Instant::now() + lease_length(tokens);
    let (mut has_asked, mut at_first) = (false, None);
    loop {
        let token = loaded(tokens, current).await?.ok_or(NoAccess::Absent)?;
        let is_renewed =
            *at_first.get_or_insert_with(|| TokenVersion::of(&token)) != TokenVersion::of(&token);
        match verdict(current, &token, want, tokens.clock.now()) {
            Some(verdict) => return verdict.map(|()| EnsuredToken { token, is_renewed }),
            // A token with too short a lifetime is not requested twice.
            None if has_asked && tokens.clock.now() < token.expires_at => {
                return Ok(EnsuredToken { token, is_renewed });
            }
            None if has_asked => {
                return Err(NoAccess::NotRenewed(OauthFailure::expired_on_arrival(
                    OauthStage::Renewal,
                )));
            }
            None => {}
        }
        match renewed(tokens, current, &token).await {
            RenewalTry::Done => has_asked = true,
            RenewalTry::InProgress if Instant::now() < patience => sleep(POLL_INTERVAL).await,
            RenewalTry::InProgress => {
                return Err(NoAccess::NotRenewed(failure(OauthDiagnosis::TooSlow)));
            }
            RenewalTry::Broken => {
                return Err(NoAccess::NotRenewed(failure(OauthDiagnosis::ServerFailed)));
            }
        }
    }
}

/// Loads the token of these settings. It reads the token first and the token revision after it: the
/// token is then of that revision or of an earlier one, whose token no renewal matches any more.
async fn loaded(tokens: &Tokens, current: &Current) -> Result<Option<StoredToken>, NoAccess> {
    let read = async {
        let token = rows::load(&tokens.store).await?;
        Ok::<_, StoreError>((token, stored::token_revision(&tokens.store).await?))
    };
    match read.await {
        Ok((_, revision)) if revision != current.token_revision => {
            Err(NoAccess::NotRenewed(failure(OauthDiagnosis::SettingsChanged)))
        }
        Ok((token, _)) => Ok(token),
        Err(error) => {
            tracing::error!(error = one_line(&error), "the token could not be read");
            Err(NoAccess::NotRenewed(failure(OauthDiagnosis::ServerFailed)))
        }
    }
}

/// Whether a token is as wanted: yes, no for a reason, or `None` if it has to be renewed first.
fn verdict(
    current: &Current,
    token: &StoredToken,
    want: &Want,
    now: DateTime<Utc>,
) -> Option<Result<(), NoAccess>> {
    let is_good = now < token.expires_at && !token.is_gone;
    let will_do = match want {
        Want::Good => is_good && now < due_at(token),
        Want::OtherThan(refused) => is_good && TokenVersion::of(token) != *refused,
        Want::Fresh => now < due_at(token),
    };
    if will_do {
        return Some(Ok(()));
    }
    // A token in its last minute is still used if it cannot be renewed, or not now.
    let or_as_it_is = |no_access| match want {
        Want::Good if is_good => Some(Ok(())),
        Want::Good | Want::OtherThan(_) | Want::Fresh => Some(Err(no_access)),
    };
    let reason = || token.failure.clone().unwrap_or_else(|| failure(OauthDiagnosis::InvalidGrant));
    if token.is_gone {
        return Some(Err(NoAccess::NotRenewed(reason())));
    }
    if !is_renewable(current, token) {
        return or_as_it_is(NoAccess::Expired);
    }
    let waits = match want {
        // A retry time further away than any back-off was set by another clock.
        Want::Fresh => token.next_try_at.is_some_and(|at| now < at && at < now + MAX_BACK_OFF * 2),
        Want::Good | Want::OtherThan(_) => token.tried_at.is_some_and(|at| now < at + RECENTLY),
    };
    if waits { or_as_it_is(NoAccess::NotRenewed(reason())) } else { None }
}

/// The result of trying to renew.
enum RenewalTry {
    /// A request was made; the row has its result.
    Done,
    /// Another process has the lease.
    InProgress,
    /// The database failed; no request was made.
    Broken,
}

/// Renews under a lease, in a task that continues if the caller disconnects.
async fn renewed(tokens: &Tokens, current: &Current, token: &StoredToken) -> RenewalTry {
    let owner = random_id(tokens.randomness.as_ref());
    let now = tokens.clock.now();
    let (length, longest) = (lease_length(tokens), MAX_LEASE_LENGTHS * lease_length(tokens));
    let (until, longest) = (expiry(now, length), expiry(now, longest));
    let lease = Lease { grant: &token.grant, generation: token.generation, owner: &owner };
    match rows::lease(&tokens.store, lease, now, until, longest).await {
        Ok(true) => {}
        Ok(false) => return RenewalTry::InProgress,
        Err(error) => {
            tracing::error!(error = one_line(&error), "the token could not be leased");
            return RenewalTry::Broken;
        }
    }
    let (tokens, current, token) = (tokens.clone(), current.clone(), token.clone());
    let tracker = tokens.tasks.clone();
    let renewing = tracker.spawn(async move {
        let asked_at = tokens.clock.now();
        let outcome = asked(&tokens, &current, &token).await;
        keep(&tokens, &current, &token, &owner, asked_at, outcome).await;
    });
    match renewing.await {
        Ok(()) => RenewalTry::Done,
        Err(error) => {
            tracing::error!(error = one_line(&error), "the task of a renewal failed");
            RenewalTry::Broken
        }
    }
}

/// The length of a lease, which outlasts the request that is made under it.
fn lease_length(tokens: &Tokens) -> Duration {
    let total = tokens.longest_request;
    total + (total / 4).max(Duration::from_secs(1))
}

/// Sends the request to the Token Endpoint.
async fn asked(
    tokens: &Tokens,
    current: &Current,
    token: &StoredToken,
) -> Result<Issued, OauthFailure> {
    let grant = grant(tokens, current)?;
    let auth = ClientAuth::from_wire_name(&token.sealed.client_auth).unwrap_or_default();
    match &token.sealed.refresh {
        Some(refresh) if current.saved.form.flow != OauthFlow::ClientCredentials => {
            let provider = current.saved.form.token_endpoint_origin();
            let refresh =
                tokens.vault.open(REFRESH_TOKEN, &provider, refresh).map_err(unreadable)?;
            tokens.client.refresh(&grant, auth, &refresh).await
        }
        _ => tokens.client.client_credentials(&grant, auth, OauthStage::Renewal).await,
    }
}

/// How a token is requested, with the Client Secret opened.
pub fn grant(tokens: &Tokens, current: &Current) -> Result<Grant, OauthFailure> {
    match current.settings(&tokens.settings) {
        Some(Settings::Oauth { grant, .. }) => Ok(grant),
        Some(Settings::Basic { .. }) | None => Err(failure(OauthDiagnosis::SecretUnreadable)),
    }
}

/// Stores the result of a renewal. A rotated refresh token is not dropped before the database has
/// it: the previous one is no longer valid.
async fn keep(
    tokens: &Tokens,
    current: &Current,
    token: &StoredToken,
    owner: &str,
    asked_at: DateTime<Utc>,
    outcome: Result<Issued, OauthFailure>,
) {
    let lease = Lease { grant: &token.grant, generation: token.generation, owner };
    let kept = match &outcome {
        Ok(issued) => {
            let expires_at = expiry(asked_at, issued.lifetime);
            let ends = ends(asked_at, issued, Some(token.ends));
            let failure = OauthFailure::expired_on_arrival(OauthStage::Renewal);
            let failure = issued.lifetime.is_zero().then(|| {
                let pause = back_off(token.failures, tokens.randomness.as_ref());
                let next_at = Some(asked_at + pause);
                (FailedTry { failure: &failure, at: asked_at, next_at }, token.failures + 1)
            });
            let store = || async move {
                // Sealed for each retry: the sealing key may have changed meanwhile.
                let sealed = &sealed(tokens, current, issued, Some(&token.sealed));
                let renewed = Renewed { sealed, obtained_at: asked_at, expires_at, ends, failure };
                rows::renewed(&tokens.store, lease, renewed).await
            };
            retry_store(STORE_AGAIN_FOR, store).await
        }
        Err(failure) => note(tokens, current, token, lease, failure).await,
    };
    match kept {
        Ok(true) => {
            let evidence = match outcome {
                Ok(issued) if !issued.lifetime.is_zero() => {
                    tracing::info!("the token was renewed");
                    Evidence::Works(Proof::TOKEN)
                }
                Ok(_) => {
                    not_renewed(OauthDiagnosis::ExpiredOnArrival);
                    let failure = OauthFailure::expired_on_arrival(OauthStage::Renewal);
                    Evidence::Fails(Trouble::of_renewal(failure))
                }
                Err(failure) => {
                    not_renewed(failure.diagnosis);
                    let trouble = Trouble::of_renewal(failure);
                    if trouble.can_pass && tokens.clock.now() < token.expires_at {
                        // Mail works until the token expires.
                        return;
                    }
                    Evidence::Fails(trouble)
                }
            };
            tokens.health.record(current.token_revision, evidence).await;
        }
        Ok(false) => tracing::info!(
            "the result of a renewal was discarded: the token was deleted or replaced"
        ),
        Err(error) => {
            tracing::error!(error = one_line(&error), "the end of a renewal could not be stored");
        }
    }
}

/// Logs a failed renewal by its code only: a provider's text may contain anything.
fn not_renewed(diagnosis: OauthDiagnosis) {
    let diagnosis = shell::fault_code(diagnosis);
    tracing::warn!(fault = diagnosis, "the token could not be renewed");
}

/// Stores a failed renewal. A revoked grant is not retried.
async fn note(
    tokens: &Tokens,
    current: &Current,
    token: &StoredToken,
    lease: Lease<'_>,
    failure: &OauthFailure,
) -> Result<bool, StoreError> {
    let now = tokens.clock.now();
    let is_gone =
        failure.diagnosis == OauthDiagnosis::InvalidGrant && token.sealed.refresh.is_some();
    let pause = back_off(token.failures, tokens.randomness.as_ref());
    let failure = FailedTry { failure, at: now, next_at: (!is_gone).then(|| now + pause) };
    let endpoint = &current.saved.form.authentication.token_endpoint;
    let age = token.granted_at.map(|at| now - at);
    let lifetime = health::grant_lifetime(endpoint, failure.failure.peer_text.as_deref(), age);
    let entry = &Entry::new(now, Actor::unknown(), Action::TokenGone);
    let gone = is_gone.then_some(Gone { entry, lifetime });
    rows::failed(&tokens.store, lease, failure, gone).await
}

/// The back-off after so many failures and one: doubled each time, with a jitter of a quarter, so
/// that the clients of a provider that recovers do not retry all at once.
fn back_off(failures: i64, randomness: &dyn Randomness) -> TimeDelta {
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(0);
    let pause = (INITIAL_BACK_OFF * 2_i32.pow(doublings)).min(MAX_BACK_OFF);
    let [spread, ..] = random_bytes::<4>(randomness);
    pause * (192 + i32::from(spread / 2)) / 256
}

/// Logs that the stored token cannot be opened, and returns the failure.
fn unreadable(error: VaultError) -> OauthFailure {
    tracing::error!(error = one_line(&error), "the stored token cannot be opened");
    failure(OauthDiagnosis::SecretUnreadable)
}

const fn failure(diagnosis: OauthDiagnosis) -> OauthFailure {
    OauthFailure { stage: OauthStage::Renewal, diagnosis, peer_text: None }
}

/// Renews the token whenever that is due, for as long as the process lives.
pub async fn run_refresh_loop(tokens: Arc<Tokens>) {
    loop {
        let wait = match renew_if_due(&tokens).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::error!(error = one_line(&error), "the token could not be checked");
                MAX_CHECK_INTERVAL
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = tokens.obtained.notified() => {}
        }
    }
}

/// Renews a token that is due, and returns how long to wait until the next check.
async fn renew_if_due(tokens: &Tokens) -> Result<Duration, UseCaseError> {
    let Some(token) = rows::load(&tokens.store).await? else { return Ok(MAX_CHECK_INTERVAL) };
    let current = settings::current(&tokens.settings).await?;
    // A token that was expired on arrival is retried like any other failure.
    let is_worth_it =
        token.failure.is_some() || token.expires_at - token.obtained_at >= WORTH_RENEWING;
    if !is_renewable(&current, &token) || !is_worth_it {
        return Ok(MAX_CHECK_INTERVAL);
    }
    if verdict(&current, &token, &Want::Fresh, tokens.clock.now()).is_none() {
        // The row has the result, whichever task renewed the token.
        let _ = ensure_token(tokens, &current, &Want::Fresh).await;
    }
    let Some(token) = rows::load(&tokens.store).await? else { return Ok(MAX_CHECK_INTERVAL) };
    let next_at = token.next_try_at.map_or(due_at(&token), |next_at| next_at.max(due_at(&token)));
    let wait = (next_at - tokens.clock.now()).to_std().unwrap_or_default();
    Ok(wait.clamp(POLL_INTERVAL, MAX_CHECK_INTERVAL))
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
    fn the_back_off_doubles_from_five_seconds_to_ten_minutes_with_jitter() {
        for (failures, shortest, longest) in
            [(0, 3_750, 6_230), (1, 7_500, 12_460), (3, 30_000, 49_843), (50, 450_000, 747_656)]
        {
            for (byte, expected) in [(0, shortest), (255, longest)] {
                let pause = back_off(failures, &Always(byte)).num_milliseconds();
                assert!((pause - expected).abs() < 10, "{failures} {byte}: {pause}");
            }
        }
    }

    fn token(grant: &str, lifetime: TimeDelta) -> StoredToken {
        StoredToken {
            grant: grant.to_owned(),
            obtained_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH + lifetime,
            ..StoredToken::default()
        }
    }

    #[test]
    fn renewal_is_due_a_minute_or_a_fifth_of_the_lifetime_ahead_with_jitter() {
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

    /// A response with this refresh token and its lifetime in seconds.
    fn issued(refresh_token: Option<&str>, refresh_lifetime: Option<u64>) -> Issued {
        Issued {
            access_token: "a".into(),
            refresh_token: refresh_token.map(SecretString::from),
            lifetime: Duration::from_secs(9),
            refresh_lifetime: refresh_lifetime.map(Duration::from_secs),
            grant_lifetime: None,
            scope: None,
            auth: ClientAuth::Body,
            accounts: Vec::new(),
        }
    }

    #[test]
    fn an_omitted_expiry_stays_as_before_except_for_a_new_refresh_token() {
        let seconds = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let before = Ends { refresh: Some(seconds(50)), grant: Some(seconds(90)) };
        for (refresh_token, lifetime, refresh) in
            [(None, None, Some(50)), (Some("b"), None, None), (Some("b"), Some(60), Some(70))]
        {
            let found = ends(seconds(10), &issued(refresh_token, lifetime), Some(before));
            assert_eq!(found.refresh, refresh.map(seconds));
        }
    }

    #[test]
    fn a_grant_ends_with_a_refresh_token_that_renewals_do_not_extend() {
        let days = |days| DateTime::UNIX_EPOCH + TimeDelta::days(days);
        let ten_days = Some(10 * 86_400);
        let mut found = ends(days(0), &issued(Some("a"), ten_days), None);
        assert_eq!(found.grant, None, "nothing is known yet");
        for (day, response, grant) in [
            (1, issued(None, None), Some(10)),
            (1, issued(Some("b"), Some(9 * 86_400 + 2)), Some(10)),
            (2, issued(Some("c"), ten_days), None),
            (3, issued(Some("d"), Some(9 * 86_400)), Some(12)),
        ] {
            found = ends(days(day), &response, Some(found));
            let on = |at: DateTime<Utc>| at.date_naive();
            assert_eq!(found.grant.map(on), grant.map(|day| on(days(day))), "{response:?}");
        }
    }

    #[test]
    fn a_grant_keeps_an_earlier_end_that_the_provider_named() {
        let seconds = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        for (grant, expected) in [(40, 40), (90, 50)] {
            let before = Ends { refresh: Some(seconds(50)), grant: Some(seconds(grant)) };
            let found = ends(seconds(10), &issued(None, None), Some(before));
            assert_eq!(found.grant, Some(seconds(expected)));
        }
    }

    #[test]
    fn scopes_are_equal_in_any_order() {
        assert!(have_same_names("a b", "b  a"));
        assert!(!have_same_names("a", "a b"));
    }
}
