//! What the tab shows a user, in two statements: its page is the most frequent request, and each
//! statement is a round trip.

use domain::time_format::TimePreference;
use sqlx::{AssertSqlSafe, FromRow as _};

use crate::columns::column;
use crate::error::StoreError;
use crate::health::{KnownEnds, OpenIncident};
use crate::oauth_attempts::StoredAttempt;
use crate::pool::Store;
use crate::proved;
use crate::runs::{self, StoredRun};
use crate::settings::{self, StoredForm};
use crate::time_preferences;
use crate::tokens::StoredToken;

/// The saved settings, with their token, and how the user wants to read times.
#[derive(Debug)]
pub struct TabSettings {
    /// The saved settings.
    pub form: StoredForm,
    /// Their token.
    pub token: Option<StoredToken>,
    /// What the user has chosen.
    pub preference: Option<TimePreference>,
}

/// Reads the settings as one consistent snapshot.
pub async fn settings(store: &Store, person: &str) -> Result<TabSettings, StoreError> {
    let sql = format!(
        "SELECT {}, {}, pattern, clock, zone FROM settings
         LEFT JOIN secret ON 1 = 1
         LEFT JOIN token ON token.id = 1
         LEFT JOIN time_preference ON time_preference.person = $1
         WHERE settings.id = 1 ORDER BY secret.field",
        settings::COLUMNS,
        StoredToken::columns(),
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(person).fetch_all(&store.pool).await?;
    let form = settings::from_rows(&rows)?;
    // The form is there, so there is a row.
    let first = &rows[0];
    let token = form.grant_id.as_ref().map(|_| StoredToken::from_row(first)).transpose()?;
    Ok(TabSettings { form, token, preference: time_preferences::from_row(first)? })
}

/// The user's latest attempt to obtain a token, latest test message, and the open incident.
#[derive(Debug)]
pub struct TabActivity {
    /// The latest attempt to obtain a token for the settings of this token revision.
    pub attempt: Option<StoredAttempt>,
    /// The latest test message.
    pub run: Option<StoredRun>,
    /// The open incident.
    pub incident: Option<OpenIncident>,
    /// What is known of the ends of credentials.
    pub ends: KnownEnds,
}

/// Reads them.
pub async fn activity(
    store: &Store,
    person: &str,
    token_revision: i64,
) -> Result<TabActivity, StoreError> {
    let sql = format!(
        "SELECT attempt.*, {}, {}, {} FROM settings
         LEFT JOIN (
             SELECT {} FROM token_attempt WHERE person = $1 AND revision = $2
             ORDER BY begun_at DESC, id LIMIT 1
         ) AS attempt ON 1 = 1
         LEFT JOIN run ON run.id = {}
         LEFT JOIN run_step ON run_step.run = run.id
         LEFT JOIN incident ON incident.is_open = 1
         {}
         JOIN health ON health.id = 1
         WHERE settings.id = 1 ORDER BY run_step.ordinal",
        runs::COLUMNS,
        OpenIncident::columns(),
        KnownEnds::COLUMNS,
        StoredAttempt::columns(),
        runs::LATEST,
        proved::JOIN,
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(person).bind(token_revision);
    let rows = query.fetch_all(&store.pool).await?;
    let first = rows.first().ok_or(StoreError::Unknown("lack of settings"))?;
    let id: Option<String> = column(first, "id")?;
    let attempt = id.map(|_| StoredAttempt::from_row(first)).transpose()?;
    let incident = OpenIncident::from_row(first)?;
    let ends = KnownEnds::from_row(first)?;
    Ok(TabActivity { attempt, run: runs::from_rows(&rows)?, incident, ends })
}
