//! A test message as it is shown: its steps as a ladder, and what came of it.

use domain::delivery::{Fact, FactName, Outcome, StepEnd, StepReport};
use leptos::prelude::*;

use super::explanation::{Copyable, NextSteps, readable};
use super::live::live_option;
use super::state::FormState;
use crate::api::RunNow;
use crate::explanation::Explanation;
use crate::labels;

/// The most steps of one message: all of them twice, for a token that is refused once.
const MOST: usize = 24;

/// The steps of a message, those not reached included. Each rung is drawn anew only when something
/// has changed for it, so that what somebody has unfolded stays unfolded while the message goes on.
#[component]
pub fn Ladder(now: Signal<Option<RunNow>>) -> impl IntoView {
    let rungs = Memo::new(move |_| now.with(|now| now.as_ref().map(rungs).unwrap_or_default()));
    let places: Vec<_> = (0..MOST)
        .map(|place| {
            let rung = Memo::new(move |_| rungs.with(|rungs| rungs.get(place).cloned()));
            live_option(move || rung.get().map(Rung::view))
        })
        .collect();
    view! { <ol class="ladder" aria-label="Steps of the test message">{places}</ol> }
}

/// What ended, what is being done, and what is still to come.
fn rungs(RunNow { run, order, .. }: &RunNow) -> Vec<Rung> {
    let mut rungs: Vec<_> = run.steps.iter().map(Rung::of).collect();
    let mut is_next = run.outcome.is_none();
    for &step in order.iter().filter(|step| run.steps.iter().all(|report| report.step != **step)) {
        let (class, sign, ended) = match (run.outcome.is_some(), is_next) {
            (true, _) => ("waiting", "·", "not reached"),
            (false, true) => ("working", "›", "running"),
            (false, false) => ("waiting", "·", "waiting"),
        };
        is_next = false;
        rungs.push(Rung { class, sign, name: labels::step(step), ended, ..Rung::default() });
    }
    rungs
}

/// A step as it is shown.
#[derive(Clone, PartialEq, Default)]
struct Rung {
    class: &'static str,
    sign: &'static str,
    name: &'static str,
    ended: &'static str,
    facts: Vec<Fact>,
    said: Option<String>,
    /// Whose words these are.
    speaker: &'static str,
    found: Option<String>,
    time: String,
}

impl Rung {
    fn of(report: &StepReport) -> Self {
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
            name: labels::step(report.step),
            ended: labels::step_end(report.ended),
            facts: report.facts.clone(),
            said: report.said.clone(),
            speaker: labels::speaker(report.step),
            found: report.found.clone(),
            time,
        }
    }

    fn view(self) -> impl IntoView {
        let facts: Vec<_> = self
            .facts
            .into_iter()
            // A whole certificate is for a button, not for the eye.
            .filter(|fact| fact.name != FactName::IssuerPem)
            .map(|found| {
                let value = labels::fact_value(&found);
                view! { <div><dt>{labels::fact(found.name)}</dt> " " <dd>{value}</dd></div> }
            })
            .collect();
        let said = self.said.map(|said| folded(self.speaker, said));
        let found = self.found.map(|found| folded(labels::FOUND_BY_PPM, found));
        view! {
            <li class=self.class>
                <span class="sign" aria-hidden="true">{self.sign}</span>
                <span class="name">{self.name}</span>
                <span class="end-word">{self.ended}</span>
                <div class="found"><dl class="facts">{facts}</dl> {said} {found}</div>
                <span class="ms">{self.time}</span>
            </li>
        }
    }
}

/// Text that unfolds below the words that say whose it is.
fn folded(summary: &'static str, text: String) -> impl IntoView {
    view! {
        <details>
            <summary>{summary}</summary>
            <code>{text}</code>
        </details>
    }
}

/// How the message ended: what it means, and what to do; nothing before it has.
#[component]
pub fn End(now: RunNow, #[prop(optional_no_strip)] form: Option<FormState>) -> impl IntoView {
    let RunNow { run, explanation, transcript, .. } = now;
    let Explanation { cause, steps, see_also } = explanation.unwrap_or_default();
    let outcome = run.outcome?;
    let heading = labels::outcome(&outcome, &cause);
    let (class, facts, found) = match outcome {
        Outcome::Accepted { reply, message_id, .. } => {
            ("notice good", vec![("Server reply", reply), ("Message ID", message_id)], None)
        }
        Outcome::Failed { step, said, found, .. } => {
            let said = said.map(|said| (labels::speaker(step), said));
            ("notice bad", said.into_iter().collect(), found)
        }
        Outcome::Interrupted => ("notice", Vec::new(), None),
    };
    let found = found.map(|found| folded(labels::FOUND_BY_PPM, found));
    let facts: Vec<_> = facts
        .into_iter()
        .map(|(name, value)| view! { <div><dt>{name}</dt><dd><code>{value}</code></dd></div> })
        .collect();
    let transcript = transcript.map(|lines| match form {
        Some(_) => view! { <Copyable lines label="Copy as text" is_shown=false/> }.into_any(),
        None => view! {
            <details>
                <summary>"As text"</summary>
                {readable(lines, "As text", false, NodeRef::new())}
            </details>
        }
        .into_any(),
    });
    Some(view! {
        <section class=class part="notice">
            <h2>{heading}</h2>
            <p class="hint">{labels::tested(run.tested)}</p>
            <dl class="facts">{facts}</dl>
            <NextSteps steps see_also form/>
            {found}
            {transcript}
        </section>
    })
}
