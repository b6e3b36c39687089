//! The settings form: its groups in screen order.

use domain::draft::{Smtp, TlsMode, bool_text};
use domain::settings::Security;
use domain::syntax::port;
use domain::{Draft, Field, Presence, Section, presence};
use leptos::html::{Details, Input};
use leptos::prelude::*;

use super::field::{Control, secret_note};
use super::lookup::{lookup_button, lookup_result};
use super::notice::FormNotice;
use super::preset::ProviderMenu;
use super::save_bar::SaveBar;
use crate::deferred::door::{self, DeferredView, deferred};
use crate::model::copying::CopyQuestion;
use crate::model::form::FormState;
use crate::model::lookup::{Lookup, LookupRequest};
use crate::view::reactive::{live, live_option, live_text, live_view};

/// The saved groups, with the notice above and the save bar last on the page.
#[component]
pub fn SettingsForm(state: FormState, children: Children) -> impl IntoView {
    if state.host().hooks_beforeunload() {
        ask_before_leaving(state);
    }
    Effect::new(move |_| state.host().tell_dirty(state.is_dirty().get()));
    Effect::new(move |_| {
        state.mark_hydrated();
        state.host().spawn(door::load(state));
    });
    let read_only = live_option(move || {
        (!state.may_edit())
            .then(|| view! { <p class="notice" part="notice" role="note">{labels::READ_ONLY}</p> })
    });
    view! {
        // No control has a `name`, so a native submit would send an empty body.
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

/// Registers a `beforeunload` handler that asks for confirmation while there are unsaved changes.
/// The browser chooses the wording.
fn ask_before_leaving(state: FormState) {
    let guard = window_event_listener(leptos::ev::beforeunload, move |event| {
        if state.is_dirty().get_untracked() {
            event.prevent_default();
        }
    });
    on_cleanup(move || guard.remove());
}

/// A fieldset with its tags outside the legend, so that the legend is exactly the group's name.
#[component]
fn Group(
    state: FormState,
    section: Section,
    /// A control at the end of the header line.
    #[prop(optional)]
    action: Option<AnyView>,
    children: Children,
) -> impl IntoView {
    let presence = Memo::new(move |_| {
        state.with_draft(&[Field::Flow], |draft| presence::section_presence(section, draft.flow))
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
            <div class="announcement stack" role="status">{deferred(state, DeferredView::Notice)}</div>
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
            {labels::tab::COPY_FROM_BASIC}
        </button>
    }
    .into_any();
    view! {
        <Group state section=Section::OauthSmtp action=copy>
            <div class="announcement stack" role="status">{deferred(state, DeferredView::CopyQuestion(question))}</div>
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
            <RedirectCheck state/>
            <Control state field=Field::Scope width="wide"/>
            <MoreSettings state/>
        </Group>
    }
}

/// Rarely changed settings, collapsed. Opens itself if one has a problem or a conflict.
#[component]
fn MoreSettings(state: FormState) -> impl IntoView {
    let field = Field::ClientAuthentication;
    let (problem, is_conflicting) = (state.problem(field), state.is_conflicting(field));
    let details = NodeRef::<Details>::new();
    Effect::new(move |_| {
        if (problem.get().is_some() || is_conflicting.get())
            && let Some(details) = details.get()
        {
            // Fails only for an invalid attribute name.
            drop(details.set_attribute("open", ""));
        }
    });
    view! {
        <details node_ref=details class="field wide">
            <summary>{labels::MORE}</summary>
            <Control state field/>
        </details>
    }
}

/// Looks up a provider's endpoints from its metadata. The issuer typed here is not part of the form.
#[component]
fn Discovery(state: FormState) -> impl IntoView {
    let issuer = RwSignal::new(String::new());
    let presence = state.presence(Field::TokenEndpoint);
    let is_idle = live(move || !state.may_edit() || presence.get() == Presence::Disabled);
    let lookup = Lookup::new(state);
    let request = move || LookupRequest::Discovery(issuer.get_untracked());
    let typed = NodeRef::<Input>::new();
    // Adopts input typed before hydration.
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
            <div class="row">{lookup_button(lookup, labels::DISCOVER, is_idle, Box::new(request))}</div>
            {lookup_result(lookup)}
        </div>
    }
}

/// Checks whether a redirect to the typed Redirect URI reaches this server.
#[component]
fn RedirectCheck(state: FormState) -> impl IntoView {
    let presence = state.presence(Field::RedirectUri);
    let is_idle = live(move || !state.may_edit() || presence.get() == Presence::Disabled);
    let lookup = Lookup::new(state);
    let request = move || {
        let page = window().location().origin().unwrap_or_default();
        LookupRequest::RedirectUri(state.text_now(Field::RedirectUri), page)
    };
    view! {
        <div class="field wide">
            <div class="row">
                {lookup_button(lookup, labels::CHECK_ADDRESS, is_idle, Box::new(request))}
            </div>
            {lookup_result(lookup)}
        </div>
    }
}

/// Use TLS with its mode and trusted CA while it is on, and a note on the resulting encryption.
#[component]
fn Encryption(state: FormState, use_tls: Field, mode: Field, ca: Field) -> impl IntoView {
    let port = if use_tls == Field::BasicUseTls { Field::BasicPort } else { Field::OauthPort };
    let switch = state.text(use_tls);
    let is_on = live(move || switch.with(|text| text == bool_text(true)));
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
    let is_conflicting = state.is_conflicting(mode);
    let mode = live_view(move || {
        if is_on.get() || is_conflicting.get() {
            view! { <Control state field=mode/> }.into_any()
        } else {
            // Keeps the grid cell.
            view! { <div class="field"></div> }.into_any()
        }
    });
    let (is_conflicting, problem) = (state.is_conflicting(ca), state.problem(ca));
    let ca = live_option(move || {
        let is_shown = is_on.get() || is_conflicting.get() || problem.get().is_some();
        is_shown.then(|| view! { <Control state field=ca width="wide"/> })
    });
    view! {
        <Control state field=use_tls note warning/>
        {mode}
        {ca}
    }
}

/// The connection security that results; `None` if it depends on the port and that is invalid.
fn security(smtp: &Smtp) -> Option<Security> {
    let port = port::port(&smtp.port.0).ok();
    let depends_on_port = smtp.use_tls && smtp.tls_mode == TlsMode::Automatic;
    match port {
        None if depends_on_port => None,
        port => Some(Security::of(smtp.use_tls, smtp.tls_mode, port.unwrap_or_default())),
    }
}

/// The SMTP group that a field belongs to.
fn smtp(draft: &Draft, field: Field) -> &Smtp {
    if field.section() == Section::OauthSmtp { &draft.oauth } else { &draft.basic }
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
                format!("{} {}", labels::GOES_ELSEWHERE, labels::tab::own_address(&callback))
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
