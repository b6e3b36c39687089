//! Whole grants at a provider that keeps the rules: consent, token, renewal, and their ends.

use domain::settings::Grant;
use domain::token::{Fault, Leg, Setback};
use secrecy::SecretString;
use server::oauth::{Answer, ClientAuth, Issued, authorization_request};

use super::{client, told, words};
use crate::support::doubles::SeededRandomness;
use crate::support::provider::{Held, Provider, Refreshing};
use crate::support::smtp_server::AUTHORITY;

/// The address of the provider's page for this grant.
fn page(grant: &Grant) -> (String, Option<SecretString>) {
    let request = authorization_request(grant, &"state-1".into(), &SeededRandomness::new(7));
    let request = request.expect("a consent");
    (request.url, request.verifier)
}

/// Goes through a consent.
async fn obtain(provider: &Provider, pkce: bool) -> (Grant, Issued) {
    let grant = provider.grant(pkce);
    let (url, verifier) = page(&grant);
    let answer = Answer::of_address(&provider.consent(&url)).expect("an answer");
    assert_eq!(answer.state.as_deref(), Some("state-1"));
    let code = answer.code.expect("a code");
    let issued = client().exchange(&grant, ClientAuth::Body, &code, verifier.as_ref()).await;
    (grant, issued.expect("a token"))
}

/// Obtains a token, and returns its refresh token.
async fn obtain_refresh_token(provider: &Provider) -> (Grant, SecretString) {
    let (grant, issued) = obtain(provider, true).await;
    (grant, issued.refresh_token.expect("a refresh token"))
}

async fn refresh(grant: &Grant, refresh_token: &SecretString) -> Result<Issued, Setback> {
    client().refresh(grant, ClientAuth::Body, refresh_token).await
}

/// What went wrong with a renewal.
fn told_at_renewal(result: Result<Issued, Setback>) -> (Fault, String) {
    let setback = result.expect_err("a setback");
    assert_eq!(setback.leg, Leg::Renewal);
    (setback.fault, setback.said.unwrap_or_default())
}

#[tokio::test]
async fn a_consent_with_and_without_pkce_comes_to_a_token_that_is_good() {
    for pkce in [false, true] {
        for provider in [Provider::start(), Provider::start_by_tls(AUTHORITY.good())] {
            let (_, issued) = obtain(&provider, pkce).await;
            assert!(provider.is_good(words(&issued.access_token)), "{pkce}");
        }
    }
}

#[tokio::test]
async fn the_client_itself_comes_to_a_token_that_is_good_and_is_not_refreshed() {
    let provider = Provider::start();
    let grant = provider.own_grant();
    let issued = client().client_credentials(&grant, ClientAuth::Body, Leg::Renewal).await;
    let issued = issued.expect("a token");
    assert!(provider.is_good(words(&issued.access_token)));
    assert!(issued.refresh_token.is_none());
}

#[tokio::test]
async fn a_consent_that_was_declined_is_told_in_the_providers_words() {
    let provider = Provider::start();
    let (url, _) = page(&provider.grant(true));
    let answer = Answer::of_address(&provider.decline(&url)).expect("an answer");
    assert_eq!(answer.state.as_deref(), Some("state-1"));
    let setback = answer.setback().expect("an error");
    assert_eq!((setback.leg, setback.fault), (Leg::Consent, Fault::AccessDenied));
    assert_eq!(setback.said.as_deref(), Some("access_denied: Somebody declined."));
}

#[tokio::test]
async fn a_provider_that_says_who_it_is_is_heard() {
    let provider = Provider::start();
    let issuer = Some("https://login.example.com/a?b".to_owned());
    provider.rule(|rules| rules.issuer.clone_from(&issuer));
    let (url, _) = page(&provider.grant(true));
    let answer = Answer::of_address(&provider.consent(&url)).expect("an answer");
    assert_eq!(answer.iss, issuer);
}

#[tokio::test]
async fn a_code_that_is_used_twice_is_refused_at_the_token_request() {
    let provider = Provider::start();
    let grant = provider.grant(false);
    let (url, _) = page(&grant);
    let answer = Answer::of_address(&provider.consent(&url)).expect("an answer");
    let code = answer.code.expect("a code");
    client().exchange(&grant, ClientAuth::Body, &code, None).await.expect("a token");
    let told = told(client().exchange(&grant, ClientAuth::Body, &code, None).await);
    assert_eq!(told, (Fault::InvalidGrant, "invalid_grant: The code was used before.".to_owned()));
}

#[tokio::test]
async fn a_code_without_its_verifier_is_refused() {
    let provider = Provider::start();
    let grant = provider.grant(true);
    let (url, _) = page(&grant);
    let answer = Answer::of_address(&provider.consent(&url)).expect("an answer");
    let code = answer.code.expect("a code");
    let told = told(client().exchange(&grant, ClientAuth::Body, &code, None).await);
    assert_eq!(told, (Fault::InvalidGrant, "invalid_grant: The verifier is wrong.".to_owned()));
}

#[tokio::test]
async fn a_narrower_grant_is_told() {
    let provider = Provider::start();
    provider.rule(|rules| rules.scope = Some("mail.send".to_owned()));
    let (_, issued) = obtain(&provider, true).await;
    assert_eq!(issued.scope.as_deref(), Some("mail.send"));
}

#[tokio::test]
async fn a_grant_without_a_refresh_token_has_none() {
    let provider = Provider::start();
    provider.rule(|rules| rules.refreshing = Refreshing::Never);
    let (_, issued) = obtain(&provider, true).await;
    assert!(issued.refresh_token.is_none());
}

#[tokio::test]
async fn a_rotated_refresh_token_comes_with_the_new_access_token() {
    let provider = Provider::start();
    let (grant, old) = obtain_refresh_token(&provider).await;
    provider.expire();
    let issued = refresh(&grant, &old).await.expect("a token");
    let new = issued.refresh_token.expect("a refresh token");
    assert_ne!(words(&old), words(&new));
    assert!(provider.is_good(words(&issued.access_token)));
}

#[tokio::test]
async fn a_refresh_token_that_stays_is_not_repeated() {
    let provider = Provider::start();
    provider.rule(|rules| rules.refreshing = Refreshing::Keeps);
    let (grant, kept) = obtain_refresh_token(&provider).await;
    for _ in 0..2 {
        assert!(refresh(&grant, &kept).await.expect("a token").refresh_token.is_none());
    }
    assert_eq!(provider.requests("refresh_token"), 2);
}

#[tokio::test]
async fn a_refresh_token_that_is_used_twice_ends_the_whole_grant() {
    let provider = Provider::start();
    let (grant, old) = obtain_refresh_token(&provider).await;
    let issued = refresh(&grant, &old).await.expect("a token");
    let said = "invalid_grant: The refresh token was used before.".to_owned();
    assert_eq!(told_at_renewal(refresh(&grant, &old).await), (Fault::InvalidGrant, said));
    assert_eq!(provider.reused(), 1);
    assert!(!provider.is_good(words(&issued.access_token)));
}

#[tokio::test]
async fn a_grant_that_was_revoked_is_told() {
    let provider = Provider::start();
    let (grant, token) = obtain_refresh_token(&provider).await;
    provider.revoke();
    let said = "invalid_grant: The grant was revoked.".to_owned();
    assert_eq!(told_at_renewal(refresh(&grant, &token).await), (Fault::InvalidGrant, said));
}

#[tokio::test]
async fn a_failure_of_the_provider_leaves_the_refresh_token_good() {
    let provider = Provider::start();
    let (grant, token) = obtain_refresh_token(&provider).await;
    provider.fail_next("503 Service Unavailable", r#"{"error":"temporarily_unavailable"}"#);
    assert_eq!(told_at_renewal(refresh(&grant, &token).await).0, Fault::ProviderBusy);
    refresh(&grant, &token).await.expect("a token");
}

/// Begins a renewal that the provider holds, gives it up, and tries once more.
async fn refresh_after_a_cut(provider: &Provider, held: Held) -> Result<Issued, Setback> {
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
async fn a_renewal_that_is_cut_before_its_answer_has_used_up_the_refresh_token() {
    let provider = Provider::start();
    let again = refresh_after_a_cut(&provider, Held::BeforeAnswering).await;
    assert_eq!(told_at_renewal(again).0, Fault::InvalidGrant);
    assert_eq!(provider.reused(), 1);
}

#[tokio::test]
async fn a_renewal_that_is_cut_before_it_is_read_leaves_the_refresh_token_good() {
    let provider = Provider::start();
    refresh_after_a_cut(&provider, Held::BeforeIssuing).await.expect("a token");
    assert_eq!(provider.reused(), 0);
}
