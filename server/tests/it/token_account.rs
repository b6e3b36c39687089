//! The account of a token: `login_hint` names the sender to the provider, and a consent of another
//! account is reported, also after a reload. Also: a Client Secret that is really the secret's ID.

use contract::EmailService;
use contract::Explanation;
use domain::token::AttemptOutcome;
use domain::{Field, OauthFlow};
use oauth::takes_login_hint;
use serde_json::json;
use store::provider_metadata::{self, StoredProvider as Known};
use url::Url;

use crate::support::oauth_fixture::{OauthFixture, Returning};

const CODE: OauthFlow = OauthFlow::AuthorizationCode;

/// The `login_hint` parameters of the authorization request.
async fn hints(world: &OauthFixture) -> Vec<String> {
    let (_, start) = world.begin().await;
    let departed = world.get(&start, "").await;
    let url = Url::parse(departed.header("location")).expect("the provider's page");
    let hints = url.query_pairs().filter(|(name, _)| name == "login_hint");
    hints.map(|(_, value)| value.into_owned()).collect()
}

async fn explanation(world: &OauthFixture) -> Option<Explanation> {
    world.service().token(&world.ada).await.expect("an answer").ended
}

/// Completes a consent and returns the result page.
async fn result_page(world: &OauthFixture) -> String {
    let Returning { attempt, address, cookie } = world.consent().await;
    let landed = world.land(&address, &cookie).await;
    assert_eq!(world.end_of(&attempt.id).await, AttemptOutcome::Obtained);
    world.get(landed.header("location"), &cookie).await.body
}

#[tokio::test]
async fn the_sender_is_the_login_hint() {
    assert_eq!(hints(&OauthFixture::with(CODE).await).await, ["noreply@example.com"]);
}

#[tokio::test]
async fn a_hint_in_the_authorization_endpoint_wins() {
    let world = OauthFixture::with(CODE).await;
    let mut draft = world.draft(CODE);
    let own = format!("{}&login_hint=shared", world.provider.authorization_endpoint());
    draft.edit(Field::AuthorizationEndpoint, own);
    world.save(&draft, 1).await;
    assert_eq!(hints(&world).await, ["shared"]);
}

#[tokio::test]
async fn an_unknown_provider_gets_no_hint_until_its_metadata_says_that_it_is_openid() {
    let world = OauthFixture::with(CODE).await;
    let mut draft = world.draft(CODE);
    draft.edit(Field::AuthorizationEndpoint, "https://login.example.com/authorize?prompt=consent");
    world.save(&draft, 1).await;
    assert_eq!(hints(&world).await, [""; 0]);
    let metadata = Known {
        token_endpoint: world.provider.token_endpoint(),
        authorization_endpoint: "https://login.example.com/authorize".to_owned(),
        revocation_endpoint: None,
        is_openid: true,
        issuer: None,
        names_itself: false,
        auth_methods: Vec::new(),
        knows_pkce: false,
    };
    let store = &world.harness.server.store;
    provider_metadata::learn(store, &metadata, true, world.harness.server.clock.now())
        .await
        .expect("it is kept");
    assert_eq!(hints(&world).await, ["noreply@example.com"]);
}

#[test]
fn known_providers_are_recognised_by_the_host_of_their_endpoint() {
    for (endpoint, expected) in [
        ("https://login.microsoftonline.com/common/oauth2/v2.0/authorize", true),
        ("https://accounts.google.com/o/oauth2/v2/auth?access_type=offline", true),
        ("https://api.login.yahoo.com/oauth2/request_auth", true),
        ("http://127.0.0.1:4000/auth", true),
        ("https://login.microsoftonline.com.example.com/authorize", false),
        ("https://oauth.yandex.com/authorize", false),
        ("", false),
    ] {
        assert_eq!(takes_login_hint(endpoint), expected, "{endpoint}");
    }
}

#[tokio::test]
async fn a_consent_of_another_account_is_reported_at_once_and_after_a_reload() {
    let sources: [fn(&mut testkit::provider::Rules); 2] = [
        |rules| rules.id_token = Some(json!({ "email": "admin@example.com" })),
        |rules| rules.claims = Some(json!({ "upn": "admin@example.com" })),
    ];
    for rule in sources {
        let world = OauthFixture::with(CODE).await;
        world.provider.rule(rule);
        let page = result_page(&world).await;
        let expected =
            "The token belongs to admin@example.com, but the sender is noreply@example.com.";
        assert!(page.contains(expected), "{page}");
        assert!(!page.contains("data-closes"), "it stays open to be read");
        for _ in 0..2 {
            assert_eq!(
                explanation(&world).await.map(|explanation| explanation.cause).as_deref(),
                Some(expected)
            );
        }
        assert!(world.token().await.is_some(), "it may be allowed to send all the same");
    }
}

#[tokio::test]
async fn a_consent_of_the_sender_is_not_reported() {
    let world = OauthFixture::with(CODE).await;
    world.provider.rule(|rules| rules.id_token = Some(json!({ "email": "NoReply@Example.com" })));
    assert!(result_page(&world).await.contains("data-closes"));
    assert_eq!(explanation(&world).await, None);
}

#[tokio::test]
async fn a_token_of_client_credentials_is_not_compared_with_the_sender() {
    let world = OauthFixture::with(OauthFlow::ClientCredentials).await;
    world.provider.rule(|rules| rules.claims = Some(json!({ "upn": "admin@example.com" })));
    world.obtain().await;
    assert_eq!(explanation(&world).await, None);
}

#[tokio::test]
async fn a_refused_secret_that_looks_like_an_id_is_reported_as_one() {
    let world = OauthFixture::with(OauthFlow::ClientCredentials).await;
    for (secret, is_reported) in [("0f8fad5b-d9cb-469f-a165-70867728950e", true), ("wrong", false)]
    {
        let mut draft = world.draft(OauthFlow::ClientCredentials);
        draft.edit(Field::ClientSecret, secret);
        let revision = world.service().load(&world.ada, "").await.expect("the tab").saved.revision;
        world.save(&draft, revision).await;
        let begun = world.service().get_token(&world.ada, "", true).await.expect("an attempt");
        assert!(matches!(world.end_of(&begun.attempt.id).await, AttemptOutcome::Failed(_)));
        let explanation = explanation(&world).await.expect("an explanation");
        assert_eq!(
            explanation.steps[0]
                .text
                .starts_with("This looks like the secret's ID, not its value."),
            is_reported,
            "{explanation:?}"
        );
    }
}
