//! One form control: label, input, help and error, linked by ARIA ids and all generated from the
//! field's entry in the tables. A keystroke rerenders only what depends on it.

use domain::draft::{ClientAuthentication, TlsMode, bool_text};
use domain::field::Kind;
use domain::secret::SecretEdit;
use domain::syntax::text::is_guid;
use domain::{Draft, Field, OauthFlow, Presence};
use leptos::html::{ElementType, Input, Select, Textarea};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;

use crate::deferred::door::{DeferredView, deferred};
use crate::markup::in_textarea;
use crate::model::form::FormState;
use crate::view::reactive::{live, live_attribute, live_option, live_text};
use domain::secret_state::SecretState;

/// A labelled control in its group's grid.
#[component]
pub fn Control(
    state: FormState,
    field: Field,
    /// The column span: `half` (the default), `wide`, `mid` or `narrow`.
    #[prop(default = "half")]
    width: &'static str,
    /// A note about the current value, part of the control's accessible description.
    #[prop(optional, into)]
    note: Signal<String>,
    /// A warning about the current value.
    #[prop(optional, into)]
    warning: Signal<String>,
) -> impl IntoView {
    let id = field.wire_name();
    let problem = state.problem(field);
    let presence = state.presence(field);
    let input = match field.kind() {
        Kind::Check => view! { <CheckBox state field/> }.into_any(),
        Kind::Choice => view! { <Choice state field/> }.into_any(),
        Kind::Lines => view! { <Lines state field/> }.into_any(),
        Kind::Text | Kind::Masked | Kind::Secret => view! { <Typed state field/> }.into_any(),
    };
    let mark = live_text(move || {
        let stands_alone =
            matches!(field, Field::Username | Field::Password) || field.kind() == Kind::Lines;
        if stands_alone && presence.get() == Presence::Optional {
            labels::tab::OPTIONAL
        } else {
            ""
        }
    });
    let label = (field.kind() != Kind::Check).then(|| {
        view! {
            <span class="label-line">
                <label id=format!("{id}-label") for=id>{labels::field(field)}</label>
                <span class="mark">{mark}</span>
            </span>
        }
    });
    let error = live_text(move || problem.get().unwrap_or_default());
    let is_conflicting = state.is_conflicting(field);
    let choice = live_option(move || {
        is_conflicting.get().then(|| deferred(state, DeferredView::Choice(field)))
    });
    let notes = field.is_line().then(|| {
        let notes = deferred(state, DeferredView::Notes(field));
        view! { <div class="notes" role="status" id=format!("{id}-notes")>{notes}</div> }
    });
    view! {
        <div part="field" class=format!("field {width}") class:invalid=live(move || problem.get().is_some())>
            {label}
            {input}
            <div class="about">
                <span class="help" id=format!("{id}-help")>{labels::field_help(field)}</span>
                <span class="note" id=format!("{id}-note")>{note}</span>
                <strong class="warning" id=format!("{id}-warning")>{warning}</strong>
                <span class="error" id=format!("{id}-error")>{error}</span>
                {notes}
            </div>
            {choice}
        </div>
    }
}

/// The control's `aria-describedby` ids.
fn described_by(field: Field) -> String {
    let id = field.wire_name();
    let notes = if field.is_line() { format!(" {id}-notes") } else { String::new() };
    format!("{id}-help {id}-note {id}-warning {id}-error{notes}")
}

/// Adopts, once, input typed before hydration. Until then the page must not write to the control.
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

/// The reactive attributes of an input.
#[derive(Clone, Copy)]
struct InputAttributes {
    disabled: Signal<bool>,
    required: Signal<Option<String>>,
    invalid: Signal<Option<String>>,
}

impl InputAttributes {
    fn of(state: FormState, field: Field) -> Self {
        let (presence, problem) = (state.presence(field), state.problem(field));
        Self {
            disabled: live(move || !state.may_edit() || presence.get() == Presence::Disabled),
            required: live_attribute(move || {
                (presence.get() == Presence::Required).then_some("true")
            }),
            invalid: live_attribute(move || problem.get().map(|_| "true")),
        }
    }
}

/// A single-line text input. Input typed before hydration is adopted once.
#[component]
fn TextInput(
    state: FormState,
    field: Field,
    /// Whether the text is masked.
    #[prop(into)]
    is_hidden: Signal<bool>,
) -> impl IntoView {
    let id = field.wire_name();
    let attributes = InputAttributes::of(state, field);
    let text = state.text(field);
    let node = NodeRef::<Input>::new();
    let is_adopted = adopt_once(node, move |input| state.adopt_typed(field, input.value()));
    let autocomplete = if is_masked(field) { "new-password" } else { "off" };
    view! {
        <input
            node_ref=node
            part="input"
            id=id
            type=live_text(move || if is_hidden.get() { "password" } else { "text" })
            inputmode=input_mode(field)
            autocomplete=autocomplete
            autocapitalize="none"
            spellcheck="false"
            data-1p-ignore="true"
            data-lpignore="true"
            data-bwignore="true"
            placeholder=placeholder(state, field)
            aria-describedby=described_by(field)
            aria-required=attributes.required
            aria-invalid=attributes.invalid
            disabled=attributes.disabled.get_untracked()
            prop:disabled=attributes.disabled
            value=state.text_now(field)
            prop:value=live(move || is_adopted.get().then(|| text.get()))
            on:input=move |event| state.edit(field, event_target_value(&event))
            on:blur=move |_| state.trim(field)
        />
    }
}

/// Whether a control's value is masked.
fn is_masked(field: Field) -> bool {
    matches!(field.kind(), Kind::Masked | Kind::Secret)
}

const fn input_mode(field: Field) -> &'static str {
    match field {
        Field::BasicPort | Field::OauthPort => "numeric",
        Field::BasicSender | Field::OauthSender => "email",
        Field::AuthorizationEndpoint | Field::TokenEndpoint => "url",
        _ => "text",
    }
}

/// The placeholder of an empty control: for a secret, its stored state. Never submitted.
fn placeholder(state: FormState, field: Field) -> Signal<Option<String>> {
    if field.kind() != Kind::Secret {
        return Signal::stored(None);
    }
    let secret = state.secret(field);
    live_attribute(move || match secret.get() {
        SecretState::Stored => Some(labels::tab::STORED),
        SecretState::Cleared | SecretState::ClearedWithUsername => {
            Some(labels::tab::WILL_BE_REMOVED)
        }
        SecretState::StoredForAnother(_) => Some(labels::tab::ENTER_AGAIN),
        SecretState::Unset | SecretState::New | SecretState::Replaced => None,
    })
}

/// A text input with an action button: reveals masked text, clears a stored secret, or inserts this
/// server's callback address.
#[component]
fn Typed(state: FormState, field: Field) -> impl IntoView {
    let is_revealed = RwSignal::new(false);
    let disabled = InputAttributes::of(state, field).disabled;
    let secret = state.secret(field);
    // Changes only with whether the button is offered, so that typing does not recreate the button.
    let offered = Memo::new(move |_| {
        let (callback, is_it) = state.callback();
        (!is_it).then_some(callback)
    });
    let action = live_option(move || {
        if !state.may_edit() {
            return None;
        }
        let (text, action) = match field.kind() {
            Kind::Masked if is_revealed.get() => (labels::tab::HIDE, SecretAction::Reveal(false)),
            Kind::Masked => (labels::tab::REVEAL, SecretAction::Reveal(true)),
            Kind::Secret => secret.with(secret_action)?,
            Kind::Text if field == Field::RedirectUri => {
                let callback = offered.get()?;
                (labels::tab::USE_OWN_ADDRESS, SecretAction::Put(callback))
            }
            Kind::Text | Kind::Lines | Kind::Check | Kind::Choice => return None,
        };
        let act = move |_| match &action {
            SecretAction::Reveal(reveal) => is_revealed.set(*reveal),
            SecretAction::Edit(edit) => state.edit_secret(field, edit.clone()),
            SecretAction::Put(text) => state.edit(field, text.clone()),
        };
        Some(view! {
            <button
                type="button"
                part="button"
                aria-describedby=format!("{}-label", field.wire_name())
                disabled=disabled
                on:click=act
            >
                {text}
            </button>
        })
    });
    view! {
        <div class="with-action">
            <TextInput state field is_hidden=live(move || is_masked(field) && !is_revealed.get())/>
            {action}
        </div>
    }
}

/// What the button beside a control does.
enum SecretAction {
    Reveal(bool),
    Edit(SecretEdit),
    Put(String),
}

/// The label and action of the button beside a secret.
fn secret_action(secret: &SecretState) -> Option<(&'static str, SecretAction)> {
    match secret {
        SecretState::Stored | SecretState::StoredForAnother(_) => {
            Some((labels::tab::CLEAR, SecretAction::Edit(SecretEdit::Clear)))
        }
        SecretState::Cleared | SecretState::Replaced => {
            Some((labels::tab::KEEP_STORED, SecretAction::Edit(SecretEdit::Untouched)))
        }
        SecretState::Unset | SecretState::New | SecretState::ClearedWithUsername => None,
    }
}

/// The note below a secret: what is stored and what a save will do with it.
pub fn secret_note(state: FormState, field: Field) -> Signal<String> {
    let (secret, text) = (state.secret(field), state.text(field));
    live_text(move || {
        let follows = [Field::Flow, Field::ClientAuthentication];
        if field == Field::ClientSecret && state.with_draft(&follows, Draft::is_public_client) {
            return labels::NO_SECRET_SENT.to_owned();
        }
        if field == Field::ClientSecret && text.with(|text| is_guid(text)) {
            return labels::SECRET_ID.to_owned();
        }
        secret.with(|secret| labels::secret(field, secret, &destination(state, field)))
    })
}

/// A description of the destination to which the stored secret is bound.
fn destination(state: FormState, field: Field) -> String {
    use domain::secret::{Destination, StoredSecret};
    state.with_saved(|saved| match saved.form.secret(field) {
        Some(StoredSecret::For(entered_for)) => match entered_for {
            Destination::Account { server, .. } => server.clone(),
            Destination::Origin(endpoint)
            | Destination::CodeExchange { token_endpoint: endpoint } => endpoint.clone(),
            Destination::ClientCredentials { token_endpoint, scope, server, port, .. } => {
                let mail_server = format!("{server}:{port}");
                labels::tab::client_credentials_destination(token_endpoint, scope, &mail_server)
            }
            Destination::MailServer { .. } | Destination::Unbound => String::new(),
        },
        Some(StoredSecret::Unset) | None => String::new(),
    })
}

/// A multi-line text control.
#[component]
fn Lines(state: FormState, field: Field) -> impl IntoView {
    let attributes = InputAttributes::of(state, field);
    let text = state.text(field);
    let node = NodeRef::<Textarea>::new();
    let is_adopted = adopt_once(node, move |lines| state.adopt_typed(field, lines.value()));
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

/// A checkbox.
#[component]
fn CheckBox(state: FormState, field: Field) -> impl IntoView {
    let id = field.wire_name();
    let attributes = InputAttributes::of(state, field);
    let text = state.text(field);
    let is_on = live(move || text.get() == bool_text(true));
    let node = NodeRef::<Input>::new();
    let is_adopted = adopt_once(node, move |input| {
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
fn Choice(state: FormState, field: Field) -> impl IntoView {
    let id = field.wire_name();
    let attributes = InputAttributes::of(state, field);
    let text = state.text(field);
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

fn options(field: Field) -> Vec<(&'static str, &'static str)> {
    match field {
        Field::Flow => OauthFlow::ALL.map(|flow| (flow.wire_name(), labels::flow(flow))).to_vec(),
        Field::ClientAuthentication => ClientAuthentication::ALL
            .map(|method| (method.wire_name(), labels::client_authentication(method)))
            .to_vec(),
        _ => TlsMode::ALL.map(|mode| (mode.wire_name(), labels::tls_mode(mode))).to_vec(),
    }
}
