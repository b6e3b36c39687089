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
async fn new_fixture(flow: OauthFlow, method: &str) -> OauthFixture {
    let fixture = OauthFixture::with(flow).await;
    fixture.saved(&edited(&fixture, flow, method), 1, None).await;
    fixture
}

fn edited(fixture: &OauthFixture, flow: OauthFlow, method: &str) -> Draft {
    let mut draft = fixture.draft(flow);
    draft.edit(Field::ClientAuthentication, method);
    draft
}

/// Stores these methods as metadata from the Token Endpoint's own issuer.
async fn store_methods(fixture: &OauthFixture, methods: &[&str]) {
    let revocation_endpoint = Some(fixture.provider.revocation_endpoint());
    fixture
        .store_metadata(|known| {
            known.revocation_endpoint = revocation_endpoint;
            known.auth_methods = methods.iter().map(|&method| method.to_owned()).collect();
        })
        .await;
}

/// The token requests that the provider received.
fn asked(fixture: &OauthFixture) -> Vec<RecordedRequest> {
    let asked = fixture.provider.asked().into_iter();
    asked.filter(|asked| !asked.param("grant_type").is_empty()).collect()
}

fn is_by_basic(asked: &RecordedRequest) -> bool {
    asked.header("authorization").is_some_and(|value| value.starts_with("Basic "))
}

/// Requests a token and returns the diagnosis of its refusal.
async fn refused(fixture: &OauthFixture) -> OauthDiagnosis {
    let begun =
        fixture.service().get_token(&fixture.ada, CALLBACK, true).await.expect("an attempt");
    match fixture.end_of(&begun.attempt.id).await {
        AttemptOutcome::Failed(failure) => failure.diagnosis,
        AttemptOutcome::Obtained => panic!("a token"),
    }
}

#[tokio::test]
async fn with_body_chosen_the_secret_is_sent_in_the_body_and_nothing_else_is_tried() {
    let fixture = new_fixture(CLIENT_CREDENTIALS, "body").await;
    fixture.provider.rule(|rules| rules.takes = Takes::BasicOnly);
    assert_eq!(refused(&fixture).await, OauthDiagnosis::InvalidClient);
    let [asked] = &asked(&fixture)[..] else { panic!("one request") };
    assert_eq!(asked.param("client_secret"), CLIENT_SECRET);
    assert!(!is_by_basic(asked));
}

#[tokio::test]
async fn with_basic_chosen_only_http_basic_is_tried() {
    let fixture = new_fixture(CLIENT_CREDENTIALS, "basic").await;
    fixture.obtain().await;
    fixture.provider.rule(|rules| rules.takes = Takes::BodyOnly);
    assert_eq!(refused(&fixture).await, OauthDiagnosis::InvalidClient);
    let asked = asked(&fixture);
    assert_eq!(asked.len(), 2);
    for asked in &asked {
        assert!(is_by_basic(asked));
        assert_eq!(asked.param("client_secret"), "");
    }
}

#[tokio::test]
async fn a_public_client_sends_no_secret_for_a_token_a_refresh_or_a_revocation() {
    let fixture = new_fixture(PKCE, "none").await;
    fixture.provider.rule(|rules| rules.takes = Takes::NoSecret);
    store_methods(&fixture, &["client_secret_basic"]).await;
    fixture.obtain().await;
    fixture.provider.expire();
    assert!(matches!(fixture.send().await, Outcome::Accepted { .. }));

    let mut other = edited(&fixture, PKCE, "none");
    other.edit(Field::OauthDisplayName, "Another name");
    let grant = fixture.token().await.map(|token| token.grant);
    assert!(matches!(fixture.save_deleting(&other, 2, grant).await, SaveAnswer::Saved(_)));
    until(async || fixture.harness.server.tokens.tasks.is_empty()).await;
    let grants = asked(&fixture);
    let kinds: Vec<_> = grants.iter().map(|asked| asked.param("grant_type")).collect();
    assert_eq!(kinds, ["authorization_code", "refresh_token"]);
    let revocations = fixture.provider.revocations();
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
        let fixture = new_fixture(CLIENT_CREDENTIALS, "automatic").await;
        fixture.provider.rule(|rules| rules.takes = takes);
        store_methods(&fixture, methods).await;
        fixture.obtain().await;
        let is_basic: Vec<_> = asked(&fixture).iter().map(is_by_basic).collect();
        assert_eq!(is_basic, expected, "{methods:?}");
    }
}

#[tokio::test]
async fn a_stored_secret_is_kept_while_a_public_client_does_not_send_it() {
    let fixture = OauthFixture::with(PKCE).await;
    let mut public = edited(&fixture, PKCE, "none");
    public.edit(Field::ClientSecret, "");
    assert_eq!(presence(Field::ClientSecret, &public), Presence::Disabled);
    let SaveAnswer::Saved(saved) = fixture.save(&public, 1).await else { panic!("saved") };
    assert!(matches!(saved.form.authentication.client_secret, StoredSecret::For(_)));
    public.edit(Field::ClientAuthentication, "body");
    fixture.saved(&public, 2, None).await;
    fixture.obtain().await;
    assert_eq!(asked(&fixture)[0].param("client_secret"), CLIENT_SECRET);
}

#[tokio::test]
async fn the_server_too_refuses_a_public_client_without_pkce() {
    let fixture = OauthFixture::with(CLIENT_CREDENTIALS).await;
    let answer = fixture.save(&edited(&fixture, CLIENT_CREDENTIALS, "none"), 1).await;
    let SaveAnswer::Problems(problems) = answer else { panic!("{answer:?}") };
    assert_eq!(problems.of(Field::ClientAuthentication), Some(Problem::PkceNeeded));
}
