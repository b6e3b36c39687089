//! Delivers one message with the saved settings: opens the secrets, gets a token if the flow needs
//! one, and sends. Reports each step to a callback as it ends.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::delivery::{Diagnosis, Fact, FactName, Step, StepReport, StepStatus, Tested};
use domain::error::one_line;
use domain::health::{Evidence, FailedMessage, Proof, Reach, Trouble};
use domain::outbox::Pace;
use domain::preset::Provider;
use domain::settings::{Grant, MailServer, Sender, Settings};
use domain::token::{OauthDiagnosis, OauthFailure};
use net::{egress::EgressPolicy, tls::TlsTrust};
use outbox::{Slot, Slots, is_only_sender};
use smtp::{
    Accepted, Bearer, ClientName, Credentials, Deadlines, Envelope, Failure, Route, Session,
};
use store::outbox::count_at_once;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use vault::clock::Clock;

use super::health::HealthRecord;
use super::settings::{Current, SettingsStore};
use super::tokens::Tokens;
use super::tokens::renewal::{self, Access, NoAccess};

/// What a delivery uses. Clones share everything.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The saved settings.
    pub settings: Arc<SettingsStore>,
    /// The token of the saved settings.
    pub tokens: Arc<Tokens>,
    /// The trusted certificates.
    pub trust: Arc<TlsTrust>,
    /// The addresses that may be called.
    pub egress: EgressPolicy,
    /// The time limits of an SMTP session.
    pub deadlines: Deadlines,
    /// The argument of EHLO; `None` for the connection's own address.
    pub client_name: Option<ClientName>,
    /// Where messages record what they show of the connection.
    pub health: Arc<HealthRecord>,
    /// The pace that the operator has set; `None` for the provider's.
    pub pace: Option<Pace>,
    /// The connections that all nodes may have open.
    pub slots: Slots,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Messages in progress, which a graceful shutdown waits for.
    pub tasks: TaskTracker,
}

impl Delivery {
    /// How much may be sent through this mail server.
    pub fn pace_of(&self, server: &str) -> Pace {
        let of_provider = || Provider::of_server(server).and_then(Provider::pace);
        self.pace.or_else(of_provider).unwrap_or_default()
    }

    /// Waits for a connection of the pace, and counts the message against it. Neither holds it back.
    async fn take_slot(&self, server: &str, purpose: Purpose<'_>) -> Option<Slot> {
        let pace = self.pace_of(server);
        let recipients = match purpose {
            // The worker has taken a slot, and counts each message.
            Purpose::Session => return None,
            Purpose::Check => 0,
            Purpose::Message(outgoing) => outgoing.envelope.recipients.len(),
        };
        if recipients > 0 {
            let number = i64::try_from(recipients).unwrap_or(i64::MAX);
            let now = self.clock.now();
            if let Err(error) = count_at_once(&self.slots.store, &pace, number, now).await {
                let error = one_line(&error);
                tracing::warn!(error, "a message is not counted against the pace");
            }
        }
        self.slots.at_once(&pace).await
    }
}

/// A message and its envelope.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Sender and recipients.
    pub envelope: Envelope,
    /// Headers and body.
    pub octets: Vec<u8>,
}

/// Opens the saved settings for one message.
pub fn open_settings(delivery: &Delivery, current: &Current) -> Result<Settings, Failure> {
    let unreadable = || failure_before_connection(Step::SignIn, Diagnosis::SecretUnreadable);
    current.settings(&delivery.settings).ok_or_else(unreadable)
}

/// The mail server of these settings, and the sender of messages.
pub const fn route(settings: &Settings) -> (&MailServer, &Sender) {
    match settings {
        Settings::Basic { server, sender, .. } | Settings::Oauth { server, sender, .. } => {
            (server, sender)
        }
    }
}

/// Where the token of a message comes from.
#[derive(Clone)]
pub enum TokenSource {
    /// The stored token of these settings, renewed if necessary.
    Stored(Box<Current>),
    /// A new one for this message only, with Client Credentials.
    New,
}

/// Delivers one message with opened settings, and with a token from `source` if they have an OAuth
/// flow. With the saved settings, its end is recorded as the health of the connection.
pub async fn send(
    delivery: &Delivery,
    tested: Tested,
    source: &TokenSource,
    settings: Settings,
    outgoing: &Outgoing,
    on_step: &mut (dyn FnMut(StepReport) + Send),
) -> Result<Accepted, Failure> {
    let attempt = attempt(delivery, source, settings, Purpose::Message(outgoing), on_step).await;
    if let (Tested::Saved, TokenSource::Stored(current)) = (tested, source)
        && let Some(evidence) = attempt.evidence()
    {
        let expires_at = attempt.certificate_expires_at;
        delivery.health.record_session(current.token_revision, evidence, expires_at).await;
    }
    attempt.outcome.map(|ended| match ended {
        Ended::Accepted(accepted) => accepted,
        Ended::SignedIn | Ended::Open(_) => Accepted { reply: String::new() },
    })
}

/// Records that the saved settings could not be opened for a message.
pub async fn record_unopened(delivery: &Delivery, current: &Current, failure: &Failure) {
    if let Some(evidence) = Attempt::without_session(failure.clone()).evidence() {
        delivery.health.record(current.token_revision, evidence).await;
    }
}

/// Signs in with the saved settings, and sends nothing.
pub async fn check(
    delivery: &Delivery,
    current: &Current,
    on_step: &mut (dyn FnMut(StepReport) + Send),
) -> Attempt {
    with_saved(delivery, current, Purpose::Check, on_step).await
}

/// Signs in with the saved settings, and keeps the session.
pub async fn open_session(
    delivery: &Delivery,
    current: &Current,
    on_step: &mut (dyn FnMut(StepReport) + Send),
) -> Attempt {
    with_saved(delivery, current, Purpose::Session, on_step).await
}

async fn with_saved(
    delivery: &Delivery,
    current: &Current,
    purpose: Purpose<'_>,
    on_step: &mut (dyn FnMut(StepReport) + Send),
) -> Attempt {
    match open_settings(delivery, current) {
        Ok(settings) => {
            let source = TokenSource::Stored(Box::new(current.clone()));
            attempt(delivery, &source, settings, purpose, on_step).await
        }
        Err(failure) => Attempt::without_session(failure),
    }
}

/// What a session is opened for.
#[derive(Clone, Copy)]
enum Purpose<'a> {
    /// One message.
    Message(&'a Outgoing),
    /// The sign-in.
    Check,
    /// Any number of messages.
    Session,
}

/// What an attempt has come to.
pub enum Ended {
    /// The mail server accepted the message.
    Accepted(Accepted),
    /// The mail server accepted the sign-in.
    SignedIn,
    /// The same, and the session is open.
    Open(Box<Session>),
}

/// The end of a message, a check, or the opening of a session.
pub struct Attempt {
    /// Its result.
    pub outcome: Result<Ended, Failure>,
    /// What its success proves.
    proof: Proof,
    /// Whether a failure is final: a token that was refused once may only be stale.
    is_final: bool,
    is_own_sender: bool,
    /// When the mail server's certificate expires, if it presented one.
    pub certificate_expires_at: Option<DateTime<Utc>>,
}

impl Attempt {
    /// One that failed before any session.
    pub const fn without_session(failure: Failure) -> Self {
        Self {
            outcome: Err(failure),
            proof: Proof::TOKEN,
            is_final: true,
            is_own_sender: true,
            certificate_expires_at: None,
        }
    }

    /// What it shows of the connection; `None` for a failure of the message itself.
    pub fn evidence(&self) -> Option<Evidence> {
        let Err(failure) = &self.outcome else { return Some(Evidence::Works(self.proof)) };
        let trouble = Trouble::of_message(failed_message(failure, self.is_own_sender))?;
        let can_pass = trouble.can_pass || !self.is_final;
        Some(Evidence::Fails(Trouble { can_pass, ..trouble }))
    }
}

/// What a failure says of the connection. The record of its health names no recipient.
pub fn failed_message(failure: &Failure, is_own_sender: bool) -> FailedMessage {
    let Failure { step, diagnosis, code, concerns_message, .. } = *failure;
    let peer_text = failure.peer_text_without_recipients.clone();
    let found = failure.found.clone();
    FailedMessage { step, diagnosis, code, peer_text, found, is_own_sender, concerns_message }
}

/// Signs in, and sends the message if there is one.
async fn attempt(
    delivery: &Delivery,
    source: &TokenSource,
    settings: Settings,
    purpose: Purpose<'_>,
    on_step: &mut (dyn FnMut(StepReport) + Send),
) -> Attempt {
    let (mail_server, sender) = route(&settings);
    let user = sender.address.clone();
    let is_own_sender = match purpose {
        Purpose::Message(Outgoing { envelope, octets }) => {
            is_only_sender(&user, envelope.sender.as_deref(), octets)
        }
        Purpose::Check | Purpose::Session => true,
    };
    let mut sending = Sending {
        delivery,
        route: Route {
            server: mail_server.clone(),
            client_name: delivery.client_name.clone(),
            credentials: Credentials::None,
        },
        purpose,
        on_step,
        is_final: true,
        renews: true,
        certificate_expires_at: None,
    };
    let outcome = match settings {
        Settings::Basic { account, .. } => {
            sending.with(account.map_or(Credentials::None, Credentials::Password)).await
        }
        Settings::Oauth { grant, .. } => match source {
            TokenSource::Stored(current) => sending.with_token(current, &user).await,
            TokenSource::New => sending.with_new_token(&grant, &user).await,
        },
    };
    let reach = match purpose {
        Purpose::Message(_) => Reach::Message,
        Purpose::Check | Purpose::Session => Reach::SignIn,
    };
    let Sending { is_final, renews, certificate_expires_at, .. } = sending;
    Attempt {
        outcome,
        proof: Proof { reach, renews },
        is_final,
        is_own_sender,
        certificate_expires_at,
    }
}

/// A failure before any connection.
pub const fn failure_before_connection(step: Step, diagnosis: Diagnosis) -> Failure {
    Failure {
        step,
        peer_text: None,
        peer_text_without_recipients: None,
        found: None,
        diagnosis,
        code: None,
        concerns_message: false,
    }
}

/// A delivery or a check in progress.
struct Sending<'a> {
    delivery: &'a Delivery,
    route: Route,
    purpose: Purpose<'a>,
    on_step: &'a mut (dyn FnMut(StepReport) + Send),
    /// See [`Attempt::is_final`].
    is_final: bool,
    /// See [`Proof::renews`].
    renews: bool,
    /// See [`Attempt::certificate_expires_at`].
    certificate_expires_at: Option<DateTime<Utc>>,
}

impl Sending<'_> {
    /// Runs one SMTP session.
    async fn with(&mut self, credentials: Credentials) -> Result<Ended, Failure> {
        self.route.credentials = credentials;
        let slot = self.delivery.take_slot(&self.route.server.host.to_string(), self.purpose).await;
        let Delivery { trust, egress, deadlines, health, .. } = self.delivery;
        let (route, deadlines, on_step) = (&self.route, *deadlines, &mut *self.on_step);
        let begun = Instant::now();
        let (outcome, certificate_expires_at) = match self.purpose {
            Purpose::Message(Outgoing { envelope, octets }) => {
                let sent =
                    smtp::deliver(route, envelope, octets, trust, egress, deadlines, on_step).await;
                (sent.outcome.map(Ended::Accepted), sent.certificate_expires_at)
            }
            Purpose::Check => {
                let checked = smtp::check(route, trust, egress, deadlines, on_step).await;
                (checked.outcome.map(|()| Ended::SignedIn), checked.certificate_expires_at)
            }
            Purpose::Session => {
                let opened = Session::open(route, trust, egress, deadlines, on_step).await;
                (
                    opened.outcome.map(|session| Ended::Open(Box::new(session))),
                    opened.certificate_expires_at,
                )
            }
        };
        health.metrics.observe_smtp(outcome.is_ok(), begun.elapsed());
        if let Some(slot) = slot {
            slot.release().await;
        }
        self.certificate_expires_at = certificate_expires_at.or(self.certificate_expires_at);
        outcome
    }

    /// Delivers with the stored token. If the mail server refuses it, gets another and tries once
    /// more; the second result is final.
    async fn with_token(&mut self, current: &Current, user: &str) -> Result<Ended, Failure> {
        let bearer = |token| Credentials::Token(Bearer { user: user.to_owned(), token });

        let first = self.take_token(renewal::access_token(&self.delivery.tokens, current)).await?;
        let refusal = match self.with(bearer(first.token)).await {
            Err(failure) if is_refusal_of_token(&failure) => failure,
            other => return other,
        };
        let second = renewal::replacement_token(&self.delivery.tokens, current, first.which);
        match self.take_token(second).await {
            Ok(second) => self.with(bearer(second.token)).await,
            // An ended consent explains why the mail server refuses its token.
            Err(gone)
                if gone.diagnosis == Diagnosis::TokenNotRenewed(OauthDiagnosis::InvalidGrant) =>
            {
                Err(gone)
            }
            // Without another token, the mail server's reply is more informative.
            Err(_) => {
                self.is_final = false;
                Err(refusal)
            }
        }
    }

    /// Delivers with a token that is used for this message only.
    async fn with_new_token(&mut self, grant: &Grant, user: &str) -> Result<Ended, Failure> {
        let access = self.take_token(renewal::one_off(&self.delivery.tokens, grant)).await?;
        self.with(Credentials::Token(Bearer { user: user.to_owned(), token: access.token })).await
    }

    /// Gets the token: the first step with an OAuth flow.
    async fn take_token(
        &mut self,
        wanted: impl Future<Output = Result<Access, NoAccess>>,
    ) -> Result<Access, Failure> {
        let begun = Instant::now();
        let outcome = wanted.await;
        let millis = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        let report = |ended, facts, peer_text| StepReport {
            step: Step::Token,
            ended,
            millis,
            facts,
            peer_text,
            found: None,
        };
        match outcome {
            Ok(access) => {
                self.renews = access.renews;
                (self.on_step)(report(StepStatus::Done, facts(self.delivery, &access), None));
                Ok(access)
            }
            Err(no_access) => {
                let failure = explained(no_access);
                let Failure { peer_text, found, .. } = failure.clone();
                (self.on_step)(StepReport {
                    found,
                    ..report(StepStatus::Failed, Vec::new(), peer_text)
                });
                Err(failure)
            }
        }
    }
}

/// Whether the mail server rejected the token (RFC 4954 6). With another code it may have failed to
/// check it.
fn is_refusal_of_token(failure: &Failure) -> bool {
    failure.step == Step::SignIn && failure.code == Some(535)
}

/// A token's age, its remaining validity, and whether it had to be renewed.
fn facts(delivery: &Delivery, access: &Access) -> Vec<Fact> {
    let now = delivery.clock.now();
    let (age, left) = (now - access.obtained_at, access.expires_at - now);
    let seconds = |span: TimeDelta| span.num_seconds().max(0).to_string();
    let renewed = if access.is_renewed { "yes" } else { "no" };
    let found = [
        (FactName::Age, seconds(age)),
        (FactName::ValidFor, seconds(left)),
        (FactName::Renewed, renewed.to_owned()),
    ];
    found.map(|(name, value)| Fact { name, value }).to_vec()
}

fn explained(no_access: NoAccess) -> Failure {
    let (diagnosis, OauthFailure { diagnosis: cause, peer_text, .. }) = match no_access {
        NoAccess::Absent => return failure_before_connection(Step::Token, Diagnosis::TokenAbsent),
        NoAccess::Expired => {
            return failure_before_connection(Step::Token, Diagnosis::TokenExpired);
        }
        NoAccess::NotRenewed(failure) => (Diagnosis::TokenNotRenewed(failure.diagnosis), failure),
        NoAccess::NotObtained(failure) => (Diagnosis::TokenNotObtained(failure.diagnosis), failure),
    };
    let (peer_text, found) =
        if cause.is_in_own_words() { (None, peer_text) } else { (peer_text, None) };
    Failure {
        peer_text_without_recipients: peer_text.clone(),
        peer_text,
        found,
        ..failure_before_connection(Step::Token, diagnosis)
    }
}
