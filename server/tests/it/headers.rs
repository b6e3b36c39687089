//! The headers of every response, and the responses to errors.

use axum::Router;
use axum::http::header::HOST;
use axum::http::{Method, Request, StatusCode};
use axum::response::Html;
use axum::routing::get as route;
use server::Server;

use crate::support::harness::{Harness, get, post_form};

/// A page, a handler that panics, and a 404 for every other path.
fn pages() -> Router<Server> {
    async fn broken() -> String {
        panic!("a defect with a {} in its words", "secret")
    }
    Router::new()
        .route("/page", route(async || Html("")))
        .route("/broken", route(broken))
        .fallback(async || server::web::api_error::refuse(contract::ApiCode::NotFound))
}

#[tokio::test]
async fn a_response_that_is_no_page_has_a_policy_that_allows_nothing() {
    let harness = Harness::start().await;
    let answer = harness.ask(pages(), get("/health")).await;
    let policy = answer.header("content-security-policy");
    assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'");
}

#[tokio::test]
async fn every_response_forbids_sniffing_caching_and_referrer_leaks() {
    let harness = Harness::start().await;
    for path in ["/page", "/health", "/nowhere", "/broken"] {
        let answer = harness.ask(pages(), get(path)).await;
        let expected = [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin-allow-popups"),
        ];
        assert_eq!(expected.map(|(name, _)| (name, answer.header(name))), expected, "{path}");
    }
}

#[tokio::test]
async fn only_the_bundle_may_be_embedded_by_other_sites() {
    let harness = Harness::start().await;
    for (path, policy) in [
        ("/page", "same-origin"),
        ("/nowhere", "same-origin"),
        ("/embed.js", "cross-origin"),
        ("/pkg/nowhere.js", "cross-origin"),
    ] {
        let answer = harness.ask(pages(), get(path)).await;
        assert_eq!(answer.header("cross-origin-resource-policy"), policy, "{path}");
    }
}

/// The status of a request with this `Host` header.
async fn status_for_host(harness: &Harness, host: &str) -> StatusCode {
    harness.ask(pages(), Request::get("/page").header(HOST, host)).await.status
}

#[tokio::test]
async fn a_request_for_another_host_than_the_public_urls_is_misdirected_if_there_is_one() {
    let harness = Harness::https().await;
    for host in ["ppm.example", "PPM.Example", "ppm.example:443"] {
        assert_eq!(status_for_host(&harness, host).await, StatusCode::OK, "{host}");
    }
    let without = Harness::start().await;
    assert_eq!(status_for_host(&without, "anything.example").await, StatusCode::OK);
    let misdirected = StatusCode::MISDIRECTED_REQUEST;
    for host in
        ["evil.example", "ppm.example:444", "ppm.example.evil.example", "127.0.0.1", "", "@"]
    {
        assert_eq!(status_for_host(&harness, host).await, misdirected, "{host}");
    }
    let twice = get("/page").header(HOST, "evil.example");
    let whole = Request::get("https://evil.example/page").header(HOST, "ppm.example");
    for request in [twice, whole, Request::get("/page")] {
        let answer = harness.ask(pages(), request).await;
        assert_eq!((answer.status, answer.code()), (misdirected, "another-host".to_owned()));
    }
}

#[tokio::test]
async fn a_probe_may_use_any_host() {
    let harness = Harness::https().await;
    for path in ["/health", "/ready"] {
        let probe = Request::get(path).header(HOST, "10.0.0.7:3000");
        assert_eq!(harness.ask(pages(), probe).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn strict_transport_security_is_sent_under_https_only() {
    for (harness, expected) in
        [(Harness::start().await, ""), (Harness::https().await, "max-age=31536000")]
    {
        let answer = harness.ask(pages(), get("/page")).await;
        assert_eq!(answer.header("strict-transport-security"), expected);
    }
}

#[tokio::test]
async fn a_panic_an_unknown_path_an_unsupported_method_and_health_are_answered_by_status_and_code()
{
    let harness = Harness::start().await;
    for (path, status, code) in [
        ("/broken", StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        ("/nowhere", StatusCode::NOT_FOUND, "not-found"),
        ("/health", StatusCode::OK, "ok"),
    ] {
        let answer = harness.ask(pages(), get(path)).await;
        let body = format!(r#"{{"code":"{code}"}}"#);
        assert_eq!((answer.status, answer.body), (status, body), "{path}");
    }
    let request = post_form("/page").method(Method::PUT);
    assert_eq!(harness.ask(pages(), request).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_server_whose_database_is_closed_answers_503() {
    let harness = Harness::start().await;
    harness.server.store.close().await;
    assert_eq!(harness.ask(pages(), get("/health")).await.status, StatusCode::SERVICE_UNAVAILABLE);
}
