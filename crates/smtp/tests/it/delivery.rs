//! Tests of successful deliveries.

use domain::delivery::{Diagnosis, FactName, Step, StepStatus};
use domain::settings::Security;
use domain::syntax::host::Host;
use testkit::smtp_server::{AUTHORITY, Protection, SmtpScript, SmtpServer};

use super::{DeliveryAttempt, done, in_clear, with_password};

const LONG_PASSWORD: usize = 1_000;

#[tokio::test]
async fn a_message_arrives_by_starttls_step_by_step() {
    let server = SmtpScript::by_starttls().play();
    let outcome = with_password(&server).run().await;

    assert_eq!(outcome.reply(), "250 2.0.0 Queued as 4711");
    let expected = [
        (Step::NameLookup, ""),
        (Step::Connection, ""),
        (Step::Greeting, "220 mail.example.com ESMTP"),
        (Step::Tls, "220 2.0.0 Go ahead"),
        (Step::Capabilities, "250 mail.example.com AUTH PLAIN LOGIN 8BITMIME"),
        (Step::SignIn, "235 2.7.0 Welcome"),
        (Step::Sender, "250 2.1.0 Sender fine"),
        (Step::Recipient, "250 2.1.5 Recipient fine"),
        (Step::Content, "354 Go on"),
        (Step::Accepted, "250 2.0.0 Queued as 4711"),
    ];
    assert_eq!(outcome.steps(), done(expected.map(|(step, _)| step)));
    for (step, peer_text) in expected {
        assert_eq!(outcome.peer_text(step), peer_text, "{step:?}");
    }

    let received = server.received().await;
    assert_eq!(received.in_clear, ["EHLO [127.0.0.1]", "STARTTLS"]);
    assert_eq!(
        received.under_tls,
        [
            "EHLO [127.0.0.1]",
            "AUTH PLAIN AHBwbQBzZWNyZXQ=",
            "MAIL FROM:<ppm@example.com>",
            "RCPT TO:<ada@example.org>",
            "DATA",
            "QUIT",
        ]
    );
    assert_eq!(received.message(), b"Subject: Test\r\n\r\nHello\r\n");
}

#[tokio::test]
async fn a_message_arrives_by_implicit_tls_with_the_greeting_after_tls() {
    let server = SmtpScript::from_the_first_byte().play();
    let outcome =
        DeliveryAttempt::at(&server, Security::ImplicitTls).signed_in("ppm", "secret").run().await;

    assert_eq!(outcome.steps(), done(Step::ALL)[1..], "without a token");
    let received = server.received().await;
    assert!(received.in_clear.is_empty(), "{received:?}");
    assert_eq!(received.message(), b"Subject: Test\r\n\r\nHello\r\n");
}

#[tokio::test]
async fn without_tls_and_account_both_steps_are_skipped_and_the_message_arrives() {
    let server = SmtpScript::in_clear().play();
    let outcome = in_clear(&server).run().await;

    let expected = Step::ALL[1..].iter().map(|&step| match step {
        Step::Tls | Step::SignIn => (step, StepStatus::Skipped),
        _ => (step, StepStatus::Done),
    });
    assert_eq!(outcome.steps(), expected.collect::<Vec<_>>());
    let received = server.received().await;
    assert_eq!(received.line("AUTH"), "");
    assert_eq!(received.message(), b"Subject: Test\r\n\r\nHello\r\n");
}

#[tokio::test]
async fn with_tls_off_an_offered_starttls_is_not_used() {
    let server = SmtpScript::by_starttls().play();
    let outcome = in_clear(&server).run().await;

    outcome.reply();
    let received = server.received().await;
    assert!(received.under_tls.is_empty(), "{received:?}");
    assert_eq!(received.line("STARTTLS"), "");
}

#[tokio::test]
async fn a_host_name_is_resolved_and_matched_against_the_certificate() {
    let server = SmtpScript::by_starttls().play();
    let name = Host::Name("LocalHost".to_owned());
    let outcome = DeliveryAttempt::to(name, server.address.port(), Security::StartTls).run().await;

    outcome.reply();
    let addresses = outcome.fact(Step::NameLookup, FactName::Addresses);
    assert!(addresses.contains("127.0.0.1"), "{addresses}");
}

#[tokio::test]
async fn login_is_used_if_plain_is_not_offered() {
    let ehlo_under_tls = "250-mail.example.com\n250-auth CRAM-MD5 login\n250 OK";
    let server = SmtpScript { ehlo_under_tls, ..SmtpScript::by_starttls() }.play();
    let outcome = with_password(&server).run().await;

    assert_eq!(outcome.fact(Step::SignIn, FactName::Mechanism), "LOGIN");
    let received = server.received().await;
    assert_eq!(received.under_tls[1..4], ["AUTH LOGIN", "cHBt", "c2VjcmV0"]);
}

#[tokio::test]
async fn a_password_too_long_for_the_auth_plain_line_is_sent_after_the_334() {
    let server = SmtpScript::by_starttls().play();
    let password = "x".repeat(LONG_PASSWORD);
    let outcome =
        DeliveryAttempt::at(&server, Security::StartTls).signed_in("ppm", &password).run().await;

    outcome.reply();
    let received = server.received().await;
    assert_eq!(received.under_tls[1], "AUTH PLAIN");
    assert!(received.under_tls[2].starts_with("AHBwbQB4eHh4"), "{}", received.under_tls[2]);
    assert_eq!(received.under_tls[2].len(), (LONG_PASSWORD + 5).div_ceil(3) * 4);
}

#[tokio::test]
async fn a_long_password_is_sent_by_login() {
    let ehlo_under_tls = "250-mail.example.com\n250 AUTH LOGIN";
    let server = SmtpScript { ehlo_under_tls, ..SmtpScript::by_starttls() }.play();
    let password = "ü".repeat(LONG_PASSWORD);
    let outcome =
        DeliveryAttempt::at(&server, Security::StartTls).signed_in("ppm", &password).run().await;

    outcome.reply();
    let received = server.received().await;
    assert_eq!(received.under_tls[3].len(), (2 * LONG_PASSWORD).div_ceil(3) * 4);
}

#[tokio::test]
async fn cleartext_capabilities_are_discarded_under_tls() {
    let script = SmtpScript {
        ehlo_in_clear: "250-mail.example.com\n250-AUTH PLAIN\n250-SMTPUTF8\n250 STARTTLS",
        ehlo_under_tls: "250-mail.example.com\n250 AUTH LOGIN",
        ..SmtpScript::by_starttls()
    };
    let server = script.play();
    let outcome = with_password(&server).run().await;

    assert_eq!(outcome.fact(Step::SignIn, FactName::Mechanism), "LOGIN");
}

#[tokio::test]
async fn a_recipient_that_the_server_forwards_is_accepted() {
    let rcpt = "251 2.1.5 Will forward";
    let server = SmtpScript { rcpt, ..SmtpScript::in_clear() }.play();
    let outcome = in_clear(&server).run().await;
    assert_eq!(outcome.reply(), "250 2.0.0 Queued as 4711");
}

#[tokio::test]
async fn a_missing_reply_to_quit_delays_nothing() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.accept_up_to_data().await?;
        peer.read_content().await?;
        peer.say("250 taken").await?;
        peer.read_line().await?;
        std::future::pending().await
    });
    let outcome = in_clear(&server).run().await;

    assert_eq!(outcome.reply(), "250 taken");
    assert!(outcome.took.as_secs() < 2, "{:?}", outcome.took);
}

#[tokio::test]
async fn invalid_utf8_and_codes_without_text_are_accepted() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.write(b"220 b\xFCro\r\n").await?;
        peer.answer_each(&["250", "250", "250", "354"]).await?;
        peer.read_content().await?;
        peer.write(b"250-eins\n250 zwei\n").await?;
        peer.read_line().await?;
        Ok(())
    });
    let outcome = in_clear(&server).run().await;

    assert_eq!(outcome.peer_text(Step::Greeting), "220 b\u{FFFD}ro");
    assert_eq!(outcome.peer_text(Step::Sender), "250");
    assert_eq!(outcome.reply(), "250 eins zwei");
}

#[tokio::test]
async fn deliveries_run_concurrently_on_any_thread() {
    let servers = [SmtpScript::by_starttls().play(), SmtpScript::by_starttls().play()];
    let attempts =
        servers.map(|server| tokio::spawn(DeliveryAttempt::at(&server, Security::StartTls).run()));
    for attempt in attempts {
        attempt.await.expect("no panic").reply();
    }
}

#[tokio::test]
async fn a_certificate_may_be_for_an_address_or_a_name() {
    for host in ["127.0.0.1", "localhost"] {
        let protection = Protection::FromTheFirstByte(AUTHORITY.good());
        let server = SmtpScript { protection, ..SmtpScript::from_the_first_byte() }.play();
        let host = host.parse().map_or_else(|_| Host::Name(host.to_owned()), Host::Ip);
        let port = server.address.port();
        DeliveryAttempt::to(host, port, Security::ImplicitTls).run().await.reply();
    }
}

#[tokio::test]
async fn a_message_is_sent_once_to_several_recipients() {
    let server = SmtpScript::in_clear().play();
    let recipients = ["ada@example.org", "grace@example.org"];
    let outcome = in_clear(&server).with_recipients(&recipients).run().await;

    let peer_text = "250 2.1.5 Recipient fine\n250 2.1.5 Recipient fine";
    assert_eq!(outcome.peer_text(Step::Recipient), peer_text);
    let received = server.received().await;
    let lines = received.lines().into_iter();
    let named: Vec<_> = lines.filter(|line| line.starts_with("RCPT")).collect();
    assert_eq!(named, ["RCPT TO:<ada@example.org>", "RCPT TO:<grace@example.org>"]);
    assert_eq!(outcome.reply(), "250 2.0.0 Queued as 4711");
}

#[tokio::test]
async fn if_one_recipient_is_refused_the_message_is_sent_to_none() {
    let server = SmtpScript::in_clear().play();
    let recipients = ["nobody@example.org", "ada@example.org", "nobody@example.com"];
    let outcome = in_clear(&server).with_recipients(&recipients).run().await;

    assert_eq!(outcome.failure(), (Step::Recipient, Diagnosis::RecipientRefused));
    assert_eq!(
        outcome.words(),
        "nobody@example.org: 550 5.1.1 Nobody here\nnobody@example.com: 550 5.1.1 Nobody here"
    );
    assert_eq!(server.received().await.line("DATA"), "");
}

#[tokio::test]
async fn a_message_without_a_sender_has_the_null_reverse_path() {
    let server = SmtpScript::in_clear().play();
    in_clear(&server).without_sender().run().await.reply();
    assert_eq!(server.received().await.line("MAIL"), "MAIL FROM:<>");
}
