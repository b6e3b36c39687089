//! `ppm-email health`: says whether email works, for operators and monitors.

use std::io::{self, Write};
use std::{process::ExitCode, sync::Arc};

use chrono::{DateTime, SecondsFormat, Utc};
use domain::health::Health;
use metrics::MailState;
use serde_json::{Value, json};
use store::{OpenStoreError, Store};
use vault::clock::{Clock, SystemClock, SystemRandomness};

use crate::cli::HealthCommand;
use crate::config::{Config, ConfigError};
use crate::state::{Server, StartError};
use crate::use_cases::UseCaseError;

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum HealthError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Open(#[from] OpenStoreError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the health of email could not be read")]
    Read(#[from] UseCaseError),
    #[error("email settings are incomplete or have no token: there is nothing to check")]
    Incomplete,
    #[error("the health could not be written")]
    Output(#[source] io::Error),
}

/// Checks if that is asked for, prints the health to standard output, and returns the exit code.
///
/// # Errors
/// The command failed.
pub async fn run(command: HealthCommand) -> Result<ExitCode, HealthError> {
    let config = Config::read(command.serve)?;
    // Only `serve` updates the tables.
    Store::open_existing(&config.database).await?.close().await;
    let server = Server::start(config, Arc::new(SystemClock), Arc::new(SystemRandomness)).await?;
    if command.check_now && !server.checks.check_now().await? {
        return Err(HealthError::Incomplete);
    }
    let state = server.runs.delivery.health.state(&server.settings).await?;
    let health = state.health.unwrap_or(Health::Up);
    let text = if command.json { as_json(&state, health) } else { as_text(&state, health) };
    writeln!(io::stdout(), "{text}").map_err(HealthError::Output)?;
    Ok(ExitCode::from(match health {
        Health::Up => 0,
        Health::Degraded => 1,
        Health::Down => 2,
    }))
}

fn as_json(state: &MailState, health: Health) -> String {
    let credentials = state.credentials.iter().map(|(credential, at)| {
        json!({ "credential": credential.wire_name(), "expires_on": at.date_naive() })
    });
    json!({
        "health": health,
        "open_incident": state.open_incident,
        "token_expires_at": state.token_expires_at.map(instant),
        "last_accepted_at": state.accepted_at.map(instant),
        "credentials": credentials.collect::<Vec<Value>>(),
    })
    .to_string()
}

fn as_text(state: &MailState, health: Health) -> String {
    let mut lines = vec![match (health, &state.open_incident) {
        (Health::Down, Some(code)) => format!("down: {code}"),
        (Health::Down, None) => "down".to_owned(),
        (Health::Degraded, _) => "degraded".to_owned(),
        (Health::Up, _) => "up".to_owned(),
    }];
    let today = SystemClock.now().date_naive();
    for (credential, at) in &state.credentials {
        let (name, on) = (credential.wire_name(), at.date_naive());
        lines.push(format!("{name} expires on {on}, in {} days", (on - today).num_days()));
    }
    lines.join("\n")
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
