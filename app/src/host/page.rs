//! A page of this server's, or of a host written in Rust: the tab is in the document, calls go where
//! the page came from, and nobody else wants to know.

use domain::token::TokenStatus;
#[cfg(feature = "browser")]
use gloo_net::http::Request;
use leptos::prelude::*;
use leptos::task::spawn_local;
#[cfg(feature = "browser")]
use leptos::wasm_bindgen::JsCast;
use server_fn::Http;
use server_fn::codec::Post;
#[cfg(feature = "browser")]
use web_sys::AbortSignal;
use web_sys::{Element, Window};

use crate::api::ApiError;
#[cfg(feature = "browser")]
use crate::tab::news::{NEWS, Reader};
use crate::wire::Text;

/// How a server function reaches its server: arguments and answers as JSON in the body of a `POST`.
pub type Call = Http<Post<Text>, Post<Text>>;

/// The page that holds the tab.
#[derive(Debug, Clone, Copy)]
pub struct Host;

#[expect(clippy::unused_self, reason = "the other host has something of its own to ask")]
impl Host {
    /// Whether windows of this page's site tell each other of a token.
    pub const HEARS_NEWS: bool = true;
    /// Whether the tab asks by itself before a page with unsaved changes is left.
    pub const LEAVES_ASKING_TO_THE_TAB: bool = true;
    /// Whether the provider's page always stands in a window of its own.
    pub const STAYS: bool = false;

    /// Whatever holds this component.
    pub fn here() -> Self {
        Self
    }

    /// The tab's element with this id.
    pub fn element(self, id: &str) -> Option<Element> {
        document().get_element_by_id(id)
    }

    /// What the pages of this browser that show the same call the news.
    #[cfg(feature = "browser")]
    pub fn news(self) -> String {
        NEWS.to_owned()
    }

    /// Opens a stream of the server's.
    #[cfg(feature = "browser")]
    pub async fn stream(self, path: &str, signal: &AbortSignal) -> Option<Reader> {
        let answer = Request::get(path).abort_signal(Some(signal)).send().await.ok()?;
        let body = answer.ok().then(|| answer.body())??;
        Some(body.get_reader().unchecked_into())
    }

    /// Makes a call of the tab's.
    pub fn calling<T>(self, call: impl Future<Output = T>) -> impl Future<Output = T> {
        call
    }

    /// Runs a task of the tab's.
    pub fn spawn(self, task: impl Future<Output = ()> + 'static) {
        spawn_local(task);
    }

    /// Leads to a path of this server's, in this window where no other was allowed.
    pub fn lead(self, pop_up: Option<&Window>, path: &str) {
        let _ = pop_up.cloned().unwrap_or_else(window).location().set_href(path);
    }

    /// The way to where no window was allowed to lead: there is none but this window's.
    pub fn way(self) {}

    /// A way to try again what failed: a reload does.
    pub fn try_again(self, _again: impl Fn() + Send + 'static) {}

    /// Tells whether anything is unsaved.
    pub fn tell_dirty(self, _is_dirty: bool) {}

    /// Tells what was saved.
    pub fn tell_saved(self, _revision: i64) {}

    /// Tells whether there is a token.
    pub fn tell_token(self, _status: TokenStatus) {}

    /// Tells why something that somebody wanted was not done.
    pub fn tell_error(self, _error: ApiError) {}
}
