//! The set-up link works once, for ten minutes, and only while there is no administrator.

use axum::body::Body;
use axum::http::{StatusCode, header};
use chrono::TimeDelta;
use server::identity::SignedIn;
use server::identity::accounts::SetUpError;
use store::{audit::Action, people};

use crate::support::harness::{
    ADDRESS, Answer, EMAIL, FORM, Harness, NAME, PASSWORD, anonymous_caller,
};
use crate::support::pages::{ask, page, submit};

async fn ticket(harness: &Harness) -> String {
    let ticket = harness.accounts().open_set_up().await.expect("the database answers");
    ticket.expect("there is no administrator yet")
}

async fn become_first(harness: &Harness, ticket: &str) -> Result<SignedIn, SetUpError> {
    let caller = anonymous_caller(ADDRESS);
    harness.accounts().set_up(ticket, EMAIL, NAME, PASSWORD.into(), &caller).await
}

async fn page_status(harness: &Harness, ticket: &str) -> StatusCode {
    page(harness, &format!("/set-up?ticket={ticket}"), "").await.status
}

/// Asserts that neither the page nor the form accepts this link.
async fn expect_invalid(harness: &Harness, ticket: &str) {
    assert_eq!(page_status(harness, ticket).await, StatusCode::GONE);
    let refused = become_first(harness, ticket).await;
    assert!(matches!(refused, Err(SetUpError::LinkOver)), "{refused:?}");
}

/// Posts the form as a browser does.
async fn send(harness: &Harness, ticket: &str, password: &str, again: &str) -> Answer {
    let form = format!(
        "ticket={ticket}&email=ada%40example.com&name=Ada+Lovelace&password={password}&again={again}"
    );
    submit(harness, "/set-up", "", form).await
}

#[tokio::test]
async fn the_link_creates_the_administrator_and_signs_in() {
    let harness = Harness::start().await;
    let (ticket, password) = (ticket(&harness).await, "correct+horse+battery");
    let answer = send(&harness, &ticket, password, password).await;
    assert_eq!(answer.redirect(), (StatusCode::SEE_OTHER, "/settings/email"));
    assert!(answer.headers.contains_key(header::SET_COOKIE));
    let people = people::list(&harness.server.store).await.expect("the people");
    assert_eq!(people[0].email, EMAIL);
    let rows = harness.trail(9).await;
    assert_eq!((rows.len(), rows[0].action), (1, Action::SetUp));
    assert_eq!((rows[0].actor.email.as_str(), rows[0].actor.name.as_str()), (EMAIL, NAME));
}

#[tokio::test]
async fn a_link_works_once() {
    let harness = Harness::start().await;
    let ticket = ticket(&harness).await;
    become_first(&harness, &ticket).await.expect("the first time");
    expect_invalid(&harness, &ticket).await;
}

#[tokio::test]
async fn of_two_concurrent_requests_one_creates_the_administrator() {
    let harness = Harness::start().await;
    let (one, other) = (ticket(&harness).await, ticket(&harness).await);
    let (one, other) = tokio::join!(become_first(&harness, &one), become_first(&harness, &other));
    assert_eq!([one, other].iter().filter(|end| end.is_ok()).count(), 1);
    assert_eq!(people::list(&harness.server.store).await.expect("the people").len(), 1);
}

#[tokio::test]
async fn a_link_works_for_ten_minutes() {
    let harness = Harness::start().await;
    let ticket = ticket(&harness).await;
    harness.clock.advance(TimeDelta::minutes(10) - TimeDelta::milliseconds(1));
    assert_eq!(page_status(&harness, &ticket).await, StatusCode::OK);
    harness.clock.advance(TimeDelta::milliseconds(1));
    expect_invalid(&harness, &ticket).await;
}

#[tokio::test]
async fn a_link_is_invalid_once_an_administrator_was_added_by_the_command_line() {
    let harness = Harness::start().await;
    let ticket = ticket(&harness).await;
    let harness = harness.with_ada().await;
    expect_invalid(&harness, &ticket).await;
}

#[tokio::test]
async fn with_an_administrator_there_is_no_link() {
    let harness = Harness::start().await.with_ada().await;
    let ticket = harness.accounts().open_set_up().await.expect("the database answers");
    assert_eq!(ticket, None);
}

#[tokio::test]
async fn a_refused_form_can_be_sent_again_with_the_same_link() {
    let harness = Harness::start().await;
    let ticket = ticket(&harness).await;
    for (password, again, words) in [
        ("short", "short", "at least 12 characters"),
        ("password1234", "password1234", "too common"),
        ("ada.lovelace", "ada.lovelace", "your name or email address"),
        ("correct+horse+battery", "correct+horse+batter", "do not match"),
    ] {
        let answer = send(&harness, &ticket, password, again).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains(words), "{}", answer.body);
        assert!(answer.body.contains(EMAIL) && answer.body.contains(NAME), "{}", answer.body);
        assert!(!answer.body.contains("horse"), "a password came back: {}", answer.body);
    }
    become_first(&harness, &ticket).await.expect("the link still works");
}

#[tokio::test]
async fn the_database_does_not_contain_the_ticket() {
    let harness = Harness::start().await;
    let ticket = ticket(&harness).await;
    for file in std::fs::read_dir(harness.folder.path()).expect("the folder") {
        let octets = std::fs::read(file.expect("an entry").path()).expect("a file");
        assert!(memchr::memmem::find(&octets, ticket.as_bytes()).is_none());
    }
}

#[tokio::test]
async fn another_site_cannot_send_the_form() {
    let harness = Harness::start().await;
    let ticket = ticket(&harness).await;
    let request = axum::http::Request::post("/set-up")
        .header(header::HOST, "ppm.example")
        .header("sec-fetch-site", "cross-site")
        .header(header::CONTENT_TYPE, FORM);
    let answer = ask(&harness, request, Body::from(format!("ticket={ticket}"))).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}
