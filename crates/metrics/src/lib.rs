//! Figures for Prometheus, in its text format 0.0.4. Durations and counts are of this process; the
//! state of mail is that of the database, the same on every node. Labels hold codes only: no
//! recipient, no address, no name.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::health::{Credential, Health};
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The upper bounds of durations, in seconds.
const BOUNDS: [f64; 9] = [0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
/// The prefix of every name.
const PREFIX: &str = "ppm_email";

type Labels = [(&'static str, &'static str); 1];
type NewHistogram = fn() -> Histogram;

/// The durations and counts of this process. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    http: Family<Labels, Histogram, NewHistogram>,
    smtp: Family<Labels, Histogram, NewHistogram>,
    checks: Family<Labels, Counter>,
}

/// The state of mail.
#[derive(Debug, Clone, Default)]
pub struct MailState {
    /// The code of the open incident's diagnosis.
    pub open_incident: Option<String>,
    /// The health, if it is known.
    pub health: Option<Health>,
    /// When the access token expires.
    pub token_expires_at: Option<DateTime<Utc>>,
    /// When credentials expire.
    pub credentials: Vec<(Credential, DateTime<Utc>)>,
    /// When a mail server last accepted a message.
    pub accepted_at: Option<DateTime<Utc>>,
    /// How many messages of the outbox wait, and when the one that waits longest was accepted.
    pub waiting: (i64, Option<DateTime<Utc>>),
}

impl Default for Metrics {
    fn default() -> Self {
        let histograms = || Family::new_with_constructor(histogram as NewHistogram);
        Self { http: histograms(), smtp: histograms(), checks: Family::default() }
    }
}

fn histogram() -> Histogram {
    Histogram::new(BOUNDS)
}

impl Metrics {
    /// Counts a response of this status.
    pub fn observe_http(&self, status: u16, duration: Duration) {
        let class = match status {
            100..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        self.http.get_or_create(&[("status", class)]).observe(duration.as_secs_f64());
    }

    /// Counts an SMTP session.
    pub fn observe_smtp(&self, is_successful: bool, duration: Duration) {
        self.smtp.get_or_create(&[outcome(is_successful)]).observe(duration.as_secs_f64());
    }

    /// Counts a check of the sign-in.
    pub fn count_check(&self, is_successful: bool) {
        self.checks.get_or_create(&[outcome(is_successful)]).inc();
    }

    /// Returns all figures in Prometheus' text format.
    pub fn text(&self, state: &MailState, now: DateTime<Utc>) -> String {
        let mut registry = Registry::with_prefix(PREFIX);
        let (http, smtp, checks) = (self.http.clone(), self.smtp.clone(), self.checks.clone());
        let seconds = || Unit::Seconds;
        registry.register_with_unit("http_response", "Duration of responses", seconds(), http);
        registry.register_with_unit("smtp_session", "Duration of SMTP sessions", seconds(), smtp);
        registry.register("checks", "Checks of the sign-in", checks);
        register_state(&mut registry, state, now);
        let mut text = String::new();
        // A String takes everything.
        encode(&mut text, &registry).unwrap_or_default();
        text
    }
}

fn register_state(registry: &mut Registry, state: &MailState, now: DateTime<Utc>) {
    let MailState { open_incident, health, token_expires_at, credentials, accepted_at, waiting } =
        state;
    if let Some(health) = health {
        let up = gauge(i64::from(*health != Health::Down));
        registry.register("connection_up", "Whether email can be sent", up);
    }
    let incidents = Family::<Vec<(&str, String)>, Gauge>::default();
    if let Some(code) = open_incident {
        incidents.get_or_create(&vec![("diagnosis", code.clone())]).set(1);
    }
    registry.register("incident_open", "The open incident, by diagnosis", incidents);
    let left = |at: DateTime<Utc>| (at - now).num_seconds();
    if let Some(at) = token_expires_at {
        let name = "token_expires_in";
        let help = "Time until the access token expires";
        registry.register_with_unit(name, help, Unit::Seconds, gauge(left(*at)));
    }
    let ends = Family::<Labels, Gauge>::default();
    for (credential, at) in credentials {
        ends.get_or_create(&[("credential", credential.wire_name())]).set(left(*at));
    }
    let help = "Time until a credential expires";
    registry.register_with_unit("credential_expires_in", help, Unit::Seconds, ends);
    if let Some(at) = accepted_at {
        let name = "last_accepted_timestamp";
        let help = "When a mail server last accepted a message";
        registry.register_with_unit(name, help, Unit::Seconds, gauge(at.timestamp()));
    }
    let (number, since) = waiting;
    registry.register("outbox_waiting", "Messages of the outbox that wait", gauge(*number));
    let age = since.map_or(0, |since| (now - since).num_seconds().max(0));
    let (name, help) = ("outbox_oldest_age", "Age of the message that waits longest");
    registry.register_with_unit(name, help, Unit::Seconds, gauge(age));
}

fn gauge(value: i64) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(value);
    gauge
}

const fn outcome(is_successful: bool) -> (&'static str, &'static str) {
    ("outcome", if is_successful { "success" } else { "failure" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_the_state_and_what_was_counted() {
        let metrics = Metrics::default();
        metrics.observe_http(204, Duration::from_millis(10));
        metrics.observe_smtp(false, Duration::from_secs(1));
        metrics.count_check(true);
        let now = DateTime::UNIX_EPOCH;
        let state = MailState {
            open_incident: Some("credentials-refused".to_owned()),
            health: Some(Health::Down),
            token_expires_at: DateTime::from_timestamp(90, 0),
            credentials: vec![(Credential::ClientSecret, now)],
            accepted_at: DateTime::from_timestamp(7, 0),
            waiting: (3, DateTime::from_timestamp(-60, 0)),
        };
        let text = metrics.text(&state, now);
        for line in [
            "ppm_email_connection_up 0",
            "ppm_email_incident_open{diagnosis=\"credentials-refused\"} 1",
            "ppm_email_token_expires_in_seconds 90",
            "ppm_email_credential_expires_in_seconds{credential=\"client-secret\"} 0",
            "ppm_email_last_accepted_timestamp_seconds 7",
            "ppm_email_outbox_waiting 3",
            "ppm_email_outbox_oldest_age_seconds 60",
            "ppm_email_checks_total{outcome=\"success\"} 1",
            "ppm_email_http_response_seconds_count{status=\"2xx\"} 1",
            "ppm_email_smtp_session_seconds_bucket{outcome=\"failure\",le=\"1\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
