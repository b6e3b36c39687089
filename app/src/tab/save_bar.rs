//! The Save and Cancel bar, shown while there are unsaved changes, and the confirmation before a save
//! that deletes the token.

use leptos::html::Dialog;
use leptos::prelude::*;

use super::deferred::{DeferredView, deferred};
use super::reactive::{live, live_attribute, live_option, live_text};
use super::state::{FormState, Notice, SAVED};
use labels;

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

/// Asks for confirmation before a save deletes the current token. The server requires it too.
#[component]
pub fn TokenQuestion(state: FormState) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            if state.asks_about_grant().is_some() {
                // Fails only if the dialog is already open.
                drop(dialog.show_modal());
            } else {
                dialog.close();
            }
        }
    });
    let confirm = move |_| {
        if let Some(grant) = state.asks_about_grant() {
            state.save_deleting(grant);
        }
    };
    view! {
        <dialog
            node_ref=dialog
            aria-labelledby="token-question"
            aria-describedby="token-consequence"
            on:close=move |_| state.keep_token()
        >
            <h2 id="token-question">"Saving deletes the current OAuth token"</h2>
            <p id="token-consequence">"Mail cannot be sent until a new token has been obtained."</p>
            <div class="actions">
                <button type="button" part="button" on:click=move |_| state.keep_token()>"Keep the token"</button>
                <button type="button" class="primary" part="button primary" on:click=confirm>"Save and delete the token"</button>
            </div>
        </dialog>
    }
}
