//! The tab as a whole: loads, then shows the form. Also what a Leptos host embeds.

#![expect(clippy::must_use_candidate, reason = "`view!` uses what a component makes")]

use leptos::prelude::*;

use super::form::SettingsForm;
use super::state::FormState;
use super::test_email::{SendTestEmail, TestState};
use super::token_panel::TokenPanel;
use super::token_state::TokenState;
use crate::{api, labels, wire};

/// The Email tab, for any page that has the server functions behind it.
#[component]
pub fn EmailSettingsPage() -> impl IntoView {
    // Above Suspense, which disposes of what it makes each time it runs.
    let form = FormState::new();
    let test = TestState::new();
    let token = TokenState::new();
    let tab = Resource::<_, wire::Text>::new_with_options(|| (), |()| api::load(), true);
    let shown = move || {
        Suspend::new(async move {
            match tab.await {
                Ok(tab) => {
                    form.adopt(&tab);
                    test.adopt(&tab);
                    token.adopt(tab.token);
                    view! {
                        <SettingsForm state=form>
                            <TokenPanel form token/>
                            <SendTestEmail form test token/>
                        </SettingsForm>
                    }
                    .into_any()
                }
                Err(error) => view! {
                    <section class="notice bad" role="alert">
                        <h2>"The settings could not be loaded."</h2>
                        <p>{labels::api_error(error)}</p>
                    </section>
                }
                .into_any(),
            }
        })
    };
    view! { <Suspense fallback=|| view! { <p class="hint">"Loading…"</p> }>{shown}</Suspense> }
}
