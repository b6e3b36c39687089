//! The state of the form: the saved settings, the draft, and everything derived from the two. Each of
//! its modules has one concern.

mod editing;
#[cfg(not(feature = "bundle"))]
mod keeping;
mod loading;
mod merging;
mod newer;
mod notice;
mod problems;
mod saving;
mod secrets;

use domain::{Draft, Field, Presence, Problems, Saved, presence, secret_state::SecretState};
use leptos::prelude::*;

pub use self::editing::put;
pub use self::merging::{MergeConflict, choice_id};
pub use self::notice::{BlockedAction, NOTICE, Notice, SAVED, scroll_to};
use self::{loading::TabContext, merging::ConflictingFields, newer::Newer};
use super::commands::Commands;
use crate::host::TabHost;

/// The signals of one control. Each is set only when its value changes, so that a keystroke does not
/// rerender other controls.
#[derive(Clone, Copy)]
struct FieldSignals {
    text: RwSignal<String>,
    presence: RwSignal<Presence>,
    /// The validation message.
    problem: RwSignal<Option<String>>,
    secret: RwSignal<SecretState>,
    /// Whether surrounding blanks were removed since the last edit.
    is_trimmed: RwSignal<bool>,
}

/// The state of the form: the saved settings, the draft and the signals derived from the two. Copies
/// share them.
///
/// It imports no view; what it needs of the deferred chunk comes as [`Commands`]. Its methods are in
/// the modules `form/*.rs`, each with one concern: editing, keeping, loading, saving, merging, newer
/// settings, problems, secrets and the notice.
#[derive(Clone, Copy)]
pub struct FormState {
    pub host: TabHost,
    /// The functions of the deferred chunk.
    pub commands: &'static Commands,
    saved: RwSignal<Saved>,
    draft: RwSignal<Draft>,
    /// The unresolved conflicts.
    conflicting: RwSignal<ConflictingFields>,
    /// Settings that were saved elsewhere meanwhile.
    newer: RwSignal<Option<Newer>>,
    notice: RwSignal<Option<Notice>>,
    /// The text of the polite live region.
    announced: RwSignal<String>,
    is_saving: RwSignal<bool>,
    /// The grant of the token that a save would delete, while confirmation is pending.
    asks_about_grant: RwSignal<Option<String>>,
    /// The signals of each field, in screen order.
    signals: StoredValue<Vec<FieldSignals>>,
    /// The validation problems; `None` until the first refused save or test, which shows them.
    problems: RwSignal<Option<Problems>>,
    /// The fields that differ from the saved settings.
    changes: RwSignal<Vec<Field>>,
    /// Whether there are unsaved changes.
    pub is_dirty: Memo<bool>,
    context: RwSignal<TabContext>,
    /// Whether the page is hydrated, so that clicks are handled.
    is_hydrated: RwSignal<bool>,
    /// Whether the deferred Wasm chunk has loaded.
    is_chunk_loaded: RwSignal<bool>,
}

impl FormState {
    /// Creates an empty form. Call it outside `Suspense`, which disposes of its children's signals.
    pub fn new(host: TabHost, commands: &'static Commands) -> Self {
        let saved = RwSignal::new(Saved::default());
        let draft = RwSignal::new(Draft::default());
        let changes = RwSignal::new(Vec::new());
        let signals = |&field: &Field| FieldSignals {
            text: RwSignal::new(draft.with_untracked(|draft| draft.text(field).to_owned())),
            presence: RwSignal::new(draft.with_untracked(|draft| presence(field, draft))),
            problem: RwSignal::new(None),
            secret: RwSignal::new(SecretState::Unset),
            is_trimmed: RwSignal::new(false),
        };
        Self {
            host,
            commands,
            signals: StoredValue::new(Field::ALL.iter().map(signals).collect()),
            saved,
            draft,
            conflicting: RwSignal::new(ConflictingFields::default()),
            newer: RwSignal::new(None),
            notice: RwSignal::new(None),
            announced: RwSignal::new(String::new()),
            is_saving: RwSignal::new(false),
            asks_about_grant: RwSignal::new(None),
            problems: RwSignal::new(None),
            changes,
            is_dirty: Memo::new(move |_| changes.with(|changes| !changes.is_empty())),
            context: RwSignal::new(TabContext::default()),
            is_hydrated: RwSignal::new(!loading::has_to_hydrate()),
            is_chunk_loaded: RwSignal::new(false),
        }
    }

    /// Resets the draft to the given saved settings, with secrets untouched.
    pub fn reset(self, saved: Saved) {
        let draft = saved.draft();
        self.saved.set(saved);
        self.conflicting.set(ConflictingFields::default());
        self.newer.set(None);
        self.problems.set(None);
        self.change_draft(|before| *before = draft);
    }

    /// Changes the draft. Until the page is hydrated it stays as the server rendered it: what is typed
    /// stays in the control, which adopts it then.
    fn update_draft(self, change: impl FnOnce(&mut Draft)) {
        if self.is_hydrated.get_untracked() {
            self.change_draft(change);
        }
    }

    /// Changes the draft and updates the signals of every control that it affects.
    fn change_draft(self, change: impl FnOnce(&mut Draft)) {
        let mut change = Some(change);
        self.change_draft_once(&mut |draft| {
            if let Some(change) = change.take() {
                change(draft);
            }
        });
    }

    /// [`Self::change_draft`], compiled once for all changes.
    fn change_draft_once(self, change: &mut dyn FnMut(&mut Draft)) {
        self.saved.with_untracked(|saved| {
            self.draft.update(|draft| draft.change(&saved.form, change));
        });
        self.draft.with_untracked(|draft| {
            self.saved.with_untracked(|saved| {
                set_if_changed(self.changes, saved.edited(draft).collect());
                self.signals.with_value(|signals| {
                    for (&field, signals) in Field::ALL.iter().zip(signals) {
                        set_if_changed(signals.presence, presence(field, draft));
                        set_if_changed(signals.secret, SecretState::of(field, draft, saved));
                        if signals.text.with_untracked(|text| text != draft.text(field)) {
                            signals.text.set(draft.text(field).to_owned());
                        }
                    }
                });
            });
        });
        self.check();
    }

    fn signals(self, field: Field) -> FieldSignals {
        self.signals.with_value(|signals| signals[field as usize])
    }
}

pub fn set_if_changed<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|before| *before != value) {
        signal.set(value);
    }
}
