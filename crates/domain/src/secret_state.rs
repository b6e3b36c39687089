//! What a form does with a stored secret.

use crate::secret::{SecretEdit, StoredSecret};
use crate::{Draft, Field, Saved};

/// The state of a secret: what is stored, and what a save does with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretState {
    /// Nothing is stored and nothing is typed.
    Unset,
    /// Nothing is stored; a new value is typed.
    New,
    /// A value is stored and is kept.
    Stored,
    /// A value is stored, but is bound to another destination: these fields differ.
    StoredForAnother(Vec<Field>),
    /// The typed value replaces the stored one.
    Replaced,
    /// The stored value will be removed.
    Cleared,
    /// The stored value will be removed because Username is empty.
    ClearedWithUsername,
}

impl SecretState {
    /// Returns the state of a secret in a form.
    pub fn of(field: Field, draft: &Draft, saved: &Saved) -> Self {
        let is_stored = matches!(saved.form.secret(field), Some(StoredSecret::For(_)));
        let is_edited = draft.secret(field) == Some(&SecretEdit::Clear);
        match (draft.secret_on_save(field).as_ref(), is_stored) {
            (SecretEdit::Replace(_), true) => Self::Replaced,
            (SecretEdit::Replace(_), false) => Self::New,
            (SecretEdit::Clear, true) if is_edited => Self::Cleared,
            (SecretEdit::Clear, true) => Self::ClearedWithUsername,
            (SecretEdit::Untouched, true) => match saved.fields_asked_again(field, draft) {
                moved if moved.is_empty() => Self::Stored,
                moved => Self::StoredForAnother(moved),
            },
            (SecretEdit::Untouched | SecretEdit::Clear, false) => Self::Unset,
        }
    }
}
