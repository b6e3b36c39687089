//! The groups, each with its controls in screen order.

use domain::{Field, Section, syntax::port};
use leptos::prelude::*;

use super::encryption::{Encryption, TrustedCa};
use super::lookups::{Discovery, redirect_check};
use super::{Folded, Group};
use crate::deferred::door::{DeferredView, deferred};
use crate::first::field::{Control, SecretExpiry, secret_note, secret_warning};
use crate::first::lookup::lookup_result;
use crate::model::{copying::CopyQuestion, form::FormState, lookup::Lookup};
use crate::view::reactive::{live, live_text};

/// OAuth Flow.
#[component]
pub fn FlowGroup(state: FormState) -> impl IntoView {
    let help =
        live_text(move || state.with_draft(&[Field::Flow], |draft| labels::flow_help(draft.flow)));
    view! {
        <Group state section=Section::Flow>
            <Control state field=Field::Flow width="wide flow" note=help/>
        </Group>
    }
}

/// Basic SMTP Settings: sending with a user name and a password.
#[component]
pub fn BasicGroup(state: FormState) -> impl IntoView {
    view! {
        <Group state section=Section::BasicSmtp>
            <div class="announcement stack" role="status">{deferred(state, DeferredView::Notice)}</div>
            <Control state field=Field::BasicSender/>
            <Control state field=Field::BasicDisplayName/>
            <Control state field=Field::BasicServer width="mid"/>
            <Control state field=Field::BasicPort width="narrow" note=port_note(state, Field::BasicPort)/>
            <Encryption state use_tls=Field::BasicUseTls mode=Field::BasicTlsMode/>
            <Control state field=Field::Username width="most"/>
            <Control
                state
                field=Field::Password
                width="narrow"
                note=secret_note(state, Field::Password)
            />
            <SecretExpiry state secret=Field::Password expiry=Field::PasswordExpiresOn/>
            <TrustedCa state use_tls=Field::BasicUseTls ca=Field::BasicTrustedCa/>
        </Group>
    }
}

/// OAuth SMTP Settings: sending with a token.
#[component]
pub fn OauthGroup(state: FormState) -> impl IntoView {
    let disabled = state.is_disabled(Field::OauthServer);
    let disabled = live(move || !state.is_hydrated() || disabled.get());
    let question = CopyQuestion::new(state);
    let copy = (!state.is_read_only()).then(|| {
        view! {
            <button
                type="button"
                part="button"
                class="quiet end"
                disabled=disabled.get_untracked()
                prop:disabled=disabled
                on:click=move |_| question.on_click()
            >
                {labels::tab::COPY_FROM_BASIC}
            </button>
        }
    });
    let copy = copy.into_any();
    view! {
        <Group state section=Section::OauthSmtp action=copy>
            <div class="announcement stack" role="status">{deferred(state, DeferredView::CopyQuestion(question))}</div>
            <Control state field=Field::OauthSender/>
            <Control state field=Field::OauthDisplayName/>
            <Control state field=Field::OauthServer width="mid"/>
            <Control state field=Field::OauthPort width="narrow" note=port_note(state, Field::OauthPort)/>
            <Encryption state use_tls=Field::OauthUseTls mode=Field::OauthTlsMode/>
            <TrustedCa state use_tls=Field::OauthUseTls ca=Field::OauthTrustedCa/>
        </Group>
    }
}

/// Authentication Settings: what obtains the token, with discovery and the check of the Redirect URI.
#[component]
pub fn AuthenticationGroup(state: FormState) -> impl IntoView {
    let discovery = (!state.is_read_only()).then(|| view! { <Discovery state/> });
    let lookup = Lookup::new(state, "redirect-answer");
    let checked = (!state.is_read_only()).then(|| lookup_result(lookup));
    view! {
        <Group state section=Section::Authentication>
            <Control state field=Field::ClientId width="most"/>
            <Control
                state
                field=Field::ClientSecret
                width="narrow"
                note=secret_note(state, Field::ClientSecret)
                warning=secret_warning(state)
            />
            <SecretExpiry state secret=Field::ClientSecret expiry=Field::ClientSecretExpiresOn/>
            {discovery}
            <Control state field=Field::AuthorizationEndpoint/>
            <Control state field=Field::TokenEndpoint/>
            <Control
                state
                field=Field::RedirectUri
                width="wide"
                note=redirect_note(state)
                beside=redirect_check(lookup)
            />
            {checked}
            <Control state field=Field::Scope width="wide"/>
            <Folded state field=Field::ClientAuthentication name=labels::MORE/>
        </Group>
    }
}

/// The note that says whether the typed Redirect URI is this server's callback address.
fn redirect_note(state: FormState) -> Signal<String> {
    let text = state.text(Field::RedirectUri);
    live_text(move || {
        let (callback, comes_back) = state.callback();
        match (text.with(String::is_empty), comes_back) {
            (true, _) => labels::tab::own_address(&callback),
            (false, true) => labels::COMES_BACK.to_owned(),
            (false, false) => {
                format!("{} {}", labels::NOT_OWN_ADDRESS, labels::tab::own_address(&callback))
            }
        }
    })
}

/// The note on the typed port: no server listens on port 0.
fn port_note(state: FormState, field: Field) -> Signal<String> {
    let text = state.text(field);
    live_text(move || {
        let is_zero = port::port(&text.get()) == Ok(0);
        if is_zero { labels::PORT_ZERO } else { "" }
    })
}
