//! Views of a test run: its steps and its outcome.

use contract::{Explanation, RunView};
use domain::delivery::{Fact, FactName, Outcome, Step, StepReport, StepStatus};
use leptos::prelude::*;

use super::explanation::{Copyable, NextSteps, heading, readable};
use crate::{model::form::FormState, view::reactive::live_option};

/// The most steps in one run: a refused token repeats all of them once.
const MAX_STEPS: usize = 24;

/// The steps of a run, including those not reached. A row rerenders only when its own data changes,
/// so that details which the user opened stay open during the run.
#[component]
pub fn DeliverySteps(now: Signal<Option<RunView>>) -> impl IntoView {
    let rows = Memo::new(move |_| now.with(|now| now.as_ref().map(rows).unwrap_or_default()));
    let places: Vec<_> = (0..MAX_STEPS)
        .map(|place| {
            let row = Memo::new(move |_| rows.with(|rows| rows.get(place).cloned()));
            live_option(move || row.get().map(StepRow::view))
        })
        .collect();
    view! { <ol class="ladder" part="steps" aria-label=labels::tab::STEPS>{places}</ol> }
}

/// Rows for the finished, the running and the pending steps.
fn rows(RunView { run, order, .. }: &RunView) -> Vec<StepRow> {
    let mut rows: Vec<_> = run.steps.iter().map(StepRow::of).collect();
    let mut is_next = true;
    let is_left = |step: &&Step| run.steps.iter().all(|report| report.step != **step);
    let left: Vec<_> = order.iter().filter(is_left).map(|&step| labels::step(step)).collect();
    if run.outcome.is_some() {
        // The steps that were not reached share one row.
        if !left.is_empty() {
            let (name, ended) = (labels::tab::NOT_REACHED, left.join(", "));
            rows.push(StepRow { class: "waiting", sign: "·", name, ended, ..StepRow::default() });
        }
        return rows;
    }
    for name in left {
        let (class, sign, ended) = if is_next {
            ("working", "›", labels::tab::RUNNING)
        } else {
            ("waiting", "·", labels::tab::PENDING)
        };
        is_next = false;
        rows.push(StepRow { class, sign, name, ended: ended.to_owned(), ..StepRow::default() });
    }
    rows
}

/// A step as it is shown.
#[derive(Clone, PartialEq, Default)]
struct StepRow {
    class: &'static str,
    sign: &'static str,
    name: &'static str,
    ended: String,
    facts: Vec<Fact>,
    peer_text: Option<String>,
    /// The label that names the peer.
    speaker: &'static str,
    found: Option<String>,
    time: String,
}

impl StepRow {
    fn of(report: &StepReport) -> Self {
        let (class, sign) = match report.ended {
            StepStatus::Done => ("done", "✓"),
            StepStatus::Failed => ("failed", "✕"),
            StepStatus::Skipped => ("waiting", "–"),
        };
        let time = match report.ended {
            StepStatus::Skipped => String::new(),
            StepStatus::Done | StepStatus::Failed => labels::tab::millis(report.millis),
        };
        Self {
            class,
            sign,
            name: labels::step(report.step),
            ended: labels::step_end(report.ended).to_owned(),
            facts: report.facts.clone(),
            peer_text: report.peer_text.clone(),
            speaker: labels::speaker(report.step),
            found: report.found.clone(),
            time,
        }
    }

    fn view(self) -> impl IntoView {
        let line = match &self.peer_text {
            Some(peer_text) if self.class == "failed" => peer_text.clone(),
            _ => labels::tab::summary(&self.facts),
        };
        let facts: Vec<_> = self
            .facts
            .into_iter()
            // The PEM certificate is used by a button and not displayed.
            .filter(|fact| fact.name != FactName::IssuerPem)
            .map(|found| {
                let value = labels::fact_value(&found);
                view! { <div><dt>{labels::fact(found.name)}</dt> " " <dd>{value}</dd></div> }
            })
            .collect();
        let quoted = [(self.speaker, self.peer_text), (labels::FOUND_BY_PPM, self.found)];
        let quoted: Vec<_> = quoted
            .into_iter()
            .filter_map(|(name, text)| {
                let text = text?;
                Some(view! { <div><dt>{name}</dt> " " <dd><code>{text}</code></dd></div> })
            })
            .collect();
        let has_details = !facts.is_empty() || !quoted.is_empty();
        let found = has_details.then(|| {
            view! {
                <details>
                    <summary>{line}</summary>
                    <dl class="facts">{facts} {quoted}</dl>
                </details>
            }
        });
        view! {
            <li class=self.class>
                <span class="sign" aria-hidden="true">{self.sign}</span>
                <span class="name">{self.name}</span>
                <span class="end-word">{self.ended}</span>
                <div class="found">{found}</div>
                <span class="ms">{self.time}</span>
            </li>
        }
    }
}

/// Text in a `details` element, below a summary that names its source.
pub fn collapsed(summary: &'static str, text: String) -> impl IntoView {
    view! {
        <details>
            <summary>{summary}</summary>
            <code>{text}</code>
        </details>
    }
}

/// The outcome of a run: its diagnosis and next steps. Renders nothing until the run has ended.
#[component]
pub fn DeliveryOutcome(
    now: RunView,
    #[prop(optional_no_strip)] form: Option<FormState>,
) -> impl IntoView {
    let RunView { run, explanation, transcript, .. } = now;
    let Explanation { cause, steps, see_also } = explanation.unwrap_or_default();
    let outcome = run.outcome?;
    let sentence = labels::outcome(&outcome, &cause);
    let (class, facts, found) = match outcome {
        Outcome::Accepted { reply, message_id, .. } => (
            "notice good",
            vec![(labels::tab::SERVER_REPLY, reply), (labels::tab::MESSAGE_ID, message_id)],
            None,
        ),
        Outcome::Failed { step, peer_text, found, .. } => {
            let peer_text = peer_text.map(|peer_text| (labels::speaker(step), peer_text));
            ("notice bad", peer_text.into_iter().collect(), found)
        }
        Outcome::Interrupted => ("notice", Vec::new(), None),
    };
    let found = found.map(|found| collapsed(labels::FOUND_BY_PPM, found));
    let facts: Vec<_> = facts
        .into_iter()
        .map(|(name, value)| view! { <div><dt>{name}</dt><dd><code>{value}</code></dd></div> })
        .collect();
    let transcript = transcript.map(|lines| match form {
        Some(_) => {
            view! { <Copyable lines label=labels::tab::COPY_AS_TEXT is_shown=false/> }.into_any()
        }
        None => view! {
            <details>
                <summary>{labels::tab::AS_TEXT}</summary>
                {readable(lines, labels::tab::AS_TEXT, false, NodeRef::new())}
            </details>
        }
        .into_any(),
    });
    Some(view! {
        <section class=class part="notice">
            {heading(sentence, form)}
            <p class="hint">{labels::tested(run.tested)}</p>
            <dl class="facts">{facts}</dl>
            <NextSteps steps see_also form/>
            {found}
            {transcript}
        </section>
    })
}
