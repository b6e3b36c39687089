//! The outbox: accepts messages of applications, and sends them through the saved settings.

mod memory;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::application::{Application, Refusal};
use domain::delivery::{Diagnosis, Step, StepReport};
use domain::health::{Evidence, Proof, Reach, Trouble};
use domain::secret::Destination;
use domain::settings::Sender;
use domain::{OauthFlow, error::one_line, outbox::ATTEMPTED_FOR};
use outbox::{
    Gate, InvalidRequest, Message, MessageError, MessageRequest, Opened, Outlet, PROBE_EVERY,
    Passing, Protocol, Received, WriteError, Writer, compose, new_id,
};
use secrecy::SecretString;
use smtp::{Capabilities, Failure, wire_form};
use sqlx::{Postgres, Transaction};
use store::applications;
use store::capabilities::{self, ServerCapabilities};
use store::hash::hashed_octets;
use store::outbox::{self as rows, AcceptRules, Done, Earlier, NewMessage, Operation};
use store::{Store, StoreError, health, tokens};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Notify;
use tokio::task::block_in_place;
use vault::application_key::{matches, prefix_of};
use vault::clock::{Clock, Randomness};
use vault::{Vault, columns};

use super::UseCaseError;
use super::delivery::{self, Delivery, Ended};
use super::settings;
use crate::config::Staging;

pub use memory::MessageMemory;

/// The octets of a message that every mail server accepts (RFC 5321 4.5.3.1.7), and that need no care
/// for time and memory.
pub const SMALL_MESSAGE: usize = 64 * 1024;
/// The largest message in octets, even if the mail server accepts larger ones.
pub const LARGEST_MESSAGE: usize = 150 * 1024 * 1024;
/// The largest message in octets while the limit of the mail server is unknown.
const LARGEST_OF_UNKNOWN: usize = 25 * 1024 * 1024;
/// How often the last use of an application is written.
const USED_EVERY: TimeDelta = TimeDelta::minutes(1);
/// The longest idempotency key.
const MAX_KEY: usize = 255;
/// The purpose of the HMAC of a request's body.
const BODY_OF_REQUEST: &str = "idempotency";

/// Accepts messages. Clones share everything.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// The database.
    pub store: Store,
    /// Makes the writes.
    pub writer: Writer,
    /// Seals subjects and bodies.
    pub vault: Vault,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of IDs.
    pub randomness: Arc<dyn Randomness>,
    /// The connection, for Default Sender Email.
    pub delivery: Arc<Delivery>,
    /// Wakes the workers.
    pub wake: Arc<Notify>,
    /// The name of this host in Received.
    pub host: Arc<str>,
    /// The memory for messages that are being accepted.
    pub memory: MessageMemory,
}

/// A message to accept. It has no `Debug`: the content of messages belongs in no log.
#[derive(Clone, Copy)]
pub enum Handed<'a> {
    /// As a request, of which PPM makes octets.
    Request(&'a MessageRequest),
    /// As the JSON of a request.
    Json(&'a [u8]),
    /// As octets (RFC 5322).
    Octets(&'a [u8]),
}

impl Handed<'_> {
    /// How many octets it has, without those that are few.
    fn size(self) -> usize {
        match self {
            Self::Request(request) => {
                let texts = [&request.text, &request.html].into_iter().flatten();
                let files = request.attachments.iter().map(|attachment| &attachment.content);
                texts.chain(files).map(String::len).sum()
            }
            Self::Json(octets) | Self::Octets(octets) => octets.len(),
        }
    }
}

impl<'a> From<&'a MessageRequest> for Handed<'a> {
    fn from(request: &'a MessageRequest) -> Self {
        Self::Request(request)
    }
}

impl<'a> From<&'a [u8]> for Handed<'a> {
    fn from(octets: &'a [u8]) -> Self {
        Self::Octets(octets)
    }
}

impl<'a> From<&'a Vec<u8>> for Handed<'a> {
    fn from(octets: &'a Vec<u8>) -> Self {
        Self::Octets(octets)
    }
}

/// The key by which a request can be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Parses a key: 1 to 255 visible ASCII characters. Blanks around it do not count.
    pub fn parse(text: &str) -> Option<Self> {
        let key = text.trim();
        let is_visible = key.bytes().all(|octet| octet.is_ascii_graphic());
        (!key.is_empty() && key.len() <= MAX_KEY && is_visible).then(|| Self(key.to_owned()))
    }
}

/// A request that its application can repeat.
struct Repeatable {
    key: String,
    /// What the body of another request has not: its type and its hash.
    body: String,
}

impl Repeatable {
    fn new(IdempotencyKey(key): IdempotencyKey, handed: Handed<'_>) -> Self {
        let hash = without_blocking(handed.size(), || match handed {
            Handed::Request(request) => {
                let json = serde_json::to_vec(request);
                hashed_octets(&json.expect("its keys are texts, so that it has no way to fail"))
            }
            Handed::Json(octets) | Handed::Octets(octets) => hashed_octets(octets),
        });
        let is_json = !matches!(handed, Handed::Octets(_));
        Self { key, body: format!("{is_json} {hash}") }
    }
}

/// Why a message was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    /// The application is disabled.
    #[error("the application is disabled")]
    Disabled,
    /// A member of the JSON is not valid.
    #[error("the request is not valid")]
    Request(#[from] InvalidRequest),
    /// The message is malformed.
    #[error("the message is not valid")]
    Message(#[from] MessageError),
    /// The application may not use this sender.
    #[error("the sender is not allowed")]
    SenderNotAllowed,
    /// The message has more octets than this, which the mail server accepts at most.
    #[error("the message has more than {0} octets")]
    TooLarge(usize),
    /// The message expires before it is accepted.
    #[error("the message has expired")]
    Expired,
    /// The settings have no Default Sender Email.
    #[error("the email settings are not complete")]
    Incomplete,
    /// The application exceeds its rate.
    #[error("the application exceeds its rate")]
    TooFast,
    /// The Idempotency-Key was used for another body.
    #[error("the Idempotency-Key was used for another body")]
    KeyReused,
    /// It could not be stored.
    #[error("the message could not be stored")]
    Write(#[from] WriteError),
    /// What was accepted before, or the limit of the mail server, could not be read.
    #[error("the database could not be read")]
    Store(#[from] StoreError),
    /// The settings could not be read.
    #[error("the settings could not be read")]
    Read(#[from] UseCaseError),
}

impl Outbox {
    /// The application with this key.
    ///
    /// # Errors
    /// The database failed.
    pub async fn application(&self, key: &SecretString) -> Result<Option<Application>, StoreError> {
        let Some(prefix) = prefix_of(key) else { return Ok(None) };
        let stored = applications::key(&self.store, prefix).await?;
        Ok(stored.filter(|stored| matches(key, &stored.hash)).map(|stored| stored.application))
    }

    /// Accepts a message: once this returns, it survives a crash. Returns its ID, which is that of
    /// an earlier message if the request is a repeated one.
    ///
    /// # Errors
    /// It was not accepted. After a failed write it may have been.
    pub async fn accept(
        &self,
        application: &Application,
        handed: Handed<'_>,
        key: Option<IdempotencyKey>,
        with: Protocol,
    ) -> Result<String, NotAccepted> {
        let accepting = async {
            let repeatable = key.map(|key| Repeatable::new(key, handed));
            if let Some(Repeatable { key, body }) = &repeatable
                && let Some(earlier) = rows::earlier(&self.store, &application.id, key).await?
            {
                return self.repeated(earlier, body);
            }
            let checked = self.checked(application, handed, repeatable.as_ref(), with);
            let (message, rules) = checked.await?;
            let id = message.id.clone();
            let done = self.writer.make(Operation::Accept(Box::new(message), rules)).await?;
            let accepted = self.accepted_id(done, id, repeatable)?;
            self.wake.notify_one();
            Ok(accepted)
        };
        self.noted(application, accepting).await
    }

    /// Accepts a message within a host's transaction: it is sent after the commit, and never was
    /// there after a rollback. Returns its ID as [`accept`](Self::accept) does.
    ///
    /// # Errors
    /// It was not accepted, and the transaction is as it was.
    pub async fn accept_within(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        application: &Application,
        handed: Handed<'_>,
        key: Option<IdempotencyKey>,
        with: Protocol,
    ) -> Result<String, NotAccepted> {
        let accepting = async {
            let repeatable = key.map(|key| Repeatable::new(key, handed));
            if let Some(Repeatable { key, body }) = &repeatable
                && let Some(earlier) =
                    rows::earlier_within(transaction, &application.id, key).await?
            {
                return self.repeated(earlier, body);
            }
            let checked = self.checked(application, handed, repeatable.as_ref(), with);
            let (message, rules) = checked.await?;
            let done = rows::accept_within(transaction, &message, &rules).await;
            self.accepted_id(done.map_err(WriteError::from)?, message.id, repeatable)
        };
        self.noted(application, accepting).await
    }

    /// Accepts a message unless the application is disabled, and notes that it has handed it over,
    /// or why it was refused.
    async fn noted(
        &self,
        application: &Application,
        accepting: impl Future<Output = Result<String, NotAccepted>>,
    ) -> Result<String, NotAccepted> {
        let accepted =
            if application.is_disabled { Err(NotAccepted::Disabled) } else { accepting.await };
        match &accepted {
            Ok(_) => self.note_use(application, None).await,
            Err(error) => self.note_refusal(application, error).await,
        }
        accepted
    }

    /// Returns the octets of the largest message: those that the mail server accepts, if they are
    /// known.
    ///
    /// # Errors
    /// The database failed.
    pub async fn largest_message(&self) -> Result<usize, StoreError> {
        let offered = capabilities::load(&self.store).await?;
        let size = offered.and_then(|offered| usize::try_from(offered.max_size?).ok());
        Ok(size.map_or(LARGEST_OF_UNKNOWN, |size| size.min(LARGEST_MESSAGE)))
    }

    /// Notes why a request of an application was refused, unless the reason is not the request.
    pub async fn note_refusal(&self, application: &Application, error: &NotAccepted) {
        let refusal = match error {
            NotAccepted::Disabled => Refusal::Disabled,
            NotAccepted::SenderNotAllowed => Refusal::SenderNotAllowed,
            NotAccepted::TooFast => Refusal::TooFast,
            NotAccepted::TooLarge(_) => Refusal::TooLarge,
            NotAccepted::Request(_) | NotAccepted::Message(_) | NotAccepted::Expired => {
                Refusal::Malformed
            }
            NotAccepted::Incomplete
            | NotAccepted::KeyReused
            | NotAccepted::Write(_)
            | NotAccepted::Store(_)
            | NotAccepted::Read(_) => return,
        };
        self.note_use(application, Some(refusal)).await;
    }

    /// Checks a message, and seals it.
    async fn checked(
        &self,
        application: &Application,
        handed: Handed<'_>,
        repeatable: Option<&Repeatable>,
        with: Protocol,
    ) -> Result<(NewMessage, AcceptRules), NotAccepted> {
        let sender = default_sender(&self.delivery).await?.ok_or(NotAccepted::Incomplete)?;
        let sealed = || self.sealed(application, handed, &sender, with);
        let new = without_blocking(handed.size(), sealed)?;
        let size = usize::try_from(new.size).unwrap_or(usize::MAX);
        if size > SMALL_MESSAGE {
            let largest = self.largest_message().await?;
            if size > largest {
                return Err(NotAccepted::TooLarge(largest));
            }
        }
        let signed = |Repeatable { key, body }: &Repeatable| {
            (key.clone(), self.vault.sign(BODY_OF_REQUEST, body))
        };
        let idempotency = repeatable.map(signed);
        Ok((new, AcceptRules { idempotency, per_minute: application.settings.per_minute }))
    }

    /// Checks a message, and prepares and seals it.
    fn sealed(
        &self,
        application: &Application,
        handed: Handed<'_>,
        sender: &Sender,
        with: Protocol,
    ) -> Result<NewMessage, NotAccepted> {
        let (id, now) = (new_id(self.clock.as_ref(), self.randomness.as_ref()), self.clock.now());
        let composed = |request: &MessageRequest| {
            compose(request, &id)
                .map(|composed| (composed.octets, Some(composed.recipients), request.expires_at))
        };
        let (octets, recipients, expires_at) = match handed {
            Handed::Request(request) => composed(request)?,
            Handed::Json(json) => composed(&MessageRequest::from_json(json)?)?,
            Handed::Octets(octets) => (octets.to_vec(), None, None),
        };
        let expires_at = expires_at.unwrap_or(now + ATTEMPTED_FOR).min(now + ATTEMPTED_FOR);
        if expires_at <= now {
            return Err(NotAccepted::Expired);
        }
        let message = Message::parse(&octets)?;
        let recipients = match recipients {
            Some(recipients) => recipients,
            None => message.recipients()?,
        };
        let default = wire_form(&sender.address).map(|address| address.to_string());
        let default = default.unwrap_or_else(|| sender.address.clone());
        let may_send = |address: &str| application.settings.allows(address, &default);
        if !message.senders().all(|address| may_send(address.as_ref())) {
            return Err(NotAccepted::SenderNotAllowed);
        }
        let envelope_sender = message.sender().or_else(|| message.from().first());
        let envelope_sender = envelope_sender.map_or(default.clone(), ToString::to_string);
        let prepared = message.prepared(&Received { by: &self.host, with, id: &id, at: now });
        let message_id = Message::parse(&prepared)?.message_id().unwrap_or_default().to_owned();
        let destination = Destination::Message(id.clone());
        let seal = |column, octets: &[u8]| self.vault.seal_octets(column, &destination, octets);
        Ok(NewMessage {
            application: (application.id.clone(), application.settings.name.clone()),
            message_id,
            sender: envelope_sender,
            recipients: recipients.iter().map(ToString::to_string).collect(),
            subject: seal(columns::SUBJECT, &message.subject().unwrap_or_default()),
            body: seal(columns::BODY, &prepared),
            size: i64::try_from(prepared.len()).unwrap_or(i64::MAX),
            sends_again: application.settings.sends_again,
            is_notice: false,
            accepted_at: now,
            expires_at,
            id,
        })
    }

    /// The ID of an accepted message: its own, or that of the message of an earlier request.
    fn accepted_id(
        &self,
        done: Done,
        id: String,
        repeatable: Option<Repeatable>,
    ) -> Result<String, NotAccepted> {
        match (done, repeatable) {
            // Another request with the key was faster.
            (Done::KeyTaken(earlier), Some(request)) => self.repeated(earlier, &request.body),
            (Done::KeyTaken(_), None) => Err(NotAccepted::KeyReused),
            (Done::TooFast, _) => Err(NotAccepted::TooFast),
            (Done::Accepted | Done::Claimed(_) | Done::Written(_), _) => Ok(id),
        }
    }

    /// The ID of the message of an earlier request with the same key, if it had the same body.
    fn repeated(&self, earlier: Earlier, body: &str) -> Result<String, NotAccepted> {
        // Another node may have signed, or this one with an earlier key.
        if self.vault.has_signed(BODY_OF_REQUEST, body, &earlier.hmac) {
            Ok(earlier.message)
        } else {
            Err(NotAccepted::KeyReused)
        }
    }

    /// Writes when an application was last used, or refused: once a minute, unless the reason of the
    /// refusal has changed.
    async fn note_use(&self, application: &Application, refusal: Option<Refusal>) {
        let now = self.clock.now();
        let noted_at = match refusal {
            None => application.last_used_at,
            Some(reason) => {
                application.last_refusal.filter(|last| last.reason == reason).map(|last| last.at)
            }
        };
        if noted_at.is_some_and(|at| now < at + USED_EVERY) {
            return;
        }
        let noted = applications::note_use(&self.store, &application.id, refusal, now).await;
        if let Err(error) = noted {
            tracing::warn!(error = one_line(&error), "the use of an application was not recorded");
        }
    }
}

/// Runs work that takes the longer the more octets a message has. For a large one, the other tasks of
/// this thread go on in another.
fn without_blocking<T>(octets: usize, work: impl FnOnce() -> T) -> T {
    let has_threads = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
    if octets > SMALL_MESSAGE && has_threads { block_in_place(work) } else { work() }
}

/// The saved connection, as the worker uses it.
#[derive(Debug)]
pub struct SavedConnection {
    /// Opens the settings and the sessions.
    pub delivery: Arc<Delivery>,
    /// How an operator holds or redirects messages.
    pub staging: Staging,
    /// Whether checks of the connection run by themselves.
    pub checks_are_on: bool,
}

#[async_trait]
impl Outlet for SavedConnection {
    async fn gate(&self) -> Gate {
        match self.is_open().await {
            Ok(gate) => gate,
            Err(error) => {
                let error = one_line(&error);
                tracing::error!(error, "the outbox waits: the settings cannot be read");
                Gate::Closed
            }
        }
    }

    fn redirected_to(&self) -> Option<&str> {
        self.staging.redirect_to.as_deref()
    }

    async fn sender(&self) -> Option<Sender> {
        default_sender(&self.delivery).await.ok().flatten()
    }

    fn client_name(&self) -> Option<String> {
        self.delivery.client_name.as_ref().map(ToString::to_string)
    }

    async fn open(&self, steps: &mut Vec<StepReport>) -> Result<Opened, Failure> {
        let unreadable =
            || delivery::failure_before_connection(Step::SignIn, Diagnosis::SecretUnreadable);
        let current = settings::current(&self.delivery.settings).await.map_err(|_| unreadable())?;
        let sender = current.settings(&self.delivery.settings).ok_or_else(unreadable)?;
        let (_, sender) = delivery::route(&sender);
        let sender = sender.clone();
        let mut on_step = |report| steps.push(report);
        let attempt = delivery::open_session(&self.delivery, &current, &mut on_step).await;
        let revision = current.token_revision;
        if attempt.outcome.is_err()
            && let Some(evidence) = attempt.evidence()
        {
            self.delivery.health.record(revision, evidence).await;
        }
        match attempt.outcome? {
            Ended::Open(session) => {
                self.record_capabilities(revision, session.capabilities()).await;
                Ok(Opened { session: *session, revision, sender })
            }
            Ended::Accepted(_) | Ended::SignedIn => Err(unreadable()),
        }
    }

    async fn record(
        &self,
        revision: i64,
        outcome: Result<(), &Failure>,
        is_own_sender: bool,
    ) -> Option<Passing> {
        let (evidence, passing) = match outcome {
            Ok(()) => (Evidence::Works(Proof { reach: Reach::Message, renews: true }), None),
            Err(failure) => {
                let trouble =
                    Trouble::of_message(delivery::failed_message(failure, is_own_sender))?;
                let passing =
                    if trouble.can_pass { Passing::ByItself } else { Passing::ByAnAdministrator };
                (Evidence::Fails(trouble), Some(passing))
            }
        };
        self.delivery.health.record(revision, evidence).await;
        passing
    }
}

impl SavedConnection {
    /// Records what the mail server offers. If that fails, the next session shows the same.
    async fn record_capabilities(&self, revision: i64, offered: &Capabilities) {
        let offered = ServerCapabilities {
            max_size: offered.size.and_then(|size| i64::try_from(size).ok()),
            eight_bit: offered.eight_bit,
            smtputf8: offered.smtputf8,
        };
        let store = &self.delivery.health.store;
        if let Err(error) = capabilities::record(store, revision, offered).await {
            let error = one_line(&error);
            tracing::warn!(error, "what the mail server offers could not be recorded");
        }
    }

    async fn is_open(&self) -> Result<Gate, UseCaseError> {
        let record = &self.delivery.health;
        let known = health::load(&record.store).await?;
        // A check closes an incident of another reach, if checks run.
        let is_held = known.open.as_ref().is_some_and(|open| {
            let by_message = open.reach == Reach::Message || !self.checks_are_on;
            !by_message || record.clock.now() < open.last_at + PROBE_EVERY
        });
        if is_held || self.staging.is_held {
            return Ok(Gate::Closed);
        }
        let current = settings::current(&self.delivery.settings).await?;
        let needs_token = current.saved.form.flow != OauthFlow::None;
        if !current.saved.is_complete()
            || (needs_token && tokens::load(&record.store).await?.is_none())
        {
            return Ok(Gate::Closed);
        }
        let (revision, server) = (current.token_revision, &current.saved.form.active_smtp().server);
        let pace = self.delivery.pace_of(server);
        Ok(match known.open {
            Some(_) => Gate::Probe(revision, pace),
            None => Gate::Open(revision, pace),
        })
    }
}

/// Default Sender Email and Display Name; `None` if the settings are incomplete.
async fn default_sender(delivery: &Delivery) -> Result<Option<Sender>, UseCaseError> {
    let current = settings::current(&delivery.settings).await?;
    let opened = current.saved.is_complete().then(|| current.settings(&delivery.settings));
    Ok(opened.flatten().map(|settings| delivery::route(&settings).1.clone()))
}
