//! `/ready` reports by codes whether a process is ready, and probes the database at most every 5 s.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use domain::secret::Destination;
use sqlx::Row;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use vault::Vault;
use vault::clock::Clock;

use crate::support::databases::{connection, count_rows};
use crate::support::harness::{Answer, EMAIL, Harness, get};
use crate::support::test_doubles::SeededRandomness;

/// How long the result of a probe is used.
const PROBE_EVERY: Duration = Duration::from_secs(5);

async fn ready(harness: &Harness) -> Answer {
    harness.ask(Router::new(), get("/ready")).await
}

/// When the database was last probed.
async fn probed_at(harness: &Harness) -> i64 {
    let row = sqlx::query("SELECT written_at FROM readiness_probe")
        .fetch_one(&mut connection(harness.folder.path()).await)
        .await;
    row.expect("there is one row").get(0)
}

#[tokio::test]
async fn a_ready_server_says_so_and_nothing_else() {
    let answer = ready(&Harness::start().await).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, r#"{"code":"ok"}"#));
}

#[tokio::test]
async fn a_server_whose_database_is_closed_is_not_ready() {
    let harness = Harness::start().await;
    harness.server.store.close().await;
    let answer = ready(&harness).await;
    let expected = r#"{"code":"not-ready","reasons":["database-unavailable"]}"#;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, expected));
}

#[tokio::test]
async fn a_server_that_lacks_the_key_of_a_value_is_not_ready() {
    let harness = Harness::start().await;
    let other = Vault::new(&[7; 32], Arc::new(SeededRandomness::new(7)));
    let sealed = other.seal("password", &Destination::Unbound, &"a secret".into());
    harness.server.vault.open("password", &Destination::Unbound, &sealed).expect_err("no key");
    let answer = ready(&harness).await;
    let expected = r#"{"code":"not-ready","reasons":["key-unknown"]}"#;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, expected));
}

#[tokio::test]
async fn requests_within_five_seconds_share_one_write() {
    let harness = Harness::start().await;
    // Repeated on a machine that is too busy to finish within the interval.
    loop {
        let begun = Instant::now();
        let first = harness.clock.now().timestamp_millis();
        let mut requests = JoinSet::new();
        for _ in 0..50 {
            let (server, now) = (harness.server.clone(), harness.clock.now());
            requests.spawn(async move { server.readiness.probed(&server.store, now).await });
            harness.clock.advance(TimeDelta::milliseconds(1));
        }
        assert!(requests.join_all().await.iter().all(Vec::is_empty));
        let last = probed_at(&harness).await;
        if begun.elapsed() < PROBE_EVERY {
            assert_eq!(last, first);
            break;
        }
        sleep(PROBE_EVERY).await;
    }
    assert_eq!(count_rows(harness.folder.path(), "readiness_probe").await, 1);
}

#[tokio::test]
async fn a_message_whose_process_has_died_is_shown_as_interrupted_without_a_write() {
    let harness = Harness::start().await.with_ada().await;
    let ada = crate::support::harness::principal("1", EMAIL, EMAIL);
    let soon: DateTime<Utc> = harness.clock.now() + TimeDelta::seconds(75);
    assert!(harness.begin_run("run", &ada, soon).await);
    harness.clock.advance(TimeDelta::seconds(76));
    let cookie = harness.sign_in().await;
    let request = get("/settings/email/history").header("cookie", cookie);
    let page = crate::support::pages::ask(&harness, request, axum::body::Body::empty()).await;
    assert!(page.body.contains("Interrupted"), "{}", page.body);
    let row = sqlx::query("SELECT COUNT(*) FROM run WHERE outcome IS NULL")
        .fetch_one(&mut connection(harness.folder.path()).await)
        .await;
    assert_eq!(row.expect("the table is there").get::<i64, _>(0), 1);
}
