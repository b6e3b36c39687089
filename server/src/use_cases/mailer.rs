//! Sends a host's mail with the saved settings: renews the token if necessary, and reports the same
//! steps as a test message. Nothing of a message is stored; `enqueue` has what stores one.

use std::fmt;

use domain::delivery::{Diagnosis, FactName, Step, StepReport, Tested};
use domain::error::one_line;
use lettre::{Message, message::Mailbox};
use smtp::{Accepted, Envelope, Failure, message::mailbox};

use super::UseCaseError;
use super::delivery::{self, Delivery, Outgoing, TokenSource};
use super::outbox::Outbox;
use super::settings::{self, Current};

/// Sends messages with the saved settings: at once by [`send`](Self::send), or durably by
/// [`enqueue`](Self::enqueue) and [`enqueue_within`](Self::enqueue_within). Clones share all state.
#[derive(Debug, Clone)]
pub struct Mailer(pub(super) Outbox);

/// A mail server accepted responsibility for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The reply after the final dot (RFC 5321 4.1.1.4), usually with the server's id of the
    /// message.
    pub reply: String,
    /// Every step, in the order in which they ended.
    pub steps: Vec<StepReport>,
}

/// Why a message was not sent. No error text contains a secret or what is in the mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The saved settings are incomplete; an administrator completes them in the tab.
    #[error("the email settings are not complete")]
    Incomplete,
    /// The saved settings cannot be read now; the log says why.
    #[error("the email settings cannot be read")]
    Unreadable,
    /// Delivery failed at a step.
    #[error(transparent)]
    Undelivered(Box<Undelivered>),
}

/// How far the delivery of a message came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The step that failed.
    pub step: Step,
    /// The mail server's or the provider's text, safe to show.
    pub peer_text: Option<String>,
    /// The error of PPM's own TLS, DNS or sockets, safe to show.
    pub found: Option<String>,
    /// The likely cause.
    pub diagnosis: Diagnosis,
    /// The code of the mail server's reply (RFC 5321 4.2), if one ended it.
    pub code: Option<u16>,
    /// Every step, in the order in which they ended; the last one failed.
    pub steps: Vec<StepReport>,
}

impl Undelivered {
    /// The likely cause, as a sentence for an administrator.
    pub fn cause(&self) -> &'static str {
        labels::diagnosis_words(self.diagnosis).cause
    }

    /// What to do, in the order to try it.
    pub fn next_steps(&self) -> &'static [&'static str] {
        labels::diagnosis_words(self.diagnosis).steps
    }

    /// The addresses that the egress policy refused, if that was the cause.
    fn refused(&self) -> Option<&str> {
        let is_refused =
            matches!(self.diagnosis, Diagnosis::EgressNotAllowed | Diagnosis::EgressDenied);
        let facts = self.steps.last().filter(|_| is_refused).map(|step| &step.facts)?;
        let addresses = facts.iter().find(|fact| fact.name == FactName::Addresses);
        addresses.map(|fact| fact.value.as_str())
    }

    /// Whether the connection ended after the final dot: the message may have been delivered, and
    /// sending it again may deliver it twice (RFC 1047).
    pub fn may_have_arrived(&self) -> bool {
        self.diagnosis == Diagnosis::MaybeDelivered
    }

    /// Whether a retry may succeed without anyone's intervention: after a reply of 4yz (RFC 5321
    /// 4.2.1), or if the network prevented the SMTP session.
    pub fn is_temporary(&self) -> bool {
        let is_network = matches!(
            self.diagnosis,
            Diagnosis::NameServiceFailed
                | Diagnosis::NothingListens
                | Diagnosis::Unreachable
                | Diagnosis::ConnectionLost
                | Diagnosis::Silent
                | Diagnosis::StoppedAnswering
                | Diagnosis::TooSlow
        );
        is_network || self.code.is_some_and(|code| (400..500).contains(&code))
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it failed at {}: {}", labels::step(self.step), self.cause())?;
        let details = self.peer_text.as_deref().or(self.found.as_deref());
        match details.or_else(|| self.refused()) {
            Some(peer_text) => write!(f, " ({})", peer_text.replace('\n', " / ")),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Undelivered {}

impl Mailer {
    /// Creates a mailer.
    pub fn new(outbox: Outbox) -> Self {
        Self(outbox)
    }

    fn delivery(&self) -> &Delivery {
        &self.0.delivery
    }

    /// The sender of messages: Default Sender Email and Display Name. Most providers refuse any
    /// other sender.
    ///
    /// # Errors
    /// [`MailError::Incomplete`] or [`MailError::Unreadable`].
    pub async fn sender(&self) -> Result<Mailbox, MailError> {
        let current = self.current().await?;
        let settings = delivery::open_settings(self.delivery(), &current)
            .map_err(|_| MailError::Unreadable)?;
        let (_, sender) = delivery::route(&settings);
        mailbox(sender).ok_or(MailError::Incomplete)
    }

    /// Sends a message to all recipients of its envelope or, if the mail server refuses one, to
    /// none. There is one try, and with an OAuth flow a second one with another token if the mail
    /// server refuses the first. Takes at most the deadlines of `--smtp-total-seconds` and, for a
    /// token, `--oauth-total-seconds`, each twice. Dropping the future closes the connection.
    ///
    /// # Errors
    /// [`MailError`]: it was not sent, unless [`Undelivered::may_have_arrived`] says otherwise.
    pub async fn send(&self, message: &Message) -> Result<SentMessage, MailError> {
        // Tracked, so that a graceful shutdown waits for it.
        self.delivery().tasks.track_future(self.deliver(message)).await
    }

    async fn deliver(&self, message: &Message) -> Result<SentMessage, MailError> {
        let current = self.current().await?;
        let envelope = message.envelope();
        let envelope = Envelope {
            sender: envelope.from().map(ToString::to_string),
            recipients: envelope.to().iter().map(ToString::to_string).collect(),
        };
        let outgoing = Outgoing { envelope, octets: message.formatted() };
        let mut steps = Vec::new();
        let outcome = match delivery::open_settings(self.delivery(), &current) {
            Ok(settings) => {
                let mut on_step = |report| steps.push(report);
                let source = TokenSource::Stored(Box::new(current));
                delivery::send(
                    self.delivery(),
                    Tested::Saved,
                    &source,
                    settings,
                    &outgoing,
                    &mut on_step,
                )
                .await
            }
            Err(failure) => {
                delivery::record_unopened(self.delivery(), &current, &failure).await;
                Err(failure)
            }
        };
        match outcome {
            Ok(Accepted { reply }) => Ok(SentMessage { reply, steps }),
            Err(Failure { step, peer_text, found, diagnosis, code, .. }) => {
                tracing::warn!(?step, advice = ?diagnosis, "a message of a host was not sent");
                let undelivered = Undelivered { step, peer_text, found, diagnosis, code, steps };
                Err(MailError::Undelivered(Box::new(undelivered)))
            }
        }
    }

    /// Loads the saved settings, if they are complete.
    async fn current(&self) -> Result<Current, MailError> {
        let current = settings::current(&self.delivery().settings).await.map_err(
            |broken: UseCaseError| {
                tracing::error!(error = one_line(&broken), "the settings could not be read");
                MailError::Unreadable
            },
        )?;
        if current.saved.is_complete() { Ok(current) } else { Err(MailError::Incomplete) }
    }
}
