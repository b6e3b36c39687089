//! Tests of unsaved settings: typed values are used, and stored secrets and tokens are sent only to
//! the destination that they are bound to.

use std::{io::ErrorKind::WouldBlock, net::TcpListener};

use axum::http::{StatusCode, header};
use contract::{ApiCode, EmailService, TestAnswer};
use domain::delivery::{Diagnosis, Outcome, Run, Step, Tested};
use domain::token::OauthDiagnosis;
use domain::{Draft, Field, OauthFlow, Principal, Problem, Role};
use serde_json::json;
use server::use_cases::Service;

use crate::support::drafts::{draft_of, edited};
use crate::support::harness::{ADDRESS, Answer, Harness, ada};
use crate::support::host::{call, send};
use crate::support::oauth_fixture::{CALLBACK, OauthFixture};
use crate::support::waiting::ended;
use testkit::mailbox::Mailbox;
use testkit::provider::ScriptedProvider;
use testkit::smtp_server::{AUTHORITY, SmtpScript, SmtpServer, TestCa};

const STORED: &str = "stored-password";

/// A draft with an account at this mail server.
fn draft(mail_server: &SmtpServer) -> Draft {
    draft_of(&[
        (Field::BasicSender, "noreply@example.com"),
        (Field::BasicDisplayName, "Example PPM"),
        (Field::BasicServer, "localhost"),
        (Field::BasicPort, &mail_server.address.port().to_string()),
        (Field::BasicTlsMode, "implicit"),
        (Field::Username, "noreply"),
        (Field::Password, STORED),
    ])
}

/// A mail server, and a server that trusts it.
async fn servers() -> (SmtpServer, Harness) {
    let trusting = Harness::with(|config| config.extra_ca = vec![AUTHORITY.certificate()]).await;
    (SmtpScript::from_the_first_byte().play(), trusting.with_ada().await)
}

/// The saved draft with its secrets untouched.
async fn stored(fixture: &OauthFixture) -> Draft {
    fixture.service().load(&fixture.ada, CALLBACK).await.expect("the tab").saved.draft()
}

/// Tests a draft and waits for the outcome.
async fn tested(service: &Service, who: &Principal, draft: &Draft) -> Run {
    match service.test_typed(who, draft.clone()).await.expect("an answer") {
        TestAnswer::Begun(begun) => ended(service, who, &begun.run.id).await.run,
        TestAnswer::Problems(problems) => panic!("refused: {problems:?}"),
    }
}

/// Requests a test of this draft over the API.
async fn asked(harness: &Harness, cookie: &str, draft: &Draft) -> Answer {
    let request = call("/api/email/test-typed")
        .header("sec-fetch-site", "same-origin")
        .header(header::COOKIE, cookie);
    send(harness, ADDRESS, request, &json!({ "draft": draft }).to_string()).await
}

/// The problem of a field of a draft that was not tested.
fn problem(answer: &Answer, field: Field) -> Option<Problem> {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    match serde_json::from_str(&answer.body).expect("an answer") {
        TestAnswer::Problems(problems) => problems.of(field),
        TestAnswer::Begun(_) => panic!("begun: {answer:?}"),
    }
}

/// A listener that must get no connection.
fn unused_listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    listener
}

fn is_accepted(run: &Run) -> bool {
    matches!(run.outcome, Some(Outcome::Accepted { .. }))
}

#[tokio::test]
async fn typed_settings_are_tested_and_not_saved() {
    let (mail_server, harness) = servers().await;
    let service = harness.server.service();
    let run = tested(&service, &ada(), &draft(&mail_server)).await;
    assert!(is_accepted(&run), "{run:?}");
    assert_eq!(run.tested, Tested::Typed);
    let tab = service.load(&ada(), CALLBACK).await.expect("the tab");
    assert_eq!(tab.saved.revision, 0);
}

#[tokio::test]
async fn a_stored_password_is_used_for_its_destination() {
    let (mail_server, harness) = servers().await;
    let stored = harness.saved(&draft(&mail_server), 0).await.draft();
    let typed = edited(&stored, &[(Field::BasicDisplayName, "Another name")]);
    let run = tested(&harness.server.service(), &ada(), &typed).await;
    assert!(is_accepted(&run), "{run:?}");
}

#[tokio::test]
async fn a_stored_password_is_refused_over_the_api_for_another_destination() {
    let ((mail_server, harness), other) = (servers().await, unused_listener());
    let stored = harness.saved(&draft(&mail_server), 0).await.draft();
    let port = other.local_addr().expect("it listens").port().to_string();
    let cookie = harness.sign_in().await;
    for edit in [
        (Field::BasicServer, "127.0.0.1"),
        (Field::BasicPort, port.as_str()),
        (Field::BasicTlsMode, "start-tls"),
        (Field::Username, "another"),
        (Field::BasicTrustedCa, &TestCa::named("Another CA").pem()),
    ] {
        let typed = edited(&stored, &[edit]);
        let answer = asked(&harness, &cookie, &typed).await;
        assert_eq!(problem(&answer, Field::Password), Some(Problem::EnterAgain), "{edit:?}");
    }
    assert_eq!(other.accept().map_err(|error| error.kind()).err(), Some(WouldBlock));
}

#[tokio::test]
async fn a_stored_client_secret_is_refused_over_the_api_for_another_token_endpoint() {
    let fixture = OauthFixture::with(OauthFlow::ClientCredentials).await;
    let other = ScriptedProvider::play([]);
    let edit = (Field::TokenEndpoint, other.token_endpoint());
    let typed = edited(&stored(&fixture).await, &[edit]);
    let cookie = fixture.harness.sign_in().await;
    let answer = asked(&fixture.harness, &cookie, &typed).await;
    assert_eq!(problem(&answer, Field::ClientSecret), Some(Problem::EnterAgain));
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn a_stored_token_is_refused_over_the_api_for_another_mail_server() {
    for flow in [OauthFlow::AuthorizationCode, OauthFlow::AuthorizationCodePkce] {
        let fixture = OauthFixture::with_token(flow).await;
        let (other, stored) = (Mailbox::start(&fixture.provider).await, stored(&fixture).await);
        let port = other.address.port().to_string();
        let authority = TestCa::named("Another CA").pem();
        let cookie = fixture.harness.sign_in().await;
        for edit in [
            (Field::OauthServer, "127.0.0.1"),
            (Field::OauthPort, port.as_str()),
            (Field::OauthTlsMode, "start-tls"),
            (Field::OauthTrustedCa, &authority),
        ] {
            let answer = asked(&fixture.harness, &cookie, &edited(&stored, &[edit])).await;
            let expected = (StatusCode::CONFLICT, r#""token-elsewhere""#);
            assert_eq!(answer.content(), expected, "{flow:?}, {edit:?}");
        }
        assert_eq!(other.tokens(), [""; 0], "{flow:?}");
    }
}

#[tokio::test]
async fn a_stored_token_is_used_at_the_mail_server_that_it_was_obtained_for() {
    let fixture = OauthFixture::with_token(OauthFlow::AuthorizationCode).await;
    let typed = edited(&stored(&fixture).await, &[(Field::OauthDisplayName, "Another name")]);
    let run = tested(&fixture.service(), &fixture.ada, &typed).await;
    assert!(is_accepted(&run), "{run:?}");
    assert_eq!(fixture.mailbox.messages(), 1);
}

#[tokio::test]
async fn without_a_token_a_test_is_refused() {
    let fixture = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let answer = fixture.service().test_typed(&fixture.ada, stored(&fixture).await).await;
    assert_eq!(answer, Err(ApiCode::TokenNeeded));
}

#[tokio::test]
async fn with_client_credentials_a_test_obtains_a_token_that_is_not_stored() {
    let fixture = OauthFixture::with(OauthFlow::ClientCredentials).await;
    let run = tested(&fixture.service(), &fixture.ada, &stored(&fixture).await).await;
    assert!(is_accepted(&run), "{run:?}");
    assert_eq!(run.steps.first().map(|report| report.step), Some(Step::Token));
    assert_eq!(fixture.token().await, None);
}

#[tokio::test]
async fn a_token_that_cannot_be_obtained_for_a_test_is_diagnosed() {
    let fixture = OauthFixture::with(OauthFlow::ClientCredentials).await;
    let typed =
        edited(&fixture.draft(OauthFlow::ClientCredentials), &[(Field::ClientSecret, "no")]);
    let run = tested(&fixture.service(), &fixture.ada, &typed).await;
    let Some(Outcome::Failed { step, diagnosis, .. }) = run.outcome else { panic!("{run:?}") };
    let expected = Diagnosis::TokenNotObtained(OauthDiagnosis::InvalidClient);
    assert_eq!((step, diagnosis), (Step::Token, expected));
}

#[tokio::test]
async fn a_form_with_problems_is_not_tested() {
    let harness = Harness::start().await;
    let service = harness.server.service();
    match service.test_typed(&ada(), Draft::default()).await.expect("an answer") {
        TestAnswer::Problems(problems) => {
            assert_eq!(problems.of(Field::BasicServer), Some(Problem::Missing));
        }
        TestAnswer::Begun(_) => panic!("begun"),
    }
}

#[tokio::test]
async fn a_reader_cannot_run_a_test() {
    let fixture = OauthFixture::with(OauthFlow::ClientCredentials).await;
    let rita = Principal { role: Role::Reader, ..fixture.ada.clone() };
    let draft = fixture.draft(OauthFlow::ClientCredentials);
    assert_eq!(fixture.service().test_typed(&rita, draft).await, Err(ApiCode::Forbidden));
}
