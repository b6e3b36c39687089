//! The tab as a whole: loads, then shows the form. Also what a Leptos host embeds.

#![expect(clippy::must_use_candidate, reason = "`view!` uses what a component makes")]

use leptos::prelude::*;

use super::form::SettingsForm;
use super::state::FormState;
use super::test_email::{SendTestEmail, TestState};
use super::token_panel::TokenPanel;
use super::token_state::TokenState;
use crate::host::Host;
use crate::{api, labels, wire};

/// The Email tab, for any page that has the server functions behind it.
#[component]
pub fn EmailSettingsPage() -> impl IntoView {
    // Above Suspense, which disposes of what it makes each time it runs.
    let host = Host::here();
    let form = FormState::new(host);
    let test = TestState::new(host);
    let token = TokenState::new(host);
    let load = move |()| host.calling(api::load());
    let tab = Resource::<_, wire::Text>::new_with_options(|| (), load, true);
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
                Err(error) => {
                    host.tell_error(error);
                    view! {
                        <section class="notice bad" part="notice" role="alert">
                            <h2>"The settings could not be loaded."</h2>
                            <p>{labels::api_error(error)}</p>
                            {host.try_again(move || tab.refetch())}
                        </section>
                    }
                    .into_any()
                }
            }
        })
    };
    view! { <Suspense fallback=|| view! { <p class="hint">"Loading…"</p> }>{shown}</Suspense> }
}
