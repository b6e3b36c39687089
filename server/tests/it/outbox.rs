//! The outbox: messages that applications hand over by HTTP are durable, and each is sent once.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use chrono::TimeDelta;
use domain::Field;
use domain::application::{ApplicationSettings, Refusal};
use domain::delivery::{Diagnosis, Step};
use domain::health::{AlertSubject, Evidence, Incident, Proof, Reach, Trouble};
use domain::outbox::{ATTEMPTED_FOR, Pace};
use domain::secret::Destination;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use server::config::{Rates, rate};
use server::serve::drain_attempts;
use server::use_cases::delete_expired;
use smtp::ClientName;
use sqlx::AnyConnection;
use store::alerts::{self, AlertLease, Channel};
use store::audit::{Action, Actor, Entry};
use store::health as health_rows;
use store::outbox as rows;
use testkit::smtp_server::{SmtpScript, SmtpServer};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use vault::clock::Clock;
use vault::{Vault, key_file};

use crate::support::databases::{connection, count_rows, database_url, execute};
use crate::support::drafts::draft_of;
use crate::support::harness::{Answer, Harness, ada, get, operator, post, unlimited};
use crate::support::program;
use crate::support::test_doubles::SeededRandomness;

const MESSAGES: &str = "/v1/messages";
/// The configured sender.
pub const SENDER: &str = "noreply@example.com";

/// A server whose mail goes to this mail server, with the key of an application.
pub struct Fixture {
    pub harness: Harness,
    key: SecretString,
}

impl Fixture {
    pub async fn sending_to(mail_server: &SmtpServer) -> Self {
        Self::with(mail_server, ApplicationSettings::default()).await
    }

    async fn with(mail_server: &SmtpServer, settings: ApplicationSettings) -> Self {
        Self::on(Harness::start().await, mail_server.address, settings).await
    }

    /// The same on this server.
    pub async fn on(harness: Harness, mail: SocketAddr, settings: ApplicationSettings) -> Self {
        let harness = harness.with_ada().await;
        harness.sends_through(&ada(), mail).await;
        let key = add(&harness, "Planner", settings).await;
        Self { harness, key }
    }

    async fn hand_over(&self, message: &Value) -> Answer {
        self.hand_over_with(message, &self.key, None).await
    }

    async fn hand_over_with(
        &self,
        message: &Value,
        key: &SecretString,
        idempotency: Option<&str>,
    ) -> Answer {
        let mut request = post(MESSAGES)
            .header(AUTHORIZATION, format!("Bearer {}", key.expose_secret()))
            .header(CONTENT_TYPE, "application/json");
        if let Some(idempotency) = idempotency {
            request = request.header("idempotency-key", idempotency);
        }
        self.harness.ask_with(Router::new(), request, Body::from(message.to_string())).await
    }

    pub async fn accepted(&self, message: &Value) -> String {
        id_of(&self.hand_over(message).await)
    }

    /// Hands a message over with its length, as every HTTP client does.
    async fn hand_over_declared(&self, message: &Value) -> Answer {
        let body = message.to_string();
        let request = post(MESSAGES)
            .header(AUTHORIZATION, format!("Bearer {}", self.key.expose_secret()))
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_LENGTH, body.len());
        self.harness.ask_with(Router::new(), request, Body::from(body)).await
    }

    async fn hand_over_octets(&self, octets: &str) -> Answer {
        let request = post(MESSAGES)
            .header(AUTHORIZATION, format!("Bearer {}", self.key.expose_secret()))
            .header(CONTENT_TYPE, "message/rfc822");
        self.harness.ask_with(Router::new(), request, Body::from(octets.to_owned())).await
    }

    pub async fn status(&self, id: &str) -> Value {
        let answer = self.ask("GET", id, &self.key).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    }

    async fn ask(&self, method: &str, id: &str, key: &SecretString) -> Answer {
        let request = get(&format!("{MESSAGES}/{id}"))
            .method(method)
            .header(AUTHORIZATION, format!("Bearer {}", key.expose_secret()));
        self.harness.ask(Router::new(), request).await
    }

    /// Sends what may be sent now, and returns the number of attempts.
    pub async fn work(&self) -> usize {
        let mut worker = self.harness.server.worker();
        let mut attempts = 0;
        while worker.send_next().await.expect("the database answers") {
            attempts += 1;
        }
        worker.close().await;
        attempts
    }

    /// The open incident.
    async fn incident(&self) -> Option<Incident> {
        health_rows::load(&self.harness.server.store).await.expect("an answer").open
    }

    /// Adds a sealing key, and has the server seal and sign with it.
    async fn seal_with_another_key(&self) {
        let folder = self.harness.folder.path();
        let mut add = program::program(folder);
        add.args(["key", "add", "--database-url", &database_url(folder).await]);
        add.args(["--key-file", "ppm-email.key"]);
        let output = program::run(add, "");
        assert!(output.status.success(), "{output:?}");
        let vault = &self.harness.server.vault;
        let before = vault.ring().active().id();
        let ring = key_file::read(&folder.join("ppm-email.key")).expect("it is private");
        let ring = ring.expect("it is there");
        let added = ring.keys().iter().find(|key| key.id() != before).expect("another key");
        assert!(vault.adopt(&vault.check_by(added)));
    }

    pub async fn record(&self, evidence: Evidence) {
        self.harness.server.checks.delivery.health.record(1, evidence).await;
    }
}

async fn add(harness: &Harness, name: &str, settings: ApplicationSettings) -> SecretString {
    let settings = ApplicationSettings { name: name.to_owned(), ..settings };
    harness.server.applications().add(&operator(), settings).await.expect("it is added").1
}

/// An application that may use these senders beside the configured one.
fn allowed(senders: &[&str]) -> ApplicationSettings {
    let senders = senders.iter().map(|&sender| sender.to_owned()).collect();
    ApplicationSettings { senders, ..ApplicationSettings::default() }
}

fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    body["id"].as_str().expect("an ID").to_owned()
}

pub fn message_to(recipients: &[&str]) -> Value {
    json!({ "from": SENDER, "to": recipients, "subject": "Hello", "text": "canary-body" })
}

/// Replaces the saved form behind the server's back.
async fn put_form(database: &mut AnyConnection, form: &str) {
    let form = form.replace('\'', "''");
    execute(database, &format!("UPDATE settings SET form = '{form}'")).await;
}

/// The commands of a kind that the mail server has received.
async fn received(server: SmtpServer, start: &str) -> Vec<String> {
    let received = server.received().await;
    let lines = received.lines();
    lines.iter().filter(|line| line.starts_with(start)).map(|line| (*line).to_owned()).collect()
}

#[tokio::test]
async fn a_message_that_is_accepted_is_delivered_once_with_its_state() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let id = fixture.accepted(&message_to(&["bo@example.org"])).await;
    assert_eq!(fixture.status(&id).await["state"], "queued");
    assert_eq!(fixture.work().await, 1);
    let status = fixture.status(&id).await;
    assert_eq!(
        (&status["state"], &status["recipients"][0]["state"]),
        (&json!("delivered"), &json!("delivered"))
    );
    assert_eq!(status["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!(fixture.work().await, 0);
    assert_eq!(received(server, "DATA").await.len(), 1);
}

#[tokio::test]
async fn messages_share_a_session() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    for _ in 0..3 {
        fixture.accepted(&message_to(&["bo@example.org"])).await;
    }
    assert_eq!(fixture.work().await, 3);
    let received = server.received().await;
    assert_eq!(received.connections, 1);
    assert_eq!(received.lines().iter().filter(|line| line.starts_with("MAIL")).count(), 3);
}

#[tokio::test]
async fn of_three_recipients_the_refused_one_fails_with_a_notice_and_the_others_get_it_once() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let recipients = ["bo@example.org", "nobody@example.org", "di@example.org"];
    let id = fixture.accepted(&message_to(&recipients)).await;
    assert_eq!(fixture.work().await, 2, "the message and the notice");
    let status = fixture.status(&id).await;
    let ended: Vec<_> = (0..3).map(|at| status["recipients"][at]["state"].clone()).collect();
    assert_eq!(ended, ["delivered", "failed", "delivered"]);
    assert_eq!(status["recipients"][1]["trouble"]["reply"], "550 5.1.1 Nobody here");
    let received = server.received().await;
    let lines = received.lines();
    assert_eq!(lines.iter().filter(|line| **line == "DATA").count(), 2);
    assert!(lines.contains(&"MAIL FROM:<>"), "the notice has the null reverse-path");
    assert!(lines.contains(&"RCPT TO:<noreply@example.com>"), "{lines:?}");
}

#[tokio::test]
async fn the_webhook_is_told_once_an_hour_how_many_messages_failed() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let mut told = Vec::new();
    for minutes in [1, 30, 40] {
        for _ in 0..2 {
            fixture.accepted(&message_to(&["nobody@example.org"])).await;
        }
        fixture.work().await;
        fixture.harness.clock.advance(TimeDelta::minutes(minutes));
        fixture.work().await;
        let now = fixture.harness.clock.now();
        let (owner, until) = (String::new(), now + TimeDelta::hours(1));
        let lease = AlertLease { owner, from: now, until, longest: until };
        let store = &fixture.harness.server.store;
        let alert = alerts::lease(store, Channel::Webhook, &lease).await.expect("an answer");
        if let Some(alert) = &alert {
            alerts::sent(store, "", alert.ordinal, now).await.expect("it is ended");
        }
        told.push(alert.map(|alert| alert.subject));
    }
    let failed = |number| Some(AlertSubject::MessagesFailed(number));
    assert_eq!(told, [failed(2), None, failed(4)]);
}

#[tokio::test]
async fn a_notice_names_this_host_as_ehlo_does() {
    for (configured, expected) in
        [(Some("mail.example.com"), "mail.example.com"), (None, "[127.0.0.1]")]
    {
        let server = SmtpScript::in_clear().play_to_all();
        let harness = Harness::with(|config| {
            config.smtp_client_name = configured.and_then(ClientName::parse);
        });
        let harness = harness.await.with_ada().await;
        harness.sends_through(&ada(), server.address).await;
        let key = add(&harness, "Planner", ApplicationSettings::default()).await;
        let fixture = Fixture { harness, key };
        fixture.accepted(&message_to(&["nobody@example.org"])).await;
        assert_eq!(fixture.work().await, 2, "the message and the notice");
        let received = server.received().await;
        let notice = String::from_utf8(received.message()).expect("text");
        let line = format!("Reporting-MTA: dns; {expected}\r\n");
        assert!(notice.contains(&line), "{notice}");
        assert_eq!(received.line("EHLO"), format!("EHLO {expected}"));
    }
}

#[tokio::test]
async fn a_flood_of_wrong_keys_is_told_to_wait_and_a_valid_key_from_its_address_is_not() {
    let server = SmtpScript::in_clear().play_to_all();
    let address = rate(2, Duration::from_hours(1));
    let harness = Harness::with(|config| config.rates = Rates { address, ..unlimited() });
    let harness = harness.await.with_ada().await;
    harness.sends_through(&ada(), server.address).await;
    let key = add(&harness, "Planner", ApplicationSettings::default()).await;
    let fixture = Fixture { harness, key };
    let message = message_to(&["bo@example.org"]);
    let wrong = SecretString::from(format!("{}x", fixture.key.expose_secret()));
    let mut answers = Vec::new();
    for _ in 0..3 {
        let answer = fixture.hand_over_with(&message, &wrong, None).await;
        answers.push((answer.status, answer.code()));
        fixture.accepted(&message).await;
    }
    let refused = (StatusCode::UNAUTHORIZED, "key-not-valid".to_owned());
    let too_many = (StatusCode::TOO_MANY_REQUESTS, "too-many-attempts".to_owned());
    assert_eq!(answers, [refused.clone(), refused, too_many]);
    let answer = fixture.ask("GET", "any", &wrong).await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((3_000..=3_600).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_recipient_that_is_greylisted_waits_and_is_retried_alone() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let id = fixture.accepted(&message_to(&["bo@example.org", "later@example.org"])).await;
    assert_eq!(fixture.work().await, 1);
    let status = fixture.status(&id).await;
    assert_eq!(status["recipients"][0]["state"], "delivered");
    assert_eq!(status["recipients"][1]["state"], "waiting");
    fixture.harness.clock.advance(TimeDelta::minutes(2));
    assert_eq!(fixture.work().await, 1);
    let rcpt = received(server, "RCPT").await;
    assert_eq!(rcpt.iter().filter(|line| line.contains("bo@")).count(), 1);
    assert_eq!(rcpt.iter().filter(|line| line.contains("later@")).count(), 2);
}

#[tokio::test]
async fn a_message_is_given_up_after_48_hours_with_a_notice() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let id = fixture.accepted(&message_to(&["later@example.org"])).await;
    let mut attempts = 0;
    for _ in 0..60 {
        attempts += fixture.work().await;
        fixture.harness.clock.advance(TimeDelta::hours(1));
    }
    let status = fixture.status(&id).await;
    assert_eq!(status["recipients"][0]["state"], "failed");
    assert!((20..60).contains(&attempts), "{attempts}");
    assert_eq!(received(server, "MAIL FROM:<>").await.len(), 1);
}

#[tokio::test]
async fn a_message_is_not_given_up_without_an_address_for_its_notification() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let id = fixture.accepted(&message_to(&["later@example.org"])).await;
    assert_eq!(fixture.work().await, 1);
    let folder = fixture.harness.folder.path();
    let mut database = connection(folder).await;
    let form: String = sqlx::query_scalar("SELECT CAST(form AS TEXT) FROM settings")
        .fetch_one(&mut database)
        .await
        .expect("the settings are there");
    let incomplete = form.replace(SENDER, "");
    put_form(&mut database, &incomplete).await;
    fixture.harness.clock.advance(TimeDelta::hours(50));
    assert_eq!(fixture.work().await, 0);
    assert_eq!(fixture.status(&id).await["state"], "waiting");
    assert_eq!(count_rows(folder, "message_body").await, 1);

    put_form(&mut database, &form).await;
    assert_eq!(fixture.work().await, 1, "the notice");
    assert_eq!(fixture.status(&id).await["state"], "failed");
    assert_eq!(received(server, "MAIL FROM:<>").await.len(), 1);
}

#[tokio::test]
async fn a_message_that_a_node_cannot_open_waits_for_another_and_is_not_given_up() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let id = fixture.accepted(&message_to(&["bo@example.org"])).await;
    let spoil = "UPDATE message_body SET sealed = $1";
    let mut database = connection(fixture.harness.folder.path()).await;
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM message_body")
        .fetch_one(&mut database)
        .await
        .expect("the body is there");
    let other = Vault::new(&[7; 32], Arc::new(SeededRandomness::new(7)));
    let unreadable = other.seal_octets("body", &Destination::Message(id.clone()), b"x");
    sqlx::query(spoil).bind(unreadable.as_slice()).execute(&mut database).await.expect("a row");
    assert_eq!(fixture.work().await, 1);
    assert_eq!(fixture.work().await, 0, "it is left to others for a while");
    let status = fixture.status(&id).await;
    assert_eq!((&status["state"], &status["attempts"]), (&json!("queued"), &json!([])));

    fixture.harness.clock.advance(TimeDelta::hours(50));
    fixture.work().await;
    assert_eq!(
        fixture.status(&id).await["state"],
        "queued",
        "there is no address for a notification"
    );

    sqlx::query(spoil).bind(sealed.as_slice()).execute(&mut database).await.expect("a row");
    fixture.harness.clock.advance(TimeDelta::minutes(5));
    assert_eq!(fixture.work().await, 1, "the notice");
    assert_eq!(fixture.status(&id).await["state"], "failed");
}

#[tokio::test]
async fn one_idempotency_key_by_50_callers_is_one_message() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = std::sync::Arc::new(Fixture::sending_to(&server).await);
    let message = message_to(&["bo@example.org"]);
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let (fixture, message) = (fixture.clone(), message.clone());
        callers.spawn(async move {
            id_of(&fixture.hand_over_with(&message, &fixture.key, Some("once")).await)
        });
    }
    let mut ids = callers.join_all().await;
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(fixture.work().await, 1);
    let other = add(&fixture.harness, "Other", ApplicationSettings::default()).await;
    let id = id_of(&fixture.hand_over_with(&message, &other, Some("once")).await);
    assert_ne!(id, ids[0]);
    let changed = message_to(&["di@example.org"]);
    let refused = fixture.hand_over_with(&changed, &fixture.key, Some("once")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_repeated_request_has_the_same_answer_after_what_it_needs_has_changed() {
    let server = SmtpScript::in_clear().play_to_all();
    let senders = vec!["planner@example.com".to_owned()];
    let settings = ApplicationSettings { senders, ..ApplicationSettings::default() };
    let fixture = Fixture::with(&server, settings).await;
    let mut message = message_to(&["bo@example.org"]);
    message["from"] = json!("planner@example.com");
    message["expiresAt"] = json!(fixture.harness.clock.now() + TimeDelta::hours(1));
    let hand_over = async || fixture.hand_over_with(&message, &fixture.key, Some("once")).await;
    let id = id_of(&hand_over().await);

    fixture.harness.clock.advance(TimeDelta::hours(2));
    assert_eq!(id_of(&hand_over().await), id, "it has expired");

    let applications = fixture.harness.server.applications();
    let application = applications.list().await.expect("a list")[0].id.clone();
    let none = ApplicationSettings::default();
    applications.change(&operator(), &application, none).await.expect("it is changed");
    assert_eq!(id_of(&hand_over().await), id, "its sender is not allowed any more");

    fixture.seal_with_another_key().await;
    assert_eq!(id_of(&hand_over().await), id, "another key signs");
    message["text"] = json!("another");
    let changed = fixture.hand_over_with(&message, &fixture.key, Some("once")).await;
    assert_eq!(changed.code(), "idempotency-key-reused");
}

#[tokio::test]
async fn an_application_sees_and_cancels_only_its_own_messages() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let id = fixture.accepted(&message_to(&["bo@example.org"])).await;
    let other = add(&fixture.harness, "Other", ApplicationSettings::default()).await;
    for method in ["GET", "DELETE"] {
        let answer = fixture.ask(method, &id, &other).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method}");
    }
    let answer = fixture.ask("DELETE", &id, &fixture.key).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(fixture.status(&id).await["state"], "canceled");
    assert_eq!(fixture.work().await, 0);
    let again = fixture.ask("DELETE", &id, &fixture.key).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(received(server, "DATA").await.is_empty(), "a canceled message never leaves");
}

#[tokio::test]
async fn a_sender_that_is_not_allowed_is_refused_and_shown_to_administrators() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let mut foreign = message_to(&["bo@example.org"]);
    foreign["from"] = json!("ceo@example.com");
    let refused = fixture.hand_over(&foreign).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let sender =
        "From: noreply@example.com\r\nSender: ceo@example.com\r\nTo: bo@example.org\r\n\r\nx\r\n";
    assert_eq!(fixture.hand_over_octets(sender).await.status, StatusCode::FORBIDDEN);
    let two = "From: noreply@example.com, ceo@example.com\r\nTo: bo@example.org\r\n\r\nx\r\n";
    assert_eq!(fixture.hand_over_octets(two).await.status, StatusCode::FORBIDDEN);
    let listed = fixture.harness.server.applications().list().await.expect("a list");
    assert!(listed[0].last_refusal.is_some());
    assert_eq!(fixture.work().await, 0);
}

#[tokio::test]
async fn an_allowed_sender_is_the_envelope_sender() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::with(&server, allowed(&["planner@example.com"])).await;
    let mut message = message_to(&["bo@example.org"]);
    message["from"] = json!("Planner <Planner@example.com>");
    fixture.accepted(&message).await;
    assert_eq!(fixture.work().await, 1);
    assert_eq!(received(server, "MAIL").await[0], "MAIL FROM:<Planner@example.com>");
}

#[tokio::test]
async fn an_allowed_sender_may_be_written_in_u_labels_or_in_a_labels() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::with(&server, allowed(&["planner@bücher.example"])).await;
    for from in ["planner@bücher.example", "Planner@XN--bcher-kva.example"] {
        let mut message = message_to(&["bo@example.org"]);
        message["from"] = json!(from);
        fixture.accepted(&message).await;
    }
}

#[tokio::test]
async fn a_sender_that_programs_read_differently_is_refused() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    for (from, expected) in [
        ("\"Planner, Team\" <noreply@example.com>", StatusCode::ACCEPTED),
        ("noreply@example.com (ceo@example.com)", StatusCode::UNPROCESSABLE_ENTITY),
        ("\"ceo@example.com\" <noreply@example.com>", StatusCode::UNPROCESSABLE_ENTITY),
        ("=?utf-8?q?=3Cceo=3E?= <noreply@example.com>", StatusCode::UNPROCESSABLE_ENTITY),
        ("noreply@example.com\r\nResent-From: noreply@example.com", StatusCode::ACCEPTED),
        ("noreply@example.com\r\nResent-From: ceo@example.com", StatusCode::FORBIDDEN),
        ("noreply@example.com\r\nResent-Sender: ceo@example.com", StatusCode::FORBIDDEN),
    ] {
        let octets = format!("From: {from}\r\nTo: bo@example.org\r\n\r\nx\r\n");
        let answer = fixture.hand_over_octets(&octets).await;
        assert_eq!(answer.status, expected, "{from}: {}", answer.body);
    }
    let mut message = message_to(&["bo@example.org"]);
    message["from"] = json!("\"ceo@example.com\" <noreply@example.com>");
    let answer = fixture.hand_over(&message).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("a name with @"), "{}", answer.body);
}

#[tokio::test]
async fn an_address_that_a_reply_repeats_fails_its_recipient_and_stops_no_email() {
    let reply = "550 5.1.1 <spamhaus@example.org>: Recipient address rejected: User unknown";
    let server = SmtpScript::in_clear().replying("RCPT", reply).play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let id = fixture.accepted(&message_to(&["spamhaus@example.org"])).await;
    assert_eq!(fixture.work().await, 2, "the message and the notice");
    let status = fixture.status(&id).await;
    assert_eq!(status["state"], "failed");
    assert_eq!(status["recipients"][0]["trouble"]["diagnosis"], "recipient-refused");
    assert_eq!(fixture.incident().await, None);
}

#[tokio::test]
async fn a_sender_that_the_provider_refuses_stops_email_only_if_it_is_the_configured_one() {
    let reply = "554 5.2.252 SendAsDenied; not allowed to send";
    for (from, state) in [("planner@example.com", "failed"), (SENDER, "queued")] {
        let server = SmtpScript::in_clear().replying("content", reply).play_to_all();
        let fixture = Fixture::with(&server, allowed(&["planner@example.com"])).await;
        let octets = format!("From: {from}\r\nSender: {SENDER}\r\nTo: bo@example.org\r\n\r\nx\r\n");
        let id = id_of(&fixture.hand_over_octets(&octets).await);
        assert!(fixture.work().await >= 1);
        assert_eq!(fixture.status(&id).await["state"], state, "{from}");
        if from != SENDER {
            let ended = fixture.status(&id).await;
            assert_eq!(ended["recipients"][0]["trouble"]["diagnosis"], "send-as-denied");
        }
    }
}

#[tokio::test]
async fn a_failure_without_a_reply_lets_the_message_wait() {
    for to in ["RCPT", "DATA"] {
        let server = SmtpScript::in_clear().replying(to, "What?").play_to_all();
        let fixture = Fixture::sending_to(&server).await;
        let id = fixture.accepted(&message_to(&["bo@example.org"])).await;
        assert_eq!(fixture.work().await, 1, "{to}");
        assert_eq!(fixture.status(&id).await["state"], "waiting", "{to}");
    }
}

#[tokio::test]
async fn a_message_that_this_server_cannot_take_fails() {
    let offers = "250-mail.example.com\n250-8BITMIME\n250 SIZE 100";
    let server = SmtpScript::in_clear().replying("EHLO", offers).play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let id = fixture.accepted(&message_to(&["bo@example.org"])).await;
    fixture.work().await;
    assert_eq!(fixture.status(&id).await["state"], "failed");
}

#[tokio::test]
async fn an_incident_names_no_recipient_and_a_recipient_has_only_its_own_reply() {
    let reply = "554 5.7.1 Client host [192.0.2.1] blocked using bl.example; for <di@example.org>";
    let server = SmtpScript::in_clear().replying("RCPT", reply).play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let recipients = ["nobody@example.org", "di@example.org"];
    let id = fixture.accepted(&message_to(&recipients)).await;
    assert_eq!(fixture.work().await, 1);
    let trouble = fixture.incident().await.expect("an incident").trouble;
    assert_eq!(trouble.diagnosis, Diagnosis::AddressBlocked);
    let text = trouble.peer_text.expect("a text");
    assert!(text.contains("<recipient>: 550 5.1.1"), "{text}");
    assert!(!text.contains("example.org"), "{text}");
    let status = fixture.status(&id).await;
    assert_eq!(status["state"], "queued");
    assert_eq!(status["recipients"][0]["trouble"]["reply"], "550 5.1.1 Nobody here");
    assert_eq!(status["recipients"][1]["trouble"]["reply"], reply);
}

#[tokio::test]
async fn a_message_for_which_the_connection_fails_again_and_again_lets_others_go_first() {
    let server = SmtpScript::in_clear().replying("DATA", "").play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let first = fixture.accepted(&message_to(&["bo@example.org"])).await;
    fixture.harness.clock.advance(TimeDelta::seconds(1));
    let second = fixture.accepted(&message_to(&["di@example.org"])).await;
    let mut states = Vec::new();
    for _ in 0..4 {
        assert_eq!(fixture.work().await, 1);
        let state = async |id: &str| fixture.status(id).await["state"].clone();
        states.push((state(&first).await, state(&second).await));
        fixture.harness.clock.advance(TimeDelta::minutes(6));
    }
    let held = (json!("queued"), json!("queued"));
    let first_waits = (json!("waiting"), json!("queued"));
    assert_eq!(states, [held.clone(), held, first_waits.clone(), first_waits]);
    assert_eq!(fixture.status(&second).await["attempts"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_header_that_would_inject_another_is_refused() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    for headers in [
        json!({ "X-A": "a\r\nBcc: eve@example.org" }),
        json!({ "Bcc": "eve@example.org" }),
        json!({ "X A": "a" }),
    ] {
        let mut message = message_to(&["bo@example.org"]);
        message["headers"] = headers;
        let answer = fixture.hand_over(&message).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn bcc_recipients_get_the_message_and_are_not_in_it() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let octets = "From: noreply@example.com\r\nTo: bo@example.org\r\nBcc: secret@example.org\r\nSubject: x\r\n\r\nbody\r\n";
    id_of(&fixture.hand_over_octets(octets).await);
    assert_eq!(fixture.work().await, 1);
    let received = server.received().await;
    assert!(received.lines().contains(&"RCPT TO:<secret@example.org>"));
    let message = String::from_utf8(received.message()).expect("text");
    assert!(!message.contains("secret@example.org"), "{message}");
    assert!(message.starts_with("Received: by "), "{message}");
}

#[tokio::test]
async fn a_request_without_a_valid_key_is_refused() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let message = message_to(&["bo@example.org"]);
    for key in ["", "ppm_000000000000_x", "Bearer"] {
        let answer = fixture.hand_over_with(&message, &key.to_owned().into(), None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{key}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let id = fixture.harness.server.applications().list().await.expect("a list")[0].id.clone();
    let applications = fixture.harness.server.applications();
    applications.set_disabled(&operator(), &id, true).await.expect("it is disabled");
    assert_eq!(fixture.hand_over(&message).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_disabled_application_is_refused_whatever_it_asks_and_before_its_body_is_read() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let message_id = fixture.accepted(&message_to(&["bo@example.org"])).await;
    let applications = fixture.harness.server.applications();
    let id = applications.list().await.expect("a list")[0].id.clone();
    applications.set_disabled(&operator(), &id, true).await.expect("it is disabled");
    let unread = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, Infallible>>());
    let request = post(MESSAGES)
        .header(AUTHORIZATION, format!("Bearer {}", fixture.key.expose_secret()))
        .header(CONTENT_TYPE, "application/json");
    let answers = [
        fixture.harness.ask_with(Router::new(), request, unread).await,
        fixture.ask("GET", &message_id, &fixture.key).await,
        fixture.ask("DELETE", &message_id, &fixture.key).await,
    ];
    for answer in answers {
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "disabled".to_owned()));
    }
    let refusal = applications.list().await.expect("a list")[0].last_refusal;
    assert_eq!(refusal.map(|refusal| refusal.reason), Some(Refusal::Disabled));
}

#[tokio::test]
async fn a_refusal_is_noted_once_a_minute_unless_its_reason_changes() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let clock = &fixture.harness.clock;
    let mut foreign = message_to(&["bo@example.org"]);
    foreign["from"] = json!("ceo@example.com");
    let malformed = json!({ "from": SENDER });
    let begun = clock.now();
    let mut noted = Vec::new();
    for (message, after) in [(&foreign, 0), (&foreign, 30), (&malformed, 5), (&malformed, 60)] {
        clock.advance(TimeDelta::seconds(after));
        fixture.hand_over(message).await;
        let listed = fixture.harness.server.applications().list().await.expect("a list");
        let refusal = listed[0].last_refusal.expect("it is noted");
        noted.push((refusal.reason, (refusal.at - begun).num_seconds()));
    }
    let expected = [
        (Refusal::SenderNotAllowed, 0),
        (Refusal::SenderNotAllowed, 0),
        (Refusal::Malformed, 35),
        (Refusal::Malformed, 95),
    ];
    assert_eq!(noted, expected);
}

#[tokio::test]
async fn a_message_larger_than_the_mail_server_accepts_is_refused_once_its_limit_is_known() {
    let offer = "250-mail.example.com\n250 SIZE 100000";
    let server = SmtpScript::in_clear().replying("EHLO", offer).play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let octets = format!(
        "From: {SENDER}\r\nTo: bo@example.org\r\n\r\n{}",
        "0123456789abcde\r\n".repeat(7_000)
    );
    let mut composed = message_to(&["bo@example.org"]);
    let file = json!({ "name": "a", "contentType": "a/b", "content": "AAAA".repeat(25_000) });
    composed["attachments"] = json!([file]);
    fixture.accepted(&message_to(&["bo@example.org"])).await;
    assert_eq!(fixture.work().await, 1);

    for answer in [fixture.hand_over_octets(&octets).await, fixture.hand_over(&composed).await] {
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", answer.body);
        assert!(answer.body.contains("a message has at most 100000 octets"), "{}", answer.body);
    }
    fixture.accepted(&message_to(&["bo@example.org"])).await;

    let port = server.address.port().to_string();
    let other = draft_of(&[
        (Field::BasicSender, SENDER),
        (Field::BasicDisplayName, "PPM"),
        (Field::BasicServer, "localhost"),
        (Field::BasicPort, port.as_str()),
        (Field::BasicUseTls, "false"),
    ]);
    fixture.harness.saved(&other, 1).await;
    id_of(&fixture.hand_over_octets(&octets).await);
}

#[tokio::test]
async fn a_large_message_waits_for_memory_and_a_small_one_does_not() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let memory = &fixture.harness.server.outbox.memory;
    let mut held = memory.reserve(usize::MAX).await.expect("all of it is free");
    let mut large = message_to(&["bo@example.org"]);
    large["text"] = json!("text ".repeat(20_000));
    let refused = fixture.hand_over_declared(&large).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "busy".to_owned()));
    assert_eq!(refused.header("retry-after"), "5");
    id_of(&fixture.hand_over_declared(&message_to(&["bo@example.org"])).await);
    held.shrink_to(100 * 1024 * 1024 / 6);
    id_of(&fixture.hand_over_declared(&large).await);
}

#[tokio::test]
async fn an_application_that_exceeds_its_rate_is_told_to_wait() {
    let server = SmtpScript::in_clear().play_to_all();
    let settings = ApplicationSettings { per_minute: Some(2), ..ApplicationSettings::default() };
    let fixture = Fixture::with(&server, settings).await;
    let message = message_to(&["bo@example.org"]);
    for _ in 0..2 {
        fixture.accepted(&message).await;
    }
    let refused = fixture.hand_over(&message).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.header("retry-after"), "60");
    fixture.harness.clock.advance(TimeDelta::minutes(1));
    fixture.accepted(&message).await;
}

#[tokio::test]
async fn bodies_and_subjects_rest_sealed_and_a_delivered_body_is_deleted() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let mut message = message_to(&["bo@example.org"]);
    message["subject"] = json!("canary-subject");
    fixture.accepted(&message).await;
    let url = database_url(fixture.harness.folder.path()).await;
    if let Some(file) = url.strip_prefix("sqlite:").map(|file| file.trim_start_matches("//")) {
        for suffix in ["", "-wal"] {
            let octets = std::fs::read(format!("{file}{suffix}")).unwrap_or_default();
            for canary in ["canary-body", "canary-subject"] {
                assert!(memchr::memmem::find(&octets, canary.as_bytes()).is_none(), "{canary}");
            }
        }
    }
    assert_eq!(count_rows(fixture.harness.folder.path(), "message_body").await, 1);
    let mut database = connection(fixture.harness.folder.path()).await;
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM message_body")
        .fetch_one(&mut database)
        .await
        .expect("the body is there");
    assert_eq!(fixture.work().await, 1);
    assert_eq!(count_rows(fixture.harness.folder.path(), "message_body").await, 0);
    if let Some(file) = url.strip_prefix("sqlite:").map(|file| file.trim_start_matches("//")) {
        execute(&mut database, "PRAGMA wal_checkpoint(TRUNCATE)").await;
        let octets = std::fs::read(file).expect("the database is a file");
        assert!(memchr::memmem::find(&octets, &sealed[..64]).is_none(), "it is overwritten");
    }
}

#[tokio::test]
async fn an_open_incident_holds_the_queue_until_email_works_again() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let (step, diagnosis) = (Step::SignIn, Diagnosis::CredentialsRefused);
    let trouble = Trouble { step, diagnosis, peer_text: None, found: None, can_pass: false };
    fixture.record(Evidence::Fails(trouble)).await;
    fixture.accepted(&message_to(&["bo@example.org"])).await;
    assert_eq!(fixture.work().await, 0, "it is held");
    fixture.record(Evidence::Works(Proof { reach: Reach::SignIn, renews: true })).await;
    assert_eq!(fixture.work().await, 1);
}

#[tokio::test]
async fn without_checks_a_message_probes_after_any_incident() {
    let server = SmtpScript::in_clear().play_to_all();
    let off = Harness::with(|config| config.alerts.checks_are_off = true).await;
    let fixture = Fixture::on(off, server.address, ApplicationSettings::default()).await;
    let (step, diagnosis) = (Step::Connection, Diagnosis::Unreachable);
    let trouble = Trouble { step, diagnosis, peer_text: None, found: None, can_pass: false };
    fixture.record(Evidence::Fails(trouble)).await;
    fixture.accepted(&message_to(&["bo@example.org"])).await;
    assert_eq!(fixture.work().await, 0, "it is held");
    fixture.harness.clock.advance(TimeDelta::minutes(15));
    assert_eq!(fixture.work().await, 1);
    fixture.accepted(&message_to(&["bo@example.org"])).await;
    assert_eq!(fixture.work().await, 1, "email works again");
}

#[tokio::test]
async fn a_server_that_is_busy_gets_nothing_for_a_while_and_then_the_oldest_first() {
    let busy = SmtpScript::in_clear().replying("MAIL", "451 4.7.500 Server busy").play_to_all();
    let fixture = Fixture::sending_to(&busy).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(fixture.accepted(&message_to(&["bo@example.org"])).await);
        fixture.harness.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(fixture.work().await, 1, "one message shows that the server is busy");
    assert_eq!(fixture.work().await, 0);
    for id in &ids {
        assert_eq!(fixture.status(id).await["state"], "queued");
    }
    let waiting = rows::waiting(&fixture.harness.server.store).await.expect("an answer");
    assert_eq!(waiting.0, 3);
    assert!(waiting.1.expect("a time") < fixture.harness.clock.now());
}

#[tokio::test]
async fn a_claim_whose_lease_is_over_is_attempted_again_unless_the_final_dot_was_sent() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let server_state = &fixture.harness.server;
    let mut states = Vec::new();
    for is_marked in [false, true] {
        let id = fixture.accepted(&message_to(&["bo@example.org"])).await;
        let claim = rows::Operation::Claim(rows::Claim {
            owner: "killed".to_owned(),
            now: fixture.harness.clock.now(),
            lease: Duration::from_millis(50),
            octets_per_milli: smtp::SLOWEST,
            which: rows::Which::Due(Pace::default()),
        });
        let writer = &server_state.outbox.writer;
        let rows::Done::Claimed(Some(claimed)) = writer.make(claim).await.expect("an answer")
        else {
            panic!("a message is due");
        };
        if is_marked {
            let marked = writer.make(rows::Operation::Mark(claimed.attempt, Vec::new())).await;
            assert_eq!(marked.expect("an answer"), rows::Done::Written(true));
        }
        crate::support::waiting::until(async || {
            rows::end_lost_attempts(&server_state.store, server_state.clock.now())
                .await
                .expect("an answer")
                > 0
        })
        .await;
        fixture.work().await;
        states.push(fixture.status(&id).await["state"].clone());
    }
    assert_eq!(states, ["delivered", "unknown"]);
}

#[tokio::test]
async fn a_recipient_that_was_refused_is_tried_again_after_a_crash_behind_the_final_dot() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let (writer, store) = (&fixture.harness.server.outbox.writer, &fixture.harness.server.store);
    let id = fixture.accepted(&message_to(&["bo@example.org", "later@example.org"])).await;
    let claim = rows::Operation::Claim(rows::Claim {
        owner: "killed".to_owned(),
        now: fixture.harness.clock.now(),
        lease: Duration::from_millis(50),
        octets_per_milli: smtp::SLOWEST,
        which: rows::Which::Due(Pace::default()),
    });
    let rows::Done::Claimed(Some(claimed)) = writer.make(claim).await.expect("an answer") else {
        panic!("a message is due");
    };
    let marked = writer.make(rows::Operation::Mark(claimed.attempt, vec![1])).await;
    assert_eq!(marked.expect("an answer"), rows::Done::Written(true));
    crate::support::waiting::until(async || {
        let now = fixture.harness.clock.now();
        rows::end_lost_attempts(store, now).await.expect("an answer") > 0
    })
    .await;
    let states = async || {
        let status = fixture.status(&id).await;
        [0, 1].map(|at| status["recipients"][at]["state"].clone())
    };
    assert_eq!(states().await, ["unknown", "queued"]);
    assert_eq!(fixture.work().await, 1);
    assert_eq!(states().await, ["unknown", "waiting"]);
    assert_eq!(received(server, "RCPT").await, ["RCPT TO:<later@example.org>"]);
}

#[tokio::test]
async fn a_message_that_has_ended_is_deleted_after_its_retention_and_one_that_waits_is_not() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let ended = fixture.accepted(&message_to(&["bo@example.org"])).await;
    assert_eq!(fixture.work().await, 1);
    let waiting = fixture.accepted(&message_to(&["bo@example.org"])).await;
    fixture.harness.clock.advance(TimeDelta::days(91));
    delete_expired(&fixture.harness.server.cleanup()).await.expect("the database answers");
    let answer = fixture.ask("GET", &ended, &fixture.key).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(fixture.status(&waiting).await["state"], "queued");
}

#[tokio::test]
async fn an_operator_hands_over_lists_cancels_and_erases_by_the_command_line() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let folder = fixture.harness.folder.path();
    let database = database_url(folder).await;
    let run = |arguments: &[&str], input: &str| {
        let mut command = program::program(folder);
        command.args(arguments).args(["--database-url", &database]);
        command.env("PPM_EMAIL_KEY_FILE", folder.join("ppm-email.key"));
        let output = program::run(command, input);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    let octets = |to: &str| format!("From: {SENDER}\r\nTo: {to}\r\nSubject: x\r\n\r\nbody\r\n");
    let send = ["send", "--application", "planner"];
    let first = run(&send, &octets("bo@example.org"));
    let second = run(&send, &octets("di@bücher.example"));
    assert!(run(&["outbox", "list"], "").contains(&format!("{second}\t")));
    run(&["outbox", "cancel", &first], "");
    assert_eq!(fixture.status(&first).await["state"], "canceled");
    let erased = run(&["outbox", "erase", "--recipient", "DI@Bücher.example"], "");
    assert_eq!(erased, "erased in 1 messages");
    let status = fixture.status(&second).await;
    assert_eq!(
        (&status["state"], &status["recipients"][0]["address"]),
        (&json!("canceled"), &json!(""))
    );
    assert_eq!(fixture.work().await, 0);
    assert_eq!(count_rows(folder, "message_body").await, 0);
    let trail = fixture.harness.trail(2).await;
    let rows: Vec<_> = trail.iter().map(|row| (row.action, row.detail.as_deref())).collect();
    let canceled = (Action::MessageCanceled, Some(first.as_str()));
    assert_eq!(rows, [(Action::RecipientErased, None), canceled], "no address stays behind");
}

#[tokio::test]
async fn a_message_on_standard_input_that_is_too_large_is_refused_and_not_cut_off() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let folder = fixture.harness.folder.path();
    let mut send = program::program(folder);
    send.args(["send", "--application", "planner", "--key-file", "ppm-email.key"]);
    send.args(["--database-url", &database_url(folder).await]);
    let lines = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\r\n";
    let lines = lines.repeat(25 * 1024 * 1024 / lines.len() + 1);
    let output =
        program::run(send, &format!("From: {SENDER}\r\nTo: bo@example.org\r\n\r\n{lines}"));
    let complaint = program::complaint(&output);
    assert!(complaint.contains("more than 26214400 octets"), "{complaint}");
    assert_eq!(count_rows(folder, "message").await, 0);
}

#[tokio::test]
async fn an_erased_address_is_left_in_no_text_and_no_notification() {
    let reply = "450 4.7.1 Greylisted: Bo@xn--bcher-kva.example";
    let server = SmtpScript::in_clear().replying("RCPT", reply).play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let (store, clock) = (&fixture.harness.server.store, &fixture.harness.clock);
    let to = ["bo@bücher.example", "di@example.org"];
    let id = fixture.accepted(&message_to(&to)).await;
    let failing = ["nobody@example.org", "di@example.org"];
    fixture.accepted(&message_to(&failing)).await;
    let mut worker = fixture.harness.server.worker();
    for _ in 0..2 {
        assert!(worker.send_next().await.expect("the database answers"));
    }
    let peer_text = Some("550 5.7.1 <bo@xn--bcher-kva.example> refused".to_owned());
    let (step, diagnosis) = (Step::Recipient, Diagnosis::SenderRefused);
    let trouble = Trouble { step, diagnosis, peer_text, found: None, can_pass: false };
    fixture.record(Evidence::Fails(trouble)).await;

    let entry = Entry::new(clock.now(), Actor::named("", "operator"), Action::RecipientErased);
    let erase = async |address: &str| {
        rows::erase_recipient(store, address, &entry).await.expect("the database answers")
    };
    let erased = erase("Bo@xn--bcher-kva.example").await;
    assert_eq!(erased, rows::Erased { recipients: 1, sending: 0 });
    let folder = fixture.harness.folder.path();
    let status = fixture.status(&id).await;
    assert_eq!(status["recipients"][0]["address"], "");
    assert_eq!(status["recipients"][1]["trouble"], Value::Null, "it named the address");
    let open = store::health::load(store).await.expect("an answer").open.expect("an incident");
    assert_eq!(open.trouble.peer_text, None);
    assert_eq!(count_rows(folder, "message_body").await, 3);
    assert_eq!(erase("nobody@example.org").await.recipients, 1);
    assert_eq!(count_rows(folder, "message_body").await, 2, "the notification is canceled");

    fixture.accepted(&message_to(&["ed@example.org"])).await;
    let claim = rows::Operation::Claim(rows::Claim {
        owner: "worker".to_owned(),
        now: clock.now(),
        lease: Duration::from_mins(1),
        octets_per_milli: smtp::SLOWEST,
        which: rows::Which::Due(Pace::default()),
    });
    fixture.harness.server.outbox.writer.make(claim).await.expect("an answer");
    assert_eq!(erase("ed@example.org").await, rows::Erased { recipients: 0, sending: 1 });
}

#[tokio::test]
async fn an_operator_has_a_waiting_message_tried_again_at_once() {
    let server = SmtpScript::in_clear().play_to_all();
    let fixture = Fixture::sending_to(&server).await;
    let id = fixture.accepted(&message_to(&["later@example.org"])).await;
    assert_eq!(fixture.work().await, 1);
    assert_eq!(fixture.work().await, 0);
    let (store, now) = (&fixture.harness.server.store, fixture.harness.clock.now());
    let entry = Entry::new(now, operator(), Action::MessageRetried);
    assert!(rows::retry(store, &id, now + ATTEMPTED_FOR, &entry).await.expect("an answer"));
    assert_eq!(fixture.harness.trail(1).await, [entry]);
    assert_eq!(fixture.work().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_the_reply_to_an_attempt_and_no_longer_than_a_minute() {
    let is_waited_for = async |seconds| {
        let workers = TaskTracker::new();
        workers.spawn(sleep(Duration::from_secs(seconds)));
        drain_attempts(&workers, Duration::from_hours(1)).await;
        workers.is_empty()
    };
    assert!(is_waited_for(50).await);
    assert!(!is_waited_for(100).await);
}
