//! Sessions: authentication by cookie, expiry, sign-out and audit rows.

use axum::http::StatusCode;
use axum::http::header::{ACCEPT, COOKIE};
use chrono::TimeDelta;
use server::identity::SignInError;
use store::audit::Action;

use crate::support::databases::{connection, count_rows, execute, refuse, stop_refusing};
use crate::support::harness::{
    EMAIL, Harness, NAME, PASSWORD, caller_of, get, operator, seen_as, session_cookie,
};
use crate::support::pages::{ask, call_in, submit};
use crate::support::waiting::until;

const MADE_UP: &str = "ppm-email=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A server on which Ada has signed in, and the cookie of her browser.
async fn signed_in() -> (Harness, String) {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    (harness, cookie)
}

/// The number of sessions in the database.
async fn sessions(harness: &Harness) -> i64 {
    count_rows(harness.folder.path(), "session").await
}

#[tokio::test]
async fn a_cookie_authenticates_its_browser_after_sign_in() {
    let (harness, cookie) = signed_in().await;
    assert_eq!(seen_as(&harness, &cookie).await, NAME);
}

#[tokio::test]
async fn an_address_is_compared_without_letter_case() {
    let harness = Harness::start().await.with_ada().await;
    let signed_in = harness.try_sign_in(" ADA@Example.Com ", PASSWORD).await;
    assert_eq!(signed_in.expect("it is the same address").principal.address(), EMAIL);
}

#[tokio::test]
async fn a_made_up_cookie_authenticates_no_user() {
    let (harness, _) = signed_in().await;
    assert_eq!(seen_as(&harness, MADE_UP).await, "");
}

#[tokio::test]
async fn the_token_is_not_in_the_database_file() {
    let (harness, cookie) = signed_in().await;
    let token = cookie.split_once('=').expect("a name and a value").1;
    harness.server.store.close().await;
    let file =
        std::fs::read(harness.folder.path().join("ppm-email.db")).expect("the database is a file");
    assert!(!file.windows(token.len()).any(|window| window == token.as_bytes()));
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let cookie = set_cookie(Harness::start().await).await;
    assert_eq!(cookie, ["ppm-email", "Path=/; HttpOnly; SameSite=Lax"]);
}

#[tokio::test]
async fn under_https_the_cookie_is_secure_and_tied_to_the_host() {
    let cookie = set_cookie(Harness::https().await).await;
    assert_eq!(cookie, ["__Host-ppm-email", "Path=/; HttpOnly; SameSite=Lax; Secure"]);
}

/// The name and the attributes of the cookie that a sign-in sets.
async fn set_cookie(harness: Harness) -> [String; 2] {
    let signed_in = harness.with_ada().await.try_sign_in(EMAIL, PASSWORD).await;
    let cookie = signed_in.expect("the password is right").cookie;
    let (name, rest) = cookie.to_str().expect("text").split_once('=').expect("a name");
    let (_, attributes) = rest.split_once("; ").expect("attributes");
    [name, attributes].map(str::to_owned)
}

#[tokio::test]
async fn a_session_ends_after_an_hour_without_a_request() {
    let (harness, cookie) = signed_in().await;
    harness.clock.advance(TimeDelta::minutes(60));
    assert_eq!(seen_as(&harness, &cookie).await, "");
}

#[tokio::test]
async fn requests_keep_a_session_alive_even_if_the_database_cannot_store_them() {
    for is_stored in [true, false] {
        let (harness, cookie) = signed_in().await;
        if !is_stored {
            refuse(harness.folder.path(), "UPDATE", "session").await;
        }
        for _ in 0..3 {
            harness.clock.advance(TimeDelta::minutes(59));
            assert_eq!(seen_as(&harness, &cookie).await, NAME, "{is_stored}");
        }
        harness.clock.advance(TimeDelta::minutes(60));
        assert_eq!(seen_as(&harness, &cookie).await, "", "{is_stored}");
    }
}

#[tokio::test]
async fn a_session_ends_twelve_hours_after_sign_in_despite_requests() {
    let (harness, cookie) = signed_in().await;
    for _ in 0..12 {
        assert_eq!(seen_as(&harness, &cookie).await, NAME);
        harness.clock.advance(TimeDelta::hours(1) - TimeDelta::seconds(1));
    }
    harness.clock.advance(TimeDelta::seconds(12));
    assert_eq!(seen_as(&harness, &cookie).await, "");
}

#[tokio::test]
async fn sign_out_ends_the_session_on_the_server() {
    let (harness, cookie) = signed_in().await;
    let removal = harness.accounts().sign_out(&caller_of(&harness, &cookie).await).await;
    assert!(removal.to_str().expect("text").ends_with("; Max-Age=0"));
    assert_eq!(seen_as(&harness, &cookie).await, "");
}

#[tokio::test]
async fn sign_out_takes_effect_at_once_and_is_written_once_the_database_accepts_writes() {
    let (harness, cookie) = signed_in().await;
    let (caller, folder) = (caller_of(&harness, &cookie).await, harness.folder.path());
    refuse(folder, "DELETE", "session").await;
    let removal = harness.accounts().sign_out(&caller).await;
    assert!(removal.to_str().expect("text").ends_with("; Max-Age=0"));
    assert_eq!(seen_as(&harness, &cookie).await, "");
    let refused = call_in(&harness, &cookie, "load", "{}").await;
    let expected = (StatusCode::UNAUTHORIZED, "session-ended".into());
    assert_eq!((refused.status, refused.code()), expected);
    assert_eq!(sessions(&harness).await, 1);

    stop_refusing(folder, "session").await;
    until(async || sessions(&harness).await == 0).await;
    assert_eq!(seen_as(&harness, &cookie).await, "");
    let rows = harness.trail(9).await;
    assert_eq!(rows.iter().filter(|row| row.action == Action::SignedOut).count(), 1);
}

#[tokio::test]
async fn sign_out_ends_the_session_even_if_the_client_disconnects_meanwhile() {
    let (harness, cookie) = signed_in().await;
    let caller = caller_of(&harness, &cookie).await;
    let mut busy = connection(harness.folder.path()).await;
    execute(&mut busy, "BEGIN; UPDATE session SET seen_at = seen_at").await;
    let accounts = harness.accounts().clone();
    let signing_out = tokio::spawn(async move { accounts.sign_out(&caller).await });
    until(async || seen_as(&harness, &cookie).await.is_empty()).await;
    signing_out.abort();
    execute(&mut busy, "COMMIT").await;
    until(async || sessions(&harness).await == 0).await;
}

#[tokio::test]
async fn signing_out_clears_cache_and_storage_and_no_cookie_but_its_own() {
    let (harness, cookie) = signed_in().await;
    let out = submit(&harness, "/sign-out", &cookie, "").await;
    assert_eq!(out.header("clear-site-data"), r#""cache", "storage""#);
}

#[tokio::test]
async fn signing_out_removes_the_cookie_even_where_the_database_is_closed() {
    let (harness, cookie) = signed_in().await;
    harness.server.store.close().await;
    let out = submit(&harness, "/sign-out", &cookie, "").await;
    assert_eq!(out.redirect(), (StatusCode::SEE_OTHER, "/sign-in"));
    assert!(out.header("set-cookie").ends_with("; Max-Age=0"), "{out:?}");
}

#[tokio::test]
async fn signing_in_again_makes_a_new_token_and_ends_the_session_before() {
    let (harness, first) = signed_in().await;
    let second = sign_in_again(&harness, &first).await;
    assert_ne!(first, second);
    assert_eq!(seen_as(&harness, &first).await, "");
    assert_eq!(seen_as(&harness, &second).await, NAME);
}

/// Signs in from the browser of an existing session, and returns the new cookie.
async fn sign_in_again(harness: &Harness, cookie: &str) -> String {
    let caller = caller_of(harness, cookie).await;
    let again = harness.accounts().sign_in(EMAIL, PASSWORD.into(), &caller).await;
    session_cookie(&again.expect("the password is right"))
}

/// The response to a call with this cookie and the audited refusal; a page redirects to sign-in.
async fn refusal(harness: &Harness, cookie: &str) -> (StatusCode, String, Option<String>) {
    let answer = call_in(harness, cookie, "load", "{}").await;
    let page = get("/settings/email").header(ACCEPT, "text/html").header(COOKIE, cookie);
    let page = ask(harness, page, axum::body::Body::empty()).await;
    assert_eq!(page.redirect(), (StatusCode::FOUND, "/sign-in"));
    assert!(!answer.headers.contains_key("www-authenticate"), "{answer:?}");
    let refused = harness.trail(50).await;
    let refused = refused.into_iter().find(|row| row.action == Action::Refused);
    (answer.status, answer.body, refused.and_then(|row| row.detail))
}

fn refused_as(code: &str) -> (StatusCode, String, Option<String>) {
    let body = format!(r#"{{"code":"{code}"}}"#);
    (StatusCode::UNAUTHORIZED, body, Some(code.to_owned()))
}

fn signed_out() -> (StatusCode, String, Option<String>) {
    (StatusCode::UNAUTHORIZED, r#""signed-out""#.to_owned(), None)
}

#[tokio::test]
async fn a_session_after_sign_out_or_replacement_is_refused_with_its_own_code() {
    let (harness, cookie) = signed_in().await;
    submit(&harness, "/sign-out", &cookie, "").await;
    assert_eq!(refusal(&harness, &cookie).await, refused_as("session-ended"));

    let (harness, cookie) = signed_in().await;
    sign_in_again(&harness, &cookie).await;
    assert_eq!(refusal(&harness, &cookie).await, refused_as("session-ended"));
}

#[tokio::test]
async fn a_removed_administrators_open_session_ends_and_is_refused_with_its_own_code() {
    let (harness, cookie) = signed_in().await;
    harness.accounts().remove(EMAIL, operator()).await.expect("Ada's account");
    assert_eq!(seen_as(&harness, &cookie).await, "");
    assert_eq!(refusal(&harness, &cookie).await, refused_as("account-removed"));
}

#[tokio::test]
async fn an_unknown_or_expired_session_is_signed_out_and_leaves_no_row() {
    let (harness, cookie) = signed_in().await;
    assert_eq!(refusal(&harness, MADE_UP).await, signed_out());
    harness.clock.advance(TimeDelta::hours(1));
    assert_eq!(refusal(&harness, &cookie).await, signed_out());
}

#[tokio::test]
async fn an_ended_session_is_remembered_for_its_maximum_lifetime() {
    let (harness, cookie) = signed_in().await;
    submit(&harness, "/sign-out", &cookie, "").await;
    harness.clock.advance(TimeDelta::hours(12));
    assert_eq!(refusal(&harness, &cookie).await, signed_out());
    harness.sign_in().await;
    assert_eq!(count_rows(harness.folder.path(), "ended_session").await, 0);
}

#[tokio::test]
async fn a_new_password_by_the_operator_ends_every_session() {
    let (harness, cookie) = signed_in().await;
    let new = "a new and longer password".into();
    let changed = harness.accounts().set_password(EMAIL, new, operator()).await;
    changed.expect("it is acceptable");
    assert_eq!(seen_as(&harness, &cookie).await, "");
}

#[tokio::test]
async fn a_wrong_address_and_a_wrong_password_get_the_same_answer() {
    let harness = Harness::start().await.with_ada().await;
    for (email, password) in [(EMAIL, "not the right password"), ("bob@example.com", PASSWORD)] {
        let answer = harness.try_sign_in(email, password).await;
        assert!(matches!(answer, Err(SignInError::Wrong)), "{email}");
    }
}

#[tokio::test]
async fn signing_in_failing_and_signing_out_are_audited() {
    let harness = Harness::start().await.with_ada().await;
    for (email, password) in [("canary-typed-password", PASSWORD), (EMAIL, "wrong")] {
        harness.try_sign_in(email, password).await.expect_err("it is wrong");
    }
    let cookie = harness.sign_in().await;
    harness.accounts().sign_out(&caller_of(&harness, &cookie).await).await;
    let rows = harness.trail(4).await.into_iter();
    let rows: Vec<_> = rows.map(|row| (row.action, row.actor.email, row.detail)).collect();
    let expected = [
        (Action::SignedOut, EMAIL.to_owned(), None),
        (Action::SignedIn, EMAIL.to_owned(), None),
        (Action::SignInFailed, String::new(), Some(EMAIL.to_owned())),
        (Action::SignInFailed, String::new(), None),
    ];
    assert_eq!(rows, expected);
}
