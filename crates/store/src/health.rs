//! What is known of the saved connection, and its incidents. One node at a time checks the
//! connection (a lease); an attempt of any node can open or close the incident, in a transaction
//! under the lock of the settings that it used.

use chrono::{DateTime, TimeDelta, Utc};
use domain::delivery::Diagnosis;
use domain::health::{
    AlertSubject, Credential, Evidence, Expiry, Incident, LastWorked, Monitor, Reach, Transition,
    Trouble,
};
use sqlx::{AnyConnection, AssertSqlSafe, any::AnyRow};

use crate::alerts;
use crate::columns::{column, json, millis};
use crate::error::StoreError;
use crate::pool::Store;
use crate::proved;

/// What is known of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The failures in a row, and when the sign-in is checked next.
    pub monitor: Monitor,
    /// The last check of the sign-in.
    pub last_check: Option<LastCheck>,
    /// When a mail server last accepted a message.
    pub accepted_at: Option<DateTime<Utc>>,
    /// When a save deleted the token, if there has been none since.
    pub token_deleted_at: Option<DateTime<Utc>>,
    /// What is known of the ends of credentials.
    pub ends: KnownEnds,
    /// The open incident.
    pub open: Option<Incident>,
    /// Whether the saved settings are kept as those that last worked.
    pub is_proved: bool,
}

/// An open incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIncident {
    /// The incident.
    pub incident: Incident,
    /// The token revision of the settings with which it last occurred; unknown for an incident of an
    /// earlier version.
    pub token_revision: Option<i64>,
    /// The settings that last worked, if they were changed since.
    pub last_worked: Option<LastWorked>,
}

/// A check of the sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastCheck {
    /// When it began.
    pub at: DateTime<Utc>,
    /// Its duration in milliseconds.
    pub millis: i64,
    /// Why it failed; `None` if it succeeded.
    pub trouble: Option<Trouble>,
}

/// What is known of the ends of credentials, beside the settings and the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownEnds {
    /// When the mail server's certificate expires.
    pub certificate_expires_at: Option<DateTime<Utc>>,
    /// How long a grant lasts, if the end of an earlier one has shown it.
    pub grant_lifetime: Option<TimeDelta>,
}

impl KnownEnds {
    /// The columns.
    pub(crate) const COLUMNS: &str = "health.certificate_expires_at, health.grant_seconds";

    /// Reads them from a row.
    pub(crate) fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            certificate_expires_at: column(row, "certificate_expires_at")?,
            grant_lifetime: column::<Option<i64>>(row, "grant_seconds")?
                .and_then(TimeDelta::try_seconds),
        })
    }

    /// Returns when the mail server's certificate expires, if that is known.
    pub fn certificate(&self) -> Option<Expiry> {
        let on = self.certificate_expires_at?.date_naive();
        Some(Expiry { credential: Credential::ServerCertificate, on })
    }
}

/// The columns of an incident, beside those of other tables.
pub(crate) const COLUMNS: &str = "incident.id AS incident_id, incident.opened_at, incident.last_at, \
    incident.closed_at, incident.occurrences, incident.reach, incident.trouble";

/// Reads an incident from a row with its columns; `None` if there is none.
pub(crate) fn incident_from_row(row: &AnyRow) -> Result<Option<Incident>, StoreError> {
    let Some(id) = column(row, "incident_id")? else { return Ok(None) };
    Ok(Some(Incident {
        id,
        opened_at: column(row, "opened_at")?,
        last_at: column(row, "last_at")?,
        closed_at: column(row, "closed_at")?,
        occurrences: column(row, "occurrences")?,
        reach: column(row, "reach")?,
        trouble: column(row, "trouble")?,
    }))
}

impl OpenIncident {
    /// The columns of an incident and of the settings that last worked.
    pub(crate) fn columns() -> String {
        format!("{COLUMNS}, incident.token_revision AS incident_revision, {}", proved::COLUMNS)
    }

    /// Reads it from a row with these columns; `None` if there is none.
    pub(crate) fn from_row(row: &AnyRow) -> Result<Option<Self>, StoreError> {
        let Some(incident) = incident_from_row(row)? else { return Ok(None) };
        let token_revision = column(row, "incident_revision")?;
        let last_worked = proved::last_worked_from_row(row)?;
        Ok(Some(Self { incident, token_revision, last_worked }))
    }
}

/// Returns the open incident.
pub async fn open(store: &Store) -> Result<Option<OpenIncident>, StoreError> {
    let sql = format!(
        "SELECT {} FROM incident JOIN settings ON settings.id = 1 {} WHERE is_open = 1",
        OpenIncident::columns(),
        proved::JOIN,
    );
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&store.pool).await?;
    row.map_or(Ok(None), |row| OpenIncident::from_row(&row))
}

/// Reads what is known, as one consistent snapshot.
pub async fn load(store: &Store) -> Result<Known, StoreError> {
    load_in(&mut *store.pool.acquire().await?).await
}

async fn load_in(connection: &mut AnyConnection) -> Result<Known, StoreError> {
    let sql = format!(
        "SELECT failures, failing_since, failing_reach, retry_at, check_at, checked_at, check_millis,
                check_trouble, accepted_at, token_deleted_at, {},
                proved.id AS proved_id, {COLUMNS}
         FROM health JOIN settings ON settings.id = 1
         LEFT JOIN proved ON proved.revision = settings.revision
         LEFT JOIN incident ON incident.is_open = 1 WHERE health.id = 1",
        KnownEnds::COLUMNS,
    );
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(connection).await?;
    let checked_at: Option<DateTime<Utc>> = column(&row, "checked_at")?;
    let millis: Option<i64> = column(&row, "check_millis")?;
    let trouble = column(&row, "check_trouble")?;
    Ok(Known {
        monitor: Monitor {
            failures: column(&row, "failures")?,
            since: column(&row, "failing_since")?,
            reach: column(&row, "failing_reach")?,
            retry_at: column(&row, "retry_at")?,
            check_at: column(&row, "check_at")?,
        },
        last_check: checked_at.map(|at| LastCheck { at, millis: millis.unwrap_or(0), trouble }),
        accepted_at: column(&row, "accepted_at")?,
        token_deleted_at: column(&row, "token_deleted_at")?,
        ends: KnownEnds::from_row(&row)?,
        open: incident_from_row(&row)?,
        is_proved: column::<Option<i64>>(&row, "proved_id")?.is_some(),
    })
}

/// Erases what a server has said in incidents, if it names an address.
pub(crate) async fn erase_in_incidents(
    connection: &mut AnyConnection,
    address: &str,
) -> Result<(), StoreError> {
    let address = address.to_lowercase();
    let rows = sqlx::query("SELECT id, trouble FROM incident").fetch_all(&mut *connection).await?;
    for row in rows {
        let trouble: Trouble = column(&row, "trouble")?;
        let mut texts = [&trouble.peer_text, &trouble.found].into_iter().flatten();
        if texts.any(|text| text.to_lowercase().contains(&address)) {
            let erased = Trouble { peer_text: None, found: None, ..trouble };
            sqlx::query("UPDATE incident SET trouble = $2 WHERE id = $1")
                .bind(column::<String>(&row, "id")?)
                .bind(json(&erased))
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// Returns the latest incidents, the last one first.
pub async fn incidents(store: &Store, count: i64) -> Result<Vec<Incident>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM incident ORDER BY opened_at DESC, id LIMIT $1");
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(count).fetch_all(&store.pool).await?;
    rows.iter().filter_map(|row| incident_from_row(row).transpose()).collect()
}

/// An attempt to use the saved connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What it has shown.
    pub evidence: Evidence,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// The check that it was; `None` for a message or a renewal.
    pub check: Option<LastCheck>,
    /// When the mail server's certificate expires, if it presented one.
    pub certificate_expires_at: Option<DateTime<Utc>>,
    /// How much later than usual the next check is.
    pub jitter: TimeDelta,
}

impl Observation {
    /// How far a success came; `None` for a failure.
    pub const fn reach(&self) -> Option<Reach> {
        match &self.evidence {
            Evidence::Works(proof) => Some(proof.reach),
            Evidence::Fails(_) => None,
        }
    }
}

/// Draws the conclusions of an attempt with the settings of this token revision, and queues the
/// alerts. `id` is the random ID of an incident that opens, and of an alert. `None`, and nothing
/// changed, if the settings were changed since.
pub async fn observe(
    store: &Store,
    token_revision: i64,
    observation: &Observation,
    id: &str,
) -> Result<Option<Transition>, StoreError> {
    let Some(mut transaction) = store.begin_write_for_token(token_revision).await? else {
        return Ok(None);
    };
    let known = load_in(&mut transaction).await?;
    let Observation { evidence, at, .. } = observation;
    if is_outdated(&mut transaction, evidence, *at).await? {
        return Ok(None);
    }
    let open = known.open.as_ref().map(|incident| incident.reach);
    let (monitor, transition) = known.monitor.after(open, evidence, *at, observation.jitter);
    let Known { monitor: before, token_deleted_at, open, .. } = known;
    match (transition, evidence, open) {
        (Transition::Opens, Evidence::Fails(trouble), _) => {
            let incident = Incident {
                id: id.to_owned(),
                opened_at: began_at(before, token_deleted_at, trouble).unwrap_or(*at),
                last_at: *at,
                closed_at: None,
                occurrences: 1 + before.failures,
                reach: trouble.reach().max(before.reach),
                trouble: trouble.clone(),
            };
            open_in(&mut transaction, &incident).await?;
            alerts::queue_in(&mut transaction, id, &AlertSubject::Opened(incident), *at).await?;
        }
        (Transition::Recurs, Evidence::Fails(trouble), Some(incident)) => {
            sqlx::query(
                "UPDATE incident SET occurrences = occurrences + 1, last_at = $2, trouble = $3,
                        reach = $4,
                        token_revision = (SELECT token_revision FROM settings WHERE id = 1)
                 WHERE id = $1",
            )
            .bind(&incident.id)
            .bind(millis(*at))
            .bind(json(trouble))
            .bind(incident.reach.max(trouble.reach()).wire_name())
            .execute(&mut *transaction)
            .await?;
        }
        (Transition::Closes, _, Some(incident)) => {
            let sql = "UPDATE incident SET is_open = NULL, closed_at = $2 WHERE id = $1";
            let close = sqlx::query(sql).bind(&incident.id).bind(millis(*at));
            close.execute(&mut *transaction).await?;
            let closed = Incident { closed_at: Some(*at), ..incident };
            alerts::queue_in(&mut transaction, id, &AlertSubject::Recovered(closed), *at).await?;
        }
        _ => {}
    }
    if observation.reach().is_some_and(|reach| reach > Reach::Token) {
        proved::keep_in(&mut transaction).await?;
    }
    update(&mut transaction, monitor, observation).await?;
    transaction.commit().await?;
    Ok(Some(transition))
}

/// Whether a failure is of a token that was replaced meanwhile: the one that is stored has not failed.
async fn is_outdated(
    connection: &mut AnyConnection,
    evidence: &Evidence,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    if !matches!(evidence, Evidence::Fails(trouble) if trouble.needs_consent()) {
        return Ok(false);
    }
    let sql = "SELECT COUNT(*) FROM token WHERE setback IS NULL AND expires_at > $1";
    let good: i64 = sqlx::query_scalar(sql).bind(millis(now)).fetch_one(connection).await?;
    Ok(good > 0)
}

/// When mail began to fail, if that was before this failure.
fn began_at(
    before: Monitor,
    token_deleted_at: Option<DateTime<Utc>>,
    trouble: &Trouble,
) -> Option<DateTime<Utc>> {
    let is_absent = trouble.diagnosis == Diagnosis::TokenAbsent;
    before.since.or(token_deleted_at.filter(|_| is_absent))
}

async fn open_in(connection: &mut AnyConnection, incident: &Incident) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO incident (id, is_open, opened_at, last_at, occurrences, trouble, reach,
                               token_revision)
         SELECT $1, 1, $2, $3, $4, $5, $6, token_revision FROM settings WHERE id = 1",
    )
    .bind(&incident.id)
    .bind(millis(incident.opened_at))
    .bind(millis(incident.last_at))
    .bind(incident.occurrences)
    .bind(json(&incident.trouble))
    .bind(incident.reach.wire_name())
    .execute(connection)
    .await?;
    Ok(())
}

async fn update(
    connection: &mut AnyConnection,
    monitor: Monitor,
    observation: &Observation,
) -> Result<(), StoreError> {
    let Observation { at, check, certificate_expires_at, .. } = observation;
    let is_message = observation.reach() == Some(Reach::Message);
    let trouble = check.as_ref().and_then(|check| check.trouble.as_ref());
    sqlx::query(
        "UPDATE health SET failures = $1, retry_at = $2, check_at = $3,
                checked_at = COALESCE($4, checked_at), check_millis = COALESCE($5, check_millis),
                check_trouble = CASE WHEN $4 IS NULL THEN check_trouble ELSE $6 END,
                accepted_at = COALESCE($7, accepted_at),
                certificate_expires_at = COALESCE($8, certificate_expires_at),
                failing_since = $9, failing_reach = $10
         WHERE id = 1",
    )
    .bind(monitor.failures)
    .bind(monitor.retry_at.map(millis))
    .bind(monitor.check_at.map(millis))
    .bind(check.as_ref().map(|check| millis(check.at)))
    .bind(check.as_ref().map(|check| check.millis))
    .bind(trouble.map(json))
    .bind(is_message.then(|| millis(*at)))
    .bind(certificate_expires_at.map(millis))
    .bind(monitor.since.map(millis))
    .bind(monitor.reach.wire_name())
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the lease of a check, until an instant. False if another node has it, or if `due` names a
/// time and another node has checked meanwhile, so that the next check is due at another one. A lease
/// beyond `longest` is from another clock, and is ignored.
pub async fn lease_check(
    store: &Store,
    owner: &str,
    due: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    longest: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let leased = sqlx::query(
        "UPDATE health SET lease_owner = $1, lease_until = $3
         WHERE id = 1 AND ($5 IS NULL OR check_at = $5)
           AND (lease_until IS NULL OR lease_until <= $2 OR lease_until > $4)",
    )
    .bind(owner)
    .bind(millis(now))
    .bind(millis(until))
    .bind(millis(longest))
    .bind(due.map(millis))
    .execute(&store.pool)
    .await?;
    Ok(leased.rows_affected() == 1)
}

/// Releases the lease of a check. `check_at`, if there is one, is when the next check is due.
pub async fn release_check(
    store: &Store,
    owner: &str,
    check_at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE health SET lease_owner = NULL, lease_until = NULL, check_at = COALESCE($2, check_at)
         WHERE id = 1 AND lease_owner = $1",
    )
    .bind(owner)
    .bind(check_at.map(millis))
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Remembers until the next save how long a grant lasts, within a transaction.
pub(super) async fn learn_grant_lifetime_in(
    connection: &mut AnyConnection,
    lifetime: TimeDelta,
) -> Result<(), StoreError> {
    let sql = "UPDATE health SET grant_seconds = $1 WHERE id = 1";
    sqlx::query(sql).bind(lifetime.num_seconds()).execute(connection).await?;
    Ok(())
}

/// Makes a check due now within the transaction of a save, which begins a new row of failures.
/// `token_deleted` says whether it has deleted the token that the settings need; `None` if they need
/// none.
pub(super) async fn connection_changed_in(
    connection: &mut AnyConnection,
    now: DateTime<Utc>,
    token_deleted: Option<bool>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE health SET check_at = $1, failures = 0, failing_since = NULL,
                failing_reach = 'token', retry_at = NULL,
                checked_at = NULL, check_millis = NULL, check_trouble = NULL,
                grant_seconds = NULL, certificate_expires_at = NULL,
                token_deleted_at = CASE $2 WHEN 1 THEN $1 WHEN 0 THEN token_deleted_at END
         WHERE id = 1",
    )
    .bind(millis(now))
    .bind(token_deleted.map(i64::from))
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes within a transaction that there is a token, which is checked now.
pub(super) async fn token_obtained_in(
    connection: &mut AnyConnection,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE health SET check_at = $1, token_deleted_at = NULL WHERE id = 1")
        .bind(millis(now))
        .execute(connection)
        .await?;
    Ok(())
}

/// Queues the reminder of a credential, unless it was sent before; a later reminder replaces those
/// of more days. `id` is the random ID of the alert. Returns whether it was queued.
pub async fn remind(
    store: &Store,
    id: &str,
    expiry: Expiry,
    days: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let mut transaction = store.begin_write().await?;
    let sent = sqlx::query(
        "INSERT INTO reminder (credential, expires_on, days, sent_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
    )
    .bind(expiry.credential.wire_name())
    .bind(expiry.on.to_string())
    .bind(days)
    .bind(millis(now))
    .execute(&mut *transaction)
    .await?;
    let is_new = sent.rows_affected() == 1;
    if is_new {
        let subject = AlertSubject::Expiring { expiry, days };
        alerts::queue_in(&mut transaction, id, &subject, now).await?;
    }
    transaction.commit().await?;
    Ok(is_new)
}
