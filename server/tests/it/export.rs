//! `ppm-email audit export` writes the audit trail for other programs, also while the server runs.

use std::path::Path;
use std::process::Output;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use store::audit::{self, Action, Actor, Entry};

use crate::support::databases::{connection, count_rows, database_url, execute};
use crate::support::harness::{EMAIL, Harness, NAME, PASSWORD};
use crate::support::program::{
    HttpBrowser, Serving, add_administrator_to, complaint, program, run,
};
use crate::support::steps::change_rows;

async fn export(folder: &Path, arguments: &[&str]) -> Output {
    let url = database_url(folder).await;
    let mut command = program(folder);
    command.args(["audit", "export", "--database-url", &url]).args(arguments);
    run(command, "")
}

/// The lines of the export of these rows.
async fn exported(folder: &Path, bounds: &[&str]) -> Vec<Value> {
    lines(&export(folder, &[bounds, &["--json"]].concat()).await)
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    let text = std::str::from_utf8(&output.stdout).expect("JSON is text");
    text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

async fn record(harness: &Harness, entry: Entry) {
    audit::record(&harness.server.store, &entry).await.expect("the database answers");
}

async fn add_row(harness: &Harness, moment: &str, detail: &str) {
    let actor = Actor::named(EMAIL, NAME);
    let detail = Some(detail.to_owned());
    record(harness, Entry { detail, ..Entry::new(at(moment), actor, Action::PersonAdded) }).await;
}

fn details(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["detail"].as_str()).collect()
}

#[tokio::test]
async fn every_field_of_a_row_has_a_stable_name() {
    let harness = Harness::start().await;
    let some = |text: &str| Some(text.to_owned());
    let actor = Actor {
        issuer: some("https://id.example"),
        subject: some("4711"),
        session: some("a-session"),
        address: some("192.0.2.7"),
        ..Actor::named(EMAIL, NAME)
    };
    let moment = at("2027-03-01T08:00:00.123Z");
    let fields = vec!["basic-port".to_owned(), "username".to_owned()];
    let saved = Entry { fields, ..Entry::new(moment, actor, Action::SettingsSaved) };
    record(&harness, saved).await;
    let found = exported(harness.folder.path(), &["--since", "2027-03-01"]).await;
    let id = found[0]["id"].as_i64().expect("a number");
    let expected = json!({
        "id": id,
        "at": "2027-03-01T08:00:00.123Z",
        "action": "settings-saved",
        "name": NAME,
        "email": EMAIL,
        "issuer": "https://id.example",
        "subject": "4711",
        "session": "a-session",
        "fields": ["basic-port", "username"],
        "detail": null,
        "address": "192.0.2.7",
        "count": 1,
    });
    assert_eq!(found, [expected]);
}

#[tokio::test]
async fn rows_are_sorted_oldest_first_and_limited_by_since_and_until() {
    let harness = Harness::start().await;
    for (moment, detail) in [
        ("2027-03-02T00:00:00Z", "second"),
        ("2027-03-01T23:59:59.999Z", "first"),
        ("2027-03-03T12:00:00Z", "fourth"),
        ("2027-03-03T11:59:59Z", "third"),
    ] {
        add_row(&harness, moment, detail).await;
    }
    let folder = harness.folder.path();
    for (bounds, expected) in [
        (&["--since", "2027-03-01"][..], &["first", "second", "third", "fourth"][..]),
        (&["--since", "2027-03-02"], &["second", "third", "fourth"]),
        (&["--since", "2027-03-03T13:00:00+01:00"], &["fourth"]),
        (&["--since", "2027-03-02", "--until", "2027-03-03T12:00:00Z"], &["second", "third"]),
    ] {
        assert_eq!(details(&exported(folder, bounds).await), expected, "{bounds:?}");
    }
}

#[tokio::test]
async fn rows_of_several_pages_are_exported_once_and_completely() {
    let harness = Harness::start().await;
    let mut connection = connection(harness.folder.path()).await;
    execute(&mut connection, "BEGIN").await;
    let begun = at("2027-03-01T00:00:00Z");
    // Seven rows per millisecond, so that pages end among rows of the same time.
    for number in 0..1_800_i64 {
        let moment = begun + TimeDelta::milliseconds(number / 7);
        let statement = sqlx::query(
            "INSERT INTO audit (at, email, name, action, fields, detail)
             VALUES ($1, '', '', 'refused', '', $2)",
        );
        let statement = statement.bind(moment.timestamp_millis()).bind(number.to_string());
        change_rows(&mut connection, statement).await;
    }
    execute(&mut connection, "COMMIT").await;
    let found = exported(harness.folder.path(), &["--since", "2027-03-01"]).await;
    let expected: Vec<_> = (0..1_800).map(|number| number.to_string()).collect();
    assert_eq!(details(&found), expected);
}

#[tokio::test]
async fn a_trail_is_exported_while_the_server_runs_and_nothing_is_changed() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let url = database_url(folder.path()).await;
    add_administrator_to(folder.path(), &url, EMAIL, PASSWORD);
    let serving = Serving::on_database(folder.path(), &[]).await;
    HttpBrowser::signed_in(&serving.address, EMAIL, PASSWORD).await;
    std::fs::remove_file(folder.path().join("ppm-email.key")).expect("no key is needed");
    let found = exported(folder.path(), &["--since", "2020-01-01"]).await;
    let actions: Vec<_> = found.iter().map(|line| line["action"].as_str().expect("text")).collect();
    assert_eq!(actions, ["person-added", "signed-in"]);
    assert_eq!(count_rows(folder.path(), "audit").await, 2);
    assert!(!folder.path().join("ppm-email.key").exists());
}

#[tokio::test]
async fn an_export_creates_no_database_and_changes_no_tables() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut command = program(folder.path());
    command.args(["audit", "export", "--since", "2027-03-01", "--json"]);
    let line = complaint(&run(command, ""));
    assert!(line.contains("does not exist"), "{line}");
    assert!(!folder.path().join("ppm-email.db").exists());

    let harness = Harness::start().await;
    let folder = harness.folder.path();
    let sql = "DELETE FROM schema_version WHERE version > 6";
    execute(&mut connection(folder).await, sql).await;
    let line = complaint(&export(folder, &["--since", "2027-03-01", "--json"]).await);
    assert!(line.contains("older version"), "{line}");
}

#[tokio::test]
async fn an_invalid_time_is_refused_with_one_line() {
    let harness = Harness::start().await;
    for arguments in [
        &["--since", "yesterday", "--json"][..],
        &["--since", "2027-03-01", "--until", "2027-13-01", "--json"],
        &["--since", "2027-03-01"],
    ] {
        let line = complaint(&export(harness.folder.path(), arguments).await);
        assert!(line.contains("--"), "{line}");
    }
}
