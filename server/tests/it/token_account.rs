//! The account of a token: `login_hint` names the sender to the provider, and a consent of another
//! account is reported, also after a reload. Also: a Client Secret that is really the secret's ID.

use contract::Explanation;
use domain::{Field, OauthFlow, token::AttemptOutcome};
use oauth::takes_login_hint;
use serde_json::json;
use store::provider_metadata::StoredProvider;
use url::Url;

use crate::support::drafts::edited;
use crate::support::oauth_fixture::{OauthFixture, Returning};
use testkit::provider::Rules;

const CODE: OauthFlow = OauthFlow::AuthorizationCode;

/// The `login_hint` parameters of the authorization request.
async fn hints(fixture: &OauthFixture) -> Vec<String> {
    let (_, start) = fixture.begin().await;
    let departed = fixture.get(&start, "").await;
    let url = Url::parse(departed.header("location")).expect("the provider's page");
    let hints = url.query_pairs().filter(|(name, _)| name == "login_hint");
    hints.map(|(_, value)| value.into_owned()).collect()
}

async fn explanation(fixture: &OauthFixture) -> Option<Explanation> {
    fixture.view().await.ended
}

/// Completes a consent and returns the result page.
async fn result_page(fixture: &OauthFixture) -> String {
    let Returning { attempt, address, cookie } = fixture.consent().await;
    let landed = fixture.land(&address, &cookie).await;
    assert_eq!(fixture.end_of(&attempt.id).await, AttemptOutcome::Obtained);
    fixture.get(landed.header("location"), &cookie).await.body
}

#[tokio::test]
async fn the_sender_is_the_login_hint() {
    assert_eq!(hints(&OauthFixture::with(CODE).await).await, ["noreply@example.com"]);
}

#[tokio::test]
async fn a_hint_in_the_authorization_endpoint_wins() {
    let fixture = OauthFixture::with(CODE).await;
    let own = format!("{}&login_hint=shared", fixture.provider.authorization_endpoint());
    fixture
        .saved(&edited(&fixture.draft(CODE), &[(Field::AuthorizationEndpoint, own)]), 1, None)
        .await;
    assert_eq!(hints(&fixture).await, ["shared"]);
}

#[tokio::test]
async fn an_unknown_provider_gets_no_hint_until_its_metadata_says_that_it_is_openid() {
    let fixture = OauthFixture::with(CODE).await;
    let endpoint = "https://login.example.com/authorize";
    let edit = (Field::AuthorizationEndpoint, format!("{endpoint}?prompt=consent"));
    fixture.saved(&edited(&fixture.draft(CODE), &[edit]), 1, None).await;
    assert_eq!(hints(&fixture).await, [""; 0]);
    let become_openid = |metadata: &mut StoredProvider| {
        endpoint.clone_into(&mut metadata.authorization_endpoint);
        metadata.is_openid = true;
    };
    fixture.store_metadata(become_openid).await;
    assert_eq!(hints(&fixture).await, ["noreply@example.com"]);
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
    let sources: [fn(&mut Rules); 2] = [
        |rules| rules.id_token = Some(json!({ "email": "admin@example.com" })),
        |rules| rules.claims = Some(json!({ "upn": "admin@example.com" })),
    ];
    for rule in sources {
        let fixture = OauthFixture::with(CODE).await;
        fixture.provider.rule(rule);
        let page = result_page(&fixture).await;
        let expected =
            "The token belongs to admin@example.com, but the sender is noreply@example.com.";
        assert!(page.contains(expected), "{page}");
        assert!(!page.contains("data-closes"), "it stays open to be read");
        for _ in 0..2 {
            assert_eq!(explanation(&fixture).await.expect("an explanation").cause, expected);
        }
        assert!(fixture.token().await.is_some(), "it may be allowed to send all the same");
    }
}

#[tokio::test]
async fn a_consent_of_the_sender_is_not_reported() {
    let fixture = OauthFixture::with(CODE).await;
    fixture.provider.rule(|rules| rules.id_token = Some(json!({ "email": "NoReply@Example.com" })));
    assert!(result_page(&fixture).await.contains("data-closes"));
    assert_eq!(explanation(&fixture).await, None);
}

#[tokio::test]
async fn a_token_of_client_credentials_is_not_compared_with_the_sender() {
    let rule = |rules: &mut Rules| rules.claims = Some(json!({ "upn": "admin@example.com" }));
    let fixture = OauthFixture::with_token_by(OauthFlow::ClientCredentials, rule).await;
    assert_eq!(explanation(&fixture).await, None);
}

#[tokio::test]
async fn a_refused_secret_that_looks_like_an_id_is_reported_as_one() {
    let fixture = OauthFixture::with(OauthFlow::ClientCredentials).await;
    let words = "This looks like the secret's ID, not its value.";
    for (revision, secret, is_reported) in
        [(1, "0f8fad5b-d9cb-469f-a165-70867728950e", true), (2, "wrong", false)]
    {
        let draft = fixture.draft(OauthFlow::ClientCredentials);
        fixture.saved(&edited(&draft, &[(Field::ClientSecret, secret)]), revision, None).await;
        assert!(matches!(fixture.request_token().await, (_, AttemptOutcome::Failed(_))));
        let explanation = explanation(&fixture).await.expect("an explanation");
        let is_first_step = explanation.steps[0].text.starts_with(words);
        assert_eq!(is_first_step, is_reported, "{explanation:?}");
    }
}
