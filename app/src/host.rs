//! What holds the tab: a page of this server's or of a host written in Rust, or a custom element on
//! any page. They differ in where an element of the tab is found, how its calls travel, where the
//! provider's page opens, and in who is told how things are going. One bundle serves both: which of
//! them it is, is decided where the tab is mounted.

mod call;
mod element;
mod page;

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use domain::token::TokenStatus;
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::{AbortSignal, Element, Window};

pub use self::call::Call;
use self::element::CustomElement;
use crate::api::ApiError;
use crate::tab::live::live_option;
use crate::tab::news::{NEWS, Reader};
use crate::wire;
use crate::{SIGN_IN, TAB, labels};

thread_local! {
    /// The host of the future that is being polled: a server function's client is a type, not a value.
    static CALLER: Cell<Host> = const { Cell::new(Host { element: None }) };
}

/// What holds the tab.
#[derive(Clone, Copy, Default)]
pub struct Host {
    /// The custom element; none on a page of this server's.
    element: Option<CustomElement>,
}

impl Host {
    /// What holds this component.
    pub fn here() -> Self {
        use_context().unwrap_or_default()
    }

    /// Whether windows of this page's site tell each other of a token.
    pub fn hears_news(self) -> bool {
        self.element.is_none()
    }

    /// Whether the tab itself asks before a page with unsaved changes is left.
    pub fn asks_before_leaving(self) -> bool {
        self.element.is_none()
    }

    /// Whether the provider's page always opens in a separate window.
    pub fn stays(self) -> bool {
        self.element.is_some()
    }

    /// The tab's element with this id.
    pub fn element(self, id: &str) -> Option<Element> {
        match self.element {
            Some(element) => element.find(id),
            None => document().get_element_by_id(id),
        }
    }

    /// The name of the channel and the lock by which the tabs of this browser that show the same
    /// settings share the news.
    pub fn news(self) -> String {
        match self.element {
            Some(element) => format!("{NEWS} {}", element.address("").unwrap_or_default()),
            None => NEWS.to_owned(),
        }
    }

    /// Opens a stream of the server's.
    pub async fn stream(self, path: &str, signal: &AbortSignal) -> Option<Reader> {
        match self.element {
            Some(element) => element.stream(path, signal).await,
            None => page::stream(path, signal).await,
        }
    }

    /// Makes a call of the tab's.
    pub async fn calling<T>(self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        poll_fn(move |context| self.as_caller(|| call.as_mut().poll(context))).await
    }

    /// Runs a task of the tab's, for as long as there is the tab.
    pub fn spawn(self, task: impl Future<Output = ()> + 'static) {
        let mut task: Pin<Box<dyn Future<Output = ()>>> = Box::pin(task);
        spawn_local(poll_fn(move |context| {
            if self.element.is_some_and(CustomElement::is_gone) {
                return Poll::Ready(());
            }
            self.as_caller(|| task.as_mut().poll(context))
        }));
    }

    fn as_caller<T>(self, poll: impl FnOnce() -> T) -> T {
        let before = CALLER.replace(self);
        let polled = poll();
        CALLER.set(before);
        polled
    }

    /// Leads to a path of this server's: in the pop-up, or, where the browser allowed none, in this
    /// window. The page around a custom element is not ours to leave: there the way is offered.
    pub fn lead(self, pop_up: Option<&Window>, path: &str) {
        let Some(element) = self.element else {
            let _ = pop_up.cloned().unwrap_or_else(window).location().set_href(path);
            return;
        };
        let address = element.address(path).unwrap_or_default();
        if let Some(pop_up) = pop_up {
            let _ = pop_up.location().set_href(&address);
        }
        element.offer(pop_up.is_none().then_some(address));
    }

    /// The way to the provider's page, where no pop-up was allowed to lead there.
    pub fn way(self) -> impl IntoView {
        live_option(move || {
            self.element?.offered().map(|address| {
                view! {
                    <p>
                        <a href=address target="_blank" rel="noreferrer">
                            "Open the provider's page"
                        </a>
                    </p>
                }
            })
        })
    }

    /// What went wrong with a call, in words; where a session has ended, with a link to the sign-in
    /// page, if the page around the tab names one. For what only a browser shows.
    pub fn words(self, error: ApiError) -> AnyView {
        let words = labels::api_error(error);
        let link = labels::SIGN_IN_IN_A_NEW_TAB;
        let parts = words.split_once(link).and_then(|parts| Some((parts, self.sign_in()?)));
        match parts {
            Some(((before, after), href)) => view! {
                {before.to_owned()}
                <a href=href target="_blank" rel="noopener">{link}</a>
                {after.to_owned()}
            }
            .into_any(),
            None => words.into_any(),
        }
    }

    /// The path of the sign-in page, as the page around the tab names it.
    fn sign_in(self) -> Option<String> {
        match self.element {
            Some(_) => None,
            None => document().get_element_by_id(TAB)?.get_attribute(SIGN_IN),
        }
    }

    /// A button that tries again what failed; on a page of ours a reload does.
    pub fn try_again(self, again: impl Fn() + Send + 'static) -> impl IntoView {
        self.element.map(|_| {
            view! {
                <div class="actions">
                    <button type="button" part="button" on:click=move |_| again()>"Try again"</button>
                </div>
            }
        })
    }

    /// Tells whether anything is unsaved.
    pub fn tell_dirty(self, is_dirty: bool) {
        self.tell("dirty-change", || is_dirty.into());
    }

    /// Tells what was saved.
    pub fn tell_saved(self, revision: i64) {
        // As a number, not as a BigInt: it is exact up to nine thousand billion saves.
        #[expect(clippy::cast_precision_loss, reason = "exact up to nine thousand billion saves")]
        self.tell("saved", || (revision as f64).into());
    }

    /// Tells whether there is a token.
    pub fn tell_token(self, status: TokenStatus) {
        let code = match status {
            TokenStatus::Absent => "absent",
            TokenStatus::Valid => "valid",
            TokenStatus::Expired => "expired",
        };
        self.tell("token-change", || code.into());
    }

    /// Tells why a call failed: by its code, as it is on the wire.
    pub fn tell_error(self, error: ApiError) {
        self.tell("error", || wire::written(&error).unwrap_or_default().into());
    }

    fn tell(self, event: &str, detail: impl FnOnce() -> wasm_bindgen::JsValue) {
        if let Some(element) = self.element {
            element.tell(event, &detail());
        }
    }
}
