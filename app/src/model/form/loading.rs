//! What the server sends with the page, and how far the page has loaded.

use chrono::{DateTime, Utc};
#[cfg(feature = "ssr")]
use contract::EmailTab;
use domain::{Field, field::Kind, syntax::date::date, time_format::TimeDisplay};
use leptos::prelude::*;

use super::FormState;
use crate::api::LoadedTab;

/// What the server says of the user and of itself, beside the settings.
#[derive(Clone)]
pub(super) struct TabContext {
    /// The user's time zone and format preferences.
    display: TimeDisplay,
    /// This server's OAuth callback address.
    callback: String,
    /// The user's ID.
    #[cfg(not(feature = "bundle"))]
    caller: String,
    may_edit: bool,
    /// All that the groups show of the loaded settings.
    #[cfg(feature = "ssr")]
    shown: Option<std::sync::Arc<str>>,
}

impl Default for TabContext {
    fn default() -> Self {
        Self {
            display: TimeDisplay::default(),
            callback: String::new(),
            #[cfg(not(feature = "bundle"))]
            caller: String::new(),
            may_edit: true,
            #[cfg(feature = "ssr")]
            shown: None,
        }
    }
}

/// The data of the tab without what the groups do not show: the user, how the user wants to read times,
/// the token, the incident, the test message and its recipient.
#[cfg(feature = "ssr")]
fn shown(tab: &LoadedTab) -> Option<std::sync::Arc<str>> {
    let EmailTab {
        saved,
        may_edit,
        callback,
        saved_by_caller: _,
        caller: _,
        recipient: _,
        last_run: _,
        display,
        token: _,
        incident: _,
        reminders: _,
    } = tab;
    // Only readers are shown dates as text.
    let pattern = (!may_edit).then_some(display.preference.pattern);
    serde_json::to_string(&(saved, may_edit, callback, pattern)).ok().map(Into::into)
}

/// Whether this form is on a page that is rendered on the server: here, or by the browser that
/// hydrates it.
pub(super) fn has_to_hydrate() -> bool {
    cfg!(feature = "ssr")
        || Owner::current_shared_context().is_some_and(|page| page.during_hydration())
}

impl FormState {
    /// Shows the loaded settings.
    pub fn adopt(self, tab: &LoadedTab) {
        self.set_context(tab);
        self.reset(tab.saved.clone());
    }

    /// All that the groups show of the loaded settings. What the server keeps of a view is for views with
    /// the same.
    #[cfg(feature = "ssr")]
    pub fn shown(self) -> Option<std::sync::Arc<str>> {
        self.context.with_untracked(|context| context.shown.clone())
    }

    pub(super) fn set_context(self, tab: &LoadedTab) {
        self.context.set(TabContext {
            display: tab.display.clone(),
            callback: tab.callback.clone(),
            #[cfg(not(feature = "bundle"))]
            caller: tab.caller.clone(),
            may_edit: tab.may_edit,
            #[cfg(feature = "ssr")]
            shown: shown(tab),
        });
    }

    /// Marks the form as hydrated, for developer tools and the benchmark too.
    pub fn mark_hydrated(self) {
        // A form that is built in the browser is ready from the start, and what follows it runs once.
        if self.is_hydrated.try_get_untracked() != Some(false) {
            return;
        }
        self.is_hydrated.set(true);
        if let Some(performance) = window().performance() {
            let _ = performance.mark("hydrated");
        }
    }

    pub fn is_hydrated(self) -> bool {
        self.is_hydrated.get()
    }

    /// Whether the page of the server is being hydrated.
    #[cfg(not(feature = "ssr"))]
    pub fn is_hydrating(self) -> bool {
        !self.is_hydrated.get_untracked()
    }

    /// Marks the chunk as loaded, once: its views are rendered by that.
    pub fn mark_chunk_loaded(self) {
        if self.is_chunk_loaded.try_get_untracked() == Some(false) {
            self.is_chunk_loaded.set(true);
        }
    }

    pub fn is_chunk_loaded(self) -> bool {
        self.is_chunk_loaded.get()
    }

    /// Whether the user only reads. It does not change once the settings are loaded.
    pub fn is_read_only(self) -> bool {
        !self.context.with_untracked(|context| context.may_edit)
    }

    #[cfg(not(feature = "bundle"))]
    pub(super) fn caller(self) -> String {
        self.context.with_untracked(|context| context.caller.clone())
    }

    /// This server's callback address, and whether the Redirect URI is set to it.
    pub fn callback(self) -> (String, bool) {
        let callback = self.context.with(|context| context.callback.clone());
        let is_it = self.text(Field::RedirectUri).with(|text| *text == callback);
        (callback, is_it)
    }

    /// A control's text for display, a date in the user's format.
    pub fn value(self, field: Field, text: &str) -> String {
        match date(text) {
            Ok(date) if field.kind() == Kind::Date => {
                self.context.with(|context| context.display.written_date(date))
            }
            _ => labels::value(field, text),
        }
    }

    /// Formats an instant by the user's preferences.
    pub fn written(self, instant: DateTime<Utc>) -> String {
        self.context.with(|context| context.display.written(instant))
    }
}
