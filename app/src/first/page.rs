//! The root component of the tab: loads the settings, then renders the form. Leptos hosts embed it.

use leptos::prelude::*;

use super::{deferred_part::DeferredPart, form::SettingsForm, paced::Paced};
use crate::api::{self, ApiError};
use crate::deferred::door::{self, DeferredView};
use crate::model::{
    form::FormState, incident::IncidentState, test_run::TestState, token::TokenState,
};
use crate::{host::TabHost, json, view::host::retry_button};

/// The Email tab, for any page whose server has the server functions.
#[component]
pub fn EmailSettingsPage() -> impl IntoView {
    // Created outside `Suspense`, which disposes of its children's signals on each run.
    let host = TabHost::here();
    let form = FormState::new(host, &door::COMMANDS);
    let test = TestState::new(host);
    let token = TokenState::new(host);
    let incident = IncidentState::default();
    // A page that is hydrated has work to do before the chunk; any other waits for both loads at once.
    #[cfg(not(feature = "ssr"))]
    if !form.is_hydrating() {
        host.spawn(door::fetch());
    }
    let load = move |()| host.wrap_call(api::load());
    let tab = Resource::<_, json::JsonCodec>::new_with_options(|| (), load, true);
    let shown = move || {
        Suspend::new(async move {
            match tab.await {
                Ok(tab) => {
                    form.adopt(&tab);
                    test.keep(&tab);
                    incident.keep(&tab);
                    token.keep(tab.token, tab.saved.revision);
                    view! {
                        <DeferredPart form part=DeferredView::Status(test, token, incident)/>
                        <Paced form>
                            <SettingsForm state=form token incident>
                                <DeferredPart form part=DeferredView::TokenPanel(token)/>
                                <DeferredPart form part=DeferredView::SendTest(test, token, incident)/>
                            </SettingsForm>
                        </Paced>
                    }
                    .into_any()
                }
                Err(ApiError(code)) => {
                    host.tell_error(code);
                    view! {
                        <section class="notice bad" part="notice" role="alert">
                            <h2>{labels::tab::NOT_LOADED}</h2>
                            <p>{labels::api_error(code)}</p>
                            {retry_button(host, move || tab.refetch())}
                        </section>
                    }
                    .into_any()
                }
            }
        })
    };
    view! { <Suspense fallback=|| view! { <p class="hint">{labels::tab::LOADING}</p> }>{shown}</Suspense> }
}
