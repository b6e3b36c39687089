//! The use cases, readable from top to bottom: the port of `app` over store, vault and sockets.
//! Errors become codes here, once, and are logged here, once.

mod frame;
mod runs;
mod settings;

use app::api::{ApiError, Save, SaveAnswer, Tab};
use app::service::{
    AuditPage, AuditQuery, EmailService, FrameService, History, Principal, SetUp, TimeSettings,
};
use async_trait::async_trait;
use domain::delivery::Run;
use domain::time_format::TimePreference;

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
        let shown = saved.at.into_iter().chain(last_run.as_ref().map(|run| run.started_at));
        let display = frame::display(&self.0, who, shown).await.map_err(told)?;
        Ok(Tab { saved, recipient: who.email.clone(), last_run, display })
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

#[async_trait]
impl FrameService for Service {
    async fn set_up(&self, ticket: &str) -> Result<SetUp, ApiError> {
        frame::set_up(&self.0, ticket).await.map_err(told)
    }

    async fn history(&self, who: &Principal) -> Result<History, ApiError> {
        frame::history(&self.0, who).await.map_err(told)
    }

    async fn audit(&self, who: &Principal, wanted: &AuditQuery) -> Result<AuditPage, ApiError> {
        frame::audit(&self.0, who, wanted).await.map_err(told)
    }

    async fn time_settings(&self, who: &Principal) -> Result<TimeSettings, ApiError> {
        frame::time_settings(&self.0, who).await.map_err(told)
    }
}

/// Keeps how this person likes times.
///
/// # Errors
/// [`ApiError::ServerFailed`]: it is as it was.
pub async fn save_preference(
    server: &Server,
    who: &Principal,
    preference: &TimePreference,
) -> Result<(), ApiError> {
    frame::save_preference(server, who, preference).await.map_err(told)
}
