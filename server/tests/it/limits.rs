//! Guessing is limited, and nobody is locked out by it.

use chrono::TimeDelta;
use server::identity::{SignInError, SignedIn};

use crate::support::harness::{ADDRESS, EMAIL, Harness, PASSWORD, stranger};

const ELSEWHERE: &str = "198.51.100.7";
const WRONG: &str = "not the right password";

async fn attempt(
    harness: &Harness,
    email: &str,
    password: &str,
    address: &str,
) -> Result<SignedIn, SignInError> {
    harness.server.accounts.sign_in(email, password.into(), &stranger(address)).await
}

async fn fail(harness: &Harness, times: usize) {
    for _ in 0..times {
        let failed = attempt(harness, EMAIL, WRONG, ADDRESS).await;
        assert!(matches!(failed, Err(SignInError::Wrong)));
    }
}

#[tokio::test]
async fn after_five_failures_an_address_waits_for_that_account() {
    let harness = Harness::start().await.with_ada().await;
    fail(&harness, 5).await;
    let sixth = attempt(&harness, EMAIL, PASSWORD, ADDRESS).await;
    assert!(
        matches!(sixth, Err(SignInError::TooMany { retry_after }) if retry_after.as_secs() == 15 * 60)
    );
}

#[tokio::test]
async fn the_owner_signs_in_elsewhere_while_a_guesser_waits() {
    let harness = Harness::start().await.with_ada().await;
    fail(&harness, 5).await;
    attempt(&harness, EMAIL, PASSWORD, ELSEWHERE).await.expect("only the guesser's address waits");
}

#[tokio::test]
async fn the_wait_ends_although_one_kept_trying() {
    let harness = Harness::start().await.with_ada().await;
    fail(&harness, 5).await;
    harness.clock.advance(TimeDelta::minutes(14));
    attempt(&harness, EMAIL, WRONG, ADDRESS).await.expect_err("it is too early");
    harness.clock.advance(TimeDelta::minutes(1));
    attempt(&harness, EMAIL, PASSWORD, ADDRESS).await.expect("a quarter of an hour has passed");
}

#[tokio::test]
async fn a_success_forgives_the_failures_before_it() {
    let harness = Harness::start().await.with_ada().await;
    fail(&harness, 4).await;
    attempt(&harness, EMAIL, PASSWORD, ADDRESS).await.expect("four are allowed");
    fail(&harness, 4).await;
    attempt(&harness, EMAIL, PASSWORD, ADDRESS).await.expect("four are allowed again");
}

#[tokio::test]
async fn attempts_at_the_same_moment_count_one_another() {
    let harness = Harness::start().await.with_ada().await;
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let accounts = harness.server.accounts.clone();
        attempts
            .spawn(async move { accounts.sign_in(EMAIL, WRONG.into(), &stranger(ADDRESS)).await });
    }
    let answers = attempts.join_all().await;
    let looked_at =
        answers.iter().filter(|answer| matches!(answer, Err(SignInError::Wrong))).count();
    assert!(looked_at <= 5, "{looked_at} passwords were looked at");
}
