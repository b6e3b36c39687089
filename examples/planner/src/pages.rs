//! The product's pages and their router. `MailPage` contains the tab.

use std::sync::PoisonError;

use app::{EmailSettingsPage, TAB};
use axum::http::{header::CONTENT_SECURITY_POLICY, request::Parts};
use leptos::{hydration::HydrationScripts, nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;
use leptos_meta::{HashedStylesheet, MetaTags, Title, provide_meta_context};
use leptos_router::components::{A, FlatRoutes, Redirect, Route, Router};
use leptos_router::{SsrMode, path};
use server::embed::page_policy;

use crate::SendReport;
use crate::sign_in::{PlannerIdentity, PlannerUser};

/// The start page's path.
pub const HOME: &str = "/";
/// The tab's path.
pub const MAIL: &str = "/settings/mail";
/// The sign-in path.
pub const SIGN_IN: &str = "/sign-in";
/// The sign-out path.
pub const SIGN_OUT: &str = "/sign-out";
/// The path that sends the week's report.
pub const REPORT: &str = "/report";
/// The path that reminds every user.
pub const REMIND: &str = "/remind";

/// The HTML document. Its Content Security Policy allows only what the tab needs.
pub fn document(options: LeptosOptions) -> impl IntoView {
    if let Some((nonce, response)) = use_nonce().zip(use_context::<ResponseOptions>()) {
        response.insert_header(CONTENT_SECURITY_POLICY, page_policy(&nonce));
    }
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="data:,"/>
                <HashedStylesheet options id="style"/>
                <MetaTags/>
            </head>
            <body><App/></body>
        </html>
    }
}

/// The routes.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| format!("{title} · PPM Planner")/>
        <Router>
            <FlatRoutes fallback=|| "Page not found.">
                <Route path=path!("/") view=HomePage/>
                <Route path=path!("/sign-in") view=SignInPage/>
                // Async: the tab's data is loaded before the page is sent.
                <Route path=path!("/settings/mail") view=MailPage ssr=SsrMode::Async/>
            </FlatRoutes>
        </Router>
    }
}

/// The email settings: the tab, and the script that hydrates it.
#[component]
fn MailPage() -> impl IntoView {
    let options = use_context::<LeptosOptions>();
    view! {
        <Frame title="Mail" lead="How PPM Planner sends mail.">
            <div id=TAB data-sign-in=SIGN_IN><EmailSettingsPage/></div>
            {options.map(|options| view! { <HydrationScripts options/> })}
        </Frame>
    }
}

#[component]
fn HomePage() -> impl IntoView {
    let report = use_context::<SendReport>();
    let result =
        report.and_then(|report| report.0.lock().unwrap_or_else(PoisonError::into_inner).clone());
    view! {
        <Frame title="Plans" lead="What is planned, and by when.">
            {result.map(|result| view! { <section class="notice" role="status"><p>{result}</p></section> })}
            <form method="post" action=REPORT>
                <button type="submit">"Send me the week's report"</button>
            </form>
            <form method="post" action=REMIND>
                <button type="submit">"Remind everyone"</button>
            </form>
        </Frame>
    }
}

#[component]
fn SignInPage() -> impl IntoView {
    view! {
        <Title text="Sign in"/>
        <main class="door">
            <h1>"Sign in"</h1>
            <p class="lead">"PPM Planner"</p>
            <form method="post" action=SIGN_IN>
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
        </main>
    }
}

/// The layout of each page. Redirects users who are not signed in to the sign-in page.
#[component]
fn Frame(title: &'static str, lead: &'static str, children: Children) -> impl IntoView {
    let Some(PlannerUser { name, .. }) = signed_in() else {
        return view! { <Redirect path=SIGN_IN/> }.into_any();
    };
    view! {
        <Title text=title/>
        <div class="frame">
            <header class="top">
                <strong>"PPM Planner"</strong>
                <span class="who">{name}</span>
                <form method="post" action=SIGN_OUT>
                    <button type="submit" class="quiet">"Sign out"</button>
                </form>
            </header>
            <nav class="side" aria-label="Main">
                <A href=HOME exact=true>"Plans"</A>
                <A href=MAIL exact=true>"Mail"</A>
            </nav>
            <main class="main">
                <h1>{title}</h1>
                <p class="lead">{lead}</p>
                {children()}
            </main>
        </div>
    }
    .into_any()
}

fn signed_in() -> Option<PlannerUser> {
    let headers = use_context::<Parts>()?.headers;
    use_context::<PlannerIdentity>()?.person(&headers)
}
