//! Sign-in with an organisation's account: `OpenID` Connect by Authorization Code with PKCE, state and
//! nonce (`OpenID` Connect Core 1.0, 3.1; RFC 7636). Knows no page and no route: where a browser goes
//! next is said, and gone elsewhere.
//!
//! - `discovery` keeps what the provider says about itself, and its keys.
//! - `claims` makes a principal of a genuine ID token.

mod claims;
mod discovery;

use std::str::FromStr;
use std::time::Duration;

use app::service::Browser;
use axum::http::HeaderValue;
use chrono::{DateTime, TimeDelta, Utc};
use domain::check::url::endpoint_url;
use domain::secret::Destination;
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

use self::claims::{OtherClaims, Stranger};
use self::discovery::{Discovery, Metadata, Unavailable, names_itself};
use super::claims::subject;
use super::sessions::{self, Caller};
use super::{Client as CallingClient, Email, Principal, limits};
use crate::Server;
use crate::clock::random_token;
use crate::config::{OidcConfig, ProxyUrl};
use crate::digest::hashed;
use crate::egress::EgressPolicy;
use crate::log::one_line;
use crate::oauth::{Answer, TokenClientError, TokenDeadlines, Wire};
use crate::smtp::TlsTrust;
use crate::store::audit::{self, Action, Actor, Entry};
use crate::store::foreign_sign_ins::{self, Away, Crowded, KnownBy, Missing};
use crate::store::{StoreError, foreign_sessions};
use crate::subscriber::{subscriber, written};
use crate::vault::columns::{ID_TOKEN, SIGN_IN_VERIFIER};

/// How long a browser may stay away.
const AWAY: TimeDelta = TimeDelta::minutes(10);

/// How far the provider's clock and this one may be apart.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// The signatures that are believed: by a key of the provider's, never by a shared secret, never none.
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

/// The longest address that a browser is asked to come back to, in octets. Without `--public-url`
/// whoever asks writes it.
const LONGEST_ADDRESS: usize = 2_048;

/// The accounts of an `OpenID` provider. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Oidc {
    config: OidcConfig,
    wire: Wire,
    discovery: Discovery,
}

/// A browser that goes to the provider.
#[derive(Debug)]
pub struct Departed {
    /// The address of the provider's page.
    pub url: String,
    /// What the browser is known by when it comes back.
    pub browser: String,
}

/// A browser that came back with somebody.
#[derive(Debug)]
pub struct Landed {
    /// The `Set-Cookie` header that makes the browser known.
    pub cookie: HeaderValue,
    /// The path that it was going to.
    pub destination: String,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum OidcFault {
    /// Whoever was asked, or the provider for them, said no.
    #[error("the sign-in was declined")]
    Declined,
    /// It took too long, or was finished before.
    #[error("the sign-in is over")]
    Over,
    /// It was begun in another browser.
    #[error("the sign-in was begun in another browser")]
    OtherBrowser,
    /// The provider does not answer, or not what can be believed.
    #[error("the provider failed")]
    Provider,
    /// Too many browsers are away that came from one address.
    #[error("too many sign-ins were begun and not ended")]
    TooMany {
        /// How long to wait before the next one.
        retry_after: Duration,
    },
    /// The account is genuine, and may do nothing here.
    #[error("the account has no role here")]
    NoRole,
    /// It could not be kept or looked up.
    #[error("the sign-in could not be kept")]
    Store(#[from] StoreError),
}

impl From<Unavailable> for OidcFault {
    fn from(Unavailable: Unavailable) -> Self {
        Self::Provider
    }
}

/// A browser that came back with nobody.
#[derive(Debug)]
pub struct TurnedAway {
    /// Why.
    pub fault: OidcFault,
    /// The path that it was going to, where that is known.
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

/// The client of the `openidconnect` crate, with all claims there are.
type Client = openidconnect::Client<
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
    /// The accounts of this provider. It is not asked anything before somebody signs in.
    ///
    /// # Errors
    /// The HTTP client does not take trust or proxy.
    pub fn new(
        config: OidcConfig,
        trust: &TlsTrust,
        egress: &EgressPolicy,
        proxy: Option<&ProxyUrl>,
        deadlines: TokenDeadlines,
    ) -> Result<Self, TokenClientError> {
        let egress = egress.for_configured(&config.issuer);
        let wire = Wire::new(trust, &egress, proxy, deadlines)?;
        let discovery = Discovery::new(config.issuer.clone(), wire.clone());
        Ok(Self { config, wire, discovery })
    }

    /// How the sign-in page calls whoever has the accounts.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// What the provider is called in its ID tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Sends the caller's browser to the provider. It comes back to `redirect_uri`, and then goes on to
    /// `destination`.
    ///
    /// # Errors
    /// Too many are away already, or the provider or the database does not answer.
    pub async fn depart(
        &self,
        server: &Server,
        caller: &Caller,
        redirect_uri: String,
        destination: &str,
    ) -> Result<Departed, OidcFault> {
        let now = server.clock.now();
        let metadata = self.discovery.current(now).await?;
        let random = || random_token(server.randomness.as_ref());
        let (state, nonce, verifier) = (random(), random(), SecretString::from(random()));
        let browser = caller.browser.cookie().map_or_else(random, str::to_owned);
        let away = Away {
            nonce_hash: hashed(&nonce),
            verifier: server.vault.seal(SIGN_IN_VERIFIER, &self.place(), &verifier),
            issuer: self.config.issuer.clone(),
            redirect_uri,
            destination: destination.to_owned(),
        };
        let client = self.client(&metadata, &away.redirect_uri)?;
        let known_by = KnownBy {
            state_hash: &hashed(&state),
            browser_hash: &hashed(&browser),
            address: &subscriber(caller.address).to_string(),
        };
        let (most, expires_at) = (limits::AWAY_PER_ADDRESS, now + AWAY);
        foreign_sign_ins::depart(&server.store, known_by, &away, most, now, expires_at)
            .await?
            .map_err(|crowded| too_many(crowded, now))?;

        let verifier = PkceCodeVerifier::new(verifier.expose_secret().to_owned());
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let (url, ..) = client
            .authorize_url(flow, || CsrfToken::new(state), || Nonce::new(nonce))
            .add_scopes(self.scopes())
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(Departed { url: url.into(), browser })
    }

    /// Takes what a browser came back with, and signs in whoever it is about: a new session, and the
    /// end of the one that the caller had. A state works once, whatever comes of it.
    ///
    /// # Errors
    /// There is nobody, or nobody who may come in; or the provider or the database does not answer.
    pub async fn land(
        &self,
        server: &Server,
        answer: Answer,
        caller: &Caller,
    ) -> Result<Landed, TurnedAway> {
        let nowhere = |fault| TurnedAway { fault, destination: None };
        let away = come_back(server, &answer, &caller.browser).await.map_err(nowhere)?;
        let signed_in = match self.identified(server, answer, &away).await {
            Ok((principal, id_token)) => self.begin(server, &principal, &id_token, caller).await,
            // Nobody whom the provider knows: anybody can do that, as often as they like.
            Err(Nobody { fault, actor: None }) => Err(fault),
            // The provider has proven who it is; that does not keep them from coming again and again.
            Err(Nobody { fault, actor: Some(actor) }) => {
                let (action, issuer) = (Action::SignInFailed, Some(self.config.issuer.clone()));
                let aggregates = server.accounts.aggregates();
                aggregates.record(action, caller.address, actor, issuer);
                Err(fault)
            }
        };
        match signed_in {
            Ok(cookie) => Ok(Landed { cookie, destination: away.destination }),
            Err(fault) => Err(TurnedAway { fault, destination: Some(away.destination) }),
        }
    }

    /// The ID token that the caller's session began with; nothing where it is none of this provider's.
    pub async fn id_token(&self, server: &Server, caller: &Caller) -> Option<SecretString> {
        let principal = caller.principal.as_ref()?;
        if principal.issuer.as_deref() != Some(self.config.issuer.as_str()) {
            return None;
        }
        let sealed = foreign_sessions::id_token(&server.store, caller.session.as_ref()?.as_str());
        let sealed = sealed.await.ok().flatten()?;
        server.vault.open(ID_TOKEN, &self.place(), &sealed).ok()
    }

    /// Where a browser ends the provider's own session (`OpenID` Connect RP-Initiated Logout 1.0, 2),
    /// to come back to `back`; nothing where the provider offers no such thing, or no address of the web.
    pub async fn farewell(
        &self,
        server: &Server,
        id_token: &SecretString,
        back: String,
    ) -> Option<String> {
        let metadata = self.discovery.current(server.clock.now()).await.ok()?;
        let endpoint = metadata.additional_metadata().end_session_endpoint.clone()?;
        endpoint_url(endpoint.as_str()).ok()?;
        let request = LogoutRequest::from(endpoint)
            .set_id_token_hint(&IdToken::from_str(id_token.expose_secret()).ok()?)
            .set_client_id(ClientId::new(self.config.client_id.clone()))
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(back).ok()?);
        Some(request.http_get_url().into())
    }

    /// Whoever the provider says it is.
    async fn identified(
        &self,
        server: &Server,
        answer: Answer,
        away: &Away,
    ) -> Result<(Principal, SecretString), Nobody> {
        let metadata = self.discovery.current(server.clock.now()).await.map_err(OidcFault::from)?;
        let is_unsaid = answer.iss.is_none() && names_itself(&metadata);
        let is_of_another = answer.iss.as_deref().is_some_and(|iss| iss != self.config.issuer);
        let code = match answer {
            _ if is_unsaid => return Err(unusable("its answer does not name it").into()),
            _ if is_of_another => return Err(unusable("its answer names another issuer").into()),
            Answer { error: Some(error), .. } if error.code == "access_denied" => {
                return Err(OidcFault::Declined.into());
            }
            Answer { code: Some(code), error: None, .. } => code,
            _ => return Err(OidcFault::Provider.into()),
        };
        let token = self.exchanged(server, &metadata, &code, away).await?;
        let claims = self.verified(server, &token, &away.nonce_hash).await?;
        if subject(claims.subject().as_str()).is_none() {
            return Err(unusable("it names nobody").into());
        }
        let principal = claims::principal(claims, &self.config.roles_claim, &server.config.roles)?;
        Ok((principal, SecretString::from(token.to_string())))
    }

    /// The ID token for a code, not yet believed.
    async fn exchanged(
        &self,
        server: &Server,
        metadata: &Metadata,
        code: &SecretString,
        away: &Away,
    ) -> Result<IdToken, OidcFault> {
        let client = self.client(metadata, &away.redirect_uri)?;
        let verifier = server.vault.open(SIGN_IN_VERIFIER, &self.place(), &away.verifier);
        let verifier = verifier.map_err(|error| {
            tracing::error!(error = one_line(&error), "a code verifier could not be opened");
            OidcFault::Provider
        })?;
        let request = client
            .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
            .map_err(|_| unusable("it names no Token Endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
        let answered = request.request_async(&self.wire.until(self.wire.end())).await;
        let tokens = answered.map_err(|error| match error {
            RequestTokenError::Request(refusal) => unusable(&format!("{:?}", refusal.fault())),
            _ => unusable("it answers something else than tokens"),
        })?;
        tokens.id_token().cloned().ok_or_else(|| unusable("it gives no ID token"))
    }

    /// The claims of a token that is genuine, meant for this server, of now and of this browser
    /// (`OpenID` Connect Core 1.0, 3.1.3.7). A key that nobody knows is asked for once.
    async fn verified<'t>(
        &self,
        server: &Server,
        token: &'t IdToken,
        nonce_hash: &str,
    ) -> Result<&'t Claims, OidcFault> {
        use ClaimsVerificationError::SignatureVerification;
        let now = server.clock.now();
        let metadata = self.discovery.current(now).await?;
        let claims = match self.claims(token, &metadata, nonce_hash, now) {
            Err(SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let metadata = self.discovery.renewed(now).await?;
                self.claims(token, &metadata, nonce_hash, now)
            }
            claims => claims,
        };
        let claims = claims.map_err(|error| unusable(&one_line(&error)))?;
        let is_for_another =
            claims.authorized_party().is_some_and(|party| party.as_str() != self.config.client_id);
        if is_for_another { Err(unusable("its ID token is another client's")) } else { Ok(claims) }
    }

    fn claims<'t>(
        &self,
        token: &'t IdToken,
        metadata: &Metadata,
        nonce_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<&'t Claims, ClaimsVerificationError> {
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

    async fn begin(
        &self,
        server: &Server,
        principal: &Principal,
        id_token: &SecretString,
        caller: &Caller,
    ) -> Result<HeaderValue, OidcFault> {
        let (store, now) = (&server.store, server.clock.now());
        sessions::make_room(store, caller, now).await?;
        // Last, so that one write alone stands between a change of the key and this value.
        let sealed = server.vault.seal(ID_TOKEN, &self.place(), id_token);
        let (key, cookie) = server.accounts.cookie().issue(server.randomness.as_ref());
        let address = written(caller.address);
        foreign_sessions::begin(store, key.as_str(), principal, &sealed, &address, now).await?;
        let client = CallingClient { address: Some(address), session: Some(key.name()) };
        let actor = Actor::from(&Principal { client, ..principal.clone() });
        self.note(server, actor, Action::SignedIn).await?;
        Ok(cookie)
    }

    async fn note(&self, server: &Server, actor: Actor, action: Action) -> Result<(), OidcFault> {
        let detail = Some(self.config.issuer.clone());
        let entry = Entry { detail, ..Entry::new(server.clock.now(), actor, action) };
        Ok(audit::record(&server.store, &entry).await?)
    }

    /// Client id and secret go as the provider says, by HTTP Basic where it does not.
    fn client(&self, metadata: &Metadata, redirect_uri: &str) -> Result<Client, OidcFault> {
        let takes = |way| {
            metadata.token_endpoint_auth_methods_supported().is_some_and(|ways| ways.contains(&way))
        };
        let wants_body = takes(CoreClientAuthMethod::ClientSecretPost)
            && !takes(CoreClientAuthMethod::ClientSecretBasic);
        let secret = self.config.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let client_id = ClientId::new(self.config.client_id.clone());
        let redirect_uri = Some(redirect_uri)
            .filter(|uri| uri.len() <= LONGEST_ADDRESS)
            .and_then(|uri| RedirectUrl::new(uri.to_owned()).ok())
            .ok_or_else(|| unusable("no browser could come back from it"))?;
        Ok(Client::from_provider_metadata(metadata.clone(), client_id, secret)
            .set_redirect_uri(redirect_uri)
            .set_auth_type(if wants_body { AuthType::RequestBody } else { AuthType::BasicAuth }))
    }

    /// What is asked for beside `openid`, which the crate asks for itself.
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        let names = self.config.scope.split_whitespace().filter(|name| *name != "openid");
        names.map(|name| Scope::new(name.to_owned()))
    }

    /// What secrets of this provider's are sealed for.
    fn place(&self) -> Destination {
        Destination::Origin(self.config.issuer.clone())
    }
}

type Claims = openidconnect::IdTokenClaims<OtherClaims, CoreGenderClaim>;

/// Nobody who may come in, and who that is as far as the audit trail may know.
struct Nobody {
    fault: OidcFault,
    actor: Option<Actor>,
}

impl From<OidcFault> for Nobody {
    fn from(fault: OidcFault) -> Self {
        Self { fault, actor: None }
    }
}

impl From<Stranger> for Nobody {
    fn from(Stranger { id, name, email }: Stranger) -> Self {
        let email = email.filter(|email| email.is_verified);
        let email = email.map_or_else(String::new, |Email { address, .. }| address);
        let actor = Actor::named(&email, &name).with_id(&id);
        Self { fault: OidcFault::NoRole, actor: Some(actor) }
    }
}

/// Uses the answer's state up.
async fn come_back(server: &Server, answer: &Answer, browser: &Browser) -> Result<Away, OidcFault> {
    let state_hash = hashed(answer.state.as_deref().unwrap_or_default());
    let browser_hash = hashed(browser.cookie().unwrap_or_default());
    let now = server.clock.now();
    match foreign_sign_ins::come_back(&server.store, &state_hash, &browser_hash, now).await? {
        Ok(away) => Ok(away),
        Err(Missing::Over) => Err(OidcFault::Over),
        Err(Missing::OtherBrowser) => Err(OidcFault::OtherBrowser),
    }
}

fn too_many(Crowded { until }: Crowded, now: DateTime<Utc>) -> OidcFault {
    OidcFault::TooMany { retry_after: (until - now).to_std().unwrap_or_default() }
}

fn unusable(why: &str) -> OidcFault {
    tracing::warn!(why, "the OpenID provider signed nobody in");
    OidcFault::Provider
}
