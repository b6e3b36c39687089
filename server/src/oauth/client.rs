//! Asks a Token Endpoint, and once more where it wants client id and secret another way and the
//! settings leave the way open. Keeps no
//! token and never tries again by itself: when to do so is its caller's to know.

use std::pin::Pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::draft::ClientAuthentication;
use domain::settings::{Consent, Grant};
use domain::token::{Fault, Leg, Setback};
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
};
use oauth2::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use oauth2::http::{HeaderValue, Method, Request};
use oauth2::url::form_urlencoded::{self, byte_serialize};
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, PkceCodeVerifier, RefreshToken, RequestTokenError,
    Scope, StandardRevocableToken, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};

use super::answer::{self, Refusal};
use super::fault::Trouble;
use super::given::Given;
use super::page;
use super::query;
use super::wire::{Call, TokenClientError, Wire};
use super::{ClientAuth, Issued, TokenDeadlines};
use crate::config::ProxyUrl;
use crate::egress::EgressPolicy;
use crate::hush::Hush;
use crate::smtp::TlsTrust;

/// Asks Token Endpoints. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenClient {
    wire: Wire,
}

impl TokenClient {
    /// A client that trusts these certificates, calls what this policy allows, and goes by this proxy
    /// where there is one.
    ///
    /// # Errors
    /// The HTTP client does not take one of them.
    pub fn new(
        trust: &TlsTrust,
        egress: &EgressPolicy,
        proxy: Option<&ProxyUrl>,
        deadlines: TokenDeadlines,
    ) -> Result<Self, TokenClientError> {
        Ok(Self { wire: Wire::new(trust, egress, proxy, deadlines)? })
    }

    /// Exchanges a code for a token (RFC 6749 4.1.3, RFC 7636 4.5).
    ///
    /// # Errors
    /// Why there is no token, at [`Leg::TokenRequest`]. The code is used up either way.
    pub async fn exchange(
        &self,
        grant: &Grant,
        auth: ClientAuth,
        code: &SecretString,
        verifier: Option<&SecretString>,
    ) -> Result<Issued, Setback> {
        let proof = Proof::Code { code, verifier };
        self.ask(&TokenRequest { grant, proof }, auth, Leg::TokenRequest).await
    }

    /// Exchanges a refresh token for a token (RFC 6749 6).
    ///
    /// # Errors
    /// Why there is no token, at [`Leg::Renewal`].
    pub async fn refresh(
        &self,
        grant: &Grant,
        auth: ClientAuth,
        refresh_token: &SecretString,
    ) -> Result<Issued, Setback> {
        let request =
            |scope| TokenRequest { grant, proof: Proof::RefreshToken { refresh_token, scope } };
        let call = self.wire.until(self.wire.end());
        let asked = ask(&call, &request(NamesScope::Yes), auth, Leg::Renewal).await;
        match asked {
            // Less was granted than was asked for, and no more may be named (RFC 6749 6).
            Err(Setback { fault: Fault::InvalidScope, .. }) => {
                ask(&call, &request(NamesScope::No), auth, Leg::Renewal).await
            }
            asked => asked,
        }
    }

    /// Asks for a token in the client's own name (RFC 6749 4.4.2), a first one or the next.
    ///
    /// # Errors
    /// Why there is no token, at the leg that was given.
    pub async fn client_credentials(
        &self,
        grant: &Grant,
        auth: ClientAuth,
        leg: Leg,
    ) -> Result<Issued, Setback> {
        self.ask(&TokenRequest { grant, proof: Proof::ClientItself }, auth, leg).await
    }

    /// Revokes a token (RFC 7009 2.1) of this kind, an access or a refresh token, with the client
    /// authentication of a token request. A token that the provider does not know is revoked.
    ///
    /// # Errors
    /// What the provider, or the way there, had against it.
    pub async fn revoke(
        &self,
        grant: &Grant,
        auth: ClientAuth,
        endpoint: &str,
        kind: &str,
        token: &SecretString,
    ) -> Result<(), Fault> {
        let Grant { client_id, client_secret, .. } = grant;
        let mut pairs = vec![("token", token.expose_secret()), ("token_type_hint", kind)];
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(endpoint)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        match (auth, client_secret) {
            (ClientAuth::Basic, Some(client_secret)) => {
                let basic = basic(client_id, client_secret);
                request = request.header(AUTHORIZATION, format!("Basic {basic}"));
            }
            (_, client_secret) => {
                pairs.push(("client_id", client_id.as_str()));
                let secret = client_secret.as_ref().filter(|_| auth != ClientAuth::None);
                pairs.extend(secret.map(|secret| ("client_secret", secret.expose_secret())));
            }
        }
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = request.body(form.into_bytes()).map_err(|_| Fault::ServerFailed)?;
        match self.wire.until(self.wire.end()).call(request).await {
            // An answer has nothing to say (RFC 7009 2.2).
            Ok(_) | Err(Refusal { trouble: Trouble { fault: Fault::NoToken, .. }, .. }) => Ok(()),
            Err(refusal) => Err(refusal.fault()),
        }
    }

    async fn ask(
        &self,
        request: &TokenRequest<'_>,
        auth: ClientAuth,
        leg: Leg,
    ) -> Result<Issued, Setback> {
        ask(&self.wire.until(self.wire.end()), request, auth, leg).await
    }
}

/// Asks, and once more by HTTP Basic where that is wanted and the settings name no way, all before the
/// call's end.
async fn ask(
    call: &Call<'_>,
    request: &TokenRequest<'_>,
    auth: ClientAuth,
    leg: Leg,
) -> Result<Issued, Setback> {
    let is_open = request.grant.client_authentication == ClientAuthentication::Automatic;
    let answered = match request.send(auth, call).await {
        Err(Refusal { wants_basic: true, .. }) if is_open && auth == ClientAuth::Body => {
            request.send(ClientAuth::Basic, call).await
        }
        answered => answered,
    };
    answered.map_err(|refusal| refusal.trouble.at(leg, &request.hush()))
}

/// The client of the `oauth2` crate, with answers of our own.
type Client = oauth2::Client<
    BasicErrorResponse,
    Given,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// A request for a token on its way, whose answer has to be OAuth's. Of HTTP Basic it takes this over
/// what the `oauth2` crate writes, which has a blank as `+`.
struct TokenCall<'a> {
    call: &'a Call<'a>,
    /// Where there is a secret.
    basic: Option<HeaderValue>,
}

impl<'c> AsyncHttpClient<'c> for TokenCall<'_> {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Refusal>> + Send + 'c>>;

    fn call(&'c self, mut request: HttpRequest) -> Self::Future {
        if let Some((sent, basic)) =
            request.headers_mut().get_mut(AUTHORIZATION).zip(self.basic.as_ref())
        {
            sent.clone_from(basic);
        }
        Box::pin(async move { self.call.call(request).await.and_then(answer::of_oauth) })
    }
}

/// What a token is asked for with (RFC 6749 1.3).
enum Proof<'a> {
    Code { code: &'a SecretString, verifier: Option<&'a SecretString> },
    RefreshToken { refresh_token: &'a SecretString, scope: NamesScope },
    ClientItself,
}

/// Whether a request for the next token names the scope, which some providers want and others only
/// take as it was granted.
#[derive(Clone, Copy)]
enum NamesScope {
    Yes,
    No,
}

/// One request for a token, whichever way client id and secret go.
struct TokenRequest<'a> {
    grant: &'a Grant,
    proof: Proof<'a>,
}

impl TokenRequest<'_> {
    async fn send(&self, auth: ClientAuth, call: &Call<'_>) -> Result<Issued, Refusal> {
        let client = self.client(auth)?;
        let call = &TokenCall { call, basic: self.basic()? };
        let answered = match &self.proof {
            Proof::Code { code, verifier } => {
                let code = AuthorizationCode::new(code.expose_secret().to_owned());
                let mut request = client.exchange_code(code);
                if let Consent::AtProvider { redirect_uri, .. } = &self.grant.consent {
                    request = request.add_extra_param("redirect_uri", redirect_uri);
                }
                if let Some(verifier) = verifier {
                    let verifier = verifier.expose_secret().to_owned();
                    request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier));
                }
                request.request_async(call).await
            }
            Proof::RefreshToken { refresh_token, scope } => {
                let token = RefreshToken::new(refresh_token.expose_secret().to_owned());
                let request = client.exchange_refresh_token(&token);
                let request = match scope {
                    NamesScope::Yes => request.add_scopes(self.scopes()),
                    NamesScope::No => request,
                };
                request.request_async(call).await
            }
            Proof::ClientItself => {
                let request = client.exchange_client_credentials().add_scopes(self.scopes());
                request.request_async(call).await
            }
        };
        let issued = answered.map_err(refusal)?.issued(auth)?;
        let hush = self.hush();
        let accounts = issued.accounts.iter().map(|account| hush.text(account)).collect();
        let scope = issued.scope.as_deref().map(|scope| hush.text(scope));
        Ok(Issued { scope, accounts, ..issued })
    }

    /// The value of the header by which HTTP Basic carries id and secret, where there is one.
    fn basic(&self) -> Result<Option<HeaderValue>, Trouble> {
        let Grant { client_id, client_secret, .. } = self.grant;
        let Some(secret) = client_secret else { return Ok(None) };
        let value = HeaderValue::try_from(format!("Basic {}", basic(client_id, secret)));
        let mut value = value.map_err(|_| Fault::ServerFailed)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn client(&self, auth: ClientAuth) -> Result<Client, Trouble> {
        let Grant { client_id, client_secret, token_endpoint, .. } = self.grant;
        // None is sent twice (RFC 6749 3.2).
        let endpoint = query::without(token_endpoint, &query::OF_TOKEN_REQUEST);
        let endpoint = TokenUrl::new(endpoint).map_err(|_| Fault::AddressForbidden)?;
        let auth_type = match auth {
            ClientAuth::Body | ClientAuth::None => AuthType::RequestBody,
            ClientAuth::Basic => AuthType::BasicAuth,
        };
        let client = oauth2::Client::new(ClientId::new(client_id.clone()));
        let secret = client_secret.as_ref().filter(|_| auth != ClientAuth::None);
        let client = match secret.map(|secret| secret.expose_secret().to_owned()) {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret)),
            None => client,
        };
        Ok(client.set_auth_type(auth_type).set_token_uri(endpoint))
    }

    fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.grant.scope.split_whitespace().map(|scope| Scope::new(scope.to_owned()))
    }

    /// Hides everything that goes out from whatever comes back.
    fn hush(&self) -> Hush {
        const SECRET: &str = "[client secret]";
        let Grant { client_id, client_secret, .. } = self.grant;
        let hush = client_secret.iter().fold(Hush::default(), |hush, secret| {
            hush.hide(SECRET, secret).hide_sent(SECRET, basic(client_id, secret))
        });
        match &self.proof {
            Proof::ClientItself => hush,
            Proof::RefreshToken { refresh_token, .. } => {
                hush.hide("[refresh token]", refresh_token)
            }
            Proof::Code { code, verifier: None } => hush.hide("[code]", code),
            Proof::Code { code, verifier: Some(verifier) } => {
                hush.hide("[code]", code).hide("[verifier]", verifier)
            }
        }
    }
}

/// Client id and secret as HTTP Basic carries them (RFC 6749 2.3.1), a blank as `%20`: that is right for
/// a server that decodes a form, and for one that only takes percent signs off.
fn basic(client_id: &str, client_secret: &SecretString) -> String {
    let encoded =
        |text: &str| byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    BASE64.encode(format!("{}:{}", encoded(client_id), encoded(client_secret.expose_secret())))
}

/// What the `oauth2` crate found, which never sees an answer that is a refusal.
fn refusal(error: RequestTokenError<Refusal, BasicErrorResponse>) -> Refusal {
    match error {
        RequestTokenError::Request(refusal) => refusal,
        // Text that is no page may be a token.
        RequestTokenError::Parse(_, body) => {
            let words = page::first_words(&body).filter(|_| page::is_markup(&body));
            Trouble::new(Fault::NotOauth, words).into()
        }
        RequestTokenError::ServerResponse(_) | RequestTokenError::Other(_) => {
            tracing::error!("a token request could not be written");
            Fault::ServerFailed.into()
        }
    }
}
