//! What an issuer publishes in JSON, such as its keys, fetched within the bounds of a request to a
//! Token Endpoint. Reads only; what a document says is decided by whoever asked for it.

use domain::check::text::shown;
use domain::token::Fault;
use oauth2::AsyncHttpClient;
use oauth2::http::header::ACCEPT;
use oauth2::http::{Method, Request};

use super::TokenDeadlines;
use super::answer::{Refusal, Withheld};
use super::fault::Trouble;
use super::wire::{TokenClientError, Wire};
use crate::config::ProxyUrl;
use crate::egress::EgressPolicy;
use crate::smtp::TlsTrust;

/// Fetches documents. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Documents {
    wire: Wire,
}

/// Why there is no document.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no document: {fault:?}")]
pub struct DocumentError {
    /// What went wrong.
    pub fault: Fault,
    /// The addresses that the egress policy refused, where it did.
    pub refused: Option<String>,
    /// What the provider said, or where it redirects to; fit to be shown.
    pub said: Option<String>,
}

/// What was found at an address.
#[derive(Debug, Clone)]
pub struct Document {
    /// What it holds.
    pub octets: Vec<u8>,
    /// Whether it came by https from a public address: nothing of another one is shown that is not
    /// what was asked for.
    pub is_public: bool,
}

impl From<Fault> for DocumentError {
    fn from(fault: Fault) -> Self {
        Self { fault, refused: None, said: None }
    }
}

impl From<Trouble> for DocumentError {
    fn from(Trouble { fault, said }: Trouble) -> Self {
        let is_refused = matches!(fault, Fault::EgressNotAllowed | Fault::EgressDenied);
        let said = said.map(|said| shown(&said));
        let (refused, said) = if is_refused { (said, None) } else { (None, said) };
        Self { fault, refused, said }
    }
}

impl Documents {
    /// A way to documents that trusts these certificates, calls what this policy allows, and goes by
    /// this proxy where there is one.
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

    /// The same way by another policy, for an address that the operator configured.
    #[must_use]
    pub fn by(&self, egress: EgressPolicy) -> Self {
        Self { wire: self.wire.by(egress) }
    }

    /// The document at an address: at most 64 KiB, and no redirect is followed.
    ///
    /// # Errors
    /// It may not be asked for, did not come, or not in time.
    pub async fn get(&self, address: &str) -> Result<Document, DocumentError> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(address)
            .header(ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|_| Fault::AddressForbidden)?;
        let answer = self.wire.until(self.wire.end()).call(request).await;
        let answer = answer.map_err(|Refusal { trouble, .. }| DocumentError::from(trouble))?;
        let is_public = answer.extensions().get::<Withheld>().is_none();
        Ok(Document { octets: answer.into_body(), is_public })
    }
}
