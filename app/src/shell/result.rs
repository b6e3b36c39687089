//! `/oauth/result/ID`: how an attempt to obtain a token ended, for the window that was at the
//! provider. In a pop-up it tells the tab and, with a token, closes itself.

use domain::token::{Attempt, AttemptEnd, Fault, Leg, Setback};
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::paths;
use crate::api::ApiError;
use crate::explanation::Explanation;
use crate::labels;
use crate::service::{Principal, SharedFrame, TabPath};
use crate::tab::token_end::EndView;

/// What an administrator reads who has consented for a whole organisation.
const CONSENT_GRANTED: &str = "Consent was granted";

/// A fault as the value of the page's `fault` parameter.
#[must_use]
pub fn fault_code(fault: Fault) -> String {
    serde_json::to_value(fault)
        .ok()
        .and_then(|code| code.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn fault_of(code: &str) -> Option<Fault> {
    serde_json::from_value(code.into()).ok()
}

/// The page that the browser comes back to.
#[component]
pub fn ResultPage() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("id")).unwrap_or_default();
    let fault = use_query_map().with_untracked(|query| query.get("fault"));
    let fault = fault.as_deref().and_then(fault_of);
    let (frame, who) = (use_context::<SharedFrame>(), use_context::<Principal>());
    let page = move || {
        let (frame, who, id) = (frame.clone(), who.clone(), id.clone());
        Suspend::new(async move {
            let found = match (frame, fault) {
                (Some(frame), None) => frame.attempt(who.as_ref(), &id).await,
                _ => Ok(None),
            };
            match found {
                Ok(Some((attempt, in_pop_up, explanation))) => {
                    ended(attempt, in_pop_up, explanation)
                }
                Ok(None) => nowhere(fault.unwrap_or(Fault::AttemptUnknown)),
                Err(error) => broken(error),
            }
        })
    };
    view! {
        <Title text="Token"/>
        <main class="door"><Suspense>{page}</Suspense></main>
    }
}

fn ended(attempt: Attempt, in_pop_up: bool, explanation: Option<Explanation>) -> AnyView {
    let Attempt { id, end, .. } = attempt;
    // What is to be said of a good end must be read before the window closes.
    let closes = in_pop_up && end == Some(AttemptEnd::Obtained) && explanation.is_none();
    let words = match end {
        Some(AttemptEnd::Obtained) => view! {
            <h1>"Token obtained"</h1>
            <p class="lead">"PPM can send mail now. Send a test email from the Email settings to check that it works."</p>
            {explanation.map(|explanation| view! { <EndView explanation/> })}
        }
        .into_any(),
        Some(AttemptEnd::Failed(Setback { fault: Fault::AdminConsented, .. })) => {
            view! { <h1>{CONSENT_GRANTED}</h1> {explanation.map(|explanation| view! { <EndView explanation/> })} }
                .into_any()
        }
        Some(AttemptEnd::Failed(setback)) => {
            let explanation = explanation.unwrap_or_else(|| labels::setback(&setback, &labels::Known::default()));
            view! { <h1>"No token was obtained"</h1> <EndView explanation setback=Some(setback)/> }
                .into_any()
        }
        None => view! {
            <h1>"One moment…"</h1>
            <p class="lead">"PPM is requesting the token from the provider. Reload this page to see the result."</p>
        }
        .into_any(),
    };
    let way_on = if in_pop_up {
        view! { <p class="hint">"You can close this window. The Email settings show the same result."</p> }
            .into_any()
    } else {
        view! { <a class="button" href=tab_path()>"Back to the Email settings"</a> }.into_any()
    };
    view! { {words} {way_on} {script(id, closes)} }.into_any()
}

/// Tells the tabs of this browser, which would find out a little later. What it tells
/// stands in its attributes, where it is escaped; the script itself is the same for every attempt.
fn script(id: String, closes: bool) -> impl IntoView {
    view! {
        <script nonce=use_nonce() data-channel=crate::tab::NEWS data-id=id data-closes=closes>
            "{
const { channel, id, closes } = document.currentScript.dataset;
new BroadcastChannel(channel).postMessage(id);
if (closes !== undefined) close();
}"
        </script>
    }
}

/// Where the tab stands; a host has a path of its own for it.
fn tab_path() -> String {
    use_context::<TabPath>().map_or_else(|| paths::EMAIL.to_owned(), |TabPath(path)| path)
}

fn nowhere(fault: Fault) -> AnyView {
    let setback = Setback { leg: Leg::Return, fault, said: None };
    let explanation = labels::setback(&setback, &labels::Known::default());
    let is_consent = fault == Fault::AdminConsented;
    let heading = if is_consent { CONSENT_GRANTED } else { "No token was obtained" };
    let setback = (!is_consent).then_some(setback);
    view! {
        <h1>{heading}</h1>
        <EndView explanation setback/>
        <a class="button" href=tab_path()>"Go to the Email settings"</a>
    }
    .into_any()
}

fn broken(error: ApiError) -> AnyView {
    view! {
        <h1>"This could not be loaded"</h1>
        <p class="lead">{labels::api_error(error)}</p>
    }
    .into_any()
}
