//! Prometheus' own tool reads the metrics of a running program. `cargo xtask soak` installs it.

use std::process::Command;
use std::sync::Arc;

use chrono::TimeDelta;
use contract::paths;
use domain::delivery::Outcome;
use domain::{Field, OauthFlow};
use testkit::mailbox::Mailbox;
use testkit::provider::TestProvider;
use testkit::sockets::free_address;
use vault::clock::{Clock, SystemClock};

use crate::support::accounts::administrators;
use crate::support::databases::database_url;
use crate::support::drafts::edited;
use crate::support::harness::FORM;
use crate::support::oauth_fixture::draft;
use crate::support::oauth_programs::{begin_send, end_of, obtain, save, trust_the_tests};
use crate::support::program::{HttpBrowser, Serving, run};
use crate::support::waiting::until;

const OPERATIONS: &str = include_str!("../../../docs/operations.md");

/// The metrics that docs/operations.md names.
fn documented() -> impl Iterator<Item = &'static str> {
    let names = OPERATIONS.split('`').filter(|code| code.starts_with("ppm_email_"));
    names.map(|code| code.split('{').next().unwrap_or(code))
}

async fn metrics(address: &str) -> String {
    let mut prometheus = HttpBrowser::at(address).await.expect("it listens");
    prometheus.get("/metrics").await.expect("an answer").body
}

#[tokio::test]
#[ignore = "needs promtool, which `cargo xtask soak` installs"]
async fn promtool_accepts_samples_of_every_documented_metric_while_an_incident_is_open() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let cookies = administrators(&folder, 1).await;
    let listen = free_address().to_string();
    let database = database_url(folder.path()).await;
    let program = Serving::logged(folder.path(), &database, |command| {
        trust_the_tests(command, folder.path());
        command.env("PPM_EMAIL_HEALTH_CHECK", "on").args(["--metrics-listen", &listen]);
    });
    let provider = Arc::new(TestProvider::start());
    let mailbox = Mailbox::start(&provider).await;
    let mut browser = HttpBrowser::with_cookie(&program.address, &cookies[0]).await;
    let on = (SystemClock.now().date_naive() + TimeDelta::days(30)).to_string();
    let draft = draft(OauthFlow::AuthorizationCode, &provider, &mailbox);
    let draft = edited(&draft, &[(Field::ClientSecretExpiresOn, &on)]);
    save(&mut browser, &draft, 0, None).await;
    obtain(&mut browser, &provider).await;
    let is_checked =
        async || metrics(&listen).await.contains("ppm_email_checks_total{outcome=\"success\"}");
    until(is_checked).await;

    let run_of_test = begin_send(&mut browser).await;
    let accepted = end_of(&mut browser, run_of_test).await;
    assert!(matches!(accepted, Outcome::Accepted { .. }), "{accepted:?}");
    provider.revoke();
    let checked = browser.ask("POST", paths::HEALTH, FORM, "").await.expect("an answer");
    assert_eq!(checked.header("location"), "/settings/email/health?check=done");

    let text = metrics(&listen).await;
    assert!(text.contains("ppm_email_connection_up 0"), "{text}");
    for name in documented() {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} in\n{text}");
    }
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]);
    let output = run(promtool, &text);
    assert_eq!(output.status.code(), Some(0), "{output:?}\n{text}");
}
