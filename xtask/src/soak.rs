//! The soak tests: repeat the crash and concurrency tests until they meet interleavings that a
//! short run meets only by chance. The gate runs the same tests, a few rounds of each. Before them,
//! two tools that the gate does not install: promtool checks the metrics, and schemathesis the
//! answers of `/v1` against the `OpenAPI` document. After them, `PostgreSQL` itself crashes again and
//! again.

use anyhow::Result;

use crate::tools::{cargo, ensure_schemathesis, expect_success};
use crate::{debian, postgres::Postgres, workspace::Workspace};

/// The tests that run more rounds here (`server/tests/it/support/soak.rs`).
const LONG: [&str; 7] = [
    "again_and_again",
    "is_killed",
    "concurrency::",
    "many_administrators",
    "many_messages",
    "many_streams",
    "repeated::",
];
/// Those of them that also run with several nodes on one `PostgreSQL`.
const ON_POSTGRES: [&str; 5] =
    ["concurrency::", "many_administrators", "many_messages", "outbox_killed::", "repeated::"];

/// Runs promtool on the metrics and schemathesis on `/v1`, then the soak tests on `SQLite`, then on
/// `PostgreSQL`, then those in which it crashes.
pub fn soak(workspace: &Workspace) -> Result<()> {
    println!("\n== the metrics, by promtool");
    debian::ensure_promtool()?;
    expect_success(tests(workspace).args(["--ignored", "promtool::"]))?;
    println!("\n== the answers of /v1, by schemathesis");
    let schemathesis = ensure_schemathesis(workspace)?;
    let mut test = tests(workspace);
    test.args(["--ignored", "schemathesis::"]).env("PPM_EMAIL_TEST_SCHEMATHESIS", schemathesis);
    expect_success(&mut test)?;
    println!("\n== on SQLite");
    expect_success(tests(workspace).args(LONG))?;
    println!("\n== on PostgreSQL");
    let postgres = Postgres::start()?;
    let on_postgres = |names: &[&str]| {
        let mut tests = tests(workspace);
        tests.arg("--include-ignored").args(names);
        tests.env("PPM_EMAIL_TEST_POSTGRES", &postgres.url);
        tests
    };
    expect_success(&mut on_postgres(&ON_POSTGRES))?;
    println!("\n== while PostgreSQL crashes");
    let mut tests = on_postgres(&["outbox_restarts::"]);
    expect_success(tests.env("PPM_EMAIL_TEST_POSTGRES_RESTART", postgres.restart_program()?))
}

fn tests(workspace: &Workspace) -> std::process::Command {
    let args = ["test", "--package=server", "--test=it", "--", "--nocapture"];
    let mut tests = cargo(workspace, args);
    tests.env("PPM_EMAIL_TEST_SOAK", "1");
    tests
}
