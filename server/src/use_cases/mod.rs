//! The use cases: implements the ports of `contract` with store, vault and sockets. Errors are
//! logged and turned into codes here, once.

mod applications;
mod delivery;
mod enqueue;
mod health;
mod lookups;
mod mailer;
mod outbox;
mod people;
mod reader_view;
mod retention;
mod settings;
mod test_runs;
mod tokens;
mod updates;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contract::pages::{
    ApplicationsPage, AuditPage, AuditQuery, HealthPage, History, MyAccount, SetUp, TimeSettings,
};
use contract::{
    ApiCode, AttemptFinished, AttemptStarted, ConsentBinding, EmailService, EmailTab, Explanation,
    IncidentView, LookupResult, RequestOrigin, RunView, Save, SaveAnswer, ShellService, TestAnswer,
    TokenView,
};
use domain::{Draft, OauthFlow, Principal};
use domain::{error::one_line, preset::Provider, time_format::TimePreference, token::Attempt};
use store::{StoreError, health::OpenIncident, oauth_attempts, runs::StoredRun, tab};
use tokio::time::{Instant, sleep};
use vault::VaultError;

use self::lookups::{discovery, redirect_check, token_inspection};
use self::tokens::{consent, revocation};
use crate::identity::People;

pub use self::outbox::{
    Handed, IdempotencyKey, LARGEST_MESSAGE, MessageMemory, NotAccepted, Outbox, SMALL_MESSAGE,
    SavedConnection,
};
pub use applications::{ApplicationError, Applications};
pub use delivery::Delivery;
pub use enqueue::EnqueueError;
pub use health::longest;
pub use health::page::check_now;
pub use health::{Alerts, HealthChecks, HealthRecord, run_alerts, run_health_checks};
pub use lookups::Lookups;
pub use mailer::{MailError, Mailer, SentMessage, Undelivered};
pub use retention::{Cleanup, delete_expired, enforce_retention};
pub use settings::SettingsStore;
pub use test_runs::TestRuns;
pub use tokens::consent::{CallbackOutcome, ConsentRedirect, complete_consent, start_consent};
pub use tokens::{Tokens, renewal::run_refresh_loop};
pub use updates::{Subscription, Update, Updates};

/// The interval of retries while the database fails.
const STORE_AGAIN_EVERY: Duration = Duration::from_millis(500);

/// The services of the tab and of the pages around it.
#[derive(Debug, Clone)]
pub struct Service {
    /// The saved settings.
    pub settings: Arc<SettingsStore>,
    /// The token of the saved settings.
    pub tokens: Arc<Tokens>,
    /// The test messages.
    pub runs: Arc<TestRuns>,
    /// The checks of the saved connection.
    pub checks: HealthChecks,
    /// What can be asked without changing anything.
    pub lookups: Arc<Lookups>,
    /// Who may sign in, and who is signed in.
    pub people: Arc<People>,
    /// The products that send through the saved settings.
    pub applications: Applications,
}

/// An internal error of a use case: never the caller's fault.
#[derive(Debug, thiserror::Error)]
pub enum UseCaseError {
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
fn internal_error(error: impl Into<UseCaseError>) -> ApiCode {
    tracing::error!(error = one_line(&error.into()), "a request could not be served");
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
                tracing::error!(
                    error = one_line(&error),
                    "a token could not be stored and is stored again soon"
                );
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
        let store = &self.settings.store;
        let found = tab::settings(store, &who.id).await.map_err(internal_error)?;
        let current = settings::from_stored(&self.settings, found.form).map_err(internal_error)?;
        let last =
            tab::activity(store, &who.id, current.token_revision).await.map_err(internal_error)?;
        let stored_token = found.token.clone();
        let token = consent::now(&self.tokens, who, &current, found.token, last.attempt).await;
        let token = token.map_err(internal_error)?;
        let incident = last.incident.map(|incident| health::page::shown(incident, &current, who));
        let incident = incident.transpose().map_err(internal_error)?;
        let saved_by_caller = current.is_by(who);
        let last_run = last.run.map(|kept| test_runs::shown(&self.runs, who, kept));
        let last_run = last_run.transpose().map_err(internal_error)?;
        let obtained = token.token.as_ref().map(|token| token.obtained_at);
        let ran = last_run.as_ref().map(|last| last.run.started_at);
        let since = incident.as_ref().map(|incident| incident.since);
        let instants = current.saved.at.into_iter().chain(obtained).chain(ran).chain(since);
        let display = people::display_chosen(&self.people, who, found.preference, instants);
        let today = self.settings.clock.now().date_naive();
        let reminders =
            health::page::reminders(&last.ends, &current, stored_token.as_ref(), &display, today);
        let mut saved = current.saved;
        if !who.may_edit() {
            // The Client ID is no secret, but readers do not need it. Scope may contain it too.
            let mut authentication = saved.form.authentication;
            let client_id = std::mem::take(&mut authentication.client_id);
            let redacted = reader_view::for_person(authentication, Some(who), &client_id);
            saved.form.authentication = redacted.map_err(internal_error)?;
        }
        let recipient = who.recipient().map(str::to_owned);
        let (may_edit, callback) = (who.may_edit(), callback.to_owned());
        Ok(EmailTab {
            saved,
            saved_by_caller,
            caller: who.id.clone(),
            may_edit,
            recipient,
            last_run,
            display,
            token,
            incident,
            reminders,
            callback,
        })
    }

    async fn save(&self, who: &Principal, save: Save) -> Result<SaveAnswer, ApiCode> {
        require_administrator(who)?;
        if let Some(field) = save.draft.oversized() {
            return Err(ApiCode::Oversized(field));
        }
        let saved = settings::save(&self.settings, who, &save).await;
        let (answer, deleted) = saved.map_err(internal_error)?;
        if let Some((current, token)) = deleted {
            revocation::deleted(&self.tokens, &current, *token);
        }
        if matches!(answer, SaveAnswer::Saved(_)) {
            self.runs.updates.notify_all();
        }
        Ok(answer)
    }

    async fn last_worked(&self, who: &Principal) -> Result<LookupResult, ApiCode> {
        require_administrator(who)?;
        let found = health::restore::last_worked(&self.settings).await.map_err(internal_error)?;
        found.ok_or(ApiCode::NotFound)
    }

    async fn send_test(&self, who: &Principal) -> Result<RunView, ApiCode> {
        require_administrator(who)?;
        test_runs::start(&self.runs, who).await
    }

    async fn test_typed(&self, who: &Principal, draft: Draft) -> Result<TestAnswer, ApiCode> {
        require_administrator(who)?;
        match draft.oversized() {
            Some(field) => Err(ApiCode::Oversized(field)),
            None => test_runs::start_typed(&self.runs, who, &draft).await,
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
        test_runs::get(&self.runs, who, id).await.map_err(internal_error)?.ok_or(ApiCode::NotFound)
    }

    async fn token(&self, who: &Principal) -> Result<TokenView, ApiCode> {
        let store = &self.settings.store;
        let found = tab::settings(store, &who.id).await.map_err(internal_error)?;
        let current = settings::from_stored(&self.settings, found.form).map_err(internal_error)?;
        let attempt = oauth_attempts::latest_of(store, &who.id, current.token_revision).await;
        let attempt = attempt.map_err(internal_error)?;
        let view = consent::now(&self.tokens, who, &current, found.token, attempt).await;
        view.map_err(internal_error)
    }

    async fn get_token(
        &self,
        who: &Principal,
        callback: &str,
        in_pop_up: bool,
    ) -> Result<AttemptStarted, ApiCode> {
        require_administrator(who)?;
        consent::begin(&self.tokens, who, callback, in_pop_up).await
    }

    async fn finish_attempt(
        &self,
        who: &Principal,
        browser: &ConsentBinding,
        id: &str,
        address: &str,
    ) -> Result<AttemptFinished, ApiCode> {
        require_administrator(who)?;
        consent::finish_by_hand(&self.tokens, who, browser, id, address).await
    }

    async fn stop_attempts(&self, who: &Principal) -> Result<TokenView, ApiCode> {
        require_administrator(who)?;
        consent::stop(&self.tokens, who).await.map_err(internal_error)?;
        self.token(who).await
    }

    async fn inspect_token(&self, who: &Principal) -> Result<LookupResult, ApiCode> {
        require_administrator(who)?;
        let current = settings::current(&self.settings).await.map_err(internal_error)?;
        let findings = token_inspection::findings(&self.lookups, who, &current).await;
        findings.map_err(internal_error)?.ok_or(ApiCode::TokenNeeded)
    }

    async fn discover(&self, who: &Principal, issuer: &str) -> Result<LookupResult, ApiCode> {
        require_administrator(who)?;
        discovery::findings(&self.lookups, issuer).await.map_err(internal_error)
    }

    async fn check_redirect(
        &self,
        who: &Principal,
        reached: &RequestOrigin,
        uri: &str,
        page: &str,
    ) -> Result<LookupResult, ApiCode> {
        require_administrator(who)?;
        Ok(redirect_check::findings(&self.lookups, uri, page, reached))
    }
}

#[async_trait]
impl ShellService for Service {
    async fn set_up(&self, ticket: &str) -> Result<SetUp, ApiCode> {
        people::set_up(&self.people, ticket).await.map_err(internal_error)
    }

    async fn attempt(
        &self,
        who: Option<&Principal>,
        id: &str,
    ) -> Result<Option<(Attempt, bool, Option<Explanation>)>, ApiCode> {
        consent::attempt(&self.tokens, who, id).await.map_err(internal_error)
    }

    async fn history(&self, who: &Principal) -> Result<History, ApiCode> {
        test_runs::history(&self.runs, &self.people, who).await.map_err(internal_error)
    }

    async fn health(&self, who: &Principal) -> Result<HealthPage, ApiCode> {
        health::page::page(&self.checks, &self.people, who).await.map_err(internal_error)
    }

    async fn applications(&self, who: &Principal) -> Result<ApplicationsPage, ApiCode> {
        require_administrator(who)?;
        applications::page(self, who).await.map_err(internal_error)
    }

    async fn audit(&self, who: &Principal, wanted: &AuditQuery) -> Result<AuditPage, ApiCode> {
        require_administrator(who)?;
        people::audit(&self.people, who, wanted).await.map_err(internal_error)
    }

    async fn account(&self, who: &Principal) -> Result<MyAccount, ApiCode> {
        people::account(&self.people, who).await.map_err(internal_error)
    }

    async fn time_settings(&self, who: &Principal) -> Result<TimeSettings, ApiCode> {
        people::time_settings(&self.people, who).await.map_err(internal_error)
    }
}

/// A test message as this user may see it.
///
/// # Errors
/// [`ApiCode::ServerFailed`]: the stored message cannot be read.
pub fn shown(runs: &TestRuns, who: &Principal, kept: StoredRun) -> Result<RunView, ApiCode> {
    test_runs::shown(runs, who, kept).map_err(internal_error)
}

/// An open incident as this user may see it.
///
/// # Errors
/// [`ApiCode::ServerFailed`]: the saved settings cannot be read.
pub async fn incident_shown(
    checks: &HealthChecks,
    who: &Principal,
    incident: OpenIncident,
) -> Result<IncidentView, ApiCode> {
    let current = settings::current(&checks.delivery.settings).await.map_err(internal_error)?;
    health::page::shown(incident, &current, who).map_err(internal_error)
}

/// Saves this user's time preference.
///
/// # Errors
/// [`ApiCode::ServerFailed`]: nothing was saved.
pub async fn save_preference(
    people: &People,
    who: &Principal,
    preference: &TimePreference,
) -> Result<(), ApiCode> {
    people::save_preference(people, who, preference).await.map_err(internal_error)
}
