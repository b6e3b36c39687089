//! What a Token Endpoint answers, told apart: what may hold a token, a refusal by RFC 6749 5.2, and
//! everything that is neither, of which nothing is told unless it is public. Decides by status and
//! body alone; content types lie.

use domain::token::Fault;
use oauth2::HttpResponse;
use oauth2::http::StatusCode;
use oauth2::http::header::{CONTENT_TYPE, HeaderMap, LOCATION, WWW_AUTHENTICATE};
use oauth2::url::{Origin, Url};
use serde_json::{Map, Value};

use super::fault::{ProviderError, Trouble, is_oauth_error};
use super::{given, page};

/// An answer, its body as far as it is read.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Whether it came by https from a public address. Of any other answer nothing is told that is
    /// not OAuth: this server would read its own network's services to whoever typed their address.
    pub(super) is_public: bool,
}

/// Marks an answer that is not public with what may be told of it instead: its status and type.
#[derive(Debug, Clone)]
pub(super) struct Withheld(pub(super) String);

impl Withheld {
    /// The mark of an answer; nothing for a public one.
    pub(super) fn of(reply: &Reply) -> Option<Self> {
        (!reply.is_public).then(|| Self(reply.described()))
    }
}

/// An answer to a request for a token as the `oauth2` crate may read it: where it is withheld, of what
/// it says the members that OAuth defines (RFC 6749 5.1, 5.2) and Microsoft's numbers, which are no
/// other service's text.
pub(super) fn of_oauth(response: HttpResponse) -> Result<HttpResponse, Refusal> {
    const TOKEN: [&str; 6] =
        ["access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"];
    const ERROR: [&str; 5] = ["error", "error_description", "error_uri", "error_codes", "trace_id"];
    let Some(Withheld(described)) = response.extensions().get() else { return Ok(response) };
    let body = response.body();
    let Ok(mut answer) = serde_json::from_slice::<Map<String, Value>>(body) else {
        let is_page = page::is_markup(body) && page::first_words(body).is_some();
        return Err(Trouble::new(Fault::NotOauth, is_page.then(|| described.clone())).into());
    };
    let is_error = is_oauth_error(&answer);
    answer.retain(|name, _| {
        TOKEN.contains(&name.as_str())
            || given::LIFETIMES.contains(&name.as_str())
            || is_error && ERROR.contains(&name.as_str())
    });
    let body = serde_json::to_vec(&answer).map_err(|_| Fault::ServerFailed)?;
    Ok(HttpResponse::new(body))
}

/// Whether a body that came with a status of success refuses all the same, in a form that no reader of
/// token answers expects: a text, or a number as services have it that know nothing of OAuth.
fn is_refusal(body: &[u8]) -> bool {
    match serde_json::from_slice(body) {
        Ok(answer) => ProviderError::named_in(&answer, true)
            .is_some_and(|error| error.is_bare_number() && !answer.contains_key("access_token")),
        Err(_) => ProviderError::in_text(body).is_some(),
    }
}

/// Whether two addresses differ in nothing but a slash at the end, https in place of http, or both.
fn is_almost(target: &Url, endpoint: &Url) -> bool {
    let is_usual = |url: &Url| url.port().is_none();
    let by_scheme = match (endpoint.scheme(), target.scheme()) {
        ("http", "https") => is_usual(endpoint) && is_usual(target),
        (before, after) => before == after && endpoint.port() == target.port(),
    };
    by_scheme
        && target.host() == endpoint.host()
        && target.path().trim_end_matches('/') == endpoint.path().trim_end_matches('/')
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[error("no token")]
pub(crate) struct Refusal {
    pub(super) trouble: Trouble,
    /// Whether the provider wants client id and secret by HTTP Basic (RFC 6749 5.2).
    pub(super) wants_basic: bool,
}

impl Refusal {
    /// What it means, without a word of the provider's.
    pub(crate) fn fault(&self) -> Fault {
        self.trouble.fault
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, wants_basic: false }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Trouble::from(fault).into()
    }
}

impl Reply {
    /// The body of an answer that may hold a token.
    pub(super) fn accepted(self, endpoint: &Url) -> Result<Vec<u8>, Refusal> {
        if self.status.is_redirection() {
            return Err(Trouble::new(Fault::Redirected, self.target(endpoint)).into());
        }
        let body = self.body.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(&self.body);
        if let Some(fault) = page::stranger(self.status, &self.headers, body) {
            return Err(Trouble::new(fault, self.words_of_page(body)).into());
        }
        if !self.status.is_success() || is_refusal(body) {
            return Err(self.refusal(body));
        }
        if body.trim_ascii().is_empty() {
            return Err(Fault::NoToken.into());
        }
        Ok(body.to_vec())
    }

    /// Where a redirect leads, without query and fragment, which may hold anything. Of an answer that
    /// is not public only what is known already: the endpoint itself, but for a slash at its end or
    /// for https.
    fn target(&self, endpoint: &Url) -> Option<String> {
        let location = self.headers.get(LOCATION)?.to_str().ok()?;
        let mut target = endpoint.join(location).ok()?;
        target.set_query(None);
        target.set_fragment(None);
        let is_one = matches!(target.origin(), Origin::Tuple(..))
            && target.username().is_empty()
            && target.password().is_none();
        let may_be_told = self.is_public || is_almost(&target, endpoint);
        is_one.then(|| if may_be_told { target.into() } else { self.described() })
    }

    fn refusal(&self, body: &[u8]) -> Refusal {
        let (error, words) = match serde_json::from_slice(body) {
            Ok(answer) => self.error_in_json(&answer),
            Err(_) => self.error_in_text(body),
        };
        let is_number = error.as_ref().is_some_and(ProviderError::is_bare_number);
        let fault = match &error {
            Some(error) if !is_number => error.fault(),
            None if words.is_none() => Fault::RefusedSilently,
            None if !page::is_markup(body) => Fault::UnknownError,
            Some(_) | None => Fault::NotOauth,
        };
        let trouble =
            Trouble::new(self.weighed(fault), words.or_else(|| Some(self.status.to_string())));
        let may_mean_client =
            |error: ProviderError| error.code.is_empty() || error.fault() == Fault::InvalidClient;
        let wants_basic = self.is_challenge_to_basic() && error.is_none_or(may_mean_client);
        Refusal { trouble, wants_basic }
    }

    /// The error of a JSON object, and the words that may be told of it.
    fn error_in_json(
        &self,
        answer: &Map<String, Value>,
    ) -> (Option<ProviderError>, Option<String>) {
        let named = ProviderError::named_in(answer, self.is_public);
        let is_oauth = is_oauth_error(answer);
        let words = named.as_ref().map(|error| match error {
            error if is_oauth || !error.is_bare_number() => error.words(),
            error => self.told(&error.words()),
        });
        match named.or_else(|| ProviderError::elsewhere_in(answer)) {
            Some(error) if is_oauth => (Some(error), words),
            Some(error) => {
                let words = words.unwrap_or_else(|| self.told(&error.words()));
                (Some(error), self.tellable(Some(words)))
            }
            None => (None, None),
        }
    }

    /// The error of a text, and the words that may be told of it: what may be any service's is not.
    fn error_in_text(&self, body: &[u8]) -> (Option<ProviderError>, Option<String>) {
        match ProviderError::in_text(body) {
            Some(error) if self.is_public => (Some(error.clone()), Some(error.words())),
            Some(error) => {
                let error = ProviderError { code: error.code, ..ProviderError::default() };
                let words = error.is_known().then(|| error.words());
                (Some(error), words.or_else(|| Some(self.described())))
            }
            None => (None, self.words_of_page(body)),
        }
    }

    /// The first words of a page or a text, with the status of a refusal before them.
    fn words_of_page(&self, body: &[u8]) -> Option<String> {
        let told = |words: String| if self.status.is_success() { words } else { self.told(&words) };
        self.tellable(page::first_words(body).map(told))
    }

    /// A fault in the light of the status, which outweighs what is said beside it: a provider in
    /// trouble must not end a grant.
    fn weighed(&self, fault: Fault) -> Fault {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => Fault::ProviderBusy,
            status if status.is_server_error() && fault == Fault::ProviderBusy => fault,
            status if status.is_server_error() => Fault::ProviderFailed,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE
                if matches!(fault, Fault::UnknownError | Fault::RefusedSilently) =>
            {
                Fault::NotOauth
            }
            _ => fault,
        }
    }

    /// Words that are not OAuth's, where they may be told: else what kind of answer held them.
    fn tellable(&self, words: Option<String>) -> Option<String> {
        words.map(|words| if self.is_public { words } else { self.described() })
    }

    /// Status and type of an answer, in this server's own words.
    fn described(&self) -> String {
        const TYPES: [&str; 6] = [
            "application/json",
            "application/problem+json",
            "application/xml",
            "text/html",
            "text/plain",
            "text/xml",
        ];
        let named = self.headers.get(CONTENT_TYPE).and_then(|named| named.to_str().ok());
        let named = named.map(|named| named.split(';').next().unwrap_or_default().trim());
        match named.map(|named| TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(named))) {
            None => self.status.to_string(),
            Some(Some(known)) => format!("{} ({known})", self.status),
            Some(None) => format!("{} (another type)", self.status),
        }
    }

    /// Words with the status before them.
    fn told(&self, words: &str) -> String {
        format!("{}: {words}", self.status)
    }

    fn is_challenge_to_basic(&self) -> bool {
        let is_basic = |challenge: &[u8]| {
            challenge.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Basic"))
        };
        self.status == StatusCode::UNAUTHORIZED
            && self.headers.get_all(WWW_AUTHENTICATE).iter().any(|one| is_basic(one.as_bytes()))
    }
}
