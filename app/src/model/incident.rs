//! The state of the banner: the open incident, as loaded, and as the event stream reports it.

use std::time::Duration;

use contract::IncidentView;
use leptos::prelude::*;

use super::form::FormState;
use crate::api::{self, LoadedTab};
use crate::{deadline::pause, json::Later};

/// After this time without an event or a sign of life of the stream, the page asks for what it may have
/// missed. The stream has a sign of life every 15 seconds.
const SILENCE: Duration = Duration::from_mins(1);

/// The element id of the banner's heading.
pub const INCIDENT: &str = "incident";

/// The open incident.
#[derive(Clone, Copy, Default)]
pub struct IncidentState {
    /// The open incident, as it was last reported.
    pub now: RwSignal<Option<IncidentView>>,
    /// The credentials that expire soon, as they were last loaded.
    pub reminders: RwSignal<Vec<String>>,
    rest: StoredValue<Rest>,
}

#[derive(Default)]
struct Rest {
    /// What was loaded, until it is shown.
    loaded: Option<Later>,
    /// The ID of the incident that was open when the page was loaded.
    loaded_id: String,
    /// Whether the stream has shown a sign of life since the last look.
    is_alive: bool,
}

impl IncidentState {
    /// Keeps what was loaded, until a view shows it.
    pub fn keep(self, tab: &LoadedTab) {
        self.rest.update_value(|rest| rest.loaded = Some(tab.incident.clone()));
        self.reminders.set(tab.reminders.clone());
    }

    /// Shows the loaded incident, unless it is shown already.
    pub fn show_loaded(self) {
        let loaded = self.rest.try_update_value(|rest| rest.loaded.take()).flatten();
        if let Some(open) = loaded.and_then(|loaded| loaded.read::<Option<IncidentView>>()) {
            let id = open.as_ref().map(|open| open.id.clone()).unwrap_or_default();
            self.rest.update_value(|rest| rest.loaded_id = id);
            self.now.set(open);
        }
    }

    /// Whether an incident was open when the page was loaded, so that it is not announced.
    pub fn is_loaded(self, open: &IncidentView) -> bool {
        self.rest.with_value(|rest| rest.loaded_id == open.id)
    }

    /// Handles an event. One of another user of this browser may be for another role; then the page
    /// asks for its own.
    pub fn receive(self, form: FormState, news: Option<IncidentView>) {
        if news.as_ref().is_some_and(|open| open.for_administrators == form.is_read_only()) {
            form.host.spawn(self.ask(form));
        } else {
            self.update(news);
        }
    }

    fn update(self, news: Option<IncidentView>) {
        if self.now.try_with_untracked(|now| *now != news) == Some(true) {
            self.now.set(news);
        }
    }

    /// Notes a sign of life of the stream.
    pub fn mark_alive(self) {
        self.rest.try_update_value(|rest| rest.is_alive = true);
    }

    /// Asks for the open incident and the saved revision while the stream is silent and the page is
    /// visible.
    pub async fn watch(self, form: FormState) {
        loop {
            pause(SILENCE).await;
            let is_silent = self.rest.try_update_value(|rest| !std::mem::take(&mut rest.is_alive));
            match is_silent {
                Some(true) if !document().hidden() => self.ask(form).await,
                Some(_) => {}
                None => return,
            }
        }
    }

    /// Asks for the open incident and the reminders; does nothing if that fails.
    pub async fn ask(self, form: FormState) {
        if let Ok(tab) = api::in_time(api::load()).await {
            form.learn_revision(tab.saved.revision);
            let _ = self.reminders.try_set(tab.reminders.clone());
            if let Some(open) = tab.incident.read() {
                self.update(open);
            }
        }
    }
}
