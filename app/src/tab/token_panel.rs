//! OAuth Token Management: whether there is a token, until when, and how to get one.

use domain::token::{Attempt, AttemptEnd, Renewal, Token, TokenStatus};
use domain::{Draft, Field, OauthFlow};
use leptos::prelude::*;

use super::inquiry::{Inquiry, Question};
use super::later::{Part, later};
use super::live::{live, live_attribute, live_option, live_text, live_view};
use super::state::FormState;
use super::token_end::EndView;
use super::token_state::TokenState;
use crate::api::Finished;
use crate::labels;

/// The group box.
#[component]
pub fn TokenPanel(form: FormState, token: TokenState) -> impl IntoView {
    let host = form.host();
    Effect::new(move |_| {
        if host.hears_news() {
            token.listen();
        }
        host.spawn(token.watch(form));
    });
    Effect::new(move |_| host.tell_token(token.status().get()));
    Effect::new(move |before: Option<i64>| {
        let revision = form.revision().get();
        if before.is_some_and(|before| before != revision) {
            host.spawn(token.refresh());
        }
        revision
    });
    let is_unused = live(move || {
        form.with_draft(&[Field::Flow], |draft: &Draft| draft.flow == OauthFlow::None)
    });
    let mark = live_option(move || {
        is_unused.get().then(|| view! { <span class="tag">{labels::NOT_USED}</span> })
    });
    let reason = live_text(move || labels::reason_to_wait_for_token(why_not(form)));
    let is_free = live(move || why_not(form).is_none());
    let disabled = live(move || !form.is_alive() || !is_free.get());
    let busy = live_attribute(move || token.is_asking().then_some("true"));
    let get = move |_| {
        form.forget_good_news();
        token.get_token(form.with_saved_untracked(|saved| saved.form.flow));
    };
    // What was found is of one access token, and goes with it.
    let which = Memo::new(move |_| token.token().map(|token| (token.grant, token.obtained_at)));
    let xray = live_option(move || {
        which.get().filter(|_| form.may_edit()).map(|_| {
            let inquiry = Inquiry::new(form);
            let idle = live(|| false);
            view! {
                <div class="row">
                    {inquiry.button(labels::XRAY, idle, Box::new(|| Question::Token))}
                </div>
                {inquiry.answer()}
            }
        })
    });
    view! {
        <fieldset class="group" part="group" class:is-disabled=is_unused aria-describedby="get-token-reason">
            <legend>{labels::TOKEN_MANAGEMENT}</legend>
            <div class="marks">{mark}</div>
            <div class="body">
                <div class="row">
                    <Facts form token/>
                    <button
                        type="button"
                        part="button"
                        class="end"
                        aria-describedby="get-token-reason"
                        aria-disabled=busy
                        disabled=disabled
                        on:click=get
                    >
                        {labels::GET_AUTH_TOKEN}
                    </button>
                </div>
                <p class="hint" id="get-token-reason" hidden=is_free>{reason}</p>
                <div class="announcement stack">
                    <RenewalNotice form token/>
                    <AttemptNotice form token/>
                </div>
                {xray}
            </div>
        </fieldset>
    }
}

/// Why no token can be asked for at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyNot {
    /// Whoever is signed in only looks.
    ReadOnly,
    /// The form is being edited.
    Editing,
    /// No OAuth flow is saved.
    NoFlow,
    /// What is saved is not enough.
    Incomplete,
}

fn why_not(form: FormState) -> Option<WhyNot> {
    if !form.may_edit() {
        return Some(WhyNot::ReadOnly);
    }
    if form.is_dirty().get() {
        return Some(WhyNot::Editing);
    }
    form.with_saved(|saved| match saved.form.flow {
        OauthFlow::None => Some(WhyNot::NoFlow),
        _ if !saved.is_complete() => Some(WhyNot::Incomplete),
        _ => None,
    })
}

/// Token Status and Token Expires.
#[component]
fn Facts(form: FormState, token: TokenState) -> impl IntoView {
    let status = token.status();
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
                <dt>"Token Status:"</dt>
                <dd>
                    <span role="status" class=class>
                        {live_text(move || labels::token_status(status.get()))}
                    </span>
                </dd>
            </div>
            <div>
                <dt>"Token Expires:"</dt>
                <dd>{expires} " " <span class="help">{left}</span></dd>
            </div>
        </dl>
    }
}

/// What keeps a token from being renewed, and what was granted other than asked.
#[component]
fn RenewalNotice(form: FormState, token: TokenState) -> impl IntoView {
    live_option(move || {
        let known = token.token()?;
        let scope = known.scope.map(|scope| {
            view! { <p class="hint">{labels::GRANTED} " " <code>{scope}</code></p> }
        });
        let (setback, next) = match known.renewal {
            Renewal::ByItself | Renewal::BySigningIn => (None, None),
            Renewal::Failing { setback, next_at } => {
                (Some(setback), Some((next_at, form.written(next_at))))
            }
            Renewal::Gone(setback) => (Some(setback), None),
        };
        let setback = setback
            .zip(token.renewal())
            .map(|(setback, explanation)| later(form, Part::TokenEnd(explanation, Some(setback))));
        let next = next.map(|(next_at, written)| {
            let left = live_text(move || labels::time_left(token.seconds_until(next_at)));
            view! { <p class="hint">{labels::NEXT_TRY} " " {written} ", " {left} "."</p> }
        });
        Some(view! { {scope} {setback} {next} })
    })
}

/// How the attempt under way is getting on, or how the last one ended.
#[component]
fn AttemptNotice(form: FormState, token: TokenState) -> impl IntoView {
    let refusal = live_option(move || {
        token.refusal().map(|error| {
            view! { <p class="notice bad" part="notice" role="alert">{form.host().words(error)}</p> }
        })
    });
    let attempt = live_view(move || match token.attempt() {
        None => ().into_any(),
        Some(Attempt { end: Some(AttemptEnd::Obtained), .. }) => {
            let words = live_text(move || if token.is_well() { labels::OBTAINED } else { "" });
            let other =
                token.ended().map(|explanation| later(form, Part::TokenEnd(explanation, None)));
            view! { <p class="hint">{words}</p> {other} }.into_any()
        }
        Some(Attempt { end: Some(AttemptEnd::Failed(setback)), .. }) => token
            .ended()
            .map(|explanation| later(form, Part::TokenEnd(explanation, Some(setback))))
            .into_any(),
        Some(Attempt { id, needs_pasting, .. }) => {
            let asks_itself =
                form.with_saved_untracked(|saved| saved.form.flow == OauthFlow::ClientCredentials);
            let words = match (needs_pasting, asks_itself) {
                (true, _) => labels::WAITING_TO_PASTE,
                (false, true) => labels::ASKING,
                (false, false) => labels::WAITING,
            };
            let paste = needs_pasting.then(|| later(form, Part::Paste(token, id)));
            view! { <div class="notice" part="notice"><p>{words}</p> {form.host().way()} {paste}</div> }
                .into_any()
        }
    });
    view! {
        {refusal}
        <div role="status">{attempt}</div>
    }
}

/// Takes the address that the browser ended at, where it cannot come back here.
#[component]
pub fn Paste(token: TokenState, id: String) -> impl IntoView {
    let address = RwSignal::new(String::new());
    let finish = move || token.finish(id.clone(), address.get_untracked());
    let by_key = finish.clone();
    let misfit = live_option(move || {
        let Finished { attempt, explanation } = token.misfit()?;
        let setback = match attempt.end {
            Some(AttemptEnd::Failed(setback)) => Some(setback),
            _ => None,
        };
        let explanation = explanation?;
        Some(view! { <div role="alert"><EndView explanation setback/></div> })
    });
    view! {
        <div class="field wide">
            <label for="final-address">{labels::FINAL_ADDRESS}</label>
            <div class="with-action">
                <input
                    id="final-address"
                    type="text"
                    autocomplete="off"
                    spellcheck="false"
                    aria-describedby="final-address-help"
                    on:input=move |event| address.set(event_target_value(&event))
                    on:keydown=move |event| {
                        if event.key() == "Enter" {
                            event.prevent_default();
                            by_key();
                        }
                    }
                />
                <button type="button" part="button" on:click=move |_| finish()>"Finish"</button>
            </div>
            <span class="help" id="final-address-help">{labels::FINAL_ADDRESS_HELP}</span>
            {misfit}
        </div>
    }
}
