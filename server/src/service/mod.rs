//! The use cases, readable from top to bottom: the port of `app` over store, vault and sockets.
//! Errors become codes here, once, and are logged here, once.

mod authorization;
mod client_auth;
mod discovery;
mod doctor;
mod frame;
mod mailer;
mod news;
mod redact;
mod renewal;
mod retention;
mod revocation;
mod runs;
mod sending;
mod settings;
mod xray;

use std::time::Duration;

use app::api::{ApiError, Begun, Finished, RunNow, Save, SaveAnswer, Tab, TestAnswer, TokenNow};
use app::explanation::{Explanation, Findings};
use app::labels;
use app::service::{
    AuditPage, AuditQuery, Browser, EmailService, FrameService, History, MyAccount, Principal,
    Reached, SetUp, TimeSettings,
};
use async_trait::async_trait;
use domain::preset::Provider;
use domain::time_format::TimePreference;
use domain::token::Attempt;
use domain::{Draft, OauthFlow};
use tokio::time::{Instant, sleep};

use crate::Server;
use crate::log::one_line;
use crate::store::StoreError;
use crate::store::runs::Kept;
use crate::vault::VaultError;

pub use authorization::{Departed, Landed, depart, land};
pub use doctor::answer as answer_to_probe;
pub use mailer::{MailError, Mailer, Sent, Undelivered};
pub use news::{News, Pace, Watching};
pub use renewal::keep_fresh;
pub use retention::{delete_expired, enforce_retention};

/// How often a database that fails is offered again what it has to keep.
const STORE_AGAIN_EVERY: Duration = Duration::from_millis(500);

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

/// Stores what could be had from nobody a second time: a database that fails is asked again, for as
/// long as `within`.
async fn stored_at_last<T, F>(within: Duration, store: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let give_up = Instant::now() + within;
    loop {
        match store().await {
            Err(error) if Instant::now() < give_up => {
                tracing::error!(error = one_line(&error), "a token waits for the database");
                sleep(STORE_AGAIN_EVERY).await;
            }
            stored => return stored,
        }
    }
}

/// Lets nobody pass but administrators.
fn administrators(who: &Principal) -> Result<(), ApiError> {
    if who.may_edit() { Ok(()) } else { Err(ApiError::Forbidden) }
}

#[async_trait]
impl EmailService for Service {
    async fn load(&self, who: &Principal, callback: &str) -> Result<Tab, ApiError> {
        let current = settings::current(&self.0).await.map_err(told)?;
        let token = authorization::now(&self.0, who, &current).await.map_err(told)?;
        let mut saved = current.saved;
        if !who.may_edit() {
            // No secret, and yet nothing that a reader has a use for. Scope may name it too.
            let mut authentication = saved.form.authentication;
            let client_id = std::mem::take(&mut authentication.client_id);
            let redacted = redact::for_person(authentication, Some(who), &client_id);
            saved.form.authentication = redacted.map_err(|error| told(error.into()))?;
        }
        let last_run = runs::latest_of(&self.0, who).await.map_err(told)?;
        let obtained = token.token.as_ref().map(|token| token.obtained_at);
        let ran = last_run.as_ref().map(|last| last.run.started_at);
        let instants = saved.at.into_iter().chain(obtained).chain(ran);
        let display = frame::display(&self.0, who, instants).await.map_err(told)?;
        let recipient = who.recipient().map(str::to_owned);
        let (may_edit, callback) = (who.may_edit(), callback.to_owned());
        Ok(Tab { saved, may_edit, recipient, last_run, display, token, callback })
    }

    async fn save(&self, who: &Principal, save: Save) -> Result<SaveAnswer, ApiError> {
        administrators(who)?;
        if let Some(field) = save.draft.oversized() {
            return Err(ApiError::Oversized(field));
        }
        settings::save(&self.0, who, &save).await.map_err(told)
    }

    async fn send_test(&self, who: &Principal) -> Result<RunNow, ApiError> {
        administrators(who)?;
        runs::start(&self.0, who).await
    }

    async fn test_typed(&self, who: &Principal, draft: Draft) -> Result<TestAnswer, ApiError> {
        administrators(who)?;
        match draft.oversized() {
            Some(field) => Err(ApiError::Oversized(field)),
            None => runs::start_typed(&self.0, who, &draft).await,
        }
    }

    async fn preset(
        &self,
        who: &Principal,
        provider: &str,
        detail: &str,
        flow: OauthFlow,
    ) -> Result<Findings, ApiError> {
        administrators(who)?;
        let provider = Provider::from_name(provider).ok_or(ApiError::NotFound)?;
        Ok(labels::preset(provider, provider.values(flow, detail)))
    }

    async fn run(&self, who: &Principal, id: &str) -> Result<RunNow, ApiError> {
        runs::get(&self.0, who, id).await.map_err(told)?.ok_or(ApiError::NotFound)
    }

    async fn token(&self, who: &Principal) -> Result<TokenNow, ApiError> {
        let current = settings::current(&self.0).await.map_err(told)?;
        authorization::now(&self.0, who, &current).await.map_err(told)
    }

    async fn get_token(
        &self,
        who: &Principal,
        callback: &str,
        in_pop_up: bool,
    ) -> Result<Begun, ApiError> {
        administrators(who)?;
        authorization::begin(&self.0, who, callback, in_pop_up).await
    }

    async fn finish_attempt(
        &self,
        who: &Principal,
        browser: &Browser,
        id: &str,
        address: &str,
    ) -> Result<Finished, ApiError> {
        administrators(who)?;
        authorization::finish_by_hand(&self.0, who, browser, id, address).await
    }

    async fn token_xray(&self, who: &Principal) -> Result<Findings, ApiError> {
        administrators(who)?;
        let current = settings::current(&self.0).await.map_err(told)?;
        let findings = xray::findings(&self.0, who, &current).await.map_err(told)?;
        findings.ok_or(ApiError::TokenNeeded)
    }

    async fn discover(&self, who: &Principal, issuer: &str) -> Result<Findings, ApiError> {
        administrators(who)?;
        discovery::findings(&self.0, issuer).await.map_err(told)
    }

    async fn redirect_doctor(
        &self,
        who: &Principal,
        reached: &Reached,
        uri: &str,
        page: &str,
    ) -> Result<Findings, ApiError> {
        administrators(who)?;
        Ok(doctor::findings(&self.0, uri, page, reached).await)
    }
}

#[async_trait]
impl FrameService for Service {
    async fn set_up(&self, ticket: &str) -> Result<SetUp, ApiError> {
        frame::set_up(&self.0, ticket).await.map_err(told)
    }

    async fn attempt(
        &self,
        who: Option<&Principal>,
        id: &str,
    ) -> Result<Option<(Attempt, bool, Option<Explanation>)>, ApiError> {
        authorization::attempt(&self.0, who, id).await.map_err(told)
    }

    async fn history(&self, who: &Principal) -> Result<History, ApiError> {
        frame::history(&self.0, who).await.map_err(told)
    }

    async fn audit(&self, who: &Principal, wanted: &AuditQuery) -> Result<AuditPage, ApiError> {
        administrators(who)?;
        frame::audit(&self.0, who, wanted).await.map_err(told)
    }

    async fn account(&self, who: &Principal) -> Result<MyAccount, ApiError> {
        frame::account(&self.0, who).await.map_err(told)
    }

    async fn time_settings(&self, who: &Principal) -> Result<TimeSettings, ApiError> {
        frame::time_settings(&self.0, who).await.map_err(told)
    }
}

/// A test message as this person may see it.
///
/// # Errors
/// [`ApiError::ServerFailed`]: what is stored of it cannot be read.
pub fn shown(server: &Server, who: &Principal, kept: Kept) -> Result<RunNow, ApiError> {
    runs::shown(server, who, kept).map_err(told)
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
