//! Calls must be JSON and forms URL-encoded: a form of another media type, which injected markup
//! could post from a page of this server, changes nothing. Tested with the program, over sockets.

use axum::http::{Method, StatusCode, header};
use contract::{Save, SaveAnswer};
use domain::Field;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::accounts::administrators;
use crate::support::drafts::draft_of;
use crate::support::harness::{Answer, FORM};
use crate::support::program::{HttpBrowser, Serving};

const JSON: &str = "application/json";

/// The paths that take a form.
const FORMS: [&str; 4] = ["/sign-in", "/sign-out", "/set-up", "/preferences/time"];

/// Media types that are neither JSON nor a URL-encoded form, some of them similar to one.
const NEITHER: [&str; 9] = [
    "text/plain",
    "text/plain; charset=utf-8; application/json",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "application/json+x",
    "application/x-www-form-urlencoded+x",
    "application/msgpack",
    "application/cbor",
    "*/*",
];

/// The program with one administrator, and her browser.
struct MediaPage {
    browser: HttpBrowser,
    program: Serving,
    _folder: TempDir,
}

async fn page() -> MediaPage {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let cookies = administrators(&folder, 1).await;
    let program = Serving::on_database(folder.path(), &[]).await;
    let browser = HttpBrowser::with_cookie(&program.address, &cookies[0]).await;
    MediaPage { browser, program, _folder: folder }
}

impl MediaPage {
    /// Sends this body with these `Content-Type` headers, as a page of the program does.
    async fn send(&self, path: &str, types: &[&str], body: &str) -> Answer {
        let mut browser = self.browser.again(&self.program.address).await.expect("it listens");
        let types: Vec<_> = types.iter().map(|kind| (header::CONTENT_TYPE, *kind)).collect();
        browser.send(Method::POST, path, &types, body.to_owned()).await.expect("an answer")
    }

    /// Asserts that this body is refused with every media type but one, and with that one twice.
    async fn expect_refusal(&self, path: &str, body: &str, [right, wrong]: [&str; 2], code: &str) {
        let mut refused: Vec<_> = NEITHER.map(|kind| vec![kind]).to_vec();
        refused.extend([vec![], vec![""], vec![wrong], vec![right; 2], vec![right, "text/plain"]]);
        for types in refused {
            let answer = self.send(path, &types, body).await;
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path} {types:?}");
            assert_eq!(answer.code(), code, "{path} {types:?}");
        }
    }

    /// The saved settings as the tab loads them.
    async fn saved(&mut self) -> Value {
        let loaded = self.browser.call("email/load", &json!({})).await.expect("an answer");
        let tab: Value = serde_json::from_str(&loaded.body).expect("the tab");
        tab["saved"].clone()
    }
}

/// A complete save, which would be stored.
fn save() -> String {
    let draft = draft_of(&[
        (Field::BasicSender, "noreply@evil.example"),
        (Field::BasicDisplayName, "PPM"),
        (Field::BasicServer, "smtp.evil.example"),
        (Field::BasicPort, "587"),
        (Field::Username, "ada"),
        (Field::Password, "secret"),
    ]);
    json!({ "save": Save { draft, revision: 0, deletes_grant: None } }).to_string()
}

#[tokio::test]
async fn a_same_origin_post_of_plain_text_with_a_valid_session_saves_nothing() {
    let mut page = page().await;
    let before = page.saved().await;
    let answer = page.send("/api/email/save", &["text/plain"], &save()).await;
    let refused = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json".to_owned());
    assert_eq!((answer.status, answer.code()), refused);
    assert_eq!(page.saved().await, before);
    let answer = page.send("/api/email/save", &[JSON], &save()).await;
    let saved: SaveAnswer = serde_json::from_str(&answer.body).expect("an answer to a save");
    assert!(matches!(saved, SaveAnswer::Saved(_)), "the same as JSON is saved: {answer:?}");
}

#[tokio::test]
async fn calls_take_only_json() {
    let page = page().await;
    for call in server::embed::EmailSettings::calls() {
        page.expect_refusal(&call, "{}", [JSON, FORM], "not-json").await;
        for kind in [JSON, "Application/JSON ; charset=utf-8"] {
            let answer = page.send(&call, &[kind], "no JSON").await;
            assert_ne!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{call} {kind}");
        }
    }
}

#[tokio::test]
async fn forms_are_url_encoded() {
    let page = page().await;
    let times = "pattern=YYYY-MM-DD&clock=24&zone=UTC";
    for form in FORMS {
        page.expect_refusal(form, times, [FORM, JSON], "not-a-form").await;
    }
    let saved = page.send("/preferences/time", &[FORM], times).await;
    assert_eq!(saved.header("location"), "/preferences/time?saved=yes");
    let bye = page.send("/sign-out", &["application/x-www-form-urlencoded;charset=UTF-8"], "");
    assert_eq!(bye.await.header("location"), "/sign-in");
}

#[tokio::test]
async fn an_event_stream_has_no_body_and_needs_no_media_type() {
    let page = page().await;
    let mut browser = page.browser.again(&page.program.address).await.expect("it listens");
    let head = browser.head(Method::GET, "/api/email/events").await.expect("an answer");
    assert_eq!(head.status, StatusCode::OK);
}
