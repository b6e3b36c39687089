//! Discovery of a provider's metadata (RFC 8414, `OpenID` Connect Discovery), and its validation.

use std::time::Duration;

use contract::{ApiCode, EmailService, LookupResult};
use domain::{Field, OauthFlow, Principal, Role};
use net::http::HttpDeadlines;
use serde_json::{Value, json};
use store::provider_metadata::{self, StoredProvider};
use testkit::provider::{ScriptedProvider, Turn};
use vault::clock::Clock;

use crate::support::harness::{EMAIL, Harness, NAME, principal};
use crate::support::oauth_fixture::OauthFixture;
use crate::support::steps::metadata_of;

/// A Token Endpoint at another origin than the scripted provider.
const TOKEN_ENDPOINT: &str = "https://login.example.com/token";

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

    /// Plays valid metadata with a change that depends on the provider's address.
    async fn described(change: impl FnOnce(&str, &mut Value)) -> Self {
        Self::of(|issuer| [changed(metadata(issuer), |metadata| change(issuer, metadata))]).await
    }

    /// Plays valid metadata with another value of this name.
    async fn with(name: &str, value: impl Into<Value>) -> Self {
        Self::described(|_, metadata| metadata[name] = value.into()).await
    }

    /// The findings for the provider's own issuer.
    async fn found(&self) -> LookupResult {
        self.findings(&self.issuer).await
    }

    /// The stored metadata of a Token Endpoint.
    async fn known(&self, token_endpoint: &str) -> Option<StoredProvider> {
        let store = &self.harness.server.store;
        provider_metadata::of(store, token_endpoint).await.expect("an answer")
    }

    /// Asserts that the issuer at this path is found with a revocation endpoint that is not used,
    /// and returns what is stored for a Token Endpoint of the issuer's or another origin.
    async fn expect_unused_revocation(&self, path: &str, token_endpoint: &str) -> StoredProvider {
        let findings = self.findings(&format!("{}{path}", self.issuer)).await;
        assert!(fact(&findings, "Revocation").contains("not used"), "{findings:?}");
        let own = format!("{}{token_endpoint}", self.issuer);
        let is_own = token_endpoint.starts_with('/');
        let known = self.known(if is_own { &own } else { token_endpoint }).await;
        let known = known.expect("it is known");
        assert_eq!(known.revocation_endpoint, None);
        known
    }

    /// The targets of the requests that the provider received.
    fn targets(&self) -> Vec<String> {
        self.provider.asked().into_iter().map(|asked| asked.target).collect()
    }

    async fn findings(&self, typed: &str) -> LookupResult {
        let service = self.harness.server.service();
        service.discover(&principal("ada", EMAIL, NAME), typed).await.expect("findings")
    }

    /// The only problem found; asserts that nothing is suggested and nothing stored.
    async fn problem(&self) -> String {
        let LookupResult { verdict, facts, explanations, fills } = self.found().await;
        assert_eq!(verdict, None);
        assert!(facts.is_empty() && fills.is_empty(), "{facts:?} {fills:?}");
        assert_eq!(self.known(&format!("{}/token", self.issuer)).await, None);
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

/// A response with changed metadata.
fn changed(mut metadata: Value, change: impl FnOnce(&mut Value)) -> Turn {
    change(&mut metadata);
    Turn::json("200 OK", &metadata.to_string())
}

fn fact<'f>(findings: &'f LookupResult, name: &str) -> &'f str {
    let found = findings.facts.iter().find(|found| found.name == name);
    found.map_or("", |found| found.value.as_str())
}

#[tokio::test]
async fn discovered_metadata_is_shown_suggested_and_stored() {
    let discovery = DiscoveryFixture::described(|_, _| {}).await;
    let (findings, issuer) = (discovery.found().await, &discovery.issuer);
    assert_eq!(discovery.targets(), ["/.well-known/openid-configuration"]);
    assert!(findings.verdict.is_some(), "{findings:?}");
    assert_eq!(fact(&findings, "Issuer"), issuer);
    assert_eq!(fact(&findings, "PKCE with S256"), "supported");
    assert_eq!(fact(&findings, "Grant types"), "authorization_code refresh_token");
    assert_eq!(fact(&findings, "Hosts"), issuer);
    let fills = findings.fills.iter().map(|fill| (fill.field, fill.value.clone()));
    let expected = [
        (Field::AuthorizationEndpoint, format!("{issuer}/authorize")),
        (Field::TokenEndpoint, format!("{issuer}/token")),
    ];
    assert_eq!(fills.collect::<Vec<_>>(), expected);
    let known = discovery.known(&format!("{issuer}/token")).await.expect("it is remembered");
    assert_eq!(known.revocation_endpoint, Some(format!("{issuer}/revoke")));
    assert!(known.is_openid && known.knows_pkce);
    assert_eq!(known.auth_methods, ["client_secret_basic"]);
}

#[tokio::test]
async fn support_for_pkce_with_s256_is_reported() {
    for (methods, expected) in [
        (json!(["S256"]), "supported"),
        (json!(["plain"]), "not supported"),
        (Value::Null, "not mentioned"),
    ] {
        let discovery = DiscoveryFixture::with("code_challenge_methods_supported", methods).await;
        assert_eq!(fact(&discovery.found().await, "PKCE with S256"), expected);
    }
}

#[tokio::test]
async fn a_provider_without_openid_is_discovered_by_its_oauth_metadata() {
    let discovery = DiscoveryFixture::of(|issuer| {
        let issuer = format!("{issuer}/tenant");
        [Turn::answer("404 Not Found", &[], "<h1>No</h1>"), changed(metadata(&issuer), |_| {})]
    })
    .await;
    let findings = discovery.findings(&format!("{}/tenant", discovery.issuer)).await;
    assert_eq!(findings.explanations, []);
    let expected = [
        "/tenant/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/tenant",
    ];
    assert_eq!(discovery.targets(), expected);
}

#[tokio::test]
async fn metadata_of_another_issuer_is_rejected() {
    for other in ["https://evil.example", "", "/"] {
        let discovery = DiscoveryFixture::described(|issuer, metadata| {
            let named = if other == "/" { format!("{issuer}/") } else { other.to_owned() };
            metadata["issuer"] = named.into();
        })
        .await;
        let problem = discovery.problem().await;
        for words in [discovery.issuer.as_str(), "is not used"] {
            assert!(problem.contains(words), "{problem}");
        }
    }
}

#[tokio::test]
async fn an_invalid_or_missing_endpoint_is_reported() {
    for endpoint in [
        "http://login.example.com/token",
        "https://ada@login.example.com/token",
        "https://login.example.com/token#x",
        "javascript:alert(1)",
        "",
        &format!("https://login.example.com/{}", "x".repeat(500)),
    ] {
        for name in ["authorization_endpoint", "token_endpoint"] {
            let problem = DiscoveryFixture::with(name, endpoint).await.problem().await;
            assert!(problem.contains("lists an invalid"), "{name} {endpoint}: {problem}");
        }
    }
    let problem = DiscoveryFixture::with("token_endpoint", Value::Null).await.problem().await;
    assert_eq!(problem, "The provider lists no Token Endpoint.");
}

#[tokio::test]
async fn a_revocation_endpoint_at_another_origin_is_shown_but_never_used() {
    let other = "https://another.example/revoke";
    let discovery = DiscoveryFixture::with("revocation_endpoint", other).await;
    discovery.expect_unused_revocation("", "/token").await;
}

#[tokio::test]
async fn a_revocation_endpoint_is_accepted_only_from_the_token_endpoints_own_issuer() {
    let of_another_tenant = DiscoveryFixture::described(|_, metadata| {
        metadata["revocation_endpoint"] = "https://login.example.com/of-another-tenant".into();
        metadata["token_endpoint"] = TOKEN_ENDPOINT.into();
    })
    .await;
    let of_another_path = DiscoveryFixture::described(|origin, metadata| {
        metadata["issuer"] = format!("{origin}/~me").into();
        metadata["revocation_endpoint"] = format!("{origin}/~me/log").into();
    })
    .await;
    for (discovery, path, token_endpoint) in
        [(of_another_tenant, "", TOKEN_ENDPOINT), (of_another_path, "/~me", "/token")]
    {
        let known = discovery.expect_unused_revocation(path, token_endpoint).await;
        assert_eq!(known.auth_methods, [""; 0]);
    }
}

#[tokio::test]
async fn stored_metadata_of_a_token_endpoint_is_changed_only_by_its_own_origin() {
    let discovery = DiscoveryFixture::with("token_endpoint", TOKEN_ENDPOINT).await;
    let revocation_endpoint = Some("https://login.example.com/revoke".to_owned());
    let authorization_endpoint = "https://login.example.com/authorize";
    let known = StoredProvider {
        revocation_endpoint,
        ..metadata_of(TOKEN_ENDPOINT, authorization_endpoint)
    };
    let (store, now) = (&discovery.harness.server.store, discovery.harness.clock.now());
    provider_metadata::learn(store, &known, true, now).await.expect("it is kept");
    assert_eq!(discovery.found().await.explanations, []);
    let still = discovery.known(TOKEN_ENDPOINT).await.expect("it is known");
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
        (Turn::without_answer().then_hang(), "too slow"),
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
        let findings = discovery.found().await;
        let [explanation] = findings.explanations.as_slice() else { panic!("{findings:?}") };
        assert!(explanation.cause.contains("The tenant was not found"), "{explanation:?}");
        let step = "Check the tenant for typing mistakes";
        assert!(explanation.steps[0].text.contains(step), "{explanation:?}");
        let peer_text = fact(&findings, "In the provider's words");
        assert!(peer_text.contains("Tenant 'contosso.onmicrosoft.com' not found."), "{peer_text}");
    }
}

#[tokio::test]
async fn the_issuer_is_derived_from_an_endpoint_or_a_metadata_address_and_may_end_with_a_slash() {
    let discovery = DiscoveryFixture::described(|origin, metadata| {
        metadata["issuer"] = format!("{origin}/").into();
    })
    .await;
    let findings = discovery.findings(&format!("{}/authorize", discovery.issuer)).await;
    assert_eq!(fact(&findings, "Issuer"), format!("{}/", discovery.issuer), "{findings:?}");
    for typed in [
        "/realms/one/protocol/openid-connect/auth?prompt=consent",
        "/realms/one/.well-known/openid-configuration",
        "/realms/one/oauth/token",
    ] {
        let discovery = DiscoveryFixture::of(|origin| {
            [changed(metadata(&format!("{origin}/realms/one")), |_| {})]
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
async fn a_tenant_placeholder_a_link_local_address_and_an_invalid_issuer_are_not_requested() {
    let discovery = DiscoveryFixture::of(|_| []).await;
    let placeholder = "{tenant} stands for your tenant.";
    let link_local = "This address leads to a machine that PPM never connects to.";
    let invalid = "This is not a provider's address.";
    for (typed, expected) in [
        ("{tenant}", placeholder),
        ("https://login.microsoftonline.com/{tenant}/v2.0", placeholder),
        ("https://169.254.169.254", link_local),
        ("https://[fe80::1]/tenant", link_local),
        ("", invalid),
        ("contoso", invalid),
        ("http://login.example.com", invalid),
        ("https://ada@login.example.com", invalid),
    ] {
        let findings = discovery.findings(typed).await;
        assert_eq!(findings.explanations[0].cause, expected, "{typed}");
    }
}

#[tokio::test]
async fn a_reader_cannot_start_a_discovery() {
    let fixture = OauthFixture::with(OauthFlow::AuthorizationCode).await;
    let rita = Principal { role: Role::Reader, ..fixture.ada.clone() };
    let asked = fixture.service().discover(&rita, "http://localhost:1").await;
    assert_eq!(asked, Err(ApiCode::Forbidden));
}
