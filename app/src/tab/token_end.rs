//! What went wrong on the way to a token: at which leg, what it means, in whose words, what to do.

use domain::token::Setback;
use leptos::prelude::*;

use crate::labels;

/// A setback with everything that is known of it.
#[component]
pub fn SetbackView(setback: Setback) -> impl IntoView {
    let Setback { leg, fault, said } = setback;
    let explanation = labels::fault(leg, fault);
    let heading = format!("{} failed: {}", labels::leg(leg), explanation.cause);
    let said = said.map(|said| {
        view! {
            <dl class="facts">
                <div><dt>"In the provider's words"</dt><dd><code>{said}</code></dd></div>
            </dl>
        }
    });
    let steps: Vec<_> = explanation.steps.iter().map(|&step| view! { <li>{step}</li> }).collect();
    view! {
        <section class="notice bad" part="notice">
            <h2>{heading}</h2>
            {said}
            <ol>{steps}</ol>
        </section>
    }
}
