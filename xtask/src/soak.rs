//! The long runs: the program is killed and crowded for as long as it takes to meet what a short run
//! meets by luck alone. The gate runs the same tests, a few rounds of each.

use anyhow::Result;

use crate::{
    postgres::Postgres,
    tools::{cargo, expect_success},
    workspace::Workspace,
};

/// The tests that repeat more often here (`server/tests/it/support/soak.rs`).
const LONG: [&str; 7] = [
    "again_and_again",
    "is_killed",
    "crowds::",
    "many_administrators",
    "many_messages",
    "many_streams",
    "repeated::",
];
/// Those of them that several nodes on one `PostgreSQL` go through as well.
const ON_POSTGRES: [&str; 4] = ["crowds::", "many_administrators", "many_messages", "repeated::"];

/// Runs the long runs on `SQLite`, then on `PostgreSQL`.
pub fn soak(workspace: &Workspace) -> Result<()> {
    println!("\n== on SQLite");
    expect_success(tests(workspace).args(LONG))?;
    println!("\n== on PostgreSQL");
    let postgres = Postgres::start()?;
    let mut tests = tests(workspace);
    expect_success(tests.args(ON_POSTGRES).env("PPM_EMAIL_TEST_POSTGRES", &postgres.url))
}

fn tests(workspace: &Workspace) -> std::process::Command {
    let args = ["test", "--workspace", "--exclude=xtask", "--test=it", "--", "--nocapture"];
    let mut tests = cargo(workspace, args);
    tests.env("PPM_EMAIL_TEST_SOAK", "1");
    tests
}
