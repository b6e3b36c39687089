//! What every answer carries, and what an answer is where there is nothing to answer.

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::response::Html;
use axum::routing::get as route;
use server::Server;

use crate::support::harness::{Harness, get, post_form};

/// An answer that is no page, and one that is broken.
fn pages() -> Router<Server> {
    async fn broken() -> String {
        panic!("a defect with a {} in its words", "secret")
    }
    Router::new()
        .route("/page", route(async || Html("")))
        .route("/broken", route(broken))
        .fallback(async || server::web::refusal::Refusal::NOT_FOUND)
}

#[tokio::test]
async fn what_is_not_a_page_may_do_nothing() {
    let harness = Harness::start().await;
    let answer = harness.ask(pages(), get("/health")).await;
    assert_eq!(
        answer.header("content-security-policy"),
        "default-src 'none'; frame-ancestors 'none'"
    );
}

#[tokio::test]
async fn every_answer_is_kept_from_sniffing_caching_and_leaking() {
    let harness = Harness::start().await;
    for path in ["/page", "/health", "/nowhere", "/broken"] {
        let answer = harness.ask(pages(), get(path)).await;
        let found = [
            "x-content-type-options",
            "cache-control",
            "referrer-policy",
            "cross-origin-opener-policy",
        ]
        .map(|name| answer.header(name));
        assert_eq!(
            found,
            ["nosniff", "no-store", "same-origin", "same-origin-allow-popups"],
            "{path}"
        );
    }
}

#[tokio::test]
async fn https_is_remembered_under_https_only() {
    let (http, https) = (Harness::start().await, Harness::https().await);
    assert_eq!(http.ask(pages(), get("/page")).await.header("strict-transport-security"), "");
    assert_eq!(
        https.ask(pages(), get("/page")).await.header("strict-transport-security"),
        "max-age=31536000"
    );
}

#[tokio::test]
async fn a_panic_is_answered_with_a_code_and_none_of_its_words() {
    let harness = Harness::start().await;
    let answer = harness.ask(pages(), get("/broken")).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::INTERNAL_SERVER_ERROR, r#"{"code":"internal"}"#)
    );
}

#[tokio::test]
async fn what_is_not_there_is_a_404() {
    let harness = Harness::start().await;
    let answer = harness.ask(pages(), get("/nowhere")).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "not-found"));
}

#[tokio::test]
async fn a_method_that_is_not_there_is_a_405() {
    let harness = Harness::start().await;
    let request = post_form("/page").method(Method::PUT);
    assert_eq!(harness.ask(pages(), request).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_server_whose_database_answers_is_healthy() {
    let harness = Harness::start().await;
    let answer = harness.ask(pages(), get("/health")).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, r#"{"code":"ok"}"#));
}

#[tokio::test]
async fn a_server_whose_database_is_gone_says_503() {
    let harness = Harness::start().await;
    harness.server.store.close().await;
    assert_eq!(harness.ask(pages(), get("/health")).await.status, StatusCode::SERVICE_UNAVAILABLE);
}
