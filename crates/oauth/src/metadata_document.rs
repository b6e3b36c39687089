//! Fetches the JSON documents of an issuer, such as its keys, within the limits of a token request.
//! Must not interpret them.

use domain::syntax::text::shown;
use domain::token::OauthDiagnosis;
use net::egress::EgressPolicy;
use net::http::GuardedHttp;
use oauth2::AsyncHttpClient;
use oauth2::http::header::ACCEPT;
use oauth2::http::{Method, Request};

use super::error::TokenError;
use super::response::{TokenEndpointError, Withheld};
use super::timed_http::TimedHttp;

/// A client for documents. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Documents {
    http: GuardedHttp,
}

/// Why a document was not fetched.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no document: {diagnosis:?}")]
pub struct DocumentError {
    /// The cause.
    pub diagnosis: OauthDiagnosis,
    /// The addresses that the egress policy refused, if that is the cause.
    pub refused: Option<String>,
    /// The provider's text, or the target of a redirect; safe to display.
    pub peer_text: Option<String>,
}

/// A fetched document.
#[derive(Debug, Clone)]
pub struct Document {
    /// The content.
    pub octets: Vec<u8>,
    /// Whether it came by https from a public address. Unexpected content from any other address is
    /// never shown.
    pub is_public: bool,
}

impl From<OauthDiagnosis> for DocumentError {
    fn from(diagnosis: OauthDiagnosis) -> Self {
        Self { diagnosis, refused: None, peer_text: None }
    }
}

impl From<TokenError> for DocumentError {
    fn from(TokenError { diagnosis, peer_text }: TokenError) -> Self {
        let is_refused =
            matches!(diagnosis, OauthDiagnosis::EgressNotAllowed | OauthDiagnosis::EgressDenied);
        let peer_text = peer_text.map(|peer_text| shown(&peer_text));
        let (refused, peer_text) = if is_refused { (peer_text, None) } else { (None, peer_text) };
        Self { diagnosis, refused, peer_text }
    }
}

impl Documents {
    /// Creates a client for documents.
    pub fn new(http: GuardedHttp) -> Self {
        Self { http }
    }

    /// Returns the same client with another policy, for a URL that the operator configured.
    pub fn by(&self, egress: EgressPolicy) -> Self {
        Self { http: self.http.by(egress) }
    }

    /// Fetches a document of at most 64 KiB, without following redirects.
    ///
    /// # Errors
    /// The URL is not permitted, or the request failed or timed out.
    pub async fn get(&self, address: &str) -> Result<Document, DocumentError> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(address)
            .header(ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|_| OauthDiagnosis::AddressForbidden)?;
        let answer = TimedHttp::new(&self.http).call(request).await;
        let answer =
            answer.map_err(|TokenEndpointError { error, .. }| DocumentError::from(error))?;
        let is_public = answer.extensions().get::<Withheld>().is_none();
        Ok(Document { octets: answer.into_body(), is_public })
    }
}
