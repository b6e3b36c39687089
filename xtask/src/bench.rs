//! `cargo xtask bench`: measures the product, each figure in turn with a baseline. Machines are
//! shared and noisy, so compare the ratios, not the numbers.

mod browser;
mod outbox;
mod postfix;
mod programs;
mod report;

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::{
    build,
    node::{self, Packages},
    tools::{cargo, expect_success},
    workspace::{Profile, Workspace},
};

use programs::Programs;
use report::{BenchReport, Limit, Unit};

/// How often each pair is measured, in turn.
const ROUNDS: usize = 5;
/// How often a start is measured.
const STARTS: usize = 15;
const REQUESTS: u32 = 4_000;
const CONNECTIONS: u32 = 8;
const SAVES: u32 = 200;
const MANY_SAVES: u32 = 10_000;
const MESSAGES: u32 = 300;
const OPEN_PAGES: u32 = 200;
/// The number of calls from which the 99th percentile is taken.
const CALLS: u32 = 1_000;
/// The flood: the number of connections from one address, and of sign-ins per second over each,
/// which wait for their responses. It shares the cores with the product and the administrator's
/// client, and so does not run at full speed.
const FLOOD_CONNECTIONS: u32 = 64;
const FLOOD_PER_SECOND: u32 = 10;
const UNDER_FLOOD: &str = "call, p99, under a flood of 64 connections and 640 sign-ins a second";
/// The maximum of the 99th percentile of an administrator's calls with the flood.
const FLOOD_LIMIT: (&str, Limit) = (UNDER_FLOOD, Limit::RatioAtMost(2.0));
/// With checks and without them: the rounds, and the saves and page requests of one. A save is checked
/// within two seconds, and a round of both takes longer.
const CHECK_ROUNDS: usize = 15;
const SAVES_BESIDE_CHECKS: u32 = 2_000;
const PAGES_BESIDE_CHECKS: u32 = 2_000;
const CHECKED_PAGE: &str = "page, 8 connections, with checks";
const CHECKED_SAVE: &str = "save on SQLite, 1 connection, with checks";
/// The limits of what checks cost. They only reveal a regression, such as a save that waits for its
/// check: on a busy machine the ratio varies by a fifth (docs/development.md).
const CHECK_LIMITS: [(&str, Limit); 2] =
    [(CHECKED_PAGE, Limit::RatioAtLeast(0.7)), (CHECKED_SAVE, Limit::RatioAtLeast(0.7))];
/// The limits of the page in the browser. The last three only reveal a regression: beside an empty
/// page they cannot be much lower (docs/development.md).
const PAGE_LIMITS: [(&str, Limit); 7] = [
    (browser::MOBILE_PERFORMANCE, Limit::AtLeast(97.0)),
    (browser::FIRST_LOAD, Limit::AtMost(200_000.0)),
    (browser::LONGEST_TASK, Limit::AtMost(150.0)),
    (browser::TO_PAINT_P95, Limit::RatioAtMost(1.3)),
    (browser::HYDRATED, Limit::RatioAtMost(5.0)),
    (browser::KEYSTROKE, Limit::RatioAtMost(2.5)),
    (browser::FIRST_KEY, Limit::RatioAtMost(7.0)),
];

/// A part that can be measured separately.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// An administrator's calls while a flood of sign-ins is refused. Needs no browser.
    Flood,
    /// The tab: its views on the server, its load and its keystrokes in a browser.
    Page,
    /// What checks of the sign-in cost page views and saves. Needs no browser.
    Checks,
    /// The outbox: messages accepted and sent, beside Postfix and nodemailer, and while many wait.
    /// Needs no browser.
    Outbox,
}

/// Measures everything, or one part, prints the table and writes it as JSON. Then fails if a figure
/// exceeds its limit. `before` is the working copy of an earlier version, whose pages are measured in
/// turn with those of this one.
pub fn bench(workspace: &Workspace, part: Option<Part>, before: Option<&Path>) -> Result<()> {
    match part {
        Some(Part::Flood | Part::Checks) => {
            let programs = ["build", "--release", "--package=server", "--package=bench"];
            expect_success(&mut cargo(workspace, programs))?;
            fs::create_dir_all(workspace.site())?;
        }
        Some(Part::Outbox) => {
            node::ensure_node()?;
            node::ensure_packages(workspace, Packages::All)?;
            let programs = ["build", "--release", "--package=server", "--package=bench"];
            expect_success(&mut cargo(workspace, programs))?;
            fs::create_dir_all(workspace.site())?;
        }
        Some(Part::Page) | None => {
            node::ensure_node()?;
            node::ensure_packages(workspace, Packages::All)?;
            crate::chromium::ensure_chromium(workspace)?;
            build::build(workspace, Profile::Release)?;
            build::build_counter_bundle(workspace)?;
            expect_success(&mut cargo(workspace, ["build", "--release", "--package=bench"]))?;
        }
    }

    let folder = workspace.bench_folder();
    for data in ["data", "data-unchecked"] {
        let _ = fs::remove_dir_all(folder.join(data));
    }
    let programs = Programs::new(workspace, folder.join("data"))?;
    let before =
        before.map(|root| Programs::new(&Workspace::at(root)?, folder.join("data-before")));
    let before = before.transpose()?;
    let mut report = BenchReport::default();
    if part.is_none() {
        start(&programs, &mut report)?;
        smtp(workspace, &programs, &mut report)?;
        memory(&programs, &mut report)?;
    }
    let is_wanted = |this: Part| part.is_none_or(|wanted| wanted == this);
    let mut limits = Vec::new();
    if is_wanted(Part::Flood) {
        flood(&programs, &mut report)?;
        limits.push(FLOOD_LIMIT);
    }
    if is_wanted(Part::Checks) {
        let unchecked = Programs::new(workspace, folder.join("data-unchecked"))?;
        checks(&programs, &unchecked, &mut report)?;
        limits.extend(CHECK_LIMITS);
    }
    if is_wanted(Part::Outbox) {
        outbox::measure(workspace, &mut report)?;
        limits.extend(outbox::LIMITS);
    }
    if is_wanted(Part::Page) {
        http(&programs, before.as_ref(), &mut report)?;
        browser::measure(workspace, &programs, before.as_ref(), &mut report)?;
        limits.extend(PAGE_LIMITS);
    }

    println!("\n{report}");
    let file = report.write(workspace, &folder).context("the figures could not be written")?;
    println!("\nWritten to {}", file.display());
    report.check(&limits)
}

/// Measures the time from the start of the process to its first response.
fn start(programs: &Programs, report: &mut BenchReport) -> Result<()> {
    let (mut product, mut empty) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        product.push(programs.serve()?.first_answer()?);
        empty.push(programs.empty()?.first_answer()?);
    }
    report.pair("start to first answer", Unit::Milliseconds, &product, ("empty server", &empty));
    Ok(())
}

fn http(programs: &Programs, before: Option<&Programs>, report: &mut BenchReport) -> Result<()> {
    let (product, empty) = (programs.serve()?, programs.empty()?);
    let earlier = before.map(Programs::serve).transpose()?;
    let (mut pages, mut many, mut saves, mut one) = (vec![], vec![], vec![], vec![]);
    let mut pages_before = vec![];
    for _ in 0..ROUNDS {
        let view =
            |server| programs.get(server, "/settings/email", REQUESTS / 4, CONNECTIONS, true);
        pages.push(view(&product)?);
        if let Some(earlier) = &earlier {
            pages_before.push(view(earlier)?);
        }
        many.push(programs.get(&empty, "/", REQUESTS * 5, CONNECTIONS, false)?);
        saves.push(programs.save(&product, None, SAVES)?);
        one.push(programs.get(&empty, "/", REQUESTS, 1, false)?);
    }
    report.pair("page, 8 connections", Unit::PerSecond, &pages, ("empty route", &many));
    if before.is_some() {
        let baseline = ("the version before", &pages_before[..]);
        report.pair("page, 8 connections", Unit::PerSecond, &pages, baseline);
    }
    report.pair("save on SQLite, 1 connection", Unit::PerSecond, &saves, ("empty route", &one));
    Ok(())
}

fn smtp(workspace: &Workspace, programs: &Programs, report: &mut BenchReport) -> Result<()> {
    let sink = programs.sink()?;
    let (mut own, mut each, mut pool) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        own.push(programs.send(&sink, MESSAGES)?);
        each.push(browser::nodemailer(workspace, &sink, MESSAGES, "each")?);
        pool.push(browser::nodemailer(workspace, &sink, MESSAGES, "pool")?);
    }
    let name = "messages, a connection each";
    report.pair(name, Unit::PerSecond, &own, ("nodemailer", &each));
    report.pair(name, Unit::PerSecond, &own, ("nodemailer, one connection", &pool));
    Ok(())
}

/// Measures what a flood of refused sign-ins costs an administrator: the 99th percentile of their
/// calls, with the flood and without it in turn.
fn flood(programs: &Programs, report: &mut BenchReport) -> Result<()> {
    println!(
        "The flood: {FLOOD_CONNECTIONS} connections from one address, {} sign-ins a second in all.",
        FLOOD_CONNECTIONS * FLOOD_PER_SECOND
    );
    let product = programs.serve_behind_a_proxy()?;
    let (mut calm, mut flooded) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        calm.push(programs.slowest_call(&product, CALLS)?);
        let _flood = programs.flood(&product, FLOOD_CONNECTIONS, FLOOD_PER_SECOND)?;
        flooded.push(programs.slowest_call(&product, CALLS)?);
    }
    report.pair(UNDER_FLOOD, Unit::Milliseconds, &flooded, ("without the flood", &calm));
    Ok(())
}

/// Measures what checks cost: saves, after which the sign-in is checked, and page views, of a product
/// with checks and of one without in turn.
fn checks(programs: &Programs, unchecked: &Programs, report: &mut BenchReport) -> Result<()> {
    let (on, off) = (programs.serve()?, unchecked.serve_without_checks()?);
    let sink = programs.sink()?;
    let (mut saves, mut saves_off, mut pages, mut pages_off) = (vec![], vec![], vec![], vec![]);
    for _ in 0..CHECK_ROUNDS {
        for (product, saves, pages) in
            [(&on, &mut saves, &mut pages), (&off, &mut saves_off, &mut pages_off)]
        {
            saves.push(programs.save(product, Some(&sink), SAVES_BESIDE_CHECKS)?);
            let (path, requests) = ("/settings/email", PAGES_BESIDE_CHECKS);
            pages.push(programs.get(product, path, requests, CONNECTIONS, true)?);
        }
    }
    report.pair(CHECKED_PAGE, Unit::PerSecond, &pages, ("without checks", &pages_off));
    report.pair(CHECKED_SAVE, Unit::PerSecond, &saves, ("without checks", &saves_off));
    Ok(())
}

fn memory(programs: &Programs, report: &mut BenchReport) -> Result<()> {
    let (product, empty) = (programs.serve()?, programs.empty()?);
    let nothing = [empty.memory()?];
    let base = ("empty server", &nothing[..]);
    report.pair("memory at start", Unit::Mebibytes, &[product.memory()?], base);
    programs.get(&product, "/settings/email", 1, 1, true)?;
    report.pair("memory after a sign-in", Unit::Mebibytes, &[product.memory()?], base);
    programs.save(&product, None, MANY_SAVES)?;
    report.pair("memory after 10,000 saves", Unit::Mebibytes, &[product.memory()?], base);
    streams(programs, report)
}

/// Measures whether closed streams leak memory. The first round allocates the memory that so many
/// streams need; further rounds must reuse it.
fn streams(programs: &Programs, report: &mut BenchReport) -> Result<()> {
    let (product, sink) = (programs.serve()?, programs.sink()?);
    programs.watch(&product, &sink, OPEN_PAGES)?;
    let before = [product.memory()?];
    for _ in 0..ROUNDS {
        programs.watch(&product, &sink, OPEN_PAGES)?;
    }
    let base = ("before", &before[..]);
    let name = "memory after 5 times 200 open pages";
    report.pair(name, Unit::Mebibytes, &[product.memory()?], base);
    Ok(())
}
