//! The controls other than a single line: a checkbox, a select, and several lines.

use domain::draft::{ClientAuthentication, TlsMode, bool_text};
use domain::{Field, OauthFlow};
use leptos::html::{Input, Select, Textarea};
use leptos::prelude::*;

use super::{InputAttributes, adopt_once, described_by};
use crate::{markup::in_textarea, model::form::FormState, view::reactive::live};

/// A check box with its label. Its text in the draft is `bool_text` of its state.
#[component]
pub fn CheckBox(state: FormState, field: Field) -> impl IntoView {
    let id = field.wire_name();
    let attributes = InputAttributes::of(state, field);
    let text = state.text(field);
    let is_on = live(move || text.get() == bool_text(true));
    let node = NodeRef::<Input>::new();
    let is_adopted = adopt_once(state, node, move |input| {
        state.adopt_typed(field, bool_text(input.checked()).to_owned());
    });
    view! {
        <span class="check">
            <input
                node_ref=node
                id=id
                type="checkbox"
                autocomplete="off"
                aria-describedby=described_by(field)
                aria-invalid=attributes.invalid
                disabled=attributes.disabled.get_untracked()
                prop:disabled=attributes.disabled
                checked=is_on.get_untracked()
                prop:checked=live(move || is_adopted.get().then(|| is_on.get()))
                on:change=move |event| {
                    state.edit(field, bool_text(event_target_checked(&event)).to_owned());
                }
            />
            <label id=format!("{id}-label") for=id>{labels::field(field)}</label>
        </span>
    }
}

/// A select with the field's named values.
#[component]
pub fn Choice(state: FormState, field: Field) -> impl IntoView {
    let id = field.wire_name();
    let attributes = InputAttributes::of(state, field);
    let text = state.text(field);
    let node = NodeRef::<Select>::new();
    let is_adopted =
        adopt_once(state, node, move |select| state.adopt_typed(field, select.value()));
    let chosen = state.text_now(field);
    let options: Vec<_> = options(field)
        .into_iter()
        .map(|(value, name)| view! { <option value=value selected=value == chosen>{name}</option> })
        .collect();
    view! {
        <select
            node_ref=node
            part="input"
            id=id
            autocomplete="off"
            aria-describedby=described_by(field)
            aria-invalid=attributes.invalid
            disabled=attributes.disabled.get_untracked()
            prop:disabled=attributes.disabled
            prop:value=live(move || is_adopted.get().then(|| text.get()))
            on:change=move |event| state.edit(field, event_target_value(&event))
        >
            {options}
        </select>
    }
}

/// Returns the named values of a select: wire name and text of each. Other controls have none.
fn options(field: Field) -> Vec<(&'static str, &'static str)> {
    match field {
        Field::Flow => OauthFlow::ALL.map(|flow| (flow.wire_name(), labels::flow(flow))).to_vec(),
        Field::ClientAuthentication => ClientAuthentication::ALL
            .map(|method| (method.wire_name(), labels::client_authentication(method)))
            .to_vec(),
        Field::BasicTlsMode | Field::OauthTlsMode => {
            TlsMode::ALL.map(|mode| (mode.wire_name(), labels::tls_mode(mode))).to_vec()
        }
        Field::BasicSender
        | Field::BasicDisplayName
        | Field::BasicServer
        | Field::BasicPort
        | Field::BasicUseTls
        | Field::BasicTrustedCa
        | Field::Username
        | Field::Password
        | Field::PasswordExpiresOn
        | Field::OauthSender
        | Field::OauthDisplayName
        | Field::OauthServer
        | Field::OauthPort
        | Field::OauthUseTls
        | Field::OauthTrustedCa
        | Field::ClientId
        | Field::ClientSecret
        | Field::ClientSecretExpiresOn
        | Field::AuthorizationEndpoint
        | Field::TokenEndpoint
        | Field::RedirectUri
        | Field::Scope => Vec::new(),
    }
}

/// A multi-line text control.
#[component]
pub fn Lines(state: FormState, field: Field) -> impl IntoView {
    let attributes = InputAttributes::of(state, field);
    let text = state.text(field);
    let node = NodeRef::<Textarea>::new();
    let is_adopted = adopt_once(state, node, move |lines| state.adopt_typed(field, lines.value()));
    // Set by hand: `prop:value` with `None` would write "undefined" into a textarea.
    Effect::new(move |_| {
        let text = text.get();
        if is_adopted.get()
            && let Some(lines) = node.get()
            && lines.value() != text
        {
            lines.set_value(&text);
        }
    });
    view! {
        <textarea
            node_ref=node
            part="input"
            id=field.wire_name()
            rows="2"
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
            aria-describedby=described_by(field)
            aria-invalid=attributes.invalid
            disabled=attributes.disabled.get_untracked()
            prop:disabled=attributes.disabled
            on:input=move |event| state.edit(field, event_target_value(&event))
        >
            {in_textarea(state.text_now(field))}
        </textarea>
    }
}
