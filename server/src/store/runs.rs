//! Test messages: each a run whose steps are written as they happen, so that any node and any tab
//! can tell how it fares.

use chrono::{DateTime, Utc};
use domain::delivery::{Outcome, Run, StepReport};
use serde::de::DeserializeOwned;
use sqlx::Row;

use super::audit::{self, Action, Actor, Entry};
use super::{Store, StoreError, instant, json, millis, sought};
use crate::identity::Principal;

/// A run and what it goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The run.
    pub run: Run,
    /// The form that it goes through, sealed; nothing for a run of an earlier version.
    pub form: Option<Vec<u8>>,
    /// From when on, without an end, it has lost the process that sent it.
    pub gone_after: DateTime<Utc>,
}

impl Kept {
    /// The run as it stands at an instant: one whose process is gone was interrupted, whether or not
    /// the database could note that.
    #[must_use]
    pub fn at(mut self, now: DateTime<Utc>) -> Self {
        if self.run.outcome.is_none() && self.gone_after < now {
            self.run.outcome = Some(Outcome::Interrupted);
        }
        self
    }
}

/// Begins a run of whoever asks, with its audit row, and returns whether it has: a person has one run
/// under way at a time. One that has no end after `gone_after` will have none. `form` is the sealed
/// form that it goes through, and `fields` are the wire names of the controls in which that form
/// differs from what is saved, for the audit.
///
/// # Errors
/// The database does not answer.
pub async fn begin(
    store: &Store,
    by: &Principal,
    run: &Run,
    form: &[u8],
    fields: &[&str],
    gone_after: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let Run { id, recipient, tested, started_at: at, .. } = run;
    let at = *at;
    let mut transaction = store.begin_write().await?;
    let begun = sqlx::query("INSERT INTO run (id, person, person_name, recipient, started_at, gone_after, tested, form) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(&by.id)
        .bind(&by.name)
        .bind(recipient)
        .bind(millis(at))
        .bind(millis(gone_after))
        .bind(json(tested))
        .bind(form)
        .execute(&mut *transaction)
        .await?;
    if begun.rows_affected() == 0 {
        return Ok(false);
    }
    let fields = fields.iter().map(|&field| field.to_owned()).collect();
    let entry = Entry { fields, ..Entry::new(at, Actor::from(by), Action::TestSent) };
    audit::record_in(&mut transaction, &entry).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Adds a step that ended; `ordinal` counts from 0.
///
/// # Errors
/// The database does not answer, or the step was already there.
pub async fn record(
    store: &Store,
    run: &str,
    ordinal: u32,
    report: &StepReport,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO run_step (run, ordinal, report) VALUES ($1, $2, $3)")
        .bind(run)
        .bind(i64::from(ordinal))
        .bind(json(report))
        .execute(&store.pool)
        .await?;
    Ok(())
}

/// Ends a run. One that has ended already keeps its end.
///
/// # Errors
/// The database does not answer.
pub async fn finish(store: &Store, run: &str, outcome: &Outcome) -> Result<(), StoreError> {
    sqlx::query("UPDATE run SET outcome = $2 WHERE id = $1 AND outcome IS NULL")
        .bind(run)
        .bind(json(outcome))
        .execute(&store.pool)
        .await?;
    Ok(())
}

/// Ends, as interrupted, every run that has no end and will have none. Readers do not wait for this:
/// see [`Kept::at`].
///
/// # Errors
/// The database does not answer.
pub async fn interrupt(store: &Store, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("UPDATE run SET outcome = $2 WHERE gone_after < $1 AND outcome IS NULL")
        .bind(millis(now))
        .bind(json(&Outcome::Interrupted))
        .execute(&store.pool)
        .await?;
    Ok(())
}

/// The run with this id.
///
/// # Errors
/// The database does not answer.
pub async fn get(store: &Store, id: &str) -> Result<Option<Kept>, StoreError> {
    // The run before its steps: an end that is seen has all its steps seen after it.
    let row = sqlx::query(
        "SELECT recipient, started_at, tested, form, outcome, gone_after FROM run WHERE id = $1",
    )
    .bind(sought(id))
    .fetch_optional(&store.pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let outcome: Option<String> = row.try_get("outcome")?;
    let run = Run {
        id: id.to_owned(),
        recipient: row.try_get("recipient")?,
        tested: parsed(row.try_get("tested")?)?,
        started_at: instant(row.try_get("started_at")?)?,
        steps: steps(store, id).await?,
        outcome: outcome.as_deref().map(parsed).transpose()?,
    };
    let gone_after = instant(row.try_get("gone_after")?)?;
    Ok(Some(Kept { run, form: row.try_get("form")?, gone_after }))
}

/// The run that began last, of anybody or of one person.
///
/// # Errors
/// The database does not answer.
pub async fn latest(store: &Store, person: Option<&str>) -> Result<Option<Kept>, StoreError> {
    let row = sqlx::query(
        "SELECT id FROM run WHERE $1 = '' OR person = $1 ORDER BY started_at DESC, id LIMIT 1",
    )
    .bind(person.unwrap_or_default())
    .fetch_optional(&store.pool)
    .await?;
    match row {
        Some(row) => get(store, row.try_get("id")?).await,
        None => Ok(None),
    }
}

/// The runs that began last, newest first, each with who asked for it.
///
/// # Errors
/// The database does not answer.
pub async fn history(store: &Store, count: i64) -> Result<Vec<(String, Kept)>, StoreError> {
    let rows = sqlx::query("SELECT id, person_name FROM run ORDER BY started_at DESC, id LIMIT $1")
        .bind(count)
        .fetch_all(&store.pool)
        .await?;
    let mut runs = Vec::new();
    for row in &rows {
        if let Some(run) = get(store, row.try_get("id")?).await? {
            runs.push((row.try_get("person_name")?, run));
        }
    }
    Ok(runs)
}

async fn steps(store: &Store, run: &str) -> Result<Vec<StepReport>, StoreError> {
    sqlx::query("SELECT report FROM run_step WHERE run = $1 ORDER BY ordinal")
        .bind(run)
        .fetch_all(&store.pool)
        .await?
        .iter()
        .map(|row| parsed(row.try_get("report")?))
        .collect()
}

fn parsed<T: DeserializeOwned>(json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Unknown("report of a test message"))
}
