//! The tab in a custom element's shadow root. The element's script (`embed/embed.js`) sends its
//! requests, cross-origin with the host's token, and receives its events. Several elements share one
//! Wasm module; a removed element runs no more tasks.

use contract::ApiCode;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, Element, HtmlElement};

use super::{Reader, call::CallResponse};
use crate::error::ApiError;

#[wasm_bindgen]
extern "C" {
    /// The object through which the element's script serves the tab.
    #[derive(Clone)]
    pub type HostScript;

    /// Posts a body to a path of the server, with the host's token. Rejects if there is no response.
    #[wasm_bindgen(method, catch)]
    async fn call(this: &HostScript, path: &str, body: &str) -> Result<ScriptResponse, JsValue>;

    /// Opens an event stream from the server, with the host's token. Rejects on failure.
    #[wasm_bindgen(method, catch)]
    async fn open(this: &HostScript, path: &str, signal: &AbortSignal) -> Result<Reader, JsValue>;

    /// Returns the absolute URL of a path of the server.
    #[wasm_bindgen(method)]
    fn address(this: &HostScript, path: &str) -> String;

    /// Dispatches an event, named without its `ppm-` prefix.
    #[wasm_bindgen(method)]
    fn tell(this: &HostScript, event: &str, detail: &JsValue);

    /// The server's HTTP response.
    type ScriptResponse;

    #[wasm_bindgen(method, getter)]
    fn status(this: &ScriptResponse) -> u16;

    #[wasm_bindgen(method, getter)]
    fn text(this: &ScriptResponse) -> String;
}

/// The custom element that hosts the tab.
#[derive(Clone, Copy)]
pub struct CustomElement {
    parts: StoredValue<Parts, LocalStorage>,
}

struct Parts {
    container: HtmlElement,
    script: HostScript,
    /// The address of the provider's page, after the browser blocked the pop-up.
    offered: RwSignal<Option<String>>,
}

impl CustomElement {
    /// Creates the host for a container of the element's shadow root.
    pub fn new(container: HtmlElement, script: HostScript) -> Self {
        let parts = Parts { container, script, offered: RwSignal::new(None) };
        Self { parts: StoredValue::new_local(parts) }
    }

    fn script(self) -> Option<HostScript> {
        self.parts.try_with_value(|parts| parts.script.clone())
    }

    pub fn find(self, id: &str) -> Option<Element> {
        let find = |parts: &Parts| parts.container.query_selector(&format!("#{id}")).ok()?;
        self.parts.try_with_value(find)?
    }

    pub fn address(self, path: &str) -> Option<String> {
        Some(self.script()?.address(path))
    }

    /// Opens an event stream; `None` if the request fails.
    pub async fn stream(self, path: &str, signal: &AbortSignal) -> Option<Reader> {
        self.script()?.open(path, signal).await.ok()
    }

    pub async fn post(self, path: &str, body: &str) -> Result<CallResponse, ApiError> {
        let script = self.script().ok_or(ApiError(ApiCode::Unreachable))?;
        let answer = script.call(path, body).await.map_err(|_| ApiError(ApiCode::Unreachable))?;
        Ok(CallResponse { status: answer.status(), text: answer.text() })
    }

    /// Shows a link to an address, or removes it.
    pub fn offer(self, address: Option<String>) {
        self.parts.try_with_value(|parts| parts.offered.set(address));
    }

    pub fn offered(self) -> Option<String> {
        self.parts.try_with_value(|parts| parts.offered)?.get()
    }

    pub fn tell(self, event: &str, detail: &JsValue) {
        self.parts.try_with_value(|parts| parts.script.tell(event, detail));
    }
}
