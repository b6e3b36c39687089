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

/// How often the page looks whether it has heard of a message that is under way.
const LOOK: Duration = Duration::from_millis(250);

/// After how many looks without news it begins to ask, and how many there are between two questions.
const PATIENCE: (u32, u32) = (8, 4);

/// How long it waits after a question that had no answer.
const ASK_AGAIN: Duration = Duration::from_secs(3);

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
    /// Whether news have come since the page looked last.
    has_heard: RwSignal<bool>,
    /// Whether the page looks already.
    is_looking: RwSignal<bool>,
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
            has_heard: RwSignal::new(false),
            is_looking: RwSignal::new(false),
        }
    }

    /// Shows what was loaded.
    pub fn adopt(self, tab: &api::Tab) {
        self.recipient.set(tab.recipient.clone());
        self.now.set(tab.last_run.clone());
    }

    /// What holds the tab.
    pub fn host(self) -> Host {
        self.host
    }

    /// Hears of a test message. One to somebody else is of a tab of theirs in this browser.
    pub fn hear(self, json: &str) {
        let Ok(news) = crate::wire::read::<RunNow>(json.as_bytes()) else { return };
        let is_own = |own: &Option<String>| own.as_ref() == Some(&news.run.recipient);
        if self.recipient.try_with_untracked(is_own) == Some(true) {
            self.has_heard.set(true);
            self.learn(news);
        }
    }

    /// Shows a message as far as it came, unless more is known. What was said already is not touched,
    /// or it would be announced once more.
    fn learn(self, news: RunNow) {
        let is_news = |now: &Option<RunNow>| now.as_ref().is_none_or(|now| is_further(now, &news));
        if self.now.try_with_untracked(is_news) == Some(true) {
            self.now.set(Some(news));
        }
        self.say_unseen(false);
    }

    fn say_unseen(self, is_unseen: bool) {
        if self.is_unseen.try_get_untracked() == Some(!is_unseen) {
            self.is_unseen.set(is_unseen);
        }
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
                None => {
                    api::in_time(api::send_test()).await.map(|now| TestAnswer::Begun(Box::new(now)))
                }
                Some(draft) => api::in_time(api::test_typed(draft)).await,
            };
            self.is_asking.set(false);
            match answer {
                Ok(TestAnswer::Problems(problems)) => form.show_problems(Wanted::Test, problems),
                Ok(TestAnswer::Begun(now)) => {
                    self.learn(*now);
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

    /// Sees to it that a message under way is followed to its end: where nothing is heard of it for
    /// two seconds, its run is read each second. A question that fails is asked again: the run goes on.
    async fn follow(self) {
        if self.is_looking.try_get_untracked() != Some(false) {
            return;
        }
        self.is_looking.set(true);
        let mut silence = 0;
        while let Some(Some(id)) = self.now.try_with_untracked(|now| {
            now.as_ref()
                .map(|now| &now.run)
                .filter(|run| run.outcome.is_none())
                .map(|run| run.id.clone())
        }) {
            self.has_heard.set(false);
            pause(LOOK).await;
            silence =
                if self.has_heard.try_get_untracked() == Some(true) { 0 } else { silence + 1 };
            if silence >= PATIENCE.0 {
                silence -= PATIENCE.1;
                self.ask(id).await;
            }
        }
        self.is_looking.try_set(false);
    }

    /// Reads a run.
    async fn ask(self, id: String) {
        let answer = api::in_time(api::run(id)).await;
        let is_signed_out = matches!(answer, Err(ApiError::SignedOut | ApiError::HostTokenExpired));
        self.say_unseen(is_signed_out);
        match answer {
            Ok(now) => self.learn(now),
            Err(ApiError::Unreachable | ApiError::ServerFailed) => pause(ASK_AGAIN).await,
            Err(_) if is_signed_out => pause(ASK_AGAIN).await,
            Err(error) => {
                self.refusal.try_set(Some(error));
                self.now.try_set(None);
            }
        }
    }
}

/// Whether the one is news to whoever knows the other: a later message, or more of the same.
fn is_further(RunNow { run: known, .. }: &RunNow, RunNow { run, .. }: &RunNow) -> bool {
    if known.id == run.id {
        let (steps, known_steps) = (run.steps.len(), known.steps.len());
        known.outcome.is_none()
            && (steps > known_steps || steps == known_steps && run.outcome.is_some())
    } else {
        run.started_at > known.started_at
    }
}

/// The group box with the button and the last message.
#[component]
pub fn SendTestEmail(form: FormState, test: TestState, token: TokenState) -> impl IntoView {
    Effect::new(move |_| {
        test.now.track();
        test.host.spawn(test.follow());
    });
    let news = test.recipient.with_untracked(Option::is_some);
    let news = news.then(|| later(form, Part::News(test)));
    let reason = live_text(move || reason_to_wait(form, test, token).unwrap_or_default());
    let is_free = live(move || reason.with(String::is_empty));
    let disabled = live(move || !form.is_alive() || !is_free.get());
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
            view! { <p class="notice bad" part="notice" role="alert">{test.host.words(error)}</p> }
        })
    });
    let unseen = live_option(move || {
        test.is_unseen.get().then(|| view! { <p class="notice" role="alert">{labels::UNSEEN}</p> })
    });
    let ended = Memo::new(move |_| test.now.get().filter(|now| now.run.outcome.is_some()));
    let end = live_option(move || ended.get().map(|now| later(form, Part::End(now))));
    // An end that was there when the page was loaded is no news, and not announced.
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
                {later(form, Part::Ladder(test.now.into()))}
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
