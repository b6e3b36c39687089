//! The guard against cross-site request forgery (CSRF).

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use axum::http::{Method, Request, StatusCode};
use axum::routing::any;
use server::Server;
use server::web::body::{MAX_OCTETS, MAX_UNAUTHENTICATED_OCTETS};

use crate::support::harness::{FORM, Harness, post_form};

/// A route that takes every method and answers `changed`.
fn changed() -> Router<Server> {
    Router::new().route("/change", any(async || "changed"))
}

async fn status(harness: &Harness, headers: &[(&str, &str)]) -> StatusCode {
    let mut request =
        Request::post("/change").header(HOST, "ppm.example").header(CONTENT_TYPE, FORM);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    harness.ask(changed(), request).await.status
}

#[tokio::test]
async fn every_other_sec_fetch_site_than_same_origin_is_refused() {
    let harness = Harness::start().await;
    assert_eq!(status(&harness, &[("sec-fetch-site", "same-origin")]).await, StatusCode::OK);
    for site in ["cross-site", "same-site", "none", "", "same-origin, cross-site"] {
        let own = [("sec-fetch-site", site), ("origin", "http://ppm.example")];
        assert_eq!(status(&harness, &own).await, StatusCode::FORBIDDEN, "{site}");
    }
}

#[tokio::test]
async fn a_cross_site_request_is_refused_by_every_unsafe_method_and_accepted_by_get() {
    let harness = Harness::start().await;
    let refused = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE]
        .map(|method| (method, StatusCode::FORBIDDEN));
    for (method, expected) in refused.into_iter().chain([(Method::GET, StatusCode::OK)]) {
        let request = Request::builder()
            .method(method.clone())
            .uri("/change")
            .header(HOST, "ppm.example")
            .header(CONTENT_TYPE, FORM)
            .header("sec-fetch-site", "cross-site");
        assert_eq!(harness.ask(changed(), request).await.status, expected, "{method}");
    }
}

#[tokio::test]
async fn the_origin_must_be_the_public_url_or_without_one_have_the_requests_host() {
    let (without, with) = (Harness::start().await, Harness::https().await);
    let own = "http://ppm.example";
    for (harness, accepted, refused) in [
        (
            &without,
            own,
            ["http://evil.example", "null", "http://ppm.example.evil.example", "ppm.example"],
        ),
        (
            &with,
            "https://ppm.example",
            [own, "https://ppm.example:444", "https://evil.example", "null"],
        ),
    ] {
        assert_eq!(status(harness, &[("origin", accepted)]).await, StatusCode::OK);
        for origin in refused {
            let status = status(harness, &[("origin", origin)]).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{origin}");
        }
    }
}

#[tokio::test]
async fn a_request_without_an_origin_is_accepted_without_a_cookie_only() {
    let harness = Harness::start().await;
    assert_eq!(status(&harness, &[]).await, StatusCode::OK);
    assert_eq!(status(&harness, &[(COOKIE.as_str(), "ppm-email=x")]).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_refusal_has_an_error_code() {
    let harness = Harness::start().await;
    let request = Request::post("/change").header(ORIGIN, "http://evil.example");
    assert_eq!(harness.ask(changed(), request).await.code(), "cross-site");
}

#[tokio::test]
async fn an_oversized_body_is_refused_with_and_without_content_length() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    for (cookie, most) in [("", MAX_UNAUTHENTICATED_OCTETS), (cookie.as_str(), MAX_OCTETS)] {
        let request = || post_form("/change").header(COOKIE, cookie);
        let body = |octets| Body::from(vec![b'x'; octets]);
        let allowed = harness.ask_with(changed(), request(), body(most)).await;
        assert_eq!((allowed.status, allowed.body.as_str()), (StatusCode::OK, "changed"));
        let announced = request().header("content-length", most + 1);
        let announced = harness.ask_with(changed(), announced, body(most + 1)).await;
        let streamed = harness.ask_with(changed(), request(), body(most + 1)).await;
        for answer in [announced, streamed] {
            let expected = (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large".to_owned());
            assert_eq!((answer.status, answer.code()), expected);
        }
    }
}
