//! The settings form: its groups in screen order.

mod encryption;
mod groups;
mod lookups;

use domain::{Field, Presence, Section, presence};
use leptos::prelude::*;

use self::groups::{AuthenticationGroup, BasicGroup, FlowGroup, OauthGroup};
use super::{notice::FormNotice, save_bar::SaveBar};
use crate::deferred::door;
use crate::model::form::FormState;
use crate::view::reactive::{live, live_option, live_text};

/// The saved groups, with the notice above and the save bar last on the page.
#[component]
pub fn SettingsForm(state: FormState, children: Children) -> impl IntoView {
    if state.host.hooks_beforeunload() {
        ask_before_leaving(state);
    }
    Effect::new(move |_| state.host.tell_dirty(state.is_dirty.get()));
    Effect::new(move |_| {
        state.mark_hydrated();
        state.host.spawn(door::load(state));
    });
    let read_only = live_option(move || {
        (!state.may_edit())
            .then(|| view! { <p class="notice" part="notice" role="note">{labels::READ_ONLY}</p> })
    });
    view! {
        // No control has a `name`, so a native submit would send an empty body.
        <form class="email-settings" method="post" novalidate on:submit=move |event| {
            event.prevent_default();
            if state.is_dirty.get_untracked() {
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
