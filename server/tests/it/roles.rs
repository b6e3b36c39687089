//! The permissions of each role, which the server checks on each call.

use chrono::TimeDelta;
use contract::pages::AuditQuery;
use contract::{ApiCode, ConsentBinding, EmailService, EmailTab, RunView, Save, ShellService};
use domain::time_format::TimePreference;
use domain::{Email, Field, OauthFlow, Principal, Role};

use crate::support::harness::Harness;
use crate::support::oauth_fixture::{CALLBACK, OauthFixture};
use testkit::provider::CLIENT_ID;

fn reader(fixture: &OauthFixture) -> Principal {
    Principal { role: Role::Reader, ..fixture.ada.clone() }
}

#[tokio::test]
async fn a_reader_sees_settings_token_and_history_and_no_secret() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    fixture.send().await;
    let (service, rita) = (fixture.service(), reader(&fixture));
    let tab = service.load(&rita, CALLBACK).await.expect("the tab");
    assert!(!tab.may_edit);
    assert_eq!(tab.saved.form.plain_text(Field::OauthServer), "localhost");
    assert_eq!(tab.saved.form.plain_text(Field::ClientId), "");
    assert!(tab.token.token.is_some());
    assert_eq!(service.history(&rita).await.expect("the history").runs.len(), 1);
}

#[tokio::test]
async fn a_reader_does_not_see_the_client_id_in_the_providers_text() {
    let fixture = OauthFixture::with(OauthFlow::ClientCredentials).await;
    let named = format!("'{CLIENT_ID}'");
    let words = format!("AADSTS700016: Application with identifier {named} was not found.");
    let refusal = format!(r#"{{"error":"invalid_client","error_description":"{words}"}}"#);
    fixture.provider.fail_next("400 Bad Request", &refusal);
    let (attempt, _) = fixture.request_token().await;
    let (service, rita) = (fixture.service(), reader(&fixture));
    let seen = |tab: EmailTab| serde_json::to_string(&tab).expect("JSON");
    let by_ada = seen(service.load(&fixture.ada, CALLBACK).await.expect("the tab"));
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
    let fixture = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let mut draft = fixture.draft(OauthFlow::AuthorizationCode);
    draft.edit(Field::Scope, format!("api://{CLIENT_ID}/.default"));
    fixture.saved(&draft, 1, None).await;
    let tab = fixture.service().load(&reader(&fixture), CALLBACK).await.expect("the tab");
    assert_eq!(tab.saved.form.plain_text(Field::Scope), "api://[Client ID]/.default");
}

#[tokio::test]
async fn a_reader_does_not_see_the_client_id_in_the_steps_of_a_test_message() {
    let fixture = OauthFixture::with_token(OauthFlow::ClientCredentials).await;
    let (service, rita) = (fixture.service(), reader(&fixture));
    let words = format!("Application {CLIENT_ID} is blocked.");
    let refusal = format!(r#"{{"error":"invalid_client","error_description":"{words}"}}"#);
    fixture.harness.clock.advance(TimeDelta::hours(2));
    fixture.provider.fail_next("400 Bad Request", &refusal);
    let run = fixture.send_as(&fixture.ada.id).await;
    let json = |run: &RunView| serde_json::to_string(run).expect("JSON");
    let by_ada = json(&service.run(&fixture.ada, &run.id).await.expect("the run"));
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
    let fixture = OauthFixture::with(OauthFlow::ClientCredentials).await;
    let refusal = format!(r#"{{"error":"invalid_client","error_description":"Not {CLIENT_ID}."}}"#);
    fixture.provider.fail_next("400 Bad Request", &refusal);
    let (attempt, _) = fixture.request_token().await;
    let mut draft = fixture.draft(OauthFlow::ClientCredentials);
    draft.edit(Field::ClientId, "another-client");
    fixture.saved(&draft, 1, None).await;
    let service = fixture.service();
    let ended = ShellService::attempt(&service, Some(&fixture.ada), &attempt).await;
    assert!(format!("{ended:?}").contains(CLIENT_ID), "{ended:?}");
    for who in [Some(reader(&fixture)), None] {
        let ended = ShellService::attempt(&service, who.as_ref(), &attempt).await;
        let seen = format!("{:?}", ended.expect("an answer").expect("the attempt"));
        assert!(seen.contains("InvalidClient") && !seen.contains(CLIENT_ID), "{seen}");
    }
}

#[tokio::test]
async fn a_reader_changes_and_sends_nothing() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let (service, rita) = (fixture.service(), reader(&fixture));
    let rows = fixture.harness.trail(99).await.len();
    let save = Save {
        draft: fixture.draft(OauthFlow::None),
        revision: 1,
        deletes_grant: fixture.token().await.map(|token| token.grant),
    };
    assert_eq!(service.save(&rita, save).await, Err(ApiCode::Forbidden));
    assert_eq!(service.send_test(&rita).await, Err(ApiCode::Forbidden));
    assert_eq!(service.get_token(&rita, CALLBACK, true).await, Err(ApiCode::Forbidden));
    let finished = service.finish_attempt(&rita, &ConsentBinding::Unknown, "any", CALLBACK).await;
    assert_eq!(finished, Err(ApiCode::Forbidden));
    assert_eq!(service.stop_attempts(&rita).await, Err(ApiCode::Forbidden));
    let audit = service.audit(&rita, &AuditQuery::default()).await;
    assert_eq!(audit.err(), Some(ApiCode::Forbidden));
    assert_eq!(fixture.harness.trail(99).await.len(), rows);
    assert_eq!(fixture.mailbox.messages(), 0);
}

#[tokio::test]
async fn a_user_who_has_become_a_reader_completes_no_consent() {
    let fixture = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let returning = fixture.consent().await;
    fixture.harness.set_role(&fixture.ada.id, Role::Reader).await;
    fixture.land(&returning.address, &returning.cookie).await;
    fixture.end_of(&returning.attempt.id).await;
    assert_eq!(fixture.token().await, None);
}

#[tokio::test]
async fn a_test_message_is_sent_only_to_a_verified_address() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let unverified = Email { address: "ada@example.com".to_owned(), is_verified: false };
    for email in [None, Some(unverified)] {
        let ada = Principal { email, ..fixture.ada.clone() };
        assert_eq!(fixture.service().send_test(&ada).await, Err(ApiCode::NoAddress));
        assert_eq!(fixture.service().load(&ada, CALLBACK).await.expect("the tab").recipient, None);
    }
}

#[tokio::test]
async fn a_hosts_time_preferences_override_stored_ones() {
    let fixture = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let times = TimePreference { zone: "Asia/Tokyo".to_owned(), ..TimePreference::default() };
    let ada = Principal { times: Some(times.clone()), ..fixture.ada.clone() };
    let tab = fixture.service().load(&ada, CALLBACK).await.expect("the tab");
    assert_eq!(tab.display.preference, times);
}

#[tokio::test]
async fn with_readers_only_the_first_administrator_can_still_be_set_up() {
    let harness = Harness::start().await;
    harness.add_as(Role::Reader, "rita@example.com", "Rita Levi").await;
    let ticket = harness.accounts().open_set_up().await.expect("an answer");
    assert!(ticket.is_some());
}
