//! What follows from the form's state outside the form: announcements for screen readers (WCAG 4.1.3),
//! Ctrl+S on the whole page, and the mark in the page's title.

use domain::{Field, OauthFlow};
use leptos::prelude::*;

use crate::model::form::FormState;

/// The mark of a title while there are unsaved changes.
const UNSAVED: &str = "• ";

/// Starts the effects, until the form is disposed.
pub fn start(state: FormState) {
    Effect::new(move |was_dirty: Option<bool>| {
        let is_dirty = state.is_dirty.get();
        if is_dirty && was_dirty == Some(false) {
            state.announce(labels::tab::SAVE_IS_AVAILABLE);
        }
        if state.host.is_whole_page() {
            mark_title(is_dirty);
        }
        is_dirty
    });
    Effect::new(move |before: Option<OauthFlow>| {
        let flow = state.with_draft(&[Field::Flow], |draft| draft.flow);
        if before.is_some_and(|before| before != flow) {
            state.announce(labels::tab::required_groups(flow));
        }
        flow
    });
    Effect::new(move |_| state.follow_newer());
    if state.host.is_whole_page() {
        let keys = window_event_listener(leptos::ev::keydown, move |event| {
            state.save_by_key(&event);
        });
        on_cleanup(move || keys.remove());
    }
}

fn mark_title(is_dirty: bool) {
    let title = document().title();
    let bare = title.trim_start_matches(UNSAVED);
    document().set_title(&if is_dirty { format!("{UNSAVED}{bare}") } else { bare.to_owned() });
}
