//! Tests of tokens with Postfix and Dovecot: tokens of every length are accepted, and a refusal is
//! shown verbatim. A session sends several messages.

use std::convert::Infallible;
use std::future::ready;

use domain::delivery::{Diagnosis, FactName, Step};
use domain::settings::Security;
use domain::syntax::host::Host;
use smtp::{OnRefusal, Session};
use testkit::postfix::{Postfix, USER};

use super::{DeliveryAttempt, DeliveryResult, TRUST};

/// Returns a token of this length without repetitions, like real ones.
fn token(length: usize) -> String {
    let mut token = (0_u64..).flat_map(|number| format!("{:x}", number * 7_919).into_bytes());
    token.by_ref().take(length).map(char::from).collect()
}

async fn signed_in_by(token: &str, server: &Postfix) -> DeliveryResult {
    let host = Host::Name("localhost".to_owned());
    let attempt = DeliveryAttempt::to(host, server.address.port(), Security::StartTls);
    attempt.signed_in_by(USER, token).run().await
}

async fn assert_tokens_of_every_length(mechanisms: &str, mechanism: &str) {
    let tokens = [30, 1_500, 2_500, 6_000].map(token);
    let server = Postfix::start(mechanisms, tokens.to_vec()).await;
    for token in &tokens {
        let outcome = signed_in_by(token, &server).await;
        assert!(outcome.reply().starts_with("250 2.0.0 Ok: queued as "), "{}", outcome.reply());
        assert_eq!(outcome.fact(Step::SignIn, FactName::Mechanism), mechanism);
        assert_eq!(outcome.peer_text(Step::SignIn), "235 2.7.0 Authentication successful");
        assert_ne!(outcome.fact(Step::Accepted, FactName::QueueId), "");
    }
}

#[tokio::test]
async fn tokens_of_every_length_sign_in_to_dovecot_by_xoauth2() {
    assert_tokens_of_every_length("oauthbearer xoauth2", "XOAUTH2").await;
}

#[tokio::test]
async fn tokens_of_every_length_sign_in_to_dovecot_by_oauthbearer() {
    assert_tokens_of_every_length("oauthbearer", "OAUTHBEARER").await;
}

#[tokio::test]
async fn dovecots_refusal_of_a_token_is_shown_verbatim() {
    for (mechanism, reason) in [
        ("xoauth2", r#"334 {"status":"401","schemes":"bearer","scope":"mail"}"#),
        ("oauthbearer", r#"334 {"status":"invalid_token"}"#),
    ] {
        let server = Postfix::start(mechanism, Vec::new()).await;
        for length in [30, 2_500] {
            let outcome = signed_in_by(&token(length), &server).await;

            assert_eq!(outcome.failure(), (Step::SignIn, Diagnosis::TokenRefused));
            let (challenge, reply) = outcome.words().split_once('\n').expect("two replies");
            assert_eq!(challenge, reason);
            assert!(reply.starts_with("535 5.7.8 Error: authentication failed"), "{reply}");
            assert_eq!(outcome.result.expect_err("a failure").code, Some(535));
        }
    }
}

#[tokio::test]
async fn a_token_that_dovecot_cannot_introspect_is_refused_without_a_reason() {
    let server = Postfix::forsaken("xoauth2").await;
    let outcome = signed_in_by(&token(30), &server).await;

    assert_eq!(outcome.failure(), (Step::SignIn, Diagnosis::TokenRefused));
    let words = outcome.words();
    assert!(words.starts_with("535 5.7.8 Error: authentication failed"), "{words}");
}

#[tokio::test]
async fn a_session_sends_two_messages_to_postfix_with_one_sign_in() {
    let token = token(1_500);
    let server = Postfix::start("xoauth2", vec![token.clone()]).await;
    let host = Host::Name("localhost".to_owned());
    let attempt = DeliveryAttempt::to(host, server.address.port(), Security::StartTls);
    let DeliveryAttempt { route, envelope, message, egress, deadlines } = attempt
        .signed_in_by(USER, &token)
        .with_recipients(&["ada@example.org", "grace@example.org"]);
    let mut on_step = drop;
    let opened = Session::open(&route, &TRUST, &egress, deadlines, &mut on_step).await;
    let mut session = opened.outcome.expect("a session");
    assert!(session.capabilities().pipelining);
    for _ in 0..2 {
        let mark = |_| ready(Ok::<_, Infallible>(()));
        let to_others = OnRefusal::SendToOthers;
        let sent = session.send(&envelope, &message, to_others, mark, &mut on_step).await;
        assert_eq!(sent.recipients, [Ok(()), Ok(())]);
        let reply = sent.outcome.expect("an accepted message").reply;
        assert!(reply.starts_with("250 2.0.0 Ok: queued as "), "{reply}");
    }
    session.close();
}
