//! "Copy from Basic SMTP Settings". Asks for confirmation first if the copy would require a stored
//! secret to be entered again.

use domain::{Draft, Field, Section};
use leptos::prelude::*;

use super::reactive::live_option;
use super::state::FormState;

/// The state of the confirmation prompt. Copies share its signals.
#[derive(Clone, Copy)]
pub struct CopyQuestion {
    /// Stored by reference, so that a copy of this struct stays small.
    form: StoredValue<FormState>,
    is_asked: RwSignal<bool>,
}

impl CopyQuestion {
    /// Creates a hidden prompt.
    pub fn new(form: FormState) -> Self {
        Self { form: StoredValue::new(form), is_asked: RwSignal::new(false) }
    }

    /// Copies at once, or shows the prompt if there is a warning.
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

    /// The message naming the stored secret that would have to be entered again; empty for none.
    fn warning(self) -> String {
        let groups = [Section::BasicSmtp, Section::OauthSmtp];
        let follows: Vec<_> = groups.into_iter().flat_map(Field::of).collect();
        self.form.get_value().asks_again(&follows, Draft::copy_basic_to_oauth)
    }
}

/// The prompt, while it is open and still applies.
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
