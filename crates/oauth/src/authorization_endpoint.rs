//! The authorization request and its response (RFC 6749 4.1). Whether a response belongs to a
//! request is decided by the caller.

use domain::settings::{Consent, Grant};
use domain::syntax::url;
use domain::token::{OauthDiagnosis, OauthFailure, OauthStage};
use net::redact::Redactor;
use oauth2::basic::BasicClient;
use oauth2::url::form_urlencoded;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, Scope};
use secrecy::{ExposeSecret, SecretString};

use super::error::{ProviderError, TokenError};
use super::query;

/// An authorization request.
#[derive(Debug, Clone)]
pub struct AuthorizationRequest {
    /// The URL of the provider's consent page, with all parameters.
    pub url: String,
    /// The PKCE verifier, stored on this server until the exchange.
    pub verifier: Option<SecretString>,
}

/// Hosts of authorization endpoints that are known to accept `login_hint`.
const HINT_HOSTS: [&str; 9] = [
    "accounts.google.com",
    "api.login.yahoo.com",
    "login.live.com",
    "login.microsoft.com",
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.windows.net",
    // A test provider.
    "localhost",
];

/// Whether a provider is known to accept `login_hint`, by the host of its authorization endpoint.
pub fn takes_login_hint(authorization_endpoint: &str) -> bool {
    let host = url::endpoint_host(authorization_endpoint).unwrap_or_default();
    HINT_HOSTS.contains(&host.as_str()) || host.starts_with("127.") || host == "[::1]"
}

impl AuthorizationRequest {
    /// Adds a `login_hint` (`OpenID` Connect Core 3.1.2.1), unless the configured endpoint has one.
    pub fn hinting(mut self, account: &str) -> Self {
        let (_, query) = self.url.split_once('?').unwrap_or_default();
        if !form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "login_hint") {
            self.url.push_str("&login_hint=");
            self.url.extend(form_urlencoded::byte_serialize(account.as_bytes()));
        }
        self
    }
}

/// Builds an authorization request (RFC 6749 4.1.1), with PKCE by S256 (RFC 7636 4.3) if the grant
/// requires it: `new_verifier` returns 43 to 128 unreserved characters (RFC 7636 4.1).
///
/// Keeps the query of the authorization endpoint, except the parameters of this request. Returns
/// `None` if the grant needs no consent, or if the endpoint is not a valid URL.
pub fn authorization_request(
    grant: &Grant,
    state: &SecretString,
    new_verifier: impl FnOnce() -> SecretString,
) -> Option<AuthorizationRequest> {
    let Consent::AtProvider { authorization_endpoint, redirect_uri, pkce } = &grant.consent else {
        return None;
    };
    let endpoint = query::without(authorization_endpoint, &query::OF_AUTHORIZATION_REQUEST);
    let client = BasicClient::new(ClientId::new(grant.client_id.clone()))
        .set_auth_uri(AuthUrl::new(endpoint).ok()?);
    let mut request = client
        .authorize_url(|| CsrfToken::new(state.expose_secret().to_owned()))
        .add_extra_param("redirect_uri", redirect_uri)
        .add_scopes(grant.scope.split_whitespace().map(|scope| Scope::new(scope.to_owned())));
    let verifier = pkce.then(new_verifier);
    if let Some(verifier) = &verifier {
        let verifier = PkceCodeVerifier::new(verifier.expose_secret().to_owned());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        request = request.set_pkce_challenge(challenge);
    }
    let (url, _) = request.url();
    Some(AuthorizationRequest { url: url.into(), verifier })
}

/// The authorization response in the callback URL (RFC 6749 4.1.2).
#[derive(Debug, Clone, Default)]
pub struct AuthorizationResponse {
    /// The state of the request.
    pub state: Option<String>,
    /// The code, if consent was given.
    pub code: Option<SecretString>,
    /// The error, if it was not.
    pub error: Option<ProviderError>,
    /// The issuer (RFC 9207 2).
    pub iss: Option<String>,
    /// Whether an administrator has consented for a whole organisation: Microsoft then sends no
    /// code (learn.microsoft.com, "Microsoft identity platform and admin consent").
    pub is_admin_consent: bool,
}

impl AuthorizationResponse {
    /// Parses a query, without its question mark.
    ///
    /// Unknown parameters are ignored. Empty ones count as missing (RFC 6749 3.1), and so do
    /// repeated ones, which are ambiguous.
    pub fn read(query: &str) -> Self {
        let error = single_value(query, "error").map(|code| ProviderError {
            code,
            description: single_value(query, "error_description"),
            uri: single_value(query, "error_uri"),
        });
        Self {
            state: single_value(query, "state"),
            code: single_value(query, "code").map(SecretString::from),
            error,
            iss: single_value(query, "iss"),
            is_admin_consent: single_value(query, "admin_consent")
                .is_some_and(|consented| consented.eq_ignore_ascii_case("true")),
        }
    }

    /// Parses a response in the request body (OAuth 2.0 Form Post Response Mode) and returns it as
    /// a query.
    ///
    /// Returns `None` unless it is exactly one response: it has a state, either a code or an error,
    /// no repeated parameter, and none that providers are not known to send.
    pub fn posted(body: &[u8]) -> Option<String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let mut seen = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            let is_answer = RESPONSE_PARAMETERS.contains(&name.as_ref());
            if seen.contains(&name) || !is_answer && !ADDITIONAL_PARAMETERS.contains(&name.as_ref())
            {
                return None;
            }
            if is_answer {
                query.append_pair(&name, &value);
            }
            seen.push(name);
        }
        let query = query.finish();
        let answer = Self::read(&query);
        let is_one = answer.state.is_some() && (answer.code.is_some() ^ answer.error.is_some());
        is_one.then_some(query)
    }

    /// Parses a pasted URL, or its query alone.
    ///
    /// Returns `None` if it has neither a state nor a code nor an error.
    pub fn of_address(pasted: &str) -> Option<Self> {
        let address = pasted.trim();
        let address = address.split_once('#').map_or(address, |(before, _)| before);
        let query = address.split_once('?').map_or(address, |(_, query)| query);
        let answer = Self::read(query);
        let is_one = answer.state.is_some()
            || answer.code.is_some()
            || answer.error.is_some()
            || answer.is_admin_consent;
        is_one.then_some(answer)
    }

    /// Returns the meaning of the error, with state and code redacted, because a provider may
    /// repeat them; `None` without an error.
    pub fn failure(&self) -> Option<OauthFailure> {
        let mut redactor = Redactor::default();
        if let Some(state) = self.state.as_deref() {
            redactor = redactor.secret("[state]", &state.into());
        }
        if let Some(code) = &self.code {
            redactor = redactor.secret("[code]", code);
        }
        let error = self.error.as_ref()?;
        let TokenError { diagnosis, peer_text } = TokenError::from(error);
        // A user who is asked for consent has seen the page, and declined.
        let is_declined = error.code == "consent_required";
        let diagnosis = if is_declined { OauthDiagnosis::AccessDenied } else { diagnosis };
        Some(TokenError::new(diagnosis, peer_text).at(OauthStage::Consent, &redactor))
    }
}

/// The parameters of a response (RFC 6749 4.1.2, RFC 9207 2).
const RESPONSE_PARAMETERS: [&str; 6] =
    ["code", "state", "iss", "error", "error_description", "error_uri"];

/// Parameters that providers send in addition: `OpenID` Connect Session Management 3, Microsoft,
/// Google.
const ADDITIONAL_PARAMETERS: [&str; 6] =
    ["session_state", "error_subcode", "scope", "authuser", "hd", "prompt"];

fn single_value(query: &str, name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(named, _)| named == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) if !value.is_empty() => Some(value.into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_post_must_be_exactly_one_response() {
        for (body, expected) in [
            ("code=a%2Fb&state=s", Some("code=a%2Fb&state=s")),
            ("state=s&code=a&iss=i&session_state=x", Some("state=s&code=a&iss=i")),
            (
                "error=access_denied&error_description=No+way&state=s",
                Some("error=access_denied&error_description=No+way&state=s"),
            ),
            ("", None),
            ("code=a", None),
            ("state=s", None),
            ("code=&state=s", None),
            ("code=a&state=s&state=t", None),
            ("code=a&error=b&state=s", None),
            ("code=a&state=s&ppm-probe=x", None),
            ("code=a&state=s&admin_consent=True", None),
            ("{\"code\":\"a\",\"state\":\"s\"}", None),
        ] {
            assert_eq!(
                AuthorizationResponse::posted(body.as_bytes()).as_deref(),
                expected,
                "{body}"
            );
        }
    }
}
