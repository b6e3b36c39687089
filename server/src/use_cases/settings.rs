//! Loads and saves the form. At rest it is the typed text, beside its sealed secrets; the Client ID
//! is sealed too.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use contract::{Conflict, Save, SaveAnswer};
use domain::secret::{Destination, EXPIRIES, SecretEdit, StoredSecret};
use domain::settings::{OpenedSecrets, Settings};
use domain::{
    Draft, Field, Form, OauthFlow, Presence, Principal, Problem, Problems, Saved, presence,
};
use domain::{error::one_line, syntax::host::Host};
use net::egress::{AddressRefusal, EgressPolicy, Protocol};
use oauth2::url::{self, Url};
use secrecy::{ExposeSecret, SecretString};
use store::settings::{self as stored, Replaced, Replacement, SealedSecret, StoredForm};
use store::{Store, audit::Actor, tokens::StoredToken};
use vault::{Vault, VaultError, clock::Clock};

use super::UseCaseError;

/// The saved settings, and what a save uses. Clones share everything.
#[derive(Debug, Clone)]
pub struct SettingsStore {
    /// The database.
    pub store: Store,
    /// Seals and opens the secrets.
    pub vault: Vault,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The addresses that endpoints may have.
    pub egress: EgressPolicy,
}

/// The saved settings, with the secrets still sealed.
#[derive(Clone)]
pub struct Current {
    /// The part that a browser may see.
    pub saved: Saved,
    /// The revision of the last save that a token depends on.
    pub token_revision: i64,
    sealed: Vec<SealedSecret>,
    /// The email address of the user who saved it; empty if there is none.
    saved_by: String,
}

impl Current {
    /// Whether this user made the save.
    pub fn is_by(&self, who: &Principal) -> bool {
        !self.saved_by.is_empty() && self.saved_by == who.address()
    }

    /// The revision of the save that stored a secret; `None` if none is stored.
    pub fn secret_revision(&self, field: Field) -> Option<i64> {
        let sealed = self.sealed.iter().find(|secret| secret.field == field.wire_name())?;
        Some(sealed.revision)
    }

    /// The response to a save on an outdated revision.
    fn conflict_with(self, revision: i64, who: &Principal) -> SaveAnswer {
        let is_newer = |secret: &SealedSecret| secret.revision > revision;
        let newer: Vec<_> = self.sealed.iter().filter(|secret| is_newer(secret)).collect();
        let is_replaced =
            |field: &Field| newer.iter().any(|secret| secret.field == field.wire_name());
        let secrets = EXPIRIES.into_iter().map(|(secret, _)| secret);
        let replaced = secrets.filter(is_replaced).collect();
        let is_own = self.is_by(who);
        SaveAnswer::Conflict(Conflict { saved: self.saved, replaced, is_own })
    }

    /// The settings to send mail with, their secrets opened for one use; `None` if one does not
    /// open or the saved form is incomplete.
    pub fn settings(&self, settings: &SettingsStore) -> Option<Settings> {
        match self.open(settings) {
            Ok(secrets) => Settings::parse(&self.saved.draft(), &secrets).ok(),
            Err(error) => {
                tracing::error!(error = one_line(&error), "a stored secret cannot be opened");
                None
            }
        }
    }

    /// Basic SMTP Settings, as if the OAuth flow were None; `None` if that group is incomplete or its
    /// Password does not open.
    pub fn basic(&self, settings: &SettingsStore) -> Option<Settings> {
        let mut basic = self.clone();
        basic.saved.form.flow = OauthFlow::None;
        basic.settings(settings)
    }

    /// The settings to send with through a form that is not saved: its secrets are those typed in
    /// it, and a stored one only if it was entered for the same destination.
    ///
    /// # Errors
    /// A secret does not open, or `Draft::problems` would have found a problem.
    pub fn typed(&self, settings: &SettingsStore, draft: &Draft) -> Result<Settings, VaultError> {
        let secret = |field| match draft.secret_on_save(field).as_ref() {
            SecretEdit::Replace(typed) => Ok(Some(typed.open())),
            SecretEdit::Untouched => self.open_one(settings, field, draft.destination(field)),
            SecretEdit::Clear => Ok(None),
        };
        let secrets = OpenedSecrets {
            password: secret(Field::Password)?,
            client_secret: secret(Field::ClientSecret)?,
        };
        Settings::parse(draft, &secrets).map_err(|_| VaultError::UnknownShape)
    }

    fn open(&self, settings: &SettingsStore) -> Result<OpenedSecrets, VaultError> {
        let secret = |field| self.open_one(settings, field, self.saved.form.destination(field));
        Ok(OpenedSecrets {
            password: secret(Field::Password)?,
            client_secret: secret(Field::ClientSecret)?,
        })
    }

    /// Opens a secret for the destination that a form names; one that was entered for another stays
    /// sealed.
    fn open_one(
        &self,
        settings: &SettingsStore,
        field: Field,
        destination: Option<Destination>,
    ) -> Result<Option<SecretString>, VaultError> {
        let sealed = self.sealed.iter().find(|secret| secret.field == field.wire_name());
        let Some((sealed, destination)) = sealed.zip(destination) else { return Ok(None) };
        if self.saved.form.secret(field) != Some(&StoredSecret::For(destination.clone())) {
            return Ok(None);
        }
        settings.vault.open(field.wire_name(), &destination, &sealed.sealed).map(Some)
    }
}

/// Loads the saved settings; before the first save, a default form of revision 0.
pub async fn current(settings: &SettingsStore) -> Result<Current, UseCaseError> {
    from_stored(settings, stored::load(&settings.store).await?)
}

/// The settings that were read from the database, with the Client ID opened.
pub fn from_stored(settings: &SettingsStore, stored: StoredForm) -> Result<Current, UseCaseError> {
    let mut form: Form<()> = match &stored.form_json {
        Some(json) => serde_json::from_str(json)?,
        None => Form::default(),
    };
    let mut destinations = Vec::new();
    for secret in &stored.secrets {
        if secret.field == Field::ClientId.wire_name() {
            let opened =
                settings.vault.open(&secret.field, &Destination::Unbound, &secret.sealed)?;
            opened.expose_secret().clone_into(&mut form.authentication.client_id);
        } else {
            let destination: Destination = serde_json::from_str(&secret.destination_json)?;
            destinations.push((secret.field.as_str(), destination));
        }
    }
    let form = form.map_secrets(|field, ()| {
        let entered_for = destinations.iter().find(|(name, _)| *name == field.wire_name());
        entered_for
            .map_or(StoredSecret::Unset, |(_, destination)| StoredSecret::For(destination.clone()))
    });
    let (saved_by, by) = stored.saved_by.map(|actor| (actor.email, actor.name)).unzip();
    let saved = Saved { form, revision: stored.revision, by, at: stored.saved_at };
    let saved_by = saved_by.unwrap_or_default();
    let token_revision = stored.token_revision;
    Ok(Current { saved, token_revision, sealed: stored.secrets, saved_by })
}

/// All problems of a draft over what is `stored`: by the rules that the browser has checked
/// already, and by those for certificates and endpoints that only the server can check.
pub fn problems(settings: &SettingsStore, draft: &Draft, stored: &Form<StoredSecret>) -> Problems {
    let counts = |field: &Field| {
        presence(*field, draft) != Presence::Disabled && !draft.text(*field).is_empty()
    };
    let useless = [Field::BasicTrustedCa, Field::OauthTrustedCa]
        .into_iter()
        .filter(counts)
        .filter_map(|field| {
            let server = match field {
                Field::OauthTrustedCa => &draft.oauth.server,
                _ => &draft.basic.server,
            };
            let problem = net::tls::problem_of_trusted(draft.text(field), server)?;
            Some((field, Problem::Certificate(problem)))
        });
    let refused = [Field::AuthorizationEndpoint, Field::TokenEndpoint]
        .into_iter()
        .filter(counts)
        .filter_map(|field| Some((field, egress_problem(settings, draft.text(field))?)));
    useless
        .chain(refused)
        .fold(draft.problems(stored), |problems, (field, problem)| problems.and(field, problem))
}

/// The egress policy's objection to an endpoint that is http to a literal address of this machine.
/// A name is resolved only when it is called.
fn egress_problem(settings: &SettingsStore, endpoint: &str) -> Option<Problem> {
    let endpoint = Url::parse(endpoint).ok().filter(|endpoint| endpoint.scheme() == "http")?;
    let ip: IpAddr = match endpoint.host()? {
        url::Host::Ipv4(ip) => ip.into(),
        url::Host::Ipv6(ip) => ip.into(),
        url::Host::Domain(_) => return None,
    };
    let address = SocketAddr::new(ip, endpoint.port_or_known_default()?);
    match settings.egress.vet(&Host::Ip(ip), address, Protocol::Http) {
        Err(AddressRefusal::NotAllowed) => Some(Problem::EgressNotAllowed(address)),
        Err(AddressRefusal::Denied) => Some(Problem::EgressDenied(address)),
        Ok(_) | Err(AddressRefusal::Never) => None,
    }
}

/// A token that a save has deleted, and the settings that it was for.
pub type DeletedToken = (Box<Current>, Box<StoredToken>);

/// Saves a form that was made on the current revision (optimistic lock), if it has no problems.
pub async fn save(
    settings: &SettingsStore,
    who: &Principal,
    save: &Save,
) -> Result<(SaveAnswer, Option<DeletedToken>), UseCaseError> {
    let before = current(settings).await?;
    let mut draft = save.draft.clone().strip_private_keys().trimmed();
    draft.clear_old_expiry(&before.saved.form);
    let save = &Save { draft, ..save.clone() };
    if save.revision != before.saved.revision {
        return Ok((before.conflict_with(save.revision, who), None));
    }
    let (current_before, before) = (before.clone(), before.saved);
    let problems = problems(settings, &save.draft, &before.form);
    if !problems.is_empty() {
        return Ok((SaveAnswer::Problems(problems), None));
    }

    let (by, at) = (Actor::from(who), settings.clock.now());
    let changed = changed(&save.draft, &before);
    let changed_fields: Vec<_> = changed.iter().map(|field| field.wire_name()).collect();
    let (put, remove) = sealed(settings, save)?;
    let replaced = stored::replace(
        &settings.store,
        &Replacement {
            expected_revision: save.revision,
            form_json: &at_rest(&save.draft)?,
            secrets_to_put: &put,
            secrets_to_remove: &remove,
            by: &by,
            at,
            changed_fields: &changed_fields,
            deletes_grant: save.deletes_grant.as_deref(),
            keeps_token: keeps_token(&changed),
            needs_token: save.draft.flow != OauthFlow::None,
        },
    )
    .await?;
    let answer = match replaced {
        Replaced::Done { revision, deleted } => {
            let saved = Saved {
                form: after(&save.draft, &before.form),
                revision,
                by: Some(by.name),
                at: Some(at),
            };
            let deleted = deleted.map(|token| (Box::new(current_before), token));
            return Ok((SaveAnswer::Saved(saved), deleted));
        }
        Replaced::OutOfDate => current(settings).await?.conflict_with(save.revision, who),
        Replaced::GrantUnnamed { grant_id } => SaveAnswer::TokenWouldBeDeleted(grant_id),
    };
    Ok((answer, None))
}

/// Whether no token depends on these changes. A save of an unchanged form deletes the token, too.
fn keeps_token(changed: &[Field]) -> bool {
    !changed.is_empty() && !changed.iter().any(|field| field.affects_token())
}

/// The fields that a save would change, including a Password that changes with its Username.
pub fn changed(draft: &Draft, before: &Saved) -> Vec<Field> {
    let (old, new) = (before.draft(), after(draft, &before.form));
    let edited: Vec<_> = draft.differences(&old).collect();
    let is_changed =
        |field: &Field| edited.contains(field) || new.secret(*field) != before.form.secret(*field);
    Field::ALL.iter().copied().filter(is_changed).collect()
}

/// The form without its secrets and the Client ID, which are sealed beside it.
fn at_rest(draft: &Draft) -> Result<String, serde_json::Error> {
    let mut form = draft.map_secrets(|_, _| ());
    form.authentication.client_id.clear();
    serde_json::to_string(&form)
}

/// The secrets that a save seals, each for its destination, and those that it removes.
fn sealed(
    settings: &SettingsStore,
    Save { draft, revision, .. }: &Save,
) -> Result<(Vec<SealedSecret>, Vec<&'static str>), UseCaseError> {
    let (mut put, mut remove) = (Vec::new(), Vec::new());
    let mut seal = |field: Field, destination: &Destination, value: &SecretString| {
        put.push(SealedSecret {
            field: field.wire_name().to_owned(),
            destination_json: serde_json::to_string(destination)?,
            revision: revision + 1,
            sealed: settings.vault.seal(field.wire_name(), destination, value),
        });
        Ok::<_, serde_json::Error>(())
    };
    for (field, _) in EXPIRIES {
        match (draft.secret_on_save(field).as_ref(), draft.destination(field)) {
            (SecretEdit::Replace(typed), Some(destination)) => {
                seal(field, &destination, &typed.open())?;
            }
            (SecretEdit::Clear, _) => remove.push(field.wire_name()),
            (SecretEdit::Untouched | SecretEdit::Replace(_), _) => {}
        }
    }
    match draft.authentication.client_id.as_str() {
        "" => remove.push(Field::ClientId.wire_name()),
        client_id => seal(Field::ClientId, &Destination::Unbound, &SecretString::from(client_id))?,
    }
    Ok((put, remove))
}

/// The form as a browser may see it after the save.
fn after(draft: &Draft, before: &Form<StoredSecret>) -> Form<StoredSecret> {
    draft.map_secrets(|field, _| {
        match (draft.secret_on_save(field).as_ref(), draft.destination(field)) {
            (SecretEdit::Replace(_), Some(destination)) => StoredSecret::For(destination),
            (SecretEdit::Untouched, _) => before.secret(field).cloned().unwrap_or_default(),
            (SecretEdit::Clear | SecretEdit::Replace(_), _) => StoredSecret::Unset,
        }
    })
}
