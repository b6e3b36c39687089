//! What a user sees of the health of mail: the page Health, and the open incident in the tab.

use std::time::Duration;

use chrono::NaiveDate;
use contract::IncidentView;
use contract::pages::{CheckOutcome, CheckRow, HealthPage, IncidentRow, NextCheck};
use domain::delivery::{Outcome, Run, StepReport, StepStatus, Tested};
use domain::error::one_line;
use domain::health::{Expiry, Health, Incident, Trouble};
use domain::time_format::TimeDisplay;
use domain::{OauthFlow, Principal};
use store::health::{self as rows, Known, KnownEnds, OpenIncident};
use store::tokens::{self, StoredToken};
use tokio::time::timeout;

use super::super::settings::{self, Current};
use super::super::{UseCaseError, people::display, reader_view};
use super::HealthChecks;
use super::checks::expiries;
use crate::identity::People;

/// The number of incidents in the list.
const INCIDENTS: i64 = 20;
/// How long a page waits for a check that was asked for.
const PATIENCE: Duration = Duration::from_secs(15);

/// The page Health, as this user may see it.
pub async fn page(
    checks: &HealthChecks,
    people: &People,
    who: &Principal,
) -> Result<HealthPage, UseCaseError> {
    let store = &checks.delivery.health.store;
    let current = settings::current(&checks.delivery.settings).await?;
    let (token, known) = (tokens::load(store).await?, rows::load(store).await?);
    let incidents = rows::incidents(store, INCIDENTS).await?;
    let now = checks.delivery.health.clock.now();
    let expiries = expiries(&known.ends, &current, token.as_ref());
    let health = Health::of(known.open.as_ref(), &expiries, now.date_naive());
    let next_check = next_check(checks, &known, &current, token.as_ref());
    let last_check = known.last_check.map(|check| CheckRow {
        at: check.at,
        millis: check.millis,
        failure: check.trouble.map(|trouble| (trouble.step, trouble.diagnosis)),
    });
    let incidents: Vec<_> = incidents.iter().map(row).collect();
    let checked = last_check.map(|check| check.at);
    let instants = incidents.iter().map(|incident| incident.since).chain(checked);
    let display = display(people, who, instants.chain(known.accepted_at)).await?;
    let open = rows::open(store).await?;
    let open = open.map(|open| shown(open, &current, who)).transpose()?;
    Ok(HealthPage {
        health,
        open,
        last_check,
        next_check,
        accepted_at: known.accepted_at,
        expiries,
        incidents,
        may_check: who.may_edit(),
        now,
        display,
    })
}

fn next_check(
    checks: &HealthChecks,
    known: &Known,
    current: &Current,
    token: Option<&StoredToken>,
) -> NextCheck {
    let needs_token = current.saved.form.flow != OauthFlow::None && token.is_none();
    match known.monitor.check_at {
        _ if !checks.are_on => NextCheck::Off,
        _ if !current.saved.is_complete() => NextCheck::WhenComplete,
        _ if needs_token => NextCheck::WithToken,
        Some(at) => NextCheck::At(at),
        None if known.open.is_some() => NextCheck::WithToken,
        None => NextCheck::AfterChange,
    }
}

fn row(incident: &Incident) -> IncidentRow {
    let Trouble { step, diagnosis, .. } = &incident.trouble;
    IncidentRow {
        since: incident.opened_at,
        until: incident.closed_at,
        occurrences: incident.occurrences,
        step: *step,
        diagnosis: *diagnosis,
    }
}

/// An open incident as this user may see it, explained like a failed test message with the saved
/// form. If it last occurred with other settings, neither their form nor their Client ID is known.
pub fn shown(
    OpenIncident { incident, token_revision, last_worked }: OpenIncident,
    current: &Current,
    who: &Principal,
) -> Result<IncidentView, UseCaseError> {
    let (_, text) = labels::alert::opened(&incident);
    let Incident { id, opened_at, occurrences, trouble, .. } = incident;
    let is_of_saved = token_revision == Some(current.token_revision);
    let mut form = current.saved.form.map_secrets(|_, _| ());
    let client_id = form.authentication.client_id.clone();
    if !who.may_edit() {
        form.authentication.client_id.clear();
    }
    let (step, diagnosis) = (trouble.step, trouble.diagnosis);
    let may_see_texts = is_of_saved || who.may_edit();
    let texts = if may_see_texts { (trouble.peer_text, trouble.found) } else { (None, None) };
    // Redacted first: a text may be truncated within the id.
    let (peer_text, found) = reader_view::for_person(texts, Some(who), &client_id)?;
    let run = Run {
        id: String::new(),
        recipient: String::new(),
        tested: Tested::Saved,
        started_at: opened_at,
        steps: vec![StepReport {
            step,
            ended: StepStatus::Failed,
            millis: 0,
            facts: Vec::new(),
            peer_text: peer_text.clone(),
            found: found.clone(),
        }],
        outcome: Some(Outcome::Failed {
            step,
            diagnosis,
            peer_text: peer_text.clone(),
            found: found.clone(),
        }),
    };
    let explanation = if is_of_saved {
        explain::explained(&run, &form).unwrap_or_default()
    } else {
        explain::of_diagnosis(diagnosis)
    };
    Ok(IncidentView {
        id,
        since: opened_at,
        occurrences,
        step,
        diagnosis: alerts::code(diagnosis),
        peer_text,
        found,
        explanation: reader_view::for_person(explanation, Some(who), &client_id)?,
        text,
        last_worked: last_worked.filter(|_| who.may_edit()),
        for_administrators: who.may_edit(),
    })
}

/// The reminders that the tab shows: of each credential that ends within the first of
/// [`domain::health::REMINDERS`].
pub fn reminders(
    ends: &KnownEnds,
    current: &Current,
    token: Option<&StoredToken>,
    display: &TimeDisplay,
    today: NaiveDate,
) -> Vec<String> {
    let is_due = |expiry: &Expiry| expiry.reminder(today).is_some();
    let due = expiries(ends, current, token).into_iter().filter(is_due);
    let text =
        |expiry: Expiry| labels::alert::reminder(expiry, &display.written_date(expiry.on), today);
    due.map(text).collect()
}

/// Checks the sign-in now. A check that takes longer than a page may goes on without it.
pub async fn check_now(checks: &HealthChecks, within: Duration) -> CheckOutcome {
    let task = checks.clone();
    let check = checks.delivery.tasks.spawn(async move { task.check_now().await });
    match timeout(PATIENCE.min(within), check).await {
        Ok(Ok(Ok(true))) => CheckOutcome::Checked,
        Ok(Ok(Ok(false))) => CheckOutcome::NotPossible,
        Ok(Ok(Err(error))) => {
            tracing::error!(error = one_line(&error), "the connection could not be checked");
            CheckOutcome::Failed
        }
        Ok(Err(_)) => CheckOutcome::Failed,
        Err(_) => CheckOutcome::Running,
    }
}
