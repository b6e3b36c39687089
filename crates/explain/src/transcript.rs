//! The transcript of a test message for a support ticket. It has everything that the page shows and
//! nothing more. Server only.

use std::fmt::Write;

use contract::Explanation;
use domain::delivery::{FactName, Outcome, Run, StepStatus};
use domain::time_format::TimeDisplay;
use labels::{FOUND_BY_PPM, fact, fact_value, outcome, step, step_end, tested};

/// Returns the transcript of a message; `None` until it has ended.
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
            StepStatus::Skipped => String::new(),
            StepStatus::Done | StepStatus::Failed => format!(", {} ms", report.millis),
        };
        writeln!(text, "{}: {}{time}", step(report.step), step_end(report.ended))?;
        for found in report.facts.iter().filter(|found| found.name != FactName::IssuerPem) {
            writeln!(text, "  {}: {}", fact(found.name), fact_value(found))?;
        }
        for line in report.peer_text.iter().flat_map(|peer_text| peer_text.lines()) {
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
        Outcome::Failed { diagnosis, .. } => writeln!(text, "Code: {diagnosis:?}")?,
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
