//! What a provider says about itself, and that nothing of it is believed that does not hold.

use std::time::Duration;

use app::api::ApiError;
use app::explanation::Findings;
use app::service::{EmailService, Principal, Role};
use domain::{Field, OauthFlow};
use serde_json::{Value, json};
use server::clock::Clock;
use server::oauth::TokenDeadlines;
use server::service::Service;
use server::store::providers::{self, Provider};

use crate::support::harness::{EMAIL, Harness, NAME, principal};
use crate::support::oauth_world::World;
use crate::support::provider::{ScriptedProvider, Turn};

/// A server, and a provider that plays a script.
struct Asking {
    harness: Harness,
    provider: ScriptedProvider,
    issuer: String,
}

impl Asking {
    /// What each turn is made of: the provider's own address.
    async fn of<const N: usize>(turns: impl FnOnce(&str) -> [Turn; N]) -> Self {
        let harness = Harness::with(|config| {
            config.token_deadlines =
                TokenDeadlines { connect: Duration::from_secs(2), total: Duration::from_secs(2) };
        })
        .await;
        let provider = ScriptedProvider::play([]);
        let issuer = format!("http://{}", provider.address());
        provider.plays_on(turns(&issuer));
        Self { harness, provider, issuer }
    }

    async fn findings(&self, typed: &str) -> Findings {
        let service = Service::new(self.harness.server.clone());
        service.discover(&principal("ada", EMAIL, NAME), typed).await.expect("findings")
    }

    /// The one thing that is wrong; then nothing is offered and nothing remembered.
    async fn lie(&self) -> String {
        let Findings { facts, explanations, fills } = self.findings(&self.issuer).await;
        assert!(facts.is_empty() && fills.is_empty(), "{facts:?} {fills:?}");
        let token_endpoint = format!("{}/token", self.issuer);
        let known = providers::of(&self.harness.server.store, &token_endpoint).await;
        assert_eq!(known.expect("an answer"), None);
        let [explanation] = <[_; 1]>::try_from(explanations).expect("one explanation");
        explanation.cause
    }
}

/// A description that holds.
fn described(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "code_challenge_methods_supported": ["plain", "S256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    })
}

fn with(mut description: Value, name: &str, value: impl Into<Value>) -> Turn {
    description[name] = value.into();
    Turn::json("200 OK", &description.to_string())
}

fn fact<'f>(findings: &'f Findings, name: &str) -> &'f str {
    let found = findings.facts.iter().find(|found| found.name == name);
    found.map_or("", |found| found.value.as_str())
}

#[tokio::test]
async fn what_a_provider_says_is_told_offered_and_remembered() {
    let asking = Asking::of(|issuer| [Turn::json("200 OK", &described(issuer).to_string())]).await;
    let (findings, issuer) = (asking.findings(&asking.issuer).await, &asking.issuer);
    assert_eq!(asking.provider.asked()[0].target, "/.well-known/openid-configuration");
    assert_eq!(fact(&findings, "Issuer"), issuer);
    assert_eq!(fact(&findings, "PKCE with S256"), "supported");
    assert_eq!(fact(&findings, "Grant types"), "authorization_code refresh_token");
    assert_eq!(fact(&findings, "Hosts"), issuer);
    let fills: Vec<_> =
        findings.fills.iter().map(|fill| (fill.field, fill.value.clone())).collect();
    assert_eq!(
        fills,
        [
            (Field::AuthorizationEndpoint, format!("{issuer}/authorize")),
            (Field::TokenEndpoint, format!("{issuer}/token")),
        ]
    );
    let known = providers::of(&asking.harness.server.store, &format!("{issuer}/token")).await;
    let known = known.expect("an answer").expect("it is remembered");
    assert_eq!(known.revocation_endpoint, Some(format!("{issuer}/revoke")));
    assert!(known.is_openid && known.knows_pkce);
    assert_eq!(known.auth_methods, ["client_secret_basic"]);
}

#[tokio::test]
async fn whether_a_provider_knows_pkce_by_s256_is_told_in_words() {
    let described = |issuer: &str, methods: Value| {
        [with(described(issuer), "code_challenge_methods_supported", methods)]
    };
    for (methods, expected) in [
        (json!(["S256"]), "supported"),
        (json!(["plain"]), "not supported"),
        (Value::Null, "not mentioned"),
    ] {
        let asking = Asking::of(|issuer| described(issuer, methods)).await;
        let findings = asking.findings(&asking.issuer).await;
        assert_eq!(fact(&findings, "PKCE with S256"), expected);
    }
}

#[tokio::test]
async fn a_provider_that_knows_oauth_alone_is_asked_where_it_describes_itself() {
    let asking = Asking::of(|issuer| {
        let issuer = format!("{issuer}/tenant");
        [Turn::answer("404 Not Found", &[], "<h1>No</h1>"), with(described(&issuer), "x", 1)]
    })
    .await;
    let findings = asking.findings(&format!("{}/tenant", asking.issuer)).await;
    assert_eq!(findings.explanations, []);
    let targets: Vec<_> = asking.provider.asked().into_iter().map(|asked| asked.target).collect();
    assert_eq!(
        targets,
        [
            "/tenant/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server/tenant"
        ]
    );
}

#[tokio::test]
async fn another_issuer_is_not_believed() {
    for other in ["https://evil.example", "", "/"] {
        let asking = Asking::of(|issuer| {
            let told = if other == "/" { format!("{issuer}/") } else { other.to_owned() };
            [with(described(issuer), "issuer", told)]
        })
        .await;
        let lie = asking.lie().await;
        assert!(lie.contains(&asking.issuer) && lie.contains("is not used"), "{lie}");
    }
}

#[tokio::test]
async fn an_endpoint_that_the_form_would_refuse_is_told() {
    for endpoint in [
        "http://login.example.com/token",
        "https://ada@login.example.com/token",
        "https://login.example.com/token#x",
        "javascript:alert(1)",
        "",
        &format!("https://login.example.com/{}", "x".repeat(500)),
    ] {
        for name in ["authorization_endpoint", "token_endpoint"] {
            let asking = Asking::of(|issuer| [with(described(issuer), name, endpoint)]).await;
            let lie = asking.lie().await;
            assert!(lie.contains("lists an invalid"), "{name} {endpoint}: {lie}");
        }
    }
}

#[tokio::test]
async fn without_a_token_endpoint_there_is_no_provider() {
    let asking =
        Asking::of(|issuer| [with(described(issuer), "token_endpoint", Value::Null)]).await;
    assert_eq!(asking.lie().await, "The provider lists no Token Endpoint.");
}

#[tokio::test]
async fn a_revocation_endpoint_at_another_origin_is_told_and_never_used() {
    let asking = Asking::of(|issuer| {
        [with(described(issuer), "revocation_endpoint", "https://elsewhere.example/revoke")]
    })
    .await;
    let findings = asking.findings(&asking.issuer).await;
    assert!(fact(&findings, "Revocation").contains("not used"), "{findings:?}");
    let token_endpoint = format!("{}/token", asking.issuer);
    let known = providers::of(&asking.harness.server.store, &token_endpoint).await;
    assert_eq!(known.expect("an answer").expect("it is known").revocation_endpoint, None);
}

#[tokio::test]
async fn a_revocation_endpoint_is_not_believed_from_another_issuer_than_the_token_endpoints_own() {
    const TOKEN_ENDPOINT: &str = "https://login.example.com/token";
    let asking = Asking::of(|issuer| {
        let mut named = described(issuer);
        named["revocation_endpoint"] = "https://login.example.com/of-somebody-else".into();
        [with(named, "token_endpoint", TOKEN_ENDPOINT)]
    })
    .await;
    let findings = asking.findings(&asking.issuer).await;
    assert!(fact(&findings, "Revocation").contains("not used"), "{findings:?}");
    let known = providers::of(&asking.harness.server.store, TOKEN_ENDPOINT).await;
    let known = known.expect("an answer").expect("it is known");
    assert_eq!((known.revocation_endpoint, known.auth_methods), (None, Vec::new()));
}

#[tokio::test]
async fn a_revocation_endpoint_is_not_believed_from_another_path_of_the_token_endpoints_origin() {
    let asking = Asking::of(|origin| {
        let issuer = format!("{origin}/~me");
        let mut named = described(origin);
        named["issuer"] = issuer.as_str().into();
        [with(named, "revocation_endpoint", format!("{issuer}/log"))]
    })
    .await;
    let findings = asking.findings(&format!("{}/~me", asking.issuer)).await;
    assert!(fact(&findings, "Revocation").contains("not used"), "{findings:?}");
    let token_endpoint = format!("{}/token", asking.issuer);
    let known = providers::of(&asking.harness.server.store, &token_endpoint).await;
    let known = known.expect("an answer").expect("it is known");
    assert_eq!((known.revocation_endpoint, known.auth_methods), (None, Vec::new()));
}

#[tokio::test]
async fn what_is_known_of_a_token_endpoint_is_changed_by_its_own_origin_alone() {
    const TOKEN_ENDPOINT: &str = "https://login.example.com/token";
    let asking =
        Asking::of(|issuer| [with(described(issuer), "token_endpoint", TOKEN_ENDPOINT)]).await;
    let known = Provider {
        token_endpoint: TOKEN_ENDPOINT.to_owned(),
        authorization_endpoint: "https://login.example.com/authorize".to_owned(),
        revocation_endpoint: Some("https://login.example.com/revoke".to_owned()),
        is_openid: false,
        issuer: None,
        names_itself: false,
        auth_methods: Vec::new(),
        knows_pkce: false,
    };
    let (store, now) = (&asking.harness.server.store, asking.harness.clock.now());
    providers::learn(store, &known, true, now).await.expect("it is kept");
    assert_eq!(asking.findings(&asking.issuer).await.explanations, []);
    let still =
        providers::of(store, TOKEN_ENDPOINT).await.expect("an answer").expect("it is known");
    assert_eq!(still.revocation_endpoint, known.revocation_endpoint);
}

#[tokio::test]
async fn what_is_no_description_is_told_by_what_it_is() {
    let huge = format!("{{\"issuer\":\"{}\"}}", "x".repeat(70_000));
    for (turn, expected) in [
        (Turn::answer("200 OK", &[], "<h1>Welcome</h1>"), "does not describe a provider"),
        (Turn::json("200 OK", "[]"), "does not describe a provider"),
        (Turn::json("200 OK", &huge), "too large"),
        (
            Turn::answer("302 Found", &["Location: https://a.example/"], ""),
            "redirects to another one",
        ),
        (Turn::silence().then_hang(), "too slow"),
        (Turn::answer("503 Service Unavailable", &[], ""), "having problems"),
    ] {
        let lie = Asking::of(|_| [turn]).await.lie().await;
        assert!(lie.contains(expected), "{lie}");
    }
}

#[tokio::test]
async fn a_tenant_that_is_not_found_is_told_in_the_providers_words() {
    for error in ["invalid_tenant", "invalid_request"] {
        let asking = Asking::of(|_| {
            let words = "AADSTS90002: Tenant 'contosso.onmicrosoft.com' not found.";
            let body = json!({ "error": error, "error_description": words }).to_string();
            [Turn::json("400 Bad Request", &body), Turn::answer("404 Not Found", &[], "")]
        })
        .await;
        let findings = asking.findings(&asking.issuer).await;
        let [explanation] = findings.explanations.as_slice() else { panic!("{findings:?}") };
        assert!(explanation.cause.contains("The tenant was not found"), "{explanation:?}");
        let step = "Check the tenant for typing mistakes";
        assert!(explanation.steps[0].text.contains(step), "{explanation:?}");
        let said = fact(&findings, "In the provider's words");
        assert!(said.contains("Tenant 'contosso.onmicrosoft.com' not found."), "{said}");
    }
}

#[tokio::test]
async fn an_endpoint_and_the_address_of_a_description_lead_to_the_issuer() {
    for typed in [
        "/realms/one/protocol/openid-connect/auth?prompt=consent",
        "/realms/one/.well-known/openid-configuration",
        "/realms/one/oauth/token",
    ] {
        let asking = Asking::of(|origin| {
            let issuer = format!("{origin}/realms/one");
            [Turn::json("200 OK", &described(&issuer).to_string())]
        })
        .await;
        let findings = asking.findings(&format!("{}{typed}", asking.issuer)).await;
        let issuer = format!("{}/realms/one", asking.issuer);
        assert_eq!(fact(&findings, "Issuer"), issuer, "{typed}: {findings:?}");
        let asked = &asking.provider.asked()[0].target;
        assert_eq!(asked, "/realms/one/.well-known/openid-configuration", "{typed}");
    }
}

#[tokio::test]
async fn beside_an_endpoint_the_issuer_may_have_a_slash_at_its_end() {
    let asking =
        Asking::of(|origin| [with(described(origin), "issuer", format!("{origin}/"))]).await;
    let findings = asking.findings(&format!("{}/authorize", asking.issuer)).await;
    assert_eq!(fact(&findings, "Issuer"), format!("{}/", asking.issuer), "{findings:?}");
}

#[tokio::test]
async fn what_stands_for_a_tenant_is_not_asked_for() {
    let asking = Asking::of(|_| []).await;
    for typed in ["{tenant}", "https://login.microsoftonline.com/{tenant}/v2.0"] {
        let findings = asking.findings(typed).await;
        let told = &findings.explanations[0].cause;
        assert_eq!(told, "{tenant} stands for your tenant.", "{typed}");
    }
}

#[tokio::test]
async fn a_link_local_address_is_never_asked() {
    let asking = Asking::of(|_| []).await;
    for issuer in ["https://169.254.169.254", "https://[fe80::1]/tenant"] {
        let findings = asking.findings(issuer).await;
        let told = &findings.explanations[0].cause;
        assert_eq!(told, "This address leads to a machine that PPM never connects to.");
    }
}

#[tokio::test]
async fn what_is_no_issuer_is_not_asked_for() {
    let asking = Asking::of(|_| []).await;
    for typed in ["", "contoso", "http://login.example.com", "https://ada@login.example.com"] {
        let findings = asking.findings(typed).await;
        assert_eq!(findings.explanations[0].cause, "This is not a provider's address.", "{typed}");
    }
}

#[tokio::test]
async fn a_reader_makes_this_server_ask_nobody() {
    let world = World::with(OauthFlow::AuthorizationCode).await;
    let rita = Principal { role: Role::Reader, ..world.ada.clone() };
    let asked = world.service().discover(&rita, "http://localhost:1").await;
    assert_eq!(asked, Err(ApiError::Forbidden));
}
