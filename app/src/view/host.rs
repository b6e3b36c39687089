//! What a view shows because of the host that it is in.

use contract::ApiCode;
use leptos::prelude::*;

use super::reactive::live_option;
use crate::host::TabHost;

/// The message for a failed call, with a link to the sign-in page if the session has ended and the
/// page names one. A page that names none signs its users in itself. Not for server rendering.
pub fn error_message(host: TabHost, code: ApiCode) -> AnyView {
    let sign_in = host.sign_in();
    let code = match code.general() {
        ApiCode::SignedOut if sign_in.is_none() => ApiCode::HostTokenExpired,
        _ => code,
    };
    let words = labels::api_error(code);
    let link = labels::SIGN_IN_IN_A_NEW_TAB;
    let parts = words.split_once(link).and_then(|parts| Some((parts, sign_in?)));
    match parts {
        Some(((before, after), href)) => view! {
            {before.to_owned()}
            <a href=href target="_blank" rel="noopener">{link}</a>
            {after.to_owned()}
        }
        .into_any(),
        None => words.into_any(),
    }
}

/// The link to the provider's page, while the browser blocks the pop-up.
pub fn popup_fallback(host: TabHost) -> impl IntoView {
    live_option(move || {
        host.blocked_pop_up().map(|address| {
            view! {
                <p>
                    <a href=address target="_blank" rel="noreferrer">
                        {labels::tab::OPEN_PROVIDERS_PAGE}
                    </a>
                </p>
            }
        })
    })
}

/// The button that repeats a failed load, for hosts where a reload does not.
pub fn retry_button(host: TabHost, again: impl Fn() + Send + 'static) -> impl IntoView {
    host.retries_by_button().then(|| {
        view! {
            <div class="actions">
                <button type="button" part="button" on:click=move |_| again()>{labels::tab::TRY_AGAIN}</button>
            </div>
        }
    })
}
