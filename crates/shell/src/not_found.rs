//! The 404 page.

use leptos::prelude::*;
use leptos_meta::Title;

/// The page for every unknown path.
#[component]
pub fn NotFound() -> impl IntoView {
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(axum::http::StatusCode::NOT_FOUND);
    }
    view! {
        <Title text="Page not found"/>
        <main class="door">
            <h1>"Page not found"</h1>
            <p class="lead">"The address may be mistyped, or the page may have moved."</p>
            <a class="button" href=super::paths::EMAIL>"Go to the Email settings"</a>
        </main>
    }
}
