//! Incidents, checks of the saved connection, and alerts: once at opening, once at recovery.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use ::alerts::WebhookSecret;
use axum::body::Body;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use contract::{EmailService, ShellService};
use domain::delivery::{Diagnosis, Outcome, Step};
use domain::health::{Credential, Evidence, Expiry, Incident, Proof, Reach, Trouble};
use domain::token::{OauthFailure, OauthStage};
use domain::{Field, OauthFlow};
use lettre::Message;
use net::egress::EgressPolicy;
use serde_json::{Value, json};
use server::Server;
use server::config::{AlertConfig, Config, MetricsConfig, Webhook};
use server::use_cases::{MailError, Mailer, SentMessage};
use server::web::metrics::metrics_router;
use store::alerts::{self, AlertLease, Channel};
use store::audit::{Action, Actor, Entry};
use store::hash::hashed;
use store::tokens::{self, FailedTry, Gone, Lease};
use store::{health as rows, settings};
use testkit::provider::{
    CLIENT_SECRET, RecordedRequest, Refreshing, ScriptedProvider, Takes, Turn,
};
use testkit::smtp_server::{AUTHORITY, SmtpScript, SmtpServer};
use tokio::net::TcpListener;
use vault::clock::{Clock, SystemClock};

use crate::support::databases::database_url;
use crate::support::drafts::{draft_of, edited};
use crate::support::harness::{ADDRESS, Answer, Harness, ada, answer_of, get};
use crate::support::oauth_fixture::{CALLBACK, OauthFixture};
use crate::support::program::{self, Serving, complaint};
use crate::support::waiting::until;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The lifetime of the provider's tokens and a little more.
const A_TOKENS_LIFE: TimeDelta = TimeDelta::hours(2);

/// A webhook that gives these answers.
fn sink(answers: &[&str]) -> ScriptedProvider {
    ScriptedProvider::play(answers.iter().map(|status| Turn::json(status, "{}")))
}

fn url(sink: &ScriptedProvider) -> String {
    format!("http://{}/alerts", sink.address())
}

fn alerts_to(config: &mut Config, sink: &ScriptedProvider) {
    let secret = WebhookSecret::parse(SECRET).ok();
    let webhook = Some(Webhook { url: url(sink), secret });
    config.alerts = AlertConfig { webhook, ..config.alerts.clone() };
}

/// A server with a token, whose alerts go to this webhook.
async fn with_token(sink: &ScriptedProvider) -> OauthFixture {
    let flow = OauthFlow::AuthorizationCode;
    let fixture = OauthFixture::configured(flow, |config| alerts_to(config, sink)).await;
    fixture.obtain().await;
    fixture
}

/// Ends the grant, and uses it after its access token has expired.
async fn revoke(fixture: &OauthFixture) {
    fixture.provider.revoke();
    fixture.harness.clock.advance(A_TOKENS_LIFE);
    fixture.send().await;
}

async fn deliver(server: &Server) {
    for channel in Channel::ALL {
        server.alerts.deliver_due(channel).await.expect("the database answers");
    }
}

/// Records what an attempt with the saved settings has shown.
async fn record(harness: &Harness, evidence: Evidence) {
    let revision = settings::token_revision(&harness.server.store).await.expect("an answer");
    harness.server.checks.delivery.health.record(revision, evidence).await;
}

/// A refused password.
fn refused_password() -> Evidence {
    let (step, diagnosis) = (Step::SignIn, Diagnosis::CredentialsRefused);
    Evidence::Fails(Trouble { step, diagnosis, peer_text: None, found: None, can_pass: false })
}

/// Queues a reminder.
async fn remind(harness: &Harness) {
    let now = harness.clock.now();
    let on = now.date_naive() + TimeDelta::days(30);
    let expiry = Expiry { credential: Credential::ClientSecret, on };
    let queued = rows::remind(&harness.server.store, "a reminder", expiry, 30, now);
    assert!(queued.await.expect("the database answers"));
}

/// The types of the alerts that a webhook has got.
fn types(sink: &ScriptedProvider) -> Vec<String> {
    sink.asked().iter().map(|it| body(it)["type"].as_str().expect("a type").to_owned()).collect()
}

/// The lease of an alert that this owner takes for a minute.
fn lease(owner: &str, from: DateTime<Utc>) -> AlertLease {
    let until = from + TimeDelta::minutes(1);
    AlertLease { owner: owner.to_owned(), from, until, longest: from + TimeDelta::hours(1) }
}

async fn check(harness: &Harness) -> bool {
    harness.server.checks.check_if_due().await.expect("the database answers")
}

async fn open_incident(server: &Server) -> Option<Incident> {
    rows::load(&server.store).await.expect("the database answers").open
}

/// Sends a message as a host does.
async fn send_as_host(server: &Server) -> Result<SentMessage, MailError> {
    let mailer = Mailer::new(server.outbox.clone());
    let message = Message::builder().from(mailer.sender().await?);
    let message = message.to("bo@example.com".parse().expect("an address"));
    mailer.send(&message.body(String::from("Hello")).expect("a message")).await
}

fn body(request: &RecordedRequest) -> Value {
    serde_json::from_str(&request.body).expect("the body is JSON")
}

#[tokio::test]
async fn a_revoked_grant_is_alerted_once_and_its_recovery_once_with_its_duration() {
    let sink = sink(&["200 OK"; 5]);
    let fixture = with_token(&sink).await;
    revoke(&fixture).await;
    for _ in 0..50 {
        assert!(matches!(fixture.send().await, Outcome::Failed { .. }));
        deliver(&fixture.harness.server).await;
    }
    let [opened] = &sink.asked()[..] else { panic!("{:?}", sink.asked().len()) };
    let opened = body(opened);
    assert_eq!(opened["type"], "incident.opened");
    assert_eq!(opened["data"]["diagnosis"], "token-not-renewed:invalid-grant");

    fixture.harness.clock.advance(TimeDelta::minutes(30));
    fixture.obtain().await;
    for _ in 0..3 {
        fixture.send().await;
        deliver(&fixture.harness.server).await;
    }
    let [_, recovered] = &sink.asked()[..] else { panic!("{:?}", sink.asked().len()) };
    let recovered = body(recovered);
    assert_eq!(recovered["type"], "incident.recovered");
    assert_eq!(recovered["data"]["incident"], opened["data"]["incident"]);
    assert_eq!(recovered["data"]["duration_seconds"], 1_800);
}

#[tokio::test]
async fn a_webhook_that_is_down_for_an_hour_gets_the_alert_once_with_the_same_id() {
    let mut answers = vec!["503 Service Unavailable"; 12];
    answers.extend(["204 No Content", "204 No Content"]);
    let sink = sink(&answers);
    let fixture = with_token(&sink).await;
    revoke(&fixture).await;
    for _ in 0..90 {
        deliver(&fixture.harness.server).await;
        fixture.harness.clock.advance(TimeDelta::minutes(1));
    }
    let asked = sink.asked();
    assert_eq!(asked.len(), 13, "twelve attempts fail, and one succeeds");
    let ids: Vec<_> = asked.iter().map(|request| request.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let mut times: Vec<_> = asked.iter().map(|it| it.header("webhook-timestamp")).collect();
    times.dedup();
    assert_eq!(times.len(), 13, "each attempt has a fresh timestamp");
}

#[tokio::test]
async fn an_alert_is_given_up_after_a_day() {
    let sink = sink(&["500 Internal Server Error"; 400]);
    let fixture = with_token(&sink).await;
    revoke(&fixture).await;
    for _ in 0..26 * 6 {
        deliver(&fixture.harness.server).await;
        fixture.harness.clock.advance(TimeDelta::minutes(10));
    }
    let tried = sink.asked().len();
    fixture.harness.clock.advance(TimeDelta::hours(1));
    deliver(&fixture.harness.server).await;
    assert_eq!(sink.asked().len(), tried);
}

#[tokio::test]
async fn an_alert_that_waits_for_its_next_attempt_does_not_hold_up_another() {
    let sink = sink(&["503 Service Unavailable", "200 OK"]);
    let fixture = with_token(&sink).await;
    remind(&fixture.harness).await;
    deliver(&fixture.harness.server).await;
    record(&fixture.harness, refused_password()).await;
    deliver(&fixture.harness.server).await;
    assert_eq!(types(&sink), ["credential.expiring", "incident.opened"]);
}

#[tokio::test]
async fn a_recovery_waits_for_the_opening_of_its_incident() {
    let sink = sink(&["503 Service Unavailable", "200 OK", "200 OK"]);
    let fixture = with_token(&sink).await;
    record(&fixture.harness, refused_password()).await;
    deliver(&fixture.harness.server).await;
    record(&fixture.harness, Evidence::Works(Proof { reach: Reach::Message, renews: true })).await;
    deliver(&fixture.harness.server).await;
    assert_eq!(types(&sink), ["incident.opened"]);
    fixture.harness.clock.advance(TimeDelta::minutes(1));
    deliver(&fixture.harness.server).await;
    assert_eq!(types(&sink)[1..], ["incident.opened", "incident.recovered"]);
}

#[tokio::test]
async fn an_alert_of_yesterday_is_not_sent() {
    let sink = sink(&["200 OK"]);
    let fixture = with_token(&sink).await;
    record(&fixture.harness, refused_password()).await;
    fixture.harness.clock.advance(TimeDelta::days(1));
    deliver(&fixture.harness.server).await;
    assert_eq!(types(&sink), [""; 0]);
}

#[tokio::test]
async fn the_status_alone_says_that_an_alert_is_delivered() {
    let damaged = Turn::answer("200 OK", &["Content-Encoding: gzip"], "no gzip");
    let unfinished = Turn::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").then_hang();
    let endless = Turn::raw("HTTP/1.1 200 OK\r\n\r\n").then_pour("a");
    for turn in [damaged, unfinished, endless] {
        let sink = ScriptedProvider::play([turn, Turn::json("200 OK", "{}")]);
        let fixture = with_token(&sink).await;
        record(&fixture.harness, refused_password()).await;
        for _ in 0..2 {
            deliver(&fixture.harness.server).await;
            fixture.harness.clock.advance(TimeDelta::minutes(1));
        }
        assert_eq!(types(&sink), ["incident.opened"]);
    }
}

#[tokio::test]
async fn an_email_does_not_wait_for_a_webhook_that_hangs() {
    let sink = ScriptedProvider::play([Turn::without_answer()]);
    let relay = SmtpScript::in_clear().play();
    let fixture = with_relay(&relay, |config| alerts_to(config, &sink)).await;
    record(&fixture.harness, refused_password()).await;
    let _background = fixture.harness.server.start_background();
    sink.wait_for(1).await;
    let received = relay.received().await;
    assert_eq!(received.line("RCPT"), "RCPT TO:<operator@example.com>");
}

#[tokio::test]
async fn an_alert_is_leased_for_as_long_as_its_request_may_take() {
    let sink = ScriptedProvider::play([Turn::without_answer(), Turn::json("200 OK", "{}")]);
    let fixture = OauthFixture::configured(OauthFlow::AuthorizationCode, |config| {
        alerts_to(config, &sink);
        config.token_deadlines.total = Duration::from_hours(1);
    })
    .await;
    record(&fixture.harness, refused_password()).await;
    let alerts = fixture.harness.server.alerts.clone();
    let hanging = tokio::spawn(async move { alerts.deliver_due(Channel::Webhook).await });
    sink.wait_for(1).await;
    fixture.harness.clock.advance(TimeDelta::minutes(59));
    deliver(&fixture.harness.another_node().await).await;
    assert_eq!(sink.asked().len(), 1);
    hanging.abort();
}

#[tokio::test]
async fn an_alert_is_ended_by_the_holder_of_its_lease_alone() {
    let harness = Harness::start().await;
    remind(&harness).await;
    let (store, now) = (&harness.server.store, harness.clock.now());
    let leased = async |owner: &str, from| {
        let alert = alerts::lease(store, Channel::Webhook, &lease(owner, from)).await;
        alert.expect("the database answers")
    };
    let first = leased("a", now).await.expect("it is due");
    let later = now + TimeDelta::minutes(2);
    assert_eq!(leased("b", later).await.as_ref(), Some(&first));
    alerts::sent(store, "a", first.ordinal, later).await.expect("an answer");
    alerts::retry(store, "a", first.ordinal, later).await.expect("an answer");
    alerts::discard(store, "a", first.ordinal).await.expect("an answer");
    assert_eq!(leased("c", later).await, None, "it is still leased");
    alerts::retry(store, "b", first.ordinal, later).await.expect("an answer");
    assert_eq!(leased("c", later).await.map(|alert| alert.tries), Some(1));
}

#[tokio::test]
async fn an_alert_that_was_queued_by_a_clock_ahead_is_sent() {
    let sink = sink(&["200 OK"]);
    let fixture = with_token(&sink).await;
    fixture.harness.clock.advance(TimeDelta::days(365));
    remind(&fixture.harness).await;
    fixture.harness.clock.advance(TimeDelta::days(-365));
    deliver(&fixture.harness.server).await;
    assert_eq!(types(&sink), ["credential.expiring"]);
}

#[tokio::test]
async fn an_alert_that_was_leased_by_a_clock_ahead_is_sent() {
    let sink = sink(&["200 OK"]);
    let fixture = with_token(&sink).await;
    remind(&fixture.harness).await;
    let ahead = lease("a crashed node", fixture.harness.clock.now() + TimeDelta::days(365));
    let leased = alerts::lease(&fixture.harness.server.store, Channel::Webhook, &ahead).await;
    assert!(leased.expect("the database answers").is_some());
    deliver(&fixture.harness.server).await;
    assert_eq!(types(&sink), ["credential.expiring"]);
}

#[tokio::test]
async fn the_same_reminders_of_two_installations_have_different_ids() {
    let sink = sink(&["200 OK"; 2]);
    let flow = OauthFlow::ClientCredentials;
    for is_second in [false, true] {
        let fixture = OauthFixture::configured(flow, |config| alerts_to(config, &sink)).await;
        let on = fixture.harness.clock.now().date_naive() + TimeDelta::days(13);
        let expires_on = [(Field::ClientSecretExpiresOn, on.to_string())];
        let expires_on = expires_on.each_ref().map(|(field, on)| (*field, on.as_str()));
        fixture.saved(&edited(&fixture.draft(flow), &expires_on), 1, None).await;
        let Harness { server, .. } = &fixture.harness;
        let other = fixture.harness.another_node().await;
        let node = if is_second { &other } else { server };
        node.checks.remind().await.expect("the database answers");
        deliver(node).await;
    }
    let asked = sink.asked();
    let [one, other] = &asked[..] else { panic!("{}", asked.len()) };
    assert_ne!(one.header("webhook-id"), other.header("webhook-id"));
}

#[tokio::test]
async fn a_request_is_signed() {
    let sink = sink(&["200 OK"]);
    let fixture = with_token(&sink).await;
    revoke(&fixture).await;
    deliver(&fixture.harness.server).await;
    let [request] = &sink.asked()[..] else { panic!("one request") };
    let header = |name| request.header(name).expect("it is there").to_owned();
    let at: i64 = header("webhook-timestamp").parse().expect("seconds");
    let at = DateTime::from_timestamp(at, 0).expect("a time");
    assert_eq!(at, fixture.harness.clock.now());
    let secret = WebhookSecret::parse(SECRET).expect("a secret");
    let (id, body) = (header("webhook-id"), request.body.clone());
    let expected = ::alerts::request(&url(&sink), Some(&secret), &id, at, body).expect("a request");
    assert_eq!(header("webhook-signature"), expected.headers()["webhook-signature"]);
}

#[tokio::test]
async fn a_redirect_of_the_webhook_is_not_followed() {
    let other = sink(&["200 OK"]);
    let location = format!("location: {}", url(&other));
    let sink = ScriptedProvider::play([Turn::answer("307 Temporary Redirect", &[&location], "")]);
    let fixture = with_token(&sink).await;
    revoke(&fixture).await;
    deliver(&fixture.harness.server).await;
    assert_eq!((sink.asked().len(), other.asked().len()), (1, 0));
}

#[tokio::test]
async fn a_webhook_by_http_needs_a_rule_of_the_egress_policy() {
    let sink = sink(&["200 OK"; 2]);
    for (allow, count) in [(vec![], 0), (vec![sink.address().to_string()], 1)] {
        let harness = Harness::with(|config| {
            alerts_to(config, &sink);
            config.egress = EgressPolicy::parse(&allow, &[]).expect("rules");
        })
        .await;
        remind(&harness).await;
        deliver(&harness.server).await;
        assert_eq!(sink.asked().len(), count, "{allow:?}");
    }
}

#[tokio::test]
async fn two_processes_send_one_alert() {
    let sink = sink(&["200 OK"; 3]);
    let fixture = with_token(&sink).await;
    revoke(&fixture).await;
    let node = fixture.harness.another_node().await;
    for _ in 0..3 {
        tokio::join!(deliver(&fixture.harness.server), deliver(&node));
    }
    assert_eq!(sink.asked().len(), 1);
}

#[tokio::test]
async fn an_alert_that_was_queued_before_a_crash_is_sent_after_the_start() {
    let sink = sink(&["200 OK"; 2]);
    let fixture = with_token(&sink).await;
    revoke(&fixture).await;
    let node = fixture.harness.another_node().await;
    deliver(&node).await;
    deliver(&node).await;
    assert_eq!(sink.asked().len(), 1);
}

#[tokio::test]
async fn an_alert_has_no_secret_and_no_text_of_the_provider() {
    let sink = sink(&["200 OK"]);
    let fixture = with_token(&sink).await;
    fixture.provider.fail_next(
        "400 Bad Request",
        r#"{"error":"invalid_grant","error_description":"CANARY of the provider"}"#,
    );
    fixture.harness.clock.advance(A_TOKENS_LIFE);
    fixture.send().await;
    let known = open_incident(&fixture.harness.server).await.expect("an incident");
    assert!(format!("{known:?}").contains("CANARY"), "{known:?}");
    deliver(&fixture.harness.server).await;
    let [request] = &sink.asked()[..] else { panic!("one request") };
    for canary in ["CANARY", "noreply@example.com", CLIENT_SECRET] {
        assert!(!request.body.contains(canary), "{canary} in {}", request.body);
    }
}

#[tokio::test]
async fn a_check_signs_in_and_sends_no_message() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCodePkce).await;
    assert!(check(&fixture.harness).await, "a new token is checked at once");
    assert_eq!((fixture.mailbox.users().len(), fixture.mailbox.messages()), (1, 0));
    let known = rows::load(&fixture.harness.server.store).await.expect("an answer");
    assert_eq!(known.last_check.expect("a check").trouble, None);
    assert!(known.ends.certificate_expires_at.is_some(), "its handshake says so");
}

/// When the mail server's certificate expires, as far as it is known.
async fn certificate_expires_at(harness: &Harness) -> Option<DateTime<Utc>> {
    let known = rows::load(&harness.server.store).await.expect("the database answers");
    known.ends.certificate_expires_at
}

#[tokio::test]
async fn checks_at_different_times_of_the_day_find_the_same_end_of_the_certificate() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let mut ends = Vec::new();
    for _ in 0..2 {
        assert!(check(&fixture.harness).await);
        ends.extend(certificate_expires_at(&fixture.harness).await);
        fixture.harness.clock.advance(TimeDelta::hours(13));
    }
    assert_eq!(ends.len(), 2);
    assert_eq!(ends[0], ends[1]);
}

#[tokio::test]
async fn a_message_shows_when_the_certificate_expires() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    fixture.send().await;
    assert!(certificate_expires_at(&fixture.harness).await.is_some());
}

#[tokio::test]
async fn a_save_forgets_when_the_certificate_expires() {
    let flow = OauthFlow::AuthorizationCode;
    let fixture = OauthFixture::with_token(flow).await;
    check(&fixture.harness).await;
    fixture.delete_token(flow).await;
    assert_eq!(certificate_expires_at(&fixture.harness).await, None);
}

#[tokio::test]
async fn while_mail_works_all_nodes_together_check_once_an_hour() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let node = fixture.harness.another_node().await;
    let mut checks = 0;
    for _ in 0..3 * 60 {
        let (one, other) = tokio::join!(check(&fixture.harness), node.checks.check_if_due());
        checks += u32::from(one) + u32::from(other.expect("an answer"));
        fixture.harness.clock.advance(TimeDelta::minutes(1));
    }
    assert!((2..=3).contains(&checks), "{checks}");
}

#[tokio::test]
async fn an_accepted_message_replaces_the_next_check() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    fixture.send().await;
    assert!(!check(&fixture.harness).await);
    fixture.harness.clock.advance(TimeDelta::minutes(59));
    assert!(!check(&fixture.harness).await);
}

#[tokio::test]
async fn with_checks_off_none_runs() {
    let flow = OauthFlow::AuthorizationCode;
    let off = |config: &mut Config| config.alerts.checks_are_off = true;
    let fixture = OauthFixture::configured(flow, off).await;
    fixture.obtain().await;
    assert!(!check(&fixture.harness).await);
    assert_eq!(fixture.mailbox.users().len(), 0);
}

#[tokio::test]
async fn a_mail_server_that_does_not_answer_is_an_incident_at_the_fourth_attempt() {
    let harness = Harness::start().await.with_ada().await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("its address")
    };
    harness.sends_through(&ada(), closed).await;
    for minutes in [1, 5, 15] {
        assert!(check(&harness).await);
        assert_eq!(open_incident(&harness.server).await, None);
        harness.clock.advance(TimeDelta::minutes(minutes));
    }
    assert!(check(&harness).await);
    let incident = open_incident(&harness.server).await.expect("it opens");
    assert_eq!(incident.trouble.diagnosis, Diagnosis::NothingListens);
    assert_eq!(incident.occurrences, 4);
    assert_eq!(harness.clock.now() - incident.opened_at, TimeDelta::minutes(21));
}

#[tokio::test]
async fn a_refused_password_is_an_incident_at_once_and_checked_again_after_six_hours() {
    let refusal = "535 5.7.8 Wrong";
    let server = SmtpScript::by_starttls().replying("AUTH", refusal).play();
    let harness = Harness::with(|config| {
        config.extra_ca = vec![AUTHORITY.certificate()];
        config.egress = EgressPolicy::parse(&["127.0.0.1".to_owned()], &[]).expect("a rule");
    })
    .await
    .with_ada()
    .await;
    let port = server.address.port().to_string();
    let draft = draft_of(&[
        (Field::BasicSender, "noreply@example.com"),
        (Field::BasicDisplayName, "PPM"),
        (Field::BasicServer, "localhost"),
        (Field::BasicPort, &port),
        (Field::BasicTlsMode, "starttls"),
        (Field::Username, "ppm"),
        (Field::Password, "secret"),
    ]);
    harness.saved(&draft, 0).await;
    assert!(check(&harness).await);
    let incident = open_incident(&harness.server).await.expect("it opens");
    assert_eq!(incident.trouble.step, Step::SignIn);
    assert_eq!(incident.trouble.peer_text.as_deref(), Some(refusal));
    harness.clock.advance(TimeDelta::minutes(359));
    assert!(!check(&harness).await);
    harness.clock.advance(TimeDelta::minutes(1));
    assert!(check(&harness).await);
}

#[tokio::test]
async fn no_token_for_15_minutes_after_a_save_deleted_one_is_an_incident() {
    let flow = OauthFlow::AuthorizationCode;
    let fixture = OauthFixture::with_token(flow).await;
    fixture.delete_token(flow).await;
    check(&fixture.harness).await;
    assert_eq!(open_incident(&fixture.harness.server).await, None);
    fixture.harness.clock.advance(TimeDelta::minutes(15));
    check(&fixture.harness).await;
    let incident = open_incident(&fixture.harness.server).await.expect("it opens");
    assert_eq!(incident.trouble.diagnosis, Diagnosis::TokenAbsent);
    fixture.obtain().await;
    assert_eq!(open_incident(&fixture.harness.server).await, None);
}

#[tokio::test]
async fn a_message_without_a_token_opens_no_incident_before_that() {
    let flow = OauthFlow::AuthorizationCode;
    let fixture = OauthFixture::with_token(flow).await;
    fixture.delete_token(flow).await;
    let server = &fixture.harness.server;
    send_as_host(server).await.expect_err("there is no token");
    assert_eq!(open_incident(server).await, None);
}

#[tokio::test]
async fn a_token_that_an_older_save_deleted_is_not_missed_after_a_time_without_oauth() {
    let flow = OauthFlow::AuthorizationCode;
    let fixture = OauthFixture::with_token(flow).await;
    let grant = fixture.token().await.map(|token| token.grant);
    let without = edited(
        &fixture.draft(OauthFlow::None),
        &[
            (Field::BasicSender, "noreply@example.com"),
            (Field::BasicDisplayName, "PPM"),
            (Field::BasicServer, "localhost"),
            (Field::BasicPort, "25"),
        ],
    );
    fixture.saved(&without, 1, grant).await;
    fixture.harness.clock.advance(TimeDelta::days(30));
    fixture.saved(&fixture.draft(flow), 2, None).await;
    check(&fixture.harness).await;
    assert_eq!(open_incident(&fixture.harness.server).await, None);
}

#[tokio::test]
async fn a_sender_that_is_refused_stays_an_incident_until_a_message_is_accepted() {
    let harness = Harness::start().await.with_ada().await;
    let refusing = || SmtpScript::in_clear().replying("MAIL", "550 5.7.60 Not this sender").play();
    let server = refusing();
    harness.sends_through(&ada(), server.address).await;
    send_as_host(&harness.server).await.expect_err("it is refused");
    let incident = open_incident(&harness.server).await.expect("it opens");
    assert_eq!((incident.trouble.step, incident.reach), (Step::Sender, Reach::Message));
    let known = rows::load(&harness.server.store).await.expect("an answer");
    let signed_in = Evidence::Works(Proof { reach: Reach::SignIn, renews: true });
    let record = &harness.server.checks.delivery.health;
    record.record(1, signed_in).await;
    assert_eq!(open_incident(&harness.server).await, known.open, "a check cannot judge it");
    record.record(1, Evidence::Works(Proof { reach: Reach::Message, renews: true })).await;
    assert_eq!(open_incident(&harness.server).await, None);
}

#[tokio::test]
async fn a_renewal_that_is_refused_while_the_token_is_valid_is_one_incident() {
    let sink = sink(&["200 OK"; 5]);
    let fixture = with_token(&sink).await;
    fixture.provider.rule(|rules| rules.takes = Takes::NoSecret);
    // Its renewal is due, and the access token still valid.
    fixture.harness.clock.advance(TimeDelta::minutes(59));
    for _ in 0..4 {
        assert!(matches!(fixture.send().await, Outcome::Accepted { .. }));
        deliver(&fixture.harness.server).await;
        fixture.harness.clock.advance(TimeDelta::seconds(12));
    }
    let types: Vec<_> = sink.asked().iter().map(|it| body(it)["type"].clone()).collect();
    assert_eq!(types, ["incident.opened"]);
}

#[tokio::test]
async fn an_incident_of_the_sign_in_does_not_end_with_a_renewal() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let record = &fixture.harness.server.checks.delivery.health;
    for (step, can_pass) in [(Step::SignIn, false), (Step::Token, true)] {
        let diagnosis = Diagnosis::CredentialsRefused;
        let (peer_text, found) = (None, None);
        let trouble = Trouble { step, diagnosis, peer_text, found, can_pass };
        record.record(1, Evidence::Fails(trouble)).await;
    }
    record.record(1, Evidence::Works(Proof::TOKEN)).await;
    let incident = open_incident(&fixture.harness.server).await.expect("it is still open");
    assert_eq!(incident.occurrences, 2);
}

#[tokio::test]
async fn checks_that_are_asked_for_at_once_sign_in_one_after_another() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let checks = &fixture.harness.server.checks;
    let (now, length) = (fixture.harness.clock.now(), TimeDelta::minutes(1));
    let store = &fixture.harness.server.store;
    let is_leased = rows::lease_check(store, "other", None, now, now + length, now + length);
    assert!(is_leased.await.expect("an answer"));
    let asked = tokio::spawn({
        let checks = checks.clone();
        async move { checks.check_now().await.expect("an answer") }
    });
    assert!(!check(&fixture.harness).await, "another has the lease");
    assert_eq!(fixture.mailbox.users().len(), 0);
    rows::release_check(store, "other", None).await.expect("an answer");
    assert!(asked.await.expect("no panic"));
    assert_eq!(fixture.mailbox.users().len(), 1);
}

#[tokio::test]
async fn before_the_first_token_there_is_no_incident() {
    let fixture = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    fixture.harness.clock.advance(TimeDelta::days(1));
    check(&fixture.harness).await;
    assert_eq!(open_incident(&fixture.harness.server).await, None);
}

/// A server that mails alerts, with Basic SMTP Settings for this relay in its second revision, and
/// no token.
async fn with_relay(relay: &SmtpServer, configure: impl FnOnce(&mut Config)) -> OauthFixture {
    let flow = OauthFlow::AuthorizationCode;
    let fixture = OauthFixture::configured(flow, |config| {
        config.alerts.email = Some("operator@example.com".to_owned());
        configure(config);
    })
    .await;
    let port = relay.address.port().to_string();
    let draft = edited(
        &fixture.draft(flow),
        &[
            (Field::BasicSender, "backup@example.com"),
            (Field::BasicDisplayName, "PPM backup"),
            (Field::BasicServer, "127.0.0.1"),
            (Field::BasicPort, &port),
            (Field::BasicUseTls, "false"),
        ],
    );
    fixture.saved(&draft, 1, None).await;
    fixture
}

#[tokio::test]
async fn an_email_goes_through_basic_smtp_settings_while_oauth_is_down() {
    let relay = SmtpScript::in_clear().play();
    let fixture = with_relay(&relay, |_| {}).await;
    fixture.obtain().await;
    revoke(&fixture).await;
    deliver(&fixture.harness.server).await;
    let received = relay.received().await;
    assert_eq!(received.line("RCPT"), "RCPT TO:<operator@example.com>");
    let text = String::from_utf8(received.message()).expect("text");
    assert!(text.contains("Subject: PPM email has stopped\r\n"), "{text}");
}

#[tokio::test]
async fn a_recovery_is_mailed_through_the_connection_itself() {
    let flow = OauthFlow::AuthorizationCode;
    let fixture = OauthFixture::configured(flow, |config| {
        config.alerts.email = Some("operator@example.com".to_owned());
    })
    .await;
    fixture.obtain().await;
    revoke(&fixture).await;
    deliver(&fixture.harness.server).await;
    assert_eq!(fixture.mailbox.messages(), 0, "there is no way while mail is down");
    fixture.obtain().await;
    deliver(&fixture.harness.server).await;
    assert_eq!(fixture.mailbox.messages(), 1);
}

#[tokio::test]
async fn a_client_secret_that_expires_in_13_days_is_announced_once_for_each_reminder() {
    let sink = sink(&["200 OK"; 5]);
    let flow = OauthFlow::ClientCredentials;
    let fixture = OauthFixture::configured(flow, |config| alerts_to(config, &sink)).await;
    let today = fixture.harness.clock.now().date_naive();
    let on: NaiveDate = today + TimeDelta::days(13);
    let on = on.to_string();
    let draft = edited(&fixture.draft(flow), &[(Field::ClientSecretExpiresOn, &on)]);
    fixture.saved(&draft, 1, None).await;
    let tab = fixture.service().load(&fixture.ada, CALLBACK).await.expect("the tab");
    let [reminder] = &tab.reminders[..] else { panic!("{:?}", tab.reminders) };
    assert!(reminder.starts_with("Client Secret expires in 13 days ("), "{reminder}");
    for _ in 0..8 {
        fixture.harness.server.checks.remind().await.expect("the database answers");
        deliver(&fixture.harness.server).await;
        fixture.harness.clock.advance(TimeDelta::days(1));
    }
    let left: Vec<_> =
        sink.asked().iter().map(|it| body(it)["data"]["days_left"].clone()).collect();
    assert_eq!(left, [13, 7], "the reminders of 14 and 7 days");
}

#[tokio::test]
async fn a_lifetime_that_the_end_of_a_grant_names_is_announced_for_the_next_one() {
    let sink = sink(&["200 OK"; 5]);
    let fixture = with_token(&sink).await;
    let refusal = r#"{"error":"invalid_grant","error_description":"AADSTS70043: the maximum allowed lifetime for this request is 172800."}"#;
    fixture.provider.fail_next("400 Bad Request", refusal);
    fixture.harness.clock.advance(A_TOKENS_LIFE);
    fixture.send().await;
    fixture.obtain().await;
    fixture.harness.server.checks.remind().await.expect("the database answers");
    deliver(&fixture.harness.server).await;
    let asked = sink.asked();
    let reminder = body(asked.last().expect("alerts"));
    assert_eq!(reminder["type"], "credential.expiring");
    assert_eq!(reminder["data"]["credential"], "grant");
    assert_eq!(reminder["data"]["days_left"], 2);
}

/// The credentials whose ends are known.
async fn expiring(fixture: &OauthFixture) -> Vec<Credential> {
    let page = fixture.service().health(&fixture.ada).await.expect("the page");
    page.expiries.iter().map(|expiry| expiry.credential).collect()
}

/// A token whose refresh token ends in ten days.
async fn with_refresh_end() -> OauthFixture {
    OauthFixture::with_token_by(OauthFlow::AuthorizationCode, |rules| {
        rules.refreshing = Refreshing::Keeps;
        rules.more = json!({ "refresh_token_expires_in": 864_000 });
    })
    .await
}

/// Uses the token after its access token has expired.
async fn renew(fixture: &OauthFixture) {
    fixture.harness.clock.advance(A_TOKENS_LIFE);
    fixture.send().await;
}

#[tokio::test]
async fn the_end_of_a_refresh_token_is_announced_if_a_renewal_does_not_extend_it() {
    let fixture = with_refresh_end().await;
    renew(&fixture).await;
    assert!(!expiring(&fixture).await.contains(&Credential::Grant), "it was extended");
    fixture.provider.rule(|rules| rules.more = json!({}));
    renew(&fixture).await;
    assert!(expiring(&fixture).await.contains(&Credential::Grant));
}

#[tokio::test]
async fn a_grant_that_is_gone_is_not_announced() {
    let fixture = with_refresh_end().await;
    revoke(&fixture).await;
    assert!(!expiring(&fixture).await.contains(&Credential::Grant));
}

#[tokio::test]
async fn a_failed_renewal_of_a_replaced_token_says_nothing_of_the_next_grants_lifetime() {
    let harness = Harness::start().await;
    let lease = Lease { grant: "replaced", generation: 0, owner: "a node" };
    let failure = OauthFailure::expired_on_arrival(OauthStage::Renewal);
    let now = harness.clock.now();
    let failed = FailedTry { failure: &failure, at: now, next_at: None };
    let entry = &Entry::new(now, Actor::unknown(), Action::TokenGone);
    let gone = Gone { entry, lifetime: Some(TimeDelta::days(1)) };
    let store = &harness.server.store;
    let noted = tokens::failed(store, lease, failed, Some(gone)).await;
    assert!(!noted.expect("the database answers"));
    let known = rows::load(store).await.expect("the database answers");
    assert_eq!(known.ends.grant_lifetime, None);
}

/// Saves settings that cannot work: no server listens on port 0.
async fn save_port_zero(harness: &Harness) {
    harness.sends_through(&ada(), SocketAddr::from(([127, 0, 0, 1], 0))).await;
}

/// Runs `ppm-email health` on the database of this folder.
async fn command(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = program::program(folder);
    command.arg("health").args(arguments);
    command.args(["--database-url", &database_url(folder).await]);
    command.arg("--key-file").arg(folder.join("ppm-email.key"));
    program::run(command, "")
}

/// Starts the program with this webhook.
async fn serving(folder: &Path, sink: &ScriptedProvider) -> Serving {
    let database = database_url(folder).await;
    Serving::logged(folder, &database, |command| {
        command.args(["--alert-webhook", &url(sink)]);
    })
}

#[tokio::test]
async fn the_command_says_up_and_down_by_its_exit_code() {
    let harness = Harness::start().await;
    let folder = harness.folder.path();
    assert_eq!(command(folder, &[]).await.status.code(), Some(0));
    let nothing = command(folder, &["--check-now"]).await;
    assert!(complaint(&nothing).contains("nothing to check"), "{nothing:?}");
    save_port_zero(&harness).await;
    let down = command(folder, &["--check-now", "--json"]).await;
    assert_eq!(down.status.code(), Some(2));
    let found: Value = serde_json::from_slice(&down.stdout).expect("JSON");
    assert_eq!((&found["health"], &found["open_incident"]), (&json!("down"), &json!("port-zero")));
}

#[tokio::test]
async fn the_command_says_degraded_while_a_credential_expires_soon() {
    let flow = OauthFlow::ClientCredentials;
    let fixture = OauthFixture::with(flow).await;
    let on = (SystemClock.now().date_naive() + TimeDelta::days(13)).to_string();
    let draft = edited(&fixture.draft(flow), &[(Field::ClientSecretExpiresOn, &on)]);
    fixture.saved(&draft, 1, None).await;
    let found = command(fixture.harness.folder.path(), &[]).await;
    assert_eq!(found.status.code(), Some(1));
    let text = String::from_utf8(found.stdout).expect("text");
    assert!(text.starts_with("degraded\nclient-secret expires on "), "{text}");
}

#[tokio::test]
async fn an_incident_that_another_process_opens_is_alerted_by_the_server() {
    let sink = sink(&["200 OK"; 2]);
    let harness = Harness::start().await;
    save_port_zero(&harness).await;
    let _serving = serving(harness.folder.path(), &sink).await;
    command(harness.folder.path(), &["--check-now"]).await;
    sink.wait_for(1).await;
}

#[tokio::test]
async fn a_kill_between_opening_and_sending_loses_and_repeats_no_alert() {
    let sink = sink(&["200 OK"; 3]);
    let harness = Harness::start().await;
    save_port_zero(&harness).await;
    command(harness.folder.path(), &["--check-now"]).await;
    for _ in 0..2 {
        let serving = serving(harness.folder.path(), &sink).await;
        let is_sent = async || {
            let now = SystemClock.now();
            let none = AlertLease { until: now, ..lease("a test", now) };
            let due = alerts::lease(&harness.server.store, Channel::Webhook, &none);
            due.await.expect("an answer").is_none()
        };
        until(is_sent).await;
        sink.wait_for(1).await;
        serving.kill();
    }
    assert_eq!(sink.asked().len(), 1);
}

#[tokio::test]
async fn the_metrics_have_the_state_and_no_address_or_secret() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    check(&fixture.harness).await;
    fixture.send().await;
    fixture.get("/settings/email", "").await;
    let text = metrics(&fixture.harness.server, None, None).await.body;
    for line in [
        "ppm_email_connection_up 1",
        "ppm_email_checks_total{outcome=\"success\"} 1",
        "ppm_email_smtp_session_seconds_count{outcome=\"success\"} 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    for name in ["token_expires_in_seconds 3", "last_accepted_timestamp_seconds 1", "http_response"]
    {
        assert!(text.contains(&format!("ppm_email_{name}")), "{name} in\n{text}");
    }
    for canary in ["example.com", "localhost", CLIENT_SECRET, "Example PPM"] {
        assert!(!text.contains(canary), "{canary} in\n{text}");
    }
}

#[tokio::test]
async fn a_message_without_a_token_is_no_smtp_session() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    revoke(&fixture).await;
    let text = metrics(&fixture.harness.server, None, None).await.body;
    assert!(!text.contains("smtp_session_seconds_count"), "{text}");
}

/// Asks for the metrics with this Authorization header.
async fn metrics(server: &Server, token: Option<&str>, credentials: Option<&str>) -> Answer {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = MetricsConfig { listen, token_hash: token.map(hashed) };
    let router = metrics_router(server.clone(), &config);
    let request = credentials
        .into_iter()
        .fold(get("/metrics"), |request, credentials| request.header("authorization", credentials));
    answer_of(router, ADDRESS, request, Body::empty()).await
}

#[tokio::test]
async fn the_metrics_need_their_token() {
    let harness = Harness::start().await;
    for (credentials, status) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some("Bearer wrong"), StatusCode::UNAUTHORIZED),
        (Some("Basic 0123456789abcdef"), StatusCode::UNAUTHORIZED),
        (Some("Bearer 0123456789abcdef"), StatusCode::OK),
    ] {
        let answer = metrics(&harness.server, Some("0123456789abcdef"), credentials).await;
        assert_eq!(answer.status, status, "{credentials:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_used_is_renewed_daily() {
    let fixture = OauthFixture::with_token_by(OauthFlow::AuthorizationCode, |rules| {
        rules.lifetime = Duration::from_hours(60 * 24);
    })
    .await;
    fixture.harness.clock.advance(TimeDelta::hours(23));
    fixture.send().await;
    assert_eq!(fixture.provider.requests("refresh_token"), 0);
    fixture.harness.clock.advance(TimeDelta::hours(2));
    fixture.send().await;
    assert_eq!(fixture.provider.requests("refresh_token"), 1);
}
