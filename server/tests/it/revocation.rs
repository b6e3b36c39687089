//! A deleted token is revoked in the background (RFC 7009), where the provider's revocation
//! endpoint is known.

use domain::OauthFlow;

use crate::support::oauth_fixture::OauthFixture;
use crate::support::waiting::until;
use testkit::provider::{CLIENT_ID, CLIENT_SECRET, Held, Takes};

const CODE: OauthFlow = OauthFlow::AuthorizationCode;
const CLIENT_CREDENTIALS: OauthFlow = OauthFlow::ClientCredentials;

impl OauthFixture {
    /// Stores this revocation endpoint of the provider.
    async fn store_revocation_endpoint(&self, endpoint: String) {
        self.store_metadata(|metadata| metadata.revocation_endpoint = Some(endpoint)).await;
    }

    /// Starts with a token of a provider whose revocation endpoint is known.
    async fn revocable() -> Self {
        let fixture = Self::with_token(CODE).await;
        fixture.store_revocation_endpoint(fixture.provider.revocation_endpoint()).await;
        fixture
    }

    /// Waits until no request to the provider is running.
    async fn wait_for_revocations(&self) {
        until(async || self.harness.server.tokens.tasks.is_empty()).await;
    }

    /// The `token_type_hint` of each revocation request that the provider received.
    fn revoked(&self) -> Vec<String> {
        let asked = self.provider.revocations();
        asked.iter().map(|asked| asked.param("token_type_hint").to_owned()).collect()
    }
}

#[tokio::test]
async fn a_save_that_deletes_a_token_revokes_the_refresh_token_and_then_the_access_token() {
    let fixture = OauthFixture::revocable().await;
    fixture.delete_token(CODE).await;
    fixture.wait_for_revocations().await;
    assert_eq!(fixture.revoked(), ["refresh_token", "access_token"]);
    for (asked, token) in
        fixture.provider.revocations().iter().zip(["canary-refresh-token", "canary-access-token"])
    {
        assert!(asked.param("token").starts_with(token), "{asked:?}");
        assert_eq!(asked.param("client_id"), CLIENT_ID);
        assert_eq!(asked.param("client_secret"), CLIENT_SECRET);
    }
}

#[tokio::test]
async fn a_revocation_uses_the_client_authentication_of_the_token_request() {
    let fixture = OauthFixture::with_token_by(CODE, |rules| rules.takes = Takes::BasicOnly).await;
    fixture.store_revocation_endpoint(fixture.provider.revocation_endpoint()).await;
    fixture.delete_token(CODE).await;
    fixture.wait_for_revocations().await;
    let asked = &fixture.provider.revocations()[0];
    assert_eq!(asked.param("client_secret"), "");
    assert!(asked.header("authorization").is_some_and(|basic| basic.starts_with("Basic ")));
}

#[tokio::test]
async fn a_save_does_not_wait_for_a_provider_that_does_not_answer() {
    let fixture = OauthFixture::revocable().await;
    fixture.provider.hold(Held::BeforeIssuing);
    fixture.delete_token(CODE).await;
    assert_eq!(fixture.token().await, None);
    fixture.provider.release();
    fixture.wait_for_revocations().await;
}

#[tokio::test]
async fn a_refused_revocation_changes_nothing() {
    let fixture = OauthFixture::revocable().await;
    fixture.provider.rule(|rules| rules.revoking = "503 Service Unavailable");
    fixture.delete_token(CODE).await;
    fixture.wait_for_revocations().await;
    assert_eq!(fixture.revoked().len(), 2);
    assert_eq!(fixture.token().await, None);
}

#[tokio::test]
async fn tokens_are_sent_to_no_other_origin_and_to_no_unknown_endpoint() {
    let fixture = OauthFixture::with_token(CODE).await;
    let other = fixture.provider.revocation_endpoint().replace("127.0.0.1", "localhost");
    fixture.store_revocation_endpoint(other).await;
    fixture.delete_token(CODE).await;
    let unknown = OauthFixture::with_token(CODE).await;
    unknown.delete_token(CODE).await;
    for fixture in [fixture, unknown] {
        fixture.wait_for_revocations().await;
        assert_eq!(fixture.revoked(), [""; 0]);
    }
}

#[tokio::test]
async fn a_replaced_token_is_revoked_only_where_the_new_one_survives_that() {
    for (flow, expected) in [(CODE, vec![]), (CLIENT_CREDENTIALS, vec!["access_token"])] {
        let fixture = OauthFixture::with(flow).await;
        fixture.store_revocation_endpoint(fixture.provider.revocation_endpoint()).await;
        fixture.obtain().await;
        fixture.obtain().await;
        fixture.wait_for_revocations().await;
        assert_eq!(fixture.revoked(), expected, "{flow:?}");
        assert!(fixture.token().await.is_some());
    }
}
