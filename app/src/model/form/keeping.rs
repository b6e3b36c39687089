//! Unsaved changes outlive the form. A Leptos host disposes of it without a load, by a link, the back
//! button or its own code; the form that comes next on the same page shows the changes again.

use std::cell::RefCell;

use domain::{Draft, Problems, Saved};
use leptos::{ev, prelude::*};

use super::{FormState, Notice, merging::ConflictingFields};

thread_local! {
    /// What the last form left behind. Only a browser has a form with changes; the memory of its page
    /// ends with the page.
    static KEPT: RefCell<Option<KeptForm>> = const { RefCell::new(None) };
}

/// The unsaved changes of a form that is gone.
struct KeptForm {
    /// The user who made them. They are shown to no other user.
    caller: String,
    saved: Saved,
    draft: Draft,
    conflicting: ConflictingFields,
    problems: Option<Problems>,
    notice: Option<Notice>,
    /// Asks before the page is unloaded, in place of the form.
    guard: WindowListenerHandle,
}

impl FormState {
    /// Shows what the last form left behind, and keeps the changes of this one when it is disposed.
    pub fn keep_changes(self) {
        if let Some(kept) = KEPT.take() {
            self.take_over(kept);
        }
        on_cleanup(move || {
            if let Some(other) = KEPT.replace(self.left_behind()) {
                other.guard.remove();
            }
        });
    }

    fn take_over(self, kept: KeptForm) {
        kept.guard.remove();
        if self.is_read_only() || self.caller() != kept.caller {
            return;
        }
        let revision = self.saved.with_untracked(|saved| saved.revision);
        self.saved.set(kept.saved);
        self.conflicting.set(kept.conflicting);
        self.problems.set(kept.problems);
        self.notice.set(kept.notice);
        self.update_draft(|draft| *draft = kept.draft);
        self.learn_revision(revision);
    }

    fn left_behind(self) -> Option<KeptForm> {
        self.is_dirty.get_untracked().then(|| KeptForm {
            caller: self.caller(),
            saved: self.saved.get_untracked(),
            draft: self.draft.get_untracked(),
            conflicting: self.conflicting.get_untracked(),
            problems: self.problems.get_untracked(),
            notice: self.notice.get_untracked(),
            guard: window_event_listener(ev::beforeunload, |event| event.prevent_default()),
        })
    }
}
