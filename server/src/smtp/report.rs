//! How a step ends, and how that is told: once, with its time, in codes and in words that are fit
//! to be shown. Nothing leaves the conversation but through here.

use std::time::Duration;

use domain::delivery::{Advice, Fact, FactName, Step, StepEnd, StepReport};
use tokio::time::Instant;

use super::replies;
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

    pub(super) fn saying(mut self, reply: &Reply) -> Self {
        self.said = Some(reply.words());
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
    /// What is known without a reply, and in what words the platform tells it.
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

    /// What it means at a step, and in what words.
    fn explained(self, step: Step) -> (Advice, Option<String>) {
        match self {
            Self::Refused(reply) => (replies::advice(step, &reply), Some(reply.words())),
            Self::TokenRefused { first, last } => {
                let words = std::iter::once(&first).chain(&last).map(Reply::words);
                let words = words.collect::<Vec<_>>().join("\n");
                (replies::advice_on_token(&first, last.as_ref()), Some(words))
            }
            Self::NoReply(NoReply::Broken(broken)) => match broken {
                Broken::Silent => (Advice::Silent, None),
                Broken::TooSlow => (Advice::TooSlow, None),
                Broken::Lost => (Advice::ConnectionLost, None),
                Broken::Garbled(words) => (Advice::TlsFailed, Some(words)),
                Broken::TooLong => (Advice::ReplyTooLong, None),
            },
            Self::NoReply(NoReply::Unreadable(line))
                if matches!(step, Step::Greeting | Step::Capabilities) =>
            {
                (Advice::NotSmtp, Some(line))
            }
            Self::NoReply(NoReply::Unreadable(words) | NoReply::OutOfTurn(words)) => {
                (Advice::UnexpectedReply, Some(words))
            }
            Self::Known(advice, said) => (advice, said),
            Self::At(_, reason) | Self::Having(_, reason) => reason.explained(step),
            Self::Each(refused) => of_each(refused, step),
        }
    }

    /// The code of the reply that it is, if it is one.
    fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(reply) => Some(reply.code),
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

/// What the first refusal means, and the words of each.
fn of_each(refused: Vec<(String, Stop)>, step: Step) -> (Advice, Option<String>) {
    let mut first = None;
    let mut lines = Vec::new();
    for (recipient, reason) in refused {
        let (advice, said) = reason.explained(step);
        first.get_or_insert(advice);
        lines.push(format!("{recipient}: {}", said.unwrap_or_default()));
    }
    (first.unwrap_or(Advice::RecipientRefused), Some(lines.join("\n")))
}

/// Reports each step once, with its time and in words that are fit to be shown.
pub(super) struct Steps<'a> {
    /// Hears each report.
    pub(super) on_step: &'a mut (dyn FnMut(StepReport) + Send),
    /// Knows what nobody may read in a server's words.
    pub(super) hush: Hush,
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
                let (code, facts) = (reason.code(), reason.facts());
                let (advice, said) = reason.explained(step);
                let said = said.as_deref().map(|said| self.fit(said));
                self.tell(step, StepEnd::Failed, begun.elapsed(), facts, said.clone());
                Err(Failure { step, said, advice, code })
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
        let millis = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        let facts = facts.into_iter().filter_map(|found| self.fit_fact(found)).collect();
        (self.on_step)(StepReport { step, ended, millis, facts, said });
    }

    /// A server's words, fit to be kept and shown.
    pub(super) fn fit(&self, said: &str) -> String {
        self.hush.shown(said)
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
