//! Secrets and tokens are bound to their destination. A disabled group, a later save or a rewritten
//! database sends none of them to another destination.

use chrono::TimeDelta;
use contract::{ApiCode, EmailService, SaveAnswer};
use domain::delivery::{Diagnosis, Outcome, Step};
use domain::token::{AttemptOutcome, OauthDiagnosis, OauthStage, Renewal};
use domain::{Draft, Field, OauthFlow, Problem};
use server::use_cases::run_refresh_loop;
use sqlx::AssertSqlSafe;
use testkit::mailbox::Mailbox;
use testkit::provider::{CLIENT_SECRET, ScriptedProvider};
use url::Url;

use crate::support::databases::connection;
use crate::support::drafts::edited;
use crate::support::oauth_fixture::{CALLBACK, FLOWS, OauthFixture};
use crate::support::steps::change_rows;

/// The saved settings as a browser loads them, with secrets untouched.
async fn loaded(fixture: &OauthFixture) -> (Draft, i64) {
    let tab = fixture.service().load(&fixture.ada, CALLBACK).await.expect("an answer");
    (tab.saved.draft(), tab.saved.revision)
}

/// Saves these edits and confirms the deletion of the token.
async fn save(fixture: &OauthFixture, edits: &[(Field, &str)]) -> SaveAnswer {
    let (draft, revision) = loaded(fixture).await;
    let grant = fixture.token().await.map(|token| token.grant);
    fixture.save_deleting(&edited(&draft, edits), revision, grant).await
}

async fn saved(fixture: &OauthFixture, edits: &[(Field, &str)]) {
    let answer = save(fixture, edits).await;
    assert!(matches!(answer, SaveAnswer::Saved(_)), "{answer:?}");
}

/// Replaces a text in a database column directly, without any validation.
async fn tamper(fixture: &OauthFixture, (table, column): (&str, &str), from: &str, to: &str) {
    let sql = format!(
        "UPDATE {table} SET {column} = replace({column}, $1, $2) WHERE {column} LIKE '%' || $1 || '%'"
    );
    let statement = sqlx::query(AssertSqlSafe(sql)).bind(from).bind(to);
    let mut connection = connection(fixture.harness.folder.path()).await;
    assert_eq!(change_rows(&mut connection, statement).await, 1, "{from} in {table}");
}

const FORM: (&str, &str) = ("settings", "form");
const DESTINATION: (&str, &str) = ("secret", "destination");

/// Asserts that no token can be requested with the saved settings.
async fn expect_incomplete(fixture: &OauthFixture) {
    let begun = fixture.service().get_token(&fixture.ada, CALLBACK, true).await;
    assert_eq!(begun, Err(ApiCode::Incomplete));
}

/// Sends a test message, which fails.
async fn failed_send(fixture: &OauthFixture) -> (Step, Diagnosis) {
    match fixture.send().await {
        Outcome::Failed { step, diagnosis, .. } => (step, diagnosis),
        other => panic!("{other:?}"),
    }
}

/// The port of an address as text.
fn port(address: std::net::SocketAddr) -> String {
    address.port().to_string()
}

#[tokio::test]
async fn a_disabled_group_edited_and_enabled_again_asks_for_the_client_secret() {
    for flow in FLOWS {
        let fixture = OauthFixture::with_token(flow).await;
        let other = ScriptedProvider::play([]);
        let token_endpoint = other.token_endpoint();
        let disabled = [(Field::Flow, "none"), (Field::TokenEndpoint, token_endpoint.as_str())];
        // The fields that the flow None needs.
        let basic = [
            (Field::BasicSender, "noreply@example.com"),
            (Field::BasicDisplayName, "Example PPM"),
            (Field::BasicServer, "localhost"),
            (Field::BasicPort, "587"),
        ];
        saved(&fixture, &[&disabled[..], &basic].concat()).await;
        let answer = save(&fixture, &[(Field::Flow, flow.wire_name())]).await;
        let SaveAnswer::Problems(problems) = answer else { panic!("{flow:?}: {answer:?}") };
        assert_eq!(problems.of(Field::ClientSecret), Some(Problem::EnterAgain), "{flow:?}");
        expect_incomplete(&fixture).await;
        assert_eq!(other.asked().len(), 0, "{flow:?}");
    }
}

#[tokio::test]
async fn after_a_save_for_another_mail_server_a_message_needs_a_new_token() {
    for flow in FLOWS {
        let fixture = OauthFixture::with_token(flow).await;
        let other = Mailbox::start(&fixture.provider).await;
        let port = port(other.address);
        // With Client Credentials, the secret is bound to the mail server too.
        saved(&fixture, &[(Field::OauthPort, &port), (Field::ClientSecret, CLIENT_SECRET)]).await;
        let sent = fixture.service().send_test(&fixture.ada).await;
        assert_eq!(sent, Err(ApiCode::TokenNeeded), "{flow:?}");
        assert_eq!(other.tokens(), [""; 0], "{flow:?}");
    }
}

#[tokio::test]
async fn a_form_rewritten_in_the_database_sends_the_token_to_no_other_mail_server() {
    for flow in FLOWS {
        let fixture = OauthFixture::with_token(flow).await;
        let other = Mailbox::start(&fixture.provider).await;
        let quoted = |address| format!("\"{}\"", port(address));
        let (here, there) = (quoted(fixture.mailbox.address), quoted(other.address));
        tamper(&fixture, FORM, &here, &there).await;

        if flow == OauthFlow::ClientCredentials {
            let sent = fixture.service().send_test(&fixture.ada).await;
            assert_eq!(sent, Err(ApiCode::Incomplete), "the secret is for a mail server too");
            // Now the destination of the secret is rewritten as well.
            tamper(&fixture, DESTINATION, &here, &there).await;
            assert_eq!(failed_send(&fixture).await.1, Diagnosis::SecretUnreadable);
        } else {
            let diagnosis = Diagnosis::TokenNotRenewed(OauthDiagnosis::SecretUnreadable);
            assert_eq!(failed_send(&fixture).await, (Step::Token, diagnosis), "{flow:?}");
        }
        assert_eq!(other.tokens(), [""; 0], "{flow:?}");
    }
}

#[tokio::test]
async fn a_form_rewritten_in_the_database_sends_no_secret_to_another_token_endpoint() {
    for flow in FLOWS {
        let (fixture, other) = with_another_token_endpoint(flow, &[FORM]).await;
        assert_eq!(fixture.service().send_test(&fixture.ada).await, Err(ApiCode::Incomplete));
        expect_incomplete(&fixture).await;
        expect_refresh_without_secret(&fixture).await;
        assert_eq!(other.asked().len(), 0, "{flow:?}");
    }
}

#[tokio::test]
async fn a_secret_whose_destination_is_rewritten_too_is_not_decrypted() {
    for flow in FLOWS {
        let (fixture, other) = with_another_token_endpoint(flow, &[FORM, DESTINATION]).await;
        assert_eq!(failed_send(&fixture).await.1, Diagnosis::SecretUnreadable, "{flow:?}");
        let begun = fixture.service().get_token(&fixture.ada, CALLBACK, true).await;
        let begun = begun.expect("an attempt");
        if let Some(start) = begun.start {
            let departed = fixture.get(&start, "").await;
            let page = "/oauth/result?fault=secret-unreadable";
            assert_eq!(departed.header("location"), page, "{flow:?}");
        } else {
            let end = fixture.end_of(&begun.attempt.id).await;
            let AttemptOutcome::Failed(failure) = end else { panic!("obtained") };
            assert_eq!(failure.diagnosis, OauthDiagnosis::SecretUnreadable, "{flow:?}");
        }
        expect_refresh_without_secret(&fixture).await;
        assert_eq!(other.asked().len(), 0, "{flow:?}");
    }
}

/// A fixture with an expired token, and another Token Endpoint written into these columns.
async fn with_another_token_endpoint(
    flow: OauthFlow,
    columns: &[(&str, &str)],
) -> (OauthFixture, ScriptedProvider) {
    let fixture = OauthFixture::with_token(flow).await;
    let other = ScriptedProvider::play([]);
    let port = |endpoint: &str| Url::parse(endpoint).expect("a URL").port().expect("a port");
    let (here, there) = (port(&fixture.provider.token_endpoint()), port(&other.token_endpoint()));
    for column in columns {
        tamper(&fixture, *column, &here.to_string(), &there.to_string()).await;
    }
    fixture.harness.clock.advance(TimeDelta::hours(2));
    (fixture, other)
}

/// Runs the background refresh and asserts that it cannot decrypt a secret.
async fn expect_refresh_without_secret(fixture: &OauthFixture) {
    let renewing = tokio::spawn(run_refresh_loop(fixture.harness.server.tokens.clone()));
    let failure = loop {
        match fixture.token().await.expect("a token").renewal {
            Renewal::Failing { failure, .. } => break failure,
            _ => tokio::task::yield_now().await,
        }
    };
    renewing.abort();
    let found = (failure.stage, failure.diagnosis);
    assert_eq!(found, (OauthStage::Renewal, OauthDiagnosis::SecretUnreadable));
}
