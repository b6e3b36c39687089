//! Behaviour that only a `PostgreSQL` server shows: concurrent writes, TLS, and the errors that an
//! operator reads. `cargo xtask test` starts a server and includes these tests.

use std::{path::Path, sync::Arc, time::Duration};

use axum::http::StatusCode;
use domain::error::one_line;
use server::identity::SignInError;
use sqlx::AnyConnection;
use store::audit::{self, AuditFilter};
use store::{Store, WRITTEN_WITHIN, people, runs, sessions};
use tempfile::TempDir;
use tokio::time::timeout;
use url::Url;
use vault::{clock::Clock, unlock};

use crate::support::databases::{
    connect, connection, count_rows, database, database_url, execute, postgres_setting,
};
use crate::support::harness::{ADDRESS, EMAIL, FORM, Harness, PASSWORD, anonymous_caller};
use crate::support::program::{READY, Serving, add_administrator_to, complaint, program, run};
use crate::support::test_doubles::{FixedClock, SeededRandomness};
use crate::support::waiting::until;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

/// Whether another connection waits for a lock of `holder`.
async fn is_awaited(holder: &mut AnyConnection) -> bool {
    let waiting = sqlx::query_scalar::<_, i64>(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    waiting.fetch_one(holder).await.expect("it answers") > 0
}

/// Commits the transaction of `holder` once `other` waits for its lock or has ended.
async fn commit_under<T: Send + 'static>(
    mut holder: AnyConnection,
    other: impl Future<Output = T> + Send + 'static,
) -> T {
    let other = tokio::spawn(other);
    let is_over = async {
        while !other.is_finished() && !is_awaited(&mut holder).await {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), is_over).await.expect("it waits or ends");
    execute(&mut holder, "COMMIT").await;
    other.await.expect("it ends")
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_commit_is_durable_whatever_the_servers_default_is() {
    for (default, expected) in [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ] {
        let folder = folder();
        let url = database_url(folder.path()).await;
        let (_, name) = url.rsplit_once('/').expect("the URL ends with a database");
        let mut admin = connect(&url).await;
        let default = format!("ALTER DATABASE {name} SET synchronous_commit = {default}");
        execute(&mut admin, &default).await;
        let store = Store::open(&database(&folder).await).await.expect("it is there");
        execute(
            &mut admin,
            "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN RAISE EXCEPTION '<%>', current_setting('synchronous_commit'); END $$;
             CREATE TRIGGER tell BEFORE UPDATE ON readiness_probe
             FOR EACH ROW EXECUTE FUNCTION tell()",
        )
        .await;
        let told = store.write_probe(FixedClock::new().now()).await.expect_err("it is refused");
        let told = one_line(&told);
        assert!(told.contains(&format!("<{expected}>")), "{default}: {told}");
    }
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_session_does_not_begin_with_a_password_that_is_being_changed() {
    let harness = Harness::start().await.with_ada().await;
    let store = harness.server.store.clone();
    let ada = people::by_email(&store, EMAIL).await.expect("it answers").expect("Ada's account");
    let mut changing = connection(harness.folder.path()).await;
    execute(&mut changing, "BEGIN; UPDATE person SET password_hash = 'new'; DELETE FROM session")
        .await;
    let at = harness.server.clock.now();
    let begun = commit_under(changing, async move {
        sessions::begin(&store, "token", &ada.id, &ada.password_hash, ADDRESS, at).await
    });
    assert!(!begun.await.expect("it answers"), "a session outlived the password it began with");
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn an_attempt_counts_earlier_ones_that_are_still_being_written() {
    let harness = Harness::start().await.with_ada().await;
    for _ in 0..4 {
        let wrong = harness.try_sign_in(EMAIL, "wrong").await;
        assert!(matches!(wrong, Err(SignInError::Wrong)));
    }
    let mut fifth = connection(harness.folder.path()).await;
    let row = "SELECT account, source, at FROM sign_in_attempt LIMIT 1";
    let insert = format!("BEGIN; INSERT INTO sign_in_attempt (account, source, at) {row}");
    execute(&mut fifth, &insert).await;
    let accounts = harness.accounts().clone();
    let sixth = commit_under(fifth, async move {
        accounts.sign_in(EMAIL, PASSWORD.into(), &anonymous_caller(ADDRESS)).await
    });
    assert!(matches!(sixth.await, Err(SignInError::TooMany { .. })));
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_nul_character_in_a_query_finds_nothing_and_is_no_error() {
    let harness = Harness::start().await.with_ada().await;
    let store = &harness.server.store;
    assert!(people::by_email(store, "ada\0@example.com").await.expect("it answers").is_none());
    assert!(runs::get(store, "run\0").await.expect("it answers").is_none());
    let wanted =
        AuditFilter { email: Some("ada\0@example.com".to_owned()), ..AuditFilter::default() };
    assert!(audit::entries(store, &wanted, 9).await.expect("it answers").is_empty());
}

/// Asserts that a start in this folder with this URL fails with a message that contains this part.
fn expect_refusal(folder: &Path, url: &str, part: &str) {
    let mut command = program(folder);
    command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", url]);
    let line = complaint(&run(command, ""));
    assert!(line.contains(part) && !line.contains("canary"), "{line}");
}

/// A folder with a key that no database uses yet.
async fn folder_with_key(seed: u64) -> TempDir {
    let (folder, other) = (folder(), folder());
    let store = Store::open(&database(&other).await).await.expect("a new database opens");
    let randomness = Arc::new(SeededRandomness::new(seed));
    let key_file = folder.path().join("ppm-email.key");
    unlock(&key_file, &store, &FixedClock::new(), randomness).await.expect("a key is made");
    store.close().await;
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn two_programs_that_start_at_once_on_a_new_database_both_serve_it() {
    let (one, other) = (folder_with_key(1).await, folder_with_key(1).await);
    let url = database_url(one.path()).await;
    let start = |folder: &TempDir| {
        let (folder, url) = (folder.path().to_owned(), url.clone());
        tokio::task::spawn_blocking(move || Serving::on_url(&folder, &url, &[]))
    };
    let starts = [start(&one), start(&other)];
    for start in starts {
        let serving = start.await.expect("it starts");
        assert_eq!(serving.browser().await.get("/health").await.expect("an answer").status, 200);
    }
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_second_node_is_refused_without_the_key_and_with_another() {
    let first = folder_with_key(1).await;
    let url = database_url(first.path()).await;
    let serving = Serving::on_url(first.path(), &url, &[]);
    expect_refusal(folder().path(), &url, "ppm-email.key does not exist");
    let message = "is not the one that the database was sealed with";
    expect_refusal(folder_with_key(2).await.path(), &url, message);
    serving.stop();
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_connection_uses_tls_where_offered_and_verifies_the_given_authority() {
    let folder = folder();
    let authority = postgres_setting("ssl_cert_file").await;
    let url = database_url(folder.path()).await;
    for parameters in
        ["", "?sslmode=require", &format!("?sslmode=verify-full&sslrootcert={authority}")]
    {
        let mut connection = connect(&format!("{url}{parameters}")).await;
        let has_tls =
            sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
        let has_tls: bool = has_tls.fetch_one(&mut connection).await.expect("it answers");
        assert!(has_tls, "{parameters}");
    }
    let verifying = format!("{url}?sslmode=verify-full&sslrootcert={authority}");
    Serving::on_url(folder.path(), &verifying, &[]).stop();
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_server_without_the_required_tls_is_refused() {
    let folder = folder();
    let url = database_url(folder.path()).await;
    expect_refusal(folder.path(), &format!("{url}?sslmode=verify-full"), "certificate");
    // Over its Unix socket a server never offers TLS.
    let socket = postgres_setting("unix_socket_directories").await;
    let url = format!("{url}?host={socket}&sslmode=require");
    expect_refusal(folder.path(), &url, "server does not support TLS");
}

/// `0.0.0.0` connects to this machine, but the program treats it as another machine's address.
const REMOTE: &str = "0.0.0.0";

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_server_on_another_machine_is_verified_unless_the_environment_says_otherwise() {
    let folder = folder();
    let url = database_url(folder.path()).await;
    let remote = url.replace("127.0.0.1", REMOTE);
    assert_ne!(url, remote);
    expect_refusal(folder.path(), &remote, "certificate");
    // The parameter overrides the address of the URL, which has the port and the password.
    expect_refusal(folder.path(), &format!("{url}?host={REMOTE}"), "certificate");
    let parsed = Url::parse(&url).expect("a URL");
    let (path, port) = (parsed.path(), parsed.port().expect("a port").to_string());
    let (user, password) = (parsed.username(), parsed.password().expect("a password"));
    let by_environment = |host: &str, mode: &str| {
        let mut command = program(folder.path());
        command.args(["admin", "list", "--database-url", &format!("postgres://{path}")]);
        command.envs([("PGHOST", "localhost"), ("PGHOSTADDR", host), ("PGPORT", &port)]);
        command.envs([("PGUSER", user), ("PGPASSWORD", password), ("PGSSLMODE", mode)]);
        run(command, "")
    };
    assert!(complaint(&by_environment(REMOTE, "")).contains("certificate"));
    assert!(by_environment(REMOTE, "require").status.success());
    assert!(by_environment("127.0.0.1", "").status.success());
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn an_error_of_the_server_is_reported_in_one_line() {
    let folder = folder();
    let url = database_url(folder.path()).await;
    let wrong = format!("{url}?password=canary-wrong");
    expect_refusal(folder.path(), &wrong, "password authentication failed");
    let missing = format!("{url}?dbname=missing");
    expect_refusal(folder.path(), &missing, "database \"missing\" does not exist");
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn the_databases_password_is_in_no_log_at_any_level() {
    let folder = folder();
    let url = database_url(folder.path()).await;
    let parsed = Url::parse(&url).expect("a URL");
    let password = parsed.password().expect("a password");
    for url in [url.clone(), url.replace(&format!(":{password}@"), "@")] {
        let mut command = program(folder.path());
        command.args(["admin", "list", "--database-url", &url]).env("RUST_LOG", "trace");
        command.env("PGPASSWORD", password);
        let output = run(command, "");
        let log = String::from_utf8(output.stderr).expect("the program writes text");
        assert!(output.status.success() && log.contains("sqlx"), "{log}");
        assert!(!log.contains(password), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_write_that_waits_too_long_for_a_lock_fails() {
    let folder = folder();
    let store = Store::open(&database(&folder).await).await.expect("a new database opens");
    let mut holder = connection(folder.path()).await;
    execute(&mut holder, "BEGIN; LOCK TABLE readiness_probe").await;
    let write = store.write_probe(FixedClock::new().now());
    let written = timeout(2 * WRITTEN_WITHIN, write).await.expect("it does not wait for ever");
    assert!(written.is_err(), "it has written what is locked");
    store.close().await;
}

/// Makes the folder's database read-only or writable, and closes all connections to it.
async fn set_read_only(folder: &Path, is_read_only: bool) {
    let url = database_url(folder).await;
    let (server, name) = url.rsplit_once('/').expect("the URL ends with a database");
    let mut connection = connect(&format!("{server}/postgres")).await;
    let setting = if is_read_only { "on" } else { "off" };
    let alter = format!("ALTER DATABASE {name} SET default_transaction_read_only = {setting}");
    execute(&mut connection, &alter).await;
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1")
        .bind(name)
        .execute(&mut connection)
        .await
        .expect("it is the superuser's");
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn while_postgresql_is_read_only_reading_and_sign_out_work_and_ready_says_why() {
    let folder = folder();
    let url = database_url(folder.path()).await;
    add_administrator_to(folder.path(), &url, EMAIL, PASSWORD);
    let serving = Serving::on_url(folder.path(), &url, &[]);
    let mut ada = serving.browser().await;
    ada.sign_in(EMAIL, PASSWORD).await.expect("an answer");
    let session = ada.cookie.clone();
    ada.until_ready_says(READY).await;

    set_read_only(folder.path(), true).await;
    ada.until_ready_says(r#"{"code":"not-ready","reasons":["database-read-only"]}"#).await;
    assert_eq!(ada.get("/health").await.expect("an answer").status, StatusCode::OK);
    assert_eq!(ada.get("/audit").await.expect("an answer").status, StatusCode::OK);
    let out = ada.ask("POST", "/sign-out", FORM, "").await.expect("an answer");
    assert_eq!(out.header("location"), "/sign-in");
    ada.cookie.clone_from(&session);
    let refused = ada.call("email/load", &serde_json::json!({})).await.expect("an answer");
    let expected = (StatusCode::UNAUTHORIZED, "session-ended".into());
    assert_eq!((refused.status, refused.code()), expected);

    set_read_only(folder.path(), false).await;
    ada.until_ready_says(READY).await;
    until(async || count_rows(folder.path(), "ended_session").await > 0).await;
    assert_eq!(count_rows(folder.path(), "session").await, 0);
}
