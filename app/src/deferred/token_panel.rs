//! "OAuth Token Management": the token's status and expiry, and the button that obtains one.

use domain::token::{Attempt, AttemptOutcome, Renewal, Token, TokenStatus};
use domain::{Draft, Field, OauthFlow};
use leptos::prelude::*;

use super::findings::FindingsView;
use super::pending_attempt::PendingAttempt;
use super::token_outcome::TokenOutcome;
use crate::model::form::FormState;
use crate::model::lookup::{Lookup, LookupRequest};
use crate::model::token::{GET_TOKEN, GET_TOKEN_REASON, TokenState};
use crate::view::host::error_message;
use crate::view::lookup::{lookup_button, lookup_region};
use crate::view::reactive::{live, live_attribute, live_option, live_text, live_view};

/// The group "OAuth Token Management". It keeps the token's state current as long as it is shown.
#[component]
pub fn TokenPanel(form: FormState, token: TokenState) -> impl IntoView {
    let host = form.host;
    token.show_loaded();
    Effect::new(move |_| {
        if host.shares_token_events() {
            token.listen();
        }
        host.spawn(token.watch(form));
    });
    Effect::new(move |_| host.tell_token(token.status.get()));
    Effect::new(move |before: Option<i64>| {
        let revision = form.revision().get();
        // A save may have come before this view.
        if before.unwrap_or_else(|| token.loaded_with()) != revision {
            host.spawn(token.refresh());
        }
        revision
    });
    let is_unused = live(move || {
        form.with_draft(&[Field::Flow], |draft: &Draft| draft.flow == OauthFlow::None)
    });
    let mark = live_option(move || {
        is_unused.get().then(|| view! { <span class="tag" part="tag">{labels::NOT_USED}</span> })
    });
    let reason = live_text(move || reason_to_wait(form).unwrap_or_default());
    let is_free = live(move || reason.with(String::is_empty));
    let disabled = live(move || !form.is_hydrated() || !is_free.get());
    let busy = live_attribute(move || token.is_asking().then_some("true"));
    let get = move |_| {
        form.clear_saved_notice();
        token.get_token(form.with_saved_untracked(|saved| saved.form.flow));
    };
    let lookup = Lookup::new(form, "token-answer");
    // An inspection result belongs to one access token and is discarded with it.
    let token_version =
        Memo::new(move |_| token.token().map(|token| (token.grant, token.obtained_at)));
    let xray = live_option(move || {
        token_version.get().filter(|_| !form.is_read_only()).map(|_| {
            let idle = live(|| false);
            lookup_button(lookup, labels::INSPECT_TOKEN, idle, Box::new(|| LookupRequest::Token))
        })
    });
    let hint = (!form.is_read_only()).then(|| {
        view! { <p class="hint" id=GET_TOKEN_REASON tabindex="-1" hidden=is_free>{reason}</p> }
    });
    let button = (!form.is_read_only()).then(|| {
        view! {
            <button
                type="button"
                part="button"
                id=GET_TOKEN
                class="end"
                class:primary=live(move || !is_unused.get() && !token.is_usable())
                aria-describedby=GET_TOKEN_REASON
                aria-disabled=busy
                disabled=disabled
                on:click=get
            >
                {labels::GET_AUTH_TOKEN}
            </button>
        }
    });
    view! {
        <fieldset class="group" part="group" class:is-disabled=is_unused aria-describedby=GET_TOKEN_REASON>
            <legend part="legend"><h2>{labels::TOKEN_MANAGEMENT}</h2></legend>
            <div class="marks">{mark}</div>
            <div class="body lists">
                <div class="row">
                    <Facts form token/>
                    {button}
                    {xray}
                </div>
                {hint}
                <div class="announcement stack">
                    <RenewalNotice form token/>
                    <AttemptNotice form token/>
                </div>
                {lookup_region(lookup, view! { <FindingsView lookup/> }.into_any())}
            </div>
        </fieldset>
    }
}

/// The reason why no token can be requested, if there is one.
fn reason_to_wait(form: FormState) -> Option<&'static str> {
    if form.is_dirty.get() {
        return Some(labels::SAVE_FIRST);
    }
    form.with_saved(|saved| match saved.form.flow {
        OauthFlow::None => Some(labels::CHOOSE_FLOW_FIRST),
        _ if !saved.is_complete() => Some(labels::FILL_IN_FIRST),
        _ => None,
    })
}

/// Token Status and Token Expires.
#[component]
fn Facts(form: FormState, token: TokenState) -> impl IntoView {
    let status = token.status;
    let class = live_text(move || match status.get() {
        TokenStatus::Absent => "status",
        TokenStatus::Valid => "status valid",
        TokenStatus::Expired => "status expired",
    });
    let expires = live_text(move || {
        let written = |token: Token| form.written(token.expires_at);
        token.token().map_or_else(|| labels::NO_TOKEN.to_owned(), written)
    });
    let left = live_text(move || match token.token() {
        Some(known) if status.get() == TokenStatus::Expired => {
            labels::time_since(-token.seconds_until(known.expires_at))
        }
        Some(known) if status.get() == TokenStatus::Valid => {
            let by = known
                .sign_in_by
                .map(|by| format!(" · {} {}", labels::SIGN_IN_BY, form.written(by)));
            format!(
                "{} · {}{}",
                labels::time_left(token.seconds_until(known.expires_at)),
                labels::renewal(&known.renewal),
                by.unwrap_or_default()
            )
        }
        _ => String::new(),
    });
    view! {
        <dl class="facts in-line">
            <div>
                <dt>{labels::tab::TOKEN_STATUS}</dt>
                <dd>
                    <span role="status" class=class>
                        {live_text(move || labels::token_status(status.get()))}
                    </span>
                </dd>
            </div>
            <div>
                <dt>{labels::tab::TOKEN_EXPIRES}</dt>
                <dd>{expires} " " <span class="help">{left}</span></dd>
            </div>
        </dl>
    }
}

/// A failed token refresh, and a granted scope that differs from the requested one.
#[component]
fn RenewalNotice(form: FormState, token: TokenState) -> impl IntoView {
    live_option(move || {
        let known = token.token()?;
        let scope = known.scope.map(|scope| {
            view! { <p class="hint">{labels::GRANTED} " " <code>{scope}</code></p> }
        });
        let (failure, next) = match known.renewal {
            Renewal::ByItself | Renewal::BySigningIn => (None, None),
            Renewal::Failing { failure, next_at } => {
                (Some(failure), Some((next_at, form.written(next_at))))
            }
            Renewal::Gone(failure) => (Some(failure), None),
        };
        // The server renders no buttons that do nothing yet.
        let failure = failure.zip(token.renewal()).filter(|_| form.is_chunk_loaded());
        let failure = failure.map(|(failure, explanation)| {
            view! { <TokenOutcome explanation failure=Some(failure) form=Some(form)/> }
        });
        let next = next.map(|(next_at, written)| {
            let left = live_text(move || labels::time_left(token.seconds_until(next_at)));
            view! { <p class="hint">{labels::NEXT_TRY} " " {written} ", " {left} "."</p> }
        });
        Some(view! { {scope} {failure} {next} })
    })
}

/// The progress of the current attempt, or the outcome of the last one.
#[component]
fn AttemptNotice(form: FormState, token: TokenState) -> impl IntoView {
    let refusal = live_option(move || {
        token.refusal().map(|error| {
            view! { <p class="notice bad" part="notice" role="alert">{error_message(form.host, error)}</p> }
        })
    });
    let attempt = live_view(move || match token.attempt().filter(|_| form.is_chunk_loaded()) {
        None => ().into_any(),
        Some(Attempt { end: Some(AttemptOutcome::Obtained), .. }) => {
            let words = live_text(move || if token.is_well() { labels::OBTAINED } else { "" });
            let other = token.ended().map(|explanation| {
                view! { <TokenOutcome explanation failure=None form=Some(form)/> }
            });
            view! { <p class="hint">{words}</p> {other} }.into_any()
        }
        Some(Attempt { end: Some(AttemptOutcome::Failed(failure)), .. }) => token
            .ended()
            .map(|explanation| {
                view! { <TokenOutcome explanation failure=Some(failure) form=Some(form)/> }
            })
            .into_any(),
        Some(Attempt { needs_pasting, .. }) => {
            view! { <PendingAttempt form token needs_pasting/> }.into_any()
        }
    });
    view! {
        {refusal}
        <div role="status">{attempt}</div>
    }
}
