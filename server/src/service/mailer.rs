//! Mail of the products around this tab: any message through what is saved here, with a token
//! renewed where it has to be, and told as a test message is. Nothing of it is stored.

use std::fmt;

use app::labels;
use domain::delivery::{Advice, FactName, Step, StepReport};
use lettre::Message;
use lettre::message::Mailbox;

use super::Broken;
use super::sending::{self, Outgoing, TokenSource};
use super::settings::{self, Current};
use crate::Server;
use crate::log::one_line;
use crate::smtp::message::mailbox;
use crate::smtp::{Accepted, Failure};

/// Sends messages through what is saved. Copies share everything.
#[derive(Debug, Clone)]
pub struct Mailer(Server);

/// A mail server took responsibility for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What it said after the final dot (RFC 5321 4.1.1.4), usually with the name that it knows the
    /// message by.
    pub reply: String,
    /// Every step, in the order in which they ended.
    pub steps: Vec<StepReport>,
}

/// Why a message was not sent. No message holds a secret or what is in the mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// What is saved is not enough to send with; an administrator completes it in the tab.
    #[error("the email settings are not complete")]
    Incomplete,
    /// What is saved cannot be read now; the log says why.
    #[error("the email settings cannot be read")]
    Unreadable,
    /// It ended at a step.
    #[error(transparent)]
    Undelivered(Box<Undelivered>),
}

/// How far a message came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The step that it ended at.
    pub step: Step,
    /// The mail server's or the provider's own words, fit to be shown as text.
    pub said: Option<String>,
    /// What PPM's own TLS, DNS or sockets reported, fit to be shown as text.
    pub found: Option<String>,
    /// What that usually means.
    pub advice: Advice,
    /// The code of the mail server's reply (RFC 5321 4.2), where one ended it.
    pub code: Option<u16>,
    /// Every step, in the order in which they ended; the last one failed.
    pub steps: Vec<StepReport>,
}

impl Undelivered {
    /// What it usually means, as a sentence for an administrator.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        labels::advice(self.advice).cause
    }

    /// What to do, in the order to try it.
    #[must_use]
    pub fn next_steps(&self) -> &'static [&'static str] {
        labels::advice(self.advice).steps
    }

    /// The addresses that the egress policy refused, where that ended it.
    fn refused(&self) -> Option<&str> {
        let is_refused = matches!(self.advice, Advice::EgressNotAllowed | Advice::EgressDenied);
        let facts = self.steps.last().filter(|_| is_refused).map(|step| &step.facts)?;
        let addresses = facts.iter().find(|fact| fact.name == FactName::Addresses);
        addresses.map(|fact| fact.value.as_str())
    }

    /// Whether the connection ended after the final dot: the message may have been delivered, and
    /// sending it again may deliver it twice (RFC 1047).
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        self.advice == Advice::MaybeDelivered
    }

    /// Whether the same message may go through later without anybody's doing: a reply of 4yz (RFC
    /// 5321 4.2.1), or no conversation for want of a network.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        let is_network = matches!(
            self.advice,
            Advice::NameServiceFailed
                | Advice::NothingListens
                | Advice::Unreachable
                | Advice::ConnectionLost
                | Advice::Silent
                | Advice::StoppedAnswering
                | Advice::TooSlow
        );
        is_network || self.code.is_some_and(|code| (400..500).contains(&code))
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it failed at {}: {}", labels::step(self.step), self.cause())?;
        let details = self.said.as_deref().or(self.found.as_deref());
        match details.or_else(|| self.refused()) {
            Some(said) => write!(f, " ({})", said.replace('\n', " / ")),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Undelivered {}

impl Mailer {
    /// A mailer over what the server has opened.
    #[must_use]
    pub fn new(server: Server) -> Self {
        Self(server)
    }

    /// Whom messages are from: Default Sender Email and Display Name. Most providers refuse any
    /// other sender.
    ///
    /// # Errors
    /// [`MailError::Incomplete`] or [`MailError::Unreadable`].
    pub async fn sender(&self) -> Result<Mailbox, MailError> {
        let current = self.current().await?;
        let settings = sending::opened(&self.0, &current).map_err(|_| MailError::Unreadable)?;
        let (_, sender) = sending::way(&settings);
        mailbox(sender).ok_or(MailError::Incomplete)
    }

    /// Sends a message to all recipients of its envelope or, where the mail server refuses one, to
    /// none. It is tried once; with an OAuth flow once more with another token, if the mail server
    /// refuses the first. Takes at most the deadlines of `--smtp-total-seconds` and, for a token,
    /// `--oauth-total-seconds`, each twice. Dropping the future closes the connection.
    ///
    /// # Errors
    /// [`MailError`]: it was not sent, unless [`Undelivered::may_have_arrived`] says otherwise.
    pub async fn send(&self, message: &Message) -> Result<Sent, MailError> {
        // Counted, so that a stop waits for it.
        self.0.under_way.track_future(self.deliver(message)).await
    }

    async fn deliver(&self, message: &Message) -> Result<Sent, MailError> {
        let current = self.current().await?;
        let envelope = message.envelope();
        let outgoing = Outgoing {
            sender: envelope.from().map(ToString::to_string),
            recipients: envelope.to().iter().map(ToString::to_string).collect(),
            octets: message.formatted(),
        };
        let mut steps = Vec::new();
        let outcome = match sending::opened(&self.0, &current) {
            Ok(settings) => {
                let mut on_step = |report| steps.push(report);
                let source = TokenSource::Stored(Box::new(current));
                sending::send(&self.0, &source, settings, &outgoing, &mut on_step).await
            }
            Err(failure) => Err(failure),
        };
        match outcome {
            Ok(Accepted { reply }) => Ok(Sent { reply, steps }),
            Err(Failure { step, said, found, advice, code }) => {
                tracing::warn!(?step, ?advice, "a message of a host was not sent");
                let undelivered = Undelivered { step, said, found, advice, code, steps };
                Err(MailError::Undelivered(Box::new(undelivered)))
            }
        }
    }

    /// What is saved, if it is enough to send with.
    async fn current(&self) -> Result<Current, MailError> {
        let current = settings::current(&self.0).await.map_err(|broken: Broken| {
            tracing::error!(error = one_line(&broken), "the settings could not be read");
            MailError::Unreadable
        })?;
        if current.saved.is_complete() { Ok(current) } else { Err(MailError::Incomplete) }
    }
}
