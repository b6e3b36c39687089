//! With OAuth a secret goes where it was entered for, and a token where it was obtained for: not by
//! way of a disabled group, nor after a save, nor when somebody rewrites the database.

use app::api::{ApiError, SaveAnswer};
use app::service::EmailService;
use chrono::TimeDelta;
use domain::delivery::{Advice, Outcome, Step};
use domain::token::{AttemptEnd, Fault, Leg, Renewal};
use domain::{Draft, Field, OauthFlow, Problem};
use server::service::keep_fresh;
use sqlx::AssertSqlSafe;
use url::Url;

use crate::support::databases::connection;
use crate::support::mailbox::Mailbox;
use crate::support::oauth_world::{CALLBACK, FLOWS, World};
use crate::support::provider::{CLIENT_SECRET, ScriptedProvider};

/// What is saved in this world as a browser has it: with secrets untouched.
async fn loaded(world: &World) -> (Draft, i64) {
    let tab = world.service().load(&world.ada, CALLBACK).await.expect("an answer");
    (tab.saved.draft(), tab.saved.revision)
}

/// Saves with the token's deletion agreed to.
async fn save(world: &World, edits: &[(Field, &str)]) -> SaveAnswer {
    let (mut draft, revision) = loaded(world).await;
    for &(field, text) in edits {
        draft.edit(field, text);
    }
    let grant = world.token().await.map(|token| token.grant);
    world.save_deleting(&draft, revision, grant).await
}

async fn saved(world: &World, edits: &[(Field, &str)]) {
    let answer = save(world, edits).await;
    assert!(matches!(answer, SaveAnswer::Saved(_)), "{answer:?}");
}

/// Rewrites what a column has of one text, past every rule.
async fn tamper(world: &World, (table, column): (&str, &str), from: &str, to: &str) {
    let sql = format!(
        "UPDATE {table} SET {column} = replace({column}, $1, $2) WHERE {column} LIKE '%' || $1 || '%'"
    );
    let mut connection = connection(world.harness.folder.path()).await;
    let query = sqlx::query(AssertSqlSafe(sql)).bind(from).bind(to);
    let rewritten = query.execute(&mut connection).await.expect("the table is there");
    assert_eq!(rewritten.rows_affected(), 1, "{from} in {table}");
}

const FORM: (&str, &str) = ("settings", "form");
const DESTINATION: (&str, &str) = ("secret", "destination");

/// The port of an address, as the form and every URL have it.
fn port(address: std::net::SocketAddr) -> String {
    address.port().to_string()
}

#[tokio::test]
async fn a_disabled_group_edited_and_enabled_again_asks_for_the_client_secret() {
    for flow in FLOWS {
        let world = World::with_token(flow).await;
        let elsewhere = ScriptedProvider::play([]);
        let token_endpoint = elsewhere.token_endpoint();
        let disabled = [(Field::Flow, "none"), (Field::TokenEndpoint, token_endpoint.as_str())];
        // What sends with a flow of None.
        let basic = [
            (Field::BasicSender, "noreply@example.com"),
            (Field::BasicDisplayName, "Example PPM"),
            (Field::BasicServer, "localhost"),
            (Field::BasicPort, "587"),
        ];
        saved(&world, &[&disabled[..], &basic].concat()).await;
        let SaveAnswer::Problems(problems) = save(&world, &[(Field::Flow, flow.wire_name())]).await
        else {
            panic!("not refused: {flow:?}");
        };
        assert_eq!(problems.of(Field::ClientSecret), Some(Problem::EnterAgain), "{flow:?}");

        let begun = world.service().get_token(&world.ada, CALLBACK, true).await;
        assert_eq!(begun, Err(ApiError::Incomplete), "{flow:?}");
        assert_eq!(elsewhere.asked().len(), 0, "{flow:?}");
    }
}

#[tokio::test]
async fn after_a_save_for_another_mail_server_a_message_needs_a_token_of_its_own() {
    for flow in FLOWS {
        let world = World::with_token(flow).await;
        let elsewhere = Mailbox::start(&world.provider).await;
        let port = port(elsewhere.address);
        // With Client Credentials, the secret is for this mail server too.
        saved(&world, &[(Field::OauthPort, &port), (Field::ClientSecret, CLIENT_SECRET)]).await;
        let sent = world.service().send_test(&world.ada).await;
        assert_eq!(sent, Err(ApiError::TokenNeeded), "{flow:?}");
        assert_eq!(elsewhere.tokens(), [""; 0], "{flow:?}");
    }
}

#[tokio::test]
async fn a_form_rewritten_in_the_database_sends_the_token_to_no_other_mail_server() {
    for flow in FLOWS {
        let world = World::with_token(flow).await;
        let elsewhere = Mailbox::start(&world.provider).await;
        let (here, there) = (port(world.mailbox.address), port(elsewhere.address));
        tamper(&world, FORM, &format!("\"{here}\""), &format!("\"{there}\"")).await;

        if flow == OauthFlow::ClientCredentials {
            let sent = world.service().send_test(&world.ada).await;
            assert_eq!(sent, Err(ApiError::Incomplete), "the secret is for a mail server too");
            // The same with the secret's destination rewritten.
            tamper(&world, DESTINATION, &format!("\"{here}\""), &format!("\"{there}\"")).await;
            let Outcome::Failed { advice, .. } = world.send().await else { panic!("sent") };
            assert_eq!(advice, Advice::SecretUnreadable);
        } else {
            let Outcome::Failed { step, advice, .. } = world.send().await else { panic!("sent") };
            let expected = (Step::Token, Advice::TokenNotRenewed(Fault::SecretUnreadable));
            assert_eq!((step, advice), expected, "{flow:?}");
        }
        assert_eq!(elsewhere.tokens(), [""; 0], "{flow:?}");
    }
}

#[tokio::test]
async fn a_form_rewritten_in_the_database_sends_no_secret_to_another_token_endpoint() {
    for flow in FLOWS {
        let (world, elsewhere) = with_another_token_endpoint(flow, &[FORM]).await;
        assert_eq!(world.service().send_test(&world.ada).await, Err(ApiError::Incomplete));
        let begun = world.service().get_token(&world.ada, CALLBACK, true).await;
        assert_eq!(begun, Err(ApiError::Incomplete), "{flow:?}");
        renewal_finds_a_secret_shut(&world).await;
        assert_eq!(elsewhere.asked().len(), 0, "{flow:?}");
    }
}

#[tokio::test]
async fn a_secret_whose_destination_is_rewritten_too_stays_shut() {
    for flow in FLOWS {
        let (world, elsewhere) = with_another_token_endpoint(flow, &[FORM, DESTINATION]).await;
        let Outcome::Failed { advice, .. } = world.send().await else { panic!("sent") };
        assert_eq!(advice, Advice::SecretUnreadable, "{flow:?}");
        let begun = world.service().get_token(&world.ada, CALLBACK, true).await;
        let begun = begun.expect("an attempt");
        if let Some(start) = begun.start {
            let departed = world.get(&start, "").await;
            let page = "/oauth/result?fault=secret-unreadable";
            assert_eq!(departed.header("location"), page, "{flow:?}");
        } else {
            let end = world.end_of(&begun.attempt.id).await;
            let AttemptEnd::Failed(setback) = end else { panic!("obtained") };
            assert_eq!(setback.fault, Fault::SecretUnreadable, "{flow:?}");
        }
        renewal_finds_a_secret_shut(&world).await;
        assert_eq!(elsewhere.asked().len(), 0, "{flow:?}");
    }
}

/// A world with a token that is due, and another Token Endpoint written into these columns.
async fn with_another_token_endpoint(
    flow: OauthFlow,
    columns: &[(&str, &str)],
) -> (World, ScriptedProvider) {
    let world = World::with_token(flow).await;
    let elsewhere = ScriptedProvider::play([]);
    let port = |endpoint: &str| Url::parse(endpoint).expect("a URL").port().expect("a port");
    let (here, there) = (port(&world.provider.token_endpoint()), port(&elsewhere.token_endpoint()));
    for column in columns {
        tamper(&world, *column, &here.to_string(), &there.to_string()).await;
    }
    world.harness.clock.advance(TimeDelta::hours(2));
    (world, elsewhere)
}

/// Lets the token be renewed without anybody, and expects that it is not.
async fn renewal_finds_a_secret_shut(world: &World) {
    let renewing = tokio::spawn(keep_fresh(world.harness.server.clone()));
    let setback = loop {
        match world.token().await.expect("a token").renewal {
            Renewal::Failing { setback, .. } => break setback,
            _ => tokio::task::yield_now().await,
        }
    };
    renewing.abort();
    assert_eq!((setback.leg, setback.fault), (Leg::Renewal, Fault::SecretUnreadable));
}
