//! The table and the JSON of a benchmark.

use std::{
    fmt::{self, Display},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::{tools::answer_of, workspace::Workspace};

/// The unit of a figure.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    Bytes,
    Mebibytes,
    Milliseconds,
    Mutations,
    PerSecond,
    /// Of 100.
    Points,
    Requests,
    /// A number without a unit.
    Score,
}

impl Unit {
    const fn sign(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Mebibytes => "MiB",
            Self::Milliseconds => "ms",
            Self::Mutations | Self::Score => "",
            Self::PerSecond => "/s",
            Self::Points => "of 100",
            Self::Requests => "requests",
        }
    }
}

/// One line: a median, and its baseline.
#[derive(Serialize)]
struct Figure {
    name: String,
    unit: Unit,
    median: f64,
    samples: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Baseline>,
}

#[derive(Serialize)]
struct Baseline {
    name: &'static str,
    median: f64,
    ratio: f64,
}

/// All figures.
#[derive(Default)]
pub struct BenchReport {
    figures: Vec<Figure>,
    /// The browser's version.
    pub browser: String,
}

impl BenchReport {
    /// Adds a figure without a baseline.
    pub fn single(&mut self, name: impl Into<String>, unit: Unit, samples: &[f64]) {
        let (name, median, samples) = (name.into(), median(samples), samples.len());
        self.figures.push(Figure { name, unit, median, samples, baseline: None });
    }

    /// Adds a figure with its baseline, measured in turn with it.
    pub fn pair(
        &mut self,
        name: &'static str,
        unit: Unit,
        samples: &[f64],
        (baseline, of_baseline): (&'static str, &[f64]),
    ) {
        let (own, base) = (median(samples), median(of_baseline));
        let baseline = Some(Baseline { name: baseline, median: base, ratio: own / base });
        let name = name.to_owned();
        self.figures.push(Figure { name, unit, median: own, samples: samples.len(), baseline });
    }

    /// Fails if a figure is more than `most` times its baseline, or was not measured.
    pub fn expect_at_most(&self, most: f64, name: &str) -> Result<()> {
        let figure = self.figures.iter().find(|figure| figure.name == name);
        let baseline = figure.and_then(|figure| figure.baseline.as_ref());
        let Baseline { name: baseline, ratio, .. } =
            baseline.with_context(|| format!("\"{name}\" has no baseline"))?;
        // A ratio that is not a number is refused too.
        ensure!(
            *ratio <= most,
            "\"{name}\" is {ratio:.2} times \"{baseline}\", and may be {most} times that at most"
        );
        Ok(())
    }

    /// Fails if a figure is less than `least`, or was not measured.
    pub fn expect_at_least(&self, least: f64, name: &str) -> Result<()> {
        let figure = self.figures.iter().find(|figure| figure.name == name);
        let median = figure.with_context(|| format!("\"{name}\" was not measured"))?.median;
        // A median that is not a number is refused too.
        ensure!(median >= least, "\"{name}\" is {median:.0}, and has to be at least {least}");
        Ok(())
    }

    /// Writes the figures into a file named by the date, with a description of the machine.
    pub fn write(&self, workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
        let ask = |program: &str, args: &[&str]| {
            answer_of(Command::new(program).current_dir(workspace.root()).args(args))
        };
        let date = ask("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]).context("there is no date")?;
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let whole = serde_json::json!({
            "date": date,
            "machine": {
                "cpu": cpu.map(|(_, model)| model),
                "cores": std::thread::available_parallelism().map_or(0, usize::from),
                "memory": memory.lines().next().and_then(|line| line.split_once(':')).map(|(_, size)| size.trim()),
                "kernel": ask("uname", &["-sr"]),
            },
            "versions": {
                "commit": ask("git", &["rev-parse", "HEAD"]),
                "rustc": ask("rustc", &["--version"]),
                "node": ask("node", &["--version"]),
                "browser": self.browser,
            },
            "figures": self.figures,
        });
        let file = folder.join(format!("{}.json", date.replace(':', "")));
        fs::write(&file, serde_json::to_string_pretty(&whole)?)?;
        Ok(file)
    }
}

impl Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| What | Median | Baseline | Ratio |")?;
        write!(f, "| --- | ---: | --- | ---: |")?;
        for Figure { name, unit, median, baseline, .. } in &self.figures {
            let sign = unit.sign();
            write!(f, "\n| {name} | {} {sign} |", rounded(*median))?;
            match baseline {
                Some(Baseline { name, median, ratio }) => {
                    write!(f, " {name}: {} {sign} | {ratio:.2} |", rounded(*median))?;
                }
                None => write!(f, "  |  |")?,
            }
        }
        Ok(())
    }
}

/// The median, which one slow round does not move.
fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len() / 2, sorted.len() % 2) {
        (_, _) if sorted.is_empty() => f64::NAN,
        (middle, 1) => sorted[middle],
        (middle, _) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Formats a number: one decimal below 100, else none.
fn rounded(number: f64) -> String {
    if number.abs() < 100.0 { format!("{number:.1}") } else { format!("{number:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_round_does_not_move_the_median() {
        assert_eq!(format!("{:.1}", median(&[1.0, 900.0, 2.0])), "2.0");
        assert_eq!(format!("{:.1}", median(&[1.0, 2.0, 3.0, 900.0])), "2.5");
    }

    #[test]
    fn a_line_has_the_figure_the_baseline_and_their_ratio() {
        let mut report = BenchReport::default();
        report.pair("page", Unit::PerSecond, &[500.0], ("empty route", &[2_000.0]));
        let text = report.to_string();
        assert!(text.ends_with("| page | 500 /s | empty route: 2000 /s | 0.25 |"), "{text}");
    }
    #[test]
    fn a_figure_above_its_factor_is_refused_with_both_numbers() {
        let mut report = BenchReport::default();
        report.pair("call", Unit::Milliseconds, &[2.0], ("calm", &[1.0]));
        report.pair("slow call", Unit::Milliseconds, &[2.1], ("calm", &[1.0]));
        report.expect_at_most(2.0, "call").expect("a factor of two is allowed");
        let refused = report.expect_at_most(2.0, "slow call").expect_err("it is more than twice");
        let expected = "\"slow call\" is 2.10 times \"calm\", and may be 2 times that at most";
        assert_eq!(refused.to_string(), expected);
    }

    #[test]
    fn a_figure_below_its_minimum_is_refused_with_both_numbers() {
        let mut report = BenchReport::default();
        report.single("score", Unit::Points, &[97.0, 96.0, 98.0]);
        report.expect_at_least(97.0, "score").expect("the minimum is enough");
        let refused = report.expect_at_least(98.0, "score").expect_err("it is below");
        assert_eq!(refused.to_string(), "\"score\" is 97, and has to be at least 98");
    }

    #[test]
    fn a_figure_that_was_not_measured_is_refused() {
        let mut report = BenchReport::default();
        report.pair("call", Unit::Milliseconds, &[], ("calm", &[]));
        report.expect_at_most(2.0, "call").expect_err("no number is no proof");
        report.expect_at_most(2.0, "other").expect_err("nor is no figure");
        report.expect_at_least(2.0, "call").expect_err("no number is no proof");
        report.expect_at_least(2.0, "other").expect_err("nor is no figure");
    }
}
