//! Texts of Restore what last worked: what is left to do once the form is filled in. Server only.

use contract::{Explanation, LookupResult, Suggestion};
use domain::{Draft, Field, field::Kind, secret::SecretEdit};
use labels::field_in_full;

/// Returns the values of a form that worked. A secret that it clears is a fill without a value, and
/// those of `to_enter` have to be entered again.
pub fn restored(draft: &Draft, to_enter: &[Field]) -> LookupResult {
    let is_filled = |field: &Field| {
        field.kind() != Kind::Secret || draft.secret(*field) == Some(&SecretEdit::Clear)
    };
    let fill = |field: Field| Suggestion {
        field,
        value: draft.text(field).to_owned(),
        label: field_in_full(field),
    };
    let enter = |field: &Field| {
        let name = field_in_full(*field);
        format!(
            "Enter {name} again: the one that worked with these settings is not stored any more."
        )
    };
    let save = "Save. Until then nothing has changed.".to_owned();
    let steps = to_enter.iter().map(enter).chain([save]);
    let verdict = Explanation::new("Filled in the settings that last worked.", steps);
    LookupResult {
        verdict: Some(verdict),
        fills: Field::ALL.iter().copied().filter(is_filled).map(fill).collect(),
        ..LookupResult::default()
    }
}
