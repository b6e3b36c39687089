//! Binds a Client Secret that an earlier version stored to its present destination: the whole Token
//! Endpoint, the kind of flow and, with Client Credentials, Scope and mail server. Runs at startup,
//! before the first request. It must not make a secret usable where the earlier version would not
//! have used it.

use domain::{Field, Form, error::one_line, secret::Destination};
use store::settings::{self, Rebound, SealedSecret, StoredForm};
use store::{Store, StoreError};
use vault::{Vault, VaultError};

/// Why a stored Client Secret cannot be rebound, and has to be entered again.
#[derive(Debug, thiserror::Error)]
enum RebindError {
    #[error("the saved settings cannot be read")]
    Form(#[from] serde_json::Error),
    #[error("it was entered for another Token Endpoint than the saved one")]
    OtherEndpoint,
    #[error("it cannot be opened")]
    Sealed(#[from] VaultError),
}

/// Rebinds the stored Client Secret if an earlier version sealed it for the origin of its Token
/// Endpoint alone. If many processes start at once, one of them does it. A secret that cannot be
/// rebound is left as it is, with a warning in the log.
///
/// # Errors
/// The database does not answer; nothing was changed.
pub async fn rebind_client_secret(store: &Store, vault: &Vault) -> Result<(), StoreError> {
    loop {
        let stored = settings::load(store).await?;
        let Some((secret, origin)) = bound_to_origin(&stored) else { return Ok(()) };
        let rebound = match rebound(vault, &stored, secret, &origin) {
            Ok(rebound) => rebound,
            Err(error) => {
                tracing::warn!(
                    error = one_line(&error),
                    "the stored Client Secret has to be entered again"
                );
                return Ok(());
            }
        };
        let rebind = Rebound { revision: stored.revision, before: secret, after: &rebound };
        if settings::rebind(store, rebind).await? {
            tracing::info!("the stored Client Secret was bound to its whole destination");
            return Ok(());
        }
        // Another process was first: its result is checked again.
    }
}

/// Returns the Client Secret if it is sealed for an origin, and that origin.
fn bound_to_origin(stored: &StoredForm) -> Option<(&SealedSecret, Destination)> {
    let is_client_secret = |secret: &&SealedSecret| secret.field == Field::ClientSecret.wire_name();
    let secret = stored.secrets.iter().find(is_client_secret)?;
    let destination: Destination = serde_json::from_str(&secret.destination_json).ok()?;
    matches!(destination, Destination::Origin(_)).then_some((secret, destination))
}

/// Returns the same secret, sealed for the destination that the saved form names.
fn rebound(
    vault: &Vault,
    stored: &StoredForm,
    secret: &SealedSecret,
    origin: &Destination,
) -> Result<SealedSecret, RebindError> {
    let form: Form<()> = serde_json::from_str(stored.form_json.as_deref().unwrap_or_default())?;
    if form.token_endpoint_origin() != *origin {
        return Err(RebindError::OtherEndpoint);
    }
    let Some(destination) = form.destination(Field::ClientSecret) else {
        return Err(RebindError::OtherEndpoint);
    };
    let opened = vault.open(&secret.field, origin, &secret.sealed)?;
    Ok(SealedSecret {
        destination_json: serde_json::to_string(&destination)?,
        sealed: vault.seal(&secret.field, &destination, &opened),
        ..secret.clone()
    })
}
