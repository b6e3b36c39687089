//! Copy from Basic SMTP Settings: at once, or after a question where a stored secret has to be entered
//! again then.

use domain::{Draft, Field, Section};
use leptos::prelude::*;

use super::live::live_option;
use super::state::FormState;

/// Whether the question is on the screen. Copies share it.
#[derive(Clone, Copy)]
pub struct CopyQuestion {
    /// Out of the way, so that a copy of this stays small.
    form: StoredValue<FormState>,
    is_asked: RwSignal<bool>,
}

impl CopyQuestion {
    /// Nothing asked so far.
    pub fn new(form: FormState) -> Self {
        Self { form: StoredValue::new(form), is_asked: RwSignal::new(false) }
    }

    /// Copies, unless there is something to say before.
    pub fn ask_or_copy(self) {
        if untrack(|| self.warning()).is_empty() {
            self.copy();
        } else {
            self.is_asked.set(true);
        }
    }

    fn copy(self) {
        self.is_asked.set(false);
        self.form.get_value().copy_basic_to_oauth();
    }

    /// Which stored secret has to be entered again after a copy, in words.
    fn warning(self) -> String {
        let groups = [Section::BasicSmtp, Section::OauthSmtp];
        let follows: Vec<_> = groups.into_iter().flat_map(Field::of).collect();
        self.form.get_value().asks_again(&follows, Draft::copy_basic_to_oauth)
    }
}

/// The question, while it is asked and still matters.
#[component]
pub fn CopyQuestionView(question: CopyQuestion) -> impl IntoView {
    live_option(move || {
        let warning = question.is_asked.get().then(|| question.warning())?;
        Some(view! {
            <section class="notice" part="notice">
                <p class="warning">{warning}</p>
                <div class="actions">
                    <button type="button" part="button" on:click=move |_| question.copy()>
                        "Copy anyway"
                    </button>
                    <button
                        type="button"
                        part="button"
                        on:click=move |_| question.is_asked.set(false)
                    >
                        "Keep mine"
                    </button>
                </div>
            </section>
        })
    })
}
