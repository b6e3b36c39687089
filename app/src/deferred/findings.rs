//! The result of a lookup: facts, explanations, and the offer to replace typed values by suggested ones.

use contract::{Explanation, LookupFact, LookupResult, Suggestion};
use domain::Draft;
use leptos::prelude::*;

use super::explanation::{FillButton, NextSteps};
use crate::model::{form::FormState, lookup::Lookup};
use crate::view::host::error_message;
use crate::view::reactive::{live_option, live_text};

/// Shows the result of a lookup.
#[component]
pub fn FindingsView(lookup: Lookup) -> impl IntoView {
    live_option(move || {
        lookup.found().map(|answer| match answer {
            Ok(findings) => found(lookup, findings),
            Err(error) => {
                let words = error_message(lookup.form().host, error);
                view! { <p class="notice bad" part="notice">{words}</p> }.into_any()
            }
        })
    })
}

fn found(lookup: Lookup, LookupResult { facts, explanations, fills }: LookupResult) -> AnyView {
    let facts: Vec<_> = facts
        .into_iter()
        .map(|LookupFact { name, value, in_words }| {
            let value =
                if in_words { value.into_any() } else { view! { <code>{value}</code> }.into_any() };
            view! { <div><dt>{name}</dt><dd>{value}</dd></div> }
        })
        .collect();
    let explanations: Vec<_> = explanations
        .into_iter()
        .map(|Explanation { cause, steps, see_also }| {
            view! {
                <section class="notice" part="notice">
                    <h3>{cause}</h3>
                    <NextSteps steps see_also form=Some(lookup.form())/>
                </section>
            }
        })
        .collect();
    let question = (!fills.is_empty()).then(|| offer(lookup, fills));
    view! { <dl class="facts">{facts}</dl> {question} {explanations} }.into_any()
}

/// Rows of a definition list with each control's current and suggested value.
pub fn replaced(form: FormState, fills: &[Suggestion]) -> Vec<AnyView> {
    let row = |Suggestion { field, value, label }: &Suggestion| {
        let field = *field;
        // Reactive: input typed in the meantime would be replaced too.
        let before = live_text(move || {
            form.with_draft(&[field], |draft: &Draft| labels::value(field, draft.text(field)))
        });
        let after = labels::value(field, value);
        view! {
            <div>
                <dt>{label.clone()}</dt>
                <dd><del>{before}</del> " " <ins>{after}</ins></dd>
            </div>
        }
        .into_any()
    };
    fills.iter().map(row).collect()
}

/// The prompt before suggested values replace typed input.
fn offer(lookup: Lookup, fills: Vec<Suggestion>) -> impl IntoView {
    let form = lookup.form();
    let rows = replaced(form, &fills);
    let replace = move || form.fill_all(&lookup.take_offered());
    view! {
        <section class="notice" part="notice">
            <h3>{labels::HOLD_SOMETHING_ELSE}</h3>
            <dl class="facts">{rows}</dl>
            <div class="actions">
                <FillButton form fills label=labels::tab::REPLACE_THESE on_press=replace/>
                <button type="button" part="button" on:click=move |_| drop(lookup.take_offered())>
                    {labels::tab::KEEP_TYPED}
                </button>
            </div>
        </section>
    }
}
