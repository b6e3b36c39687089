//! What an administrator reads where a test message failed: the words for the failure, with the
//! values of the settings that were tested in them. Made on the server only.

use domain::delivery::{Advice, FactName, Outcome, Run};
use domain::draft::Form;
use domain::token::{Fault, Leg, Setback};

use super::certificate::of_unknown_authority;
use super::provider::steps_for;
use super::setback::{self, Known};
use super::{INTERRUPTED, Words, advice, egress};
use crate::explanation::{Explanation, NextStep};

/// What the end of a test message means and what to do; nothing to say of a good end, or before it.
/// `tested` is the
/// form that the message went through, without its Client ID for whoever may not read that.
#[must_use]
pub fn explained(run: &Run, tested: &Form<()>) -> Option<Explanation> {
    match run.outcome.as_ref()? {
        Outcome::Accepted { .. } => None,
        Outcome::Interrupted => Some(plain(&INTERRUPTED)),
        Outcome::Failed { advice, said, .. } => {
            Some(of_failure(*advice, said.as_deref(), run, tested))
        }
    }
}

/// The provider's own steps where there are any, and those that hold everywhere otherwise.
fn of_failure(code: Advice, said: Option<&str>, run: &Run, tested: &Form<()>) -> Explanation {
    let words = advice(code);
    match code {
        Advice::CertificateUnknownIssuer | Advice::CertificateSelfSigned => {
            of_unknown_authority(&words, run, tested)
        }
        Advice::EgressNotAllowed => and(plain(&words), refused(run).map(egress::allow)),
        Advice::EgressDenied => and(plain(&words), refused(run).map(egress::denied)),
        Advice::TokenNotObtained(fault) => of_setback(Leg::TokenRequest, fault, said, tested),
        Advice::TokenNotRenewed(fault) => {
            let explanation = of_setback(Leg::Renewal, fault, said, tested);
            match steps_for(code, tested) {
                Some(steps) => Explanation { steps, ..explanation },
                None => explanation,
            }
        }
        _ => match steps_for(code, tested) {
            Some(steps) => Explanation { steps, ..plain(&words) },
            None => plain(&words),
        },
    }
}

/// What kept a message from having a token.
fn of_setback(leg: Leg, fault: Fault, said: Option<&str>, tested: &Form<()>) -> Explanation {
    let setback = Setback { leg, fault, said: said.map(str::to_owned) };
    setback::explained(&setback, &Known { form: tested.clone(), ..Known::default() })
}

/// The addresses that the egress policy refused at the last step.
fn refused(run: &Run) -> Option<&str> {
    let facts = &run.steps.last()?.facts;
    facts.iter().find(|fact| fact.name == FactName::Addresses).map(|fact| fact.value.as_str())
}

fn and(mut explanation: Explanation, step: Option<NextStep>) -> Explanation {
    explanation.steps.extend(step);
    explanation
}

fn plain(words: &Words) -> Explanation {
    let steps = words.steps.iter().map(|&step| NextStep::words(step)).collect();
    Explanation { cause: words.cause.to_owned(), steps }
}
