//! The use cases, readable from top to bottom: the port of `app` over store, vault and sockets.
//! Errors become codes here, once, and are logged here, once.

mod runs;
mod settings;

use app::api::{ApiError, Save, SaveAnswer, Tab};
use app::service::{EmailService, Principal};
use async_trait::async_trait;
use domain::delivery::Run;

use crate::Server;
use crate::log::one_line;
use crate::store::StoreError;
use crate::vault::VaultError;

/// The tab's service on this server.
#[derive(Debug, Clone)]
pub struct Service(Server);

impl Service {
    /// A service over what the server has opened.
    #[must_use]
    pub fn new(server: Server) -> Self {
        Self(server)
    }
}

/// Why a use case broke off: never the caller's fault.
#[derive(Debug, thiserror::Error)]
enum Broken {
    /// The database does not answer.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// What is sealed does not open.
    #[error("a sealed value cannot be opened")]
    Vault(#[from] VaultError),
    /// What is stored was written by a version that this one does not understand.
    #[error("the stored settings cannot be read")]
    Unreadable(#[from] serde_json::Error),
}

/// Logs what broke, and tells the browser no more than that something did.
#[expect(clippy::needless_pass_by_value, reason = "it ends the error's way")]
fn told(broken: Broken) -> ApiError {
    tracing::error!(error = one_line(&broken), "a request could not be served");
    ApiError::ServerFailed
}

#[async_trait]
impl EmailService for Service {
    async fn load(&self, who: &Principal) -> Result<Tab, ApiError> {
        let saved = settings::current(&self.0).await.map_err(told)?.saved;
        let last_run = runs::latest_of(&self.0, who).await.map_err(told)?;
        Ok(Tab { saved, recipient: who.email.clone(), last_run })
    }

    async fn save(&self, who: &Principal, save: Save) -> Result<SaveAnswer, ApiError> {
        if let Some(field) = save.draft.oversized() {
            return Err(ApiError::Oversized(field));
        }
        settings::save(&self.0, who, &save).await.map_err(told)
    }

    async fn send_test(&self, who: &Principal) -> Result<Run, ApiError> {
        runs::start(&self.0, who).await
    }

    async fn run(&self, _who: &Principal, id: &str) -> Result<Run, ApiError> {
        runs::get(&self.0, id).await.map_err(told)?.ok_or(ApiError::NotFound)
    }
}
