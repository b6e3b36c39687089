//! The choice between two conflicting values of one control, after two administrators edited it.

use domain::secret::{SecretEdit, StoredSecret};
use domain::{Field, field::Kind};
use leptos::prelude::*;

use crate::model::form::{FormState, choice_id};
use crate::view::reactive::live_text;

/// The buttons that keep this form's value or take the saved one. A secret's value is not shown. Each value
/// is isolated, because its direction may not be that of the page.
#[component]
pub fn ConflictChoice(state: FormState, field: Field) -> impl IntoView {
    let texts = move || labels::conflict(state.other());
    let reason = move || match field.kind() {
        Kind::Secret => texts().dispute_of_secret,
        _ => texts().dispute,
    };
    let (keep, take) = (move |_| state.keep_mine(field), move |_| state.take_theirs(field));
    view! {
        <div
            class="dispute"
            role="group"
            id=choice_id(field)
            tabindex="-1"
            aria-label=labels::tab::choice_for(field)
        >
            <p>{live_text(reason)}</p>
            <button type="button" part="button" on:click=keep>
                {live_text(move || format!("{}: ", texts().keep_mine))}
                <bdi>{live_text(move || mine(state, field))}</bdi>
            </button>
            <button type="button" part="button" on:click=take>
                {live_text(move || format!("{}: ", texts().take_theirs))}
                <bdi>{live_text(move || theirs(state, field))}</bdi>
            </button>
        </div>
    }
}

fn mine(state: FormState, field: Field) -> String {
    state.with_draft(&[field], |draft| match field.kind() {
        Kind::Secret => {
            let is_typed = matches!(draft.secret(field), Some(SecretEdit::Replace(_)));
            labels::my_secret(is_typed).to_owned()
        }
        _ => state.value(field, draft.plain_text(field)),
    })
}

fn theirs(state: FormState, field: Field) -> String {
    state.with_saved(|saved| match field.kind() {
        Kind::Secret => {
            let is_stored = matches!(saved.form.secret(field), Some(StoredSecret::For(_)));
            labels::their_secret(is_stored).to_owned()
        }
        _ => state.value(field, saved.form.plain_text(field)),
    })
}
