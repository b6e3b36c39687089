//! Send Test Email: a message to oneself through what is saved, and where it got to. The run lives
//! on the server; the page only reads it, so a reload or a second tab picks it up.

use std::time::Duration;

use domain::delivery::{Outcome, Run, Step, StepEnd, StepReport};
use domain::{OauthFlow, time_format};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::state::FormState;
use crate::api::{self, ApiError};
use crate::deadline::pause;
use crate::labels;

/// How often the page asks how a message is getting on.
const POLL: Duration = Duration::from_millis(300);

/// The last test message and what was said about asking for one.
#[derive(Clone, Copy)]
pub struct TestState {
    recipient: RwSignal<String>,
    run: RwSignal<Option<Run>>,
    refusal: RwSignal<Option<ApiError>>,
    is_asking: RwSignal<bool>,
}

impl TestState {
    /// Nothing sent so far.
    pub fn new() -> Self {
        Self {
            recipient: RwSignal::new(String::new()),
            run: RwSignal::new(None),
            refusal: RwSignal::new(None),
            is_asking: RwSignal::new(false),
        }
    }

    /// Shows what was loaded.
    pub fn adopt(self, tab: &api::Tab) {
        self.recipient.set(tab.recipient.clone());
        self.run.set(tab.last_run.clone());
    }

    fn is_under_way(self) -> bool {
        self.is_asking.get()
            || self.run.with(|run| run.as_ref().is_some_and(|run| run.outcome.is_none()))
    }

    fn send(self) {
        self.is_asking.set(true);
        self.refusal.set(None);
        spawn_local(async move {
            let answer = api::in_time(api::send_test()).await;
            self.is_asking.set(false);
            match answer {
                Ok(run) => {
                    self.run.set(Some(run));
                    self.follow().await;
                }
                Err(error) => self.refusal.set(Some(error)),
            }
        });
    }

    /// Reads the run until it has ended. A poll that fails is tried again: the run goes on.
    async fn follow(self) {
        while let Some(Some(id)) = self.run.try_with_untracked(|run| {
            run.as_ref().filter(|run| run.outcome.is_none()).map(|run| run.id.clone())
        }) {
            pause(POLL).await;
            match api::in_time(api::run(id)).await {
                Ok(run) => drop(self.run.try_set(Some(run))),
                Err(ApiError::Unreachable | ApiError::ServerFailed) => pause(POLL * 10).await,
                Err(error) => {
                    self.refusal.try_set(Some(error));
                    return;
                }
            }
        }
    }
}

/// The group box with the button and the last message's way.
#[component]
pub fn SendTestEmail(form: FormState, test: TestState) -> impl IntoView {
    Effect::new(move |_| spawn_local(test.follow()));
    let reason = Memo::new(move |_| reason_to_wait(form));
    let is_waiting = move || reason.get().is_some() || test.is_under_way();
    let outcome =
        Memo::new(move |_| test.run.with(|run| run.as_ref().and_then(|run| run.outcome.clone())));
    view! {
        <fieldset class="group">
            <legend>"Send Test Email"</legend>
            <div class="body">
                <div class="row">
                    <span>
                        "To " <strong>{move || test.recipient.get()}</strong>
                        ", your own address, through the settings that are saved."
                    </span>
                    <button
                        type="button"
                        class="primary end"
                        aria-describedby="send-test-reason"
                        disabled=is_waiting
                        on:click=move |_| test.send()
                    >
                        {move || if test.is_under_way() { "Sending…" } else { "Send Test Email" }}
                    </button>
                </div>
                <p class="hint" id="send-test-reason">{move || reason.get()}</p>
                {move || test.refusal.get().map(|error| view! {
                    <p class="notice bad" role="alert">{labels::api_error(error)}</p>
                })}
                <RunView test/>
                <div class="announcement" role="status">
                    {move || outcome.get().map(|outcome| view! { <OutcomeView outcome/> })}
                </div>
            </div>
        </fieldset>
    }
}

/// Why no message can be sent at the moment, in words.
fn reason_to_wait(form: FormState) -> Option<&'static str> {
    if form.is_dirty() {
        return Some(labels::SAVE_FIRST);
    }
    form.with_saved(|saved| {
        if !saved.is_complete() {
            Some(labels::FILL_IN_FIRST)
        } else if saved.form.flow == OauthFlow::None {
            None
        } else {
            Some(labels::TOKEN_NEEDED)
        }
    })
}

/// The steps of the last message, those not reached included.
#[component]
fn RunView(test: TestState) -> impl IntoView {
    move || {
        test.run.get().map(|run| {
            let reached = run.steps.iter().map(|report| view! { <StepView report=report.clone()/> }).collect_view();
            let missing: Vec<Step> = Step::ALL
                .into_iter()
                .filter(|step| run.steps.iter().all(|report| report.step != *step))
                .collect();
            let waiting = if run.outcome.is_some() { "not reached" } else { "waiting" };
            let rest = missing.into_iter().map(|step| view! {
                <li class="waiting">
                    <span class="sign" aria-hidden="true">"·"</span>
                    <span>{labels::step(step)}</span>
                    <span class="end-word">{waiting}</span>
                </li>
            }).collect_view();
            view! {
                <p class="hint">
                    "Last message: to " {run.recipient.clone()} ", " {time_format::written(run.started_at)} "."
                </p>
                <ol class="ladder" aria-label="Steps of the last test message">{reached}{rest}</ol>
            }
        })
    }
}

#[component]
fn StepView(report: StepReport) -> impl IntoView {
    let (class, sign) = match report.ended {
        StepEnd::Done => ("done", "✓"),
        StepEnd::Failed => ("failed", "✕"),
        StepEnd::Skipped => ("waiting", "–"),
    };
    view! {
        <li class=class>
            <span class="sign" aria-hidden="true">{sign}</span>
            <span>{labels::step(report.step)}</span>
            <span class="end-word">{labels::step_end(report.ended)}</span>
            <code>{report.said}</code>
            <span class="ms">{format!("{} ms", report.millis)}</span>
        </li>
    }
}

/// How the message ended: what it means, and what to do.
#[component]
fn OutcomeView(outcome: Outcome) -> impl IntoView {
    match outcome {
        Outcome::Accepted { server, reply, message_id } => view! {
            <section class="notice good">
                <h3>{server} " accepted the message."</h3>
                <dl class="facts">
                    <div><dt>"Its reply"</dt><dd><code>{reply}</code></dd></div>
                    <div><dt>"Message id"</dt><dd><code>{message_id}</code></dd></div>
                </dl>
            </section>
        }
        .into_any(),
        Outcome::Failed { step, said, advice } => {
            let labels::Explanation { cause, steps } = labels::advice(advice);
            let said = said.map(|said| {
                view! {
                    <p class="said">"In the server's words: " <code>{said}</code></p>
                }
            });
            view! {
                <section class="notice bad">
                    <h3>{labels::step(step)} " failed: " {cause}</h3>
                    {said}
                    <ol>{steps.iter().map(|step| view! { <li>{*step}</li> }).collect_view()}</ol>
                </section>
            }
            .into_any()
        }
        Outcome::Interrupted => view! {
            <section class="notice">
                <h3>"PPM stopped before the message was through."</h3>
                <p>"It may have been delivered. Look into your inbox before you try again."</p>
            </section>
        }
        .into_any(),
    }
}
