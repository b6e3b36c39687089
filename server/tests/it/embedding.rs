//! The tab on pages of other sites: which origins may call (CORS), which may frame, and which files
//! are public.

use std::fs;

use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use axum::http::request::Builder;
use axum::http::{Method, Request, StatusCode};
use contract::{AttemptFinished, AttemptStarted, TokenView};
use domain::OauthFlow;
use domain::token::AttemptOutcome;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use server::config::{EmbeddingOrigins, HostOrigin, KeySource, PublicKey};
use server::web::body::MAX_OCTETS;
use testkit::provider::ScriptedProvider;

use crate::support::harness::{ADDRESS, Answer, Harness, get};
use crate::support::host::{
    COOKIE_NAME, PUBLIC_KEY, call, claims, claims_with, good_token, host_tokens, now, send,
    with_key_file, with_keys_of,
};
use crate::support::oauth_fixture::{OauthFixture, Returning};

const HOST_SITE: &str = "https://host.example";
const OTHER_HOST_SITE: &str = "http://b.localhost:4000";
const LOAD: &str = "/bearer/api/email/load";

/// The response headers of CORS.
const CORS: [&str; 6] = [
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-allow-credentials",
    "access-control-expose-headers",
    "access-control-max-age",
];

fn origins(texts: &[&str]) -> Vec<HostOrigin> {
    texts.iter().map(|text| HostOrigin::parse(text).expect("an origin")).collect()
}

/// A server whose tab two sites may embed as an element.
async fn embedded() -> Harness {
    with_key_file(|config| {
        config.embedding_origins.embedding = origins(&[HOST_SITE, OTHER_HOST_SITE]);
    })
    .await
}

/// A server whose tab these sites may frame.
async fn framed_by(sites: &[&str]) -> Harness {
    let framing = origins(sites);
    with_key_file(|config| {
        config.embedding_origins = EmbeddingOrigins { framing, ..EmbeddingOrigins::default() }
    })
    .await
}

async fn ask(harness: &Harness, request: Builder) -> Answer {
    send(harness, ADDRESS, request, "").await
}

fn bearer(harness: &Harness) -> String {
    format!("Bearer {}", good_token(&claims(now(harness))))
}

/// A call with a valid bearer token from a page of this origin.
fn call_from(harness: &Harness, path: &str, origin: &str) -> Builder {
    call(path).header(AUTHORIZATION, bearer(harness)).header(ORIGIN, origin)
}

/// Loads the tab from a page of this origin.
async fn load_from(harness: &Harness, origin: &str) -> Answer {
    send(harness, ADDRESS, call_from(harness, LOAD, origin), "{}").await
}

/// Asserts that a response permits no page of another origin anything, and depends on the origin.
fn assert_no_permission(answer: &Answer, case: &str) {
    assert_eq!(permissions(answer), [""; 0], "{case}");
    assert!(varies_by_origin(answer), "{case}");
}

/// A CORS preflight request.
fn preflight(path: &str, origin: &str, method: &str, headers: &str) -> Builder {
    Request::options(path)
        .header(HOST, "ppm.example")
        .header(ORIGIN, origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", headers)
}

/// The names of the CORS headers in a response.
fn permissions(answer: &Answer) -> Vec<&str> {
    CORS.into_iter().filter(|name| answer.headers.contains_key(*name)).collect()
}

fn varies_by_origin(answer: &Answer) -> bool {
    answer.headers.get_all("vary").iter().any(|value| value == "origin")
}

#[tokio::test]
async fn pages_of_each_configured_origin_may_read_the_responses_to_their_calls() {
    let harness = embedded().await;
    for origin in [HOST_SITE, OTHER_HOST_SITE] {
        let answer = load_from(&harness, origin).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(permissions(&answer), ["access-control-allow-origin"]);
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        assert!(varies_by_origin(&answer));
    }
}

#[tokio::test]
async fn calls_and_preflights_of_any_other_origin_get_no_cors_headers() {
    let harness = embedded().await;
    for origin in [
        "https://evil.example",
        "http://host.example",
        "https://host.example:444",
        "https://host.example.evil.example",
        "https://HOST.example",
        "https://host.example https://evil.example",
        "null",
        "*",
        "",
    ] {
        assert_no_permission(&load_from(&harness, origin).await, origin);
        let request = preflight(LOAD, origin, "POST", "authorization");
        assert_no_permission(&ask(&harness, request).await, origin);
    }
}

#[tokio::test]
async fn a_request_without_an_origin_is_answered_without_cors_headers() {
    let harness = embedded().await;
    let request = call(LOAD).header(AUTHORIZATION, bearer(&harness));
    let answer = send(&harness, ADDRESS, request, "{}").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_no_permission(&answer, "no origin");
}

#[tokio::test]
async fn every_preflight_gets_the_same_methods_and_headers_without_authentication() {
    let harness = embedded().await;
    for (method, headers) in [
        ("POST", "authorization,content-type"),
        ("PUT", "authorization"),
        ("POST", "x-evil"),
        ("POST", "*"),
    ] {
        let answer = ask(&harness, preflight(LOAD, HOST_SITE, method, headers)).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::NO_CONTENT, ""));
        let found = CORS.map(|name| answer.header(name));
        let expected = [HOST_SITE, "GET, POST", "authorization, content-type", "", "", "600"];
        assert_eq!(found, expected, "{method} {headers}");
        assert!(varies_by_origin(&answer));
    }
}

#[tokio::test]
async fn without_a_configured_origin_there_are_no_cors_headers() {
    let harness = framed_by(&[HOST_SITE]).await;
    let answers = [
        load_from(&harness, HOST_SITE).await,
        ask(&harness, preflight(LOAD, HOST_SITE, "POST", "authorization")).await,
    ];
    for answer in answers {
        assert_eq!(permissions(&answer), [""; 0]);
    }
}

#[tokio::test]
async fn a_page_can_read_why_its_call_was_refused() {
    let key_server = ScriptedProvider::play([]);
    let without_keys = with_keys_of(&key_server, |config| {
        config.embedding_origins.embedding = origins(&[HOST_SITE]);
    })
    .await;
    let harness = embedded().await;
    let past = claims_with(now(&harness), json!({ "exp": 0 }));
    let expired = format!("Bearer {}", good_token(&past));
    let bearer = bearer(&harness);
    let too_large =
        call(LOAD).header(AUTHORIZATION, &bearer).header(CONTENT_LENGTH, MAX_OCTETS + 1);
    let not_json = Request::post(LOAD).header(CONTENT_TYPE, "text/plain");
    for (harness, request, status, code) in [
        (&harness, call(LOAD), 401, "signed-out"),
        (&harness, call(LOAD).header(AUTHORIZATION, expired), 401, "host-token-expired"),
        (&harness, not_json, 415, "not-json"),
        (&harness, too_large, 413, "body-too-large"),
        (&harness, call("/bearer/unknown"), 404, "not-found"),
        (&without_keys, call(LOAD).header(AUTHORIZATION, &bearer), 503, "host-keys-unavailable"),
    ] {
        let answer = send(harness, ADDRESS, request.header(ORIGIN, HOST_SITE), "{}").await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(code), "{code}: {}", answer.body);
        assert_eq!(answer.header("access-control-allow-origin"), HOST_SITE, "{code}");
    }
}

#[tokio::test]
async fn cookies_do_not_authenticate_a_call_from_another_site() {
    let harness = embedded().await.with_ada().await;
    let token = good_token(&claims(now(&harness)));
    let cookies = format!("{COOKIE_NAME}={token}; {}", harness.sign_in().await);
    let request = call(LOAD).header(ORIGIN, HOST_SITE).header(COOKIE, cookies);
    let answer = send(&harness, ADDRESS, request, "{}").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("access-control-allow-credentials"), "");
}

#[tokio::test]
async fn routes_that_authenticate_by_cookie_send_no_cors_headers() {
    let harness = embedded().await.with_ada().await;
    let cookie = harness.sign_in().await;
    for path in ["/api/email/load", "/settings/email", "/sign-in", "/health", "/oauth/start/x"] {
        for request in [
            get(path).header(ORIGIN, HOST_SITE),
            call(path).header(ORIGIN, HOST_SITE).header("sec-fetch-site", "cross-site"),
            call(path).header(ORIGIN, HOST_SITE).header("sec-fetch-site", "same-origin"),
            preflight(path, HOST_SITE, "POST", "content-type"),
        ] {
            let answer = send(&harness, ADDRESS, request.header(COOKIE, &cookie), "{}").await;
            assert_eq!(permissions(&answer), [""; 0], "{path}");
        }
    }
}

/// A fixture with an OAuth flow saved, embedded and called with the host's token.
async fn new_fixture() -> OauthFixture {
    let key = PublicKey::from_pem(PUBLIC_KEY).expect("a public key");
    OauthFixture::configured(OauthFlow::AuthorizationCode, |config| {
        config.host_tokens = Some(host_tokens(KeySource::File(key)));
        config.embedding_origins.embedding = origins(&[HOST_SITE]);
    })
    .await
}

/// Calls a server function from the host's page and parses the response.
async fn called<T: DeserializeOwned>(fixture: &OauthFixture, name: &str, arguments: &Value) -> T {
    let request = call_from(&fixture.harness, &format!("/bearer/api/email/{name}"), HOST_SITE);
    let answer = send(&fixture.harness, ADDRESS, request, &arguments.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("the call is answered")
}

/// Starts Get Auth Token on the host's page and consents in a window without its credentials.
async fn consented(fixture: &OauthFixture) -> Returning {
    let begun: AttemptStarted = called(fixture, "get-token", &json!({ "in_pop_up": true })).await;
    let start = begun.start.expect("a person is asked");
    fixture.depart(begun.attempt, &start, "").await
}

#[tokio::test]
async fn a_consent_needs_only_the_cookie_of_its_own_window() {
    let fixture = new_fixture().await;
    let returning = consented(&fixture).await;
    fixture.land(&returning.address, &returning.cookie).await;
    let now: TokenView = called(&fixture, "token", &json!({})).await;
    let end = now.attempt.and_then(|attempt| attempt.end);
    assert_eq!((end, now.token.is_some()), (Some(AttemptOutcome::Obtained), true));
}

#[tokio::test]
async fn a_callback_address_is_pasted_on_a_page_without_a_cookie() {
    let fixture = new_fixture().await;
    let returning = consented(&fixture).await;
    let arguments = json!({ "id": returning.attempt.id, "address": returning.address });
    let finished: AttemptFinished = called(&fixture, "finish-attempt", &arguments).await;
    assert_eq!(finished.attempt.end, Some(AttemptOutcome::Obtained));
}

/// Requests the frame's page for `host`, which is percent-encoded already.
async fn frame(harness: &Harness, host: &str) -> Answer {
    ask(harness, get(&format!("/embed/frame?host={host}"))).await
}

/// The value of a directive of the Content-Security-Policy.
fn directive<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let policy = answer.header("content-security-policy");
    let mut directives = policy.split("; ").filter_map(|directive| directive.split_once(' '));
    directives.find(|(named, _)| *named == name).expect("the policy has this directive").1
}

#[tokio::test]
async fn a_frame_may_be_shown_only_by_the_host_that_it_was_requested_for() {
    let (one, other) = ("https%3A%2F%2Fhost.example", "http%3A%2F%2Fb.localhost%3A4000");
    let (alone, both) =
        (framed_by(&[HOST_SITE]).await, framed_by(&[HOST_SITE, OTHER_HOST_SITE]).await);
    for (harness, host, ancestor) in
        [(&alone, one, HOST_SITE), (&both, one, HOST_SITE), (&both, other, OTHER_HOST_SITE)]
    {
        let answer = frame(harness, host).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(directive(&answer, "frame-ancestors"), ancestor);
        assert!(answer.body.contains(&format!("data-host=\"{ancestor}\"")), "{}", answer.body);
        assert_eq!(answer.header("x-frame-options"), "");
    }
}

#[tokio::test]
async fn a_frame_runs_its_two_scripts_by_a_nonce_of_its_own_and_nothing_else() {
    let harness = framed_by(&[HOST_SITE]).await;
    let answer = frame(&harness, HOST_SITE).await;
    let scripts = directive(&answer, "script-src");
    let nonce = scripts.strip_prefix("'nonce-").and_then(|rest| rest.split_once('\''));
    let (nonce, rest) = nonce.expect("the policy names a nonce");
    assert_eq!(rest, " 'strict-dynamic' 'wasm-unsafe-eval'");
    for script in ["/embed/frame.js", "/embed.js"] {
        let tag = format!("<script type=\"module\" nonce=\"{nonce}\" src=\"{script}\">");
        assert!(answer.body.contains(&tag), "{script}: {}", answer.body);
    }
    assert_eq!(answer.body.matches("<script").count(), 2);
    let directives = ["default-src", "connect-src", "base-uri", "object-src"];
    let found = directives.map(|name| directive(&answer, name));
    assert_eq!(found, ["'none'", "'self'", "'none'", "'none'"]);
    let another = frame(&harness, HOST_SITE).await;
    assert_ne!(directive(&another, "script-src"), scripts);
}

#[tokio::test]
async fn a_frame_for_any_other_host_is_refused_and_its_name_not_repeated() {
    let harness = framed_by(&[HOST_SITE]).await;
    for query in [
        "",
        "?",
        "?host=",
        "?host=null",
        "?host=*",
        "?host=canary",
        "?host=https%3A%2F%2Fcanary.example",
        "?host=https%3A%2F%2Fhost.example%2F",
        "?host=https%3A%2F%2FHOST.example",
        "?host=https%3A%2F%2Fhost.example&host=https%3A%2F%2Fcanary.example",
        "?host=%22%3E%3Cscript%3Ecanary",
        "?host=%ff",
    ] {
        let answer = ask(&harness, get(&format!("/embed/frame{query}"))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(directive(&answer, "frame-ancestors"), "'none'", "{query}");
        assert!(!answer.body.contains("canary"), "{query}");
        assert!(answer.header("content-type").starts_with("text/html"), "{query}");
    }
}

#[tokio::test]
async fn without_a_configured_host_there_is_no_frame() {
    let harness = embedded().await;
    let answer = frame(&harness, HOST_SITE).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "not-found"));
}

#[tokio::test]
async fn a_frame_neither_reads_nor_sets_a_cookie_and_does_not_repeat_the_host_header() {
    let harness = framed_by(&[HOST_SITE]).await.with_ada().await;
    for cookie in [harness.sign_in().await, format!("{COOKIE_NAME}=broken")] {
        let request = Request::get(format!("/embed/frame?host={HOST_SITE}"))
            .header(HOST, "canary.example")
            .header(COOKIE, cookie);
        let answer = ask(&harness, request).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (StatusCode::OK, ""));
        assert!(!answer.body.contains("Ada") && !answer.body.contains("canary"), "{}", answer.body);
        let element = "<ppm-email-settings></ppm-email-settings>";
        assert!(answer.body.contains(element), "{}", answer.body);
    }
}

#[tokio::test]
async fn every_other_page_still_refuses_to_be_framed() {
    let harness = framed_by(&[HOST_SITE]).await.with_ada().await;
    let cookie = harness.sign_in().await;
    for path in
        ["/settings/email", "/sign-in", "/audit", "/oauth/result/x", "/embed", "/embed/frame/x"]
    {
        let request = get(&format!("{path}?host={HOST_SITE}")).header(COOKIE, &cookie);
        let answer = ask(&harness, request).await;
        assert_eq!(directive(&answer, "frame-ancestors"), "'none'", "{path}");
    }
}

/// A server with the built files that other sites load.
async fn with_files() -> Harness {
    let harness = embedded().await;
    let root = harness.folder.path();
    fs::create_dir(root.join("pkg")).expect("the folder is ours");
    for (name, text) in [
        ("embed.js", "the element"),
        ("embed.js.br", "the element as brotli"),
        ("frame.js", "the frame"),
        ("frame.js.gz", "the frame as gzip"),
        ("pkg/ppm-email.0123456789abcdef.wasm", "the tab"),
    ] {
        fs::write(root.join(name), text).expect("the folder is ours");
    }
    harness
}

const FILES: [&str; 3] = ["/embed.js", "/embed/frame.js", "/pkg/ppm-email.0123456789abcdef.wasm"];

#[tokio::test]
async fn every_site_may_load_the_bundle_and_its_scripts() {
    let harness = with_files().await;
    for path in FILES {
        for origin in ["https://evil.example", HOST_SITE, "null"] {
            let answer = ask(&harness, get(path).header(ORIGIN, origin)).await;
            let found = ["access-control-allow-origin", "cross-origin-resource-policy"];
            let found = found.map(|name| answer.header(name));
            assert_eq!((answer.status, found), (StatusCode::OK, ["*", "cross-origin"]), "{path}");
            assert_eq!(answer.header("set-cookie"), "", "{path}");
        }
    }
}

#[tokio::test]
async fn a_script_has_its_media_type_is_revalidated_and_compressed_where_such_a_file_exists() {
    let harness = with_files().await;
    for (path, text) in [("/embed.js", "the element"), ("/embed/frame.js", "the frame")] {
        let answer = ask(&harness, get(path)).await;
        let (kind, cache_control) = (answer.header("content-type"), answer.header("cache-control"));
        assert_eq!((kind, cache_control), ("text/javascript", "no-cache"), "{path}");
        assert_eq!(answer.body, text);
        let since = answer.header("last-modified");
        let again = ask(&harness, get(path).header("if-modified-since", since)).await;
        assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path}");
        assert_eq!(again.header("access-control-allow-origin"), "*", "{path}");
    }
    for (path, encodings, expected) in [
        ("/embed.js", "gzip, br", ("br", "the element as brotli")),
        ("/embed.js", "gzip", ("", "the element")),
        ("/embed/frame.js", "gzip, br", ("gzip", "the frame as gzip")),
    ] {
        let answer = ask(&harness, get(path).header("accept-encoding", encodings)).await;
        assert_eq!((answer.header("content-encoding"), answer.body.as_str()), expected, "{path}");
        assert_eq!(answer.header("content-type"), "text/javascript", "{path}");
    }
}

#[tokio::test]
async fn a_missing_script_is_a_404_that_is_not_cached() {
    let harness = embedded().await;
    for path in ["/embed.js", "/embed/frame.js"] {
        let answer = ask(&harness, get(path)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        let found = (answer.header("cache-control"), answer.code());
        assert_eq!(found, ("no-store", "not-found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_post_to_a_file_is_not_allowed() {
    let harness = with_files().await;
    for path in FILES {
        let request = get(path).method(Method::POST).header(ORIGIN, HOST_SITE);
        assert_eq!(ask(&harness, request).await.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}
