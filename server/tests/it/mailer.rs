//! `Mailer` sends a host's own mail by the saved settings, and reports it like a test message.

use std::net::SocketAddr;

use contract::EmailService;
use domain::OauthFlow;
use domain::delivery::{Diagnosis, Step, StepStatus};
use lettre::Message;
use lettre::message::{Mailbox, MessageBuilder};
use net::egress::EgressPolicy;
use server::embed::{MailError, Mailer, Undelivered};
use server::serve::drain_messages;
use tokio::net::TcpListener;

use crate::support::harness::{Harness, ada};
use crate::support::oauth_fixture::{OauthFixture, a_moment};
use testkit::smtp_server::{SmtpPeer, SmtpScript, SmtpServer};

fn mailer(harness: &Harness) -> Mailer {
    Mailer::new(harness.server.outbox.clone())
}

/// Saves a mail server on this machine that needs no authentication.
async fn saved_for(harness: &Harness, mail_server: SocketAddr) -> Mailer {
    harness.sends_through(&ada(), mail_server).await;
    mailer(harness)
}

fn mailbox(address: &str) -> Mailbox {
    address.parse().expect("a mailbox")
}

/// A message from the saved sender to this recipient.
async fn report(mailer: &Mailer, to: &str) -> MessageBuilder {
    let sender = mailer.sender().await.expect("a sender");
    Message::builder().from(sender).subject("The week's report").to(mailbox(to))
}

fn body(builder: MessageBuilder) -> Message {
    builder.body("All is well.".to_owned()).expect("a message")
}

/// A message from the saved sender to Ada.
async fn to_ada(mailer: &Mailer) -> Message {
    body(report(mailer, "ada@example.org").await)
}

fn undelivered(error: MailError) -> Undelivered {
    match error {
        MailError::Undelivered(undelivered) => *undelivered,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_message_of_the_host_arrives_as_it_was_written() {
    let (server, harness) = (SmtpScript::in_clear().play(), Harness::start().await);
    let mailer = saved_for(&harness, server.address).await;
    let message = report(&mailer, "ada@example.org").await.to(mailbox("grace@example.org"));
    let sent = mailer.send(&body(message)).await.expect("it is sent");

    assert_eq!(sent.reply, "250 2.0.0 Queued as 4711");
    let last = sent.steps.last().expect("steps");
    assert_eq!((last.step, last.ended), (Step::Accepted, StepStatus::Done));
    let received = server.received().await;
    assert_eq!(received.line("MAIL"), "MAIL FROM:<noreply@example.com>");
    let text = String::from_utf8(received.message()).expect("text");
    assert!(text.contains("From: \"PPM Planner\" <noreply@example.com>\r\n"), "{text}");
    assert!(text.contains("All is well."), "{text}");
}

#[tokio::test]
async fn a_bcc_recipient_gets_the_message_and_is_not_in_it() {
    let (server, harness) = (SmtpScript::in_clear().play(), Harness::start().await);
    let mailer = saved_for(&harness, server.address).await;
    let message = report(&mailer, "ada@example.org").await.bcc(mailbox("auditor@example.org"));
    mailer.send(&body(message)).await.expect("it is sent");

    let received = server.received().await;
    assert!(received.lines().contains(&"RCPT TO:<auditor@example.org>"), "{:?}", received.lines());
    assert!(!String::from_utf8_lossy(&received.message()).contains("auditor"));
}

#[tokio::test]
async fn an_error_names_the_step_the_reply_and_the_next_steps() {
    let (server, harness) = (SmtpScript::in_clear().play(), Harness::start().await);
    let mailer = saved_for(&harness, server.address).await;
    let message = report(&mailer, "nobody@example.org").await;
    let error = mailer.send(&body(message)).await.expect_err("the recipient is unknown");

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
    refused_on(&Harness::start().await, mail_server).await
}

async fn refused_on(harness: &Harness, mail_server: SocketAddr) -> Undelivered {
    let mailer = saved_for(harness, mail_server).await;
    undelivered(mailer.send(&to_ada(&mailer).await).await.expect_err("it is not sent"))
}

#[tokio::test]
async fn a_hosts_mail_goes_to_no_port_of_this_machine_that_its_configuration_does_not_allow() {
    let strict = Harness::with(|config| config.egress = EgressPolicy::default()).await;
    let server = SmtpScript::in_clear().play();
    let error = refused_on(&strict, server.address).await;
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
            peer.read_line().await?;
            peer.say(reply).await?;
        }
        peer.read_content().await?;
        peer.close().await
    });
    let undelivered = refused_by(server.address).await;
    assert_eq!(undelivered.diagnosis, Diagnosis::MaybeDelivered);
    assert!(undelivered.may_have_arrived() && !undelivered.is_temporary());
}

#[tokio::test]
async fn nothing_is_sent_before_the_settings_are_complete() {
    let harness = Harness::start().await;
    assert_eq!(mailer(&harness).sender().await, Err(MailError::Incomplete));
}

#[tokio::test]
async fn an_expired_token_is_refreshed_for_the_hosts_message() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    fixture.harness.clock.advance(chrono::TimeDelta::hours(2));
    let mailer = mailer(&fixture.harness);
    let sent = mailer.send(&to_ada(&mailer).await).await.expect("it is sent");

    assert_eq!(sent.steps.first().map(|report| report.step), Some(Step::Token));
    assert_eq!(fixture.provider.requests("refresh_token"), 1);
    assert_eq!(fixture.mailbox.messages(), 1);
}

#[tokio::test]
async fn the_saved_account_authenticates_for_every_sender() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let message = Message::builder().from(mailbox("Planner <planner@example.com>"));
    let message = body(message.to(mailbox("ada@example.org")));
    let sent = mailer(&fixture.harness).send(&message).await.expect("it is sent");
    let signed_in = sent.steps.iter().find(|report| report.step == Step::SignIn).expect("a step");
    assert_eq!(signed_in.ended, StepStatus::Done);
    assert_eq!(fixture.mailbox.users(), ["noreply@example.com"]);
}

#[tokio::test]
async fn a_hosts_messages_are_neither_test_messages_nor_audited() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let rows = fixture.harness.trail(99).await.len();
    let mailer = mailer(&fixture.harness);
    mailer.send(&to_ada(&mailer).await).await.expect("it is sent");
    let tab = fixture.service().load(&fixture.ada, "").await.expect("the tab");
    assert_eq!(tab.last_run, None);
    assert_eq!(fixture.harness.trail(99).await.len(), rows);
}

#[tokio::test]
async fn a_shutdown_waits_for_a_running_delivery() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    fixture.mailbox.hold();
    let mailer = mailer(&fixture.harness);
    let message = to_ada(&mailer).await;
    let sending = tokio::spawn(async move { mailer.send(&message).await });
    fixture.mailbox.is_asked().await;
    let server = fixture.harness.server.clone();
    let draining = tokio::spawn(async move { drain_messages(&server.runs.delivery.tasks).await });
    for _ in 0..5 {
        a_moment().await;
    }
    assert!(!draining.is_finished());
    fixture.mailbox.release();
    draining.await.expect("it ends");
    assert!(sending.await.expect("it ends").is_ok());
}
