//! Obtains a token: begins an attempt, redirects the browser to the provider, handles the callback,
//! exchanges the code and stores the token. Every attempt is a row, so that any node and any tab
//! can show its state. A failed attempt leaves the previous token untouched.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    ApiCode, AttemptFinished, AttemptStarted, ConsentBinding, Explanation, TokenView, paths,
};
use domain::health::{Evidence, Proof};
use domain::settings::{Consent, Grant};
use domain::syntax::{text::is_guid, url};
use domain::token::{Attempt, AttemptOutcome, OauthDiagnosis, OauthFailure, OauthStage, Renewal};
use domain::{OauthFlow, Principal, error::one_line};
use explain::FailureContext;
use oauth::{AuthorizationResponse, Issued};
use secrecy::{ExposeSecret, SecretString};
use store::audit::{self, Action, Actor, Entry};
use store::oauth_attempts::{self, ConsentStart, NewAttempt, StoredAttempt, StoredBinding};
use store::provider_metadata::{self, StoredProvider};
use store::tokens::{self as rows, PutOutcome, StoredToken};
use store::{StoreError, hash::hashed, people};
use vault::clock::{random_id, random_token};
use vault::columns::CODE_VERIFIER;

use super::super::settings::{self, Current};
use super::super::{UseCaseError, internal_error, reader_view, retry_store};
use super::{Tokens, client_auth, renewal, revocation};

/// The deadline of an attempt.
const WITHIN: TimeDelta = TimeDelta::minutes(10);
/// Grace period after an exchange's deadline before its process counts as gone.
const GRACE: TimeDelta = TimeDelta::seconds(15);
/// How long storing an obtained token is retried while the database fails.
const STORE_AGAIN_FOR: Duration = Duration::from_secs(20);

/// The outcome of an attempt that the user stopped.
const STOPPED: AttemptOutcome = failed(OauthStage::Return, OauthDiagnosis::AttemptStopped);

/// The redirect to the provider.
#[derive(Debug)]
pub struct ConsentRedirect {
    /// The authorization request (RFC 6749 4.1.1), as a URL.
    pub url: String,
    /// The cookie value that binds the browser to the attempt.
    pub browser: String,
}

/// The outcome of a callback.
#[derive(Debug, PartialEq, Eq)]
pub enum CallbackOutcome {
    /// An attempt with this id has ended.
    Attempt(String),
    /// It matches no attempt, or changes nothing about one.
    NoAttempt(OauthDiagnosis),
}

/// The state of the token, and how this user's last attempt ended.
pub async fn now(
    tokens: &Tokens,
    who: &Principal,
    current: &Current,
    token: Option<StoredToken>,
    attempt: Option<StoredAttempt>,
) -> Result<TokenView, UseCaseError> {
    let now = tokens.clock.now();
    // An attempt that ended long ago is not shown, nor one that the user stopped.
    let attempt = attempt.filter(|attempt| {
        now < attempt.expires_at + WITHIN && attempt.end.as_ref() != Some(&STOPPED)
    });
    let token = token.map(|token| renewal::shown(current, token));
    let renewal = token.as_ref().and_then(|token| match &token.renewal {
        Renewal::ByItself | Renewal::BySigningIn => None,
        Renewal::Failing { failure, .. } | Renewal::Gone(failure) => Some(failure),
    });
    let renewal = match renewal {
        Some(failure) => Some(explain_failure(tokens, current, failure).await?),
        None => None,
    };
    let (attempt, ended) = match attempt {
        Some(attempt) => {
            let (attempt, ended) = shown(tokens, current, attempt).await?;
            (Some(attempt), ended)
        }
        None => (None, None),
    };
    let client_id = &current.saved.form.authentication.client_id;
    Ok(reader_view::for_person(
        TokenView { token, now, attempt, renewal, ended },
        Some(who),
        client_id,
    )?)
}

/// Explains a failure to obtain or renew a token for these settings.
async fn explain_failure(
    tokens: &Tokens,
    current: &Current,
    failure: &OauthFailure,
) -> Result<Explanation, UseCaseError> {
    let form = &current.saved.form;
    let secret_is_an_id = failure.diagnosis == OauthDiagnosis::InvalidClient
        && renewal::grant(tokens, current).is_ok_and(|grant| {
            grant.client_secret.is_some_and(|secret| is_guid(secret.expose_secret()))
        });
    let token_endpoint = &form.authentication.token_endpoint;
    let described = match failure.diagnosis {
        OauthDiagnosis::InvalidRequest => {
            provider_metadata::of(&tokens.store, token_endpoint).await?
        }
        _ => None,
    };
    let knows_pkce = described.is_some_and(|known| known.knows_pkce);
    let known = FailureContext { form: form.map_secrets(|_, _| ()), secret_is_an_id, knows_pkce };
    Ok(explain::failure(failure, &known))
}

/// An attempt as a browser may see it, and the explanation of its outcome. An attempt that has
/// expired, or whose process is gone, has failed.
async fn shown(
    tokens: &Tokens,
    current: &Current,
    attempt: StoredAttempt,
) -> Result<(Attempt, Option<Explanation>), UseCaseError> {
    let now = tokens.clock.now();
    let exchange = TimeDelta::from_std(tokens.longest_request).unwrap_or(WITHIN);
    let end = attempt.end.or_else(|| match attempt.consumed_at {
        Some(consumed_at) if now < consumed_at + exchange + GRACE => None,
        Some(_) => Some(failed(OauthStage::TokenRequest, OauthDiagnosis::ServerFailed)),
        None if now < attempt.expires_at => None,
        None => Some(failed(OauthStage::Return, OauthDiagnosis::AttemptExpired)),
    });
    let sender = &current.saved.form.oauth.sender;
    let explanation = match (&end, &attempt.account) {
        (Some(AttemptOutcome::Failed(failure)), _) => {
            Some(explain_failure(tokens, current, failure).await?)
        }
        (Some(AttemptOutcome::Obtained), Some(account)) => {
            Some(explain::token_inspection::other_account(account, sender))
        }
        (Some(AttemptOutcome::Obtained), None) => expired_on_arrival(tokens, current).await?,
        (None, _) => None,
    };
    let shown = Attempt {
        id: attempt.id,
        expires_at: attempt.expires_at,
        needs_pasting: attempt.needs_pasting,
        end,
    };
    Ok((shown, explanation))
}

/// The explanation if the token was already expired on arrival, else `None`.
async fn expired_on_arrival(
    tokens: &Tokens,
    current: &Current,
) -> Result<Option<Explanation>, UseCaseError> {
    let token = rows::load(&tokens.store).await?;
    let is_one = token.is_some_and(|token| token.expires_at <= token.obtained_at);
    let failure = OauthFailure::expired_on_arrival(OauthStage::TokenRequest);
    Ok(if is_one { Some(explain_failure(tokens, current, &failure).await?) } else { None })
}

/// The attempt with this id, whether its provider's page is in a pop-up, and the explanation of its
/// outcome. `who` is the signed-in user, if any: the id alone proves no role.
pub async fn attempt(
    tokens: &Tokens,
    who: Option<&Principal>,
    id: &str,
) -> Result<Option<(Attempt, bool, Option<Explanation>)>, UseCaseError> {
    let Some(mut attempt) = oauth_attempts::get(&tokens.store, id).await? else { return Ok(None) };
    let current = settings::current(&tokens.settings).await?;
    if attempt.revision != current.token_revision && !who.is_some_and(Principal::may_edit) {
        // The Client ID of that revision is no longer known, so the provider's text cannot be
        // redacted.
        if let Some(AttemptOutcome::Failed(failure)) = &mut attempt.end {
            failure.peer_text = None;
        }
    }
    let in_pop_up = attempt.in_pop_up;
    let shown = shown(tokens, &current, attempt).await?;
    let client_id = &current.saved.form.authentication.client_id;
    let (attempt, explanation) = reader_view::for_person(shown, who, client_id)?;
    Ok(Some((attempt, in_pop_up, explanation)))
}

/// Begins an attempt with the saved settings: with a consent, the browser has to be redirected;
/// without one, the token is requested at once.
pub async fn begin(
    tokens: &Tokens,
    who: &Principal,
    callback: &str,
    in_pop_up: bool,
) -> Result<AttemptStarted, ApiCode> {
    let current = settings::current(&tokens.settings).await.map_err(internal_error)?;
    if current.saved.form.flow == OauthFlow::None || !current.saved.is_complete() {
        return Err(ApiCode::Incomplete);
    }
    let is_client_credentials = current.saved.form.flow == OauthFlow::ClientCredentials;
    let (id, now) = (random_id(tokens.randomness.as_ref()), tokens.clock.now());
    let ticket = (!is_client_credentials).then(|| random_id(tokens.randomness.as_ref()));
    let ticket_hash = ticket.as_deref().map(hashed);
    let attempt = NewAttempt {
        id: &id,
        by: who,
        revision: current.token_revision,
        needs_pasting: !is_client_credentials
            && current.saved.form.authentication.redirect_uri != callback,
        in_pop_up,
        ticket_hash: ticket_hash.as_deref(),
        consumed_at: is_client_credentials.then_some(now),
        at: now,
        expires_at: now + WITHIN,
    };
    let begun = async {
        oauth_attempts::begin(&tokens.store, &attempt).await?;
        let entry = Entry::new(now, Actor::from(who), Action::TokenRequested);
        audit::record(&tokens.store, &entry).await
    };
    begun.await.map_err(internal_error)?;
    let shown = Attempt {
        id: id.clone(),
        expires_at: attempt.expires_at,
        needs_pasting: attempt.needs_pasting,
        end: None,
    };
    if is_client_credentials {
        let (tokens, who) = (tokens.clone(), Actor::from(who));
        let tracker = tokens.tasks.clone();
        tracker
            .spawn(async move { obtain_by_client_credentials(&tokens, who, &current, &id).await });
    }
    Ok(AttemptStarted {
        attempt: shown,
        start: ticket.map(|ticket| format!("{}/{ticket}", paths::OAUTH_START)),
    })
}

/// Requests a token with Client Credentials (RFC 6749 4.4), and ends the attempt.
async fn obtain_by_client_credentials(tokens: &Tokens, who: Actor, current: &Current, id: &str) {
    let end = match renewal::grant(tokens, current) {
        Ok(grant) => {
            let asked_at = tokens.clock.now();
            let auth = client_auth::first(tokens, &grant).await;
            let issued =
                tokens.client.client_credentials(&grant, auth, OauthStage::TokenRequest).await;
            obtained(tokens, &who, current, asked_at, issued).await
        }
        Err(failure) => {
            AttemptOutcome::Failed(OauthFailure { stage: OauthStage::TokenRequest, ..failure })
                .into()
        }
    };
    finish(tokens, who, id, end).await;
}

/// Redirects a browser with a ticket to the provider, once. `known` is the browser's cookie from an
/// earlier attempt: two attempts in one browser do not end each other.
///
/// # Errors
/// Why the ticket is refused.
pub async fn start_consent(
    tokens: &Tokens,
    ticket: &str,
    known: Option<&str>,
    who: Option<&Principal>,
) -> Result<ConsentRedirect, OauthDiagnosis> {
    consent_redirect(tokens, ticket, known, who).await.unwrap_or_else(|error| {
        internal_error(error);
        Err(OauthDiagnosis::ServerFailed)
    })
}

async fn consent_redirect(
    tokens: &Tokens,
    ticket: &str,
    known: Option<&str>,
    who: Option<&Principal>,
) -> Result<Result<ConsentRedirect, OauthDiagnosis>, UseCaseError> {
    let ticket_hash = hashed(ticket);
    let now = tokens.clock.now();
    let Some(attempt) = oauth_attempts::by_ticket(&tokens.store, &ticket_hash, now).await? else {
        return Ok(Err(OauthDiagnosis::AttemptUsed));
    };
    if who.is_some_and(|who| who.id != attempt.person) {
        return Ok(Err(OauthDiagnosis::OtherPerson));
    }
    // A ticket that was issued in a session is valid only in that session.
    let session = who.and_then(|who| who.client.session.as_ref());
    if attempt.session.is_some() && attempt.session.as_ref() != session {
        return Ok(Err(OauthDiagnosis::OtherSession));
    }
    let current = settings::current(&tokens.settings).await?;
    if current.token_revision != attempt.revision {
        return Ok(Err(OauthDiagnosis::SettingsChanged));
    }
    let grant = match renewal::grant(tokens, &current) {
        Ok(grant) => grant,
        Err(failure) => {
            let end =
                AttemptOutcome::Failed(OauthFailure { stage: OauthStage::Consent, ..failure });
            // A ticket alone proves no identity.
            let actor = who.map_or_else(Actor::unknown, |_| attempt.actor());
            finish(tokens, actor, &attempt.id, end.into()).await;
            return Ok(Err(OauthDiagnosis::SecretUnreadable));
        }
    };
    let state = SecretString::from(random_token(tokens.randomness.as_ref()));
    let request = oauth::authorization_request(&grant, &state, || {
        random_token(tokens.randomness.as_ref()).into()
    });
    let Some(request) = request else { return Ok(Err(OauthDiagnosis::AttemptUnknown)) };
    let request = if takes_login_hint(tokens, &grant).await? {
        request.hinting(&current.saved.form.oauth.sender)
    } else {
        request
    };
    let provider = current.saved.form.token_endpoint_origin();
    let seal = |verifier| tokens.vault.seal(CODE_VERIFIER, &provider, verifier);
    let verifier = request.verifier.as_ref().map(seal);
    let browser = known.map_or_else(|| random_token(tokens.randomness.as_ref()), str::to_owned);
    let departure = ConsentStart {
        ticket_hash: &ticket_hash,
        state_hash: &hashed(state.expose_secret()),
        browser_hash: &hashed(&browser),
        verifier: verifier.as_deref(),
    };
    if !oauth_attempts::start(&tokens.store, &departure).await? {
        return Ok(Err(OauthDiagnosis::AttemptUsed));
    }
    Ok(Ok(ConsentRedirect { url: request.url, browser }))
}

/// Whether the provider accepts `login_hint`: by its host, or because its metadata is an `OpenID`
/// provider's.
async fn takes_login_hint(tokens: &Tokens, grant: &Grant) -> Result<bool, UseCaseError> {
    let Consent::AtProvider { authorization_endpoint, .. } = &grant.consent else {
        return Ok(false);
    };
    if oauth::takes_login_hint(authorization_endpoint) {
        return Ok(true);
    }
    Ok(known_metadata(tokens, grant).await?.is_some_and(|known| known.is_openid))
}

/// The provider's metadata, if known and of the same two endpoints.
async fn known_metadata(
    tokens: &Tokens,
    grant: &Grant,
) -> Result<Option<StoredProvider>, UseCaseError> {
    let Consent::AtProvider { authorization_endpoint, .. } = &grant.consent else {
        return Ok(None);
    };
    let bare = |address: &str| address.split('?').next().unwrap_or_default().to_owned();
    let known = provider_metadata::of(&tokens.store, &grant.token_endpoint).await?;
    let is_same = |known: &StoredProvider| {
        bare(&known.authorization_endpoint) == bare(authorization_endpoint)
    };
    Ok(known.filter(is_same))
}

/// Whether the response is from the provider that was asked (RFC 9207 2.4): compares `iss` with the
/// issuer of its metadata if known, else with its hosts.
async fn check_issuer(
    tokens: &Tokens,
    iss: Option<&str>,
    grant: &Grant,
) -> Result<Result<(), OauthDiagnosis>, UseCaseError> {
    let known = known_metadata(tokens, grant).await?;
    // Microsoft has one metadata document for all tenants, with a placeholder for the tenant.
    let issuer = known.as_ref().and_then(|known| known.issuer.as_deref());
    let issuer = issuer.filter(|issuer| !issuer.contains('{'));
    Ok(match (iss, issuer) {
        (None, _) if known.as_ref().is_some_and(|known| known.names_itself) => {
            Err(OauthDiagnosis::IssuerMissing)
        }
        (None, _) => Ok(()),
        (Some(iss), Some(issuer)) if iss == issuer => Ok(()),
        (Some(iss), None) if is_issuer_of(iss, grant) => Ok(()),
        (Some(_), _) => Err(OauthDiagnosis::OtherIssuer),
    })
}

/// Handles the callback: consumes the state, exchanges the code and stores the token. `who` is the
/// user who is signed in there, if known; `address` is the client's, if known.
pub async fn complete_consent(
    tokens: &Tokens,
    answer: AuthorizationResponse,
    browser: &ConsentBinding,
    who: Option<&Principal>,
    address: Option<String>,
) -> CallbackOutcome {
    let (tokens, browser, who) = (tokens.clone(), browser.clone(), who.cloned());
    let tracker = tokens.tasks.clone();
    // A client that disconnects does not cancel the exchange.
    let landing = tracker.spawn(async move {
        callback_outcome(&tokens, answer, &browser, who.as_ref(), address).await
    });
    match landing.await {
        Ok(Ok(landed)) => landed,
        Ok(Err(error)) => {
            internal_error(error);
            CallbackOutcome::NoAttempt(OauthDiagnosis::ServerFailed)
        }
        Err(error) => {
            tracing::error!(error = one_line(&error), "the task of a callback failed");
            CallbackOutcome::NoAttempt(OauthDiagnosis::ServerFailed)
        }
    }
}

async fn callback_outcome(
    tokens: &Tokens,
    answer: AuthorizationResponse,
    browser: &ConsentBinding,
    who: Option<&Principal>,
    address: Option<String>,
) -> Result<CallbackOutcome, UseCaseError> {
    // An administrator may grant consent by a link outside of any attempt.
    let is_consent_alone = answer.is_admin_consent && answer.error.is_none();
    let unknown = if is_consent_alone {
        OauthDiagnosis::AdminConsented
    } else {
        OauthDiagnosis::AttemptUnknown
    };
    let Some(state) = answer.state.as_deref() else {
        return Ok(CallbackOutcome::NoAttempt(unknown));
    };
    let state_hash = hashed(state);
    // A forged state causes only a read, which does not block writers.
    let Some(found) = oauth_attempts::by_state(&tokens.store, &state_hash).await? else {
        return Ok(CallbackOutcome::NoAttempt(unknown));
    };
    let known_by = match (browser, who) {
        (ConsentBinding::ByToken, Some(who)) => StoredBinding::Person(who.id.clone()),
        _ => StoredBinding::Browser(browser.cookie().map(hashed).unwrap_or_default()),
    };
    let now = tokens.clock.now();
    let consumed = oauth_attempts::consume(&tokens.store, &state_hash, &known_by, now).await?;
    let Some(attempt) = consumed else {
        let found = oauth_attempts::by_state(&tokens.store, &state_hash).await?.unwrap_or(found);
        let diagnosis = why_not(&found, &known_by);
        let is_own = is_of_attempt(&found, &known_by, who);
        let actor = if is_own { found.actor() } else { Actor::unknown() };
        let actor = Actor { address, ..actor };
        let (action, code) = (Action::TokenNotObtained, shell::fault_code(diagnosis));
        let aggregates = &tokens.aggregates;
        aggregates.record_of_attempt(&found.id, action, actor, code);
        return Ok(CallbackOutcome::NoAttempt(diagnosis));
    };
    let actor = Actor { address, ..attempt.actor() };
    let end = exchange_code(tokens, &attempt, answer, who, &actor).await.unwrap_or_else(|broken| {
        internal_error(broken);
        failed(OauthStage::TokenRequest, OauthDiagnosis::ServerFailed).into()
    });
    finish(tokens, actor, &attempt.id, end).await;
    Ok(CallbackOutcome::Attempt(attempt.id))
}

/// Whether the cookie or the session of a request proves that its user began the attempt. A state
/// alone proves nothing: it has been in a URL.
fn is_of_attempt(found: &StoredAttempt, binding: &StoredBinding, who: Option<&Principal>) -> bool {
    let is_known = match binding {
        StoredBinding::Browser(hash) => found.browser_hash.as_ref() == Some(hash),
        StoredBinding::Person(id) => found.person == *id,
    };
    is_known || who.is_some_and(|who| who.id == found.person)
}

/// Why a state was not consumed.
fn why_not(found: &StoredAttempt, known_by: &StoredBinding) -> OauthDiagnosis {
    if found.consumed_at.is_some() {
        return OauthDiagnosis::AttemptUsed;
    }
    if let Some(AttemptOutcome::Failed(OauthFailure {
        diagnosis: diagnosis @ (OauthDiagnosis::OtherSession | OauthDiagnosis::AttemptStopped),
        ..
    })) = found.end
    {
        return diagnosis;
    }
    match known_by {
        StoredBinding::Browser(hash) if found.browser_hash.as_ref() != Some(hash) => {
            OauthDiagnosis::OtherBrowser
        }
        StoredBinding::Person(id) if found.person != *id => OauthDiagnosis::OtherPerson,
        StoredBinding::Browser(_) | StoredBinding::Person(_) => OauthDiagnosis::AttemptExpired,
    }
}

/// Handles a callback whose state was consumed: all checks, then the exchange and storing.
async fn exchange_code(
    tokens: &Tokens,
    attempt: &StoredAttempt,
    answer: AuthorizationResponse,
    who: Option<&Principal>,
    actor: &Actor,
) -> Result<ObtainOutcome, UseCaseError> {
    // For a local account, this server knows whether it is still an administrator.
    let is_gone = Principal::is_local_id(&attempt.person)
        && !(tokens.has_local_accounts
            && people::is_administrator(&tokens.store, &attempt.person).await?);
    if is_gone || who.is_some_and(|who| who.id != attempt.person || !who.may_edit()) {
        return Ok(failed(OauthStage::Return, OauthDiagnosis::OtherPerson).into());
    }
    let current = settings::current(&tokens.settings).await?;
    if current.token_revision != attempt.revision {
        return Ok(failed(OauthStage::Return, OauthDiagnosis::SettingsChanged).into());
    }
    let Ok(grant) = renewal::grant(tokens, &current) else {
        return Ok(failed(OauthStage::TokenRequest, OauthDiagnosis::SecretUnreadable).into());
    };
    if let Err(diagnosis) = check_issuer(tokens, answer.iss.as_deref(), &grant).await? {
        return Ok(failed(OauthStage::Return, diagnosis).into());
    }
    if let Some(failure) = answer.failure() {
        return Ok(AttemptOutcome::Failed(failure).into());
    }
    let Some(code) = &answer.code else {
        let diagnosis = if answer.is_admin_consent {
            OauthDiagnosis::AdminConsented
        } else {
            OauthDiagnosis::NoCode
        };
        return Ok(failed(OauthStage::Return, diagnosis).into());
    };
    let provider = current.saved.form.token_endpoint_origin();
    let open = |sealed: &Vec<u8>| tokens.vault.open(CODE_VERIFIER, &provider, sealed);
    let verifier = attempt.verifier.as_ref().map(open).transpose()?;
    let asked_at = tokens.clock.now();
    let auth = client_auth::first(tokens, &grant).await;
    let issued = tokens.client.exchange(&grant, auth, code, verifier.as_ref()).await;
    let now = oauth_attempts::get(&tokens.store, &attempt.id).await?;
    if now.is_none_or(|now| now.end.is_some()) {
        // Its session was ended during the exchange.
        return Ok(failed(OauthStage::Return, OauthDiagnosis::OtherSession).into());
    }
    Ok(obtained(tokens, actor, &current, asked_at, issued).await)
}

/// Whether an issuer may be the provider that was asked: its host is the host of one of the
/// endpoints, or a parent domain of it.
fn is_issuer_of(iss: &str, Grant { consent, token_endpoint, .. }: &Grant) -> bool {
    let Some(issuer) = url::endpoint_host(iss) else { return false };
    let authorization = match consent {
        Consent::AtProvider { authorization_endpoint, .. } => {
            url::endpoint_host(authorization_endpoint)
        }
        Consent::NotNeeded => None,
    };
    let is_above = |host: String| host == issuer || host.ends_with(&format!(".{issuer}"));
    [authorization, url::endpoint_host(token_endpoint)].into_iter().flatten().any(is_above)
}

/// How an attempt ended, and the account of its token if that is not the sender.
struct ObtainOutcome {
    end: AttemptOutcome,
    account: Option<String>,
}

impl From<AttemptOutcome> for ObtainOutcome {
    fn from(end: AttemptOutcome) -> Self {
        Self { end, account: None }
    }
}

/// Stores an issued token for the settings that it was requested for.
async fn obtained(
    tokens: &Tokens,
    actor: &Actor,
    current: &Current,
    asked_at: DateTime<Utc>,
    issued: Result<Issued, OauthFailure>,
) -> ObtainOutcome {
    let issued = match issued {
        Ok(issued) => issued,
        Err(failure) => return AttemptOutcome::Failed(failure).into(),
    };
    // With a refresh token the next access token may be valid, and the refresh token must not be
    // lost.
    let form = &current.saved.form;
    let has_consent = form.flow != OauthFlow::ClientCredentials;
    let is_renewable = has_consent && issued.refresh_token.is_some();
    if issued.lifetime.is_zero() && !is_renewable {
        let failure = OauthFailure::expired_on_arrival(OauthStage::TokenRequest);
        return AttemptOutcome::Failed(failure).into();
    }
    let account = oauth::other_account(&issued.accounts, &form.oauth.sender);
    let account = account.filter(|_| has_consent).map(str::to_owned);
    let grant = random_id(tokens.randomness.as_ref());
    let entry = &Entry::new(tokens.clock.now(), actor.clone(), Action::TokenObtained);
    let put = || {
        // Sealed for each retry: the sealing key may have changed meanwhile.
        let token = StoredToken {
            grant: grant.clone(),
            sealed: renewal::sealed(tokens, current, &issued, None),
            obtained_at: asked_at,
            expires_at: renewal::expiry(asked_at, issued.lifetime),
            ends: renewal::ends(asked_at, &issued, None),
            ..StoredToken::default()
        };
        async move { rows::put(&tokens.store, current.token_revision, &token, entry).await }
    };
    match retry_store(STORE_AGAIN_FOR, put).await {
        Ok(PutOutcome::Stored(before)) => {
            tokens.obtained.notify_one();
            tokens.health.record(current.token_revision, Evidence::Works(Proof::TOKEN)).await;
            if let Some(before) = before {
                revocation::replaced(tokens, current, *before);
            }
            ObtainOutcome { end: AttemptOutcome::Obtained, account }
        }
        Ok(PutOutcome::OutOfDate) => {
            failed(OauthStage::TokenRequest, OauthDiagnosis::SettingsChanged).into()
        }
        Err(error) => {
            internal_error(error);
            failed(OauthStage::TokenRequest, OauthDiagnosis::ServerFailed).into()
        }
    }
}

/// Stores how an attempt ended.
async fn finish(
    tokens: &Tokens,
    actor: Actor,
    id: &str,
    ObtainOutcome { end, account }: ObtainOutcome,
) {
    let (account, is_obtained) = (account.as_deref(), end == AttemptOutcome::Obtained);
    // A token that was obtained has its audit row already.
    let failed = || Entry::new(tokens.clock.now(), actor, Action::TokenNotObtained);
    let entry = (!is_obtained).then(failed);
    let written = async {
        oauth_attempts::finish(&tokens.store, id, &end, account, entry.as_ref()).await?;
        if is_obtained {
            oauth_attempts::settle(&tokens.store, id, &end, account).await?;
        }
        Ok::<_, StoreError>(())
    };
    if let Err(error) = written.await {
        tracing::error!(error = one_line(&error), "the end of an attempt could not be stored");
    }
}

/// Completes an attempt of this user with the final URL that they pasted.
pub async fn finish_by_hand(
    tokens: &Tokens,
    who: &Principal,
    browser: &ConsentBinding,
    id: &str,
    address: &str,
) -> Result<AttemptFinished, ApiCode> {
    let answer = AuthorizationResponse::of_address(address).ok_or(ApiCode::NoAnswerInAddress)?;
    let found = oauth_attempts::get(&tokens.store, id).await.map_err(internal_error)?;
    let is_own = |attempt: &StoredAttempt| attempt.person == who.id;
    found.filter(is_own).ok_or(ApiCode::NotFound)?;
    // The URL may be of an earlier attempt of the same user.
    let address = who.client.address.clone();
    let (finished, end) = match complete_consent(tokens, answer, browser, Some(who), address).await
    {
        CallbackOutcome::Attempt(landed) => (landed, None),
        CallbackOutcome::NoAttempt(diagnosis) => {
            (id.to_owned(), Some(failed(OauthStage::Return, diagnosis)))
        }
    };
    let found = attempt(tokens, Some(who), &finished).await.map_err(internal_error)?;
    let (attempt, _, explanation) = found.ok_or(ApiCode::NotFound)?;
    let explanation = match &end {
        Some(AttemptOutcome::Failed(failure)) => {
            Some(explain::failure(failure, &FailureContext::default()))
        }
        Some(AttemptOutcome::Obtained) | None => explanation,
    };
    Ok(AttemptFinished { attempt: Attempt { end: end.or(attempt.end), ..attempt }, explanation })
}

/// Stops this user's attempts that wait for a callback.
pub async fn stop(tokens: &Tokens, who: &Principal) -> Result<(), UseCaseError> {
    let detail = Some(shell::fault_code(OauthDiagnosis::AttemptStopped));
    let entry = Entry::new(tokens.clock.now(), Actor::from(who), Action::TokenNotObtained);
    oauth_attempts::stop(&tokens.store, &who.id, &STOPPED, &Entry { detail, ..entry }).await?;
    Ok(())
}

const fn failed(stage: OauthStage, diagnosis: OauthDiagnosis) -> AttemptOutcome {
    AttemptOutcome::Failed(OauthFailure { stage, diagnosis, peer_text: None })
}
