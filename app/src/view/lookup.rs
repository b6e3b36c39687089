//! The button of a lookup, and the live region of its result.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use crate::deferred::door::{DeferredView, deferred};
use crate::model::lookup::{Lookup, LookupRequest};
use crate::view::reactive::{live, live_attribute};

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

/// The live region with the result. Escape closes it.
pub fn lookup_result(lookup: Lookup) -> AnyView {
    let shown = deferred(lookup.form(), DeferredView::Findings(lookup));
    let close = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            lookup.close();
        }
    };
    view! {
        <div class="announcement stack" role="status" id=lookup.id() tabindex="-1" on:keydown=close>
            {shown}
        </div>
    }
    .into_any()
}
