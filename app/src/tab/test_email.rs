//! Send Test Email: a message to oneself through what is saved, and where it got to. The run lives
//! on the server; the page only reads it, so a reload or a second tab picks it up.

use std::time::Duration;

use domain::{Draft, OauthFlow};
use leptos::prelude::*;

use super::later::{self, Part, later};
use super::live::{live, live_attribute, live_option, live_text};
use super::state::{FormState, Wanted};
use super::token_state::TokenState;
use crate::api::{self, ApiError, RunNow, TestAnswer};
use crate::deadline::pause;
use crate::host::Host;
use crate::labels;

/// How often the page asks how a message is getting on.
const POLL: Duration = Duration::from_millis(300);

/// Where the page says how the message ended.
const OUTCOME: &str = "test-outcome";

/// The last test message and what was said about asking for one.
#[derive(Clone, Copy)]
pub struct TestState {
    host: Host,
    recipient: RwSignal<Option<String>>,
    now: RwSignal<Option<RunNow>>,
    refusal: RwSignal<Option<ApiError>>,
    is_asking: RwSignal<bool>,
    /// Whether the run goes on unseen, because nobody is signed in any more.
    is_unseen: RwSignal<bool>,
}

impl TestState {
    /// Nothing sent so far.
    pub fn new(host: Host) -> Self {
        Self {
            host,
            recipient: RwSignal::new(None),
            now: RwSignal::new(None),
            refusal: RwSignal::new(None),
            is_asking: RwSignal::new(false),
            is_unseen: RwSignal::new(false),
        }
    }

    /// Shows what was loaded.
    pub fn adopt(self, tab: &api::Tab) {
        self.recipient.set(tab.recipient.clone());
        self.now.set(tab.last_run.clone());
    }

    fn is_under_way(self) -> bool {
        self.is_asking.get()
            || self.now.with(|now| now.as_ref().is_some_and(|now| now.run.outcome.is_none()))
    }

    /// Somebody wants a message, through what is typed or through what is saved.
    fn press(self, form: FormState, is_typed: bool) {
        if untrack(|| self.is_under_way()) {
            return;
        }
        form.forget_good_news();
        self.host.spawn(async move {
            if later::send_test(form, self, is_typed).await.is_err() {
                self.refusal.set(Some(ApiError::Unreachable));
            }
        });
    }

    /// Sends a message through what is saved, or through what is typed.
    pub fn send(self, form: FormState, typed: Option<Draft>) {
        self.is_asking.set(true);
        self.refusal.set(None);
        self.host.spawn(async move {
            let answer = match typed {
                None => api::in_time(api::send_test()).await.map(TestAnswer::Begun),
                Some(draft) => api::in_time(api::test_typed(draft)).await,
            };
            self.is_asking.set(false);
            match answer {
                Ok(TestAnswer::Problems(problems)) => form.show_problems(Wanted::Test, problems),
                Ok(TestAnswer::Begun(now)) => {
                    self.now.set(Some(now));
                    self.follow().await;
                    self.show_soon(OUTCOME);
                }
                Err(error) => {
                    self.host.tell_error(error);
                    self.refusal.set(Some(error));
                }
            }
        });
    }

    /// Scrolls an element that may have to be drawn first into view, no further than needed.
    fn show_soon(self, id: &'static str) {
        let show = move || {
            if let Some(element) = self.host.element(id) {
                let nearest = web_sys::ScrollIntoViewOptions::new();
                nearest.set_block(web_sys::ScrollLogicalPosition::Nearest);
                element.scroll_into_view_with_scroll_into_view_options(&nearest);
            }
        };
        set_timeout(show, Duration::ZERO);
    }

    /// Reads the run until it has ended. A poll that fails is tried again: the run goes on.
    async fn follow(self) {
        while let Some(Some(id)) = self.now.try_with_untracked(|now| {
            now.as_ref()
                .map(|now| &now.run)
                .filter(|run| run.outcome.is_none())
                .map(|run| run.id.clone())
        }) {
            pause(POLL).await;
            let answer = api::in_time(api::run(id)).await;
            let is_signed_out =
                matches!(answer, Err(ApiError::SignedOut | ApiError::HostTokenExpired));
            self.is_unseen.try_set(is_signed_out);
            match answer {
                Ok(now) => drop(self.now.try_set(Some(now))),
                Err(ApiError::Unreachable | ApiError::ServerFailed) => pause(POLL * 10).await,
                Err(_) if is_signed_out => pause(POLL * 10).await,
                Err(error) => {
                    self.refusal.try_set(Some(error));
                    self.now.try_set(None);
                    return;
                }
            }
        }
    }
}

/// The group box with the button and the last message's way.
#[component]
pub fn SendTestEmail(form: FormState, test: TestState, token: TokenState) -> impl IntoView {
    Effect::new(move |_| form.host().spawn(test.follow()));
    let reason = live_text(move || reason_to_wait(form, test, token).unwrap_or_default());
    let disabled = live(move || !form.is_alive() || !reason.get().is_empty());
    // Not disabled while it works, which would take the focus from whoever pressed it.
    let busy = live_attribute(move || test.is_under_way().then_some("true"));
    let send = move |_| test.press(form, false);
    let test_typed = move |_| test.press(form, true);
    let typed = live_option(move || {
        (form.is_dirty().get() && test.recipient.with(Option::is_some)).then(|| {
            view! {
                <div class="row">
                    <span class="hint">{labels::TEST_TYPED}</span>
                    <button
                        type="button"
                        class="end"
                        part="button"
                        aria-disabled=busy
                        on:click=test_typed
                    >
                        "Test these settings"
                    </button>
                </div>
            }
        })
    });
    let refusal = live_option(move || {
        test.refusal.get().map(|error| {
            view! { <p class="notice bad" part="notice" role="alert">{labels::api_error(error)}</p> }
        })
    });
    let unseen = live_option(move || {
        test.is_unseen.get().then(|| view! { <p class="notice" role="alert">{labels::UNSEEN}</p> })
    });
    let ended = Memo::new(move |_| test.now.get().filter(|now| now.run.outcome.is_some()));
    let end = live_option(move || ended.get().map(|now| later(form, Part::End(now))));
    let begun = Memo::new(move |_| {
        test.now.with(|now| now.as_ref().map(|now| (now.run.recipient.clone(), now.run.started_at)))
    });
    let ladder = live_option(move || {
        begun.get().map(|(recipient, at)| {
            let at = form.written(at);
            view! {
                <p class="hint">{format!("Last message: to {recipient}, {at}.")}</p>
                {later(form, Part::Ladder(test.now.into()))}
            }
        })
    });
    let to = live_option(move || {
        test.recipient.get().map(|recipient| {
            view! {
                "To " <strong>{recipient}</strong>
                ", your own address, through the settings that are saved."
            }
        })
    });
    view! {
        <fieldset class="group" part="group">
            <legend>"Send Test Email"</legend>
            <div class="body">
                <div class="row">
                    <span>{to}</span>
                    <button
                        type="button"
                        class="primary end"
                        part="button primary"
                        aria-describedby="send-test-reason"
                        aria-disabled=busy
                        disabled=disabled
                        on:click=send
                    >
                        {live_text(move || if test.is_under_way() { "Sending…" } else { "Send Test Email" })}
                    </button>
                </div>
                <p class="hint" id="send-test-reason">{reason}</p>
                {typed}
                {refusal}
                {unseen}
                {ladder}
                <div class="announcement" role="status" id=OUTCOME>{end}</div>
            </div>
        </fieldset>
    }
}

/// Why no message can be sent at the moment, in words.
fn reason_to_wait(form: FormState, test: TestState, token: TokenState) -> Option<&'static str> {
    if !form.may_edit() {
        return Some(labels::READ_ONLY);
    }
    if test.recipient.with(Option::is_none) {
        return Some(labels::NO_ADDRESS);
    }
    if form.is_dirty().get() {
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
