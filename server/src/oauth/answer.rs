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
/// it says the members that OAuth defines (RFC 6749 5.1, 5.2), which are no other service's text.
pub(super) fn of_oauth(response: HttpResponse) -> Result<HttpResponse, Refusal> {
    const TOKEN: [&str; 6] =
        ["access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"];
    const ERROR: [&str; 3] = ["error", "error_description", "error_uri"];
    let Some(Withheld(described)) = response.extensions().get() else { return Ok(response) };
    let body = response.body();
    let Ok(mut answer) = serde_json::from_slice::<Map<String, Value>>(body) else {
        let is_page = page::is_markup(body) && page::first_words(body).is_some();
        return Err(Trouble::new(Fault::NotOauth, is_page.then(|| described.clone())).into());
    };
    let is_error = is_oauth_error(&answer);
    answer.retain(|name, _| {
        TOKEN.contains(&name.as_str()) || is_error && ERROR.contains(&name.as_str())
    });
    let body = serde_json::to_vec(&answer).map_err(|_| Fault::ServerFailed)?;
    Ok(HttpResponse::new(body))
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
            let target = self.target(endpoint);
            return Err(Trouble::new(Fault::Redirected, self.tellable(target)).into());
        }
        let body = self.body.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(&self.body);
        if !self.status.is_success() {
            return Err(self.refusal(body));
        }
        if body.trim_ascii().is_empty() {
            return Err(Fault::NoToken.into());
        }
        Ok(body.to_vec())
    }

    /// Where a redirect leads; path and query are left out, for they may hold anything.
    fn target(&self, endpoint: &Url) -> Option<String> {
        let location = self.headers.get(LOCATION)?.to_str().ok()?;
        match endpoint.join(location).ok()?.origin() {
            origin @ Origin::Tuple(..) => Some(origin.ascii_serialization()),
            Origin::Opaque(_) => None,
        }
    }

    fn refusal(&self, body: &[u8]) -> Refusal {
        let answer: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
        let named = answer.as_ref().and_then(ProviderError::named_in);
        let words = match (&named, &answer) {
            (Some(error), _) => Some(error.words()),
            (None, Some(answer)) => given::message(answer).map(|message| self.told(&message)),
            (None, None) => page::first_words(body).map(|words| self.told(&words)),
        };
        let words =
            if answer.as_ref().is_some_and(is_oauth_error) { words } else { self.tellable(words) };
        let fault = match &named {
            Some(error) => error.fault(),
            None if answer.is_none() && page::is_markup(body) => Fault::NotOauth,
            None if words.is_some() => Fault::UnknownError,
            None => Fault::RefusedSilently,
        };
        let trouble =
            Trouble::new(self.weighed(fault), words.or_else(|| Some(self.status.to_string())));
        let wants_basic = self.is_challenge_to_basic()
            && named.is_none_or(|error| error.fault() == Fault::InvalidClient);
        Refusal { trouble, wants_basic }
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
