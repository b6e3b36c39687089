//! The merge with a concurrent save (three-way), and the choice for each conflict that it leaves.

use contract::Conflict;
use domain::merge::{self, Merge, OtherEditor};
use domain::{Field, Presence, presence};
use leptos::prelude::*;

use super::{FormState, NOTICE, Notice};

/// The result of merging two concurrent edits. Who saved, and when, is in the saved settings; the
/// fields in conflict are kept in [`FormState::conflicting`].
#[derive(Debug, Clone, PartialEq)]
pub struct MergeConflict {
    /// The author of the other save.
    pub other: OtherEditor,
    /// Fields changed only in this form.
    pub kept: Vec<Field>,
    /// Fields changed only by the other save.
    pub taken: Vec<Field>,
}

/// The unresolved conflicts.
#[derive(Debug, Clone, Default)]
pub(super) struct ConflictingFields {
    /// The author of the other save.
    pub other: OtherEditor,
    /// The fields changed by both sides, until a value is chosen for each.
    pub fields: Vec<Field>,
}

impl FormState {
    /// Merges the draft with another save (three-way merge).
    pub(super) fn merge(self, Conflict { saved: theirs, replaced, is_own }: Conflict) {
        let other = OtherEditor::of(is_own);
        let Merge { draft, kept, taken, conflicting: fields } = self.saved.with_untracked(|base| {
            self.draft.with_untracked(|mine| merge::merge(base, mine, &theirs, &replaced))
        });
        self.reset(theirs);
        self.update_draft(|before| *before = draft);
        self.conflicting.set(ConflictingFields { other, fields });
        self.set_notice(Notice::Conflict(MergeConflict { other, kept, taken }));
    }

    pub fn conflicting(self) -> Vec<Field> {
        self.conflicting.with(|conflicting| conflicting.fields.clone())
    }

    pub(super) fn first_conflicting(self) -> Option<Field> {
        self.conflicting.with_untracked(|conflicting| conflicting.fields.first().copied())
    }

    pub fn other(self) -> OtherEditor {
        self.conflicting.with(|conflicting| conflicting.other)
    }

    pub fn is_conflicting(self, field: Field) -> Memo<bool> {
        Memo::new(move |_| self.conflicting.with(|conflicting| conflicting.fields.contains(&field)))
    }

    /// Resolves a conflict with this form's value.
    pub fn keep_mine(self, field: Field) {
        self.conflicting.update(|conflicting| conflicting.fields.retain(|&other| other != field));
        self.focus_chosen(field);
    }

    /// Resolves a conflict with the saved value.
    pub fn take_theirs(self, field: Field) {
        self.choose_theirs(field);
        self.focus_chosen(field);
    }

    fn choose_theirs(self, field: Field) {
        self.saved.with_untracked(|theirs| {
            self.conflicting.update(|ConflictingFields { fields, .. }| {
                self.update_draft(|draft| merge::take_theirs(draft, fields, theirs, field));
            });
        });
    }

    /// Moves focus from a resolved conflict, whose buttons are removed, to its control.
    fn focus_chosen(self, field: Field) {
        let takes_focus =
            self.draft.with_untracked(|draft| presence(field, draft)) != Presence::Disabled;
        self.focus_soon(if takes_focus { field.wire_name() } else { NOTICE });
    }

    /// Resolves all conflicts with this form's values.
    pub fn keep_all_of_mine(self) {
        self.conflicting.update(|conflicting| conflicting.fields.clear());
        self.focus_soon(NOTICE);
    }

    /// Resolves all conflicts with the saved values.
    pub fn take_all_of_theirs(self) {
        while let Some(field) = self.first_conflicting() {
            self.choose_theirs(field);
        }
        self.focus_soon(NOTICE);
    }
}

/// The element id of a control's conflict choice.
pub fn choice_id(field: Field) -> String {
    format!("{}-choice", field.wire_name())
}
