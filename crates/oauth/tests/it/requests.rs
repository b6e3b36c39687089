//! Tests of the token requests: the exact parameters of each flow, and the client authentication
//! that the provider requires.

use domain::settings::{Consent, Grant};
use domain::token::{OauthDiagnosis, OauthStage};
use oauth::ClientAuth;
use testkit::provider::{
    CLIENT_SECRET, REDIRECT_URI, RecordedRequest, SCOPE, ScriptedProvider, Takes, TestProvider,
    Turn, grant,
};

use super::{ask, ask_by_basic, client, consented, told};

const TOKEN: &str = r#"{"access_token":"token-1","token_type":"Bearer","expires_in":3600}"#;

fn scripted() -> ScriptedProvider {
    ScriptedProvider::play([Turn::json("200 OK", TOKEN)])
}

fn consented_at(provider: &ScriptedProvider) -> Grant {
    let endpoint = "https://login.example.com/authorize";
    consented(endpoint, REDIRECT_URI, true, &provider.token_endpoint())
}

fn only(provider: &ScriptedProvider) -> RecordedRequest {
    let [asked] = provider.asked().try_into().expect("one request");
    asked
}

/// Returns these parameters after the client's, in the order of [`RecordedRequest::params`].
fn with_client(parameters: &[&str]) -> Vec<String> {
    let secret = format!("client_secret={CLIENT_SECRET}");
    let all = [&["client_id=ppm", &secret], parameters].concat();
    all.into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_code_is_sent_with_the_redirect_uri_as_configured() {
    let provider = scripted();
    let grant = consented_at(&provider);
    let code = "code-1/+&=".into();
    client().exchange(&grant, ClientAuth::Body, &code, None).await.expect("a token");
    let redirect_uri = format!("redirect_uri={REDIRECT_URI}");
    assert_eq!(
        only(&provider).params(),
        with_client(&["code=code-1/+&=", "grant_type=authorization_code", &redirect_uri])
    );
}

#[tokio::test]
async fn a_code_is_sent_with_its_verifier_if_there_is_one() {
    let provider = scripted();
    let grant = consented_at(&provider);
    let (code, verifier) = ("code-1".into(), "v".repeat(43).into());
    client().exchange(&grant, ClientAuth::Body, &code, Some(&verifier)).await.expect("a token");
    let code_verifier = format!("code_verifier={}", "v".repeat(43));
    let redirect_uri = format!("redirect_uri={REDIRECT_URI}");
    let expected = ["code=code-1", &code_verifier, "grant_type=authorization_code", &redirect_uri];
    assert_eq!(only(&provider).params(), with_client(&expected));
}

#[tokio::test]
async fn a_redirect_uri_that_is_no_url_is_sent_as_configured() {
    for typed in ["urn:ietf:wg:oauth:2.0:oob", "postmessage", "https://PPM.example", "a:/b/../C%zz"]
    {
        let provider = scripted();
        let mut grant = consented_at(&provider);
        if let Consent::AtProvider { redirect_uri, .. } = &mut grant.consent {
            typed.clone_into(redirect_uri);
        }
        client().exchange(&grant, ClientAuth::Body, &"c".into(), None).await.expect("a token");
        assert_eq!(only(&provider).param("redirect_uri"), typed);
    }
}

#[tokio::test]
async fn a_refresh_token_is_sent_with_the_scope() {
    let provider = scripted();
    let grant = consented_at(&provider);
    client().refresh(&grant, ClientAuth::Body, &"refresh-1".into()).await.expect("a token");
    let scope = format!("scope={SCOPE}");
    assert_eq!(
        only(&provider).params(),
        with_client(&["grant_type=refresh_token", "refresh_token=refresh-1", &scope])
    );
}

#[tokio::test]
async fn client_credentials_are_sent_with_the_scope_alone() {
    let provider = scripted();
    ask(&client(), &provider.token_endpoint()).await.expect("a token");
    let scope = format!("scope={SCOPE}");
    assert_eq!(only(&provider).params(), with_client(&["grant_type=client_credentials", &scope]));
}

#[tokio::test]
async fn a_request_has_no_browser_headers() {
    let provider = scripted();
    ask(&client(), &provider.token_endpoint()).await.expect("a token");
    let asked = only(&provider);
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/token"));
    for (name, value) in [
        ("accept", Some("application/json")),
        ("content-type", Some("application/x-www-form-urlencoded")),
        ("user-agent", Some("ppm-email")),
        ("origin", None),
        ("referer", None),
        ("cookie", None),
        ("authorization", None),
        ("accept-encoding", None),
    ] {
        assert_eq!(asked.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn a_query_in_the_token_endpoint_is_kept_without_the_parameters_of_a_request() {
    for (query, target) in [
        ("tenant=a%2Fb", "/token?tenant=a%2Fb"),
        ("client_id=old&tenant=a&grant_type=password", "/token?tenant=a"),
    ] {
        let provider = scripted();
        let endpoint = format!("{}?{query}", provider.token_endpoint());
        ask(&client(), &endpoint).await.expect("a token");
        assert_eq!(only(&provider).target, target);
    }
}

#[tokio::test]
async fn a_cookie_that_was_set_is_not_sent_back() {
    let setting = || Turn::answer("200 OK", &["Set-Cookie: a=b"], TOKEN);
    let provider = ScriptedProvider::play([setting(), setting()]);
    let client = client();
    for _ in 0..2 {
        ask(&client, &provider.token_endpoint()).await.expect("a token");
    }
    assert_eq!(provider.asked()[1].header("cookie"), None);
}

fn challenge(header: &str, body: &str) -> Turn {
    Turn::answer("401 Unauthorized", &[header], body)
}

#[tokio::test]
async fn a_provider_that_requires_basic_gets_it_and_the_method_is_returned() {
    let provider = TestProvider::start();
    provider.rule(|rules| rules.takes = Takes::BasicOnly);
    let grant = provider.own_grant();
    let issued =
        client().client_credentials(&grant, ClientAuth::Body, OauthStage::TokenRequest).await;
    assert_eq!(issued.expect("a token").auth, ClientAuth::Basic);
    assert_eq!(provider.requests("client_credentials"), 2);

    let again = client().client_credentials(&grant, ClientAuth::Basic, OauthStage::Renewal).await;
    assert_eq!(again.expect("a token").auth, ClientAuth::Basic);
    assert_eq!(provider.requests("client_credentials"), 3);
}

#[tokio::test]
async fn with_basic_id_and_secret_are_form_encoded_and_not_in_the_body() {
    let provider = scripted();
    let grant = grant(Consent::NotNeeded, &provider.token_endpoint());
    assert_eq!(ask_by_basic(&grant).await.expect("a token").auth, ClientAuth::Basic);
    let asked = only(&provider);
    // ppm:canary%20client%2Fsecret%2B1: a blank that is correct for form decoding and for plain
    // percent decoding.
    let expected = "Basic cHBtOmNhbmFyeSUyMGNsaWVudCUyRnNlY3JldCUyQjE=";
    assert_eq!(asked.header("authorization"), Some(expected));
    let scope = format!("scope={SCOPE}");
    assert_eq!(asked.params(), ["grant_type=client_credentials", &scope]);
}

#[tokio::test]
async fn a_basic_challenge_without_a_body_is_followed() {
    let header = "WWW-Authenticate: basic realm=x";
    let provider = ScriptedProvider::play([challenge(header, ""), Turn::json("200 OK", TOKEN)]);
    let issued = ask(&client(), &provider.token_endpoint()).await.expect("a token");
    assert_eq!(issued.auth, ClientAuth::Basic);
}

#[tokio::test]
async fn basic_is_tried_only_once() {
    let refusal = || challenge("WWW-Authenticate: Basic", r#"{"error":"invalid_client"}"#);
    let provider = ScriptedProvider::play([refusal(), refusal(), refusal()]);
    let told = told(ask(&client(), &provider.token_endpoint()).await);
    assert_eq!(told, (OauthDiagnosis::InvalidClient, "invalid_client".to_owned()));
    assert_eq!(provider.asked().len(), 2);
}

#[tokio::test]
async fn a_refused_stored_basic_is_not_retried_with_another_method() {
    let provider = TestProvider::start();
    provider.rule(|rules| rules.takes = Takes::BodyOnly);
    let asked = ask_by_basic(&provider.own_grant()).await;
    assert_eq!(told(asked).0, OauthDiagnosis::InvalidClient);
    assert_eq!(provider.requests("client_credentials"), 1);
}

#[tokio::test]
async fn basic_is_not_tried_for_any_other_refusal() {
    for (status, header, body) in [
        ("400 Bad Request", "WWW-Authenticate: Basic", r#"{"error":"invalid_client"}"#),
        ("401 Unauthorized", "WWW-Authenticate: Bearer", r#"{"error":"invalid_client"}"#),
        ("401 Unauthorized", "X-Nothing: here", r#"{"error":"invalid_client"}"#),
        ("401 Unauthorized", "WWW-Authenticate: Basic", r#"{"error":"invalid_grant"}"#),
        ("403 Forbidden", "WWW-Authenticate: Basic", ""),
        ("500 Oh No", "WWW-Authenticate: Basic", r#"{"error":"invalid_client"}"#),
    ] {
        let provider = ScriptedProvider::play([Turn::answer(status, &[header], body)]);
        told(ask(&client(), &provider.token_endpoint()).await);
        assert_eq!(provider.asked().len(), 1, "{status} {header} {body}");
    }
}
