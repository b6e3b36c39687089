//! "Send Test Email": sends a message to the user's own address and shows its progress. The run is
//! kept on the server, so a reload or a second browser tab shows it too.

use std::time::Duration;

use domain::{Draft, OauthFlow};
use leptos::prelude::*;

use super::deferred::{self, DeferredView, deferred};
use super::reactive::{live, live_attribute, live_option, live_text};
use super::state::{BlockedAction, FormState};
use super::token_state::TokenState;
use crate::api;
use crate::deadline::pause;
use crate::host::TabHost;
use contract::{ApiCode, EmailTab, RunView, TestAnswer};
use labels;

/// How often the page checks whether events of a running test have arrived.
const TICK: Duration = Duration::from_millis(250);

/// The number of ticks without an event after which the page starts to poll.
const SILENT_TICKS_BEFORE_POLLING: u32 = 8;

/// The number of ticks between two polls.
const TICKS_BETWEEN_POLLS: u32 = 4;

/// The extra delay after a failed poll.
const RETRY_DELAY: Duration = Duration::from_secs(3);

/// The element id of the outcome.
const OUTCOME: &str = "test-outcome";

/// The last test run, and the error of the last request to start one.
#[derive(Clone, Copy)]
pub struct TestState {
    host: TabHost,
    recipient: RwSignal<Option<String>>,
    now: RwSignal<Option<RunView>>,
    refusal: RwSignal<Option<ApiCode>>,
    is_starting: RwSignal<bool>,
    /// Whether the run cannot be read, because the session has ended.
    is_signed_out: RwSignal<bool>,
    /// Whether an event has arrived since the last tick.
    has_event: RwSignal<bool>,
    /// Whether a task follows the run already.
    is_following: RwSignal<bool>,
}

impl TestState {
    /// Creates the state before any test.
    pub fn new(host: TabHost) -> Self {
        Self {
            host,
            recipient: RwSignal::new(None),
            now: RwSignal::new(None),
            refusal: RwSignal::new(None),
            is_starting: RwSignal::new(false),
            is_signed_out: RwSignal::new(false),
            has_event: RwSignal::new(false),
            is_following: RwSignal::new(false),
        }
    }

    /// Shows the loaded run.
    pub fn adopt(self, tab: &EmailTab) {
        self.recipient.set(tab.recipient.clone());
        self.now.set(tab.last_run.clone());
    }

    /// The host of the tab.
    pub fn host(self) -> TabHost {
        self.host
    }

    /// Handles a test-run event. Ignores runs of other users, whose tabs may share this browser.
    pub fn receive(self, json: &str) {
        let Ok(news) = crate::json::read::<RunView>(json.as_bytes()) else { return };
        let is_own = |own: &Option<String>| own.as_ref() == Some(&news.run.recipient);
        if self.recipient.try_with_untracked(is_own) == Some(true) {
            self.has_event.set(true);
            self.update(news);
        }
    }

    /// Shows a run unless a newer state is known. An unchanged state is not set again, which would
    /// make screen readers announce it again.
    fn update(self, news: RunView) {
        let is_news = |now: &Option<RunView>| now.as_ref().is_none_or(|now| is_newer(now, &news));
        if self.now.try_with_untracked(is_news) == Some(true) {
            self.now.set(Some(news));
        }
        self.set_signed_out(false);
    }

    fn set_signed_out(self, is_signed_out: bool) {
        if self.is_signed_out.try_get_untracked() == Some(!is_signed_out) {
            self.is_signed_out.set(is_signed_out);
        }
    }

    fn is_under_way(self) -> bool {
        self.is_starting.get()
            || self.now.with(|now| now.as_ref().is_some_and(|now| now.run.outcome.is_none()))
    }

    /// Handles a click on a test button: tests the unsaved or the saved settings.
    fn on_click(self, form: FormState, is_typed: bool) {
        if untrack(|| self.is_under_way()) {
            return;
        }
        form.clear_saved_notice();
        self.host.spawn(async move {
            if deferred::send_test(form, self, is_typed).await.is_err() {
                self.refusal.set(Some(ApiCode::Unreachable));
            }
        });
    }

    /// Sends a message with the saved settings, or with those typed.
    pub fn send(self, form: FormState, typed: Option<Draft>) {
        self.is_starting.set(true);
        self.refusal.set(None);
        self.host.spawn(async move {
            let answer = match typed {
                None => {
                    api::in_time(api::send_test()).await.map(|now| TestAnswer::Begun(Box::new(now)))
                }
                Some(draft) => api::in_time(api::test_typed(draft)).await,
            };
            self.is_starting.set(false);
            match answer {
                Ok(TestAnswer::Problems(problems)) => {
                    form.show_problems(BlockedAction::Test, problems)
                }
                Ok(TestAnswer::Begun(now)) => {
                    self.update(*now);
                    self.follow().await;
                    self.scroll_soon(OUTCOME);
                }
                Err(error) => {
                    self.host.tell_error(error);
                    self.refusal.set(Some(error));
                }
            }
        });
    }

    /// Scrolls an element that may not be rendered yet into view, no further than needed.
    fn scroll_soon(self, id: &'static str) {
        let show = move || {
            if let Some(element) = self.host.element(id) {
                let nearest = web_sys::ScrollIntoViewOptions::new();
                nearest.set_block(web_sys::ScrollLogicalPosition::Nearest);
                element.scroll_into_view_with_scroll_into_view_options(&nearest);
            }
        };
        set_timeout(show, Duration::ZERO);
    }

    /// Follows a run to its end: after two seconds without an event, polls it each second. A failed
    /// poll is repeated, because the run continues on the server.
    async fn follow(self) {
        if self.is_following.try_get_untracked() != Some(false) {
            return;
        }
        self.is_following.set(true);
        let mut silent_ticks = 0;
        while let Some(Some(id)) = self.now.try_with_untracked(|now| {
            now.as_ref()
                .map(|now| &now.run)
                .filter(|run| run.outcome.is_none())
                .map(|run| run.id.clone())
        }) {
            self.has_event.set(false);
            pause(TICK).await;
            silent_ticks =
                if self.has_event.try_get_untracked() == Some(true) { 0 } else { silent_ticks + 1 };
            if silent_ticks >= SILENT_TICKS_BEFORE_POLLING {
                silent_ticks -= TICKS_BETWEEN_POLLS;
                self.poll(id).await;
            }
        }
        self.is_following.try_set(false);
    }

    /// Reads a run.
    async fn poll(self, id: String) {
        let answer = api::in_time(api::run(id)).await;
        let is_signed_out = matches!(answer, Err(ApiCode::SignedOut | ApiCode::HostTokenExpired));
        self.set_signed_out(is_signed_out);
        match answer {
            Ok(now) => self.update(now),
            Err(ApiCode::Unreachable | ApiCode::ServerFailed) => pause(RETRY_DELAY).await,
            Err(_) if is_signed_out => pause(RETRY_DELAY).await,
            Err(error) => {
                self.refusal.try_set(Some(error));
                self.now.try_set(None);
            }
        }
    }
}

/// Whether the second run is newer than the first: a later run, or a later state of the same one.
fn is_newer(RunView { run: known, .. }: &RunView, RunView { run, .. }: &RunView) -> bool {
    if known.id == run.id {
        let (steps, known_steps) = (run.steps.len(), known.steps.len());
        known.outcome.is_none()
            && (steps > known_steps || steps == known_steps && run.outcome.is_some())
    } else {
        run.started_at > known.started_at
    }
}

/// The group box with the button and the last run.
#[component]
pub fn SendTestEmail(form: FormState, test: TestState, token: TokenState) -> impl IntoView {
    Effect::new(move |_| {
        test.now.track();
        test.host.spawn(test.follow());
    });
    let news = test.recipient.with_untracked(Option::is_some);
    let news = news.then(|| deferred(form, DeferredView::News(test)));
    let reason = live_text(move || reason_to_wait(form, test, token).unwrap_or_default());
    let is_free = live(move || reason.with(String::is_empty));
    let disabled = live(move || !form.is_hydrated() || !is_free.get());
    // `aria-disabled` while busy: disabling the button would take the focus from it.
    let busy = live_attribute(move || test.is_under_way().then_some("true"));
    let send = move |_| test.on_click(form, false);
    let test_typed = move |_| test.on_click(form, true);
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
            view! { <p class="notice bad" part="notice" role="alert">{test.host.words(error)}</p> }
        })
    });
    let unseen = live_option(move || {
        test.is_signed_out
            .get()
            .then(|| view! { <p class="notice" role="alert">{labels::UNSEEN}</p> })
    });
    let ended = Memo::new(move |_| test.now.get().filter(|now| now.run.outcome.is_some()));
    let end = live_option(move || ended.get().map(|now| deferred(form, DeferredView::End(now))));
    // An outcome that was there when the page was loaded is not announced.
    let is_news = Memo::new(move |before: Option<&bool>| {
        test.is_under_way() || before.is_some_and(|before| *before)
    });
    let role = live_attribute(move || is_news.get().then_some("status"));
    let begun = Memo::new(move |_| {
        test.now.with(|now| now.as_ref().map(|now| (now.run.recipient.clone(), now.run.started_at)))
    });
    let ladder = live_option(move || {
        begun.get().map(|(recipient, at)| {
            let at = form.written(at);
            view! {
                <p class="hint">{format!("Last test: {at}, to {recipient}.")}</p>
                {deferred(form, DeferredView::Ladder(test.now.into()))}
            }
        })
    });
    let to = live_option(move || {
        test.recipient.get().map(|recipient| {
            view! {
                "To " <strong>{recipient}</strong>
                " (your own address), with the saved settings."
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
                <p class="hint" id="send-test-reason" hidden=is_free>{reason}</p>
                {typed}
                {refusal}
                {unseen}
                {ladder}
                <div class="announcement" role=role id=OUTCOME>{end}</div>
                {news}
            </div>
        </fieldset>
    }
}

/// The reason why no test message can be sent, if there is one.
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
