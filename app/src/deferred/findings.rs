//! The result of a lookup: the verdict, the offer to replace typed values by suggested ones, and facts.

use contract::{Explanation, LookupFact, LookupResult, Suggestion};
use domain::Draft;
use leptos::prelude::*;

use super::explanation::{FillButton, NextSteps};
use crate::model::form::{FormState, Notice};
use crate::model::lookup::Lookup;
use crate::view::host::error_message;
use crate::view::reactive::{live_option, live_text};

/// Shows the result of a lookup until the changes are discarded.
#[component]
pub fn FindingsView(lookup: Lookup) -> impl IntoView {
    Effect::new(move |_| {
        if lookup.form().notice() == Some(Notice::Discarded) {
            lookup.forget();
        }
    });
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

fn found(lookup: Lookup, result: LookupResult) -> AnyView {
    let LookupResult { verdict, facts, explanations, fills } = result;
    // Its steps are left to do once the values are filled in.
    let verdict = verdict.filter(|verdict| fills.is_empty() || verdict.steps.is_empty());
    let facts: Vec<_> = facts
        .into_iter()
        .map(|LookupFact { name, value, in_words }| {
            let value =
                if in_words { value.into_any() } else { view! { <code>{value}</code> }.into_any() };
            view! { <div><dt>{name}</dt><dd>{value}</dd></div> }
        })
        .collect();
    let problems = explanations.into_iter().map(|problem| (problem, "notice bad verdict"));
    let verdict = verdict.map(|verdict| (verdict, "notice good verdict"));
    let verdicts: Vec<_> = problems
        .chain(verdict)
        .map(|(Explanation { cause, steps, see_also }, class)| {
            view! {
                <section class=class part="notice">
                    <h3>{cause}</h3>
                    <NextSteps steps see_also form=Some(lookup.form())/>
                </section>
            }
        })
        .collect();
    let question = (!fills.is_empty()).then(|| offer(lookup, fills));
    view! { {verdicts} {question} <dl class="facts">{facts}</dl> }.into_any()
}

/// Rows of a definition list with each control's current and suggested value.
pub fn replaced(form: FormState, fills: &[Suggestion]) -> Vec<AnyView> {
    let row = |Suggestion { field, value, label }: &Suggestion| {
        let field = *field;
        // Reactive: input typed in the meantime would be replaced too.
        let before = live_text(move || {
            form.with_draft(&[field], |draft: &Draft| labels::value(field, draft.plain_text(field)))
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
    let is_changed = |fill: &&Suggestion| {
        form.with_draft(&[], |draft| draft.plain_text(fill.field) != fill.value)
    };
    fills.iter().filter(is_changed).map(row).collect()
}

/// The prompt before suggested values replace typed input.
fn offer(lookup: Lookup, fills: Vec<Suggestion>) -> impl IntoView {
    let form = lookup.form();
    let rows = replaced(form, &fills);
    let replace = move || form.fill_all(&lookup.take_offered());
    view! {
        <section class="notice neutral" part="notice">
            <h3>{labels::NOT_FILLED_IN}</h3>
            <dl class="facts">{rows}</dl>
            <div class="actions">
                <FillButton form fills label=labels::tab::REPLACE_THESE on_press=replace/>
                <button type="button" part="button" on:click=move |_| lookup.close()>
                    {labels::tab::KEEP_TYPED}
                </button>
            </div>
        </section>
    }
}
