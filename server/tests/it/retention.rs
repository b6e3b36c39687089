//! Retention: expired rows are deleted, rows that a page needs are kept.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{ApiCode, EmailService};
use domain::Principal;
use domain::delivery::{Outcome, Step};
use server::Server;
use server::config::Retention;
use server::use_cases::{delete_expired, enforce_retention};
use sqlx::AssertSqlSafe;
use store::audit::{self, Action, Actor, Entry};
use store::runs;
use vault::clock::Clock;

use crate::support::accounts::administrators;
use crate::support::databases::{connection, count_rows, execute};
use crate::support::harness::{EMAIL, Harness, NAME, completed, config, principal};
use crate::support::program::{HttpBrowser, Serving};
use crate::support::test_doubles::SeededRandomness;
use crate::support::waiting::until;

async fn keeping(audit_days: u32, message_days: u32) -> Harness {
    Harness::with(|config| config.retention = Retention { audit_days, message_days }).await
}

async fn expire(harness: &Harness) {
    delete_expired(&harness.server.cleanup()).await.expect("the database answers");
}

/// Writes an audit row with this time and detail.
async fn add_audit_row(harness: &Harness, at: DateTime<Utc>, detail: &str) {
    let detail = Some(detail.to_owned());
    let entry = Entry { detail, ..Entry::new(at, Actor::unknown(), Action::PersonAdded) };
    audit::record(&harness.server.store, &entry).await.expect("the database answers");
}

async fn details(harness: &Harness) -> Vec<String> {
    let rows = harness.trail(2_000).await;
    rows.into_iter().filter_map(|row| row.detail).collect()
}

fn person(number: u32) -> Principal {
    principal(&format!("person-{number}"), EMAIL, NAME)
}

/// Stores an ended test message of this user.
async fn sent(harness: &Harness, id: &str, who: &Principal) {
    let gone_after = harness.clock.now() + TimeDelta::minutes(5);
    assert!(harness.begin_run(id, who, gone_after).await);
    let store = &harness.server.store;
    runs::record(store, id, 0, &completed(Step::Connection)).await.expect("the database answers");
    runs::finish(store, id, &Outcome::Interrupted).await.expect("the database answers");
}

/// Those of these test messages that are stored.
async fn kept<const N: usize>(harness: &Harness, ids: [&str; N]) -> Vec<String> {
    let mut kept = Vec::new();
    for id in ids {
        kept.extend(runs::get(&harness.server.store, id).await.expect("the database answers"));
    }
    kept.into_iter().map(|kept| kept.run.id).collect()
}

#[tokio::test]
async fn audit_rows_older_than_configured_are_deleted() {
    let harness = keeping(400, 90).await;
    let now = harness.clock.now();
    add_audit_row(&harness, now - TimeDelta::days(400) - TimeDelta::seconds(1), "too old").await;
    add_audit_row(&harness, now - TimeDelta::days(400) + TimeDelta::seconds(1), "old").await;
    add_audit_row(&harness, now, "new").await;
    expire(&harness).await;
    assert_eq!(details(&harness).await, ["new", "old"]);
}

#[tokio::test]
async fn with_zero_days_everything_is_kept_for_ever() {
    let harness = keeping(0, 0).await;
    add_audit_row(&harness, harness.clock.now() - TimeDelta::days(10_000), "ancient").await;
    sent(&harness, "first", &person(1)).await;
    harness.clock.advance(TimeDelta::days(10_000));
    sent(&harness, "second", &person(1)).await;
    expire(&harness).await;
    assert!(details(&harness).await.contains(&"ancient".to_owned()));
    assert_eq!(kept(&harness, ["first", "second"]).await, ["first", "second"]);
}

#[tokio::test]
async fn test_messages_older_than_configured_are_deleted_with_their_steps() {
    let harness = keeping(400, 90).await;
    sent(&harness, "too-old", &person(1)).await;
    harness.clock.advance(TimeDelta::seconds(2));
    sent(&harness, "old", &person(1)).await;
    harness.clock.advance(TimeDelta::days(90) - TimeDelta::seconds(1));
    sent(&harness, "new", &person(1)).await;
    expire(&harness).await;
    assert_eq!(kept(&harness, ["too-old", "old", "new"]).await, ["old", "new"]);
    assert_eq!(count_rows(harness.folder.path(), "run_step").await, 2);
}

#[tokio::test]
async fn the_latest_message_of_each_user_and_a_running_one_are_kept() {
    let harness = keeping(400, 90).await;
    sent(&harness, "adas-first", &person(1)).await;
    sent(&harness, "graces-only", &person(2)).await;
    let hedy = person(3);
    let far = harness.clock.now() + TimeDelta::days(1_000);
    assert!(harness.begin_run("hedys-under-way", &hedy, far).await);
    harness.clock.advance(TimeDelta::seconds(1));
    sent(&harness, "adas-latest", &person(1)).await;
    harness.clock.advance(TimeDelta::days(500));
    expire(&harness).await;
    let [first, others @ ..] = ["adas-first", "adas-latest", "graces-only", "hedys-under-way"];
    assert_eq!(kept(&harness, [first]).await, [""; 0]);
    assert_eq!(kept(&harness, others).await, others);
}

#[tokio::test]
async fn a_message_whose_process_has_died_is_ended_and_later_deleted() {
    let harness = keeping(400, 90).await;
    let soon = harness.clock.now() + TimeDelta::minutes(1);
    assert!(harness.begin_run("lost", &person(1), soon).await);
    harness.clock.advance(TimeDelta::minutes(5));
    expire(&harness).await;
    sent(&harness, "next", &person(1)).await;
    harness.clock.advance(TimeDelta::days(91));
    expire(&harness).await;
    assert_eq!(kept(&harness, ["lost", "next"]).await, ["next"]);
}

#[tokio::test]
async fn a_deleted_message_is_not_found() {
    let harness = keeping(400, 90).await;
    sent(&harness, "gone", &person(1)).await;
    harness.clock.advance(TimeDelta::seconds(1));
    sent(&harness, "latest", &person(1)).await;
    harness.clock.advance(TimeDelta::days(91));
    expire(&harness).await;
    let service = harness.server.service();
    let gone = service.run(&person(1), "gone").await.expect_err("it is gone");
    assert_eq!(gone, ApiCode::NotFound);
}

/// Tables whose rows expire, the columns of a row, its values with a time, and how long it is kept.
const EXPIRING: [(&str, &str, &str, TimeDelta); 7] = [
    ("sign_in_attempt", "account, source, at", "'a', '192.0.2.1', $1", TimeDelta::minutes(15)),
    (
        "foreign_sign_in",
        "state_hash, browser_hash, address, nonce_hash, verifier, redirect_uri, destination, expires_at",
        "'STATE', 'b', '192.0.2.1', 'n', '', 'r', '/', $1",
        TimeDelta::zero(),
    ),
    ("set_up_ticket", "hash, expires_at", "'STATE', $1", TimeDelta::zero()),
    (
        "token_attempt",
        "id, person, person_email, person_name, revision, needs_pasting, in_pop_up, begun_at, expires_at",
        "'STATE', 'p', 'e', 'n', 1, 0, 0, $1, 0",
        TimeDelta::days(7),
    ),
    (
        "ended_session",
        "token_hash, how, created_at",
        "'STATE', 'sign-out', $1",
        TimeDelta::hours(12),
    ),
    (
        "session",
        "token_hash, person, principal, id_token, created_at, seen_at",
        "'STATE', 'p', '{}', '', $1, $1",
        TimeDelta::hours(1),
    ),
    ("audit", "at, email, name, action, fields", "$1, '', '', 'refused', ''", TimeDelta::days(400)),
];

#[tokio::test]
async fn expired_rows_are_deleted_and_others_are_kept() {
    let harness = keeping(400, 90).await;
    let now = harness.clock.now();
    let mut connection = connection(harness.folder.path()).await;
    for (table, columns, values, kept_for) in EXPIRING {
        let insert = format!("INSERT INTO {table} ({columns}) VALUES ({values})");
        for (state, at) in [("over", -1), ("good", 1)] {
            let at = (now - kept_for + TimeDelta::seconds(at)).timestamp_millis();
            let insert = sqlx::query(AssertSqlSafe(insert.replace("STATE", state))).bind(at);
            insert.execute(&mut connection).await.expect(table);
        }
        assert_eq!(count_rows(harness.folder.path(), table).await, 2, "{table}");
    }
    expire(&harness).await;
    for (table, ..) in EXPIRING {
        assert_eq!(count_rows(harness.folder.path(), table).await, 1, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_delete_at_once_delete_all_expired_rows_and_nothing_else() {
    let harness = keeping(400, 90).await;
    let now = harness.clock.now();
    let mut rows = Vec::new();
    for number in 0..1_500 {
        let at = (now - TimeDelta::days(401)).timestamp_millis() - number;
        rows.push(format!("({at}, '', '', 'refused', '')"));
    }
    let insert =
        format!("INSERT INTO audit (at, email, name, action, fields) VALUES {}", rows.join(","));
    execute(&mut connection(harness.folder.path()).await, &insert).await;
    add_audit_row(&harness, now, "new").await;
    let configuration = config(&harness.folder).await;
    let randomness = Arc::new(SeededRandomness::new(2));
    let second = Server::start(configuration, harness.clock.clone(), randomness).await;
    let second = second.expect("it starts");
    let nodes = [harness.server.cleanup(), second.cleanup()];
    let (first, second) = tokio::join!(delete_expired(&nodes[0]), delete_expired(&nodes[1]));
    first.and(second).expect("the database answers");
    assert_eq!(details(&harness).await, ["new"]);
    assert_eq!(count_rows(harness.folder.path(), "audit").await, 1);
}

#[tokio::test]
async fn a_process_deletes_expired_rows_from_its_start_on() {
    let harness = keeping(400, 90).await;
    add_audit_row(&harness, harness.clock.now() - TimeDelta::days(401), "too old").await;
    let task = tokio::spawn(enforce_retention(harness.server.cleanup()));
    until(async || details(&harness).await.is_empty()).await;
    task.abort();
}

/// Starts the program with these flags on audit rows and messages of these ages in days. Asserts
/// that only the first row and the first message are deleted.
async fn assert_deletes_the_oldest(flags: &[&str], rows: [i64; 2], messages: [i64; 2]) {
    let harness = keeping(0, 0).await;
    let now = vault::clock::SystemClock.now();
    // The latest message of a user is always kept.
    for days in [messages[0], messages[1], 0] {
        harness.clock.advance(now - TimeDelta::days(days) - harness.clock.now());
        sent(&harness, &days.to_string(), &person(1)).await;
    }
    for days in rows {
        add_audit_row(&harness, now - TimeDelta::days(days), &days.to_string()).await;
    }
    let _serving = Serving::on_database(harness.folder.path(), flags).await;
    // Messages are deleted before audit rows.
    until(async || !details(&harness).await.contains(&rows[0].to_string())).await;
    assert_eq!(details(&harness).await, [rows[1].to_string()], "{flags:?}");
    let [oldest, old] = messages.map(|days| days.to_string());
    assert_eq!(kept(&harness, [&oldest, &old, "0"]).await, [&old, "0"], "{flags:?}");
}

#[tokio::test]
async fn the_program_deletes_by_its_flags_or_rows_after_400_days_and_messages_after_90() {
    let flags = ["--audit-days", "2", "--message-days", "4"];
    assert_deletes_the_oldest(&flags, [3, 1], [5, 3]).await;
    assert_deletes_the_oldest(&[], [401, 399], [91, 89]).await;
}

#[tokio::test]
async fn a_host_that_configures_nothing_keeps_rows_for_400_days_and_messages_for_90() {
    let retention = Harness::start().await.server.config.retention;
    assert_eq!(retention, Retention { audit_days: 400, message_days: 90 });
}

#[tokio::test]
async fn the_pages_show_the_retention_that_the_flags_set() {
    let harness = keeping(0, 0).await;
    sent(&harness, "one", &person(1)).await;
    let cookie = administrators(&harness.folder, 1).await.remove(0);
    for (flags, entries, messages) in [
        (&[][..], "for 400 days", "for 90 days"),
        (&["--audit-days=0", "--message-days=7"], "forever", "for 7 days"),
        (&["--audit-days=7", "--message-days=0"], "for 7 days", "forever"),
        (&["--audit-days=1", "--message-days=1"], "for one day", "for one day"),
    ] {
        let entries = format!("Entries are kept {entries}.");
        let messages = format!("Test messages are kept {messages}.");
        let serving = Serving::on_database(harness.folder.path(), flags).await;
        let mut browser = HttpBrowser::with_cookie(&serving.address, &cookie).await;
        for (path, words) in [("/audit", entries), ("/settings/email/history", messages)] {
            let page = browser.get(path).await.expect("an answer");
            assert!(page.body.contains(&words), "{flags:?} {path}: {}", page.body);
        }
    }
}
