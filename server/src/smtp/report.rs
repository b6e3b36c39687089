//! How a step ends, and how that is told: once, with its time, in codes and in words that are fit
//! to be shown. Nothing leaves the conversation but through here.

use domain::check::text::shown;
use domain::delivery::{Advice, Step, StepEnd, StepReport};
use tokio::time::Instant;

use super::replies;
use super::session::Failure;
use super::stream::Broken;
use super::wire::{NoReply, Reply};
use crate::hush::Hush;

/// What a step gives to the next one, and to its report.
pub(super) struct Done<T> {
    /// For the next step.
    pub(super) value: T,
    /// For the report: the server's words, or the fact found.
    pub(super) said: Option<String>,
}

impl<T> Done<T> {
    pub(super) fn new(value: T, said: String) -> Self {
        Self { value, said: Some(said) }
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
    /// What is known without a reply, and the fact found.
    Known(Advice, Option<String>),
    /// What has the meaning that it has at another step.
    At(Step, Box<Self>),
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
            Self::NoReply(NoReply::Unreadable(line)) if step == Step::Greeting => {
                (Advice::NotSmtp, Some(line))
            }
            Self::NoReply(NoReply::Unreadable(words) | NoReply::OutOfTurn(words)) => {
                (Advice::UnexpectedReply, Some(words))
            }
            Self::Known(advice, said) => (advice, said),
            Self::At(place, reason) => reason.explained(place),
            Self::Each(refused) => of_each(refused, step),
        }
    }

    /// The code of the reply that it is, if it is one.
    fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(reply) => Some(reply.code),
            Self::TokenRefused { first, last } => Some(last.as_ref().unwrap_or(first).code),
            Self::NoReply(_) | Self::Known(..) => None,
            Self::At(_, reason) => reason.code(),
            Self::Each(refused) => refused.first().and_then(|(_, reason)| reason.code()),
        }
    }

    /// The same, with the meaning that it has at another step.
    pub(super) fn read_at(self, step: Step) -> Self {
        Self::At(step, Box::new(self))
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
        let begun = Instant::now();
        let outcome = work.await;
        let millis = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        match outcome {
            Ok(Done { value, said }) => {
                let said = said.as_deref().map(|said| self.fit(said));
                (self.on_step)(StepReport {
                    step,
                    ended: StepEnd::Done,
                    millis,
                    facts: Vec::new(),
                    said,
                });
                Ok(value)
            }
            Err(reason) => {
                let code = reason.code();
                let (advice, said) = reason.explained(step);
                let said = said.as_deref().map(|said| self.fit(said));
                let report = StepReport {
                    step,
                    ended: StepEnd::Failed,
                    millis,
                    facts: Vec::new(),
                    said: said.clone(),
                };
                (self.on_step)(report);
                Err(Failure { step, said, advice, code })
            }
        }
    }

    /// A server's words, fit to be kept and shown.
    pub(super) fn fit(&self, said: &str) -> String {
        self.hush.text(&shown(said))
    }

    /// Reports a step that the settings do not ask for.
    pub(super) fn skip(&mut self, step: Step) {
        (self.on_step)(StepReport {
            step,
            ended: StepEnd::Skipped,
            millis: 0,
            facts: Vec::new(),
            said: None,
        });
    }
}
