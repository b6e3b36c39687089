//! How a step ends, and how that is told: once, with its time, in codes and in words that are fit
//! to be shown. Nothing leaves the conversation but through here.

use std::time::Duration;

use domain::delivery::{Advice, Fact, FactName, Step, StepEnd, StepReport};
use tokio::time::Instant;

use super::receiving;
use super::replies::{self, Context};
use super::session::Failure;
use super::stream::Broken;
use super::wire::{NoReply, Reply};
use crate::hush::Hush;

/// Something that was found out, as it was found.
pub(super) fn fact(name: FactName, value: impl Into<String>) -> Fact {
    Fact { name, value: value.into() }
}

/// What a step gives to the next one, and to its report.
pub(super) struct Done<T> {
    /// For the next step.
    pub(super) value: T,
    /// For the report: what was found out.
    facts: Vec<Fact>,
    /// For the report: the peer's own words.
    pub(super) said: Option<String>,
    /// When it was done, where that was not just now.
    at: Option<Instant>,
}

impl<T> Done<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value, facts: Vec::new(), said: None, at: None }
    }

    pub(super) fn with(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.facts.extend(facts);
        self
    }

    pub(super) fn saying(self, reply: &Reply) -> Self {
        self.saying_all(std::slice::from_ref(reply))
    }

    pub(super) fn saying_all(mut self, replies: &[Reply]) -> Self {
        self.said = Some(words_of(replies));
        self
    }

    pub(super) fn at(mut self, at: Instant) -> Self {
        self.at = Some(at);
        self
    }
}

/// Why a step was the last.
#[derive(Debug)]
pub(super) enum Stop {
    /// The server's reply, which the dictionary explains.
    Refused(Reply),
    /// The server's reply, of which more is known than it says.
    RefusedFor(Advice, Reply),
    /// The server's replies to one mechanism after the other, one at least.
    SignInRefused(Vec<Reply>),
    /// The server's reply to a token: a refusal, or the challenge that says why and the reply after
    /// it, if there was one.
    TokenRefused {
        /// To the token.
        first: Reply,
        /// To the answer to the challenge.
        last: Option<Reply>,
    },
    /// There was no reply.
    NoReply(NoReply),
    /// What is known without a reply, and how PPM's own TLS, DNS or sockets reported it.
    Known(Advice, Option<String>),
    /// What ended another step than the one that was begun.
    At(Step, Box<Self>),
    /// The same, with what was found out until then.
    Having(Vec<Fact>, Box<Self>),
    /// Whoever of several recipients was refused, and why.
    Each(Vec<(String, Self)>),
}

/// How a step ends.
pub(super) type StepResult<T> = Result<Done<T>, Stop>;

impl From<NoReply> for Stop {
    fn from(no_reply: NoReply) -> Self {
        Self::NoReply(no_reply)
    }
}

impl Stop {
    pub(super) fn known(advice: Advice) -> Self {
        Self::Known(advice, None)
    }

    /// What it means at a step, and in whose words.
    fn explained(self, step: Step, context: &Context) -> Meaning {
        match self {
            Self::Refused(reply) => {
                Meaning::said(replies::advice(step, &reply, context), reply.words())
            }
            Self::RefusedFor(advice, reply) => Meaning::said(advice, reply.words()),
            Self::SignInRefused(refusals) => {
                let advice = replies::advice_on_password(&refusals, context);
                Meaning::said(advice, words_of(&refusals))
            }
            Self::TokenRefused { first, last } => {
                let advice = replies::advice_on_token(&first, last.as_ref(), context);
                let replies: Vec<_> = std::iter::once(first).chain(last).collect();
                Meaning::said(advice, words_of(&replies))
            }
            Self::NoReply(NoReply::Broken(broken)) => of_broken(broken, context),
            Self::NoReply(NoReply::Unreadable(line))
                if matches!(step, Step::Greeting | Step::Capabilities) =>
            {
                Meaning::said(Advice::NotSmtp, line)
            }
            Self::NoReply(NoReply::Unreadable(words) | NoReply::OutOfTurn(words)) => {
                Meaning::said(Advice::UnexpectedReply, words)
            }
            Self::Known(advice, found) => {
                Meaning { found, ..Meaning::of(replies::in_context(advice, step, context)) }
            }
            Self::At(_, reason) | Self::Having(_, reason) => reason.explained(step, context),
            Self::Each(refused) => of_each(refused, step, context),
        }
    }

    /// The code of the reply that it is, if it is one.
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

    /// The same as the end of another step than the one that was begun.
    pub(super) fn belongs_to(self, step: Step) -> Self {
        Self::At(step, Box::new(self))
    }

    /// The same, with what was found out until then.
    pub(super) fn having(self, facts: Vec<Fact>) -> Self {
        if facts.is_empty() { self } else { Self::Having(facts, Box::new(self)) }
    }

    /// The step that it ended, where that is another than the one that was begun.
    fn place(&self) -> Option<Step> {
        match self {
            Self::At(step, _) => Some(*step),
            Self::Having(_, reason) => reason.place(),
            _ => None,
        }
    }

    /// What was found out until then.
    fn facts(&mut self) -> Vec<Fact> {
        match self {
            Self::At(_, reason) => reason.facts(),
            Self::Having(facts, _) => std::mem::take(facts),
            _ => Vec::new(),
        }
    }
}

/// What ended a step, and how that is told.
struct Meaning {
    advice: Advice,
    /// In the server's words.
    said: Option<String>,
    /// As PPM's own TLS, DNS or sockets reported it.
    found: Option<String>,
}

impl Meaning {
    fn of(advice: Advice) -> Self {
        Self { advice, said: None, found: None }
    }

    fn said(advice: Advice, words: String) -> Self {
        Self { said: Some(words), ..Self::of(advice) }
    }
}

fn of_broken(broken: Broken, context: &Context) -> Meaning {
    Meaning::of(match broken {
        Broken::Silent if context.has_greeted => Advice::StoppedAnswering,
        Broken::Silent => Advice::Silent,
        Broken::TooSlow => Advice::TooSlow,
        Broken::Lost => Advice::ConnectionLost,
        Broken::Garbled(found) => {
            return Meaning { found: Some(found), ..Meaning::of(Advice::TlsFailed) };
        }
        Broken::TooLong => Advice::ReplyTooLong,
    })
}

/// What the first refusal means, and the words of each.
fn of_each(refused: Vec<(String, Stop)>, step: Step, context: &Context) -> Meaning {
    let mut first = None;
    let mut lines = Vec::new();
    for (recipient, reason) in refused {
        let Meaning { advice, said, .. } = reason.explained(step, context);
        first.get_or_insert(advice);
        lines.push(format!("{recipient}: {}", said.unwrap_or_default()));
    }
    Meaning::said(first.unwrap_or(Advice::RecipientRefused), lines.join("\n"))
}

/// The words of replies, a line each; one that repeats the one before is not shown again.
fn words_of(replies: &[Reply]) -> String {
    let mut lines: Vec<_> = replies.iter().map(Reply::words).collect();
    lines.dedup();
    lines.join("\n")
}

/// Reports each step once, with its time and in words that are fit to be shown.
pub(super) struct Steps<'a> {
    /// Hears each report.
    pub(super) on_step: &'a mut (dyn FnMut(StepReport) + Send),
    /// Knows what nobody may read in a server's words.
    pub(super) hush: Hush,
    /// What the same words mean depends on it.
    pub(super) context: Context,
}

impl Steps<'_> {
    /// Takes a step, and reports how it ended.
    pub(super) async fn take<T>(
        &mut self,
        step: Step,
        work: impl Future<Output = StepResult<T>>,
    ) -> Result<T, Failure> {
        self.take_since(Instant::now(), step, work).await
    }

    /// The same for a step that was begun before.
    pub(super) async fn take_since<T>(
        &mut self,
        begun: Instant,
        step: Step,
        work: impl Future<Output = StepResult<T>>,
    ) -> Result<T, Failure> {
        match work.await {
            Ok(Done { value, facts, said, at }) => {
                let said = said.as_deref().map(|said| self.fit(said));
                let took = at.unwrap_or_else(Instant::now) - begun;
                self.tell(step, StepEnd::Done, took, facts, said);
                Ok(value)
            }
            Err(mut reason) => {
                let step = reason.place().unwrap_or(step);
                let (code, mut facts) = (reason.code(), reason.facts());
                let Meaning { advice, said, found } = reason.explained(step, &self.context);
                if advice == Advice::ReceivingServer {
                    let server = receiving::submission_server(&self.context.server_names());
                    facts.extend(server.map(|name| fact(FactName::SubmissionServer, name)));
                }
                let fit = |words: Option<String>| words.map(|words| self.fit(&words));
                let failure = Failure { step, said: fit(said), found: fit(found), advice, code };
                self.tell_failure(&failure, begun.elapsed(), facts);
                Err(failure)
            }
        }
    }

    /// Reports a step that the settings do not ask for.
    pub(super) fn skip(&mut self, step: Step) {
        self.tell(step, StepEnd::Skipped, Duration::ZERO, Vec::new(), None);
    }

    fn tell(
        &mut self,
        step: Step,
        ended: StepEnd,
        took: Duration,
        facts: Vec<Fact>,
        said: Option<String>,
    ) {
        let (millis, facts) = (millis(took), self.fit_facts(facts));
        (self.on_step)(StepReport { step, ended, millis, facts, said, found: None });
    }

    fn tell_failure(&mut self, failure: &Failure, took: Duration, facts: Vec<Fact>) {
        let Failure { step, said, found, .. } = failure.clone();
        let (millis, facts) = (millis(took), self.fit_facts(facts));
        (self.on_step)(StepReport { step, ended: StepEnd::Failed, millis, facts, said, found });
    }

    /// A server's words, fit to be kept and shown.
    pub(super) fn fit(&self, said: &str) -> String {
        self.hush.shown(said)
    }

    fn fit_facts(&self, facts: Vec<Fact>) -> Vec<Fact> {
        facts.into_iter().filter_map(|found| self.fit_fact(found)).collect()
    }

    /// A fact, fit to be kept and shown, if there is anything to it. A certificate is whole or of no
    /// use.
    fn fit_fact(&self, Fact { name, value }: Fact) -> Option<Fact> {
        if name == FactName::IssuerPem {
            return (self.hush.text(&value) == value).then_some(Fact { name, value });
        }
        let value = self.fit(&value).replace('\n', " ");
        (!value.is_empty()).then_some(Fact { name, value })
    }
}

fn millis(took: Duration) -> u32 {
    u32::try_from(took.as_millis()).unwrap_or(u32::MAX)
}
