//! Tests of the facts that each step reports.

use domain::delivery::{Diagnosis, FactName, Step};
use domain::settings::Security;
use testkit::smtp_server::{AUTHORITY, Protection, SmtpScript, SmtpServer};
use tokio::time::sleep;

use super::{DeliveryAttempt, in_clear, with_password};

#[tokio::test]
async fn with_starttls_each_step_reports_its_facts() {
    let ehlo_under_tls = "250-x\n250-AUTH PLAIN LOGIN\n250-SIZE 35882577\n250 SMTPUTF8";
    let server = SmtpScript { ehlo_under_tls, ..SmtpScript::by_starttls() }.play();
    let address = server.address.to_string();
    let outcome = with_password(&server).run().await;

    assert_eq!(outcome.facts(Step::NameLookup), [(FactName::Addresses, "127.0.0.1")]);
    assert_eq!(outcome.facts(Step::Connection), [(FactName::Peer, address.as_str())]);
    assert_eq!(outcome.facts(Step::Greeting), []);
    assert_eq!(
        outcome.facts(Step::Capabilities),
        [
            (FactName::ClientName, "[127.0.0.1]"),
            (FactName::Mechanisms, "PLAIN LOGIN"),
            (FactName::Size, "35882577"),
            (FactName::SmtpUtf8, "yes"),
        ]
    );
    assert_eq!(outcome.facts(Step::SignIn), [(FactName::Mechanism, "PLAIN")]);
    assert_eq!(outcome.facts(Step::Content), []);
    assert_eq!(outcome.facts(Step::Accepted), [(FactName::QueueId, "4711")]);
}

#[tokio::test]
async fn tls_reports_version_cipher_and_certificate_in_either_mode() {
    for (script, security) in [
        (SmtpScript::by_starttls(), Security::StartTls),
        (SmtpScript::from_the_first_byte(), Security::ImplicitTls),
    ] {
        let server = script.play();
        let outcome = DeliveryAttempt::at(&server, security).run().await;

        let facts = outcome.facts(Step::Tls);
        let names: Vec<_> = facts.iter().map(|(name, _)| *name).collect();
        let expected = [
            FactName::TlsVersion,
            FactName::Cipher,
            FactName::Subject,
            FactName::Issuer,
            FactName::DaysLeft,
        ];
        assert_eq!(names, expected, "{security:?}");
        assert_eq!(facts[0].1, "TLS 1.3");
        assert!(facts[1].1.starts_with("TLS_"), "{}", facts[1].1);
        assert_eq!((facts[2].1, facts[3].1), ("CN=Test server", "CN=Test authority"));
        assert!(facts[4].1.parse::<i64>().expect("a number") > 0, "{}", facts[4].1);
    }
}

#[tokio::test]
async fn without_tls_there_are_no_tls_facts_and_the_cleartext_capabilities_are_reported() {
    let server = SmtpScript::in_clear().play();
    let outcome = in_clear(&server).run().await;

    assert_eq!(outcome.facts(Step::Tls), []);
    assert_eq!(
        outcome.facts(Step::Capabilities),
        [
            (FactName::ClientName, "[127.0.0.1]"),
            (FactName::Mechanisms, "PLAIN LOGIN"),
            (FactName::SmtpUtf8, "no"),
        ]
    );
}

#[tokio::test]
async fn the_capabilities_under_tls_are_reported() {
    let ehlo_in_clear = "250-x\n250-AUTH LOGIN\n250-SIZE 1000\n250-SMTPUTF8\n250 STARTTLS";
    let ehlo_under_tls = "250-x\n250-AUTH PLAIN\n250 SIZE 2000";
    let server = SmtpScript { ehlo_in_clear, ehlo_under_tls, ..SmtpScript::by_starttls() }.play();
    let outcome = DeliveryAttempt::at(&server, Security::StartTls).run().await;

    assert_eq!(
        outcome.facts(Step::Capabilities),
        [
            (FactName::ClientName, "[127.0.0.1]"),
            (FactName::Mechanisms, "PLAIN"),
            (FactName::Size, "2000"),
            (FactName::SmtpUtf8, "no"),
        ]
    );
    assert_eq!(outcome.peer_text(Step::Capabilities), "250 x AUTH PLAIN SIZE 2000");
}

#[tokio::test]
async fn a_refused_ehlo_before_tls_fails_the_capabilities_step() {
    let server =
        SmtpScript { ehlo_in_clear: "554 5.7.1 Not you", ..SmtpScript::by_starttls() }.play();
    let outcome = DeliveryAttempt::at(&server, Security::StartTls).run().await;

    assert_eq!(outcome.failure(), (Step::Capabilities, Diagnosis::Unwelcome));
    assert!(outcome.steps.iter().all(|report| report.step != Step::Tls));
}

#[tokio::test]
async fn a_refused_sign_in_reports_the_tried_mechanisms() {
    let server = SmtpScript { auth: "535 5.7.8 No", ..SmtpScript::by_starttls() }.play();
    let outcome = with_password(&server).run().await;

    assert_eq!(outcome.failure(), (Step::SignIn, Diagnosis::CredentialsRefused));
    assert_eq!(outcome.facts(Step::SignIn), [(FactName::Mechanism, "PLAIN, LOGIN")]);
    assert_eq!(outcome.words(), "535 5.7.8 No");
}

#[tokio::test]
async fn facts_have_no_control_characters_and_no_password() {
    let ehlo_in_clear = "250-x\n250-AUTH PLAIN \u{202E}EVIL\u{1B}[31m\n250 8BITMIME";
    let content = "250 2.0.0 Ok: queued as opensesame-4711";
    let server = SmtpScript { ehlo_in_clear, content, ..SmtpScript::in_clear() }.play();
    let attempt = in_clear(&server).signed_in("ppm", "opensesame");
    let outcome = attempt.run().await;

    let mechanisms = outcome.fact(Step::Capabilities, FactName::Mechanisms);
    assert_eq!(mechanisms, "PLAIN EVIL[31M");
    assert_eq!(outcome.fact(Step::Accepted, FactName::QueueId), "[password]-4711");
    assert_eq!(outcome.reply(), "250 2.0.0 Ok: queued as [password]-4711");
}

#[tokio::test]
async fn hostile_names_in_a_certificate_are_sanitised() {
    let subject = "mail\u{202E}\u{7}\nevil";
    let protection = Protection::FromTheFirstByte(AUTHORITY.good_called(subject));
    let server = SmtpScript { protection, ..SmtpScript::from_the_first_byte() }.play();
    let outcome = DeliveryAttempt::at(&server, Security::ImplicitTls).run().await;

    assert_eq!(outcome.fact(Step::Tls, FactName::Subject), "CN=mail evil");
}

#[tokio::test]
async fn the_wait_after_the_final_dot_counts_for_the_accepted_step() {
    const WAIT: std::time::Duration = std::time::Duration::from_millis(150);

    let server = SmtpServer::play(|mut peer| async move {
        peer.accept_up_to_data().await?;
        peer.read_content().await?;
        sleep(WAIT).await;
        peer.say("250 taken").await?;
        peer.is_left().await
    });
    let outcome = in_clear(&server).run().await;

    let millis = |step| outcome.steps.iter().find(|report| report.step == step).expect("it").millis;
    assert!(u128::from(millis(Step::Accepted)) + 20 >= WAIT.as_millis(), "{:?}", outcome.steps);
    assert_eq!(outcome.facts(Step::Accepted), []);
}
