//! The two ends of a consent: the address of the provider's page, and the address that the browser
//! comes back with. Whether an answer belongs to a question is decided where both are known.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::check::url;
use domain::settings::{Consent, Grant};
use domain::token::{Fault, Leg, Setback};
use oauth2::basic::BasicClient;
use oauth2::url::form_urlencoded;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, Scope};
use secrecy::{ExposeSecret, SecretString};

use super::fault::{ProviderError, Trouble};
use super::query;
use crate::clock::{Randomness, random_bytes};
use crate::hush::Hush;

/// Where a person consents.
#[derive(Debug, Clone)]
pub struct AuthorizationRequest {
    /// The address of the provider's page, with everything that it has to know.
    pub url: String,
    /// With PKCE: what the code is exchanged with, and kept on this server until then.
    pub verifier: Option<SecretString>,
}

/// Hosts of Authorization Endpoints that are known to take a `login_hint`.
const TAKE_HINTS: [&str; 9] = [
    "accounts.google.com",
    "api.login.yahoo.com",
    "login.live.com",
    "login.microsoft.com",
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.windows.net",
    // A provider to practise with.
    "localhost",
];

/// Whether a provider is known to take a `login_hint`, by the host of its page.
#[must_use]
pub fn takes_login_hint(authorization_endpoint: &str) -> bool {
    let host = url::endpoint_host(authorization_endpoint).unwrap_or_default();
    TAKE_HINTS.contains(&host.as_str()) || host.starts_with("127.") || host == "[::1]"
}

impl AuthorizationRequest {
    /// The same with the account that is meant (`OpenID` Connect Core 3.1.2.1, `login_hint`); one in
    /// the Authorization Endpoint's own query is the administrator's, and wins.
    #[must_use]
    pub fn hinting(mut self, account: &str) -> Self {
        let (_, query) = self.url.split_once('?').unwrap_or_default();
        if !form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "login_hint") {
            self.url.push_str("&login_hint=");
            self.url.extend(form_urlencoded::byte_serialize(account.as_bytes()));
        }
        self
    }
}

/// Asks for a code (RFC 6749 4.1.1), with PKCE by S256 (RFC 7636 4.3) where the grant says so.
///
/// A query in the Authorization Endpoint is kept, without the parameters of this request. Nothing where nobody is asked for a consent, or
/// where no browser would take the Authorization Endpoint for an address.
#[must_use]
pub fn authorization_request(
    grant: &Grant,
    state: &SecretString,
    randomness: &dyn Randomness,
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
    let verifier = pkce.then(|| URL_SAFE_NO_PAD.encode(random_bytes::<32>(randomness)));
    if let Some(verifier) = &verifier {
        let verifier = PkceCodeVerifier::new(verifier.clone());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        request = request.set_pkce_challenge(challenge);
    }
    let (url, _) = request.url();
    Some(AuthorizationRequest { url: url.into(), verifier: verifier.map(SecretString::from) })
}

/// What the provider said in the address that the browser came back with (RFC 6749 4.1.2).
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Which question it answers.
    pub state: Option<String>,
    /// The code, where there was consent.
    pub code: Option<SecretString>,
    /// The error, where there was none.
    pub error: Option<ProviderError>,
    /// Who answers (RFC 9207 2).
    pub iss: Option<String>,
    /// Whether an administrator has consented for a whole organisation, which Microsoft answers without a
    /// code (learn.microsoft.com, "Microsoft identity platform and admin consent").
    pub is_admin_consent: bool,
}

impl Answer {
    /// Reads a query, without its question mark.
    ///
    /// What is not known is ignored; what is empty is not there (RFC 6749 3.1), and neither is what
    /// is there twice, for nobody could say which one counts.
    #[must_use]
    pub fn read(query: &str) -> Self {
        let error = once(query, "error").map(|code| ProviderError {
            code,
            description: once(query, "error_description"),
            uri: once(query, "error_uri"),
        });
        Self {
            state: once(query, "state"),
            code: once(query, "code").map(SecretString::from),
            error,
            iss: once(query, "iss"),
            is_admin_consent: once(query, "admin_consent")
                .is_some_and(|consented| consented.eq_ignore_ascii_case("true")),
        }
    }

    /// Reads what a provider posted to the Redirect URI (OAuth 2.0 Form Post Response Mode): the same
    /// answer as a query.
    ///
    /// Nothing where it is no answer, or more than one: without a state, with neither code nor error,
    /// with a parameter twice, or with one that no provider is known to send there.
    #[must_use]
    pub fn posted(body: &[u8]) -> Option<String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let mut seen = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            let is_answer = OF_ANSWER.contains(&name.as_ref());
            if seen.contains(&name) || !is_answer && !BESIDE_ANSWER.contains(&name.as_ref()) {
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

    /// Reads an address that somebody pasted, whole or only its query.
    ///
    /// Nothing where it holds neither a state nor a code nor an error.
    #[must_use]
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

    /// What its error means, without the state and the code, which a provider may repeat in its words;
    /// nothing where it has no error.
    #[must_use]
    pub fn setback(&self) -> Option<Setback> {
        let state = self.state.as_deref().map(SecretString::from);
        let hush = state.iter().fold(Hush::default(), |hush, state| hush.hide("[state]", state));
        let hush = self.code.iter().fold(hush, |hush, code| hush.hide("[code]", code));
        let error = self.error.as_ref()?;
        let Trouble { fault, said } = Trouble::from(error);
        // A person who is asked for a consent has seen the question, and refused.
        let is_declined = error.code == "consent_required";
        let fault = if is_declined { Fault::AccessDenied } else { fault };
        Some(Trouble::new(fault, said).at(Leg::Consent, &hush))
    }
}

/// The parameters of an answer (RFC 6749 4.1.2, RFC 9207 2).
const OF_ANSWER: [&str; 6] = ["code", "state", "iss", "error", "error_description", "error_uri"];

/// What providers post beside them: `OpenID` Connect Session Management 3, Microsoft, Google.
const BESIDE_ANSWER: [&str; 6] =
    ["session_state", "error_subcode", "scope", "authuser", "hd", "prompt"];

fn once(query: &str, name: &str) -> Option<String> {
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
    fn what_is_posted_is_an_answer_or_it_is_refused() {
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
            assert_eq!(Answer::posted(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
