//! The single-line controls, with the button beside some of them.

use domain::{Field, field::Kind, secret_state::SecretState};
use leptos::{html::Input, prelude::*};

use super::secret::{SecretAction, secret_action};
use super::{InputAttributes, adopt_once, described_by};
use crate::model::form::FormState;
use crate::view::reactive::{live, live_attribute, live_option, live_text};

/// A text input with an action button: reveals masked text, clears a stored secret, or inserts this
/// server's callback address.
#[component]
pub fn Typed(state: FormState, field: Field, beside: Option<AnyView>) -> impl IntoView {
    let is_revealed = RwSignal::new(false);
    let disabled = InputAttributes::of(state, field).disabled;
    let disabled = live(move || !state.is_hydrated() || disabled.get());
    let secret = state.secret(field);
    // Changes only with whether the button is offered, so that typing does not recreate the button.
    let offered = Memo::new(move |_| {
        let (callback, is_it) = state.callback();
        (!is_it).then_some(callback)
    });
    let action = live_option(move || {
        let (text, action) = match field.kind() {
            Kind::Masked if is_revealed.get() => (labels::tab::HIDE, SecretAction::Reveal(false)),
            Kind::Masked => (labels::tab::REVEAL, SecretAction::Reveal(true)),
            Kind::Secret => secret.with(secret_action)?,
            Kind::Text if field == Field::RedirectUri => {
                let callback = offered.get()?;
                (labels::tab::USE_OWN_ADDRESS, SecretAction::Put(callback))
            }
            Kind::Text | Kind::Lines | Kind::Check | Kind::Choice | Kind::Date => return None,
        };
        let act = move |_| match &action {
            SecretAction::Reveal(reveal) => is_revealed.set(*reveal),
            SecretAction::Edit(edit) => state.edit_secret(field, edit.clone()),
            // The button is removed: its text is then this server's address.
            SecretAction::Put(text) => state.fill(field, text.clone()),
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
            {beside}
        </div>
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
    let is_adopted = adopt_once(state, node, move |input| state.adopt_typed(field, input.value()));
    let is_date = field.kind() == Kind::Date;
    if is_date {
        // Written only if it differs: while a part of a date is missing, its value is empty, and
        // writing that would clear the other parts.
        Effect::new(move |_| {
            let text = text.get();
            if is_adopted.get()
                && let Some(input) = node.get()
                && input.value() != text
            {
                input.set_value(&text);
            }
        });
    }
    // Browsers ignore "off" for passwords, and offer a generated password for "new-password".
    let autocomplete = if field.kind() == Kind::Secret { "new-password" } else { "off" };
    view! {
        <input
            node_ref=node
            part="input"
            id=id
            dir="auto"
            type=live_text(move || match is_hidden.get() {
                true => "password",
                false if is_date => "date",
                false => "text",
            })
            max=is_date.then_some(LAST_DATE)
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
            prop:value=live(move || (!is_date && is_adopted.get()).then(|| text.get()))
            on:input=move |event| state.edit(field, event_target_value(&event))
            on:blur=move |_| state.trim(field)
        />
    }
}

/// The last date that a date control offers. Without one, a year may have six digits.
const LAST_DATE: &str = "9999-12-31";

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

/// Whether a control's value is masked.
fn is_masked(field: Field) -> bool {
    matches!(field.kind(), Kind::Masked | Kind::Secret)
}
