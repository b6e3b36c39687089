//! `Mailer` sends a host's own mail by the saved settings, and reports it like a test message.

use std::net::SocketAddr;

use contract::EmailService;
use domain::OauthFlow;
use domain::delivery::{Diagnosis, Step, StepStatus};
use lettre::Message;
use lettre::message::MessageBuilder;
use net::egress::EgressPolicy;
use server::embed::{MailError, Mailer, Undelivered};
use tokio::net::TcpListener;

use crate::support::harness::{EMAIL, Harness, NAME, principal};
use crate::support::oauth_fixture::{OauthFixture, a_moment};
use testkit::smtp_server::{SmtpPeer, SmtpScript, SmtpServer};

/// A server whose saved mail server is on this machine and needs no authentication.
async fn saved_for(mail_server: SocketAddr) -> (Harness, Mailer) {
    let harness = Harness::start().await.with_ada().await;
    harness.sends_through(&principal("ada", EMAIL, NAME), mail_server).await;
    let mailer = Mailer::new(harness.server.runs.delivery.clone());
    (harness, mailer)
}

/// A message from the saved sender.
async fn report(mailer: &Mailer) -> MessageBuilder {
    let sender = mailer.sender().await.expect("a sender");
    Message::builder().from(sender).subject("The week's report")
}

fn body(builder: MessageBuilder) -> Message {
    builder.body("All is well.".to_owned()).expect("a message")
}

fn undelivered(error: MailError) -> Undelivered {
    match error {
        MailError::Undelivered(undelivered) => *undelivered,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_message_of_the_host_arrives_as_it_was_written() {
    let server = SmtpScript::in_clear().play();
    let (_harness, mailer) = saved_for(server.address).await;
    let to = |message: MessageBuilder, who: &str| message.to(who.parse().expect("a mailbox"));
    let message = to(to(report(&mailer).await, "ada@example.org"), "grace@example.org");
    let sent = mailer.send(&body(message)).await.expect("it is sent");

    assert_eq!(sent.reply, "250 2.0.0 Queued as 4711");
    let last = sent.steps.last().expect("steps");
    assert_eq!((last.step, last.ended), (Step::Accepted, StepStatus::Done));
    let heard = server.heard().await;
    assert_eq!(heard.line("MAIL"), "MAIL FROM:<noreply@example.com>");
    let text = String::from_utf8(heard.message()).expect("text");
    assert!(text.contains("From: \"PPM Planner\" <noreply@example.com>\r\n"), "{text}");
    assert!(text.contains("All is well."), "{text}");
}

#[tokio::test]
async fn a_bcc_recipient_gets_the_message_and_is_not_in_it() {
    let server = SmtpScript::in_clear().play();
    let (_harness, mailer) = saved_for(server.address).await;
    let message = report(&mailer).await.to("ada@example.org".parse().expect("a mailbox"));
    let message = message.bcc("auditor@example.org".parse().expect("a mailbox"));
    mailer.send(&body(message)).await.expect("it is sent");

    let heard = server.heard().await;
    assert!(heard.lines().contains(&"RCPT TO:<auditor@example.org>"), "{:?}", heard.lines());
    assert!(!String::from_utf8_lossy(&heard.message()).contains("auditor"));
}

#[tokio::test]
async fn an_error_names_the_step_the_reply_and_the_next_steps() {
    let server = SmtpScript::in_clear().play();
    let (_harness, mailer) = saved_for(server.address).await;
    let message = report(&mailer).await.to("nobody@example.org".parse().expect("a mailbox"));
    let error = mailer.send(&body(message)).await.expect_err("nobody is there");

    assert_eq!(
        error.to_string(),
        "it failed at Recipient: The server does not accept mail for this recipient. \
         (550 5.1.1 Nobody here)"
    );
    let undelivered = undelivered(error);
    assert_eq!((undelivered.step, undelivered.code), (Step::Recipient, Some(550)));
    assert!(!undelivered.next_steps().is_empty());
    assert!(!undelivered.is_temporary() && !undelivered.may_have_arrived());
    let last = undelivered.steps.last().expect("steps");
    assert_eq!((last.step, last.ended), (Step::Recipient, StepStatus::Failed));
}

/// The error of a message to Ada through this mail server.
async fn refused_by(mail_server: SocketAddr) -> Undelivered {
    let (_harness, mailer) = saved_for(mail_server).await;
    let message = report(&mailer).await.to("ada@example.org".parse().expect("a mailbox"));
    undelivered(mailer.send(&body(message)).await.expect_err("it is not sent"))
}

#[tokio::test]
async fn a_hosts_mail_goes_to_no_port_of_this_machine_that_its_configuration_does_not_allow() {
    let strict =
        Harness::with(|config| config.egress = EgressPolicy::default()).await.with_ada().await;
    let server = SmtpScript::in_clear().play();
    strict.sends_through(&principal("ada", EMAIL, NAME), server.address).await;
    let mailer = Mailer::new(strict.server.runs.delivery.clone());
    let message = report(&mailer).await.to("ada@example.org".parse().expect("a mailbox"));
    let error = undelivered(mailer.send(&body(message)).await.expect_err("it is not sent"));
    assert_eq!((error.step, error.diagnosis), (Step::NameLookup, Diagnosis::EgressNotAllowed));
    let text = error.to_string();
    assert!(text.ends_with(&format!("({})", server.address)), "{text}");
}

#[tokio::test]
async fn temporary_and_permanent_errors_are_distinguished() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed_port = listener.local_addr().expect("an address");
    drop(listener);
    let greylists = SmtpScript { rcpt: "450 4.2.0 Greylisted", ..SmtpScript::in_clear() }.play();
    let refuses = SmtpScript { rcpt: "550 5.1.1 No", ..SmtpScript::in_clear() }.play();

    assert!(refused_by(closed_port).await.is_temporary());
    assert!(refused_by(greylists.address).await.is_temporary());
    assert!(!refused_by(refuses.address).await.is_temporary());
}

#[tokio::test]
async fn a_message_without_a_final_reply_may_have_arrived() {
    let server = SmtpServer::play(async |mut peer: SmtpPeer| {
        peer.say("220 mail.example.com").await?;
        for reply in ["250 mail.example.com", "250 Fine", "250 Fine", "354 Go on"] {
            peer.hear().await?;
            peer.say(reply).await?;
        }
        peer.hear_content().await?;
        peer.close().await
    });
    let undelivered = refused_by(server.address).await;
    assert_eq!(undelivered.diagnosis, Diagnosis::MaybeDelivered);
    assert!(undelivered.may_have_arrived() && !undelivered.is_temporary());
}

#[tokio::test]
async fn nothing_is_sent_before_the_settings_are_complete() {
    let harness = Harness::start().await;
    let mailer = Mailer::new(harness.server.runs.delivery.clone());
    assert_eq!(mailer.sender().await, Err(MailError::Incomplete));
}

#[tokio::test]
async fn an_expired_token_is_refreshed_for_the_hosts_message() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    world.harness.clock.advance(chrono::TimeDelta::hours(2));
    let mailer = Mailer::new(world.harness.server.runs.delivery.clone());
    let message = report(&mailer).await.to("ada@example.org".parse().expect("a mailbox"));
    let sent = mailer.send(&body(message)).await.expect("it is sent");

    assert_eq!(sent.steps.first().map(|report| report.step), Some(Step::Token));
    assert_eq!(world.provider.requests("refresh_token"), 1);
    assert_eq!(world.mailbox.messages(), 1);
}

#[tokio::test]
async fn the_saved_account_authenticates_whatever_the_sender() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let mailer = Mailer::new(world.harness.server.runs.delivery.clone());
    let from = "Planner <planner@example.com>".parse().expect("a mailbox");
    let to = "ada@example.org".parse().expect("a mailbox");
    let sent = mailer.send(&body(Message::builder().from(from).to(to))).await.expect("it is sent");
    let signed_in = sent.steps.iter().find(|report| report.step == Step::SignIn).expect("a step");
    assert_eq!(signed_in.ended, StepStatus::Done);
    assert_eq!(world.mailbox.users(), ["noreply@example.com"]);
}

#[tokio::test]
async fn a_hosts_messages_are_neither_test_messages_nor_audited() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let rows = world.harness.trail(99).await.len();
    let mailer = Mailer::new(world.harness.server.runs.delivery.clone());
    let message = report(&mailer).await.to("ada@example.org".parse().expect("a mailbox"));
    mailer.send(&body(message)).await.expect("it is sent");
    let tab = world.service().load(&world.ada, "").await.expect("the tab");
    assert_eq!(tab.last_run, None);
    assert_eq!(world.harness.trail(99).await.len(), rows);
}

#[tokio::test]
async fn a_shutdown_waits_for_a_running_delivery() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    world.mailbox.hold();
    let mailer = Mailer::new(world.harness.server.runs.delivery.clone());
    let message = body(report(&mailer).await.to("ada@example.org".parse().expect("a mailbox")));
    let sending = tokio::spawn(async move { mailer.send(&message).await });
    world.mailbox.is_asked().await;
    let server = world.harness.server.clone();
    let draining =
        tokio::spawn(
            async move { server::serve::drain_messages(&server.runs.delivery.tasks).await },
        );
    for _ in 0..5 {
        a_moment().await;
    }
    assert!(!draining.is_finished());
    world.mailbox.release();
    draining.await.expect("it ends");
    assert!(sending.await.expect("it ends").is_ok());
}
