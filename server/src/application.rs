//! `ppm-email application`: manages the products that send through the saved settings, for operators
//! with access to the database. A key is printed once, when it is made.

use std::io::{self, Write};
use std::sync::Arc;

use domain::application::{Application, ApplicationSettings};
use secrecy::{ExposeSecret, SecretString};
use store::database::{Database, DatabaseUrlError};
use store::{OpenStoreError, Store, audit::Actor};
use vault::clock::{SystemClock, SystemRandomness};

use crate::cli::{ApplicationCommand, ApplicationName};
use crate::use_cases::{ApplicationError, Applications};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum CommandError {
    #[error(transparent)]
    DatabaseUrl(#[from] DatabaseUrlError),
    #[error(transparent)]
    Open(#[from] OpenStoreError),
    #[error(transparent)]
    Application(#[from] ApplicationError),
    #[error("the result could not be written")]
    Output(#[source] io::Error),
}

/// Runs the command, and prints to standard output what was done.
///
/// # Errors
/// The command failed.
pub async fn run(command: ApplicationCommand) -> Result<(), CommandError> {
    match command {
        ApplicationCommand::Add { name, sender, per_minute, send_again, database } => {
            let applications = open(&database.database_url).await?;
            let sends_again = send_again;
            let settings = ApplicationSettings { name, senders: sender, per_minute, sends_again };
            let (_, key) = applications.add(&operator(), settings).await?;
            print_key(&key)
        }
        ApplicationCommand::List(database) => {
            let applications = open(&database.database_url).await?;
            for application in applications.list().await? {
                print_line(&line(&application))?;
            }
            Ok(())
        }
        ApplicationCommand::Rotate(ApplicationName { name, database }) => {
            let applications = open(&database.database_url).await?;
            let application = applications.by_name(&name).await?;
            let (_, key) = applications.rotate(&operator(), &application.id).await?;
            print_key(&key)
        }
        ApplicationCommand::RemoveOldKey(ApplicationName { name, database }) => {
            let applications = open(&database.database_url).await?;
            let application = applications.by_name(&name).await?;
            let old = applications.remove_old_key(&operator(), &application.id).await?;
            print_line(&format!("removed the key ppm_{}", old.prefix))
        }
        ApplicationCommand::Disable(ApplicationName { name, database }) => {
            set_disabled(&database.database_url, &name, true).await
        }
        ApplicationCommand::Enable(ApplicationName { name, database }) => {
            set_disabled(&database.database_url, &name, false).await
        }
        ApplicationCommand::Remove(ApplicationName { name, database }) => {
            let applications = open(&database.database_url).await?;
            let application = applications.by_name(&name).await?;
            applications.remove(&operator(), &application.id).await?;
            print_line(&format!("{} can no longer send", application.settings.name))
        }
    }
}

async fn set_disabled(
    database_url: &str,
    name: &str,
    is_disabled: bool,
) -> Result<(), CommandError> {
    let applications = open(database_url).await?;
    let application = applications.by_name(name).await?;
    applications.set_disabled(&operator(), &application.id, is_disabled).await?;
    let state = if is_disabled { "is disabled" } else { "can send again" };
    print_line(&format!("{} {state}", application.settings.name))
}

async fn open(database_url: &str) -> Result<Applications, CommandError> {
    let store = Store::open_or_make(&Database::parse(database_url)?).await?;
    let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
    Ok(Applications { store, clock, randomness })
}

/// The name, the keys, the senders beside Default Sender Email, and the state, separated by tabs.
fn line(application: &Application) -> String {
    let Application { settings, is_disabled, keys, last_used_at, .. } = application;
    let keys: Vec<_> = keys.iter().map(|key| format!("ppm_{}", key.prefix)).collect();
    let senders = match settings.senders.join(" ") {
        none if none.is_empty() => "default sender only".to_owned(),
        senders => senders,
    };
    let used = last_used_at.map_or_else(
        || "never used".to_owned(),
        |at| format!("last used {}", at.format("%Y-%m-%d %H:%M UTC")),
    );
    let state = if *is_disabled { "disabled" } else { "enabled" };
    format!("{}\t{}\t{senders}\t{state}\t{used}", settings.name, keys.join(" "))
}

/// Prints a key for scripts: alone on its line.
fn print_key(key: &SecretString) -> Result<(), CommandError> {
    print_line(key.expose_secret())
}

fn operator() -> Actor {
    Actor::named("", "command line")
}

fn print_line(line: &str) -> Result<(), CommandError> {
    writeln!(io::stdout(), "{line}").map_err(CommandError::Output)
}
