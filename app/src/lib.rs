//! The Email tab of PPM Administrator, compiled twice: for the server, which renders it, and for the
//! browser, where it hydrates what the server rendered or is mounted in a custom element.
//!
//! `tab` is the component itself and knows neither routes nor the frame around it; `shell` is the
//! stand-alone frame with its other pages, which are plain HTML and stay on the server. `api` is the
//! one way to the server, `labels` every word on the screen.

// One `view!` nests its types as deep as its elements.
#![recursion_limit = "256"]

pub mod api;
mod deadline;
pub mod explanation;
mod host;
pub mod labels;
pub mod markup;
#[cfg(feature = "ssr")]
pub mod service;
#[cfg(feature = "ssr")]
pub mod shell;
pub mod tab;
mod wire;

pub use tab::page::EmailSettingsPage;

/// The element that holds the tab, on a page that the server rendered.
pub const TAB: &str = "email-tab";

/// The attribute of that element that names the path where people sign in, so that the tab can lead
/// there once a session has ended.
pub const SIGN_IN: &str = "data-sign-in";

/// Brings the tab that the server rendered to life; the page around it needs no script.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    use leptos::prelude::document;
    use leptos::wasm_bindgen::JsCast;
    console_error_panic_hook::set_once();
    if let Some(tab) = document().get_element_by_id(TAB) {
        leptos::mount::hydrate_from(tab.unchecked_into(), EmailSettingsPage).forget();
        // Where the browser's own tools and the benchmark look for how long it took.
        if let Some(performance) = leptos::prelude::window().performance() {
            let _ = performance.mark("hydrated");
        }
    }
}
