//! Texts of alerts about the health of mail, in PPM's own words.

use chrono::NaiveDate;
use domain::health::{Credential, Expiry, Incident};

use super::diagnosis_words;
use super::token::span;

/// The subject and the text of an incident that opened.
pub fn opened(incident: &Incident) -> (String, String) {
    let cause = diagnosis_words(incident.trouble.diagnosis).cause;
    let since = incident.opened_at.format("%Y-%m-%d %H:%M UTC");
    let text = format!(
        "PPM cannot send email since {since}: {cause} The Health page of PPM's email settings has the next steps."
    );
    ("PPM email has stopped".to_owned(), text)
}

/// The subject and the text of an incident that closed.
pub fn recovered(incident: &Incident) -> (String, String) {
    let end = incident.closed_at.unwrap_or(incident.last_at);
    let duration = span((end - incident.opened_at).num_seconds());
    let text = format!("PPM can send email again. It had stopped for {duration}.");
    ("PPM email works again".to_owned(), text)
}

/// The subject and the text of a credential that ends.
pub fn expiring(expiry: Expiry, today: NaiveDate) -> (String, String) {
    let name = credential(expiry.credential);
    let when = expires(expiry.days_left(today));
    (format!("PPM email: {name} {when}"), reminder(expiry, &expiry.on.to_string(), today))
}

/// The reminder of a credential that ends on a day that is written as `on`.
pub fn reminder(expiry: Expiry, on: &str, today: NaiveDate) -> String {
    let (name, when) = (credential(expiry.credential), expires(expiry.days_left(today)));
    format!("{name} {when} ({on}). {}", remedy(expiry.credential))
}

/// The subject and the text about messages of applications that failed.
pub fn messages_failed(number: i64) -> (String, String) {
    let messages = if number == 1 { "1 message".to_owned() } else { format!("{number} messages") };
    let text = format!(
        "{messages} did not reach all recipients. Default Sender Email gets a notification about each."
    );
    ("PPM could not deliver all email".to_owned(), text)
}

/// When a credential ends, by the days left.
pub fn expires(days_left: i64) -> String {
    match days_left {
        ..0 => "has expired".to_owned(),
        0 => "expires today".to_owned(),
        1 => "expires tomorrow".to_owned(),
        _ => format!("expires in {days_left} days"),
    }
}

/// The name of a credential.
pub const fn credential(credential: Credential) -> &'static str {
    match credential {
        Credential::Password => "Password",
        Credential::ClientSecret => "Client Secret",
        Credential::Grant => "The sign-in at the provider",
        Credential::ServerCertificate => "The mail server's certificate",
    }
}

/// What to do before a credential ends.
pub const fn remedy(credential: Credential) -> &'static str {
    match credential {
        Credential::Password => {
            "Set a new one at your mail provider, and enter it in PPM's email settings."
        }
        Credential::ClientSecret => {
            "Create another one at the provider, enter it in PPM's email settings, and select Get Auth Token."
        }
        Credential::Grant => {
            "Select Get Auth Token in PPM's email settings, and sign in at the provider again."
        }
        Credential::ServerCertificate => {
            "Its operator must renew it, or PPM will not send through it."
        }
    }
}
