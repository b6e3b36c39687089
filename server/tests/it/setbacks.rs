//! What an administrator reads when no token comes: the cause, in the provider's words and in ours, and
//! steps that fit the flow and the leg. Over sockets, from Get Auth Token to the explanation.

use app::api::{SaveAnswer, TokenNow};
use app::explanation::Explanation;
use app::service::EmailService;
use chrono::TimeDelta;
use domain::token::{AttemptEnd, Fault, Renewal};
use domain::{Draft, Field, OauthFlow};
use url::form_urlencoded::byte_serialize;

use crate::support::oauth_world::{CALLBACK, World, a_moment};
use crate::support::provider::{Asked, ScriptedProvider, Turn};

const CODE: OauthFlow = OauthFlow::AuthorizationCode;
const ITSELF: OauthFlow = OauthFlow::ClientCredentials;

/// A world with one saved form more.
struct Case {
    world: World,
}

/// What there is to read, and what the buttons put into the form.
struct Told {
    fault: Fault,
    said: String,
    cause: String,
    steps: String,
    fills: Vec<(Field, String)>,
}

impl Told {
    fn of(now: TokenNow) -> Self {
        let Some(AttemptEnd::Failed(setback)) = now.attempt.and_then(|attempt| attempt.end) else {
            panic!("it did not fail")
        };
        let Explanation { cause, steps, .. } = now.ended.expect("an explanation");
        Self {
            fault: setback.fault,
            said: setback.said.unwrap_or_default(),
            cause,
            steps: steps.iter().map(|step| step.text.as_str()).collect::<Vec<_>>().join(" | "),
            fills: steps
                .into_iter()
                .filter_map(|step| step.fill.map(|fill| (fill.field, fill.value)))
                .collect(),
        }
    }

    /// Everything that is read but the provider's words.
    fn all(&self) -> String {
        format!("{} | {}", self.cause, self.steps)
    }
}

impl Case {
    async fn with(flow: OauthFlow, edits: &[(Field, &str)]) -> Self {
        let case = Self { world: World::with(flow).await };
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

    async fn now(&self) -> TokenNow {
        self.world.service().token(&self.world.ada).await.expect("an answer")
    }

    /// Presses Get Auth Token, with Client Credentials.
    async fn asked_as_itself(&self) -> Told {
        let service = self.world.service();
        let begun = service.get_token(&self.world.ada, CALLBACK, true).await.expect("an attempt");
        self.world.end_of(&begun.attempt.id).await;
        Told::of(self.now().await)
    }

    /// The same where the Token Endpoint answers so; and what it was asked.
    async fn answered(flow: OauthFlow, path: &str, turn: Turn) -> (Told, Vec<Asked>) {
        let provider = ScriptedProvider::play([turn]);
        let endpoint = format!("http://{}{path}", provider.address());
        let case = Self::with(flow, &[(Field::TokenEndpoint, &endpoint)]).await;
        (case.asked_as_itself().await, provider.asked())
    }

    /// Consents, and has the code refused so.
    async fn refused_exchange(&self, status: &str, body: &str) -> Told {
        self.world.harness.clock.advance(TimeDelta::seconds(1));
        self.world.provider.fail_next(status, body);
        let returning = self.world.consent().await;
        self.world.land(&returning.address, &returning.cookie).await;
        Told::of(self.now().await)
    }

    /// Comes back from the provider's page with this query.
    async fn came_back(&self, query: &str) -> Told {
        self.world.harness.clock.advance(TimeDelta::seconds(1));
        let returning = self.world.consent().await;
        let url = url::Url::parse(&returning.address).expect("an address");
        let state = url.query_pairs().find(|(name, _)| name == "state").expect("a state").1;
        let state: String = byte_serialize(state.as_bytes()).collect();
        let address = format!("{CALLBACK}?{query}&state={state}");
        self.world.land(&address, &returning.cookie).await;
        Told::of(self.now().await)
    }
}

#[tokio::test]
async fn a_redirect_is_told_with_what_differs_and_the_address_is_offered() {
    let turn = Turn::answer("301 Moved Permanently", &["Location: /o/token/"], "");
    let (told, asked) = Case::answered(ITSELF, "/o/token", turn).await;
    assert_eq!(told.fault, Fault::Redirected);
    assert!(told.cause.contains("it ends with a slash"), "{}", told.cause);
    let [(field, value)] = told.fills.as_slice() else { panic!("{:?}", told.fills) };
    assert_eq!(*field, Field::TokenEndpoint);
    assert!(value.ends_with("/o/token/"), "{value}");
    assert_eq!(asked.len(), 1, "nothing is sent there");
}

#[tokio::test]
async fn a_guard_a_sign_in_page_and_a_network_are_told_apart_with_who_can_help() {
    let html = "Content-Type: text/html";
    for (turn, fault, cause, step) in [
        (
            Turn::answer(
                "403 Forbidden",
                &["cf-mitigated: challenge", html],
                "<!DOCTYPE html><title>Just a moment...</title>",
            ),
            Fault::BotGuard,
            "A bot guard in front of the provider",
            "Ask the provider's administrator",
        ),
        (
            Turn::answer("200 OK", &[html], "<form><input type='password'></form>"),
            Fault::SignInPage,
            "A sign-in page answers",
            "Enter the provider's token endpoint",
        ),
        (
            Turn::answer("511 Network Authentication Required", &[html], "<p>Welcome"),
            Fault::NetworkPage,
            "A device in your network answered",
            "Ask your network's administrator",
        ),
    ] {
        let (told, _) = Case::answered(ITSELF, "/token", turn).await;
        assert_eq!(told.fault, fault);
        assert!(told.cause.contains(cause), "{}", told.cause);
        assert!(told.steps.contains(step), "{}", told.steps);
        assert!(!told.all().contains("swapped"), "{}", told.all());
    }
}

#[tokio::test]
async fn with_client_credentials_an_unknown_tenant_is_told_and_nothing_that_the_flow_does_not_use()
{
    let case = Case::with(ITSELF, &[]).await;
    let body = r#"{"error":"invalid_request","error_description":"AADSTS90002: Tenant 'contosso.onmicrosoft.com' not found.","error_codes":[90002]}"#;
    case.world.provider.fail_next("400 Bad Request", body);
    let told = case.asked_as_itself().await;
    assert!(told.cause.contains("the tenant in the endpoints is wrong"), "{}", told.cause);
    assert!(told.steps.contains("Look for a typing mistake in the tenant"), "{}", told.steps);
    assert!(told.said.contains("Tenant 'contosso.onmicrosoft.com' not found."), "{}", told.said);
    for foreign in ["Redirect URI", "consent", "Authorization Endpoint", "sign in"] {
        assert!(!told.all().contains(foreign), "{}", told.all());
    }
}

#[tokio::test]
async fn with_client_credentials_a_refused_grant_is_told_without_a_code() {
    let case = Case::with(ITSELF, &[]).await;
    case.world.provider.fail_next("400 Bad Request", r#"{"error":"invalid_grant"}"#);
    let told = case.asked_as_itself().await;
    assert!(
        told.cause.ends_with("The provider does not give this application a token."),
        "{}",
        told.cause
    );
    assert!(told.steps.contains("Check Client ID, Client Secret and Scope."), "{}", told.steps);
    assert!(!told.all().contains("code"), "{}", told.all());
}

#[tokio::test]
async fn a_comma_in_scope_is_told_at_the_consent_page_and_no_secret_is_asked_for() {
    let scope = "https://outlook.office.com/SMTP.Send,offline_access";
    let case = Case::with(CODE, &[(Field::Scope, scope)]).await;
    let query = "error=invalid_client&error_description=AADSTS650053%3a+The+application+asked+for+scope+%27SMTP.Send%2coffline_access%27+that+doesn%27t+exist";
    let told = case.came_back(query).await;
    assert!(told.cause.contains("Separate scopes with spaces"), "{}", told.cause);
    let expected = "https://outlook.office.com/SMTP.Send offline_access";
    assert_eq!(told.fills, [(Field::Scope, expected.to_owned())]);
    assert!(!told.all().contains("Secret"), "{}", told.all());
    assert!(told.said.contains("AADSTS650053"), "{}", told.said);
}

#[tokio::test]
async fn the_consent_page_of_an_application_of_one_tenant_wants_that_tenant() {
    let case = Case::with(CODE, &[]).await;
    let query = "error=invalid_request&error_description=AADSTS50194%3a+Application+is+not+configured+as+a+multi-tenant+application.+Use+a+tenant-specific+endpoint";
    let told = case.came_back(query).await;
    assert!(told.cause.contains("The endpoints have to name your tenant."), "{}", told.cause);
    let step = "into Authorization Endpoint and Token Endpoint in place of common";
    assert!(told.steps.contains(step), "{}", told.steps);
}

#[tokio::test]
async fn a_blank_at_the_end_of_client_id_is_named() {
    let client_id = "11111111-2222-3333-4444-555555555555 ";
    let case = Case::with(ITSELF, &[(Field::ClientId, client_id)]).await;
    let body = r#"{"error":"unauthorized_client","error_description":"AADSTS700016: Application with identifier '11111111-2222-3333-4444-555555555555 ' was not found in the directory 'Contoso'."}"#;
    case.world.provider.fail_next("400 Bad Request", body);
    let told = case.asked_as_itself().await;
    assert!(told.cause.contains("Client ID has a space at the end"), "{}", told.cause);
    assert_eq!(told.fills, [(Field::ClientId, client_id.trim().to_owned())]);
    assert!(!told.all().contains("another OAuth Flow"), "{}", told.all());
}

#[tokio::test]
async fn tokens_that_have_expired_on_arrival_are_told_at_once_and_nobody_is_sent_to_sign_in() {
    for expires_in in [0, -5] {
        let case = Case::with(ITSELF, &[]).await;
        case.world.provider.rule(|rules| rules.expires_in = Some(expires_in.into()));
        let told = case.asked_as_itself().await;
        assert_eq!(told.fault, Fault::ExpiredOnArrival);
        assert!(told.cause.contains("have expired when they arrive"), "{}", told.cause);
        assert!(told.steps.contains("Correct the lifetime of access tokens"), "{}", told.steps);
        assert!(!told.all().contains("sign"), "{}", told.all());
        assert_eq!(case.world.token().await, None);
    }
}

#[tokio::test]
async fn a_token_that_has_expired_on_arrival_beside_a_refresh_token_is_told_at_once_too() {
    let case = Case::with(CODE, &[]).await;
    case.world.provider.rule(|rules| rules.expires_in = Some(0.into()));
    case.world.obtain().await;
    let explanation = case.now().await.ended.expect("an explanation");
    assert!(explanation.cause.contains("have expired when they arrive"), "{explanation:?}");
}

#[tokio::test]
async fn a_renewal_that_brings_an_expired_token_keeps_its_refresh_token_and_says_so() {
    let world = World::with_token(CODE).await;
    world.provider.rule(|rules| rules.expires_in = Some(0.into()));
    world.harness.clock.advance(TimeDelta::hours(2));
    world.send().await;
    let token = world.token().await.expect("a token");
    let Renewal::Failing { setback, .. } = &token.renewal else { panic!("{token:?}") };
    assert_eq!(setback.fault, Fault::ExpiredOnArrival);
    world.provider.rule(|rules| rules.expires_in = None);
    world.harness.clock.advance(TimeDelta::minutes(1));
    world.send().await;
    assert_eq!(world.token().await.expect("a token").renewal, Renewal::ByItself);
    assert_eq!(world.provider.reused(), 0, "the rotated one was kept");
}

#[tokio::test]
async fn a_consent_that_a_person_refuses_is_declined_by_whatever_code() {
    let case = Case::with(CODE, &[]).await;
    for error in ["access_denied", "consent_required"] {
        let told = case.came_back(&format!("error={error}")).await;
        assert_eq!(told.fault, Fault::AccessDenied);
        assert!(told.cause.ends_with("The consent was declined."), "{}", told.cause);
    }
}

#[tokio::test]
async fn a_provider_that_wants_pkce_leads_to_that_flow_by_a_button() {
    let pkce = [(Field::Flow, "authorization-code-pkce".to_owned())];
    for description in ["Code challenge required", "code_verifier is missing"] {
        let case = Case::with(CODE, &[]).await;
        let body = format!(r#"{{"error":"invalid_request","error_description":"{description}"}}"#);
        let told = case.refused_exchange("400 Bad Request", &body).await;
        assert!(told.cause.contains("The provider requires PKCE"), "{}", told.cause);
        assert_eq!(told.fills, pkce, "{description}");
        let query = format!("error=invalid_request&error_description={description}");
        assert_eq!(case.came_back(&query.replace(' ', "+")).await.fills, pkce, "{description}");
    }
}

#[tokio::test]
async fn an_administrators_consent_is_told_as_one() {
    let case = Case::with(CODE, &[]).await;
    let told = case.came_back("admin_consent=True&tenant=a-tenant").await;
    assert_eq!(told.fault, Fault::AdminConsented);
    assert!(told.cause.contains("an administrator has granted consent"), "{}", told.cause);
    assert!(told.steps.contains("Press Get Auth Token"), "{}", told.steps);

    let landed = case.world.land(&format!("{CALLBACK}?admin_consent=True&tenant=t"), "").await;
    let page = landed.header("location").to_owned();
    assert_eq!(page, "/oauth/result?fault=admin-consented");
    let page = case.world.get(&page, "").await;
    assert!(page.body.contains("Consent was granted"), "{}", page.body);
    assert!(page.body.contains("Press Get Auth Token"), "{}", page.body);
}

#[tokio::test]
async fn a_provider_that_is_down_during_a_renewal_cannot_be_reached_at_the_moment() {
    let world = World::with(CODE).await;
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
    let told = format!("{explanation:?}");
    assert!(!told.contains("Check Token Endpoint"), "{told}");
}

/// Every number of which Microsoft's words have a cause of their own, and a part of it.
const NUMBERS: [(u32, &str); 32] = [
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
async fn each_of_microsofts_numbers_has_a_cause_and_steps_and_its_words_stay_beside() {
    // So many consents come from one address before it has to wait.
    for numbers in NUMBERS.chunks(8) {
        let case = Case::with(CODE, &[]).await;
        for (number, cause) in numbers {
            let body = format!(
                r#"{{"error":"invalid_grant","error_description":"AADSTS{number}: Its words. Trace ID: 0f8fad5b"}}"#
            );
            let told = case.refused_exchange("400 Bad Request", &body).await;
            assert!(told.cause.contains(cause), "{number}: {}", told.cause);
            assert!(told.steps.contains(" | "), "{number}: {}", told.steps);
            assert!(told.said.contains("Its words. Trace ID: 0f8fad5b"), "{number}: {}", told.said);
        }
    }
}

#[tokio::test]
async fn a_number_of_microsofts_decides_nothing() {
    let case = Case::with(CODE, &[]).await;
    for number in [7_000_215, 999_999] {
        let body = format!(
            r#"{{"error":"invalid_scope","error_description":"AADSTS{number}: Its words."}}"#
        );
        let told = case.refused_exchange("400 Bad Request", &body).await;
        assert_eq!(told.fault, Fault::InvalidScope, "{number}");
    }
}
