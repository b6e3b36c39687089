//! What each step finds out, as facts beside the server's words.

use domain::delivery::{Advice, FactName, Step};
use domain::settings::Security;

use super::Attempt;
use crate::support::smtp_server::{AUTHORITY, Protection, Script};

#[tokio::test]
async fn by_starttls_each_step_says_what_it_found() {
    let ehlo_under_tls = "250-x\n250-AUTH PLAIN LOGIN\n250-SIZE 35882577\n250 SMTPUTF8";
    let server = Script { ehlo_under_tls, ..Script::by_starttls() }.play();
    let address = server.address.to_string();
    let outcome = Attempt::at(&server, Security::StartTls).signed_in("ppm", "secret").run().await;

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
async fn tls_says_by_what_and_with_whom_in_either_mode() {
    for (script, security) in [
        (Script::by_starttls(), Security::StartTls),
        (Script::from_the_first_byte(), Security::ImplicitTls),
    ] {
        let server = script.play();
        let outcome = Attempt::at(&server, security).run().await;

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
async fn in_clear_nothing_is_said_of_tls_and_the_only_offers_count() {
    let server = Script::in_clear().play();
    let outcome = Attempt::at(&server, Security::Clear).run().await;

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
async fn of_two_offers_the_one_under_tls_is_told() {
    let ehlo_in_clear = "250-x\n250-AUTH LOGIN\n250-SIZE 1000\n250-SMTPUTF8\n250 STARTTLS";
    let ehlo_under_tls = "250-x\n250-AUTH PLAIN\n250 SIZE 2000";
    let server = Script { ehlo_in_clear, ehlo_under_tls, ..Script::by_starttls() }.play();
    let outcome = Attempt::at(&server, Security::StartTls).run().await;

    assert_eq!(
        outcome.facts(Step::Capabilities),
        [
            (FactName::ClientName, "[127.0.0.1]"),
            (FactName::Mechanisms, "PLAIN"),
            (FactName::Size, "2000"),
            (FactName::SmtpUtf8, "no"),
        ]
    );
    assert_eq!(outcome.said(Step::Capabilities), "250 x AUTH PLAIN SIZE 2000");
}

#[tokio::test]
async fn a_first_introduction_that_is_refused_ends_the_capabilities_before_tls() {
    let server = Script { ehlo_in_clear: "554 5.7.1 Not you", ..Script::by_starttls() }.play();
    let outcome = Attempt::at(&server, Security::StartTls).run().await;

    assert_eq!(outcome.failure(), (Step::Capabilities, Advice::Unwelcome));
    assert!(outcome.steps.iter().all(|report| report.step != Step::Tls));
}

#[tokio::test]
async fn a_refused_sign_in_says_by_what_it_was_tried() {
    let server = Script { auth: "535 5.7.8 No", ..Script::by_starttls() }.play();
    let outcome = Attempt::at(&server, Security::StartTls).signed_in("ppm", "secret").run().await;

    assert_eq!(outcome.failure(), (Step::SignIn, Advice::CredentialsRefused));
    assert_eq!(outcome.facts(Step::SignIn), [(FactName::Mechanism, "PLAIN, LOGIN")]);
    assert_eq!(outcome.words(), "535 5.7.8 No");
}

#[tokio::test]
async fn facts_are_shown_without_what_could_deceive_and_without_the_password() {
    let ehlo_in_clear = "250-x\n250-AUTH PLAIN \u{202E}EVIL\u{1B}[31m\n250 8BITMIME";
    let content = "250 2.0.0 Ok: queued as opensesame-4711";
    let server = Script { ehlo_in_clear, content, ..Script::in_clear() }.play();
    let attempt = Attempt::at(&server, Security::Clear).signed_in("ppm", "opensesame");
    let outcome = attempt.run().await;

    let mechanisms = outcome.fact(Step::Capabilities, FactName::Mechanisms);
    assert_eq!(mechanisms, "PLAIN EVIL[31M");
    assert_eq!(outcome.fact(Step::Accepted, FactName::QueueId), "[password]-4711");
    assert_eq!(outcome.reply(), "250 2.0.0 Ok: queued as [password]-4711");
}

#[tokio::test]
async fn a_certificate_with_hostile_names_is_shown_clean() {
    let subject = "mail\u{202E}\u{7}\nevil";
    let protection = Protection::FromTheFirstByte(AUTHORITY.good_called(subject));
    let server = Script { protection, ..Script::from_the_first_byte() }.play();
    let outcome = Attempt::at(&server, Security::ImplicitTls).run().await;

    assert_eq!(outcome.fact(Step::Tls, FactName::Subject), "CN=mail evil");
}

#[tokio::test]
async fn content_ends_with_the_final_dot_and_waiting_belongs_to_the_acceptance() {
    use crate::support::smtp_server::SmtpServer;
    const WAIT: std::time::Duration = std::time::Duration::from_millis(150);

    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        for answer in ["250 hello", "250 ok", "250 ok", "354 go"] {
            peer.hear().await?;
            peer.say(answer).await?;
        }
        peer.hear_content().await?;
        let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + WAIT, WAIT);
        tick.tick().await;
        peer.say("250 taken").await?;
        peer.is_left().await
    });
    let outcome = Attempt::at(&server, Security::Clear).run().await;

    let millis = |step| outcome.steps.iter().find(|report| report.step == step).expect("it").millis;
    assert!(u128::from(millis(Step::Accepted)) + 20 >= WAIT.as_millis(), "{:?}", outcome.steps);
    assert_eq!(outcome.facts(Step::Accepted), []);
}
