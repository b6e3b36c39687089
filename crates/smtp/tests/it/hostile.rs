//! Tests of hostile servers that stall: each session ends within its deadline, at the current step.

use std::time::Duration;

use domain::delivery::{Diagnosis, Step};
use domain::settings::Security;
use testkit::smtp_server::{AUTHORITY, Protection, SmtpScript, SmtpServer};
use tokio::sync::oneshot;
use tokio::time::{interval, timeout};

use super::{DeliveryAttempt, DeliveryResult, SHORT, done, in_clear};

/// The delay that a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(10);

async fn in_time(attempt: DeliveryAttempt) -> DeliveryResult {
    let outcome = attempt.in_a_hurry().run().await;
    assert!(outcome.took < SHORT.total + SLACK, "{:?}", outcome.took);
    outcome
}

#[tokio::test]
async fn a_server_that_sends_nothing_ends_at_the_greeting_or_at_the_client_hello() {
    for (security, step) in [
        (Security::Clear, Step::Greeting),
        (Security::StartTls, Step::Greeting),
        (Security::ImplicitTls, Step::Tls),
    ] {
        let server = SmtpServer::play(|mut peer| async move { peer.is_left().await });
        let outcome = in_time(DeliveryAttempt::at(&server, security)).await;
        assert_eq!(outcome.failure(), (step, Diagnosis::Silent), "{security:?}");
    }
}

#[tokio::test]
async fn a_server_that_stops_answering_ends_at_the_current_step() {
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
            peer.answer_each(&answers[..answered]).await?;
            peer.is_left().await
        });
        let outcome = in_time(in_clear(&server).signed_in("ppm", "x")).await;
        assert_eq!(outcome.failure(), (step, Diagnosis::StoppedAnswering));
    }
}

#[tokio::test]
async fn after_silence_following_the_final_dot_delivery_is_unknown() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.accept_up_to_data().await?;
        peer.read_content().await?;
        peer.is_left().await
    });
    let outcome = in_time(in_clear(&server)).await;
    assert_eq!(outcome.failure(), (Step::Accepted, Diagnosis::MaybeDelivered));
    assert_eq!(outcome.steps()[7..9], done([Step::Recipient, Step::Content]));
}

#[tokio::test]
async fn a_server_that_trickles_a_line_or_the_lines_of_a_reply_is_too_slow() {
    for piece in ["2", "220-hello\r\n"] {
        let server = SmtpServer::play(move |mut peer| async move {
            let mut tick = interval(SHORT.reply / 10);
            loop {
                tick.tick().await;
                peer.write(piece.as_bytes()).await?;
            }
        });
        let outcome = in_time(in_clear(&server)).await;
        assert_eq!(outcome.failure(), (Step::Greeting, Diagnosis::TooSlow), "{piece}");
    }
}

#[tokio::test]
async fn a_server_that_is_slow_at_each_reply_ends_by_the_total_deadline() {
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
    let outcome = in_time(in_clear(&server).signed_in("ppm", "x")).await;
    assert_eq!(outcome.failure().1, Diagnosis::TooSlow);
}

#[tokio::test]
async fn an_endless_line_is_cut_off() {
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
        let outcome = in_time(DeliveryAttempt::at(&server, security)).await;
        assert_eq!(outcome.failure(), (Step::Greeting, Diagnosis::ReplyTooLong), "{security:?}");
    }
}

#[tokio::test]
async fn an_endless_reply_is_cut_off() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.read_line().await?;
        loop {
            peer.say("250-and another thing").await?;
        }
    });
    let outcome = in_time(in_clear(&server)).await;
    assert_eq!(outcome.failure(), (Step::Capabilities, Diagnosis::ReplyTooLong));
}

#[tokio::test]
async fn a_server_that_does_not_read_the_message_ends_at_the_content() {
    let (over, is_over) = oneshot::channel::<()>();
    let server = SmtpServer::play(|mut peer| async move {
        peer.accept_up_to_data().await?;
        let _ = is_over.await;
        Ok(())
    });
    let message = vec![b'x'; 8 << 20];
    let outcome = in_time(in_clear(&server).with_message(&message)).await;
    let (step, diagnosis) = outcome.failure();
    assert_eq!(step, Step::Content);
    assert!(matches!(diagnosis, Diagnosis::StoppedAnswering | Diagnosis::TooSlow), "{diagnosis:?}");
    let _ = over.send(());
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_the_message_is_read() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.accept_up_to_data().await?;
        peer.read_some().await?;
        peer.say("552 5.3.4 Too big").await?;
        peer.is_left().await
    });
    let message = vec![b'x'; 1 << 20];
    let outcome = in_time(in_clear(&server).with_message(&message)).await;
    assert_eq!(outcome.failure(), (Step::Content, Diagnosis::MessageTooLarge));
}

#[tokio::test]
async fn an_attempt_that_is_dropped_closes_its_connection() {
    let (heard_ehlo, ehlo_is_heard) = oneshot::channel();
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.read_line().await?;
        let _ = heard_ehlo.send(());
        peer.is_left().await
    });
    let attempt = tokio::spawn(in_clear(&server).run());
    ehlo_is_heard.await.expect("EHLO");
    attempt.abort();
    timeout(SLACK, server.received()).await.expect("a closed connection");
}

#[tokio::test]
async fn a_broken_session_ends_without_quit() {
    let starttls = "220 Go ahead\n250 Injected";
    let server = SmtpScript { starttls, ..SmtpScript::by_starttls() }.play();
    in_time(DeliveryAttempt::at(&server, Security::StartTls)).await.failure();
    assert_eq!(server.received().await.line("QUIT"), "");
}
