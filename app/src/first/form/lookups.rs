//! The lookups of Authentication Settings: a provider's metadata, and the way back to this server.

use domain::Field;
use leptos::{html::Input, prelude::*};

use crate::first::field::adopt_once;
use crate::first::lookup::lookup_result;
use crate::model::form::FormState;
use crate::model::lookup::{Lookup, LookupRequest};
use crate::view::lookup::lookup_button;

/// Looks up a provider's endpoints from its metadata. The issuer typed here is not part of the form.
#[component]
pub fn Discovery(state: FormState) -> impl IntoView {
    let issuer = RwSignal::new(String::new());
    let is_idle = state.is_disabled(Field::TokenEndpoint);
    let lookup = Lookup::new(state, "discovery-answer");
    let request = move || LookupRequest::Discovery(issuer.get_untracked());
    let typed = NodeRef::<Input>::new();
    adopt_once(state, typed, move |typed| issuer.set(typed.value()));
    view! {
        <div class="field wide tool">
            <label for="issuer">{labels::ISSUER}</label>
            <div class="with-action">
                <input
                    node_ref=typed
                    id="issuer"
                    part="input"
                    type="text"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    aria-describedby="issuer-help"
                    disabled=is_idle.get_untracked()
                    prop:disabled=is_idle
                    on:input=move |event| issuer.set(event_target_value(&event))
                    on:keydown=move |event| {
                        if event.key() == "Enter" {
                            event.prevent_default();
                            lookup.ask(request());
                        }
                    }
                />
                {lookup_button(lookup, labels::DISCOVER, is_idle, Box::new(request))}
            </div>
            <span class="help" id="issuer-help">{labels::ISSUER_HELP}</span>
            {lookup_result(lookup)}
        </div>
    }
}

/// The button that checks whether a redirect to the typed Redirect URI reaches this server.
pub fn redirect_check(lookup: Lookup) -> AnyView {
    let state = lookup.form();
    let is_idle = state.is_disabled(Field::RedirectUri);
    let request = move || {
        let page = window().location().origin().unwrap_or_default();
        LookupRequest::RedirectUri(state.text_now(Field::RedirectUri), page)
    };
    lookup_button(lookup, labels::CHECK_ADDRESS, is_idle, Box::new(request))
}
