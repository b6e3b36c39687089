//! The permissions of each role, which the server checks on each call.

use chrono::TimeDelta;
use contract::pages::AuditQuery;
use contract::{ApiCode, ConsentBinding, EmailService, EmailTab, RunView, Save, ShellService};
use domain::time_format::TimePreference;
use domain::{Email, Field, OauthFlow, Principal, Role};

use crate::support::harness::Harness;
use crate::support::oauth_fixture::{CALLBACK, OauthFixture};
use testkit::provider::CLIENT_ID;

fn reader(world: &OauthFixture) -> Principal {
    Principal { role: Role::Reader, ..world.ada.clone() }
}

#[tokio::test]
async fn a_reader_sees_settings_token_and_history_and_no_secret() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    world.send().await;
    let (service, rita) = (world.service(), reader(&world));
    let tab = service.load(&rita, CALLBACK).await.expect("the tab");
    assert!(!tab.may_edit);
    assert_eq!(tab.saved.form.plain_text(Field::OauthServer), "localhost");
    assert_eq!(tab.saved.form.plain_text(Field::ClientId), "");
    assert!(tab.token.token.is_some());
    assert_eq!(service.history(&rita).await.expect("the history").runs.len(), 1);
}

#[tokio::test]
async fn a_reader_does_not_see_the_client_id_in_the_providers_text() {
    let world = OauthFixture::with(OauthFlow::ClientCredentials).await;
    let named = format!("'{CLIENT_ID}'");
    let words = format!("AADSTS700016: Application with identifier {named} was not found.");
    let refusal = format!(r#"{{"error":"invalid_client","error_description":"{words}"}}"#);
    world.provider.fail_next("400 Bad Request", &refusal);
    let (attempt, _) = world.request_token().await;
    let (service, rita) = (world.service(), reader(&world));
    let seen = |tab: EmailTab| serde_json::to_string(&tab).expect("JSON");
    let by_ada = seen(service.load(&world.ada, CALLBACK).await.expect("the tab"));
    assert!(by_ada.contains("AADSTS700016") && by_ada.contains(&named), "{by_ada}");
    let by_rita = seen(service.load(&rita, CALLBACK).await.expect("the tab"));
    assert!(by_rita.contains("AADSTS700016") && !by_rita.contains(&named), "{by_rita}");
    let token = service.token(&rita).await.expect("an answer");
    assert!(!serde_json::to_string(&token).expect("JSON").contains(&named), "{token:?}");
    let ended = ShellService::attempt(&service, Some(&rita), &attempt).await;
    assert!(!format!("{ended:?}").contains(&named), "{ended:?}");
    let public = ShellService::attempt(&service, None, &attempt).await;
    assert!(!format!("{public:?}").contains(&named), "{public:?}");
}

#[tokio::test]
async fn a_reader_does_not_see_the_client_id_in_the_scope() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let mut draft = world.draft(OauthFlow::AuthorizationCode);
    draft.edit(Field::Scope, format!("api://{CLIENT_ID}/.default"));
    world.saved(&draft, 1, None).await;
    let tab = world.service().load(&reader(&world), CALLBACK).await.expect("the tab");
    assert_eq!(tab.saved.form.plain_text(Field::Scope), "api://[Client ID]/.default");
}

#[tokio::test]
async fn a_reader_does_not_see_the_client_id_in_the_steps_of_a_test_message() {
    let world = OauthFixture::with_token(OauthFlow::ClientCredentials).await;
    let (service, rita) = (world.service(), reader(&world));
    let words = format!("Application {CLIENT_ID} is blocked.");
    let refusal = format!(r#"{{"error":"invalid_client","error_description":"{words}"}}"#);
    world.harness.clock.advance(TimeDelta::hours(2));
    world.provider.fail_next("400 Bad Request", &refusal);
    let run = world.send_as(&world.ada.id).await;
    let json = |run: &RunView| serde_json::to_string(run).expect("JSON");
    let by_ada = json(&service.run(&world.ada, &run.id).await.expect("the run"));
    assert!(by_ada.contains(&words), "{by_ada}");
    let history = service.history(&rita).await.expect("the history").runs;
    let latest = service.load(&rita, CALLBACK).await.expect("the tab").last_run.expect("a run");
    for seen in [&service.run(&rita, &run.id).await.expect("the run"), &history[0].1, &latest] {
        let seen = json(seen);
        assert!(seen.contains("is blocked") && !seen.contains(CLIENT_ID), "{seen}");
    }
}

#[tokio::test]
async fn a_reader_does_not_see_the_client_id_of_settings_that_were_replaced() {
    let world = OauthFixture::with(OauthFlow::ClientCredentials).await;
    let refusal = format!(r#"{{"error":"invalid_client","error_description":"Not {CLIENT_ID}."}}"#);
    world.provider.fail_next("400 Bad Request", &refusal);
    let (attempt, _) = world.request_token().await;
    let mut draft = world.draft(OauthFlow::ClientCredentials);
    draft.edit(Field::ClientId, "another-client");
    world.saved(&draft, 1, None).await;
    let service = world.service();
    let ended = ShellService::attempt(&service, Some(&world.ada), &attempt).await;
    assert!(format!("{ended:?}").contains(CLIENT_ID), "{ended:?}");
    for who in [Some(reader(&world)), None] {
        let ended = ShellService::attempt(&service, who.as_ref(), &attempt).await;
        let seen = format!("{:?}", ended.expect("an answer").expect("the attempt"));
        assert!(seen.contains("InvalidClient") && !seen.contains(CLIENT_ID), "{seen}");
    }
}

#[tokio::test]
async fn a_reader_changes_and_sends_nothing() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let (service, rita) = (world.service(), reader(&world));
    let rows = world.harness.trail(99).await.len();
    let save = Save {
        draft: world.draft(OauthFlow::None),
        revision: 1,
        deletes_grant: world.token().await.map(|token| token.grant),
    };
    assert_eq!(service.save(&rita, save).await, Err(ApiCode::Forbidden));
    assert_eq!(service.send_test(&rita).await, Err(ApiCode::Forbidden));
    assert_eq!(service.get_token(&rita, CALLBACK, true).await, Err(ApiCode::Forbidden));
    let finished = service.finish_attempt(&rita, &ConsentBinding::Unknown, "any", CALLBACK).await;
    assert_eq!(finished, Err(ApiCode::Forbidden));
    let audit = service.audit(&rita, &AuditQuery::default()).await;
    assert_eq!(audit.err(), Some(ApiCode::Forbidden));
    assert_eq!(world.harness.trail(99).await.len(), rows);
    assert_eq!(world.mailbox.messages(), 0);
}

#[tokio::test]
async fn a_user_who_has_become_a_reader_completes_no_consent() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let returning = world.consent().await;
    world.harness.set_role(&world.ada.id, Role::Reader).await;
    world.land(&returning.address, &returning.cookie).await;
    world.end_of(&returning.attempt.id).await;
    assert_eq!(world.token().await, None);
}

#[tokio::test]
async fn a_test_message_is_sent_only_to_a_verified_address() {
    let world = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let unverified = Email { address: "ada@example.com".to_owned(), is_verified: false };
    for email in [None, Some(unverified)] {
        let ada = Principal { email, ..world.ada.clone() };
        assert_eq!(world.service().send_test(&ada).await, Err(ApiCode::NoAddress));
        assert_eq!(world.service().load(&ada, CALLBACK).await.expect("the tab").recipient, None);
    }
}

#[tokio::test]
async fn a_hosts_time_preferences_override_stored_ones() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let times = TimePreference { zone: "Asia/Tokyo".to_owned(), ..TimePreference::default() };
    let ada = Principal { times: Some(times.clone()), ..world.ada.clone() };
    let tab = world.service().load(&ada, CALLBACK).await.expect("the tab");
    assert_eq!(tab.display.preference, times);
}

#[tokio::test]
async fn with_readers_only_the_first_administrator_can_still_be_set_up() {
    let harness = Harness::start().await;
    harness.add_as(Role::Reader, "rita@example.com", "Rita Levi").await;
    let ticket = harness.accounts().open_set_up().await.expect("an answer");
    assert!(ticket.is_some());
}
