//! The token of the saved settings: how it is obtained, renewed and revoked. It changes no settings
//! and handles no HTTP request.

mod client_auth;
pub mod consent;
pub mod renewal;
pub mod revocation;

use std::{sync::Arc, time::Duration};

use oauth::TokenClient;
use store::Store;
use tokio::sync::{Mutex, Notify};
use tokio_util::task::TaskTracker;
use vault::Vault;
use vault::clock::{Clock, Randomness};

use super::health::HealthRecord;
use super::settings::SettingsStore;
use crate::aggregates::Aggregates;

/// What the life of a token uses. Clones share everything.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// The saved settings.
    pub settings: Arc<SettingsStore>,
    /// The rows of tokens and attempts.
    pub store: Store,
    /// Seals and opens tokens.
    pub vault: Vault,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of states, verifiers and IDs.
    pub randomness: Arc<dyn Randomness>,
    /// Where renewals record what they show of the connection.
    pub health: Arc<HealthRecord>,
    /// The client of token endpoints.
    pub client: TokenClient,
    /// Counts callbacks that belong to no attempt.
    pub aggregates: Aggregates,
    /// Whether local accounts can sign in.
    pub has_local_accounts: bool,
    /// The longest time that a token request takes.
    pub longest_request: Duration,
    /// Token requests in progress, which a graceful shutdown waits for: a provider may not repeat a
    /// response.
    pub tasks: TaskTracker,
    /// Serialises renewal within this process.
    pub mutex: Arc<Mutex<()>>,
    /// Notified when a token was obtained.
    pub obtained: Arc<Notify>,
}
