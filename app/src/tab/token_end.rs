//! How the way to a token ended: at which leg and what it means, in whose words, what to do.

use leptos::prelude::*;

use super::explanation::NextSteps;
use super::state::FormState;
use crate::explanation::Explanation;

/// A setback, or what is to be said of a good end. Without a form, no step puts anything into one.
#[component]
pub fn EndView(
    explanation: Explanation,
    /// In the provider's words, where it failed.
    #[prop(optional_no_strip)]
    said: Option<String>,
    #[prop(optional_no_strip)] form: Option<FormState>,
    /// Whether it failed.
    #[prop(default = true)]
    is_bad: bool,
) -> impl IntoView {
    let Explanation { cause, steps } = explanation;
    let said = said.map(|said| {
        view! {
            <dl class="facts">
                <div><dt>"In the provider's words"</dt><dd><code>{said}</code></dd></div>
            </dl>
        }
    });
    let class = if is_bad { "notice bad" } else { "notice" };
    view! {
        <section class=class part="notice">
            <h2>{cause}</h2>
            {said}
            <NextSteps steps form/>
        </section>
    }
}
