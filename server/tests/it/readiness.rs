//! `/ready` reports by codes whether a process is ready, and probes the database at most every 5 s.

use std::{sync::Arc, time::Duration};

use axum::{Router, http::StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use domain::secret::Destination;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use vault::{Vault, clock::Clock};

use crate::support::databases::{connection, count_rows};
use crate::support::harness::{Answer, EMAIL, Harness, get, principal};
use crate::support::pages::page;
use crate::support::program::READY;
use crate::support::test_doubles::SeededRandomness;

/// How long the result of a probe is used.
const PROBE_EVERY: Duration = Duration::from_secs(5);

async fn ready(harness: &Harness) -> Answer {
    harness.ask(Router::new(), get("/ready")).await
}

async fn expect_not_ready(harness: &Harness, reason: &str) {
    let expected = format!(r#"{{"code":"not-ready","reasons":["{reason}"]}}"#);
    let answer = ready(harness).await;
    assert_eq!(answer.content(), (StatusCode::SERVICE_UNAVAILABLE, expected.as_str()));
}

async fn probed_at(harness: &Harness) -> i64 {
    let written = sqlx::query_scalar("SELECT written_at FROM readiness_probe");
    let written = written.fetch_one(&mut connection(harness.folder.path()).await).await;
    written.expect("there is one row")
}

#[tokio::test]
async fn a_ready_server_says_so_and_nothing_else() {
    let answer = ready(&Harness::start().await).await;
    assert_eq!(answer.content(), (StatusCode::OK, READY));
}

#[tokio::test]
async fn a_server_whose_database_is_closed_is_not_ready() {
    let harness = Harness::start().await;
    harness.server.store.close().await;
    expect_not_ready(&harness, "database-unavailable").await;
}

#[tokio::test]
async fn a_server_that_lacks_the_key_of_a_value_is_not_ready() {
    let harness = Harness::start().await;
    let other = Vault::new(&[7; 32], Arc::new(SeededRandomness::new(7)));
    let sealed = other.seal("password", &Destination::Unbound, &"a secret".into());
    harness.server.vault.open("password", &Destination::Unbound, &sealed).expect_err("no key");
    expect_not_ready(&harness, "key-unknown").await;
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
    let ada = principal("1", EMAIL, EMAIL);
    let soon: DateTime<Utc> = harness.clock.now() + TimeDelta::seconds(75);
    assert!(harness.begin_run("run", &ada, soon).await);
    harness.clock.advance(TimeDelta::seconds(76));
    let page = page(&harness, "/settings/email/history", &harness.sign_in().await).await;
    assert!(page.body.contains("Interrupted"), "{}", page.body);
    assert_eq!(count_rows(harness.folder.path(), "run WHERE outcome IS NULL").await, 1);
}
