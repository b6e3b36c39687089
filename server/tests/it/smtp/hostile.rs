//! Servers that mean to hold this one up: each ends within its deadline, at the step it was at.

use std::time::Duration;

use domain::delivery::{Advice, Step};
use domain::settings::Security;
use tokio::sync::oneshot;
use tokio::time::{interval, timeout};

use super::{Attempt, Outcome, SHORT, done};
use crate::support::smtp_server::{AUTHORITY, Protection, Script, SmtpServer};

/// What a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(10);

async fn in_time(attempt: Attempt) -> Outcome {
    let outcome = attempt.in_a_hurry().run().await;
    assert!(outcome.took < SHORT.total + SLACK, "{:?}", outcome.took);
    outcome
}

#[tokio::test]
async fn a_server_that_is_silent_after_the_connection_ends_at_the_greeting() {
    for security in [Security::Clear, Security::StartTls] {
        let server = SmtpServer::play(|mut peer| async move { peer.is_left().await });
        let outcome = in_time(Attempt::at(&server, security)).await;
        assert_eq!(outcome.failure(), (Step::Greeting, Advice::Silent), "{security:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_when_spoken_to_in_tls_ends_at_tls() {
    let server = SmtpServer::play(|mut peer| async move { peer.is_left().await });
    let outcome = in_time(Attempt::at(&server, Security::ImplicitTls)).await;
    assert_eq!(outcome.failure(), (Step::Tls, Advice::Silent));
}

#[tokio::test]
async fn a_server_that_falls_silent_ends_at_the_step_it_was_at() {
    let answers = ["250-hello\r\n250 AUTH PLAIN", "235 ok", "250 ok", "250 ok"];
    for (answered, step) in [
        (0, Step::Capabilities),
        (1, Step::SignIn),
        (2, Step::Sender),
        (3, Step::Recipient),
        (4, Step::Content),
    ] {
        let server = SmtpServer::play(move |mut peer| async move {
            peer.say("220 hello").await?;
            for answer in &answers[..answered] {
                peer.hear().await?;
                peer.say(answer).await?;
            }
            peer.is_left().await
        });
        let outcome = in_time(Attempt::at(&server, Security::Clear).signed_in("ppm", "x")).await;
        assert_eq!(outcome.failure(), (step, Advice::StoppedAnswering));
    }
}

#[tokio::test]
async fn silence_after_the_final_dot_leaves_open_whether_the_message_arrived() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        for answer in ["250 hello", "250 ok", "250 ok", "354 go"] {
            peer.hear().await?;
            peer.say(answer).await?;
        }
        peer.hear_content().await?;
        peer.is_left().await
    });
    let outcome = in_time(Attempt::at(&server, Security::Clear)).await;
    assert_eq!(outcome.failure(), (Step::Accepted, Advice::MaybeDelivered));
    assert_eq!(outcome.steps()[7..9], done([Step::Recipient, Step::Content]));
}

#[tokio::test]
async fn a_server_that_drips_a_line_is_too_slow() {
    let server = SmtpServer::play(|mut peer| async move {
        let mut tick = interval(SHORT.reply / 10);
        loop {
            tick.tick().await;
            peer.write(b"2").await?;
        }
    });
    let outcome = in_time(Attempt::at(&server, Security::Clear)).await;
    assert_eq!(outcome.failure(), (Step::Greeting, Advice::TooSlow));
}

#[tokio::test]
async fn a_server_that_drips_lines_of_one_reply_is_too_slow() {
    let server = SmtpServer::play(|mut peer| async move {
        let mut tick = interval(SHORT.reply / 10);
        loop {
            tick.tick().await;
            peer.say("220-hello").await?;
        }
    });
    let outcome = in_time(Attempt::at(&server, Security::Clear)).await;
    assert_eq!(outcome.failure(), (Step::Greeting, Advice::TooSlow));
}

#[tokio::test]
async fn a_server_that_uses_up_the_time_of_each_reply_ends_by_the_total() {
    let server = SmtpServer::play(|mut peer| async move {
        let mut tick = interval(SHORT.reply * 3 / 4);
        tick.tick().await;
        for answer in
            ["220 hello", "250-hello\r\n250 AUTH PLAIN LOGIN", "235 ok", "250 ok", "250 ok"]
        {
            tick.tick().await;
            peer.say(answer).await?;
        }
        peer.is_left().await
    });
    let outcome = in_time(Attempt::at(&server, Security::Clear).signed_in("ppm", "x")).await;
    assert_eq!(outcome.failure().1, Advice::TooSlow);
}

#[tokio::test]
async fn a_line_without_an_end_is_cut_off() {
    for protection in [Protection::None, Protection::FromTheFirstByte(AUTHORITY.good())] {
        let security = match protection {
            Protection::None => Security::Clear,
            _ => Security::ImplicitTls,
        };
        let server = SmtpServer::play(|mut peer| async move {
            if let Protection::FromTheFirstByte(certificate) = protection {
                peer.start_tls(certificate).await?;
            }
            loop {
                peer.write(&[b'2'; 4_096]).await?;
            }
        });
        let outcome = in_time(Attempt::at(&server, security)).await;
        assert_eq!(outcome.failure(), (Step::Greeting, Advice::ReplyTooLong), "{security:?}");
    }
}

#[tokio::test]
async fn a_reply_without_an_end_is_cut_off() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.hear().await?;
        loop {
            peer.say("250-and another thing").await?;
        }
    });
    let outcome = in_time(Attempt::at(&server, Security::Clear)).await;
    assert_eq!(outcome.failure(), (Step::Capabilities, Advice::ReplyTooLong));
}

#[tokio::test]
async fn a_server_that_does_not_read_the_message_ends_at_the_content() {
    let (over, is_over) = oneshot::channel::<()>();
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        for answer in ["250 hello", "250 ok", "250 ok", "354 go"] {
            peer.hear().await?;
            peer.say(answer).await?;
        }
        let _ = is_over.await;
        Ok(())
    });
    let message = vec![b'x'; 8 << 20];
    let outcome = in_time(Attempt::at(&server, Security::Clear).with_message(&message)).await;
    let (step, advice) = outcome.failure();
    assert_eq!(step, Step::Content);
    assert!(matches!(advice, Advice::StoppedAnswering | Advice::TooSlow), "{advice:?}");
    let _ = over.send(());
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_the_message_is_heard() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        for answer in ["250 hello", "250 ok", "250 ok", "354 go"] {
            peer.hear().await?;
            peer.say(answer).await?;
        }
        peer.hear_something().await?;
        peer.say("552 5.3.4 Too big").await?;
        peer.is_left().await
    });
    let message = vec![b'x'; 1 << 20];
    let outcome = in_time(Attempt::at(&server, Security::Clear).with_message(&message)).await;
    assert_eq!(outcome.failure(), (Step::Content, Advice::MessageTooLarge));
}

#[tokio::test]
async fn an_attempt_that_is_dropped_closes_its_connection() {
    let (heard_ehlo, ehlo_is_heard) = oneshot::channel();
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.hear().await?;
        let _ = heard_ehlo.send(());
        peer.is_left().await
    });
    let attempt = tokio::spawn(Attempt::at(&server, Security::Clear).run());
    ehlo_is_heard.await.expect("EHLO");
    attempt.abort();
    timeout(SLACK, server.heard()).await.expect("a closed connection");
}

#[tokio::test]
async fn a_broken_conversation_is_left_without_a_word() {
    let starttls = "220 Go ahead\n250 Injected";
    let server = Script { starttls, ..Script::by_starttls() }.play();
    in_time(Attempt::at(&server, Security::StartTls)).await.failure();
    assert_eq!(server.heard().await.line("QUIT"), "");
}
