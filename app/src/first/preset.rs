//! The provider menu, which fills in the form from a provider's preset.

use domain::{Draft, preset::Provider};
use leptos::{html::Select, prelude::*};

use super::field::adopt_once;
use super::lookup::{lookup_button, lookup_result};
use crate::model::form::FormState;
use crate::model::lookup::{Lookup, LookupRequest};
use crate::view::reactive::{live, live_option};

/// The menu, an input for the tenant or region if the provider needs one, and the button.
#[component]
pub fn ProviderMenu(form: FormState) -> impl IntoView {
    let (chosen, detail) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let lookup = Lookup::new(form);
    let options: Vec<_> = Provider::ALL
        .into_iter()
        .map(|provider| view! { <option value=provider.name()>{provider.name()}</option> })
        .collect();
    let menu = NodeRef::<Select>::new();
    adopt_once(menu, move |menu| chosen.set(menu.value()));
    let choose = move |event| {
        chosen.set(event_target_value(&event));
        lookup.forget();
    };
    let detail_kind = Memo::new(move |_| chosen.with(|name| Provider::from_name(name)?.detail()));
    let detail_field = live_option(move || {
        detail_kind.get().map(|kind| {
            view! {
                <div class="field narrow">
                    <label for="provider-detail">{labels::detail(kind)}</label>
                    <input
                        id="provider-detail"
                        type="text"
                        autocomplete="off"
                        spellcheck="false"
                        on:input=move |event| detail.set(event_target_value(&event))
                    />
                </div>
            }
        })
    });
    let request = move || {
        let flow = form.with_draft(&[], |draft: &Draft| draft.flow);
        LookupRequest::Preset(chosen.get_untracked(), detail.get_untracked(), flow)
    };
    let is_idle = live(move || chosen.with(String::is_empty));
    view! {
        <div class="field">
            <label for="provider">{labels::PROVIDER}</label>
            <select
                node_ref=menu
                id="provider"
                aria-describedby="provider-help"
                disabled=live(move || !form.may_edit())
                on:change=choose
            >
                <option value="">{labels::NO_PROVIDER}</option>
                {options}
            </select>
            <span class="help" id="provider-help">{labels::PROVIDER_HELP}</span>
        </div>
        {detail_field}
        <div class="field narrow beside">
            {lookup_button(lookup, labels::FILL_IN, is_idle, Box::new(request))}
        </div>
        {lookup_result(lookup)}
    }
}
