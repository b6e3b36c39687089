//! What somebody sees who is known and may not be here: why, and the ways on from there.

use axum::http::StatusCode;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;

use super::paths;
use crate::labels;
use crate::service::TurnedAway;

/// The page in place of any other.
#[component]
pub fn NoEntry(turned_away: TurnedAway) -> impl IntoView {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::FORBIDDEN);
    }
    let sign_out = turned_away.has_session.then(|| {
        view! {
            <form method="post" action=paths::SIGN_OUT>
                <button type="submit">"Sign out here"</button>
            </form>
        }
    });
    view! {
        <Title text="No access"/>
        <main class="door">
            <h1>"PPM Administrator"</h1>
            <p class="lead">{labels::turned_away(turned_away)}</p>
            <p class="hint">{labels::ANOTHER_ACCOUNT}</p>
            <div class="actions">
                <a class="button" href=paths::SIGN_IN>"Use another account"</a>
                {sign_out}
            </div>
        </main>
    }
}
