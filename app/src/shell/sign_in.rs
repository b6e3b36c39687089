//! `/sign-in`. A plain form: it works before the page has come to life, too.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::api::SignIn;
use crate::labels;

/// The sign-in page.
#[component]
pub fn SignInPage() -> impl IntoView {
    let sign_in = ServerAction::<SignIn>::new();
    let error = move || match sign_in.value().get() {
        Some(Err(error)) => Some(view! {
            <section class="notice bad" role="alert"><p>{labels::api_error(error)}</p></section>
        }),
        Some(Ok(())) | None => None,
    };
    view! {
        <Title text="Sign in"/>
        <main class="door">
            <h1>"Sign in"</h1>
            <p class="lead">"PPM Administrator"</p>
            {error}
            <ActionForm action=sign_in>
                <div class="field">
                    <label for="email">"Email"</label>
                    <input id="email" name="email" type="email" autocomplete="username" required autofocus/>
                </div>
                <div class="field">
                    <label for="password">"Password"</label>
                    <input id="password" name="password" type="password" autocomplete="current-password" required/>
                </div>
                <button type="submit" class="primary">"Sign in"</button>
            </ActionForm>
        </main>
    }
}
