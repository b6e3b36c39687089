//! What an administrator does with a program that has an OAuth flow saved, over its HTTP API: for
//! what only whole processes can prove.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use app::api::{Begun, RunNow, Save, SaveAnswer, TokenNow};
use axum::http::StatusCode;
use domain::Draft;
use domain::delivery::{Outcome, Run};
use domain::token::AttemptEnd;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::harness::cookie_of;
use super::oauth_world::CALLBACK;
use super::program::Browser;
use super::provider::Provider;
use super::smtp_server::AUTHORITY;

/// How often somebody looks whether something has ended.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Lets a program that is about to serve in this folder trust the mail servers of the tests.
pub fn trust_the_tests(command: &mut Command, folder: &Path) {
    let file = folder.join("ca.pem");
    fs::write(&file, AUTHORITY.pem()).expect("the folder is there");
    command.arg("--extra-ca").arg(file);
}

/// Calls a server function, and expects an answer that is no refusal.
pub async fn called<T: DeserializeOwned>(
    browser: &mut Browser,
    function: &str,
    argument: &impl Serialize,
) -> T {
    let answer = browser.call(function, argument).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::OK, "{function}: {answer:?}");
    serde_json::from_str(&answer.body).expect("an answer of this function")
}

/// Saves, on this revision, and agrees to the deletion of this token.
pub async fn save(
    browser: &mut Browser,
    draft: &Draft,
    revision: i64,
    deletes_grant: Option<String>,
) {
    let save = Save { draft: draft.clone(), revision, deletes_grant };
    let answer: SaveAnswer = called(browser, "email/save", &json!({ "save": save })).await;
    assert!(matches!(answer, SaveAnswer::Saved(_)), "{answer:?}");
}

/// What a browser is told of the token.
pub async fn token(browser: &mut Browser) -> TokenNow {
    called(browser, "email/token", &json!({})).await
}

/// Presses Get Auth Token, consents at the provider and comes back with a code.
pub async fn obtain(browser: &mut Browser, provider: &Provider) {
    let begun: Begun = called(browser, "email/get-token", &json!({ "in_pop_up": true })).await;
    let departed = browser.get(&begun.start.expect("somebody is asked")).await.expect("an answer");
    assert_eq!(departed.status, StatusCode::SEE_OTHER, "{departed:?}");
    let address = provider.consent(departed.header("location"));
    let own_cookie = browser.cookie.clone();
    browser.cookie = format!("{own_cookie}; {}", cookie_of(departed.header("set-cookie")));
    let back = address.strip_prefix(CALLBACK).expect("this server's address");
    let landed = browser.get(&format!("/oauth/callback{back}")).await.expect("an answer");
    browser.cookie = own_cookie;
    assert_eq!(landed.status, StatusCode::SEE_OTHER, "{landed:?}");
    let attempt = token(browser).await.attempt.expect("the attempt is the last one");
    assert_eq!((attempt.id, attempt.end), (begun.attempt.id, Some(AttemptEnd::Obtained)));
}

/// Sends a test message.
pub async fn begin_send(browser: &mut Browser) -> Run {
    let now: RunNow = called(browser, "email/send-test", &json!({})).await;
    now.run
}

/// Waits for the end of a test message.
pub async fn end_of(browser: &mut Browser, mut run: Run) -> Outcome {
    loop {
        if let Some(outcome) = run.outcome {
            return outcome;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        let now: RunNow = called(browser, "email/run", &json!({ "id": run.id })).await;
        run = now.run;
    }
}
