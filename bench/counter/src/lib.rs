//! A bare Leptos page, server-rendered and hydrated: a button that counts its clicks. It is the baseline
//! of the time until the tab is hydrated.

use leptos::{hydration::HydrationScripts, prelude::*};

/// The name of the page's bundle.
pub const NAME: &str = "counter";

/// The HTML document.
pub fn document(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <title>"Counter"</title>
                <link rel="icon" href="data:,"/>
                <HydrationScripts options/>
            </head>
            <body><Counter/></body>
        </html>
    }
}

#[component]
fn Counter() -> impl IntoView {
    let count = RwSignal::new(0);
    view! { <button on:click=move |_| *count.write() += 1>{count}</button> }
}

/// Hydrates the page, and marks when it has.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_body(Counter);
    if let Some(performance) = window().performance() {
        let _ = performance.mark("hydrated");
    }
}
