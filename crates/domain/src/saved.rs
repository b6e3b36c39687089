//! The saved settings as a browser may see them: secrets only as storage states.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::secret::{SecretEdit, StoredSecret};
use crate::{Draft, Field, Form};

/// The saved form, with the storage states of its secrets, and its revision.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Saved {
    /// The form as it was typed.
    pub form: Form<StoredSecret>,
    /// Number of saves, 0 before the first; a save names the revision it is based on (optimistic
    /// lock).
    pub revision: i64,
    /// Name of the user who saved last.
    pub by: Option<String>,
    /// Time of the last save; in JSON as epoch milliseconds.
    #[serde(with = "chrono::serde::ts_milliseconds_option")]
    pub at: Option<DateTime<Utc>>,
}

impl Saved {
    /// Returns a draft of the saved form with every secret untouched.
    pub fn draft(&self) -> Draft {
        self.form.map_secrets(|_, _| SecretEdit::Untouched)
    }

    /// Returns the controls in which a draft differs, in screen order.
    pub fn edited<'a>(&'a self, draft: &'a Draft) -> impl Iterator<Item = Field> + 'a {
        Field::ALL.iter().copied().filter(move |&field| {
            self.form.plain_text(field) != draft.plain_text(field)
                || draft.secret(field).is_some_and(|edit| *edit != SecretEdit::Untouched)
        })
    }

    /// Whether the saved settings are complete and valid.
    pub fn is_complete(&self) -> bool {
        self.draft().problems(&self.form).is_empty()
    }

    /// Whether an untouched secret may be used for the destination that `draft` names.
    pub fn keeps_secret(&self, field: Field, draft: &Draft) -> bool {
        keeps_secret(&self.form, field, draft)
    }

    /// Returns the controls that prevent the stored secret from being used with `draft`. The list is
    /// empty if no secret is stored, or if a save replaces or removes it.
    pub fn fields_asked_again(&self, field: Field, draft: &Draft) -> Vec<Field> {
        match (self.form.secret(field), draft.secret_on_save(field).as_ref()) {
            (Some(stored), SecretEdit::Untouched) => draft.moved(field, stored),
            _ => Vec::new(),
        }
    }

    /// Returns the controls because of which the change from `before` to `after` newly requires a
    /// stored secret to be entered again.
    pub fn moved_by(&self, field: Field, before: &Draft, after: &Draft) -> Vec<Field> {
        let already = self.fields_asked_again(field, before);
        let mut moved = self.fields_asked_again(field, after);
        moved.retain(|control| !already.contains(control));
        moved
    }
}

/// Whether a stored secret is bound to the destination that `draft` names.
pub(crate) fn keeps_secret(stored: &Form<StoredSecret>, field: Field, draft: &Draft) -> bool {
    match stored.secret(field) {
        Some(stored @ StoredSecret::For(_)) => draft.moved(field, stored).is_empty(),
        Some(StoredSecret::Unset) | None => false,
    }
}
