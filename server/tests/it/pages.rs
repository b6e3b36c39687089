//! The real pages, rendered by the real router: access, scripts and error responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use server::web::pages::pages;
use tokio::time::timeout;

use crate::support::accounts::administrators;
use crate::support::databases::database_url;
use crate::support::harness::{Answer, Harness, get, post};
use crate::support::pages::{ask, page, submit};
use crate::support::program::{HttpBrowser, Serving, log};
use crate::support::waiting::until_some;

const JSON: &str = "application/json";
const PAGE_TIMEOUT: Duration = Duration::from_secs(20);

/// Requests a page as a browser without a session does.
async fn signed_out_page(harness: &Harness, path: &str) -> Answer {
    ask(harness, get(path).header(header::ACCEPT, "text/html"), Body::empty()).await
}

/// The nonce in the Content-Security-Policy of a page.
fn nonce(answer: &Answer) -> String {
    let policy = answer.header("content-security-policy");
    let (_, rest) = policy.split_once("'nonce-").expect("a page's policy has a nonce");
    rest.split('\'').next().expect("a nonce ends").to_owned()
}

#[tokio::test]
async fn every_script_of_a_page_carries_the_nonce_of_its_policy() {
    let harness = Harness::start().await.with_ada().await;
    let answer = page(&harness, "/settings/email", &harness.sign_in().await).await;
    let (scripts, named) =
        (answer.body.matches("<script").count(), format!("nonce=\"{}\"", nonce(&answer)));
    assert!(scripts > 0);
    let carrying = answer.body.split("<script").skip(1).filter(|script| {
        script.split('>').next().is_some_and(|attributes| attributes.contains(&named))
    });
    assert_eq!(carrying.count(), scripts, "{}", answer.body);
}

#[tokio::test]
async fn a_page_is_compressed_for_a_browser_that_accepts_it() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let request = get("/settings/email").header(header::COOKIE, &cookie);
    let page = ask(&harness, request.header(header::ACCEPT_ENCODING, "br, gzip"), Body::empty());
    let page = page.await;
    assert_eq!(page.header("content-encoding"), "gzip");
    assert!(page.header("vary").contains("accept-encoding"), "{}", page.header("vary"));
}

#[tokio::test]
async fn a_page_is_not_compressed_for_other_clients() {
    let harness = Harness::start().await.with_ada().await;
    let answer = page(&harness, "/settings/email", &harness.sign_in().await).await;
    assert_eq!(answer.header("content-encoding"), "");
    assert!(answer.body.contains("</form>"), "{}", answer.body);
}

#[tokio::test]
async fn a_view_of_the_tab_takes_at_most_three_statements_and_writes_nothing() {
    const LAST: &str = "SELECT attempt";
    let folder = tempfile::tempdir().expect("a folder for the test");
    let cookies = administrators(&folder, 1).await;
    let url = database_url(folder.path()).await;
    let program = Serving::logged(folder.path(), &url, |command| {
        command.env("RUST_LOG", "request=info,tower_http=info,server=info,sqlx::query=debug");
    });
    let mut browser = HttpBrowser::with_cookie(&program.address, &cookies[0]).await;
    let page = browser.get("/settings/email").await.expect("the page");
    assert_eq!(page.status, StatusCode::OK);
    // Leptos polls a resource outside the request's span too: its last statement may be logged without.
    let log = until_some(async || Some(log(folder.path())).filter(|log| log.contains(LAST))).await;
    let statements = log.lines().filter(|line| {
        line.contains("sqlx::query") && line.contains("/settings/email") && !line.contains("PRAGMA")
    });
    let statements: Vec<_> = statements.filter(|line| !line.contains(LAST)).collect();
    assert!(statements.len() <= 2, "{statements:#?}");
    let reads = |line: &&str| line.contains("summary=\"SELECT");
    assert!(statements.iter().all(reads), "{statements:#?}");
}

#[tokio::test]
async fn no_two_pages_have_the_same_nonce() {
    let harness = Harness::start().await;
    let nonce = async || nonce(&page(&harness, "/sign-in", "").await);
    assert_ne!(nonce().await, nonce().await);
}

#[tokio::test]
async fn a_user_who_is_not_signed_in_is_redirected_to_sign_in() {
    let answer = signed_out_page(&Harness::start().await, "/settings/email").await;
    assert_eq!(answer.redirect(), (StatusCode::FOUND, "/sign-in"));
}

#[tokio::test]
async fn the_tab_is_rendered_for_a_signed_in_user() {
    let harness = Harness::start().await.with_ada().await;
    let answer = page(&harness, "/settings/email", &harness.sign_in().await).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("Basic SMTP Settings"), "{}", answer.body);
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let answer = signed_out_page(&Harness::start().await, "/unknown").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.body.contains("Page not found"));
}

#[tokio::test]
async fn the_right_password_signs_in_and_a_wrong_one_does_not() {
    let harness = Harness::start().await.with_ada().await;
    for (password, status) in [
        ("correct+horse+battery", StatusCode::SEE_OTHER),
        ("wrong", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let form = format!("email=ada%40example.com&password={password}");
        let answer = submit(&harness, "/sign-in", "", form).await;
        assert_eq!(answer.status, status);
        let has_cookies = answer.headers.contains_key(header::SET_COOKIE);
        assert_eq!(has_cookies, status == StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn a_refused_sign_in_keeps_the_address_as_text_and_the_requested_page() {
    let harness = Harness::start().await.with_ada().await;
    let form = "email=%22%3E%3Cb%3E%22%40example.com&password=not-the-password&to=%2Faudit";
    let answer = submit(&harness, "/sign-in", "", form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in ["&gt;&lt;b&gt;&quot;@example.com", r#"name="to" value="/audit""#] {
        assert!(answer.body.contains(part), "{part} in {}", answer.body);
    }
    for part in ["<b>", "not-the-password"] {
        assert!(!answer.body.contains(part), "{part} in {}", answer.body);
    }
}

#[tokio::test]
async fn a_refused_sign_in_does_not_repeat_what_is_not_an_address() {
    let harness = Harness::start().await.with_ada().await;
    for email in ["a-password", "a-password%40", "p%40ss+a-password"] {
        let form = format!("email={email}&password=wrong");
        let answer = submit(&harness, "/sign-in", "", form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!answer.body.contains("a-password"), "{}", answer.body);
    }
}

/// Calls a server function as Ada, in JSON.
async fn call(harness: &Harness, path: &str, body: &'static str) -> Answer {
    let cookie = harness.sign_in().await;
    let request = post(path)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, JSON)
        .header(header::ACCEPT, "text/html")
        .header(header::REFERER, "https://evil.example/");
    ask(harness, request, Body::from(body)).await
}

#[tokio::test]
async fn every_server_function_refuses_unauthenticated_callers_before_it_reads() {
    let harness = Harness::start().await;
    for function in ["email/load", "email/save", "email/send-test", "email/run", "unknown"] {
        let request = post(&format!("/api/{function}")).header(header::CONTENT_TYPE, JSON);
        let answer = ask(&harness, request, Body::from(r#"{"bad"#)).await;
        let expected = (StatusCode::UNAUTHORIZED, r#""signed-out""#);
        assert_eq!(answer.content(), expected, "{function}");
    }
}

#[tokio::test]
async fn a_malformed_request_is_answered_with_a_code() {
    let harness = Harness::start().await.with_ada().await;
    for (path, body, expected) in [
        ("/api/email/save", r#"{"bad"#, (StatusCode::BAD_REQUEST, r#""malformed""#)),
        ("/api/email/save", r#"{"save":1}"#, (StatusCode::BAD_REQUEST, r#""malformed""#)),
        ("/api/email/run", r#"{"id":"x"}"#, (StatusCode::NOT_FOUND, r#""not-found""#)),
        ("/api/canary-path", "{}", (StatusCode::NOT_FOUND, r#""not-found""#)),
    ] {
        let answer = call(&harness, path, body).await;
        assert_eq!(answer.content(), expected, "{path} {body}");
    }
}

#[tokio::test]
async fn a_get_does_not_call_a_server_function() {
    let harness = Harness::start().await.with_ada().await;
    let answer = page(&harness, "/api/email/send-test", &harness.sign_in().await).await;
    assert_eq!(answer.content(), (StatusCode::METHOD_NOT_ALLOWED, r#""malformed""#));
}

#[tokio::test]
async fn the_page_understands_the_error_codes_of_the_guards() {
    use contract::ApiCode;
    use leptos::server_fn::error::FromServerFnError;
    for (body, error) in [
        (r#"{"code":"body-too-large"}"#, ApiCode::TooLarge),
        (r#"{"code":"not-json"}"#, ApiCode::Malformed),
        (r#"{"code":"cross-site"}"#, ApiCode::CrossSite),
        (r#"{"code":"unavailable"}"#, ApiCode::ServerFailed),
        (r#""busy""#, ApiCode::Busy),
        ("<html>502 Bad Gateway</html>", ApiCode::Unreachable),
    ] {
        assert_eq!(app::ApiError::de(body.into()).0, error, "{body}");
    }
}

#[tokio::test]
async fn a_page_is_rendered_while_another_router_is_built() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let (server, done) = (harness.server.clone(), Arc::new(AtomicBool::new(false)));
    let makers = thread::spawn({
        let done = Arc::clone(&done);
        move || {
            let service = Arc::new(server.service());
            while !done.load(Ordering::Relaxed) {
                drop(pages(&server, &service));
            }
        }
    });
    for _ in 0..20 {
        let answer = timeout(PAGE_TIMEOUT, page(&harness, "/settings/email", &cookie)).await;
        assert!(answer.is_ok(), "a page that waits for its resource for ever");
    }
    done.store(true, Ordering::Relaxed);
    makers.join().expect("routers are made without a panic");
}
