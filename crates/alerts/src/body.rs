//! The content of alerts.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::delivery::Diagnosis;
use domain::health::{AlertSubject, Expiry, Incident};
use labels::alert;
use serde_json::{Value, json};

/// Returns the body of a webhook's request: `type`, `timestamp` and `data` as Standard Webhooks
/// recommend, and `text`, which Slack and Mattermost display.
pub fn body(id: &str, subject: &AlertSubject, at: DateTime<Utc>) -> String {
    let (kind, data) = match subject {
        AlertSubject::Opened(incident) => ("incident.opened", of_incident(incident)),
        AlertSubject::Recovered(incident) => ("incident.recovered", of_incident(incident)),
        AlertSubject::Expiring { expiry, .. } => ("credential.expiring", of_expiry(*expiry, at)),
        AlertSubject::MessagesFailed(number) => ("messages.failed", json!({ "messages": number })),
    };
    let (subject, text) = words(subject, at);
    json!({
        "id": id,
        "type": kind,
        "timestamp": instant(at),
        "text": format!("{subject}. {text}"),
        "data": data,
    })
    .to_string()
}

/// Returns the subject and the text of an alert's email.
pub fn mail_text(subject: &AlertSubject, at: DateTime<Utc>) -> (String, String) {
    words(subject, at)
}

fn words(subject: &AlertSubject, at: DateTime<Utc>) -> (String, String) {
    match subject {
        AlertSubject::Opened(incident) => alert::opened(incident),
        AlertSubject::Recovered(incident) => alert::recovered(incident),
        AlertSubject::Expiring { expiry, .. } => alert::expiring(*expiry, at.date_naive()),
        AlertSubject::MessagesFailed(number) => alert::messages_failed(*number),
    }
}

fn of_incident(incident: &Incident) -> Value {
    let seconds = incident.closed_at.map(|end| (end - incident.opened_at).num_seconds());
    json!({
        "incident": incident.id,
        "diagnosis": code(incident.trouble.diagnosis),
        "step": incident.trouble.step,
        "opened_at": instant(incident.opened_at),
        "closed_at": incident.closed_at.map(instant),
        "duration_seconds": seconds,
        "occurrences": incident.occurrences,
    })
}

fn of_expiry(expiry: Expiry, at: DateTime<Utc>) -> Value {
    json!({
        "credential": expiry.credential.wire_name(),
        "expires_on": expiry.on,
        "days_left": expiry.days_left(at.date_naive()),
    })
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Returns a diagnosis as one word, such as `credentials-refused` or
/// `token-not-renewed:invalid-grant`.
pub fn code(diagnosis: Diagnosis) -> String {
    match serde_json::to_value(diagnosis) {
        Ok(Value::String(code)) => code,
        Ok(Value::Object(nested)) => {
            let codes = nested.into_iter().map(|(outer, inner)| match inner {
                Value::String(inner) => format!("{outer}:{inner}"),
                _ => outer,
            });
            codes.collect()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, TimeDelta};
    use domain::health::{Credential, Reach, Trouble};
    use domain::token::OauthDiagnosis;

    use super::*;

    fn incident() -> Incident {
        let opened_at: DateTime<Utc> = "2026-12-01T08:00:00Z".parse().expect("a time");
        let diagnosis = Diagnosis::TokenNotRenewed(OauthDiagnosis::InvalidGrant);
        let trouble = Trouble {
            diagnosis,
            peer_text: Some("words of the provider".to_owned()),
            ..Trouble::without_token()
        };
        Incident {
            id: "4711".to_owned(),
            opened_at,
            last_at: opened_at,
            reach: Reach::SignIn,
            closed_at: Some(opened_at + TimeDelta::minutes(90)),
            occurrences: 51,
            trouble,
        }
    }

    fn parsed(subject: &AlertSubject) -> Value {
        let at = "2026-12-01T09:30:00Z".parse().expect("a time");
        serde_json::from_str(&body("msg_1", subject, at)).expect("it is JSON")
    }

    #[test]
    fn a_recovery_names_the_incident_and_its_duration() {
        let body = parsed(&AlertSubject::Recovered(incident()));
        assert_eq!(body["type"], "incident.recovered");
        assert_eq!(body["timestamp"], "2026-12-01T09:30:00Z");
        assert_eq!(
            body["data"],
            json!({
                "incident": "4711",
                "diagnosis": "token-not-renewed:invalid-grant",
                "step": "token",
                "opened_at": "2026-12-01T08:00:00Z",
                "closed_at": "2026-12-01T09:30:00Z",
                "duration_seconds": 5_400,
                "occurrences": 51,
            })
        );
    }

    #[test]
    fn an_alert_has_ppms_own_words_only() {
        let opened = Incident { closed_at: None, ..incident() };
        for subject in [AlertSubject::Opened(opened), AlertSubject::Recovered(incident())] {
            let body = parsed(&subject).to_string();
            assert!(!body.contains("words of the provider"), "{body}");
        }
    }

    #[test]
    fn failed_messages_are_a_number() {
        let body = parsed(&AlertSubject::MessagesFailed(3));
        assert_eq!(body["type"], "messages.failed");
        assert_eq!(body["data"], json!({ "messages": 3 }));
    }

    #[test]
    fn a_credential_says_how_many_days_are_left() {
        let on = NaiveDate::from_ymd_opt(2026, 12, 14).expect("a date");
        let expiry = Expiry { credential: Credential::ClientSecret, on };
        let body = parsed(&AlertSubject::Expiring { expiry, days: 14 });
        let expected = json!({
            "credential": "client-secret", "expires_on": "2026-12-14", "days_left": 13,
        });
        assert_eq!((&body["type"], &body["data"]), (&json!("credential.expiring"), &expected));
    }
}
