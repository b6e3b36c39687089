//! The outcome of a token attempt: its meaning, the provider's text, and next steps.

use contract::Explanation;
use domain::token::OauthFailure;
use leptos::prelude::*;

use super::explanation::{NextSteps, heading};
use crate::model::form::FormState;

/// A failure, or a remark on a success. Without a form, no step offers to fill in a value.
#[component]
pub fn TokenOutcome(
    explanation: Explanation,
    #[prop(optional_no_strip)] failure: Option<OauthFailure>,
    #[prop(optional_no_strip)] form: Option<FormState>,
) -> impl IntoView {
    let Explanation { cause, steps, see_also } = explanation;
    let class = if failure.is_some() { "notice bad" } else { "notice" };
    let peer_text = failure.and_then(|OauthFailure { diagnosis, peer_text, .. }| {
        let speaker = if diagnosis.is_in_own_words() {
            labels::tab::DETAILS
        } else {
            labels::tab::PROVIDERS_REPLY
        };
        let peer_text = peer_text?;
        Some(view! {
            <dl class="facts">
                <div><dt>{speaker}</dt><dd><code>{peer_text}</code></dd></div>
            </dl>
        })
    });
    view! {
        <section class=class part="notice">
            {heading(cause, form)}
            {peer_text}
            <NextSteps steps see_also form/>
        </section>
    }
}
