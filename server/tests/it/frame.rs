//! The pages around the tab: access and content.

use axum::body::Body;
use axum::http::{StatusCode, header};
use chrono::TimeDelta;
use domain::time_format::{ClockStyle, DatePattern, TimePreference};
use store::audit::{self, Action, Actor, Entry};
use store::time_preferences;

use crate::support::harness::{Answer, EMAIL, Harness, NAME, get, post_form, principal, trail};
use crate::support::pages::ask;

async fn page(harness: &Harness, path: &str) -> Answer {
    let request = get(path).header(header::COOKIE, harness.sign_in().await);
    ask(harness, request, Body::empty()).await
}

/// The only user's stored time preferences.
async fn kept_preferences(harness: &Harness) -> Option<TimePreference> {
    let store = &harness.server.store;
    let people = store::people::list(store).await.expect("the people");
    time_preferences::get(store, &people[0].id).await.expect("the preferences")
}

/// Posts the form of My Preferences, Time.
async fn save_preferences(harness: &Harness, form: &'static str) -> Answer {
    let request = post_form("/preferences/time").header(header::COOKIE, harness.sign_in().await);
    ask(harness, request, Body::from(form)).await
}

async fn add_audit_row(harness: &Harness, email: &str, detail: &str) {
    let actor = Actor::named(email, NAME);
    let detail = Some(detail.to_owned());
    let at = chrono::DateTime::from(std::time::UNIX_EPOCH) + TimeDelta::days(20_000);
    let entry = Entry { detail, ..Entry::new(at, actor, Action::PersonAdded) };
    audit::record(&harness.server.store, &entry).await.expect("the database answers");
}

#[tokio::test]
async fn unauthenticated_requests_are_redirected_to_sign_in() {
    let harness = Harness::start().await.with_ada().await;
    for path in ["/settings/email/history", "/audit", "/preferences/time"] {
        let request = get(path).header(header::ACCEPT, "text/html");
        let answer = ask(&harness, request, Body::empty()).await;
        let target = format!("/sign-in?to={path}");
        assert_eq!((answer.status, answer.header("location")), (StatusCode::FOUND, &*target));
        assert!(!answer.body.contains(EMAIL), "{}", answer.body);
    }
    let form = Body::from("pattern=YYYY-MM-DD&clock=24&zone=UTC");
    let answer = ask(&harness, post_form("/preferences/time"), form).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
}

#[tokio::test]
async fn preferences_are_stored_per_user_and_audited() {
    let harness = Harness::start().await.with_ada().await;
    let answer =
        save_preferences(&harness, "pattern=DD-Mon-YYYY&clock=12&zone=europe%2Fberlin").await;
    let found = (answer.status, answer.header("location"));
    assert_eq!(found, (StatusCode::SEE_OTHER, "/preferences/time?saved=yes"));

    let zone = "Europe/Berlin".to_owned();
    let (pattern, clock) = (DatePattern::DayMonthNameYear, ClockStyle::TwelveHours);
    let expected = Some(TimePreference { pattern, clock, zone });
    assert_eq!(kept_preferences(&harness).await, expected);
    let store = &harness.server.store;
    assert_eq!(time_preferences::get(store, "another").await.expect("the preferences"), None);
    let rows = trail(store, 1).await;
    assert_eq!((rows[0].action, rows[0].actor.email.as_str()), (Action::PreferencesSaved, EMAIL));
}

#[tokio::test]
async fn an_unknown_time_zone_changes_nothing() {
    let harness = Harness::start().await.with_ada().await;
    let answer =
        save_preferences(&harness, "pattern=DD-Mon-YYYY&clock=12&zone=%3Cb%3EAtlantis").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("No time zone matches."), "{}", answer.body);
    assert!(answer.body.contains("&lt;b&gt;Atlantis"), "{}", answer.body);
    assert_eq!(kept_preferences(&harness).await, None);
}

#[tokio::test]
async fn the_audit_trail_is_paginated() {
    let harness = Harness::start().await.with_ada().await;
    for number in 0..60 {
        add_audit_row(&harness, "old@example.com", &format!("row-{number}-")).await;
    }
    let newest = page(&harness, "/audit?person=old%40example.com").await.body;
    assert!(newest.contains("row-59-") && newest.contains("row-10-") && !newest.contains("row-9-"));
    let (_, rest) = newest.split_once("/audit?").expect("a link to older rows");
    let query = rest.split('"').next().expect("the link ends").replace("&amp;", "&");
    assert!(query.contains("before=") && query.contains("person="), "{query}");
    let older = page(&harness, &format!("/audit?{query}")).await.body;
    assert!(older.contains("row-9-") && older.contains("row-0-") && !older.contains("row-10-"));
    assert!(!older.contains(">Older<"), "{older}");
}

#[tokio::test]
async fn a_day_of_the_audit_trail_is_a_day_in_the_users_time_zone() {
    let harness = Harness::start().await.with_ada().await;
    // 2024-10-04 00:00 UTC, which is the evening of the third in New York.
    add_audit_row(&harness, "old@example.com", "at-midnight").await;
    let has = async |day: &str| {
        page(&harness, &format!("/audit?day={day}")).await.body.contains("at-midnight")
    };
    assert_eq!((has("2024-10-03").await, has("2024-10-04").await), (false, true));
    save_preferences(&harness, "pattern=YYYY-MM-DD&clock=24&zone=America%2FNew_York").await;
    assert_eq!((has("2024-10-03").await, has("2024-10-04").await), (true, false));
}

#[tokio::test]
async fn the_audit_trail_shows_seconds_in_the_users_format() {
    let harness = Harness::start().await.with_ada().await;
    add_audit_row(&harness, "old@example.com", "at-midnight").await;
    let shows = async |time: &str| {
        page(&harness, "/audit?person=old%40example.com").await.body.contains(time)
    };
    assert!(shows("2024-10-04 00:00:00 UTC").await);
    save_preferences(&harness, "pattern=DD.MM.YYYY&clock=12&zone=UTC").await;
    assert!(shows("04.10.2024 12:00:00 AM UTC").await);
}

#[tokio::test]
async fn an_invalid_filter_shows_the_whole_trail() {
    let harness = Harness::start().await.with_ada().await;
    let answer = page(&harness, "/audit?day=31.12.&before=x&person=").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("Signed in"), "{}", answer.body);
}

#[tokio::test]
async fn the_history_shows_the_last_ten_runs() {
    let harness = Harness::start().await.with_ada().await;
    for number in 0..11 {
        let address = format!("number-{number}-@example.com");
        let who = principal(&format!("person-{number}"), &address, NAME);
        let at = harness.server.clock.now();
        assert!(harness.begin_run(&who.id, &who, at).await);
        harness.clock.advance(TimeDelta::seconds(1));
    }
    let body = page(&harness, "/settings/email/history").await.body;
    assert!(body.contains("number-10-") && body.contains("number-1-"), "{body}");
    assert!(!body.contains("number-0-"), "{body}");
}
