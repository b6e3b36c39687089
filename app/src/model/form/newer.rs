//! Settings that were saved elsewhere while the form is open. A form without unsaved changes shows them
//! at once; one with changes says that they exist, and its next save merges both.

use std::time::Duration;

use domain::{Saved, merge::OtherEditor};
use leptos::prelude::*;

use super::{FormState, Notice};
use crate::{api, deadline::pause};

/// How often it is checked whether a save in progress has ended.
const TICK: Duration = Duration::from_millis(250);

/// How long the notice of an update stays.
const SHOWN: Duration = Duration::from_secs(20);

/// Settings that are newer than those that the form is based on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Newer {
    pub saved: Saved,
    other: OtherEditor,
}

impl FormState {
    /// Loads the settings if the revision is newer than the form's. Does nothing if that fails: the
    /// next save is a conflict then.
    pub fn learn_revision(self, revision: i64) {
        if self.is_newer(revision) {
            self.host.spawn(async move {
                // The event of this form's own save may come before the answer.
                while self.is_saving.try_get_untracked() == Some(true) {
                    pause(TICK).await;
                }
                if self.is_newer(revision)
                    && let Ok(tab) = api::in_time(api::load()).await
                    && self.is_newer(tab.saved.revision)
                {
                    let (other, saved) = (OtherEditor::of(tab.saved_by_caller), tab.saved.clone());
                    self.set_context(&tab);
                    self.newer.set(Some(Newer { saved, other }));
                }
            });
        }
    }

    fn is_newer(self, revision: i64) -> bool {
        self.saved.try_with_untracked(|saved| saved.revision < revision) == Some(true)
    }

    /// Shows newer settings while there are no unsaved changes; otherwise announces them. For an effect.
    pub fn follow_newer(self) {
        if self.is_dirty.get() {
            if let Some(text) = self.heads_up() {
                self.announce(text);
            }
        } else if let Some(Newer { saved, other }) = self.newer.get() {
            let at = saved.at.map(|at| self.written(at));
            let text = labels::updated(other, saved.by.as_deref(), at.as_deref());
            let updated = Some(Notice::Updated(text));
            self.reset(saved);
            self.notice.set(updated.clone());
            let clear = move || {
                if self.notice.try_with_untracked(|notice| *notice == updated) == Some(true) {
                    self.notice.set(None);
                }
            };
            set_timeout(clear, SHOWN);
        }
    }

    /// Who has saved newer settings, and when; `None` if there are none.
    pub fn heads_up(self) -> Option<String> {
        let Newer { saved, other } = self.newer.get()?;
        let at = saved.at.map(|at| self.written(at));
        Some(labels::heads_up(other, saved.by.as_deref(), at.as_deref()))
    }
}
