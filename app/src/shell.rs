//! The stand-alone PPM Administrator frame: routes, navigation, sign-in. A host that embeds the tab
//! leaves it out.

#![expect(clippy::must_use_candidate, reason = "`view!` uses what a component makes")]

mod frame;
mod not_found;
mod sign_in;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Redirect, Route, Router};
use leptos_router::{SsrMode, path};

use frame::EmailPage;
use not_found::NotFound;
use sign_in::SignInPage;

/// The whole document, as the server sends it.
#[cfg(feature = "ssr")]
#[must_use]
pub fn document(options: LeptosOptions) -> impl IntoView {
    use leptos::hydration::{AutoReload, HydrationScripts};
    use leptos_meta::{HashedStylesheet, MetaTags};
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="data:,"/>
                <HashedStylesheet options=options.clone() id="style"/>
                <AutoReload options=options.clone()/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body><App/></body>
        </html>
    }
}

/// The frame's routes.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| format!("{title} · PPM Administrator")/>
        <Router>
            <FlatRoutes fallback=NotFound>
                <Route path=path!("/") view=|| view! { <Redirect path="/settings/email"/> }/>
                <Route path=path!("/sign-in") view=SignInPage/>
                <Route path=path!("/settings/email") view=EmailPage ssr=SsrMode::Async/>
            </FlatRoutes>
        </Router>
    }
}
