//! The Save and Cancel bar, shown while there are unsaved changes.

use leptos::prelude::*;

use crate::deferred::door::{DeferredView, deferred};
use crate::model::form::{FormState, Notice, SAVED};
use crate::view::reactive::{live, live_attribute, live_option, live_text};

/// The bar at the bottom of the form.
#[component]
pub fn SaveBar(state: FormState) -> impl IntoView {
    let is_dirty = state.is_dirty();
    let bar = live_option(move || {
        is_dirty.get().then(|| {
            view! {
                <div part="save-bar" class="save-bar" role="region" aria-label="Unsaved changes">
                    <p class="changes">
                        <strong>{live_text(move || count(state.changes().len()))}</strong>
                        " not saved: "
                        {live_text(move || labels::fields(&state.changes()))}
                    </p>
                    <button
                        type="button"
                        part="button"
                        disabled=live(move || state.is_saving())
                        on:click=move |_| state.cancel()
                    >
                        "Cancel"
                    </button>
                    <button
                        type="submit"
                        class="primary"
                        part="button primary"
                        aria-disabled=live_attribute(move || state.is_saving().then_some("true"))
                    >
                        {live_text(move || if state.is_saving() { "Saving…" } else { "Save" })}
                    </button>
                </div>
            }
        })
    });
    let saved = live_option(move || {
        (!is_dirty.get() && state.notice() == Some(Notice::Saved)).then(|| {
            view! {
                <div part="save-bar" class="save-bar good" id=SAVED tabindex="-1">
                    <p class="changes"><strong>"Saved."</strong></p>
                </div>
            }
        })
    });
    view! {
        {bar}
        <div role="status">{saved}</div>
        {deferred(state, DeferredView::TokenQuestion)}
    }
}

fn count(changes: usize) -> String {
    match changes {
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    }
}
