//! What an administrator reads where a test message failed: the words for the failure, with the
//! values of the settings that were tested in them. Made on the server only.

use std::net::IpAddr;

use domain::delivery::{Advice, FactName, Outcome, Run, Step, StepEnd};
use domain::draft::Form;
use domain::token::{Fault, Leg, Setback};
use domain::{Field, OauthFlow};

use super::certificate::{of_unacceptable, of_unknown_authority};
use super::provider::steps_for;
use super::setback::{self, Known};
use super::{INTERRUPTED, Words, advice, egress};
use crate::explanation::{Explanation, Fill, Link, NextStep};

/// What the end of a test message means and what to do; nothing to say of a good end, or before it.
/// `tested` is the
/// form that the message went through, without its Client ID for whoever may not read that.
#[must_use]
pub fn explained(run: &Run, tested: &Form<()>) -> Option<Explanation> {
    match run.outcome.as_ref()? {
        Outcome::Accepted { .. } => None,
        Outcome::Interrupted => Some(plain(&INTERRUPTED)),
        Outcome::Failed { advice, said, found, .. } => {
            let words = said.as_deref().or(found.as_deref());
            Some(of_failure(*advice, words, run, tested))
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
        Advice::CertificateVersion1
        | Advice::CertificateKeyTooShort
        | Advice::CertificateWithoutNames
        | Advice::CertificateOldSignature => of_unacceptable(&words, tested),
        Advice::ClientNameRefused => after(client_name(run), &words),
        Advice::ReceivingServer => after(submission_server(run, tested), &words),
        Advice::AddressNotAdmitted | Advice::ReverseNameMissing | Advice::Unwelcome => {
            after(said.and_then(address), &words)
        }
        Advice::AddressBlocked => and(after(said.and_then(address), &words), Some(blocklist())),
        Advice::EgressNotAllowed => and(plain(&words), refused(run).map(egress::allow)),
        Advice::EgressDenied => and(plain(&words), refused(run).map(egress::denied)),
        Advice::TokenNotObtained(fault) => of_setback(Leg::TokenRequest, fault, said, tested),
        Advice::TokenNotRenewed(fault) => {
            let explanation = of_setback(Leg::Renewal, fault, said, tested);
            match steps_for(code, tested, run) {
                Some((steps, page)) => Explanation { steps, see_also: Some(page), ..explanation },
                None => explanation,
            }
        }
        _ => match steps_for(code, tested, run) {
            Some((steps, page)) => Explanation { steps, see_also: Some(page), ..plain(&words) },
            None if code == Advice::TokenRefused => {
                Explanation { steps: of_refused_token(run, tested), ..plain(&words) }
            }
            None => plain(&words),
        },
    }
}

/// The name that was sent in EHLO, whichever step its refusal came at.
fn client_name(run: &Run) -> Option<NextStep> {
    let sent = found(run, FactName::ClientName)?;
    Some(NextStep::words(format!("PPM introduced itself as {sent}.")))
}

/// The provider's server for sending, with a button that enters it.
fn submission_server(run: &Run, tested: &Form<()>) -> Option<NextStep> {
    let server = found(run, FactName::SubmissionServer)?;
    let field = match tested.flow {
        OauthFlow::None => Field::BasicServer,
        OauthFlow::AuthorizationCode
        | OauthFlow::AuthorizationCodePkce
        | OauthFlow::ClientCredentials => Field::OauthServer,
    };
    Some(NextStep {
        text: format!("This provider's server for sending is {server}: enter it in SMTP Server."),
        fill: Some(Fill { field, value: server.to_owned(), label: format!("Use {server}") }),
        ..NextStep::default()
    })
}

/// The address that a server names where it refuses this machine's.
fn address(said: &str) -> Option<NextStep> {
    let is_sign = |c: char| !c.is_ascii_hexdigit() && !matches!(c, '.' | ':');
    let mut words = said.split(is_sign).map(|word| word.trim_matches(['.', ':']));
    let address = words.find(|word| word.parse::<IpAddr>().is_ok())?;
    Some(NextStep::words(format!("The server sees this machine at the address {address}.")))
}

fn blocklist() -> NextStep {
    NextStep {
        text: "Spamhaus, whose lists most servers use, says why it lists an address:".to_owned(),
        link: Some(Link {
            text: "check.spamhaus.org".to_owned(),
            href: "https://check.spamhaus.org/".to_owned(),
        }),
        ..NextStep::default()
    }
}

/// What to do about a refused token at a provider without its own steps.
fn of_refused_token(run: &Run, tested: &Form<()>) -> Vec<NextStep> {
    let scope = match wanted_scope(run) {
        Some(wanted) => format!("The server asks for the scope {wanted}: check that Scope has it."),
        None => {
            "Check Scope: it must be the one for SMTP in the provider's documentation.".to_owned()
        }
    };
    let owner = if tested.flow == OauthFlow::ClientCredentials {
        "Default Sender Email must be a mailbox that the application may send as."
    } else {
        "Default Sender Email must be the account that signed in for the token."
    };
    let steps = if is_token_fresh(run) {
        [
            "PPM has just obtained this token, so another one is refused as well unless something changes.",
            "Try again later: the server may be unable to check tokens.",
        ]
    } else {
        [
            "Get a new token: this one may have expired or been revoked.",
            "If a new token is refused too, try again later: the server may be unable to check tokens.",
        ]
    };
    let steps = [owner].into_iter().chain(steps).map(NextStep::words);
    std::iter::once(NextStep::words(scope)).chain(steps).collect()
}

/// The scope that the mail server names where it refuses a token.
pub(super) fn wanted_scope(run: &Run) -> Option<&str> {
    found(run, FactName::WantedScope)
}

/// A token this young has not expired since.
const FRESH: u64 = 60;

/// Whether PPM has renewed or obtained the token just before it sent with it.
pub(super) fn is_token_fresh(run: &Run) -> bool {
    let taken = run.steps.iter().rfind(|report| report.step == Step::Token);
    let taken = taken.filter(|report| report.ended == StepEnd::Done);
    taken.is_some_and(|report| {
        report.facts.iter().any(|fact| match fact.name {
            FactName::Renewed => fact.value == "yes",
            FactName::Age => fact.value.parse().is_ok_and(|age: u64| age <= FRESH),
            _ => false,
        })
    })
}

/// What the last step that says so found out.
fn found(run: &Run, name: FactName) -> Option<&str> {
    let mut facts = run.steps.iter().rev().flat_map(|report| &report.facts);
    facts.find(|fact| fact.name == name).map(|fact| fact.value.as_str())
}

fn after(first: Option<NextStep>, words: &Words) -> Explanation {
    let explanation = plain(words);
    Explanation { steps: first.into_iter().chain(explanation.steps).collect(), ..explanation }
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
    Explanation::new(words.cause, steps)
}
