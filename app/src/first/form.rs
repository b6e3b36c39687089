//! The settings form: its groups in screen order.

mod encryption;
mod groups;
mod lookups;

use std::time::Duration;

use domain::field::Kind;
use domain::{Field, Presence, Section, presence};
use leptos::html::Details;
use leptos::prelude::*;

use self::groups::{AuthenticationGroup, BasicGroup, FlowGroup, OauthGroup};
use super::{field::Control, notice::FormNotice, paced::Paced, preset::ProviderMenu};
use crate::deferred::door::{self, DeferredView, deferred};
use crate::model::{form::FormState, incident::IncidentState, token::TokenState};
use crate::view::reactive::{live, live_text};

/// The saved groups, with the notice above and the save bar last on the page.
#[component]
pub fn SettingsForm(
    state: FormState,
    token: TokenState,
    incident: IncidentState,
    children: Children,
) -> impl IntoView {
    if state.host.is_whole_page() {
        ask_before_leaving(state);
    }
    Effect::new(move |_| state.host.tell_dirty(state.is_dirty.get()));
    // After the parts: their tasks were queued before this one.
    Effect::new(move |_| {
        set_timeout(
            move || {
                state.mark_hydrated();
                state.host.spawn(door::load(state));
            },
            Duration::ZERO,
        );
    });
    let read_only = state.is_read_only().then(|| {
        view! { <p class="notice neutral" part="notice" role="note">{labels::READ_ONLY}</p> }
    });
    let menu = (!state.is_read_only())
        .then(|| view! { <Paced form=state of_settings="menu"><ProviderMenu form=state/></Paced> });
    view! {
        // No control has a `name`, so a native submit would send an empty body.
        <form
            class="email-settings"
            method="post"
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                state.save();
            }
            on:keydown=move |event| state.save_by_key(&event)
        >
            {read_only}
            <FormNotice state/>
            {menu}
            <Paced form=state of_settings="flow"><FlowGroup state/></Paced>
            <Paced form=state of_settings="basic"><BasicGroup state/></Paced>
            <Paced form=state of_settings="oauth"><OauthGroup state/></Paced>
            <Paced form=state of_settings="authentication"><AuthenticationGroup state/></Paced>
            {children()}
            {deferred(state, DeferredView::SaveBar(token, incident))}
            <p class="unseen" role="status">{state.announced()}</p>
            {deferred(state, DeferredView::Effects)}
        </form>
    }
}

/// Registers a `beforeunload` handler that asks for confirmation while there are unsaved changes.
/// The browser chooses the wording.
fn ask_before_leaving(state: FormState) {
    let guard = window_event_listener(leptos::ev::beforeunload, move |event| {
        if state.is_dirty.get_untracked() {
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
            <span class="tag" part="tag" class:required=live(move || presence.get() == Presence::Required)>
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
            <legend part="legend"><h2>{labels::section(section)}</h2></legend>
            <div class="marks">
                {mark}
                <span class="group-help" id=help_id.clone()>{help}</span>
                {action}
            </div>
            <div class="body">{children()}</div>
        </fieldset>
    }
}

/// A `details` element around a control that is seldom used. It opens itself if the control has a
/// value, a problem or a conflict.
#[component]
fn Folded(
    state: FormState,
    field: Field,
    /// The summary.
    name: &'static str,
    /// What the control is for, beside the summary.
    #[prop(default = "")]
    mark: &'static str,
) -> impl IntoView {
    let (problem, is_conflicting) = (state.problem(field), state.is_conflicting(field));
    let has_value = field.kind() == Kind::Lines && !state.text_now(field).is_empty();
    let node = NodeRef::<Details>::new();
    Effect::new(move |_| {
        let is_filled = field.kind() == Kind::Lines && !state.text(field).with(String::is_empty);
        if (is_filled || problem.get().is_some() || is_conflicting.get())
            && let Some(details) = node.get()
        {
            details.set_open(true);
        }
    });
    view! {
        <details node_ref=node class="field wide" open=has_value>
            <summary>{name} " " <span class="mark">{mark}</span></summary>
            <Control state field/>
        </details>
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
