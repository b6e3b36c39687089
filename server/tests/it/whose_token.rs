//! Whose token it is: the account that is meant is named to the provider, and another one's consent
//! is pointed out, at once and after a reload. And a secret that is only the id of one.

use app::explanation::Explanation;
use app::service::EmailService;
use domain::token::AttemptEnd;
use domain::{Field, OauthFlow};
use serde_json::json;
use server::oauth::takes_login_hint;
use server::store::providers::{self, Provider as Known};
use url::Url;

use crate::support::oauth_world::{Returning, World};

const CODE: OauthFlow = OauthFlow::AuthorizationCode;

/// The hints on the way to the provider's page.
async fn hints(world: &World) -> Vec<String> {
    let (_, start) = world.begin().await;
    let departed = world.get(&start, "").await;
    let url = Url::parse(departed.header("location")).expect("the provider's page");
    let hints = url.query_pairs().filter(|(name, _)| name == "login_hint");
    hints.map(|(_, value)| value.into_owned()).collect()
}

async fn told(world: &World) -> Option<Explanation> {
    world.service().token(&world.ada).await.expect("an answer").ended
}

/// Goes the whole way, and reads the page at its end.
async fn result_page(world: &World) -> String {
    let Returning { attempt, address, cookie } = world.consent().await;
    let landed = world.land(&address, &cookie).await;
    assert_eq!(world.end_of(&attempt.id).await, AttemptEnd::Obtained);
    world.get(landed.header("location"), &cookie).await.body
}

#[tokio::test]
async fn the_sender_is_the_account_that_is_meant() {
    assert_eq!(hints(&World::with(CODE).await).await, ["noreply@example.com"]);
}

#[tokio::test]
async fn a_hint_in_the_authorization_endpoint_wins() {
    let world = World::with(CODE).await;
    let mut draft = world.draft(CODE);
    let own = format!("{}&login_hint=shared", world.provider.authorization_endpoint());
    draft.edit(Field::AuthorizationEndpoint, own);
    world.save(&draft, 1).await;
    assert_eq!(hints(&world).await, ["shared"]);
}

#[tokio::test]
async fn a_provider_that_is_not_known_gets_no_hint_until_it_says_that_it_is_one_of_openid() {
    let world = World::with(CODE).await;
    let mut draft = world.draft(CODE);
    draft.edit(Field::AuthorizationEndpoint, "https://login.example.com/authorize?prompt=consent");
    world.save(&draft, 1).await;
    assert_eq!(hints(&world).await, [""; 0]);
    let said = Known {
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
    providers::learn(store, &said, true, world.harness.server.clock.now())
        .await
        .expect("it is kept");
    assert_eq!(hints(&world).await, ["noreply@example.com"]);
}

#[test]
fn known_providers_take_a_hint_by_the_host_of_their_page() {
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
async fn another_accounts_consent_is_pointed_out_at_once_and_after_a_reload() {
    let told_by: [fn(&mut crate::support::provider::Rules); 2] = [
        |rules| rules.id_token = Some(json!({ "email": "admin@example.com" })),
        |rules| rules.claims = Some(json!({ "upn": "admin@example.com" })),
    ];
    for rule in told_by {
        let world = World::with(CODE).await;
        world.provider.rule(rule);
        let page = result_page(&world).await;
        let expected =
            "The token belongs to admin@example.com, but the sender is noreply@example.com.";
        assert!(page.contains(expected), "{page}");
        assert!(!page.contains("data-closes"), "it stays open to be read");
        for _ in 0..2 {
            assert_eq!(told(&world).await.map(|told| told.cause).as_deref(), Some(expected));
        }
        assert!(world.token().await.is_some(), "it may be allowed to send all the same");
    }
}

#[tokio::test]
async fn the_senders_own_consent_is_no_news() {
    let world = World::with(CODE).await;
    world.provider.rule(|rules| rules.id_token = Some(json!({ "email": "NoReply@Example.com" })));
    assert!(result_page(&world).await.contains("data-closes"));
    assert_eq!(told(&world).await, None);
}

#[tokio::test]
async fn an_applications_own_token_is_nobodys() {
    let world = World::with(OauthFlow::ClientCredentials).await;
    world.provider.rule(|rules| rules.claims = Some(json!({ "upn": "admin@example.com" })));
    world.obtain().await;
    assert_eq!(told(&world).await, None);
}

#[tokio::test]
async fn a_refused_secret_that_looks_like_an_id_is_told_to_be_one() {
    let world = World::with(OauthFlow::ClientCredentials).await;
    for (secret, is_told) in [("0f8fad5b-d9cb-469f-a165-70867728950e", true), ("wrong", false)] {
        let mut draft = world.draft(OauthFlow::ClientCredentials);
        draft.edit(Field::ClientSecret, secret);
        let revision = world.service().load(&world.ada, "").await.expect("the tab").saved.revision;
        world.save(&draft, revision).await;
        let begun = world.service().get_token(&world.ada, "", true).await.expect("an attempt");
        assert!(matches!(world.end_of(&begun.attempt.id).await, AttemptEnd::Failed(_)));
        let told = told(&world).await.expect("an explanation");
        assert_eq!(
            told.steps[0].text.starts_with("This looks like the secret's ID, not its value."),
            is_told,
            "{told:?}"
        );
    }
}
