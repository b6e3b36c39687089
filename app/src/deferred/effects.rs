//! What follows from the form's state outside the form: announcements for screen readers (WCAG 4.1.3),
//! Ctrl+S on the whole page, and the mark in the page's title.

use domain::{Field, OauthFlow, draft::bool_text};
use domain::{secret::EXPIRIES, secret_state::SecretState};
use leptos::prelude::*;

use crate::model::form::FormState;

/// The mark of a title while there are unsaved changes.
const UNSAVED: &str = "• ";

/// Starts the effects, until the form is disposed.
pub fn start(state: FormState) {
    Effect::new(move |was_dirty: Option<bool>| {
        let is_dirty = state.is_dirty.get();
        // An edit may come before the chunk.
        if is_dirty && was_dirty != Some(true) {
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
    announce_consequences(state);
    if state.host.is_whole_page() {
        #[cfg(not(feature = "bundle"))]
        in_a_route(state);
        let keys = window_event_listener(leptos::ev::keydown, move |event| {
            state.save_by_key(&event);
        });
        on_cleanup(move || keys.remove());
    }
}

/// What a Leptos host needs, which leaves the form without leaving the page. A page of our own does not.
#[cfg(not(feature = "bundle"))]
fn in_a_route(state: FormState) {
    state.keep_changes();
    on_cleanup(|| mark_title(false));
}

/// Announces what an edit does to another control: the Password that goes with its Username, the date
/// that goes with its secret, and the sign-in that is no longer encrypted.
fn announce_consequences(state: FormState) {
    Effect::new(move |was: Option<bool>| {
        let is_removed = state.secret(Field::Password).get() == SecretState::ClearedWithUsername;
        if is_removed && was == Some(false) {
            state.announce(labels::secret(Field::Password, &SecretState::ClearedWithUsername, ""));
        }
        is_removed
    });
    for (secret, expiry) in EXPIRIES {
        Effect::new(move |was: Option<bool>| {
            let is_cleared = state.is_expiry_cleared(secret, expiry);
            let is_said = state.secret(secret).get() == SecretState::ClearedWithUsername;
            if is_cleared && !is_said && was == Some(false) {
                state.announce(labels::tab::EXPIRY_CLEARED);
            }
            is_cleared
        });
    }
    Effect::new(move |was: Option<bool>| {
        let has_tls = state.text(Field::BasicUseTls).with(|text| text == bool_text(true));
        let has_user = !state.text(Field::Username).with(String::is_empty);
        let is_readable = !has_tls && has_user;
        if is_readable && was == Some(false) {
            state.announce(labels::CLEAR_SIGN_IN);
        }
        is_readable
    });
}

fn mark_title(is_dirty: bool) {
    let title = document().title();
    let bare = title.trim_start_matches(UNSAVED);
    document().set_title(&if is_dirty { format!("{UNSAVED}{bare}") } else { bare.to_owned() });
}
