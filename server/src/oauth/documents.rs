//! What an issuer publishes in JSON, such as its keys, fetched within the bounds of a request to a
//! Token Endpoint. Reads only; what a document says is decided by whoever asked for it.

use domain::token::Fault;
use oauth2::AsyncHttpClient;
use oauth2::http::header::ACCEPT;
use oauth2::http::{Method, Request};

use super::TokenDeadlines;
use super::wire::{TokenClientError, Wire};
use crate::config::ProxyUrl;
use crate::smtp::TlsTrust;

/// Fetches documents. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Documents {
    wire: Wire,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
#[error("no document: {fault:?}")]
pub struct DocumentError {
    /// What went wrong.
    pub fault: Fault,
}

impl From<Fault> for DocumentError {
    fn from(fault: Fault) -> Self {
        Self { fault }
    }
}

impl Documents {
    /// A way to documents that trusts these certificates, and goes by this proxy where there is one.
    ///
    /// # Errors
    /// The HTTP client does not take one of them.
    pub fn new(
        trust: &TlsTrust,
        proxy: Option<&ProxyUrl>,
        deadlines: TokenDeadlines,
    ) -> Result<Self, TokenClientError> {
        Ok(Self { wire: Wire::new(trust, proxy, deadlines)? })
    }

    /// The document at an address: at most 64 KiB, and no redirect is followed.
    ///
    /// # Errors
    /// It may not be asked for, did not come, or not in time.
    pub async fn get(&self, address: &str) -> Result<Vec<u8>, DocumentError> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(address)
            .header(ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|_| Fault::AddressForbidden)?;
        let answer = self.wire.until(self.wire.end()).call(request).await;
        let answer = answer.map_err(|refusal| refusal.trouble.fault)?;
        Ok(answer.into_body())
    }
}
