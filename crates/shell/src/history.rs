//! `/settings/email/history`: the latest test messages with requester, time and outcome.

use app::{DeliveryOutcome, DeliverySteps};
use contract::{RunView, pages::History, paths};
use domain::delivery::Outcome;
use labels::history;
use leptos::prelude::*;

use crate::frame::{Frame, fetched};

/// The page with the latest test messages.
#[component]
pub fn HistoryPage() -> impl IntoView {
    view! {
        <Frame title=history::TITLE lead=history::LEAD>
            {fetched(|shell, who| async move { shell.history(&who).await }, list)}
        </Frame>
    }
}

fn list(History { runs, display, kept_days }: History) -> AnyView {
    if runs.is_empty() {
        let (before, link, after) = history::SEND_ONE;
        return view! {
            <section class="notice">
                <h2>{history::NONE_YET}</h2>
                <p>{before} <a href=paths::EMAIL>{link}</a> {after}</p>
            </section>
        }
        .into_any();
    }
    let runs = runs.into_iter().map(|(by, run)| {
        let at = display.written(run.run.started_at);
        view! { <Entry by at now=run/> }
    });
    view! {
        <ol class="history" aria-label=history::TITLE>{runs.collect_view()}</ol>
        <p class="hint">{labels::message_retention(kept_days)}</p>
    }
    .into_any()
}

/// One message with expandable steps.
#[component]
fn Entry(by: String, at: String, now: RunView) -> impl IntoView {
    let run = &now.run;
    let (class, sign, words) = match &run.outcome {
        Some(Outcome::Accepted { .. }) => ("good", "✓", history::ACCEPTED),
        Some(Outcome::Failed { .. }) => ("bad", "✕", history::FAILED),
        Some(Outcome::Interrupted) => ("", "–", history::INTERRUPTED),
        None => ("", "·", history::RUNNING),
    };
    let cause = now.explanation.as_ref().map(|words| words.cause.as_str()).unwrap_or_default();
    let sentence = run.outcome.as_ref().map(|outcome| labels::outcome(outcome, cause));
    let tested = labels::tested(run.tested);
    let to = history::requested_by(&by, &run.recipient);
    let shown = Signal::stored(Some(now.clone()));
    view! {
        <li>
            <details class="group">
                <summary>
                    <span class=format!("sign {class}") aria-hidden="true">{sign}</span>
                    <strong>{words}</strong>
                    <span>{at}</span>
                    <span>{to}</span>
                    <span class="sentence">{sentence} " " {tested}</span>
                </summary>
                <div class="body lists"><DeliverySteps now=shown/> <DeliveryOutcome now/></div>
            </details>
        </li>
    }
}
