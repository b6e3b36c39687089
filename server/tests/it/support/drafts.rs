//! Drafts of the form, by the texts of their fields.

use domain::{Draft, Field};

/// Returns a draft with these texts.
pub fn draft_of<T: AsRef<str>>(texts: &[(Field, T)]) -> Draft {
    edited(&Draft::default(), texts)
}

/// Returns a draft with these edits.
pub fn edited<T: AsRef<str>>(draft: &Draft, edits: &[(Field, T)]) -> Draft {
    let mut draft = draft.clone();
    for (field, text) in edits {
        draft.edit(*field, text.as_ref());
    }
    draft
}
