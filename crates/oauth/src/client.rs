//! Sends token requests, and repeats one with another client authentication method if the provider
//! requires that and the settings allow it. Stores no token and does not retry otherwise.

use std::pin::Pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::draft::ClientAuthentication;
use domain::settings::{Consent, Grant};
use domain::token::{OauthDiagnosis, OauthFailure, OauthStage};
use net::http::GuardedHttp;
use net::redact::Redactor;
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

use super::error::TokenError;
use super::response::{self, TokenEndpointError};
use super::timed_http::TimedHttp;
use super::token_response::LenientTokenResponse;
use super::{ClientAuth, Issued, html_error, query};

/// A client of token endpoints. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenClient {
    http: GuardedHttp,
}

impl TokenClient {
    /// Creates a client of token endpoints.
    pub fn new(http: GuardedHttp) -> Self {
        Self { http }
    }

    /// Exchanges a code for a token (RFC 6749 4.1.3, RFC 7636 4.5).
    ///
    /// # Errors
    /// Why no token was issued, at [`OauthStage::TokenRequest`]. The code is used up either way.
    pub async fn exchange(
        &self,
        grant: &Grant,
        auth: ClientAuth,
        code: &SecretString,
        verifier: Option<&SecretString>,
    ) -> Result<Issued, OauthFailure> {
        let proof = Proof::Code { code, verifier };
        let call = TimedHttp::new(&self.http);
        ask(&call, &TokenRequest { grant, proof }, auth, OauthStage::TokenRequest).await
    }

    /// Exchanges a refresh token for a token (RFC 6749 6).
    ///
    /// # Errors
    /// Why no token was issued, at [`OauthStage::Renewal`].
    pub async fn refresh(
        &self,
        grant: &Grant,
        auth: ClientAuth,
        refresh_token: &SecretString,
    ) -> Result<Issued, OauthFailure> {
        let request = |names_scope| {
            let proof = Proof::RefreshToken { refresh_token, names_scope };
            TokenRequest { grant, proof }
        };
        let call = TimedHttp::new(&self.http);
        let asked = ask(&call, &request(true), auth, OauthStage::Renewal).await;
        match asked {
            // The granted scope was narrower than the requested one, which may not be exceeded (RFC
            // 6749 6).
            Err(OauthFailure { diagnosis: OauthDiagnosis::InvalidScope, .. }) => {
                ask(&call, &request(false), auth, OauthStage::Renewal).await
            }
            asked => asked,
        }
    }

    /// Requests a token by client credentials (RFC 6749 4.4.2), a first one or a renewal.
    ///
    /// # Errors
    /// Why no token was issued, at the given stage.
    pub async fn client_credentials(
        &self,
        grant: &Grant,
        auth: ClientAuth,
        stage: OauthStage,
    ) -> Result<Issued, OauthFailure> {
        let request = TokenRequest { grant, proof: Proof::ClientItself };
        ask(&TimedHttp::new(&self.http), &request, auth, stage).await
    }

    /// Revokes a token (RFC 7009 2.1) of a kind, an access or a refresh token, with the client
    /// authentication of a token request. A token that the provider does not know counts as
    /// revoked.
    ///
    /// # Errors
    /// Why the revocation failed.
    pub async fn revoke(
        &self,
        grant: &Grant,
        auth: ClientAuth,
        endpoint: &str,
        kind: &str,
        token: &SecretString,
    ) -> Result<(), OauthDiagnosis> {
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
        let request = request.body(form.into_bytes()).map_err(|_| OauthDiagnosis::ServerFailed)?;
        match TimedHttp::new(&self.http).call(request).await {
            // The content of the response is ignored (RFC 7009 2.2).
            Ok(_)
            | Err(TokenEndpointError {
                error: TokenError { diagnosis: OauthDiagnosis::NoToken, .. },
                ..
            }) => Ok(()),
            Err(refusal) => Err(refusal.diagnosis()),
        }
    }
}

/// Sends a request, and repeats it with HTTP Basic if the provider requires that and the settings
/// are automatic, all within the call's deadline.
async fn ask(
    call: &TimedHttp<'_>,
    request: &TokenRequest<'_>,
    auth: ClientAuth,
    stage: OauthStage,
) -> Result<Issued, OauthFailure> {
    let is_automatic = request.grant.client_authentication == ClientAuthentication::Automatic;
    let answered = match request.send(auth, call).await {
        Err(TokenEndpointError { wants_basic: true, .. })
            if is_automatic && auth == ClientAuth::Body =>
        {
            request.send(ClientAuth::Basic, call).await
        }
        answered => answered,
    };
    answered.map_err(|refusal| refusal.error.at(stage, &request.redactor()))
}

/// The `oauth2` crate's client, with a lenient token response.
type Client = oauth2::Client<
    BasicErrorResponse,
    LenientTokenResponse,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// A token request whose response has to be OAuth's. Replaces the `oauth2` crate's HTTP Basic
/// header, which encodes a blank as `+`.
struct TokenCall<'a> {
    call: &'a TimedHttp<'a>,
    /// `None` without a client secret.
    basic: Option<HeaderValue>,
}

impl<'c> AsyncHttpClient<'c> for TokenCall<'_> {
    type Error = TokenEndpointError;
    type Future =
        Pin<Box<dyn Future<Output = Result<HttpResponse, TokenEndpointError>> + Send + 'c>>;

    fn call(&'c self, mut request: HttpRequest) -> Self::Future {
        if let Some((sent, basic)) =
            request.headers_mut().get_mut(AUTHORIZATION).zip(self.basic.as_ref())
        {
            sent.clone_from(basic);
        }
        Box::pin(async move { self.call.call(request).await.and_then(response::of_oauth) })
    }
}

/// The authorization grant of a token request (RFC 6749 1.3). Some providers require that a refresh
/// request names the scope, others accept only the granted one.
enum Proof<'a> {
    Code { code: &'a SecretString, verifier: Option<&'a SecretString> },
    RefreshToken { refresh_token: &'a SecretString, names_scope: bool },
    ClientItself,
}

/// A token request, with any client authentication method.
struct TokenRequest<'a> {
    grant: &'a Grant,
    proof: Proof<'a>,
}

impl TokenRequest<'_> {
    async fn send(
        &self,
        auth: ClientAuth,
        call: &TimedHttp<'_>,
    ) -> Result<Issued, TokenEndpointError> {
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
            Proof::RefreshToken { refresh_token, names_scope } => {
                let token = RefreshToken::new(refresh_token.expose_secret().to_owned());
                let scopes = self.scopes().filter(|_| *names_scope);
                client.exchange_refresh_token(&token).add_scopes(scopes).request_async(call).await
            }
            Proof::ClientItself => {
                let request = client.exchange_client_credentials().add_scopes(self.scopes());
                request.request_async(call).await
            }
        };
        let issued = answered.map_err(refusal)?.issued(auth)?;
        let redactor = self.redactor();
        let accounts = issued.accounts.iter().map(|account| redactor.redact(account)).collect();
        let scope = issued.scope.as_deref().map(|scope| redactor.redact(scope));
        Ok(Issued { scope, accounts, ..issued })
    }

    /// Returns the HTTP Basic header; `None` without a client secret.
    fn basic(&self) -> Result<Option<HeaderValue>, TokenError> {
        let Grant { client_id, client_secret, .. } = self.grant;
        let Some(secret) = client_secret else { return Ok(None) };
        let value = HeaderValue::try_from(format!("Basic {}", basic(client_id, secret)));
        let mut value = value.map_err(|_| OauthDiagnosis::ServerFailed)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn client(&self, auth: ClientAuth) -> Result<Client, TokenError> {
        let Grant { client_id, client_secret, token_endpoint, .. } = self.grant;
        // No parameter may be sent twice (RFC 6749 3.2).
        let endpoint = query::without(token_endpoint, &query::OF_TOKEN_REQUEST);
        let endpoint = TokenUrl::new(endpoint).map_err(|_| OauthDiagnosis::AddressForbidden)?;
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

    /// Redacts the request's secrets from the response.
    fn redactor(&self) -> Redactor {
        const SECRET: &str = "[client secret]";
        let Grant { client_id, client_secret, .. } = self.grant;
        let redactor = client_secret.iter().fold(Redactor::default(), |redactor, secret| {
            redactor.secret(SECRET, secret).encoded(SECRET, basic(client_id, secret))
        });
        match &self.proof {
            Proof::ClientItself => redactor,
            Proof::RefreshToken { refresh_token, .. } => {
                redactor.secret("[refresh token]", refresh_token)
            }
            Proof::Code { code, verifier: None } => redactor.secret("[code]", code),
            Proof::Code { code, verifier: Some(verifier) } => {
                redactor.secret("[code]", code).secret("[verifier]", verifier)
            }
        }
    }
}

/// Encodes client id and secret for HTTP Basic (RFC 6749 2.3.1), a blank as `%20`: that is correct
/// for servers that decode a form and for those that only decode percent signs.
fn basic(client_id: &str, client_secret: &SecretString) -> String {
    let encoded =
        |text: &str| byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    BASE64.encode(format!("{}:{}", encoded(client_id), encoded(client_secret.expose_secret())))
}

/// Converts an error of the `oauth2` crate, which never receives an error response.
fn refusal(error: RequestTokenError<TokenEndpointError, BasicErrorResponse>) -> TokenEndpointError {
    match error {
        RequestTokenError::Request(refusal) => refusal,
        // Text that is not markup may be a token.
        RequestTokenError::Parse(_, body) => {
            let words = html_error::first_words(&body).filter(|_| html_error::is_markup(&body));
            TokenError::new(OauthDiagnosis::NotOauth, words).into()
        }
        RequestTokenError::ServerResponse(_) | RequestTokenError::Other(_) => {
            tracing::error!("a token request could not be written");
            OauthDiagnosis::ServerFailed.into()
        }
    }
}
