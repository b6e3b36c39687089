//! Tests of signing in with a token: the lines that are sent, the explanation of a refusal, and
//! that the token is never sent unencrypted or shown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::delivery::{Diagnosis, FactName, Step};
use domain::settings::Security;
use testkit::smtp_server::{Received, SmtpScript, SmtpServer};

use super::session_points::{SessionPoint, until};
use super::{DeliveryAttempt, DeliveryResult, in_clear};

const USER: &str = "ppm@example.com";
const TOKEN: &str = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlz";
const XOAUTH2: &str = "250-mail.example.com\n250 AUTH LOGIN PLAIN OAUTHBEARER XOAUTH2";
const OAUTHBEARER: &str = "250-mail.example.com\n250 AUTH PLAIN OAUTHBEARER";

/// Base64 of `{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}`.
const CHALLENGE: &str = "334 eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==";
const REASON: &str =
    r#"334 {"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#;

/// Returns a script of a server with these capabilities.
fn offering(ehlo_under_tls: &'static str) -> SmtpScript {
    SmtpScript { ehlo_under_tls, ..SmtpScript::by_starttls() }
}

async fn signed_in_by(token: &str, script: SmtpScript) -> (DeliveryResult, Received) {
    signed_in_at(script.play(), token).await
}

async fn signed_in_at(server: SmtpServer, token: &str) -> (DeliveryResult, Received) {
    let outcome =
        DeliveryAttempt::at(&server, Security::StartTls).signed_in_by(USER, token).run().await;
    (outcome, server.received().await)
}

/// Returns the encoded response for a token.
fn response(mechanism: &str, port: u16, token: &str) -> String {
    BASE64.encode(match mechanism {
        "XOAUTH2" => format!("user={USER}\x01auth=Bearer {token}\x01\x01"),
        _ => format!("n,a={USER},\x01host=127.0.0.1\x01port={port}\x01auth=Bearer {token}\x01\x01"),
    })
}

const MECHANISMS: [(&str, &str); 2] = [("XOAUTH2", XOAUTH2), ("OAUTHBEARER", OAUTHBEARER)];

#[tokio::test]
async fn a_token_signs_in_by_xoauth2_if_both_mechanisms_are_offered() {
    let (outcome, received) = signed_in_by("vF9dft4qmT", offering(XOAUTH2)).await;

    assert_eq!(outcome.peer_text(Step::SignIn), "235 2.7.0 Welcome");
    assert_eq!(outcome.facts(Step::SignIn), [(FactName::Mechanism, "XOAUTH2")]);
    assert_eq!(outcome.reply(), "250 2.0.0 Queued as 4711");
    assert_eq!(
        received.under_tls[1],
        "AUTH XOAUTH2 dXNlcj1wcG1AZXhhbXBsZS5jb20BYXV0aD1CZWFyZXIgdkY5ZGZ0NHFtVAEB"
    );
    assert_eq!(received.under_tls[2], "MAIL FROM:<ppm@example.com>");
}

#[tokio::test]
async fn a_token_signs_in_by_oauthbearer_if_xoauth2_is_not_offered() {
    let server = offering(OAUTHBEARER).play();
    let port = server.address.port();
    let (outcome, received) = signed_in_at(server, "vF9dft4qmT").await;

    assert_eq!(outcome.facts(Step::SignIn), [(FactName::Mechanism, "OAUTHBEARER")]);
    let response = format!(
        "n,a=ppm@example.com,\x01host=127.0.0.1\x01port={port}\x01auth=Bearer vF9dft4qmT\x01\x01"
    );
    assert_eq!(received.under_tls[1], format!("AUTH OAUTHBEARER {}", BASE64.encode(response)));
    assert_eq!(received.under_tls[2], "MAIL FROM:<ppm@example.com>");
}

#[tokio::test]
async fn a_token_is_an_initial_response_up_to_510_octets_and_otherwise_waits_for_the_334() {
    for (mechanism, offers) in MECHANISMS {
        // The longest multiple of four digits in a line of at most 510 octets.
        let digits = (510 - "AUTH  ".len() - mechanism.len()) / 4 * 4;
        for octets_more in [0, 1] {
            let server = offering(offers).play();
            let port = server.address.port();
            let empty = BASE64.decode(response(mechanism, port, "")).expect("our own").len();
            let token = "t".repeat(digits / 4 * 3 - empty + octets_more);
            let (outcome, received) = signed_in_at(server, &token).await;

            outcome.reply();
            let response = response(mechanism, port, &token);
            if octets_more == 0 {
                let line = format!("AUTH {mechanism} {response}");
                assert_eq!(line.len(), 509);
                assert_eq!(received.under_tls[1], line);
            } else {
                assert_eq!(received.under_tls[1..3], [format!("AUTH {mechanism}"), response]);
            }
        }
    }
}

#[tokio::test]
async fn tokens_of_every_length_are_sent_completely() {
    for (mechanism, offers) in MECHANISMS {
        for length in [30, 1_500, 2_500, 6_000, 9_100] {
            let server = offering(offers).play();
            let port = server.address.port();
            let token = "0123456789".repeat(length / 10);
            let (outcome, received) = signed_in_at(server, &token).await;

            outcome.reply();
            let sent = received.under_tls[1..].iter().find(|line| !line.ends_with(mechanism));
            let sent = sent.map(|line| line.trim_start_matches(&format!("AUTH {mechanism} ")));
            assert_eq!(sent, Some(response(mechanism, port, &token).as_str()), "{length}");
        }
    }
}

#[tokio::test]
async fn a_challenge_is_answered_and_shown_decoded_before_the_reply() {
    for ((mechanism, offers), answer) in MECHANISMS.into_iter().zip(["", "AQ=="]) {
        for length in [30, 1_500] {
            let auth = "535 5.7.8 Not accepted";
            let script = SmtpScript { challenge: Some(CHALLENGE), auth, ..offering(offers) };
            let (outcome, received) = signed_in_by(&"t".repeat(length), script).await;

            assert_eq!(outcome.failure(), (Step::SignIn, Diagnosis::TokenRefused), "{mechanism}");
            assert_eq!(outcome.words(), format!("{REASON}\n535 5.7.8 Not accepted"));
            let after_ehlo = &received.under_tls[1..];
            let answered = after_ehlo.iter().rev().take(2).collect::<Vec<_>>();
            assert_eq!(answered, ["QUIT", answer], "{mechanism}");
            assert_eq!(after_ehlo.len(), if length == 30 { 3 } else { 4 }, "{after_ehlo:?}");
        }
    }
}

#[tokio::test]
async fn the_reply_after_a_challenge_decides_if_it_is_more_specific() {
    for (auth, diagnosis) in [
        ("535 5.7.8 https://example.com/?p=BadCredentials", Diagnosis::TokenRefused),
        ("535 5.7.3 Authentication unsuccessful", Diagnosis::ExchangeSignInRefused),
        (
            "535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox.",
            Diagnosis::SmtpAuthDisabled,
        ),
        ("454 4.7.0 Cannot ask", Diagnosis::TryLater),
        ("421 4.7.0 Too many errors", Diagnosis::TryLater),
    ] {
        let script = SmtpScript { challenge: Some(CHALLENGE), auth, ..offering(XOAUTH2) };
        let (outcome, _) = signed_in_by(TOKEN, script).await;

        assert_eq!(outcome.failure(), (Step::SignIn, diagnosis), "{auth}");
        assert_eq!(outcome.words(), format!("{REASON}\n{auth}"));
    }
}

#[tokio::test]
async fn a_challenge_is_shown_even_if_no_reply_follows() {
    let script = SmtpScript { challenge: Some(CHALLENGE), auth: "", ..offering(XOAUTH2) };
    let (outcome, received) = signed_in_by(TOKEN, script).await;

    assert_eq!(outcome.failure(), (Step::SignIn, Diagnosis::TokenRefused));
    assert_eq!(outcome.words(), REASON);
    assert_eq!(received.under_tls[2..], [""]);
}

#[tokio::test]
async fn an_immediate_refusal_of_a_token_gets_no_response() {
    let three_lines = "535-5.7.8 Your token\n535-5.7.8 is no good\n535 5.7.8 here.";
    for (auth, diagnosis) in [
        ("535 5.7.3 Authentication unsuccessful", Diagnosis::ExchangeSignInRefused),
        ("535 5.7.8 Wrong password", Diagnosis::TokenRefused),
        (three_lines, Diagnosis::TokenRefused),
        ("454 4.7.0 Cannot ask", Diagnosis::TryLater),
        ("421 4.7.0 Too busy", Diagnosis::TryLater),
    ] {
        let (outcome, received) =
            signed_in_by(TOKEN, SmtpScript { auth, ..offering(XOAUTH2) }).await;

        assert_eq!(outcome.failure(), (Step::SignIn, diagnosis), "{auth}");
        let words =
            if auth == three_lines { "535 5.7.8 Your token is no good here." } else { auth };
        assert_eq!(outcome.words(), words);
        assert_eq!(received.under_tls[2..], ["QUIT"]);
    }
}

#[tokio::test]
async fn a_failure_has_the_code_of_the_last_reply_if_there_was_one() {
    let challenge = Some(CHALLENGE);
    for (script, code) in [
        (SmtpScript { auth: "535 5.7.8 No", ..offering(XOAUTH2) }, Some(535)),
        (SmtpScript { auth: "535 5.7.8 No", challenge, ..offering(XOAUTH2) }, Some(535)),
        (SmtpScript { auth: "454 4.7.0 Later", challenge, ..offering(XOAUTH2) }, Some(454)),
        (SmtpScript { auth: "", challenge, ..offering(XOAUTH2) }, Some(334)),
        (SmtpScript { auth: "", ..offering(XOAUTH2) }, None),
        (SmtpScript { rcpt: "550 5.1.1 Nobody", ..offering(XOAUTH2) }, Some(550)),
        (offering("554 5.7.1 Not you"), Some(554)),
        (offering("250-mail.example.com\n250 AUTH PLAIN"), None),
    ] {
        let (outcome, _) = signed_in_by(TOKEN, script).await;
        let failure = outcome.result.expect_err("a failure");
        assert_eq!(failure.code, code, "{failure:?}");
    }
}

#[tokio::test]
async fn only_the_capabilities_under_tls_count() {
    let ehlo_in_clear = "250-mail.example.com\n250-AUTH XOAUTH2\n250 STARTTLS";
    let (outcome, received) =
        signed_in_by(TOKEN, SmtpScript { ehlo_in_clear, ..offering(OAUTHBEARER) }).await;

    assert_eq!(outcome.fact(Step::SignIn, FactName::Mechanism), "OAUTHBEARER");
    assert_eq!(outcome.fact(Step::Capabilities, FactName::Mechanisms), "PLAIN OAUTHBEARER");
    assert_eq!(received.in_clear, ["EHLO [127.0.0.1]", "STARTTLS"]);
    assert_eq!(received.under_tls[0], "EHLO [127.0.0.1]");
}

#[tokio::test]
async fn a_server_without_a_token_mechanism_is_reported_with_its_mechanisms() {
    for (offers, diagnosis, mechanisms) in [
        ("250-x\n250 AUTH PLAIN LOGIN", Diagnosis::TokenSignInNotOffered, "PLAIN LOGIN"),
        ("250-x\n250 AUTH", Diagnosis::TokenSignInNotOffered, ""),
        ("250-x\n250 8BITMIME", Diagnosis::SignInNotOfferedUnderTls, ""),
    ] {
        let (outcome, received) = signed_in_by(TOKEN, offering(offers)).await;

        assert_eq!(outcome.failure(), (Step::SignIn, diagnosis));
        assert_eq!(outcome.words(), "");
        assert_eq!(outcome.fact(Step::Capabilities, FactName::Mechanisms), mechanisms);
        assert_eq!(received.under_tls, ["EHLO [127.0.0.1]", "QUIT"]);
    }
}

#[tokio::test]
async fn a_token_is_never_sent_unencrypted() {
    let script = SmtpScript {
        ehlo_in_clear: "250-mail.example.com\n250-STARTTLS\n250 AUTH XOAUTH2 OAUTHBEARER",
        ..SmtpScript::in_clear()
    };
    let server = script.play();
    let outcome = in_clear(&server).signed_in_by(USER, TOKEN).run().await;

    assert_eq!(outcome.failure(), (Step::SignIn, Diagnosis::EncryptionRequired));
    assert_eq!(server.received().await.lines(), ["EHLO [127.0.0.1]", "QUIT"]);
}

/// Builds a reply from the response that a server received.
type Repeat = fn(&str) -> String;

/// Starts a server that repeats what it received.
fn echoing(repeat: Repeat) -> SmtpServer {
    SmtpServer::play(move |mut peer| async move {
        until(&mut peer, SessionPoint::EhloUnderTls).await?;
        peer.say("250-hello\r\n250 AUTH XOAUTH2").await?;
        let line = peer.read_line().await?;
        let peer_text = match line.as_str() {
            "AUTH XOAUTH2" => {
                peer.say("334 ").await?;
                repeat(&peer.read_line().await?)
            }
            _ => repeat(line.trim_start_matches("AUTH XOAUTH2 ")),
        };
        peer.say(&peer_text).await?;
        peer.close().await?;
        peer.is_left().await
    })
}

fn token_in(response: &str) -> String {
    let response = BASE64.decode(response).expect("Base64");
    let response = String::from_utf8(response).expect("text");
    let (_, token) = response.split_once("Bearer ").expect("a token");
    token.trim_end_matches('\x01').to_owned()
}

/// Splits a text into the lines of a reply, each of the maximum length.
fn in_lines(text: &str) -> String {
    let pieces = text
        .as_bytes()
        .chunks(500)
        .map(|piece| format!("535-5.7.8 {}\r\n", String::from_utf8_lossy(piece)));
    format!("{}535 5.7.8 No", pieces.collect::<String>())
}

#[tokio::test]
async fn a_token_that_the_server_repeats_is_redacted() {
    let echoes: [(Repeat, &str); 5] = [
        (|sent| format!("501 5.5.2 What is {sent}?"), "501 5.5.2 What is [token]?"),
        (|sent| format!("535 5.7.8 No {}", token_in(sent)), "535 5.7.8 No [token]"),
        (|sent| format!("501 5.5.2 What is {}", &sent[..80]), "501 5.5.2 What is [token]"),
        (|sent| format!("535 5.7.8 No {}", BASE64.encode(token_in(sent))), "535 5.7.8 No [token]"),
        (
            |sent| format!("334 {}", BASE64.encode(format!("No {}!", token_in(sent)))),
            "334 No [token]!",
        ),
    ];
    for (repeat, expected) in echoes {
        let (outcome, _) = signed_in_at(echoing(repeat), TOKEN).await;
        assert_eq!(outcome.words(), expected);
    }
}

#[tokio::test]
async fn a_long_token_that_is_repeated_in_pieces_is_redacted() {
    let token = (0..300).map(|number| (number * 7_919).to_string()).collect::<String>();
    let echoes: [Repeat; 2] = [in_lines, |sent| in_lines(&token_in(sent))];
    for repeat in echoes {
        let (outcome, _) = signed_in_at(echoing(repeat), &token).await;
        assert_eq!(outcome.failure(), (Step::SignIn, Diagnosis::TokenRefused));
        let marks = outcome.words().matches("[token]").count();
        let other = outcome.words().replace("[token]", "");
        assert!(marks > 1 && other.len() < 40, "{}", outcome.words());
    }
}
