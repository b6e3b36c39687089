//! `cargo xtask`: builds, runs and tests the product. Needs only Rust, and Node for what runs in a
//! browser or against a real mail server.

#[cfg(test)]
mod architecture;
mod assets;
mod bench;
mod build;
mod chromium;
mod css;
mod debian;
#[cfg(test)]
mod embedding;
mod example;
mod fingerprint;
mod fuzz;
mod guard;
mod layers;
mod markup;
mod node;
mod postgres;
mod practice;
mod random;
mod run;
#[cfg(test)]
mod runbook;
mod size;
mod soak;
mod sources;
mod split;
mod test;
mod texts;
#[cfg(test)]
mod threat_model;
mod tools;
mod workspace;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::example::Example;
use crate::workspace::{Profile, Workspace};

/// Builds, runs and tests PPM Email Settings.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct XtaskCli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the server and the browser bundle, and prints the sizes of the bundle.
    Build {
        /// Optimises the server; the browser bundle is always optimised.
        #[arg(long)]
        release: bool,
    },
    /// Builds, then runs the product beside practice servers until Ctrl-C.
    Run {
        /// Optimises the server.
        #[arg(long)]
        release: bool,
        /// Leaves the practice servers out.
        #[arg(long)]
        no_practice: bool,
        /// Serves example pages of other sites too, which embed the product as an element and in an
        /// iframe, and starts a Leptos application that has it as a route.
        #[arg(long, conflicts_with = "no_practice")]
        hosts: bool,
        /// Where the product listens; port 0 takes any free one.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
        listen: SocketAddr,
        /// The URL that browsers use; required if the product listens beyond this machine.
        #[arg(long, value_name = "URL")]
        public_url: Option<String>,
    },
    /// Builds, then runs an example of a host in Rust beside the practice servers until Ctrl-C.
    Example {
        /// Which one.
        #[arg(value_enum, default_value = "planner")]
        which: Example,
        /// Where it listens, if not at 127.0.0.1 with port 3100 (planner) or 3300 (shell); port 0 takes
        /// any free one.
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
    },
    /// Runs all checks, and installs what they need.
    Test {
        /// Skips what needs Node or a browser.
        #[arg(long)]
        fast: bool,
        /// Prints the steps and what they install, and runs nothing.
        #[arg(long)]
        list: bool,
    },
    /// Repeats the crash and concurrency tests, until they have met rare interleavings.
    Soak,
    /// Measures the product's performance, prints a table and writes JSON to `target/bench`.
    Bench {
        /// The part to measure. Default: all.
        part: Option<bench::Part>,
        /// The working copy of an earlier version, built by `cargo xtask build --release`. Its pages
        /// are measured too, in turn with those of this version.
        #[arg(long)]
        before: Option<PathBuf>,
    },
    /// Fuzzes the parsers of untrusted input; needs a nightly compiler and cargo-fuzz.
    Fuzz {
        /// The target to fuzz. Default: each in turn.
        target: Option<fuzz::Target>,
        /// How many seconds to fuzz each target.
        #[arg(long, default_value_t = 300)]
        seconds: u32,
    },
}

fn main() -> ExitCode {
    let workspace = Workspace::here();
    let outcome = match XtaskCli::parse().task {
        Task::Build { release } => build::build(&workspace, Profile::of(release)),
        Task::Run { release, no_practice, hosts, listen, public_url } => {
            let beside = match (no_practice, hosts) {
                (true, _) => run::Beside::Nothing,
                (false, false) => run::Beside::Practice,
                (false, true) => run::Beside::PracticeAndHosts,
            };
            run::run(&workspace, Profile::of(release), beside, listen, public_url.as_deref())
        }
        Task::Example { which, listen } => example::example(&workspace, which, listen),
        Task::Bench { part, before } => bench::bench(&workspace, part, before.as_deref()),
        Task::Soak => soak::soak(&workspace),
        Task::Fuzz { target, seconds } => fuzz::fuzz(&workspace, target, seconds),
        Task::Test { list: true, .. } => {
            test::list();
            Ok(())
        }
        Task::Test { fast, .. } => test::test(&workspace, fast),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
