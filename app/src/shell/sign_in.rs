//! `/sign-in`: a plain form that the server answers itself, so that it needs no script at all.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::api::DoorRefusal;
use crate::labels;
use crate::service::{SetUp, SharedFrame};

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
    let frame = use_context::<SharedFrame>();
    let hint = move || {
        let frame = frame.clone();
        Suspend::new(async move {
            let Some(frame) = frame else { return ().into_any() };
            match frame.set_up("").await {
                Ok(SetUp::LinkOver | SetUp::Open) => view! {
                    <section class="notice" role="status">
                        <p>
                            "Nobody can sign in yet. Open the link that the server printed when it started; starting it again prints a new one."
                        </p>
                    </section>
                }
                .into_any(),
                Ok(SetUp::Done) | Err(_) => ().into_any(),
            }
        })
    };
    view! {
        <Title text="Sign in"/>
        <main class="door">
            <h1>"Sign in"</h1>
            <p class="lead">"PPM Administrator"</p>
            <Suspense>{hint}</Suspense>
            {refusal}
            <form method="post" action=super::paths::SIGN_IN>
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
