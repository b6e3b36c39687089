//! How the way to a token ended: at which leg and what it means, in whose words, what to do.

use domain::token::Setback;
use leptos::prelude::*;

use super::explanation::NextSteps;
use super::state::FormState;
use crate::explanation::Explanation;

/// A setback, or what is to be said of a good end. Without a form, no step puts anything into one.
#[component]
pub fn EndView(
    explanation: Explanation,
    /// What kept it from succeeding.
    #[prop(optional_no_strip)]
    setback: Option<Setback>,
    #[prop(optional_no_strip)] form: Option<FormState>,
) -> impl IntoView {
    let Explanation { cause, steps, see_also } = explanation;
    let class = if setback.is_some() { "notice bad" } else { "notice" };
    let said = setback.and_then(|Setback { fault, said, .. }| {
        let speaker = if fault.is_in_own_words() { "Details" } else { "Provider's reply" };
        let said = said?;
        Some(view! {
            <dl class="facts">
                <div><dt>{speaker}</dt><dd><code>{said}</code></dd></div>
            </dl>
        })
    });
    view! {
        <section class=class part="notice">
            <h2>{cause}</h2>
            {said}
            <NextSteps steps see_also form/>
        </section>
    }
}
