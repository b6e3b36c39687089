//! Restore what last worked: the form comes back, and a secret only if the same one is stored.

use chrono::TimeDelta;
use contract::{ApiCode, EmailService, SaveAnswer};
use domain::secret::SecretEdit;
use domain::{Draft, Field, Form, OauthFlow, Principal, Role};
use net::egress::EgressPolicy;
use server::config::Config;
use server::use_cases::Service;
use store::proved;
use testkit::smtp_server::{AUTHORITY, SmtpScript};

use crate::support::drafts::{draft_of, edited};
use crate::support::harness::{Harness, ada, principal};
use crate::support::oauth_fixture::{CALLBACK, OauthFixture};

/// The reply of a server that refuses every password.
const REFUSAL: &str = "535 5.7.8 Wrong";

fn reaches_this_machine(config: &mut Config) {
    config.extra_ca = vec![AUTHORITY.certificate()];
    config.egress = EgressPolicy::parse(&["127.0.0.1".to_owned()], &[]).expect("a rule");
}

/// Settings of a mail server with a password.
fn draft(port: u16) -> Draft {
    let port = port.to_string();
    draft_of(&[
        (Field::BasicSender, "noreply@example.com"),
        (Field::BasicDisplayName, "PPM"),
        (Field::BasicServer, "localhost"),
        (Field::BasicPort, port.as_str()),
        (Field::BasicTlsMode, "starttls"),
        (Field::Username, "ppm"),
        (Field::Password, "the first password"),
    ])
}

/// A server whose saved settings have worked, and its draft.
async fn proved() -> (Harness, Draft) {
    let harness = Harness::with(reaches_this_machine).await.with_ada().await;
    let draft = draft(SmtpScript::by_starttls().play().address.port());
    harness.saved(&draft, 0).await;
    check(&harness).await;
    (harness, draft)
}

/// The draft with its password untouched.
fn with_stored_password(mut draft: Draft) -> Draft {
    draft.sign_in.password = SecretEdit::Untouched;
    draft
}

async fn check(harness: &Harness) {
    assert!(harness.server.checks.check_if_due().await.expect("the database answers"));
}

/// The saved form, with the settings that last worked filled in as the tab does it.
async fn restored(service: &Service, who: &Principal) -> Draft {
    let mut draft = service.load(who, CALLBACK).await.expect("the tab").saved.draft();
    for fill in service.last_worked(who).await.expect("they are known").fills {
        match draft.secret_mut(fill.field) {
            Some(secret) => *secret = SecretEdit::Clear,
            None => draft.edit(fill.field, fill.value),
        }
    }
    draft
}

/// What the banner offers to restore, by the name of who saved it.
async fn offered(harness: &Harness) -> Option<String> {
    let tab = harness.server.service().load(&ada(), CALLBACK).await.expect("the tab");
    tab.incident.expect("an incident is open").last_worked.and_then(|it| it.by)
}

#[tokio::test]
async fn after_a_change_the_incident_offers_what_last_worked_and_its_save_ends_the_incident() {
    let (harness, draft) = proved().await;
    let refusing = SmtpScript::by_starttls().replying("AUTH", REFUSAL).play();
    let port = refusing.address.port().to_string();
    harness.saved(&edited(&draft, &[(Field::BasicPort, port.as_str())]), 1).await;
    check(&harness).await;
    assert_eq!(offered(&harness).await, Some(ada().name));

    let restored = restored(&harness.server.service(), &ada()).await;
    assert_eq!(restored.plain_text(Field::BasicPort), draft.plain_text(Field::BasicPort));
    let SaveAnswer::Problems(problems) = harness.save(&restored, 2).await else {
        panic!("the stored password is for another port")
    };
    assert!(problems.of(Field::Password).is_some(), "{problems:?}");

    // Each scripted server has one session.
    let again = SmtpScript::by_starttls().play().address.port().to_string();
    let password = (Field::Password, "the first password");
    harness.saved(&edited(&restored, &[(Field::BasicPort, again.as_str()), password]), 2).await;
    check(&harness).await;
    let tab = harness.server.service().load(&ada(), CALLBACK).await.expect("the tab");
    assert_eq!(tab.incident, None);
}

#[tokio::test]
async fn the_same_stored_password_comes_back_with_the_form() {
    let (harness, draft) = proved().await;
    let draft = with_stored_password(draft);
    harness.saved(&edited(&draft, &[(Field::BasicDisplayName, "Changed")]), 1).await;
    let restored = restored(&harness.server.service(), &ada()).await;
    assert_eq!(restored.secret(Field::Password), Some(&SecretEdit::Untouched));
    let saved = harness.saved(&restored, 2).await;
    assert_eq!(saved.form.plain_text(Field::BasicDisplayName), "PPM");
}

#[tokio::test]
async fn a_password_that_was_replaced_for_the_same_server_is_asked_for() {
    let (harness, draft) = proved().await;
    harness.saved(&edited(&draft, &[(Field::Password, "another password")]), 1).await;
    let restored = restored(&harness.server.service(), &ada()).await;
    assert_eq!(restored.secret(Field::Password), Some(&SecretEdit::Clear));
    let answer = harness.save(&restored, 2).await;
    assert!(matches!(answer, SaveAnswer::Problems(_)), "{answer:?}");
}

#[tokio::test]
async fn a_save_of_dates_alone_leaves_nothing_to_restore() {
    let (harness, draft) = proved().await;
    let dated = (Field::PasswordExpiresOn, "2090-01-31");
    harness.saved(&edited(&with_stored_password(draft), &[dated]), 1).await;
    // The scripted server has had its one session.
    for _ in 0..4 {
        harness.clock.advance(TimeDelta::hours(2));
        check(&harness).await;
    }
    assert_eq!(offered(&harness).await, None);
}

#[tokio::test]
async fn settings_that_never_worked_are_not_offered() {
    let harness = Harness::with(reaches_this_machine).await.with_ada().await;
    let refusing = SmtpScript::by_starttls().replying("AUTH", REFUSAL).play();
    harness.saved(&draft(refusing.address.port()), 0).await;
    check(&harness).await;
    assert_eq!(offered(&harness).await, None);
    let answer = harness.server.service().last_worked(&ada()).await;
    assert_eq!(answer, Err(ApiCode::NotFound));
}

#[tokio::test]
async fn the_client_id_comes_back_and_rests_sealed() {
    let flow = OauthFlow::AuthorizationCode;
    let fixture = OauthFixture::with_token(flow).await;
    check(&fixture.harness).await;
    let draft = fixture.draft(flow);
    let client_id = draft.plain_text(Field::ClientId);
    let another = edited(&draft, &[(Field::ClientId, "another client")]);
    let grant = fixture.token().await.map(|token| token.grant);
    fixture.saved(&another, 1, grant).await;
    let restored = restored(&fixture.service(), &fixture.grace()).await;
    assert_eq!(restored.plain_text(Field::ClientId), client_id);
    assert_eq!(restored.secret(Field::ClientSecret), Some(&SecretEdit::Clear), "it was replaced");
    let at_rest = proved::load(&fixture.harness.server.store).await.expect("an answer");
    let form: Form<()> = serde_json::from_str(&at_rest.expect("a row").form_json).expect("JSON");
    assert_eq!(form.plain_text(Field::ClientId), "");
}

#[tokio::test]
async fn a_reader_is_offered_nothing_and_gets_no_settings() {
    let (harness, _) = proved().await;
    let mut rita = principal("rita", "rita@example.com", "Rita");
    rita.role = Role::Reader;
    let answer = harness.server.service().last_worked(&rita).await;
    assert_eq!(answer, Err(ApiCode::Forbidden));
}
