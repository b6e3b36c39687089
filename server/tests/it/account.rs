//! The account page: changing the password, listing sessions and ending them.

use axum::body::Body;
use axum::http::header::{ACCEPT, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use chrono::TimeDelta;
use contract::ShellService;
use server::identity::devices::DeviceCookie;
use server::identity::{Principal, Role, login_limits};
use store::audit::Action;

use crate::support::accounts::sign_in;
use crate::support::databases::refuse;
use crate::support::harness::{
    ADDRESS, Answer, EMAIL, Harness, PASSWORD, cookie_of, get, post_form, principal, stranger,
};
use crate::support::pages::ask;

const GRACE: &str = "grace@example.com";
const NEW: &str = "seven quiet lighthouse keepers";

/// Posts the form that changes the password.
async fn change(harness: &Harness, cookie: &str, current: &str, new: &str) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("current", current), ("password", new), ("again", new)])
        .finish();
    let request = post_form("/account/password").header(COOKIE, cookie);
    ask(harness, request, Body::from(form)).await
}

/// Posts the form that ends sessions: one by its ID, or all of a list.
async fn end(harness: &Harness, cookie: &str, form: &str) -> Answer {
    let request = post_form("/account/sessions").header(COOKIE, cookie);
    ask(harness, request, Body::from(form.to_owned())).await
}

fn redirect_of(answer: &Answer) -> (StatusCode, &str) {
    (answer.status, answer.header("location"))
}

async fn page(harness: &Harness, cookie: &str) -> String {
    let request = get("/account").header(COOKIE, cookie).header(ACCEPT, "text/html");
    ask(harness, request, Body::empty()).await.body
}

/// All `Set-Cookie` headers of a response.
fn set_cookies(answer: &Answer) -> Vec<&str> {
    let all = answer.headers.get_all(SET_COOKIE).iter();
    all.map(|cookie| cookie.to_str().expect("text")).collect()
}

/// The session cookie that a response sets.
fn session_cookie(answer: &Answer) -> String {
    let cookies = set_cookies(answer);
    cookie_of(
        cookies.into_iter().find(|cookie| cookie.starts_with("ppm-email=")).expect("a session"),
    )
}

async fn is_signed_in(harness: &Harness, cookie: &str) -> bool {
    let request = get("/account").header(COOKIE, cookie).header(ACCEPT, "text/html");
    ask(harness, request, Body::empty()).await.status == StatusCode::OK
}

/// Returns the email address and session ID of every session, as an administrator sees them.
async fn sessions(harness: &Harness) -> Vec<(String, String)> {
    let who = principal("another-administrator", "", "");
    let account = harness.server.service().account(&who).await.expect("the page");
    let others = account.others.expect("an administrator sees them");
    others.into_iter().map(|row| (row.email, row.id)).collect()
}

#[tokio::test]
async fn a_new_password_replaces_the_current_one() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let changed = change(&harness, &cookie, PASSWORD, NEW).await;
    assert_eq!(redirect_of(&changed), (StatusCode::SEE_OTHER, "/account?password=changed"));
    let accounts = &harness.server.people.accounts;
    let stranger = stranger(ADDRESS);
    accounts.sign_in(EMAIL, PASSWORD.into(), &stranger).await.expect_err("it was replaced");
    accounts.sign_in(EMAIL, NEW.into(), &stranger).await.expect("it is the new one");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_keeps_this_browser_signed_in() {
    let harness = Harness::start().await.with_ada().await;
    let (here, elsewhere) = (harness.sign_in().await, harness.sign_in().await);
    let changed = change(&harness, &here, PASSWORD, NEW).await;
    assert!(is_signed_in(&harness, &session_cookie(&changed)).await);
    assert!(!is_signed_in(&harness, &elsewhere).await);
}

#[tokio::test]
async fn a_copied_session_cookie_is_refused_after_a_password_change() {
    let harness = Harness::start().await.with_ada().await;
    let copied = harness.sign_in().await;
    change(&harness, &copied, PASSWORD, NEW).await;
    assert!(!is_signed_in(&harness, &copied).await);
}

#[tokio::test]
async fn a_browser_in_which_the_password_was_changed_stays_a_known_device() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let changed = change(&harness, &cookie, PASSWORD, NEW).await;
    let device =
        set_cookies(&changed).into_iter().find(|cookie| cookie.starts_with("ppm-email-device="));
    let device = cookie_of(device.expect("the browser is given one"));
    let headers = HeaderMap::from_iter([(COOKIE, device.parse().expect("a header"))]);
    let found = DeviceCookie { https: false }.brought(&harness.server.vault, &headers);
    assert!(found.expect("it is genuine").is_of_account(&login_limits::account_key(EMAIL)));
}

#[tokio::test]
async fn a_change_with_a_wrong_current_password_is_refused_and_audited() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let refused = change(&harness, &cookie, "not the right password", NEW).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("The current password is wrong."), "{}", refused.body);
    assert!(!refused.body.contains(NEW));
    let row = harness.trail(1).await.remove(0);
    assert_eq!((row.action, row.actor.email.as_str()), (Action::PasswordNotChanged, EMAIL));
    harness.sign_in().await;
}

#[tokio::test]
async fn after_five_wrong_current_passwords_a_change_is_refused_for_15_minutes() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    for _ in 0..5 {
        let refused = change(&harness, &cookie, "not the right password", NEW).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let refused = change(&harness, &cookie, PASSWORD, NEW).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.header("retry-after"), "900");
    assert!(refused.body.contains("Try again in 15 minutes."), "{}", refused.body);
}

#[tokio::test]
async fn a_new_password_must_satisfy_the_password_rules() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    for (new, words) in [("short", "at least 12 characters"), ("password1234", "too common")] {
        let refused = change(&harness, &cookie, PASSWORD, new).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains(words), "{new}: {}", refused.body);
    }
}

#[tokio::test]
async fn two_different_new_passwords_change_nothing() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let form = format!("current={PASSWORD}&password={NEW}&again={NEW}2").replace(' ', "+");
    let request = post_form("/account/password").header(COOKIE, &cookie);
    let refused = ask(&harness, request, Body::from(form)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("The new passwords do not match."), "{}", refused.body);
}

#[tokio::test]
async fn a_request_without_a_session_changes_no_password() {
    let harness = Harness::start().await.with_ada().await;
    let answer = change(&harness, "", PASSWORD, NEW).await;
    assert_eq!(redirect_of(&answer), (StatusCode::SEE_OTHER, "/sign-in"));
    harness.sign_in().await;
}

#[tokio::test]
async fn a_session_is_shown_with_its_address_and_its_times() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    harness.clock.advance(TimeDelta::minutes(30));
    let shown = page(&harness, &cookie).await;
    for words in [ADDRESS, "This session", "2027-03-01 08:00", "2027-03-01 08:30"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[tokio::test]
async fn an_expired_session_is_not_shown() {
    let harness = Harness::start().await.with_ada().await;
    harness.sign_in().await;
    harness.clock.advance(TimeDelta::minutes(60));
    assert_eq!(sessions(&harness).await, []);
}

#[tokio::test]
async fn a_user_ends_one_of_their_sessions() {
    let harness = Harness::start().await.with_ada().await;
    let first = harness.sign_in().await;
    let [(_, name)] = &sessions(&harness).await[..] else { panic!("one session") };
    let (here, third) = (harness.sign_in().await, harness.sign_in().await);
    let ended = end(&harness, &here, &format!("session={name}")).await;
    assert_eq!(redirect_of(&ended), (StatusCode::SEE_OTHER, "/account?ended=1"));
    assert!(!is_signed_in(&harness, &first).await);
    assert!(is_signed_in(&harness, &here).await && is_signed_in(&harness, &third).await);
}

#[tokio::test]
async fn a_user_ends_all_of_their_other_sessions() {
    let harness = Harness::start().await.with_ada().await;
    harness.add(GRACE, "Grace Hopper").await;
    let grace = sign_in(&harness.server.people.accounts, GRACE).await;
    let (here, elsewhere) = (harness.sign_in().await, harness.sign_in().await);
    let ended = end(&harness, &here, "all=mine").await;
    assert_eq!(redirect_of(&ended), (StatusCode::SEE_OTHER, "/account?ended=1"));
    assert!(!is_signed_in(&harness, &elsewhere).await);
    assert!(is_signed_in(&harness, &here).await && is_signed_in(&harness, &grace).await);
}

#[tokio::test]
async fn a_session_that_could_not_be_deleted_is_not_reported_as_ended() {
    let harness = Harness::start().await.with_ada().await;
    let elsewhere = harness.sign_in().await;
    let here = harness.sign_in().await;
    refuse(harness.folder.path(), "DELETE", "session").await;
    let ended = end(&harness, &here, "all=mine").await;
    assert_eq!(ended.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ended.body.contains("Not every session could be ended"), "{}", ended.body);
    assert!(!is_signed_in(&harness, &elsewhere).await, "this process refuses it at once");
}

#[tokio::test]
async fn a_reader_neither_sees_nor_ends_sessions_of_other_users() {
    let harness = Harness::start().await.with_ada().await;
    harness.add_as(Role::Reader, GRACE, "Grace Hopper").await;
    let ada = harness.sign_in().await;
    let [(_, name)] = &sessions(&harness).await[..] else { panic!("one session") };
    let grace = sign_in(&harness.server.people.accounts, GRACE).await;
    assert!(!page(&harness, &grace).await.contains(EMAIL));
    for form in [format!("session={name}"), "all=others".to_owned()] {
        let ended = end(&harness, &grace, &form).await;
        assert_eq!(redirect_of(&ended), (StatusCode::SEE_OTHER, "/account?ended=0"), "{form}");
    }
    assert!(is_signed_in(&harness, &ada).await);
}

#[tokio::test]
async fn an_administrator_ends_sessions_of_other_users_and_that_is_audited() {
    let harness = Harness::start().await.with_ada().await;
    harness.add(GRACE, "Grace Hopper").await;
    let (ada, grace) =
        (harness.sign_in().await, sign_in(&harness.server.people.accounts, GRACE).await);
    assert!(page(&harness, &ada).await.contains(GRACE));
    let ended = end(&harness, &ada, "all=others").await;
    assert_eq!(redirect_of(&ended), (StatusCode::SEE_OTHER, "/account?ended=1"));
    let row = harness.trail(1).await.remove(0);
    assert_eq!((row.action, row.actor.email.as_str()), (Action::SessionEnded, EMAIL));
    assert!(!is_signed_in(&harness, &grace).await);
    assert!(is_signed_in(&harness, &ada).await);
    let detail = row.detail.expect("whose");
    assert!(detail.starts_with(&format!("{GRACE} (")), "{detail}");
}

#[tokio::test]
async fn an_audit_row_names_address_identity_and_session() {
    let harness = Harness::start().await.with_ada().await;
    harness.sign_in().await;
    let [(_, name)] = &sessions(&harness).await[..] else { panic!("one session") };
    let actor = harness.trail(1).await.remove(0).actor;
    assert_eq!(actor.address.as_deref(), Some(ADDRESS));
    assert_eq!((actor.issuer, actor.session.as_ref()), (None, Some(name)));
    let subject = actor.subject.expect("who it is, whatever the address becomes");
    assert!(Principal::is_local_id(&subject), "{subject}");
}

#[tokio::test]
async fn the_id_of_a_session_is_not_its_token() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let [(_, name)] = &sessions(&harness).await[..] else { panic!("one session") };
    assert!(!cookie.contains(name.as_str()));
    assert!(!is_signed_in(&harness, &format!("ppm-email={name}")).await);
}
