//! `ppm-email outbox` and `ppm-email send`: the messages of applications, for operators with access
//! to the database.

use std::io::{self, Read, Write};
use std::sync::Arc;

use domain::outbox::{ATTEMPTED_FOR, MessageState};
use outbox::Protocol;
use smtp::wire_form;
use store::audit::{Action, Actor, Entry};
use store::database::{Database, DatabaseUrlError};
use store::outbox as rows;
use store::{OpenStoreError, Store, StoreError};
use vault::clock::{Clock, SystemClock, SystemRandomness};

use crate::cli::{OutboxCommand, SendCommand};
use crate::config::{Config, ConfigError};
use crate::state::{Server, StartError};
use crate::use_cases::{ApplicationError, Handed, LARGEST_MESSAGE, NotAccepted};

/// How many messages are listed.
const LISTED: i64 = 1_000;
/// How many octets of standard input are read: one more than a message can have, so that a larger one
/// is refused and not cut off.
const MOST_READ: u64 = LARGEST_MESSAGE as u64 + 1;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum OutboxError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    DatabaseUrl(#[from] DatabaseUrlError),
    #[error(transparent)]
    Open(#[from] OpenStoreError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Application(#[from] ApplicationError),
    #[error("the message was not accepted")]
    NotAccepted(#[from] NotAccepted),
    #[error("the outbox could not be read or changed")]
    Store(#[from] StoreError),
    #[error("this is not an email address")]
    NotAnAddress,
    #[error("there is no such message")]
    NotFound,
    #[error("the message is being sent, or has ended")]
    NotCancelable,
    #[error("the message is being sent or has reached all recipients, or its octets are gone")]
    NotWaiting,
    #[error("standard input could not be read")]
    Input(#[source] io::Error),
    #[error("the result could not be written")]
    Output(#[source] io::Error),
}

/// Runs a command of the outbox, and prints to standard output what was done.
///
/// # Errors
/// The command failed.
pub async fn run(command: OutboxCommand) -> Result<(), OutboxError> {
    let entry = |action, detail| {
        let by = Actor::named("", "command line");
        Entry { detail, ..Entry::new(SystemClock.now(), by, action) }
    };
    match command {
        OutboxCommand::List(database) => {
            let store = open(&database.database_url).await?;
            for message in rows::list(&store, LISTED).await? {
                print_line(&format!(
                    "{}\t{}\t{}\t{}\t{} recipients",
                    message.id,
                    message.accepted_at.format("%Y-%m-%d %H:%M:%S UTC"),
                    MessageState::of_message(message.states.iter().copied()).wire_name(),
                    message.application,
                    message.states.len(),
                ))?;
            }
            Ok(())
        }
        OutboxCommand::Retry { id, database } => {
            let store = open(&database.database_url).await?;
            let entry = entry(Action::MessageRetried, Some(id.clone()));
            if !rows::retry(&store, &id, entry.at + ATTEMPTED_FOR, &entry).await? {
                return Err(OutboxError::NotWaiting);
            }
            print_line(&format!("{id} is tried again now"))
        }
        OutboxCommand::Cancel { id, database } => {
            let store = open(&database.database_url).await?;
            let entry = entry(Action::MessageCanceled, Some(id.clone()));
            match rows::cancel_any(&store, &id, &entry).await? {
                Some(true) => print_line(&format!("{id} is canceled")),
                Some(false) => Err(OutboxError::NotCancelable),
                None => Err(OutboxError::NotFound),
            }
        }
        OutboxCommand::Erase { recipient, database } => {
            let store = open(&database.database_url).await?;
            let entry = entry(Action::RecipientErased, None);
            let address = wire_form(&recipient).ok_or(OutboxError::NotAnAddress)?;
            let erased = rows::erase_recipient(&store, address.as_ref(), &entry).await?;
            print_line(&format!("erased in {} messages", erased.recipients))?;
            if erased.sending > 0 {
                print_line(&format!("{} are being sent: repeat this later", erased.sending))?;
            }
            Ok(())
        }
    }
}

/// Hands a message on standard input over as an application, and prints its ID.
///
/// # Errors
/// The message was not accepted.
pub async fn send(command: SendCommand) -> Result<(), OutboxError> {
    let mut octets = Vec::new();
    io::stdin().take(MOST_READ).read_to_end(&mut octets).map_err(OutboxError::Input)?;
    let config = Config::read(command.serve)?;
    // Only `serve` updates the tables.
    Store::open_existing(&config.database).await?.close().await;
    let server = Server::start(config, Arc::new(SystemClock), Arc::new(SystemRandomness)).await?;
    let application = server.applications().by_name(&command.application).await?;
    let handed = Handed::Octets(&octets);
    let id = server.outbox.accept(&application, handed, None, Protocol::Local).await?;
    print_line(&id)
}

async fn open(database_url: &str) -> Result<Store, OutboxError> {
    Ok(Store::open_existing(&Database::parse(database_url)?).await?)
}

fn print_line(line: &str) -> Result<(), OutboxError> {
    writeln!(io::stdout(), "{line}").map_err(OutboxError::Output)
}
