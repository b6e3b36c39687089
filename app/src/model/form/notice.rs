//! The notice above the form, and the focus, which moves to what has changed.

use std::time::Duration;

use contract::ApiCode;
use leptos::prelude::*;

use super::{FormState, MergeConflict};

/// The notice above the form.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Everything is saved.
    Saved,
    /// The unsaved changes were discarded.
    Discarded,
    /// The form shows what was saved elsewhere; the text says by whom.
    Updated(String),
    /// Validation failed; nothing was done.
    Problems(BlockedAction),
    /// Another save came first. The form holds both edits merged; nothing was saved.
    Conflict(MergeConflict),
    /// The save failed for a reason other than validation.
    NotSaved(ApiCode),
}

/// The action that validation blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockedAction {
    Save,
    Test,
}

/// The element id of the notice above the form.
pub const NOTICE: &str = "form-notice";

/// The element id of the notice that stands in the place of the save bar.
pub const SAVED: &str = "saved";

/// Scrolls an element into view, no further than needed.
pub fn scroll_to(element: &web_sys::Element) {
    let nearest = web_sys::ScrollIntoViewOptions::new();
    nearest.set_block(web_sys::ScrollLogicalPosition::Nearest);
    element.scroll_into_view_with_scroll_into_view_options(&nearest);
}

impl FormState {
    pub fn notice(self) -> Option<Notice> {
        self.notice.get()
    }

    /// Sets the notice and moves focus to it.
    pub(super) fn set_notice(self, notice: Notice) {
        if let Notice::NotSaved(error) = &notice {
            self.host.tell_error(*error);
        }
        self.notice.set(Some(notice));
        self.focus_soon(NOTICE);
    }

    /// Removes the notice.
    pub fn dismiss(self) {
        self.notice.set(None);
    }

    /// Removes the notice in the place of the save bar when the user does something else.
    pub fn clear_saved_notice(self) {
        let is_there = |notice: &Option<Notice>| {
            matches!(notice, Some(Notice::Saved | Notice::Discarded | Notice::Updated(_)))
        };
        if self.notice.try_with_untracked(is_there) == Some(true) {
            self.notice.set(None);
        }
    }

    /// Announces a change that happens away from the focus (WCAG 4.1.3).
    pub fn announce(self, text: impl Into<String>) {
        self.announced.set(text.into());
    }

    /// The last announcement.
    pub fn announced(self) -> RwSignal<String> {
        self.announced
    }

    /// Moves focus to an element that may not be rendered yet.
    pub fn focus_soon(self, id: &'static str) {
        set_timeout(move || self.focus(id), Duration::ZERO);
    }

    /// Moves focus to an element, and shows the whole of its control: the error too.
    pub fn focus(self, id: &str) {
        use leptos::wasm_bindgen::JsCast;
        let element = self.host.element(id);
        if let Some(element) =
            element.and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok())
        {
            // Fails only for a detached element, which needs no handling.
            drop(element.focus());
            if let Ok(Some(field)) = element.closest(".field") {
                scroll_to(&field);
            }
        }
    }
}
