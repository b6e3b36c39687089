//! The page Health, and the open incident in the tab: what administrators and readers see, and Check
//! now.

use axum::http::{Request, StatusCode};
use contract::pages::{HealthPage, NextCheck};
use contract::{EmailService, IncidentView, ShellService};
use domain::delivery::{Diagnosis, Step};
use domain::health::{Evidence, Health, Trouble};
use domain::{Draft, Field, OauthFlow, Principal, Role};
use testkit::provider::CLIENT_ID;
use testkit::smtp_server::{SmtpScript, SmtpServer};

use crate::support::accounts;
use crate::support::drafts::{draft_of, edited};
use crate::support::harness::{Answer, EMAIL, Harness, ada};
use crate::support::oauth_fixture::{CALLBACK, OauthFixture};
use crate::support::pages::{ask, page, submit};

const HEALTH: &str = "/settings/email/health";
const REFUSAL: &str = "535 5.7.8 </textarea><b id=canary>";

/// A form that signs in to this mail server in clear.
fn draft(mail_server: &SmtpServer) -> Draft {
    let port = mail_server.address.port().to_string();
    let mut draft = draft_of(&[
        (Field::BasicSender, "noreply@example.com"),
        (Field::BasicDisplayName, "PPM"),
        (Field::BasicServer, "127.0.0.1"),
        (Field::BasicPort, port.as_str()),
        (Field::BasicUseTls, "false"),
        (Field::Username, "noreply@example.com"),
    ]);
    draft.edit(Field::Password, "a password");
    draft
}

/// A server with Ada, whose saved settings are for this mail server.
async fn with_settings(mail_server: &SmtpServer) -> (Harness, String) {
    let harness = Harness::start().await.with_ada().await;
    harness.saved(&draft(mail_server), 0).await;
    let cookie = harness.sign_in().await;
    (harness, cookie)
}

async fn check_now(harness: &Harness, cookie: &str) -> Answer {
    submit(harness, HEALTH, cookie, "").await
}

async fn health(harness: &Harness, who: &Principal) -> HealthPage {
    harness.server.service().health(who).await.expect("the page")
}

/// Records a failure with the saved settings.
async fn fails(harness: &Harness, trouble: Trouble) {
    let current = harness.server.service().load(&ada(), CALLBACK).await.expect("the tab");
    let revision = current.saved.revision;
    let health = &harness.server.checks.delivery.health;
    health.record(revision, Evidence::Fails(trouble)).await;
}

/// A refused sign-in with this text of the server.
fn refused(words: &str) -> Trouble {
    Trouble {
        step: Step::SignIn,
        diagnosis: Diagnosis::CredentialsRefused,
        peer_text: Some(words.to_owned()),
        found: None,
        can_pass: false,
    }
}

#[tokio::test]
async fn check_now_opens_an_incident_that_page_and_tab_explain() {
    let refuses = SmtpScript::in_clear().replying("AUTH", REFUSAL).play();
    let (harness, cookie) = with_settings(&refuses).await;
    let answer = check_now(&harness, &cookie).await;
    let expected = "/settings/email/health?check=done";
    assert_eq!(answer.redirect(), (StatusCode::SEE_OTHER, expected));

    let seen = health(&harness, &ada()).await;
    assert_eq!(seen.health, Health::Down);
    let open = seen.open.expect("an incident");
    assert_eq!((open.step, open.diagnosis.as_str()), (Step::SignIn, "credentials-refused"));
    assert_eq!(open.peer_text.as_deref(), Some(REFUSAL));
    assert!(!open.explanation.steps.is_empty() && !open.text.contains("canary"), "{open:?}");
    let tab = harness.server.service().load(&ada(), CALLBACK).await.expect("the tab");
    assert_eq!(tab.incident, Some(open));

    for path in [HEALTH, "/settings/email"] {
        let body = page(&harness, path, &cookie).await.body;
        assert!(body.contains("Email has stopped."), "{path}: {body}");
        assert!(body.contains("&lt;/textarea&gt;&lt;b id=canary&gt;"), "{path}: {body}");
        assert!(!body.contains("<b id=canary>"), "{path}: {body}");
    }
}

#[tokio::test]
async fn after_a_check_that_succeeds_the_page_says_that_email_works() {
    let accepts = SmtpScript::in_clear().play();
    let (harness, cookie) = with_settings(&accepts).await;
    let before = page(&harness, HEALTH, &cookie).await.body;
    assert!(before.contains("Email has not been checked yet."), "{before}");
    check_now(&harness, &cookie).await;
    let after = page(&harness, HEALTH, &cookie).await.body;
    assert!(after.contains("Email works.") && after.contains("succeeded in"), "{after}");
    assert!(accepts.received().await.line("AUTH").starts_with("AUTH"));
}

#[tokio::test]
async fn check_now_says_that_incomplete_settings_cannot_be_checked() {
    let harness = Harness::start().await.with_ada().await;
    let cookie = harness.sign_in().await;
    let answer = check_now(&harness, &cookie).await;
    let path = "/settings/email/health?check=not-possible";
    assert_eq!(answer.redirect(), (StatusCode::SEE_OTHER, path));
    let body = page(&harness, path, &cookie).await.body;
    assert!(body.contains("Nothing was checked"), "{body}");
    assert_eq!(health(&harness, &ada()).await.next_check, NextCheck::WhenComplete);
}

#[tokio::test]
async fn the_page_says_that_a_check_waits_for_a_token() {
    let fixture = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let seen = health(&fixture.harness, &fixture.ada).await;
    assert_eq!(seen.next_check, NextCheck::WithToken);
}

#[tokio::test]
async fn the_page_says_that_checks_are_off() {
    let harness = Harness::with(|config| config.alerts.checks_are_off = true).await;
    assert_eq!(health(&harness, &ada()).await.next_check, NextCheck::Off);
}

#[tokio::test]
async fn a_reader_sees_the_page_and_cannot_check() {
    let harness = Harness::start().await;
    harness.add_as(Role::Reader, EMAIL, "Rita Levi").await;
    let cookie = accounts::sign_in(harness.accounts(), EMAIL).await;
    let body = page(&harness, HEALTH, &cookie).await.body;
    assert!(body.contains(">Health<") && !body.contains("Check now"), "{body}");
    assert_eq!(check_now(&harness, &cookie).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn check_now_needs_a_session_and_a_page_of_this_site() {
    let harness = Harness::start().await.with_ada().await;
    let answer = check_now(&harness, "").await;
    assert_eq!(answer.redirect(), (StatusCode::SEE_OTHER, "/sign-in"));
    let cookie = harness.sign_in().await;
    let foreign = Request::post(HEALTH).header("host", "ppm.example").header("cookie", cookie);
    let foreign = foreign.header("sec-fetch-site", "cross-site");
    assert_eq!(ask(&harness, foreign, "".into()).await.status, StatusCode::FORBIDDEN);
}

/// A failure, and a save of another Client ID and another server since.
async fn failed_before_a_save(trouble: Trouble) -> OauthFixture {
    let flow = OauthFlow::AuthorizationCode;
    let fixture = OauthFixture::with(flow).await;
    fails(&fixture.harness, trouble).await;
    let changed = [(Field::ClientId, "another"), (Field::OauthServer, "smtp.gmail.com")];
    let mut draft = edited(&fixture.draft(flow), &changed);
    draft.edit(Field::ClientSecret, "another secret");
    fixture.saved(&draft, 1, None).await;
    fixture
}

#[tokio::test]
async fn a_reader_does_not_see_the_client_id_of_earlier_settings_in_an_incident() {
    let trouble = refused(&format!("535 Application {CLIENT_ID} is blocked."));
    let fixture = failed_before_a_save(trouble).await;
    let rita = Principal { role: Role::Reader, ..fixture.ada.clone() };
    for (who, is_shown) in [(&fixture.ada, true), (&rita, false)] {
        let tab = fixture.service().load(who, CALLBACK).await.expect("the tab").incident;
        for open in [tab, health(&fixture.harness, who).await.open] {
            let open = open.expect("it is open");
            assert_eq!(open.peer_text.is_some_and(|text| text.contains(CLIENT_ID)), is_shown);
        }
    }
}

#[tokio::test]
async fn an_incident_of_earlier_settings_is_not_explained_by_the_saved_ones() {
    let cause = Diagnosis::SmtpAuthDisabled;
    let fixture = failed_before_a_save(Trouble { diagnosis: cause, ..refused("535") }).await;
    let open = health(&fixture.harness, &fixture.ada).await.open.expect("it is open");
    assert_eq!(open.explanation, explain::of_diagnosis(cause));
}

#[tokio::test]
async fn a_reader_does_not_see_the_client_id_in_an_incident() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let rita = Principal { role: Role::Reader, ..fixture.ada.clone() };
    fails(&fixture.harness, refused(&format!("535 Application {CLIENT_ID} is blocked."))).await;
    let json = |open: Option<IncidentView>| serde_json::to_string(&open).expect("JSON");
    let service = fixture.service();
    for (who, is_shown) in [(&fixture.ada, true), (&rita, false)] {
        let tab = service.load(who, CALLBACK).await.expect("the tab").incident;
        for seen in [json(tab), json(health(&fixture.harness, who).await.open)] {
            assert!(seen.contains("is blocked"), "{seen}");
            assert_eq!(seen.contains(CLIENT_ID), is_shown, "{seen}");
        }
    }
}
