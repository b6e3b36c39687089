//! The confirmation before a save that deletes the token.

use leptos::{html::Dialog, prelude::*};

use crate::model::form::FormState;

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
            part="dialog"
            aria-labelledby="token-question"
            aria-describedby="token-consequence"
            on:close=move |_| state.keep_token()
        >
            <h2 id="token-question">{labels::tab::DELETES_TOKEN}</h2>
            <p id="token-consequence">{labels::tab::NO_MAIL_WITHOUT_TOKEN}</p>
            <div class="actions">
                <button type="button" part="button" on:click=move |_| state.keep_token()>{labels::tab::KEEP_TOKEN}</button>
                <button type="button" class="danger" part="button danger" on:click=confirm>{labels::tab::SAVE_AND_DELETE_TOKEN}</button>
            </div>
        </dialog>
    }
}
