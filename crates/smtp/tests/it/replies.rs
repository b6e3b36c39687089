//! Tests of invalid replies at each point of a session, and of valid but unusual ones.

use domain::delivery::{Diagnosis, Step};
use domain::settings::Security;
use testkit::smtp_server::{Protection, SmtpScript, SmtpServer};

use super::session_points::{Cell, SessionPoint, all_hold, unlike, until};
use super::{DeliveryAttempt, in_clear};

/// More octets than any correct server sends.
const FLOOD: usize = 10 << 20;

/// The part of a flood, in octets, that buffers may absorb before the server sees the client close.
const SWALLOWED: usize = 2 << 20;

/// Runs a session with a server that sends these octets at a point and then closes.
async fn cell(place: SessionPoint, octets: &'static [u8], expected: (Step, Diagnosis)) -> Cell {
    let (words, wrong) = outcome_at(place, octets, expected).await;
    (format!("{:?} at {place:?}", String::from_utf8_lossy(octets)), wrong.map(|w| w + &words))
}

async fn outcome_at(
    place: SessionPoint,
    octets: &'static [u8],
    expected: (Step, Diagnosis),
) -> (String, Option<String>) {
    let server = SmtpServer::play(move |mut peer| async move {
        until(&mut peer, place).await?;
        peer.write(octets).await?;
        peer.close().await?;
        peer.is_left().await
    });
    let outcome = place.attempt(&server).run().await;
    let words = outcome.result.as_ref().err().and_then(|failure| failure.peer_text.clone());
    (words.unwrap_or_default(), unlike(&outcome, Some(expected)))
}

/// Returns the expected failure for a line that is not an SMTP reply.
fn no_reply(place: SessionPoint) -> (Step, Diagnosis) {
    match place {
        SessionPoint::Connection | SessionPoint::Ehlo | SessionPoint::EhloUnderTls => {
            place.ends_with(Diagnosis::NotSmtp)
        }
        _ => place.ends_with(Diagnosis::UnexpectedReply),
    }
}

#[tokio::test]
async fn an_invalid_line_is_not_taken_for_a_reply() {
    let lines: [&[u8]; 8] = [
        b"150 too low\r\n",
        b"650 too high\r\n",
        b"099 far too low\r\n",
        b"25\r\n",
        b"2500 too long\r\n",
        b"\r\n",
        b"\x16\x03\x01\x00\xFF\x00\r\n",
        b"garbage\r\n",
    ];
    for line in lines {
        all_hold(SessionPoint::of_replies().map(|place| cell(place, line, no_reply(place)))).await;
    }
}

#[tokio::test]
async fn an_incomplete_reply_is_a_lost_connection() {
    let beginnings: [&[u8]; 3] = [b"250-one\r\n", b"250-one\r\n25", b"250 one"];
    for octets in beginnings {
        let lost = |place: SessionPoint| place.ends_with(Diagnosis::ConnectionLost);
        all_hold(SessionPoint::of_replies().map(|place| cell(place, octets, lost(place)))).await;
    }
}

#[tokio::test]
async fn a_refusal_in_any_form_is_sanitised() {
    let refusals: [(&[u8], &str); 5] = [
        (b"599 a\0b\xFFc\xE2\x80\xAEd\x1B[0m\r\n", "599 ab\u{FFFD}cd[0m"),
        (b"599 ended by a line feed\n", "599 ended by a line feed"),
        (b"599-in\n599-three\r\n599 lines\n", "599 in three lines"),
        (b"599\r\n", "599"),
        (b"599 \r\n", "599"),
    ];
    for (octets, expected) in refusals {
        all_hold(SessionPoint::of_replies().map(|place| async move {
            let diagnosis = match place.step() {
                Step::Greeting | Step::Capabilities => Diagnosis::Unwelcome,
                Step::Tls => Diagnosis::StartTlsRefused,
                Step::SignIn => Diagnosis::CredentialsRefused,
                Step::Sender => Diagnosis::SenderRefused,
                Step::Recipient => Diagnosis::RecipientRefused,
                _ => Diagnosis::ContentRefused,
            };
            let (words, wrong) = outcome_at(place, octets, (place.step(), diagnosis)).await;
            let wrong = wrong.or_else(|| (words != expected).then_some(words));
            (format!("{expected:?} at {place:?}"), wrong)
        }))
        .await;
    }
}

/// Runs a session with a server that sends data at a point until the client closes.
async fn flooded(place: SessionPoint, piece: Vec<u8>) -> Cell {
    let name = format!("{:?} at {place:?}", String::from_utf8_lossy(&piece[..5]));
    let (poured, how_much) = tokio::sync::oneshot::channel();
    let server = SmtpServer::play(move |mut peer| async move {
        until(&mut peer, place).await?;
        let _ = poured.send(peer.pour(&piece, FLOOD).await);
        Ok(())
    });
    let expected = match place {
        SessionPoint::Quit => None,
        _ => Some(place.ends_with(Diagnosis::ReplyTooLong)),
    };
    let outcome = place.attempt(&server).run().await;
    let poured = how_much.await.unwrap_or(FLOOD);
    let wrong = unlike(&outcome, expected)
        .or_else(|| (poured >= SWALLOWED).then(|| format!("{poured} octets went")));
    (name, wrong)
}

#[tokio::test]
async fn an_endless_line_or_reply_is_not_read_to_its_end() {
    for piece in [b"2".repeat(4_096), b"250-x\r\n".repeat(512)] {
        let places = SessionPoint::of_replies().chain([SessionPoint::Quit]);
        all_hold(places.map(|place| flooded(place, piece.clone()))).await;
    }
}

#[tokio::test]
async fn cleartext_octets_under_tls_are_a_tls_error_and_not_a_reply() {
    all_hold(SessionPoint::of_replies_under_tls().map(|place| async move {
        let server = SmtpServer::play(move |mut peer| async move {
            until(&mut peer, place).await?;
            peer.write_below_tls(b"250 2.0.0 Believe me\r\n").await?;
            peer.is_left().await
        });
        let outcome = place.attempt(&server).run().await;
        let wrong = unlike(&outcome, Some(place.ends_with(Diagnosis::TlsFailed)));
        (format!("in clear at {place:?}"), wrong)
    }))
    .await;
}

#[tokio::test]
async fn every_reply_may_have_several_lines() {
    let script = || SmtpScript {
        greeting: "220-mail.example.com\n220-has much\n220 to say",
        starttls: "220-2.0.0 Go\n220-2.0.0 right\n220 2.0.0 ahead",
        auth: "235-2.7.0 Wel\n235 2.7.0 come",
        mail: "250-2.1.0 Sender\n250 2.1.0 fine",
        rcpt: "250-2.1.5 Recipient\n250 2.1.5 fine",
        data: "354-Go\n354 on",
        content: "250-2.0.0 Queued\n250 2.0.0 as 4711",
        quit: "221-2.0.0 Good\n221 2.0.0 bye",
        ..SmtpScript::by_starttls()
    };
    for (script, security) in [
        (script(), Security::StartTls),
        (
            SmtpScript { protection: SmtpScript::from_the_first_byte().protection, ..script() },
            Security::ImplicitTls,
        ),
    ] {
        let server = script.play();
        let outcome = DeliveryAttempt::at(&server, security).signed_in("ppm", "secret").run().await;
        assert_eq!(outcome.reply(), "250 2.0.0 Queued as 4711", "{security:?}");
    }
}

#[tokio::test]
async fn a_reply_may_arrive_octet_by_octet() {
    for (protection, security) in [
        (Protection::None, Security::Clear),
        (SmtpScript::by_starttls().protection, Security::StartTls),
        (SmtpScript::from_the_first_byte().protection, Security::ImplicitTls),
    ] {
        let server =
            SmtpScript { protection, octet_by_octet: true, ..SmtpScript::by_starttls() }.play();
        let outcome = DeliveryAttempt::at(&server, security).run().await;
        assert_eq!(outcome.reply(), "250 2.0.0 Queued as 4711", "{security:?}");
    }
}

#[tokio::test]
async fn thousands_of_capabilities_are_read_completely() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        let offers = format!("{}250 AUTH PLAIN", "250-X-OFFER\r\n".repeat(4_000));
        peer.answer_each(&[&offers, "535 5.7.8 No"]).await?;
        peer.is_left().await
    });
    let outcome = in_clear(&server).signed_in("ppm", "secret").run().await;
    assert_eq!(outcome.failure(), (Step::SignIn, Diagnosis::CredentialsRefused));
}

#[tokio::test]
async fn a_second_greeting_is_not_taken_for_the_reply_to_ehlo() {
    let at_once = SmtpScript { greeting: "220 hello\n220 hello again", ..SmtpScript::in_clear() };
    let when_asked = SmtpScript { ehlo_in_clear: "220 hello again", ..SmtpScript::in_clear() };
    for script in [at_once, when_asked] {
        let server = script.play();
        let outcome = in_clear(&server).run().await;

        assert_eq!(outcome.failure(), (Step::Capabilities, Diagnosis::UnexpectedReply));
        assert_eq!(outcome.words(), "220 hello again");
        assert_eq!(server.received().await.line("MAIL"), "");
    }
}

#[tokio::test]
async fn a_message_is_not_sent_after_a_premature_acceptance() {
    let server = SmtpScript { data: "354 go\n250 2.0.0 taken", ..SmtpScript::in_clear() }.play();
    let outcome = in_clear(&server).run().await;

    assert_eq!(outcome.failure(), (Step::Content, Diagnosis::UnexpectedReply));
    assert_eq!(outcome.words(), "250 2.0.0 taken");
    assert_eq!(server.received().await.messages, 0);
}

#[tokio::test]
async fn an_unsolicited_421_is_read_before_the_next_command() {
    let mail = "250 2.1.0 Sender fine\n421 4.3.2 Going down";
    let server = SmtpScript { mail, ..SmtpScript::in_clear() }.play();
    let outcome = in_clear(&server).run().await;

    assert_eq!(outcome.failure(), (Step::Recipient, Diagnosis::TryLater));
    assert_eq!(outcome.words(), "421 4.3.2 Going down");
    assert_eq!(server.received().await.line("RCPT"), "");
}

#[tokio::test]
async fn helo_is_sent_to_a_server_that_does_not_know_ehlo() {
    for ehlo_in_clear in ["500 5.5.1 What?", "502 5.5.1 Not here"] {
        let server = SmtpScript { ehlo_in_clear, ..SmtpScript::in_clear() }.play();
        in_clear(&server).run().await.reply();

        let received = server.received().await;
        assert_eq!(received.lines()[..2], ["EHLO [127.0.0.1]", "HELO [127.0.0.1]"]);
    }
}

#[tokio::test]
async fn a_refusal_of_helo_is_shown() {
    let ehlo_in_clear = "502 5.5.1 Not here";
    let helo = "550 5.7.1 Not you";
    let server = SmtpScript { ehlo_in_clear, helo, ..SmtpScript::in_clear() }.play();
    let outcome = in_clear(&server).run().await;

    assert_eq!(outcome.failure(), (Step::Capabilities, Diagnosis::Unwelcome));
    assert_eq!(outcome.words(), "550 5.7.1 Not you");
}

#[tokio::test]
async fn helo_is_not_tried_if_the_settings_need_an_extension() {
    for security in [Security::Clear, Security::StartTls] {
        let ehlo_in_clear = "502 5.5.1 Not here";
        let server = SmtpScript { ehlo_in_clear, ..SmtpScript::in_clear() }.play();
        let outcome = DeliveryAttempt::at(&server, security).signed_in("ppm", "secret").run().await;

        assert_eq!(outcome.failure(), (Step::Capabilities, Diagnosis::NotSmtp), "{security:?}");
        assert_eq!(server.received().await.line("HELO"), "");
    }
}
