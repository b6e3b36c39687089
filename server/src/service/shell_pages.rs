//! The use cases of the pages around the tab: history, audit trail, sessions and time preferences.

use contract::pages::{
    AuditPage, AuditQuery, AuditRow, History, MyAccount, SessionRow, SetUp, TimeSettings,
};
use domain::Field;
use domain::Principal;
use domain::time_format::{TimeDisplay, TimePreference};

use super::UseCaseError;
use crate::Server;
use crate::time_zones;
use store::audit::{self, Action, Actor, AuditFilter, Entry};
use store::sessions::{SessionSummary, StoredSession};
use store::{runs, time_preferences};

/// The number of test messages in the history.
const HISTORY: i64 = 10;
/// The number of audit rows on a page.
const ROWS: i64 = 50;

/// The state of the first administrator's set-up.
pub async fn set_up(server: &Server, ticket: &str) -> Result<SetUp, UseCaseError> {
    if !server.config.has_local_accounts {
        return Ok(SetUp::NotOffered);
    }
    if server.accounts.has_any().await? {
        return Ok(SetUp::Done);
    }
    // Another node may have issued the ticket.
    match server.accounts.is_set_up_open(ticket).await? {
        true => Ok(SetUp::Open),
        false if server.config.offers_set_up => Ok(SetUp::LinkOver),
        false => Ok(SetUp::NotOffered),
    }
}

/// The user's time preference: the host's, else the user's own, else the default in the zone that
/// the provider names.
async fn preference(server: &Server, who: &Principal) -> Result<TimePreference, UseCaseError> {
    if let Some(times) = &who.times {
        return Ok(times.clone());
    }
    if let Some(chosen) = time_preferences::get(&server.store, &who.id).await? {
        return Ok(chosen);
    }
    let usual = TimePreference::default();
    Ok(TimePreference { zone: who.zone.clone().unwrap_or(usual.zone), ..usual })
}

/// Everything needed to format these instants, the present and the near future for this user.
pub async fn display(
    server: &Server,
    who: &Principal,
    instants: impl IntoIterator<Item = chrono::DateTime<chrono::Utc>>,
) -> Result<TimeDisplay, UseCaseError> {
    let now = server.clock.now();
    let earliest = instants.into_iter().fold(now, std::cmp::min);
    Ok(time_zones::display(preference(server, who).await?, earliest, now))
}

/// The latest test messages of all users.
pub async fn history(server: &Server, who: &Principal) -> Result<History, UseCaseError> {
    let runs = runs::history(&server.store, HISTORY).await?;
    let display = display(server, who, runs.iter().map(|(_, kept)| kept.run.started_at)).await?;
    let shown = |(by, kept)| Ok((by, super::runs::shown(server, who, kept)?));
    let runs = runs.into_iter().map(shown).collect::<Result<_, UseCaseError>>()?;
    Ok(History { runs, display, kept_days: server.config.retention.message_days })
}

/// A page of the audit trail.
pub async fn audit(
    server: &Server,
    who: &Principal,
    query: &AuditQuery,
) -> Result<AuditPage, UseCaseError> {
    let preference = preference(server, who).await?;
    let wanted = AuditFilter {
        email: query.person.clone(),
        during: query.day.map(|day| time_zones::day(&preference, day)),
        before: query.before,
    };
    // One row more than shown tells whether there are older ones.
    let mut found = audit::entries(&server.store, &wanted, ROWS + 1).await?;
    let shown = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let has_older = found.len() > shown;
    found.truncate(shown);
    let older = found.last().filter(|_| has_older).map(|(number, _)| *number);
    let display = display(server, who, found.iter().map(|(_, entry)| entry.at)).await?;
    Ok(AuditPage {
        rows: found.into_iter().map(|(_, entry)| row(entry)).collect(),
        older,
        people: audit::people(&server.store).await?,
        display,
        kept_days: server.config.retention.audit_days,
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
pub async fn account(server: &Server, who: &Principal) -> Result<MyAccount, UseCaseError> {
    let found = server.accounts.sessions_seen_by(who).await?;
    let instants =
        found.iter().flat_map(|SessionSummary { found, .. }| [found.created_at, found.seen_at]);
    let display = display(server, who, instants).await?;
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
pub async fn time_settings(server: &Server, who: &Principal) -> Result<TimeSettings, UseCaseError> {
    let now = server.clock.now();
    Ok(TimeSettings {
        display: display(server, who, []).await?,
        is_the_hosts: who.times.is_some(),
        now,
        zones: time_zones::choices(now).collect(),
    })
}

/// Saves this user's time preference.
pub async fn save_preference(
    server: &Server,
    who: &Principal,
    preference: &TimePreference,
) -> Result<(), UseCaseError> {
    let entry = Entry::new(server.clock.now(), Actor::from(who), Action::PreferencesSaved);
    Ok(time_preferences::put(&server.store, &who.id, preference, &entry).await?)
}
