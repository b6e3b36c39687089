//! The gate: runs all checks one after another, each with its name and its time. The first that
//! fails ends the run.
//!
//! The steps are arranged so that cargo compiles nothing twice: `--exclude xtask` keeps this
//! program's dependencies from changing the features of the product's, and the browser tests run
//! the programs that the integration tests were built with.

use std::time::{Duration, Instant};
use std::{fmt::Write as _, process::Command, thread};

use anyhow::{Result, ensure};

use crate::{
    build, chromium, debian, layers, markup,
    node::{self, Packages},
    postgres::Postgres,
    texts,
    tools::{
        WASM_TARGET, cargo, ensure_cargo_deny, ensure_components, ensure_wasm_target,
        expect_success,
    },
    workspace::{Profile, Workspace},
};

/// A check, or a preparation for the next ones.
struct GateStep {
    name: &'static str,
    /// What it needs besides Rust.
    needs: Needs,
    run: fn(&Workspace) -> Result<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// Node, and for most steps a browser.
    Node,
}

const STEPS: [GateStep; 23] = [
    rust("toolchain", |workspace| {
        ensure_components(workspace).and_then(|()| ensure_wasm_target(workspace))
    }),
    rust("formatting", |workspace| run(workspace, &["fmt", "--all", "--check"])),
    rust("text that could become HTML", markup::check),
    rust("imports of the app's folders", layers::check),
    rust("texts outside the catalogue", texts::check),
    rust("clippy, server side", |workspace| {
        run(workspace, &["clippy", "--workspace", "--all-targets", "--", "-Dwarnings"])
    }),
    rust("clippy, browser side", |workspace| {
        // Both at once: their dependencies need different features, and would be checked twice.
        let start = ["clippy", "--package=app", "--package=leptos-shell", "--lib"];
        let rest = ["--no-default-features", "--target", WASM_TARGET];
        let features = ["--features=app/bundle,leptos-shell/hydrate", "--", "-Dwarnings"];
        run(workspace, &[&start[..], &rest, &features].concat())
    }),
    rust("documentation", |workspace| {
        // `--examples` matches nothing, but makes cargo select the features that clippy selected.
        let args = ["doc", "--workspace", "--no-deps", "--lib", "--bins", "--examples"];
        expect_success(cargo(workspace, args).env("RUSTDOCFLAGS", "-Dwarnings"))
    }),
    rust("Postfix and Dovecot", |_| debian::ensure_mail_server()),
    rust("unit and integration tests", on_sqlite),
    rust("tests on PostgreSQL", on_postgres),
    rust("tests of xtask", |workspace| run(workspace, &["test", "--package=xtask"])),
    rust("licences and bans of dependencies", |workspace| {
        let deny = ensure_cargo_deny(workspace)?;
        // No advisories: their database would be downloaded each time.
        let args = ["check", "--deny", "unmatched-skip", "--deny", "unnecessary-skip"];
        let mut check = Command::new(deny);
        check.current_dir(workspace.root()).args(args).args(["bans", "licenses", "sources"]);
        expect_success(&mut check)
    }),
    rust("bundle of the Leptos host", build::build_shell_bundle),
    rust("browser bundle within its budget", |workspace| {
        let bundles = build::build_bundle(workspace)?;
        println!("{bundles}");
        ensure!(bundles.is_within_budget(), "the bundle is over its budget");
        Ok(())
    }),
    node("npm packages", |workspace| {
        node::ensure_node()?;
        node::ensure_packages(workspace, Packages::All)
    }),
    node("tests of the practice servers", |workspace| script(workspace, "test:dev-servers")),
    node("types of the browser tests", |workspace| script(workspace, "types")),
    node("Chromium", chromium::ensure_chromium),
    node("nginx", |_| debian::ensure_nginx()),
    node("browser tests", in_chromium),
    node("Firefox and WebKit", |_| debian::ensure_engines()),
    node("journeys in Firefox and WebKit", in_other_engines),
];

const fn rust(name: &'static str, run: fn(&Workspace) -> Result<()>) -> GateStep {
    GateStep { name, needs: Needs::Nothing, run }
}

const fn node(name: &'static str, run: fn(&Workspace) -> Result<()>) -> GateStep {
    GateStep { name, needs: Needs::Node, run }
}

/// Runs all steps; `fast` skips those that need Node or a browser.
pub fn test(workspace: &Workspace, fast: bool) -> Result<()> {
    let mut took = Vec::new();
    let wanted = STEPS.iter().filter(|step| !fast || step.needs == Needs::Nothing);
    let outcome = all_of(wanted, workspace, &mut took);
    println!("\n{}", summary(&took, outcome.is_ok()));
    outcome
}

/// Prints the steps, and what they install on Debian.
pub fn list() {
    for GateStep { name, needs, .. } in &STEPS {
        println!("{name}{}", if *needs == Needs::Node { " (not with --fast)" } else { "" });
    }
    println!("\nOn Debian, root's run installs what is missing of these packages:\n");
    for debian::Package { name, purpose, .. } in debian::ALL {
        println!("{name:25} {purpose}");
    }
}

fn run(workspace: &Workspace, args: &[&str]) -> Result<()> {
    expect_success(&mut cargo(workspace, args))
}

fn script(workspace: &Workspace, name: &str) -> Result<()> {
    expect_success(&mut node::script(workspace, name))
}

/// Many tests wait: for a deadline, the start of a program, or the end of a killed process. So
/// there are more threads than the machine has processors.
fn tests(workspace: &Workspace, args: &[&str]) -> Command {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let mut tests = cargo(workspace, [&["test"], args].concat());
    tests.env("RUST_TEST_THREADS", (2 * processors + 1).to_string());
    tests
}

fn on_sqlite(workspace: &Workspace) -> Result<()> {
    let mut left_out = Vec::new();
    if !debian::can_start_postfix() {
        left_out.push("--skip=postfix::");
    }
    if !debian::can_mount() {
        println!("Only root can mount a disk, on Linux: the tests that fill one are left out.");
        left_out.push("--skip=full_disk::");
    }
    expect_success(
        tests(workspace, &["--workspace", "--exclude=xtask", "--all-targets", "--"]).args(left_out),
    )
}

/// The integration tests that run again on `PostgreSQL`, each with its reason: statements whose
/// meaning may differ there (locks, conflicts, types, order), and several nodes at once. What a use
/// case does with the rows is the same on both and is tested on `SQLite` alone. A new module of the
/// store gets a row.
const ON_POSTGRES: [(&str, &str); 26] = [
    ("health::", "incidents, leases of checks and alerts"),
    ("restore::", "the settings that last worked, kept by an upsert"),
    ("applications::", "applications and their keys"),
    ("pace::", "slots of connections, and the pace, over two nodes"),
    ("message_list::", "conditions of the list, and comparisons of rows"),
    ("outbox::", "claims, leases and results of messages, and keys of repeated requests"),
    ("enqueue::", "messages within the transaction of a host in Rust"),
    ("openapi_fuzz::", "odd texts in requests, some of which PostgreSQL cannot store"),
    ("outbox_killed::", "nodes that are killed while they accept and send messages"),
    ("postgres::", "what only PostgreSQL has: TLS, lost connections, its limits"),
    ("upgrade::", "migrations, on a database of the version before"),
    ("settings::", "the optimistic lock of the settings"),
    ("saving::", "a save with its secrets, its audit row and the token that it deletes"),
    ("concurrency::", "many saves at once, through one program and through two"),
    ("renewals_shared::", "the lease of a renewal, taken by two programs"),
    ("tokens::", "the token and its renewal"),
    ("consents::", "attempts, each of which is consumed once"),
    ("openid::", "pending OIDC sign-ins, and their sessions"),
    ("sessions::", "sessions and their ends"),
    ("set_up::", "the ticket of the first administrator, redeemed once"),
    ("people::", "local accounts"),
    ("limits::", "failed sign-ins, counted on all nodes together"),
    ("runs::", "test messages and their steps"),
    ("retention::", "deletes in batches"),
    ("export::", "the audit trail, page by page"),
    ("keys::", "rotation of the sealing key while nodes write"),
];

/// What those names would also match: cargo looks for a name anywhere in a test's path.
const NOT_ON_POSTGRES: [(&str, &str); 3] = [
    ("--skip=canaries::", "looks into the files of SQLite"),
    ("--skip=database_file", "looks into the files of SQLite"),
    ("--skip=host_tokens::", "keeps nothing in a database"),
];

fn on_postgres(workspace: &Workspace) -> Result<()> {
    let postgres = Postgres::start()?;
    let mut tests = tests(workspace, &["--package=server", "--test=it", "--"]);
    tests.arg("--include-ignored").args(NOT_ON_POSTGRES.map(|(tests, _)| tests));
    tests.args(ON_POSTGRES.map(|(tests, _)| tests));
    expect_success(tests.env("PPM_EMAIL_TEST_POSTGRES", &postgres.url))
}

fn in_chromium(workspace: &Workspace) -> Result<()> {
    let mut tests = browser_tests(workspace, "test");
    if !debian::has_nginx() {
        tests.env("PPM_EMAIL_TEST_WITHOUT_NGINX", "1");
    }
    expect_success(&mut tests)
}

/// Leaves out an engine that is missing, unless the step before can have installed it.
fn in_other_engines(workspace: &Workspace) -> Result<()> {
    let mut tests = browser_tests(workspace, "test:engines");
    if debian::can_install() {
        tests.env("PPM_EMAIL_TEST_EVERY_ENGINE", "1");
    }
    expect_success(&mut tests)
}

/// A script of `end2end` that drives what the steps before have built.
fn browser_tests(workspace: &Workspace, name: &str) -> Command {
    let mut script = node::script(workspace, name);
    script
        .env("PPM_EMAIL_BIN", workspace.binary(Profile::Debug))
        .env("PPM_EMAIL_SITE_ROOT", workspace.site());
    script
}

/// A step that was started, and the time it took.
type Took = (&'static str, Duration);

/// Runs steps until one fails.
fn all_of<'a>(
    steps: impl Iterator<Item = &'a GateStep>,
    workspace: &Workspace,
    took: &mut Vec<Took>,
) -> Result<()> {
    for GateStep { name, run, .. } in steps {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = run(workspace);
        let duration = start.elapsed();
        took.push((name, duration));
        let verdict = if outcome.is_ok() { "" } else { " FAILED after" };
        println!("-- {name}:{verdict} {:.1} s", duration.as_secs_f64());
        outcome.map_err(|error| error.context(format!("the step “{name}” failed")))?;
    }
    Ok(())
}

/// A table of the steps; the last one failed unless `all_well`.
fn summary(steps: &[Took], all_well: bool) -> String {
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
        let steps = [
            rust("one", |_| Ok(())),
            rust("the other", |_| Err(anyhow!("because"))),
            rust("never begun", |_| Ok(())),
        ];
        let mut took = Vec::new();
        let error = all_of(steps.iter(), &Workspace::here(), &mut took).unwrap_err();
        assert_eq!(format!("{error:#}"), "the step “the other” failed: because");
        let names: Vec<&str> = took.iter().map(|(name, _)| *name).collect();
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
