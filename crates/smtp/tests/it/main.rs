//! Tests of the SMTP client against scripted servers over real sockets.

mod content;
mod cuts;
mod delivery;
mod facts;
mod field;
mod hostile;
#[cfg(target_os = "linux")]
mod postfix;
mod reaching;
mod refusals;
mod replies;
mod session_points;
mod sessions;
mod tls;
mod tokens;
mod trust;
mod unacceptable;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use domain::delivery::{Diagnosis, FactName, Step, StepReport, StepStatus};
use domain::settings::{Account, MailServer, Security};
use domain::syntax::host::Host;
use net::egress::EgressPolicy;
use net::tls::TlsTrust;
use smtp::{Accepted, Bearer, Credentials, Deadlines, Envelope, Failure, Route, deliver};
use testkit::smtp_server::{AUTHORITY, SmtpServer};
use testkit::this_machine;

/// The authorities that every test trusts: the platform's and the tests' own.
static TRUST: LazyLock<TlsTrust> =
    LazyLock::new(|| TlsTrust::with_extra_ca(&[AUTHORITY.certificate()]).expect("trust"));

/// Deadlines that are short enough for a test and long enough for a busy machine.
const SHORT: Deadlines = Deadlines {
    connect: Duration::from_secs(5),
    reply: Duration::from_millis(1_500),
    total: Duration::from_millis(4_500),
};

const LONG: Deadlines = Deadlines {
    connect: Duration::from_secs(5),
    reply: Duration::from_secs(10),
    total: Duration::from_secs(20),
};

/// A delivery, which tests modify.
#[derive(Clone)]
struct DeliveryAttempt {
    route: Route,
    envelope: Envelope,
    message: Vec<u8>,
    egress: EgressPolicy,
    deadlines: Deadlines,
}

/// The result of a delivery.
struct DeliveryResult {
    result: Result<Accepted, Failure>,
    steps: Vec<StepReport>,
    took: Duration,
}

impl DeliveryAttempt {
    /// Creates a delivery to a server by its address, without an account.
    fn at(server: &SmtpServer, security: Security) -> Self {
        Self::to(Host::Ip(server.address.ip()), server.address.port(), security)
    }

    fn to(host: Host, port: u16, security: Security) -> Self {
        let route = Route {
            server: MailServer { host, port, security, trusted_ca: String::new() },
            client_name: None,
            credentials: Credentials::None,
        };
        let envelope = Envelope {
            sender: Some("ppm@example.com".to_owned()),
            recipients: vec!["ada@example.org".to_owned()],
        };
        let message = b"Subject: Test\r\n\r\nHello\r\n".to_vec();
        Self { route, envelope, message, egress: this_machine(), deadlines: LONG }
    }

    fn signed_in(mut self, username: &str, password: &str) -> Self {
        let (username, password) = (username.to_owned(), password.to_owned().into());
        self.route.credentials = Credentials::Password(Account { username, password });
        self
    }

    fn signed_in_by(mut self, user: &str, token: &str) -> Self {
        let (user, token) = (user.to_owned(), token.to_owned().into());
        self.route.credentials = Credentials::Token(Bearer { user, token });
        self
    }

    fn with_sender(mut self, sender: &str) -> Self {
        self.envelope.sender = Some(sender.to_owned());
        self
    }

    fn without_sender(mut self) -> Self {
        self.envelope.sender = None;
        self
    }

    fn with_recipient(self, recipient: &str) -> Self {
        self.with_recipients(&[recipient])
    }

    fn with_recipients(mut self, recipients: &[&str]) -> Self {
        self.envelope.recipients = recipients.iter().copied().map(str::to_owned).collect();
        self
    }

    fn with_message(mut self, message: &[u8]) -> Self {
        self.message = message.to_vec();
        self
    }

    /// Sets deadlines that a hostile server exceeds.
    fn in_a_hurry(mut self) -> Self {
        self.deadlines = SHORT;
        self
    }

    async fn run(self) -> DeliveryResult {
        let mut steps = Vec::new();
        let begun = Instant::now();
        let mut on_step = |report| steps.push(report);
        let attempt = deliver(
            &self.route,
            &self.envelope,
            &self.message,
            &TRUST,
            &self.egress,
            self.deadlines,
            &mut on_step,
        )
        .await;
        DeliveryResult { result: attempt.outcome, steps, took: begun.elapsed() }
    }
}

impl DeliveryResult {
    /// Returns every reported step, and how it ended.
    fn steps(&self) -> Vec<(Step, StepStatus)> {
        self.steps.iter().map(|report| (report.step, report.ended)).collect()
    }

    /// Returns the server's text at a step.
    fn peer_text(&self, step: Step) -> &str {
        let report = self.steps.iter().find(|report| report.step == step);
        report.and_then(|report| report.peer_text.as_deref()).unwrap_or_default()
    }

    /// Returns the facts of a step, in order.
    fn facts(&self, step: Step) -> Vec<(FactName, &str)> {
        let reports = self.steps.iter().filter(|report| report.step == step);
        let facts = reports.flat_map(|report| &report.facts);
        facts.map(|found| (found.name, found.value.as_str())).collect()
    }

    /// Returns one fact of a step; empty if it is missing.
    fn fact(&self, step: Step, name: FactName) -> &str {
        let facts = self.facts(step);
        facts.iter().find(|(found, _)| *found == name).map_or("", |(_, value)| value)
    }

    /// Returns the failed step and its diagnosis, and checks that the last report agrees.
    fn failure(&self) -> (Step, Diagnosis) {
        let failure = self.result.as_ref().expect_err("a failure");
        let last = self.steps.last().expect("a report");
        assert_eq!((last.step, last.ended), (failure.step, StepStatus::Failed));
        assert_eq!((&last.peer_text, &last.found), (&failure.peer_text, &failure.found));
        (failure.step, failure.diagnosis)
    }

    /// Returns the server's text in the failure.
    fn words(&self) -> &str {
        self.result.as_ref().expect_err("a failure").peer_text.as_deref().unwrap_or_default()
    }

    /// Returns the error text of PPM's TLS, DNS or sockets in the failure.
    fn found(&self) -> &str {
        self.result.as_ref().expect_err("a failure").found.as_deref().unwrap_or_default()
    }

    fn reply(&self) -> &str {
        self.result.as_ref().map(|accepted| accepted.reply.as_str()).expect("an accepted message")
    }
}

/// Creates a delivery by STARTTLS with a user name and a password.
fn with_password(server: &SmtpServer) -> DeliveryAttempt {
    DeliveryAttempt::at(server, Security::StartTls).signed_in("ppm", "secret")
}

/// Creates a delivery without TLS and without an account.
fn in_clear(server: &SmtpServer) -> DeliveryAttempt {
    DeliveryAttempt::at(server, Security::Clear)
}

/// Returns these steps as done.
fn done<const N: usize>(steps: [Step; N]) -> Vec<(Step, StepStatus)> {
    steps.map(|step| (step, StepStatus::Done)).to_vec()
}
