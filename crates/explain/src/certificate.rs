//! Explains rejected certificates of a mail server: the presented certificate, and which one could be
//! trusted for this server. Server only.

use std::net::IpAddr;

use contract::{Explanation, NextStep, Suggestion};
use domain::delivery::{Fact, FactName, Run, StepStatus};
use domain::draft::Form;
use domain::{Field, OauthFlow};
use labels::{Words, field_in_full};

/// Explains a certificate with an unknown issuer, with the details that the server presented.
pub(super) fn of_unknown_authority(words: &Words, run: &Run, tested: &Form<()>) -> Explanation {
    let facts = run.steps.iter().rfind(|report| report.ended == StepStatus::Failed);
    let facts = facts.map_or(&[][..], |report| &report.facts);
    let found = |name: FactName| facts.iter().find(|fact| fact.name == name).map(value);
    let shown = found(FactName::Subject).or_else(|| found(FactName::Names)).map(|subject| {
        let issuer = found(FactName::Issuer).unwrap_or("an unnamed issuer");
        NextStep::words(format!(
            "The server presents a certificate for {subject}, issued by {issuer}."
        ))
    });
    let trust = found(FactName::IssuerPem).zip(found(FactName::IssuerFingerprint));
    let is_its_own = found(FactName::IssuerFingerprint) == found(FactName::Fingerprint);
    let trust = trust.map(|(pem, fingerprint)| trust_step(pem, fingerprint, is_its_own, tested));
    let others = words.steps.iter().map(|&step| NextStep::words(step));
    Explanation::new(words.cause, shown.into_iter().chain(trust).chain(others).collect())
}

/// Explains a certificate that is never accepted, with a command that creates an acceptable one.
pub(super) fn of_unacceptable(words: &Words, tested: &Form<()>) -> Explanation {
    let steps = words.steps.iter().map(|&step| NextStep::words(step));
    let host = tested.active_smtp().server.trim_end_matches('.');
    let kind = if host.parse::<IpAddr>().is_ok() { "IP" } else { "DNS" };
    let line = format!(
        "openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days 825 -keyout key.pem -out cert.pem -subj \"/CN={host}\" -addext \"subjectAltName={kind}:{host}\""
    );
    let made = NextStep {
        text: "For the mail server's operator: this command creates a key and a self-signed certificate. After it is installed on the mail server, paste the certificate into Trusted CA certificate. Or use a certificate from a CA.".to_owned(),
        copy: Some(line),
        ..NextStep::default()
    };
    let steps = steps.chain([made]).collect();
    Explanation { cause: words.cause.to_owned(), steps, see_also: None }
}

fn value(fact: &Fact) -> &str {
    &fact.value
}

fn trust_step(pem: &str, fingerprint: &str, is_its_own: bool, tested: &Form<()>) -> NextStep {
    let field = match tested.flow {
        OauthFlow::None => Field::BasicTrustedCa,
        OauthFlow::AuthorizationCode
        | OauthFlow::AuthorizationCodePkce
        | OauthFlow::ClientCredentials => Field::OauthTrustedCa,
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
    NextStep {
        text: format!(
            "Ask the mail server's administrator whether {owner} certificate has the SHA-256 fingerprint {fingerprint}. If it matches, trust it: it is added to {} and applies to this mail server only.{again} Save, then send again.",
            field_in_full(field)
        ),
        fill: Some(Suggestion { field, value: pem.to_owned(), label: label.to_owned() }),
        ..NextStep::default()
    }
}
