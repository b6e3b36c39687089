//! What an administrator is told of the access token, and what never leaves the server.

use app::api::{ApiError, SaveAnswer};
use app::explanation::{Explanation, Findings};
use app::service::{EmailService, Principal, Role};
use axum::body::Body;
use axum::http::{StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Field, OauthFlow};
use serde_json::{Value, json};

use crate::support::harness::post;
use crate::support::oauth_world::World;
use crate::support::pages::ask;
use crate::support::provider::{CLIENT_SECRET, SCOPE};

const CODE: OauthFlow = OauthFlow::AuthorizationCode;
const ITSELF: OauthFlow = OauthFlow::ClientCredentials;

const OUTLOOK: &str = "https://outlook.office.com";
const ISSUER: &str = "https://sts.windows.net/11111111-2222-3333-4444-555555555555/";

/// A world whose token says this.
async fn told_by(flow: OauthFlow, claims: Value) -> World {
    let world = World::with(flow).await;
    world.provider.rule(|rules| rules.claims = Some(claims));
    world.obtain().await;
    world
}

async fn findings(world: &World) -> Findings {
    world.service().token_xray(&world.ada).await.expect("findings")
}

fn fact<'f>(findings: &'f Findings, name: &str) -> Option<&'f str> {
    findings.facts.iter().find(|found| found.name == name).map(|found| found.value.as_str())
}

/// The one thing that does not fit.
fn only(findings: Findings) -> Explanation {
    let [explanation] = <[_; 1]>::try_from(findings.explanations).expect("one explanation");
    explanation
}

/// What its buttons put into the form.
fn fills(explanation: &Explanation) -> Vec<(Field, &str)> {
    let fills = explanation.steps.iter().filter_map(|step| step.fill.as_ref());
    fills.map(|fill| (fill.field, fill.value.as_str())).collect()
}

/// What a token of Microsoft's says that fits.
fn good() -> Value {
    json!({
        "iss": ISSUER,
        "aud": OUTLOOK,
        "scp": "SMTP.Send",
        "upn": "NoReply@example.com",
        "tid": "11111111-2222-3333-4444-555555555555",
        "appid": "an-application",
        "iat": 1_700_000_000,
        "exp": 4_000_000_000_u64,
        "ipaddr": "192.0.2.99",
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

#[tokio::test]
async fn what_a_token_says_is_told_claim_by_claim() {
    let findings = findings(&told_by(CODE, good()).await).await;
    for (name, expected) in [
        ("Issued for", OUTLOOK),
        ("Scope granted", "SMTP.Send"),
        ("User", "NoReply@example.com"),
        ("Tenant", "11111111-2222-3333-4444-555555555555"),
        ("Application", "an-application"),
        ("Verdict", "No problems found: this token can be used for mail."),
    ] {
        assert_eq!(fact(&findings, name), Some(expected), "{name}");
    }
    assert_eq!(findings.explanations, []);
}

#[tokio::test]
async fn of_an_applications_token_its_object_id_is_told_and_of_a_persons_not() {
    const OBJECT: &str = "Object ID in Enterprise applications";
    let claims = with(good(), "oid", json!("an-object"));
    let claims = with(claims, "roles", json!(["SMTP.SendAsApp"]));
    let of_application = findings(&told_by(ITSELF, claims.clone()).await).await;
    assert_eq!(fact(&of_application, OBJECT), Some("an-object"));
    assert_eq!(fact(&of_application, "Roles"), Some("SMTP.SendAsApp"));
    let of_person = findings(&told_by(CODE, claims).await).await;
    assert_eq!(fact(&of_person, OBJECT), None);
}

#[tokio::test]
async fn issue_and_expiry_are_written_as_whoever_asks_likes_times() {
    let world = told_by(CODE, good()).await;
    let tokyo =
        domain::time_format::TimePreference { zone: "Asia/Tokyo".to_owned(), ..Default::default() };
    let ada = Principal { times: Some(tokyo), ..world.ada.clone() };
    let there = world.service().token_xray(&ada).await.expect("findings");
    let here = findings(&world).await;
    for (name, year) in [("Issued", "2023"), ("Expires", "2096")] {
        let instant = fact(&here, name).expect("an instant");
        assert!(instant.contains(year), "{name}: {instant}");
        assert_ne!(fact(&there, name), Some(instant));
    }
}

#[tokio::test]
async fn a_token_for_microsoft_graph_is_told_with_the_scope_for_mail() {
    for audience in ["https://graph.microsoft.com/", "00000003-0000-0000-c000-000000000000"] {
        for (flow, scope) in [
            (CODE, "https://outlook.office.com/SMTP.Send offline_access"),
            (ITSELF, "https://outlook.office365.com/.default"),
        ] {
            let world = told_by(flow, with(good(), "aud", json!([audience]))).await;
            let misfit = only(findings(&world).await);
            assert_eq!(misfit.cause, "This token is for Microsoft Graph, not for mail.");
            assert_eq!(fills(&misfit), [(Field::Scope, scope)]);
        }
    }
}

#[tokio::test]
async fn another_accounts_token_is_told_with_both_addresses() {
    let world = told_by(CODE, with(good(), "upn", json!("admin@example.com"))).await;
    let misfit = only(findings(&world).await);
    let expected = "The token belongs to admin@example.com, but the sender is noreply@example.com.";
    assert_eq!(misfit.cause, expected);
    assert_eq!(fills(&misfit), [(Field::OauthSender, "admin@example.com")]);
}

#[tokio::test]
async fn a_persons_token_without_the_permission_to_send_is_told() {
    let world = told_by(CODE, with(good(), "scp", json!("IMAP.AccessAsUser.All"))).await;
    assert!(only(findings(&world).await).cause.contains("SMTP.Send is missing"));
}

#[tokio::test]
async fn an_applications_token_without_roles_is_right_for_a_scoped_role() {
    let world = told_by(ITSELF, with(good(), "idtyp", json!("app"))).await;
    assert_eq!(findings(&world).await.explanations, []);
}

#[tokio::test]
async fn an_applications_token_with_other_roles_is_told_with_both_ways_apart() {
    let claims = with(good(), "idtyp", json!("app"));
    let world = told_by(ITSELF, with(claims.clone(), "roles", json!(["Mail.Read"]))).await;
    let Explanation { cause, steps, .. } = only(findings(&world).await);
    assert!(cause.contains("none of them allows it to send mail by SMTP"), "{cause}");
    assert!(steps[0].text.contains("remove every API permission"), "{steps:?}");
    assert!(steps[1].text.starts_with("Or, the older way"), "{steps:?}");
    for role in ["SMTP.SendAsApp", "full_access_as_app"] {
        let world = told_by(ITSELF, with(claims.clone(), "roles", json!([role]))).await;
        assert_eq!(findings(&world).await.explanations, [], "{role}");
    }
}

#[tokio::test]
async fn at_high_volume_email_the_role_mail_send_is_right_and_elsewhere_it_is_not() {
    for (server, faults) in [("smtp-hve.office365.com", 0), ("localhost", 1)] {
        let world = World::with(ITSELF).await;
        let mut draft = world.draft(ITSELF);
        draft.edit(Field::OauthServer, server);
        draft.edit(Field::OauthDisplayName, "Another name");
        assert!(matches!(world.save(&draft, 1).await, SaveAnswer::Saved(_)));
        let claims = with(good(), "roles", json!(["Mail.Send"]));
        world.provider.rule(|rules| rules.claims = Some(claims));
        world.obtain().await;
        assert_eq!(findings(&world).await.explanations.len(), faults, "{server}");
    }
}

#[tokio::test]
async fn a_token_for_graph_although_scope_is_for_mail_is_of_microsofts_first_version() {
    let world = World::with(CODE).await;
    let mut draft = world.draft(CODE);
    draft.edit(Field::Scope, "https://outlook.office.com/SMTP.Send offline_access");
    assert!(matches!(world.save(&draft, 1).await, SaveAnswer::Saved(_)));
    let claims = with(good(), "aud", json!("https://graph.microsoft.com"));
    world.provider.rule(|rules| rules.claims = Some(with(claims, "ver", json!("1.0"))));
    world.obtain().await;
    let misfit = only(findings(&world).await);
    assert!(misfit.cause.contains("Use /oauth2/v2.0/ instead"), "{}", misfit.cause);
    assert!(misfit.steps[0].text.contains("/oauth2/v2.0/ in place of /oauth2/"), "{misfit:?}");
    assert_eq!(fills(&misfit), [], "Scope is right");
}

#[tokio::test]
async fn a_token_out_of_its_time_is_told() {
    let world = told_by(CODE, with(good(), "exp", json!(1_000_000_000))).await;
    assert!(only(findings(&world).await).cause.contains("has expired"));
    let world = told_by(CODE, with(good(), "nbf", json!(4_000_000_000_u64))).await;
    assert!(only(findings(&world).await).cause.contains("not valid yet"));
}

#[tokio::test]
async fn of_an_opaque_token_is_told_what_was_asked_for_and_not_granted() {
    let world = World::with(CODE).await;
    world.provider.rule(|rules| rules.scope = Some("mail.read".to_owned()));
    world.obtain().await;
    let found = findings(&world).await;
    assert_eq!(fact(&found, "Scope requested"), Some(SCOPE));
    assert_eq!(fact(&found, "Scope granted"), Some("mail.read"));
    assert!(only(found).cause.contains("mail.send is missing"));
}

#[tokio::test]
async fn a_provider_that_grants_more_than_was_asked_for_has_done_well() {
    let world = World::with(CODE).await;
    world.provider.rule(|rules| rules.scope = Some(format!("openid {SCOPE}")));
    world.obtain().await;
    assert_eq!(findings(&world).await.explanations, []);
}

#[tokio::test]
async fn no_part_of_a_token_and_no_other_claim_leaves_the_server() {
    let claims = with(good(), "aud", json!([OUTLOOK, CLIENT_SECRET, "canary-refresh-token-4"]));
    let world = told_by(CODE, claims.clone()).await;
    let cookie = world.harness.sign_in().await;
    let request = post("/api/email/token-xray")
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/json");
    let answer = ask(&world.harness, request, Body::from("{}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert!(answer.body.contains("NoReply@example.com"), "{answer:?}");
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    for secret in [
        &payload[..20],
        &URL_SAFE_NO_PAD.encode("canary-access-token-")[..24],
        "canary-access-token",
        "canary-refresh-token",
        CLIENT_SECRET,
        "192.0.2.99",
    ] {
        assert!(!answer.body.contains(secret), "{secret} in {answer:?}");
    }
}

#[tokio::test]
async fn a_reader_is_told_nothing_of_a_token() {
    let world = told_by(CODE, good()).await;
    let rita = Principal { role: Role::Reader, ..world.ada.clone() };
    assert_eq!(world.service().token_xray(&rita).await, Err(ApiError::Forbidden));
}

#[tokio::test]
async fn without_a_token_there_is_nothing_to_tell() {
    let world = World::with(CODE).await;
    assert_eq!(world.service().token_xray(&world.ada).await, Err(ApiError::TokenNeeded));
}
