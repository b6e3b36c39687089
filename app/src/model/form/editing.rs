//! Edits of the draft, and what a control shows of it.

use contract::Suggestion;
use domain::{Draft, Field, Presence, secret::SecretEdit};
use leptos::prelude::*;

use super::{FieldSignals, FormState, Notice, SAVED, set_if_changed};

impl FormState {
    /// Reads the draft, tracking only these controls.
    pub fn with_draft<T>(self, follows: &[Field], read: impl FnOnce(&Draft) -> T) -> T {
        for &field in follows {
            let FieldSignals { text, secret, .. } = self.signals(field);
            text.track();
            secret.track();
        }
        self.draft.with_untracked(read)
    }

    /// The draft, without tracking.
    pub fn draft_now(self) -> Draft {
        self.draft.get_untracked()
    }

    pub fn text(self, field: Field) -> RwSignal<String> {
        self.signals(field).text
    }

    /// The control's text, without tracking.
    pub fn text_now(self, field: Field) -> String {
        self.draft.with_untracked(|draft| draft.text(field).to_owned())
    }

    pub fn edit(self, field: Field, text: String) {
        set_if_changed(self.signals(field).is_trimmed, false);
        self.update_draft(|draft| draft.edit(field, text));
        self.clear_saved_notice();
    }

    /// Trims the control's text, as a save does.
    pub fn trim(self, field: Field) {
        let mut draft = self.draft.get_untracked();
        if draft.trim(field) {
            self.update_draft(|before| *before = draft);
            self.signals(field).is_trimmed.set(true);
        }
    }

    pub(super) fn trim_all(self) {
        for &field in Field::ALL {
            self.trim(field);
        }
    }

    pub fn is_trimmed(self, field: Field) -> bool {
        self.signals(field).is_trimmed.get()
    }

    /// Sets the control to a suggested value and moves focus to it.
    pub fn fill(self, field: Field, text: String) {
        self.edit(field, text);
        self.focus_soon(field.wire_name());
    }

    /// Sets several controls to suggested values.
    pub fn fill_all(self, fills: &[Suggestion]) {
        self.update_draft(|draft| put(fills, draft));
        self.clear_saved_notice();
    }

    /// Adopts input typed before hydration.
    pub fn adopt_typed(self, field: Field, text: String) {
        if self.draft.with_untracked(|draft| draft.text(field) != text) {
            self.edit(field, text);
        }
    }

    pub fn copy_basic_to_oauth(self) {
        self.update_draft(Draft::copy_basic_to_oauth);
        self.clear_saved_notice();
        self.announce(labels::tab::COPIED_FROM_BASIC);
    }

    pub fn presence(self, field: Field) -> RwSignal<Presence> {
        self.signals(field).presence
    }

    /// Whether the user cannot change the control.
    pub fn is_disabled(self, field: Field) -> Signal<bool> {
        let presence = self.presence(field);
        Signal::derive(move || presence.get() == Presence::Disabled)
    }

    pub fn changes(self) -> Vec<Field> {
        self.changes.get()
    }

    /// Discards the unsaved changes. Shows the latest settings that are known.
    pub fn cancel(self) {
        let newer = self.newer.get_untracked().map(|newer| newer.saved);
        self.reset(newer.unwrap_or_else(|| self.saved.get_untracked()));
        self.signals.with_value(|signals| {
            for signals in signals {
                set_if_changed(signals.is_trimmed, false);
            }
        });
        self.notice.set(Some(Notice::Discarded));
        self.focus_soon(SAVED);
    }
}

/// Applies suggested values to a draft. An empty one for a secret clears what is stored.
pub fn put(fills: &[Suggestion], draft: &mut Draft) {
    for Suggestion { field, value, .. } in fills {
        match draft.secret_mut(*field) {
            Some(secret) if value.is_empty() => *secret = SecretEdit::Clear,
            _ => draft.edit(*field, value.as_str()),
        }
    }
}
