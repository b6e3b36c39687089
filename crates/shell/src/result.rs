//! `/oauth/result/ID`: the outcome of an attempt to obtain a token, shown in the window that returns
//! from the provider. It notifies the tab; a popup with a token closes itself.

use app::TokenOutcome;
use contract::{Explanation, RequestContext, paths};
use domain::token::{Attempt, AttemptOutcome, OauthDiagnosis, OauthFailure, OauthStage};
use labels::token_result;
use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{brand::Brand, parts::heading};

/// Returns the value of the page's `fault` query parameter.
pub fn fault_code(diagnosis: OauthDiagnosis) -> String {
    serde_json::to_value(diagnosis)
        .ok()
        .and_then(|code| code.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn fault_of(code: &str) -> Option<OauthDiagnosis> {
    serde_json::from_value(code.into()).ok()
}

/// The page to which the callback redirects.
#[component]
pub fn ResultPage() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("id")).unwrap_or_default();
    let diagnosis = use_query_map().with_untracked(|query| query.get("fault"));
    let diagnosis = diagnosis.as_deref().and_then(fault_of);
    let context = use_context::<RequestContext>();
    let page = move || {
        let (context, id) = (context.clone(), id.clone());
        Suspend::new(async move {
            let found = match (context, diagnosis) {
                (Some(RequestContext { shell, caller, .. }), None) => {
                    shell.attempt(caller.as_ref(), &id).await
                }
                _ => Ok(None),
            };
            match found {
                Ok(Some((attempt, in_pop_up, explanation))) => {
                    ended(attempt, in_pop_up, explanation)
                }
                Ok(None) => missing_attempt(diagnosis.unwrap_or(OauthDiagnosis::AttemptUnknown)),
                Err(error) => heading(token_result::NOT_LOADED, labels::api_error(error)),
            }
        })
    };
    view! {
        <Title text=token_result::TITLE/>
        <main class="door">
            <Brand/>
            <Suspense>{page}</Suspense>
        </main>
    }
}

fn ended(attempt: Attempt, in_pop_up: bool, explanation: Option<Explanation>) -> AnyView {
    let Attempt { id, end, .. } = attempt;
    // A success with an explanation stays open, so that it can be read.
    let closes = in_pop_up && end == Some(AttemptOutcome::Obtained) && explanation.is_none();
    let words = match end {
        Some(AttemptOutcome::Obtained) => view! {
            {heading(token_result::OBTAINED, token_result::OBTAINED_LEAD)}
            {explanation.map(|explanation| view! { <TokenOutcome explanation/> })}
        }
        .into_any(),
        Some(AttemptOutcome::Failed(OauthFailure { diagnosis: OauthDiagnosis::AdminConsented, .. })) => {
            view! { <h1>{token_result::CONSENT_GRANTED}</h1> {explanation.map(|explanation| view! { <TokenOutcome explanation/> })} }
                .into_any()
        }
        Some(AttemptOutcome::Failed(failure)) => {
            let explanation = explanation.unwrap_or_else(|| explain::failure(&failure, &explain::FailureContext::default()));
            view! { <h1>{token_result::NOT_OBTAINED}</h1> <TokenOutcome explanation failure=Some(failure)/> }
                .into_any()
        }
        None => heading(token_result::RUNNING, token_result::RUNNING_LEAD),
    };
    let next_link = if in_pop_up {
        view! { <p class="hint">{token_result::CLOSE_WINDOW}</p> }.into_any()
    } else {
        view! { <a class="button" href=tab_path()>{token_result::BACK_TO_EMAIL}</a> }.into_any()
    };
    view! { {words} {next_link} {script(id, closes)} }.into_any()
}

/// A script that notifies the tabs of this browser, which would otherwise poll. Its data are escaped
/// attributes; the script text is constant.
fn script(id: String, closes: bool) -> impl IntoView {
    view! {
        <script nonce=use_nonce() data-channel=app::TOKEN_CHANNEL data-id=id data-closes=closes>
            "{
const { channel, id, closes } = document.currentScript.dataset;
new BroadcastChannel(channel).postMessage(id);
if (closes !== undefined) close();
}"
        </script>
    }
}

/// Returns the path of the page with the tab, which a host can configure.
fn tab_path() -> String {
    use_context::<RequestContext>()
        .map_or_else(|| paths::EMAIL.to_owned(), |context| context.tab_path)
}

fn missing_attempt(diagnosis: OauthDiagnosis) -> AnyView {
    let failure = OauthFailure { stage: OauthStage::Return, diagnosis, peer_text: None };
    let explanation = explain::failure(&failure, &explain::FailureContext::default());
    let is_consent = diagnosis == OauthDiagnosis::AdminConsented;
    let heading =
        if is_consent { token_result::CONSENT_GRANTED } else { token_result::NOT_OBTAINED };
    let failure = (!is_consent).then_some(failure);
    view! {
        <h1>{heading}</h1>
        <TokenOutcome explanation failure/>
        <a class="button" href=tab_path()>{token_result::GO_TO_EMAIL}</a>
    }
    .into_any()
}
