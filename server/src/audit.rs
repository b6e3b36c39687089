//! `ppm-email audit`: exports the audit trail for other programs. It only reads, needs no key, and
//! works while the server runs.

use std::io::{self, BufWriter, Write};
use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use serde::Serialize;
use store::audit::{self, Exported};
use store::database::{Database, DatabaseUrlError};
use store::{OpenStoreError, Store, StoreError};

use crate::cli::AuditCommand;

/// The number of rows in memory at a time.
const PAGE: i64 = 500;

/// Why the export failed, or is incomplete.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum AuditError {
    #[error(transparent)]
    DatabaseUrl(#[from] DatabaseUrlError),
    #[error(transparent)]
    Open(#[from] OpenStoreError),
    #[error(
        "{0} must be a date (UTC), such as 2026-01-31, or a time, such as 2026-01-31T12:00:00Z"
    )]
    Moment(&'static str),
    #[error("the audit trail could not be read")]
    Store(#[from] StoreError),
    #[error("the entries could not be written")]
    Output(#[source] io::Error),
}

/// A row as a JSON object.
#[derive(Serialize)]
struct Line<'a> {
    id: i64,
    at: String,
    action: &'a str,
    name: &'a str,
    email: &'a str,
    issuer: Option<&'a str>,
    subject: Option<&'a str>,
    session: Option<&'a str>,
    fields: &'a [String],
    detail: Option<&'a str>,
    address: Option<&'a str>,
    count: i64,
}

/// Runs the command.
///
/// # Errors
/// A value is invalid, the database does not answer, or the output cannot be written.
pub async fn run(command: AuditCommand) -> Result<(), AuditError> {
    let AuditCommand::Export { since, until, database, .. } = command;
    let until = until.map_or(Ok(DateTime::<Utc>::MAX_UTC), |until| moment("--until", &until))?;
    let during = moment("--since", &since)?..until;
    let store = Store::open_to_read(&Database::parse(&database.database_url)?).await?;
    match export(&store, &during, BufWriter::new(io::stdout().lock())).await {
        // The reader has closed the pipe, such as `head`.
        Err(AuditError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        exported => exported,
    }
}

/// Writes the rows of a time range, oldest first, as one JSON object per line.
async fn export(
    store: &Store,
    during: &Range<DateTime<Utc>>,
    mut output: impl Write,
) -> Result<(), AuditError> {
    let mut after = None;
    loop {
        let rows = audit::export(store, during, after, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after = Some((last.at, last.id));
        for row in &rows {
            serde_json::to_writer(&mut output, &line(row))
                .map_err(io::Error::from)
                .and_then(|()| output.write_all(b"\n"))
                .map_err(AuditError::Output)?;
        }
    }
    output.flush().map_err(AuditError::Output)
}

fn line(row: &Exported) -> Line<'_> {
    Line {
        id: row.id,
        at: row.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        action: &row.action,
        name: &row.actor.name,
        email: &row.actor.email,
        issuer: row.actor.issuer.as_deref(),
        subject: row.actor.subject.as_deref(),
        session: row.actor.session.as_deref(),
        fields: &row.fields,
        detail: row.detail.as_deref(),
        address: row.actor.address.as_deref(),
        count: row.count,
    }
}

/// Parses a date (its start in UTC) or an instant (RFC 3339).
fn moment(flag: &'static str, text: &str) -> Result<DateTime<Utc>, AuditError> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| AuditError::Moment(flag))?;
    Ok(instant.to_utc())
}
