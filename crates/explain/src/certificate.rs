//! Explains rejected certificates of a mail server: the presented certificate, and which one could be
//! trusted for this server. Server only.

use std::net::IpAddr;

use contract::{Explanation, NextStep};
use domain::delivery::{FactName, Run, StepStatus};
use domain::{Field, Form, OauthFlow};
use labels::{Words, field_in_full};

use crate::steps::{with_copy, with_fill};

/// Explains a certificate with an unknown issuer, with the details that the server presented.
pub(super) fn of_unknown_authority(words: &Words, run: &Run, tested: &Form<()>) -> Explanation {
    let facts = run.steps.iter().rfind(|report| report.ended == StepStatus::Failed);
    let facts = facts.map_or(&[][..], |report| &report.facts);
    let found = |name| facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.as_str());
    let shown = found(FactName::Subject).or_else(|| found(FactName::Names)).map(|subject| {
        let issuer = found(FactName::Issuer).unwrap_or("an unnamed issuer");
        format!("The server presents a certificate for {subject}, issued by {issuer}.").into()
    });
    let trust = found(FactName::IssuerPem).zip(found(FactName::IssuerFingerprint));
    let is_its_own = found(FactName::IssuerFingerprint) == found(FactName::Fingerprint);
    let trust = trust.map(|(pem, fingerprint)| trust_step(pem, fingerprint, is_its_own, tested));
    let others = words.steps.iter().map(|&step| NextStep::words(step));
    Explanation::new(words.cause, shown.into_iter().chain(trust).chain(others))
}

/// Explains a certificate that is never accepted, with a command that creates an acceptable one.
pub(super) fn of_unacceptable(words: &Words, tested: &Form<()>) -> Explanation {
    let steps = words.steps.iter().map(|&step| NextStep::words(step));
    let host = tested.active_smtp().server.trim_end_matches('.');
    let kind = if host.parse::<IpAddr>().is_ok() { "IP" } else { "DNS" };
    let line = format!(
        "openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days 825 -keyout key.pem -out cert.pem -subj \"/CN={host}\" -addext \"subjectAltName={kind}:{host}\""
    );
    let made = with_copy(
        "For the mail server's operator: this command creates a key and a self-signed certificate. After it is installed on the mail server, paste the certificate into Trusted CA certificate. Or use a certificate from a CA.",
        line,
    );
    Explanation::new(words.cause, steps.chain([made]))
}

fn trust_step(pem: &str, fingerprint: &str, is_its_own: bool, tested: &Form<()>) -> NextStep {
    let field = match tested.flow {
        OauthFlow::None => Field::BasicTrustedCa,
        _ => Field::OauthTrustedCa,
    };
    // The stored password is bound to the trusted certificates.
    let again = if tested.flow == OauthFlow::None && !tested.sign_in.username.is_empty() {
        " Enter the Password again."
    } else {
        ""
    };
    let (owner, label) = if is_its_own {
        ("the server's", "Trust this certificate")
    } else {
        ("the issuer's", "Trust this issuer")
    };
    let text = format!(
        "Ask the mail server's administrator whether {owner} certificate has the SHA-256 fingerprint {fingerprint}. If it matches, trust it: it is added to {} and applies to this mail server only.{again} Save, then send again.",
        field_in_full(field)
    );
    with_fill(text, field, pem, label)
}
