//! The ports: the use cases that the server implements for the tab and for the pages around it.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Draft, OauthFlow, Principal, token::Attempt};

use crate::code::ApiCode;
use crate::context::{ConsentBinding, RequestOrigin};
use crate::explanation::{Explanation, LookupResult};
use crate::pages::{
    ApplicationsPage, AuditPage, AuditQuery, HealthPage, History, MyAccount, SetUp, TimeSettings,
};
use crate::tab::{
    AttemptFinished, AttemptStarted, EmailTab, RunView, Save, SaveAnswer, TestAnswer, TokenView,
};

/// The use cases of the tab. Each takes the caller; errors are codes.
#[async_trait]
pub trait EmailService: Send + Sync + 'static {
    /// Returns the tab's initial data; `callback` is this server's callback address.
    async fn load(&self, who: &Principal, callback: &str) -> Result<EmailTab, ApiCode>;

    /// Saves the whole form, or returns why it was not saved.
    async fn save(&self, who: &Principal, save: Save) -> Result<SaveAnswer, ApiCode>;

    /// Returns the settings that last worked, as values to fill in.
    async fn last_worked(&self, who: &Principal) -> Result<LookupResult, ApiCode>;

    /// Starts a test message to the caller with the saved settings and returns immediately.
    async fn send_test(&self, who: &Principal) -> Result<RunView, ApiCode>;

    /// Starts a test message to the caller with unsaved settings. A stored secret or token is used
    /// only for the destination that it is bound to.
    async fn test_typed(&self, who: &Principal, draft: Draft) -> Result<TestAnswer, ApiCode>;

    /// Returns the preset of the provider with this name.
    async fn preset(
        &self,
        who: &Principal,
        provider: &str,
        detail: &str,
        flow: OauthFlow,
    ) -> Result<LookupResult, ApiCode>;

    /// Returns a test message and its progress.
    async fn run(&self, who: &Principal, id: &str) -> Result<RunView, ApiCode>;

    /// Returns the token's status and the caller's last attempt.
    async fn token(&self, who: &Principal) -> Result<TokenView, ApiCode>;

    /// Starts an attempt to obtain a token with the saved settings; `callback` is this server's
    /// callback address.
    async fn get_token(
        &self,
        who: &Principal,
        callback: &str,
        in_pop_up: bool,
    ) -> Result<AttemptStarted, ApiCode>;

    /// Completes an attempt of the caller with the pasted callback address.
    async fn finish_attempt(
        &self,
        who: &Principal,
        binding: &ConsentBinding,
        id: &str,
        address: &str,
    ) -> Result<AttemptFinished, ApiCode>;

    /// Stops the caller's attempts that wait for the provider, and returns the token's status.
    async fn stop_attempts(&self, who: &Principal) -> Result<TokenView, ApiCode>;

    /// Returns the claims of the access token and its problems.
    async fn inspect_token(&self, who: &Principal) -> Result<LookupResult, ApiCode>;

    /// Returns a provider's metadata (RFC 8414), by its issuer or a Microsoft tenant.
    async fn discover(&self, who: &Principal, issuer: &str) -> Result<LookupResult, ApiCode>;

    /// Checks whether a Redirect URI, typed on a page of the origin `page`, leads to this server.
    async fn check_redirect(
        &self,
        who: &Principal,
        origin: &RequestOrigin,
        uri: &str,
        page: &str,
    ) -> Result<LookupResult, ApiCode>;
}

/// The use cases of the shell's pages.
#[async_trait]
pub trait ShellService: Send + Sync + 'static {
    /// Returns whether the first administrator can be created with this ticket.
    async fn set_up(&self, ticket: &str) -> Result<SetUp, ApiCode>;

    /// Returns an attempt to obtain a token, whether the provider's page is in a popup window, and the
    /// explanation of its outcome.
    async fn attempt(
        &self,
        who: Option<&Principal>,
        id: &str,
    ) -> Result<Option<(Attempt, bool, Option<Explanation>)>, ApiCode>;

    /// Returns the latest test messages of all users.
    async fn history(&self, who: &Principal) -> Result<History, ApiCode>;

    /// Returns the health of mail.
    async fn health(&self, who: &Principal) -> Result<HealthPage, ApiCode>;

    /// Returns the applications; for administrators only.
    async fn applications(&self, who: &Principal) -> Result<ApplicationsPage, ApiCode>;

    /// Returns the part of the audit trail that matches the query.
    async fn audit(&self, who: &Principal, query: &AuditQuery) -> Result<AuditPage, ApiCode>;

    /// Returns the caller's sessions and, for administrators, those of other users.
    async fn account(&self, who: &Principal) -> Result<MyAccount, ApiCode>;

    /// Returns the caller's time preference and the available choices.
    async fn time_settings(&self, who: &Principal) -> Result<TimeSettings, ApiCode>;
}

/// The tab's service in the request context.
pub type SharedService = Arc<dyn EmailService>;

/// The shell's service in the request context.
pub type SharedShell = Arc<dyn ShellService>;
