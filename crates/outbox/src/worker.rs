//! The worker: claims one message after another, sends it over a session that it keeps, and stores
//! what became of each recipient.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::delivery::{Diagnosis, Step, StepReport};
use domain::error::one_line;
use domain::outbox::{MessageState, Pace, RecipientTrouble, next_attempt, pause};
use domain::secret::Destination;
use domain::settings::Sender;
use smtp::{Envelope, Failure, NotAccepted, OnRefusal, Refusal, Session, Transaction};
use store::Store;
use store::outbox::{
    self as rows, AttemptId, Claim, Claimed, Done, Finished, NewMessage, Operation, PaceChange,
    Which,
};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use vault::clock::{Clock, Randomness, random_bytes, random_id};
use vault::{Vault, columns};

use super::identifier::new_id;
use super::notice::{FailedRecipient, Notice, notice};
use super::slots::{Slot, Slots};
use super::writer::{WriteError, Writer};
use crate::{Message, is_only_sender};

/// How often the worker looks for messages that nothing has told it of: those of another process, and
/// those whose pause is over. A session that has sent nothing for so long is closed.
const TICK: Duration = Duration::from_secs(1);
/// How often a message probes while email has stopped for a reason that no check can judge.
pub const PROBE_EVERY: TimeDelta = TimeDelta::minutes(15);
/// How long a message is left to other nodes that this one cannot open.
const UNREADABLE_FOR: TimeDelta = TimeDelta::minutes(5);
/// How long a lease outlasts the longest attempt.
const GRACE: Duration = Duration::from_secs(30);
/// How often a message keeps its place in the queue when the connection fails for it. After that,
/// others go first.
const HELD_AT_MOST: i64 = 2;
/// How long the worker waits until it stores results again that the database did not take.
const STORE_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The client name of a connection on this machine, which is always legal (RFC 5321 4.1.3).
const LOOPBACK: &str = "[127.0.0.1]";

/// The connection that messages are sent through.
#[async_trait]
pub trait Outlet: Send + Sync + 'static {
    /// Whether messages may be attempted now, and with which revision of the settings.
    async fn gate(&self) -> Gate;

    /// The configured sender, to which notices go; `None` if the settings cannot be read.
    async fn sender(&self) -> Option<Sender>;

    /// The address that gets every message in place of its recipients, in a staging system.
    fn redirected_to(&self) -> Option<&str>;
    /// The configured argument of EHLO; `None` if it is the address of each connection.
    fn client_name(&self) -> Option<String>;

    /// Opens a session with the saved settings, and signs in. Records what that shows of the
    /// connection.
    async fn open(&self, steps: &mut Vec<StepReport>) -> Result<Opened, Failure>;

    /// Records what an attempt has shown of the connection, and returns whether the failure is one of
    /// the connection, and can pass by itself. `is_own_sender` says whether the configured sender is
    /// the message's only one.
    async fn record(
        &self,
        revision: i64,
        outcome: Result<(), &Failure>,
        is_own_sender: bool,
    ) -> Option<Passing>;
}

/// Whether messages may be attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// They may, with settings of this revision and this pace.
    Open(i64, Pace),
    /// Email has stopped, and only a message shows whether it works again: one may be attempted in
    /// [`PROBE_EVERY`].
    Probe(i64, Pace),
    /// They are held: the settings are incomplete, or email has stopped.
    Closed,
}

/// Whether a failure of the connection can pass by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// It can.
    ByItself,
    /// An administrator has to end it; the gate closes.
    ByAnAdministrator,
}

/// An open session.
pub struct Opened {
    /// The session after the sign-in.
    pub session: Session,
    /// The revision of the settings that it was opened with.
    pub revision: i64,
    /// The configured sender.
    pub sender: Sender,
}

/// Sends the messages of the outbox over one connection.
pub struct Worker<O> {
    /// The database.
    pub store: Store,
    /// Makes the writes.
    pub writer: Writer,
    /// Opens the bodies.
    pub vault: Vault,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of IDs and of jitter.
    pub randomness: Arc<dyn Randomness>,
    /// The connection.
    pub outlet: Arc<O>,
    /// The connections that all nodes may have open.
    pub slots: Slots,
    /// Told when a message is accepted.
    pub wake: Arc<Notify>,
    /// How long an attempt takes at most, without the transfer of the message.
    pub longest: Duration,
    /// Held while messages are sent.
    slot: Option<Slot>,
    opened: Option<Opened>,
    /// The client name of the last session.
    client_name: Option<String>,
    swept_at: Option<Instant>,
    /// Whether messages whose time is over wait for a sender that can be notified.
    lacks_sender: bool,
    /// Until when results can be stored, at least.
    leased_until: Instant,
    stopping: CancellationToken,
}

/// What an attempt has come to.
struct Outcome {
    recipients: Vec<(MessageState, Option<RecipientTrouble>)>,
    pace: PaceChange,
}

impl<O: Outlet> Worker<O> {
    /// A worker without a session.
    #[expect(clippy::too_many_arguments, reason = "each is one of its parts")]
    pub fn new(
        store: Store,
        writer: Writer,
        vault: Vault,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        outlet: Arc<O>,
        slots: Slots,
        wake: Arc<Notify>,
        longest: Duration,
    ) -> Self {
        Self {
            store,
            writer,
            vault,
            clock,
            randomness,
            outlet,
            slots,
            wake,
            longest,
            slot: None,
            opened: None,
            client_name: None,
            swept_at: None,
            lacks_sender: false,
            leased_until: Instant::now(),
            stopping: CancellationToken::new(),
        }
    }

    /// Sends messages until the process stops, and ends what it has begun.
    pub async fn run(mut self, stopping: CancellationToken) {
        self.stopping = stopping.clone();
        while !stopping.is_cancelled() {
            match self.send_next().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(error = one_line(&error), "the outbox could not be read");
                }
            }
            tokio::select! {
                () = stopping.cancelled() => {}
                () = self.wake.notified() => {}
                () = sleep(TICK) => self.close().await,
            }
        }
        self.close().await;
    }

    /// Sends the next message, if there is one that may be sent. False if there is none.
    ///
    /// # Errors
    /// The database failed; a message that was claimed is attempted again once its lease is over.
    pub async fn send_next(&mut self) -> Result<bool, WriteError> {
        if self.swept_at.is_none_or(|at| at.elapsed() >= TICK) {
            self.sweep().await?;
        }
        if !rows::is_due(&self.store, self.clock.now()).await? {
            return Ok(false);
        }
        let (revision, pace, which) = match self.outlet.gate().await {
            Gate::Open(revision, pace) => (revision, pace, Which::Due(pace)),
            Gate::Probe(revision, pace) => {
                let since = self.clock.now() - PROBE_EVERY;
                (revision, pace, Which::Probe { pace, since })
            }
            Gate::Closed => {
                self.close().await;
                return Ok(false);
            }
        };
        if self.opened.as_ref().is_some_and(|opened| opened.revision != revision) {
            self.close().await;
        }
        if self.slot.is_none() {
            self.slot = self.slots.for_messages(&pace).await?;
        }
        if self.slot.is_none() {
            return Ok(false);
        }
        let Some(claimed) = self.claim(which).await? else { return Ok(false) };
        self.attempt(claimed).await?;
        Ok(true)
    }

    /// Ends the attempts of processes that are gone, and gives up the messages whose time is over.
    async fn sweep(&mut self) -> Result<(), WriteError> {
        self.swept_at = Some(Instant::now());
        rows::end_lost_attempts(&self.store, self.clock.now()).await?;
        while rows::has_expired(&self.store, self.clock.now()).await? {
            // Without a sender there is no address for their notifications.
            let Some(sender) = self.outlet.sender().await else {
                if !std::mem::replace(&mut self.lacks_sender, true) {
                    tracing::warn!(
                        "messages whose time is over are given up when the email settings are complete"
                    );
                }
                break;
            };
            self.lacks_sender = false;
            let Some(claimed) = self.claim(Which::Expired).await? else { break };
            if self.opened_body(&claimed).is_none() {
                self.release(&claimed).await?;
                continue;
            }
            let outcome = all(&claimed, MessageState::Failed, None, PaceChange::None);
            let now = self.clock.now();
            self.finish(claimed, outcome, now, Vec::new(), Some(&sender)).await?;
        }
        let id = random_id(self.randomness.as_ref());
        rows::tell_of_failures(&self.store, &id, self.clock.now()).await?;
        Ok(())
    }

    /// The octets of a message; `None` if this node cannot open them.
    fn opened_body(&self, claimed: &Claimed) -> Option<impl Deref<Target = Vec<u8>> + use<O>> {
        let destination = Destination::Message(claimed.id.clone());
        match self.vault.open_octets(columns::BODY, &destination, &claimed.body) {
            Ok(body) => Some(body),
            Err(error) => {
                tracing::error!(
                    id = claimed.id,
                    error = one_line(&error),
                    "a message cannot be opened"
                );
                None
            }
        }
    }

    /// Leaves a message to other nodes for a while: one of them may have the key.
    async fn release(&self, claimed: &Claimed) -> Result<(), WriteError> {
        let now = self.clock.now();
        let queued = |(position, _): &(i64, String)| (*position, MessageState::Queued, None);
        let released = Finished {
            attempt: claimed.attempt,
            recipients: claimed.recipients.iter().map(queued).collect(),
            due_at: Some(now + UNREADABLE_FOR),
            counts: false,
            began_at: now,
            ended_at: now,
            steps: Vec::new(),
            notice: None,
            pace: PaceChange::None,
            counted: claimed.counted,
        };
        self.stored(&claimed.id, released).await
    }

    async fn claim(&mut self, which: Which) -> Result<Option<Claimed>, WriteError> {
        let lease = 2 * self.longest + GRACE;
        self.leased_until = Instant::now() + lease;
        let (owner, now, octets_per_milli) = (self.new_id(), self.clock.now(), smtp::SLOWEST);
        let claim = Claim { owner, now, lease, octets_per_milli, which };
        match self.writer.make(Operation::Claim(claim)).await? {
            Done::Claimed(claimed) => Ok(claimed.map(|claimed| *claimed)),
            _ => Ok(None),
        }
    }

    async fn attempt(&mut self, claimed: Claimed) -> Result<(), WriteError> {
        let began_at = self.clock.now();
        let mut steps = Vec::new();
        let outcome = if claimed.recipients.is_empty() {
            // An operator has erased them.
            Outcome { recipients: Vec::new(), pace: PaceChange::None }
        } else {
            let Some(body) = self.opened_body(&claimed) else {
                return self.release(&claimed).await;
            };
            self.outcome(&claimed, &body, &mut steps).await
        };
        let sender = self.opened.as_ref().map(|opened| opened.sender.clone());
        if !self.opened.as_ref().is_some_and(|opened| opened.session.is_usable()) {
            self.opened = None;
        }
        self.finish(claimed, outcome, began_at, steps, sender.as_ref()).await
    }

    async fn outcome(
        &mut self,
        claimed: &Claimed,
        body: &[u8],
        steps: &mut Vec<StepReport>,
    ) -> Outcome {
        // A server may have closed a session that has waited for a message.
        if self.opened.is_some() {
            match self.send(claimed, body, steps).await {
                Some((sent, ..)) if is_of_closed_session(&sent) => {
                    self.opened = None;
                    steps.clear();
                }
                Some((sent, revision, is_own)) => {
                    return self.judge(claimed, sent, revision, is_own).await;
                }
                None => {}
            }
        }
        match self.outlet.open(steps).await {
            Ok(opened) => {
                self.client_name = Some(opened.session.client_name().to_owned());
                self.opened = Some(opened);
            }
            // `open` has recorded what it shows.
            Err(failure) => return self.held(claimed, &failure, Passing::ByItself, &[]).await,
        }
        match self.send(claimed, body, steps).await {
            Some((sent, revision, is_own)) => self.judge(claimed, sent, revision, is_own).await,
            None => all(claimed, MessageState::Queued, None, PaceChange::None),
        }
    }

    /// Sends a message over the open session. Also returns the revision of its settings, and whether
    /// the configured sender is the message's only one.
    async fn send(
        &mut self,
        claimed: &Claimed,
        body: &[u8],
        steps: &mut Vec<StepReport>,
    ) -> Option<(Transaction<WriteError>, i64, bool)> {
        let Opened { session, revision, sender } = self.opened.as_mut()?;
        let envelope_sender = Some(claimed.sender.clone()).filter(|sender| !sender.is_empty());
        let is_own_sender = is_only_sender(&sender.address, envelope_sender.as_deref(), body);
        let redirected_to = self.outlet.redirected_to();
        let recipients = match redirected_to {
            Some(address) => vec![address.to_owned()],
            None => claimed.recipients.iter().map(|(_, address)| address.clone()).collect(),
        };
        let envelope = Envelope { sender: envelope_sender, recipients };
        let refused_at = |results: Vec<Result<(), Refusal>>| {
            let refused = claimed.recipients.iter().zip(results).filter(|(_, it)| it.is_err());
            refused.map(|((position, _), _)| *position).collect()
        };
        let mark = |results| mark(&self.writer, claimed.attempt, refused_at(results));
        let mut on_step = |report| steps.push(report);
        let mut sent =
            session.send(&envelope, body, OnRefusal::SendToOthers, mark, &mut on_step).await;
        if redirected_to.is_some()
            && let [result] = &*sent.recipients
        {
            sent.recipients = vec![result.clone(); claimed.recipients.len()];
        }
        Some((sent, *revision, is_own_sender))
    }

    /// What a transaction has come to, for each recipient.
    async fn judge(
        &self,
        claimed: &Claimed,
        Transaction { recipients, outcome }: Transaction<WriteError>,
        revision: i64,
        is_own_sender: bool,
    ) -> Outcome {
        match outcome {
            Ok(_) => {
                self.outlet.record(revision, Ok(()), is_own_sender).await;
                let recipients = recipients.into_iter().map(|recipient| match recipient {
                    Ok(()) => (MessageState::Delivered, None),
                    Err(refusal) => refused(&refusal),
                });
                Outcome { recipients: recipients.collect(), pace: PaceChange::Flows }
            }
            // The lease is lost, or the database failed: the server has not accepted it.
            Err(NotAccepted::NotMarked(_)) => {
                all(claimed, MessageState::Queued, None, PaceChange::None)
            }
            Err(NotAccepted::Failed(failure)) => {
                if let Some(passing) =
                    self.outlet.record(revision, Err(&failure), is_own_sender).await
                    && failure.diagnosis != Diagnosis::MaybeDelivered
                {
                    return self.held(claimed, &failure, passing, &recipients).await;
                }
                let of_accepted = message_failed(&failure, claimed.sends_again);
                let of_each = |recipient| match recipient {
                    Ok(()) => of_accepted.clone(),
                    Err(refusal) => refused(&refusal),
                };
                if recipients.is_empty() {
                    let (state, trouble) = of_accepted.clone();
                    return all(claimed, state, trouble.as_ref(), PaceChange::None);
                }
                let recipients = recipients.into_iter().map(of_each).collect();
                Outcome { recipients, pace: PaceChange::None }
            }
        }
    }

    /// The connection failed, and the message with it: it keeps its place in the queue. If that
    /// happens to it again and again, the message may be the cause, and waits like one that was
    /// refused for now.
    async fn held(
        &self,
        claimed: &Claimed,
        failure: &Failure,
        passing: Passing,
        recipients: &[Result<(), Refusal>],
    ) -> Outcome {
        let held = claimed.attempt.number - claimed.failures;
        // A reply to MAIL is about the sender or the server, not about the message.
        let may_be_its_own =
            failure.step > Step::Sender || (failure.step == Step::Sender && failure.code.is_none());
        let waits = may_be_its_own && held > HELD_AT_MOST;
        let state = if waits { MessageState::Waiting } else { MessageState::Queued };
        let trouble_of = |at: usize| match recipients.get(at) {
            Some(Err(refusal)) => refused(refusal).1,
            _ => Some(trouble_of_message(failure)),
        };
        let recipients = (0..claimed.recipients.len()).map(|at| (state, trouble_of(at))).collect();
        let pace = match passing {
            Passing::ByItself => {
                let failures = rows::pace_failures(&self.store).await.unwrap_or(0);
                PaceChange::PausedUntil(self.clock.now() + pause(failures, self.spread()))
            }
            Passing::ByAnAdministrator => PaceChange::None,
        };
        Outcome { recipients, pace }
    }

    /// Stores what an attempt has come to. `sender` gets the notification about recipients that failed.
    async fn finish(
        &self,
        claimed: Claimed,
        Outcome { mut recipients, pace }: Outcome,
        began_at: DateTime<Utc>,
        steps: Vec<StepReport>,
        sender: Option<&Sender>,
    ) -> Result<(), WriteError> {
        let now = self.clock.now();
        let waits =
            |state: MessageState| recipients.iter().any(|(recipient, _)| *recipient == state);
        let (is_queued, counts) = (waits(MessageState::Queued), waits(MessageState::Waiting));
        let mut due_at = is_queued.then_some(claimed.accepted_at);
        if counts {
            let next = next_attempt(claimed.failures, now, claimed.expires_at, self.spread());
            if next.is_none() {
                for (state, _) in &mut recipients {
                    if *state == MessageState::Waiting {
                        *state = MessageState::Failed;
                    }
                }
            }
            due_at = due_at.or(next);
        }
        let notice = self.notice(&claimed, &recipients, now, sender);
        let positions = claimed.recipients.iter().map(|(position, _)| *position);
        let recipients = positions
            .zip(recipients)
            .map(|(position, (state, trouble))| (position, state, trouble))
            .collect();
        let finished = Finished {
            attempt: claimed.attempt,
            recipients,
            due_at,
            counts,
            began_at,
            ended_at: now,
            steps,
            notice,
            pace,
            counted: claimed.counted,
        };
        self.stored(&claimed.id, finished).await
    }

    /// Stores the results of an attempt. While the database takes none, such as on a full disk, it
    /// is asked again until the lease is over: without its result, a message that was accepted by
    /// the mail server would be unknown.
    async fn stored(&self, id: &str, finished: Finished) -> Result<(), WriteError> {
        let operation = Operation::Finish(Box::new(finished));
        let mut is_told = false;
        loop {
            let error = match self.writer.make(operation.clone()).await {
                Ok(Done::Written(false)) => {
                    tracing::warn!(id, "the result of an attempt came after its lease");
                    return Ok(());
                }
                Err(WriteError::Store(error)) => error,
                other => return other.map(drop),
            };
            if self.stopping.is_cancelled() || Instant::now() >= self.leased_until {
                return Err(error.into());
            }
            if !is_told {
                let error = one_line(&error);
                tracing::error!(id, error, "the result of an attempt is stored later");
                is_told = true;
            }
            tokio::select! {
                () = self.stopping.cancelled() => {}
                () = sleep(STORE_AGAIN_AFTER) => {}
            }
        }
    }

    /// The notification about the recipients that failed; none for a notification.
    fn notice(
        &self,
        claimed: &Claimed,
        recipients: &[(MessageState, Option<RecipientTrouble>)],
        now: DateTime<Utc>,
        sender: Option<&Sender>,
    ) -> Option<Box<NewMessage>> {
        let failed: Vec<_> = claimed
            .recipients
            .iter()
            .zip(recipients)
            .filter(|(_, (state, _))| *state == MessageState::Failed)
            .map(|((_, address), (_, trouble))| FailedRecipient {
                address,
                reply: trouble.as_ref().and_then(|trouble| trouble.reply.as_deref()),
                last_attempt_at: now,
            })
            .collect();
        if failed.is_empty() || claimed.is_notice {
            return None;
        }
        let no_notice = |why: &str| tracing::error!(id = claimed.id, why, "no notice was made");
        let Some(sender) = sender else {
            no_notice("no sender is known");
            return None;
        };
        let octets = self.opened_body(claimed)?;
        let message = Message::parse(&octets).inspect_err(|error| no_notice(&one_line(error)));
        let message = message.ok()?;
        let id = self.new_id();
        let composed = notice(&Notice {
            sender,
            reporting_mta: &self.reporting_mta(),
            unique: &id,
            at: now,
            message: &message,
            accepted_at: claimed.accepted_at,
            failed: &failed,
        });
        let composed = match composed {
            Ok(composed) => composed,
            Err(error) => {
                no_notice(&one_line(&error));
                return None;
            }
        };
        let destination = Destination::Message(id.clone());
        let seal = |column, octets: &[u8]| self.vault.seal_octets(column, &destination, octets);
        Some(Box::new(NewMessage {
            application: (String::new(), "PPM".to_owned()),
            message_id: composed.message_id,
            sender: String::new(),
            recipients: vec![sender.address.clone()],
            subject: seal(columns::SUBJECT, b"Delivery Status Notification"),
            body: seal(columns::BODY, &composed.octets),
            size: i64::try_from(composed.octets.len()).unwrap_or(i64::MAX),
            sends_again: false,
            is_notice: true,
            accepted_at: now,
            expires_at: now + domain::outbox::ATTEMPTED_FOR,
            id,
        }))
    }

    /// The name of this host in notices: that of the last session or, before any, the configured one.
    fn reporting_mta(&self) -> String {
        let name = self.client_name.clone().or_else(|| self.outlet.client_name());
        name.unwrap_or_else(|| LOOPBACK.to_owned())
    }

    /// Closes the session, and frees its slot.
    pub async fn close(&mut self) {
        if let Some(opened) = self.opened.take() {
            opened.session.close();
        }
        if let Some(slot) = self.slot.take() {
            slot.release().await;
        }
    }

    fn new_id(&self) -> String {
        new_id(self.clock.as_ref(), self.randomness.as_ref())
    }

    fn spread(&self) -> u8 {
        random_bytes::<1>(self.randomness.as_ref())[0]
    }
}

/// The durable mark before the final dot.
async fn mark(writer: &Writer, attempt: AttemptId, refused: Vec<i64>) -> Result<(), WriteError> {
    match writer.make(Operation::Mark(attempt, refused)).await? {
        Done::Written(true) => Ok(()),
        _ => Err(WriteError::LeaseLost),
    }
}

/// Whether the server had closed the session before the message.
fn is_of_closed_session(sent: &Transaction<WriteError>) -> bool {
    match &sent.outcome {
        Err(NotAccepted::Failed(failure)) => {
            let is_closed =
                failure.diagnosis == Diagnosis::ConnectionLost || failure.code == Some(421);
            failure.step == Step::Sender && is_closed
        }
        Ok(_) | Err(NotAccepted::NotMarked(_)) => false,
    }
}

/// The same state for every recipient.
fn all(
    claimed: &Claimed,
    state: MessageState,
    trouble: Option<&RecipientTrouble>,
    pace: PaceChange,
) -> Outcome {
    let recipient = |_| (state, trouble.cloned());
    Outcome { recipients: claimed.recipients.iter().map(recipient).collect(), pace }
}

/// The state of a recipient that was refused.
fn refused(refusal: &Refusal) -> (MessageState, Option<RecipientTrouble>) {
    let state = if refusal.is_temporary() { MessageState::Waiting } else { MessageState::Failed };
    (state, Some(trouble(Step::Recipient, refusal.diagnosis, refusal.peer_text.clone())))
}

/// The state of recipients that were accepted, after a failure of the message. Without a reply to it,
/// the failure is final only if this server cannot take the message.
fn message_failed(
    failure: &Failure,
    sends_again: bool,
) -> (MessageState, Option<RecipientTrouble>) {
    let state = match (failure.diagnosis, failure.code) {
        (Diagnosis::MaybeDelivered, _) if sends_again => MessageState::Waiting,
        (Diagnosis::MaybeDelivered, _) => MessageState::Unknown,
        (_, Some(500..600))
        | (
            Diagnosis::SmtpUtf8NotOffered
            | Diagnosis::EightBitNotOffered
            | Diagnosis::MessageTooLarge
            | Diagnosis::SenderRefused,
            None,
        ) => MessageState::Failed,
        _ => MessageState::Waiting,
    };
    (state, Some(trouble_of_message(failure)))
}

/// The trouble of each recipient without a separate reply. The text names no other recipient.
fn trouble_of_message(failure: &Failure) -> RecipientTrouble {
    let reply = failure.peer_text_without_recipients.clone();
    trouble(failure.step, failure.diagnosis, reply)
}

const fn trouble(step: Step, diagnosis: Diagnosis, reply: Option<String>) -> RecipientTrouble {
    RecipientTrouble { step, diagnosis, reply }
}
