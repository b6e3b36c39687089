//! What an administrator can ask about a provider, a token or an address, without changing anything.

pub mod discovery;
pub mod redirect_check;
pub mod token_inspection;

use std::net::SocketAddr;
use std::sync::Arc;

use net::egress::EgressPolicy;
use oauth::Documents;
use store::Store;

use super::tokens::Tokens;
use crate::clock::{Clock, Randomness};
use crate::config::{EmbeddingOrigins, PublicUrl};
use crate::identity::People;
use crate::vault::Vault;

/// What the lookups use. Clones share everything.
#[derive(Debug, Clone)]
pub struct Lookups {
    /// The token to inspect.
    pub tokens: Tokens,
    /// How a user likes instants displayed.
    pub people: People,
    /// The metadata of providers.
    pub store: Store,
    /// Seals the probe of a Redirect URI.
    pub vault: Vault,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of the probe's nonce.
    pub randomness: Arc<dyn Randomness>,
    /// The client for documents that providers publish.
    pub documents: Documents,
    /// The addresses that may be called.
    pub egress: EgressPolicy,
    /// The address of this server's listener.
    pub listen: SocketAddr,
    /// This server's public URL, if configured.
    pub public_url: Option<PublicUrl>,
    /// The origins that may embed the tab.
    pub embedding: EmbeddingOrigins,
}
