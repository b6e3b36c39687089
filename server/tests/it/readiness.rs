//! `/ready` says in codes whether a process can do all of its work, and asks the database seldom.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use domain::secret::Destination;
use server::clock::Clock;
use server::vault::Vault;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::support::databases::{connection, database_url};
use crate::support::doubles::SeededRandomness;
use crate::support::harness::{Answer, EMAIL, Harness, PASSWORD, get};
use crate::support::program::{Browser, Serving, add_administrator_to};

/// How long an answer of a probe counts.
const PROBE_EVERY: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_mins(1);

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
async fn whoever_asks_learns_that_a_server_is_ready_and_nothing_else() {
    let answer = ready(&Harness::start().await).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, r#"{"code":"ok"}"#));
}

#[tokio::test]
async fn a_server_whose_database_is_gone_is_not_ready() {
    let harness = Harness::start().await;
    harness.server.store.close().await;
    let answer = ready(&harness).await;
    let expected = r#"{"code":"not-ready","reasons":["database-unavailable"]}"#;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, expected));
}

#[tokio::test]
async fn a_server_that_met_a_value_of_a_key_that_it_lacks_is_not_ready() {
    let harness = Harness::start().await;
    let other = Vault::new(&[7; 32], Arc::new(SeededRandomness::new(7)));
    let sealed = other.seal("password", &Destination::Nowhere, &"a secret".into());
    harness.server.vault.open("password", &Destination::Nowhere, &sealed).expect_err("no key");
    let answer = ready(&harness).await;
    let expected = r#"{"code":"not-ready","reasons":["key-unknown"]}"#;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, expected));
}

#[tokio::test]
async fn however_many_ask_within_five_seconds_one_write_answers_them_all() {
    let harness = Harness::start().await;
    // A machine that is too busy for this is asked again.
    loop {
        let begun = Instant::now();
        let first = harness.clock.now().timestamp_millis();
        let mut asking = JoinSet::new();
        for _ in 0..50 {
            let (server, now) = (harness.server.clone(), harness.clock.now());
            asking.spawn(async move { server.readiness.probed(&server.store, now).await });
            harness.clock.advance(TimeDelta::milliseconds(1));
        }
        assert!(asking.join_all().await.iter().all(Vec::is_empty));
        let last = probed_at(&harness).await;
        if begun.elapsed() < PROBE_EVERY {
            assert_eq!(last, first);
            break;
        }
        sleep(PROBE_EVERY).await;
    }
    assert_eq!(rows(harness.folder.path(), "readiness_probe").await, 1);
}

async fn rows(folder: &Path, table: &str) -> i64 {
    let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    let row = sqlx::query(sql).fetch_one(&mut connection(folder).await).await;
    row.expect("the table is there").get(0)
}

/// Lets the database of a folder take writes or not, from the next connection of anybody on.
async fn set_read_only(folder: &Path, is_read_only: bool) {
    let url = database_url(folder).await;
    let (server, name) = url.rsplit_once('/').expect("the URL ends with a database");
    let mut connection =
        AnyConnection::connect(&format!("{server}/postgres")).await.expect("it answers");
    let setting = if is_read_only { "on" } else { "off" };
    let alter = format!("ALTER DATABASE {name} SET default_transaction_read_only = {setting}");
    sqlx::raw_sql(AssertSqlSafe(alter)).execute(&mut connection).await.expect("it is the owner's");
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1")
        .bind(name)
        .execute(&mut connection)
        .await
        .expect("it is the superuser's");
}

/// Waits until `/ready` answers with this body.
async fn until_ready_says(browser: &mut Browser, body: &str) {
    let said = async {
        while browser.get("/ready").await.expect("an answer").body != body {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, said).await.expect("it says so within a minute");
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn while_postgresql_is_read_only_one_reads_and_signs_out_and_is_told_why() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let url = database_url(folder.path()).await;
    add_administrator_to(folder.path(), &url, EMAIL, PASSWORD);
    let serving = Serving::with(folder.path(), |command| {
        command.args(["--database-url", &url]);
    });
    let mut ada = Browser::at(&serving.address).await.expect("it listens");
    ada.sign_in(EMAIL, PASSWORD).await.expect("an answer");
    let session = ada.cookie.clone();
    until_ready_says(&mut ada, r#"{"code":"ok"}"#).await;

    set_read_only(folder.path(), true).await;
    let not_ready = r#"{"code":"not-ready","reasons":["database-read-only"]}"#;
    until_ready_says(&mut ada, not_ready).await;
    assert_eq!(ada.get("/health").await.expect("an answer").status, StatusCode::OK);
    assert_eq!(ada.get("/audit").await.expect("an answer").status, StatusCode::OK);
    let form = "application/x-www-form-urlencoded";
    let out = ada.ask("POST", "/sign-out", form, "").await.expect("an answer");
    assert_eq!(out.header("location"), "/sign-in");
    ada.cookie.clone_from(&session);
    let refused = ada.call("email/load", &serde_json::json!({})).await.expect("an answer");
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::UNAUTHORIZED, "session-ended".into())
    );

    set_read_only(folder.path(), false).await;
    until_ready_says(&mut ada, r#"{"code":"ok"}"#).await;
    let told = async {
        while rows(folder.path(), "ended_session").await == 0 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, told).await.expect("the database is told");
    assert_eq!(rows(folder.path(), "session").await, 0);
}

#[tokio::test]
async fn a_message_whose_process_is_gone_is_read_as_interrupted_without_a_write() {
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
