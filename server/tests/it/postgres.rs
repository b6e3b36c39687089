//! What only a `PostgreSQL` server shows: processes that write at the same moment, TLS, and what
//! an operator reads when the server is not as it must be. `cargo xtask test` starts one and runs
//! these too.

use std::time::Duration;

use server::identity::SignInError;
use server::store::audit::{self, Wanted};
use server::store::{people, runs, sessions};
use sqlx::{AnyConnection, Row};

use crate::support::databases::connection;
use crate::support::harness::{ADDRESS, EMAIL, Harness, PASSWORD, stranger};

/// Whether somebody waits for what `holder` has locked.
async fn is_awaited(holder: &mut AnyConnection) -> bool {
    let waiting = sqlx::query(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    waiting.fetch_one(holder).await.expect("it answers").get::<i64, _>(0) > 0
}

/// Commits what `holder` has done as soon as `other` waits for it, or has ended without.
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
    tokio::time::timeout(Duration::from_secs(20), is_over).await.expect("it waits or ends");
    sqlx::raw_sql("COMMIT").execute(&mut holder).await.expect("it is done");
    other.await.expect("it ends")
}

async fn do_all(connection: &mut AnyConnection, statements: &'static str) {
    sqlx::raw_sql(statements).execute(connection).await.expect("the tables are there");
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_session_does_not_begin_by_a_password_that_is_being_changed() {
    let harness = Harness::start().await.with_ada().await;
    let store = harness.server.store.clone();
    let ada = people::by_email(&store, EMAIL).await.expect("it answers").expect("she is there");
    let mut changing = connection(harness.folder.path()).await;
    do_all(&mut changing, "BEGIN; UPDATE person SET password_hash = 'new'; DELETE FROM session")
        .await;
    let at = harness.server.clock.now();
    let begun = commit_under(changing, async move {
        sessions::begin(&store, "token", &ada.id, &ada.password_hash, at).await
    });
    assert!(!begun.await.expect("it answers"), "a session outlived the password it began with");
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn an_attempt_counts_those_before_it_that_are_still_being_written() {
    let harness = Harness::start().await.with_ada().await;
    for _ in 0..4 {
        let stranger = stranger(ADDRESS);
        let wrong = harness.server.accounts.sign_in(EMAIL, "wrong".into(), &stranger).await;
        assert!(matches!(wrong, Err(SignInError::Wrong)));
    }
    let mut fifth = connection(harness.folder.path()).await;
    do_all(
        &mut fifth,
        "BEGIN; INSERT INTO sign_in_attempt (account, address, at) SELECT account, address, at FROM sign_in_attempt LIMIT 1",
    )
    .await;
    let accounts = harness.server.accounts.clone();
    let sixth = commit_under(fifth, async move {
        accounts.sign_in(EMAIL, PASSWORD.into(), &stranger(ADDRESS)).await
    });
    assert!(matches!(sixth.await, Err(SignInError::TooMany { .. })));
}

#[tokio::test]
#[ignore = "needs the server that `cargo xtask test` starts"]
async fn a_zero_octet_in_what_is_asked_for_finds_nothing_and_breaks_nothing() {
    let harness = Harness::start().await.with_ada().await;
    let store = &harness.server.store;
    assert!(people::by_email(store, "ada\0@example.com").await.expect("it answers").is_none());
    assert!(runs::get(store, "run\0").await.expect("it answers").is_none());
    let wanted = Wanted { email: Some("ada\0@example.com".to_owned()), ..Wanted::default() };
    assert!(audit::entries(store, &wanted, 9).await.expect("it answers").is_empty());
}
