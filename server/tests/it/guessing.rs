//! Guessing the password of one account from many addresses, over sockets: the guesses are
//! throttled, and the owner can still sign in with a known device.

use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;
use std::time::Instant;

use axum::http::{StatusCode, header};
use chrono::TimeDelta;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::databases::{connection, count_rows, database_url};
use crate::support::harness::{Answer, EMAIL, Harness, PASSWORD, unlimited};
use crate::support::program::{HttpBrowser, Serving, add_administrator_to, program, run};
use crate::support::steps::change_rows;
use crate::support::waiting::until;

const OTHER: &str = "grace@example.com";
const WRONG: &str = "not the right password";
/// The table that counts each comparison.
const ATTEMPTS: &str = "sign_in_attempt";

/// The program behind a proxy on this machine, with two administrators.
struct GuessingFixture {
    folder: TempDir,
    url: String,
    program: Serving,
}

impl GuessingFixture {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(configure: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let url = database_url(folder.path()).await;
        for email in [EMAIL, OTHER] {
            add_administrator_to(folder.path(), &url, email, PASSWORD);
        }
        let program = Serving::with(folder.path(), |command| {
            command.args(["--database-url", &url, "--trusted-proxy", "127.0.0.1"]);
            configure(command);
        });
        Self { folder, url, program }
    }

    /// A browser with this client address.
    async fn browser(&self, address: &str) -> HttpBrowser {
        HttpBrowser::from(&self.program.address, address).await.expect("it listens")
    }

    /// Attempts to sign in from this address with an unknown device.
    async fn sign_in(&self, address: &str, email: &str, password: &str) -> Answer {
        sign_in(&mut self.browser(address).await, email, password).await
    }

    /// A browser in which this account has signed in before.
    async fn known_browser(&self, email: &str, address: &str) -> HttpBrowser {
        let mut browser = self.browser(address).await;
        assert_signed_in(&sign_in(&mut browser, email, PASSWORD).await);
        browser.forget_session();
        assert!(!browser.cookie.is_empty(), "a device cookie was given");
        browser
    }

    /// Guesses until unknown devices are refused for this account; returns the refusal.
    async fn guess_from_many_addresses(&self, email: &str) -> Answer {
        for guess in 0..40 {
            let address = format!("198.51.100.{}", guess / 4);
            let answer = self.sign_in(&address, email, WRONG).await;
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                assert_eq!(guess, 20, "so many guesses are let in");
                return answer;
            }
            assert_wrong_credentials(&answer);
        }
        panic!("the guesses are not limited");
    }
}

async fn sign_in(browser: &mut HttpBrowser, email: &str, password: &str) -> Answer {
    browser.sign_in(email, password).await.expect("an answer")
}

fn is_signed_in(answer: &Answer) -> bool {
    answer.status == StatusCode::SEE_OTHER && answer.header("location") == "/settings/email"
}

fn assert_signed_in(answer: &Answer) {
    assert!(is_signed_in(answer), "{answer:?}");
}

fn assert_wrong_credentials(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
    assert!(answer.body.contains("Wrong email address or password."), "{}", answer.body);
}

fn assert_retry_after(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{answer:?}");
    assert!(answer.header("retry-after").parse::<u64>().expect("whole seconds") >= 1);
    assert!(answer.body.contains("Too many attempts. Try again in"), "{}", answer.body);
    assert!(answer.body.contains("type=\"password\""), "the form is there: {}", answer.body);
}

/// Makes each comparison with this account's password `times` as slow as usual, and never match.
async fn slow_down(folder: &Path, email: &str, times: u32) {
    let passes = 2 * times;
    let hash =
        format!("$argon2id$v=19$m=19456,t={passes},p=1$c2FsdCBvZiBhIHRlc3Q${}", "A".repeat(43));
    let statement = sqlx::query("UPDATE person SET password_hash = $2 WHERE email = $1");
    let statement = statement.bind(email).bind(hash);
    assert_eq!(change_rows(&mut connection(folder).await, statement).await, 1);
}

/// Waits until `count` comparisons have begun.
async fn until_compared(folder: &Path, count: i64) {
    until(async || count_rows(folder, ATTEMPTS).await >= count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_passwords_of_an_account_are_compared_at_a_time_and_the_others_get_retry_after() {
    let fixture = GuessingFixture::start().await;
    slow_down(fixture.folder.path(), EMAIL, 100).await;
    let mut guesses = JoinSet::new();
    for guess in 0..12 {
        let mut unknown_browser = fixture.browser(&format!("198.51.100.{guess}")).await;
        guesses.spawn(async move { sign_in(&mut unknown_browser, EMAIL, WRONG).await });
    }
    let answers = guesses.join_all().await;
    let is_refused = |answer: &&Answer| answer.status == StatusCode::TOO_MANY_REQUESTS;
    assert_eq!(answers.iter().filter(is_refused).count(), 10, "{answers:?}");
    answers.iter().filter(is_refused).for_each(assert_retry_after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_signs_in_on_a_known_device_while_others_guess() {
    let fixture = GuessingFixture::start().await;
    let mut known = fixture.known_browser(EMAIL, "203.0.113.1").await;
    assert_retry_after(&fixture.guess_from_many_addresses(EMAIL).await);
    assert_retry_after(&fixture.sign_in("203.0.113.2", EMAIL, PASSWORD).await);

    // From any address, even one that guesses came from.
    for address in ["203.0.113.9", "198.51.100.1"] {
        let mut known = known.again(&fixture.program.address).await.expect("it listens");
        known.forwarded_for = address.to_owned();
        assert_signed_in(&sign_in(&mut known, EMAIL, PASSWORD).await);
        assert_eq!(known.get("/settings/email").await.expect("an answer").status, StatusCode::OK);
    }
    // Another account does not wait.
    assert_signed_in(&fixture.sign_in("203.0.113.3", OTHER, PASSWORD).await);
    assert_wrong_credentials(&sign_in(&mut known, EMAIL, WRONG).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_device_does_not_wait_for_comparisons_of_unknown_devices() {
    let fixture = GuessingFixture::start().await;
    let mut known = fixture.known_browser(OTHER, "203.0.113.1").await;
    slow_down(fixture.folder.path(), EMAIL, 400).await;
    let mut guesses = JoinSet::new();
    for guess in 0..2 {
        let mut unknown_browser = fixture.browser(&format!("198.51.100.{guess}")).await;
        guesses.spawn(async move { unknown_browser.sign_in(EMAIL, WRONG).await });
    }
    until_compared(fixture.folder.path(), 1).await;
    assert_signed_in(&sign_in(&mut known, OTHER, PASSWORD).await);
    assert!(guesses.try_join_next().is_none(), "the comparison for the unknown browsers goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_device_cookie_gives_five_guesses_and_is_ignored_then() {
    let fixture = GuessingFixture::start().await;
    let mut thief = fixture.known_browser(EMAIL, "203.0.113.1").await;
    fixture.guess_from_many_addresses(EMAIL).await;
    for guess in 0..5 {
        thief.forwarded_for = format!("203.0.113.{guess}");
        assert_wrong_credentials(&sign_in(&mut thief, EMAIL, WRONG).await);
    }
    assert_retry_after(&sign_in(&mut thief, EMAIL, PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_invalidates_device_cookies() {
    let fixture = GuessingFixture::start().await;
    let mut known = fixture.known_browser(EMAIL, "203.0.113.1").await;
    let password = "another good pass phrase";
    let mut command = program(fixture.folder.path());
    command.args(["admin", "set-password", EMAIL, "--password-stdin"]);
    command.args(["--database-url", &fixture.url]);
    let output = run(command, &format!("{password}\n"));
    assert!(output.status.success(), "{output:?}");
    fixture.guess_from_many_addresses(EMAIL).await;
    assert_retry_after(&sign_in(&mut known, EMAIL, password).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_cookie_of_another_account_or_a_forged_one_is_ignored() {
    let fixture = GuessingFixture::start().await;
    let own = fixture.known_browser(EMAIL, "203.0.113.1").await.cookie;
    let others = fixture.known_browser(OTHER, "203.0.113.1").await.cookie;
    fixture.guess_from_many_addresses(EMAIL).await;
    let (name, value) = own.split_once('=').expect("a cookie");
    let parts: Vec<_> = value.split('.').collect();
    let [account, password, id, signature] = parts[..] else { panic!("{value}") };
    let start = format!("{name}={account}.{password}");
    let made_up = [
        others,
        format!("{start}.{id}."),
        format!("{start}.{id}.{}", &signature[1..]),
        format!("{start}.{}.{signature}", "x".repeat(id.len())),
        format!("{start}.{id}"),
    ];
    for cookie in made_up {
        let mut unknown_browser = fixture.browser("203.0.113.7").await;
        unknown_browser.cookie.clone_from(&cookie);
        let answer = sign_in(&mut unknown_browser, EMAIL, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{cookie}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_cookie_is_no_session_and_out_of_reach_of_scripts_and_other_sites() {
    let fixture = GuessingFixture::start().await;
    let mut browser = fixture.browser("203.0.113.1").await;
    let answer = sign_in(&mut browser, EMAIL, PASSWORD).await;
    let device = device_cookie(&answer, "ppm-email-device=");
    for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=34560000"] {
        assert!(device.contains(attribute), "{attribute}: {device}");
    }
    assert!(!device.contains(EMAIL), "{device}");
    browser.forget_session();
    let page = browser.get("/settings/email").await.expect("an answer");
    assert_eq!(page.header("location"), "/sign-in", "{page:?}");

    let https = GuessingFixture::with(|command| {
        command.args(["--public-url", "https://ppm.example"]);
    })
    .await;
    let mut browser = https.browser("203.0.113.1").await.calling_itself("ppm.example");
    let answer = sign_in(&mut browser, EMAIL, PASSWORD).await;
    let device = device_cookie(&answer, "__Host-ppm-email-device=");
    assert!(device.contains("; Secure"), "{answer:?}");
}

/// The cookie that starts so, in a response.
fn device_cookie<'a>(answer: &'a Answer, start: &str) -> &'a str {
    let given = answer.headers.get_all(header::SET_COOKIE).iter();
    let mut given = given.map(|cookie| cookie.to_str().expect("a cookie is text"));
    given.find(|cookie| cookie.starts_with(start)).expect("a device cookie")
}

#[tokio::test]
async fn after_fifty_failures_an_address_is_refused_for_15_minutes_for_every_account() {
    let harness = Harness::with(|config| {
        // The limits in memory would refuse first, and have their own tests.
        config.rates = unlimited();
        config.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
    })
    .await
    .with_ada()
    .await;
    let server = harness.listen().await;
    let mut guesser = HttpBrowser::from(&server, "198.51.100.1").await.expect("it listens");
    for guess in 0..50 {
        let email = format!("person-{guess}@example.com");
        assert_wrong_credentials(&sign_in(&mut guesser, &email, WRONG).await);
    }
    let answer = sign_in(&mut guesser, EMAIL, PASSWORD).await;
    assert_retry_after(&answer);
    assert_eq!(answer.header("retry-after"), "900");
    let mut other = HttpBrowser::from(&server, "198.51.100.2").await.expect("it listens");
    assert_signed_in(&sign_in(&mut other, EMAIL, PASSWORD).await);

    harness.clock.advance(TimeDelta::minutes(14));
    let answer = sign_in(&mut guesser, EMAIL, PASSWORD).await;
    assert_retry_after(&answer);
    assert_eq!(answer.header("retry-after"), "60");
    harness.clock.advance(TimeDelta::minutes(1));
    assert_signed_in(&sign_in(&mut guesser, EMAIL, PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_device_signs_in_ten_times_at_once_and_then_once_in_ten_seconds() {
    let fixture = GuessingFixture::start().await;
    let mut device = fixture.known_browser(EMAIL, "203.0.113.1").await;
    let begun = Instant::now();
    let mut accepted = 0;
    let refused = loop {
        let answer = sign_in(&mut device, EMAIL, PASSWORD).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            break answer;
        }
        assert_signed_in(&answer);
        accepted += 1;
        assert!(accepted < 100, "nothing limits the device");
    };
    // On a slow machine, one or more are accepted meanwhile.
    let since = begun.elapsed().as_secs() / 10;
    assert!((10..=10 + since).contains(&accepted), "{accepted} were let in");
    let seconds: u64 = refused.header("retry-after").parse().expect("whole seconds");
    assert!((1..=10).contains(&seconds), "{refused:?}");
    // Another browser at its address does not wait.
    assert_signed_in(&fixture.sign_in("203.0.113.1", EMAIL, PASSWORD).await);

    until(async || is_signed_in(&sign_in(&mut device, EMAIL, PASSWORD).await)).await;
    let waited = begun.elapsed().as_secs_f64();
    let due = 10.0 * f64::from(u32::try_from(accepted - 9).expect("a small number"));
    assert!(waited >= due - 1.0, "let in after {waited} seconds, and not before {due}");
    let answer = sign_in(&mut device, EMAIL, PASSWORD).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "one more, and not ten: {answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_device_that_would_wait_too_long_gets_503_with_retry_after() {
    let fixture = GuessingFixture::start().await;
    // Comparisons for unknown devices get half of the cores.
    let at_once = available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
    let folder = fixture.folder.path();
    for guess in 0..at_once {
        let email = format!("slow-{guess}@example.com");
        add_administrator_to(folder, &fixture.url, &email, PASSWORD);
        slow_down(folder, &email, 4_000).await;
        let mut unknown_browser = fixture.browser(&format!("198.51.100.{guess}")).await;
        tokio::spawn(async move { unknown_browser.sign_in(&email, WRONG).await });
    }
    let compared = i64::try_from(at_once).expect("a small number");
    until_compared(folder, compared).await;
    let answer = fixture.sign_in("203.0.113.1", EMAIL, PASSWORD).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert_eq!(answer.header("retry-after"), "2");
    assert!(answer.body.contains("The server is busy"), "{}", answer.body);
    assert!(answer.body.contains("type=\"password\""), "the form is there: {}", answer.body);
    // Nothing was compared, so nothing is counted.
    assert_eq!(count_rows(folder, ATTEMPTS).await, compared);
}
