//! Explanations of failed token requests: the provider's text, the cause, and steps that fit flow
//! and stage. Over sockets, from Get Auth Token to the explanation.

use chrono::TimeDelta;
use contract::{Explanation, TokenView};
use domain::token::{AttemptOutcome, OauthDiagnosis, Renewal};
use domain::{Field, OauthFlow};
use url::form_urlencoded::byte_serialize;

use crate::support::drafts::edited;
use crate::support::oauth_fixture::{CALLBACK, OauthFixture};
use crate::support::openid_provider::param;
use crate::support::waiting::until_some;
use testkit::provider::{RecordedRequest, Rules, ScriptedProvider, Turn};

const CODE: OauthFlow = OauthFlow::AuthorizationCode;
const CLIENT_CREDENTIALS: OauthFlow = OauthFlow::ClientCredentials;

/// The explanation of a failure, and the suggestions of its buttons.
#[derive(Debug)]
struct Explained {
    diagnosis: OauthDiagnosis,
    peer_text: String,
    cause: String,
    steps: String,
    fills: Vec<(Field, String)>,
}

impl Explained {
    fn of(now: TokenView) -> Self {
        let Some(AttemptOutcome::Failed(failure)) = now.attempt.and_then(|attempt| attempt.end)
        else {
            panic!("it did not fail")
        };
        let Explanation { cause, steps, .. } = now.ended.expect("an explanation");
        Self {
            diagnosis: failure.diagnosis,
            peer_text: failure.peer_text.unwrap_or_default(),
            cause,
            steps: steps.iter().map(|step| step.text.as_str()).collect::<Vec<_>>().join(" | "),
            fills: steps
                .into_iter()
                .filter_map(|step| step.fill)
                .map(|fill| (fill.field, fill.value))
                .collect(),
        }
    }

    /// The whole explanation without the provider's text.
    fn all(&self) -> String {
        format!("{} | {}", self.cause, self.steps)
    }

    /// Asserts that cause, steps and the provider's text contain these parts, and that the
    /// explanation contains none of the foreign terms.
    fn expect(&self, [cause, steps, peer_text]: [&str; 3], foreign: &[&str]) {
        assert!(self.cause.contains(cause), "{cause}: {self:?}");
        assert!(self.steps.contains(steps), "{steps}: {self:?}");
        assert!(self.peer_text.contains(peer_text), "{peer_text}: {self:?}");
        for term in foreign {
            assert!(!self.all().contains(term), "{term}: {self:?}");
        }
    }
}

impl OauthFixture {
    /// Starts with this flow and edits saved.
    async fn with_edits(flow: OauthFlow, edits: &[(Field, &str)]) -> Self {
        let fixture = Self::with(flow).await;
        fixture.saved(&edited(&fixture.draft(flow), edits), 1, None).await;
        fixture
    }

    /// Requests a token with Client Credentials, and returns the explanation of its failure.
    async fn fail_with_client_credentials(&self) -> Explained {
        self.request_token().await;
        Explained::of(self.view().await)
    }

    /// The same with this response to the request.
    async fn fail_request(&self, body: &str) -> Explained {
        self.provider.fail_next("400 Bad Request", body);
        self.fail_with_client_credentials().await
    }

    /// The same with a scripted Token Endpoint; also returns the requests that it received.
    async fn fail_with_response(path: &str, turn: Turn) -> (Explained, Vec<RecordedRequest>) {
        let provider = ScriptedProvider::play([turn]);
        let endpoint = format!("http://{}{path}", provider.address());
        let case = Self::with_edits(CLIENT_CREDENTIALS, &[(Field::TokenEndpoint, &endpoint)]).await;
        (case.fail_with_client_credentials().await, provider.asked())
    }

    /// Consents, with this response to the code exchange.
    async fn fail_exchange(&self, body: &str) -> Explained {
        self.harness.clock.advance(TimeDelta::seconds(1));
        self.provider.fail_next("400 Bad Request", body);
        let returning = self.consent().await;
        self.land(&returning.address, &returning.cookie).await;
        Explained::of(self.view().await)
    }

    /// Consents, with this query at the callback.
    async fn fail_at_callback(&self, query: &str) -> Explained {
        self.harness.clock.advance(TimeDelta::seconds(1));
        let returning = self.consent().await;
        let url = url::Url::parse(&returning.address).expect("an address");
        let state: String = byte_serialize(param(&url, "state").as_bytes()).collect();
        let address = format!("{CALLBACK}?{query}&state={state}");
        self.land(&address, &returning.cookie).await;
        Explained::of(self.view().await)
    }
}

#[tokio::test]
async fn a_redirect_is_explained_by_the_difference_and_its_target_is_suggested() {
    let turn = Turn::answer("301 Moved Permanently", &["Location: /o/token/"], "");
    let (explained, asked) = OauthFixture::fail_with_response("/o/token", turn).await;
    assert_eq!(explained.diagnosis, OauthDiagnosis::Redirected);
    assert!(explained.cause.contains("it ends with a slash"), "{}", explained.cause);
    let [(field, value)] = explained.fills.as_slice() else { panic!("{:?}", explained.fills) };
    assert_eq!(*field, Field::TokenEndpoint);
    assert!(value.ends_with("/o/token/"), "{value}");
    assert_eq!(asked.len(), 1, "nothing is sent there");
}

#[tokio::test]
async fn a_bot_guard_a_sign_in_page_and_a_network_page_are_distinguished() {
    let html = "Content-Type: text/html";
    let just_a_moment = "<!DOCTYPE html><title>Just a moment...</title>";
    for (turn, diagnosis, expected) in [
        (
            Turn::answer("403 Forbidden", &["cf-mitigated: challenge", html], just_a_moment),
            OauthDiagnosis::BotGuard,
            ["A bot guard in front of the provider", "Ask the provider's administrator", ""],
        ),
        (
            Turn::answer("200 OK", &[html], "<form><input type='password'></form>"),
            OauthDiagnosis::SignInPage,
            ["A sign-in page answers", "Enter the provider's token endpoint", ""],
        ),
        (
            Turn::answer("511 Network Authentication Required", &[html], "<p>Welcome"),
            OauthDiagnosis::NetworkPage,
            ["A device in your network answered", "Ask your network's administrator", ""],
        ),
    ] {
        let (explained, _) = OauthFixture::fail_with_response("/token", turn).await;
        assert_eq!(explained.diagnosis, diagnosis);
        explained.expect(expected, &["swapped"]);
    }
}

#[tokio::test]
async fn with_client_credentials_an_unknown_tenant_is_explained_without_terms_of_other_flows() {
    let case = OauthFixture::with(CLIENT_CREDENTIALS).await;
    let body = r#"{"error":"invalid_request","error_description":"AADSTS90002: Tenant 'contosso.onmicrosoft.com' not found.","error_codes":[90002]}"#;
    let expected = [
        "the tenant in the endpoints is wrong",
        "Look for a typing mistake in the tenant",
        "Tenant 'contosso.onmicrosoft.com' not found.",
    ];
    let foreign = ["Redirect URI", "consent", "Authorization Endpoint", "sign in"];
    case.fail_request(body).await.expect(expected, &foreign);
}

#[tokio::test]
async fn with_client_credentials_a_refused_grant_is_explained_without_a_code() {
    let case = OauthFixture::with(CLIENT_CREDENTIALS).await;
    let explained = case.fail_request(r#"{"error":"invalid_grant"}"#).await;
    let words = "The provider does not give this application a token.";
    assert!(explained.cause.ends_with(words), "{explained:?}");
    explained.expect([words, "Check Client ID, Client Secret and Scope.", ""], &["code"]);
}

#[tokio::test]
async fn a_comma_in_scope_is_explained_at_the_consent_page_without_asking_for_a_secret() {
    let scope = "https://outlook.office.com/SMTP.Send,offline_access";
    let case = OauthFixture::with_edits(CODE, &[(Field::Scope, scope)]).await;
    let query = "error=invalid_client&error_description=AADSTS650053%3a+The+application+asked+for+scope+%27SMTP.Send%2coffline_access%27+that+doesn%27t+exist";
    let explained = case.fail_at_callback(query).await;
    explained.expect(["Separate scopes with spaces", "", "AADSTS650053"], &["Secret"]);
    let expected = "https://outlook.office.com/SMTP.Send offline_access";
    assert_eq!(explained.fills, [(Field::Scope, expected.to_owned())]);
}

#[tokio::test]
async fn a_single_tenant_application_needs_its_tenant_in_the_endpoints() {
    let case = OauthFixture::with(CODE).await;
    let query = "error=invalid_request&error_description=AADSTS50194%3a+Application+is+not+configured+as+a+multi-tenant+application.+Use+a+tenant-specific+endpoint";
    let step = "into Authorization Endpoint and Token Endpoint in place of common";
    let expected = ["The endpoints have to name your tenant.", step, ""];
    case.fail_at_callback(query).await.expect(expected, &[]);
}

#[tokio::test]
async fn a_space_at_the_end_of_client_id_is_reported() {
    let client_id = "11111111-2222-3333-4444-555555555555 ";
    let case = OauthFixture::with_edits(CLIENT_CREDENTIALS, &[(Field::ClientId, client_id)]).await;
    let body = r#"{"error":"unauthorized_client","error_description":"AADSTS700016: Application with identifier '11111111-2222-3333-4444-555555555555 ' was not found in the directory 'Contoso'."}"#;
    let explained = case.fail_request(body).await;
    explained.expect(["Client ID has a space at the end", "", ""], &["another OAuth Flow"]);
    assert_eq!(explained.fills, [(Field::ClientId, client_id.trim().to_owned())]);
}

#[tokio::test]
async fn tokens_that_have_expired_on_arrival_are_reported_without_advice_to_sign_in() {
    for expires_in in [0, -5] {
        let case = OauthFixture::with(CLIENT_CREDENTIALS).await;
        case.provider.rule(|rules| rules.expires_in = Some(expires_in.into()));
        let explained = case.fail_with_client_credentials().await;
        assert_eq!(explained.diagnosis, OauthDiagnosis::ExpiredOnArrival);
        let steps = "Correct the lifetime of access tokens";
        explained.expect(["have expired when they arrive", steps, ""], &["sign"]);
        assert_eq!(case.token().await, None);
    }
}

#[tokio::test]
async fn a_token_that_has_expired_on_arrival_beside_a_refresh_token_is_reported_too() {
    let expires_at_once = |rules: &mut Rules| rules.expires_in = Some(0.into());
    let fixture = OauthFixture::with_token_by(CODE, expires_at_once).await;
    let explanation = fixture.view().await.ended.expect("an explanation");
    assert!(explanation.cause.contains("have expired when they arrive"), "{explanation:?}");
}

#[tokio::test]
async fn a_refresh_that_yields_an_expired_token_keeps_its_refresh_token_and_reports_it() {
    let fixture = OauthFixture::with_token(CODE).await;
    fixture.provider.rule(|rules| rules.expires_in = Some(0.into()));
    fixture.harness.clock.advance(TimeDelta::hours(2));
    fixture.send().await;
    let token = fixture.token().await.expect("a token");
    let Renewal::Failing { failure, .. } = &token.renewal else { panic!("{token:?}") };
    assert_eq!(failure.diagnosis, OauthDiagnosis::ExpiredOnArrival);
    fixture.provider.rule(|rules| rules.expires_in = None);
    fixture.harness.clock.advance(TimeDelta::minutes(1));
    fixture.send().await;
    assert_eq!(fixture.token().await.expect("a token").renewal, Renewal::ByItself);
    assert_eq!(fixture.provider.reused(), 0, "the rotated one was kept");
}

#[tokio::test]
async fn a_refused_consent_is_reported_as_declined_with_either_code() {
    let case = OauthFixture::with(CODE).await;
    for error in ["access_denied", "consent_required"] {
        let explained = case.fail_at_callback(&format!("error={error}")).await;
        assert_eq!(explained.diagnosis, OauthDiagnosis::AccessDenied);
        assert!(explained.cause.ends_with("The consent was declined."), "{}", explained.cause);
    }
}

#[tokio::test]
async fn a_provider_that_requires_pkce_makes_that_flow_a_suggestion() {
    let pkce = [(Field::Flow, "authorization-code-pkce".to_owned())];
    for description in ["Code challenge required", "code_verifier is missing"] {
        let case = OauthFixture::with(CODE).await;
        let body = format!(r#"{{"error":"invalid_request","error_description":"{description}"}}"#);
        let explained = case.fail_exchange(&body).await;
        assert!(explained.cause.contains("The provider requires PKCE"), "{}", explained.cause);
        assert_eq!(explained.fills, pkce, "{description}");
        let query = format!("error=invalid_request&error_description={description}");
        let explained = case.fail_at_callback(&query.replace(' ', "+")).await;
        assert_eq!(explained.fills, pkce, "{description}");
    }
}

#[tokio::test]
async fn an_administrators_consent_is_reported_as_one() {
    let case = OauthFixture::with(CODE).await;
    let explained = case.fail_at_callback("admin_consent=True&tenant=a-tenant").await;
    assert_eq!(explained.diagnosis, OauthDiagnosis::AdminConsented);
    let expected = ["an administrator has granted consent", "Press Get Auth Token", ""];
    explained.expect(expected, &[]);

    let landed = case.land(&format!("{CALLBACK}?admin_consent=True&tenant=t"), "").await;
    let page = landed.header("location").to_owned();
    assert_eq!(page, "/oauth/result?fault=admin-consented");
    let page = case.get(&page, "").await;
    assert!(page.body.contains("Consent was granted"), "{}", page.body);
    assert!(page.body.contains("Press Get Auth Token"), "{}", page.body);
}

#[tokio::test]
async fn a_provider_that_is_down_during_a_refresh_is_reported_as_temporary() {
    let fixture = OauthFixture::with(CODE).await;
    let provider = ScriptedProvider::play([
        Turn::json("200 OK", r#"{"access_token":"a","refresh_token":"b","expires_in":3600}"#),
        Turn::raw(""),
    ]);
    let edit = (Field::TokenEndpoint, provider.token_endpoint());
    fixture.saved(&edited(&fixture.draft(CODE), &[edit]), 1, None).await;
    fixture.obtain().await;
    fixture.harness.clock.advance(TimeDelta::hours(2));
    fixture.send().await;
    let explanation = until_some(async || fixture.view().await.renewal).await;
    assert!(explanation.cause.contains("cannot be reached at the moment"), "{explanation:?}");
    assert_eq!(explanation.steps[0].text, "PPM tries again automatically.");
    let explained = format!("{explanation:?}");
    assert!(!explained.contains("Check Token Endpoint"), "{explained}");
}

/// Parts of causes, each with Microsoft's error numbers (AADSTS) that have it.
const AADSTS_CAUSES: [(&str, &[u32]); 23] = [
    ("Client Secret is wrong", &[7_000_215]),
    ("Client Secret has expired", &[7_000_222]),
    ("no application with this Client ID", &[700_016]),
    ("is disabled", &[7_000_112]),
    ("has no tenant with this name or ID", &[90_002, 900_023]),
    ("have to name your tenant", &[50_059, 50_194]),
    ("Redirect URI is not registered", &[50_011, 500_113, 900_971]),
    ("no consent yet", &[65_001]),
    ("does not know the service", &[500_011]),
    ("does not accept Scope", &[70_011, 28_002, 28_003]),
    ("a permission that does not exist", &[650_053]),
    ("lacks a parameter", &[900_144]),
    ("a parameter twice", &[9_000_411]),
    ("consent was withdrawn", &[50_173]),
    ("not used for too long", &[700_082]),
    ("sign-in frequency", &[70_043]),
    ("Conditional Access policy blocks", &[53_003]),
    ("is not assigned", &[50_105]),
    ("a second factor", &[50_076, 50_079]),
    ("belongs to another tenant", &[50_020, 500_208]),
    ("is a public client", &[700_025]),
    ("is a confidential client", &[7_000_218]),
    ("single-page application", &[9_002_326, 9_002_327]),
];

#[tokio::test]
async fn each_aadsts_number_has_a_cause_and_steps_beside_the_providers_text() {
    // In chunks, because consents from one address are throttled.
    for causes in AADSTS_CAUSES.chunks(4) {
        let case = OauthFixture::with(CODE).await;
        for (cause, numbers) in causes {
            for number in *numbers {
                let body = format!(
                    r#"{{"error":"invalid_grant","error_description":"AADSTS{number}: Its words. Trace ID: 0f8fad5b"}}"#
                );
                let explained = case.fail_exchange(&body).await;
                explained.expect([cause, " | ", "Its words. Trace ID: 0f8fad5b"], &[]);
            }
        }
    }
}

#[tokio::test]
async fn an_aadsts_number_does_not_decide_the_diagnosis() {
    let case = OauthFixture::with(CODE).await;
    for number in [7_000_215, 999_999] {
        let body = format!(
            r#"{{"error":"invalid_scope","error_description":"AADSTS{number}: Its words."}}"#
        );
        let explained = case.fail_exchange(&body).await;
        assert_eq!(explained.diagnosis, OauthDiagnosis::InvalidScope, "{number}");
    }
}
