//! Identity headers of a reverse proxy: trusted from its own address, and from no other.

use std::sync::{Arc, Mutex};

use axum::http::request::Builder;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::routing::get as route;
use axum::{Extension, Router};
use server::config::ProxyHeaders;
use server::identity::{Caller, Email, Principal, RequestClient, Role};

use crate::support::harness::{ADDRESS, Answer, Harness, get, post_form};
use crate::support::host::{call, send};

const PROXY: &str = "10.0.0.1";

/// A server behind a proxy that sends identity headers.
async fn behind_a_proxy(proxy: &str) -> Harness {
    let address = proxy.parse().expect("an address");
    Harness::with(|config| {
        config.trusted_proxies = vec![address];
        config.proxy_headers = Some(ProxyHeaders {
            user: HeaderName::from_static("x-auth-subject"),
            roles: HeaderName::from_static("x-auth-roles"),
            name: Some(HeaderName::from_static("x-auth-name")),
            email: Some(HeaderName::from_static("x-auth-email")),
        });
    })
    .await
}

async fn load(harness: &Harness, peer: &str, headers: &[(&str, &str)]) -> Answer {
    let request = call("/api/email/load").header("sec-fetch-site", "same-origin");
    send(harness, peer, with_headers(request, headers), "{}").await
}

fn with_headers(request: Builder, headers: &[(&str, &str)]) -> Builder {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// The principal and the headers that a handler sees; the peer is the harness's own.
async fn seen(harness: &Harness, headers: &[(&str, &str)]) -> (Option<Principal>, HeaderMap) {
    let seen = Arc::new(Mutex::new(None));
    let page = {
        let seen = seen.clone();
        route(async move |Extension(caller): Extension<Caller>, headers: HeaderMap| {
            *seen.lock().expect("one request at a time") = Some((caller.principal, headers));
        })
    };
    let request = with_headers(get("/who"), headers);
    harness.ask(Router::new().route("/who", page), request).await;
    seen.lock().expect("one request at a time").take().expect("the page was reached")
}

const ALL: [(&str, &str); 4] = [
    ("x-auth-subject", "grace"),
    ("x-auth-roles", "staff,ppm-administrator"),
    ("x-auth-name", "Grace Hopper"),
    ("x-auth-email", "grace@example.com"),
];

#[tokio::test]
async fn the_proxys_headers_authenticate_and_are_removed_from_the_request() {
    let harness = behind_a_proxy(ADDRESS).await;
    let (who, headers) = seen(&harness, &ALL).await;
    let expected = Principal {
        id: Principal::external_id("proxy", "grace"),
        issuer: Some("proxy".to_owned()),
        email: Some(Email::verified("grace@example.com".to_owned())),
        name: "Grace Hopper".to_owned(),
        role: Role::Administrator,
        language: None,
        times: None,
        zone: None,
        client: RequestClient { address: Some(ADDRESS.to_owned()), session: None },
    };
    assert_eq!(who, Some(expected));
    assert!(ALL.iter().all(|(name, _)| !headers.contains_key(*name)), "{headers:?}");
}

#[tokio::test]
async fn headers_of_another_peer_are_ignored_removed_and_audited() {
    let harness = behind_a_proxy(PROXY).await;
    let (who, headers) = seen(&harness, &ALL).await;
    assert_eq!(who, None);
    assert!(ALL.iter().all(|(name, _)| !headers.contains_key(*name)), "{headers:?}");
    let rows = harness.trail(1).await;
    assert_eq!(rows[0].detail.as_deref(), Some("proxy-header-spoofed"));
}

#[tokio::test]
async fn a_forwarded_address_does_not_make_a_peer_the_proxy() {
    let harness = behind_a_proxy(PROXY).await;
    let headers = [&ALL[..], &[("x-forwarded-for", PROXY)]].concat();
    let answer = load(&harness, ADDRESS, &headers).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn without_the_proxys_headers_a_session_authenticates() {
    let harness = behind_a_proxy(PROXY).await.with_ada().await;
    let cookie = harness.sign_in().await;
    let session = ("cookie", cookie.as_str());
    for headers in [&[session][..], &[("x-auth-subject", ""), session]] {
        assert_eq!(load(&harness, PROXY, headers).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_user_without_a_role_behind_the_proxy_is_refused() {
    let harness = behind_a_proxy(PROXY).await;
    for headers in [vec![ALL[0]], vec![ALL[0], ("x-auth-roles", "staff ppm-administrators")]] {
        let answer = load(&harness, PROXY, &headers).await;
        let found = (answer.status, answer.code());
        assert_eq!(found, (StatusCode::FORBIDDEN, "role-missing".to_owned()));
    }
}

#[tokio::test]
async fn signing_out_behind_the_proxy_ends_the_session_with_or_without_a_role() {
    let harness = behind_a_proxy(PROXY).await.with_ada().await;
    for headers in [vec![ALL[0]], ALL.to_vec()] {
        let session = harness.sign_in().await;
        let request = with_headers(post_form("/sign-out").header("cookie", &session), &headers);
        assert_eq!(send(&harness, PROXY, request, "").await.status, StatusCode::SEE_OTHER);
        let answer = load(&harness, PROXY, &[("cookie", &session)]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_user_whom_the_proxy_authenticates_is_not_offered_to_sign_out() {
    let harness = behind_a_proxy(PROXY).await;
    let request = with_headers(get("/settings/email"), &ALL);
    let page = send(&harness, PROXY, request, "").await.body;
    assert!(page.contains("Grace Hopper") && !page.contains("Sign out"), "{page}");
}

#[tokio::test]
async fn a_user_without_a_role_behind_the_proxy_can_open_the_sign_in_page() {
    let harness = behind_a_proxy(PROXY).await.with_ada().await;
    let page = get("/sign-in").header(ALL[0].0, ALL[0].1);
    assert_eq!(send(&harness, PROXY, page, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_repeated_header_is_refused() {
    let harness = behind_a_proxy(PROXY).await;
    let headers = [&ALL[..], &[("x-auth-subject", "mallory")]].concat();
    assert_eq!(load(&harness, PROXY, &headers).await.code(), "proxy-header-malformed");
}

#[tokio::test]
async fn a_reader_behind_the_proxy_may_load_and_not_edit() {
    let harness = behind_a_proxy(PROXY).await;
    let headers = [ALL[0], ("x-auth-roles", "ppm-reader")];
    let answer = load(&harness, PROXY, &headers).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains(r#""may_edit":false"#), "{}", answer.body);
}

#[tokio::test]
async fn the_headers_are_ignored_where_they_are_not_configured() {
    let harness = Harness::with(|config| {
        config.trusted_proxies = vec![PROXY.parse().expect("an address")];
    })
    .await;
    assert_eq!(load(&harness, PROXY, &ALL).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_cross_site_request_through_the_proxy_is_refused() {
    let harness = behind_a_proxy(PROXY).await;
    let shapes: [&[(&str, &str)]; 3] =
        [&[("sec-fetch-site", "cross-site")], &[("origin", "https://evil.example")], &[]];
    for shape in shapes {
        let request = with_headers(call("/api/email/load"), &[&ALL[..], shape].concat());
        let answer = send(&harness, PROXY, request, "{}").await;
        assert_eq!(answer.code(), "cross-site", "{shape:?}");
    }
}
