//! Explanations of failed token requests: the provider's text, the cause, and steps that fit flow
//! and stage. Over sockets, from Get Auth Token to the explanation.

use chrono::TimeDelta;
use contract::EmailService;
use contract::Explanation;
use contract::{SaveAnswer, TokenView};
use domain::token::{AttemptOutcome, OauthDiagnosis, Renewal};
use domain::{Draft, Field, OauthFlow};
use url::form_urlencoded::byte_serialize;

use crate::support::oauth_fixture::{CALLBACK, OauthFixture, a_moment};
use testkit::provider::{RecordedRequest, ScriptedProvider, Turn};

const CODE: OauthFlow = OauthFlow::AuthorizationCode;
const CLIENT_CREDENTIALS: OauthFlow = OauthFlow::ClientCredentials;

/// A fixture with edited and saved settings.
struct Case {
    world: OauthFixture,
}

/// The explanation of a failure, and the suggestions of its buttons.
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
                .filter_map(|step| step.fill.map(|fill| (fill.field, fill.value)))
                .collect(),
        }
    }

    /// The whole explanation without the provider's text.
    fn all(&self) -> String {
        format!("{} | {}", self.cause, self.steps)
    }
}

impl Case {
    async fn with(flow: OauthFlow, edits: &[(Field, &str)]) -> Self {
        let case = Self { world: OauthFixture::with(flow).await };
        let mut draft = case.world.draft(flow);
        for (field, text) in edits {
            draft.edit(*field, *text);
        }
        if !edits.is_empty() {
            case.save(&draft).await;
        }
        case
    }

    async fn save(&self, draft: &Draft) {
        let saved = self.world.save(draft, 1).await;
        assert!(matches!(saved, SaveAnswer::Saved(_)), "{saved:?}");
    }

    async fn now(&self) -> TokenView {
        self.world.service().token(&self.world.ada).await.expect("an answer")
    }

    /// Requests a token with Client Credentials, and returns the explanation of its failure.
    async fn fail_with_client_credentials(&self) -> Explained {
        let service = self.world.service();
        let begun = service.get_token(&self.world.ada, CALLBACK, true).await.expect("an attempt");
        self.world.end_of(&begun.attempt.id).await;
        Explained::of(self.now().await)
    }

    /// The same with a scripted Token Endpoint; also returns the requests that it received.
    async fn fail_with_response(
        flow: OauthFlow,
        path: &str,
        turn: Turn,
    ) -> (Explained, Vec<RecordedRequest>) {
        let provider = ScriptedProvider::play([turn]);
        let endpoint = format!("http://{}{path}", provider.address());
        let case = Self::with(flow, &[(Field::TokenEndpoint, &endpoint)]).await;
        (case.fail_with_client_credentials().await, provider.asked())
    }

    /// Consents, with this response to the code exchange.
    async fn fail_exchange(&self, status: &str, body: &str) -> Explained {
        self.world.harness.clock.advance(TimeDelta::seconds(1));
        self.world.provider.fail_next(status, body);
        let returning = self.world.consent().await;
        self.world.land(&returning.address, &returning.cookie).await;
        Explained::of(self.now().await)
    }

    /// Consents, with this query at the callback.
    async fn fail_at_callback(&self, query: &str) -> Explained {
        self.world.harness.clock.advance(TimeDelta::seconds(1));
        let returning = self.world.consent().await;
        let url = url::Url::parse(&returning.address).expect("an address");
        let state = url.query_pairs().find(|(name, _)| name == "state").expect("a state").1;
        let state: String = byte_serialize(state.as_bytes()).collect();
        let address = format!("{CALLBACK}?{query}&state={state}");
        self.world.land(&address, &returning.cookie).await;
        Explained::of(self.now().await)
    }
}

#[tokio::test]
async fn a_redirect_is_explained_by_the_difference_and_its_target_is_suggested() {
    let turn = Turn::answer("301 Moved Permanently", &["Location: /o/token/"], "");
    let (explained, asked) = Case::fail_with_response(CLIENT_CREDENTIALS, "/o/token", turn).await;
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
    for (turn, diagnosis, cause, step) in [
        (
            Turn::answer(
                "403 Forbidden",
                &["cf-mitigated: challenge", html],
                "<!DOCTYPE html><title>Just a moment...</title>",
            ),
            OauthDiagnosis::BotGuard,
            "A bot guard in front of the provider",
            "Ask the provider's administrator",
        ),
        (
            Turn::answer("200 OK", &[html], "<form><input type='password'></form>"),
            OauthDiagnosis::SignInPage,
            "A sign-in page answers",
            "Enter the provider's token endpoint",
        ),
        (
            Turn::answer("511 Network Authentication Required", &[html], "<p>Welcome"),
            OauthDiagnosis::NetworkPage,
            "A device in your network answered",
            "Ask your network's administrator",
        ),
    ] {
        let (explained, _) = Case::fail_with_response(CLIENT_CREDENTIALS, "/token", turn).await;
        assert_eq!(explained.diagnosis, diagnosis);
        assert!(explained.cause.contains(cause), "{}", explained.cause);
        assert!(explained.steps.contains(step), "{}", explained.steps);
        assert!(!explained.all().contains("swapped"), "{}", explained.all());
    }
}

#[tokio::test]
async fn with_client_credentials_an_unknown_tenant_is_explained_without_terms_of_other_flows() {
    let case = Case::with(CLIENT_CREDENTIALS, &[]).await;
    let body = r#"{"error":"invalid_request","error_description":"AADSTS90002: Tenant 'contosso.onmicrosoft.com' not found.","error_codes":[90002]}"#;
    case.world.provider.fail_next("400 Bad Request", body);
    let explained = case.fail_with_client_credentials().await;
    assert!(
        explained.cause.contains("the tenant in the endpoints is wrong"),
        "{}",
        explained.cause
    );
    assert!(
        explained.steps.contains("Look for a typing mistake in the tenant"),
        "{}",
        explained.steps
    );
    assert!(
        explained.peer_text.contains("Tenant 'contosso.onmicrosoft.com' not found."),
        "{}",
        explained.peer_text
    );
    for foreign in ["Redirect URI", "consent", "Authorization Endpoint", "sign in"] {
        assert!(!explained.all().contains(foreign), "{}", explained.all());
    }
}

#[tokio::test]
async fn with_client_credentials_a_refused_grant_is_explained_without_a_code() {
    let case = Case::with(CLIENT_CREDENTIALS, &[]).await;
    case.world.provider.fail_next("400 Bad Request", r#"{"error":"invalid_grant"}"#);
    let explained = case.fail_with_client_credentials().await;
    assert!(
        explained.cause.ends_with("The provider does not give this application a token."),
        "{}",
        explained.cause
    );
    assert!(
        explained.steps.contains("Check Client ID, Client Secret and Scope."),
        "{}",
        explained.steps
    );
    assert!(!explained.all().contains("code"), "{}", explained.all());
}

#[tokio::test]
async fn a_comma_in_scope_is_explained_at_the_consent_page_without_asking_for_a_secret() {
    let scope = "https://outlook.office.com/SMTP.Send,offline_access";
    let case = Case::with(CODE, &[(Field::Scope, scope)]).await;
    let query = "error=invalid_client&error_description=AADSTS650053%3a+The+application+asked+for+scope+%27SMTP.Send%2coffline_access%27+that+doesn%27t+exist";
    let explained = case.fail_at_callback(query).await;
    assert!(explained.cause.contains("Separate scopes with spaces"), "{}", explained.cause);
    let expected = "https://outlook.office.com/SMTP.Send offline_access";
    assert_eq!(explained.fills, [(Field::Scope, expected.to_owned())]);
    assert!(!explained.all().contains("Secret"), "{}", explained.all());
    assert!(explained.peer_text.contains("AADSTS650053"), "{}", explained.peer_text);
}

#[tokio::test]
async fn a_single_tenant_application_needs_its_tenant_in_the_endpoints() {
    let case = Case::with(CODE, &[]).await;
    let query = "error=invalid_request&error_description=AADSTS50194%3a+Application+is+not+configured+as+a+multi-tenant+application.+Use+a+tenant-specific+endpoint";
    let explained = case.fail_at_callback(query).await;
    assert!(
        explained.cause.contains("The endpoints have to name your tenant."),
        "{}",
        explained.cause
    );
    let step = "into Authorization Endpoint and Token Endpoint in place of common";
    assert!(explained.steps.contains(step), "{}", explained.steps);
}

#[tokio::test]
async fn a_space_at_the_end_of_client_id_is_reported() {
    let client_id = "11111111-2222-3333-4444-555555555555 ";
    let case = Case::with(CLIENT_CREDENTIALS, &[(Field::ClientId, client_id)]).await;
    let body = r#"{"error":"unauthorized_client","error_description":"AADSTS700016: Application with identifier '11111111-2222-3333-4444-555555555555 ' was not found in the directory 'Contoso'."}"#;
    case.world.provider.fail_next("400 Bad Request", body);
    let explained = case.fail_with_client_credentials().await;
    assert!(explained.cause.contains("Client ID has a space at the end"), "{}", explained.cause);
    assert_eq!(explained.fills, [(Field::ClientId, client_id.trim().to_owned())]);
    assert!(!explained.all().contains("another OAuth Flow"), "{}", explained.all());
}

#[tokio::test]
async fn tokens_that_have_expired_on_arrival_are_reported_without_advice_to_sign_in() {
    for expires_in in [0, -5] {
        let case = Case::with(CLIENT_CREDENTIALS, &[]).await;
        case.world.provider.rule(|rules| rules.expires_in = Some(expires_in.into()));
        let explained = case.fail_with_client_credentials().await;
        assert_eq!(explained.diagnosis, OauthDiagnosis::ExpiredOnArrival);
        assert!(explained.cause.contains("have expired when they arrive"), "{}", explained.cause);
        assert!(
            explained.steps.contains("Correct the lifetime of access tokens"),
            "{}",
            explained.steps
        );
        assert!(!explained.all().contains("sign"), "{}", explained.all());
        assert_eq!(case.world.token().await, None);
    }
}

#[tokio::test]
async fn a_token_that_has_expired_on_arrival_beside_a_refresh_token_is_reported_too() {
    let case = Case::with(CODE, &[]).await;
    case.world.provider.rule(|rules| rules.expires_in = Some(0.into()));
    case.world.obtain().await;
    let explanation = case.now().await.ended.expect("an explanation");
    assert!(explanation.cause.contains("have expired when they arrive"), "{explanation:?}");
}

#[tokio::test]
async fn a_refresh_that_yields_an_expired_token_keeps_its_refresh_token_and_reports_it() {
    let world = OauthFixture::with_token(CODE).await;
    world.provider.rule(|rules| rules.expires_in = Some(0.into()));
    world.harness.clock.advance(TimeDelta::hours(2));
    world.send().await;
    let token = world.token().await.expect("a token");
    let Renewal::Failing { failure, .. } = &token.renewal else { panic!("{token:?}") };
    assert_eq!(failure.diagnosis, OauthDiagnosis::ExpiredOnArrival);
    world.provider.rule(|rules| rules.expires_in = None);
    world.harness.clock.advance(TimeDelta::minutes(1));
    world.send().await;
    assert_eq!(world.token().await.expect("a token").renewal, Renewal::ByItself);
    assert_eq!(world.provider.reused(), 0, "the rotated one was kept");
}

#[tokio::test]
async fn a_refused_consent_is_reported_as_declined_with_either_code() {
    let case = Case::with(CODE, &[]).await;
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
        let case = Case::with(CODE, &[]).await;
        let body = format!(r#"{{"error":"invalid_request","error_description":"{description}"}}"#);
        let explained = case.fail_exchange("400 Bad Request", &body).await;
        assert!(explained.cause.contains("The provider requires PKCE"), "{}", explained.cause);
        assert_eq!(explained.fills, pkce, "{description}");
        let query = format!("error=invalid_request&error_description={description}");
        assert_eq!(
            case.fail_at_callback(&query.replace(' ', "+")).await.fills,
            pkce,
            "{description}"
        );
    }
}

#[tokio::test]
async fn an_administrators_consent_is_reported_as_one() {
    let case = Case::with(CODE, &[]).await;
    let explained = case.fail_at_callback("admin_consent=True&tenant=a-tenant").await;
    assert_eq!(explained.diagnosis, OauthDiagnosis::AdminConsented);
    assert!(
        explained.cause.contains("an administrator has granted consent"),
        "{}",
        explained.cause
    );
    assert!(explained.steps.contains("Press Get Auth Token"), "{}", explained.steps);

    let landed = case.world.land(&format!("{CALLBACK}?admin_consent=True&tenant=t"), "").await;
    let page = landed.header("location").to_owned();
    assert_eq!(page, "/oauth/result?fault=admin-consented");
    let page = case.world.get(&page, "").await;
    assert!(page.body.contains("Consent was granted"), "{}", page.body);
    assert!(page.body.contains("Press Get Auth Token"), "{}", page.body);
}

#[tokio::test]
async fn a_provider_that_is_down_during_a_refresh_is_reported_as_temporary() {
    let world = OauthFixture::with(CODE).await;
    let provider = ScriptedProvider::play([
        Turn::json("200 OK", r#"{"access_token":"a","refresh_token":"b","expires_in":3600}"#),
        Turn::raw(""),
    ]);
    let mut draft = world.draft(CODE);
    draft.edit(Field::TokenEndpoint, provider.token_endpoint());
    assert!(matches!(world.save(&draft, 1).await, SaveAnswer::Saved(_)));
    world.obtain().await;
    world.harness.clock.advance(TimeDelta::hours(2));
    world.send().await;
    let now = loop {
        let now = world.service().token(&world.ada).await.expect("an answer");
        if now.renewal.is_some() {
            break now;
        }
        a_moment().await;
    };
    let explanation = now.renewal.expect("an explanation");
    assert!(explanation.cause.contains("cannot be reached at the moment"), "{explanation:?}");
    assert_eq!(explanation.steps[0].text, "PPM tries again automatically.");
    let explained = format!("{explanation:?}");
    assert!(!explained.contains("Check Token Endpoint"), "{explained}");
}

/// Microsoft's error numbers (AADSTS) that have a specific cause, with a part of that cause.
const AADSTS_NUMBERS: [(u32, &str); 32] = [
    (7_000_215, "Client Secret is wrong"),
    (7_000_222, "Client Secret has expired"),
    (700_016, "no application with this Client ID"),
    (7_000_112, "is disabled"),
    (90_002, "knows no such tenant"),
    (900_023, "knows no such tenant"),
    (50_059, "have to name your tenant"),
    (50_194, "have to name your tenant"),
    (50_011, "Redirect URI is not registered"),
    (500_113, "Redirect URI is not registered"),
    (900_971, "Redirect URI is not registered"),
    (65_001, "no consent yet"),
    (500_011, "does not know the service"),
    (70_011, "does not accept Scope"),
    (650_053, "a permission that does not exist"),
    (28_002, "does not accept Scope"),
    (28_003, "does not accept Scope"),
    (900_144, "lacks a parameter"),
    (9_000_411, "a parameter twice"),
    (50_173, "consent was withdrawn"),
    (700_082, "not used for too long"),
    (70_043, "sign-in frequency"),
    (53_003, "Conditional Access policy blocks"),
    (50_105, "is not assigned"),
    (50_076, "a second factor"),
    (50_079, "a second factor"),
    (50_020, "belongs to another tenant"),
    (500_208, "belongs to another tenant"),
    (700_025, "is a public client"),
    (7_000_218, "is a confidential client"),
    (9_002_326, "single-page application"),
    (9_002_327, "single-page application"),
];

#[tokio::test]
async fn each_aadsts_number_has_a_cause_and_steps_beside_the_providers_text() {
    // In chunks, because consents from one address are throttled.
    for numbers in AADSTS_NUMBERS.chunks(8) {
        let case = Case::with(CODE, &[]).await;
        for (number, cause) in numbers {
            let body = format!(
                r#"{{"error":"invalid_grant","error_description":"AADSTS{number}: Its words. Trace ID: 0f8fad5b"}}"#
            );
            let explained = case.fail_exchange("400 Bad Request", &body).await;
            assert!(explained.cause.contains(cause), "{number}: {}", explained.cause);
            assert!(explained.steps.contains(" | "), "{number}: {}", explained.steps);
            assert!(
                explained.peer_text.contains("Its words. Trace ID: 0f8fad5b"),
                "{number}: {}",
                explained.peer_text
            );
        }
    }
}

#[tokio::test]
async fn an_aadsts_number_does_not_decide_the_diagnosis() {
    let case = Case::with(CODE, &[]).await;
    for number in [7_000_215, 999_999] {
        let body = format!(
            r#"{{"error":"invalid_scope","error_description":"AADSTS{number}: Its words."}}"#
        );
        let explained = case.fail_exchange("400 Bad Request", &body).await;
        assert_eq!(explained.diagnosis, OauthDiagnosis::InvalidScope, "{number}");
    }
}
