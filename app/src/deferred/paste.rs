//! The input for the callback address, for a redirect that does not reach this server.

use contract::AttemptFinished;
use domain::token::AttemptOutcome;
use leptos::prelude::*;

use super::token_outcome::TokenOutcome;
use crate::model::{form::FormState, token::TokenState};
use crate::view::reactive::live_option;

/// The input and its button.
#[component]
pub fn Paste(form: FormState, token: TokenState) -> impl IntoView {
    let address = RwSignal::new(String::new());
    let finish = move || token.finish(address.get_untracked());
    let misfit = live_option(move || {
        let AttemptFinished { attempt, explanation } = token.misfit()?;
        let failure = match attempt.end {
            Some(AttemptOutcome::Failed(failure)) => Some(failure),
            _ => None,
        };
        let explanation = explanation?;
        Some(view! { <div role="alert"><TokenOutcome explanation failure form=Some(form)/></div> })
    });
    view! {
        <div class="field wide">
            <label for="final-address">{labels::FINAL_ADDRESS}</label>
            <div class="with-action">
                <input
                    id="final-address"
                    type="text"
                    autocomplete="off"
                    spellcheck="false"
                    aria-describedby="final-address-help"
                    on:input=move |event| address.set(event_target_value(&event))
                    on:keydown=move |event| {
                        if event.key() == "Enter" {
                            event.prevent_default();
                            finish();
                        }
                    }
                />
                <button type="button" part="button" on:click=move |_| finish()>{labels::tab::FINISH}</button>
            </div>
            <span class="help" id="final-address-help">{labels::FINAL_ADDRESS_HELP}</span>
            {misfit}
        </div>
    }
}
