//! The state of the token panel: the token's last known state, the current time, and the attempt in
//! progress. Contains no view code.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{ApiCode, AttemptFinished, Explanation, TokenView};
use domain::OauthFlow;
use domain::token::{Attempt, AttemptOutcome, Renewal, Token, TokenStatus};
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, closure::Closure};
use web_sys::BroadcastChannel;

use super::form::{FormState, set_if_changed};
use crate::host::{TOKEN_CHANNEL, TabHost};
use crate::{api, deadline::pause, json::Later};

/// How often the displayed time is updated.
const TICK: Duration = Duration::from_secs(1);

/// The name and features of the pop-up with the provider's page.
const POP_UP: (&str, &str) = ("ppm-consent", "popup,width=560,height=760");

/// The element id of the button that obtains a token.
pub const GET_TOKEN: &str = "get-token";

/// The element id of the reason why that button is disabled.
pub const GET_TOKEN_REASON: &str = "get-token-reason";

/// The state of the token panel: the token as the server last returned it, the attempt in progress
/// and the server's time. Copies share the signals.
#[derive(Clone, Copy)]
pub struct TokenState {
    host: TabHost,
    /// What was loaded, until it is shown.
    loaded: StoredValue<Option<Later>>,
    loaded_with: StoredValue<i64>,
    /// The browser's time when that was loaded.
    loaded_at: StoredValue<Option<DateTime<Utc>>>,
    token: RwSignal<Option<Token>>,
    attempt: RwSignal<Option<Attempt>>,
    /// The explanations of the failed refresh and of the attempt's outcome.
    explanations: RwSignal<(Option<Explanation>, Option<Explanation>)>,
    /// The server's current time.
    now: RwSignal<DateTime<Utc>>,
    /// How far the server's clock is ahead of the browser's.
    clock_offset: RwSignal<TimeDelta>,
    refusal: RwSignal<Option<ApiCode>>,
    /// The reason why the pasted address did not complete the attempt.
    misfit: RwSignal<Option<AttemptFinished>>,
    is_asking: RwSignal<bool>,
    /// Whether there is a token, and whether it has expired.
    pub status: Memo<TokenStatus>,
}

impl TokenState {
    pub fn new(host: TabHost) -> Self {
        let token = RwSignal::new(None);
        let now = RwSignal::new(DateTime::UNIX_EPOCH);
        Self {
            host,
            loaded: StoredValue::new(None),
            loaded_with: StoredValue::new(0),
            loaded_at: StoredValue::new(None),
            token,
            attempt: RwSignal::new(None),
            explanations: RwSignal::new((None, None)),
            now,
            clock_offset: RwSignal::new(TimeDelta::zero()),
            refusal: RwSignal::new(None),
            misfit: RwSignal::new(None),
            is_asking: RwSignal::new(false),
            status: Memo::new(move |_| {
                token.with(|token| TokenStatus::of(token.as_ref(), now.get()))
            }),
        }
    }

    /// Keeps what was loaded with the settings of a revision, until a view shows it.
    pub fn keep(self, loaded: Later, revision: i64) {
        self.loaded.set_value(Some(loaded));
        self.loaded_with.set_value(revision);
        #[cfg(not(feature = "ssr"))]
        self.loaded_at.set_value(Some(browser_now()));
    }

    /// Shows what was loaded, unless it is shown already.
    pub fn show_loaded(self) {
        if let Some(loaded) = self.loaded.try_update_value(Option::take).flatten() {
            match loaded.read() {
                Some(loaded) => self.adopt(loaded),
                None => self.refuse(ApiCode::Malformed),
            }
        }
    }

    /// The revision of the settings with which the token was loaded.
    pub fn loaded_with(self) -> i64 {
        self.loaded_with.get_value()
    }

    /// Shows the state that the server returned.
    fn adopt(self, TokenView { token, now, attempt, renewal, ended }: TokenView) {
        self.now.set(now);
        set_if_changed(self.explanations, (renewal, ended));
        set_if_changed(self.token, token);
        // Setting an unchanged attempt would rerender the paste input and lose its text.
        set_if_changed(self.attempt, attempt);
    }

    pub fn token(self) -> Option<Token> {
        self.token.get()
    }

    /// Whether a message can be sent, possibly after a token refresh.
    pub fn is_usable(self) -> bool {
        match self.status.get() {
            TokenStatus::Absent => false,
            TokenStatus::Valid => true,
            TokenStatus::Expired => {
                self.token.with(|token| token.as_ref().is_some_and(is_renewable))
            }
        }
    }

    /// Whether the token is valid and its refresh is not failing.
    pub fn is_well(self) -> bool {
        let is_failing = |token: &Option<Token>| {
            token.as_ref().is_some_and(|token| matches!(token.renewal, Renewal::Failing { .. }))
        };
        self.status.get() == TokenStatus::Valid && !self.token.with(is_failing)
    }

    pub fn seconds_until(self, instant: DateTime<Utc>) -> i64 {
        (instant - self.now.get()).num_seconds()
    }

    pub fn misfit(self) -> Option<AttemptFinished> {
        self.misfit.get()
    }

    /// The explanation of a failed token refresh.
    pub fn renewal(self) -> Option<Explanation> {
        self.explanations.with(|(renewal, _)| renewal.clone())
    }

    /// The explanation of the attempt's outcome.
    pub fn ended(self) -> Option<Explanation> {
        self.explanations.with(|(_, ended)| ended.clone())
    }

    /// The current or last attempt.
    pub fn attempt(self) -> Option<Attempt> {
        self.attempt.get()
    }

    pub fn refusal(self) -> Option<ApiCode> {
        self.refusal.get()
    }

    pub fn is_asking(self) -> bool {
        self.is_asking.get()
    }

    /// Starts an attempt. The pop-up opens synchronously in the click handler, or the browser's pop-up
    /// blocker would block it.
    pub fn get_token(self, flow: OauthFlow) {
        if self.is_asking.get_untracked() {
            return;
        }
        let needs_consent = flow != OauthFlow::ClientCredentials;
        let pop_up = needs_consent.then(open_pop_up).flatten();
        self.is_asking.set(true);
        self.refusal.set(None);
        self.misfit.set(None);
        self.host.spawn(async move {
            let begun =
                api::in_time(api::get_token(self.host.always_popup() || pop_up.is_some())).await;
            self.is_asking.set(false);
            match begun {
                Ok(begun) => {
                    // A waiting attempt that is replaced keeps its view, and so the focus.
                    self.attempt.maybe_update(|attempt| {
                        let was_pending = is_pending(attempt);
                        *attempt = Some(begun.attempt);
                        !was_pending
                    });
                    if let Some(start) = begun.start {
                        self.host.navigate(pop_up.as_ref(), &start);
                    }
                }
                Err(error) => {
                    if let Some(pop_up) = pop_up {
                        let _ = pop_up.close();
                    }
                    self.refuse(error);
                }
            }
        });
    }

    fn refuse(self, error: ApiCode) {
        self.host.tell_error(error);
        self.refusal.set(Some(error));
    }

    /// Stops the attempt. The focus moves to the button that starts the next one, or to the reason why
    /// that is disabled.
    pub fn stop(self, form: FormState) {
        self.refusal.set(None);
        self.host.spawn(async move {
            match api::in_time(api::stop_attempts()).await {
                Ok(seen) => {
                    self.adopt(seen);
                    let is_dirty = form.is_dirty.get_untracked();
                    form.focus_soon(if is_dirty { GET_TOKEN_REASON } else { GET_TOKEN });
                }
                Err(error) => self.refuse(error),
            }
        });
    }

    /// Completes the attempt with a pasted callback address. An address that does not match leaves the
    /// attempt open.
    pub fn finish(self, address: String) {
        let id = self.attempt.get_untracked().map(|attempt| attempt.id).unwrap_or_default();
        self.is_asking.set(true);
        self.refusal.set(None);
        self.host.spawn(async move {
            let finished = api::in_time(api::finish_attempt(id, address)).await;
            self.refresh().await;
            let is_open = self.attempt.with_untracked(is_pending);
            match finished {
                Ok(finished) => {
                    let is_misfit = matches!(finished.attempt.end, Some(AttemptOutcome::Failed(_)));
                    self.misfit.set((is_open && is_misfit).then_some(finished));
                }
                Err(error) => self.refuse(error),
            }
            self.is_asking.set(false);
        });
    }

    /// Reloads the token. Ignores the answer if the page has been disposed meanwhile.
    pub async fn refresh(self) {
        if let Ok(seen) = api::in_time(api::token()).await
            && self.token.try_get_untracked().is_some()
        {
            self.clock_offset.set(seen.now - browser_now());
            self.adopt(seen);
        }
    }

    /// Updates the time, and polls the token while a change can be expected, until the page is
    /// disposed.
    pub async fn watch(self, form: FormState) {
        let loaded_at = self.loaded_at.get_value().unwrap_or_else(browser_now);
        self.clock_offset.set(self.now.get_untracked() - loaded_at);
        let mut waited = 0;
        loop {
            pause(TICK).await;
            let Some(offset) = self.clock_offset.try_get_untracked() else { return };
            self.now.set(browser_now() + offset);
            waited += 1;
            let is_due = self.poll_interval(form).is_some_and(|seconds| waited >= seconds);
            if is_due && !document().hidden() {
                waited = 0;
                self.refresh().await;
            }
        }
    }

    /// The seconds between two polls; `None` if no token is used.
    fn poll_interval(self, form: FormState) -> Option<u32> {
        if form.with_saved_untracked(|saved| saved.form.flow == OauthFlow::None) {
            return None;
        }
        if self.attempt.with_untracked(is_pending) {
            return Some(1);
        }
        let now = self.now.get_untracked();
        Some(self.token.with_untracked(|token| match token {
            Some(token) if is_renewable(token) => {
                let lifetime = token.expires_at - token.obtained_at;
                let soon = (lifetime / 3).min(TimeDelta::seconds(75));
                if now >= token.expires_at - soon { 1 } else { 10 }
            }
            _ => 10,
        }))
    }

    /// Reloads the token when another window of this browser announces a change, until the page is
    /// disposed.
    pub fn listen(self) {
        let Ok(channel) = BroadcastChannel::new(TOKEN_CHANNEL) else { return };
        let on_message = Closure::<dyn FnMut()>::new(move || self.host.spawn(self.refresh()));
        channel.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
        // On a page of our own it lives as long as the page.
        #[cfg(not(feature = "bundle"))]
        {
            let channel = StoredValue::new_local(channel);
            on_cleanup(move || {
                channel.try_with_value(BroadcastChannel::close);
            });
        }
    }
}

#[expect(clippy::ref_option, reason = "a signal lends what it holds")]
fn is_pending(attempt: &Option<Attempt>) -> bool {
    attempt.as_ref().is_some_and(|attempt| attempt.end.is_none())
}

/// Whether the server continues to refresh the token.
fn is_renewable(token: &Token) -> bool {
    matches!(token.renewal, Renewal::ByItself | Renewal::Failing { .. })
}

/// The current time by the browser's clock.
pub fn browser_now() -> DateTime<Utc> {
    // A JavaScript date is within 275,000 years of 1970, so the cast is safe.
    #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds are enough")]
    let millis = web_sys::js_sys::Date::now() as i64;
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

/// Opens a pop-up for the provider's page, without an opener.
fn open_pop_up() -> Option<web_sys::Window> {
    let (name, features) = POP_UP;
    let opened = window().open_with_url_and_target_and_features("about:blank", name, features);
    let pop_up = opened.ok().flatten()?;
    let _ = pop_up.set_opener(&leptos::wasm_bindgen::JsValue::NULL);
    Some(pop_up)
}
