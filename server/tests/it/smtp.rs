//! The SMTP conversation against servers over real sockets, good ones and bad ones.

mod content;
mod cuts;
mod delivery;
mod facts;
mod field;
mod hostile;
mod places;
#[cfg(target_os = "linux")]
mod postfix;
mod reaching;
mod refusals;
mod replies;
mod tls;
mod tokens;
mod trust;
mod unacceptable;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use domain::check::host::Host;
use domain::delivery::{Advice, FactName, Step, StepEnd, StepReport};
use domain::settings::{Account, MailServer, Security};
use server::egress::EgressPolicy;
use server::smtp::{
    Accepted, Bearer, Credentials, Deadlines, Envelope, Failure, TlsTrust, deliver,
};

use crate::support::harness::this_machine;
use crate::support::smtp_server::{AUTHORITY, SmtpServer};

/// What every test trusts: this machine's authorities and the tests' own.
static TRUST: LazyLock<TlsTrust> =
    LazyLock::new(|| TlsTrust::with_extra_ca(&[AUTHORITY.certificate()]).expect("trust"));

/// Short enough for a test, long enough for a busy machine.
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

/// One attempt to deliver, which tests bend to their purpose.
#[derive(Clone)]
struct Attempt {
    envelope: Envelope,
    message: Vec<u8>,
    egress: EgressPolicy,
    deadlines: Deadlines,
}

/// What came of it.
struct Outcome {
    result: Result<Accepted, Failure>,
    steps: Vec<StepReport>,
    took: Duration,
}

impl Attempt {
    /// To a server by its address, without an account.
    fn at(server: &SmtpServer, security: Security) -> Self {
        Self::to(Host::Ip(server.address.ip()), server.address.port(), security)
    }

    fn to(host: Host, port: u16, security: Security) -> Self {
        let envelope = Envelope {
            server: MailServer { host, port, security, trusted_ca: String::new() },
            client_name: None,
            credentials: Credentials::None,
            sender: Some("ppm@example.com".to_owned()),
            recipients: vec!["ada@example.org".to_owned()],
        };
        let message = b"Subject: Test\r\n\r\nHello\r\n".to_vec();
        Self { envelope, message, egress: this_machine(), deadlines: LONG }
    }

    fn signed_in(mut self, username: &str, password: &str) -> Self {
        let (username, password) = (username.to_owned(), password.to_owned().into());
        self.envelope.credentials = Credentials::Password(Account { username, password });
        self
    }

    fn signed_in_by(mut self, user: &str, token: &str) -> Self {
        let (user, token) = (user.to_owned(), token.to_owned().into());
        self.envelope.credentials = Credentials::Token(Bearer { user, token });
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

    /// With deadlines that a hostile server is to run into.
    fn in_a_hurry(mut self) -> Self {
        self.deadlines = SHORT;
        self
    }

    async fn run(self) -> Outcome {
        let mut steps = Vec::new();
        let begun = Instant::now();
        let mut on_step = |report| steps.push(report);
        let result = deliver(
            &self.envelope,
            &self.message,
            &TRUST,
            &self.egress,
            self.deadlines,
            &mut on_step,
        )
        .await;
        Outcome { result, steps, took: begun.elapsed() }
    }
}

impl Outcome {
    /// Every step that was reported, and how it ended.
    fn steps(&self) -> Vec<(Step, StepEnd)> {
        self.steps.iter().map(|report| (report.step, report.ended)).collect()
    }

    /// What was said at a step.
    fn said(&self, step: Step) -> &str {
        let report = self.steps.iter().find(|report| report.step == step);
        report.and_then(|report| report.said.as_deref()).unwrap_or_default()
    }

    /// What a step found out, in its order.
    fn facts(&self, step: Step) -> Vec<(FactName, &str)> {
        let reports = self.steps.iter().filter(|report| report.step == step);
        let facts = reports.flat_map(|report| &report.facts);
        facts.map(|found| (found.name, found.value.as_str())).collect()
    }

    /// One of them; nothing where it was not found out.
    fn fact(&self, step: Step, name: FactName) -> &str {
        let facts = self.facts(step);
        facts.iter().find(|(found, _)| *found == name).map_or("", |(_, value)| value)
    }

    /// Where it failed and what that means, having checked that the last report says the same.
    fn failure(&self) -> (Step, Advice) {
        let failure = self.result.as_ref().expect_err("a failure");
        let last = self.steps.last().expect("a report");
        assert_eq!((last.step, last.ended), (failure.step, StepEnd::Failed));
        assert_eq!((&last.said, &last.found), (&failure.said, &failure.found));
        (failure.step, failure.advice)
    }

    /// The server's words in the failure.
    fn words(&self) -> &str {
        self.result.as_ref().expect_err("a failure").said.as_deref().unwrap_or_default()
    }

    /// What PPM's own TLS, DNS or sockets reported of the failure.
    fn found(&self) -> &str {
        self.result.as_ref().expect_err("a failure").found.as_deref().unwrap_or_default()
    }

    fn reply(&self) -> &str {
        self.result.as_ref().map(|accepted| accepted.reply.as_str()).expect("an accepted message")
    }
}

/// The steps that went well, in order.
fn done<const N: usize>(steps: [Step; N]) -> Vec<(Step, StepEnd)> {
    steps.map(|step| (step, StepEnd::Done)).to_vec()
}
