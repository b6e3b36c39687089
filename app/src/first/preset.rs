//! The provider menu, which fills in the form from a provider's preset.

use domain::{Draft, preset::Provider};
use leptos::{html::Select, prelude::*};

use super::field::adopt_once;
use super::lookup::lookup_result;
use crate::model::form::FormState;
use crate::model::lookup::{Lookup, LookupRequest};
use crate::view::lookup::lookup_button;
use crate::view::reactive::{live, live_option};

/// The menu, an input for the tenant or region if the provider needs one, and the button.
#[component]
pub fn ProviderMenu(form: FormState) -> impl IntoView {
    let (chosen, detail) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let lookup = Lookup::new(form, "provider-answer");
    let options =
        [(true, labels::WITH_OAUTH), (false, labels::PASSWORD_ONLY)].map(|(has_oauth, label)| {
            let shown = Provider::ALL.into_iter().filter(|known| known.has_oauth() == has_oauth);
            let options: Vec<_> = shown
                .map(|known| view! { <option value=known.name()>{known.name()}</option> })
                .collect();
            view! { <optgroup label=label>{options}</optgroup> }
        });
    let menu = NodeRef::<Select>::new();
    adopt_once(form, menu, move |menu| chosen.set(menu.value()));
    let detail_kind = Memo::new(move |_| chosen.with(|name| Provider::from_name(name)?.detail()));
    let choose = move |event| {
        let before = detail_kind.get_untracked();
        chosen.set(event_target_value(&event));
        // A tenant is no region.
        if detail_kind.get_untracked() != before {
            detail.set(String::new());
        }
        lookup.forget();
    };
    let detail_field = live_option(move || {
        detail_kind.get().map(|kind| {
            view! {
                <div class="field">
                    <label for="provider-detail">{labels::detail(kind)}</label>
                    <input
                        id="provider-detail"
                        type="text"
                        autocomplete="off"
                        spellcheck="false"
                        prop:value=live(move || Some(detail.get()))
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
    // Folded once there are settings.
    let is_first = !form.with_saved_untracked(|saved| saved.revision > 0);
    let is_idle = live(move || chosen.with(String::is_empty));
    view! {
        <details class="strip" part="strip" open=is_first>
            <summary hidden=is_first>{labels::tab::FILL_IN_FOR_PROVIDER}</summary>
            <h2 class="unseen">{labels::PROVIDER}</h2>
            <div class="row">
                <div class="field">
                    <label for="provider">{labels::PROVIDER}</label>
                    <select
                        node_ref=menu
                        id="provider"
                        part="input"
                        aria-describedby="provider-help"
                        on:change=choose
                    >
                        <option value="">{labels::NO_PROVIDER}</option>
                        {options}
                    </select>
                </div>
                {detail_field}
                {lookup_button(lookup, labels::FILL_IN, is_idle, Box::new(request))}
                <p class="help" id="provider-help">{labels::PROVIDER_HELP}</p>
            </div>
            {lookup_result(lookup)}
        </details>
    }
}
