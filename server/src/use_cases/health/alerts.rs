//! Delivers alerts by the configured ways: at least once, for a day, each from one node at a time.
//! They never wait behind messages, and no way waits for another.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::OauthFlow;
use domain::delivery::Tested;
use domain::error::one_line;
use domain::health::AlertSubject;
use domain::settings::Settings;
use lettre::Message;
use lettre::message::header::ContentType;
use net::http::GuardedHttp;
use smtp::Envelope;
use smtp::message::mailbox;
use store::StoreError;
use store::alerts::{self as rows, AlertLease, Channel, StoredAlert};
use tokio::time::sleep;
use vault::clock::random_id;

use super::super::delivery::{self, Delivery, Outgoing, TokenSource};
use super::super::settings::{self, Current};
use super::checks;
use crate::config::AlertConfig;

/// How often the loop looks for alerts: another process may have queued one.
const TICK: Duration = Duration::from_secs(2);
/// How long an alert is tried.
const FOR: TimeDelta = TimeDelta::hours(24);
/// The back-off after the first failure; each further one doubles it.
const INITIAL_BACK_OFF: TimeDelta = TimeDelta::seconds(5);
/// The maximum back-off.
const MAX_BACK_OFF: TimeDelta = TimeDelta::minutes(10);
/// What the delivery of alerts uses. Clones share everything.
#[derive(Debug, Clone)]
pub struct Alerts {
    /// Sends the emails.
    pub delivery: Arc<Delivery>,
    /// The client for the webhook.
    pub http: GuardedHttp,
    /// Where alerts go.
    pub config: AlertConfig,
}

/// Why an attempt did not deliver an alert.
enum Undelivered {
    /// It failed, and is made again.
    Failed(String),
    /// While an incident is open, there is no way to send an email.
    NoWay,
}

impl<T: ToString> From<T> for Undelivered {
    fn from(reason: T) -> Self {
        Self::Failed(reason.to_string())
    }
}

/// Delivers alerts by one way as they are queued, for as long as the process lives.
pub async fn run_alerts(alerts: Alerts, channel: Channel) {
    if !alerts.has(channel) {
        return;
    }
    loop {
        if let Err(error) = alerts.deliver_due(channel).await {
            tracing::error!(error = one_line(&error), "alerts could not be read");
        }
        sleep(TICK).await;
    }
}

impl Alerts {
    /// Delivers the alerts that are due by one way.
    ///
    /// # Errors
    /// The database failed.
    pub async fn deliver_due(&self, channel: Channel) -> Result<(), StoreError> {
        while self.has(channel) {
            let (lease, store) = (self.lease(channel), &self.delivery.health.store);
            let Some(alert) = rows::lease(store, channel, &lease).await? else { break };
            self.deliver(channel, &lease.owner, &alert).await?;
        }
        Ok(())
    }

    /// Whether a way is configured.
    const fn has(&self, channel: Channel) -> bool {
        match channel {
            Channel::Webhook => self.config.webhook.is_some(),
            Channel::Email => self.config.email.is_some(),
        }
    }

    fn lease(&self, channel: Channel) -> AlertLease {
        let length = match channel {
            Channel::Webhook => checks::lease_length(self.http.total()),
            Channel::Email => checks::lease_length(checks::longest(&self.delivery)),
        };
        let (owner, from) = (random_id(self.delivery.health.randomness.as_ref()), self.now());
        AlertLease {
            owner,
            from,
            until: from + length,
            longest: from + length.max(MAX_BACK_OFF) * 2,
        }
    }

    /// Makes one attempt, unless the alert is too old. Ends an alert that is delivered or given up,
    /// and schedules the next attempt of any other.
    async fn deliver(
        &self,
        channel: Channel,
        owner: &str,
        alert: &StoredAlert,
    ) -> Result<(), StoreError> {
        let (store, id) = (&self.delivery.health.store, &alert.id);
        if self.now() >= alert.created_at + FOR {
            tracing::error!(id, "an alert was not delivered within a day");
            return rows::discard(store, owner, alert.ordinal).await;
        }
        let done = match channel {
            Channel::Webhook => self.post(alert).await,
            Channel::Email => self.mail(alert).await,
        };
        match done {
            Ok(()) => rows::sent(store, owner, alert.ordinal, self.now()).await,
            Err(Undelivered::NoWay) => {
                tracing::warn!(
                    id,
                    "email has stopped, and no other way can send the alert by email"
                );
                rows::discard(store, owner, alert.ordinal).await
            }
            Err(Undelivered::Failed(reason)) => {
                tracing::warn!(id, reason, "an alert could not be delivered and is tried again");
                let next_at = self.now() + back_off(alert.tries);
                rows::retry(store, owner, alert.ordinal, next_at).await
            }
        }
    }

    /// Sends an alert to the webhook. Its status alone counts, and its answer is not read.
    async fn post(&self, alert: &StoredAlert) -> Result<(), Undelivered> {
        let Some(webhook) = &self.config.webhook else { return Err(Undelivered::NoWay) };
        let now = self.now();
        let body = ::alerts::body(&alert.id, &alert.subject, alert.created_at);
        let request =
            ::alerts::request(&webhook.url, webhook.secret.as_ref(), &alert.id, now, body)?;
        match self.http.status(request, self.http.end()).await {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(format!("HTTP {}", status.as_u16()).into()),
            Err(error) => Err(format!("{:?}", error.diagnosis).into()),
        }
    }

    /// Sends an alert by email. While mail does not work, that is by Basic SMTP Settings if an OAuth
    /// flow is used; otherwise there is no way.
    async fn mail(&self, alert: &StoredAlert) -> Result<(), Undelivered> {
        let Some(address) = &self.config.email else { return Err(Undelivered::NoWay) };
        let current = settings::current(&self.delivery.settings).await;
        let current = current.map_err(|error| one_line(&error))?;
        let settings = match alert.subject {
            AlertSubject::Opened(_) => self.another_way(&current).ok_or(Undelivered::NoWay)?,
            AlertSubject::Recovered(_)
            | AlertSubject::Expiring { .. }
            | AlertSubject::MessagesFailed(_) => delivery::open_settings(&self.delivery, &current)?,
        };
        let (_, sender) = delivery::route(&settings);
        let (subject, text) = ::alerts::mail_text(&alert.subject, alert.created_at);
        let message = Message::builder()
            .from(mailbox(sender).ok_or("the sender has no address")?)
            .to(address.parse().map_err(|_| "--alert-email is no address")?)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .message_id(Some(format!("<{}@ppm.invalid>", alert.id)))
            .body(format!("{text}\n"))?;
        let envelope =
            Envelope { sender: Some(sender.address.clone()), recipients: vec![address.clone()] };
        let outgoing = Outgoing { envelope, octets: message.formatted() };
        let source = TokenSource::Stored(Box::new(current));
        // An alert says nothing of the connection: it may take another way.
        let tested = Tested::Typed;
        let mut on_step = drop;
        let sent =
            delivery::send(&self.delivery, tested, &source, settings, &outgoing, &mut on_step);
        Ok(sent.await.map(drop)?)
    }

    /// Basic SMTP Settings, if an OAuth flow is used and that group is complete.
    fn another_way(&self, current: &Current) -> Option<Settings> {
        if current.saved.form.flow == OauthFlow::None {
            return None;
        }
        current.basic(&self.delivery.settings)
    }

    fn now(&self) -> DateTime<Utc> {
        self.delivery.health.clock.now()
    }
}

/// The back-off after so many failures and one.
fn back_off(tries: i64) -> TimeDelta {
    let doublings = u32::try_from(tries.clamp(0, 16)).unwrap_or(0);
    (INITIAL_BACK_OFF * 2_i32.pow(doublings)).min(MAX_BACK_OFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_doubles_from_five_seconds_to_ten_minutes() {
        for (tries, seconds) in [(0, 5), (1, 10), (6, 320), (7, 600), (100, 600)] {
            assert_eq!(back_off(tries), TimeDelta::seconds(seconds), "{tries}");
        }
    }
}
