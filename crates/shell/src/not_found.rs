//! The 404 page.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{brand::Brand, parts::heading};

/// The page for every unknown path.
#[component]
pub fn NotFound() -> impl IntoView {
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(axum::http::StatusCode::NOT_FOUND);
    }
    view! {
        <Title text=labels::not_found::TITLE/>
        <main class="door">
            <Brand/>
            {heading(labels::not_found::TITLE, labels::not_found::LEAD)}
            <a class="button" href=super::paths::EMAIL>{labels::not_found::GO_TO_EMAIL}</a>
        </main>
    }
}
