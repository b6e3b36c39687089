//! Checks the saved connection: signs in and sends nothing. One node at a time does so, under a
//! lease, when a check is due.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::error::one_line;
use domain::health::{self, Credential, Evidence, Expiry, Trouble};
use domain::secret::StoredSecret;
use domain::{Field, OauthFlow};
use store::health::{self as rows, Known, KnownEnds, LastCheck, Observation};
use store::tokens::{self, StoredToken};
use tokio::time::{Instant, sleep};
use vault::clock::random_id;

use super::super::UseCaseError;
use super::super::delivery::{self, Delivery};
use super::super::settings::{self, Current};

/// How often the loop looks whether a check is due.
const TICK: Duration = Duration::from_secs(2);
/// How often a check that was asked for looks whether the one in progress has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The interval of reminders.
const REMIND_EVERY: Duration = Duration::from_hours(1);
/// How long a lease outlasts what is done under it.
const GRACE: Duration = Duration::from_secs(15);
/// When settings that are incomplete, or have no token, are looked at again.
const INCOMPLETE: TimeDelta = TimeDelta::hours(1);

/// What checks use. Clones share everything.
#[derive(Debug, Clone)]
pub struct HealthChecks {
    /// Signs in, and records what that shows.
    pub delivery: Arc<Delivery>,
    /// Whether checks run by themselves.
    pub are_on: bool,
}

/// Checks whenever that is due, for as long as the process lives.
pub async fn run_health_checks(checks: HealthChecks) {
    let mut reminded: Option<Instant> = None;
    loop {
        if let Err(error) = checks.check_if_due().await {
            tracing::error!(error = one_line(&error), "the connection could not be checked");
        }
        if reminded.is_none_or(|at| at.elapsed() >= REMIND_EVERY) {
            reminded = Some(Instant::now());
            if let Err(error) = checks.remind().await {
                let error = one_line(&error);
                tracing::error!(error, "credentials that expire could not be looked up");
            }
        }
        sleep(TICK).await;
    }
}

impl HealthChecks {
    /// Checks if that is due, and returns whether it has.
    ///
    /// # Errors
    /// The database failed.
    pub async fn check_if_due(&self) -> Result<bool, UseCaseError> {
        let record = &self.delivery.health;
        let (known, now) = (rows::load(&record.store).await?, record.clock.now());
        self.miss_token(&known, now).await?;
        if !self.are_on || !known.monitor.is_check_due(now) {
            return Ok(false);
        }
        Ok(self.check_alone(known.monitor.check_at).await? == Some(true))
    }

    /// Checks now, because a user asks for it, once a check in progress has ended. False if the
    /// settings are incomplete or have no token.
    ///
    /// # Errors
    /// The database failed.
    pub async fn check_now(&self) -> Result<bool, UseCaseError> {
        loop {
            if let Some(checked) = self.check_alone(None).await? {
                return Ok(checked);
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Checks under the lease, so that a sign-in that fails is not tried by several at once. `due` is
    /// the time of the check that it is.
    async fn check_alone(&self, due: Option<DateTime<Utc>>) -> Result<Option<bool>, UseCaseError> {
        let record = &self.delivery.health;
        let owner = random_id(record.randomness.as_ref());
        let (now, length) = (record.clock.now(), lease_length(longest(&self.delivery)));
        let (until, longest) = (now + length, now + length * 10);
        if !rows::lease_check(&record.store, &owner, due, now, until, longest).await? {
            return Ok(None);
        }
        let checked = self.check().await;
        let skipped = matches!(checked, Ok(false)).then(|| record.clock.now() + INCOMPLETE);
        rows::release_check(&record.store, &owner, skipped).await?;
        checked.map(Some)
    }

    /// Signs in, sends nothing, and records the result. False if the settings are incomplete or have
    /// no token.
    async fn check(&self) -> Result<bool, UseCaseError> {
        let record = &self.delivery.health;
        let current = settings::current(&self.delivery.settings).await?;
        let needs_token = current.saved.form.flow != OauthFlow::None;
        if !current.saved.is_complete()
            || (needs_token && tokens::load(&record.store).await?.is_none())
        {
            return Ok(false);
        }
        let (at, begun) = (record.clock.now(), Instant::now());
        let attempt = delivery::check(&self.delivery, &current, &mut drop).await;
        // The token was deleted meanwhile.
        let Some(evidence) = attempt.evidence() else { return Ok(false) };
        let trouble = match &evidence {
            Evidence::Works(_) => None,
            Evidence::Fails(trouble) => Some(trouble.clone()),
        };
        let millis = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let observation = Observation {
            evidence,
            at: record.clock.now(),
            check: Some(LastCheck { at, millis, trouble }),
            certificate_expires_at: attempt.certificate_expires_at,
            jitter: record.jitter(),
        };
        record.metrics.count_check(observation.reach().is_some());
        record.observe(current.token_revision, &observation).await?;
        Ok(true)
    }

    /// Records that mail has been without a token for too long since a save deleted it.
    async fn miss_token(&self, known: &Known, now: DateTime<Utc>) -> Result<(), UseCaseError> {
        let is_missed = |at: DateTime<Utc>| now >= at + health::WITHOUT_TOKEN;
        if known.open.is_some() || !known.token_deleted_at.is_some_and(is_missed) {
            return Ok(());
        }
        let record = &self.delivery.health;
        let current = settings::current(&self.delivery.settings).await?;
        let has_token = tokens::load(&record.store).await?.is_some();
        if current.saved.is_complete() && !has_token {
            let evidence = Evidence::Fails(Trouble::without_token());
            record.record(current.token_revision, evidence).await;
        }
        Ok(())
    }

    /// Queues the reminders that are due.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remind(&self) -> Result<(), UseCaseError> {
        let (record, now) = (&self.delivery.health, self.delivery.health.clock.now());
        let known = rows::load(&record.store).await?;
        let current = settings::current(&self.delivery.settings).await?;
        let token = tokens::load(&record.store).await?;
        for expiry in expiries(&known.ends, &current, token.as_ref()) {
            let id = random_id(record.randomness.as_ref());
            if let Some(days) = expiry.reminder(now.date_naive())
                && rows::remind(&record.store, &id, expiry, days, now).await?
            {
                let credential = expiry.credential.wire_name();
                tracing::warn!(credential, on = %expiry.on, "a credential expires soon");
            }
        }
        Ok(())
    }
}

/// The longest duration of a message or a check: with an OAuth flow two token requests, each after
/// another process's, and two sessions.
pub fn longest(delivery: &Delivery) -> Duration {
    2 * (delivery.deadlines.total + 2 * delivery.tokens.longest_request)
}

/// The length of a lease, which outlasts what is done under it.
pub fn lease_length(longest: Duration) -> TimeDelta {
    TimeDelta::from_std(longest + GRACE).unwrap_or(TimeDelta::days(1))
}

/// When the credentials end that the saved settings use, as far as is known, the next one first.
pub fn expiries(known: &KnownEnds, current: &Current, token: Option<&StoredToken>) -> Vec<Expiry> {
    let is_oauth = current.saved.form.flow != OauthFlow::None;
    let (field, credential) = if is_oauth {
        (Field::ClientSecret, Credential::ClientSecret)
    } else {
        (Field::Password, Credential::Password)
    };
    let is_stored =
        current.saved.form.secret(field).is_some_and(|secret| *secret != StoredSecret::Unset);
    let on = current.saved.form.secret_expiry(field).filter(|_| is_stored);
    let secret = on.map(|on| Expiry { credential, on });
    let grant = token.filter(|token| is_oauth && !token.is_gone).and_then(|token| {
        let endpoint = &current.saved.form.authentication.token_endpoint;
        let unused = || Some(token.obtained_at + health::unused_lifetime(endpoint)?);
        // While renewals extend it, a refresh token does not expire.
        let refresh = token.ends.refresh.or_else(unused).filter(|_| token.failure.is_some());
        let learned =
            token.granted_at.zip(known.grant_lifetime).map(|(at, lifetime)| at + lifetime);
        let ends = [token.ends.grant, refresh, learned];
        let on = ends.into_iter().flatten().min()?.date_naive();
        Some(Expiry { credential: Credential::Grant, on })
    });
    let mut all: Vec<_> = [secret, grant, known.certificate()].into_iter().flatten().collect();
    all.sort_unstable_by_key(|expiry| expiry.on);
    all
}
