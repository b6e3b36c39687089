//! Throttling of unauthenticated requests, over sockets: a refusal has Retry-After and runs no SQL.

use std::fs;
use std::path::Path;
use std::time::Instant;

use axum::http::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use vault::clock::{Clock, SystemClock};

use crate::support::databases::{count_rows, database_url};
use crate::support::harness::{Answer, EMAIL, FORM, PASSWORD};
use crate::support::host::{AUDIENCE, ISSUER, PUBLIC_KEY, claims, good_token};
use crate::support::program::{HttpBrowser, Serving, add_administrator, encoded, log_file};

/// A throttled route that is cheap to serve.
const CALLBACK: &str = "/oauth/callback?state=unknown";

/// The program behind a trusted proxy, so that a test can use many client addresses.
async fn behind_a_proxy(folder: &Path) -> Serving {
    let url = database_url(folder).await;
    Serving::with(folder, |command| {
        command.args(["--database-url", &url, "--trusted-proxy", "127.0.0.1"]);
        command.env("RUST_LOG", "warn,sqlx=debug").stderr(log_file(&folder.join("log")));
    })
}

/// The program behind a trusted proxy, with an administrator.
fn with_administrator(folder: &Path) -> Serving {
    add_administrator(folder, EMAIL, PASSWORD);
    Serving::with(folder, |command| {
        command.args(["--trusted-proxy", "127.0.0.1"]);
    })
}

async fn browser(program: &Serving, address: &str) -> HttpBrowser {
    HttpBrowser::from(&program.address, address).await.expect("the server listens")
}

/// Asserts that the administrator can sign in from an address that floods nothing.
async fn expect_sign_in(program: &Serving) -> HttpBrowser {
    let mut ada = browser(program, "192.0.2.2").await;
    let answer = ada.sign_in(EMAIL, PASSWORD).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    ada
}

/// The number of responses with this status.
fn count(answers: &[Answer], status: StatusCode) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// Requests [`CALLBACK`] `each` times from each address, all addresses at once, and returns the responses.
async fn flood(program: &Serving, addresses: &[String], each: usize) -> Vec<Answer> {
    let mut callers = JoinSet::new();
    for address in addresses {
        let (server, address) = (program.address.clone(), address.clone());
        callers.spawn(async move {
            let mut browser =
                HttpBrowser::from(&server, &address).await.expect("the server listens");
            let mut answers = Vec::new();
            for _ in 0..each {
                answers.push(browser.get(CALLBACK).await.expect("an answer"));
            }
            answers
        });
    }
    callers.join_all().await.into_iter().flatten().collect()
}

fn is_refused(answer: &Answer) -> bool {
    matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

/// Asserts that a refusal has Retry-After and names the delay in its text.
fn assert_retry_after(answer: &Answer) {
    assert!(is_refused(answer), "{answer:?}");
    let seconds: u64 = answer.header("retry-after").parse().expect("whole seconds");
    assert!(seconds >= 1, "{answer:?}");
    assert!(answer.body.contains("ry again in "), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_sign_ins_from_one_address_is_refused_and_leaves_no_rows() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let program = behind_a_proxy(folder.path()).await;
    let rows = async || {
        let (attempts, audit) = ("sign_in_attempt", "audit");
        (count_rows(folder.path(), attempts).await, count_rows(folder.path(), audit).await)
    };
    let before = rows().await;
    let mut callers = JoinSet::new();
    for caller in 0..64 {
        let address = program.address.clone();
        callers.spawn(async move {
            let mut browser =
                HttpBrowser::from(&address, "192.0.2.1").await.expect("the server listens");
            let mut answers = Vec::new();
            for attempt in 0..4 {
                let email = format!("{caller}-{attempt}@example.com");
                answers.push(browser.sign_in(&email, "wrong").await.expect("an answer"));
            }
            answers
        });
    }
    let answers: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
    let (refused, compared): (Vec<_>, Vec<_>) = answers.iter().partition(|a| is_refused(a));
    for answer in &refused {
        assert_retry_after(answer);
    }
    assert!(refused.len() > 128, "{} of 256 were refused", refused.len());
    let of_one_caller = count(&answers, StatusCode::TOO_MANY_REQUESTS);
    assert!(of_one_caller > 128, "most refusals are due to the caller's own limit");
    let after = rows().await;
    let compared = i64::try_from(compared.len()).expect("a small number");
    assert_eq!(after.0 - before.0, compared, "each comparison is counted, and no refusal");
    assert!(after.1 - before.1 <= compared, "a refusal leaves no audit row");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_runs_no_statement_on_any_route() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let program = behind_a_proxy(folder.path()).await;
    let mut browser = browser(&program, "192.0.2.1").await;
    browser.cookie = "ppm-email=unknown; ppm-email-device=a.b.c.d".to_owned();
    let statements = || {
        let log = fs::read_to_string(folder.path().join("log")).expect("the program writes it");
        let lines = log.lines().filter(|line| line.contains("sqlx"));
        // Not the deletion of expired rows, which begins with the program.
        let lines = lines.filter(|line| !line.contains("MAX(moment)") && !line.contains("DELETE "));
        // Not the audit trail: rows of earlier attempts are written after their responses.
        let of_unauthenticated = ["session", "person", "sign_in", "token_attempt", "set_up"];
        lines.filter(|line| of_unauthenticated.iter().any(|table| line.contains(table))).count()
    };
    for (method, path, body) in [
        ("POST", "/sign-in", "password=wrong&email=unknown"),
        ("POST", "/set-up", "ticket=x&email=x&name=x&password=x&again=x"),
        ("GET", "/oidc/start", ""),
        ("GET", "/oidc/callback?state=x&code=x", ""),
        ("GET", "/oauth/start/unknown", ""),
        ("GET", CALLBACK, ""),
    ] {
        // Another account each time: the database limits attempts per account as well.
        let mut refused = None;
        for number in 0..64 {
            let (before, body) = (statements(), format!("{body}{number}"));
            let answer = browser.ask(method, path, FORM, body).await.expect("an answer");
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                assert_eq!(statements(), before, "{method} {path} asked the database");
                refused = Some(answer);
                break;
            }
        }
        assert_retry_after(&refused.unwrap_or_else(|| panic!("{method} {path} is not limited")));
    }
    let before = statements();
    browser.get("/settings/email").await.expect("an answer");
    assert!(statements() > before, "the log has the statements");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_floods_blocks_no_other_address_and_pages_are_not_limited() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let program = with_administrator(folder.path());
    let flooding = flood(&program, &vec!["192.0.2.1".to_owned(); 64], 4).await;
    assert!(flooding.iter().any(is_refused));
    let mut flooder = browser(&program, "192.0.2.1").await;
    for page in ["/sign-in", "/health", "/settings/email"] {
        let answer = flooder.get(page).await.expect("an answer");
        assert!(!is_refused(&answer), "{page}: {answer:?}");
    }
    let mut ada = expect_sign_in(&program).await;
    assert_eq!(ada.get("/settings/email").await.expect("an answer").status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_consents_from_many_addresses_leaves_sign_in_open() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let program = with_administrator(folder.path());
    let everywhere: Vec<_> = (1..=64).map(|host| format!("198.51.100.{host}")).collect();
    let answers = flood(&program, &everywhere, 8).await;
    assert!(count(&answers, StatusCode::SERVICE_UNAVAILABLE) > 0);
    expect_sign_in(&program).await;
}

/// Sends a cross-site request with this `Sec-Fetch-Dest`, such as `image`.
async fn get_cross_site(program: &Serving, dest: &str) -> String {
    let mut stream = TcpStream::connect(&program.address).await.expect("the server listens");
    let request = format!(
        "GET {CALLBACK} HTTP/1.1\r\nHost: ppm.example\r\nConnection: close\r\n\
         Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: {dest}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("the server reads the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cross_site_subresources_use_up_no_allowance_of_the_users_network() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let program = Serving::with(folder.path(), |_| {});
    for dest in ["image", "iframe", "empty"].repeat(16) {
        let answer = get_cross_site(&program, dest).await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{dest}: {answer}");
    }
    let answer = get_cross_site(&program, "document").await;
    assert!(answer.starts_with("HTTP/1.1 303"), "a person comes back from a provider: {answer}");
}

/// Asserts that these requests are limited to a burst of `at_once`, refilled by `a_second`.
async fn assert_limited(
    program: &Serving,
    addresses: &[String],
    each: usize,
    (at_once, a_second): (u32, f64),
) {
    let begun = Instant::now();
    let answers = flood(program, addresses, each).await;
    let accepted = answers.iter().filter(|answer| !is_refused(answer)).count();
    let accepted = u32::try_from(accepted).expect("a small number");
    let recovered = begun.elapsed().as_secs_f64() * a_second;
    let most = f64::from(at_once) + recovered + 1.0;
    assert!(accepted >= at_once, "{accepted} of {} were let in", answers.len());
    assert!(f64::from(accepted) <= most, "{accepted} were let in, and {most} may be");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_of_one_ipv6_network_share_an_allowance_and_all_share_a_total() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let program = behind_a_proxy(folder.path()).await;
    let named = |name: &dyn Fn(usize) -> String| (1..=64).map(name).collect::<Vec<_>>();

    let of_a_subscriber = named(&|host| format!("2001:db8:1:1::{host:x}"));
    assert_limited(&program, &of_a_subscriber, 2, (30, 1.0)).await;
    let of_a_site = named(&|subnet| format!("2001:db8:2:11{subnet:02x}::1"));
    assert_limited(&program, &of_a_site, 4, (60, 2.0)).await;
    let of_an_organisation = named(&|site| format!("2001:db8:3:{site:02x}00::1"));
    assert_limited(&program, &of_an_organisation, 4, (120, 4.0)).await;

    let everywhere = named(&|site| format!("2001:db8:{:x}::1", 256 + site));
    let answers = flood(&program, &everywhere, 8).await;
    assert!(answers.iter().any(is_refused), "{} were let in", answers.len());
    for answer in answers.iter().filter(|answer| is_refused(answer)) {
        assert_retry_after(answer);
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "the total limit refuses it");
    }
    let log = fs::read_to_string(folder.path().join("log")).expect("the program writes it");
    assert!(!log.contains("ERROR"), "unauthenticated requests cause errors in the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_bad_host_tokens_is_refused_and_a_good_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("host.pem"), PUBLIC_KEY).expect("the folder is there");
    let program = Serving::with(folder.path(), |command| {
        command.args(["--host-token-key-file", "host.pem", "--host-token-cookie", "host-token"]);
        command.args(["--host-token-issuer", ISSUER, "--host-token-audience", AUDIENCE]);
    });
    let mut pages = JoinSet::new();
    for _ in 0..16 {
        let address = program.address.clone();
        pages.spawn(async move {
            let mut page = HttpBrowser::with_cookie(&address, "host-token=made.up.token").await;
            let mut answers = Vec::new();
            for _ in 0..8 {
                answers.push(page.call("email/load", &json!({})).await.expect("an answer"));
            }
            answers
        });
    }
    let answers: Vec<_> = pages.join_all().await.into_iter().flatten().collect();
    let (refused, malformed): (Vec<_>, Vec<_>) = answers.iter().partition(|a| is_refused(a));
    let counts = (refused.len(), malformed.len());
    assert!(counts.0 > 32 && counts.1 >= 30, "{counts:?}");
    for answer in refused {
        assert_eq!(answer.code(), "too-many-attempts");
        assert!(answer.header("retry-after").parse::<u64>().expect("seconds") >= 1);
    }
    for answer in malformed {
        assert_eq!(answer.code(), "host-token-malformed");
    }
    let cookie = format!("host-token={}", good_token(&claims(SystemClock.now())));
    let mut page = HttpBrowser::with_cookie(&program.address, &cookie).await;
    let answer = page.call("email/load", &json!({})).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    page.cookie.clear();
    let form = format!("email={}&password=wrong", encoded(EMAIL));
    let answer = page.ask("POST", "/sign-in", FORM, form).await.expect("an answer");
    let expected = StatusCode::UNPROCESSABLE_ENTITY;
    assert_eq!(answer.status, expected, "tokens use up no sign-in: {answer:?}");
}
