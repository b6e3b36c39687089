//! The group box "Send Test Email".

use contract::RunView;
use domain::OauthFlow;
use domain::delivery::Outcome;
use leptos::prelude::*;

use super::delivery::{DeliveryOutcome, DeliverySteps};
use super::updates::subscribe;
use crate::model::test_run::{OUTCOME, SEND_TEST, TEST_TYPED, TestState};
use crate::model::{form::FormState, incident::IncidentState, token::TokenState};
use crate::view::host::error_message;
use crate::view::reactive::{live, live_attribute, live_option, live_text};

/// The group box with the button and the last run.
#[component]
pub fn SendTestEmail(
    form: FormState,
    test: TestState,
    token: TokenState,
    incident: IncidentState,
) -> impl IntoView {
    test.show_loaded();
    token.show_loaded();
    Effect::new(move |_| {
        test.now.track();
        test.host.spawn(test.follow());
    });
    Effect::new(move |_| subscribe(form, test, incident));
    let reason = live_text(move || reason_to_wait(form, test, token).unwrap_or_default());
    let is_free = live(move || reason.with(String::is_empty));
    let disabled = live(move || !form.is_hydrated() || !is_free.get());
    // `aria-disabled` while busy: disabling the button would take the focus from it.
    let busy = live_attribute(move || test.is_under_way().then_some("true"));
    let send = move |_| test.on_click(form, false);
    let test_typed = move |_| test.on_click(form, true);
    let typed = live_option(move || {
        (form.is_dirty.get() && test.recipient.with(Option::is_some)).then(|| {
            view! {
                <div class="row">
                    <span class="hint">{labels::TEST_TYPED}</span>
                    <button
                        type="button"
                        id=TEST_TYPED
                        class="end"
                        part="button"
                        aria-disabled=busy
                        on:click=test_typed
                    >
                        {live_text(move || if test.is_under_way_by(true) { labels::tab::TESTING } else { labels::tab::TEST_THESE })}
                    </button>
                </div>
            }
        })
    });
    let refusal = live_option(move || {
        test.refusal().map(|error| {
            view! { <p class="notice bad" part="notice" role="alert">{error_message(test.host, error)}</p> }
        })
    });
    let unseen = live_option(move || {
        test.is_signed_out().then(|| view! { <p class="notice" role="alert">{labels::UNSEEN}</p> })
    });
    let to = live_option(move || {
        let (before, after) = labels::tab::TEST_TO;
        test.recipient.get().map(|recipient| {
            view! {
                {before} <strong>{recipient}</strong> {after}
            }
        })
    });
    let buttons = (!form.is_read_only()).then(|| {
        view! {
            <div class="row">
                <span>{to}</span>
                <button
                    type="button"
                    id=SEND_TEST
                    class="primary end"
                    part="button primary"
                    aria-describedby="send-test-reason"
                    aria-disabled=busy
                    disabled=disabled
                    on:click=send
                >
                    {live_text(move || if test.is_under_way_by(false) { labels::tab::SENDING } else { labels::tab::SEND_TEST })}
                </button>
            </div>
            <p class="hint" id="send-test-reason" hidden=is_free>{reason}</p>
        }
    });
    view! {
        <fieldset class="group" part="group">
            <legend part="legend"><h2>{labels::tab::SEND_TEST}</h2></legend>
            <div class="body lists">
                {buttons}
                {typed}
                {refusal}
                {unseen}
                <LastRun form test/>
            </div>
        </fieldset>
    }
}

/// The outcome of the last run, and its steps.
#[component]
fn LastRun(form: FormState, test: TestState) -> impl IntoView {
    let ended = Memo::new(move |_| test.now.get().filter(|now| now.run.outcome.is_some()));
    // The server renders nothing that could have the focus when this is replaced.
    let end = live_option(move || {
        let now = ended.get().filter(|_| form.is_chunk_loaded())?;
        Some(view! { <DeliveryOutcome now form=Some(form)/> })
    });
    let is_old = Memo::new(move |_| test.is_before(form.with_saved(|saved| saved.at)));
    let old = live_option(move || {
        (is_old.get() && !test.is_under_way())
            .then(|| view! { <p class="hint">{labels::tab::OLD_OUTCOME}</p> })
    });
    // An outcome that was there when the page was loaded is not announced.
    let is_news = Memo::new(move |before: Option<&bool>| {
        test.is_under_way() || before.is_some_and(|before| *before)
    });
    let role = live_attribute(move || is_news.get().then_some("status"));
    let begun = Memo::new(move |_| {
        test.now.with(|now| now.as_ref().map(|now| (now.run.recipient.clone(), now.run.started_at)))
    });
    // Success, and a run before the last save, are folded to one line.
    let is_open =
        live(move || !is_old.get() && !test.now.with(|now| now.as_ref().is_some_and(is_accepted)));
    let ladder = live_option(move || {
        begun.get().filter(|_| form.is_chunk_loaded()).map(|(recipient, at)| {
            let at = form.written(at);
            view! {
                <details class="steps" open=is_open>
                    <summary>{labels::tab::last_test(&at, &recipient)}</summary>
                    <DeliverySteps now=test.now.into()/>
                </details>
            }
        })
    });
    view! {
        {old}
        <div class="announcement" class:old=is_old role=role id=OUTCOME>{end}</div>
        {ladder}
    }
}

fn is_accepted(now: &RunView) -> bool {
    matches!(now.run.outcome, Some(Outcome::Accepted { .. }))
}

/// The reason why no test message can be sent, if there is one.
fn reason_to_wait(form: FormState, test: TestState, token: TokenState) -> Option<&'static str> {
    if test.recipient.with(Option::is_none) {
        return Some(labels::NO_ADDRESS);
    }
    if form.is_dirty.get() {
        return Some(labels::SAVE_FIRST);
    }
    form.with_saved(|saved| {
        if !saved.is_complete() {
            Some(labels::FILL_IN_FIRST)
        } else if saved.form.flow == OauthFlow::None || token.is_usable() {
            None
        } else {
            Some(labels::TOKEN_NEEDED)
        }
    })
}
