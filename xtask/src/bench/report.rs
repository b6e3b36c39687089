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

/// A limit of a figure's median, or of its ratio to the baseline. No number is within a limit if there
/// is none.
#[derive(Clone, Copy)]
pub enum Limit {
    AtLeast(f64),
    AtMost(f64),
    RatioAtLeast(f64),
    RatioAtMost(f64),
}

impl Limit {
    fn allows(self, figure: &Figure) -> bool {
        let ratio = figure.baseline.as_ref().map(|baseline| baseline.ratio);
        match self {
            Self::AtLeast(least) => figure.median >= least,
            Self::AtMost(most) => figure.median <= most,
            Self::RatioAtLeast(least) => ratio.is_some_and(|ratio| ratio >= least),
            Self::RatioAtMost(most) => ratio.is_some_and(|ratio| ratio <= most),
        }
    }
}

impl Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::RatioAtLeast(least) => write!(f, "at least {least} times the baseline"),
            Self::RatioAtMost(most) => write!(f, "at most {most} times the baseline"),
        }
    }
}

impl Figure {
    /// The name, the median, and how it relates to the baseline.
    fn with_ratio(&self) -> String {
        let Self { name, unit, median, baseline, .. } = self;
        let text = format!("{name}: {} {}", rounded(*median), unit.sign());
        match baseline {
            Some(Baseline { name, ratio, .. }) => format!("{text}, {ratio:.2} times \"{name}\""),
            None => text,
        }
    }
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
        let compared = (median(samples), median(of_baseline));
        self.compare(name, unit, compared, samples.len(), baseline);
    }

    /// The same with 95th percentiles in place of the medians.
    pub fn pair_p95(
        &mut self,
        name: &'static str,
        unit: Unit,
        samples: &[f64],
        (baseline, of_baseline): (&'static str, &[f64]),
    ) {
        let compared = (p95(samples), p95(of_baseline));
        self.compare(name, unit, compared, samples.len(), baseline);
    }

    fn compare(
        &mut self,
        name: &str,
        unit: Unit,
        (own, base): (f64, f64),
        samples: usize,
        baseline: &'static str,
    ) {
        let baseline = Some(Baseline { name: baseline, median: base, ratio: own / base });
        self.figures.push(Figure { name: name.to_owned(), unit, median: own, samples, baseline });
    }

    /// Fails with all figures that exceed their limits, or were not measured.
    pub fn check(&self, limits: &[(&str, Limit)]) -> Result<()> {
        let mut broken = Vec::new();
        for (name, limit) in limits {
            let figure = self.figures.iter().find(|figure| figure.name == *name);
            match figure {
                Some(figure) if limit.allows(figure) => {}
                Some(figure) => broken.push(format!("{}, allowed is {limit}", figure.with_ratio())),
                None => broken.push(format!("{name}: not measured")),
            }
        }
        ensure!(broken.is_empty(), "over a limit:\n{}", broken.join("\n"));
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

/// The 95th percentile: the smallest sample that 95 % of the samples do not exceed.
fn p95(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * 95).div_ceil(100);
    rank.checked_sub(1).and_then(|at| sorted.get(at)).copied().unwrap_or(f64::NAN)
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
    fn nineteen_of_twenty_samples_are_within_the_95th_percentile() {
        let samples: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(format!("{:.1}", p95(&samples)), "19.0");
        assert_eq!(format!("{:.1}", p95(&[3.0])), "3.0");
    }

    #[test]
    fn every_figure_over_its_limit_is_named_with_its_ratio() {
        let mut report = BenchReport::default();
        report.pair("call", Unit::Milliseconds, &[2.0], ("calm", &[1.0]));
        report.pair("slow call", Unit::Milliseconds, &[2.1], ("calm", &[1.0]));
        report.single("score", Unit::Points, &[97.0, 96.0, 98.0]);
        report.single("size", Unit::Bytes, &[200.0]);
        let kept = [
            ("call", Limit::RatioAtMost(2.0)),
            ("call", Limit::RatioAtLeast(2.0)),
            ("score", Limit::AtLeast(97.0)),
            ("size", Limit::AtMost(200.0)),
        ];
        report.check(&kept).expect("a figure may be equal to its limit");
        let broken = [
            ("call", Limit::RatioAtMost(2.0)),
            ("slow call", Limit::RatioAtMost(2.0)),
            ("call", Limit::RatioAtLeast(2.1)),
            ("score", Limit::AtLeast(98.0)),
            ("size", Limit::AtMost(199.0)),
        ];
        let expected = "over a limit:
slow call: 2.1 ms, 2.10 times \"calm\", allowed is at most 2 times the baseline
call: 2.0 ms, 2.00 times \"calm\", allowed is at least 2.1 times the baseline
score: 97.0 of 100, allowed is at least 98
size: 200 bytes, allowed is at most 199";
        assert_eq!(report.check(&broken).expect_err("four are over").to_string(), expected);
    }

    #[test]
    fn a_figure_that_was_not_measured_is_refused() {
        let mut report = BenchReport::default();
        report.pair("call", Unit::Milliseconds, &[], ("calm", &[]));
        let ratios = [Limit::RatioAtLeast(2.0), Limit::RatioAtMost(2.0)];
        for limit in ratios.into_iter().chain([Limit::AtMost(2.0), Limit::AtLeast(2.0)]) {
            report.check(&[("call", limit)]).expect_err("no number is no proof");
            report.check(&[("other", limit)]).expect_err("nor is no figure");
        }
    }
}
