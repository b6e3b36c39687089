//! One form control: label, input, help and error, linked by ARIA ids and all generated from the
//! field's entry in the tables. A keystroke rerenders only what depends on it.

mod choices;
mod secret;
mod text;

use domain::{Field, Presence, field::Kind};
use leptos::{html::ElementType, prelude::*, wasm_bindgen::JsCast};

use self::choices::{CheckBox, Choice, Lines};
pub use self::secret::secret_note;
use self::text::Typed;
use crate::deferred::door::{DeferredView, deferred};
use crate::model::form::FormState;
use crate::view::reactive::{live, live_attribute, live_option, live_text};

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
pub fn adopt_once<E>(node: NodeRef<E>, adopt: impl Fn(E::Output) + 'static) -> RwSignal<bool>
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
            disabled: state.is_disabled(field),
            required: live_attribute(move || {
                (presence.get() == Presence::Required).then_some("true")
            }),
            invalid: live_attribute(move || problem.get().map(|_| "true")),
        }
    }
}
