//! The button of a lookup, and the live region of its result.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::reactive::{live, live_attribute};
use crate::model::lookup::{Lookup, LookupRequest};

pub fn lookup_button(
    lookup: Lookup,
    label: &'static str,
    is_idle: Signal<bool>,
    request: Box<dyn Fn() -> LookupRequest + Send>,
) -> AnyView {
    let form = lookup.form();
    let disabled = live(move || !form.is_hydrated() || is_idle.get());
    let busy = live_attribute(move || lookup.is_asking().then_some("true"));
    view! {
        <button
            type="button"
            part="button"
            id=format!("{}-button", lookup.id())
            aria-disabled=busy
            disabled=disabled
            on:click=move |_| lookup.ask(request())
        >
            {label}
        </button>
    }
    .into_any()
}

/// The live region with the view of the result. Escape closes it.
pub fn lookup_region(lookup: Lookup, result: AnyView) -> AnyView {
    let close = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            lookup.close();
        }
    };
    view! {
        <div class="announcement stack" role="status" id=lookup.id() tabindex="-1" on:keydown=close>
            {result}
        </div>
    }
    .into_any()
}
