//! The form: its groups in the order of the screen.

use domain::draft::{Smtp, TlsMode, check_text};
use domain::settings::Security;
use domain::{Draft, Field, Presence, Section, check, rules};
use leptos::html::{Details, Input};
use leptos::prelude::*;

use super::copying::CopyQuestion;
use super::field::{Control, secret_note};
use super::inquiry::{Inquiry, Question};
use super::later::{self, Part, later};
use super::live::{live, live_option, live_text, live_view};
use super::notice::FormNotice;
use super::preset::ProviderMenu;
use super::save_bar::SaveBar;
use super::state::FormState;
use crate::labels;

/// Every group that is saved, with the notice above; the save bar comes last on the page.
#[component]
pub fn SettingsForm(state: FormState, children: Children) -> impl IntoView {
    if state.host().asks_before_leaving() {
        ask_before_leaving(state);
    }
    Effect::new(move |_| state.host().tell_dirty(state.is_dirty().get()));
    Effect::new(move |_| {
        state.live();
        state.host().spawn(later::load(state));
    });
    let read_only = live_option(move || {
        (!state.may_edit())
            .then(|| view! { <p class="notice" part="notice" role="note">{labels::READ_ONLY}</p> })
    });
    view! {
        // No control has a name: were the form ever posted by the browser itself, it would be empty.
        <form class="email-settings" method="post" novalidate on:submit=move |event| {
            event.prevent_default();
            if state.is_dirty().get_untracked() {
                state.save();
            }
        }>
            {read_only}
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

/// Lets the browser ask before a page with unsaved changes is left: by a link, the back button, a
/// reload, signing out, or closing the window. A browser asks in words of its own.
fn ask_before_leaving(state: FormState) {
    let guard = window_event_listener(leptos::ev::beforeunload, move |event| {
        if state.is_dirty().get_untracked() {
            event.prevent_default();
        }
    });
    on_cleanup(move || guard.remove());
}

/// A group box with its marks outside the legend, so that the legend stays the exact name.
#[component]
fn Group(
    state: FormState,
    section: Section,
    /// What stands at the end of the head line.
    #[prop(optional)]
    action: Option<AnyView>,
    children: Children,
) -> impl IntoView {
    let presence = Memo::new(move |_| {
        state.with_draft(&[Field::Flow], |draft| rules::section_presence(section, draft.flow))
    });
    let help = live_text(move || {
        state.with_draft(&[Field::Flow], |draft| labels::section_help(section, draft.flow))
    });
    let mark = (section != Section::Flow).then(|| {
        view! {
            <span class="tag" class:required=live(move || presence.get() == Presence::Required)>
                {live_text(move || labels::presence(presence.get()))}
            </span>
        }
    });
    let help_id = format!("{}-help", id(section));
    view! {
        <fieldset
            class="group"
            part="group"
            class:is-disabled=live(move || presence.get() == Presence::Disabled)
            aria-describedby=help_id.clone()
        >
            <legend>{labels::section(section)}</legend>
            <div class="marks">{mark} {action}</div>
            <p class="group-help" id=help_id.clone()>{help}</p>
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
    let help =
        live_text(move || state.with_draft(&[Field::Flow], |draft| labels::flow_help(draft.flow)));
    view! {
        <Group state section=Section::Flow>
            <Control state field=Field::Flow width="wide flow" note=help/>
            <ProviderMenu form=state/>
        </Group>
    }
}

#[component]
fn BasicGroup(state: FormState) -> impl IntoView {
    view! {
        <Group state section=Section::BasicSmtp>
            <div class="announcement stack" role="status">{later(state, Part::Notice)}</div>
            <Control state field=Field::BasicSender/>
            <Control state field=Field::BasicDisplayName/>
            <Control state field=Field::BasicServer width="mid"/>
            <Control state field=Field::BasicPort width="narrow" note=port_note(state, Field::BasicPort)/>
            <Encryption state use_tls=Field::BasicUseTls mode=Field::BasicTlsMode ca=Field::BasicTrustedCa/>
            <Control state field=Field::Username/>
            <Control state field=Field::Password note=secret_note(state, Field::Password)/>
        </Group>
    }
}

#[component]
fn OauthGroup(state: FormState) -> impl IntoView {
    let presence = state.presence(Field::OauthServer);
    let disabled = live(move || !state.may_edit() || presence.get() == Presence::Disabled);
    let question = CopyQuestion::new(state);
    let copy = view! {
        <button
            type="button"
            part="button"
            class="quiet end"
            disabled=disabled.get_untracked()
            prop:disabled=disabled
            on:click=move |_| question.ask_or_copy()
        >
            "Copy from Basic SMTP Settings"
        </button>
    }
    .into_any();
    view! {
        <Group state section=Section::OauthSmtp action=copy>
            <div class="announcement stack" role="status">{later(state, Part::CopyQuestion(question))}</div>
            <Control state field=Field::OauthSender/>
            <Control state field=Field::OauthDisplayName/>
            <Control state field=Field::OauthServer width="mid"/>
            <Control state field=Field::OauthPort width="narrow" note=port_note(state, Field::OauthPort)/>
            <Encryption state use_tls=Field::OauthUseTls mode=Field::OauthTlsMode ca=Field::OauthTrustedCa/>
        </Group>
    }
}

#[component]
fn AuthenticationGroup(state: FormState) -> impl IntoView {
    view! {
        <Group state section=Section::Authentication>
            <Control state field=Field::ClientId/>
            <Control state field=Field::ClientSecret note=secret_note(state, Field::ClientSecret)/>
            <Discovery state/>
            <Control state field=Field::AuthorizationEndpoint width="wide"/>
            <Control state field=Field::TokenEndpoint width="wide"/>
            <Control state field=Field::RedirectUri width="wide" note=redirect_note(state)/>
            <RedirectDoctor state/>
            <Control state field=Field::Scope width="wide"/>
            <More state/>
        </Group>
    }
}

/// What hardly anyone changes, folded; unfolded where something is wrong with it, or is to be chosen.
#[component]
fn More(state: FormState) -> impl IntoView {
    let field = Field::ClientAuthentication;
    let (problem, is_disputed) = (state.problem(field), state.is_disputed(field));
    let folded = NodeRef::<Details>::new();
    Effect::new(move |_| {
        if (problem.get().is_some() || is_disputed.get())
            && let Some(folded) = folded.get()
        {
            // Fails for no name but an invalid one.
            drop(folded.set_attribute("open", ""));
        }
    });
    view! {
        <details node_ref=folded class="field wide">
            <summary>{labels::MORE}</summary>
            <Control state field/>
        </details>
    }
}

/// Asks a provider for its endpoints. What is typed here is not part of the form.
#[component]
fn Discovery(state: FormState) -> impl IntoView {
    let issuer = RwSignal::new(String::new());
    let presence = state.presence(Field::TokenEndpoint);
    let is_idle = live(move || !state.may_edit() || presence.get() == Presence::Disabled);
    let inquiry = Inquiry::new(state);
    let question = move || Question::Discovery(issuer.get_untracked());
    let typed = NodeRef::<Input>::new();
    // What was typed before the page came to life counts.
    Effect::new(move |_| {
        if let Some(typed) = typed.get() {
            issuer.set(typed.value());
        }
    });
    view! {
        <div class="field wide">
            <label for="issuer">{labels::ISSUER}</label>
            <input
                node_ref=typed
                id="issuer"
                part="input"
                type="text"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                aria-describedby="issuer-help"
                disabled=is_idle.get_untracked()
                prop:disabled=is_idle
                on:input=move |event| issuer.set(event_target_value(&event))
                on:keydown=move |event| {
                    if event.key() == "Enter" {
                        event.prevent_default();
                    }
                }
            />
            <span class="help" id="issuer-help">{labels::ISSUER_HELP}</span>
            <div class="row">{inquiry.button(labels::DISCOVER, is_idle, Box::new(question))}</div>
            {inquiry.answer()}
        </div>
    }
}

/// Asks whether a browser comes back by the Redirect URI that is typed.
#[component]
fn RedirectDoctor(state: FormState) -> impl IntoView {
    let presence = state.presence(Field::RedirectUri);
    let is_idle = live(move || !state.may_edit() || presence.get() == Presence::Disabled);
    let inquiry = Inquiry::new(state);
    let question = move || {
        let page = window().location().origin().unwrap_or_default();
        Question::RedirectUri(state.text_now(Field::RedirectUri), page)
    };
    view! {
        <div class="field wide">
            <div class="row">
                {inquiry.button(labels::CHECK_ADDRESS, is_idle, Box::new(question))}
            </div>
            {inquiry.answer()}
        </div>
    }
}

/// Use TLS, what goes with it while it is on, and what it comes to with its mode on this port.
#[component]
fn Encryption(state: FormState, use_tls: Field, mode: Field, ca: Field) -> impl IntoView {
    let port = if use_tls == Field::BasicUseTls { Field::BasicPort } else { Field::OauthPort };
    let switch = state.text(use_tls);
    let is_on = live(move || switch.with(|text| text == check_text(true)));
    let note = live_text(move || {
        let follows = [use_tls, mode, port];
        labels::encryption(state.with_draft(&follows, |draft| security(smtp(draft, use_tls))))
    });
    let warning = live_text(move || {
        state.with_draft(&[use_tls, Field::Username], |draft| {
            let is_clear = use_tls == Field::BasicUseTls && !draft.basic.use_tls;
            let is_readable = is_clear && !draft.sign_in.username.is_empty();
            if is_readable { labels::CLEAR_SIGN_IN } else { "" }
        })
    });
    let is_disputed = state.is_disputed(mode);
    let mode = live_view(move || {
        if is_on.get() || is_disputed.get() {
            view! { <Control state field=mode/> }.into_any()
        } else {
            // Keeps the place in the grid.
            view! { <div class="field"></div> }.into_any()
        }
    });
    let (is_disputed, problem) = (state.is_disputed(ca), state.problem(ca));
    let ca = live_option(move || {
        let is_shown = is_on.get() || is_disputed.get() || problem.get().is_some();
        is_shown.then(|| view! { <Control state field=ca width="wide"/> })
    });
    view! {
        <Control state field=use_tls note warning/>
        {mode}
        {ca}
    }
}

/// How the connection would be protected; nothing while the port decides and is not known.
fn security(smtp: &Smtp) -> Option<Security> {
    let port = check::port::port(&smtp.port.0).ok();
    let goes_by_port = smtp.use_tls && smtp.tls_mode == TlsMode::Automatic;
    match port {
        None if goes_by_port => None,
        port => Some(Security::of(smtp.use_tls, smtp.tls_mode, port.unwrap_or_default())),
    }
}

/// The SMTP group that a field stands in.
fn smtp(draft: &Draft, field: Field) -> &Smtp {
    if field.section() == Section::OauthSmtp { &draft.oauth } else { &draft.basic }
}

/// Whether a browser comes back by the Redirect URI that is typed.
fn redirect_note(state: FormState) -> Signal<String> {
    let text = state.text(Field::RedirectUri);
    live_text(move || {
        let (callback, comes_back) = state.callback();
        match (text.with(String::is_empty), comes_back) {
            (true, _) => format!("This server's own address is {callback}."),
            (false, true) => labels::COMES_BACK.to_owned(),
            (false, false) => {
                format!("{} This server's own address is {callback}.", labels::GOES_ELSEWHERE)
            }
        }
    })
}

/// What to know of the port that is typed.
fn port_note(state: FormState, field: Field) -> Signal<String> {
    let text = state.text(field);
    live_text(move || {
        let is_zero = check::port::port(&text.get()) == Ok(0);
        if is_zero { labels::PORT_ZERO } else { "" }
    })
}
