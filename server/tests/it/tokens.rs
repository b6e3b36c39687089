//! The life of a token: refreshed once and in time, kept on other failures, sent to no other server.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use contract::{EmailService, SaveAnswer};
use domain::delivery::{Diagnosis, FactName, Outcome, Step};
use domain::token::{AttemptOutcome, OauthDiagnosis, OauthStage, Renewal, Token, TokenStatus};
use domain::{Draft, Field, OauthFlow};
use serde_json::json;
use server::use_cases::run_refresh_loop;
use store::audit::Action;
use store::tokens::{self, Lease};
use tokio::task::JoinSet;
use vault::clock::Clock;

use crate::support::drafts::edited;
use crate::support::oauth_fixture::{FLOWS, OauthFixture, a_moment};
use crate::support::soak::times;
use crate::support::waiting::{ended, until};
use testkit::provider::{Held, Refreshing, Takes};

const CODE: OauthFlow = OauthFlow::AuthorizationCode;

fn accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. })
}

impl OauthFixture {
    /// Advances the clock, sends a message and asserts that it is accepted.
    async fn send_after(&self, time: TimeDelta) {
        self.harness.clock.advance(time);
        let outcome = self.send().await;
        assert!(accepted(&outcome), "{outcome:?}");
    }

    /// Sends a message that fails, and returns the step, the diagnosis and the peer's text.
    async fn fail(&self) -> (Step, Diagnosis, String) {
        match self.send().await {
            Outcome::Failed { step, diagnosis, peer_text, .. } => {
                (step, diagnosis, peer_text.unwrap_or_default())
            }
            other => panic!("{other:?}"),
        }
    }

    async fn current_token(&self) -> Token {
        self.token().await.expect("a token")
    }

    fn refreshes(&self) -> usize {
        self.provider.requests("refresh_token")
    }
}

/// Almost the lifetime of an access token: it is due for a refresh and still valid.
fn almost_an_hour() -> TimeDelta {
    TimeDelta::minutes(59) + TimeDelta::seconds(30)
}

/// Sends this many messages at once, each by another user.
async fn send_at_once(fixture: &Arc<OauthFixture>, count: usize, round: &str) {
    let mut beginning = JoinSet::new();
    for number in 0..count {
        let (fixture, name) = (fixture.clone(), format!("{round}-{number}"));
        beginning.spawn(async move { fixture.begin_as(&name).await });
    }
    let begun = beginning.join_all().await;
    // Polling each run would take the processor from the deliveries.
    while !fixture.harness.server.runs.delivery.tasks.is_empty() {
        a_moment().await;
    }
    for (who, run) in begun {
        let run = fixture.run(&who, &run.id).await;
        assert!(accepted(run.outcome.as_ref().expect("an end")), "{run:?}");
    }
}

#[tokio::test]
async fn with_each_flow_a_token_is_obtained_and_mail_is_sent_with_it() {
    for flow in FLOWS {
        let fixture = OauthFixture::with_token(flow).await;
        let token = fixture.token().await;
        let now = fixture.harness.clock.now();
        assert_eq!(TokenStatus::of(token.as_ref(), now), TokenStatus::Valid, "{flow:?}");
        assert!(accepted(&fixture.send().await), "{flow:?}");
        assert_eq!(fixture.mailbox.messages(), 1, "{flow:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_on_an_expired_token_make_one_request_and_the_next_none() {
    let count = times(20, 200);
    for flow in FLOWS {
        let fixture = Arc::new(OauthFixture::with_token(flow).await);
        fixture.provider.expire();
        fixture.harness.clock.advance(TimeDelta::hours(2));
        let before = fixture.provider.asked().len();
        send_at_once(&fixture, count, "first").await;
        assert_eq!(fixture.provider.asked().len(), before + 1, "{flow:?}");
        send_at_once(&fixture, count, "second").await;
        assert_eq!(fixture.provider.asked().len(), before + 1, "{flow:?}");
        assert_eq!(fixture.mailbox.messages(), 2 * count, "{flow:?}");
    }
}

#[tokio::test]
async fn a_token_is_refreshed_before_it_expires() {
    let fixture = OauthFixture::with_token(CODE).await;
    let first = fixture.current_token().await;
    fixture.send_after(almost_an_hour()).await;
    let second = fixture.current_token().await;
    assert_eq!(second.grant, first.grant);
    assert!(second.expires_at > first.expires_at);
    assert_eq!(fixture.refreshes(), 1);
}

#[tokio::test]
async fn a_rotated_refresh_token_replaces_the_one_before_and_an_omitted_one_keeps_it() {
    for refreshing in [Refreshing::Rotates, Refreshing::Keeps] {
        let fixture =
            OauthFixture::with_token_by(CODE, |rules| rules.refreshing = refreshing).await;
        for _ in 0..3 {
            fixture.send_after(TimeDelta::hours(2)).await;
        }
        assert_eq!((fixture.refreshes(), fixture.provider.reused()), (3, 0), "{refreshing:?}");
    }
}

#[tokio::test]
async fn without_a_refresh_token_a_new_consent_is_needed() {
    let fixture =
        OauthFixture::with_token_by(CODE, |rules| rules.refreshing = Refreshing::Never).await;
    assert_eq!(fixture.current_token().await.renewal, Renewal::BySigningIn);
    fixture.harness.clock.advance(TimeDelta::hours(2));
    assert_eq!(fixture.fail().await, (Step::Token, Diagnosis::TokenExpired, String::new()));
    assert_eq!(fixture.provider.asked().len(), 1);
}

#[tokio::test]
async fn the_token_step_shows_age_validity_and_refresh() {
    let fixture = OauthFixture::with_token(CODE).await;
    for (later, expected) in [
        (TimeDelta::minutes(5), ["300", "3300", "no"]),
        (TimeDelta::hours(2), ["0", "3600", "yes"]),
    ] {
        fixture.harness.clock.advance(later);
        let run = fixture.send_as("Grace").await;
        let step = run.steps.first().expect("a step");
        let names = [FactName::Age, FactName::ValidFor, FactName::Renewed];
        let found = step.facts.iter().map(|fact| (fact.name, fact.value.as_str()));
        assert!(found.eq(names.into_iter().zip(expected)), "{:?}", step.facts);
    }
}

#[tokio::test]
async fn a_refused_token_causes_one_refresh_and_one_retry() {
    let fixture = OauthFixture::with_token(CODE).await;
    fixture.provider.expire();
    assert!(accepted(&fixture.send().await));
    assert_eq!(fixture.refreshes(), 1);
    assert_eq!((fixture.mailbox.refused(), fixture.mailbox.messages()), (1, 1));
    let tokens = fixture.mailbox.tokens();
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn a_token_that_is_refused_again_is_not_refreshed_again() {
    let fixture = OauthFixture::with_token(CODE).await;
    fixture.provider.rule(|rules| {
        rules.lifetime = Duration::ZERO;
        rules.expires_in = Some(3_600.into());
    });
    fixture.provider.expire();
    assert_eq!(fixture.fail().await.0, Step::SignIn);
    assert_eq!(fixture.refreshes(), 1);
    assert_eq!((fixture.mailbox.refused(), fixture.mailbox.messages()), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_whose_token_is_refused_cause_one_refresh() {
    let fixture = Arc::new(OauthFixture::with_token(CODE).await);
    fixture.provider.expire();
    send_at_once(&fixture, 50, "refused").await;
    assert_eq!(fixture.refreshes(), 1);
}

/// Sends a message, and asserts that it fails because the grant was revoked.
async fn expect_revoked(fixture: &OauthFixture) {
    let (step, diagnosis, peer_text) = fixture.fail().await;
    let expected = Diagnosis::TokenNotRenewed(OauthDiagnosis::InvalidGrant);
    assert_eq!((step, diagnosis), (Step::Token, expected));
    assert!(peer_text.contains("The grant was revoked."), "{peer_text}");
}

#[tokio::test]
async fn a_revoked_grant_makes_the_token_expired_with_the_providers_reason() {
    let fixture = OauthFixture::with_token(CODE).await;
    fixture.provider.revoke();
    fixture.harness.clock.advance(TimeDelta::hours(2));
    expect_revoked(&fixture).await;

    let token = fixture.current_token().await;
    let Renewal::Gone(failure) = &token.renewal else { panic!("gone: {token:?}") };
    let expected = (OauthStage::Renewal, OauthDiagnosis::InvalidGrant);
    assert_eq!((failure.stage, failure.diagnosis), expected);
    let now = fixture.harness.clock.now();
    assert_eq!(TokenStatus::of(Some(&token), now), TokenStatus::Expired);

    fixture.harness.clock.advance(TimeDelta::hours(2));
    fixture.send().await;
    assert_eq!(fixture.refreshes(), 1, "a grant that has ended is not renewed again");
    let rows = fixture.harness.trail(9).await;
    assert!(rows.iter().any(|row| row.action == Action::TokenGone));
}

#[tokio::test]
async fn a_refused_token_of_a_revoked_grant_is_reported_with_the_providers_reason() {
    let fixture = OauthFixture::with_token(CODE).await;
    fixture.provider.revoke();
    expect_revoked(&fixture).await;
    assert_eq!(fixture.mailbox.refused(), 1);
}

#[tokio::test]
async fn a_refused_token_is_reported_with_the_mail_servers_text_while_the_provider_fails() {
    let fixture = OauthFixture::with_token(CODE).await;
    fixture.provider.expire();
    fixture.provider.fail_next("503 Service Unavailable", "{}");
    let (step, _, peer_text) = fixture.fail().await;
    assert_eq!(step, Step::SignIn);
    assert!(peer_text.contains("535 5.7.3"), "{peer_text}");
}

#[tokio::test]
async fn a_failing_provider_leaves_a_valid_token_valid() {
    let fixture = OauthFixture::with_token(CODE).await;
    fixture.harness.clock.advance(almost_an_hour());
    fixture.provider.fail_next("503 Service Unavailable", "{}");
    assert!(accepted(&fixture.send().await), "the stored token is still accepted");
    let token = fixture.current_token().await;
    let Renewal::Failing { failure, next_at } = &token.renewal else { panic!("{token:?}") };
    let now = fixture.harness.clock.now();
    assert_eq!(failure.diagnosis, OauthDiagnosis::ProviderFailed);
    assert!(*next_at > now);
    assert_eq!(TokenStatus::of(Some(&token), now), TokenStatus::Valid);
}

#[tokio::test]
async fn a_failed_refresh_is_retried_after_a_back_off() {
    let fixture = OauthFixture::with_token(CODE).await;
    fixture.harness.clock.advance(TimeDelta::hours(2));
    fixture.provider.fail_next("503 Service Unavailable", "{}");
    assert!(!accepted(&fixture.send().await));
    assert!(!accepted(&fixture.send().await));
    assert_eq!(fixture.refreshes(), 1, "the next refresh waits for the back-off");
    fixture.send_after(TimeDelta::seconds(11)).await;
    assert_eq!(fixture.current_token().await.renewal, Renewal::ByItself);
}

#[tokio::test]
async fn a_running_refresh_is_discarded_after_a_save() {
    let fixture = OauthFixture::with_token(CODE).await;
    fixture.harness.clock.advance(TimeDelta::hours(2));
    fixture.provider.hold(Held::BeforeAnswering);
    let service = fixture.service();
    let run = service.send_test(&fixture.ada).await.expect("a run");
    fixture.provider.wait_for(2).await;

    fixture.delete_token(CODE).await;
    fixture.provider.release();
    let outcome = ended(&service, &fixture.ada, &run.run.id).await.run.outcome;
    let Some(Outcome::Failed { diagnosis, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(diagnosis, Diagnosis::TokenNotRenewed(OauthDiagnosis::SettingsChanged));
    assert_eq!(fixture.token().await, None);
}

#[tokio::test]
async fn a_refresh_completes_although_its_caller_is_dropped() {
    let fixture = OauthFixture::with_token(CODE).await;
    fixture.harness.clock.advance(TimeDelta::hours(2));
    fixture.provider.hold(Held::BeforeAnswering);
    let tokens = fixture.harness.server.tokens.clone();
    let caller = tokio::spawn(run_refresh_loop(tokens.clone()));
    fixture.provider.wait_for(2).await;
    caller.abort();
    assert!(caller.await.expect_err("the aborted caller").is_cancelled());
    fixture.provider.release();
    tokens.tasks.close();
    tokens.tasks.wait().await;
    assert!(fixture.current_token().await.expires_at > fixture.harness.clock.now());
}

#[tokio::test]
async fn a_save_that_would_delete_a_token_obtained_meanwhile_is_refused() {
    let fixture = OauthFixture::with(CODE).await;
    let draft = edited(&fixture.draft(CODE), &[(Field::OauthDisplayName, "Another name")]);
    fixture.obtain().await;
    let grant = fixture.current_token().await.grant;
    let refused = fixture.save(&draft, 1).await;
    assert_eq!(refused, SaveAnswer::TokenWouldBeDeleted(grant.clone()));
    let wrongly_named = fixture.save_deleting(&draft, 1, Some("another".to_owned())).await;
    assert_eq!(wrongly_named, SaveAnswer::TokenWouldBeDeleted(grant.clone()));
    assert!(fixture.token().await.is_some());
    fixture.saved(&draft, 1, Some(grant)).await;
    assert_eq!(fixture.token().await, None);
}

#[tokio::test]
async fn a_refresh_changes_neither_grant_nor_revision() {
    let fixture = OauthFixture::with_token(CODE).await;
    let before = fixture.current_token().await.grant;
    fixture.harness.clock.advance(TimeDelta::hours(2));
    fixture.send().await;
    assert_eq!(fixture.current_token().await.grant, before);
    let answer = fixture.save(&fixture.draft(CODE), 1).await;
    assert_eq!(answer, SaveAnswer::TokenWouldBeDeleted(before), "no conflict is reported");
}

#[tokio::test]
async fn a_message_of_replaced_settings_does_not_touch_the_new_token() {
    let fixture = OauthFixture::with_token(CODE).await;
    fixture.provider.expire();
    fixture.mailbox.hold();
    let service = fixture.service();
    let run = service.send_test(&fixture.ada).await.expect("a run");
    fixture.mailbox.is_asked().await;

    fixture.delete_token(CODE).await;
    fixture.obtain().await;
    let second = fixture.token().await;
    fixture.mailbox.release();
    let outcome = ended(&service, &fixture.ada, &run.run.id).await.run.outcome;
    assert!(matches!(outcome, Some(Outcome::Failed { step: Step::SignIn, .. })), "{outcome:?}");
    assert_eq!(fixture.token().await, second);
    assert_eq!(fixture.refreshes(), 0);
}

#[tokio::test]
async fn a_refresh_without_a_scope_keeps_reporting_the_narrower_one() {
    let narrower = Some("mail.read".to_owned());
    let fixture = OauthFixture::with_token_by(CODE, |rules| rules.scope = narrower.clone()).await;
    fixture.provider.rule(|rules| rules.scope = None);
    fixture.provider.fail_next("400 Bad Request", r#"{"error":"invalid_scope"}"#);
    fixture.send_after(TimeDelta::hours(2)).await;
    let asked = fixture.provider.asked();
    assert_eq!(
        asked.last().expect("a request").param("scope"),
        "",
        "the second request has no scope"
    );
    assert_eq!(fixture.current_token().await.scope, narrower);
}

#[tokio::test]
async fn a_token_that_expires_at_once_is_not_refreshed_in_the_background() {
    let fixture =
        OauthFixture::with_token_by(CODE, |rules| rules.expires_in = Some(0.into())).await;
    let refreshing = tokio::spawn(run_refresh_loop(fixture.harness.server.tokens.clone()));
    for _ in 0..30 {
        a_moment().await;
    }
    refreshing.abort();
    assert_eq!(fixture.refreshes(), 0);
}

#[tokio::test]
async fn the_end_of_a_grant_is_kept_across_refreshes() {
    let fixture = OauthFixture::with(CODE).await;
    let end = fixture.harness.clock.now() + TimeDelta::seconds(90_000);
    fixture.provider.rule(|rules| rules.more = json!({ "authorization_expires_in": "90000" }));
    fixture.obtain().await;
    assert_eq!(fixture.current_token().await.sign_in_by, Some(end));
    fixture.provider.rule(|rules| rules.more = json!({}));
    fixture.send_after(TimeDelta::hours(2)).await;
    assert_eq!(fixture.current_token().await.sign_in_by, Some(end));
}

#[tokio::test]
async fn the_expiry_of_a_refresh_token_is_reported_while_refreshing_fails() {
    let fixture = OauthFixture::with(CODE).await;
    let end = fixture.harness.clock.now() + TimeDelta::days(2);
    for name in ["refresh_token_timeout", "refresh_token_expires_in"] {
        fixture.provider.rule(|rules| rules.more = json!({ name: 2 * 86_400 }));
        fixture.obtain().await;
    }
    assert_eq!(fixture.current_token().await.sign_in_by, None, "PPM renews it before");
    fixture.harness.clock.advance(TimeDelta::hours(2));
    fixture.provider.fail_next("503 Service Unavailable", "{}");
    assert!(!accepted(&fixture.send().await));
    assert_eq!(fixture.current_token().await.sign_in_by, Some(end));
}

#[tokio::test]
async fn a_due_token_is_refreshed_in_the_background() {
    let fixture = OauthFixture::with_token(CODE).await;
    let before = fixture.current_token().await.expires_at;
    let refreshing = tokio::spawn(run_refresh_loop(fixture.harness.server.tokens.clone()));
    fixture.harness.clock.advance(almost_an_hour());
    fixture.harness.server.tokens.obtained.notify_one();
    until(async || fixture.current_token().await.expires_at > before).await;
    refreshing.abort();
    assert_eq!(fixture.refreshes(), 1);
}

#[tokio::test]
async fn a_lease_far_in_the_future_is_ignored() {
    let fixture = OauthFixture::with_token(CODE).await;
    let server = &fixture.harness.server;
    let token = tokens::load(&server.store).await.expect("an answer").expect("the token");
    let lease = Lease { grant: &token.grant, generation: 0, owner: "gone" };
    let now = fixture.harness.clock.now();
    let far = now + TimeDelta::days(1);
    let is_taken = tokens::lease(&server.store, lease, now, far, far).await;
    assert!(is_taken.expect("an answer"));
    fixture.send_after(TimeDelta::hours(2)).await;
}

#[tokio::test]
async fn a_narrower_scope_is_reported_and_the_same_scope_in_another_order_is_not() {
    for (granted, reported) in
        [("mail.read", Some("mail.read")), ("offline_access  mail.send", None)]
    {
        let granted = Some(granted.to_owned());
        let fixture = OauthFixture::with_token_by(CODE, |rules| rules.scope = granted).await;
        assert_eq!(fixture.current_token().await.scope.as_deref(), reported);
    }
}

#[tokio::test]
async fn a_refresh_uses_basic_at_once_where_the_first_request_needed_it() {
    let fixture = OauthFixture::with_token_by(CODE, |rules| rules.takes = Takes::BasicOnly).await;
    assert_eq!(fixture.provider.asked().len(), 2, "the first without Basic");
    fixture.send_after(TimeDelta::hours(2)).await;
    assert_eq!(fixture.provider.asked().len(), 3);
}

#[tokio::test]
async fn a_token_that_has_expired_on_arrival_is_requested_once() {
    let fixture = OauthFixture::with_token(CODE).await;
    fixture.provider.rule(|rules| rules.expires_in = Some((-5).into()));
    fixture.harness.clock.advance(TimeDelta::hours(2));
    assert!(!accepted(&fixture.send().await));
    assert_eq!(fixture.refreshes(), 1);
}

#[tokio::test]
async fn a_failed_attempt_does_not_change_the_existing_token() {
    let fixture = OauthFixture::with_token(CODE).await;
    let before = fixture.token().await;
    let returning = fixture.consent().await;
    fixture.provider.fail_next("400 Bad Request", r#"{"error":"invalid_grant"}"#);
    fixture.land(&returning.address, &returning.cookie).await;
    let end = fixture.end_of(&returning.attempt.id).await;
    assert!(matches!(end, AttemptOutcome::Failed(_)), "{end:?}");
    assert_eq!(fixture.token().await, before);
}

#[tokio::test]
async fn a_token_cannot_be_opened_for_another_mail_server() {
    let fixture = OauthFixture::with_token(CODE).await;
    let server = &fixture.harness.server;
    let token = tokens::load(&server.store).await.expect("an answer").expect("a token");
    let opens = |draft: &Draft| {
        let destination = draft.token_destination();
        server.vault.open("access-token", &destination, &token.sealed.access).is_ok()
    };
    let draft = fixture.draft(CODE);
    assert!(opens(&draft));
    for edit in [
        (Field::OauthServer, "mail.example.org"),
        (Field::OauthPort, "587"),
        (Field::OauthTlsMode, "start-tls"),
    ] {
        assert!(!opens(&edited(&draft, &[edit])), "{edit:?}");
    }
}
