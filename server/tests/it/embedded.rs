//! The tab inside a Rust host: only the host authenticates, on each request, and no page of the
//! stand-alone program is served.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::request::{Builder, Parts};
use axum::http::{Request, StatusCode, header};
use domain::application::ApplicationSettings;
use serde_json::json;
use server::embed::{EmailSettings, Identity, IdentityError, MessageRequest, Principal, Role};
use store::audit::Action;
use testkit::smtp_server::SmtpScript;
use tower::ServiceExt;

use crate::support::harness::{Answer, Harness, ada, get, operator, post, read};
use crate::support::oauth_fixture::CALLBACK;
use crate::support::steps::basic_draft;
use crate::support::waiting::until;

/// A host that trusts the header `who`.
struct HeaderIdentity;

#[async_trait]
impl Identity for HeaderIdentity {
    async fn principal(&self, request: &Parts) -> Result<Option<Principal>, IdentityError> {
        let role = match request.headers.get("who").and_then(|who| who.to_str().ok()) {
            None => return Ok(None),
            Some("guest") => return Err(IdentityError::NoRole),
            Some("administrator") => Role::Administrator,
            Some("reader") => Role::Reader,
            Some(_) => return Err(IdentityError::Failed("the directory does not answer".into())),
        };
        Ok(Some(Principal::external("planner", "7", "Grace Hopper", role)))
    }
}

/// The host's router: the tab's routes.
fn host(harness: &Harness) -> Router {
    let email = EmailSettings::with_server(harness.server.clone(), HeaderIdentity);
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

/// A complete first save.
fn save() -> serde_json::Value {
    let draft = basic_draft::<&str>(&[]);
    json!({ "save": { "draft": draft, "revision": 0, "deletes_grant": null } })
}

#[tokio::test]
async fn a_save_is_audited_under_the_name_that_the_host_gives() {
    let harness = Harness::start().await;
    let answer = call(&harness, "administrator", "save", save()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let rows = harness.trail(1).await;
    assert_eq!(rows[0].action, Action::SettingsSaved);
    assert_eq!(rows[0].actor.name, "Grace Hopper");
}

#[tokio::test]
async fn a_reader_may_not_save_a_user_without_a_role_do_nothing_and_an_unidentified_caller_gets_503()
 {
    let harness = Harness::start().await;
    let (load, save) = (("load", json!({})), ("save", save()));
    for (who, (function, body), status, text) in [
        ("reader", load.clone(), StatusCode::OK, ""),
        ("reader", save, StatusCode::FORBIDDEN, ""),
        ("unknown", load.clone(), StatusCode::SERVICE_UNAVAILABLE, ""),
        ("guest", load, StatusCode::FORBIDDEN, "role-missing"),
    ] {
        let answer = call(&harness, who, function, body).await;
        assert_eq!(answer.status, status, "{who} {function}");
        assert!(answer.body.contains(text), "{}", answer.body);
        assert!(!answer.body.contains("directory"), "{}", answer.body);
    }
    let row = harness.trail(1).await.remove(0);
    assert_eq!(row.detail.as_deref(), Some("role-missing"));
}

#[tokio::test]
async fn a_session_of_the_stand_alone_program_is_not_accepted_in_a_host() {
    let harness = Harness::start().await.with_ada().await;
    let request = post("/api/email/load")
        .header(header::COOKIE, harness.sign_in().await)
        .header(header::CONTENT_TYPE, "application/json");
    let answer = ask(&harness, request, Body::from("{}")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_cross_site_request_is_refused_in_a_host_too() {
    let harness = Harness::start().await;
    let request = Request::post("/api/email/send-test")
        .header("who", "administrator")
        .header("sec-fetch-site", "cross-site")
        .header(header::CONTENT_TYPE, "application/json");
    let answer = ask(&harness, request, Body::from("{}")).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "cross-site"));
}

#[tokio::test]
async fn a_host_has_no_page_of_the_stand_alone_program() {
    let harness = Harness::start().await;
    for path in ["/", "/sign-in", "/audit", "/settings/email", "/preferences/time", "/health"] {
        let answer = ask(&harness, get(path).header("who", "administrator"), Body::empty()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_result_page_of_a_consent_links_to_the_hosts_tab() {
    let harness = Harness::with(|config| config.tab_path = "/settings/mail".to_owned()).await;
    let path = CALLBACK.strip_prefix("http://ppm.example").expect("a path");
    let back = ask(&harness, get(&format!("{path}?state=x&code=y")), Body::empty()).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    let page = ask(&harness, get(back.header("location")), Body::empty()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("href=\"/settings/mail\""), "{}", page.body);
}

#[tokio::test]
async fn calls_lists_every_server_function() {
    let mut calls = EmailSettings::calls();
    calls.sort_unstable();
    let expected = "discover finish-attempt get-token last-worked load preset redirect-doctor run save send-test \
                    stop-attempts test-typed token token-xray";
    let expected: Vec<_> = expected.split(' ').map(|call| format!("/api/email/{call}")).collect();
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn the_workers_of_a_host_send_what_it_enqueues_until_it_stops() {
    let server = SmtpScript::in_clear().play_to_all();
    let harness = Harness::start().await;
    harness.sends_through(&ada(), server.address).await;
    let settings =
        ApplicationSettings { name: "PPM Planner".to_owned(), ..ApplicationSettings::default() };
    harness.server.applications().add(&operator(), settings).await.expect("it is added");
    let email = EmailSettings::with_server(harness.server.clone(), HeaderIdentity);
    email.start_workers();
    email.start_workers();
    assert_eq!(harness.server.workers.len(), 1, "they are started once");
    let message = MessageRequest {
        from: "noreply@example.com".to_owned(),
        to: vec!["bo@example.org".to_owned()],
        text: Some("All is well.".to_owned()),
        ..MessageRequest::default()
    };
    let enqueue = async || {
        let enqueued = email.mailer().enqueue("PPM Planner", &message, None).await;
        enqueued.expect("it is accepted");
    };
    let waiting = async || {
        let waiting = store::outbox::waiting(&harness.server.store).await;
        waiting.expect("the database answers").0
    };
    enqueue().await;
    until(async || waiting().await == 0).await;
    email.shutdown().await;
    assert!(harness.server.runs.delivery.tasks.is_empty(), "the workers have ended");
    enqueue().await;
    assert_eq!(waiting().await, 1, "it waits for the next start");
    assert!(server.received().await.lines().contains(&"RCPT TO:<bo@example.org>"));
}

#[tokio::test]
async fn the_refresh_loop_runs_as_long_as_the_host_holds_the_settings() {
    let harness = Harness::start().await;
    let email = EmailSettings::with_server(harness.server.clone(), HeaderIdentity);
    let held = Arc::strong_count(&harness.server.tokens);
    drop(email);
    until(async || Arc::strong_count(&harness.server.tokens) < held).await;
}
