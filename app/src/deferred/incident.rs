//! The banner about an open incident: what stopped, since when, the likely cause and the next steps.

use contract::{Explanation, IncidentView};
use leptos::prelude::*;

use super::delivery::collapsed;
use super::explanation::NextSteps;
use crate::model::{form::FormState, incident::IncidentState, test_run::TestState};
use crate::view::reactive::{live_option, live_text};

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
    let shown =
        Memo::new(move |_| incident.now.get().map(|open| IncidentView { occurrences: 0, ..open }));
    live_option(move || {
        let open = shown.get()?;
        let (role, at) =
            ((!incident.is_loaded(&open)).then_some("alert"), form.written(open.since));
        let since = live_text(move || {
            let failures = incident.now.with(|open| open.as_ref().map(|open| open.occurrences));
            failures.map(|failures| labels::incident::since(&at, failures)).unwrap_or_default()
        });
        let failure = labels::incident::failure(open.step, &open.explanation.cause);
        let page = form.host.health_page().map(|href| {
            view! { " " <a href=href>{labels::incident::SHOW_HEALTH}</a> }
        });
        // A reader has nothing to press.
        let pressing = (!form.is_read_only()).then_some(form);
        Some(view! {
            <section class="notice bad incident" part="notice">
                <div role=role>
                    <h2>{labels::incident::STOPPED}</h2>
                    <p>{failure}</p>
                </div>
                <p class="hint">{since} {page}</p>
                <IncidentDetails open form=pressing/>
            </section>
        })
    })
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
            view! { <section class="notice" part="notice" role="note">{reminders}</section> }
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
