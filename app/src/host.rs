//! The host of the tab: a page of this server or of a Leptos host, or a custom element on any page.
//! Hosts differ in how elements are found, how calls are sent, where the provider's page opens, and
//! which events are dispatched. One bundle serves both; the mount function selects the host.

mod call;
mod element;
mod page;
mod reader;

use std::pin::{Pin, pin};
use std::{cell::Cell, future::poll_fn, task::Poll};

use contract::{ApiCode, IncidentView};
use domain::token::TokenStatus;
use leptos::{prelude::*, task::spawn_local};
use serde::Serialize;
use web_sys::{AbortSignal, Element, Window};

pub use self::element::{CustomElement, HostScript};
pub use self::{call::HostTransport, reader::Reader};
use crate::{HEALTH, SIGN_IN, TAB, json};

/// The name of the Web Lock under which one page reads the event stream, and of the
/// `BroadcastChannel` on which it forwards the events.
const RUN_CHANNEL: &str = "ppm-email-events";

/// The `BroadcastChannel` on which windows of one browser announce a new token.
pub const TOKEN_CHANNEL: &str = "ppm-email-token";

thread_local! {
    /// The host of the future being polled. A thread-local, because a server function's client is a
    /// type and carries no value.
    static CALLER: Cell<TabHost> = const { Cell::new(TabHost { element: None, life: None }) };
}

/// An incident as the element's script reads it.
#[derive(Serialize)]
struct HostIncident<'a> {
    id: &'a str,
    /// Epoch milliseconds.
    since: i64,
    diagnosis: &'a str,
    text: &'a str,
}

/// The host of the tab.
#[derive(Clone, Copy, Default)]
pub struct TabHost {
    /// The custom element; `None` on a page of this server.
    element: Option<CustomElement>,
    /// Is disposed of with the tab: a custom element is removed, or a Leptos host leaves the route.
    life: Option<StoredValue<()>>,
}

impl From<CustomElement> for TabHost {
    fn from(element: CustomElement) -> Self {
        Self { element: Some(element), life: None }
    }
}

impl TabHost {
    /// Returns the host from the component's context, for as long as the component is there.
    pub fn here() -> Self {
        let host: Self = use_context().unwrap_or_default();
        Self { life: Some(StoredValue::new(())), ..host }
    }

    /// Whether windows of the same site announce new tokens to each other.
    pub fn shares_token_events(self) -> bool {
        self.element.is_none()
    }

    /// Whether the window is the tab's own: it handles `beforeunload`, keys and the title. In a custom
    /// element, its script or the page does.
    pub fn is_whole_page(self) -> bool {
        self.element.is_none()
    }

    /// Whether the provider's page always opens in a separate window.
    pub fn always_popup(self) -> bool {
        self.element.is_some()
    }

    pub fn element(self, id: &str) -> Option<Element> {
        match self.element {
            Some(element) => element.find(id),
            None => document().get_element_by_id(id),
        }
    }

    /// The name of the `BroadcastChannel` and Web Lock shared by this browser's tabs of one server.
    pub fn news(self) -> String {
        match self.element {
            Some(element) => format!("{RUN_CHANNEL} {}", element.address("").unwrap_or_default()),
            None => RUN_CHANNEL.to_owned(),
        }
    }

    pub async fn stream(self, path: &str, signal: &AbortSignal) -> Option<Reader> {
        match self.element {
            Some(element) => element.stream(path, signal).await,
            None => page::stream(path, signal).await,
        }
    }

    /// Polls a server call with this host as the current caller.
    pub async fn wrap_call<T>(self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        poll_fn(move |context| self.as_caller(|| call.as_mut().poll(context))).await
    }

    /// Spawns a task that ends once the tab is unmounted.
    pub fn spawn(self, task: impl Future<Output = ()> + 'static) {
        let mut task: Pin<Box<dyn Future<Output = ()>>> = Box::pin(task);
        spawn_local(poll_fn(move |context| {
            if self.life.is_some_and(|life| life.is_disposed()) {
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

    /// Navigates the pop-up to a path of this server, or this window if the pop-up was blocked. A
    /// custom element may not navigate its page; it shows a link instead.
    pub fn navigate(self, pop_up: Option<&Window>, path: &str) {
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

    /// The address of the provider's page, while the browser blocks the pop-up. Tracks it.
    pub fn blocked_pop_up(self) -> Option<String> {
        self.element?.offered()
    }

    /// The path of the sign-in page, if the page names it. Not for server rendering.
    pub fn sign_in(self) -> Option<String> {
        self.named_page(SIGN_IN)
    }

    /// The path of the page Health, if the page names it; `None` on the server.
    pub fn health_page(self) -> Option<String> {
        if cfg!(feature = "ssr") { None } else { self.named_page(HEALTH) }
    }

    fn named_page(self, attribute: &str) -> Option<String> {
        match self.element {
            Some(_) => None,
            None => document().get_element_by_id(TAB)?.get_attribute(attribute),
        }
    }

    /// Whether a failed load is retried by a button. On this server's pages, a reload serves as retry.
    pub fn retries_by_button(self) -> bool {
        self.element.is_some()
    }

    pub fn tell_dirty(self, is_dirty: bool) {
        self.tell("dirty-change", || is_dirty.into());
    }

    pub fn tell_saved(self, revision: i64) {
        // A number, not a BigInt.
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 saves")]
        self.tell("saved", || (revision as f64).into());
    }

    pub fn tell_token(self, status: TokenStatus) {
        let code = match status {
            TokenStatus::Absent => "absent",
            TokenStatus::Valid => "valid",
            TokenStatus::Expired => "expired",
        };
        self.tell("token-change", || code.into());
    }

    /// Tells of an incident that opened, or that the last one closed.
    pub fn tell_incident(self, open: Option<&IncidentView>) {
        let open = open.map(|open| HostIncident {
            id: &open.id,
            since: open.since.timestamp_millis(),
            diagnosis: &open.diagnosis,
            text: &open.text,
        });
        self.tell("incident", || json::to_json(&open).unwrap_or_default().into());
    }

    pub fn tell_error(self, code: ApiCode) {
        self.tell("error", || json::to_json(&code).unwrap_or_default().into());
    }

    fn tell(self, event: &str, detail: impl FnOnce() -> wasm_bindgen::JsValue) {
        if let Some(element) = self.element {
            element.tell(event, &detail());
        }
    }
}
