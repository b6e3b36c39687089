//! The running attempt to obtain a token: what it waits for, and the buttons for a pop-up that was
//! closed.

use domain::OauthFlow;
use leptos::prelude::*;

use super::paste::Paste;
use crate::model::{form::FormState, token::TokenState};
use crate::view::host::popup_fallback;
use crate::view::reactive::live;

/// The notice of the running attempt.
#[component]
pub fn PendingAttempt(form: FormState, token: TokenState, needs_pasting: bool) -> impl IntoView {
    let flow = form.with_saved_untracked(|saved| saved.form.flow);
    let needs_consent = flow != OauthFlow::ClientCredentials;
    let words = match (needs_pasting, needs_consent) {
        (true, _) => labels::WAITING_TO_PASTE,
        (false, true) => labels::WAITING,
        (false, false) => labels::ASKING,
    };
    let paste = needs_pasting.then(|| view! { <Paste form token/> });
    let buttons = (needs_consent && !form.is_read_only()).then(|| {
        let open = Box::new(move || token.get_token(flow));
        let stop = Box::new(move || token.stop(form));
        view! {
            <div class="actions">
                {button(labels::OPEN_PAGE_AGAIN, form.is_dirty.into(), open)}
                {button(labels::STOP_WAITING, live(|| false), stop)}
            </div>
        }
    });
    view! {
        <div class="notice neutral" part="notice">
            <p>{words}</p>
            {popup_fallback(form.host)}
            {paste}
            {buttons}
        </div>
    }
}

fn button(label: &'static str, disabled: Signal<bool>, press: Box<dyn Fn() + Send>) -> AnyView {
    view! {
        <button type="button" part="button" disabled=disabled on:click=move |_| press()>
            {label}
        </button>
    }
    .into_any()
}
