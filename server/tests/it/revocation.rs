//! A token that is deleted is revoked at its provider, where the provider has said how, and nobody
//! waits for it.

use app::api::SaveAnswer;
use domain::{Field, OauthFlow};
use server::store::providers::{self, Provider as Known};

use crate::support::oauth_world::{World, a_moment};
use crate::support::provider::{CLIENT_ID, CLIENT_SECRET, Held, Takes};

const CODE: OauthFlow = OauthFlow::AuthorizationCode;
const ITSELF: OauthFlow = OauthFlow::ClientCredentials;

impl World {
    /// Remembers where this provider revokes tokens.
    async fn knows_how_to_revoke(&self, endpoint: &str) {
        let said = Known {
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
        providers::learn(&server.store, &said, true, server.clock.now()).await.expect("it is kept");
    }

    /// Saves a changed form, which deletes the token.
    async fn deletes_the_token(&self, flow: OauthFlow) {
        let mut draft = self.draft(flow);
        draft.edit(Field::OauthDisplayName, "Another name");
        let grant = self.token().await.map(|token| token.grant);
        let saved = self.save_deleting(&draft, 1, grant).await;
        assert!(matches!(saved, SaveAnswer::Saved(_)), "{saved:?}");
    }

    /// Waits until nothing is on its way to the provider.
    async fn is_quiet(&self) {
        while !self.harness.server.asking.is_empty() {
            a_moment().await;
        }
    }

    /// What the provider was asked to revoke, by kind.
    fn revoked(&self) -> Vec<String> {
        let asked = self.provider.revocations();
        asked.iter().map(|asked| asked.param("token_type_hint").to_owned()).collect()
    }
}

#[tokio::test]
async fn a_save_that_deletes_a_token_revokes_the_refresh_token_and_then_the_access_token() {
    let world = World::with_token(CODE).await;
    world.knows_how_to_revoke(&world.provider.revocation_endpoint()).await;
    world.deletes_the_token(CODE).await;
    world.is_quiet().await;
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
async fn client_id_and_secret_go_as_they_went_for_the_token() {
    let world = World::with(CODE).await;
    world.provider.rule(|rules| rules.takes = Takes::BasicOnly);
    world.obtain().await;
    world.knows_how_to_revoke(&world.provider.revocation_endpoint()).await;
    world.deletes_the_token(CODE).await;
    world.is_quiet().await;
    let asked = &world.provider.revocations()[0];
    assert_eq!(asked.param("client_secret"), "");
    assert!(asked.header("authorization").is_some_and(|basic| basic.starts_with("Basic ")));
}

#[tokio::test]
async fn a_save_does_not_wait_for_a_provider_that_does_not_answer() {
    let world = World::with_token(CODE).await;
    world.knows_how_to_revoke(&world.provider.revocation_endpoint()).await;
    world.provider.hold(Held::BeforeIssuing);
    world.deletes_the_token(CODE).await;
    assert_eq!(world.token().await, None);
    world.provider.release();
    world.is_quiet().await;
}

#[tokio::test]
async fn a_refused_revocation_changes_nothing() {
    let world = World::with_token(CODE).await;
    world.knows_how_to_revoke(&world.provider.revocation_endpoint()).await;
    world.provider.rule(|rules| rules.revoking = "503 Service Unavailable");
    world.deletes_the_token(CODE).await;
    world.is_quiet().await;
    assert_eq!(world.revoked().len(), 2);
    assert_eq!(world.token().await, None);
}

#[tokio::test]
async fn tokens_go_to_no_other_origin_and_to_none_that_nobody_has_named() {
    let world = World::with_token(CODE).await;
    let other = world.provider.revocation_endpoint().replace("127.0.0.1", "localhost");
    world.knows_how_to_revoke(&other).await;
    world.deletes_the_token(CODE).await;
    let unknown = World::with_token(CODE).await;
    unknown.deletes_the_token(CODE).await;
    for world in [world, unknown] {
        world.is_quiet().await;
        assert_eq!(world.revoked(), [""; 0]);
    }
}

#[tokio::test]
async fn a_replaced_token_is_revoked_only_where_the_new_one_cannot_go_with_it() {
    for (flow, expected) in [(CODE, vec![]), (ITSELF, vec!["access_token"])] {
        let world = World::with(flow).await;
        world.knows_how_to_revoke(&world.provider.revocation_endpoint()).await;
        world.obtain().await;
        world.obtain().await;
        world.is_quiet().await;
        assert_eq!(world.revoked(), expected, "{flow:?}");
        assert!(world.token().await.is_some());
    }
}
