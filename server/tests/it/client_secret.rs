//! An administrator who does not know the stored Client Secret cannot use it for a purpose that it
//! was not entered for: not by a save, not by a test of unsaved settings, not by switching to the
//! flow None and back. Shown over sockets, with the program, a provider and mail servers.

use std::sync::Arc;

use axum::http::StatusCode;
use contract::{AttemptStarted, SaveAnswer, TestAnswer, TokenView};
use domain::secret::SecretEdit;
use domain::token::AttemptOutcome;
use domain::{Draft, Field, OauthFlow, Problem};
use serde_json::json;
use tempfile::TempDir;
use testkit::mailbox::Mailbox;
use testkit::provider::{ScriptedProvider, TestProvider};
use testkit::smtp_server::TestCa;
use tokio::time::sleep;

use crate::support::accounts::administrators;
use crate::support::databases::database_url;
use crate::support::drafts::edited;
use crate::support::oauth_fixture::{FLOWS, draft};
use crate::support::oauth_programs::{LOOK_EVERY, called, end_of, save, token, trust_the_tests};
use crate::support::program::{HttpBrowser, Serving};

/// A program with a flow and a Client Secret saved, and an administrator who does not know it.
struct Attacked {
    _folder: TempDir,
    _program: Serving,
    browser: HttpBrowser,
    provider: Arc<TestProvider>,
    mailbox: Mailbox,
    /// The saved settings, including the secret in clear.
    draft: Draft,
    revision: i64,
}

impl Attacked {
    async fn with(flow: OauthFlow) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let cookies = administrators(&folder, 1).await;
        let (path, url) = (folder.path(), database_url(folder.path()).await);
        let program = Serving::with(path, |command| {
            command.args(["--database-url", &url]);
            trust_the_tests(command, path);
        });
        let provider = Arc::new(TestProvider::start());
        let mailbox = Mailbox::start(&provider).await;
        let mut draft = draft(flow, &provider, &mailbox);
        // The flow None needs these.
        draft.basic = draft.oauth.clone();
        let mut browser = HttpBrowser::with_cookie(&program.address, &cookies[0]).await;
        save(&mut browser, &draft, 0, None).await;
        Self { _folder: folder, _program: program, browser, provider, mailbox, draft, revision: 1 }
    }

    /// The saved settings with these edits and an untouched secret.
    fn edited(&self, edits: &[(Field, &str)]) -> Draft {
        let draft = self.draft.map_secrets(|_, _| SecretEdit::Untouched);
        edited(&draft, edits)
    }

    /// The problem of the Client Secret that a save reports.
    async fn problem_of_a_save(&mut self, draft: &Draft) -> Option<Problem> {
        let save = json!({ "draft": draft, "revision": self.revision, "deletes_grant": null });
        match called(&mut self.browser, "email/save", &json!({ "save": save })).await {
            SaveAnswer::Problems(problems) => problems.of(Field::ClientSecret),
            other => panic!("{other:?}"),
        }
    }

    /// The problem of the Client Secret that a test reports.
    async fn problem_of_a_test(&mut self, draft: &Draft) -> Option<Problem> {
        match self.begin_test(draft).await {
            TestAnswer::Problems(problems) => problems.of(Field::ClientSecret),
            TestAnswer::Begun(now) => panic!("begun: {now:?}"),
        }
    }

    async fn begin_test(&mut self, draft: &Draft) -> TestAnswer {
        called(&mut self.browser, "email/test-typed", &json!({ "draft": draft })).await
    }

    /// Sends a test message with these unsaved settings.
    async fn test(&mut self, draft: &Draft) {
        let answer = self.begin_test(draft).await;
        let TestAnswer::Begun(now) = answer else { panic!("{answer:?}") };
        end_of(&mut self.browser, now.run).await;
    }

    async fn save(&mut self, draft: &Draft) {
        save(&mut self.browser, draft, self.revision, None).await;
        self.revision += 1;
    }

    /// Asserts that a test and a save of this draft need the Client Secret again.
    async fn expect_problem(&mut self, draft: &Draft) {
        assert_eq!(self.problem_of_a_test(draft).await, Some(Problem::EnterAgain), "{draft:?}");
        assert_eq!(self.problem_of_a_save(draft).await, Some(Problem::EnterAgain), "{draft:?}");
    }

    /// Asserts that a test and a save with these edits are refused, also after a save of None.
    async fn expect_refused(&mut self, edits: &[(Field, &str)]) {
        let typed = self.edited(edits);
        self.expect_problem(&typed).await;
        self.save(&self.edited(&[edits, &[(Field::Flow, "none")]].concat())).await;
        self.expect_problem(&typed).await;
        let begun = self.browser.call("email/get-token", &json!({ "in_pop_up": true })).await;
        assert_eq!(begun.expect("an answer").status, StatusCode::CONFLICT, "{edits:?}");
        self.save(&self.draft.clone()).await;
    }

    /// Obtains a token with Client Credentials.
    async fn obtains(&mut self) {
        let argument = json!({ "in_pop_up": true });
        let begun: AttemptStarted = called(&mut self.browser, "email/get-token", &argument).await;
        loop {
            let TokenView { attempt, .. } = token(&mut self.browser).await;
            let attempt = attempt.expect("the attempt");
            assert_eq!(attempt.id, begun.attempt.id);
            if let Some(end) = attempt.end {
                return assert_eq!(end, AttemptOutcome::Obtained);
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_client_credentials_a_stored_secret_yields_no_token_for_another_scope_or_server() {
    let mut attacked = Attacked::with(OauthFlow::ClientCredentials).await;
    let other = Mailbox::start(&attacked.provider).await;
    let port = other.address.port().to_string();
    let authority = TestCa::named("Another authority").pem();
    for edit in [
        (Field::Scope, "mail.read"),
        (Field::OauthServer, "127.0.0.1"),
        (Field::OauthPort, port.as_str()),
        (Field::OauthTlsMode, "start-tls"),
        (Field::OauthTrustedCa, &authority),
    ] {
        attacked.expect_refused(&[edit]).await;
    }
    assert_eq!(attacked.provider.asked().len(), 0);
    assert_eq!((other.tokens(), attacked.mailbox.tokens()), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_secret_goes_to_no_other_token_endpoint_not_even_of_the_same_origin() {
    for flow in FLOWS {
        let mut attacked = Attacked::with(flow).await;
        let other = ScriptedProvider::play([]);
        let another_path = attacked.provider.token_endpoint().replace("/token", "/another/token");
        for endpoint in [other.token_endpoint(), another_path] {
            attacked.expect_refused(&[(Field::TokenEndpoint, &endpoint)]).await;
        }
        assert_eq!((attacked.provider.asked().len(), other.asked().len()), (0, 0), "{flow:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_secret_is_not_used_with_the_other_kind_of_flow() {
    for flow in FLOWS {
        let mut attacked = Attacked::with(flow).await;
        let others = FLOWS.into_iter().filter(|other| is_code(*other) != is_code(flow));
        for other in others {
            attacked.expect_refused(&[(Field::Flow, other.wire_name())]).await;
        }
        assert_eq!(attacked.provider.asked().len(), 0, "{flow:?}");
    }
}

fn is_code(flow: OauthFlow) -> bool {
    flow != OauthFlow::ClientCredentials
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_was_typed_before_none_was_chosen_is_not_for_client_credentials() {
    let mut attacked = Attacked::with(OauthFlow::ClientCredentials).await;
    let mut none = attacked.draft.clone();
    none.edit(Field::Flow, "none");
    attacked.save(&none).await;
    attacked.expect_problem(&attacked.edited(&[])).await;
    assert_eq!(attacked.provider.asked().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switching_to_none_and_back_needs_no_new_secret_and_yields_a_token() {
    let mut attacked = Attacked::with(OauthFlow::ClientCredentials).await;
    let (none, back) = (attacked.edited(&[(Field::Flow, "none")]), attacked.edited(&[]));
    attacked.save(&none).await;
    attacked.test(&back).await;
    assert_eq!(attacked.mailbox.messages(), 1, "a test before it is saved");
    attacked.save(&back).await;
    attacked.obtains().await;
    assert_eq!(attacked.provider.requests("client_credentials"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_that_a_secret_is_not_bound_to_may_change() {
    let mut attacked = Attacked::with(OauthFlow::ClientCredentials).await;
    let others = [
        (Field::OauthDisplayName, "Another name"),
        (Field::OauthSender, "another@example.com"),
        (Field::BasicPort, "25"),
        (Field::OauthServer, "LOCALHOST"),
    ];
    attacked.save(&attacked.edited(&others)).await;
    attacked.obtains().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_of_typed_settings_names_its_fields_in_the_audit_trail() {
    let mut attacked = Attacked::with(OauthFlow::ClientCredentials).await;
    let mut typed = attacked.draft.clone();
    typed.edit(Field::Scope, "mail.read");
    typed.edit(Field::OauthDisplayName, "Another name");
    for draft in [typed, attacked.edited(&[])] {
        attacked.test(&draft).await;
    }
    let page = attacked.browser.get("/audit").await.expect("the page").body;
    let (with, without) =
        ("Requested a test message with unsaved changes", "Requested a test message");
    assert_eq!(page.matches(with).count(), 1, "{page}");
    assert_eq!(page.matches(without).count(), 2, "{page}");
    assert!(page.contains("Display Name (OAuth), Client Secret, Scope"), "{page}");
    assert!(!page.contains("mail.read"), "{page}");
}
