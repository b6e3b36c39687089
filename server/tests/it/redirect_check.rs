//! The check of the Redirect URI: it names what differs from this server's callback.

use axum::body::Body;
use axum::http::{StatusCode, header};
use contract::{ApiCode, EmailService, LookupResult, RequestOrigin};
use domain::{Field, Principal, Role};
use server::config::HostOrigin;

use crate::support::harness::{Harness, ada, post};
use crate::support::pages::ask;

const CALLBACK: &str = "https://ppm.example/oauth/callback";
const PAGE: &str = "https://ppm.example";

fn reached(callback: &str) -> RequestOrigin {
    let origin = callback.strip_suffix("/oauth/callback").map(str::to_owned);
    RequestOrigin { callback: callback.to_owned(), public_origin: origin, forwarded: Vec::new() }
}

async fn check(harness: &Harness, typed: &str, page: &str) -> LookupResult {
    let service = harness.server.service();
    service.check_redirect(&ada(), &reached(CALLBACK), typed, page).await.expect("findings")
}

fn fact<'f>(findings: &'f LookupResult, name: &str) -> &'f str {
    let found = findings.facts.iter().find(|found| found.name == name);
    found.map_or("", |found| found.value.as_str())
}

#[tokio::test]
async fn each_difference_is_named_with_this_servers_address_as_a_suggestion() {
    let harness = Harness::start().await;
    let host = "the host differs (old.example instead of ppm.example)";
    for (typed, expected) in [
        ("http://ppm.example/oauth/callback", "the scheme differs (http instead of https)"),
        ("https://old.example/oauth/callback", host),
        ("https://ppm.example:8443/oauth/callback", "the port differs (8443 instead of none)"),
        ("https://ppm.example/oauth/callback/", "an extra slash at the end"),
        ("https://ppm.example/OAuth/callback", "upper and lower case differ"),
        ("https://ppm.example/oauth/callback?a=b", "the query (after the ?) differs"),
        ("https://ppm.example/oauth/callback#", "it contains a #"),
        ("https://ppm.example/oauth/callback ", "a space or another invisible character"),
    ] {
        let findings = check(&harness, typed, PAGE).await;
        let explanation = &findings.explanations[0];
        assert!(explanation.cause.contains(expected), "{typed:?}: {}", explanation.cause);
        let fill = explanation.steps[0].fill.as_ref().expect("a button");
        assert_eq!((fill.field, fill.value.as_str()), (Field::RedirectUri, CALLBACK));
    }
}

#[tokio::test]
async fn this_servers_own_address_is_confirmed() {
    let harness = Harness::start().await;
    let findings = check(&harness, CALLBACK, PAGE).await;
    assert_eq!(findings.explanations, []);
    let expected = "Exactly this server's address. Register it at the provider as it is.";
    assert_eq!(fact(&findings, "Taken from"), "--public-url");
    assert_eq!(findings.verdict.expect("a verdict").cause, expected);
}

#[tokio::test]
async fn a_page_behind_a_proxy_is_shown_the_public_url_flag() {
    let harness = Harness::start().await;
    let reached = RequestOrigin {
        callback: "http://ppm.example/oauth/callback".to_owned(),
        public_origin: None,
        forwarded: vec![("X-Forwarded-Proto", "https".to_owned())],
    };
    let service = harness.server.service();
    let findings = service.check_redirect(&ada(), &reached, &reached.callback, PAGE).await;
    let findings = findings.expect("findings");
    let explanation = &findings.explanations[0];
    assert_eq!(explanation.steps[0].copy.as_deref(), Some("--public-url https://ppm.example"));
    assert!(fact(&findings, "X-Forwarded-Proto").contains("PPM does not use this header"));
}

#[tokio::test]
async fn a_page_at_another_address_is_reported_unless_it_may_embed_the_tab() {
    let harness = Harness::with(|config| {
        config.embedding_origins.embedding =
            HostOrigin::parse("https://host.example").into_iter().collect();
    })
    .await;
    let typed = "https://other.example/callback";
    let findings = check(&harness, typed, "https://host.example").await;
    assert_eq!(findings.explanations.len(), 1, "only that it is another address");
    assert!(fact(&findings, "This page").contains("is allowed to show this tab"));
    let findings = check(&harness, typed, "https://10.0.0.5:3000").await;
    let cause = &findings.explanations[0].cause;
    assert!(cause.contains("https://10.0.0.5:3000") && cause.contains(PAGE), "{cause}");
}

#[tokio::test]
async fn the_check_reports_the_host_and_forwarding_headers_of_its_request() {
    let harness = Harness::start().await.with_ada().await;
    let request = post("/api/email/redirect-doctor")
        .header(header::COOKIE, harness.sign_in().await)
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-forwarded-host", "mail.example");
    let body = r#"{"uri":"","page":"http://ppm.example"}"#;
    let answer = ask(&harness, request, Body::from(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let findings: LookupResult = serde_json::from_str(&answer.body).expect("findings");
    assert_eq!(fact(&findings, "This server's address"), "http://ppm.example/oauth/callback");
    assert!(fact(&findings, "X-Forwarded-Host").starts_with("mail.example"));
}

#[tokio::test]
async fn a_reader_cannot_run_the_check() {
    let harness = Harness::start().await;
    let rita = Principal { role: Role::Reader, ..ada() };
    let service = harness.server.service();
    let check = service.check_redirect(&rita, &reached(CALLBACK), CALLBACK, PAGE).await;
    assert_eq!(check, Err(ApiCode::Forbidden));
}
