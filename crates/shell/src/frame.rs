//! The page layout: the user's name, navigation and sign-out.

use contract::{ApiCode, RequestContext, SharedShell, paths};
use domain::Principal;
use labels::frame;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::{A, Redirect};
use leptos_router::hooks::use_location;

use crate::brand::{Brand, page_icon};
use crate::{forbidden::Forbidden, with_destination};

/// Header, navigation and content. Redirects users who are not signed in to the sign-in page.
#[component]
pub fn Frame(
    title: &'static str,
    /// The page's purpose in one sentence.
    lead: &'static str,
    children: Children,
) -> impl IntoView {
    let context = use_context::<RequestContext>();
    let has_session = context.as_ref().is_some_and(|context| context.has_session);
    let denied = context.as_ref().and_then(|context| context.denied);
    let Some(me) = context.and_then(|context| context.caller) else {
        if let Some(denied) = denied {
            return view! { <Forbidden denied/> }.into_any();
        }
        let sign_in = with_destination(paths::SIGN_IN, Some(&here()));
        return view! { <Redirect path=sign_in/> }.into_any();
    };
    let links = [
        (paths::EMAIL, frame::EMAIL),
        (paths::HISTORY, frame::TEST_MESSAGES),
        (paths::HEALTH, frame::HEALTH),
        (paths::APPLICATIONS, frame::APPLICATIONS),
        (paths::AUDIT, frame::AUDIT_TRAIL),
        (paths::TIME, frame::MY_PREFERENCES),
        (paths::ACCOUNT, frame::MY_ACCOUNT),
        (paths::HELP, frame::HELP),
    ];
    let is_permitted = |(path, _): &(&str, &str)| {
        me.may_edit() || ![paths::APPLICATIONS, paths::AUDIT].contains(path)
    };
    let links = links.into_iter().filter(is_permitted);
    let links: Vec<_> = links
        .map(|(path, name)| view! { <A href=path exact=true>{page_icon(path)} {name}</A> })
        .collect();
    let who = match me.address() {
        "" => me.name.clone(),
        address => format!("{} · {address}", me.name),
    };
    let sign_out = has_session.then(|| {
        view! {
            <form method="post" action=paths::SIGN_OUT>
                <button type="submit" class="quiet">{labels::SIGN_OUT}</button>
            </form>
        }
    });
    let version = frame::version(env!("CARGO_PKG_VERSION"));
    view! {
        <Title text=title/>
        <a class="skip" href="#main">{frame::SKIP}</a>
        <div class="frame">
            <header class="top">
                <Brand/>
                <span class="who">{who}</span>
                {sign_out}
            </header>
            <nav class="side" aria-label=frame::NAVIGATION>{links}</nav>
            <main class="main" id="main" tabindex="-1">
                <h1>{title}</h1>
                <p class="lead">{lead}</p>
                {children()}
                <footer class="version">{version}</footer>
            </main>
        </div>
    }
    .into_any()
}

/// Returns the path and query of this page.
fn here() -> String {
    let location = use_location();
    let (path, query) = (location.pathname.get_untracked(), location.search.get_untracked());
    match query.trim_start_matches('?') {
        "" => path,
        query => format!("{path}?{query}"),
    }
}

/// Loads data on the server and renders it with `show`, or renders the error.
pub fn fetched<T, F>(
    fetch: impl Fn(SharedShell, Principal) -> F + Clone + Send + Sync + 'static,
    show: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
) -> impl IntoView
where
    T: Send + 'static,
    F: Future<Output = Result<T, ApiCode>> + Send + 'static,
{
    let part = move || {
        let context = use_context::<RequestContext>();
        let context = context.and_then(|context| Some((context.shell, context.caller?)));
        let (fetch, show) = (fetch.clone(), show.clone());
        Suspend::new(async move {
            let Some((shell, who)) = context else { return ().into_any() };
            match fetch(shell, who).await {
                Ok(found) => show(found),
                Err(error) => view! {
                    <section class="notice bad" role="alert">
                        <h2>{frame::NOT_LOADED}</h2>
                        <p>{labels::api_error(error)}</p>
                    </section>
                }
                .into_any(),
            }
        })
    };
    view! { <Suspense>{part}</Suspense> }
}
