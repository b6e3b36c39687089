//! Tests of sessions that send several messages: recipients that are refused one by one, the mark
//! before the final dot, PIPELINING, and what ends a session.

use std::convert::Infallible;
use std::future::{pending, ready};

use domain::delivery::{Diagnosis, Step, StepReport};
use smtp::{Failure, NotAccepted, OnRefusal, Refusal, Session, Transaction};
use testkit::smtp_server::{Received, SmtpScript, SmtpServer};
use testkit::sockets::NEVER;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{advance, pause, resume, timeout};

use super::{DeliveryAttempt, LONG, TRUST, done, in_clear, with_password};

const OFFERING_PIPELINING: &str = "250-mail.example.com\n250-PIPELINING\n250 8BITMIME";

const EVERYBODY: [&str; 3] = ["ada@example.org", "nobody@example.org", "grace@example.org"];

/// Returns the script of a server that accepts everything in clear and offers PIPELINING.
fn pipelining() -> SmtpScript {
    SmtpScript { ehlo_in_clear: OFFERING_PIPELINING, ..SmtpScript::in_clear() }
}

/// A session, and the message that it sends.
struct Sender {
    session: Session,
    attempt: DeliveryAttempt,
    /// The steps of the last message.
    steps: Vec<StepReport>,
}

impl Sender {
    async fn open(attempt: DeliveryAttempt) -> Self {
        let DeliveryAttempt { route, egress, deadlines, .. } = &attempt;
        let mut on_step = drop;
        let opened = Session::open(route, &TRUST, egress, *deadlines, &mut on_step).await;
        Self { session: opened.outcome.expect("a session"), attempt, steps: Vec::new() }
    }

    /// Sends the message to the recipients that the server accepts.
    async fn send_to(&mut self, recipients: &[&str]) -> Transaction<Infallible> {
        self.attempt = self.attempt.clone().with_recipients(recipients);
        self.send_with_mark(ready(Ok(()))).await
    }

    async fn send(&mut self) -> Transaction<Infallible> {
        self.send_with_mark(ready(Ok(()))).await
    }

    async fn send_with_mark<E>(
        &mut self,
        mark: impl Future<Output = Result<(), E>>,
    ) -> Transaction<E> {
        self.steps.clear();
        let DeliveryAttempt { envelope, message, .. } = &self.attempt;
        let mut on_step = |report| self.steps.push(report);
        let to_others = OnRefusal::SendToOthers;
        self.session.send(envelope, message, to_others, |_| mark, &mut on_step).await
    }

    fn is_usable(&self) -> bool {
        self.session.is_usable()
    }
}

/// Returns the code of each refused recipient; `None` for each accepted one.
fn codes<E>(sent: &Transaction<E>) -> Vec<Option<u16>> {
    sent.recipients.iter().map(|one| one.as_ref().err().and_then(|refusal| refusal.code)).collect()
}

/// Returns the failure of a message.
fn failure<E: std::fmt::Debug>(sent: Transaction<E>) -> Failure {
    match sent.outcome {
        Err(NotAccepted::Failed(failure)) => failure,
        other => panic!("no failure: {other:?}"),
    }
}

/// Returns what a server received, once the connection is closed.
async fn received(server: SmtpServer) -> Received {
    timeout(NEVER, server.received()).await.expect("a closed connection")
}

#[tokio::test]
async fn two_messages_of_a_session_sign_in_once() {
    let server = SmtpScript::by_starttls().play();
    let mut sender = Sender::open(with_password(&server)).await;
    for _ in 0..2 {
        sender.send().await.outcome.expect("an accepted message");
    }
    sender.session.close();

    let received = received(server).await;
    let message = ["MAIL FROM:<ppm@example.com>", "RCPT TO:<ada@example.org>", "DATA"];
    let sign_in = ["EHLO [127.0.0.1]", "AUTH PLAIN AHBwbQBzZWNyZXQ="];
    let expected = [&sign_in[..], &message, &message, &["QUIT"]].concat();
    assert_eq!(received.under_tls, expected);
    assert_eq!((received.connections, received.messages), (1, 2));
}

#[tokio::test]
async fn each_message_reports_its_steps() {
    let server = SmtpScript::in_clear().play();
    let mut sender = Sender::open(in_clear(&server)).await;
    for _ in 0..2 {
        sender.send().await.outcome.expect("an accepted message");
        let steps: Vec<_> = sender.steps.iter().map(|report| (report.step, report.ended)).collect();
        assert_eq!(steps, done([Step::Sender, Step::Recipient, Step::Content, Step::Accepted]));
    }
}

#[tokio::test]
async fn after_a_failed_transaction_rset_precedes_the_next_message() {
    for script in [SmtpScript::in_clear(), pipelining()] {
        let server = script.play();
        let mut sender = Sender::open(in_clear(&server)).await;
        failure(sender.send_to(&["nobody@example.org"]).await);
        sender.send_to(&["ada@example.org"]).await.outcome.expect("an accepted message");
        sender.session.close();

        let received = received(server).await;
        let verbs: Vec<_> = received.lines().iter().map(|line| &line[..4]).collect();
        assert_eq!(verbs, ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]);
    }
}

#[tokio::test]
async fn replies_to_the_recipients_of_a_refused_sender_are_not_taken_for_the_next_replies() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.answer_each(&["250-hello\r\n250 PIPELINING"]).await?;
        peer.answer_each(&["550 5.7.1 Not you", "503 5.5.1 No sender"]).await?;
        peer.answer_each(&["250 reset", "250 ok", "250 ok", "354 go"]).await?;
        peer.read_content().await?;
        peer.say("250 taken").await
    });
    let mut sender = Sender::open(in_clear(&server)).await;
    assert_eq!(failure(sender.send().await).step, Step::Sender);
    assert_eq!(sender.send().await.outcome.expect("an accepted message").reply, "250 taken");
}

#[tokio::test]
async fn each_message_has_the_whole_total_deadline() {
    let server = SmtpScript::in_clear().play();
    let mut sender = Sender::open(in_clear(&server)).await;
    for _ in 0..2 {
        pause();
        advance(LONG.total).await;
        resume();
        sender.send().await.outcome.expect("an accepted message");
    }
}

#[tokio::test]
async fn a_refused_recipient_does_not_keep_the_message_from_the_others() {
    let server = SmtpScript::in_clear().play();
    let mut sender = Sender::open(in_clear(&server)).await;
    let sent = sender.send_to(&EVERYBODY).await;

    let refusal = Refusal {
        diagnosis: Diagnosis::RecipientRefused,
        code: Some(550),
        peer_text: Some("550 5.1.1 Nobody here".to_owned()),
    };
    assert_eq!(sent.recipients, [Ok(()), Err(refusal), Ok(())]);
    assert_eq!(sent.outcome.expect("an accepted message").reply, "250 2.0.0 Queued as 4711");
    drop(sender);
    assert_eq!(received(server).await.messages, 1);
}

#[tokio::test]
async fn if_all_recipients_are_refused_no_message_is_sent_and_the_session_goes_on() {
    let server = SmtpScript::in_clear().play();
    let mut sender = Sender::open(in_clear(&server)).await;
    let sent = sender.send_to(&["nobody@example.org", "later@example.org"]).await;

    assert_eq!(codes(&sent), [Some(550), Some(450)]);
    assert_eq!(failure(sent).step, Step::Recipient);
    assert!(sender.is_usable());
    drop(sender);
    assert_eq!(received(server).await.line("DATA"), "");
}

#[tokio::test]
async fn a_recipient_that_cannot_be_sent_is_refused_and_the_others_are_not() {
    let server = SmtpScript::in_clear().play();
    let mut sender = Sender::open(in_clear(&server)).await;
    let sent = sender.send_to(&["jörg@example.org", "ada@example.org"]).await;

    let diagnosis = Diagnosis::SmtpUtf8NotOffered;
    let refusal = Refusal { diagnosis, code: None, peer_text: None };
    assert_eq!(sent.recipients, [Err(refusal), Ok(())]);
    sent.outcome.expect("an accepted message");
}

#[tokio::test]
async fn a_refusal_of_a_recipient_is_temporary_with_a_code_of_4yz_alone() {
    let server = SmtpScript::in_clear().play();
    let mut sender = Sender::open(in_clear(&server)).await;
    let recipients = ["later@example.org", "nobody@example.org", "jörg@example.org"];
    let sent = sender.send_to(&recipients).await;

    let temporary =
        sent.recipients.iter().map(|one| one.as_ref().is_err_and(Refusal::is_temporary));
    assert_eq!(temporary.collect::<Vec<_>>(), [true, false, false]);
}

#[tokio::test]
async fn a_password_in_the_refusal_of_a_recipient_is_redacted() {
    let script = SmtpScript { rcpt: "550 5.7.1 Not with secret", ..SmtpScript::by_starttls() };
    let mut sender = Sender::open(with_password(&script.play())).await;
    let sent = sender.send().await;

    let refusal = sent.recipients[0].as_ref().expect_err("a refusal");
    assert_eq!(refusal.peer_text.as_deref(), Some("550 5.7.1 Not with [password]"));
}

#[tokio::test]
async fn a_message_to_all_or_none_names_the_refused_recipients() {
    let server = SmtpScript::in_clear().play();
    let mut sender = Sender::open(in_clear(&server).with_recipients(&EVERYBODY)).await;
    let Sender { session, attempt: DeliveryAttempt { envelope, message, .. }, .. } = &mut sender;
    let mark = |_| ready(Ok::<_, Infallible>(()));
    let mut on_step = drop;
    let sent = session.send(envelope, message, OnRefusal::SendToNone, mark, &mut on_step).await;

    assert_eq!(codes(&sent), [None, Some(550), None]);
    assert_eq!(failure(sent).step, Step::Recipient);
    drop(sender);
    assert_eq!(received(server).await.line("DATA"), "");
}

#[tokio::test]
async fn a_refusal_of_the_content_leaves_the_results_of_the_recipients() {
    let script = SmtpScript::in_clear().replying("content", "452 4.3.1 Disk full");
    let mut sender = Sender::open(in_clear(&script.play())).await;
    let sent = sender.send_to(&EVERYBODY).await;

    assert_eq!(codes(&sent), [None, Some(550), None]);
    assert_eq!(failure(sent).code, Some(452));
}

#[tokio::test]
async fn a_421_ends_the_session_and_nothing_more_is_sent() {
    for to in ["MAIL", "RCPT", "DATA", "content"] {
        for script in [SmtpScript::in_clear(), pipelining()] {
            let server = script.replying(to, "421 4.3.2 Going down").play();
            let mut sender = Sender::open(in_clear(&server)).await;
            assert_eq!(failure(sender.send().await).diagnosis, Diagnosis::TryLater, "{to}");
            assert!(!sender.is_usable(), "{to}");

            assert_eq!(failure(sender.send().await).diagnosis, Diagnosis::ConnectionLost, "{to}");
            let received = received(server).await;
            let mails = received.lines().into_iter().filter(|line| line.starts_with("MAIL"));
            assert_eq!(mails.count(), 1, "{to}");
        }
    }
}

#[tokio::test]
async fn after_a_421_to_a_recipient_the_others_are_not_sent() {
    let server = SmtpScript::in_clear().replying("RCPT", "421 4.3.2 Going down").play();
    let mut sender = Sender::open(in_clear(&server)).await;
    let sent = sender.send_to(&["ada@example.org", "grace@example.org"]).await;

    assert_eq!(sent.recipients, []);
    assert_eq!(received(server).await.lines().last(), Some(&"RCPT TO:<ada@example.org>"));
}

#[tokio::test]
async fn a_reply_that_fits_no_command_ends_the_session() {
    for (to, reply) in [
        ("MAIL", "354 go"),
        ("RCPT", "354 go"),
        ("DATA", "250 taken"),
        ("content", "354 go"),
        ("content", "250 taken\n250 taken"),
    ] {
        let server = SmtpScript::in_clear().replying(to, reply).play();
        let mut sender = Sender::open(in_clear(&server)).await;
        let _ = sender.send().await;
        let _ = sender.send().await;
        assert!(!sender.is_usable(), "{to}: {reply}");
    }
}

#[tokio::test]
async fn a_message_that_is_dropped_ends_the_session() {
    let (reached, is_reached) = oneshot::channel();
    let server = SmtpServer::play(|mut peer| async move {
        peer.accept_up_to_data().await?;
        let _ = reached.send(());
        peer.is_left().await
    });
    let mut sender = Sender::open(in_clear(&server)).await;
    tokio::select! {
        _ = sender.send_with_mark(pending::<Result<(), ()>>()) => panic!("the mark ended"),
        reached = is_reached => reached.expect("the content"),
    }
    assert!(!sender.is_usable());
}

#[tokio::test]
async fn the_mark_is_awaited_after_the_whole_content() {
    let (content, is_read) = oneshot::channel();
    let server = SmtpServer::play(|mut peer| async move {
        peer.accept_up_to_data().await?;
        for expected in ["Subject: Test", "", "Hello"] {
            assert_eq!(peer.read_line().await?, expected);
        }
        let _ = content.send(());
        assert_eq!(peer.read_line().await?, ".");
        peer.say("250 taken").await
    });
    let mut sender = Sender::open(in_clear(&server)).await;
    let sent = sender.send_with_mark(is_read).await;
    assert_eq!(sent.outcome.expect("an accepted message").reply, "250 taken");
}

#[tokio::test]
async fn if_the_mark_fails_no_final_dot_is_sent_and_the_connection_is_closed() {
    for script in [SmtpScript::in_clear(), pipelining()] {
        let server = script.play();
        let mut sender = Sender::open(in_clear(&server)).await;
        let sent = sender.send_with_mark(ready(Err("the database is down"))).await;

        assert_eq!(sent.outcome, Err(NotAccepted::NotMarked("the database is down")));
        assert!(!sender.is_usable());
        assert_eq!(received(server).await.messages, 0);
    }
}

#[tokio::test]
async fn a_connection_lost_before_the_mark_is_a_message_not_sent_and_not_marked() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.accept_up_to_data().await?;
        peer.read_some().await?;
        peer.reset()
    });
    let mut sender = Sender::open(in_clear(&server).with_message(&vec![b'x'; 8 << 20])).await;
    let mark = async { panic!("marked") };
    let failure = failure(sender.send_with_mark::<Infallible>(mark).await);

    assert_eq!((failure.step, failure.diagnosis), (Step::Content, Diagnosis::ConnectionLost));
    assert!(!sender.is_usable());
}

/// Sends a message to a server that replies before the final dot or, with an empty reply, closes
/// the connection. Returns the failure, and the number of final dots that the server received.
async fn interrupted_before_the_final_dot(reply: &'static str) -> (Failure, usize) {
    let (reply_sent, is_sent) = oneshot::channel();
    let server = SmtpServer::play(move |mut peer| async move {
        peer.accept_up_to_data().await?;
        for _ in 0..3 {
            peer.read_line().await?;
        }
        if reply.is_empty() {
            peer.close().await?;
        } else {
            peer.say(reply).await?;
        }
        let _ = reply_sent.send(());
        peer.read_content().await
    });
    let mut sender = Sender::open(in_clear(&server)).await;
    let mark = async {
        is_sent.await.expect("a reply");
        // Like a database, this waits for a socket, and so the reply is noticed.
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        TcpStream::connect(listener.local_addr()?).await.map(drop)
    };
    let failure = failure(sender.send_with_mark(mark).await);
    assert!(!sender.is_usable());
    (failure, received(server).await.messages)
}

#[tokio::test]
async fn a_reply_before_the_final_dot_refuses_the_message() {
    let (failure, dots) = interrupted_before_the_final_dot("552 5.3.4 Too big").await;
    assert_eq!((failure.step, failure.diagnosis), (Step::Content, Diagnosis::MessageTooLarge));
    assert_eq!(dots, 0);
}

#[tokio::test]
async fn a_connection_that_ends_before_the_final_dot_is_a_message_not_sent() {
    let (failure, dots) = interrupted_before_the_final_dot("").await;
    assert_eq!((failure.step, failure.diagnosis), (Step::Content, Diagnosis::ConnectionLost));
    assert_eq!(dots, 0);
}

#[tokio::test]
async fn a_connection_lost_after_the_final_dot_is_a_message_maybe_delivered() {
    let server = SmtpScript::in_clear().replying("content", "").play();
    let mut sender = Sender::open(in_clear(&server)).await;
    let mut is_marked = false;
    let mark = async {
        is_marked = true;
        Ok::<_, Infallible>(())
    };
    let failure = failure(sender.send_with_mark(mark).await);

    assert!(is_marked);
    assert_eq!((failure.step, failure.diagnosis), (Step::Accepted, Diagnosis::MaybeDelivered));
    assert!(!sender.is_usable());
}

#[tokio::test]
async fn with_pipelining_the_recipients_are_sent_before_the_reply_to_the_sender() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.answer_each(&["250-hello\r\n250 PIPELINING"]).await?;
        for start in ["MAIL", "RCPT", "RCPT", "RCPT"] {
            assert!(peer.read_line().await?.starts_with(start));
        }
        peer.write(b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n").await?;
        peer.answer_each(&["354 go"]).await?;
        peer.read_content().await?;
        peer.say("250 taken").await
    });
    let mut sender = Sender::open(in_clear(&server)).await;
    let sent = sender.send_to(&EVERYBODY).await;
    assert_eq!(codes(&sent), [None, Some(550), None]);
    sent.outcome.expect("an accepted message");
}

#[tokio::test]
async fn without_pipelining_each_command_waits_for_the_reply_before() {
    let server = SmtpScript::in_clear().replying("MAIL", "550 5.7.1 Not you").play();
    let mut sender = Sender::open(in_clear(&server)).await;
    failure(sender.send().await);
    drop(sender);
    assert_eq!(received(server).await.line("RCPT"), "");
}

#[tokio::test]
async fn a_message_ends_alike_with_and_without_pipelining() {
    let everybody = &EVERYBODY[..];
    for (to, reply, recipients) in [
        ("MAIL", "250 ok", everybody),
        ("MAIL", "250 ok", &["nobody@example.org", "later@example.org"]),
        ("MAIL", "250 ok", &["jörg@example.org", "ada@example.org"]),
        ("MAIL", "550 5.7.1 Not you", everybody),
        ("MAIL", "421 4.3.2 Going down", everybody),
        ("RCPT", "421 4.3.2 Going down", everybody),
        ("DATA", "554 5.5.1 No recipients", everybody),
        ("content", "554 5.7.1 Looks like spam", everybody),
        ("content", "", everybody),
    ] {
        let mut ends = Vec::new();
        for script in [SmtpScript::in_clear(), pipelining()] {
            let mut sender = Sender::open(in_clear(&script.replying(to, reply).play())).await;
            let sent = sender.send_to(recipients).await;
            let steps = sender.steps.iter().map(|report| {
                (report.step, report.ended, report.peer_text.clone().unwrap_or_default())
            });
            ends.push((sent, steps.collect::<Vec<_>>(), sender.is_usable()));
        }
        assert_eq!(ends[0], ends[1], "{to}: {reply}, to {recipients:?}");
    }
}

#[tokio::test]
async fn replies_to_pipelined_commands_may_arrive_octet_by_octet() {
    let server = SmtpScript { octet_by_octet: true, ..pipelining() }.play();
    let mut sender = Sender::open(in_clear(&server)).await;
    let sent = sender.send_to(&EVERYBODY).await;
    assert_eq!(codes(&sent), [None, Some(550), None]);
    sent.outcome.expect("an accepted message");
}

#[tokio::test]
async fn a_hundred_recipients_are_sent_in_several_groups_and_in_order() {
    let server = pipelining().play();
    let mut sender = Sender::open(in_clear(&server)).await;
    let recipients: Vec<_> =
        (0..100).map(|n| format!("{}.{n}@example.org", "x".repeat(60))).collect();
    let sent = sender.send_to(&recipients.iter().map(String::as_str).collect::<Vec<_>>()).await;

    assert_eq!(sent.recipients, vec![Ok(()); 100]);
    drop(sender);
    let received = received(server).await;
    let lines = received.lines().into_iter().filter(|line| line.starts_with("RCPT"));
    let expected = recipients.iter().map(|recipient| format!("RCPT TO:<{recipient}>"));
    assert_eq!(lines.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn the_capabilities_of_the_last_ehlo_are_readable() {
    let ehlo_under_tls = "250-mail.example.com\n250-SIZE 1000\n250-SMTPUTF8\n250 AUTH PLAIN";
    let ehlo_in_clear = "250-mail.example.com\n250-STARTTLS\n250-8BITMIME\n250 PIPELINING";
    let script = SmtpScript { ehlo_in_clear, ehlo_under_tls, ..SmtpScript::by_starttls() };
    let sender = Sender::open(with_password(&script.play())).await;

    let offered = sender.session.capabilities();
    assert_eq!((offered.size, offered.smtputf8), (Some(1_000), true));
    assert_eq!((offered.eight_bit, offered.pipelining), (false, false));
}
