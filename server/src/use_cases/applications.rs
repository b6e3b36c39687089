//! Applications: adds, changes and removes the products that send through the saved settings, and
//! rotates their keys. A key is returned once, when it is made.

use std::sync::Arc;

use contract::pages::ApplicationsPage;
use domain::Principal;
use domain::application::{Application, ApplicationProblem, ApplicationSettings, KeyInfo};
use secrecy::SecretString;
use store::applications::{self as rows, Changed, NewKey};
use store::audit::{Action, Actor, Entry};
use store::{Store, StoreError};
use vault::application_key::ApplicationKey;
use vault::clock::{Clock, Randomness, random_id};

use super::people::display;
use super::{Service, UseCaseError, settings};

/// The applications. Clones share everything.
#[derive(Debug, Clone)]
pub struct Applications {
    /// The database.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of IDs and keys.
    pub randomness: Arc<dyn Randomness>,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// What was entered has a problem.
    #[error(transparent)]
    Problem(#[from] ApplicationProblem),
    /// It was removed meanwhile, or never existed.
    #[error("there is no such application, or it has no such key")]
    NotFound,
    /// It has two keys already.
    #[error("the application has two keys: remove the old one first")]
    TooManyKeys,
    /// The database failed.
    #[error("the applications could not be read or changed")]
    Store(#[from] StoreError),
}

impl Applications {
    /// All applications, sorted by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self) -> Result<Vec<Application>, ApplicationError> {
        Ok(rows::list(&self.store).await?)
    }

    /// The application with this name, regardless of case, without its keys.
    ///
    /// # Errors
    /// There is none, or the database failed.
    pub async fn by_name(&self, name: &str) -> Result<Application, ApplicationError> {
        rows::by_name(&self.store, name).await?.ok_or(ApplicationError::NotFound)
    }

    /// Adds an application, and returns its name and its key.
    ///
    /// # Errors
    /// The settings have a problem, or the database failed.
    pub async fn add(
        &self,
        by: &Actor,
        settings: ApplicationSettings,
    ) -> Result<(String, SecretString), ApplicationError> {
        let settings = settings.checked()?;
        let key = ApplicationKey::generate(self.randomness.as_ref());
        let application = Application {
            id: random_id(self.randomness.as_ref()),
            settings,
            is_disabled: false,
            created_at: self.clock.now(),
            last_used_at: None,
            last_refusal: None,
            keys: Vec::new(),
        };
        let name = &application.settings.name;
        let mut entries = vec![self.entry(by, Action::ApplicationAdded, name.clone())];
        entries.extend(self.senders_allowed(by, name, &application.settings.senders));
        let new = NewKey { prefix: &key.prefix, hash: &key.hash };
        match rows::add(&self.store, &application, new, &entries).await? {
            Changed::Done => Ok((application.settings.name, key.key)),
            changed => Err(refused(changed)),
        }
    }

    /// Changes what an application may do. Its name stays.
    ///
    /// # Errors
    /// The settings have a problem, there is no such application, or the database failed.
    pub async fn change(
        &self,
        by: &Actor,
        id: &str,
        settings: ApplicationSettings,
    ) -> Result<(), ApplicationError> {
        let before = self.by_id(id).await?.settings;
        let name = before.name.clone();
        let settings = ApplicationSettings { name: name.clone(), ..settings }.checked()?;
        let is_new = |sender: &&String| !before.allows(sender, "");
        let allowed: Vec<_> = settings.senders.iter().filter(is_new).cloned().collect();
        let mut entries = vec![self.entry(by, Action::ApplicationChanged, name.clone())];
        entries.extend(self.senders_allowed(by, &name, &allowed));
        done(rows::change(&self.store, id, &settings, &entries).await?)
    }

    /// Adds a second key, and returns the application's name and the key. The old one stays valid.
    ///
    /// # Errors
    /// It has two keys, there is no such application, or the database failed.
    pub async fn rotate(
        &self,
        by: &Actor,
        id: &str,
    ) -> Result<(String, SecretString), ApplicationError> {
        let name = self.by_id(id).await?.settings.name;
        let key = ApplicationKey::generate(self.randomness.as_ref());
        let entry = self.entry(by, Action::ApplicationKeyAdded, name.clone());
        let new = NewKey { prefix: &key.prefix, hash: &key.hash };
        done(rows::add_key(&self.store, id, new, self.clock.now(), &entry).await?)?;
        Ok((name, key.key))
    }

    /// Removes a key.
    ///
    /// # Errors
    /// There is no such application or key, or the database failed.
    pub async fn remove_key(
        &self,
        by: &Actor,
        id: &str,
        prefix: &str,
    ) -> Result<(), ApplicationError> {
        let name = self.by_id(id).await?.settings.name;
        let entry = self.entry(by, Action::ApplicationKeyRemoved, name);
        done(rows::remove_key(&self.store, id, prefix, &entry).await?)
    }

    /// Removes the oldest of two keys, and returns it.
    ///
    /// # Errors
    /// There is no such application, or it has one key, or the database failed.
    pub async fn remove_old_key(&self, by: &Actor, id: &str) -> Result<KeyInfo, ApplicationError> {
        let [old, _] = <[KeyInfo; 2]>::try_from(self.by_id(id).await?.keys)
            .map_err(|_| ApplicationError::NotFound)?;
        self.remove_key(by, id, &old.prefix).await?;
        Ok(old)
    }

    /// Disables an application, or enables it again.
    ///
    /// # Errors
    /// There is no such application, or the database failed.
    pub async fn set_disabled(
        &self,
        by: &Actor,
        id: &str,
        is_disabled: bool,
    ) -> Result<(), ApplicationError> {
        let action =
            if is_disabled { Action::ApplicationDisabled } else { Action::ApplicationEnabled };
        let entry = self.entry(by, action, self.by_id(id).await?.settings.name);
        done(rows::set_disabled(&self.store, id, is_disabled, &entry).await?)
    }

    /// Removes an application with its keys. Messages that were accepted are still sent.
    ///
    /// # Errors
    /// There is no such application, or the database failed.
    pub async fn remove(&self, by: &Actor, id: &str) -> Result<(), ApplicationError> {
        let name = self.by_id(id).await?.settings.name;
        let entry = self.entry(by, Action::ApplicationRemoved, name);
        done(rows::remove(&self.store, id, &entry).await?)
    }

    async fn by_id(&self, id: &str) -> Result<Application, ApplicationError> {
        let found = self.list().await?.into_iter().find(|application| application.id == id);
        found.ok_or(ApplicationError::NotFound)
    }

    fn entry(&self, by: &Actor, action: Action, detail: String) -> Entry {
        Entry { detail: Some(detail), ..Entry::new(self.clock.now(), by.clone(), action) }
    }

    /// The audit rows of senders beside Default Sender Email.
    fn senders_allowed(&self, by: &Actor, name: &str, senders: &[String]) -> Vec<Entry> {
        let entry =
            |sender| self.entry(by, Action::ApplicationSenderAllowed, format!("{name}: {sender}"));
        senders.iter().map(entry).collect()
    }
}

/// The page with all applications.
pub async fn page(service: &Service, who: &Principal) -> Result<ApplicationsPage, UseCaseError> {
    let applications = rows::list(&service.applications.store).await?;
    let current = settings::current(&service.settings).await?;
    let mut instants = Vec::new();
    for Application { keys, last_used_at, last_refusal, .. } in &applications {
        instants.extend(keys.iter().map(|key| key.created_at));
        instants.extend(last_used_at);
        instants.extend(last_refusal.map(|refusal| refusal.at));
    }
    let display = display(&service.people, who, instants).await?;
    let default_sender = current.saved.form.active_smtp().sender.clone();
    Ok(ApplicationsPage { applications, default_sender, display })
}

fn done(changed: Changed) -> Result<(), ApplicationError> {
    if changed == Changed::Done { Ok(()) } else { Err(refused(changed)) }
}

fn refused(changed: Changed) -> ApplicationError {
    match changed {
        Changed::NameTaken => ApplicationProblem::NameTaken.into(),
        Changed::TooManyKeys => ApplicationError::TooManyKeys,
        Changed::NotFound | Changed::Done => ApplicationError::NotFound,
    }
}
