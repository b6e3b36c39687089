//! What the tab has to say about the form as a whole: above it, and announced.

use domain::time_format;
use leptos::ev::MouseEvent;
use leptos::prelude::*;

use super::live::{live, live_text, live_view};
use super::state::{FormState, NOTICE, Notice, focus};
use crate::labels;

/// The notice above the form.
#[component]
pub fn FormNotice(state: FormState) -> impl IntoView {
    live_view(move || match state.notice() {
        None | Some(Notice::Saved) => ().into_any(),
        Some(Notice::Problems) => view! { <ProblemSummary state/> }.into_any(),
        Some(Notice::Conflict(theirs)) => {
            view! { <ConflictNotice state theirs=*theirs/> }.into_any()
        }
        Some(Notice::NotSaved(error)) => view! {
            <section class="notice bad" role="alert" id=NOTICE tabindex="-1">
                <h2>"Nothing was saved."</h2>
                <p>{labels::api_error(error)}</p>
            </section>
        }
        .into_any(),
    })
}

/// Lists what is wrong, with a link to each control; shrinks as it is mended.
#[component]
fn ProblemSummary(state: FormState) -> impl IntoView {
    let count = move || state.shown_problems().len();
    let heading = live_text(move || match count() {
        0 => "All mended: save again.".to_owned(),
        1 => "Nothing was saved. One field needs you.".to_owned(),
        count => format!("Nothing was saved. {count} fields need you."),
    });
    let items = live_view(move || {
        state
            .shown_problems()
            .iter()
            .map(|(field, problem)| {
                let id = field.wire_name();
                let go = move |event: MouseEvent| {
                    event.prevent_default();
                    focus(id);
                };
                view! {
                    <li>
                        <a href=format!("#{id}") on:click=go>
                            {labels::field_in_full(field)} ": " {labels::problem(field, problem)}
                        </a>
                    </li>
                }
            })
            .collect_view()
            .into_any()
    });
    view! {
        <section class="notice" class:bad=live(move || count() != 0) role="alert">
            <h2>{heading}</h2>
            <ul>{items}</ul>
        </section>
    }
}

/// Says who saved meanwhile, and lets the administrator choose.
#[component]
fn ConflictNotice(state: FormState, theirs: domain::Saved) -> impl IntoView {
    let by = theirs.by.clone().unwrap_or_else(|| "Somebody".to_owned());
    let at = theirs.at.map(|at| format!(" at {}", time_format::written(at))).unwrap_or_default();
    let (load, keep) = (theirs.clone(), theirs);
    let load_theirs = move |_| {
        state.reset(load.clone());
        state.dismiss();
    };
    let keep_mine = move |_| state.overwrite(keep.clone());
    view! {
        <section class="notice" role="alert" id=NOTICE tabindex="-1">
            <h2>{by} " has saved other settings" {at} "."</h2>
            <p>"Nothing of yours was saved, and nothing you typed is lost. Which settings shall stay?"</p>
            <div class="actions">
                <button type="button" on:click=load_theirs>"Load theirs, drop my changes"</button>
                <button type="button" on:click=keep_mine>"Save mine over theirs"</button>
            </div>
        </section>
    }
}
