//! The token while somebody looks at it: what the server last said of it, the present instant, and
//! the attempt under way. No view code.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::OauthFlow;
use domain::token::{Attempt, AttemptEnd, Renewal, Token, TokenStatus};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use web_sys::BroadcastChannel;

use super::NEWS;
use super::state::FormState;
use crate::api::{self, ApiError, Finished, TokenNow};
use crate::deadline::pause;
use crate::explanation::Explanation;
use crate::host::Host;

/// How often the page looks at its clock.
const TICK: Duration = Duration::from_secs(1);

/// The provider's page stands in a window of this name and shape.
const POP_UP: (&str, &str) = ("ppm-consent", "popup,width=560,height=760");

/// The token's signals. Copies share them.
#[derive(Clone, Copy)]
pub struct TokenState {
    host: Host,
    token: RwSignal<Option<Token>>,
    attempt: RwSignal<Option<Attempt>>,
    /// What the server has to say of the token's renewal, and of the attempt's end.
    words: RwSignal<(Option<Explanation>, Option<Explanation>)>,
    /// The server's present instant.
    now: RwSignal<DateTime<Utc>>,
    /// How far the server's clock is ahead of this browser's.
    ahead: RwSignal<TimeDelta>,
    refusal: RwSignal<Option<ApiError>>,
    /// Why the address that somebody pasted did not finish the attempt.
    misfit: RwSignal<Option<Finished>>,
    is_asking: RwSignal<bool>,
    status: Memo<TokenStatus>,
}

impl TokenState {
    /// Nothing obtained so far.
    pub fn new(host: Host) -> Self {
        let token = RwSignal::new(None);
        let now = RwSignal::new(DateTime::UNIX_EPOCH);
        Self {
            host,
            token,
            attempt: RwSignal::new(None),
            words: RwSignal::new((None, None)),
            now,
            ahead: RwSignal::new(TimeDelta::zero()),
            refusal: RwSignal::new(None),
            misfit: RwSignal::new(None),
            is_asking: RwSignal::new(false),
            status: Memo::new(move |_| {
                token.with(|token| TokenStatus::of(token.as_ref(), now.get()))
            }),
        }
    }

    /// Shows what the server says.
    pub fn adopt(self, TokenNow { token, now, attempt, renewal, ended }: TokenNow) {
        self.now.set(now);
        let words = (renewal, ended);
        if self.words.with_untracked(|known| *known != words) {
            self.words.set(words);
        }
        if self.token.with_untracked(|known| *known != token) {
            self.token.set(token);
        }
        // Told again, an attempt is no news: what is being pasted for it stays.
        if self.attempt.with_untracked(|known| *known != attempt) {
            self.attempt.set(attempt);
        }
    }

    /// The token, if there is one.
    pub fn token(self) -> Option<Token> {
        self.token.get()
    }

    /// Whether there is a token to send with.
    pub fn status(self) -> Memo<TokenStatus> {
        self.status
    }

    /// Whether a message can be sent, with a renewal at most.
    pub fn is_usable(self) -> bool {
        match self.status.get() {
            TokenStatus::Absent => false,
            TokenStatus::Valid => true,
            TokenStatus::Expired => {
                self.token.with(|token| token.as_ref().is_some_and(is_renewable))
            }
        }
    }

    /// Whether there is a good token, and nothing to say against its renewal.
    pub fn is_well(self) -> bool {
        let is_failing = |token: &Option<Token>| {
            token.as_ref().is_some_and(|token| matches!(token.renewal, Renewal::Failing { .. }))
        };
        self.status.get() == TokenStatus::Valid && !self.token.with(is_failing)
    }

    /// How many seconds there are until an instant.
    pub fn seconds_until(self, instant: DateTime<Utc>) -> i64 {
        (instant - self.now.get()).num_seconds()
    }

    /// Why the address that somebody pasted did not finish the attempt.
    pub fn misfit(self) -> Option<Finished> {
        self.misfit.get()
    }

    /// What keeps the token from being renewed, explained.
    pub fn renewal(self) -> Option<Explanation> {
        self.words.with(|(renewal, _)| renewal.clone())
    }

    /// What the end of the attempt means.
    pub fn ended(self) -> Option<Explanation> {
        self.words.with(|(_, ended)| ended.clone())
    }

    /// The attempt that this page shows.
    pub fn attempt(self) -> Option<Attempt> {
        self.attempt.get()
    }

    /// Why nothing was begun.
    pub fn refusal(self) -> Option<ApiError> {
        self.refusal.get()
    }

    /// Whether the page waits for an answer of its server.
    pub fn is_asking(self) -> bool {
        self.is_asking.get()
    }

    /// Begins an attempt. The window opens with the click, or browsers would not let it.
    pub fn get_token(self, flow: OauthFlow) {
        if self.is_asking.get_untracked() {
            return;
        }
        let asks_somebody = flow != OauthFlow::ClientCredentials;
        let pop_up = asks_somebody.then(open_pop_up).flatten();
        self.is_asking.set(true);
        self.refusal.set(None);
        self.misfit.set(None);
        self.host.spawn(async move {
            let begun = api::in_time(api::get_token(self.host.stays() || pop_up.is_some())).await;
            self.is_asking.set(false);
            match begun {
                Ok(begun) => {
                    self.attempt.set(Some(begun.attempt));
                    if let Some(start) = begun.start {
                        self.host.lead(pop_up.as_ref(), &start);
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

    fn refuse(self, error: ApiError) {
        self.host.tell_error(error);
        self.refusal.set(Some(error));
    }

    /// Finishes the attempt from the address that somebody pasted. One that does not fit leaves the
    /// attempt as it was.
    pub fn finish(self, id: String, address: String) {
        self.is_asking.set(true);
        self.refusal.set(None);
        self.host.spawn(async move {
            let finished = api::in_time(api::finish_attempt(id, address)).await;
            self.refresh().await;
            let is_open = self.attempt.with_untracked(is_pending);
            match finished {
                Ok(finished) => {
                    let is_misfit = matches!(finished.attempt.end, Some(AttemptEnd::Failed(_)));
                    self.misfit.set((is_open && is_misfit).then_some(finished));
                }
                Err(error) => self.refuse(error),
            }
            self.is_asking.set(false);
        });
    }

    /// Reads the token anew. A page that was left does not mind.
    pub async fn refresh(self) {
        if let Ok(seen) = api::in_time(api::token()).await
            && self.token.try_get_untracked().is_some()
        {
            self.ahead.set(seen.now - browser_now());
            self.adopt(seen);
        }
    }

    /// Follows the time, and the token where something is to be expected of it, for as long as the
    /// page is there.
    pub async fn watch(self, form: FormState) {
        self.ahead.set(self.now.get_untracked() - browser_now());
        let mut waited = 0;
        loop {
            pause(TICK).await;
            let Some(ahead) = self.ahead.try_get_untracked() else { return };
            self.now.set(browser_now() + ahead);
            waited += 1;
            let is_due = self.patience(form).is_some_and(|patience| waited >= patience);
            if is_due && !document().hidden() {
                waited = 0;
                self.refresh().await;
            }
        }
    }

    /// After how many seconds to look at the token again; nothing where none is used.
    fn patience(self, form: FormState) -> Option<u32> {
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

    /// Listens for what other windows of this browser have to tell.
    pub fn listen(self) {
        let Ok(channel) = BroadcastChannel::new(NEWS) else { return };
        let hear = Closure::<dyn FnMut()>::new(move || self.host.spawn(self.refresh()));
        channel.set_onmessage(Some(hear.as_ref().unchecked_ref()));
        // For as long as the page lives: it is heard of nowhere else.
        hear.forget();
    }
}

#[expect(clippy::ref_option, reason = "a signal lends what it holds")]
fn is_pending(attempt: &Option<Attempt>) -> bool {
    attempt.as_ref().is_some_and(|attempt| attempt.end.is_none())
}

/// Whether PPM goes on renewing a token.
fn is_renewable(token: &Token) -> bool {
    matches!(token.renewal, Renewal::ByItself | Renewal::Failing { .. })
}

/// The browser's clock.
pub fn browser_now() -> DateTime<Utc> {
    // Within a quarter of a million years of 1970, as a browser's clock is.
    #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds are enough")]
    let millis = web_sys::js_sys::Date::now() as i64;
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

/// A window for the provider's page, which cannot reach back into this one.
fn open_pop_up() -> Option<web_sys::Window> {
    let (name, features) = POP_UP;
    let opened = window().open_with_url_and_target_and_features("about:blank", name, features);
    let pop_up = opened.ok().flatten()?;
    let _ = pop_up.set_opener(&leptos::wasm_bindgen::JsValue::NULL);
    Some(pop_up)
}
