//! What the server sends with the page, and how far the page has loaded.

use chrono::{DateTime, Utc};
use contract::EmailTab;
use domain::{Field, time_format::TimeDisplay};
use leptos::prelude::*;

use super::FormState;

/// What the server says of the user and of itself, beside the settings.
#[derive(Clone)]
pub(super) struct TabContext {
    /// The user's time zone and format preferences.
    display: TimeDisplay,
    /// This server's OAuth callback address.
    callback: String,
    may_edit: bool,
}

impl Default for TabContext {
    fn default() -> Self {
        Self { display: TimeDisplay::default(), callback: String::new(), may_edit: true }
    }
}

impl FormState {
    /// Shows the loaded settings.
    pub fn adopt(self, tab: &EmailTab) {
        self.set_context(tab);
        self.reset(tab.saved.clone());
    }

    pub(super) fn set_context(self, tab: &EmailTab) {
        self.context.set(TabContext {
            display: tab.display.clone(),
            callback: tab.callback.clone(),
            may_edit: tab.may_edit,
        });
    }

    pub fn mark_hydrated(self) {
        self.is_hydrated.set(true);
    }

    pub fn is_hydrated(self) -> bool {
        self.is_hydrated.get()
    }

    pub fn mark_chunk_loaded(self) {
        self.is_chunk_loaded.try_set(true);
    }

    pub fn is_chunk_loaded(self) -> bool {
        self.is_chunk_loaded.get()
    }

    /// Whether the user only reads. It does not change once the settings are loaded.
    pub fn is_read_only(self) -> bool {
        !self.context.with_untracked(|context| context.may_edit)
    }

    /// This server's callback address, and whether the Redirect URI is set to it.
    pub fn callback(self) -> (String, bool) {
        let callback = self.context.with(|context| context.callback.clone());
        let is_it = self.text(Field::RedirectUri).with(|text| *text == callback);
        (callback, is_it)
    }

    /// Formats an instant by the user's preferences.
    pub fn written(self, instant: DateTime<Utc>) -> String {
        self.context.with(|context| context.display.written(instant))
    }
}
