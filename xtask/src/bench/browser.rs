//! The measurements by scripts of `end2end/bench`: the page in Chromium, by Lighthouse too, and nodemailer.

use std::{fs, process::Command};

use anyhow::Result;
use serde::Deserialize;

use super::programs::{EMAIL, PASSWORD, Programs, RunningProgram, number};
use super::report::{BenchReport, Unit};
use crate::workspace::{Profile, Workspace};
use crate::{node::script, size::ELEMENT_BUDGET, tools::expect_success};

/// The output of `page.bench.ts`.
#[derive(Deserialize)]
struct MeasuredPage {
    tab: Tab,
    /// The tab of an earlier version.
    before: Option<Tab>,
    hydrated_counter: Vec<f64>,
    plain: Keys,
    browser: String,
}

#[derive(Deserialize)]
struct Tab {
    first_bytes: Vec<f64>,
    bytes: Vec<f64>,
    requests: Vec<f64>,
    first_paint: Vec<f64>,
    hydrated: Vec<f64>,
    longest_task: Vec<f64>,
    mutations: Vec<f64>,
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    first: Vec<f64>,
    to_paint: Vec<f64>,
    script: Vec<f64>,
}

/// The output of `element.bench.ts`.
#[derive(Deserialize)]
struct Element {
    file_bodies: Vec<f64>,
    files: Vec<f64>,
    files_of_three: Vec<f64>,
    files_again: Vec<f64>,
    bytes: Vec<f64>,
    bytes_of_three: Vec<f64>,
    bytes_again: Vec<f64>,
    requests: Vec<f64>,
    requests_of_three: Vec<f64>,
    requests_again: Vec<f64>,
}

/// The output of `lighthouse.bench.ts`, by device.
#[derive(Deserialize)]
struct Lighthouse {
    mobile: Vec<LighthouseRun>,
    desktop: Vec<LighthouseRun>,
}

/// Scores of 100, and the metrics behind that for performance.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct LighthouseRun {
    performance: f64,
    accessibility: f64,
    best_practices: f64,
    seo: f64,
    fcp: f64,
    lcp: f64,
    tbt: f64,
    cls: f64,
}

// Names of figures. Those that are public have limits.
pub const MOBILE_PERFORMANCE: &str = "Lighthouse, mobile: performance";
pub const FIRST_LOAD: &str = "first load: HTML, CSS, JavaScript, first Wasm";
pub const HYDRATED: &str = "hydrated, CPU ÷ 4";
pub const LONGEST_TASK: &str = "longest task of a load, CPU ÷ 4";
pub const FIRST_KEY: &str = "first key to end of script, CPU ÷ 4";
pub const KEYSTROKE: &str = "keystroke to end of script, CPU ÷ 4";
const TO_PAINT: &str = "keystroke to paint, CPU ÷ 4";
pub const TO_PAINT_P95: &str = "keystroke to paint, p95, CPU ÷ 4";

/// Measures the tab's load and keystrokes, and its load as an element of another site's page.
pub fn measure(
    workspace: &Workspace,
    programs: &Programs,
    before: Option<&Programs>,
    report: &mut BenchReport,
) -> Result<()> {
    let (product, counter) = (programs.serve()?, programs.counter()?);
    let earlier = before.map(Programs::serve).transpose()?;
    let earlier_address = earlier.as_ref().map(|earlier| format!("http://{}", earlier.address));
    let output = workspace.bench_folder();
    expect_success(
        script(workspace, "bench")
            .envs(earlier_address.map(|address| ("BENCH_BEFORE", address)))
            .env("BENCH_URL", format!("http://{}", product.address))
            .env("BENCH_COUNTER", format!("http://{}", counter.address))
            .env("BENCH_EMAIL", EMAIL)
            .env("BENCH_PASSWORD", PASSWORD)
            .env("BENCH_OUTPUT", &output)
            .env("PPM_EMAIL_BIN", workspace.binary(Profile::Release))
            .env("PPM_EMAIL_SITE_ROOT", workspace.site()),
    )?;
    let page: MeasuredPage = serde_json::from_slice(&fs::read(output.join("page.json"))?)?;
    let element: Element = serde_json::from_slice(&fs::read(output.join("element.json"))?)?;
    report.browser.clone_from(&page.browser);
    report_tab(&page, report);
    let lighthouse: Lighthouse =
        serde_json::from_slice(&fs::read(output.join("lighthouse.json"))?)?;
    report_lighthouse("mobile", &lighthouse.mobile, report);
    report_lighthouse("desktop", &lighthouse.desktop, report);
    report_element(&element, &page.tab, report)
}

/// Reports the load of the tab and its keystrokes, beside their baselines.
fn report_tab(page: &MeasuredPage, report: &mut BenchReport) {
    let MeasuredPage { tab, before, hydrated_counter, plain, .. } = page;
    report.single(FIRST_LOAD, Unit::Bytes, &tab.first_bytes);
    report.single("load, with what follows", Unit::Bytes, &tab.bytes);
    report.single("load, with what follows", Unit::Requests, &tab.requests);
    report.single("first contentful paint, CPU ÷ 4", Unit::Milliseconds, &tab.first_paint);
    let milliseconds = Unit::Milliseconds;
    report.pair(HYDRATED, milliseconds, &tab.hydrated, ("bare Leptos page", hydrated_counter));
    report.single(LONGEST_TASK, milliseconds, &tab.longest_task);
    let input = "plain input";
    report.pair(FIRST_KEY, milliseconds, &tab.keys.first, (input, &plain.first));
    report.pair(KEYSTROKE, milliseconds, &tab.keys.script, (input, &plain.script));
    report.pair(TO_PAINT, milliseconds, &tab.keys.to_paint, (input, &plain.to_paint));
    report.pair_p95(TO_PAINT_P95, milliseconds, &tab.keys.to_paint, (input, &plain.to_paint));
    report.single("DOM mutations a keystroke", Unit::Mutations, &tab.mutations);
    if let Some(before) = before {
        report_progress(tab, before, report);
    }
}

/// Reports the tab beside that of an earlier version.
fn report_progress(tab: &Tab, before: &Tab, report: &mut BenchReport) {
    type Read = fn(&Tab) -> &[f64];
    let (milliseconds, baseline) = (Unit::Milliseconds, "the version before");
    let compared: [(_, _, Read); 6] = [
        (FIRST_LOAD, Unit::Bytes, |tab| &tab.first_bytes),
        (HYDRATED, milliseconds, |tab| &tab.hydrated),
        (LONGEST_TASK, milliseconds, |tab| &tab.longest_task),
        (FIRST_KEY, milliseconds, |tab| &tab.keys.first),
        (KEYSTROKE, milliseconds, |tab| &tab.keys.script),
        (TO_PAINT, milliseconds, |tab| &tab.keys.to_paint),
    ];
    for (name, unit, read) in compared {
        report.pair(name, unit, read(tab), (baseline, read(before)));
    }
    let paints = (&tab.keys.to_paint, &before.keys.to_paint);
    report.pair_p95(TO_PAINT_P95, milliseconds, paints.0, (baseline, paints.1));
}

/// Reports what Lighthouse says of the tab on a device.
fn report_lighthouse(device: &str, runs: &[LighthouseRun], report: &mut BenchReport) {
    type Read = fn(&LighthouseRun) -> f64;
    let figures: [(&str, Unit, Read); 8] = [
        ("performance", Unit::Points, |run| run.performance),
        ("first contentful paint", Unit::Milliseconds, |run| run.fcp),
        ("largest contentful paint", Unit::Milliseconds, |run| run.lcp),
        ("total blocking time", Unit::Milliseconds, |run| run.tbt),
        ("cumulative layout shift", Unit::Score, |run| run.cls),
        ("accessibility", Unit::Points, |run| run.accessibility),
        ("best practices", Unit::Points, |run| run.best_practices),
        ("SEO", Unit::Points, |run| run.seo),
    ];
    for (name, unit, read) in figures {
        let samples: Vec<_> = runs.iter().map(read).collect();
        report.single(format!("Lighthouse, {device}: {name}"), unit, &samples);
    }
}

/// Reports what the element transfers: its files, and the calls behind the form.
fn report_element(element: &Element, page: &Tab, report: &mut BenchReport) -> Result<()> {
    let budget = [f64::from(u32::try_from(ELEMENT_BUDGET)?)];
    let files = "element, bodies of its files";
    report.pair(files, Unit::Bytes, &element.file_bodies, ("budget", &budget));
    let own = "load of our own page";
    report.pair("element, first load", Unit::Bytes, &element.bytes, (own, &page.bytes));
    report.pair("element, first load", Unit::Requests, &element.requests, (own, &page.requests));

    let one = "one element";
    let (name, requests) = ("three elements, first load", &element.requests_of_three);
    report.pair(name, Unit::Bytes, &element.bytes_of_three, (one, &element.bytes));
    report.pair(name, Unit::Requests, requests, (one, &element.requests));
    let (name, files) = ("three elements, their files", &element.files_of_three);
    report.pair(name, Unit::Requests, files, (one, &element.files));

    let first = "first load";
    let (name, requests) = ("element, second load", &element.requests_again);
    report.pair(name, Unit::Bytes, &element.bytes_again, (first, &element.bytes));
    report.pair(name, Unit::Requests, requests, (first, &element.requests));
    let (name, files) = ("element, its files at a second load", &element.files_again);
    report.pair(name, Unit::Requests, files, (first, &element.files));
    Ok(())
}

/// Messages per second that nodemailer sends to a sink: over a connection `each`, or one `pool`.
pub fn nodemailer(
    workspace: &Workspace,
    sink: &RunningProgram,
    messages: u32,
    way: &str,
) -> Result<f64> {
    let mut script = Command::new("node");
    script.current_dir(workspace.end2end()).args(["bench/nodemailer.mjs", sink.port()]);
    number(script.arg(messages.to_string()).arg(way))
}
