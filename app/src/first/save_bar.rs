//! The Save and Cancel bar, shown while there are unsaved changes.

use leptos::prelude::*;

use crate::deferred::door::{DeferredView, deferred};
use crate::model::form::{FormState, Notice, SAVED};
use crate::view::reactive::{live, live_attribute, live_option, live_text};

/// Shows the changed controls with Cancel and Save while there are unsaved changes, and "Saved" after a
/// save. The question about a token that a save would delete appears here, too.
#[component]
pub fn SaveBar(state: FormState) -> impl IntoView {
    let is_dirty = state.is_dirty;
    let bar = live_option(move || {
        is_dirty.get().then(|| {
            view! {
                <div part="save-bar" class="save-bar" role="region" aria-label=labels::tab::UNSAVED_CHANGES>
                    <p class="changes">
                        <strong>{live_text(move || labels::tab::changes(state.changes().len()))}</strong>
                        {labels::tab::NOT_SAVED}
                        {live_text(move || labels::fields(&state.changes()))}
                    </p>
                    <button
                        type="button"
                        part="button"
                        disabled=live(move || state.is_saving())
                        on:click=move |_| state.cancel()
                    >
                        {labels::tab::CANCEL}
                    </button>
                    <button
                        type="submit"
                        class="primary"
                        part="button primary"
                        aria-disabled=live_attribute(move || state.is_saving().then_some("true"))
                    >
                        {live_text(move || if state.is_saving() { labels::tab::SAVING } else { labels::tab::SAVE })}
                    </button>
                </div>
            }
        })
    });
    let saved = live_option(move || {
        (!is_dirty.get() && state.notice() == Some(Notice::Saved)).then(|| {
            view! {
                <div part="save-bar" class="save-bar good" id=SAVED tabindex="-1">
                    <p class="changes"><strong>{labels::tab::SAVED}</strong></p>
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
