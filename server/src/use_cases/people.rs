//! The use cases of the pages around the tab: history, audit trail, sessions and time preferences.

use contract::pages::{
    AuditPage, AuditQuery, AuditRow, MyAccount, SessionRow, SetUp, TimeSettings,
};
use domain::time_format::{TimeDisplay, TimePreference};
use domain::{Field, Principal};
use store::audit::{self, Action, Actor, AuditFilter, Entry};
use store::sessions::{SessionSummary, StoredSession};
use store::time_preferences;

use super::UseCaseError;
use crate::identity::People;
use crate::time_zones;

/// The number of audit rows on a page.
const ROWS: i64 = 50;

/// The state of the first administrator's set-up.
pub async fn set_up(people: &People, ticket: &str) -> Result<SetUp, UseCaseError> {
    if !people.config.has_local_accounts {
        return Ok(SetUp::NotOffered);
    }
    if people.accounts.has_any().await? {
        return Ok(SetUp::Done);
    }
    // Another node may have issued the ticket.
    match people.accounts.is_set_up_open(ticket).await? {
        true => Ok(SetUp::Open),
        false if people.config.offers_set_up => Ok(SetUp::LinkOver),
        false => Ok(SetUp::NotOffered),
    }
}

/// The user's time preference: the host's, else the user's own, else the default in the zone that
/// the provider names.
async fn preference(people: &People, who: &Principal) -> Result<TimePreference, UseCaseError> {
    let chosen = match who.times {
        Some(_) => None,
        None => time_preferences::get(&people.store, &who.id).await?,
    };
    Ok(effective(who, chosen))
}

/// The effective preference: the host's, else `chosen`, else the default.
fn effective(who: &Principal, chosen: Option<TimePreference>) -> TimePreference {
    who.times.clone().or(chosen).unwrap_or_else(|| {
        let usual = TimePreference::default();
        TimePreference { zone: who.zone.clone().unwrap_or(usual.zone), ..usual }
    })
}

/// Everything needed to format these instants, the present and the near future for this user.
pub async fn display(
    people: &People,
    who: &Principal,
    instants: impl IntoIterator<Item = chrono::DateTime<chrono::Utc>>,
) -> Result<TimeDisplay, UseCaseError> {
    Ok(display_by(people, preference(people, who).await?, instants))
}

/// The same for a user who has `chosen` this preference, if any.
pub fn display_chosen(
    people: &People,
    who: &Principal,
    chosen: Option<TimePreference>,
    instants: impl IntoIterator<Item = chrono::DateTime<chrono::Utc>>,
) -> TimeDisplay {
    display_by(people, effective(who, chosen), instants)
}

fn display_by(
    people: &People,
    preference: TimePreference,
    instants: impl IntoIterator<Item = chrono::DateTime<chrono::Utc>>,
) -> TimeDisplay {
    let now = people.clock.now();
    let earliest = instants.into_iter().fold(now, std::cmp::min);
    time_zones::display(preference, earliest, now)
}

/// A page of the audit trail.
pub async fn audit(
    people: &People,
    who: &Principal,
    query: &AuditQuery,
) -> Result<AuditPage, UseCaseError> {
    let preference = preference(people, who).await?;
    let wanted = AuditFilter {
        email: query.person.clone(),
        during: query.day.map(|day| time_zones::day(&preference, day)),
        before: query.before,
    };
    // One row more than shown tells whether there are older ones.
    let mut found = audit::entries(&people.store, &wanted, ROWS + 1).await?;
    let shown = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let has_older = found.len() > shown;
    found.truncate(shown);
    let older = found.last().filter(|_| has_older).map(|(number, _)| *number);
    let display = display(people, who, found.iter().map(|(_, entry)| entry.at)).await?;
    Ok(AuditPage {
        rows: found.into_iter().map(|(_, entry)| row(entry)).collect(),
        older,
        people: audit::people(&people.store).await?,
        display,
        kept_days: people.config.retention.audit_days,
    })
}

fn row(entry: Entry) -> AuditRow {
    AuditRow {
        at: entry.at,
        name: entry.actor.name,
        email: entry.actor.email,
        action: entry.action,
        fields: entry.fields.iter().filter_map(|name| Field::from_wire_name(name)).collect(),
        detail: entry.detail,
        issuer: entry.actor.issuer,
        subject: entry.actor.subject,
        address: entry.actor.address,
        session: entry.actor.session,
        count: entry.count,
    }
}

/// This user's sessions; for administrators also those of others.
pub async fn account(people: &People, who: &Principal) -> Result<MyAccount, UseCaseError> {
    let found = people.accounts.sessions_seen_by(who).await?;
    let instants =
        found.iter().flat_map(|SessionSummary { found, .. }| [found.created_at, found.seen_at]);
    let display = display(people, who, instants).await?;
    let own = who.client.session.clone();
    let (mine, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|session| session.found.principal.id == who.id);
    let rows = |sessions: Vec<SessionSummary>| {
        sessions.into_iter().map(|session| session_row(session, own.as_deref())).collect()
    };
    Ok(MyAccount {
        has_password: own.is_some() && who.issuer.is_none(),
        mine: rows(mine),
        others: who.may_edit().then(|| rows(others)),
        display,
    })
}

fn session_row(session: SessionSummary, own: Option<&str>) -> SessionRow {
    let id = session.name();
    let SessionSummary { address, found: StoredSession { principal, created_at, seen_at }, .. } =
        session;
    SessionRow {
        is_this: own == Some(id.as_str()),
        id,
        email: principal.address().to_owned(),
        name: principal.name,
        issuer: principal.issuer,
        address,
        began_at: created_at,
        seen_at,
    }
}

/// This user's time preference, and the choices.
pub async fn time_settings(people: &People, who: &Principal) -> Result<TimeSettings, UseCaseError> {
    let now = people.clock.now();
    Ok(TimeSettings {
        display: display(people, who, []).await?,
        is_the_hosts: who.times.is_some(),
        now,
        zones: time_zones::choices(now).collect(),
    })
}

/// Saves this user's time preference.
pub async fn save_preference(
    people: &People,
    who: &Principal,
    preference: &TimePreference,
) -> Result<(), UseCaseError> {
    let entry = Entry::new(people.clock.now(), Actor::from(who), Action::PreferencesSaved);
    Ok(time_preferences::put(&people.store, &who.id, preference, &entry).await?)
}
