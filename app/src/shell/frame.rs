//! The frame around a page: who is signed in, where one can go, and out.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::{A, Redirect};

use crate::tab::page::EmailSettingsPage;
use crate::{api, wire};

/// `/settings/email`.
#[component]
pub fn EmailPage() -> impl IntoView {
    view! {
        <Title text="Email"/>
        <Frame>
            <h1>"Email"</h1>
            <p class="lead">"How PPM Administrator and the other PPM products send mail."</p>
            <EmailSettingsPage/>
        </Frame>
    }
}

/// Head line, navigation and page; whoever is not signed in is led to the sign-in page.
#[component]
fn Frame(children: Children) -> impl IntoView {
    let me = Resource::<_, wire::Json>::new_with_options(|| (), |()| api::me(), true);
    let who = move || {
        Suspend::new(async move {
            match me.await {
                Ok(me) => view! { <span class="who">{me.name} " · " {me.email}</span> }.into_any(),
                Err(_) => view! { <Redirect path="/sign-in"/> }.into_any(),
            }
        })
    };
    view! {
        <a class="skip" href="#main">"Skip to the settings"</a>
        <div class="frame">
            <header class="top">
                <strong>"PPM Administrator"</strong>
                <Suspense>{who}</Suspense>
                <form method="post" action="/sign-out">
                    <button type="submit" class="quiet">"Sign out"</button>
                </form>
            </header>
            <nav class="side" aria-label="Main">
                <A href="/settings/email">"Email"</A>
            </nav>
            <main class="main" id="main" tabindex="-1">{children()}</main>
        </div>
    }
}
