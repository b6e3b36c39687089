//! Two administrators edited one form. What each of them changed since the revision that both
//! started from, put together so that nobody's change is lost unseen.

use crate::draft::Draft;
use crate::field::Field;
use crate::saved::Saved;
use crate::secret::{SecretEdit, StoredSecret};

/// Both sides' changes in one form. A field is in at most one of the lists; each is in the order of
/// the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The form: mine where I changed something, otherwise theirs.
    pub draft: Draft,
    /// Only I changed these.
    pub kept: Vec<Field>,
    /// Only they changed these.
    pub taken: Vec<Field>,
    /// Both changed these, and not to the same; or a secret was typed for a place that is another
    /// one now. They hold mine until somebody chooses.
    pub disputed: Vec<Field>,
}

/// Puts `mine`, an edit of `base`, together with `theirs`, which was saved meanwhile. `replaced`
/// names the secrets that were stored since `base`: of two stored ones a browser cannot tell
/// whether they differ.
#[must_use]
pub fn merge(base: &Saved, mine: &Draft, theirs: &Saved, replaced: &[Field]) -> Merge {
    let mut merge =
        Merge { draft: mine.clone(), kept: Vec::new(), taken: Vec::new(), disputed: Vec::new() };
    for &field in Field::ALL {
        let i_changed = is_changed(base, mine, field);
        let they_changed = replaced.contains(&field)
            || base.form.plain_text(field) != theirs.form.plain_text(field)
            || base.form.secret(field) != theirs.form.secret(field);
        match (i_changed, they_changed) {
            (false, false) => {}
            (true, false) => merge.kept.push(field),
            (true, true) if !agree(mine, theirs, field) => merge.disputed.push(field),
            (_, true) => {
                put_theirs(&mut merge.draft, theirs, field);
                if !i_changed {
                    merge.taken.push(field);
                }
            }
        }
    }
    for field in typed_for_elsewhere(mine, &merge.draft) {
        merge.kept.retain(|&kept| kept != field);
        dispute(&mut merge.disputed, field);
    }
    merge
}

/// Chooses their value of a disputed field. A secret that was typed for where mine led is disputed
/// then as well, instead of going where theirs leads.
pub fn take_theirs(draft: &mut Draft, disputed: &mut Vec<Field>, theirs: &Saved, field: Field) {
    let before = draft.clone();
    put_theirs(draft, theirs, field);
    disputed.retain(|&other| other != field);
    for secret in typed_for_elsewhere(&before, draft) {
        dispute(disputed, secret);
    }
}

/// Whether a save of `mine` would change a field of `base`.
fn is_changed(base: &Saved, mine: &Draft, field: Field) -> bool {
    match mine.secret_on_save(field).as_ref() {
        SecretEdit::Replace(_) => true,
        SecretEdit::Clear => is_stored(base, field),
        SecretEdit::Untouched => mine.plain_text(field) != base.form.plain_text(field),
    }
}

/// Whether both sides say the same. Of two secrets nobody can tell, but that both are gone.
fn agree(mine: &Draft, theirs: &Saved, field: Field) -> bool {
    match mine.secret_on_save(field).as_ref() {
        SecretEdit::Clear => !is_stored(theirs, field),
        _ if mine.secret(field).is_some() => false,
        _ => mine.plain_text(field) == theirs.form.plain_text(field),
    }
}

fn is_stored(saved: &Saved, field: Field) -> bool {
    matches!(saved.form.secret(field), Some(StoredSecret::For(_)))
}

fn put_theirs(draft: &mut Draft, theirs: &Saved, field: Field) {
    match draft.secret_mut(field) {
        Some(secret) => *secret = SecretEdit::Untouched,
        None => draft.edit(field, theirs.form.plain_text(field)),
    }
}

/// The secrets that were typed for where `before` led, and that `after` would send elsewhere.
fn typed_for_elsewhere(before: &Draft, after: &Draft) -> impl Iterator<Item = Field> {
    let is_typed = |field: Field| matches!(after.secret(field), Some(SecretEdit::Replace(_)));
    let moved = [Field::Password, Field::ClientSecret].map(|field| {
        (is_typed(field) && before.destination(field) != after.destination(field)).then_some(field)
    });
    moved.into_iter().flatten()
}

/// Adds a field to a list that stays in the order of the screen.
fn dispute(disputed: &mut Vec<Field>, field: Field) {
    if !disputed.contains(&field) {
        disputed.push(field);
        disputed.sort();
    }
}
