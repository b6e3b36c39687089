//! The check of the Redirect URI: it names what differs, and the callback answers only probes that
//! this server has sealed.

use axum::body::Body;
use axum::http::{StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use contract::ApiCode;
use contract::LookupResult;
use contract::{EmailService, RequestOrigin};
use domain::Field;
use domain::secret::Destination;
use domain::{Principal, Role};
use net::origin::PublicUrl;
use server::config::HostOrigin;
use server::use_cases::answer_to_probe;
use server::vault::Vault;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::support::harness::{EMAIL, Harness, NAME, get, post, principal};
use crate::support::pages::ask;
use testkit::provider::{ScriptedProvider, Turn};

const CALLBACK: &str = "https://ppm.example/oauth/callback";
const PAGE: &str = "https://ppm.example";

fn ada() -> Principal {
    principal("ada", EMAIL, NAME)
}

fn reached(callback: &str) -> RequestOrigin {
    let origin = callback.strip_suffix("/oauth/callback").map(str::to_owned);
    RequestOrigin { callback: callback.to_owned(), public_origin: origin, forwarded: Vec::new() }
}

/// A process runs one check at a time and refuses another: this lock serialises the tests.
static TURN: Mutex<()> = Mutex::const_new(());

async fn check(
    harness: &Harness,
    typed: &str,
    page: &str,
    reached: &RequestOrigin,
) -> LookupResult {
    let _turn = TURN.lock().await;
    let service = harness.server.service();
    service.check_redirect(&ada(), reached, typed, page).await.expect("findings")
}

fn fact<'f>(findings: &'f LookupResult, name: &str) -> &'f str {
    let found = findings.facts.iter().find(|found| found.name == name);
    found.map_or("", |found| found.value.as_str())
}

/// A server that listens at its own public URL, on this machine.
struct PublicServer {
    harness: Harness,
    callback: String,
    serving: JoinHandle<()>,
}

impl PublicServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let harness = Harness::with(|config| {
            config.public_url = Some(PublicUrl::parse(&origin).expect("an origin"));
        })
        .await
        .with_ada()
        .await;
        let router = server::router(harness.server.clone());
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves until it is dropped");
        });
        Self { harness, callback: format!("{origin}/oauth/callback"), serving }
    }

    async fn reachable(&self) -> LookupResult {
        let origin = self.callback.trim_end_matches("/oauth/callback");
        check(&self.harness, &self.callback, origin, &reached(&self.callback)).await
    }
}

impl Drop for PublicServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[tokio::test]
async fn each_difference_is_named_with_this_servers_address_as_a_suggestion() {
    let harness = Harness::start().await;
    for (typed, expected) in [
        ("http://ppm.example/oauth/callback", "the scheme differs (http instead of https)"),
        (
            "https://old.example/oauth/callback",
            "the host differs (old.example instead of ppm.example)",
        ),
        ("https://ppm.example:8443/oauth/callback", "the port differs (8443 instead of none)"),
        ("https://ppm.example/oauth/callback/", "an extra slash at the end"),
        ("https://ppm.example/OAuth/callback", "upper and lower case differ"),
        ("https://ppm.example/oauth/callback?a=b", "the query (after the ?) differs"),
        ("https://ppm.example/oauth/callback#", "it contains a #"),
        ("https://ppm.example/oauth/callback ", "a space or another invisible character"),
    ] {
        let findings = check(&harness, typed, PAGE, &reached(CALLBACK)).await;
        let explanation = &findings.explanations[0];
        assert!(explanation.cause.contains(expected), "{typed:?}: {}", explanation.cause);
        let fill = explanation.steps[0].fill.as_ref().expect("a button");
        assert_eq!((fill.field, fill.value.as_str()), (Field::RedirectUri, CALLBACK));
        assert_eq!(fact(&findings, "Reachable"), "", "only its own address is asked");
    }
}

#[tokio::test]
async fn the_servers_own_callback_is_reached_and_no_attempt_is_changed() {
    let public = PublicServer::start().await;
    let rows = public.harness.trail(99).await.len();
    let findings = public.reachable().await;
    assert_eq!(findings.explanations, []);
    let expected = "Exactly this server's address. Register it at the provider as it is.";
    assert_eq!(fact(&findings, "Verdict"), expected);
    assert_eq!(fact(&findings, "Taken from"), "--public-url");
    assert!(fact(&findings, "Reachable").starts_with("Yes, from this machine."));
    assert_eq!(public.harness.trail(99).await.len(), rows);
}

#[tokio::test]
async fn another_server_at_the_address_is_recognised() {
    let provider = ScriptedProvider::play([
        Turn::answer("200 OK", &[], "<h1>Sign in</h1>"),
        Turn::answer("302 Found", &["Location: https://a.example/"], ""),
        Turn::answer("404 Not Found", &[], "<h1>Not found</h1>"),
    ]);
    let harness = Harness::start().await;
    let own = format!("http://{}/oauth/callback", provider.address());
    for expected in
        ["Something answers", "redirects to another address", "does not pass the request on"]
    {
        let findings = check(&harness, &own, "", &reached(&own)).await;
        let cause = &findings.explanations[0].cause;
        assert!(cause.contains(expected), "{cause}");
    }
}

#[tokio::test]
async fn an_unreachable_address_is_reported_with_the_step_that_failed() {
    let harness = Harness::start().await;
    for (own, expected) in [
        ("https://ppm.invalid/oauth/callback", "cannot find a server with this name"),
        ("https://169.254.169.254/oauth/callback", "an address that PPM never connects to"),
        ("http://127.0.0.1:1/oauth/callback", "nothing is listening on that port"),
    ] {
        let findings = check(&harness, own, "", &reached(own)).await;
        let cause = &findings.explanations[0].cause;
        assert!(cause.contains(expected), "{cause}");
    }
    let own = "http://ppm.example/oauth/callback";
    let findings = check(&harness, own, "", &reached(own)).await;
    assert!(fact(&findings, "Reachable").starts_with("Not tried"), "{findings:?}");
}

/// The query of a probe, sealed with this vault.
fn sealed(vault: &Vault, column: &str, question: &str) -> String {
    let sealed = vault.seal(column, &Destination::Unbound, &question.to_owned().into());
    format!("ppm-probe={}", URL_SAFE_NO_PAD.encode(sealed))
}

#[tokio::test]
async fn the_callback_answers_only_recent_probes_that_this_key_has_sealed() {
    let harness = Harness::start().await;
    let now = harness.server.clock.now().timestamp_millis();
    let good = sealed(&harness.server.vault, "callback-probe", &format!("{now}.nonce"));
    assert!(answer_to_probe(&harness.server.lookups, &good).is_some());
    let other = Vault::new(&[7; 32], harness.server.randomness.clone());
    for question in [
        sealed(&other, "callback-probe", &format!("{now}.nonce")),
        sealed(&harness.server.vault, "client-secret", &format!("{now}.nonce")),
        sealed(&harness.server.vault, "callback-probe", "nonce"),
        "ppm-probe=".to_owned(),
        format!("ppm-probe={}", "A".repeat(10_000)),
        format!("ppm-probe={}", "ü".repeat(600)),
        String::new(),
    ] {
        assert_eq!(answer_to_probe(&harness.server.lookups, &question), None, "{question:.60}");
    }
    harness.clock.advance(TimeDelta::minutes(3));
    assert_eq!(answer_to_probe(&harness.server.lookups, &good), None);
}

#[tokio::test]
async fn an_invalid_probe_is_handled_as_a_callback() {
    let harness = Harness::start().await;
    let landed = ask(&harness, get("/oauth/callback?ppm-probe=AAAA"), Body::empty()).await;
    assert_eq!(landed.status, StatusCode::SEE_OTHER);
    assert_eq!(landed.header("location"), "/oauth/result?fault=attempt-unknown");
}

#[tokio::test]
async fn a_page_behind_a_proxy_is_shown_the_public_url_flag() {
    let harness = Harness::start().await;
    let reached = RequestOrigin {
        callback: "http://ppm.example/oauth/callback".to_owned(),
        public_origin: None,
        forwarded: vec![("X-Forwarded-Proto", "https".to_owned())],
    };
    let findings = check(&harness, "http://ppm.example/oauth/callback", PAGE, &reached).await;
    let explanation = &findings.explanations[0];
    assert_eq!(explanation.steps[0].copy.as_deref(), Some("--public-url https://ppm.example"));
    assert!(fact(&findings, "X-Forwarded-Proto").contains("PPM does not use this header"));
}

#[tokio::test]
async fn a_page_at_another_address_is_reported_unless_it_may_embed_the_tab() {
    let harness = Harness::with(|config| {
        config.elsewhere.embedding =
            HostOrigin::parse("https://host.example").into_iter().collect();
    })
    .await;
    let typed = "https://elsewhere.example/callback";
    let findings = check(&harness, typed, "https://host.example", &reached(CALLBACK)).await;
    assert_eq!(findings.explanations.len(), 1, "only that it is another address");
    assert!(fact(&findings, "This page").contains("is allowed to show this tab"));
    let findings = check(&harness, typed, "https://10.0.0.5:3000", &reached(CALLBACK)).await;
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
