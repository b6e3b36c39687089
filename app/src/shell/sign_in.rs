//! `/sign-in`: a plain form that the server answers itself, so that it needs no script at all.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::api::DoorRefusal;
use crate::labels;

/// The sign-in page.
#[component]
pub fn SignInPage() -> impl IntoView {
    let code = use_query_map().with_untracked(|query| query.get("refused"));
    let refusal = code.as_deref().and_then(DoorRefusal::from_code).map(|refusal| {
        view! {
            <section class="notice bad" role="alert">
                <p>{labels::door_refusal(refusal)}</p>
            </section>
        }
    });
    view! {
        <Title text="Sign in"/>
        <main class="door">
            <h1>"Sign in"</h1>
            <p class="lead">"PPM Administrator"</p>
            {refusal}
            <form method="post" action="/sign-in">
                <div class="field">
                    <label for="email">"Email"</label>
                    <input id="email" name="email" type="email" autocomplete="username" required autofocus/>
                </div>
                <div class="field">
                    <label for="password">"Password"</label>
                    <input
                        id="password"
                        name="password"
                        type="password"
                        autocomplete="current-password"
                        required
                    />
                </div>
                <button type="submit" class="primary">"Sign in"</button>
            </form>
        </main>
    }
}
