//! Tests of complete grants at a compliant provider: consent, token, renewal, and expiry.

use domain::settings::Grant;
use domain::token::{OauthDiagnosis, OauthFailure, OauthStage};
use oauth::{AuthorizationResponse, ClientAuth, Issued, authorization_request};
use secrecy::SecretString;
use testkit::provider::{Held, Refreshing, TestProvider};
use testkit::smtp_server::AUTHORITY;

use super::{VERIFIER, client, told, words};

/// Returns the URL of the consent page for a grant, and the verifier.
fn page(grant: &Grant) -> (String, Option<SecretString>) {
    let request = authorization_request(grant, &"state-1".into(), || VERIFIER.into());
    let request = request.expect("a consent");
    (request.url, request.verifier)
}

/// Obtains a token by consent.
async fn obtain(provider: &TestProvider, pkce: bool) -> (Grant, Issued) {
    let grant = provider.grant(pkce);
    let (url, verifier) = page(&grant);
    let answer = AuthorizationResponse::of_address(&provider.consent(&url)).expect("an answer");
    assert_eq!(answer.state.as_deref(), Some("state-1"));
    let code = answer.code.expect("a code");
    let issued = client().exchange(&grant, ClientAuth::Body, &code, verifier.as_ref()).await;
    (grant, issued.expect("a token"))
}

/// Obtains a token, and returns its refresh token.
async fn obtain_refresh_token(provider: &TestProvider) -> (Grant, SecretString) {
    let (grant, issued) = obtain(provider, true).await;
    (grant, issued.refresh_token.expect("a refresh token"))
}

async fn refresh(grant: &Grant, refresh_token: &SecretString) -> Result<Issued, OauthFailure> {
    client().refresh(grant, ClientAuth::Body, refresh_token).await
}

/// Consents to a grant, and returns the code.
fn code(provider: &TestProvider, grant: &Grant) -> SecretString {
    let (url, _) = page(grant);
    let answer = AuthorizationResponse::of_address(&provider.consent(&url)).expect("an answer");
    answer.code.expect("a code")
}

fn invalid_grant(description: &str) -> (OauthDiagnosis, String) {
    (OauthDiagnosis::InvalidGrant, format!("invalid_grant: {description}"))
}

/// Returns the failure of a renewal and the provider's text.
fn renewal_failure(result: Result<Issued, OauthFailure>) -> (OauthDiagnosis, String) {
    let failure = result.expect_err("a failure");
    assert_eq!(failure.stage, OauthStage::Renewal);
    (failure.diagnosis, failure.peer_text.unwrap_or_default())
}

#[tokio::test]
async fn a_consent_with_and_without_pkce_results_in_a_valid_token() {
    for pkce in [false, true] {
        for provider in [TestProvider::start(), TestProvider::start_by_tls(AUTHORITY.good())] {
            let (_, issued) = obtain(&provider, pkce).await;
            assert!(provider.is_good(words(&issued.access_token)), "{pkce}");
        }
    }
}

#[tokio::test]
async fn client_credentials_result_in_a_valid_token_without_a_refresh_token() {
    let provider = TestProvider::start();
    let grant = provider.own_grant();
    let issued = client().client_credentials(&grant, ClientAuth::Body, OauthStage::Renewal).await;
    let issued = issued.expect("a token");
    assert!(provider.is_good(words(&issued.access_token)));
    assert!(issued.refresh_token.is_none());
}

#[tokio::test]
async fn a_declined_consent_is_reported_with_the_providers_text() {
    let provider = TestProvider::start();
    let (url, _) = page(&provider.grant(true));
    let answer = AuthorizationResponse::of_address(&provider.decline(&url)).expect("an answer");
    assert_eq!(answer.state.as_deref(), Some("state-1"));
    let failure = answer.failure().expect("an error");
    assert_eq!(failure.stage, OauthStage::Consent);
    assert_eq!(failure.diagnosis, OauthDiagnosis::AccessDenied);
    assert_eq!(failure.peer_text.as_deref(), Some("access_denied: The user declined."));
}

#[tokio::test]
async fn the_issuer_in_the_response_is_read() {
    let provider = TestProvider::start();
    let issuer = Some("https://login.example.com/a?b".to_owned());
    provider.rule(|rules| rules.issuer.clone_from(&issuer));
    let (url, _) = page(&provider.grant(true));
    let answer = AuthorizationResponse::of_address(&provider.consent(&url)).expect("an answer");
    assert_eq!(answer.iss, issuer);
}

#[tokio::test]
async fn a_code_that_is_used_twice_is_refused() {
    let provider = TestProvider::start();
    let grant = provider.grant(false);
    let code = code(&provider, &grant);
    client().exchange(&grant, ClientAuth::Body, &code, None).await.expect("a token");
    let told = told(client().exchange(&grant, ClientAuth::Body, &code, None).await);
    assert_eq!(told, invalid_grant("The code was used before."));
}

#[tokio::test]
async fn a_code_without_its_verifier_is_refused() {
    let provider = TestProvider::start();
    let grant = provider.grant(true);
    let code = code(&provider, &grant);
    let told = told(client().exchange(&grant, ClientAuth::Body, &code, None).await);
    assert_eq!(told, invalid_grant("The verifier is wrong."));
}

#[tokio::test]
async fn a_narrower_granted_scope_is_reported() {
    let provider = TestProvider::start();
    provider.rule(|rules| rules.scope = Some("mail.send".to_owned()));
    let (_, issued) = obtain(&provider, true).await;
    assert_eq!(issued.scope.as_deref(), Some("mail.send"));
}

#[tokio::test]
async fn a_grant_may_have_no_refresh_token() {
    let provider = TestProvider::start();
    provider.rule(|rules| rules.refreshing = Refreshing::Never);
    let (_, issued) = obtain(&provider, true).await;
    assert!(issued.refresh_token.is_none());
}

#[tokio::test]
async fn a_rotated_refresh_token_comes_with_the_new_access_token() {
    let provider = TestProvider::start();
    let (grant, old) = obtain_refresh_token(&provider).await;
    provider.expire();
    let issued = refresh(&grant, &old).await.expect("a token");
    let new = issued.refresh_token.expect("a refresh token");
    assert_ne!(words(&old), words(&new));
    assert!(provider.is_good(words(&issued.access_token)));
}

#[tokio::test]
async fn an_unchanged_refresh_token_is_not_repeated() {
    let provider = TestProvider::start();
    provider.rule(|rules| rules.refreshing = Refreshing::Keeps);
    let (grant, kept) = obtain_refresh_token(&provider).await;
    for _ in 0..2 {
        assert!(refresh(&grant, &kept).await.expect("a token").refresh_token.is_none());
    }
    assert_eq!(provider.requests("refresh_token"), 2);
}

#[tokio::test]
async fn a_reused_refresh_token_ends_the_grant() {
    let provider = TestProvider::start();
    let (grant, old) = obtain_refresh_token(&provider).await;
    let issued = refresh(&grant, &old).await.expect("a token");
    let failure = renewal_failure(refresh(&grant, &old).await);
    assert_eq!(failure, invalid_grant("The refresh token was used before."));
    assert_eq!(provider.reused(), 1);
    assert!(!provider.is_good(words(&issued.access_token)));
}

#[tokio::test]
async fn a_revoked_grant_is_reported() {
    let provider = TestProvider::start();
    let (grant, token) = obtain_refresh_token(&provider).await;
    provider.revoke();
    let failure = renewal_failure(refresh(&grant, &token).await);
    assert_eq!(failure, invalid_grant("The grant was revoked."));
}

#[tokio::test]
async fn a_provider_failure_leaves_the_refresh_token_valid() {
    let provider = TestProvider::start();
    let (grant, token) = obtain_refresh_token(&provider).await;
    provider.fail_next("503 Service Unavailable", r#"{"error":"temporarily_unavailable"}"#);
    assert_eq!(renewal_failure(refresh(&grant, &token).await).0, OauthDiagnosis::ProviderBusy);
    refresh(&grant, &token).await.expect("a token");
}

/// Aborts a renewal that the provider holds, and tries again.
async fn refresh_after_an_abort(
    provider: &TestProvider,
    held: Held,
) -> Result<Issued, OauthFailure> {
    let (grant, token) = obtain_refresh_token(provider).await;
    provider.hold(held);
    let asked = provider.asked().len();
    let cut = {
        let (grant, token) = (grant.clone(), token.clone());
        tokio::spawn(async move { refresh(&grant, &token).await })
    };
    provider.wait_for(asked + 1).await;
    cut.abort();
    provider.wait_for_gone(1).await;
    provider.release();
    refresh(&grant, &token).await
}

#[tokio::test]
async fn a_renewal_aborted_before_its_response_uses_up_the_refresh_token() {
    let provider = TestProvider::start();
    let again = refresh_after_an_abort(&provider, Held::BeforeAnswering).await;
    assert_eq!(renewal_failure(again).0, OauthDiagnosis::InvalidGrant);
    assert_eq!(provider.reused(), 1);
}

#[tokio::test]
async fn a_renewal_aborted_before_it_is_processed_leaves_the_refresh_token_valid() {
    let provider = TestProvider::start();
    refresh_after_an_abort(&provider, Held::BeforeIssuing).await.expect("a token");
    assert_eq!(provider.reused(), 0);
}
