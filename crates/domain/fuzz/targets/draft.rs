//! Parses any octets as a save: it is refused, or read as a form that is validated, merged and
//! serialised without a loss.

#![no_main]

use contract::Save;
use domain::{Field, Saved};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(save) = serde_json::from_slice::<Save>(octets) else { return };
    let written = serde_json::to_vec(&save).expect("a save can be written");
    let again: Save = serde_json::from_slice(&written).expect("what was written can be read");
    assert!(again == save, "a save changes on its way");
    let kept = save.draft.clone().strip_private_keys();
    assert!(kept.clone().strip_private_keys() == kept, "what is kept is kept");
    let saved = Saved::default();
    let _ = (save.draft.oversized(), save.draft.problems(&saved.form).len());
    for field in Field::ALL {
        let _ = (save.draft.text(*field), save.draft.destination(*field));
    }
    let merged = domain::merge::merge(&saved, &save.draft, &saved, &[]);
    assert!(merged.draft == save.draft, "a merge with nothing changes a draft");
});
