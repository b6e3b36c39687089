//! Tests that a message arrives as it was sent.

use std::time::{Duration, Instant};

use domain::delivery::{Diagnosis, FactName, Step};
use domain::settings::Security;
use testkit::smtp_server::{Received, SmtpScript, SmtpServer};
use tokio::sync::oneshot;
use tokio::time::interval;

use super::{DeliveryAttempt, SHORT, in_clear};

/// Delivers a message, and returns what the server received.
async fn delivered(message: &[u8]) -> Received {
    let server = SmtpScript::in_clear().play();
    in_clear(&server).with_message(message).run().await.reply();
    server.received().await
}

#[tokio::test]
async fn lines_that_begin_with_dots_arrive_unchanged() {
    let message = b"Subject: Dots\r\n\r\n.\r\n..\r\n.one\r\nend.\r\n.\r\nQUIT\r\n";
    let received = delivered(message).await;
    assert_eq!(received.message(), message);
    assert_eq!(
        received.stuffed,
        b"Subject: Dots\r\n\r\n..\r\n...\r\n..one\r\nend.\r\n..\r\nQUIT\r\n"
    );
}

#[tokio::test]
async fn a_bare_line_feed_before_a_dot_does_not_end_the_message() {
    let message = b"Subject: x\r\n\r\nbefore\n.\nMAIL FROM:<x@example.net>\r\n";
    let received = delivered(message).await;
    assert_eq!(
        received.stuffed,
        b"Subject: x\r\n\r\nbefore\r\n..\r\nMAIL FROM:<x@example.net>\r\n"
    );
}

#[tokio::test]
async fn non_ascii_octets_arrive_unchanged_and_are_announced() {
    let message = b"Subject: x\r\n\r\nGr\xC3\xBC\xC3\x9Fe \xFF\x80\r\n";
    let received = delivered(message).await;
    assert_eq!(received.message(), message);
    assert_eq!(received.line("MAIL"), "MAIL FROM:<ppm@example.com> BODY=8BITMIME");
}

#[tokio::test]
async fn non_ascii_octets_are_not_sent_to_a_server_without_8bitmime() {
    let ehlo_in_clear = "250 mail.example.com";
    let server = SmtpScript { ehlo_in_clear, ..SmtpScript::in_clear() }.play();
    let message = "Subject: x\r\n\r\nGrüße\r\n".as_bytes();
    let outcome = in_clear(&server).with_message(message).run().await;

    assert_eq!(outcome.failure(), (Step::Sender, Diagnosis::EightBitNotOffered));
    assert_eq!(server.received().await.line("MAIL"), "");
}

#[tokio::test]
async fn a_message_beyond_the_offered_size_is_not_sent() {
    let ehlo_in_clear = "250-mail.example.com\n250 SIZE 23";
    let server = SmtpScript { ehlo_in_clear, ..SmtpScript::in_clear() }.play();
    let message = b"Subject: Test\r\n\r\nHello!\r\n";
    let outcome = in_clear(&server).with_message(message).run().await;

    assert_eq!(outcome.failure(), (Step::Sender, Diagnosis::MessageTooLarge));
    assert_eq!(outcome.words(), "");
    assert_eq!(outcome.fact(Step::Capabilities, FactName::Size), "23");
    assert_eq!(server.received().await.line("MAIL"), "");
}

#[tokio::test]
async fn a_message_of_exactly_the_offered_size_is_sent() {
    for ehlo_in_clear in ["250-mail.example.com\n250 SIZE 24", "250-mail.example.com\n250 SIZE 0"] {
        let server = SmtpScript { ehlo_in_clear, ..SmtpScript::in_clear() }.play();
        let message = b"Subject: Test\r\n\r\nHello\r\n";
        in_clear(&server).with_message(message).run().await.reply();
    }
}

#[tokio::test]
async fn a_large_message_arrives_whole() {
    let line = format!("{}\r\n", "x".repeat(76));
    let message = format!("Subject: Large\r\n\r\n{}", line.repeat(20_000)).into_bytes();
    for (script, security) in
        [(SmtpScript::in_clear(), Security::Clear), (SmtpScript::by_starttls(), Security::StartTls)]
    {
        let server = script.play();
        let outcome = DeliveryAttempt::at(&server, security).with_message(&message).run().await;
        outcome.reply();
        assert!(server.received().await.message() == message, "{security:?}");
    }
}

/// A message that does not fit the buffers between client and server.
fn large_message() -> Vec<u8> {
    format!("Subject: Large\r\n\r\n{}", format!("{}\r\n", "x".repeat(76)).repeat(100_000)).into()
}

#[tokio::test]
async fn a_server_that_reads_slowly_gets_a_large_message_after_the_reply_deadline() {
    const EVERY: Duration = Duration::from_millis(100);
    let slow = SHORT.reply * 2;
    let server = SmtpServer::play(move |mut peer| async move {
        peer.accept_up_to_data().await?;
        let (begun, mut tick) = (Instant::now(), interval(EVERY));
        while begun.elapsed() < slow {
            tick.tick().await;
            peer.read_some().await?;
        }
        peer.read_content().await?;
        peer.say("250 ok").await?;
        peer.answer_each(&["221 bye"]).await
    });
    let message = large_message();
    let outcome = in_clear(&server).with_message(&message).in_a_hurry().run().await;
    outcome.reply();
    assert!(outcome.took > slow, "{:?}", outcome.took);
    assert!(server.received().await.message() == message);
}

#[tokio::test]
async fn a_server_that_stops_reading_ends_the_message_at_the_reply_deadline() {
    let (over, is_over) = oneshot::channel::<()>();
    let server = SmtpServer::play(move |mut peer| async move {
        peer.accept_up_to_data().await?;
        peer.read_some().await?;
        let _ = is_over.await;
        Ok(())
    });
    let outcome = in_clear(&server).with_message(&large_message()).in_a_hurry().run().await;
    let _ = over.send(());
    assert_eq!(outcome.failure(), (Step::Content, Diagnosis::StoppedAnswering));
}

#[tokio::test]
async fn a_non_ascii_domain_is_sent_as_a_labels_without_smtputf8() {
    let server = SmtpScript::in_clear().play();
    let attempt =
        in_clear(&server).with_sender("ppm@bücher.example").with_recipient("ada@пример.рф");
    attempt.run().await.reply();

    let received = server.received().await;
    assert_eq!(received.line("MAIL"), "MAIL FROM:<ppm@xn--bcher-kva.example>");
    assert_eq!(received.line("RCPT"), "RCPT TO:<ada@xn--e1afmkfd.xn--p1ai>");
}

#[tokio::test]
async fn a_non_ascii_local_part_requests_smtputf8_if_it_is_offered() {
    let ehlo_in_clear = "250-mail.example.com\n250-8BITMIME\n250 SMTPUTF8";
    for (sender, recipient) in
        [("jörg@example.com", "ada@example.org"), ("ppm@example.com", "jörg@example.org")]
    {
        let server = SmtpScript { ehlo_in_clear, ..SmtpScript::in_clear() }.play();
        let attempt = in_clear(&server).with_sender(sender).with_recipient(recipient);
        attempt.run().await.reply();

        let received = server.received().await;
        assert_eq!(received.line("MAIL"), format!("MAIL FROM:<{sender}> SMTPUTF8"));
        assert_eq!(received.line("RCPT"), format!("RCPT TO:<{recipient}>"));
    }
}

#[tokio::test]
async fn a_non_ascii_local_part_is_not_sent_to_a_server_without_smtputf8() {
    for (sender, recipient, step) in [
        ("jörg@example.com", "ada@example.org", Step::Sender),
        ("ppm@example.com", "jörg@example.org", Step::Recipient),
    ] {
        let server = SmtpScript::in_clear().play();
        let attempt = in_clear(&server).with_sender(sender).with_recipient(recipient);
        let outcome = attempt.run().await;

        assert_eq!(outcome.failure(), (step, Diagnosis::SmtpUtf8NotOffered));
        assert_eq!(outcome.words(), "");
        assert!(server.received().await.lines().iter().all(|line| line.is_ascii()));
    }
}

#[tokio::test]
async fn an_address_with_a_line_break_is_never_sent() {
    for (sender, recipient, expected) in [
        ("ppm@example.com>\r\nRSET", "ada@example.org", Step::Sender),
        ("ppm@example.com", "ada@example.org>\r\nRSET", Step::Recipient),
    ] {
        let server = SmtpScript::in_clear().play();
        let attempt = in_clear(&server).with_sender(sender).with_recipient(recipient);
        let outcome = attempt.run().await;

        assert_eq!(outcome.failure().0, expected);
        assert_eq!(server.received().await.line("RSET"), "");
    }
}
