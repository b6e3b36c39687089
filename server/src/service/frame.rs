//! What the pages around the tab ask for: the history, the audit trail, a person's sessions and how they
//! like times.

use app::service::{
    AuditPage, AuditQuery, AuditRow, History, MyAccount, Principal, SessionRow, SetUp, TimeSettings,
};
use domain::Field;
use domain::time_format::{TimeDisplay, TimePreference};

use super::Broken;
use crate::Server;
use crate::store::audit::{self, Action, Actor, Entry, Wanted};
use crate::store::sessions::{Found, Listed};
use crate::store::{runs, time_preferences};
use crate::zones;

/// How many test messages the history shows.
const HISTORY: i64 = 10;
/// How many rows of the audit trail a page shows.
const ROWS: i64 = 50;

/// Where the making of the first administrator stands.
pub async fn set_up(server: &Server, ticket: &str) -> Result<SetUp, Broken> {
    if !server.config.has_local_accounts {
        return Ok(SetUp::NotOffered);
    }
    if server.accounts.has_any().await? {
        return Ok(SetUp::Done);
    }
    // Another node may have given the ticket.
    match server.accounts.is_set_up_open(ticket).await? {
        true => Ok(SetUp::Open),
        false if server.config.offers_set_up => Ok(SetUp::LinkOver),
        false => Ok(SetUp::NotOffered),
    }
}

/// How this person likes times: as their host says, or else as they chose here, or else as everybody
/// does, in the zone that their provider names.
async fn preference(server: &Server, who: &Principal) -> Result<TimePreference, Broken> {
    if let Some(times) = &who.times {
        return Ok(times.clone());
    }
    if let Some(chosen) = time_preferences::get(&server.store, &who.id).await? {
        return Ok(chosen);
    }
    let usual = TimePreference::default();
    Ok(TimePreference { zone: who.zone.clone().unwrap_or(usual.zone), ..usual })
}

/// What it takes to write these instants, the present and the near future for this person.
pub async fn display(
    server: &Server,
    who: &Principal,
    instants: impl IntoIterator<Item = chrono::DateTime<chrono::Utc>>,
) -> Result<TimeDisplay, Broken> {
    let now = server.clock.now();
    let earliest = instants.into_iter().fold(now, std::cmp::min);
    Ok(zones::display(preference(server, who).await?, earliest, now))
}

/// The latest test messages of everybody.
pub async fn history(server: &Server, who: &Principal) -> Result<History, Broken> {
    let runs = runs::history(&server.store, HISTORY).await?;
    let display = display(server, who, runs.iter().map(|(_, kept)| kept.run.started_at)).await?;
    let shown = |(by, kept)| Ok((by, super::runs::shown(server, who, kept)?));
    let runs = runs.into_iter().map(shown).collect::<Result<_, Broken>>()?;
    Ok(History { runs, display, kept_days: server.config.retention.message_days })
}

/// A page of the audit trail.
pub async fn audit(
    server: &Server,
    who: &Principal,
    query: &AuditQuery,
) -> Result<AuditPage, Broken> {
    let preference = preference(server, who).await?;
    let wanted = Wanted {
        email: query.person.clone(),
        during: query.day.map(|day| zones::day(&preference, day)),
        before: query.before,
    };
    // One more than is shown tells whether there are older ones.
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

/// This person's sessions, and for administrators those of others.
pub async fn account(server: &Server, who: &Principal) -> Result<MyAccount, Broken> {
    let found = server.accounts.sessions_seen_by(who).await?;
    let instants = found.iter().flat_map(|Listed { found, .. }| [found.created_at, found.seen_at]);
    let display = display(server, who, instants).await?;
    let own = who.client.session.clone();
    let (mine, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|session| session.found.principal.id == who.id);
    let rows = |sessions: Vec<Listed>| {
        sessions.into_iter().map(|session| session_row(session, own.as_deref())).collect()
    };
    Ok(MyAccount {
        has_password: own.is_some() && who.issuer.is_none(),
        mine: rows(mine),
        others: who.may_edit().then(|| rows(others)),
        display,
    })
}

fn session_row(session: Listed, own: Option<&str>) -> SessionRow {
    let id = session.name();
    let Listed { address, found: Found { principal, created_at, seen_at }, .. } = session;
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

/// How this person likes times, and what else they may choose.
pub async fn time_settings(server: &Server, who: &Principal) -> Result<TimeSettings, Broken> {
    let now = server.clock.now();
    Ok(TimeSettings {
        display: display(server, who, []).await?,
        is_the_hosts: who.times.is_some(),
        now,
        zones: zones::choices(now).collect(),
    })
}

/// Keeps how this person likes times.
pub async fn save_preference(
    server: &Server,
    who: &Principal,
    preference: &TimePreference,
) -> Result<(), Broken> {
    let entry = Entry::new(server.clock.now(), Actor::from(who), Action::PreferencesSaved);
    Ok(time_preferences::put(&server.store, &who.id, preference, &entry).await?)
}
