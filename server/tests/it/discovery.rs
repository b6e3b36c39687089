//! Discovery of a provider's metadata (RFC 8414, `OpenID` Connect Discovery), and its validation.

use std::time::Duration;

use contract::ApiCode;
use contract::EmailService;
use contract::LookupResult;
use domain::{Field, OauthFlow};
use domain::{Principal, Role};
use net::http::HttpDeadlines;
use serde_json::{Value, json};
use store::provider_metadata::{self, StoredProvider};
use vault::clock::Clock;

use crate::support::harness::{EMAIL, Harness, NAME, principal};
use crate::support::oauth_fixture::OauthFixture;
use testkit::provider::{ScriptedProvider, Turn};

/// A server and a scripted provider.
struct DiscoveryFixture {
    harness: Harness,
    provider: ScriptedProvider,
    issuer: String,
}

impl DiscoveryFixture {
    /// Plays the turns that `turns` makes from the provider's address.
    async fn of<const N: usize>(turns: impl FnOnce(&str) -> [Turn; N]) -> Self {
        let harness = Harness::with(|config| {
            config.token_deadlines =
                HttpDeadlines { connect: Duration::from_secs(2), total: Duration::from_secs(2) };
        })
        .await;
        let provider = ScriptedProvider::play([]);
        let issuer = format!("http://{}", provider.address());
        provider.plays_on(turns(&issuer));
        Self { harness, provider, issuer }
    }

    async fn findings(&self, typed: &str) -> LookupResult {
        let service = self.harness.server.service();
        service.discover(&principal("ada", EMAIL, NAME), typed).await.expect("findings")
    }

    /// The only problem found; asserts that nothing is suggested and nothing stored.
    async fn problem(&self) -> String {
        let LookupResult { facts, explanations, fills } = self.findings(&self.issuer).await;
        assert!(facts.is_empty() && fills.is_empty(), "{facts:?} {fills:?}");
        let token_endpoint = format!("{}/token", self.issuer);
        let known = provider_metadata::of(&self.harness.server.store, &token_endpoint).await;
        assert_eq!(known.expect("an answer"), None);
        let [explanation] = <[_; 1]>::try_from(explanations).expect("one explanation");
        explanation.cause
    }
}

/// Valid metadata.
fn metadata(issuer: &str) -> Value {
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

fn fact<'f>(findings: &'f LookupResult, name: &str) -> &'f str {
    let found = findings.facts.iter().find(|found| found.name == name);
    found.map_or("", |found| found.value.as_str())
}

#[tokio::test]
async fn discovered_metadata_is_shown_suggested_and_stored() {
    let discovery =
        DiscoveryFixture::of(|issuer| [Turn::json("200 OK", &metadata(issuer).to_string())]).await;
    let (findings, issuer) = (discovery.findings(&discovery.issuer).await, &discovery.issuer);
    assert_eq!(discovery.provider.asked()[0].target, "/.well-known/openid-configuration");
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
    let known =
        provider_metadata::of(&discovery.harness.server.store, &format!("{issuer}/token")).await;
    let known = known.expect("an answer").expect("it is remembered");
    assert_eq!(known.revocation_endpoint, Some(format!("{issuer}/revoke")));
    assert!(known.is_openid && known.knows_pkce);
    assert_eq!(known.auth_methods, ["client_secret_basic"]);
}

#[tokio::test]
async fn support_for_pkce_with_s256_is_reported() {
    let metadata = |issuer: &str, methods: Value| {
        [with(metadata(issuer), "code_challenge_methods_supported", methods)]
    };
    for (methods, expected) in [
        (json!(["S256"]), "supported"),
        (json!(["plain"]), "not supported"),
        (Value::Null, "not mentioned"),
    ] {
        let discovery = DiscoveryFixture::of(|issuer| metadata(issuer, methods)).await;
        let findings = discovery.findings(&discovery.issuer).await;
        assert_eq!(fact(&findings, "PKCE with S256"), expected);
    }
}

#[tokio::test]
async fn a_provider_without_openid_is_discovered_by_its_oauth_metadata() {
    let discovery = DiscoveryFixture::of(|issuer| {
        let issuer = format!("{issuer}/tenant");
        [Turn::answer("404 Not Found", &[], "<h1>No</h1>"), with(metadata(&issuer), "x", 1)]
    })
    .await;
    let findings = discovery.findings(&format!("{}/tenant", discovery.issuer)).await;
    assert_eq!(findings.explanations, []);
    let targets: Vec<_> =
        discovery.provider.asked().into_iter().map(|asked| asked.target).collect();
    assert_eq!(
        targets,
        [
            "/tenant/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server/tenant"
        ]
    );
}

#[tokio::test]
async fn metadata_of_another_issuer_is_rejected() {
    for other in ["https://evil.example", "", "/"] {
        let discovery = DiscoveryFixture::of(|issuer| {
            let named = if other == "/" { format!("{issuer}/") } else { other.to_owned() };
            [with(metadata(issuer), "issuer", named)]
        })
        .await;
        let problem = discovery.problem().await;
        assert!(
            problem.contains(&discovery.issuer) && problem.contains("is not used"),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn an_invalid_endpoint_is_reported() {
    for endpoint in [
        "http://login.example.com/token",
        "https://ada@login.example.com/token",
        "https://login.example.com/token#x",
        "javascript:alert(1)",
        "",
        &format!("https://login.example.com/{}", "x".repeat(500)),
    ] {
        for name in ["authorization_endpoint", "token_endpoint"] {
            let discovery =
                DiscoveryFixture::of(|issuer| [with(metadata(issuer), name, endpoint)]).await;
            let problem = discovery.problem().await;
            assert!(problem.contains("lists an invalid"), "{name} {endpoint}: {problem}");
        }
    }
}

#[tokio::test]
async fn metadata_without_a_token_endpoint_is_rejected() {
    let discovery =
        DiscoveryFixture::of(|issuer| [with(metadata(issuer), "token_endpoint", Value::Null)])
            .await;
    assert_eq!(discovery.problem().await, "The provider lists no Token Endpoint.");
}

#[tokio::test]
async fn a_revocation_endpoint_at_another_origin_is_shown_but_never_used() {
    let discovery = DiscoveryFixture::of(|issuer| {
        [with(metadata(issuer), "revocation_endpoint", "https://elsewhere.example/revoke")]
    })
    .await;
    let findings = discovery.findings(&discovery.issuer).await;
    assert!(fact(&findings, "Revocation").contains("not used"), "{findings:?}");
    let token_endpoint = format!("{}/token", discovery.issuer);
    let known = provider_metadata::of(&discovery.harness.server.store, &token_endpoint).await;
    assert_eq!(known.expect("an answer").expect("it is known").revocation_endpoint, None);
}

#[tokio::test]
async fn a_revocation_endpoint_is_accepted_only_from_the_token_endpoints_own_issuer() {
    const TOKEN_ENDPOINT: &str = "https://login.example.com/token";
    let discovery = DiscoveryFixture::of(|issuer| {
        let mut named = metadata(issuer);
        named["revocation_endpoint"] = "https://login.example.com/of-somebody-else".into();
        [with(named, "token_endpoint", TOKEN_ENDPOINT)]
    })
    .await;
    let findings = discovery.findings(&discovery.issuer).await;
    assert!(fact(&findings, "Revocation").contains("not used"), "{findings:?}");
    let known = provider_metadata::of(&discovery.harness.server.store, TOKEN_ENDPOINT).await;
    let known = known.expect("an answer").expect("it is known");
    assert_eq!((known.revocation_endpoint, known.auth_methods), (None, Vec::new()));
}

#[tokio::test]
async fn a_revocation_endpoint_from_another_path_of_the_token_endpoints_origin_is_not_used() {
    let discovery = DiscoveryFixture::of(|origin| {
        let issuer = format!("{origin}/~me");
        let mut named = metadata(origin);
        named["issuer"] = issuer.as_str().into();
        [with(named, "revocation_endpoint", format!("{issuer}/log"))]
    })
    .await;
    let findings = discovery.findings(&format!("{}/~me", discovery.issuer)).await;
    assert!(fact(&findings, "Revocation").contains("not used"), "{findings:?}");
    let token_endpoint = format!("{}/token", discovery.issuer);
    let known = provider_metadata::of(&discovery.harness.server.store, &token_endpoint).await;
    let known = known.expect("an answer").expect("it is known");
    assert_eq!((known.revocation_endpoint, known.auth_methods), (None, Vec::new()));
}

#[tokio::test]
async fn stored_metadata_of_a_token_endpoint_is_changed_only_by_its_own_origin() {
    const TOKEN_ENDPOINT: &str = "https://login.example.com/token";
    let discovery =
        DiscoveryFixture::of(|issuer| [with(metadata(issuer), "token_endpoint", TOKEN_ENDPOINT)])
            .await;
    let known = StoredProvider {
        token_endpoint: TOKEN_ENDPOINT.to_owned(),
        authorization_endpoint: "https://login.example.com/authorize".to_owned(),
        revocation_endpoint: Some("https://login.example.com/revoke".to_owned()),
        is_openid: false,
        issuer: None,
        names_itself: false,
        auth_methods: Vec::new(),
        knows_pkce: false,
    };
    let (store, now) = (&discovery.harness.server.store, discovery.harness.clock.now());
    provider_metadata::learn(store, &known, true, now).await.expect("it is kept");
    assert_eq!(discovery.findings(&discovery.issuer).await.explanations, []);
    let still = provider_metadata::of(store, TOKEN_ENDPOINT)
        .await
        .expect("an answer")
        .expect("it is known");
    assert_eq!(still.revocation_endpoint, known.revocation_endpoint);
}

#[tokio::test]
async fn a_response_that_is_no_metadata_is_diagnosed() {
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
        let problem = DiscoveryFixture::of(|_| [turn]).await.problem().await;
        assert!(problem.contains(expected), "{problem}");
    }
}

#[tokio::test]
async fn an_unknown_tenant_is_reported_with_the_providers_text() {
    for error in ["invalid_tenant", "invalid_request"] {
        let discovery = DiscoveryFixture::of(|_| {
            let words = "AADSTS90002: Tenant 'contosso.onmicrosoft.com' not found.";
            let body = json!({ "error": error, "error_description": words }).to_string();
            [Turn::json("400 Bad Request", &body), Turn::answer("404 Not Found", &[], "")]
        })
        .await;
        let findings = discovery.findings(&discovery.issuer).await;
        let [explanation] = findings.explanations.as_slice() else { panic!("{findings:?}") };
        assert!(explanation.cause.contains("The tenant was not found"), "{explanation:?}");
        let step = "Check the tenant for typing mistakes";
        assert!(explanation.steps[0].text.contains(step), "{explanation:?}");
        let peer_text = fact(&findings, "In the provider's words");
        assert!(peer_text.contains("Tenant 'contosso.onmicrosoft.com' not found."), "{peer_text}");
    }
}

#[tokio::test]
async fn the_issuer_is_derived_from_an_endpoint_or_a_metadata_address() {
    for typed in [
        "/realms/one/protocol/openid-connect/auth?prompt=consent",
        "/realms/one/.well-known/openid-configuration",
        "/realms/one/oauth/token",
    ] {
        let discovery = DiscoveryFixture::of(|origin| {
            let issuer = format!("{origin}/realms/one");
            [Turn::json("200 OK", &metadata(&issuer).to_string())]
        })
        .await;
        let findings = discovery.findings(&format!("{}{typed}", discovery.issuer)).await;
        let issuer = format!("{}/realms/one", discovery.issuer);
        assert_eq!(fact(&findings, "Issuer"), issuer, "{typed}: {findings:?}");
        let asked = &discovery.provider.asked()[0].target;
        assert_eq!(asked, "/realms/one/.well-known/openid-configuration", "{typed}");
    }
}

#[tokio::test]
async fn an_issuer_derived_from_an_endpoint_may_end_with_a_slash() {
    let discovery =
        DiscoveryFixture::of(|origin| [with(metadata(origin), "issuer", format!("{origin}/"))])
            .await;
    let findings = discovery.findings(&format!("{}/authorize", discovery.issuer)).await;
    assert_eq!(fact(&findings, "Issuer"), format!("{}/", discovery.issuer), "{findings:?}");
}

#[tokio::test]
async fn a_tenant_placeholder_is_not_requested() {
    let discovery = DiscoveryFixture::of(|_| []).await;
    for typed in ["{tenant}", "https://login.microsoftonline.com/{tenant}/v2.0"] {
        let findings = discovery.findings(typed).await;
        let cause = &findings.explanations[0].cause;
        assert_eq!(cause, "{tenant} stands for your tenant.", "{typed}");
    }
}

#[tokio::test]
async fn a_link_local_address_is_never_requested() {
    let discovery = DiscoveryFixture::of(|_| []).await;
    for issuer in ["https://169.254.169.254", "https://[fe80::1]/tenant"] {
        let findings = discovery.findings(issuer).await;
        let cause = &findings.explanations[0].cause;
        assert_eq!(cause, "This address leads to a machine that PPM never connects to.");
    }
}

#[tokio::test]
async fn an_invalid_issuer_is_not_requested() {
    let discovery = DiscoveryFixture::of(|_| []).await;
    for typed in ["", "contoso", "http://login.example.com", "https://ada@login.example.com"] {
        let findings = discovery.findings(typed).await;
        assert_eq!(findings.explanations[0].cause, "This is not a provider's address.", "{typed}");
    }
}

#[tokio::test]
async fn a_reader_cannot_start_a_discovery() {
    let world = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let rita = Principal { role: Role::Reader, ..world.ada.clone() };
    let asked = world.service().discover(&rita, "http://localhost:1").await;
    assert_eq!(asked, Err(ApiCode::Forbidden));
}
