//! A custom element on any page: the tab is in a shadow root; the element's own script makes its
//! calls (`embed/embed.js`: to another server, with the host's token) and is told how things are
//! going. Several elements share one module, and one that was removed does nothing more.

use std::any::Any;

use leptos::mount::mount_to;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, Element, HtmlElement};

use super::Host;
use super::call::Reply;
use crate::EmailSettingsPage;
use crate::api::ApiError;
use crate::tab::news::Reader;

#[wasm_bindgen]
extern "C" {
    /// The element's script.
    #[derive(Clone)]
    pub type Script;

    /// Sends a body to a path of the server's, with the host's token. Rejects where no answer came.
    #[wasm_bindgen(method, catch)]
    async fn call(this: &Script, path: &str, body: &str) -> Result<Answer, JsValue>;

    /// Opens a stream at a path of the server's, with the host's token. Rejects where there is none.
    #[wasm_bindgen(method, catch)]
    async fn open(this: &Script, path: &str, signal: &AbortSignal) -> Result<Reader, JsValue>;

    /// A path of the server's as a whole address.
    #[wasm_bindgen(method)]
    fn address(this: &Script, path: &str) -> String;

    /// Is told what happened, by an event's name without its prefix.
    #[wasm_bindgen(method)]
    fn tell(this: &Script, event: &str, detail: &JsValue);

    /// What a server answered.
    type Answer;

    #[wasm_bindgen(method, getter)]
    fn status(this: &Answer) -> u16;

    #[wasm_bindgen(method, getter)]
    fn text(this: &Answer) -> String;
}

/// A tab in its element; freed, it is unmounted.
#[wasm_bindgen]
pub struct Mounted {
    _handle: Box<dyn Any>,
}

/// Shows the tab in an element of a shadow root.
#[wasm_bindgen]
#[must_use]
pub fn mount(container: HtmlElement, script: Script) -> Mounted {
    #[cfg(feature = "hydrate")]
    console_error_panic_hook::set_once();
    let handle = mount_to(container.clone(), move || {
        let parts = Parts { container, script, offered: RwSignal::new(None) };
        let element = CustomElement { parts: StoredValue::new_local(parts) };
        provide_context(Host { element: Some(element) });
        EmailSettingsPage()
    });
    Mounted { _handle: Box::new(handle) }
}

/// The element that holds the tab.
#[derive(Clone, Copy)]
pub struct CustomElement {
    parts: StoredValue<Parts, LocalStorage>,
}

struct Parts {
    container: HtmlElement,
    script: Script,
    /// The address of the provider's page, after a browser allowed no window for it.
    offered: RwSignal<Option<String>>,
}

impl CustomElement {
    /// Whether the element was removed from its page, and the tab with it.
    pub fn is_gone(self) -> bool {
        self.parts.is_disposed()
    }

    fn script(self) -> Option<Script> {
        self.parts.try_with_value(|parts| parts.script.clone())
    }

    /// The element of the tab with this id.
    pub fn find(self, id: &str) -> Option<Element> {
        let find = |parts: &Parts| parts.container.query_selector(&format!("#{id}")).ok()?;
        self.parts.try_with_value(find)?
    }

    /// A path of the server's as a whole address.
    pub fn address(self, path: &str) -> Option<String> {
        Some(self.script()?.address(path))
    }

    /// Opens a stream of the server's.
    pub async fn stream(self, path: &str, signal: &AbortSignal) -> Option<Reader> {
        self.script()?.open(path, signal).await.ok()
    }

    /// Sends a body to a path of the server's.
    pub async fn post(self, path: &str, body: &str) -> Result<Reply, ApiError> {
        let script = self.script().ok_or(ApiError::Unreachable)?;
        let answer = script.call(path, body).await.map_err(|_| ApiError::Unreachable)?;
        Ok(Reply { status: answer.status(), text: answer.text() })
    }

    /// Offers the way to an address, or no longer.
    pub fn offer(self, address: Option<String>) {
        self.parts.try_with_value(|parts| parts.offered.set(address));
    }

    /// The address to which the way is offered.
    pub fn offered(self) -> Option<String> {
        self.parts.try_with_value(|parts| parts.offered)?.get()
    }

    /// Tells the element's script what happened.
    pub fn tell(self, event: &str, detail: &JsValue) {
        self.parts.try_with_value(|parts| parts.script.tell(event, detail));
    }
}
