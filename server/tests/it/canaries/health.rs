//! Checks, incidents and alerts do not leak a secret: not to the webhook, in an alert email, in the
//! metrics, on the page Health or by `ppm-email health`. Nor do they leak those of the operator.

use axum::http::StatusCode;
use contract::{EmailTab, IncidentView, SaveAnswer, paths};
use domain::Field;
use serde_json::json;
use tempfile::TempDir;
use testkit::THIS_MACHINE;
use testkit::provider::{ScriptedProvider, Turn};
use testkit::smtp_server::SmtpScript;
use testkit::sockets::free_address;

use super::{Witness, draft, echoes, repeating};
use crate::support::harness::FORM;
use crate::support::program::{HttpBrowser, write_private};

/// The secrets of the operator.
const WEBHOOK_SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const METRICS_TOKEN: &str = "Gartenrotschwanz2Wn";
/// The maximum number of alerts.
const ALERTS: usize = 100;

/// Where a program tells of the health of mail.
pub(super) struct Monitoring {
    webhook: ScriptedProvider,
    /// The address and port of the metrics.
    metrics: String,
    /// The files with the operator's secrets, in a folder that is not searched.
    _secrets: TempDir,
}

impl Witness {
    /// Starts the program with checks on and with every kind of alert, and signs in.
    pub(super) async fn with_alerts() -> (Self, Monitoring) {
        let webhook = ScriptedProvider::play((0..ALERTS).map(|_| Turn::json("200 OK", "{}")));
        let metrics = free_address().to_string();
        let secrets = tempfile::tempdir().expect("a folder for the test");
        let [key, token] = ["webhook-secret", "metrics-token"].map(|it| secrets.path().join(it));
        write_private(&key, &format!("whsec_{WEBHOOK_SECRET}"));
        write_private(&token, METRICS_TOKEN);
        let mut witness = Self::signed_in_with(|command| {
            command.env("PPM_EMAIL_HEALTH_CHECK", "on");
            command.args(["--alert-webhook", &format!("http://{}/alerts", webhook.address())]);
            command.arg("--alert-webhook-secret-file").arg(key);
            command.args(["--alert-email", "operator@example.com", "--metrics-listen", &metrics]);
            command.arg("--metrics-token-file").arg(token);
        })
        .await;
        witness.secrets.extend([WEBHOOK_SECRET, METRICS_TOKEN].map(str::to_owned));
        (witness, Monitoring { webhook, metrics, _secrets: secrets })
    }

    /// Presses Check now, and reads everything that tells of the health of mail. Returns the open
    /// incident.
    pub(super) async fn checks_now(&mut self, monitoring: &Monitoring) -> Option<IncidentView> {
        let checked = self.posts(paths::HEALTH, FORM, "").await;
        assert!(checked.header("location").ends_with("?check=done"), "{checked:?}");
        for page in [paths::HEALTH, paths::EMAIL, paths::HISTORY, paths::AUDIT] {
            self.reads(page).await;
        }
        let mut prometheus = HttpBrowser::at(&monitoring.metrics).await.expect("it listens");
        let credentials = format!("Bearer {METRICS_TOKEN}");
        let headers = [("authorization", &credentials[..])];
        let metrics = prometheus.get_with("/metrics", &headers).await.expect("an answer");
        assert_eq!(metrics.status, StatusCode::OK);
        self.hears("the metrics", &metrics);
        let tab = self.calls("email/load", &json!({})).await;
        let tab: EmailTab = serde_json::from_str(&tab.body).expect("a tab");
        tab.incident
    }

    /// Runs `ppm-email health` in every way, and returns the exit code.
    pub(super) fn runs_health(&mut self) -> Option<i32> {
        self.runs(&["health"], "");
        let [ipv4, ipv6] = THIS_MACHINE;
        let egress = ["--egress-allow", ipv4, "--egress-allow", ipv6];
        let check = ["health", "--check-now", "--json", "--extra-ca", "ca.pem"];
        self.runs(&[&check[..], &egress].concat(), "");
        self.runs(&["health", "--json"], "")
    }

    /// Waits for this number of alerts at the webhook.
    pub(super) async fn hears_alerts(&mut self, monitoring: &Monitoring, count: usize) {
        monitoring.webhook.wait_for(count).await;
        for request in monitoring.webhook.asked() {
            self.received.push(("an alert".to_owned(), format!("{request:?}").into_bytes()));
        }
    }
}

// The mail server answers while the command runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_the_mail_server_repeats_at_a_check_does_not_leak() {
    let (mut witness, monitoring) = Witness::with_alerts().await;
    let (mut revision, mut servers) = (0, Vec::new());
    for echo in echoes() {
        for (step, is_open) in [("done-auth", false), ("auth", true)] {
            let server = repeating(SmtpScript::in_clear(), step, &echo).play_to_all();
            let port = server.address.port().to_string();
            let draft = draft(&[(Field::BasicPort, &port), (Field::BasicUseTls, "off")]);
            let SaveAnswer::Saved(saved) = witness.saves(&draft, revision).await else {
                panic!("not saved");
            };
            revision = saved.revision;
            let incident = witness.checks_now(&monitoring).await;
            let has_words = incident.is_some_and(|open| open.peer_text.is_some());
            assert_eq!(has_words, is_open, "{step}: {echo}");
            servers.push(server);
        }
    }
    assert_eq!(witness.runs_health(), Some(2));
    witness.hears_alerts(&monitoring, 2 * echoes().len() - 1).await;
    witness.expects_silence();
}
