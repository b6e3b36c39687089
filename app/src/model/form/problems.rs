//! Validation by the rules that the server applies. Problems are shown after the first refused action,
//! then on every edit.

use domain::{Field, Problems};
use leptos::prelude::*;

use super::{BlockedAction, FormState, Notice, set_if_changed};

impl FormState {
    /// Updates the shown validation problems, or clears them if none are to be shown yet.
    pub(super) fn check(self) {
        if self.problems.with_untracked(Option::is_some) {
            (self.commands.check)(self);
        } else {
            self.signals.with_value(|signals| {
                for signals in signals {
                    set_if_changed(signals.problem, None);
                }
            });
        }
    }

    pub fn check_and_show(self) {
        self.set_problems(self.all_problems());
    }

    fn set_problems(self, problems: Problems) {
        let draft = self.draft.get_untracked().trimmed();
        self.signals.with_value(|signals| {
            for (&field, signals) in Field::ALL.iter().zip(signals) {
                let words = |problem| labels::problem_of(field, problem, draft.text(field));
                let words = problems.of(field).map(words);
                set_if_changed(signals.problem, words);
            }
        });
        set_if_changed(self.problems, Some(problems));
    }

    /// Validates the trimmed draft.
    pub(super) fn all_problems(self) -> Problems {
        let draft = self.draft.get_untracked().trimmed();
        self.saved.with_untracked(|saved| draft.problems(&saved.form))
    }

    /// The control's validation message, once problems are shown.
    pub fn problem(self, field: Field) -> RwSignal<Option<String>> {
        self.signals(field).problem
    }

    pub fn shown_problems(self) -> Problems {
        self.problems.get().unwrap_or_default()
    }

    /// Shows validation problems, found here or by the server, and moves focus to the first. Problems
    /// that only the server can detect are shown until the next edit.
    pub fn show_problems(self, wanted: BlockedAction, problems: Problems) {
        let first = problems.iter().next();
        self.set_problems(problems);
        self.notice.set(Some(Notice::Problems(wanted)));
        if let Some((field, _)) = first {
            self.focus_soon(field.wire_name());
        }
    }
}
