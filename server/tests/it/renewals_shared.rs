//! Two programs share one database and one token: the provider receives one refresh for both, and
//! neither stores a token that the other's save has made obsolete.

use std::{path::Path, sync::Arc, time::Duration};

use contract::RunView;
use domain::delivery::{Outcome, Run, Step, StepReport, StepStatus};
use domain::token::TokenStatus;
use domain::{Draft, Field, OauthFlow};
use serde_json::json;
use tempfile::TempDir;
use tokio::{task::JoinSet, time::timeout};

use crate::support::accounts::administrators;
use crate::support::databases::{connection, count_rows, database_url};
use crate::support::oauth_fixture::draft;
use crate::support::oauth_programs::{
    begin_send, called, end_of, obtain, save, token, trust_the_tests,
};
use crate::support::program::{HttpBrowser, Serving, log};
use crate::support::waiting::until;
use testkit::mailbox::Mailbox;
use testkit::provider::{Held, TestProvider};

const ADMINISTRATORS: usize = 12;
/// Longer than five tokens of two seconds take, even on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);
const AN_HOUR: Duration = Duration::from_hours(1);

/// Two programs on one database, a token, and administrators at both.
struct SharedDatabase {
    folder: TempDir,
    provider: Arc<TestProvider>,
    mailbox: Mailbox,
    draft: Draft,
    programs: Vec<Serving>,
    /// Connected alternately to the first and the second program.
    browsers: Vec<HttpBrowser>,
}

impl SharedDatabase {
    /// Starts both with a token; it and all later ones have this lifetime.
    async fn with_tokens_of(lifetime: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let cookies = administrators(&folder, ADMINISTRATORS).await;
        let url = database_url(folder.path()).await;
        let provider = Arc::new(TestProvider::start());
        provider.rule(|rules| rules.lifetime = lifetime);
        let mailbox = Mailbox::start(&provider).await;
        let draft = draft(OauthFlow::AuthorizationCode, &provider, &mailbox);

        let first = start(folder.path(), &url);
        let mut browser = HttpBrowser::with_cookie(&first.address, &cookies[0]).await;
        save(&mut browser, &draft, 0, None).await;
        obtain(&mut browser, &provider).await;
        // The second program finds a token at its start and refreshes it from then on, too.
        let programs = vec![first, start(folder.path(), &url)];
        let mut browsers = Vec::new();
        for (number, cookie) in cookies.into_iter().enumerate() {
            let address = &programs[number % programs.len()].address;
            browsers.push(HttpBrowser::with_cookie(address, &cookie).await);
        }
        Self { folder, provider, mailbox, draft, programs, browsers }
    }

    /// Sends a message of each administrator, all at once, and asserts that all arrive.
    async fn send_all(&mut self) {
        let begun = begin_all(self.browsers.drain(..)).await;
        self.expect_all_to_arrive(begun).await;
    }

    async fn expect_all_to_arrive(&mut self, begun: Vec<(HttpBrowser, Run)>) {
        let mut sending = JoinSet::new();
        for (mut browser, run) in begun {
            sending.spawn(async move {
                let outcome = end_of(&mut browser, run).await;
                (browser, outcome)
            });
        }
        for (browser, outcome) in sending.join_all().await {
            assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
            self.browsers.push(browser);
        }
    }

    /// Waits until both programs report this token status.
    async fn wait_for_status(&mut self, status: TokenStatus) {
        for browser in self.browsers.iter_mut().take(2) {
            until(async || {
                let view = token(browser).await;
                TokenStatus::of(view.token.as_ref(), view.now) == status
            })
            .await;
        }
    }

    fn renewals(&self) -> usize {
        self.provider.requests("refresh_token")
    }

    /// How often the stored token was refreshed.
    async fn generation(&self) -> usize {
        let mut connection = connection(self.folder.path()).await;
        let row = sqlx::query_scalar("SELECT generation FROM token").fetch_one(&mut connection);
        let generation: i64 = row.await.expect("a token");
        usize::try_from(generation).expect("a count")
    }

    /// Stops both programs and asserts that they logged no error.
    fn end(&mut self) {
        for program in self.programs.drain(..) {
            program.stop();
        }
        let log = log(self.folder.path());
        assert!(!log.contains("locked") && !log.contains("ERROR"), "{log}");
    }
}

/// Starts a message in each browser, all at once.
async fn begin_all(browsers: impl Iterator<Item = HttpBrowser>) -> Vec<(HttpBrowser, Run)> {
    let mut beginning = JoinSet::new();
    for mut browser in browsers {
        beginning.spawn(async move {
            let run = begin_send(&mut browser).await;
            (browser, run)
        });
    }
    beginning.join_all().await
}

/// Waits until the mail server has refused the token for one of these messages.
async fn wait_for_a_refusal(begun: &mut [(HttpBrowser, Run)]) {
    let is_refusal =
        |report: &StepReport| report.step == Step::SignIn && report.ended == StepStatus::Failed;
    until(async || {
        for (browser, run) in &mut *begun {
            let RunView { run, .. } = called(browser, "email/run", &json!({ "id": run.id })).await;
            if run.steps.iter().any(is_refusal) {
                return true;
            }
        }
        false
    })
    .await;
}

fn start(folder: &Path, database_url: &str) -> Serving {
    Serving::logged(folder, database_url, |command| trust_the_tests(command, folder))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_token_that_two_programs_need_for_many_messages_is_refreshed_once() {
    let mut shared = SharedDatabase::with_tokens_of(Duration::from_secs(2)).await;
    shared.provider.hold(Held::BeforeIssuing);
    shared.wait_for_status(TokenStatus::Expired).await;
    let before = shared.generation().await;
    shared.provider.rule(|rules| rules.lifetime = AN_HOUR);
    let begun = begin_all(shared.browsers.drain(..)).await;
    shared.provider.release();
    shared.expect_all_to_arrive(begun).await;
    assert_eq!(shared.renewals(), before + 1, "twelve messages on an expired token");
    shared.send_all().await;
    assert_eq!(shared.renewals(), before + 1, "the next twelve");
    assert_eq!((shared.mailbox.messages(), shared.mailbox.refused()), (24, 0));
    shared.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_refused_to_two_programs_is_refreshed_once() {
    let mut shared = SharedDatabase::with_tokens_of(AN_HOUR).await;
    shared.provider.hold(Held::BeforeIssuing);
    shared.provider.expire();
    let browsers = shared.browsers.drain(..).enumerate();
    let (first, second): (Vec<_>, Vec<_>) = browsers.partition(|(number, _)| number % 2 == 0);
    let mut begun = Vec::new();
    for browsers in [first, second] {
        let mut of_one = begin_all(browsers.into_iter().map(|(_, browser)| browser)).await;
        wait_for_a_refusal(&mut of_one).await;
        begun.extend(of_one);
    }
    shared.provider.release();
    shared.expect_all_to_arrive(begun).await;
    assert_eq!(shared.renewals(), 1);
    assert_eq!(shared.mailbox.messages(), ADMINISTRATORS);
    shared.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_refresh_each_generation_of_a_token_once() {
    let mut shared = SharedDatabase::with_tokens_of(Duration::from_secs(2)).await;
    let five_refreshes = shared.provider.wait_for(6);
    timeout(TIMEOUT, five_refreshes).await.expect("the token is renewed in time");
    // Both finish their running refreshes.
    shared.end();
    assert_eq!(shared.renewals(), shared.generation().await);
    assert_eq!(shared.provider.reused(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_save_through_one_program_discards_a_running_refresh_of_another() {
    let mut shared = SharedDatabase::with_tokens_of(AN_HOUR).await;
    let [one, other] = &mut shared.browsers[..2] else { panic!("two browsers") };
    shared.provider.hold(Held::BeforeAnswering);
    shared.provider.expire();
    let asked = shared.provider.asked().len();
    begin_send(one).await;
    shared.provider.wait_for(asked + 1).await;

    let current = token(other).await.token.expect("a token");
    shared.draft.edit(Field::OauthDisplayName, "Another name");
    save(other, &shared.draft, 1, Some(current.grant)).await;
    shared.provider.release();
    // It finishes its running refresh.
    shared.programs.remove(0).stop();

    assert_eq!(token(other).await.token, None);
    assert_eq!(count_rows(shared.folder.path(), "token").await, 0);
}
