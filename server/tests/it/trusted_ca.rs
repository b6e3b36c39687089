//! The Trusted CA certificate of each SMTP group: validation, storage, and where it counts.

use std::sync::Arc;

use contract::{EmailService, RunView, SaveAnswer, ShellService};
use domain::delivery::{Diagnosis, Outcome};
use domain::syntax::certificate::CertificateProblem;
use domain::token::AttemptOutcome;
use domain::{Draft, Field, OauthFlow, Problem};
use rustls::ServerConfig;
use server::Server;
use store::audit::Action;

use crate::support::drafts::edited;
use crate::support::harness::{Harness, ada};
use crate::support::oauth_fixture::{OauthFixture, draft_with};
use crate::support::waiting::{ended, until_some};
use testkit::provider::TestProvider;
use testkit::smtp_server::{
    AUTHORITY, Protection, SmtpScript, SmtpServer, TestCa, made_by_openssl, self_signed_authority,
};

/// A draft with this port in both groups, with implicit TLS.
fn draft(port: u16) -> Draft {
    let (authorization, token) = ("https://login.example.com/a", "https://login.example.com/t");
    let mut draft = draft_with(OauthFlow::None, authorization, token, port);
    draft.basic = draft.oauth.clone();
    draft
}

fn mail_server(certificate: Arc<ServerConfig>) -> SmtpServer {
    let protection = Protection::FromTheFirstByte(certificate);
    SmtpScript { protection, ..SmtpScript::from_the_first_byte() }.play()
}

async fn tested(server: &Server) -> RunView {
    let service = server.service();
    let begun = service.send_test(&ada()).await.expect("a run");
    ended(&service, &ada(), &begun.run.id).await
}

fn diagnosis(outcome: Option<Outcome>) -> Option<Diagnosis> {
    match outcome? {
        Outcome::Failed { diagnosis, .. } => Some(diagnosis),
        _ => None,
    }
}

#[tokio::test]
async fn the_explanation_suggests_the_issuer_and_trusting_it_is_enough() {
    let (harness, authority) = (Harness::start().await, TestCa::named("Private CA"));
    let mail = mail_server(authority.good_with_its_own());
    let mut draft = draft(mail.address.port());
    harness.saved(&draft, 0).await;
    let RunView { run, explanation, .. } = tested(&harness.server).await;
    assert_eq!(diagnosis(run.outcome), Some(Diagnosis::CertificateUnknownIssuer));

    let steps = explanation.expect("an explanation").steps;
    assert!(steps[0].text.contains("CN=Test server, issued by CN=Private CA"), "{steps:?}");
    let step = steps.iter().find(|step| step.fill.is_some()).expect("a step with a button");
    let (_, fingerprint) = step.text.split_once("SHA-256 fingerprint ").expect("a fingerprint");
    assert_eq!(fingerprint.chars().take(95).filter(|&sign| sign == ':').count(), 31, "{step:?}");
    let fill = step.fill.clone().expect("a button");
    assert_eq!((fill.field, fill.label.as_str()), (Field::BasicTrustedCa, "Trust this issuer"));

    let mail = mail_server(authority.good_with_its_own());
    draft.edit(Field::BasicPort, mail.address.port().to_string());
    draft.edit(fill.field, fill.value);
    harness.saved(&draft, 1).await;
    let run = tested(&harness.server).await.run;
    assert!(matches!(run.outcome, Some(Outcome::Accepted { .. })), "{run:?}");
}

#[tokio::test]
async fn a_server_with_a_self_signed_certificate_is_trusted_by_that_certificate() {
    let (harness, (certificate, pem)) = (Harness::start().await, self_signed_authority(|_| {}));
    let mail = mail_server(certificate);
    harness.saved(&draft(mail.address.port()), 0).await;
    let RunView { run, explanation, .. } = tested(&harness.server).await;
    assert_eq!(diagnosis(run.outcome), Some(Diagnosis::CertificateSelfSigned));

    let steps = explanation.expect("an explanation").steps;
    let fill = steps.iter().find_map(|step| step.fill.clone()).expect("a button");
    assert_eq!(fill.label, "Trust this certificate");
    let lines = |pem: &str| pem.lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&fill.value), lines(&pem));
}

#[tokio::test]
async fn the_certificate_of_oauth_smtp_does_not_count_for_basic_smtp() {
    let (harness, authority) = (Harness::start().await, TestCa::named("Private CA"));
    let mail = mail_server(authority.good_with_its_own());
    let mut draft = draft(mail.address.port());
    draft.edit(Field::OauthTrustedCa, authority.pem());
    harness.saved(&draft, 0).await;
    let run = tested(&harness.server).await.run;
    assert_eq!(diagnosis(run.outcome), Some(Diagnosis::CertificateUnknownIssuer));
}

#[tokio::test]
async fn the_certificate_of_basic_smtp_does_not_count_for_oauth_smtp() {
    let flow = OauthFlow::ClientCredentials;
    let fixture = OauthFixture::configured(flow, |config| config.extra_ca.clear()).await;
    let draft = edited(&fixture.draft(flow), &[(Field::BasicTrustedCa, AUTHORITY.pem())]);
    fixture.saved(&draft, 1, None).await;
    fixture.obtain().await;
    assert_eq!(diagnosis(Some(fixture.send().await)), Some(Diagnosis::CertificateUnknownIssuer));

    let draft = edited(&draft, &[(Field::OauthTrustedCa, AUTHORITY.pem())]);
    fixture.saved(&draft, 2, fixture.token().await.map(|token| token.grant)).await;
    fixture.obtain().await;
    assert!(matches!(fixture.send().await, Outcome::Accepted { .. }));
}

#[tokio::test]
async fn a_trusted_certificate_does_not_count_for_the_token_endpoint() {
    let (harness, authority) = (Harness::start().await, TestCa::named("Private CA"));
    let provider = TestProvider::start_by_tls(authority.good_with_its_own());
    let edits = [
        (Field::Flow, "client-credentials".to_owned()),
        (Field::TokenEndpoint, provider.token_endpoint()),
        (Field::OauthTrustedCa, authority.pem()),
        (Field::BasicTrustedCa, authority.pem()),
    ];
    harness.saved(&edited(&draft(465), &edits), 0).await;
    let service = harness.server.service();
    let begun = service.get_token(&ada(), "", false).await.expect("an attempt");
    let end = until_some(async || {
        let found = ShellService::attempt(&service, None, &begun.attempt.id).await;
        found.expect("an answer").expect("the attempt").0.end
    })
    .await;
    assert!(matches!(end, AttemptOutcome::Failed(_)), "{end:?}");
    assert_eq!(provider.asked().len(), 0);
}

#[tokio::test]
async fn a_certificate_that_is_no_authority_is_refused_at_the_field() {
    let (harness, authority) = (Harness::start().await, TestCa::named("Private CA"));
    let damaged = "-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n";
    let leaf = authority.leaf_pem();
    for (pem, why) in [(damaged, "damaged"), (leaf.as_str(), "a server's own")] {
        let typed = edited(&draft(465), &[(Field::BasicTrustedCa, authority.pem() + pem)]);
        let answer = harness.save(&typed, 0).await;
        let SaveAnswer::Problems(problems) = answer else { panic!("{why}: {answer:?}") };
        let expected = Problem::Certificate(CertificateProblem::NoAuthority);
        assert_eq!(problems.iter().collect::<Vec<_>>(), [(Field::BasicTrustedCa, expected)]);
    }
}

#[tokio::test]
async fn a_private_key_is_neither_saved_nor_repeated_even_in_an_unchecked_group() {
    let harness = Harness::start().await;
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEcanarycanary\n-----END PRIVATE KEY-----\n";
    let mut checked = draft(465);
    checked.basic.trusted_ca = key.to_owned();
    let answer = format!("{:?}", harness.save(&checked, 0).await);
    assert!(answer.contains("PrivateKey") && !answer.contains("canary"), "{answer}");

    let mut unchecked = draft(465);
    unchecked.oauth.trusted_ca = key.to_owned();
    harness.saved(&unchecked, 0).await;
    let tab = harness.server.service().load(&ada(), "").await.expect("the tab");
    let kept = tab.saved.form.plain_text(Field::OauthTrustedCa);
    assert_eq!(kept, "-----BEGIN PRIVATE KEY");
}

#[tokio::test]
async fn the_audit_trail_names_the_certificates_that_changed() {
    let (harness, authority) = (Harness::start().await, TestCa::named("Private CA"));
    let mut draft = draft(465);
    harness.saved(&draft, 0).await;
    draft.edit(Field::BasicTrustedCa, authority.pem());
    harness.saved(&draft, 1).await;
    let trail = harness.trail(9).await;
    let of_save = trail.iter().find(|entry| entry.action == Action::SettingsSaved);
    let of_save = format!("{:?}", of_save.expect("a save"));
    assert!(of_save.contains("basic-trusted-ca") && !of_save.contains("BEGIN"), "{of_save}");
}

#[tokio::test]
async fn an_unusable_certificate_is_refused_at_its_field_with_the_reason() {
    let harness = Harness::start().await;
    let make = "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout k -out r";
    let sign = "x509 -req -days 3650 -in r -signkey k -out c";
    let nameless =
        "req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=LocalHost -keyout k -out c";
    let short = "req -x509 -newkey rsa:1024 -nodes -days 3650 -subj /CN=Authority -keyout k -out c";
    for (lines, expected) in [
        (&[make, sign][..], CertificateProblem::Version1),
        (&[nameless], CertificateProblem::NoNames),
        (&[short], CertificateProblem::KeyTooShort),
    ] {
        let typed =
            edited(&draft(587), &[(Field::BasicTrustedCa, &made_by_openssl(lines, ["c"])[0])]);
        let answer = harness.save(&typed, 0).await;
        let SaveAnswer::Problems(problems) = answer else { panic!("saved: {expected:?}") };
        let problem = problems.of(Field::BasicTrustedCa);
        assert_eq!(problem, Some(Problem::Certificate(expected)));
    }
}

#[tokio::test]
async fn an_authority_with_a_version_1_certificate_may_be_trusted() {
    let harness = Harness::start().await;
    let lines = [
        "req -newkey rsa:2048 -nodes -subj /CN=Authority -keyout k -out r",
        "x509 -req -days 3650 -in r -signkey k -out c",
    ];
    let [pem] = made_by_openssl(&lines, ["c"]);
    harness.saved(&edited(&draft(587), &[(Field::BasicTrustedCa, pem)]), 0).await;
}
