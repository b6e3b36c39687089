//! The life of a token: refreshed once and in time, kept on other failures, never sent elsewhere.

use chrono::TimeDelta;
use contract::EmailService;
use contract::SaveAnswer;
use domain::delivery::{Diagnosis, FactName, Outcome, Step};
use domain::token::{AttemptOutcome, OauthDiagnosis, OauthStage, Renewal, TokenStatus};
use domain::{Draft, Field, OauthFlow};
use serde_json::json;
use store::audit::Action;
use tokio::task::JoinSet;
use vault::clock::Clock;

use crate::support::oauth_fixture::{FLOWS, OauthFixture, a_moment};
use crate::support::soak::times;
use testkit::provider::{Held, Refreshing, Takes};

fn accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. })
}

/// Sends this many messages at once, each by another user.
async fn send_at_once(world: &std::sync::Arc<OauthFixture>, count: usize, round: &str) {
    let mut beginning = JoinSet::new();
    for number in 0..count {
        let (world, name) = (world.clone(), format!("{round}-{number}"));
        beginning.spawn(async move { world.begin_as(&name).await });
    }
    let begun = beginning.join_all().await;
    // Polling each run would take the processor from the deliveries.
    while !world.harness.server.runs.delivery.tasks.is_empty() {
        a_moment().await;
    }
    for (who, run) in begun {
        let run = world.run(&who, &run.id).await;
        assert!(accepted(run.outcome.as_ref().expect("an end")), "{run:?}");
    }
}

#[tokio::test]
async fn with_each_flow_a_token_is_obtained_and_mail_is_sent_with_it() {
    for flow in FLOWS {
        let world = OauthFixture::with_token(flow).await;
        let token = world.token().await;
        let now = world.harness.clock.now();
        assert_eq!(TokenStatus::of(token.as_ref(), now), TokenStatus::Valid, "{flow:?}");
        assert!(accepted(&world.send().await), "{flow:?}");
        assert_eq!(world.mailbox.messages(), 1, "{flow:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_on_an_expired_token_make_one_request_and_the_next_none() {
    let count = times(20, 200);
    for flow in FLOWS {
        let world = std::sync::Arc::new(OauthFixture::with_token(flow).await);
        world.provider.expire();
        world.harness.clock.advance(TimeDelta::hours(2));
        let before = world.provider.asked().len();
        send_at_once(&world, count, "first").await;
        assert_eq!(world.provider.asked().len(), before + 1, "{flow:?}");
        send_at_once(&world, count, "second").await;
        assert_eq!(world.provider.asked().len(), before + 1, "{flow:?}");
        assert_eq!(world.mailbox.messages(), 2 * count, "{flow:?}");
    }
}

#[tokio::test]
async fn a_token_is_refreshed_before_it_expires() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let first = world.token().await.expect("a token");
    world.harness.clock.advance(TimeDelta::minutes(59) + TimeDelta::seconds(30));
    assert!(accepted(&world.send().await));
    let second = world.token().await.expect("a token");
    assert_eq!(second.grant, first.grant);
    assert!(second.expires_at > first.expires_at);
    assert_eq!(world.provider.requests("refresh_token"), 1);
}

#[tokio::test]
async fn a_rotated_refresh_token_replaces_the_one_before() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCodePkce).await;
    for _ in 0..3 {
        world.harness.clock.advance(TimeDelta::hours(2));
        assert!(accepted(&world.send().await));
    }
    assert_eq!(world.provider.requests("refresh_token"), 3);
    assert_eq!(world.provider.reused(), 0);
}

#[tokio::test]
async fn an_omitted_refresh_token_keeps_the_one_before() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.refreshing = Refreshing::Keeps);
    world.obtain().await;
    for _ in 0..3 {
        world.harness.clock.advance(TimeDelta::hours(2));
        assert!(accepted(&world.send().await));
    }
    assert_eq!(world.provider.requests("refresh_token"), 3);
}

#[tokio::test]
async fn without_a_refresh_token_a_new_consent_is_needed() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.refreshing = Refreshing::Never);
    world.obtain().await;
    assert_eq!(world.token().await.expect("a token").renewal, Renewal::BySigningIn);
    world.harness.clock.advance(TimeDelta::hours(2));
    let Outcome::Failed { step, diagnosis, .. } = world.send().await else { panic!("not sent") };
    assert_eq!((step, diagnosis), (Step::Token, Diagnosis::TokenExpired));
    assert_eq!(world.provider.asked().len(), 1);
}

#[tokio::test]
async fn the_token_step_shows_age_validity_and_refresh() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    for (later, expected) in [
        (TimeDelta::minutes(5), ["300", "3300", "no"]),
        (TimeDelta::hours(2), ["0", "3600", "yes"]),
    ] {
        world.harness.clock.advance(later);
        let run = world.send_as("Grace").await;
        let step = run.steps.first().expect("a step");
        let names = [FactName::Age, FactName::ValidFor, FactName::Renewed];
        let found: Vec<_> =
            step.facts.iter().map(|fact| (fact.name, fact.value.as_str())).collect();
        assert_eq!(found, names.into_iter().zip(expected).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_refused_token_causes_one_refresh_and_one_retry() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    world.provider.expire();
    assert!(accepted(&world.send().await));
    assert_eq!(world.provider.requests("refresh_token"), 1);
    assert_eq!((world.mailbox.refused(), world.mailbox.messages()), (1, 1));
    let tokens = world.mailbox.tokens();
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn a_token_that_is_refused_again_is_not_refreshed_again() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.lifetime = std::time::Duration::ZERO);
    world.provider.rule(|rules| rules.expires_in = Some(3_600.into()));
    world.provider.expire();
    let Outcome::Failed { step, .. } = world.send().await else { panic!("not sent") };
    assert_eq!(step, Step::SignIn);
    assert_eq!(world.provider.requests("refresh_token"), 1);
    assert_eq!((world.mailbox.refused(), world.mailbox.messages()), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_whose_token_is_refused_cause_one_refresh() {
    let world = std::sync::Arc::new(OauthFixture::with_token(OauthFlow::AuthorizationCode).await);
    world.provider.expire();
    send_at_once(&world, 50, "refused").await;
    assert_eq!(world.provider.requests("refresh_token"), 1);
}

#[tokio::test]
async fn a_revoked_grant_makes_the_token_expired_with_the_providers_reason() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    world.provider.revoke();
    world.harness.clock.advance(TimeDelta::hours(2));
    let Outcome::Failed { step, diagnosis, peer_text, .. } = world.send().await else {
        panic!("not sent")
    };
    assert_eq!(
        (step, diagnosis),
        (Step::Token, Diagnosis::TokenNotRenewed(OauthDiagnosis::InvalidGrant))
    );
    assert!(peer_text.expect("words").contains("The grant was revoked."));

    let token = world.token().await.expect("a token");
    let Renewal::Gone(failure) = &token.renewal else { panic!("gone: {token:?}") };
    assert_eq!(
        (failure.stage, failure.diagnosis),
        (OauthStage::Renewal, OauthDiagnosis::InvalidGrant)
    );
    let now = world.harness.clock.now();
    assert_eq!(TokenStatus::of(Some(&token), now), TokenStatus::Expired);

    world.harness.clock.advance(TimeDelta::hours(2));
    world.send().await;
    assert_eq!(world.provider.requests("refresh_token"), 1, "it stops");
    let rows = world.harness.trail(9).await;
    assert!(rows.iter().any(|row| row.action == Action::TokenGone));
}

#[tokio::test]
async fn a_refused_token_of_a_revoked_grant_is_reported_with_the_providers_reason() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    world.provider.revoke();
    let Outcome::Failed { step, diagnosis, peer_text, .. } = world.send().await else {
        panic!("not sent")
    };
    assert_eq!(
        (step, diagnosis),
        (Step::Token, Diagnosis::TokenNotRenewed(OauthDiagnosis::InvalidGrant))
    );
    assert!(peer_text.expect("words").contains("The grant was revoked."));
    assert_eq!(world.mailbox.refused(), 1);
}

#[tokio::test]
async fn a_refused_token_is_reported_with_the_mail_servers_text_while_the_provider_fails() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    world.provider.expire();
    world.provider.fail_next("503 Service Unavailable", "{}");
    let Outcome::Failed { step, peer_text, .. } = world.send().await else { panic!("not sent") };
    assert_eq!(step, Step::SignIn);
    assert!(peer_text.expect("words").contains("535 5.7.3"));
}

#[tokio::test]
async fn a_failing_provider_leaves_a_valid_token_valid() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    world.harness.clock.advance(TimeDelta::minutes(59) + TimeDelta::seconds(30));
    world.provider.fail_next("503 Service Unavailable", "{}");
    assert!(accepted(&world.send().await), "it is still good");
    let token = world.token().await.expect("a token");
    let Renewal::Failing { failure, next_at } = &token.renewal else { panic!("{token:?}") };
    let now = world.harness.clock.now();
    assert_eq!(failure.diagnosis, OauthDiagnosis::ProviderFailed);
    assert!(*next_at > now);
    assert_eq!(TokenStatus::of(Some(&token), now), TokenStatus::Valid);
}

#[tokio::test]
async fn a_failed_refresh_is_retried_after_a_back_off() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    world.harness.clock.advance(TimeDelta::hours(2));
    world.provider.fail_next("503 Service Unavailable", "{}");
    assert!(!accepted(&world.send().await));
    assert!(!accepted(&world.send().await));
    assert_eq!(world.provider.requests("refresh_token"), 1, "not at once");
    world.harness.clock.advance(TimeDelta::seconds(11));
    assert!(accepted(&world.send().await));
    assert_eq!(world.token().await.expect("a token").renewal, Renewal::ByItself);
}

#[tokio::test]
async fn a_running_refresh_is_discarded_after_a_save() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let grant = world.token().await.expect("a token").grant;
    world.harness.clock.advance(TimeDelta::hours(2));
    world.provider.hold(Held::BeforeAnswering);
    let service = world.service();
    let run = service.send_test(&world.ada).await.expect("a run");
    world.provider.wait_for(2).await;

    let mut draft = world.draft(OauthFlow::AuthorizationCode);
    draft.edit(Field::OauthDisplayName, "Another name");
    let saved = world.save_deleting(&draft, 1, Some(grant)).await;
    assert!(matches!(saved, SaveAnswer::Saved(_)), "{saved:?}");
    world.provider.release();
    let mut outcome = None;
    while outcome.is_none() {
        a_moment().await;
        outcome = service.run(&world.ada, &run.run.id).await.expect("the run").run.outcome;
    }
    let Some(Outcome::Failed { diagnosis, .. }) = outcome else { panic!("not sent") };
    assert_eq!(diagnosis, Diagnosis::TokenNotRenewed(OauthDiagnosis::SettingsChanged));
    assert_eq!(world.token().await, None);
}

#[tokio::test]
async fn a_refresh_completes_independently_of_its_caller() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    world.harness.clock.advance(TimeDelta::hours(2));
    world.provider.hold(Held::BeforeAnswering);
    let service = world.service();
    service.send_test(&world.ada).await.expect("a run");
    world.provider.wait_for(2).await;
    world.provider.release();
    world.harness.server.tokens.tasks.close();
    world.harness.server.tokens.tasks.wait().await;
    assert!(world.token().await.expect("a token").expires_at > world.harness.clock.now());
}

#[tokio::test]
async fn a_save_that_would_delete_a_token_obtained_meanwhile_is_refused() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let mut draft = world.draft(OauthFlow::AuthorizationCode);
    draft.edit(Field::OauthDisplayName, "Another name");
    world.obtain().await;
    let grant = world.token().await.expect("a token").grant;
    let refused = world.save(&draft, 1).await;
    assert_eq!(refused, SaveAnswer::TokenWouldBeDeleted(grant.clone()));
    let wrongly_named = world.save_deleting(&draft, 1, Some("another".to_owned())).await;
    assert_eq!(wrongly_named, SaveAnswer::TokenWouldBeDeleted(grant.clone()));
    assert!(world.token().await.is_some());
    let saved = world.save_deleting(&draft, 1, Some(grant)).await;
    assert!(matches!(saved, SaveAnswer::Saved(_)), "{saved:?}");
    assert_eq!(world.token().await, None);
}

#[tokio::test]
async fn a_refresh_changes_neither_grant_nor_revision() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let before = world.token().await.expect("a token").grant;
    world.harness.clock.advance(TimeDelta::hours(2));
    world.send().await;
    assert_eq!(world.token().await.expect("a token").grant, before);
    let unchanged: Draft = world.draft(OauthFlow::AuthorizationCode);
    let answer = world.save(&unchanged, 1).await;
    assert_eq!(answer, SaveAnswer::TokenWouldBeDeleted(before), "not a conflict");
}

#[tokio::test]
async fn a_message_of_replaced_settings_does_not_touch_the_new_token() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let first = world.token().await.expect("a token").grant;
    world.provider.expire();
    world.mailbox.hold();
    let service = world.service();
    let run = service.send_test(&world.ada).await.expect("a run");
    world.mailbox.is_asked().await;

    let mut draft = world.draft(OauthFlow::AuthorizationCode);
    draft.edit(Field::OauthDisplayName, "Another name");
    world.save_deleting(&draft, 1, Some(first)).await;
    world.obtain().await;
    let second = world.token().await;
    world.mailbox.release();
    let mut outcome = None;
    while outcome.is_none() {
        a_moment().await;
        outcome = service.run(&world.ada, &run.run.id).await.expect("the run").run.outcome;
    }
    assert!(matches!(outcome, Some(Outcome::Failed { step: Step::SignIn, .. })), "{outcome:?}");
    assert_eq!(world.token().await, second);
    assert_eq!(world.provider.requests("refresh_token"), 0);
}

#[tokio::test]
async fn a_refresh_without_a_scope_keeps_reporting_the_narrower_one() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.scope = Some("mail.read".to_owned()));
    world.obtain().await;
    world.provider.rule(|rules| rules.scope = None);
    world.provider.fail_next("400 Bad Request", r#"{"error":"invalid_scope"}"#);
    world.harness.clock.advance(TimeDelta::hours(2));
    assert!(accepted(&world.send().await));
    let asked = world.provider.asked();
    assert_eq!(asked.last().expect("a request").param("scope"), "", "asked again without it");
    assert_eq!(world.token().await.expect("a token").scope.as_deref(), Some("mail.read"));
}

#[tokio::test]
async fn a_token_that_expires_at_once_is_not_refreshed_in_the_background() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.expires_in = Some(0.into()));
    world.obtain().await;
    let fresh =
        tokio::spawn(server::use_cases::run_refresh_loop(world.harness.server.tokens.clone()));
    for _ in 0..30 {
        a_moment().await;
    }
    fresh.abort();
    assert_eq!(world.provider.requests("refresh_token"), 0);
}

#[tokio::test]
async fn the_end_of_a_grant_is_kept_across_refreshes() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let end = world.harness.clock.now() + TimeDelta::seconds(90_000);
    world.provider.rule(|rules| rules.more = json!({ "authorization_expires_in": "90000" }));
    world.obtain().await;
    assert_eq!(world.token().await.expect("a token").sign_in_by, Some(end));
    world.provider.rule(|rules| rules.more = json!({}));
    world.harness.clock.advance(TimeDelta::hours(2));
    assert!(accepted(&world.send().await));
    assert_eq!(world.token().await.expect("a token").sign_in_by, Some(end));
}

#[tokio::test]
async fn the_expiry_of_a_refresh_token_is_reported_while_refreshing_fails() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let end = world.harness.clock.now() + TimeDelta::days(2);
    for name in ["refresh_token_timeout", "refresh_token_expires_in"] {
        world.provider.rule(|rules| rules.more = json!({ name: 2 * 86_400 }));
        world.obtain().await;
    }
    assert_eq!(world.token().await.expect("a token").sign_in_by, None, "PPM renews it before");
    world.harness.clock.advance(TimeDelta::hours(2));
    world.provider.fail_next("503 Service Unavailable", "{}");
    assert!(!accepted(&world.send().await));
    assert_eq!(world.token().await.expect("a token").sign_in_by, Some(end));
}

#[tokio::test]
async fn a_due_token_is_refreshed_in_the_background() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let before = world.token().await.expect("a token").expires_at;
    let fresh =
        tokio::spawn(server::use_cases::run_refresh_loop(world.harness.server.tokens.clone()));
    world.harness.clock.advance(TimeDelta::minutes(59) + TimeDelta::seconds(30));
    world.harness.server.tokens.obtained.notify_one();
    while world.token().await.expect("a token").expires_at == before {
        a_moment().await;
    }
    fresh.abort();
    assert_eq!(world.provider.requests("refresh_token"), 1);
}

#[tokio::test]
async fn a_lease_far_in_the_future_is_ignored() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let server = &world.harness.server;
    let token = store::tokens::load(&server.store).await.expect("an answer").expect("one");
    let lease = store::tokens::Lease { grant: &token.grant, generation: 0, owner: "gone" };
    let now = world.harness.clock.now();
    let far = now + TimeDelta::days(1);
    let is_taken = store::tokens::lease(&server.store, lease, now, far, far).await;
    assert!(is_taken.expect("an answer"));
    world.harness.clock.advance(TimeDelta::hours(2));
    assert!(accepted(&world.send().await));
}

#[tokio::test]
async fn a_narrower_scope_is_reported() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.scope = Some("mail.read".to_owned()));
    world.obtain().await;
    assert_eq!(world.token().await.expect("a token").scope.as_deref(), Some("mail.read"));
}

#[tokio::test]
async fn the_same_scope_in_another_order_is_not_reported() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.scope = Some("offline_access  mail.send".to_owned()));
    world.obtain().await;
    assert_eq!(world.token().await.expect("a token").scope, None);
}

#[tokio::test]
async fn a_refresh_uses_basic_at_once_where_the_first_request_needed_it() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.takes = Takes::BasicOnly);
    world.obtain().await;
    assert_eq!(world.provider.asked().len(), 2, "the first without Basic");
    world.harness.clock.advance(TimeDelta::hours(2));
    assert!(accepted(&world.send().await));
    assert_eq!(world.provider.asked().len(), 3);
}

#[tokio::test]
async fn a_token_that_has_expired_on_arrival_is_requested_once() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.expires_in = Some((-5).into()));
    world.harness.clock.advance(TimeDelta::hours(2));
    assert!(!accepted(&world.send().await));
    assert_eq!(world.provider.requests("refresh_token"), 1);
}

#[tokio::test]
async fn a_failed_attempt_does_not_change_the_existing_token() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let before = world.token().await;
    let returning = world.consent().await;
    world.provider.fail_next("400 Bad Request", r#"{"error":"invalid_grant"}"#);
    world.land(&returning.address, &returning.cookie).await;
    let end = world.end_of(&returning.attempt.id).await;
    assert!(matches!(end, AttemptOutcome::Failed(_)), "{end:?}");
    assert_eq!(world.token().await, before);
}

#[tokio::test]
async fn a_token_cannot_be_opened_for_another_mail_server() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let server = &world.harness.server;
    let token = store::tokens::load(&server.store).await.expect("an answer");
    let sealed = token.expect("a token").sealed;
    let mut elsewhere = world.draft(OauthFlow::AuthorizationCode);
    let here = elsewhere.token_destination();
    assert!(server.vault.open("access-token", &here, &sealed.access).is_ok());
    for (field, text) in [
        (Field::OauthServer, "mail.example.org"),
        (Field::OauthPort, "587"),
        (Field::OauthTlsMode, "start-tls"),
    ] {
        elsewhere = world.draft(OauthFlow::AuthorizationCode);
        elsewhere.edit(field, text);
        let there = elsewhere.token_destination();
        assert!(server.vault.open("access-token", &there, &sealed.access).is_err(), "{field:?}");
    }
}
