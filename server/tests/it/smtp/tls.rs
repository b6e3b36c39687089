//! Encrypted, or nothing sent: mismatches of TLS mode, and certificates that are wrong in one way.

use std::sync::Arc;

use domain::check::host::Host;
use domain::delivery::{Advice, Step, StepEnd};
use domain::settings::Security;
use rustls::ServerConfig;

use super::{Attempt, Outcome};
use crate::support::smtp_server::{
    AUTHORITY, Authority, Protection, Script, SmtpServer, self_signed,
};

/// Calls a server with this certificate by each TLS mode, and checks that nothing but the way to
/// TLS was ever said.
async fn certificate_is_refused(certificate: Arc<ServerConfig>, advice: Advice) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for (protection, security) in [
        (Protection::StartTls(certificate.clone()), Security::StartTls),
        (Protection::FromTheFirstByte(certificate.clone()), Security::ImplicitTls),
    ] {
        let server = Script { protection, ..Script::by_starttls() }.play();
        let host = Host::Name("localhost".to_owned());
        let attempt = Attempt::to(host, server.address.port(), security);
        let outcome = attempt.signed_in("ppm", "secret").run().await;

        assert_eq!(outcome.failure(), (Step::Tls, advice), "{security:?}");
        let heard = server.heard().await;
        let is_way_to_tls = |line: &&str| line.starts_with("EHLO") || *line == "STARTTLS";
        assert!(heard.lines().iter().all(is_way_to_tls), "{heard:?}");
        outcomes.push(outcome);
    }
    outcomes
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let certificate = Authority::named("Nobody").good();
    certificate_is_refused(certificate, Advice::CertificateUnknownIssuer).await;
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_as_such() {
    certificate_is_refused(self_signed(false), Advice::CertificateSelfSigned).await;
}

#[tokio::test]
async fn a_self_signed_certificate_that_calls_itself_an_authority_is_refused_as_such() {
    certificate_is_refused(self_signed(true), Advice::CertificateSelfSigned).await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    certificate_is_refused(AUTHORITY.expired(), Advice::CertificateExpired).await;
}

#[tokio::test]
async fn a_certificate_before_its_time_is_refused() {
    certificate_is_refused(AUTHORITY.not_yet_valid(), Advice::CertificateNotYetValid).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_and_says_for_which() {
    let certificate = AUTHORITY.of_another_name();
    for outcome in certificate_is_refused(certificate, Advice::CertificateWrongName).await {
        assert!(outcome.found().contains("mail.example.org"), "{}", outcome.found());
        assert_eq!(outcome.words(), "", "the server has said nothing");
    }
}

#[tokio::test]
async fn tls_from_the_first_byte_to_a_port_that_starts_in_clear_is_recognised() {
    let server = Script::by_starttls().play();
    let outcome =
        Attempt::at(&server, Security::ImplicitTls).signed_in("ppm", "secret").run().await;

    assert_eq!(outcome.failure(), (Step::Tls, Advice::PlainPort));
    assert_eq!(
        outcome.steps(),
        [
            (Step::NameLookup, StepEnd::Done),
            (Step::Connection, StepEnd::Done),
            (Step::Tls, StepEnd::Failed),
        ]
    );
}

#[tokio::test]
async fn a_port_that_waits_for_tls_gives_itself_away_by_answering_to_tls() {
    for certificate in [AUTHORITY.good(), self_signed(true)] {
        for security in [Security::Clear, Security::StartTls] {
            let protection = Protection::FromTheFirstByte(certificate.clone());
            let server = Script { protection, ..Script::by_starttls() }.play();
            let outcome = Attempt::at(&server, security).in_a_hurry().run().await;

            assert_eq!(outcome.failure(), (Step::Greeting, Advice::TlsPort), "{security:?}");
            assert_eq!(server.heard().await.lines(), [""; 0]);
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_silent_port_2465_waits_for_tls() {
    let part = |mut peer: crate::support::smtp_server::Peer| async move { peer.is_left().await };
    let server = SmtpServer::play_at("127.0.46.5:2465", part);
    let outcome = Attempt::at(&server, Security::StartTls).in_a_hurry().run().await;
    assert_eq!(outcome.failure(), (Step::Greeting, Advice::TlsPort));
}

#[tokio::test]
async fn nothing_is_sent_where_starttls_is_not_offered() {
    let server = Script::in_clear().play();
    let outcome = Attempt::at(&server, Security::StartTls).signed_in("ppm", "secret").run().await;

    assert_eq!(outcome.failure(), (Step::Tls, Advice::StartTlsNotOffered));
    assert_eq!(server.heard().await.lines(), ["EHLO [127.0.0.1]", "QUIT"]);
}

#[tokio::test]
async fn a_reply_injected_in_the_breath_of_the_go_ahead_is_recognised() {
    let starttls = "220 2.0.0 Go ahead\n250 2.1.0 Injected";
    let server = Script { starttls, ..Script::by_starttls() }.play();
    let outcome = Attempt::at(&server, Security::StartTls).signed_in("ppm", "secret").run().await;

    assert_eq!(outcome.failure(), (Step::Tls, Advice::StartTlsInjected));
    assert_eq!(server.heard().await.lines(), ["EHLO [127.0.0.1]", "STARTTLS"]);
}

#[tokio::test]
async fn a_go_ahead_of_two_lines_is_one_reply() {
    let starttls = "220-2.0.0 Go\n220 2.0.0 Ahead";
    let server = Script { starttls, ..Script::by_starttls() }.play();
    Attempt::at(&server, Security::StartTls).run().await.reply();
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_of_its_caller_is_told_by_its_alert() {
    let protection = Protection::FromTheFirstByte(AUTHORITY.good_and_curious());
    let server = Script { protection, ..Script::by_starttls() }.play();
    let outcome = Attempt::at(&server, Security::ImplicitTls).run().await;

    assert_eq!(outcome.failure(), (Step::Greeting, Advice::TlsFailed));
    assert_eq!(outcome.found(), "received fatal alert: CertificateRequired");
}

#[tokio::test]
async fn a_reply_injected_after_the_hello_of_tls_is_recognised() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.hear().await?;
        peer.say("250-hello\r\n250 STARTTLS").await?;
        peer.hear().await?;
        peer.say("220 go").await?;
        peer.hear_something().await?;
        peer.say("250 injected").await?;
        peer.is_left().await
    });
    let outcome = Attempt::at(&server, Security::StartTls).run().await;
    assert_eq!(outcome.failure(), (Step::Tls, Advice::StartTlsInjected));
}
