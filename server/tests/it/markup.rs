//! External text is escaped on the pages that the server renders. `end2end/tests/markup.spec.ts`
//! tests all such texts in a browser.

use axum::http::StatusCode;
use contract::RunView;
use domain::Field;
use serde_json::json;

use crate::support::drafts::draft_of;
use crate::support::harness::{Harness, ada};
use crate::support::pages::{call_in, page};
use crate::support::waiting::until;
use testkit::smtp_server::{SmtpPeer, SmtpServer};

/// Closes a `textarea` and redirects the page.
const HOSTILE: &str =
    "x</textarea><meta http-equiv=refresh content=\"0;url=https://evil.example/\">";
/// The same, escaped as text.
const AS_TEXT: &str = "x&lt;/textarea&gt;&lt;meta http-equiv=refresh";
/// The same, escaped in the JSON that a page holds in a string of a script.
const IN_SCRIPT: &str = r"x\\u003c/textarea>\\u003cmeta http-equiv=refresh";

/// The body of a page, which has no markup of the hostile text.
async fn escaped_page(harness: &Harness, path: &str) -> String {
    let answer = page(harness, path, &harness.sign_in().await).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.body.contains("</textarea><meta"), "{}", answer.body);
    assert!(!answer.body.contains("<meta http-equiv"), "{}", answer.body);
    answer.body
}

/// Sends a test message and waits for its outcome.
async fn send_test(harness: &Harness) {
    let cookie = harness.sign_in().await;
    let call = async |function, body| -> RunView {
        let answer = call_in(harness, &cookie, function, body).await;
        serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{function}: {answer:?}"))
    };
    let begun = call("send-test", "{}".to_owned()).await.run;
    let id = json!({ "id": begun.id }).to_string();
    until(async || call("run", id.clone()).await.run.outcome.is_some()).await;
}

#[tokio::test]
async fn markup_in_a_mail_servers_greeting_is_escaped_in_the_test_messages() {
    let harness = Harness::start().await.with_ada().await;
    let mail_server = SmtpServer::play(|mut peer: SmtpPeer| async move {
        peer.say(&format!("220 {HOSTILE}")).await?;
        peer.read_line().await?;
        peer.say(&format!("550 {HOSTILE}")).await
    });
    harness.sends_through(&ada(), mail_server.address).await;
    send_test(&harness).await;
    let page = escaped_page(&harness, "/settings/email/history").await;
    let in_transcript = format!("220 {AS_TEXT}");
    assert!(page.contains(&in_transcript), "{page}");
}

#[tokio::test]
async fn markup_in_a_certificate_field_of_a_disabled_group_is_escaped_in_the_tab() {
    let harness = Harness::start().await.with_ada().await;
    let draft = draft_of(&[
        (Field::BasicSender, "ppm@example.com"),
        (Field::BasicDisplayName, "PPM"),
        (Field::BasicServer, "127.0.0.1"),
        (Field::BasicPort, "25"),
        (Field::OauthTrustedCa, HOSTILE),
    ]);
    harness.saved(&draft, 0).await;
    let page = escaped_page(&harness, "/settings/email").await;
    assert!(page.contains(AS_TEXT) && page.contains(IN_SCRIPT), "{page}");
}
