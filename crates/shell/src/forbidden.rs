//! The 403 page for users whose identity is rejected or has no role: the reason, and the options.

use axum::http::StatusCode;
use contract::{AccessDenied, paths};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;

use crate::{brand::Brand, parts::heading};

/// The page shown instead of the requested one.
#[component]
pub fn Forbidden(denied: AccessDenied) -> impl IntoView {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::FORBIDDEN);
    }
    let sign_out = denied.has_session.then(|| {
        view! {
            <form method="post" action=paths::SIGN_OUT>
                <button type="submit">{labels::forbidden::SIGN_OUT_HERE}</button>
            </form>
        }
    });
    view! {
        <Title text=labels::forbidden::TITLE/>
        <main class="door">
            <Brand/>
            {heading(labels::forbidden::TITLE, labels::access_denied(denied))}
            <p class="hint">{labels::ANOTHER_ACCOUNT}</p>
            <div class="actions">
                <a class="button" href=paths::SIGN_IN>{labels::forbidden::USE_ANOTHER_ACCOUNT}</a>
                {sign_out}
            </div>
        </main>
    }
}
