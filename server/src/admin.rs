//! `ppm-email admin`: manages local accounts, for operators with access to the database.

use std::io::{self, Read, Write};
use std::sync::Arc;

use secrecy::{SecretString, zeroize::Zeroizing};
use store::database::{Database, DatabaseUrlError};
use store::{OpenStoreError, Store, StoreError, audit::Actor, people};
use vault::clock::{SystemClock, SystemRandomness};

use crate::cli::AdminCommand;
use crate::identity::accounts::AccountError;
use crate::identity::{Accounts, Role};
use vault::passwords::MAX_OCTETS;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum AdminError {
    #[error(transparent)]
    DatabaseUrl(#[from] DatabaseUrlError),
    #[error(transparent)]
    Open(#[from] OpenStoreError),
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error("the accounts could not be read")]
    Store(#[from] StoreError),
    #[error("--role must be administrator or reader")]
    Role,
    #[error("standard input has no password")]
    NoPassword(#[source] io::Error),
    #[error("the list could not be written")]
    Output(#[source] io::Error),
}

/// Runs the command, and prints to standard output what was done.
///
/// # Errors
/// The command failed.
pub async fn run(command: AdminCommand) -> Result<(), AdminError> {
    match command {
        AdminCommand::Add { email, name, role, database, .. } => {
            let role = Role::from_wire_name(&role).ok_or(AdminError::Role)?;
            let (_, accounts) = open(&database.database_url).await?;
            accounts.add(&email, &name, role, password()?, operator()).await?;
            print_line(&format!("{} can sign in", email.trim()))
        }
        AdminCommand::List(database) => {
            let (store, _) = open(&database.database_url).await?;
            for person in people::list(&store).await? {
                print_line(&format!(
                    "{}\t{}\t{}\tsince {}",
                    person.email,
                    person.name,
                    person.role.wire_name(),
                    person.created_at.format("%Y-%m-%d")
                ))?;
            }
            Ok(())
        }
        AdminCommand::SetPassword { email, database, .. } => {
            let (_, accounts) = open(&database.database_url).await?;
            accounts.set_password(&email, password()?, operator()).await?;
            print_line(&format!("{} has a new password and is signed out everywhere", email.trim()))
        }
        AdminCommand::Remove { email, database } => {
            let (_, accounts) = open(&database.database_url).await?;
            accounts.remove(&email, operator()).await?;
            print_line(&format!("{} can no longer sign in", email.trim()))
        }
    }
}

async fn open(database_url: &str) -> Result<(Store, Accounts), AdminError> {
    let store = Store::open_or_make(&Database::parse(database_url)?).await?;
    let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
    let accounts = Accounts::new(store.clone(), clock, randomness, false, Arc::default());
    Ok((store, accounts))
}

/// Reads the first line of standard input, up to the length of a password.
fn password() -> Result<SecretString, AdminError> {
    let mut typed = Zeroizing::new(String::with_capacity(2 * MAX_OCTETS));
    let limit = 2 * MAX_OCTETS as u64;
    io::stdin().take(limit).read_to_string(&mut typed).map_err(AdminError::NoPassword)?;
    Ok(SecretString::from(typed.lines().next().unwrap_or_default()))
}

fn operator() -> Actor {
    Actor::named("", "command line")
}

fn print_line(line: &str) -> Result<(), AdminError> {
    writeln!(io::stdout(), "{line}").map_err(AdminError::Output)
}
