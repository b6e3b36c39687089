//! Three-way merge of two administrators' edits of one form, based on the revision that both started
//! from. No change is lost without being shown.

use crate::secret::{SecretEdit, StoredSecret};
use crate::{Draft, Field, Saved};

/// The merged form. A field is in at most one of the lists; each list is in display order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The form: my values where I changed something, otherwise theirs.
    pub draft: Draft,
    /// Fields that only I changed.
    pub kept: Vec<Field>,
    /// Fields that only they changed.
    pub taken: Vec<Field>,
    /// Fields that both changed to different values, and secrets that I typed for a destination that
    /// has changed. They hold my values until the administrator chooses.
    pub conflicting: Vec<Field>,
}

/// The author of a save that came between loading the form and saving it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OtherEditor {
    /// Another administrator.
    #[default]
    Person,
    /// The same administrator, in another window.
    Window,
}

impl OtherEditor {
    /// The author of a save, by whether it is the user's own.
    pub const fn of(is_own: bool) -> Self {
        if is_own { Self::Window } else { Self::Person }
    }
}

/// Merges `mine`, an edit of `base`, with `theirs`, which was saved meanwhile. `replaced` lists the
/// secrets stored since `base`, because a browser cannot compare two stored secrets.
pub fn merge(base: &Saved, mine: &Draft, theirs: &Saved, replaced: &[Field]) -> Merge {
    let mut merge =
        Merge { draft: mine.clone(), kept: Vec::new(), taken: Vec::new(), conflicting: Vec::new() };
    for &field in Field::ALL {
        let i_changed = is_changed(base, mine, field);
        let they_changed = replaced.contains(&field)
            || base.form.plain_text(field) != theirs.form.plain_text(field)
            || base.form.secret(field) != theirs.form.secret(field);
        match (i_changed, they_changed) {
            (false, false) => {}
            (true, false) => merge.kept.push(field),
            (true, true) if !have_same_value(mine, theirs, field) => merge.conflicting.push(field),
            (_, true) => {
                apply_theirs(&mut merge.draft, theirs, field);
                if !i_changed {
                    merge.taken.push(field);
                }
            }
        }
    }
    for field in secrets_with_new_destination(mine, &merge.draft) {
        merge.kept.retain(|&kept| kept != field);
        add_conflict(&mut merge.conflicting, field);
    }
    merge
}

/// Resolves a conflict with their value. A secret that was typed for my destination becomes a
/// conflict too, so that it is not sent to theirs.
pub fn take_theirs(draft: &mut Draft, conflicting: &mut Vec<Field>, theirs: &Saved, field: Field) {
    let before = draft.clone();
    apply_theirs(draft, theirs, field);
    conflicting.retain(|&other| other != field);
    for secret in secrets_with_new_destination(&before, draft) {
        add_conflict(conflicting, secret);
    }
}

/// Whether saving `mine` would change a field of `base`.
fn is_changed(base: &Saved, mine: &Draft, field: Field) -> bool {
    match mine.secret_on_save(field).as_ref() {
        SecretEdit::Replace(_) => true,
        SecretEdit::Clear => is_stored(base, field),
        SecretEdit::Untouched => mine.plain_text(field) != base.form.plain_text(field),
    }
}

/// Whether both sides have the same value. Two secrets count as equal only if both are removed.
fn have_same_value(mine: &Draft, theirs: &Saved, field: Field) -> bool {
    match mine.secret_on_save(field).as_ref() {
        SecretEdit::Clear => !is_stored(theirs, field),
        _ if mine.secret(field).is_some() => false,
        _ => mine.plain_text(field) == theirs.form.plain_text(field),
    }
}

fn is_stored(saved: &Saved, field: Field) -> bool {
    matches!(saved.form.secret(field), Some(StoredSecret::For(_)))
}

fn apply_theirs(draft: &mut Draft, theirs: &Saved, field: Field) {
    match draft.secret_mut(field) {
        Some(secret) => *secret = SecretEdit::Untouched,
        None => draft.edit(field, theirs.form.plain_text(field)),
    }
}

/// Returns the typed secrets whose destination differs between `before` and `after`.
fn secrets_with_new_destination(before: &Draft, after: &Draft) -> impl Iterator<Item = Field> {
    let is_typed = |field: Field| matches!(after.secret(field), Some(SecretEdit::Replace(_)));
    let moved = [Field::Password, Field::ClientSecret].map(|field| {
        (is_typed(field) && before.destination(field) != after.destination(field)).then_some(field)
    });
    moved.into_iter().flatten()
}

/// Adds a field to the conflicts and keeps them in display order.
fn add_conflict(conflicting: &mut Vec<Field>, field: Field) {
    if !conflicting.contains(&field) {
        conflicting.push(field);
        conflicting.sort();
    }
}
