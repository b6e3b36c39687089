//! The banner about an open incident: what stopped, since when, the likely cause and the next steps.

use contract::{Explanation, IncidentView};
use domain::health::LastWorked;
use leptos::prelude::*;

use super::delivery::collapsed;
use super::explanation::NextSteps;
use super::findings::FindingsView;
use crate::model::{
    form::FormState,
    incident::{INCIDENT, IncidentState},
    lookup::{Lookup, LookupRequest},
    test_run::TestState,
};
use crate::view::lookup::{lookup_button, lookup_region};
use crate::view::reactive::{live, live_option, live_text};

/// The banner at the top of the tab, while an incident is open. It opens and closes by itself.
#[component]
pub fn IncidentBanner(form: FormState, test: TestState, incident: IncidentState) -> impl IntoView {
    incident.show_loaded();
    Effect::new(move |before: Option<Option<String>>| {
        let open = incident.now.get();
        let id = open.as_ref().map(|open| open.id.clone());
        let before = before.flatten();
        if id != before {
            form.host.tell_incident(open.as_ref());
            test.keep_end_in_view();
        }
        if id.is_none() && before.is_some() {
            form.announce(labels::incident::WORKS_AGAIN);
        }
        id
    });
    // A further failure changes only the number, and is not announced again.
    let shown = Memo::new(move |_| {
        incident.now.get().map(|open| IncidentView { occurrences: 0, last_worked: None, ..open })
    });
    let last_worked = Memo::new(move |_| incident.now.get().and_then(|open| open.last_worked));
    live_option(move || {
        let open = shown.get()?;
        let (role, at) =
            ((!incident.is_loaded(&open)).then_some("alert"), form.written(open.since));
        let since = live_text(move || {
            let failures = incident.now.with(|open| open.as_ref().map(|open| open.occurrences));
            failures.map(|failures| labels::incident::since(&at, failures)).unwrap_or_default()
        });
        let failure = labels::incident::failure(open.step, &open.explanation.cause);
        let page = health_link(form);
        // A reader has nothing to press.
        let pressing = (!form.is_read_only()).then_some(form);
        let restore = live_option(move || {
            let about = last_worked.with(|it| it.as_ref().map(|it| whose_settings(form, it)));
            about.map(|about| view! { <Restore form about/> })
        });
        Some(view! {
            <section class="notice bad incident" part="notice">
                <div role=role>
                    <h2 id=INCIDENT tabindex="-1">{labels::incident::STOPPED}</h2>
                    <p>{failure}</p>
                </div>
                <p class="hint">{since} " " {page}</p>
                <IncidentDetails open form=pressing/>
                {restore}
            </section>
        })
    })
}

/// The button that fills in the settings that last worked.
#[component]
fn Restore(form: FormState, about: String) -> impl IntoView {
    let lookup = Lookup::new(form, "restore");
    let request = Box::new(|| LookupRequest::LastWorked);
    view! {
        <div class="actions">
            {lookup_button(lookup, labels::incident::RESTORE, live(|| false), request)}
            <span class="hint">{about}</span>
        </div>
        {lookup_region(lookup, view! { <FindingsView lookup/> }.into_any())}
    }
}

/// The link to the page Health, for hosts that have one.
fn health_link(form: FormState) -> Option<AnyView> {
    let href = form.host.health_page()?;
    Some(view! { <a href=href>{labels::incident::SHOW_HEALTH}</a> }.into_any())
}

/// Whose settings the button fills in.
fn whose_settings(form: FormState, last_worked: &LastWorked) -> String {
    let at = last_worked.at.map(|at| form.written(at));
    labels::incident::last_worked(last_worked.by.as_deref(), at.as_deref())
}

/// The credentials that expire soon. A save may have changed their dates.
#[component]
pub fn Reminders(form: FormState, incident: IncidentState) -> impl IntoView {
    let revision = form.revision();
    Effect::new(move |before: Option<i64>| {
        let now = revision.get();
        if before.is_some_and(|before| before != now) {
            form.host.spawn(incident.ask(form));
        }
        now
    });
    live_option(move || {
        let reminders = incident.reminders.get();
        (!reminders.is_empty()).then(|| {
            let reminders: Vec<_> =
                reminders.into_iter().map(|text| view! { <p>{text}</p> }).collect();
            let page = health_link(form);
            view! { <section class="notice" part="notice" role="note">{reminders} {page}</section> }
        })
    })
}

/// What the peer or PPM found, and the next steps.
#[component]
pub fn IncidentDetails(
    open: IncidentView,
    #[prop(optional_no_strip)] form: Option<FormState>,
) -> impl IntoView {
    let IncidentView { step, peer_text, found, explanation, .. } = open;
    let Explanation { steps, see_also, .. } = explanation;
    let reply = peer_text.map(|text| {
        view! {
            <dl class="facts">
                <div><dt>{labels::speaker(step)}</dt><dd><code>{text}</code></dd></div>
            </dl>
        }
    });
    let found = found.map(|found| collapsed(labels::FOUND_BY_PPM, found));
    view! {
        {reply}
        <NextSteps steps see_also form/>
        {found}
    }
}
