//! The state of "Send Test Email": the last run, and the request that starts one. The run is kept on
//! the server, so a reload or a second browser tab shows it too.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{ApiCode, RunView, TestAnswer};
use domain::Draft;
use leptos::prelude::*;

use super::form::{BlockedAction, FormState, scroll_to};
use crate::api::{self, LoadedTab};
use crate::{deadline::pause, host::TabHost, json::Later};

/// How often the page checks whether events of a running test have arrived.
const TICK: Duration = Duration::from_millis(250);

/// The number of ticks without an event after which the page starts to poll.
const SILENT_TICKS_BEFORE_POLLING: u32 = 8;

const TICKS_BETWEEN_POLLS: u32 = 4;

/// The extra delay after a failed poll.
const RETRY_DELAY: Duration = Duration::from_secs(3);

/// The element id of the button that tests the saved settings.
pub const SEND_TEST: &str = "send-test";

/// The element id of the button that tests unsaved settings.
pub const TEST_TYPED: &str = "test-typed";

/// The element id of the outcome.
pub const OUTCOME: &str = "test-outcome";

/// The last test run, and the error of the last request to start one.
#[derive(Clone, Copy, Default)]
pub struct TestState {
    pub host: TabHost,
    /// The user's address; `None` if it is not verified.
    pub recipient: RwSignal<Option<String>>,
    /// The last run.
    pub now: RwSignal<Option<RunView>>,
    /// The loaded run, until it is shown.
    loaded: StoredValue<Option<Later>>,
    refusal: RwSignal<Option<ApiCode>>,
    is_starting: RwSignal<bool>,
    /// Whether the last click was on the test of unsaved settings.
    is_typed: RwSignal<bool>,
    /// Whether the run cannot be read, because the session has ended.
    is_signed_out: RwSignal<bool>,
    /// Whether an event has arrived since the last tick.
    has_event: RwSignal<bool>,
    /// Whether a task follows the run already.
    is_following: RwSignal<bool>,
    /// The end of the test that this page has started.
    end: StoredValue<TestEnd>,
}

/// The end of the test that this page has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum TestEnd {
    /// There is none to show.
    #[default]
    None,
    /// It is scrolled into view once it comes.
    Awaited,
    /// It has just been scrolled into view.
    Shown,
}

impl TestState {
    pub fn new(host: TabHost) -> Self {
        Self { host, ..Self::default() }
    }

    /// Keeps what was loaded, until a view shows it.
    pub fn keep(self, tab: &LoadedTab) {
        self.recipient.set(tab.recipient.clone());
        self.loaded.set_value(Some(tab.last_run.clone()));
    }

    /// Shows the loaded run, unless it is shown already.
    pub fn show_loaded(self) {
        if let Some(loaded) = self.loaded.try_update_value(Option::take).flatten() {
            if let Some(run) = loaded.read() {
                self.now.set(run);
            } else {
                self.refuse(ApiCode::Malformed);
            }
        }
    }

    pub fn refusal(self) -> Option<ApiCode> {
        self.refusal.get()
    }

    pub fn is_signed_out(self) -> bool {
        self.is_signed_out.get()
    }

    /// Handles a test-run event. Ignores runs of other users, whose tabs may share this browser.
    pub fn receive(self, news: RunView) {
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
            let has_ended = news.run.outcome.is_some();
            self.now.set(Some(news));
            if has_ended && self.end.get_value() == TestEnd::Awaited {
                self.end.set_value(TestEnd::Shown);
                self.scroll_soon(OUTCOME);
            }
        }
        self.set_signed_out(false);
    }

    fn set_signed_out(self, is_signed_out: bool) {
        if self.is_signed_out.try_get_untracked() == Some(!is_signed_out) {
            self.is_signed_out.set(is_signed_out);
        }
    }

    pub fn is_under_way(self) -> bool {
        self.is_starting.get()
            || self.now.with(|now| now.as_ref().is_some_and(|now| now.run.outcome.is_none()))
    }

    /// Whether a test that was started by this button, of unsaved or of saved settings, is under way.
    pub fn is_under_way_by(self, is_typed: bool) -> bool {
        self.is_under_way() && self.is_typed.get() == is_typed
    }

    /// Whether the last run started before this instant, so that its outcome may be outdated.
    pub fn is_before(self, instant: Option<DateTime<Utc>>) -> bool {
        self.now.with(|now| {
            now.as_ref().zip(instant).is_some_and(|(now, instant)| now.run.started_at < instant)
        })
    }

    /// Handles a click on a test button: tests the unsaved or the saved settings.
    pub fn on_click(self, form: FormState, is_typed: bool) {
        if untrack(|| self.is_under_way()) {
            return;
        }
        form.clear_saved_notice();
        self.is_typed.set(is_typed);
        self.host.spawn(async move {
            if (form.commands.send_test)(form, self, is_typed).await.is_err() {
                self.refusal.set(Some(ApiCode::Unreachable));
            }
        });
    }

    /// Sends a message with the saved settings, or with those typed.
    pub fn send(self, form: FormState, typed: Option<Draft>) {
        self.is_starting.set(true);
        self.refusal.set(None);
        self.end.set_value(TestEnd::Awaited);
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
                    form.show_problems(BlockedAction::Test, problems);
                }
                Ok(TestAnswer::Begun(now)) => {
                    self.update(*now);
                    self.follow().await;
                }
                Err(error) => self.refuse(error),
            }
        });
    }

    fn refuse(self, error: ApiCode) {
        self.host.tell_error(error);
        self.refusal.set(Some(error));
    }

    /// Keeps the end of this page's test in view, when a banner above it opens.
    pub fn keep_end_in_view(self) {
        if self.end.get_value() == TestEnd::Shown {
            self.end.set_value(TestEnd::None);
            self.scroll_soon(OUTCOME);
        }
    }

    /// Scrolls an element that may not be rendered yet into view, no further than needed.
    fn scroll_soon(self, id: &'static str) {
        let show = move || {
            if let Some(element) = self.host.element(id) {
                scroll_to(&element);
            }
        };
        set_timeout(show, Duration::ZERO);
    }

    /// Follows a run to its end: after two seconds without an event, polls it each second. A failed
    /// poll is repeated, because the run continues on the server.
    pub async fn follow(self) {
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
