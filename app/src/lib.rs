//! The Email tab of PPM Administrator. It compiles for the server, which renders it, and for the
//! browser, which hydrates it or mounts it in a custom element.
//!
//! `tab` is the component and does not depend on routes or a surrounding page. `shell` is the
//! stand-alone frame and its other pages, which are server-rendered HTML without script. `api` has
//! the server functions.

// The types of a `view!` nest as deep as its elements.
#![recursion_limit = "256"]

pub mod api;
mod deadline;
mod host;
mod json;
pub mod markup;
pub mod tab;

pub use tab::delivery::{DeliveryOutcome, DeliverySteps};
pub use tab::page::EmailSettingsPage;
pub use tab::token_outcome::TokenOutcome;

/// The ID of the element that contains the tab in a server-rendered page.
pub const TAB: &str = "email-tab";

/// The attribute of that element with the path of the sign-in page, which the tab links to once the
/// session has ended.
pub const SIGN_IN: &str = "data-sign-in";

/// Hydrates the server-rendered tab. The page around it has no script.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    use leptos::prelude::document;
    use leptos::wasm_bindgen::JsCast;
    console_error_panic_hook::set_once();
    if let Some(tab) = document().get_element_by_id(TAB) {
        leptos::mount::hydrate_from(tab.unchecked_into(), EmailSettingsPage).forget();
        // A performance mark for developer tools and the benchmark.
        if let Some(performance) = leptos::prelude::window().performance() {
            let _ = performance.mark("hydrated");
        }
    }
}
