//! The frame around a page: who is signed in, where one can go, and out.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::{A, Redirect};
use leptos_router::hooks::use_location;

use super::no_entry::NoEntry;
use super::{paths, with_destination};
use crate::api::ApiError;
use crate::labels;
use crate::service::{BySession, Principal, SharedFrame, TurnedAway};

/// Head line, navigation and page; whoever is not signed in is led to the sign-in page.
#[component]
pub fn Frame(
    /// The page's name.
    title: &'static str,
    /// What the page is for.
    lead: &'static str,
    children: Children,
) -> impl IntoView {
    let Some(me) = use_context::<Principal>() else {
        if let Some(turned_away) = use_context::<TurnedAway>() {
            return view! { <NoEntry turned_away/> }.into_any();
        }
        let door = with_destination(paths::SIGN_IN, Some(&here()));
        return view! { <Redirect path=door/> }.into_any();
    };
    let links = [
        (paths::EMAIL, "Email"),
        (paths::HISTORY, "Test messages"),
        (paths::AUDIT, "Audit trail"),
        (paths::TIME, "My Preferences"),
        (paths::ACCOUNT, "My account"),
    ];
    let is_theirs = |(path, _): &(&str, &str)| me.may_edit() || *path != paths::AUDIT;
    let links = links.into_iter().filter(is_theirs);
    let links: Vec<_> =
        links.map(|(path, name)| view! { <A href=path exact=true>{name}</A> }).collect();
    let who = match me.address() {
        "" => me.name.clone(),
        address => format!("{} · {address}", me.name),
    };
    let way_out = use_context::<BySession>().map(|BySession| {
        view! {
            <form method="post" action=paths::SIGN_OUT>
                <button type="submit" class="quiet">{labels::SIGN_OUT}</button>
            </form>
        }
    });
    view! {
        <Title text=title/>
        <a class="skip" href="#main">"Skip to the content"</a>
        <div class="frame">
            <header class="top">
                <strong>"PPM Administrator"</strong>
                <span class="who">{who}</span>
                {way_out}
            </header>
            <nav class="side" aria-label="Main">{links}</nav>
            <main class="main" id="main" tabindex="-1">
                <h1>{title}</h1>
                <p class="lead">{lead}</p>
                {children()}
            </main>
        </div>
    }
    .into_any()
}

/// Path and query of this page.
fn here() -> String {
    let location = use_location();
    let (path, query) = (location.pathname.get_untracked(), location.search.get_untracked());
    match query.trim_start_matches('?') {
        "" => path,
        query => format!("{path}?{query}"),
    }
}

/// A part of a page that the server has to fetch first: what `show` makes of it, or what went wrong.
pub fn fetched<T, F>(
    fetch: impl Fn(SharedFrame, Principal) -> F + Clone + Send + Sync + 'static,
    show: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
) -> impl IntoView
where
    T: Send + 'static,
    F: Future<Output = Result<T, ApiError>> + Send + 'static,
{
    let part = move || {
        let asked = use_context::<SharedFrame>().zip(use_context::<Principal>());
        let (fetch, show) = (fetch.clone(), show.clone());
        Suspend::new(async move {
            let Some((frame, who)) = asked else { return ().into_any() };
            match fetch(frame, who).await {
                Ok(found) => show(found),
                Err(error) => view! {
                    <section class="notice bad" role="alert">
                        <h2>"This could not be loaded."</h2>
                        <p>{labels::api_error(error)}</p>
                    </section>
                }
                .into_any(),
            }
        })
    };
    view! { <Suspense>{part}</Suspense> }
}
