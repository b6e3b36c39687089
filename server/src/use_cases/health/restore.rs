//! Restores the settings that last worked: the form as it was saved then, for an ordinary save.

use contract::LookupResult;
use domain::secret::{Destination, EXPIRIES, SecretEdit};
use domain::{Field, Form, Presence, presence};
use secrecy::ExposeSecret as _;
use store::proved;

use super::super::UseCaseError;
use super::super::settings::{self, SettingsStore};

/// The settings that last worked, as values to fill in; `None` if none have yet.
///
/// # Errors
/// The database failed, or what it has cannot be read.
pub async fn last_worked(settings: &SettingsStore) -> Result<Option<LookupResult>, UseCaseError> {
    let Some(proved) = proved::load(&settings.store).await? else { return Ok(None) };
    let current = settings::current(settings).await?;
    let form: Form<()> = serde_json::from_str(&proved.form_json)?;
    let mut draft = form.map_secrets(|_, ()| SecretEdit::Untouched);
    let client_id = Field::ClientId.wire_name();
    let sealed = proved.secrets.iter().find(|secret| secret.field == client_id);
    if let Some(sealed) = sealed.and_then(|secret| secret.sealed.as_deref()) {
        let opened = settings.vault.open(client_id, &Destination::Unbound, sealed)?;
        opened.expose_secret().clone_into(&mut draft.authentication.client_id);
    }
    let mut to_enter = Vec::new();
    for (field, _) in EXPIRIES {
        let then = proved.secrets.iter().find(|secret| secret.field == field.wire_name());
        let (then, now) = (then.map(|secret| secret.revision), current.secret_revision(field));
        if presence(field, &draft) == Presence::Disabled || then == now {
            continue;
        }
        to_enter.extend(then.map(|_| field));
        if let (Some(_), Some(secret)) = (now, draft.secret_mut(field)) {
            // It was entered for other settings.
            *secret = SecretEdit::Clear;
        }
    }
    Ok(Some(explain::restored(&draft, &to_enter)))
}
