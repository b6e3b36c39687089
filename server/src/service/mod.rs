//! The use cases: implements the service traits of `app` with store, vault and sockets. Errors are
//! logged and turned into codes here, once.

mod authorization;
mod client_auth;
mod discovery;
mod mailer;
mod reader_view;
mod redirect_check;
mod renewal;
mod retention;
mod revocation;
mod run_updates;
mod runs;
mod sending;
mod settings;
mod shell_pages;
mod token_inspection;

use std::time::Duration;

use async_trait::async_trait;
use contract::pages::{AuditPage, AuditQuery, History, MyAccount, SetUp, TimeSettings};
use contract::{
    ApiCode, AttemptFinished, AttemptStarted, EmailTab, RunView, Save, SaveAnswer, TestAnswer,
    TokenView,
};
use contract::{ConsentBinding, EmailService, RequestOrigin, ShellService};
use contract::{Explanation, LookupResult};
use domain::Principal;
use domain::preset::Provider;
use domain::time_format::TimePreference;
use domain::token::Attempt;
use domain::{Draft, OauthFlow};
use tokio::time::{Instant, sleep};

use crate::Server;
use crate::vault::VaultError;
use domain::error::one_line;
use store::StoreError;
use store::runs::StoredRun;

pub use authorization::{CallbackOutcome, ConsentRedirect, complete_consent, start_consent};
pub use mailer::{MailError, Mailer, SentMessage, Undelivered};
pub use redirect_check::answer as answer_to_probe;
pub use renewal::run_refresh_loop;
pub use retention::{delete_expired, enforce_retention};
pub use run_updates::{RunUpdates, StreamTiming, Subscription};

/// The interval of retries while the database fails.
const STORE_AGAIN_EVERY: Duration = Duration::from_millis(500);

/// The services of the tab and of the pages around it, on this server.
#[derive(Debug, Clone)]
pub struct Service(Server);

impl Service {
    /// Creates the services of a server that has started.
    #[must_use]
    pub fn new(server: Server) -> Self {
        Self(server)
    }
}

/// An internal error of a use case: never the caller's fault.
#[derive(Debug, thiserror::Error)]
enum UseCaseError {
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// A sealed value cannot be opened.
    #[error("a sealed value cannot be opened")]
    Vault(#[from] VaultError),
    /// The stored data was written by a version that this one does not understand.
    #[error("the stored settings cannot be read")]
    Unreadable(#[from] serde_json::Error),
}

/// Logs an internal error, and returns a code that reveals nothing about it.
#[expect(clippy::needless_pass_by_value, reason = "the error ends here")]
fn internal_error(broken: UseCaseError) -> ApiCode {
    tracing::error!(error = one_line(&broken), "a request could not be served");
    ApiCode::ServerFailed
}

/// Stores what cannot be obtained a second time: retries while the database fails, for as long as
/// `within`.
async fn retry_store<T, F>(within: Duration, store: impl Fn() -> F) -> Result<T, StoreError>
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

/// Refuses every user but administrators.
fn require_administrator(who: &Principal) -> Result<(), ApiCode> {
    if who.may_edit() { Ok(()) } else { Err(ApiCode::Forbidden) }
}

#[async_trait]
impl EmailService for Service {
    async fn load(&self, who: &Principal, callback: &str) -> Result<EmailTab, ApiCode> {
        let current = settings::current(&self.0).await.map_err(internal_error)?;
        let token = authorization::now(&self.0, who, &current).await.map_err(internal_error)?;
        let mut saved = current.saved;
        if !who.may_edit() {
            // The Client ID is no secret, but readers do not need it. Scope may contain it too.
            let mut authentication = saved.form.authentication;
            let client_id = std::mem::take(&mut authentication.client_id);
            let redacted = reader_view::for_person(authentication, Some(who), &client_id);
            saved.form.authentication = redacted.map_err(|error| internal_error(error.into()))?;
        }
        let last_run = runs::latest_of(&self.0, who).await.map_err(internal_error)?;
        let obtained = token.token.as_ref().map(|token| token.obtained_at);
        let ran = last_run.as_ref().map(|last| last.run.started_at);
        let instants = saved.at.into_iter().chain(obtained).chain(ran);
        let display = shell_pages::display(&self.0, who, instants).await.map_err(internal_error)?;
        let recipient = who.recipient().map(str::to_owned);
        let (may_edit, callback) = (who.may_edit(), callback.to_owned());
        Ok(EmailTab { saved, may_edit, recipient, last_run, display, token, callback })
    }

    async fn save(&self, who: &Principal, save: Save) -> Result<SaveAnswer, ApiCode> {
        require_administrator(who)?;
        if let Some(field) = save.draft.oversized() {
            return Err(ApiCode::Oversized(field));
        }
        settings::save(&self.0, who, &save).await.map_err(internal_error)
    }

    async fn send_test(&self, who: &Principal) -> Result<RunView, ApiCode> {
        require_administrator(who)?;
        runs::start(&self.0, who).await
    }

    async fn test_typed(&self, who: &Principal, draft: Draft) -> Result<TestAnswer, ApiCode> {
        require_administrator(who)?;
        match draft.oversized() {
            Some(field) => Err(ApiCode::Oversized(field)),
            None => runs::start_typed(&self.0, who, &draft).await,
        }
    }

    async fn preset(
        &self,
        who: &Principal,
        provider: &str,
        detail: &str,
        flow: OauthFlow,
    ) -> Result<LookupResult, ApiCode> {
        require_administrator(who)?;
        let provider = Provider::from_name(provider).ok_or(ApiCode::NotFound)?;
        Ok(explain::preset(provider, provider.values(flow, detail)))
    }

    async fn run(&self, who: &Principal, id: &str) -> Result<RunView, ApiCode> {
        runs::get(&self.0, who, id).await.map_err(internal_error)?.ok_or(ApiCode::NotFound)
    }

    async fn token(&self, who: &Principal) -> Result<TokenView, ApiCode> {
        let current = settings::current(&self.0).await.map_err(internal_error)?;
        authorization::now(&self.0, who, &current).await.map_err(internal_error)
    }

    async fn get_token(
        &self,
        who: &Principal,
        callback: &str,
        in_pop_up: bool,
    ) -> Result<AttemptStarted, ApiCode> {
        require_administrator(who)?;
        authorization::begin(&self.0, who, callback, in_pop_up).await
    }

    async fn finish_attempt(
        &self,
        who: &Principal,
        browser: &ConsentBinding,
        id: &str,
        address: &str,
    ) -> Result<AttemptFinished, ApiCode> {
        require_administrator(who)?;
        authorization::finish_by_hand(&self.0, who, browser, id, address).await
    }

    async fn inspect_token(&self, who: &Principal) -> Result<LookupResult, ApiCode> {
        require_administrator(who)?;
        let current = settings::current(&self.0).await.map_err(internal_error)?;
        let findings =
            token_inspection::findings(&self.0, who, &current).await.map_err(internal_error)?;
        findings.ok_or(ApiCode::TokenNeeded)
    }

    async fn discover(&self, who: &Principal, issuer: &str) -> Result<LookupResult, ApiCode> {
        require_administrator(who)?;
        discovery::findings(&self.0, issuer).await.map_err(internal_error)
    }

    async fn check_redirect(
        &self,
        who: &Principal,
        reached: &RequestOrigin,
        uri: &str,
        page: &str,
    ) -> Result<LookupResult, ApiCode> {
        require_administrator(who)?;
        Ok(redirect_check::findings(&self.0, uri, page, reached).await)
    }
}

#[async_trait]
impl ShellService for Service {
    async fn set_up(&self, ticket: &str) -> Result<SetUp, ApiCode> {
        shell_pages::set_up(&self.0, ticket).await.map_err(internal_error)
    }

    async fn attempt(
        &self,
        who: Option<&Principal>,
        id: &str,
    ) -> Result<Option<(Attempt, bool, Option<Explanation>)>, ApiCode> {
        authorization::attempt(&self.0, who, id).await.map_err(internal_error)
    }

    async fn history(&self, who: &Principal) -> Result<History, ApiCode> {
        shell_pages::history(&self.0, who).await.map_err(internal_error)
    }

    async fn audit(&self, who: &Principal, wanted: &AuditQuery) -> Result<AuditPage, ApiCode> {
        require_administrator(who)?;
        shell_pages::audit(&self.0, who, wanted).await.map_err(internal_error)
    }

    async fn account(&self, who: &Principal) -> Result<MyAccount, ApiCode> {
        shell_pages::account(&self.0, who).await.map_err(internal_error)
    }

    async fn time_settings(&self, who: &Principal) -> Result<TimeSettings, ApiCode> {
        shell_pages::time_settings(&self.0, who).await.map_err(internal_error)
    }
}

/// A test message as this user may see it.
///
/// # Errors
/// [`ApiCode::ServerFailed`]: the stored message cannot be read.
pub fn shown(server: &Server, who: &Principal, kept: StoredRun) -> Result<RunView, ApiCode> {
    runs::shown(server, who, kept).map_err(internal_error)
}

/// Saves this user's time preference.
///
/// # Errors
/// [`ApiCode::ServerFailed`]: nothing was saved.
pub async fn save_preference(
    server: &Server,
    who: &Principal,
    preference: &TimePreference,
) -> Result<(), ApiCode> {
    shell_pages::save_preference(server, who, preference).await.map_err(internal_error)
}
