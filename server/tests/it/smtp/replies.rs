//! Replies as no good server writes them, at each place of a conversation, and replies that are
//! only unusual, which are understood.

use domain::delivery::{Advice, Step};
use domain::settings::Security;

use super::Attempt;
use super::places::{Cell, Place, all_hold, unlike};
use crate::support::smtp_server::{Protection, Script, SmtpServer};

/// More than any server has a reason to say.
const FLOOD: usize = 10 << 20;

/// What of a flood the buffers of both sides may swallow before the caller is seen to be gone.
const SWALLOWED: usize = 2 << 20;

/// A server that sends these octets at a place and then closes.
async fn cell(place: Place, octets: &'static [u8], expected: (Step, Advice)) -> Cell {
    let (words, wrong) = heard_at(place, octets, expected).await;
    (format!("{:?} at {place:?}", String::from_utf8_lossy(octets)), wrong.map(|w| w + &words))
}

async fn heard_at(
    place: Place,
    octets: &'static [u8],
    expected: (Step, Advice),
) -> (String, Option<String>) {
    let server = SmtpServer::play(move |mut peer| async move {
        peer.until(place).await?;
        peer.write(octets).await?;
        peer.close().await?;
        peer.is_left().await
    });
    let outcome = place.attempt(&server).run().await;
    let words = outcome.result.as_ref().err().and_then(|failure| failure.said.clone());
    (words.unwrap_or_default(), unlike(&outcome, Some(expected)))
}

/// What a line that is none of SMTP's means at a place.
fn no_reply(place: Place) -> (Step, Advice) {
    match place {
        Place::Connection | Place::Ehlo | Place::EhloUnderTls => place.ends_with(Advice::NotSmtp),
        _ => place.ends_with(Advice::UnexpectedReply),
    }
}

#[tokio::test]
async fn a_line_that_is_no_reply_is_taken_for_none() {
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
        all_hold(Place::of_replies().map(|place| cell(place, line, no_reply(place)))).await;
    }
}

#[tokio::test]
async fn a_reply_that_ends_between_two_lines_or_within_one_is_a_lost_connection() {
    let beginnings: [&[u8]; 3] = [b"250-one\r\n", b"250-one\r\n25", b"250 one"];
    for octets in beginnings {
        let lost = |place: Place| place.ends_with(Advice::ConnectionLost);
        all_hold(Place::of_replies().map(|place| cell(place, octets, lost(place)))).await;
    }
}

#[tokio::test]
async fn a_refusal_is_shown_clean_however_it_is_written() {
    let refusals: [(&[u8], &str); 5] = [
        (b"599 a\0b\xFFc\xE2\x80\xAEd\x1B[0m\r\n", "599 ab\u{FFFD}cd[0m"),
        (b"599 ended by a line feed\n", "599 ended by a line feed"),
        (b"599-in\n599-three\r\n599 lines\n", "599 in three lines"),
        (b"599\r\n", "599"),
        (b"599 \r\n", "599"),
    ];
    for (octets, expected) in refusals {
        all_hold(Place::of_replies().map(|place| async move {
            let advice = match place.step() {
                Step::Greeting | Step::Capabilities => Advice::Unwelcome,
                Step::Tls => Advice::StartTlsRefused,
                Step::SignIn => Advice::CredentialsRefused,
                Step::Sender => Advice::SenderRefused,
                Step::Recipient => Advice::RecipientRefused,
                _ => Advice::ContentRefused,
            };
            let (words, wrong) = heard_at(place, octets, (place.step(), advice)).await;
            let wrong = wrong.or_else(|| (words != expected).then_some(words));
            (format!("{expected:?} at {place:?}"), wrong)
        }))
        .await;
    }
}

/// A server that pours at a place until its caller is gone.
async fn flooded(place: Place, piece: Vec<u8>) -> Cell {
    let name = format!("{:?} at {place:?}", String::from_utf8_lossy(&piece[..5]));
    let (poured, how_much) = tokio::sync::oneshot::channel();
    let server = SmtpServer::play(move |mut peer| async move {
        peer.until(place).await?;
        let _ = poured.send(peer.pour(&piece, FLOOD).await);
        Ok(())
    });
    let expected = match place {
        Place::Quit => None,
        _ => Some(place.ends_with(Advice::ReplyTooLong)),
    };
    let outcome = place.attempt(&server).run().await;
    let poured = how_much.await.unwrap_or(FLOOD);
    let wrong = unlike(&outcome, expected)
        .or_else(|| (poured >= SWALLOWED).then(|| format!("{poured} octets went")));
    (name, wrong)
}

#[tokio::test]
async fn a_flood_is_not_read_whether_it_is_one_line_or_one_reply() {
    for piece in [b"2".repeat(4_096), b"250-x\r\n".repeat(512)] {
        let places = Place::of_replies().chain([Place::Quit]);
        all_hold(places.map(|place| flooded(place, piece.clone()))).await;
    }
}

#[tokio::test]
async fn octets_in_clear_beneath_tls_break_it_and_are_not_read_as_a_reply() {
    all_hold(Place::of_replies_under_tls().map(|place| async move {
        let server = SmtpServer::play(move |mut peer| async move {
            peer.until(place).await?;
            peer.write_below_tls(b"250 2.0.0 Believe me\r\n").await?;
            peer.is_left().await
        });
        let outcome = place.attempt(&server).run().await;
        let wrong = unlike(&outcome, Some(place.ends_with(Advice::TlsFailed)));
        (format!("in clear at {place:?}"), wrong)
    }))
    .await;
}

#[tokio::test]
async fn every_reply_may_have_several_lines() {
    let script = || Script {
        greeting: "220-mail.example.com\n220-has much\n220 to say",
        starttls: "220-2.0.0 Go\n220-2.0.0 right\n220 2.0.0 ahead",
        auth: "235-2.7.0 Wel\n235 2.7.0 come",
        mail: "250-2.1.0 Sender\n250 2.1.0 fine",
        rcpt: "250-2.1.5 Recipient\n250 2.1.5 fine",
        data: "354-Go\n354 on",
        content: "250-2.0.0 Queued\n250 2.0.0 as 4711",
        quit: "221-2.0.0 Good\n221 2.0.0 bye",
        ..Script::by_starttls()
    };
    for (script, security) in [
        (script(), Security::StartTls),
        (
            Script { protection: Script::from_the_first_byte().protection, ..script() },
            Security::ImplicitTls,
        ),
    ] {
        let server = script.play();
        let outcome = Attempt::at(&server, security).signed_in("ppm", "secret").run().await;
        assert_eq!(outcome.reply(), "250 2.0.0 Queued as 4711", "{security:?}");
    }
}

#[tokio::test]
async fn replies_may_come_octet_by_octet() {
    for (protection, security) in [
        (Protection::None, Security::Clear),
        (Script::by_starttls().protection, Security::StartTls),
        (Script::from_the_first_byte().protection, Security::ImplicitTls),
    ] {
        let server = Script { protection, octet_by_octet: true, ..Script::by_starttls() }.play();
        let outcome = Attempt::at(&server, security).run().await;
        assert_eq!(outcome.reply(), "250 2.0.0 Queued as 4711", "{security:?}");
    }
}

#[tokio::test]
async fn thousands_of_offers_are_read_to_their_end() {
    let server = SmtpServer::play(|mut peer| async move {
        peer.say("220 hello").await?;
        peer.hear().await?;
        peer.say(&format!("{}250 AUTH PLAIN", "250-X-OFFER\r\n".repeat(4_000))).await?;
        peer.hear().await?;
        peer.say("535 5.7.8 No").await?;
        peer.is_left().await
    });
    let outcome = Attempt::at(&server, Security::Clear).signed_in("ppm", "secret").run().await;
    assert_eq!(outcome.failure(), (Step::SignIn, Advice::CredentialsRefused));
}

#[tokio::test]
async fn a_second_greeting_is_not_taken_for_the_answer_to_ehlo() {
    let at_once = Script { greeting: "220 hello\n220 hello again", ..Script::in_clear() };
    let when_asked = Script { ehlo_in_clear: "220 hello again", ..Script::in_clear() };
    for script in [at_once, when_asked] {
        let server = script.play();
        let outcome = Attempt::at(&server, Security::Clear).run().await;

        assert_eq!(outcome.failure(), (Step::Capabilities, Advice::UnexpectedReply));
        assert_eq!(outcome.words(), "220 hello again");
        assert_eq!(server.heard().await.line("MAIL"), "");
    }
}

#[tokio::test]
async fn a_message_is_not_sent_to_a_server_that_has_taken_it_before_it_was_sent() {
    let server = Script { data: "354 go\n250 2.0.0 taken", ..Script::in_clear() }.play();
    let outcome = Attempt::at(&server, Security::Clear).run().await;

    assert_eq!(outcome.failure(), (Step::Content, Advice::UnexpectedReply));
    assert_eq!(outcome.words(), "250 2.0.0 taken");
    assert_eq!(server.heard().await.messages, 0);
}

#[tokio::test]
async fn a_421_that_nobody_asked_for_is_heard_before_the_next_command() {
    let mail = "250 2.1.0 Sender fine\n421 4.3.2 Going down";
    let server = Script { mail, ..Script::in_clear() }.play();
    let outcome = Attempt::at(&server, Security::Clear).run().await;

    assert_eq!(outcome.failure(), (Step::Recipient, Advice::TryLater));
    assert_eq!(outcome.words(), "421 4.3.2 Going down");
    assert_eq!(server.heard().await.line("RCPT"), "");
}

#[tokio::test]
async fn a_server_that_knows_no_ehlo_is_spoken_to_by_helo() {
    for ehlo_in_clear in ["500 5.5.1 What?", "502 5.5.1 Not here"] {
        let server = Script { ehlo_in_clear, ..Script::in_clear() }.play();
        Attempt::at(&server, Security::Clear).run().await.reply();

        let heard = server.heard().await;
        assert_eq!(heard.lines()[..2], ["EHLO [127.0.0.1]", "HELO [127.0.0.1]"]);
    }
}

#[tokio::test]
async fn a_refusal_of_helo_is_told_in_its_own_words() {
    let ehlo_in_clear = "502 5.5.1 Not here";
    let helo = "550 5.7.1 Not you";
    let server = Script { ehlo_in_clear, helo, ..Script::in_clear() }.play();
    let outcome = Attempt::at(&server, Security::Clear).run().await;

    assert_eq!(outcome.failure(), (Step::Capabilities, Advice::Unwelcome));
    assert_eq!(outcome.words(), "550 5.7.1 Not you");
}

#[tokio::test]
async fn helo_is_not_tried_where_it_cannot_offer_what_is_wanted() {
    for security in [Security::Clear, Security::StartTls] {
        let ehlo_in_clear = "502 5.5.1 Not here";
        let server = Script { ehlo_in_clear, ..Script::in_clear() }.play();
        let outcome = Attempt::at(&server, security).signed_in("ppm", "secret").run().await;

        assert_eq!(outcome.failure(), (Step::Capabilities, Advice::NotSmtp), "{security:?}");
        assert_eq!(server.heard().await.line("HELO"), "");
    }
}
