//! `/settings/email/health`: whether email works, its checks, expiry dates and incidents.

use app::IncidentDetails;
use chrono::{DateTime, Utc};
use contract::IncidentView;
use contract::pages::{CheckOutcome, HealthPage as Page, IncidentRow, NextCheck};
use contract::paths;
use domain::health::{Expiry, Health};
use domain::time_format::TimeDisplay;
use labels::health;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::frame::{Frame, fetched};
use crate::parts::{notice, table};

/// The page with the health of mail.
#[component]
pub fn HealthPage() -> impl IntoView {
    let outcome = use_query_map().with_untracked(|query| query.get("check"));
    let outcome = outcome.as_deref().and_then(CheckOutcome::from_wire_name);
    let show = move |page| content(page, outcome);
    view! {
        <Frame title=health::TITLE lead=health::LEAD>
            {fetched(|shell, who| async move { shell.health(&who).await }, show)}
        </Frame>
    }
}

fn content(page: Page, outcome: Option<CheckOutcome>) -> AnyView {
    let outcome = outcome.map(|outcome| {
        let (class, role) = match outcome {
            CheckOutcome::Checked | CheckOutcome::Running => ("notice neutral", "status"),
            CheckOutcome::NotPossible | CheckOutcome::Failed => ("notice bad", "alert"),
        };
        notice(class, role, health::check_outcome(outcome))
    });
    let state = health::state(&page);
    let checks = checks(&page);
    let Page { health, open, last_check, expiries, incidents, now, display, .. } = page;
    let class = match health {
        Health::Down => "notice bad",
        Health::Degraded => "notice",
        Health::Up if last_check.is_some_and(|check| check.failure.is_none()) => "notice good",
        Health::Up => "notice neutral",
    };
    let open = open.map(|open| incident(open, &display, now));
    view! {
        {outcome}
        <section class=class>
            <h2>{state}</h2>
            {open}
        </section>
        {checks}
        <section class="part" aria-labelledby="credentials">
            <h2 id="credentials">{health::CREDENTIALS}</h2>
            {credentials(&expiries, &display, now)}
        </section>
        <section class="part" aria-labelledby="incidents">
            <h2 id="incidents">{health::INCIDENTS}</h2>
            {list(&incidents, &display, now)}
        </section>
        <p><a href=paths::EMAIL>{health::EMAIL_SETTINGS}</a></p>
    }
    .into_any()
}

/// The open incident: its cause, since when, and the next steps.
fn incident(open: IncidentView, display: &TimeDisplay, now: DateTime<Utc>) -> AnyView {
    let failure = labels::incident::failure(open.step, &open.explanation.cause);
    let since = labels::incident::since(&display.written(open.since), open.occurrences);
    // The tab has the form to fill in.
    let restore = open.last_worked.is_some().then(|| {
        let button = format!("{}#restore-button", paths::EMAIL);
        view! { <p><a href=button>{labels::incident::RESTORE}</a></p> }
    });
    let so_far = health::so_far(open.since, now);
    view! {
        <p>{failure}</p>
        <p class="hint">{since} " " {so_far}</p>
        <IncidentDetails open/>
        {restore}
    }
    .into_any()
}

/// The last and the next check, and the button that checks now.
fn checks(page: &Page) -> AnyView {
    let Page { last_check, next_check, accepted_at, may_check, now, display, .. } = page;
    let last = last_check.map_or_else(
        || health::NOT_CHECKED.to_owned(),
        |check| health::check(&display.written(check.at), check.millis, check.failure),
    );
    let at = match next_check {
        NextCheck::At(at) => display.written(*at),
        NextCheck::Off
        | NextCheck::WhenComplete
        | NextCheck::WithToken
        | NextCheck::AfterChange => String::new(),
    };
    let next = health::next_check(*next_check, &at, *now);
    let accepted = accepted_at.map(|at| fact(health::LAST_MESSAGE, display.written(at)));
    let form = may_check.then(|| {
        view! {
            <form method="post" action=paths::HEALTH class="actions">
                <button type="submit" class="primary" aria-describedby="check-help">
                    {health::CHECK_NOW}
                </button>
                <span class="hint" id="check-help">{health::CHECK_HELP}</span>
            </form>
        }
    });
    view! {
        <section class="part" aria-labelledby="checks">
            <h2 id="checks">{health::CHECKS}</h2>
            <div class="lists">
                <dl class="facts">
                    {fact(health::LAST_CHECK, last)} {fact(health::NEXT_CHECK, next)} {accepted}
                </dl>
            </div>
            {form}
        </section>
    }
    .into_any()
}

fn fact(name: &'static str, value: String) -> AnyView {
    view! { <div><dt>{name}</dt><dd>{value}</dd></div> }.into_any()
}

/// The credentials with their expiry dates.
fn credentials(expiries: &[Expiry], display: &TimeDisplay, now: DateTime<Utc>) -> AnyView {
    if expiries.is_empty() {
        return view! { <p class="hint">{health::NO_EXPIRY}</p> }.into_any();
    }
    let rows = expiries.iter().map(|expiry| {
        let (on, left) =
            (display.written_date(expiry.on), health::days_left(*expiry, now.date_naive()));
        view! {
            <tr>
                <td>{labels::alert::credential(expiry.credential)}</td>
                <td data-label=health::EXPIRES_ON>{on}</td>
                <td data-label=health::LEFT>{left}</td>
            </tr>
        }
        .into_any()
    });
    let headings = [health::CREDENTIAL, health::EXPIRES_ON, health::LEFT].map(IntoAny::into_any);
    table(health::CREDENTIALS, headings, rows)
}

/// The latest incidents.
fn list(incidents: &[IncidentRow], display: &TimeDisplay, now: DateTime<Utc>) -> AnyView {
    if incidents.is_empty() {
        return view! { <p class="hint">{health::NO_INCIDENT}</p> }.into_any();
    }
    let rows = incidents.iter().map(|incident| {
        let lasted = health::lasted(incident.since, incident.until.unwrap_or(now));
        let open = incident.until.is_none().then(|| {
            view! { " " <span class="hint">{health::OPEN}</span> }
        });
        let failures = labels::incident::failures(incident.occurrences);
        view! {
            <tr>
                <td class="when" data-label=health::SINCE>{display.written(incident.since)}</td>
                <td data-label=health::DURATION>{lasted} {open}</td>
                <td data-label=health::CAUSE>
                    {health::cause(incident.step, incident.diagnosis)} " "
                    <span class="hint">{failures}</span>
                </td>
            </tr>
        }
        .into_any()
    });
    let headings = [health::SINCE, health::DURATION, health::CAUSE].map(IntoAny::into_any);
    table(health::INCIDENTS, headings, rows)
}
