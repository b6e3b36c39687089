//! A deleted token is revoked in the background (RFC 7009), where the provider's revocation
//! endpoint is known.

use contract::SaveAnswer;
use domain::{Field, OauthFlow};
use store::provider_metadata::{self, StoredProvider as Known};

use crate::support::oauth_fixture::{OauthFixture, a_moment};
use testkit::provider::{CLIENT_ID, CLIENT_SECRET, Held, Takes};

const CODE: OauthFlow = OauthFlow::AuthorizationCode;
const CLIENT_CREDENTIALS: OauthFlow = OauthFlow::ClientCredentials;

impl OauthFixture {
    /// Stores provider metadata with this revocation endpoint.
    async fn store_revocation_endpoint(&self, endpoint: &str) {
        let metadata = Known {
            token_endpoint: self.provider.token_endpoint(),
            authorization_endpoint: self.provider.authorization_endpoint(),
            revocation_endpoint: Some(endpoint.to_owned()),
            is_openid: false,
            issuer: None,
            names_itself: false,
            auth_methods: Vec::new(),
            knows_pkce: false,
        };
        let server = &self.harness.server;
        provider_metadata::learn(&server.store, &metadata, true, server.clock.now())
            .await
            .expect("it is kept");
    }

    /// Saves a changed form, which deletes the token.
    async fn delete_the_token(&self, flow: OauthFlow) {
        let mut draft = self.draft(flow);
        draft.edit(Field::OauthDisplayName, "Another name");
        let grant = self.token().await.map(|token| token.grant);
        let saved = self.save_deleting(&draft, 1, grant).await;
        assert!(matches!(saved, SaveAnswer::Saved(_)), "{saved:?}");
    }

    /// Waits until no request to the provider is running.
    async fn wait_for_revocations(&self) {
        while !self.harness.server.tokens.tasks.is_empty() {
            a_moment().await;
        }
    }

    /// The `token_type_hint` of each revocation request that the provider received.
    fn revoked(&self) -> Vec<String> {
        let asked = self.provider.revocations();
        asked.iter().map(|asked| asked.param("token_type_hint").to_owned()).collect()
    }
}

#[tokio::test]
async fn a_save_that_deletes_a_token_revokes_the_refresh_token_and_then_the_access_token() {
    let world = OauthFixture::with_token(CODE).await;
    world.store_revocation_endpoint(&world.provider.revocation_endpoint()).await;
    world.delete_the_token(CODE).await;
    world.wait_for_revocations().await;
    assert_eq!(world.revoked(), ["refresh_token", "access_token"]);
    for (asked, token) in
        world.provider.revocations().iter().zip(["canary-refresh-token", "canary-access-token"])
    {
        assert!(asked.param("token").starts_with(token), "{asked:?}");
        assert_eq!(asked.param("client_id"), CLIENT_ID);
        assert_eq!(asked.param("client_secret"), CLIENT_SECRET);
    }
}

#[tokio::test]
async fn a_revocation_uses_the_client_authentication_of_the_token_request() {
    let world = OauthFixture::with(CODE).await;
    world.provider.rule(|rules| rules.takes = Takes::BasicOnly);
    world.obtain().await;
    world.store_revocation_endpoint(&world.provider.revocation_endpoint()).await;
    world.delete_the_token(CODE).await;
    world.wait_for_revocations().await;
    let asked = &world.provider.revocations()[0];
    assert_eq!(asked.param("client_secret"), "");
    assert!(asked.header("authorization").is_some_and(|basic| basic.starts_with("Basic ")));
}

#[tokio::test]
async fn a_save_does_not_wait_for_a_provider_that_does_not_answer() {
    let world = OauthFixture::with_token(CODE).await;
    world.store_revocation_endpoint(&world.provider.revocation_endpoint()).await;
    world.provider.hold(Held::BeforeIssuing);
    world.delete_the_token(CODE).await;
    assert_eq!(world.token().await, None);
    world.provider.release();
    world.wait_for_revocations().await;
}

#[tokio::test]
async fn a_refused_revocation_changes_nothing() {
    let world = OauthFixture::with_token(CODE).await;
    world.store_revocation_endpoint(&world.provider.revocation_endpoint()).await;
    world.provider.rule(|rules| rules.revoking = "503 Service Unavailable");
    world.delete_the_token(CODE).await;
    world.wait_for_revocations().await;
    assert_eq!(world.revoked().len(), 2);
    assert_eq!(world.token().await, None);
}

#[tokio::test]
async fn tokens_are_sent_to_no_other_origin_and_to_no_unknown_endpoint() {
    let world = OauthFixture::with_token(CODE).await;
    let other = world.provider.revocation_endpoint().replace("127.0.0.1", "localhost");
    world.store_revocation_endpoint(&other).await;
    world.delete_the_token(CODE).await;
    let unknown = OauthFixture::with_token(CODE).await;
    unknown.delete_the_token(CODE).await;
    for world in [world, unknown] {
        world.wait_for_revocations().await;
        assert_eq!(world.revoked(), [""; 0]);
    }
}

#[tokio::test]
async fn a_replaced_token_is_revoked_only_where_the_new_one_survives_that() {
    for (flow, expected) in [(CODE, vec![]), (CLIENT_CREDENTIALS, vec!["access_token"])] {
        let world = OauthFixture::with(flow).await;
        world.store_revocation_endpoint(&world.provider.revocation_endpoint()).await;
        world.obtain().await;
        world.obtain().await;
        world.wait_for_revocations().await;
        assert_eq!(world.revoked(), expected, "{flow:?}");
        assert!(world.token().await.is_some());
    }
}
