//! What an administrator can ask about a provider, a token or an address, without changing anything.

pub mod discovery;
pub mod redirect_check;
pub mod token_inspection;

use std::sync::Arc;

use oauth::Documents;
use store::Store;
use vault::clock::Clock;

use super::tokens::Tokens;
use crate::config::EmbeddingOrigins;
use crate::identity::People;

/// What the lookups use. Clones share everything.
#[derive(Debug, Clone)]
pub struct Lookups {
    /// The token to inspect.
    pub tokens: Arc<Tokens>,
    /// How a user likes instants displayed.
    pub people: Arc<People>,
    /// The metadata of providers.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The client for documents that providers publish.
    pub documents: Documents,
    /// The origins that may embed the tab.
    pub embedding: EmbeddingOrigins,
}
