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
    bytes: Vec<f64>,
    requests: Vec<f64>,
    first_paint: Vec<f64>,
    hydrated: Vec<f64>,
    to_paint: Vec<f64>,
    to_paint_plain: Vec<f64>,
    script: Vec<f64>,
    script_plain: Vec<f64>,
    mutations: Vec<f64>,
    browser: String,
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

/// The score of Lighthouse that has a minimum.
pub const MOBILE_PERFORMANCE: &str = "Lighthouse, mobile: performance";

/// Measures the tab's load and keystrokes, and its load as an element of another site's page.
pub fn measure(workspace: &Workspace, programs: &Programs, report: &mut BenchReport) -> Result<()> {
    let product = programs.serve()?;
    let output = workspace.bench_folder();
    expect_success(
        script(workspace, "bench")
            .env("BENCH_URL", format!("http://{}", product.address))
            .env("BENCH_EMAIL", EMAIL)
            .env("BENCH_PASSWORD", PASSWORD)
            .env("BENCH_OUTPUT", &output)
            .env("PPM_EMAIL_BIN", workspace.binary(Profile::Release))
            .env("PPM_EMAIL_SITE_ROOT", workspace.site()),
    )?;
    let page: MeasuredPage = serde_json::from_slice(&fs::read(output.join("page.json"))?)?;
    let element: Element = serde_json::from_slice(&fs::read(output.join("element.json"))?)?;
    report.browser.clone_from(&page.browser);
    report.single("first load", Unit::Bytes, &page.bytes);
    report.single("first load", Unit::Requests, &page.requests);
    report.single("first contentful paint, CPU ÷ 4", Unit::Milliseconds, &page.first_paint);
    report.single("hydrated, CPU ÷ 4", Unit::Milliseconds, &page.hydrated);
    let plain = ("plain input", &page.to_paint_plain[..]);
    report.pair("keystroke to paint, CPU ÷ 4", Unit::Milliseconds, &page.to_paint, plain);
    let plain = ("plain input", &page.script_plain[..]);
    report.pair("keystroke to end of script, CPU ÷ 4", Unit::Milliseconds, &page.script, plain);
    report.single("DOM mutations a keystroke", Unit::Mutations, &page.mutations);
    let lighthouse: Lighthouse =
        serde_json::from_slice(&fs::read(output.join("lighthouse.json"))?)?;
    report_lighthouse("mobile", &lighthouse.mobile, report);
    report_lighthouse("desktop", &lighthouse.desktop, report);
    report_element(&element, &page, report)
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
fn report_element(element: &Element, page: &MeasuredPage, report: &mut BenchReport) -> Result<()> {
    let budget = [f64::from(u32::try_from(ELEMENT_BUDGET)?)];
    let files = "element, bodies of its files";
    report.pair(files, Unit::Bytes, &element.file_bodies, ("budget", &budget));
    let own = "first load of our own page";
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
