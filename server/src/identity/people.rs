//! Who may sign in by which method, and who is signed in. It reads and writes no settings and no
//! token.

use std::sync::Arc;

use store::Store;
use vault::Vault;
use vault::clock::{Clock, Randomness};

use super::{
    Accounts, host::HostIdentity, host_token::TokenCheck, login_throttle::Throttle, oidc::Oidc,
};
use crate::config::Config;

/// What authentication uses. Clones share everything.
#[derive(Debug, Clone)]
pub struct People {
    /// The flags about identity.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// Seals what a login keeps.
    pub vault: Vault,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of states, nonces and session tokens.
    pub randomness: Arc<dyn Randomness>,
    /// The local accounts and all sessions.
    pub accounts: Accounts,
    /// The rate limits for unauthenticated callers.
    pub throttle: Arc<Throttle>,
    /// The authentication of a Rust host, if embedded: then it is the only one.
    pub host: Option<HostIdentity>,
    /// Verifies the host's tokens, if they are accepted.
    pub host_tokens: Option<TokenCheck>,
    /// Sign-in with an `OpenID` provider, if configured.
    pub oidc: Option<Oidc>,
}
