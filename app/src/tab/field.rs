//! One control: label, input, help, problem, all tied together and all from the field's one entry
//! in the tables. Only what a keystroke touches is drawn again.

use domain::draft::{TlsMode, check_text};
use domain::field::Kind;
use domain::secret::SecretEdit;
use domain::{Field, OauthFlow, Presence};
use leptos::html::{ElementType, Input, Select};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;

use super::state::{FormState, SecretState, is_masked};
use crate::labels;

/// A control in its place: `width` names its columns in the group's grid.
#[component]
pub fn Control(
    state: FormState,
    field: Field,
    /// The control's columns: `half` (the default), `wide`, `mid` or `narrow`.
    #[prop(default = "half")]
    width: &'static str,
    /// What stands under the help text, tied to the control as well.
    #[prop(optional, into)]
    note: Option<ViewFn>,
) -> impl IntoView {
    let id = field.wire_name();
    let problem = Memo::new(move |_| state.problem(field));
    let presence = Memo::new(move |_| state.presence(field));
    let is_alone_optional = move || {
        matches!(field, Field::Username | Field::Password) && presence.get() == Presence::Optional
    };
    let input = match field.kind() {
        Kind::Check => view! { <CheckBox state field/> }.into_any(),
        Kind::Choice => view! { <Choice state field/> }.into_any(),
        Kind::Secret => view! { <Secret state field/> }.into_any(),
        Kind::Masked => view! { <Masked state field/> }.into_any(),
        Kind::Text => view! { <TextInput state field/> }.into_any(),
    };
    let label = (field.kind() != Kind::Check).then(|| {
        view! {
            <span class="label-line">
                <label id=format!("{id}-label") for=id>{labels::field(field)}</label>
                <Show when=is_alone_optional><span class="mark">"optional"</span></Show>
            </span>
        }
    });
    view! {
        <div class=format!("field {width}") class:invalid=move || problem.get().is_some()>
            {label}
            {input}
            <span class="help" id=format!("{id}-help")>{labels::field_help(field)}</span>
            <span class="note" id=format!("{id}-note")>{note.map(|note| note.run())}</span>
            <span class="error" id=format!("{id}-error")>
                {move || problem.get().map(|problem| labels::problem(field, problem))}
            </span>
        </div>
    }
}

/// The ids of everything that describes a control.
fn described_by(field: Field) -> String {
    let id = field.wire_name();
    format!("{id}-help {id}-note {id}-error")
}

/// Takes over what was typed before the page came to life, once; until then the page must not write
/// into the control.
fn adopt_once<E>(node: NodeRef<E>, adopt: impl Fn(E::Output) + 'static) -> RwSignal<bool>
where
    E: ElementType,
    E::Output: JsCast + Clone + 'static,
{
    let is_adopted = RwSignal::new(false);
    Effect::new(move |_| {
        if let Some(element) = node.get()
            && !is_adopted.get_untracked()
        {
            adopt(element);
            is_adopted.set(true);
        }
    });
    is_adopted
}

/// The attributes that every control's state comes to.
#[derive(Clone, Copy)]
struct Aspect {
    disabled: Memo<bool>,
    required: Memo<bool>,
    invalid: Memo<bool>,
}

impl Aspect {
    fn of(state: FormState, field: Field) -> Self {
        let presence = Memo::new(move |_| state.presence(field));
        Self {
            disabled: Memo::new(move |_| presence.get() == Presence::Disabled),
            required: Memo::new(move |_| presence.get() == Presence::Required),
            invalid: Memo::new(move |_| state.problem(field).is_some()),
        }
    }

    fn aria_required(self) -> Option<&'static str> {
        self.required.get().then_some("true")
    }

    fn aria_invalid(self) -> Option<&'static str> {
        self.invalid.get().then_some("true")
    }
}

/// One line of text. What was typed before the page came to life is taken over, once.
#[component]
fn TextInput(
    state: FormState,
    field: Field,
    /// Whether the text is hidden at the moment.
    #[prop(optional, into)]
    is_hidden: Signal<bool>,
) -> impl IntoView {
    let id = field.wire_name();
    let aspect = Aspect::of(state, field);
    let text = Memo::new(move |_| state.text(field));
    let node = NodeRef::<Input>::new();
    let is_adopted = adopt_once(node, move |input| state.adopt_typed(field, input.value()));
    let autocomplete = if is_masked(field) { "new-password" } else { "off" };
    view! {
        <input
            node_ref=node
            id=id
            type=move || if is_hidden.get() { "password" } else { "text" }
            inputmode=input_mode(field)
            autocomplete=autocomplete
            autocapitalize="none"
            spellcheck="false"
            data-1p-ignore="true"
            data-lpignore="true"
            data-bwignore="true"
            placeholder=move || placeholder(state, field)
            aria-describedby=described_by(field)
            aria-required=move || aspect.aria_required()
            aria-invalid=move || aspect.aria_invalid()
            disabled=aspect.disabled.get_untracked()
            prop:disabled=move || aspect.disabled.get()
            value=state.text_now(field)
            prop:value=move || is_adopted.get().then(|| text.get())
            on:input=move |event| state.edit(field, event_target_value(&event))
        />
    }
}

const fn input_mode(field: Field) -> &'static str {
    match field {
        Field::BasicPort | Field::OauthPort => "numeric",
        Field::BasicSender | Field::OauthSender => "email",
        Field::AuthorizationEndpoint | Field::TokenEndpoint => "url",
        _ => "text",
    }
}

/// What an empty control shows: for a secret, that one is stored. Never sent.
fn placeholder(state: FormState, field: Field) -> Option<&'static str> {
    if field.kind() != Kind::Secret {
        return None;
    }
    match state.secret_state(field) {
        SecretState::Stored => Some("Stored"),
        SecretState::Cleared | SecretState::ClearedWithUsername => Some("Will be removed"),
        SecretState::StoredForAnother => Some("Enter again"),
        SecretState::Unset | SecretState::New | SecretState::Replaced => None,
    }
}

/// Text that is hidden until somebody asks to see it.
#[component]
fn Masked(state: FormState, field: Field) -> impl IntoView {
    let is_revealed = RwSignal::new(false);
    let is_disabled = Memo::new(move |_| state.presence(field) == Presence::Disabled);
    let text = move || if is_revealed.get() { "Hide" } else { "Reveal" };
    view! {
        <div class="with-action">
            <TextInput state field is_hidden=Signal::derive(move || !is_revealed.get())/>
            <button
                type="button"
                aria-describedby=format!("{}-label", field.wire_name())
                disabled=is_disabled.get_untracked()
                prop:disabled=move || is_disabled.get()
                on:click=move |_| is_revealed.update(|is_revealed| *is_revealed = !*is_revealed)
            >
                {text}
            </button>
        </div>
    }
}

/// A write-only value: shown as stored or not, replaced by typing, removed by Clear.
#[component]
fn Secret(state: FormState, field: Field) -> impl IntoView {
    let secret = Memo::new(move |_| state.secret_state(field));
    let is_disabled = Memo::new(move |_| state.presence(field) == Presence::Disabled);
    let described = format!("{}-label", field.wire_name());
    let action = move || {
        let (text, edit) = match secret.get() {
            SecretState::Stored | SecretState::StoredForAnother => ("Clear", SecretEdit::Clear),
            SecretState::Cleared | SecretState::Replaced => ("Keep stored", SecretEdit::Untouched),
            SecretState::Unset | SecretState::New | SecretState::ClearedWithUsername => {
                return None;
            }
        };
        let described = described.clone();
        Some(view! {
            <button
                type="button"
                aria-describedby=described
                disabled=move || is_disabled.get()
                on:click=move |_| state.edit_secret(field, edit.clone())
            >
                {text}
            </button>
        })
    };
    view! {
        <div class="with-action">
            <TextInput state field is_hidden=Signal::stored(true)/>
            {action}
        </div>
    }
}

/// What is stored and done with a secret, in words under it.
pub fn secret_note(state: FormState, field: Field) -> impl Fn() -> Option<String> + Clone {
    move || labels::secret(state.secret_state(field), &destination(state, field))
}

/// Where the stored value goes, in words.
fn destination(state: FormState, field: Field) -> String {
    use domain::secret::{Destination, StoredSecret};
    state.with_saved(|saved| match saved.form.secret(field) {
        Some(StoredSecret::For(Destination::Account { server, .. })) => server.clone(),
        Some(StoredSecret::For(Destination::Origin(origin))) => origin.clone(),
        Some(StoredSecret::For(Destination::Nowhere) | StoredSecret::Unset) | None => String::new(),
    })
}

/// A box to tick.
#[component]
fn CheckBox(state: FormState, field: Field) -> impl IntoView {
    let id = field.wire_name();
    let aspect = Aspect::of(state, field);
    let is_on = Memo::new(move |_| state.text(field) == check_text(true));
    let node = NodeRef::<Input>::new();
    let is_adopted = adopt_once(node, move |input| {
        state.adopt_typed(field, check_text(input.checked()).to_owned());
    });
    view! {
        <span class="check">
            <input
                node_ref=node
                id=id
                type="checkbox"
                autocomplete="off"
                aria-describedby=described_by(field)
                aria-invalid=move || aspect.aria_invalid()
                disabled=aspect.disabled.get_untracked()
                prop:disabled=move || aspect.disabled.get()
                checked=is_on.get_untracked()
                prop:checked=move || is_adopted.get().then(|| is_on.get())
                on:change=move |event| {
                    state.edit(field, check_text(event_target_checked(&event)).to_owned());
                }
            />
            <label id=format!("{id}-label") for=id>{labels::field(field)}</label>
        </span>
    }
}

/// One of a few named values.
#[component]
fn Choice(state: FormState, field: Field) -> impl IntoView {
    let id = field.wire_name();
    let aspect = Aspect::of(state, field);
    let text = Memo::new(move |_| state.text(field));
    let node = NodeRef::<Select>::new();
    let is_adopted = adopt_once(node, move |select| state.adopt_typed(field, select.value()));
    let chosen = state.text_now(field);
    let options: Vec<_> = options(field)
        .into_iter()
        .map(|(value, name)| view! { <option value=value selected=value == chosen>{name}</option> })
        .collect();
    view! {
        <select
            node_ref=node
            id=id
            autocomplete="off"
            aria-describedby=described_by(field)
            disabled=aspect.disabled.get_untracked()
            prop:disabled=move || aspect.disabled.get()
            prop:value=move || is_adopted.get().then(|| text.get())
            on:change=move |event| state.edit(field, event_target_value(&event))
        >
            {options}
        </select>
    }
}

fn options(field: Field) -> Vec<(&'static str, &'static str)> {
    match field {
        Field::Flow => OauthFlow::ALL.map(|flow| (flow.wire_name(), labels::flow(flow))).to_vec(),
        _ => TlsMode::ALL.map(|mode| (mode.wire_name(), labels::tls_mode(mode))).to_vec(),
    }
}
