//! Test messages: each is a run whose steps are written as they happen, so that every node and
//! every tab can show its progress.

use chrono::{DateTime, Utc};
use domain::Principal;
use domain::delivery::{Outcome, Run, StepReport};
use sqlx::{AssertSqlSafe, any::AnyRow};

use crate::audit::{self, Action, Actor, Entry};
use crate::columns::{column, json, millis, sought};
use crate::error::StoreError;
use crate::pool::Store;

/// A stored run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// The run.
    pub run: Run,
    /// The sealed form that it uses; `None` for a run of an earlier version.
    pub form: Option<Vec<u8>>,
    /// When it counts as interrupted, if it has no outcome by then.
    pub gone_after: DateTime<Utc>,
}

impl StoredRun {
    /// Returns the run at an instant: after `gone_after` it is interrupted, even if the database
    /// has not recorded that.
    pub fn at(mut self, now: DateTime<Utc>) -> Self {
        if self.run.outcome.is_none() && self.gone_after < now {
            self.run.outcome = Some(Outcome::Interrupted);
        }
        self
    }
}

/// Begins a run with its audit row, and returns whether it has: a user has one run in progress at a
/// time. After `gone_after` a run without an outcome is interrupted. `form` is the sealed form that
/// it uses, and `fields` are the wire names of the controls in which that form differs from the
/// saved one, for the audit.
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
    let fields = fields.iter().map(|&field| field.to_owned()).collect();
    let entry = Entry { fields, ..Entry::new(at, Actor::from(by), Action::TestSent) };
    audit::commit_if_changed(transaction, &begun, Some(&entry)).await
}

/// Adds a completed step; `ordinal` counts from 0.
///
/// # Errors
/// The database does not answer, or the step exists already.
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

/// Ends a run. A run that has ended keeps its outcome.
pub async fn finish(store: &Store, run: &str, outcome: &Outcome) -> Result<(), StoreError> {
    sqlx::query("UPDATE run SET outcome = $2 WHERE id = $1 AND outcome IS NULL")
        .bind(run)
        .bind(json(outcome))
        .execute(&store.pool)
        .await?;
    Ok(())
}

/// Ends every run without an outcome after its `gone_after` as interrupted. Readers do not wait for
/// this: see [`StoredRun::at`].
pub async fn interrupt(store: &Store, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("UPDATE run SET outcome = $2 WHERE gone_after < $1 AND outcome IS NULL")
        .bind(millis(now))
        .bind(json(&Outcome::Interrupted))
        .execute(&store.pool)
        .await?;
    Ok(())
}

/// Returns the run with this id.
pub async fn get(store: &Store, id: &str) -> Result<Option<StoredRun>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM run LEFT JOIN run_step ON run_step.run = run.id
         WHERE run.id = $1 ORDER BY run_step.ordinal",
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(sought(id));
    from_rows(&query.fetch_all(&store.pool).await?)
}

/// The columns of a run and of each of its steps.
pub(super) const COLUMNS: &str = "run.id AS run_id, run.recipient, run.started_at, run.tested, run.form, \
    run.outcome, run.gone_after, run_step.report";

/// Reads a run from its rows, one for each step.
pub(super) fn from_rows(rows: &[AnyRow]) -> Result<Option<StoredRun>, StoreError> {
    let Some(first) = rows.first() else { return Ok(None) };
    let Some(id) = column(first, "run_id")? else { return Ok(None) };
    let reports = rows.iter().map(|row| column(row, "report"));
    let run = Run {
        id,
        recipient: column(first, "recipient")?,
        tested: column(first, "tested")?,
        started_at: column(first, "started_at")?,
        steps: reports.filter_map(Result::transpose).collect::<Result<_, _>>()?,
        outcome: column(first, "outcome")?,
    };
    let (form, gone_after) = (column(first, "form")?, column(first, "gone_after")?);
    Ok(Some(StoredRun { run, form, gone_after }))
}

/// Returns the user's latest run.
pub async fn latest(store: &Store, person: &str) -> Result<Option<StoredRun>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM run LEFT JOIN run_step ON run_step.run = run.id
         WHERE run.id = {LATEST} ORDER BY run_step.ordinal",
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(person);
    from_rows(&query.fetch_all(&store.pool).await?)
}

/// The id of the latest run of the user $1.
pub(super) const LATEST: &str =
    "(SELECT id FROM run WHERE person = $1 ORDER BY started_at DESC, id LIMIT 1)";

/// Returns the latest runs, newest first, each with the name of the user who began it.
pub async fn history(store: &Store, count: i64) -> Result<Vec<(String, StoredRun)>, StoreError> {
    let sql = "SELECT id, person_name FROM run ORDER BY started_at DESC, id LIMIT $1";
    let rows: Vec<(String, String)> =
        sqlx::query_as(sql).bind(count).fetch_all(&store.pool).await?;
    let mut runs = Vec::new();
    for (id, person_name) in rows {
        if let Some(run) = get(store, &id).await? {
            runs.push((person_name, run));
        }
    }
    Ok(runs)
}
