//! The log line of a failed token refresh: it has the diagnosis code, no text of the provider, and
//! no colours outside a terminal.

use std::time::Duration;

use domain::OauthFlow;

use crate::support::accounts::administrators;
use crate::support::databases::database_url;
use crate::support::oauth_fixture::draft;
use crate::support::oauth_programs::{obtain, save, trust_the_tests};
use crate::support::program::{HttpBrowser, Serving, log};
use crate::support::waiting::until_some;
use testkit::mailbox::Mailbox;
use testkit::provider::TestProvider;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_token_refresh_is_logged_with_its_code_and_without_colours() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let cookies = administrators(&folder, 1).await;
    let program = Serving::logged(folder.path(), &database_url(folder.path()).await, |command| {
        trust_the_tests(command, folder.path());
    });
    let provider = TestProvider::start();
    provider.rule(|rules| rules.lifetime = Duration::from_secs(2));
    let mailbox = Mailbox::start(&std::sync::Arc::new(TestProvider::start())).await;
    let mut browser = HttpBrowser::with_cookie(&program.address, &cookies[0]).await;
    let draft = draft(OauthFlow::AuthorizationCode, &provider, &mailbox);
    save(&mut browser, &draft, 0, None).await;
    obtain(&mut browser, &provider).await;
    let refusal = r#"{"error":"unauthorized_client","error_description":"Sekret 7"}"#;
    provider.fail_next("400 Bad Request", refusal);

    let logged = until_some(async || {
        let log = log(folder.path());
        log.lines().find(|line| line.contains("could not be renewed")).map(str::to_owned)
    })
    .await;
    assert!(logged.contains("fault=\"unauthorized-client\""), "{logged}");
    assert!(!logged.contains("Sekret") && !logged.contains('\u{1b}'), "{logged}");
}
