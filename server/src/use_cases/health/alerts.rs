//! Delivers alerts by the configured ways: at least once, in their order, for a day, from one node at
//! a time. They never wait behind messages.

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
use smtp::message::mailbox;
use store::StoreError;
use store::alerts::{self as rows, Channel, StoredAlert};
use tokio::time::sleep;

use super::super::delivery::{self, Delivery, Outgoing, TokenSource};
use super::super::settings::{self, Current};
use crate::config::{AlertConfig, Webhook};

/// How often the loop looks for alerts: another process may have queued one.
const TICK: Duration = Duration::from_secs(2);
/// How long an alert is tried.
const FOR: TimeDelta = TimeDelta::hours(24);
/// The back-off after the first failure; each further one doubles it.
const INITIAL_BACK_OFF: TimeDelta = TimeDelta::seconds(5);
/// The maximum back-off.
const MAX_BACK_OFF: TimeDelta = TimeDelta::minutes(10);
/// How long a node may take for an attempt before another one makes the next.
const LEASE: TimeDelta = TimeDelta::minutes(5);

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

/// Delivers alerts as they are queued, for as long as the process lives.
pub async fn run_alerts(alerts: Alerts) {
    if alerts.config.webhook.is_none() && alerts.config.email.is_none() {
        return;
    }
    loop {
        if let Err(error) = alerts.deliver_due().await {
            tracing::error!(error = one_line(&error), "alerts could not be read");
        }
        sleep(TICK).await;
    }
}

impl Alerts {
    /// Delivers the alerts that are due.
    ///
    /// # Errors
    /// The database failed.
    pub async fn deliver_due(&self) -> Result<(), StoreError> {
        if let Some(webhook) = &self.config.webhook {
            while let Some(alert) = self.lease(Channel::Webhook).await? {
                let done = self.post(webhook, &alert).await;
                self.finish(&alert, done).await?;
            }
        }
        if let Some(address) = &self.config.email {
            while let Some(alert) = self.lease(Channel::Email).await? {
                let done = self.mail(address, &alert).await;
                self.finish(&alert, done).await?;
            }
        }
        Ok(())
    }

    async fn lease(&self, channel: Channel) -> Result<Option<StoredAlert>, StoreError> {
        let now = self.now();
        rows::lease_first(&self.delivery.health.store, channel, now, now + LEASE).await
    }

    /// Ends an alert that is delivered or too old, and schedules the next attempt of any other.
    async fn finish(
        &self,
        alert: &StoredAlert,
        done: Result<(), String>,
    ) -> Result<(), StoreError> {
        let (store, now) = (&self.delivery.health.store, self.now());
        let Err(reason) = done else { return rows::sent(store, alert.ordinal, now).await };
        if now >= alert.created_at + FOR {
            tracing::error!(id = alert.id, reason, "an alert was not delivered within a day");
            return rows::discard(store, alert.ordinal).await;
        }
        tracing::warn!(id = alert.id, reason, "an alert could not be delivered and is tried again");
        rows::retry(store, alert.ordinal, now + back_off(alert.tries)).await
    }

    /// Sends an alert to the webhook. Its answer is never shown.
    async fn post(&self, webhook: &Webhook, alert: &StoredAlert) -> Result<(), String> {
        let now = self.now();
        let body = ::alerts::body(&alert.id, &alert.subject, alert.created_at);
        let request =
            ::alerts::request(&webhook.url, webhook.secret.as_ref(), &alert.id, now, body)
                .map_err(|error| error.to_string())?;
        match self.http.send(request, self.http.end()).await {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => Err(format!("HTTP {}", answer.status.as_u16())),
            Err(error) => Err(format!("{:?}", error.diagnosis)),
        }
    }

    /// Sends an alert by email. While mail does not work, that is by Basic SMTP Settings if an OAuth
    /// flow is used; otherwise there is no way, and the alert is dropped.
    async fn mail(&self, address: &str, alert: &StoredAlert) -> Result<(), String> {
        let current = settings::current(&self.delivery.settings).await;
        let current = current.map_err(|error| one_line(&error))?;
        let settings = match alert.subject {
            AlertSubject::Opened(_) => match self.another_way(&current) {
                Some(settings) => settings,
                None => return Ok(()),
            },
            AlertSubject::Recovered(_) | AlertSubject::Expiring { .. } => {
                let opened = delivery::open_settings(&self.delivery, &current);
                opened.map_err(|failure| failure.to_string())?
            }
        };
        let (_, sender) = delivery::route(&settings);
        let (subject, text) = ::alerts::mail_text(&alert.subject, alert.created_at);
        let message = Message::builder()
            .from(mailbox(sender).ok_or("the sender has no address")?)
            .to(address.parse().map_err(|_| "--alert-email is no address")?)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .message_id(Some(format!("<{}@ppm.invalid>", alert.id)))
            .body(format!("{text}\n"))
            .map_err(|error| error.to_string())?;
        let outgoing = Outgoing {
            sender: Some(sender.address.clone()),
            recipients: vec![address.to_owned()],
            octets: message.formatted(),
        };
        let source = TokenSource::Stored(Box::new(current));
        // An alert says nothing of the connection: it may take another way.
        let tested = Tested::Typed;
        let mut on_step = drop;
        let sent =
            delivery::send(&self.delivery, tested, &source, settings, &outgoing, &mut on_step);
        sent.await.map(drop).map_err(|failure| failure.to_string())
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
