//! What is measured by scripts of `end2end/bench`: the page in Chromium, and nodemailer.

use std::{fs, process::Command};

use anyhow::Result;
use serde::Deserialize;

use super::{
    programs::{EMAIL, PASSWORD, Programs, Running, number},
    report::{Report, Unit},
};
use crate::{node::script, tools::expect_success, workspace::Workspace};

/// What `page.bench.ts` writes.
#[derive(Deserialize)]
struct Page {
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

/// Loads the tab and types into it.
pub fn measure(workspace: &Workspace, programs: &Programs, report: &mut Report) -> Result<()> {
    let product = programs.serve()?;
    let output = workspace.bench_folder().join("page.json");
    expect_success(
        script(workspace, "bench")
            .env("BENCH_URL", format!("http://{}", product.address))
            .env("BENCH_EMAIL", EMAIL)
            .env("BENCH_PASSWORD", PASSWORD)
            .env("BENCH_OUTPUT", &output),
    )?;
    let page: Page = serde_json::from_slice(&fs::read(output)?)?;
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
    Ok(())
}

/// How many messages a second nodemailer sends into a sink: over a connection `each`, or one `pool`.
pub fn nodemailer(workspace: &Workspace, sink: &Running, messages: u32, way: &str) -> Result<f64> {
    let mut script = Command::new("node");
    script.current_dir(workspace.end2end()).args(["bench/nodemailer.mjs", sink.port()]);
    number(script.arg(messages.to_string()).arg(way))
}
