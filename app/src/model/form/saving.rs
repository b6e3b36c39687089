//! A save: one request with one answer, guarded by the revision that the draft is based on.

use contract::{ApiCode, Save, SaveAnswer};
use domain::{Draft, Saved};
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::{BlockedAction, FormState, Notice, SAVED, choice_id};
use crate::api;

impl FormState {
    /// Saves unsaved changes, by code in the deferred chunk.
    pub fn save(self) {
        if !self.is_dirty.get_untracked() {
            return;
        }
        self.host.spawn(async move {
            if (self.commands.save)(self).await.is_err() {
                self.set_notice(Notice::NotSaved(ApiCode::Unreachable));
            }
        });
    }

    /// Saves by Ctrl+S, or Cmd+S.
    pub fn save_by_key(self, event: &KeyboardEvent) {
        let is_save = (event.ctrl_key() || event.meta_key()) && event.key() == "s";
        if is_save && !event.default_prevented() {
            event.prevent_default();
            self.save();
        }
    }

    /// Validates the form by the rules that the server applies, then saves it. Moves focus to an
    /// unresolved conflict first. Does nothing if the form differs only by surrounding blanks.
    pub fn check_and_save(self) {
        self.trim_all();
        if !self.is_dirty.get_untracked() {
            return;
        }
        let (draft, revision) =
            (self.draft.get_untracked(), self.saved.with_untracked(|saved| saved.revision));
        if let Some(field) = self.first_conflicting() {
            self.focus(&choice_id(field));
        } else if let problems = self.all_problems()
            && !problems.is_empty()
        {
            self.show_problems(BlockedAction::Save, problems);
        } else if let Some(field) = draft.oversized() {
            self.set_notice(Notice::NotSaved(ApiCode::Oversized(field)));
        } else {
            self.send(Save { draft, revision, deletes_grant: None });
        }
    }

    /// The draft to test; `None` if it is invalid, which shows its problems.
    pub fn typed(self) -> Option<Draft> {
        self.trim_all();
        let problems = self.all_problems();
        if problems.is_empty() {
            return Some(self.draft.get_untracked());
        }
        self.show_problems(BlockedAction::Test, problems);
        None
    }

    fn send(self, save: Save) {
        if self.is_saving.get_untracked() {
            return;
        }
        self.is_saving.set(true);
        let sent = save.draft.clone();
        self.host.spawn(async move {
            let answer = api::in_time(api::save(save)).await;
            self.is_saving.set(false);
            match answer {
                Ok(SaveAnswer::Saved(saved)) => self.apply_saved(&sent, saved),
                Ok(SaveAnswer::Problems(problems)) => {
                    self.show_problems(BlockedAction::Save, problems);
                }
                Ok(SaveAnswer::Conflict(theirs)) => self.merge(theirs),
                Ok(SaveAnswer::TokenWouldBeDeleted(grant)) => {
                    self.asks_about_grant.set(Some(grant));
                }
                Err(error) => self.set_notice(Notice::NotSaved(error)),
            }
        });
    }

    /// Adopts the saved settings, keeping edits made while the save was in progress.
    fn apply_saved(self, sent: &Draft, saved: Saved) {
        let mut next = saved.draft();
        self.draft.with_untracked(|draft| {
            for field in draft.differences(sent) {
                match (next.secret_mut(field), draft.secret(field)) {
                    (Some(next), Some(typed)) => *next = typed.clone(),
                    _ => next.edit(field, draft.text(field)),
                }
            }
        });
        self.host.tell_saved(saved.revision);
        self.reset(saved);
        self.update_draft(|draft| *draft = next);
        self.notice.set(Some(Notice::Saved));
        self.focus_soon(SAVED);
    }

    pub fn is_saving(self) -> bool {
        self.is_saving.get()
    }

    pub fn asks_about_grant(self) -> Option<String> {
        self.asks_about_grant.get()
    }

    /// Saves, with consent to the deletion of this grant's token.
    pub fn save_deleting(self, grant: String) {
        self.asks_about_grant.set(None);
        self.send(Save {
            draft: self.draft.get_untracked(),
            revision: self.saved.with_untracked(|saved| saved.revision),
            deletes_grant: Some(grant),
        });
    }

    /// Closes the confirmation without saving.
    pub fn keep_token(self) {
        self.asks_about_grant.set(None);
    }

    /// The author and the time of the last save.
    pub fn last_save(self) -> (Option<String>, Option<String>) {
        self.saved.with(|saved| (saved.by.clone(), saved.at.map(|at| self.written(at))))
    }

    pub fn revision(self) -> Memo<i64> {
        Memo::new(move |_| self.saved.with(|saved| saved.revision))
    }

    pub fn with_saved<T>(self, read: impl FnOnce(&Saved) -> T) -> T {
        self.saved.with(read)
    }

    pub fn with_saved_untracked<T>(self, read: impl FnOnce(&Saved) -> T) -> T {
        self.saved.with_untracked(read)
    }
}
