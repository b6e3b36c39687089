//! One form control: label, input, help and error, linked by ARIA ids and all generated from the
//! field's entry in the tables. A keystroke rerenders only what depends on it.

mod choices;
mod secret;
mod text;

use domain::{Field, Presence, field::Kind, presence, secret_state::SecretState};
use leptos::{html::ElementType, prelude::*, wasm_bindgen::JsCast};

use self::choices::{CheckBox, Choice, Lines};
pub use self::secret::{SecretExpiry, secret_note, secret_warning};
use self::text::Typed;
use crate::deferred::door::{DeferredView, deferred};
use crate::model::form::FormState;
use crate::view::reactive::{live, live_attribute, live_option, live_text};

/// A labelled control in its group's grid.
#[component]
pub fn Control(
    state: FormState,
    field: Field,
    /// The column span: `half` (the default), `wide`, `mid`, `most`, `narrow` or `slim`.
    #[prop(default = "half")]
    width: &'static str,
    /// A note about the current value, part of the control's accessible description.
    #[prop(optional, into)]
    note: Signal<String>,
    /// A warning about the current value.
    #[prop(optional, into)]
    warning: Signal<String>,
    /// A button beside the input.
    #[prop(optional)]
    beside: Option<AnyView>,
) -> impl IntoView {
    if state.is_read_only() {
        return view! { <Value state field width/> }.into_any();
    }
    let id = field.wire_name();
    let problem = state.problem(field);
    let presence = state.presence(field);
    let input = match field.kind() {
        Kind::Check => view! { <CheckBox state field/> }.into_any(),
        Kind::Choice => view! { <Choice state field/> }.into_any(),
        Kind::Lines => view! { <Lines state field/> }.into_any(),
        Kind::Text | Kind::Masked | Kind::Secret | Kind::Date => {
            view! { <Typed state field beside/> }.into_any()
        }
    };
    let is_disabled = live(move || presence.get() == Presence::Disabled);
    let stands_alone = matches!(field, Field::Username | Field::Password);
    let is_brief = matches!(field.kind(), Kind::Check | Kind::Secret | Kind::Date);
    // A group that is disabled as a whole says so itself.
    let group = move || {
        let section = field.section();
        state.with_draft(&[Field::Flow], |draft| presence::section_presence(section, draft.flow))
    };
    let mark = live_text(move || match presence.get() {
        Presence::Disabled if group() != Presence::Disabled => labels::NOT_USED,
        Presence::Optional if stands_alone => labels::tab::OPTIONAL,
        Presence::Disabled | Presence::Optional | Presence::Required => "",
    });
    let label = (field.kind() != Kind::Check).then(|| {
        view! {
            <span class="label-line">
                <label part="label" id=format!("{id}-label") for=id>{labels::field(field)}</label>
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
        <div
            part="field"
            class=format!("field {width}")
            class:brief=live(move || is_brief && !note.with(String::is_empty))
            class:invalid=live(move || problem.get().is_some())
            class:is-disabled=is_disabled
        >
            {label}
            {input}
            <div class="about">
                <span class="error" part="error" id=format!("{id}-error")>{error}</span>
                <span class="note" id=format!("{id}-note")>{note}</span>
                <span class="help" part="help" id=format!("{id}-help")>{labels::field_help(field)}</span>
                <strong class="warning" id=format!("{id}-warning")>{warning}</strong>
                {notes}
            </div>
            {choice}
        </div>
    }
    .into_any()
}

/// A control's name and saved value as text, for users who may not edit.
#[component]
fn Value(state: FormState, field: Field, width: &'static str) -> impl IntoView {
    let text = state.text(field);
    let secret = state.secret(field);
    let value = live_text(move || match secret.get() {
        SecretState::Unset => text.with(|text| state.value(field, text)),
        _ => labels::tab::STORED.to_owned(),
    });
    view! {
        <dl class=format!("field {width}")>
            <dt>{labels::field(field)}</dt>
            <dd dir="auto">{value}</dd>
        </dl>
    }
}

/// The control's `aria-describedby` ids.
fn described_by(field: Field) -> String {
    let id = field.wire_name();
    let notes = if field.is_line() { format!(" {id}-notes") } else { String::new() };
    format!("{id}-error {id}-note {id}-help {id}-warning{notes}")
}

/// Adopts, once the whole page is hydrated, input typed before that. Until then the page must not write to
/// the control.
pub fn adopt_once<E>(
    form: FormState,
    node: NodeRef<E>,
    adopt: impl Fn(E::Output) + 'static,
) -> RwSignal<bool>
where
    E: ElementType,
    E::Output: JsCast + Clone + 'static,
{
    let is_adopted = RwSignal::new(false);
    Effect::new(move |_| {
        if form.is_hydrated()
            && let Some(element) = node.get()
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
            disabled: state.is_disabled(field),
            required: live_attribute(move || {
                (presence.get() == Presence::Required).then_some("true")
            }),
            invalid: live_attribute(move || problem.get().map(|_| "true")),
        }
    }
}
