//! A test message as it is shown: its steps, and what came of it.

use domain::delivery::{Outcome, Run, Step, StepEnd, StepReport};
use leptos::prelude::*;

use crate::labels;

/// The steps of a message, those not reached included.
#[component]
pub fn RunView(run: Run) -> impl IntoView {
    let waiting = if run.outcome.is_some() { "not reached" } else { "waiting" };
    // With an OAuth flow, the token is what every run begins with.
    let missing = Step::ALL
        .into_iter()
        .filter(|step| *step != Step::Token && run.steps.iter().all(|report| report.step != *step));
    let missing: Vec<_> = missing
        .map(|step| Rung {
            class: "waiting",
            sign: "·",
            step,
            ended: waiting,
            said: String::new(),
            time: String::new(),
        })
        .collect();
    let rungs: Vec<_> =
        run.steps.into_iter().map(Rung::from).chain(missing).map(Rung::view).collect();
    view! { <ol class="ladder" aria-label="Steps of the test message">{rungs}</ol> }
}

/// A step as it is shown.
struct Rung {
    class: &'static str,
    sign: &'static str,
    step: Step,
    ended: &'static str,
    said: String,
    time: String,
}

impl From<StepReport> for Rung {
    fn from(report: StepReport) -> Self {
        let (class, sign) = match report.ended {
            StepEnd::Done => ("done", "✓"),
            StepEnd::Failed => ("failed", "✕"),
            StepEnd::Skipped => ("waiting", "–"),
        };
        let time = match report.ended {
            StepEnd::Skipped => String::new(),
            StepEnd::Done | StepEnd::Failed => format!("{} ms", report.millis),
        };
        Self {
            class,
            sign,
            step: report.step,
            ended: labels::step_end(report.ended),
            said: report.said.unwrap_or_default(),
            time,
        }
    }
}

impl Rung {
    fn view(self) -> impl IntoView {
        view! {
            <li class=self.class>
                <span class="sign" aria-hidden="true">{self.sign}</span>
                <span>{labels::step(self.step)}</span>
                <span class="end-word">{self.ended}</span>
                <code>{self.said}</code>
                <span class="ms">{self.time}</span>
            </li>
        }
    }
}

/// How the message ended: what it means, and what to do.
#[component]
pub fn OutcomeView(outcome: Outcome) -> impl IntoView {
    let heading = labels::outcome(&outcome);
    let class = match &outcome {
        Outcome::Accepted { .. } => "notice good",
        Outcome::Failed { .. } => "notice bad",
        Outcome::Interrupted => "notice",
    };
    let (facts, steps) = match outcome {
        Outcome::Accepted { reply, message_id, .. } => {
            (vec![("Its reply", reply), ("Message id", message_id)], &[][..])
        }
        Outcome::Failed { said, advice, .. } => {
            let said = said.map(|said| ("In the server's words", said));
            (said.into_iter().collect(), labels::advice(advice).steps)
        }
        Outcome::Interrupted => (Vec::new(), labels::INTERRUPTED.steps),
    };
    let facts: Vec<_> = facts
        .into_iter()
        .map(|(name, value)| view! { <div><dt>{name}</dt><dd><code>{value}</code></dd></div> })
        .collect();
    let steps: Vec<_> = steps.iter().map(|&step| view! { <li>{step}</li> }).collect();
    view! {
        <section class=class part="notice">
            <h2>{heading}</h2>
            <dl class="facts">{facts}</dl>
            <ol>{steps}</ol>
        </section>
    }
}
