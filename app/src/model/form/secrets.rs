//! The stored secrets: a browser sees their state, never their value.

use domain::secret::{EXPIRIES, SecretEdit};
use domain::{Draft, Field, secret_state::SecretState};
use leptos::prelude::*;

use super::FormState;

impl FormState {
    pub fn secret(self, field: Field) -> RwSignal<SecretState> {
        self.signals(field).secret
    }

    /// Keeps, replaces or clears a stored secret.
    pub fn edit_secret(self, field: Field, edit: SecretEdit) {
        self.update_draft(|draft| {
            if let Some(secret) = draft.secret_mut(field) {
                *secret = edit;
            }
        });
        self.clear_saved_notice();
    }

    /// Whether the saved expiry date of a secret was cleared because the secret changes.
    pub fn is_expiry_cleared(self, secret: Field, expiry: Field) -> bool {
        let changes = matches!(
            self.secret(secret).get(),
            SecretState::Replaced | SecretState::Cleared | SecretState::ClearedWithUsername
        );
        changes
            && self.text(expiry).with(String::is_empty)
            && self.saved.with(|saved| !saved.form.plain_text(expiry).is_empty())
    }

    /// The message naming the stored secrets that a change of the draft would require again, and why;
    /// empty for none. Tracks the given controls and the secrets.
    pub fn asks_again(self, follows: &[Field], change: impl FnOnce(&mut Draft)) -> String {
        let secrets = EXPIRIES.map(|(secret, _)| secret);
        let follows: Vec<_> = follows.iter().copied().chain(secrets).collect();
        self.with_draft(&follows, |before| {
            let mut after = before.clone();
            change(&mut after);
            let saved = self.saved.read_untracked();
            let asked = secrets.map(|secret| (secret, saved.moved_by(secret, before, &after)));
            let asked = asked.iter().filter(|(_, moved)| !moved.is_empty());
            asked
                .map(|(secret, moved)| labels::enter_again(*secret, moved))
                .collect::<Vec<_>>()
                .join(" ")
        })
    }
}
