//! The notices that an action leads to: the validation problems, and a concurrent save.

use leptos::{ev::MouseEvent, prelude::*};

use crate::model::form::{BlockedAction, FormState, MergeConflict, NOTICE, choice_id};
use crate::view::reactive::{live, live_option, live_text, live_view};

/// Lists the validation problems, each linked to its control. Updates as they are fixed.
#[component]
pub fn ProblemSummary(state: FormState, wanted: BlockedAction) -> impl IntoView {
    let count = move || state.shown_problems().len();
    let heading = live_text(move || match wanted {
        BlockedAction::Save => labels::tab::problems_block_save(count()),
        BlockedAction::Test => labels::tab::problems_block_test(count()),
    });
    let items = live_view(move || {
        state
            .shown_problems()
            .iter()
            .map(|(field, problem)| {
                let id = field.wire_name().to_owned();
                let text = format!(
                    "{}: {}",
                    labels::field_in_full(field),
                    labels::problem(field, problem)
                );
                view! { <li><FocusLink state id text/></li> }
            })
            .collect_view()
            .into_any()
    });
    view! {
        <section class="notice" part="notice" class:bad=live(move || count() != 0) role="alert">
            <h2>{heading}</h2>
            <ul>{items}</ul>
        </section>
    }
}

/// Reports a concurrent save: who saved, how the changes were merged, and which conflicts are left.
#[component]
pub fn ConflictNotice(state: FormState, conflict: MergeConflict) -> impl IntoView {
    let MergeConflict { other, kept, taken } = conflict;
    let texts = labels::conflict(other);
    let (by, at) = untrack(|| state.last_save());
    let heading = labels::saved_meanwhile(other, by.as_deref(), at.as_deref());
    let facts: Vec<_> = [(texts.kept, kept), (texts.taken, taken)]
        .into_iter()
        .filter(|(_, fields)| !fields.is_empty())
        .map(|(what, fields)| view! { <li>{what} ": " {labels::fields(&fields)} "."</li> })
        .collect();
    let open = live_view(move || {
        let links = state.conflicting().into_iter().map(|field| {
            let id = choice_id(field);
            view! { <li><FocusLink state id text=labels::field_in_full(field)/></li> }
        });
        links.collect_view().into_any()
    });
    let next = live_text(move || match state.conflicting().len() {
        0 if state.is_dirty.get() => labels::ALL_CHOSEN,
        0 => labels::NOTHING_LEFT,
        _ => texts.both_changed,
    });
    let actions = live_view(move || {
        match state.conflicting().len() {
        0 => view! { <button type="button" part="button" on:click=move |_| state.dismiss()>{labels::tab::CLOSE}</button> }
            .into_any(),
        1 => ().into_any(),
        _ => view! {
            <button type="button" part="button" on:click=move |_| state.keep_all_of_mine()>
                {texts.keep_all_of_mine}
            </button>
            <button type="button" part="button" on:click=move |_| state.take_all_of_theirs()>
                {texts.take_all_of_theirs}
            </button>
        }
        .into_any(),
    }
    });
    view! {
        <section class="notice" part="notice" role="alert" id=NOTICE tabindex="-1">
            <h2>{heading}</h2>
            <p>{texts.both_in_one}</p>
            <ul>{facts}</ul>
            <p>{next}</p>
            <ul>{open}</ul>
            <div class="actions">{actions}</div>
        </section>
    }
}

/// Says beside Save who has saved meanwhile.
#[component]
pub fn HeadsUp(state: FormState) -> impl IntoView {
    live_option(move || state.heads_up().map(|text| view! { <p class="heads-up">{text}</p> }))
}

/// A link that moves focus to an element of the form.
#[component]
fn FocusLink(state: FormState, id: String, text: String) -> impl IntoView {
    let href = format!("#{id}");
    let go = move |event: MouseEvent| {
        event.prevent_default();
        state.focus(&id);
    };
    view! { <a href=href on:click=go>{text}</a> }
}
