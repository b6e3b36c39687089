//! Explains a failed test message: the text of its diagnosis, with values of the tested settings.
//! Server only.

use std::net::IpAddr;

use contract::{Explanation, NextStep};
use domain::delivery::{Diagnosis, FactName, Outcome, Run, Step, StepStatus};
use domain::token::{OauthDiagnosis, OauthFailure, OauthStage};
use domain::{Field, Form, OauthFlow};
use labels::{INTERRUPTED, Words, diagnosis_words};

use crate::certificate::{of_unacceptable, of_unknown_authority};
use crate::oauth_failure::{self, FailureContext};
use crate::steps::{with_fill, with_link, words};
use crate::{egress, provider::steps_for};

/// Explains the outcome of a test message; `None` if it succeeded or has not ended. `tested` is the
/// tested form, without Client ID if the caller may not read it.
pub fn explained(run: &Run, tested: &Form<()>) -> Option<Explanation> {
    match run.outcome.as_ref()? {
        Outcome::Accepted { .. } => None,
        Outcome::Interrupted => Some(generic(&INTERRUPTED)),
        Outcome::Failed { diagnosis, peer_text, found, .. } => {
            let words = peer_text.as_deref().or(found.as_deref());
            Some(failure_explanation(*diagnosis, words, run, tested))
        }
    }
}

/// Explains a failure with settings that are not known any more.
pub fn of_diagnosis(code: Diagnosis) -> Explanation {
    generic(&diagnosis_words(code))
}

/// Returns the provider's steps if there are any, otherwise the generic ones.
fn failure_explanation(
    code: Diagnosis,
    peer_text: Option<&str>,
    run: &Run,
    tested: &Form<()>,
) -> Explanation {
    let words = diagnosis_words(code);
    match code {
        Diagnosis::CertificateUnknownIssuer | Diagnosis::CertificateSelfSigned => {
            of_unknown_authority(&words, run, tested)
        }
        Diagnosis::CertificateVersion1
        | Diagnosis::CertificateKeyTooShort
        | Diagnosis::CertificateWithoutNames
        | Diagnosis::CertificateOldSignature => of_unacceptable(&words, tested),
        Diagnosis::ClientNameRefused => with_first_step(client_name(run), &words),
        Diagnosis::ReceivingServer => with_first_step(submission_server(run, tested), &words),
        Diagnosis::AddressNotAdmitted | Diagnosis::ReverseNameMissing | Diagnosis::Unwelcome => {
            with_first_step(peer_text.and_then(address), &words)
        }
        Diagnosis::AddressBlocked => {
            with_last_step(with_first_step(peer_text.and_then(address), &words), Some(blocklist()))
        }
        Diagnosis::EgressNotAllowed => {
            with_last_step(generic(&words), refused(run).map(egress::allow))
        }
        Diagnosis::EgressDenied => {
            with_last_step(generic(&words), refused(run).map(egress::denied))
        }
        Diagnosis::TokenNotObtained(diagnosis) => {
            oauth_explanation(OauthStage::TokenRequest, diagnosis, peer_text, tested)
        }
        Diagnosis::TokenNotRenewed(diagnosis) => {
            let explanation = oauth_explanation(OauthStage::Renewal, diagnosis, peer_text, tested);
            with_steps_of_provider(explanation, code, run, tested)
        }
        Diagnosis::TokenRefused => {
            let steps = rejected_token_steps(run, tested);
            with_steps_of_provider(Explanation { steps, ..generic(&words) }, code, run, tested)
        }
        _ => with_steps_of_provider(generic(&words), code, run, tested),
    }
}

/// Replaces the steps by those of the provider, if it has any.
fn with_steps_of_provider(
    explanation: Explanation,
    code: Diagnosis,
    run: &Run,
    tested: &Form<()>,
) -> Explanation {
    match steps_for(code, tested, run) {
        Some((steps, page)) => Explanation { steps, see_also: Some(page), ..explanation },
        None => explanation,
    }
}

/// The name sent in EHLO or HELO.
fn client_name(run: &Run) -> Option<NextStep> {
    let sent = found(run, FactName::ClientName)?;
    Some(NextStep::words(format!("PPM introduced itself as {sent}.")))
}

/// The provider's submission server, with a button that enters it.
fn submission_server(run: &Run, tested: &Form<()>) -> Option<NextStep> {
    let server = found(run, FactName::SubmissionServer)?;
    let field = match tested.flow {
        OauthFlow::None => Field::BasicServer,
        _ => Field::OauthServer,
    };
    let text = format!("This provider's server for sending is {server}: enter it in SMTP Server.");
    Some(with_fill(text, field, server, &format!("Use {server}")))
}

/// The address of this machine as named in the server's reply.
fn address(peer_text: &str) -> Option<NextStep> {
    let is_separator = |c: char| !c.is_ascii_hexdigit() && !matches!(c, '.' | ':');
    let mut words = peer_text.split(is_separator).map(|word| word.trim_matches(['.', ':']));
    let address = words.find(|word| word.parse::<IpAddr>().is_ok())?;
    Some(NextStep::words(format!("The server sees this machine at the address {address}.")))
}

fn blocklist() -> NextStep {
    with_link(
        "Spamhaus, whose lists most servers use, says why it lists an address:",
        "check.spamhaus.org",
        "https://check.spamhaus.org/",
    )
}

/// Generic steps for a rejected token.
fn rejected_token_steps(run: &Run, tested: &Form<()>) -> Vec<NextStep> {
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
    let [first, then] = if is_token_fresh(run) {
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
    words(&[&scope, owner, first, then])
}

/// The scope in the mail server's error response (RFC 7628 3.2.2).
pub(super) fn wanted_scope(run: &Run) -> Option<&str> {
    found(run, FactName::WantedScope)
}

/// The age in seconds up to which a token counts as fresh.
const FRESH_SECONDS: u64 = 60;

/// Whether the token was refreshed for this message, or obtained just before it.
pub(super) fn is_token_fresh(run: &Run) -> bool {
    let token_step = run.steps.iter().rfind(|report| report.step == Step::Token);
    let token_step = token_step.filter(|report| report.ended == StepStatus::Done);
    token_step.is_some_and(|report| {
        report.facts.iter().any(|fact| match fact.name {
            FactName::Renewed => fact.value == "yes",
            FactName::Age => fact.value.parse().is_ok_and(|age: u64| age <= FRESH_SECONDS),
            _ => false,
        })
    })
}

/// Returns the latest fact with this name.
fn found(run: &Run, name: FactName) -> Option<&str> {
    let mut facts = run.steps.iter().rev().flat_map(|report| &report.facts);
    facts.find(|fact| fact.name == name).map(|fact| fact.value.as_str())
}

fn with_first_step(first: Option<NextStep>, words: &Words) -> Explanation {
    let explanation = generic(words);
    Explanation { steps: first.into_iter().chain(explanation.steps).collect(), ..explanation }
}

/// Explains the OAuth failure that left a message without a token.
fn oauth_explanation(
    stage: OauthStage,
    diagnosis: OauthDiagnosis,
    peer_text: Option<&str>,
    tested: &Form<()>,
) -> Explanation {
    let failure = OauthFailure { stage, diagnosis, peer_text: peer_text.map(str::to_owned) };
    oauth_failure::explained(
        &failure,
        &FailureContext { form: tested.clone(), ..FailureContext::default() },
    )
}

/// The addresses that the egress policy denied in the last step.
fn refused(run: &Run) -> Option<&str> {
    let facts = &run.steps.last()?.facts;
    facts.iter().find(|fact| fact.name == FactName::Addresses).map(|fact| fact.value.as_str())
}

fn with_last_step(mut explanation: Explanation, step: Option<NextStep>) -> Explanation {
    explanation.steps.extend(step);
    explanation
}

fn generic(words: &Words) -> Explanation {
    Explanation::new(words.cause, words.steps.iter().copied())
}
