//! Obtaining a token: an attempt is begun, a browser departs to the provider and comes back, the
//! code is exchanged, the token stored. Every attempt is a row, so that any node and any tab can
//! tell how it fares; a failed one leaves the token before it untouched.

use std::time::Duration;

use app::api::{ApiError, Begun, Finished, TokenNow};
use app::explanation::Explanation;
use app::labels::{self, Known};
use app::service::{Browser, Principal};
use app::shell::paths;
use chrono::{DateTime, TimeDelta, Utc};
use domain::OauthFlow;
use domain::check::text::is_guid;
use domain::check::url;
use domain::settings::{Consent, Grant};
use domain::token::{Attempt, AttemptEnd, Fault, Leg, Renewal, Setback};
use secrecy::{ExposeSecret, SecretString};

use super::settings::{self, Current};
use super::{Broken, client_auth, redact, renewal, revocation, stored_at_last, told};
use crate::Server;
use crate::clock::{random_id, random_token};
use crate::digest::hashed;
use crate::log::one_line;
use crate::oauth::{self, Answer, Issued};
use crate::store::attempts::{self, Departure, KnownBy, NewAttempt, StoredAttempt};
use crate::store::audit::{self, Action, Actor, Entry};
use crate::store::providers::{self, Provider};
use crate::store::tokens::{self, Put, StoredToken};
use crate::store::{StoreError, people};
use crate::vault::columns::CODE_VERIFIER;

/// How long an attempt may take.
const WITHIN: TimeDelta = TimeDelta::minutes(10);
/// How long an exchange may take before whoever made it must be gone, beside its own time.
const GRACE: TimeDelta = TimeDelta::seconds(15);
/// How long a token that was obtained is offered to a database that does not take it.
const STORE_AGAIN_FOR: Duration = Duration::from_secs(20);

/// Where the browser goes next.
#[derive(Debug)]
pub struct Departed {
    /// The provider's page, with the request in it.
    pub url: String,
    /// What the browser is known by when it comes back.
    pub browser: String,
}

/// Where the browser has come back to.
#[derive(Debug, PartialEq, Eq)]
pub enum Landed {
    /// The page of this attempt.
    Attempt(String),
    /// It belongs to no attempt, or changes nothing about one.
    Nowhere(Fault),
}

/// What there is of a token, and how the last attempt of this person fared.
pub async fn now(server: &Server, who: &Principal, current: &Current) -> Result<TokenNow, Broken> {
    let now = server.clock.now();
    let attempt = attempts::latest_of(&server.store, &who.id, current.saved.revision).await?;
    // What ended long ago is no news.
    let attempt = attempt.filter(|attempt| now < attempt.expires_at + WITHIN);
    let token = renewal::shown(server, current).await?;
    let renewal = token.as_ref().and_then(|token| match &token.renewal {
        Renewal::ByItself | Renewal::BySigningIn => None,
        Renewal::Failing { setback, .. } | Renewal::Gone(setback) => Some(setback),
    });
    let renewal = match renewal {
        Some(setback) => Some(of_setback(server, current, setback).await?),
        None => None,
    };
    let (attempt, ended) = match attempt {
        Some(attempt) => {
            let (attempt, ended) = shown(server, current, attempt).await?;
            (Some(attempt), ended)
        }
        None => (None, None),
    };
    let client_id = &current.saved.form.authentication.client_id;
    Ok(redact::for_person(TokenNow { token, now, attempt, renewal, ended }, Some(who), client_id)?)
}

/// What a setback on the way to a token for these settings means.
async fn of_setback(
    server: &Server,
    current: &Current,
    setback: &Setback,
) -> Result<Explanation, Broken> {
    let form = &current.saved.form;
    let secret_is_an_id = setback.fault == Fault::InvalidClient
        && renewal::grant(server, current).is_ok_and(|grant| {
            grant.client_secret.is_some_and(|secret| is_guid(secret.expose_secret()))
        });
    let token_endpoint = &form.authentication.token_endpoint;
    let described = match setback.fault {
        Fault::InvalidRequest => providers::of(&server.store, token_endpoint).await?,
        _ => None,
    };
    let knows_pkce = described.is_some_and(|known| known.knows_pkce);
    let known = Known { form: form.map_secrets(|_, _| ()), secret_is_an_id, knows_pkce };
    Ok(labels::setback(setback, &known))
}

/// An attempt as a browser may know it, and what its end means. One whose time is over, or whose
/// process is gone, has failed.
async fn shown(
    server: &Server,
    current: &Current,
    attempt: StoredAttempt,
) -> Result<(Attempt, Option<Explanation>), Broken> {
    let now = server.clock.now();
    let exchange = TimeDelta::from_std(server.config.token_deadlines.total).unwrap_or(WITHIN);
    let end = attempt.end.or_else(|| match attempt.consumed_at {
        Some(consumed_at) if now < consumed_at + exchange + GRACE => None,
        Some(_) => Some(failed(Leg::TokenRequest, Fault::ServerFailed)),
        None if now < attempt.expires_at => None,
        None => Some(failed(Leg::Return, Fault::AttemptExpired)),
    });
    let sender = &current.saved.form.oauth.sender;
    let explanation = match (&end, &attempt.account) {
        (Some(AttemptEnd::Failed(setback)), _) => Some(of_setback(server, current, setback).await?),
        (Some(AttemptEnd::Obtained), Some(account)) => {
            Some(labels::xray::other_account(account, sender))
        }
        (Some(AttemptEnd::Obtained), None) => expired_on_arrival(server, current).await?,
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

/// What it means that the token has never been good; nothing where it was.
async fn expired_on_arrival(
    server: &Server,
    current: &Current,
) -> Result<Option<Explanation>, Broken> {
    let token = tokens::load(&server.store).await?;
    let is_one = token.is_some_and(|token| token.expires_at <= token.obtained_at);
    let setback = Setback::expired_on_arrival(Leg::TokenRequest);
    Ok(if is_one { Some(of_setback(server, current, &setback).await?) } else { None })
}

/// The attempt with this id, whether its provider's page stands in a window of its own, and what its
/// end means. `who` is the person who is signed in, if any: the id alone is no proof of a role.
pub async fn attempt(
    server: &Server,
    who: Option<&Principal>,
    id: &str,
) -> Result<Option<(Attempt, bool, Option<Explanation>)>, Broken> {
    let Some(mut attempt) = attempts::get(&server.store, id).await? else { return Ok(None) };
    let current = settings::current(server).await?;
    if attempt.revision != current.saved.revision && !who.is_some_and(Principal::may_edit) {
        // The Client ID of that time, which the provider may have named, is not known any more.
        if let Some(AttemptEnd::Failed(setback)) = &mut attempt.end {
            setback.said = None;
        }
    }
    let in_pop_up = attempt.in_pop_up;
    let shown = shown(server, &current, attempt).await?;
    let client_id = &current.saved.form.authentication.client_id;
    let (attempt, explanation) = redact::for_person(shown, who, client_id)?;
    Ok(Some((attempt, in_pop_up, explanation)))
}

/// Begins an attempt for what is saved: with a consent the browser has to depart, without one the
/// Token Endpoint is asked at once.
pub async fn begin(
    server: &Server,
    who: &Principal,
    callback: &str,
    in_pop_up: bool,
) -> Result<Begun, ApiError> {
    let current = settings::current(server).await.map_err(told)?;
    if current.saved.form.flow == OauthFlow::None || !current.saved.is_complete() {
        return Err(ApiError::Incomplete);
    }
    let asks_nobody = current.saved.form.flow == OauthFlow::ClientCredentials;
    let (id, now) = (random_id(server.randomness.as_ref()), server.clock.now());
    let ticket = (!asks_nobody).then(|| random_id(server.randomness.as_ref()));
    let ticket_hash = ticket.as_deref().map(hashed);
    let attempt = NewAttempt {
        id: &id,
        by: who,
        revision: current.saved.revision,
        needs_pasting: !asks_nobody && current.saved.form.authentication.redirect_uri != callback,
        in_pop_up,
        ticket_hash: ticket_hash.as_deref(),
        consumed_at: asks_nobody.then_some(now),
        at: now,
        expires_at: now + WITHIN,
    };
    let begun = async {
        attempts::begin(&server.store, &attempt).await?;
        note(server, Actor::from(who), Action::TokenRequested, None).await
    };
    begun.await.map_err(|error: Broken| told(error))?;
    let shown = Attempt {
        id: id.clone(),
        expires_at: attempt.expires_at,
        needs_pasting: attempt.needs_pasting,
        end: None,
    };
    if asks_nobody {
        let (server, who) = (server.clone(), Actor::from(who));
        let tracker = server.asking.clone();
        tracker.spawn(async move { ask_as_itself(&server, who, &current, &id).await });
    }
    Ok(Begun {
        attempt: shown,
        start: ticket.map(|ticket| format!("{}/{ticket}", paths::OAUTH_START)),
    })
}

/// Client Credentials: asks, and ends the attempt (RFC 6749 4.4).
async fn ask_as_itself(server: &Server, who: Actor, current: &Current, id: &str) {
    let end = match renewal::grant(server, current) {
        Ok(grant) => {
            let asked_at = server.clock.now();
            let auth = client_auth::first(server, &grant).await;
            let issued = server.tokens.client_credentials(&grant, auth, Leg::TokenRequest).await;
            obtained(server, &who, current, asked_at, issued).await
        }
        Err(setback) => AttemptEnd::Failed(Setback { leg: Leg::TokenRequest, ..setback }).into(),
    };
    finish(server, who, id, end).await;
}

/// Sends a browser with a ticket to the provider, once. `known` is what the browser was known by
/// before: two attempts in one browser do not end each other.
///
/// # Errors
/// Why the ticket leads nowhere.
pub async fn depart(
    server: &Server,
    ticket: &str,
    known: Option<&str>,
    who: Option<&Principal>,
) -> Result<Departed, Fault> {
    match departed(server, ticket, known, who).await {
        Ok(departed) => departed,
        Err(error) => {
            told(error);
            Err(Fault::ServerFailed)
        }
    }
}

async fn departed(
    server: &Server,
    ticket: &str,
    known: Option<&str>,
    who: Option<&Principal>,
) -> Result<Result<Departed, Fault>, Broken> {
    let ticket_hash = hashed(ticket);
    let now = server.clock.now();
    let Some(attempt) = attempts::by_ticket(&server.store, &ticket_hash, now).await? else {
        return Ok(Err(Fault::AttemptUsed));
    };
    if who.is_some_and(|who| who.id != attempt.person) {
        return Ok(Err(Fault::OtherPerson));
    }
    // A ticket that was begun in a session is good in that session alone.
    let session = who.and_then(|who| who.client.session.as_ref());
    if attempt.session.is_some() && attempt.session.as_ref() != session {
        return Ok(Err(Fault::OtherSession));
    }
    let current = settings::current(server).await?;
    if current.saved.revision != attempt.revision {
        return Ok(Err(Fault::SettingsChanged));
    }
    let grant = match renewal::grant(server, &current) {
        Ok(grant) => grant,
        Err(setback) => {
            let end = AttemptEnd::Failed(Setback { leg: Leg::Consent, ..setback });
            // A ticket alone proves nobody.
            let actor = who.map_or_else(Actor::nobody, |_| attempt.actor());
            finish(server, actor, &attempt.id, end.into()).await;
            return Ok(Err(Fault::SecretUnreadable));
        }
    };
    let state = SecretString::from(random_token(server.randomness.as_ref()));
    let request = oauth::authorization_request(&grant, &state, server.randomness.as_ref());
    let Some(request) = request else { return Ok(Err(Fault::AttemptUnknown)) };
    let request = if takes_login_hint(server, &grant).await? {
        request.hinting(&current.saved.form.oauth.sender)
    } else {
        request
    };
    let provider = current.saved.form.token_endpoint_origin();
    let seal = |verifier| server.vault.seal(CODE_VERIFIER, &provider, verifier);
    let verifier = request.verifier.as_ref().map(seal);
    let browser = known.map_or_else(|| random_token(server.randomness.as_ref()), str::to_owned);
    let departure = Departure {
        ticket_hash: &ticket_hash,
        state_hash: &hashed(state.expose_secret()),
        browser_hash: &hashed(&browser),
        verifier: verifier.as_deref(),
    };
    if !attempts::depart(&server.store, &departure).await? {
        return Ok(Err(Fault::AttemptUsed));
    }
    Ok(Ok(Departed { url: request.url, browser }))
}

/// Whether the provider takes the account that is meant: by its name, or by what it says of itself.
async fn takes_login_hint(server: &Server, grant: &Grant) -> Result<bool, Broken> {
    let Consent::AtProvider { authorization_endpoint, .. } = &grant.consent else {
        return Ok(false);
    };
    if oauth::takes_login_hint(authorization_endpoint) {
        return Ok(true);
    }
    Ok(described(server, grant).await?.is_some_and(|known| known.is_openid))
}

/// What the provider says about itself, where that is known: of both endpoints, or it is another one.
async fn described(server: &Server, grant: &Grant) -> Result<Option<Provider>, Broken> {
    let Consent::AtProvider { authorization_endpoint, .. } = &grant.consent else {
        return Ok(None);
    };
    let bare = |address: &str| address.split('?').next().unwrap_or_default().to_owned();
    let known = providers::of(&server.store, &grant.token_endpoint).await?;
    let is_same =
        |known: &Provider| bare(&known.authorization_endpoint) == bare(authorization_endpoint);
    Ok(known.filter(is_same))
}

/// Whether the provider that was asked has answered (RFC 9207 2.4): by what it calls itself, where that
/// is known, and else by its host.
async fn from_whom(
    server: &Server,
    iss: Option<&str>,
    grant: &Grant,
) -> Result<Result<(), Fault>, Broken> {
    let known = described(server, grant).await?;
    // Microsoft has one description for all tenants, in which the tenant is left open.
    let issuer = known.as_ref().and_then(|known| known.issuer.as_deref());
    let issuer = issuer.filter(|issuer| !issuer.contains('{'));
    Ok(match (iss, issuer) {
        (None, _) if known.as_ref().is_some_and(|known| known.names_itself) => {
            Err(Fault::IssuerMissing)
        }
        (None, _) => Ok(()),
        (Some(iss), Some(issuer)) if iss == issuer => Ok(()),
        (Some(iss), None) if is_of(iss, grant) => Ok(()),
        (Some(_), _) => Err(Fault::OtherIssuer),
    })
}

/// Takes what a browser came back with, and goes the rest of the way. `who` is whoever is signed
/// in there, if anybody is known to be; `address` is the client's, where it is known.
pub async fn land(
    server: &Server,
    answer: Answer,
    browser: &Browser,
    who: Option<&Principal>,
    address: Option<String>,
) -> Landed {
    let (server, browser, who) = (server.clone(), browser.clone(), who.cloned());
    let tracker = server.asking.clone();
    // A browser that goes away does not end what it began.
    let landing = tracker
        .spawn(async move { landed(&server, answer, &browser, who.as_ref(), address).await });
    match landing.await {
        Ok(Ok(landed)) => landed,
        Ok(Err(error)) => {
            told(error);
            Landed::Nowhere(Fault::ServerFailed)
        }
        Err(error) => {
            tracing::error!(error = one_line(&error), "an attempt broke off");
            Landed::Nowhere(Fault::ServerFailed)
        }
    }
}

async fn landed(
    server: &Server,
    answer: Answer,
    browser: &Browser,
    who: Option<&Principal>,
    address: Option<String>,
) -> Result<Landed, Broken> {
    // An administrator may consent by a link that no attempt has made.
    let is_consent_alone = answer.is_admin_consent && answer.error.is_none();
    let unknown = if is_consent_alone { Fault::AdminConsented } else { Fault::AttemptUnknown };
    let Some(state) = answer.state.as_deref() else { return Ok(Landed::Nowhere(unknown)) };
    let state_hash = hashed(state);
    // A made-up state does not keep those who write from the database.
    let Some(found) = attempts::by_state(&server.store, &state_hash).await? else {
        return Ok(Landed::Nowhere(unknown));
    };
    let known_by = match (browser, who) {
        (Browser::ByToken, Some(who)) => KnownBy::Person(who.id.clone()),
        _ => KnownBy::Browser(browser.cookie().map(hashed).unwrap_or_default()),
    };
    let now = server.clock.now();
    let consumed = attempts::consume(&server.store, &state_hash, &known_by, now).await?;
    let Some(attempt) = consumed else {
        let found = attempts::by_state(&server.store, &state_hash).await?.unwrap_or(found);
        let fault = why_not(&found, &known_by);
        let is_own = is_of_attempt(&found, &known_by, who);
        let actor = if is_own { found.actor() } else { Actor::nobody() };
        let actor = Actor { address, ..actor };
        let (action, code) = (Action::TokenNotObtained, app::shell::fault_code(fault));
        let aggregates = server.accounts.aggregates();
        aggregates.record_of_attempt(&found.id, action, actor, code);
        return Ok(Landed::Nowhere(fault));
    };
    let actor = Actor { address, ..attempt.actor() };
    let end = came_back(server, &attempt, answer, who, &actor).await.unwrap_or_else(|broken| {
        told(broken);
        failed(Leg::TokenRequest, Fault::ServerFailed).into()
    });
    finish(server, actor, &attempt.id, end).await;
    Ok(Landed::Attempt(attempt.id))
}

/// Whether the cookie or the session of a request proves that it comes from whoever began the attempt.
/// A state alone proves nothing: it has been in an address.
fn is_of_attempt(found: &StoredAttempt, known_by: &KnownBy, who: Option<&Principal>) -> bool {
    let is_known = match known_by {
        KnownBy::Browser(hash) => found.browser_hash.as_ref() == Some(hash),
        KnownBy::Person(id) => found.person == *id,
    };
    is_known || who.is_some_and(|who| who.id == found.person)
}

/// Why a state could not be used.
fn why_not(found: &StoredAttempt, known_by: &KnownBy) -> Fault {
    if found.consumed_at.is_some() {
        return Fault::AttemptUsed;
    }
    if let Some(AttemptEnd::Failed(Setback { fault: Fault::OtherSession, .. })) = found.end {
        return Fault::OtherSession;
    }
    match known_by {
        KnownBy::Browser(hash) if found.browser_hash.as_ref() != Some(hash) => Fault::OtherBrowser,
        KnownBy::Person(id) if found.person != *id => Fault::OtherPerson,
        KnownBy::Browser(_) | KnownBy::Person(_) => Fault::AttemptExpired,
    }
}

/// From the browser's return to the stored token: each check, then the exchange.
async fn came_back(
    server: &Server,
    attempt: &StoredAttempt,
    answer: Answer,
    who: Option<&Principal>,
    actor: &Actor,
) -> Result<Ended, Broken> {
    // Of an account of this product's own, this server knows whether it still counts.
    let is_gone = Principal::is_local_id(&attempt.person)
        && !(server.config.has_local_accounts
            && people::is_administrator(&server.store, &attempt.person).await?);
    if is_gone || who.is_some_and(|who| who.id != attempt.person || !who.may_edit()) {
        return Ok(failed(Leg::Return, Fault::OtherPerson).into());
    }
    let current = settings::current(server).await?;
    if current.saved.revision != attempt.revision {
        return Ok(failed(Leg::Return, Fault::SettingsChanged).into());
    }
    let Ok(grant) = renewal::grant(server, &current) else {
        return Ok(failed(Leg::TokenRequest, Fault::SecretUnreadable).into());
    };
    if let Err(fault) = from_whom(server, answer.iss.as_deref(), &grant).await? {
        return Ok(failed(Leg::Return, fault).into());
    }
    if let Some(setback) = answer.setback() {
        return Ok(AttemptEnd::Failed(setback).into());
    }
    let Some(code) = &answer.code else {
        let fault = if answer.is_admin_consent { Fault::AdminConsented } else { Fault::NoCode };
        return Ok(failed(Leg::Return, fault).into());
    };
    let provider = current.saved.form.token_endpoint_origin();
    let open = |sealed: &Vec<u8>| server.vault.open(CODE_VERIFIER, &provider, sealed);
    let verifier = attempt.verifier.as_ref().map(open).transpose()?;
    let asked_at = server.clock.now();
    let auth = client_auth::first(server, &grant).await;
    let issued = server.tokens.exchange(&grant, auth, code, verifier.as_ref()).await;
    let now = attempts::get(&server.store, &attempt.id).await?;
    if now.is_none_or(|now| now.end.is_some()) {
        // Its session was ended during the exchange.
        return Ok(failed(Leg::Return, Fault::OtherSession).into());
    }
    Ok(obtained(server, actor, &current, asked_at, issued).await)
}

/// Whether an issuer may be the provider that was asked: its host is the host of one of the endpoints,
/// or a domain above it.
fn is_of(iss: &str, Grant { consent, token_endpoint, .. }: &Grant) -> bool {
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

/// How an attempt ended, and whose token it brought where that is another account than the sender.
struct Ended {
    end: AttemptEnd,
    account: Option<String>,
}

impl From<AttemptEnd> for Ended {
    fn from(end: AttemptEnd) -> Self {
        Self { end, account: None }
    }
}

/// Stores what was issued, for the settings that it was asked for.
async fn obtained(
    server: &Server,
    actor: &Actor,
    current: &Current,
    asked_at: DateTime<Utc>,
    issued: Result<Issued, Setback>,
) -> Ended {
    let issued = match issued {
        Ok(issued) => issued,
        Err(setback) => return AttemptEnd::Failed(setback).into(),
    };
    // With a refresh token, the next one may be good; and it must not get lost.
    let form = &current.saved.form;
    let asked_somebody = form.flow != OauthFlow::ClientCredentials;
    let is_renewable = asked_somebody && issued.refresh_token.is_some();
    if issued.lifetime.is_zero() && !is_renewable {
        let setback = Setback::expired_on_arrival(Leg::TokenRequest);
        return AttemptEnd::Failed(setback).into();
    }
    let account = oauth::other_account(&issued.accounts, &form.oauth.sender);
    let account = account.filter(|_| asked_somebody).map(str::to_owned);
    let grant = random_id(server.randomness.as_ref());
    let entry = &entry(server, actor.clone(), Action::TokenObtained, None);
    let put = || {
        // Sealed for each try: another key may seal by then.
        let token = StoredToken {
            grant: grant.clone(),
            generation: 0,
            sealed: renewal::sealed(server, current, &issued, None),
            obtained_at: asked_at,
            expires_at: renewal::expiry(asked_at, issued.lifetime),
            ends: renewal::ends(asked_at, &issued, None),
            failures: 0,
            tried_at: None,
            next_try_at: None,
            setback: None,
            is_gone: false,
        };
        async move { tokens::put(&server.store, current.saved.revision, &token, entry).await }
    };
    match stored_at_last(STORE_AGAIN_FOR, put).await {
        Ok(Put::Stored(before)) => {
            server.token_news.notify_one();
            if let Some(before) = before {
                revocation::replaced(server, current, *before);
            }
            Ended { end: AttemptEnd::Obtained, account }
        }
        Ok(Put::OutOfDate) => failed(Leg::TokenRequest, Fault::SettingsChanged).into(),
        Err(error) => {
            told(error.into());
            failed(Leg::TokenRequest, Fault::ServerFailed).into()
        }
    }
}

/// Writes down how an attempt ended.
async fn finish(server: &Server, actor: Actor, id: &str, Ended { end, account }: Ended) {
    let (account, is_obtained) = (account.as_deref(), end == AttemptEnd::Obtained);
    // What was obtained has its row already.
    let entry = (!is_obtained).then(|| entry(server, actor, Action::TokenNotObtained, None));
    let written = async {
        attempts::finish(&server.store, id, &end, account, entry.as_ref()).await?;
        if is_obtained {
            attempts::settle(&server.store, id, &end, account).await?;
        }
        Ok::<_, StoreError>(())
    };
    if let Err(error) = written.await {
        tracing::error!(error = one_line(&error), "the end of an attempt could not be stored");
    }
}

/// Finishes an attempt of this person from the final address that they pasted.
pub async fn finish_by_hand(
    server: &Server,
    who: &Principal,
    browser: &Browser,
    id: &str,
    address: &str,
) -> Result<Finished, ApiError> {
    let answer = Answer::of_address(address).ok_or(ApiError::NoAnswerInAddress)?;
    let found = attempts::get(&server.store, id).await.map_err(|error| told(error.into()))?;
    let is_own = |attempt: &StoredAttempt| attempt.person == who.id;
    found.filter(is_own).ok_or(ApiError::NotFound)?;
    // The address of an earlier window of theirs is as good.
    let address = who.client.address.clone();
    let (finished, end) = match land(server, answer, browser, Some(who), address).await {
        Landed::Attempt(landed) => (landed, None),
        Landed::Nowhere(fault) => (id.to_owned(), Some(failed(Leg::Return, fault))),
    };
    let found = attempt(server, Some(who), &finished).await.map_err(told)?;
    let (attempt, _, explanation) = found.ok_or(ApiError::NotFound)?;
    let explanation = match &end {
        Some(AttemptEnd::Failed(setback)) => Some(labels::setback(setback, &Known::default())),
        Some(AttemptEnd::Obtained) | None => explanation,
    };
    Ok(Finished { attempt: Attempt { end: end.or(attempt.end), ..attempt }, explanation })
}

async fn note(
    server: &Server,
    actor: Actor,
    action: Action,
    detail: Option<String>,
) -> Result<(), Broken> {
    Ok(audit::record(&server.store, &entry(server, actor, action, detail)).await?)
}

fn entry(server: &Server, actor: Actor, action: Action, detail: Option<String>) -> Entry {
    Entry { detail, ..Entry::new(server.clock.now(), actor, action) }
}

const fn failed(leg: Leg, fault: Fault) -> AttemptEnd {
    AttemptEnd::Failed(Setback { leg, fault, said: None })
}
