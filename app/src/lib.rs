//! The Email tab of PPM Administrator, compiled twice: rendered by the server, brought to life in
//! the browser.
//!
//! `tab` is the component itself and knows neither routes nor the frame around it; `shell` is the
//! stand-alone frame. `api` is the one way to the server, `labels` every word on the screen.

// One `view!` nests its types as deep as its elements.
#![recursion_limit = "256"]

pub mod api;
mod deadline;
pub mod labels;
#[cfg(feature = "ssr")]
pub mod service;
#[cfg(feature = "shell")]
pub mod shell;
pub mod tab;
mod wire;

pub use tab::page::EmailSettingsPage;

/// Brings the page that the server rendered to life.
#[cfg(all(feature = "hydrate", feature = "shell"))]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(shell::App);
}
