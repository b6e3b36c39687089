//! A custom element on anybody's page: the tab is in a shadow root, the element's own script makes
//! its calls (`embed/embed.js`: to another server, with the host's token) and hears how things are
//! going. Several stand side by side in one module, and one that is gone does nothing more.

use std::any::Any;
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use domain::token::TokenStatus;
use futures_channel::oneshot;
use http::Method;
use leptos::mount::mount_to;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::Serialize;
use serde::de::DeserializeOwned;
use server_fn::error::FromServerFnError;
use server_fn::{Bytes, Protocol};
use wasm_bindgen::prelude::*;
use web_sys::{AbortSignal, Element, HtmlElement, Window};

use crate::EmailSettingsPage;
use crate::api::ApiError;
use crate::tab::live::live_option;
use crate::tab::news::{NEWS, Reader};
use crate::wire;

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

    /// Hears what happened, by an event's name without its prefix.
    #[wasm_bindgen(method)]
    fn tell(this: &Script, event: &str, detail: &JsValue);

    /// What a server answered.
    type Answer;

    #[wasm_bindgen(method, getter)]
    fn status(this: &Answer) -> u16;

    #[wasm_bindgen(method, getter)]
    fn text(this: &Answer) -> String;
}

thread_local! {
    /// The element whose future is being polled: a server function's client is a type, not a value.
    static CALLER: Cell<Option<Host>> = const { Cell::new(None) };
}

/// A tab in its element; freed, it is unmounted.
#[wasm_bindgen]
pub struct Mounted {
    _handle: Box<dyn Any>,
}

/// Shows the tab in an element of a shadow root.
#[wasm_bindgen]
pub fn mount(container: HtmlElement, script: Script) -> Mounted {
    let handle = mount_to(container.clone(), move || {
        provide_context(Host {
            parts: StoredValue::new_local(Parts { container, script }),
            way: RwSignal::new(None),
        });
        EmailSettingsPage()
    });
    Mounted { _handle: Box::new(handle) }
}

/// The element that holds the tab.
#[derive(Clone, Copy)]
pub struct Host {
    parts: StoredValue<Parts, LocalStorage>,
    /// Where the provider's page is to be had, after a browser allowed no window for it.
    way: RwSignal<Option<String>>,
}

struct Parts {
    container: HtmlElement,
    script: Script,
}

impl Host {
    /// Whether windows of this page's site tell each other of a token.
    pub const HEARS_NEWS: bool = false;
    /// Whether the tab asks by itself before a page with unsaved changes is left.
    pub const LEAVES_ASKING_TO_THE_TAB: bool = false;
    /// Whether the provider's page always stands in a window of its own.
    pub const STAYS: bool = true;

    /// Whatever holds this component.
    pub fn here() -> Self {
        expect_context()
    }

    /// The tab's element with this id.
    pub fn element(self, id: &str) -> Option<Element> {
        let find = |parts: &Parts| parts.container.query_selector(&format!("#{id}")).ok()?;
        self.parts.try_with_value(find)?
    }

    /// What the elements of this browser that show the same call the news.
    pub fn news(self) -> String {
        let address = self.parts.try_with_value(|parts| parts.script.address(""));
        format!("{NEWS} {}", address.unwrap_or_default())
    }

    /// Opens a stream of the server's.
    pub async fn stream(self, path: &str, signal: &AbortSignal) -> Option<Reader> {
        let script = self.parts.try_with_value(|parts| parts.script.clone())?;
        script.open(path, signal).await.ok()
    }

    /// Makes a call of the tab's.
    pub async fn calling<T>(self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        poll_fn(move |context| {
            CALLER.set(Some(self));
            call.as_mut().poll(context)
        })
        .await
    }

    /// Runs a task of the tab's, for as long as there is the tab.
    pub fn spawn(self, task: impl Future<Output = ()> + 'static) {
        let mut task: Pin<Box<dyn Future<Output = ()>>> = Box::pin(task);
        spawn_local(poll_fn(move |context| {
            if self.parts.is_disposed() {
                return Poll::Ready(());
            }
            CALLER.set(Some(self));
            task.as_mut().poll(context)
        }));
    }

    /// Leads to a path of this server's in a window, or offers the way where none was allowed: the
    /// page is not ours to leave.
    pub fn lead(self, pop_up: Option<&Window>, path: &str) {
        let address = self.parts.with_value(|parts| parts.script.address(path));
        if let Some(pop_up) = pop_up {
            let _ = pop_up.location().set_href(&address);
        }
        self.way.set(pop_up.is_none().then_some(address));
    }

    /// The way to where no window was allowed to lead.
    pub fn way(self) -> impl IntoView {
        live_option(move || {
            self.way.get().map(|address| {
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

    /// A way to try again what failed.
    #[expect(clippy::unused_self, reason = "a page of our own has none")]
    pub fn try_again(self, again: impl Fn() + Send + 'static) -> impl IntoView {
        view! {
            <div class="actions">
                <button type="button" part="button" on:click=move |_| again()>"Try again"</button>
            </div>
        }
    }

    /// Tells whether anything is unsaved.
    pub fn tell_dirty(self, is_dirty: bool) {
        self.tell("dirty-change", &is_dirty.into());
    }

    /// Tells what was saved.
    pub fn tell_saved(self, revision: i64) {
        // As a number, not as a BigInt: a database of so many saves is not to be feared.
        #[expect(clippy::cast_precision_loss, reason = "exact up to nine thousand billion saves")]
        self.tell("saved", &(revision as f64).into());
    }

    /// Tells whether there is a token.
    pub fn tell_token(self, status: TokenStatus) {
        let code = match status {
            TokenStatus::Absent => "absent",
            TokenStatus::Valid => "valid",
            TokenStatus::Expired => "expired",
        };
        self.tell("token-change", &code.into());
    }

    /// Tells why something that somebody wanted was not done: by its code, as it is on the wire.
    pub fn tell_error(self, error: ApiError) {
        let code = wire::written(&error).unwrap_or_default();
        self.tell("error", &code.into());
    }

    fn tell(self, event: &str, detail: &JsValue) {
        self.parts.try_with_value(|parts| parts.script.tell(event, detail));
    }
}

/// How a server function reaches its server: through the element's script.
pub struct Call;

impl<Input, Output, Client, Server> Protocol<Input, Output, Client, Server, ApiError> for Call
where
    Input: Serialize + Send,
    Output: DeserializeOwned + Send,
    Client: server_fn::client::Client<ApiError>,
    Server: server_fn::server::Server<ApiError>,
{
    const METHOD: Method = Method::POST;

    async fn run_server<F, Fut>(_: Server::Request, _: F) -> Result<Server::Response, ApiError>
    where
        F: Fn(Input) -> Fut + Send,
        Fut: Future<Output = Result<Output, ApiError>> + Send,
    {
        unreachable!("no browser is a server")
    }

    async fn run_client(path: &str, input: Input) -> Result<Output, ApiError> {
        let body = wire::written(&input).map_err(|_| ApiError::Malformed)?;
        let Reply { status, text } = send(path.to_owned(), body).await?;
        if status == 200 {
            wire::read(text.as_bytes()).map_err(|_| ApiError::Malformed)
        } else {
            Err(ApiError::de(Bytes::from(text)))
        }
    }
}

/// What a server answered, once it has left the element's script.
struct Reply {
    status: u16,
    text: String,
}

/// Sends a body on behalf of the element whose future is being polled.
async fn send(path: String, body: String) -> Result<Reply, ApiError> {
    let caller = CALLER.get().ok_or(ApiError::Unreachable)?;
    let (tell, told) = oneshot::channel();
    // Nothing of the script's may travel between threads, as a server function's future may.
    caller.spawn(async move {
        let script = caller.parts.with_value(|parts| parts.script.clone());
        let reply = script.call(&path, &body).await;
        let reply = reply.map(|answer| Reply { status: answer.status(), text: answer.text() });
        // Nobody waits any longer where the time is over.
        drop(tell.send(reply.map_err(|_| ApiError::Unreachable)));
    });
    told.await.unwrap_or(Err(ApiError::Unreachable))
}
