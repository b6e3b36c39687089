//! Sessions: authentication by cookie, expiry, sign-out and audit rows.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, COOKIE};
use chrono::TimeDelta;
use server::identity::SignInError;
use store::audit::Action;

use crate::support::databases::{connection, count_rows, execute, refuse, stop_refusing};
use crate::support::harness::{
    ADDRESS, EMAIL, Harness, NAME, PASSWORD, caller_of, cookie_of, get, operator, post_form,
    seen_as, stranger,
};
use crate::support::pages::{ask, call_in};
use crate::support::waiting::until;

#[tokio::test]
async fn a_cookie_authenticates_its_browser_after_sign_in() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    assert_eq!(seen_as(&harness, &cookie).await, NAME);
}

#[tokio::test]
async fn an_address_is_compared_without_letter_case() {
    let harness = Harness::start().await.with_ada().await;
    let signed_in = harness
        .server
        .people
        .accounts
        .sign_in(" ADA@Example.Com ", PASSWORD.into(), &stranger(ADDRESS))
        .await;
    assert_eq!(signed_in.expect("it is the same address").principal.address(), EMAIL);
}

#[tokio::test]
async fn a_made_up_cookie_authenticates_no_user() {
    let harness = Harness::start().await.with_ada().await;
    harness.sign_in().await;
    assert_eq!(
        seen_as(&harness, "ppm-email=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await,
        "nobody"
    );
}

#[tokio::test]
async fn the_token_is_not_in_the_database_file() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let token = cookie.split_once('=').expect("a name and a value").1;
    harness.server.store.close().await;
    let file =
        std::fs::read(harness.folder.path().join("ppm-email.db")).expect("the database is a file");
    assert!(!file.windows(token.len()).any(|window| window == token.as_bytes()));
}

#[tokio::test]
async fn under_http_the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let harness = Harness::start().await.with_ada().await;
    let signed_in =
        harness.server.people.accounts.sign_in(EMAIL, PASSWORD.into(), &stranger(ADDRESS)).await;
    let cookie = signed_in.expect("the password is right").cookie;
    let (name, rest) = cookie.to_str().expect("text").split_once('=').expect("a name");
    let (_, attributes) = rest.split_once("; ").expect("attributes");
    assert_eq!((name, attributes), ("ppm-email", "Path=/; HttpOnly; SameSite=Lax"));
}

#[tokio::test]
async fn under_https_the_cookie_is_secure_and_tied_to_the_host() {
    let harness = Harness::https().await.with_ada().await;
    let signed_in =
        harness.server.people.accounts.sign_in(EMAIL, PASSWORD.into(), &stranger(ADDRESS)).await;
    let cookie = signed_in.expect("the password is right").cookie;
    let (name, rest) = cookie.to_str().expect("text").split_once('=').expect("a name");
    let (_, attributes) = rest.split_once("; ").expect("attributes");
    assert_eq!((name, attributes), ("__Host-ppm-email", "Path=/; HttpOnly; SameSite=Lax; Secure"));
}

#[tokio::test]
async fn a_session_ends_after_an_hour_without_a_request() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    harness.clock.advance(TimeDelta::minutes(60));
    assert_eq!(seen_as(&harness, &cookie).await, "nobody");
}

#[tokio::test]
async fn requests_keep_a_session_alive() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    for _ in 0..3 {
        harness.clock.advance(TimeDelta::minutes(59));
        assert_eq!(seen_as(&harness, &cookie).await, NAME);
    }
}

#[tokio::test]
async fn a_session_ends_twelve_hours_after_sign_in_despite_requests() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    for _ in 0..12 {
        assert_eq!(seen_as(&harness, &cookie).await, NAME);
        harness.clock.advance(TimeDelta::hours(1) - TimeDelta::seconds(1));
    }
    harness.clock.advance(TimeDelta::seconds(12));
    assert_eq!(seen_as(&harness, &cookie).await, "nobody");
}

#[tokio::test]
async fn sign_out_ends_the_session_on_the_server() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let removal =
        harness.server.people.accounts.sign_out(&caller_of(&harness, &cookie).await).await;
    assert!(removal.to_str().expect("text").ends_with("; Max-Age=0"));
    assert_eq!(seen_as(&harness, &cookie).await, "nobody");
}

#[tokio::test]
async fn sign_out_takes_effect_at_once_and_is_written_once_the_database_accepts_writes() {
    let harness = Harness::start().await.with_ada().await;
    let (cookie, folder) = (harness.sign_in().await, harness.folder.path());
    let caller = caller_of(&harness, &cookie).await;
    refuse(folder, "DELETE", "session").await;
    let removal = harness.server.people.accounts.sign_out(&caller).await;
    assert!(removal.to_str().expect("text").ends_with("; Max-Age=0"));
    assert_eq!(seen_as(&harness, &cookie).await, "nobody");
    let refused = call_in(&harness, &cookie, "load", "{}").await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::UNAUTHORIZED, "session-ended".into())
    );
    assert_eq!(sessions(&harness).await, 1);

    stop_refusing(folder, "session").await;
    until(async || sessions(&harness).await == 0).await;
    assert_eq!(seen_as(&harness, &cookie).await, "nobody");
    let rows = harness.trail(9).await;
    assert_eq!(rows.iter().filter(|row| row.action == Action::SignedOut).count(), 1);
}

#[tokio::test]
async fn sign_out_ends_the_session_even_if_the_client_disconnects_meanwhile() {
    let harness = Harness::start().await.with_ada().await;
    let (cookie, folder) = (harness.sign_in().await, harness.folder.path());
    let caller = caller_of(&harness, &cookie).await;
    let mut busy = connection(folder).await;
    let hold = "BEGIN; UPDATE session SET seen_at = seen_at";
    execute(&mut busy, hold).await;
    let accounts = harness.server.people.accounts.clone();
    let signing_out = tokio::spawn(async move { accounts.sign_out(&caller).await });
    until(async || seen_as(&harness, &cookie).await == "nobody").await;
    signing_out.abort();
    execute(&mut busy, "COMMIT").await;
    until(async || sessions(&harness).await == 0).await;
}

#[tokio::test]
async fn signing_out_clears_cache_and_storage_and_no_cookie_but_its_own() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let out = ask(&harness, post_form("/sign-out").header(COOKIE, &cookie), Body::empty()).await;
    assert_eq!(out.header("clear-site-data"), r#""cache", "storage""#);
}

#[tokio::test]
async fn signing_out_removes_the_cookie_even_where_the_database_is_closed() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    harness.server.store.close().await;
    let out = ask(&harness, post_form("/sign-out").header(COOKIE, &cookie), Body::empty()).await;
    assert_eq!((out.status, out.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
    assert!(out.header("set-cookie").ends_with("; Max-Age=0"), "{out:?}");
}

/// The number of sessions in the database.
async fn sessions(harness: &Harness) -> i64 {
    count_rows(harness.folder.path(), "session").await
}

#[tokio::test]
async fn a_session_stays_alive_while_the_database_cannot_store_its_requests() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    refuse(harness.folder.path(), "UPDATE", "session").await;
    for _ in 0..3 {
        harness.clock.advance(TimeDelta::minutes(59));
        assert_eq!(seen_as(&harness, &cookie).await, NAME);
    }
    harness.clock.advance(TimeDelta::minutes(60));
    assert_eq!(seen_as(&harness, &cookie).await, "nobody");
}

#[tokio::test]
async fn signing_in_again_makes_a_new_token_and_ends_the_session_before() {
    let harness = Harness::start().await.with_ada().await;
    let first = harness.sign_in().await;
    let caller = caller_of(&harness, &first).await;
    let again = harness
        .server
        .people
        .accounts
        .sign_in(EMAIL, PASSWORD.into(), &caller)
        .await
        .expect("it is right");
    let second = cookie_of(again.cookie.to_str().expect("text"));
    assert_ne!(first, second);
    assert_eq!(seen_as(&harness, &first).await, "nobody");
    assert_eq!(seen_as(&harness, &second).await, NAME);
}

#[tokio::test]
async fn a_removed_administrators_open_session_ends() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    harness.server.people.accounts.remove(EMAIL, operator()).await.expect("she is there");
    assert_eq!(seen_as(&harness, &cookie).await, "nobody");
}

/// The response to a call with this cookie and the audited refusal; a page redirects to sign-in.
async fn refusal(harness: &Harness, cookie: &str) -> (StatusCode, String, Option<String>) {
    let answer = call_in(harness, cookie, "load", "{}").await;
    let page = get("/settings/email").header(ACCEPT, "text/html").header(COOKIE, cookie);
    let page = ask(harness, page, Body::empty()).await;
    assert_eq!((page.status, page.header("location")), (StatusCode::FOUND, "/sign-in"));
    assert!(!answer.headers.contains_key("www-authenticate"), "{answer:?}");
    let refused = harness.trail(50).await;
    let refused = refused.into_iter().find(|row| row.action == Action::Refused);
    (answer.status, answer.body, refused.and_then(|row| row.detail))
}

fn refused_as(code: &str) -> (StatusCode, String, Option<String>) {
    let body = format!(r#"{{"code":"{code}"}}"#);
    (StatusCode::UNAUTHORIZED, body, Some(code.to_owned()))
}

#[tokio::test]
async fn a_session_after_sign_out_is_refused_with_its_own_code() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    ask(&harness, post_form("/sign-out").header(COOKIE, &cookie), Body::empty()).await;
    assert_eq!(refusal(&harness, &cookie).await, refused_as("session-ended"));
}

#[tokio::test]
async fn a_replaced_session_is_refused_like_one_after_sign_out() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let caller = caller_of(&harness, &cookie).await;
    let again = harness.server.people.accounts.sign_in(EMAIL, PASSWORD.into(), &caller).await;
    again.expect("the password is right");
    assert_eq!(refusal(&harness, &cookie).await, refused_as("session-ended"));
}

#[tokio::test]
async fn a_removed_administrators_open_session_is_refused_with_its_own_code() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    harness.server.people.accounts.remove(EMAIL, operator()).await.expect("she is there");
    assert_eq!(refusal(&harness, &cookie).await, refused_as("account-removed"));
}

#[tokio::test]
async fn an_unknown_or_expired_session_is_signed_out_and_leaves_no_row() {
    let harness = Harness::start().await.with_ada().await;
    let signed_out = (StatusCode::UNAUTHORIZED, r#""signed-out""#.to_owned(), None);
    let made_up = "ppm-email=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(refusal(&harness, made_up).await, signed_out);
    let cookie = harness.sign_in().await;
    harness.clock.advance(TimeDelta::hours(1));
    assert_eq!(refusal(&harness, &cookie).await, signed_out);
}

#[tokio::test]
async fn an_ended_session_is_remembered_for_its_maximum_lifetime() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    ask(&harness, post_form("/sign-out").header(COOKIE, &cookie), Body::empty()).await;
    harness.clock.advance(TimeDelta::hours(12));
    let signed_out = (StatusCode::UNAUTHORIZED, r#""signed-out""#.to_owned(), None);
    assert_eq!(refusal(&harness, &cookie).await, signed_out);
    harness.sign_in().await;
    assert_eq!(count_rows(harness.folder.path(), "ended_session").await, 0);
}

#[tokio::test]
async fn a_new_password_by_the_operator_ends_every_session() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let new = "a new and longer password";
    harness
        .server
        .people
        .accounts
        .set_password(EMAIL, new.into(), operator())
        .await
        .expect("it is acceptable");
    assert_eq!(seen_as(&harness, &cookie).await, "nobody");
}

#[tokio::test]
async fn a_wrong_address_and_a_wrong_password_get_the_same_answer() {
    let harness = Harness::start().await.with_ada().await;
    for (email, password) in [(EMAIL, "not the right password"), ("bob@example.com", PASSWORD)] {
        let answer = harness
            .server
            .people
            .accounts
            .sign_in(email, password.into(), &stranger(ADDRESS))
            .await;
        assert!(matches!(answer, Err(SignInError::Wrong)), "{email}");
    }
}

#[tokio::test]
async fn signing_in_failing_and_signing_out_are_audited() {
    let harness = Harness::start().await.with_ada().await;
    for (email, password) in [("canary-typed-password", PASSWORD), (EMAIL, "wrong")] {
        let accounts = &harness.server.people.accounts;
        let refused = accounts.sign_in(email, password.into(), &stranger(ADDRESS)).await;
        refused.expect_err("it is wrong");
    }
    let cookie = harness.sign_in().await;
    harness.server.people.accounts.sign_out(&caller_of(&harness, &cookie).await).await;
    let rows: Vec<_> = harness
        .trail(4)
        .await
        .into_iter()
        .map(|row| (row.action, row.actor.email, row.detail))
        .collect();
    let expected = [
        (Action::SignedOut, EMAIL.to_owned(), None),
        (Action::SignedIn, EMAIL.to_owned(), None),
        (Action::SignInFailed, String::new(), Some(EMAIL.to_owned())),
        (Action::SignInFailed, String::new(), None),
    ];
    assert_eq!(rows, expected);
}
