//! An example of a Leptos application that has the email settings as one of its routes: a shell with
//! its own bundle. The server renders each page; in the browser the router changes between them
//! without a load. `main` has the server.

use app::{EmailSettingsPage, TAB};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{A, FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

/// The shell and its routes.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| format!("{title} · PPM Administrator")/>
        <Router>
            <div class="frame">
                <header class="top">
                    <strong>"PPM Administrator"</strong>
                    <span class="who">"Example of a host"</span>
                    <form method="post" action="/sign-out">
                        <button type="submit" class="quiet">"Sign out"</button>
                    </form>
                </header>
                <nav class="side" aria-label="Main">
                    <A href="/" exact=true>"Start"</A>
                    <A href="/settings/email">"Email"</A>
                    <A href="/settings/projects">"Projects"</A>
                </nav>
                <main class="main">
                    <FlatRoutes fallback=NotFoundPage>
                        <Route path=path!("/") view=StartPage/>
                        // Async: the tab's data is loaded before the page is sent.
                        <Route path=path!("/settings/email") view=EmailPage ssr=SsrMode::Async/>
                        <Route path=path!("/settings/projects") view=ProjectsPage/>
                        <Route path=path!("/sign-in") view=SignInPage/>
                    </FlatRoutes>
                </main>
            </div>
        </Router>
    }
}

/// The email settings: the tab, with the path of the sign-in page for a session that has ended.
#[component]
fn EmailPage() -> impl IntoView {
    view! {
        <Title text="Email"/>
        <h1>"Email"</h1>
        <p class="lead">"How PPM products send mail."</p>
        <div id=TAB data-sign-in="/sign-in"><EmailSettingsPage/></div>
    }
}

#[component]
fn StartPage() -> impl IntoView {
    view! {
        <Title text="Start"/>
        <h1>"Start"</h1>
        <p class="lead">"What there is to administer."</p>
    }
}

#[component]
fn ProjectsPage() -> impl IntoView {
    view! {
        <Title text="Projects"/>
        <h1>"Projects"</h1>
        <p class="lead">"Settings of the projects."</p>
    }
}

#[component]
fn SignInPage() -> impl IntoView {
    view! {
        <Title text="Sign in"/>
        <h1>"Sign in"</h1>
        <form method="post" action="/sign-in">
            <div class="field">
                <label for="name">"Name"</label>
                <input id="name" name="name" required autofocus/>
            </div>
            <div class="field">
                <label for="password">"Password"</label>
                <input id="password" name="password" type="password" required/>
            </div>
            <button type="submit" class="primary">"Sign in"</button>
        </form>
    }
}

#[component]
fn NotFoundPage() -> impl IntoView {
    view! {
        <Title text="Page not found"/>
        <h1>"Page not found"</h1>
    }
}

/// Hydrates the page.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(App);
}
