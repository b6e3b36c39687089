//! "Copy from Basic SMTP Settings" asks for confirmation first if the copy would require a stored
//! secret to be entered again.

use domain::{Draft, Field, Section};
use leptos::prelude::*;

use super::form::FormState;

/// The state of the confirmation prompt. Copies share its signals.
#[derive(Clone, Copy)]
pub struct CopyQuestion {
    /// Stored by reference, so that a copy of this struct stays small.
    form: StoredValue<FormState>,
    is_asked: RwSignal<bool>,
}

impl CopyQuestion {
    pub fn new(form: FormState) -> Self {
        Self { form: StoredValue::new(form), is_asked: RwSignal::new(false) }
    }

    /// Handles a click on the button. Does nothing if the deferred chunk cannot be loaded.
    pub fn on_click(self) {
        let form = self.form.get_value();
        form.host.spawn(async move {
            let _ = (form.commands.copy)(self).await;
        });
    }

    /// Copies at once, or shows the prompt if there is a warning.
    pub fn ask_or_copy(self) {
        if untrack(|| self.warning()).is_empty() {
            self.copy();
        } else {
            self.is_asked.set(true);
        }
    }

    /// Copies, and hides the prompt.
    pub fn copy(self) {
        self.is_asked.set(false);
        self.form.get_value().copy_basic_to_oauth();
    }

    /// The message naming the stored secret that would have to be entered again; empty for none.
    pub fn warning(self) -> String {
        let groups = [Section::BasicSmtp, Section::OauthSmtp];
        let follows: Vec<_> = groups.into_iter().flat_map(Field::of).collect();
        self.form.get_value().asks_again(&follows, Draft::copy_basic_to_oauth)
    }

    pub fn is_asked(self) -> bool {
        self.is_asked.get()
    }

    pub fn dismiss(self) {
        self.is_asked.set(false);
    }
}
