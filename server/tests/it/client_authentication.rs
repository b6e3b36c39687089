//! Client authentication (RFC 6749 2.3): how each choice sends client ID and secret in token,
//! refresh and revocation requests, over sockets.

use contract::{EmailService, SaveAnswer};
use domain::delivery::Outcome;
use domain::secret::StoredSecret;
use domain::token::{AttemptOutcome, OauthDiagnosis};
use domain::{Draft, Field, OauthFlow, Presence, Problem, presence};
use testkit::provider::{CLIENT_ID, CLIENT_SECRET, RecordedRequest, Takes};

use crate::support::oauth_fixture::{CALLBACK, OauthFixture};
use crate::support::waiting::until;

const CLIENT_CREDENTIALS: OauthFlow = OauthFlow::ClientCredentials;
const PKCE: OauthFlow = OauthFlow::AuthorizationCodePkce;

/// A fixture with this authentication method saved.
async fn world(flow: OauthFlow, method: &str) -> OauthFixture {
    let world = OauthFixture::with(flow).await;
    world.expect_saved(&edited(&world, flow, method), 1).await;
    world
}

fn edited(world: &OauthFixture, flow: OauthFlow, method: &str) -> Draft {
    let mut draft = world.draft(flow);
    draft.edit(Field::ClientAuthentication, method);
    draft
}

/// Stores these methods as metadata from the Token Endpoint's own issuer.
async fn store_methods(world: &OauthFixture, methods: &[&str]) {
    let revocation_endpoint = Some(world.provider.revocation_endpoint());
    world
        .learn(|known| {
            known.revocation_endpoint = revocation_endpoint;
            known.auth_methods = methods.iter().map(|&method| method.to_owned()).collect();
        })
        .await;
}

/// The token requests that the provider received.
fn asked(world: &OauthFixture) -> Vec<RecordedRequest> {
    let asked = world.provider.asked().into_iter();
    asked.filter(|asked| !asked.param("grant_type").is_empty()).collect()
}

fn is_by_basic(asked: &RecordedRequest) -> bool {
    asked.header("authorization").is_some_and(|value| value.starts_with("Basic "))
}

/// Requests a token and returns the diagnosis of its refusal.
async fn refused(world: &OauthFixture) -> OauthDiagnosis {
    let begun = world.service().get_token(&world.ada, CALLBACK, true).await.expect("an attempt");
    match world.end_of(&begun.attempt.id).await {
        AttemptOutcome::Failed(failure) => failure.diagnosis,
        AttemptOutcome::Obtained => panic!("a token"),
    }
}

#[tokio::test]
async fn with_body_chosen_the_secret_is_sent_in_the_body_and_nothing_else_is_tried() {
    let world = world(CLIENT_CREDENTIALS, "body").await;
    world.provider.rule(|rules| rules.takes = Takes::BasicOnly);
    assert_eq!(refused(&world).await, OauthDiagnosis::InvalidClient);
    let [asked] = &asked(&world)[..] else { panic!("one request") };
    assert_eq!(asked.param("client_secret"), CLIENT_SECRET);
    assert!(!is_by_basic(asked));
}

#[tokio::test]
async fn with_basic_chosen_only_http_basic_is_tried() {
    let world = world(CLIENT_CREDENTIALS, "basic").await;
    world.obtain().await;
    world.provider.rule(|rules| rules.takes = Takes::BodyOnly);
    assert_eq!(refused(&world).await, OauthDiagnosis::InvalidClient);
    let asked = asked(&world);
    assert_eq!(asked.len(), 2);
    for asked in &asked {
        assert!(is_by_basic(asked));
        assert_eq!(asked.param("client_secret"), "");
    }
}

#[tokio::test]
async fn a_public_client_sends_no_secret_for_a_token_a_refresh_or_a_revocation() {
    let world = world(PKCE, "none").await;
    world.provider.rule(|rules| rules.takes = Takes::NoSecret);
    store_methods(&world, &["client_secret_basic"]).await;
    world.obtain().await;
    world.provider.expire();
    assert!(matches!(world.send().await, Outcome::Accepted { .. }));

    let mut other = edited(&world, PKCE, "none");
    other.edit(Field::OauthDisplayName, "Another name");
    let grant = world.token().await.map(|token| token.grant);
    assert!(matches!(world.save_deleting(&other, 2, grant).await, SaveAnswer::Saved(_)));
    until(async || world.harness.server.tokens.tasks.is_empty()).await;
    let grants = asked(&world);
    let kinds: Vec<_> = grants.iter().map(|asked| asked.param("grant_type")).collect();
    assert_eq!(kinds, ["authorization_code", "refresh_token"]);
    let revocations = world.provider.revocations();
    assert_eq!(revocations.len(), 2);
    for asked in grants.iter().chain(&revocations) {
        assert_eq!(asked.param("client_id"), CLIENT_ID);
        assert_eq!(asked.param("client_secret"), "");
        assert!(!is_by_basic(asked), "{asked:?}");
    }
}

#[tokio::test]
async fn automatic_follows_the_providers_metadata_and_tries_http_basic_where_the_body_is_refused() {
    for (methods, takes, expected) in [
        (&["client_secret_basic"][..], Takes::Either, &[true][..]),
        (&["client_secret_basic", "client_secret_post"], Takes::Either, &[false]),
        (&[], Takes::Either, &[false]),
        (&[], Takes::BasicOnly, &[false, true]),
    ] {
        let world = world(CLIENT_CREDENTIALS, "automatic").await;
        world.provider.rule(|rules| rules.takes = takes);
        store_methods(&world, methods).await;
        world.obtain().await;
        let is_basic: Vec<_> = asked(&world).iter().map(is_by_basic).collect();
        assert_eq!(is_basic, expected, "{methods:?}");
    }
}

#[tokio::test]
async fn a_stored_secret_is_kept_while_a_public_client_does_not_send_it() {
    let world = OauthFixture::with(PKCE).await;
    let mut public = edited(&world, PKCE, "none");
    public.edit(Field::ClientSecret, "");
    assert_eq!(presence(Field::ClientSecret, &public), Presence::Disabled);
    let SaveAnswer::Saved(saved) = world.save(&public, 1).await else { panic!("saved") };
    assert!(matches!(saved.form.authentication.client_secret, StoredSecret::For(_)));
    public.edit(Field::ClientAuthentication, "body");
    world.expect_saved(&public, 2).await;
    world.obtain().await;
    assert_eq!(asked(&world)[0].param("client_secret"), CLIENT_SECRET);
}

#[tokio::test]
async fn the_server_too_refuses_a_public_client_without_pkce() {
    let world = OauthFixture::with(CLIENT_CREDENTIALS).await;
    let answer = world.save(&edited(&world, CLIENT_CREDENTIALS, "none"), 1).await;
    let SaveAnswer::Problems(problems) = answer else { panic!("{answer:?}") };
    assert_eq!(problems.of(Field::ClientAuthentication), Some(Problem::PkceNeeded));
}
