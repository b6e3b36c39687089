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
    ADDRESS, Answer, EMAIL, Harness, PASSWORD, anonymous_caller, cookie_of, get, post_form,
    principal,
};
use crate::support::pages::ask;

const GRACE: &str = "grace@example.com";
const NEW: &str = "seven quiet lighthouse keepers";

/// Posts the form that changes the password.
async fn change(harness: &Harness, cookie: &str, current: &str, new: &str) -> Answer {
    change_to(harness, cookie, current, [new, new]).await
}

async fn change_to(harness: &Harness, cookie: &str, current: &str, new: [&str; 2]) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("current", current), ("password", new[0]), ("again", new[1])])
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

async fn page(harness: &Harness, cookie: &str) -> Answer {
    let request = get("/account").header(COOKIE, cookie).header(ACCEPT, "text/html");
    ask(harness, request, Body::empty()).await
}

/// The cookie with this name that a response sets.
fn given_cookie(answer: &Answer, name: &str) -> String {
    let all = answer.headers.get_all(SET_COOKIE).iter();
    let mut pairs = all.map(|cookie| cookie_of(cookie.to_str().expect("text")));
    let found = pairs.find(|pair| pair.split_once('=').is_some_and(|(named, _)| named == name));
    found.expect("the browser is given one")
}

async fn is_signed_in(harness: &Harness, cookie: &str) -> bool {
    page(harness, cookie).await.status == StatusCode::OK
}

/// A server with Ada's account, and a session of hers.
async fn signed_in() -> (Harness, String) {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    (harness, cookie)
}

async fn grace_signs_in(harness: &Harness) -> String {
    sign_in(&harness.server.people.accounts, GRACE).await
}

/// Asserts that the latest audit row is this action of Ada, and returns its detail.
async fn audited(harness: &Harness, action: Action) -> Option<String> {
    let row = harness.trail(1).await.remove(0);
    assert_eq!((row.action, row.actor.email.as_str()), (action, EMAIL));
    row.detail
}

/// Returns the email address and session ID of every session, as an administrator sees them.
async fn sessions(harness: &Harness) -> Vec<(String, String)> {
    let who = principal("another-administrator", "", "");
    let account = harness.server.service().account(&who).await.expect("the page");
    let others = account.others.expect("an administrator sees them");
    others.into_iter().map(|row| (row.email, row.id)).collect()
}

/// The ID of the only session.
async fn session_id(harness: &Harness) -> String {
    let [(_, id)] = <[_; 1]>::try_from(sessions(harness).await).expect("one session");
    id
}

#[tokio::test]
async fn a_new_password_replaces_the_current_one() {
    let (harness, cookie) = signed_in().await;
    let changed = change(&harness, &cookie, PASSWORD, NEW).await;
    assert_eq!(redirect_of(&changed), (StatusCode::SEE_OTHER, "/account?password=changed"));
    let accounts = &harness.server.people.accounts;
    let caller = anonymous_caller(ADDRESS);
    accounts.sign_in(EMAIL, PASSWORD.into(), &caller).await.expect_err("it was replaced");
    accounts.sign_in(EMAIL, NEW.into(), &caller).await.expect("it is the new one");
}

#[tokio::test]
async fn a_new_password_ends_every_session_and_signs_this_browser_in_with_a_new_cookie() {
    let (harness, here) = signed_in().await;
    let there = harness.sign_in().await;
    let changed = change(&harness, &here, PASSWORD, NEW).await;
    assert!(is_signed_in(&harness, &given_cookie(&changed, "ppm-email")).await);
    // The old cookie of this browser may be a copy.
    for cookie in [here, there] {
        assert!(!is_signed_in(&harness, &cookie).await);
    }
}

#[tokio::test]
async fn a_browser_in_which_the_password_was_changed_stays_a_known_device() {
    let (harness, cookie) = signed_in().await;
    let changed = change(&harness, &cookie, PASSWORD, NEW).await;
    let device = given_cookie(&changed, "ppm-email-device");
    let headers = HeaderMap::from_iter([(COOKIE, device.parse().expect("a header"))]);
    let found = DeviceCookie { https: false }.brought(&harness.server.vault, &headers);
    assert!(found.expect("it is genuine").is_of_account(&login_limits::account_key(EMAIL)));
}

#[tokio::test]
async fn a_change_with_a_wrong_current_or_an_unacceptable_new_password_is_refused_and_repeats_none()
{
    let (harness, cookie) = signed_in().await;
    let wrong = "not the right password";
    let other = "seven quiet lighthouse keepers 2";
    for (current, new, words) in [
        (wrong, [NEW, NEW], "The current password is wrong."),
        (PASSWORD, ["short", "short"], "at least 12 characters"),
        (PASSWORD, ["password1234", "password1234"], "too common"),
        (PASSWORD, [NEW, other], "The new passwords do not match."),
    ] {
        let refused = change_to(&harness, &cookie, current, new).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains(words), "{words}: {}", refused.body);
        assert!(!refused.body.contains(NEW));
        if current == wrong {
            audited(&harness, Action::PasswordNotChanged).await;
        }
    }
    harness.sign_in().await;
}

#[tokio::test]
async fn after_five_wrong_current_passwords_a_change_is_refused_for_15_minutes() {
    let (harness, cookie) = signed_in().await;
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
async fn a_request_without_a_session_changes_no_password() {
    let harness = Harness::start().await.with_ada().await;
    let answer = change(&harness, "", PASSWORD, NEW).await;
    assert_eq!(redirect_of(&answer), (StatusCode::SEE_OTHER, "/sign-in"));
    harness.sign_in().await;
}

#[tokio::test]
async fn a_session_is_shown_with_its_address_and_its_times_until_it_expires() {
    let (harness, cookie) = signed_in().await;
    harness.clock.advance(TimeDelta::minutes(30));
    let shown = page(&harness, &cookie).await.body;
    for words in [ADDRESS, "This session", "2027-03-01 08:00", "2027-03-01 08:30"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    harness.clock.advance(TimeDelta::minutes(60));
    assert_eq!(sessions(&harness).await, []);
}

#[tokio::test]
async fn a_user_ends_one_or_all_of_their_other_sessions() {
    let (harness, first) = signed_in().await;
    let id = session_id(&harness).await;
    harness.add(GRACE, "Grace Hopper").await;
    let grace = grace_signs_in(&harness).await;
    let (here, third) = (harness.sign_in().await, harness.sign_in().await);
    for (form, ended, kept) in [
        (format!("session={id}"), &first, [&here, &third, &grace]),
        ("all=mine".to_owned(), &third, [&here, &here, &grace]),
    ] {
        let answer = end(&harness, &here, &form).await;
        assert_eq!(redirect_of(&answer), (StatusCode::SEE_OTHER, "/account?ended=1"));
        assert!(!is_signed_in(&harness, ended).await, "{form}");
        for kept in kept {
            assert!(is_signed_in(&harness, kept).await, "{form}");
        }
    }
}

#[tokio::test]
async fn a_session_that_could_not_be_deleted_is_not_reported_as_ended() {
    let (harness, there) = signed_in().await;
    let here = harness.sign_in().await;
    refuse(harness.folder.path(), "DELETE", "session").await;
    let ended = end(&harness, &here, "all=mine").await;
    assert_eq!(ended.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ended.body.contains("Not every session could be ended"), "{}", ended.body);
    assert!(!is_signed_in(&harness, &there).await, "this process refuses it at once");
}

#[tokio::test]
async fn a_reader_neither_sees_nor_ends_sessions_of_other_users() {
    let harness = Harness::start().await.with_ada().await;
    harness.add_as(Role::Reader, GRACE, "Grace Hopper").await;
    let ada = harness.sign_in().await;
    let id = session_id(&harness).await;
    let grace = grace_signs_in(&harness).await;
    assert!(!page(&harness, &grace).await.body.contains(EMAIL));
    for form in [format!("session={id}"), "all=others".to_owned()] {
        let ended = end(&harness, &grace, &form).await;
        assert_eq!(redirect_of(&ended), (StatusCode::SEE_OTHER, "/account?ended=0"), "{form}");
    }
    assert!(is_signed_in(&harness, &ada).await);
}

#[tokio::test]
async fn an_administrator_ends_sessions_of_other_users_and_that_is_audited() {
    let harness = Harness::start().await.with_ada().await;
    harness.add(GRACE, "Grace Hopper").await;
    let (ada, grace) = (harness.sign_in().await, grace_signs_in(&harness).await);
    assert!(page(&harness, &ada).await.body.contains(GRACE));
    let ended = end(&harness, &ada, "all=others").await;
    assert_eq!(redirect_of(&ended), (StatusCode::SEE_OTHER, "/account?ended=1"));
    let whose = audited(&harness, Action::SessionEnded).await.expect("the audit detail");
    assert!(!is_signed_in(&harness, &grace).await);
    assert!(is_signed_in(&harness, &ada).await);
    assert!(whose.starts_with(&format!("{GRACE} (")), "{whose}");
}

#[tokio::test]
async fn an_audit_row_names_address_identity_and_session_by_an_id_that_is_not_its_token() {
    let (harness, cookie) = signed_in().await;
    let id = session_id(&harness).await;
    let actor = harness.trail(1).await.remove(0).actor;
    assert_eq!(actor.address.as_deref(), Some(ADDRESS));
    assert_eq!((actor.issuer, actor.session.as_ref()), (None, Some(&id)));
    let subject = actor.subject.expect("an id that no change of the address affects");
    assert!(Principal::is_local_id(&subject), "{subject}");
    assert!(!cookie.contains(&id));
    assert!(!is_signed_in(&harness, &format!("ppm-email={id}")).await);
}
