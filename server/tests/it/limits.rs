//! Failed sign-ins are counted across all nodes, and a success resets the count.

use chrono::TimeDelta;
use server::identity::{SignInError, SignedIn};
use sqlx::AnyConnection;
use store::audit::Action;

use crate::support::databases::{connection, count_rows};
use crate::support::harness::{ADDRESS, EMAIL, Harness, PASSWORD, anonymous_caller};
use crate::support::waiting::until;

const ANOTHER_ADDRESS: &str = "198.51.100.7";
const WRONG: &str = "not the right password";

async fn attempt(
    harness: &Harness,
    email: &str,
    password: &str,
    address: &str,
) -> Result<SignedIn, SignInError> {
    harness.accounts().sign_in(email, password.into(), &anonymous_caller(address)).await
}

async fn fail(harness: &Harness, times: usize) {
    for _ in 0..times {
        let failed = attempt(harness, EMAIL, WRONG, ADDRESS).await;
        assert!(matches!(failed, Err(SignInError::Wrong)));
    }
}

/// A server on which this many sign-ins of Ada have failed.
async fn after_failures(times: usize) -> Harness {
    let harness = Harness::start().await.with_ada().await;
    fail(&harness, times).await;
    harness
}

/// The seconds after which a refused attempt may be repeated.
fn retry_after(refused: Result<SignedIn, SignInError>) -> u64 {
    match refused {
        Err(SignInError::TooMany { retry_after }) => retry_after.as_secs(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn after_five_failures_an_address_is_refused_for_that_account() {
    let harness = after_failures(5).await;
    let sixth = attempt(&harness, EMAIL, PASSWORD, ADDRESS).await;
    assert_eq!(retry_after(sixth), 15 * 60);
}

#[tokio::test]
async fn the_owner_signs_in_from_another_address_while_a_guesser_is_refused() {
    let harness = after_failures(5).await;
    let owner = attempt(&harness, EMAIL, PASSWORD, ANOTHER_ADDRESS).await;
    owner.expect("only the guesser's address waits");
}

#[tokio::test]
async fn the_wait_is_not_extended_by_further_attempts() {
    let harness = after_failures(5).await;
    harness.clock.advance(TimeDelta::minutes(14));
    attempt(&harness, EMAIL, WRONG, ADDRESS).await.expect_err("it is too early");
    harness.clock.advance(TimeDelta::minutes(1));
    attempt(&harness, EMAIL, PASSWORD, ADDRESS).await.expect("a quarter of an hour has passed");
}

#[tokio::test]
async fn a_success_resets_the_failures_before_it() {
    let harness = after_failures(4).await;
    attempt(&harness, EMAIL, PASSWORD, ADDRESS).await.expect("four are allowed");
    fail(&harness, 4).await;
    attempt(&harness, EMAIL, PASSWORD, ADDRESS).await.expect("four are allowed again");
}

#[tokio::test]
async fn an_account_that_is_guessed_from_many_addresses_is_refused_for_all_of_them() {
    let harness = Harness::start().await.with_ada().await;
    for guess in 0..20 {
        let address = format!("198.51.100.{}", guess / 4);
        let failed = attempt(&harness, EMAIL, WRONG, &address).await;
        assert!(matches!(failed, Err(SignInError::Wrong)), "{guess}: {failed:?}");
        harness.clock.advance(TimeDelta::seconds(3));
    }
    let refused = attempt(&harness, EMAIL, PASSWORD, "203.0.113.9").await;
    assert_eq!(retry_after(refused), 14 * 60);
    harness.add("grace@example.com", "Grace Adeyemi").await;
    attempt(&harness, "grace@example.com", PASSWORD, "203.0.113.9").await.expect("another account");
    harness.clock.advance(TimeDelta::minutes(15));
    attempt(&harness, EMAIL, PASSWORD, "203.0.113.9").await.expect("the failures are old");
}

#[tokio::test]
async fn a_refused_attempt_is_not_counted() {
    let harness = after_failures(5).await;
    for _ in 0..5 {
        attempt(&harness, EMAIL, WRONG, ADDRESS).await.expect_err("the address waits");
    }
    assert_eq!(count_rows(harness.folder.path(), "sign_in_attempt").await, 5);
}

#[tokio::test]
async fn running_sign_ins_do_not_count_as_failures() {
    let harness = after_failures(4).await;
    // As another node stores the row while it compares a password.
    sqlx::query("UPDATE sign_in_attempt SET under_way_until = $1 WHERE id = 1")
        .bind((harness.server.clock.now() + TimeDelta::seconds(30)).timestamp_millis())
        .execute(&mut connection(harness.folder.path()).await)
        .await
        .expect("the row is there");
    fail(&harness, 1).await;
    let sixth = attempt(&harness, EMAIL, PASSWORD, ADDRESS).await;
    assert_eq!(retry_after(sixth), 2, "it has to wait for the one under way alone");
    harness.clock.advance(TimeDelta::seconds(30));
    attempt(&harness, EMAIL, PASSWORD, ADDRESS).await.expect("four have failed");
}

#[tokio::test]
async fn a_wrong_password_counts_even_if_the_client_disconnects_meanwhile() {
    let harness = Harness::start().await.with_ada().await;
    let mut database = connection(harness.folder.path()).await;
    // A guess that is aborted before its row is confirmed is not compared, so another one follows.
    for host in 1..=9 {
        let (accounts, begun) = (harness.accounts().clone(), count(&mut database).await);
        let caller = anonymous_caller(&format!("192.0.2.{host}"));
        let guess =
            tokio::spawn(async move { accounts.sign_in(EMAIL, WRONG.into(), &caller).await });
        while count(&mut database).await == begun && !guess.is_finished() {}
        for _ in 0..20 {
            count(&mut database).await;
        }
        guess.abort();
    }
    let failed = "sign_in_attempt WHERE under_way_until IS NULL";
    until(async || count_rows(harness.folder.path(), failed).await > 0).await;
    let rows = harness.trail(9).await;
    assert!(rows.iter().any(|row| row.action == Action::SignInFailed), "{rows:?}");
}

/// The number of stored attempts.
async fn count(database: &mut AnyConnection) -> i64 {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM sign_in_attempt");
    count.fetch_one(database).await.expect("the table is there")
}

#[tokio::test]
async fn concurrent_attempts_count_each_other() {
    let harness = Harness::start().await.with_ada().await;
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let accounts = harness.accounts().clone();
        attempts.spawn(async move {
            accounts.sign_in(EMAIL, WRONG.into(), &anonymous_caller(ADDRESS)).await
        });
    }
    let answers = attempts.join_all().await;
    let compared =
        answers.iter().filter(|answer| matches!(answer, Err(SignInError::Wrong))).count();
    assert!(compared <= 5, "{compared} passwords were looked at");
}
