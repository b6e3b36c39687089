//! What arrives is what was sent.

use domain::delivery::{Advice, FactName, Step};
use domain::settings::Security;

use super::Attempt;
use crate::support::smtp_server::Script;

#[tokio::test]
async fn lines_that_begin_with_dots_arrive_as_they_were() {
    let message = b"Subject: Dots\r\n\r\n.\r\n..\r\n.one\r\nend.\r\n.\r\nQUIT\r\n";
    let server = Script::in_clear().play();
    let outcome = Attempt::at(&server, Security::Clear).with_message(message).run().await;

    outcome.reply();
    let heard = server.heard().await;
    assert_eq!(heard.message(), message);
    assert_eq!(heard.stuffed, b"Subject: Dots\r\n\r\n..\r\n...\r\n..one\r\nend.\r\n..\r\nQUIT\r\n");
}

#[tokio::test]
async fn a_bare_line_feed_before_a_dot_ends_no_message_early() {
    let message = b"Subject: x\r\n\r\nbefore\n.\nMAIL FROM:<x@example.net>\r\n";
    let server = Script::in_clear().play();
    let outcome = Attempt::at(&server, Security::Clear).with_message(message).run().await;

    outcome.reply();
    let heard = server.heard().await;
    assert_eq!(heard.stuffed, b"Subject: x\r\n\r\nbefore\r\n..\r\nMAIL FROM:<x@example.net>\r\n");
}

#[tokio::test]
async fn octets_beyond_ascii_arrive_as_they_were_and_are_announced() {
    let message = b"Subject: x\r\n\r\nGr\xC3\xBC\xC3\x9Fe \xFF\x80\r\n";
    let server = Script::in_clear().play();
    let outcome = Attempt::at(&server, Security::Clear).with_message(message).run().await;

    outcome.reply();
    let heard = server.heard().await;
    assert_eq!(heard.message(), message);
    assert_eq!(heard.line("MAIL"), "MAIL FROM:<ppm@example.com> BODY=8BITMIME");
}

#[tokio::test]
async fn octets_beyond_ascii_are_not_sent_to_a_server_that_does_not_take_them() {
    let ehlo_in_clear = "250 mail.example.com";
    let server = Script { ehlo_in_clear, ..Script::in_clear() }.play();
    let message = "Subject: x\r\n\r\nGrüße\r\n".as_bytes();
    let outcome = Attempt::at(&server, Security::Clear).with_message(message).run().await;

    assert_eq!(outcome.failure(), (Step::Sender, Advice::EightBitNotOffered));
    assert_eq!(server.heard().await.line("MAIL"), "");
}

#[tokio::test]
async fn a_message_beyond_the_offered_size_is_not_even_begun() {
    let ehlo_in_clear = "250-mail.example.com\n250 SIZE 23";
    let server = Script { ehlo_in_clear, ..Script::in_clear() }.play();
    let message = b"Subject: Test\r\n\r\nHello!\r\n";
    let outcome = Attempt::at(&server, Security::Clear).with_message(message).run().await;

    assert_eq!(outcome.failure(), (Step::Sender, Advice::MessageTooLarge));
    assert_eq!(outcome.words(), "");
    assert_eq!(outcome.fact(Step::Capabilities, FactName::Size), "23");
    assert_eq!(server.heard().await.line("MAIL"), "");
}

#[tokio::test]
async fn a_message_of_just_the_offered_size_is_sent() {
    for ehlo_in_clear in ["250-mail.example.com\n250 SIZE 24", "250-mail.example.com\n250 SIZE 0"] {
        let server = Script { ehlo_in_clear, ..Script::in_clear() }.play();
        let message = b"Subject: Test\r\n\r\nHello\r\n";
        Attempt::at(&server, Security::Clear).with_message(message).run().await.reply();
    }
}

#[tokio::test]
async fn a_large_message_arrives_whole() {
    let line = format!("{}\r\n", "x".repeat(76));
    let message = format!("Subject: Large\r\n\r\n{}", line.repeat(20_000)).into_bytes();
    for (script, security) in
        [(Script::in_clear(), Security::Clear), (Script::by_starttls(), Security::StartTls)]
    {
        let server = script.play();
        let outcome = Attempt::at(&server, security).with_message(&message).run().await;
        outcome.reply();
        assert!(server.heard().await.message() == message, "{security:?}");
    }
}

#[tokio::test]
async fn a_domain_beyond_ascii_goes_as_a_labels_without_smtputf8() {
    let server = Script::in_clear().play();
    let attempt = Attempt::at(&server, Security::Clear)
        .with_sender("ppm@bücher.example")
        .with_recipient("ada@пример.рф");
    attempt.run().await.reply();

    let heard = server.heard().await;
    assert_eq!(heard.line("MAIL"), "MAIL FROM:<ppm@xn--bcher-kva.example>");
    assert_eq!(heard.line("RCPT"), "RCPT TO:<ada@xn--e1afmkfd.xn--p1ai>");
}

#[tokio::test]
async fn a_local_part_beyond_ascii_asks_for_smtputf8_where_it_is_offered() {
    let ehlo_in_clear = "250-mail.example.com\n250-8BITMIME\n250 SMTPUTF8";
    for (sender, recipient) in
        [("jörg@example.com", "ada@example.org"), ("ppm@example.com", "jörg@example.org")]
    {
        let server = Script { ehlo_in_clear, ..Script::in_clear() }.play();
        let attempt =
            Attempt::at(&server, Security::Clear).with_sender(sender).with_recipient(recipient);
        attempt.run().await.reply();

        let heard = server.heard().await;
        assert_eq!(heard.line("MAIL"), format!("MAIL FROM:<{sender}> SMTPUTF8"));
        assert_eq!(heard.line("RCPT"), format!("RCPT TO:<{recipient}>"));
    }
}

#[tokio::test]
async fn a_local_part_beyond_ascii_is_not_sent_to_a_server_without_smtputf8() {
    for (sender, recipient, step) in [
        ("jörg@example.com", "ada@example.org", Step::Sender),
        ("ppm@example.com", "jörg@example.org", Step::Recipient),
    ] {
        let server = Script::in_clear().play();
        let attempt =
            Attempt::at(&server, Security::Clear).with_sender(sender).with_recipient(recipient);
        let outcome = attempt.run().await;

        assert_eq!(outcome.failure(), (step, Advice::SmtpUtf8NotOffered));
        assert_eq!(outcome.words(), "");
        assert!(server.heard().await.lines().iter().all(|line| line.is_ascii()));
    }
}

#[tokio::test]
async fn an_address_that_would_be_a_command_is_never_written() {
    for (sender, recipient, expected) in [
        ("ppm@example.com>\r\nRSET", "ada@example.org", Step::Sender),
        ("ppm@example.com", "ada@example.org>\r\nRSET", Step::Recipient),
    ] {
        let server = Script::in_clear().play();
        let attempt =
            Attempt::at(&server, Security::Clear).with_sender(sender).with_recipient(recipient);
        let outcome = attempt.run().await;

        assert_eq!(outcome.failure().0, expected);
        assert_eq!(server.heard().await.line("RSET"), "");
    }
}
