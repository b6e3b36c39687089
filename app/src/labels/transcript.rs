//! A test message as text, fit for a support ticket: everything that the page shows of it, and nothing
//! that the page may not show. Made on the server only.

use std::fmt::Write;

use domain::delivery::{FactName, Outcome, Run, StepEnd};
use domain::time_format::TimeDisplay;

use super::{FOUND_BY_PPM, fact, fact_value, outcome, step, step_end, tested};
use crate::explanation::Explanation;

/// The transcript of a message; nothing before it has ended.
#[must_use]
pub fn transcript(run: &Run, explanation: Option<&Explanation>) -> Option<String> {
    let end = run.outcome.as_ref()?;
    let cause = explanation.map(|explanation| explanation.cause.as_str()).unwrap_or_default();
    let mut text = String::new();
    written(&mut text, run, end, cause, explanation).ok()?;
    Some(text)
}

fn written(
    text: &mut String,
    run: &Run,
    end: &Outcome,
    cause: &str,
    explanation: Option<&Explanation>,
) -> std::fmt::Result {
    writeln!(text, "Test message of PPM Email Settings")?;
    writeln!(text, "To {}, {}", run.recipient, TimeDisplay::default().written(run.started_at))?;
    writeln!(text, "{}", tested(run.tested))?;
    writeln!(text)?;
    for report in &run.steps {
        let time = match report.ended {
            StepEnd::Skipped => String::new(),
            StepEnd::Done | StepEnd::Failed => format!(", {} ms", report.millis),
        };
        writeln!(text, "{}: {}{time}", step(report.step), step_end(report.ended))?;
        for found in report.facts.iter().filter(|found| found.name != FactName::IssuerPem) {
            writeln!(text, "  {}: {}", fact(found.name), fact_value(found))?;
        }
        for line in report.said.iter().flat_map(|said| said.lines()) {
            writeln!(text, "  > {line}")?;
        }
        for line in report.found.iter().flat_map(|found| found.lines()) {
            writeln!(text, "  {FOUND_BY_PPM}: {line}")?;
        }
    }
    writeln!(text)?;
    writeln!(text, "{}", outcome(end, cause))?;
    match end {
        Outcome::Accepted { message_id, .. } => writeln!(text, "Message id: {message_id}")?,
        Outcome::Failed { advice, .. } => writeln!(text, "Code: {advice:?}")?,
        Outcome::Interrupted => {}
    }
    for (number, next) in explanation.iter().flat_map(|words| &words.steps).enumerate() {
        writeln!(text, "{}. {}", number + 1, next.text)?;
        for line in next.copy.iter().flat_map(|lines| lines.lines()) {
            writeln!(text, "   {line}")?;
        }
    }
    Ok(())
}
