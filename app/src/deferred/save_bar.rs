//! The Save and Cancel bar, shown while there are unsaved changes.

use std::time::Duration;

use domain::OauthFlow;
use leptos::prelude::*;

use super::{notice::HeadsUp, token_question::TokenQuestion};
use crate::model::form::{FormState, Notice, SAVED};
use crate::model::incident::{INCIDENT, IncidentState};
use crate::model::test_run::{SEND_TEST, TEST_TYPED};
use crate::model::token::{GET_TOKEN, TokenState};
use crate::view::reactive::{live, live_attribute, live_option, live_text};

/// How long the confirmation stays once the focus has left it.
const SHOWN_AFTER_FOCUS: Duration = Duration::from_secs(6);

/// Shows the changed controls with Cancel and Save while there are unsaved changes, and a confirmation in
/// their place afterwards. The question about a token that a save would delete appears here, too.
#[component]
pub fn SaveBar(state: FormState, token: TokenState, incident: IncidentState) -> impl IntoView {
    let is_dirty = state.is_dirty;
    let bar = live_option(move || {
        is_dirty.get().then(|| {
            view! {
                <div part="save-bar" class="save-bar" role="region" aria-label=labels::tab::UNSAVED_CHANGES>
                    <p class="changes">
                        <strong>{live_text(move || labels::tab::changes(state.changes().len()))}</strong>
                        {labels::tab::NOT_SAVED}
                        {live_text(move || labels::fields(&state.changes()))}
                    </p>
                    <HeadsUp state/>
                    <button type="button" class="quiet" part="button" on:click=move |_| state.focus(TEST_TYPED)>
                        {labels::tab::TEST_FIRST}
                    </button>
                    <button
                        type="button"
                        part="button"
                        disabled=live(move || state.is_saving())
                        on:click=move |_| state.cancel()
                    >
                        {labels::tab::CANCEL}
                    </button>
                    <button
                        type="submit"
                        class="primary"
                        part="button primary"
                        aria-disabled=live_attribute(move || state.is_saving().then_some("true"))
                    >
                        {live_text(move || if state.is_saving() { labels::tab::SAVING } else { labels::tab::SAVE })}
                    </button>
                </div>
            }
        })
    });
    let done = live_option(move || {
        let is_down = incident.now.with(Option::is_some);
        let (class, text) = match state.notice()? {
            Notice::Saved if is_down => ("save-bar", labels::tab::SAVED.to_owned()),
            Notice::Saved => ("save-bar good", labels::tab::SAVED.to_owned()),
            Notice::Discarded => ("save-bar", labels::tab::DISCARDED.to_owned()),
            Notice::Updated(text) => ("save-bar", text),
            Notice::Problems(_) | Notice::Conflict(_) | Notice::NotSaved(_) => return None,
        };
        let stopped = (text == labels::tab::SAVED && is_down)
            .then_some(view! { " " {labels::incident::STOPPED} });
        let next = (state.notice() == Some(Notice::Saved))
            .then(|| if is_down { show_incident(state) } else { next_step(state, token) });
        (!is_dirty.get()).then(|| {
            view! {
                <div
                    part="save-bar"
                    class=class
                    id=SAVED
                    tabindex="-1"
                    on:focusout=move |event| {
                        let left = event_target::<web_sys::Node>(&event);
                        // A later notice has another element, and its own time.
                        let clear = move || {
                            if left.is_connected() {
                                state.clear_saved_notice();
                            }
                        };
                        set_timeout(clear, SHOWN_AFTER_FOCUS);
                    }
                >
                    <p class="changes"><strong>{text}</strong>{stopped}</p>
                    {next}
                </div>
            }
        })
    });
    view! {
        {bar}
        <div class="saved" role="status">{done}</div>
        <TokenQuestion state/>
    }
}

/// A button that moves the focus to the next step after a save. A save that deletes the token changes the
/// step a moment later.
fn next_step(state: FormState, token: TokenState) -> AnyView {
    let needs_token = live(move || {
        state.with_saved(|saved| saved.form.flow != OauthFlow::None) && !token.is_usable()
    });
    let go = move |_| state.focus(if needs_token.get_untracked() { GET_TOKEN } else { SEND_TEST });
    view! {
        <button type="button" class="quiet" part="button" on:click=go>
            {live_text(move || {
                if needs_token.get() { labels::tab::NEXT_GET_TOKEN } else { labels::tab::NEXT_SEND_TEST }
            })}
        </button>
    }
    .into_any()
}

/// A button that moves the focus to the banner, which may be above the window.
fn show_incident(state: FormState) -> AnyView {
    view! {
        <button type="button" class="quiet" part="button" on:click=move |_| state.focus(INCIDENT)>
            {labels::incident::SHOW_WHY}
        </button>
    }
    .into_any()
}
