//! The tab inside a host written in Rust: the host's sign-in is the only one, decided anew on each
//! request, and nothing of the stand-alone frame is there.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::request::{Builder, Parts};
use axum::http::{Request, StatusCode, header};
use domain::{Draft, Field};
use serde_json::json;
use server::embed::{EmailSettings, Identity, IdentityError, Principal, Role};
use server::store::audit::Action;
use tower::ServiceExt;

use crate::support::harness::{Answer, Harness, get, post, read};
use crate::support::oauth_world::CALLBACK;

/// A host that believes whatever a header says.
struct Credulous;

#[async_trait]
impl Identity for Credulous {
    async fn principal(&self, request: &Parts) -> Result<Option<Principal>, IdentityError> {
        let role = match request.headers.get("who").and_then(|who| who.to_str().ok()) {
            None => return Ok(None),
            Some("guest") => return Err(IdentityError::NoRole),
            Some("administrator") => Role::Administrator,
            Some("reader") => Role::Reader,
            Some(_) => return Err(IdentityError::Failed("the directory does not answer".into())),
        };
        Ok(Some(Principal::foreign("planner", "7", "Grace Hopper", role)))
    }
}

/// What the host serves: the tab's routes, and one page of its own.
fn host(harness: &Harness) -> Router {
    let email = EmailSettings::over(harness.server.clone(), Credulous);
    Router::new().merge(email.router())
}

async fn ask(harness: &Harness, request: Builder, body: Body) -> Answer {
    let request = request.body(body).expect("the request is well-formed");
    read(host(harness).oneshot(request).await.expect("a router always answers")).await
}

async fn call(harness: &Harness, who: &str, function: &str, body: serde_json::Value) -> Answer {
    let request = post(&format!("/api/email/{function}"))
        .header("who", who)
        .header(header::CONTENT_TYPE, "application/json");
    ask(harness, request, Body::from(body.to_string())).await
}

/// A first save that is complete.
fn save() -> serde_json::Value {
    let mut draft = Draft::default();
    for (field, text) in [
        (Field::BasicSender, "noreply@example.com"),
        (Field::BasicDisplayName, "PPM Planner"),
        (Field::BasicServer, "mail.example.com"),
        (Field::BasicPort, "587"),
    ] {
        draft.edit(field, text);
    }
    json!({ "save": { "draft": draft, "revision": 0, "deletes_grant": null } })
}

#[tokio::test]
async fn whoever_the_host_names_saves_under_that_name() {
    let harness = Harness::start().await;
    let answer = call(&harness, "administrator", "save", save()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let rows = harness.trail(1).await;
    assert_eq!(rows[0].action, Action::SettingsSaved);
    assert_eq!(rows[0].actor.name, "Grace Hopper");
}

#[tokio::test]
async fn a_reader_of_the_host_reads_and_saves_nothing() {
    let harness = Harness::start().await;
    assert_eq!(call(&harness, "reader", "load", json!({})).await.status, StatusCode::OK);
    assert_eq!(call(&harness, "reader", "save", save()).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn whoever_has_no_role_in_the_host_is_refused_with_a_code_and_a_row() {
    let harness = Harness::start().await;
    let answer = call(&harness, "guest", "load", json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "role-missing"));
    let rows = harness.trail(1).await;
    assert_eq!(rows[0].detail.as_deref(), Some("role-missing"));
}

#[tokio::test]
async fn a_host_that_cannot_tell_who_is_asking_lets_nobody_in() {
    let harness = Harness::start().await;
    let answer = call(&harness, "somebody", "load", json!({})).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.body.contains("directory"), "{}", answer.body);
}

#[tokio::test]
async fn a_session_of_this_products_own_is_worth_nothing_in_a_host() {
    let harness = Harness::start().await.with_ada().await;
    let request = post("/api/email/load")
        .header(header::COOKIE, harness.sign_in().await)
        .header(header::CONTENT_TYPE, "application/json");
    let answer = ask(&harness, request, Body::from("{}")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_another_site_makes_a_browser_send_is_refused_in_a_host_too() {
    let harness = Harness::start().await;
    let request = Request::post("/api/email/send-test")
        .header("who", "administrator")
        .header("sec-fetch-site", "cross-site")
        .header(header::CONTENT_TYPE, "application/json");
    let answer = ask(&harness, request, Body::from("{}")).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "cross-site"));
}

#[tokio::test]
async fn nothing_of_the_frame_is_in_a_host() {
    let harness = Harness::start().await;
    for path in ["/", "/sign-in", "/audit", "/settings/email", "/preferences/time", "/health"] {
        let answer = ask(&harness, get(path).header("who", "administrator"), Body::empty()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_consent_that_ends_leads_back_to_where_the_host_has_the_tab() {
    let harness = Harness::with(|config| config.tab_path = "/settings/mail".to_owned()).await;
    let path = CALLBACK.strip_prefix("http://ppm.example").expect("a path");
    let back = ask(&harness, get(&format!("{path}?state=x&code=y")), Body::empty()).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    let page = ask(&harness, get(back.header("location")), Body::empty()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("href=\"/settings/mail\""), "{}", page.body);
}

#[tokio::test]
async fn the_calls_to_be_excluded_are_all_that_there_are() {
    let mut calls = EmailSettings::calls();
    calls.sort_unstable();
    let expected = [
        "discover",
        "finish-attempt",
        "get-token",
        "load",
        "preset",
        "redirect-doctor",
        "run",
        "save",
        "send-test",
        "test-typed",
        "token",
        "token-xray",
    ];
    assert_eq!(calls, expected.map(|call| format!("/api/email/{call}")));
}

#[tokio::test]
async fn the_token_is_kept_fresh_as_long_as_the_host_holds_the_settings() {
    let harness = Harness::start().await;
    let email = EmailSettings::over(harness.server.clone(), Credulous);
    let held = Arc::strong_count(&harness.server.token_news);
    drop(email);
    while Arc::strong_count(&harness.server.token_news) >= held {
        crate::support::oauth_world::a_moment().await;
    }
}
