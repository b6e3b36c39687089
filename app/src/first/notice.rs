//! The notice about the form as a whole, shown above it and announced to screen readers.

use leptos::prelude::*;

use crate::deferred::door::{DeferredView, deferred};
use crate::model::form::{FormState, NOTICE, Notice};
use crate::view::{host::error_message, reactive::live_view};

/// The one notice above the form: validation problems, a conflict, or an error of a save. What needs
/// no action is shown in the place of the save bar.
#[component]
pub fn FormNotice(state: FormState) -> impl IntoView {
    live_view(move || match state.notice() {
        None | Some(Notice::Saved | Notice::Discarded | Notice::Updated(_)) => ().into_any(),
        Some(Notice::Problems(wanted)) => {
            deferred(state, DeferredView::Problems(wanted)).into_any()
        }
        Some(Notice::Conflict(conflict)) => {
            deferred(state, DeferredView::Conflict(conflict)).into_any()
        }
        Some(Notice::NotSaved(error)) => view! {
            <section class="notice bad" part="notice" role="alert" id=NOTICE tabindex="-1">
                <h2>{labels::tab::NOTHING_SAVED}</h2>
                <p>{error_message(state.host, error)}</p>
            </section>
        }
        .into_any(),
    })
}
