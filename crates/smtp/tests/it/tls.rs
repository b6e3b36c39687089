//! Tests that nothing is sent without valid TLS: mismatches of the TLS mode, and certificates with
//! one problem each.

use std::sync::Arc;

use domain::delivery::{Diagnosis, Step, StepStatus};
use domain::settings::Security;
use domain::syntax::host::Host;
use rustls::ServerConfig;
use testkit::smtp_server::{AUTHORITY, Protection, SmtpScript, SmtpServer, TestCa, self_signed};

use super::{DeliveryAttempt, DeliveryResult, done, with_password};

/// Delivers to a server with this certificate in each TLS mode, and checks that only EHLO and
/// STARTTLS were sent.
async fn certificate_is_refused(
    certificate: Arc<ServerConfig>,
    diagnosis: Diagnosis,
) -> Vec<DeliveryResult> {
    let mut outcomes = Vec::new();
    for (protection, security) in [
        (Protection::StartTls(certificate.clone()), Security::StartTls),
        (Protection::FromTheFirstByte(certificate.clone()), Security::ImplicitTls),
    ] {
        let server = SmtpScript { protection, ..SmtpScript::by_starttls() }.play();
        let host = Host::Name("localhost".to_owned());
        let attempt = DeliveryAttempt::to(host, server.address.port(), security);
        let outcome = attempt.signed_in("ppm", "secret").run().await;

        assert_eq!(outcome.failure(), (Step::Tls, diagnosis), "{security:?}");
        let received = server.received().await;
        let is_way_to_tls = |line: &&str| line.starts_with("EHLO") || *line == "STARTTLS";
        assert!(received.lines().iter().all(is_way_to_tls), "{received:?}");
        outcomes.push(outcome);
    }
    outcomes
}

#[tokio::test]
async fn a_certificate_with_a_problem_is_refused_with_its_diagnosis() {
    for (certificate, diagnosis) in [
        (TestCa::named("Another authority").good(), Diagnosis::CertificateUnknownIssuer),
        (self_signed(false), Diagnosis::CertificateSelfSigned),
        (self_signed(true), Diagnosis::CertificateSelfSigned),
        (AUTHORITY.expired(), Diagnosis::CertificateExpired),
        (AUTHORITY.not_yet_valid(), Diagnosis::CertificateNotYetValid),
    ] {
        certificate_is_refused(certificate, diagnosis).await;
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_and_its_name_is_shown() {
    let certificate = AUTHORITY.of_another_name();
    for outcome in certificate_is_refused(certificate, Diagnosis::CertificateWrongName).await {
        assert!(outcome.found().contains("mail.example.org"), "{}", outcome.found());
        assert_eq!(outcome.words(), "", "the server has said nothing");
    }
}

#[tokio::test]
async fn implicit_tls_to_a_cleartext_port_is_recognised() {
    let server = SmtpScript::by_starttls().play();
    let outcome =
        DeliveryAttempt::at(&server, Security::ImplicitTls).signed_in("ppm", "secret").run().await;

    assert_eq!(outcome.failure(), (Step::Tls, Diagnosis::PlainPort));
    let mut expected = done([Step::NameLookup, Step::Connection]);
    expected.push((Step::Tls, StepStatus::Failed));
    assert_eq!(outcome.steps(), expected);
}

#[tokio::test]
async fn a_port_that_expects_implicit_tls_is_recognised_by_a_handshake() {
    for certificate in [AUTHORITY.good(), self_signed(true)] {
        for security in [Security::Clear, Security::StartTls] {
            let protection = Protection::FromTheFirstByte(certificate.clone());
            let server = SmtpScript { protection, ..SmtpScript::by_starttls() }.play();
            let outcome = DeliveryAttempt::at(&server, security).in_a_hurry().run().await;

            assert_eq!(outcome.failure(), (Step::Greeting, Diagnosis::TlsPort), "{security:?}");
            assert_eq!(server.received().await.lines(), [""; 0]);
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_silent_port_2465_is_taken_for_implicit_tls() {
    let part = |mut peer: testkit::smtp_server::SmtpPeer| async move { peer.is_left().await };
    let server = SmtpServer::play_at("127.0.46.5:2465", part);
    let outcome = DeliveryAttempt::at(&server, Security::StartTls).in_a_hurry().run().await;
    assert_eq!(outcome.failure(), (Step::Greeting, Diagnosis::TlsPort));
}

#[tokio::test]
async fn nothing_is_sent_if_starttls_is_not_offered() {
    let server = SmtpScript::in_clear().play();
    let outcome = with_password(&server).run().await;

    assert_eq!(outcome.failure(), (Step::Tls, Diagnosis::StartTlsNotOffered));
    assert_eq!(server.received().await.lines(), ["EHLO [127.0.0.1]", "QUIT"]);
}

#[tokio::test]
async fn a_reply_injected_with_the_go_ahead_is_recognised() {
    let starttls = "220 2.0.0 Go ahead\n250 2.1.0 Injected";
    let server = SmtpScript { starttls, ..SmtpScript::by_starttls() }.play();
    let outcome = with_password(&server).run().await;

    assert_eq!(outcome.failure(), (Step::Tls, Diagnosis::StartTlsInjected));
    assert_eq!(server.received().await.lines(), ["EHLO [127.0.0.1]", "STARTTLS"]);
}

#[tokio::test]
async fn a_go_ahead_of_two_lines_is_one_reply() {
    let starttls = "220-2.0.0 Go\n220 2.0.0 Ahead";
    let server = SmtpScript { starttls, ..SmtpScript::by_starttls() }.play();
    DeliveryAttempt::at(&server, Security::StartTls).run().await.reply();
}

#[tokio::test]
async fn a_required_client_certificate_is_reported_by_its_alert() {
    let protection = Protection::FromTheFirstByte(AUTHORITY.good_and_curious());
    let server = SmtpScript { protection, ..SmtpScript::by_starttls() }.play();
    let outcome = DeliveryAttempt::at(&server, Security::ImplicitTls).run().await;

    assert_eq!(outcome.failure(), (Step::Greeting, Diagnosis::TlsFailed));
    assert_eq!(outcome.found(), "received fatal alert: CertificateRequired");
}

#[tokio::test]
async fn a_reply_injected_after_the_client_hello_is_recognised() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.answer_each(&["250-hello\r\n250 STARTTLS", "220 go"]).await?;
        peer.read_some().await?;
        peer.say("250 injected").await?;
        peer.is_left().await
    });
    let outcome = DeliveryAttempt::at(&server, Security::StartTls).run().await;
    assert_eq!(outcome.failure(), (Step::Tls, Diagnosis::StartTlsInjected));
}
