//! Sign-in through an `OpenID` provider: authorization code flow with PKCE, state and nonce
//! (`OpenID` Connect Core 1.0, 3.1; RFC 7636). Has no pages and no routes: it returns the
//! redirects, and the caller sends them.
//!
//! - `discovery` caches the provider's metadata and keys.
//! - `claims` maps the claims of a validated ID token to a principal.

mod claims;
mod discovery;

use std::{str::FromStr, time::Duration};

use axum::http::HeaderValue;
use chrono::{DateTime, TimeDelta, Utc};
use contract::ConsentBinding;
use domain::{error::one_line, secret::Destination, syntax::url::endpoint_url};
use net::http::{GuardedHttp, HttpClientError, HttpDeadlines};
use net::{egress::EgressPolicy, origin::ProxyUrl, tls::TlsTrust};
use oauth::{AuthorizationResponse, TimedHttp};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreResponseType,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AuthType, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError, ClientId,
    ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IdTokenFields, IdTokenVerifier, LogoutRequest, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError,
    StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use store::audit::{self, Action, Actor, Entry};
use store::oidc_logins::{self, LoginBinding, MissingLogin, PendingLogin, TooManyPending};
use store::{StoreError, hash::hashed, sessions as table};
use vault::clock::random_token;
use vault::columns::{ID_TOKEN, SIGN_IN_VERIFIER};

use self::claims::{OtherClaims, UnverifiedUser};
use self::discovery::{Discovery, Metadata, Unavailable, names_itself};
use super::claims::subject;
use super::sessions::{self, Caller};
use super::{Email, People, Principal, RequestClient as CallingClient, login_limits};
use crate::config::OidcConfig;
use crate::subscriber::{subscriber, written};

/// How long a pending login is valid.
const PENDING_FOR: TimeDelta = TimeDelta::minutes(10);

/// The allowed clock skew between the provider and this server.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// The accepted algorithms of ID tokens: asymmetric ones, never a shared secret, never `none`.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The longest Redirect URI, in octets. Without `--public-url` the client determines it.
const MAX_REDIRECT_URI: usize = 2_048;

/// The client of an `OpenID` provider. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Oidc {
    config: OidcConfig,
    http: GuardedHttp,
    discovery: Discovery,
}

/// A started login: the redirect to the provider.
#[derive(Debug)]
pub struct LoginRedirect {
    /// The authorization URL.
    pub url: String,
    /// The cookie that identifies the browser on the callback.
    pub browser: String,
}

/// A completed login.
#[derive(Debug)]
pub struct LoginCompleted {
    /// The `Set-Cookie` header of the session cookie.
    pub cookie: HeaderValue,
    /// The path to continue to.
    pub destination: String,
}

/// Why a login failed.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The user or the provider denied it (`access_denied`).
    #[error("the sign-in was declined")]
    Declined,
    /// It has expired or was completed before.
    #[error("the sign-in is over")]
    Over,
    /// It was started in another browser.
    #[error("the sign-in was begun in another browser")]
    OtherBrowser,
    /// The provider does not answer, or its response is invalid.
    #[error("the provider failed")]
    Provider,
    /// Too many logins from one address are pending.
    #[error("too many sign-ins were begun and not ended")]
    TooMany {
        /// How long to wait before the next one.
        retry_after: Duration,
    },
    /// The user is authenticated and has no role here.
    #[error("the account has no role here")]
    NoRole,
    /// The database query failed.
    #[error("the sign-in could not be kept")]
    Store(#[from] StoreError),
}

impl From<Unavailable> for OidcError {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Provider
    }
}

/// A failed login.
#[derive(Debug)]
pub struct LoginFailed {
    /// Why.
    pub error: OidcError,
    /// The path to continue to, if known.
    pub destination: Option<String>,
}

type IdToken = openidconnect::IdToken<
    OtherClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Fields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

/// The client of the `openidconnect` crate, with all additional claims.
type OidcClient = openidconnect::Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Oidc {
    /// Creates the client. It does not contact the provider before the first login.
    ///
    /// # Errors
    /// The HTTP client rejects the trust settings or the proxy.
    pub fn new(
        config: OidcConfig,
        trust: &TlsTrust,
        egress: &EgressPolicy,
        proxy: Option<&ProxyUrl>,
        deadlines: HttpDeadlines,
    ) -> Result<Self, HttpClientError> {
        let egress = egress.for_configured(&config.issuer);
        let http = GuardedHttp::new(trust, &egress, proxy, deadlines)?;
        let discovery = Discovery::new(config.issuer.clone(), http.clone());
        Ok(Self { config, http, discovery })
    }

    /// Returns the provider's name on the sign-in page.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Returns the provider's issuer identifier.
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Starts a login: returns the redirect to the provider. The provider redirects to
    /// `redirect_uri`; the browser then continues to `destination`.
    ///
    /// # Errors
    /// Too many logins are pending, or the provider or the database does not answer.
    pub async fn start_login(
        &self,
        people: &People,
        caller: &Caller,
        redirect_uri: String,
        destination: &str,
    ) -> Result<LoginRedirect, OidcError> {
        let now = people.clock.now();
        let metadata = self.discovery.current(now).await?;
        let random = || random_token(people.randomness.as_ref());
        let (state, nonce, verifier) = (random(), random(), SecretString::from(random()));
        let browser = caller.browser.cookie().map_or_else(random, str::to_owned);
        let pending = PendingLogin {
            nonce_hash: hashed(&nonce),
            verifier: people.vault.seal(SIGN_IN_VERIFIER, &self.secret_destination(), &verifier),
            issuer: self.config.issuer.clone(),
            redirect_uri,
            destination: destination.to_owned(),
        };
        let client = self.client(&metadata, &pending.redirect_uri)?;
        let known_by = LoginBinding {
            state_hash: &hashed(&state),
            browser_hash: &hashed(&browser),
            address: &subscriber(caller.address).to_string(),
        };
        let (most, expires_at) = (login_limits::AWAY_PER_ADDRESS, now + PENDING_FOR);
        let begun = oidc_logins::begin(&people.store, known_by, &pending, most, now, expires_at);
        begun.await?.map_err(|TooManyPending { until }| OidcError::TooMany {
            retry_after: (until - now).to_std().unwrap_or_default(),
        })?;

        let verifier = PkceCodeVerifier::new(verifier.expose_secret().to_owned());
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let (url, ..) = client
            .authorize_url(flow, || CsrfToken::new(state), || Nonce::new(nonce))
            .add_scopes(self.scopes())
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(LoginRedirect { url: url.into(), browser })
    }

    /// Completes a login: begins a session for the user and ends the caller's previous one. A state
    /// is single-use, even if the login fails.
    ///
    /// # Errors
    /// The login is invalid, the user has no role, or the provider or the database fails.
    pub async fn complete_login(
        &self,
        people: &People,
        answer: AuthorizationResponse,
        caller: &Caller,
    ) -> Result<LoginCompleted, LoginFailed> {
        let without_destination = |error| LoginFailed { error, destination: None };
        let pending = take_pending_login(people, &answer, &caller.browser).await;
        let pending = pending.map_err(without_destination)?;
        let signed_in = match self.identify(people, answer, &pending).await {
            Ok((principal, id_token)) => {
                self.begin_session(people, &principal, &id_token, caller).await
            }
            // Not authenticated: not recorded, because any client can cause this at will.
            Err(Rejection { error, actor: None }) => Err(error),
            // Authenticated: aggregated, because the user can repeat this at will.
            Err(Rejection { error, actor: Some(actor) }) => {
                let (action, issuer) = (Action::SignInFailed, Some(self.config.issuer.clone()));
                let aggregates = people.accounts.aggregates();
                aggregates.record(action, caller.address, actor, issuer);
                Err(error)
            }
        };
        match signed_in {
            Ok(cookie) => Ok(LoginCompleted { cookie, destination: pending.destination }),
            Err(error) => Err(LoginFailed { error, destination: Some(pending.destination) }),
        }
    }

    /// Returns the ID token of the caller's session; `None` if it is not one of this provider's.
    pub async fn id_token(&self, people: &People, caller: &Caller) -> Option<SecretString> {
        let principal = caller.principal.as_ref()?;
        if principal.issuer.as_deref() != Some(self.config.issuer.as_str()) {
            return None;
        }
        let sealed = table::id_token(&people.store, caller.session.as_ref()?.as_str());
        let sealed = sealed.await.ok().flatten()?;
        people.vault.open(ID_TOKEN, &self.secret_destination(), &sealed).ok()
    }

    /// Returns the URL that ends the provider's own session (`OpenID` Connect RP-Initiated Logout
    /// 1.0, 2) and then redirects to `back`; `None` without a valid `end_session_endpoint`.
    pub async fn logout_url(
        &self,
        people: &People,
        id_token: &SecretString,
        back: String,
    ) -> Option<String> {
        let metadata = self.discovery.current(people.clock.now()).await.ok()?;
        let endpoint = metadata.additional_metadata().end_session_endpoint.clone()?;
        endpoint_url(endpoint.as_str()).ok()?;
        let request = LogoutRequest::from(endpoint)
            .set_id_token_hint(&IdToken::from_str(id_token.expose_secret()).ok()?)
            .set_client_id(ClientId::new(self.config.client_id.clone()))
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(back).ok()?);
        Some(request.http_get_url().into())
    }

    /// Validates the callback and returns the user with the ID token.
    async fn identify(
        &self,
        people: &People,
        answer: AuthorizationResponse,
        pending: &PendingLogin,
    ) -> Result<(Principal, SecretString), Rejection> {
        let metadata = self.discovery.current(people.clock.now()).await.map_err(OidcError::from)?;
        let is_iss_missing = answer.iss.is_none() && names_itself(&metadata);
        let is_iss_wrong = answer.iss.as_deref().is_some_and(|iss| iss != self.config.issuer);
        let code = match answer {
            _ if is_iss_missing => {
                return Err(provider_error("its response names no issuer").into());
            }
            _ if is_iss_wrong => {
                return Err(provider_error("its response names another issuer").into());
            }
            AuthorizationResponse { error: Some(error), .. } if error.code == "access_denied" => {
                return Err(OidcError::Declined.into());
            }
            AuthorizationResponse { code: Some(code), error: None, .. } => code,
            _ => return Err(OidcError::Provider.into()),
        };
        let token = self.exchange(people, &metadata, &code, pending).await?;
        let claims = self.verify(people, &token, &pending.nonce_hash).await?;
        if subject(claims.subject().as_str()).is_none() {
            return Err(provider_error("its ID token has no usable subject").into());
        }
        let principal = claims::principal(claims, &self.config.roles_claim, &people.config.roles)?;
        Ok((principal, SecretString::from(token.to_string())))
    }

    /// Exchanges a code for an ID token, which is not validated yet.
    async fn exchange(
        &self,
        people: &People,
        metadata: &Metadata,
        code: &SecretString,
        pending: &PendingLogin,
    ) -> Result<IdToken, OidcError> {
        let client = self.client(metadata, &pending.redirect_uri)?;
        let verifier =
            people.vault.open(SIGN_IN_VERIFIER, &self.secret_destination(), &pending.verifier);
        let verifier = verifier.map_err(|error| {
            tracing::error!(error = one_line(&error), "a code verifier could not be opened");
            OidcError::Provider
        })?;
        let request = client
            .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
            .map_err(|_| provider_error("it names no Token Endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
        let answered = request.request_async(&TimedHttp::new(&self.http)).await;
        let tokens = answered.map_err(|error| match error {
            RequestTokenError::Request(refusal) => {
                provider_error(&format!("{:?}", refusal.diagnosis()))
            }
            _ => provider_error("its response has no tokens"),
        })?;
        tokens.id_token().cloned().ok_or_else(|| provider_error("its response has no ID token"))
    }

    /// Validates an ID token and returns its claims (`OpenID` Connect Core 1.0, 3.1.3.7). An
    /// unknown key refreshes the metadata once.
    async fn verify<'t>(
        &self,
        people: &People,
        token: &'t IdToken,
        nonce_hash: &str,
    ) -> Result<&'t IdClaims, OidcError> {
        use ClaimsVerificationError::SignatureVerification;
        let now = people.clock.now();
        let metadata = self.discovery.current(now).await?;
        let claims = match self.claims(token, &metadata, nonce_hash, now) {
            Err(SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let metadata = self.discovery.renewed(now).await?;
                self.claims(token, &metadata, nonce_hash, now)
            }
            claims => claims,
        };
        let claims = claims.map_err(|error| provider_error(&one_line(&error)))?;
        let is_for_another =
            claims.authorized_party().is_some_and(|party| party.as_str() != self.config.client_id);
        if is_for_another {
            Err(provider_error("its ID token is another client's"))
        } else {
            Ok(claims)
        }
    }

    fn claims<'t>(
        &self,
        token: &'t IdToken,
        metadata: &Metadata,
        nonce_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<&'t IdClaims, ClaimsVerificationError> {
        let client_id = ClientId::new(self.config.client_id.clone());
        let (issuer, keys) = (metadata.issuer().clone(), metadata.jwks().clone());
        let verifier = IdTokenVerifier::new_public_client(client_id, issuer, keys)
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now - SKEW)
            .set_issue_time_verifier_fn(move |issued| {
                if issued > now + SKEW { Err("it is of the future".to_owned()) } else { Ok(()) }
            });
        token.claims(&verifier, |nonce: Option<&Nonce>| match nonce {
            Some(nonce) if hashed(nonce.secret()) == nonce_hash => Ok(()),
            _ => Err("it is not the one that was sent".to_owned()),
        })
    }

    async fn begin_session(
        &self,
        people: &People,
        principal: &Principal,
        id_token: &SecretString,
        caller: &Caller,
    ) -> Result<HeaderValue, OidcError> {
        let (store, now) = (&people.store, people.clock.now());
        sessions::make_room(store, caller, now).await?;
        // Sealed right before its write: a key rotation waits for the time of one write.
        let sealed = people.vault.seal(ID_TOKEN, &self.secret_destination(), id_token);
        let (key, cookie) = people.accounts.cookie().issue(people.randomness.as_ref());
        let address = written(caller.address);
        table::begin_openid(store, key.as_str(), principal, &sealed, &address, now).await?;
        let client = CallingClient { address: Some(address), session: Some(key.name()) };
        let actor = Actor::from(&Principal { client, ..principal.clone() });
        let detail = Some(self.config.issuer.clone());
        let entry = Entry { detail, ..Entry::new(people.clock.now(), actor, Action::SignedIn) };
        audit::record(store, &entry).await?;
        Ok(cookie)
    }

    /// Builds the client. It authenticates as the metadata says, by default with HTTP Basic.
    fn client(&self, metadata: &Metadata, redirect_uri: &str) -> Result<OidcClient, OidcError> {
        let methods = metadata.token_endpoint_auth_methods_supported();
        let supports = |method| methods.is_some_and(|methods| methods.contains(&method));
        let wants_body = supports(CoreClientAuthMethod::ClientSecretPost)
            && !supports(CoreClientAuthMethod::ClientSecretBasic);
        let secret = self.config.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let client_id = ClientId::new(self.config.client_id.clone());
        let redirect_uri = Some(redirect_uri)
            .filter(|uri| uri.len() <= MAX_REDIRECT_URI)
            .and_then(|uri| RedirectUrl::new(uri.to_owned()).ok())
            .ok_or_else(|| provider_error("the Redirect URI is invalid"))?;
        Ok(OidcClient::from_provider_metadata(metadata.clone(), client_id, secret)
            .set_redirect_uri(redirect_uri)
            .set_auth_type(if wants_body { AuthType::RequestBody } else { AuthType::BasicAuth }))
    }

    /// Returns the scopes to request beside `openid`, which the crate adds.
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        let names = self.config.scope.split_whitespace().filter(|name| *name != "openid");
        names.map(|name| Scope::new(name.to_owned()))
    }

    /// Returns the destination that secrets of this provider are bound to.
    fn secret_destination(&self) -> Destination {
        Destination::Origin(self.config.issuer.clone())
    }
}

type IdClaims = openidconnect::IdTokenClaims<OtherClaims, CoreGenderClaim>;

/// A rejected login, and the audit actor if the user is authenticated.
struct Rejection {
    error: OidcError,
    actor: Option<Actor>,
}

impl From<OidcError> for Rejection {
    fn from(error: OidcError) -> Self {
        Self { error, actor: None }
    }
}

impl From<UnverifiedUser> for Rejection {
    fn from(UnverifiedUser { id, name, email }: UnverifiedUser) -> Self {
        let email = email.filter(|email| email.is_verified);
        let email = email.map_or_else(String::new, |Email { address, .. }| address);
        let actor = Actor::named(&email, &name).with_id(&id);
        Self { error: OidcError::NoRole, actor: Some(actor) }
    }
}

/// Consumes the state of the callback.
async fn take_pending_login(
    people: &People,
    answer: &AuthorizationResponse,
    browser: &ConsentBinding,
) -> Result<PendingLogin, OidcError> {
    let state_hash = hashed(answer.state.as_deref().unwrap_or_default());
    let browser_hash = hashed(browser.cookie().unwrap_or_default());
    let now = people.clock.now();
    match oidc_logins::take(&people.store, &state_hash, &browser_hash, now).await? {
        Ok(pending) => Ok(pending),
        Err(MissingLogin::Over) => Err(OidcError::Over),
        Err(MissingLogin::OtherBrowser) => Err(OidcError::OtherBrowser),
    }
}

fn provider_error(why: &str) -> OidcError {
    tracing::warn!(why, "a sign-in at the OpenID provider failed");
    OidcError::Provider
}
