//! The form: its groups in the order of the screen.

use domain::settings::Security;
use domain::{Field, Presence, Section, rules};
use leptos::prelude::*;

use super::field::{Control, secret_note};
use super::notice::FormNotice;
use super::save_bar::SaveBar;
use super::state::FormState;
use crate::labels;

/// Every group that is saved, with the notice above; the save bar comes last on the page.
#[component]
pub fn SettingsForm(state: FormState, children: Children) -> impl IntoView {
    view! {
        // No control has a name: were the form ever posted by the browser itself, it would be empty.
        <form class="email-settings" method="post" novalidate on:submit=move |event| {
            event.prevent_default();
            if state.is_dirty() {
                state.save();
            }
        }>
            <FormNotice state/>
            <FlowGroup state/>
            <BasicGroup state/>
            <OauthGroup state/>
            <AuthenticationGroup state/>
            {children()}
            <SaveBar state/>
        </form>
    }
}

/// A group box with its marks outside the legend, so that the legend stays the exact name.
#[component]
fn Group(
    state: FormState,
    section: Section,
    /// What stands at the end of the head line.
    #[prop(optional, into)]
    action: Option<ViewFn>,
    children: Children,
) -> impl IntoView {
    let presence =
        Memo::new(move |_| state.with_draft(|draft| rules::section_presence(section, draft.flow)));
    let help =
        Memo::new(move |_| state.with_draft(|draft| labels::section_help(section, draft.flow)));
    let help_id = format!("{}-help", id(section));
    view! {
        <fieldset
            class="group"
            class:is-disabled=move || presence.get() == Presence::Disabled
            aria-describedby=help_id.clone()
        >
            <legend>{labels::section(section)}</legend>
            <div class="marks">
                <span class="tag" class:required=move || presence.get() == Presence::Required>
                    {move || labels::presence(presence.get())}
                </span>
                {action.map(|action| action.run())}
            </div>
            <p class="group-help" id=help_id.clone()>{move || help.get()}</p>
            <div class="body">{children()}</div>
        </fieldset>
    }
}

const fn id(section: Section) -> &'static str {
    match section {
        Section::Flow => "flow-group",
        Section::BasicSmtp => "basic-group",
        Section::OauthSmtp => "oauth-group",
        Section::Authentication => "authentication-group",
    }
}

#[component]
fn FlowGroup(state: FormState) -> impl IntoView {
    let help = move || state.with_draft(|draft| labels::flow_help(draft.flow));
    view! {
        <Group state section=Section::Flow>
            <Control state field=Field::Flow width="wide flow" note=help/>
        </Group>
    }
}

#[component]
fn BasicGroup(state: FormState) -> impl IntoView {
    view! {
        <Group state section=Section::BasicSmtp>
            <Control state field=Field::BasicSender/>
            <Control state field=Field::BasicDisplayName/>
            <Control state field=Field::BasicServer width="mid"/>
            <Control state field=Field::BasicPort width="narrow" note=port_note(state, Field::BasicPort)/>
            <Encryption state use_tls=Field::BasicUseTls mode=Field::BasicTlsMode port=Field::BasicPort/>
            <Control state field=Field::Username/>
            <Control state field=Field::Password note=secret_note(state, Field::Password)/>
        </Group>
    }
}

#[component]
fn OauthGroup(state: FormState) -> impl IntoView {
    let is_disabled = Memo::new(move |_| state.presence(Field::OauthServer) == Presence::Disabled);
    let copy = move || {
        view! {
            <button
                type="button"
                class="quiet end"
                disabled=is_disabled.get_untracked()
                prop:disabled=move || is_disabled.get()
                on:click=move |_| state.copy_basic_to_oauth()
            >
                "Copy from Basic SMTP Settings"
            </button>
        }
    };
    view! {
        <Group state section=Section::OauthSmtp action=copy>
            <Control state field=Field::OauthSender/>
            <Control state field=Field::OauthDisplayName/>
            <Control state field=Field::OauthServer width="mid"/>
            <Control state field=Field::OauthPort width="narrow" note=port_note(state, Field::OauthPort)/>
            <Encryption state use_tls=Field::OauthUseTls mode=Field::OauthTlsMode port=Field::OauthPort/>
        </Group>
    }
}

#[component]
fn AuthenticationGroup(state: FormState) -> impl IntoView {
    view! {
        <Group state section=Section::Authentication>
            <Control state field=Field::ClientId/>
            <Control state field=Field::ClientSecret note=secret_note(state, Field::ClientSecret)/>
            <Control state field=Field::AuthorizationEndpoint width="wide"/>
            <Control state field=Field::TokenEndpoint width="wide"/>
            <Control state field=Field::RedirectUri width="wide"/>
            <Control state field=Field::Scope width="wide"/>
        </Group>
    }
}

/// Use TLS, its mode while it is on, and what the two come to on this port.
#[component]
fn Encryption(state: FormState, use_tls: Field, mode: Field, port: Field) -> impl IntoView {
    let is_on = Memo::new(move |_| state.with_draft(|draft| smtp(draft, use_tls).use_tls));
    let security = Memo::new(move |_| {
        state.with_draft(|draft| {
            let smtp = smtp(draft, use_tls);
            let number = domain::check::port::port(draft.text(port)).ok();
            match number {
                Some(number) => Some(Security::of(smtp.use_tls, smtp.tls_mode, number)),
                // Without a port, only Automatic has nothing to go by.
                None => match Security::of(smtp.use_tls, smtp.tls_mode, 465) {
                    _ if smtp.use_tls && smtp.tls_mode == domain::draft::TlsMode::Automatic => None,
                    decided => Some(decided),
                },
            }
        })
    });
    let warns = Memo::new(move |_| {
        state.with_draft(|draft| {
            use_tls == Field::BasicUseTls
                && security.get() == Some(Security::Clear)
                && !draft.sign_in.username.is_empty()
        })
    });
    let note = move || {
        view! {
            {move || labels::encryption(security.get())}
            <Show when=move || warns.get()>
                <strong class="warning">{labels::CLEAR_SIGN_IN}</strong>
            </Show>
        }
    };
    view! {
        <Control state field=use_tls note=note/>
        <Show when=move || is_on.get() fallback=|| view! { <div class="field"></div> }>
            <Control state field=mode/>
        </Show>
    }
}

/// The SMTP group that a field stands in.
fn smtp(draft: &domain::Draft, field: Field) -> &domain::draft::Smtp {
    if field.section() == Section::OauthSmtp { &draft.oauth } else { &draft.basic }
}

/// What to know of the port that is typed.
fn port_note(state: FormState, field: Field) -> impl Fn() -> Option<&'static str> + Clone {
    move || {
        let number = domain::check::port::port(&state.text(field)).ok();
        (number == Some(0)).then_some(labels::PORT_ZERO)
    }
}
