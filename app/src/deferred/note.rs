//! Notes on a control's text while it is typed, and providers' announcements, each with a button that
//! applies the correction if there is one.

use std::time::Duration;

use contract::Suggestion;
use domain::announcement::{announcement, move_to_oauth};
use domain::note::{self, Note};
use domain::{Draft, Field, Section};
use leptos::prelude::*;

use super::{explanation::FillButton, findings::replaced};
use crate::model::{form::FormState, lookup::is_as_fresh, token::browser_now};
use crate::view::reactive::{live_option, live_view};

/// All notes on a control's text.
#[component]
pub fn Notes(form: FormState, field: Field) -> impl IntoView {
    let follows = [note::follows(field), &[field]].concat();
    // Each control's in a separate task: when the chunk has loaded, those of all controls are due.
    let is_due = RwSignal::new(false);
    set_timeout(
        move || {
            is_due.try_set(true);
        },
        Duration::ZERO,
    );
    let notes = Memo::new(move |_| {
        let found =
            is_due.get().then(|| form.with_draft(&follows, |draft| note::notes(field, draft)));
        found.unwrap_or_default()
    });
    let trimmed = live_option(move || {
        let is_trimmed = form.is_trimmed(field);
        is_trimmed.then(|| view! { <span class="note">{labels::BLANKS_REMOVED}</span> })
    });
    let found = live_view(move || {
        notes.get().into_iter().map(|note| item(form, field, note)).collect_view().into_any()
    });
    view! { {trimmed} {found} }
}

fn item(form: FormState, field: Field, Note { found, corrections }: Note) -> impl IntoView {
    let text = labels::note(field, &found);
    let button = (!form.is_read_only() && !corrections.is_empty()).then(|| {
        let label = labels::correction(&found, &corrections);
        let fills: Vec<_> = corrections.into_iter().map(fill).collect();
        let put = fills.clone();
        let on_press = move || {
            form.fill_all(&put);
            form.focus_soon(field.wire_name());
        };
        view! { <FillButton form fills label on_press/> }
    });
    view! { <p><span class="note">{text}</span> " " {button}</p> }
}

fn fill((field, value): (Field, String)) -> Suggestion {
    Suggestion { field, value, label: labels::field_in_full(field) }
}

/// A provider's announcement about the current way of sending mail, and a button that moves to OAuth.
#[component]
pub fn AnnouncementView(form: FormState) -> impl IntoView {
    let now = browser_now();
    let announced = Memo::new(move |_| {
        form.with_draft(&[Field::Flow, Field::BasicServer], |draft| announcement(draft, now))
    });
    let values = Memo::new(move |_| {
        let follows: Vec<_> = Field::of(Section::BasicSmtp).collect();
        form.with_draft(&follows, move_to_oauth)
    });
    live_option(move || {
        let announced = announced.get()?;
        let (says, source) = labels::notice(announced);
        let fills: Vec<_> = values.get().into_iter().map(fill).collect();
        Some(view! {
            <section class="notice" part="notice">
                <h2>{says}</h2>
                <p class="hint">{source}</p>
                {(!form.is_read_only()).then(|| move_button(form, fills))}
            </section>
        })
    })
}

/// The button that moves to OAuth, below the values that it would replace.
fn move_button(form: FormState, fills: Vec<Suggestion>) -> impl IntoView {
    let shown = fills.clone();
    let replaces = live_option(move || {
        let follows: Vec<_> = shown.iter().map(|fill| fill.field).collect();
        let is_replaced = |fill: &&Suggestion, draft: &Draft| {
            draft.text(fill.field) != fill.value && !is_as_fresh(draft, fill.field)
        };
        let replaces: Vec<_> = form.with_draft(&follows, |draft| {
            shown.iter().filter(|fill| is_replaced(fill, draft)).cloned().collect()
        });
        (!replaces.is_empty()).then(|| {
            view! {
                <p>{labels::HOLD_SOMETHING_ELSE}</p>
                <dl class="facts">{replaced(form, &replaces)}</dl>
            }
        })
    });
    let put = fills.clone();
    let on_press = move || {
        form.fill_all(&put);
        form.focus_soon(Field::ClientId.wire_name());
    };
    view! {
        <p>{labels::MOVE_TO_OAUTH_HELP}</p>
        {replaces}
        <div class="actions">
            <FillButton form fills label=labels::MOVE_TO_OAUTH on_press/>
        </div>
    }
}
