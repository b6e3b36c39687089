//! What a Token Endpoint answers, told apart: what may hold a token, a refusal by RFC 6749 5.2, and
//! everything that is neither. Decides by status and body alone; content types lie.

use domain::token::Fault;
use oauth2::http::StatusCode;
use oauth2::http::header::{HeaderMap, LOCATION, WWW_AUTHENTICATE};
use oauth2::url::{Origin, Url};
use serde_json::{Map, Value};

use super::fault::{ProviderError, Trouble};
use super::{given, page};

/// An answer, its body as far as it is read.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
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
