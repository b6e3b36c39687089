//! The inspection of the access token: claims that an administrator sees, and those kept secret.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::{ApiCode, EmailService, Explanation, LookupResult};
use domain::{Field, OauthFlow, Principal, Role, time_format::TimePreference};
use serde_json::{Value, json};

use crate::support::drafts::edited;
use crate::support::oauth_fixture::OauthFixture;
use crate::support::pages::call_in;
use testkit::provider::{CLIENT_SECRET, SCOPE};

const CODE: OauthFlow = OauthFlow::AuthorizationCode;
const CLIENT_CREDENTIALS: OauthFlow = OauthFlow::ClientCredentials;

const OUTLOOK: &str = "https://outlook.office.com";
const ISSUER: &str = "https://sts.windows.net/11111111-2222-3333-4444-555555555555/";

/// A fixture whose token has these claims.
async fn with_claims(flow: OauthFlow, claims: Value) -> OauthFixture {
    OauthFixture::with_token_by(flow, |rules| rules.claims = Some(claims)).await
}

async fn findings(fixture: &OauthFixture) -> LookupResult {
    fixture.service().inspect_token(&fixture.ada).await.expect("findings")
}

fn fact<'f>(findings: &'f LookupResult, name: &str) -> Option<&'f str> {
    findings.facts.iter().find(|found| found.name == name).map(|found| found.value.as_str())
}

/// The only explanation.
fn only(findings: LookupResult) -> Explanation {
    let [explanation] = <[_; 1]>::try_from(findings.explanations).expect("one explanation");
    explanation
}

/// The suggestions of its buttons.
fn fills(explanation: &Explanation) -> Vec<(Field, &str)> {
    let fills = explanation.steps.iter().filter_map(|step| step.fill.as_ref());
    fills.map(|fill| (fill.field, fill.value.as_str())).collect()
}

/// The claims of a Microsoft token without problems.
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
async fn the_claims_of_a_token_are_shown() {
    let findings = findings(&with_claims(CODE, good()).await).await;
    for (name, expected) in [
        ("Issued for", OUTLOOK),
        ("Scope granted", "SMTP.Send"),
        ("User", "NoReply@example.com"),
        ("Tenant", "11111111-2222-3333-4444-555555555555"),
        ("Application", "an-application"),
    ] {
        assert_eq!(fact(&findings, name), Some(expected), "{name}");
    }
    assert_eq!(findings.explanations, []);
    let verdict = findings.verdict.expect("a verdict").cause;
    assert_eq!(verdict, "No problems found: this token can be used for mail.");
}

#[tokio::test]
async fn the_object_id_is_shown_for_an_application_and_not_for_a_user() {
    const OBJECT: &str = "Object ID in Enterprise applications";
    let claims = with(good(), "oid", json!("an-object"));
    let claims = with(claims, "roles", json!(["SMTP.SendAsApp"]));
    let of_application = findings(&with_claims(CLIENT_CREDENTIALS, claims.clone()).await).await;
    assert_eq!(fact(&of_application, OBJECT), Some("an-object"));
    assert_eq!(fact(&of_application, "Roles"), Some("SMTP.SendAsApp"));
    let of_person = findings(&with_claims(CODE, claims).await).await;
    assert_eq!(fact(&of_person, OBJECT), None);
}

#[tokio::test]
async fn issue_and_expiry_follow_the_callers_time_preference() {
    let fixture = with_claims(CODE, good()).await;
    let tokyo = TimePreference { zone: "Asia/Tokyo".to_owned(), ..TimePreference::default() };
    let ada = Principal { times: Some(tokyo), ..fixture.ada.clone() };
    let there = fixture.service().inspect_token(&ada).await.expect("findings");
    let here = findings(&fixture).await;
    for (name, year) in [("Issued", "2023"), ("Expires", "2096")] {
        let instant = fact(&here, name).expect("an instant");
        assert!(instant.contains(year), "{name}: {instant}");
        assert_ne!(fact(&there, name), Some(instant));
    }
}

#[tokio::test]
async fn a_token_for_microsoft_graph_is_reported_with_the_scope_for_mail() {
    for audience in ["https://graph.microsoft.com/", "00000003-0000-0000-c000-000000000000"] {
        for (flow, scope) in [
            (CODE, "https://outlook.office.com/SMTP.Send offline_access"),
            (CLIENT_CREDENTIALS, "https://outlook.office365.com/.default"),
        ] {
            let fixture = with_claims(flow, with(good(), "aud", json!([audience]))).await;
            let problem = only(findings(&fixture).await);
            assert_eq!(problem.cause, "This token is for Microsoft Graph, not for mail.");
            assert_eq!(fills(&problem), [(Field::Scope, scope)]);
        }
    }
}

#[tokio::test]
async fn a_token_of_another_account_is_reported_with_both_addresses() {
    let fixture = with_claims(CODE, with(good(), "upn", json!("admin@example.com"))).await;
    let problem = only(findings(&fixture).await);
    let expected = "The token belongs to admin@example.com, but the sender is noreply@example.com.";
    assert_eq!(problem.cause, expected);
    assert_eq!(fills(&problem), [(Field::OauthSender, "admin@example.com")]);
}

#[tokio::test]
async fn a_users_token_without_the_permission_to_send_or_outside_its_validity_is_reported() {
    for (claim, value, cause) in [
        ("scp", json!("IMAP.AccessAsUser.All"), "SMTP.Send is missing"),
        ("exp", json!(1_000_000_000), "has expired"),
        ("nbf", json!(4_000_000_000_u64), "not valid yet"),
    ] {
        let problem = only(findings(&with_claims(CODE, with(good(), claim, value)).await).await);
        assert!(problem.cause.contains(cause), "{claim}: {problem:?}");
    }
}

#[tokio::test]
async fn an_applications_token_without_roles_is_valid_for_a_scoped_role() {
    let fixture = with_claims(CLIENT_CREDENTIALS, with(good(), "idtyp", json!("app"))).await;
    assert_eq!(findings(&fixture).await.explanations, []);
}

#[tokio::test]
async fn an_applications_token_with_other_roles_is_reported_with_both_remedies() {
    let claims = with(good(), "idtyp", json!("app"));
    let with_role = async |role| {
        with_claims(CLIENT_CREDENTIALS, with(claims.clone(), "roles", json!([role]))).await
    };
    let fixture = with_role("Mail.Read").await;
    let Explanation { cause, steps, .. } = only(findings(&fixture).await);
    assert!(cause.contains("none of them allows it to send mail by SMTP"), "{cause}");
    assert!(steps[0].text.contains("remove every API permission"), "{steps:?}");
    assert!(steps[1].text.starts_with("Or, the older way"), "{steps:?}");
    for role in ["SMTP.SendAsApp", "full_access_as_app"] {
        assert_eq!(findings(&with_role(role).await).await.explanations, [], "{role}");
    }
}

#[tokio::test]
async fn the_role_mail_send_is_valid_for_high_volume_email_only() {
    for (server, diagnoses) in [("smtp-hve.office365.com", 0), ("localhost", 1)] {
        let fixture = OauthFixture::with(CLIENT_CREDENTIALS).await;
        let edits = [(Field::OauthServer, server), (Field::OauthDisplayName, "Another name")];
        fixture.saved(&edited(&fixture.draft(CLIENT_CREDENTIALS), &edits), 1, None).await;
        let claims = with(good(), "roles", json!(["Mail.Send"]));
        fixture.provider.rule(|rules| rules.claims = Some(claims));
        fixture.obtain().await;
        assert_eq!(findings(&fixture).await.explanations.len(), diagnoses, "{server}");
    }
}

#[tokio::test]
async fn a_token_for_graph_despite_a_scope_for_mail_is_reported_as_of_a_v1_endpoint() {
    let fixture = OauthFixture::with(CODE).await;
    let scope = (Field::Scope, "https://outlook.office.com/SMTP.Send offline_access");
    fixture.saved(&edited(&fixture.draft(CODE), &[scope]), 1, None).await;
    let claims = with(good(), "aud", json!("https://graph.microsoft.com"));
    fixture.provider.rule(|rules| rules.claims = Some(with(claims, "ver", json!("1.0"))));
    fixture.obtain().await;
    let problem = only(findings(&fixture).await);
    assert!(problem.cause.contains("Use /oauth2/v2.0/ instead"), "{}", problem.cause);
    assert!(problem.steps[0].text.contains("/oauth2/v2.0/ in place of /oauth2/"), "{problem:?}");
    assert_eq!(fills(&problem), [], "Scope is right");
}

#[tokio::test]
async fn for_an_opaque_token_a_requested_scope_that_was_not_granted_is_reported() {
    let narrower = Some("mail.read".to_owned());
    let fixture = OauthFixture::with_token_by(CODE, |rules| rules.scope = narrower).await;
    let found = findings(&fixture).await;
    assert_eq!(fact(&found, "Scope requested"), Some(SCOPE));
    assert_eq!(fact(&found, "Scope granted"), Some("mail.read"));
    assert!(only(found).cause.contains("mail.send is missing"));
}

#[tokio::test]
async fn a_wider_scope_than_requested_is_no_problem() {
    let wider = Some(format!("openid {SCOPE}"));
    let fixture = OauthFixture::with_token_by(CODE, |rules| rules.scope = wider).await;
    assert_eq!(findings(&fixture).await.explanations, []);
}

#[tokio::test]
async fn no_part_of_a_token_and_no_other_claim_leaves_the_server() {
    let claims = with(good(), "aud", json!([OUTLOOK, CLIENT_SECRET, "canary-refresh-token-4"]));
    let fixture = with_claims(CODE, claims.clone()).await;
    let cookie = fixture.harness.sign_in().await;
    let answer = call_in(&fixture.harness, &cookie, "token-xray", "{}").await;
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
async fn a_reader_cannot_inspect_a_token() {
    let fixture = with_claims(CODE, good()).await;
    let rita = Principal { role: Role::Reader, ..fixture.ada.clone() };
    assert_eq!(fixture.service().inspect_token(&rita).await, Err(ApiCode::Forbidden));
}

#[tokio::test]
async fn without_a_token_the_inspection_is_refused() {
    let fixture = OauthFixture::with(CODE).await;
    assert_eq!(fixture.service().inspect_token(&fixture.ada).await, Err(ApiCode::TokenNeeded));
}
