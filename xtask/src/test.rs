//! Every check there is, one step after another, each with its name and its time. The first that
//! fails ends the run.
//!
//! The steps are cut so that cargo compiles nothing twice: `--exclude xtask` keeps this program's
//! dependencies from changing the features of the product's, and the binary that the browser
//! tests drive is the one that the integration tests were built with.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    build, chromium, debian, markup,
    node::{self, Packages},
    postgres::Postgres,
    tools::{WASM_TARGET, cargo, ensure_components, ensure_wasm_target, expect_success},
    workspace::{Profile, Workspace},
};

/// Runs all steps; `fast` leaves out those that need Node or a browser.
pub fn test(workspace: &Workspace, fast: bool) -> Result<()> {
    let mut steps = Steps::default();
    let outcome = rust_steps(&mut steps, workspace)
        .and_then(|()| if fast { Ok(()) } else { node_steps(&mut steps, workspace) });
    println!("\n{}", summary(&steps.0, outcome.is_ok()));
    outcome
}

fn rust_steps(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    let run = |args: &[&str]| expect_success(&mut cargo(workspace, args));

    steps.step("toolchain", || {
        ensure_components(workspace).and_then(|()| ensure_wasm_target(workspace))
    })?;
    steps.step("formatting", || run(&["fmt", "--all", "--check"]))?;
    steps.step("text that could become HTML", || markup::check(workspace))?;
    steps.step("clippy, server side", || {
        run(&["clippy", "--workspace", "--all-targets", "--", "-Dwarnings"])
    })?;
    steps.step("clippy, browser side", || {
        let start = ["clippy", "--package=app", "--lib", "--no-default-features"];
        let rest = ["--target", WASM_TARGET, "--features=hydrate", "--", "-Dwarnings"];
        run(&[&start[..], &rest].concat())
    })?;
    steps.step("documentation", || {
        // `--examples`, of which there are none, makes cargo choose the features that clippy chose.
        let args = ["doc", "--workspace", "--no-deps", "--lib", "--bins", "--examples"];
        expect_success(cargo(workspace, args).env("RUSTDOCFLAGS", "-Dwarnings"))
    })?;
    steps.step("Postfix and Dovecot", debian::ensure_packages)?;
    steps.step("unit and integration tests", || {
        let everything = ["test", "--workspace", "--exclude=xtask", "--all-targets"];
        let mut left_out = Vec::new();
        if !debian::can_start_postfix() {
            left_out.push("--skip=smtp::postfix::");
        }
        if !debian::can_mount() {
            println!("Only root can mount a disk, on Linux: the tests that fill one are left out.");
            left_out.push("--skip=full_disk::");
        }
        run(&[&everything[..], &["--"], &left_out].concat())
    })?;
    steps.step("tests on PostgreSQL", || on_postgres(workspace))?;
    steps.step("tests of xtask", || run(&["test", "--package=xtask"]))?;
    steps.step("browser bundle within its budget", || {
        let bundles = build::build_bundle(workspace)?;
        println!("{bundles}");
        ensure!(bundles.is_within_budget(), "the bundle is over its budget");
        Ok(())
    })
}

/// The integration tests that run again on `PostgreSQL`, each with the statements that it is there for:
/// those whose meaning may differ there (locks, conflicts, types, order) and those of several nodes at
/// once. What a use case does with the rows is the same on both and is tried on `SQLite` alone. A new
/// module of the store gets a row.
const ON_POSTGRES: [(&str, &str); 17] = [
    ("postgres::", "what only PostgreSQL has: TLS, lost connections, its limits"),
    ("upgrade::", "migrations, on a database of the version before"),
    ("settings::", "the optimistic lock of the settings"),
    ("saving::", "a save with its secrets, its audit row and the token that it deletes"),
    ("crowds::", "many saves at once, through one program and through two"),
    ("renewals_shared::", "the lease of a renewal, taken by two programs"),
    ("tokens::", "the token and its renewal"),
    ("consents::", "attempts, each of which is consumed once"),
    ("openid::", "sign-ins that are away, and their sessions"),
    ("sessions::", "sessions and their ends"),
    ("set_up::", "the ticket of the first administrator, redeemed once"),
    ("people::", "accounts"),
    ("limits::", "failed sign-ins, counted on all nodes together"),
    ("runs::", "test messages and their steps"),
    ("retention::", "deletes in batches"),
    ("export::", "the audit trail, page by page"),
    ("keys::", "rotation of the sealing key while nodes write"),
];

fn on_postgres(workspace: &Workspace) -> Result<()> {
    let postgres = Postgres::start()?;
    let mut tests = cargo(workspace, ["test", "--workspace", "--exclude=xtask", "--test=it", "--"]);
    tests.args(["--include-ignored", "--skip=database_file"]);
    tests.args(ON_POSTGRES.map(|(tests, _)| tests));
    expect_success(tests.env("PPM_EMAIL_TEST_POSTGRES", &postgres.url))
}

fn node_steps(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    let script = |name: &str| expect_success(&mut node::script(workspace, name));

    steps.step("npm packages", || {
        node::ensure_node()?;
        node::ensure_packages(workspace, Packages::All)
    })?;
    steps.step("tests of the practice peers", || script("test:peers"))?;
    steps.step("types of the browser tests", || script("types"))?;
    steps.step("Chromium", || chromium::ensure_chromium(workspace))?;
    steps.step("example of a host", || build::build_example(workspace))?;
    steps.step("nginx", debian::ensure_nginx)?;
    steps.step("browser tests", || {
        let mut playwright = node::script(workspace, "test");
        playwright
            .env("PPM_EMAIL_BIN", workspace.binary(Profile::Debug))
            .env("PPM_EMAIL_SITE_ROOT", workspace.site());
        if !debian::has_nginx() {
            playwright.env("PPM_EMAIL_TEST_WITHOUT_NGINX", "1");
        }
        expect_success(&mut playwright)
    })
}

/// The steps that were begun, with the time each took.
#[derive(Default)]
struct Steps(Vec<(&'static str, Duration)>);

impl Steps {
    fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = work();
        let took = start.elapsed();
        self.0.push((name, took));
        let verdict = if outcome.is_ok() { "" } else { " FAILED after" };
        println!("-- {name}:{verdict} {:.1} s", took.as_secs_f64());
        outcome.map_err(|error| error.context(format!("the step “{name}” failed")))
    }
}

/// A table of the steps; the last one failed unless all went well.
fn summary(steps: &[(&str, Duration)], all_well: bool) -> String {
    let width = steps.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let total: Duration = steps.iter().map(|(_, took)| *took).sum();
    let mut table = String::new();
    for (at, (name, took)) in steps.iter().enumerate() {
        let failed = !all_well && at + 1 == steps.len();
        let verdict = if failed { "FAILED" } else { "ok" };
        let _ = writeln!(table, "{name:width$}  {verdict:6}  {:>7.1} s", took.as_secs_f64());
    }
    let _ = write!(table, "{:width$}  {:6}  {:>7.1} s", "total", "", total.as_secs_f64());
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn a_failed_step_is_named_and_the_last_in_the_table() {
        let mut steps = Steps::default();
        steps.step("one", || Ok(())).unwrap();
        let error = steps.step("the other", || Err(anyhow!("because"))).unwrap_err();
        assert_eq!(format!("{error:#}"), "the step “the other” failed: because");
        let names: Vec<&str> = steps.0.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["one", "the other"]);
    }

    #[test]
    fn the_table_says_what_failed_and_how_long_each_took() {
        let steps =
            [("formatting", Duration::from_millis(2_100)), ("clippy", Duration::from_secs(100))];
        assert_eq!(
            summary(&steps, false),
            "formatting  ok          2.1 s\nclippy      FAILED    100.0 s\ntotal                 102.1 s"
        );
    }
}
