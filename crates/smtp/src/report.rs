//! Reports the end of each step: once, with its duration, and with all text redacted and safe to
//! display. Nothing else may leave the session.

use std::time::Duration;

use domain::delivery::{Diagnosis, Fact, FactName, Step, StepReport, StepStatus};
use net::redact::Redactor;
use tokio::time::Instant;

use super::diagnosis::{self, Context};
use super::mx_hosts;
use super::protocol::{NoReply, Reply};
use super::session::{Failure, Refusal};
use super::stream::StreamError;

/// The result of a successful step.
pub(super) struct Done<T> {
    /// The input of the next step.
    pub(super) value: T,
    facts: Vec<Fact>,
    /// The server's text for the report.
    pub(super) peer_text: Option<String>,
    /// The time of completion, if it is not the present.
    at: Option<Instant>,
}

impl<T> Done<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value, facts: Vec::new(), peer_text: None, at: None }
    }

    pub(super) fn with(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.facts.extend(facts);
        self
    }

    pub(super) fn saying(self, reply: &Reply) -> Self {
        self.saying_all(std::slice::from_ref(reply))
    }

    pub(super) fn saying_all(mut self, replies: &[Reply]) -> Self {
        self.peer_text = Some(joined_text(replies));
        self
    }

    pub(super) fn at(mut self, at: Instant) -> Self {
        self.at = Some(at);
        self
    }
}

/// Why a step failed.
#[derive(Debug, Clone)]
pub(super) enum Stop {
    /// A reply whose meaning the dictionary gives.
    Refused(Reply),
    /// A reply whose meaning is already known.
    RefusedFor(Diagnosis, Reply),
    /// The replies to one mechanism after the other, at least one.
    SignInRefused(Vec<Reply>),
    /// The reply to a token: a refusal, or an error challenge and the reply after it, if there was
    /// one.
    TokenRefused {
        /// The reply to the token.
        first: Reply,
        /// The reply to the response to the challenge.
        last: Option<Reply>,
    },
    NoReply(NoReply),
    /// A cause that is known without a reply, and the error text of PPM's TLS, DNS or sockets.
    Known(Diagnosis, Option<String>),
    /// A failure that belongs to another step than the one that was begun.
    At(Step, Box<Self>),
    /// A failure with the facts found before it.
    Having(Vec<Fact>, Box<Self>),
    /// The refused ones of several recipients, each with its reason.
    Each(Vec<(String, Self)>),
}

pub(super) type StepResult<T> = Result<Done<T>, Stop>;

impl From<NoReply> for Stop {
    fn from(no_reply: NoReply) -> Self {
        Self::NoReply(no_reply)
    }
}

impl Stop {
    pub(super) fn known(diagnosis: Diagnosis) -> Self {
        Self::Known(diagnosis, None)
    }

    /// Returns the diagnosis of a failure at a step, and the text to show.
    fn explained(self, step: Step, context: &Context) -> Meaning {
        match self {
            Self::Refused(reply) => Meaning {
                concerns_message: diagnosis::concerns_message(step, &reply, context),
                ..Meaning::peer_text(diagnosis::diagnose(step, &reply, context), reply.words())
            },
            Self::RefusedFor(diagnosis, reply) => Meaning::peer_text(diagnosis, reply.words()),
            Self::SignInRefused(refusals) => {
                let diagnosis = diagnosis::diagnose_password(&refusals, context);
                Meaning::peer_text(diagnosis, joined_text(&refusals))
            }
            Self::TokenRefused { first, last } => {
                let diagnosis = diagnosis::diagnose_token(&first, last.as_ref(), context);
                let replies: Vec<_> = std::iter::once(first).chain(last).collect();
                Meaning::peer_text(diagnosis, joined_text(&replies))
            }
            Self::NoReply(NoReply::Broken(broken)) => broken_meaning(broken, context),
            Self::NoReply(NoReply::Unreadable(line))
                if matches!(step, Step::Greeting | Step::Capabilities) =>
            {
                Meaning::peer_text(Diagnosis::NotSmtp, line)
            }
            Self::NoReply(NoReply::Unreadable(words) | NoReply::OutOfTurn(words)) => {
                Meaning::peer_text(Diagnosis::UnexpectedReply, words)
            }
            Self::Known(diagnosis, found) => {
                Meaning { found, ..Meaning::of(diagnosis::in_context(diagnosis, step, context)) }
            }
            Self::At(_, reason) | Self::Having(_, reason) => reason.explained(step, context),
            Self::Each(refused) => each_meaning(refused, step, context),
        }
    }

    /// Returns the code of the last reply, if a reply was the reason.
    fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(reply) | Self::RefusedFor(_, reply) => Some(reply.code),
            Self::SignInRefused(refusals) => refusals.last().map(|reply| reply.code),
            Self::TokenRefused { first, last } => Some(last.as_ref().unwrap_or(first).code),
            Self::NoReply(_) | Self::Known(..) => None,
            Self::At(_, reason) | Self::Having(_, reason) => reason.code(),
            Self::Each(refused) => refused.first().and_then(|(_, reason)| reason.code()),
        }
    }

    /// Puts the refusals that say something of the connection first: the first one is the reason.
    fn sort_refusals(&mut self, step: Step, context: &Context) {
        if let Self::Each(refused) = self {
            let is_second = |(_, reason): &(String, Self)| {
                reason.clone().explained(step, context).concerns_message
            };
            refused.sort_by_cached_key(is_second);
        }
    }

    /// Assigns the failure to another step than the one that was begun.
    pub(super) fn belongs_to(self, step: Step) -> Self {
        Self::At(step, Box::new(self))
    }

    /// Adds the facts found before the failure.
    pub(super) fn having(self, facts: Vec<Fact>) -> Self {
        if facts.is_empty() { self } else { Self::Having(facts, Box::new(self)) }
    }

    /// Returns the step that the failure was assigned to.
    fn assigned_step(&self) -> Option<Step> {
        match self {
            Self::At(step, _) => Some(*step),
            Self::Having(_, reason) => reason.assigned_step(),
            _ => None,
        }
    }

    /// Takes the facts found before the failure.
    fn facts(&mut self) -> Vec<Fact> {
        match self {
            Self::At(_, reason) => reason.facts(),
            Self::Having(facts, _) => std::mem::take(facts),
            _ => Vec::new(),
        }
    }
}

/// The diagnosis of a failed step, and the text to show.
struct Meaning {
    diagnosis: Diagnosis,
    peer_text: Option<String>,
    /// The error text of PPM's TLS, DNS or sockets.
    found: Option<String>,
    concerns_message: bool,
}

impl Meaning {
    fn of(diagnosis: Diagnosis) -> Self {
        Self { diagnosis, peer_text: None, found: None, concerns_message: false }
    }

    fn peer_text(diagnosis: Diagnosis, words: String) -> Self {
        Self { peer_text: Some(words), ..Self::of(diagnosis) }
    }
}

fn broken_meaning(broken: StreamError, context: &Context) -> Meaning {
    Meaning::of(match broken {
        StreamError::Silent if context.has_greeted => Diagnosis::StoppedAnswering,
        StreamError::Silent => Diagnosis::Silent,
        StreamError::TooSlow => Diagnosis::TooSlow,
        StreamError::Lost => Diagnosis::ConnectionLost,
        StreamError::Garbled(found) => {
            return Meaning { found: Some(found), ..Meaning::of(Diagnosis::TlsFailed) };
        }
        StreamError::TooLong => Diagnosis::ReplyTooLong,
    })
}

/// Returns the meaning of the first refusal, with the text of each.
fn each_meaning(refused: Vec<(String, Stop)>, step: Step, context: &Context) -> Meaning {
    let mut first = None;
    let mut lines = Vec::new();
    for (recipient, reason) in refused {
        let meaning = reason.explained(step, context);
        let peer_text = meaning.peer_text.as_deref().unwrap_or_default();
        lines.push(format!("{recipient}: {peer_text}"));
        first.get_or_insert(meaning);
    }
    let first = first.unwrap_or_else(|| Meaning::of(Diagnosis::RecipientRefused));
    Meaning { peer_text: Some(lines.join("\n")), ..first }
}

/// Returns the text of replies, one per line, without repetitions.
fn joined_text(replies: &[Reply]) -> String {
    let mut lines: Vec<_> = replies.iter().map(Reply::words).collect();
    lines.dedup();
    lines.join("\n")
}

/// Reports each step once, with its duration, redacted and safe to display.
pub(super) struct Steps<'a> {
    pub(super) on_step: &'a mut (dyn FnMut(StepReport) + Send),
    /// Redacts secrets from the server's text.
    pub(super) redactor: &'a Redactor,
    /// The context that decides the meaning of a reply.
    pub(super) context: &'a mut Context,
}

impl Steps<'_> {
    /// Runs a step, and reports how it ended.
    pub(super) async fn take<T>(
        &mut self,
        step: Step,
        work: impl Future<Output = StepResult<T>>,
    ) -> Result<T, Failure> {
        self.take_since(Instant::now(), step, work).await
    }

    /// Runs a step that was begun before, and reports how it ended.
    pub(super) async fn take_since<T>(
        &mut self,
        begun: Instant,
        step: Step,
        work: impl Future<Output = StepResult<T>>,
    ) -> Result<T, Failure> {
        match work.await {
            Ok(Done { value, facts, peer_text, at }) => {
                let peer_text = peer_text.as_deref().map(|peer_text| self.fit(peer_text));
                let took = at.unwrap_or_else(Instant::now) - begun;
                self.report(step, StepStatus::Done, took, facts, (peer_text, None));
                Ok(value)
            }
            Err(reason) => Err(self.failed(begun, step, reason)),
        }
    }

    /// Reports the failure of a step.
    pub(super) fn failed(&mut self, begun: Instant, step: Step, mut reason: Stop) -> Failure {
        let step = reason.assigned_step().unwrap_or(step);
        reason.sort_refusals(step, self.context);
        let (code, mut facts) = (reason.code(), reason.facts());
        let Meaning { diagnosis, peer_text, found, concerns_message } =
            reason.explained(step, self.context);
        if diagnosis == Diagnosis::ReceivingServer {
            let server = mx_hosts::submission_server(&self.context.server_names());
            facts.extend(server.map(|name| Fact::new(FactName::SubmissionServer, name)));
        }
        let fit = |words: Option<String>| words.map(|words| self.fit(&words));
        let without_recipients =
            peer_text.as_deref().map(|text| self.context.without_recipients(text));
        let peer_text_without_recipients = fit(without_recipients);
        let (peer_text, found) = (fit(peer_text), fit(found));
        let report = (peer_text.clone(), found.clone());
        self.report(step, StepStatus::Failed, begun.elapsed(), facts, report);
        Failure {
            step,
            peer_text,
            peer_text_without_recipients,
            found,
            diagnosis,
            code,
            concerns_message,
        }
    }

    /// Explains which recipients were refused: some refusals fail no step.
    pub(super) fn recipients(&self, answers: &[Result<Reply, Stop>]) -> Vec<Result<(), Refusal>> {
        let refusal = |stop: &Stop| {
            let (code, reason) = (stop.code(), stop.clone());
            let Meaning { diagnosis, peer_text, .. } =
                reason.explained(Step::Recipient, self.context);
            Refusal { diagnosis, code, peer_text: peer_text.map(|words| self.fit(&words)) }
        };
        answers.iter().map(|answer| answer.as_ref().map(drop).map_err(refusal)).collect()
    }

    /// Reports a step that the settings do not require.
    pub(super) fn skip(&mut self, step: Step) {
        self.report(step, StepStatus::Skipped, Duration::ZERO, Vec::new(), (None, None));
    }

    fn report(
        &mut self,
        step: Step,
        ended: StepStatus,
        took: Duration,
        facts: Vec<Fact>,
        (peer_text, found): (Option<String>, Option<String>),
    ) {
        let millis = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        let facts = facts.into_iter().filter_map(|fact| self.fit_fact(fact)).collect();
        (self.on_step)(StepReport { step, ended, millis, facts, peer_text, found });
    }

    /// Redacts a server's text and makes it safe to store and to display.
    pub(super) fn fit(&self, peer_text: &str) -> String {
        self.redactor.redact_to_show(peer_text)
    }

    /// Redacts a fact and makes it safe to store and to display; `None` if nothing remains. A
    /// certificate that redaction would change is dropped.
    fn fit_fact(&self, Fact { name, value }: Fact) -> Option<Fact> {
        if name == FactName::IssuerPem {
            return (self.redactor.redact(&value) == value).then_some(Fact { name, value });
        }
        let value = self.fit(&value).replace('\n', " ");
        (!value.is_empty()).then_some(Fact { name, value })
    }
}
