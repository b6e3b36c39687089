//! Classifies responses of a token endpoint: a possible token, an error by RFC 6749 5.2, or
//! anything else, whose content is withheld unless it is public. Decides by status and body;
//! content types are unreliable.

use domain::token::OauthDiagnosis;
use net::http::{HttpAnswer, HttpError};
use oauth2::HttpResponse;
use oauth2::http::StatusCode;
use oauth2::http::header::{CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use oauth2::url::{Origin, Url};
use serde_json::{Map, Value};

use super::error::{ProviderError, TokenError, is_oauth_error};
use super::{html_error, token_response};

/// A response, read as one of a token endpoint.
pub(super) struct TokenEndpointResponse(pub(super) HttpAnswer);

/// Marks a response that is not public, with its status and type to show instead.
#[derive(Debug, Clone)]
pub(super) struct Withheld(pub(super) String);

impl Withheld {
    /// Returns the mark of a response; `None` for a public one.
    pub(super) fn of(reply: &TokenEndpointResponse) -> Option<Self> {
        (!reply.0.is_public).then(|| Self(reply.described()))
    }
}

/// Returns a token response for the `oauth2` crate. If it is withheld, only the members of OAuth
/// (RFC 6749 5.1, 5.2) and Microsoft's numbers remain, which cannot hold another service's text.
pub(super) fn of_oauth(response: HttpResponse) -> Result<HttpResponse, TokenEndpointError> {
    const TOKEN: [&str; 6] =
        ["access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"];
    const ERROR: [&str; 5] = ["error", "error_description", "error_uri", "error_codes", "trace_id"];
    let Some(Withheld(described)) = response.extensions().get() else { return Ok(response) };
    let body = response.body();
    let Ok(mut answer) = serde_json::from_slice::<Map<String, Value>>(body) else {
        let is_page = html_error::is_markup(body) && html_error::first_words(body).is_some();
        return Err(
            TokenError::new(OauthDiagnosis::NotOauth, is_page.then(|| described.clone())).into()
        );
    };
    let is_error = is_oauth_error(&answer);
    answer.retain(|name, _| {
        TOKEN.contains(&name.as_str())
            || token_response::LIFETIMES.contains(&name.as_str())
            || is_error && ERROR.contains(&name.as_str())
    });
    let body = serde_json::to_vec(&answer).map_err(|_| OauthDiagnosis::ServerFailed)?;
    Ok(HttpResponse::new(body))
}

/// Whether a body with a 2xx status is an error in a form that no token parser expects: a text, or
/// a bare number, as services other than OAuth write it.
fn is_refusal(body: &[u8]) -> bool {
    match serde_json::from_slice(body) {
        Ok(answer) => ProviderError::named_in(&answer, true)
            .is_some_and(|error| error.is_bare_number() && !answer.contains_key("access_token")),
        Err(_) => ProviderError::in_text(body).is_some(),
    }
}

/// Whether two URLs differ only in a final slash, in https instead of http, or in both.
fn is_nearly_same(target: &Url, endpoint: &Url) -> bool {
    let is_usual = |url: &Url| url.port().is_none();
    let by_scheme = match (endpoint.scheme(), target.scheme()) {
        ("http", "https") => is_usual(endpoint) && is_usual(target),
        (before, after) => before == after && endpoint.port() == target.port(),
    };
    by_scheme
        && target.host() == endpoint.host()
        && target.path().trim_end_matches('/') == endpoint.path().trim_end_matches('/')
}

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
#[error("no token")]
pub struct TokenEndpointError {
    pub(super) error: TokenError,
    /// Whether the provider requires HTTP Basic (RFC 6749 5.2).
    pub(super) wants_basic: bool,
}

impl TokenEndpointError {
    /// Returns the diagnosis, without the provider's text.
    pub fn diagnosis(&self) -> OauthDiagnosis {
        self.error.diagnosis
    }
}

impl From<TokenError> for TokenEndpointError {
    fn from(error: TokenError) -> Self {
        Self { error, wants_basic: false }
    }
}

impl From<HttpError> for TokenEndpointError {
    fn from(HttpError { diagnosis, peer_text }: HttpError) -> Self {
        TokenError { diagnosis, peer_text }.into()
    }
}

impl From<OauthDiagnosis> for TokenEndpointError {
    fn from(diagnosis: OauthDiagnosis) -> Self {
        TokenError::from(diagnosis).into()
    }
}

impl TokenEndpointResponse {
    /// Returns the body of a response that may hold a token.
    pub(super) fn accepted(self) -> Result<Vec<u8>, TokenEndpointError> {
        if self.0.status.is_redirection() {
            return Err(TokenError::new(OauthDiagnosis::Redirected, self.target()).into());
        }
        let body = self.0.body.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(&self.0.body);
        if let Some(diagnosis) =
            html_error::intermediary_diagnosis(self.0.status, &self.0.headers, body)
        {
            return Err(TokenError::new(diagnosis, self.words_of_page(body)).into());
        }
        if !self.0.status.is_success() || is_refusal(body) {
            return Err(self.refusal(body));
        }
        if body.trim_ascii().is_empty() {
            return Err(OauthDiagnosis::NoToken.into());
        }
        Ok(body.to_vec())
    }

    /// Returns the target of a redirect, without query and fragment, which may hold secrets. For a
    /// response that is not public, only the endpoint itself with another final slash or https.
    fn target(&self) -> Option<String> {
        let location = self.0.headers.get(LOCATION)?.to_str().ok()?;
        let endpoint = &self.0.url;
        let mut target = endpoint.join(location).ok()?;
        target.set_query(None);
        target.set_fragment(None);
        let is_one = matches!(target.origin(), Origin::Tuple(..))
            && target.username().is_empty()
            && target.password().is_none();
        let may_be_shown = self.0.is_public || is_nearly_same(&target, endpoint);
        is_one.then(|| if may_be_shown { target.into() } else { self.described() })
    }

    fn refusal(&self, body: &[u8]) -> TokenEndpointError {
        let (error, words) = match serde_json::from_slice(body) {
            Ok(answer) => self.error_in_json(&answer),
            Err(_) => self.error_in_text(body),
        };
        let is_number = error.as_ref().is_some_and(ProviderError::is_bare_number);
        let diagnosis = match &error {
            Some(error) if !is_number => error.diagnosis(),
            None if words.is_none() => OauthDiagnosis::RefusedSilently,
            None if !html_error::is_markup(body) => OauthDiagnosis::UnknownError,
            Some(_) | None => OauthDiagnosis::NotOauth,
        };
        let peer_text = words.or_else(|| Some(self.0.status.to_string()));
        let token_error = TokenError::new(self.adjusted_by_status(diagnosis), peer_text);
        let may_mean_client = |error: ProviderError| {
            error.code.is_empty() || error.diagnosis() == OauthDiagnosis::InvalidClient
        };
        let wants_basic = self.is_challenge_to_basic() && error.is_none_or(may_mean_client);
        TokenEndpointError { error: token_error, wants_basic }
    }

    /// Returns the error of a JSON object, and the text that may be shown.
    fn error_in_json(
        &self,
        answer: &Map<String, Value>,
    ) -> (Option<ProviderError>, Option<String>) {
        let named = ProviderError::named_in(answer, self.0.is_public);
        let is_oauth = is_oauth_error(answer);
        let words = named.as_ref().map(|error| match error {
            error if is_oauth || !error.is_bare_number() => error.words(),
            error => self.with_status(&error.words()),
        });
        match named.or_else(|| ProviderError::nonstandard_in(answer)) {
            Some(error) if is_oauth => (Some(error), words),
            Some(error) => {
                let words = words.unwrap_or_else(|| self.with_status(&error.words()));
                (Some(error), self.or_described(Some(words)))
            }
            None => (None, None),
        }
    }

    /// Returns the error of a plain text, and the text that may be shown; another service's is
    /// withheld.
    fn error_in_text(&self, body: &[u8]) -> (Option<ProviderError>, Option<String>) {
        match ProviderError::in_text(body) {
            Some(error) if self.0.is_public => (Some(error.clone()), Some(error.words())),
            Some(error) => {
                let error = ProviderError { code: error.code, ..ProviderError::default() };
                let words = error.is_known().then(|| error.words());
                (Some(error), words.or_else(|| Some(self.described())))
            }
            None => (None, self.words_of_page(body)),
        }
    }

    /// Returns the first words of a page or a text, after the status if that is an error.
    fn words_of_page(&self, body: &[u8]) -> Option<String> {
        let with_status = |words: String| {
            if self.0.status.is_success() { words } else { self.with_status(&words) }
        };
        self.or_described(html_error::first_words(body).map(with_status))
    }

    /// Adjusts a diagnosis by the status, which outweighs the body: an error of an overloaded
    /// provider must not end a grant.
    fn adjusted_by_status(&self, diagnosis: OauthDiagnosis) -> OauthDiagnosis {
        match self.0.status {
            StatusCode::TOO_MANY_REQUESTS => OauthDiagnosis::ProviderBusy,
            status if status.is_server_error() && diagnosis == OauthDiagnosis::ProviderBusy => {
                diagnosis
            }
            status if status.is_server_error() => OauthDiagnosis::ProviderFailed,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE
                if matches!(
                    diagnosis,
                    OauthDiagnosis::UnknownError | OauthDiagnosis::RefusedSilently
                ) =>
            {
                OauthDiagnosis::NotOauth
            }
            _ => diagnosis,
        }
    }

    /// Returns text that is not OAuth's if it may be shown, else the status and type.
    fn or_described(&self, words: Option<String>) -> Option<String> {
        words.map(|words| if self.0.is_public { words } else { self.described() })
    }

    /// Describes a response by its status and type only.
    fn described(&self) -> String {
        const TYPES: [&str; 6] = [
            "application/json",
            "application/problem+json",
            "application/xml",
            "text/html",
            "text/plain",
            "text/xml",
        ];
        let named = self.0.headers.get(CONTENT_TYPE).and_then(|named| named.to_str().ok());
        let named = named.map(|named| named.split(';').next().unwrap_or_default().trim());
        match named.map(|named| TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(named))) {
            None => self.0.status.to_string(),
            Some(Some(known)) => format!("{} ({known})", self.0.status),
            Some(None) => format!("{} (another type)", self.0.status),
        }
    }

    /// Puts the status before a text.
    fn with_status(&self, words: &str) -> String {
        format!("{}: {words}", self.0.status)
    }

    fn is_challenge_to_basic(&self) -> bool {
        let is_basic = |challenge: &[u8]| {
            challenge.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Basic"))
        };
        self.0.status == StatusCode::UNAUTHORIZED
            && self.0.headers.get_all(WWW_AUTHENTICATE).iter().any(|one| is_basic(one.as_bytes()))
    }
}
