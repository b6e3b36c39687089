//! A token's life: renewed in time and once, kept whatever else happens, and never sent elsewhere.

use app::api::SaveAnswer;
use app::service::EmailService;
use chrono::TimeDelta;
use domain::delivery::{Advice, FactName, Outcome, Step};
use domain::token::{AttemptEnd, Fault, Leg, Renewal, TokenStatus};
use domain::{Draft, Field, OauthFlow};
use serde_json::json;
use server::clock::Clock;
use server::store::audit::Action;
use tokio::task::JoinSet;

use crate::support::oauth_world::{FLOWS, World, a_moment};
use crate::support::provider::{Held, Refreshing, Takes};
use crate::support::soak::times;

fn accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. })
}

/// Sends this many messages at once, each by somebody else.
async fn send_at_once(world: &std::sync::Arc<World>, count: usize, round: &str) {
    let mut beginning = JoinSet::new();
    for number in 0..count {
        let (world, name) = (world.clone(), format!("{round}-{number}"));
        beginning.spawn(async move { world.begin_as(&name).await });
    }
    let begun = beginning.join_all().await;
    // Many who look again and again would take the processor from those who send.
    while !world.harness.server.under_way.is_empty() {
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
        let world = World::with_token(flow).await;
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
        let world = std::sync::Arc::new(World::with_token(flow).await);
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
async fn a_token_is_renewed_before_it_expires() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
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
    let world = World::with_token(OauthFlow::AuthorizationCodePkce).await;
    for _ in 0..3 {
        world.harness.clock.advance(TimeDelta::hours(2));
        assert!(accepted(&world.send().await));
    }
    assert_eq!(world.provider.requests("refresh_token"), 3);
    assert_eq!(world.provider.reused(), 0);
}

#[tokio::test]
async fn an_omitted_refresh_token_keeps_the_one_before() {
    let world = World::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.refreshing = Refreshing::Keeps);
    world.obtain().await;
    for _ in 0..3 {
        world.harness.clock.advance(TimeDelta::hours(2));
        assert!(accepted(&world.send().await));
    }
    assert_eq!(world.provider.requests("refresh_token"), 3);
}

#[tokio::test]
async fn without_a_refresh_token_somebody_has_to_sign_in_again() {
    let world = World::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.refreshing = Refreshing::Never);
    world.obtain().await;
    assert_eq!(world.token().await.expect("a token").renewal, Renewal::BySigningIn);
    world.harness.clock.advance(TimeDelta::hours(2));
    let Outcome::Failed { step, advice, .. } = world.send().await else { panic!("not sent") };
    assert_eq!((step, advice), (Step::Token, Advice::TokenExpired));
    assert_eq!(world.provider.asked().len(), 1);
}

#[tokio::test]
async fn the_step_of_the_token_tells_its_age_and_whether_it_was_renewed() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
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
async fn a_refused_token_makes_one_renewal_and_one_retry() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    world.provider.expire();
    assert!(accepted(&world.send().await));
    assert_eq!(world.provider.requests("refresh_token"), 1);
    assert_eq!((world.mailbox.refused(), world.mailbox.messages()), (1, 1));
    let tokens = world.mailbox.tokens();
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn a_token_that_is_refused_again_is_not_renewed_again() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.lifetime = std::time::Duration::ZERO);
    world.provider.rule(|rules| rules.expires_in = Some(3_600.into()));
    world.provider.expire();
    let Outcome::Failed { step, .. } = world.send().await else { panic!("not sent") };
    assert_eq!(step, Step::SignIn);
    assert_eq!(world.provider.requests("refresh_token"), 1);
    assert_eq!((world.mailbox.refused(), world.mailbox.messages()), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_whose_token_is_refused_make_one_renewal() {
    let world = std::sync::Arc::new(World::with_token(OauthFlow::AuthorizationCode).await);
    world.provider.expire();
    send_at_once(&world, 50, "refused").await;
    assert_eq!(world.provider.requests("refresh_token"), 1);
}

#[tokio::test]
async fn a_grant_that_is_gone_makes_the_token_expired_with_the_providers_reason() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    world.provider.revoke();
    world.harness.clock.advance(TimeDelta::hours(2));
    let Outcome::Failed { step, advice, said, .. } = world.send().await else { panic!("not sent") };
    assert_eq!((step, advice), (Step::Token, Advice::TokenNotRenewed(Fault::InvalidGrant)));
    assert!(said.expect("words").contains("The grant was revoked."));

    let token = world.token().await.expect("a token");
    let Renewal::Gone(setback) = &token.renewal else { panic!("gone: {token:?}") };
    assert_eq!((setback.leg, setback.fault), (Leg::Renewal, Fault::InvalidGrant));
    let now = world.harness.clock.now();
    assert_eq!(TokenStatus::of(Some(&token), now), TokenStatus::Expired);

    world.harness.clock.advance(TimeDelta::hours(2));
    world.send().await;
    assert_eq!(world.provider.requests("refresh_token"), 1, "it stops");
    let rows = world.harness.trail(9).await;
    assert!(rows.iter().any(|row| row.action == Action::TokenGone));
}

#[tokio::test]
async fn a_token_that_the_mail_server_refuses_because_its_consent_has_ended_is_told_so() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    world.provider.revoke();
    let Outcome::Failed { step, advice, said, .. } = world.send().await else { panic!("not sent") };
    assert_eq!((step, advice), (Step::Token, Advice::TokenNotRenewed(Fault::InvalidGrant)));
    assert!(said.expect("words").contains("The grant was revoked."));
    assert_eq!(world.mailbox.refused(), 1);
}

#[tokio::test]
async fn a_token_that_the_mail_server_refuses_while_the_provider_is_in_trouble_is_told_in_its_words()
 {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    world.provider.expire();
    world.provider.fail_next("503 Service Unavailable", "{}");
    let Outcome::Failed { step, said, .. } = world.send().await else { panic!("not sent") };
    assert_eq!(step, Step::SignIn);
    assert!(said.expect("words").contains("535 5.7.3"));
}

#[tokio::test]
async fn a_provider_in_trouble_leaves_a_valid_token_valid() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    world.harness.clock.advance(TimeDelta::minutes(59) + TimeDelta::seconds(30));
    world.provider.fail_next("503 Service Unavailable", "{}");
    assert!(accepted(&world.send().await), "it is still good");
    let token = world.token().await.expect("a token");
    let Renewal::Failing { setback, next_at } = &token.renewal else { panic!("{token:?}") };
    let now = world.harness.clock.now();
    assert_eq!(setback.fault, Fault::ProviderFailed);
    assert!(*next_at > now);
    assert_eq!(TokenStatus::of(Some(&token), now), TokenStatus::Valid);
}

#[tokio::test]
async fn a_renewal_that_failed_is_tried_again_and_not_at_once() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
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
async fn a_renewal_under_way_that_a_save_overtakes_changes_nothing() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
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
    let Some(Outcome::Failed { advice, .. }) = outcome else { panic!("not sent") };
    assert_eq!(advice, Advice::TokenNotRenewed(Fault::SettingsChanged));
    assert_eq!(world.token().await, None);
}

#[tokio::test]
async fn a_renewal_goes_on_when_whoever_wanted_it_is_gone() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    world.harness.clock.advance(TimeDelta::hours(2));
    world.provider.hold(Held::BeforeAnswering);
    let service = world.service();
    service.send_test(&world.ada).await.expect("a run");
    world.provider.wait_for(2).await;
    world.provider.release();
    world.harness.server.asking.close();
    world.harness.server.asking.wait().await;
    assert!(world.token().await.expect("a token").expires_at > world.harness.clock.now());
}

#[tokio::test]
async fn a_save_that_would_delete_a_token_obtained_meanwhile_is_refused() {
    let world = World::with(OauthFlow::AuthorizationCode).await;
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
async fn a_renewal_changes_neither_grant_nor_revision() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    let before = world.token().await.expect("a token").grant;
    world.harness.clock.advance(TimeDelta::hours(2));
    world.send().await;
    assert_eq!(world.token().await.expect("a token").grant, before);
    let unchanged: Draft = world.draft(OauthFlow::AuthorizationCode);
    let answer = world.save(&unchanged, 1).await;
    assert_eq!(answer, SaveAnswer::TokenWouldBeDeleted(before), "not a conflict");
}

#[tokio::test]
async fn a_token_of_other_settings_is_left_alone_by_a_message_of_these() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
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
async fn a_renewal_that_names_no_scope_leaves_the_narrower_one_told() {
    let world = World::with(OauthFlow::AuthorizationCode).await;
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
async fn a_token_too_short_to_be_worth_it_is_not_renewed_ahead() {
    let world = World::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.expires_in = Some(0.into()));
    world.obtain().await;
    let fresh = tokio::spawn(server::service::keep_fresh(world.harness.server.clone()));
    for _ in 0..30 {
        a_moment().await;
    }
    fresh.abort();
    assert_eq!(world.provider.requests("refresh_token"), 0);
}

#[tokio::test]
async fn the_end_of_a_grant_is_kept_through_renewals_and_told() {
    let world = World::with(OauthFlow::AuthorizationCode).await;
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
async fn the_end_of_a_refresh_token_is_told_while_renewal_fails() {
    let world = World::with(OauthFlow::AuthorizationCode).await;
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
async fn in_the_background_a_token_is_renewed_when_its_time_has_come() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    let before = world.token().await.expect("a token").expires_at;
    let fresh = tokio::spawn(server::service::keep_fresh(world.harness.server.clone()));
    world.harness.clock.advance(TimeDelta::minutes(59) + TimeDelta::seconds(30));
    world.harness.server.token_news.notify_one();
    while world.token().await.expect("a token").expires_at == before {
        a_moment().await;
    }
    fresh.abort();
    assert_eq!(world.provider.requests("refresh_token"), 1);
}

#[tokio::test]
async fn a_lease_that_a_clock_took_far_ahead_is_over() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    let server = &world.harness.server;
    let token = server::store::tokens::load(&server.store).await.expect("an answer").expect("one");
    let lease = server::store::tokens::Lease { grant: &token.grant, generation: 0, owner: "gone" };
    let now = world.harness.clock.now();
    let far = now + TimeDelta::days(1);
    let is_taken = server::store::tokens::lease(&server.store, lease, now, far, far).await;
    assert!(is_taken.expect("an answer"));
    world.harness.clock.advance(TimeDelta::hours(2));
    assert!(accepted(&world.send().await));
}

#[tokio::test]
async fn a_narrower_scope_is_told() {
    let world = World::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.scope = Some("mail.read".to_owned()));
    world.obtain().await;
    assert_eq!(world.token().await.expect("a token").scope.as_deref(), Some("mail.read"));
}

#[tokio::test]
async fn the_same_scope_in_another_order_is_not_told() {
    let world = World::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.scope = Some("offline_access  mail.send".to_owned()));
    world.obtain().await;
    assert_eq!(world.token().await.expect("a token").scope, None);
}

#[tokio::test]
async fn a_provider_that_wants_basic_is_renewed_at_by_basic_at_once() {
    let world = World::with(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.takes = Takes::BasicOnly);
    world.obtain().await;
    assert_eq!(world.provider.asked().len(), 2, "the first without Basic");
    world.harness.clock.advance(TimeDelta::hours(2));
    assert!(accepted(&world.send().await));
    assert_eq!(world.provider.asked().len(), 3);
}

#[tokio::test]
async fn a_token_that_is_born_expired_is_asked_for_once() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    world.provider.rule(|rules| rules.expires_in = Some((-5).into()));
    world.harness.clock.advance(TimeDelta::hours(2));
    assert!(!accepted(&world.send().await));
    assert_eq!(world.provider.requests("refresh_token"), 1);
}

#[tokio::test]
async fn a_failed_attempt_leaves_the_token_before_it_untouched() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    let before = world.token().await;
    let returning = world.consent().await;
    world.provider.fail_next("400 Bad Request", r#"{"error":"invalid_grant"}"#);
    world.land(&returning.address, &returning.cookie).await;
    let end = world.end_of(&returning.attempt.id).await;
    assert!(matches!(end, AttemptEnd::Failed(_)), "{end:?}");
    assert_eq!(world.token().await, before);
}

#[tokio::test]
async fn a_token_stays_shut_for_another_mail_server() {
    let world = World::with_token(OauthFlow::AuthorizationCode).await;
    let server = &world.harness.server;
    let token = server::store::tokens::load(&server.store).await.expect("an answer");
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
