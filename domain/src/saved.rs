//! What is saved, as far as a browser may see it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::draft::{Draft, Form};
use crate::field::Field;
use crate::secret::{SecretEdit, StoredSecret};

/// The saved form, its secrets as facts of storage, and its revision.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Saved {
    /// The form as it was typed.
    pub form: Form<StoredSecret>,
    /// Counts the saves; 0 before the first. A save names the revision that it was made on.
    pub revision: i64,
    /// Who saved last.
    pub by: Option<String>,
    /// When; on the wire in epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds_option")]
    pub at: Option<DateTime<Utc>>,
}

impl Saved {
    /// The form to start editing from: every secret untouched.
    #[must_use]
    pub fn draft(&self) -> Draft {
        self.form.map_secrets(|_, _| SecretEdit::Untouched)
    }

    /// Whether what is saved is enough to send with.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.draft().problems(&self.form).is_empty()
    }

    /// Whether an untouched secret may be used where `draft` would send it.
    #[must_use]
    pub fn keeps_secret(&self, field: Field, draft: &Draft) -> bool {
        keeps_secret(&self.form, field, draft)
    }

    /// The controls that keep the stored secret from being used with `draft`; none where no secret is
    /// stored, or where a save replaces or removes it.
    #[must_use]
    pub fn moved(&self, field: Field, draft: &Draft) -> Vec<Field> {
        match (self.form.secret(field), draft.secret_on_save(field).as_ref()) {
            (Some(stored), SecretEdit::Untouched) => draft.moved(field, stored),
            _ => Vec::new(),
        }
    }

    /// The controls for whose sake a change from `before` to `after` asks for a stored secret again.
    #[must_use]
    pub fn moved_by(&self, field: Field, before: &Draft, after: &Draft) -> Vec<Field> {
        let already = self.moved(field, before);
        let mut moved = self.moved(field, after);
        moved.retain(|control| !already.contains(control));
        moved
    }
}

/// Whether a stored secret was entered for the destination that `draft` names now.
pub(crate) fn keeps_secret(stored: &Form<StoredSecret>, field: Field, draft: &Draft) -> bool {
    match stored.secret(field) {
        Some(stored @ StoredSecret::For(_)) => draft.moved(field, stored).is_empty(),
        Some(StoredSecret::Unset) | None => false,
    }
}
