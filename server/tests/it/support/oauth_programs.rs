//! Steps of an administrator over the HTTP API of a program with a saved OAuth flow, for tests that
//! need whole processes.

use std::{fs, path::Path, process::Command};

use axum::http::StatusCode;
use contract::{AttemptStarted, RunView, Save, SaveAnswer, TokenView};
use domain::Draft;
use domain::delivery::{Outcome, Run};
use domain::token::AttemptOutcome;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::oauth_fixture::CALLBACK;
use super::program::HttpBrowser;
pub use super::waiting::LOOK_EVERY;
use testkit::provider::TestProvider;
use testkit::smtp_server::AUTHORITY;

/// Makes a program that will serve in this folder trust the tests' authority.
pub fn trust_the_tests(command: &mut Command, folder: &Path) {
    let file = folder.join("ca.pem");
    fs::write(&file, AUTHORITY.pem()).expect("the folder is there");
    command.arg("--extra-ca").arg(file);
}

/// Calls a server function, and expects success.
pub async fn called<T: DeserializeOwned>(
    browser: &mut HttpBrowser,
    function: &str,
    argument: &impl Serialize,
) -> T {
    let answer = browser.call(function, argument).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::OK, "{function}: {answer:?}");
    serde_json::from_str(&answer.body).expect("an answer of this function")
}

/// Saves on this revision, and agrees to the deletion of this token.
pub async fn save(
    browser: &mut HttpBrowser,
    draft: &Draft,
    revision: i64,
    deletes_grant: Option<String>,
) {
    let save = Save { draft: draft.clone(), revision, deletes_grant };
    let answer: SaveAnswer = called(browser, "email/save", &json!({ "save": save })).await;
    assert!(matches!(answer, SaveAnswer::Saved(_)), "{answer:?}");
}

/// Returns the token's state as a browser receives it.
pub async fn token(browser: &mut HttpBrowser) -> TokenView {
    called(browser, "email/token", &json!({})).await
}

/// Presses Get Auth Token.
pub async fn begin_attempt(browser: &mut HttpBrowser) -> AttemptStarted {
    called(browser, "email/get-token", &json!({ "in_pop_up": true })).await
}

/// Consents at the provider, and returns the path of the callback and the consent cookie.
pub async fn consent(
    browser: &mut HttpBrowser,
    provider: &TestProvider,
    begun: &AttemptStarted,
) -> (String, String) {
    let start = begun.start.as_ref().expect("the flow needs a consent");
    let departed = browser.get(start).await.expect("an answer");
    assert_eq!(departed.status, StatusCode::SEE_OTHER, "{departed:?}");
    let address = provider.consent(departed.header("location"));
    let query = address.strip_prefix(CALLBACK).expect("this server's address");
    (format!("/oauth/callback{query}"), departed.cookie())
}

/// Presses Get Auth Token, consents at the provider and requests the callback.
pub async fn obtain(browser: &mut HttpBrowser, provider: &TestProvider) {
    let begun = begin_attempt(browser).await;
    let (back, cookie) = consent(browser, provider, &begun).await;
    let own_cookie = browser.cookie.clone();
    browser.cookie = format!("{own_cookie}; {cookie}");
    let landed = browser.get(&back).await.expect("an answer");
    browser.cookie = own_cookie;
    assert_eq!(landed.status, StatusCode::SEE_OTHER, "{landed:?}");
    let attempt = token(browser).await.attempt.expect("the attempt is the last one");
    assert_eq!((attempt.id, attempt.end), (begun.attempt.id, Some(AttemptOutcome::Obtained)));
}

/// Sends a test message.
pub async fn begin_send(browser: &mut HttpBrowser) -> Run {
    let now: RunView = called(browser, "email/send-test", &json!({})).await;
    now.run
}

/// Waits for the end of a test message.
pub async fn end_of(browser: &mut HttpBrowser, mut run: Run) -> Outcome {
    loop {
        if let Some(outcome) = run.outcome {
            return outcome;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        let now: RunView = called(browser, "email/run", &json!({ "id": run.id })).await;
        run = now.run;
    }
}
