//! Tests of error responses: their meaning, the provider's text, and the redaction of secrets that
//! some providers repeat.

use domain::settings::Consent;
use domain::token::{OauthDiagnosis, OauthStage};
use oauth::{AuthorizationResponse, ClientAuth, ProviderError};
use testkit::provider::{ScriptedProvider, Turn, grant};

use super::{ask_by_basic, client, consented, diagnosis, public_trouble, told, trouble};

/// Every error code of RFC 6749 4.1.2.1 and 5.2, the relevant ones of `OpenID` Connect Core 3.1.2.6
/// and RFC 8628, and some unknown ones.
const CODES: [(&str, OauthDiagnosis); 17] = [
    ("access_denied", OauthDiagnosis::AccessDenied),
    ("consent_required", OauthDiagnosis::InteractionRequired),
    ("login_required", OauthDiagnosis::InteractionRequired),
    ("interaction_required", OauthDiagnosis::InteractionRequired),
    ("account_selection_required", OauthDiagnosis::InteractionRequired),
    ("invalid_request", OauthDiagnosis::InvalidRequest),
    ("invalid_client", OauthDiagnosis::InvalidClient),
    ("invalid_grant", OauthDiagnosis::InvalidGrant),
    ("unauthorized_client", OauthDiagnosis::UnauthorizedClient),
    ("unsupported_grant_type", OauthDiagnosis::UnsupportedGrantType),
    ("unsupported_response_type", OauthDiagnosis::UnsupportedResponseType),
    ("invalid_scope", OauthDiagnosis::InvalidScope),
    ("server_error", OauthDiagnosis::ProviderFailed),
    ("temporarily_unavailable", OauthDiagnosis::ProviderBusy),
    ("slow_down", OauthDiagnosis::ProviderBusy),
    ("invalid_target", OauthDiagnosis::UnknownError),
    ("admin_policy_enforced", OauthDiagnosis::UnknownError),
];

#[tokio::test]
async fn every_error_code_has_its_meaning_at_the_token_endpoint_with_any_status() {
    for status in ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "200 OK"] {
        for (code, diagnosis) in CODES {
            let body = format!(r#"{{"error":"{code}","error_description":"So it is."}}"#);
            let expected = (diagnosis, format!("{code}: So it is."));
            assert_eq!(trouble(Turn::json(status, &body)).await, expected, "{status}");
        }
    }
}

#[test]
fn every_error_code_has_the_same_meaning_at_the_authorization_endpoint_except_consent_required() {
    for (code, diagnosis) in CODES {
        let description = Some("So it is.".to_owned());
        let error = Some(ProviderError { code: code.to_owned(), description, uri: None });
        let failure = AuthorizationResponse { error, ..AuthorizationResponse::default() }
            .failure()
            .expect("an error");
        // A user who is asked for consent has declined.
        let is_declined = code == "consent_required";
        let diagnosis = if is_declined { OauthDiagnosis::AccessDenied } else { diagnosis };
        assert_eq!((failure.stage, failure.diagnosis), (OauthStage::Consent, diagnosis));
        assert_eq!(failure.peer_text, Some(format!("{code}: So it is.")));
    }
}

#[tokio::test]
async fn a_page_about_the_error_is_shown_if_its_url_is_https() {
    for (uri, peer_text) in [
        ("https://a.example/e", "invalid_scope (https://a.example/e)"),
        ("http://a.example/e", "invalid_scope"),
        ("javascript:alert(1)", "invalid_scope"),
    ] {
        let body = format!(r#"{{"error":"invalid_scope","error_uri":"{uri}"}}"#);
        assert_eq!(trouble(Turn::json("400 Bad Request", &body)).await.1, peer_text);
    }
}

#[tokio::test]
async fn a_providers_text_is_sanitised() {
    let long = "é".repeat(3_000);
    let body = format!(r#"{{"error":"odd","error_description":"a\u202eb\u0007c <b> {long}"}}"#);
    let (_, peer_text) = trouble(Turn::json("400 Bad Request", &body)).await;
    assert!(peer_text.starts_with("odd: abc <b> é") && peer_text.ends_with('…'), "{peer_text}");
    assert_eq!(peer_text.chars().count(), 2_000);
}

#[tokio::test]
async fn an_empty_error_response_is_reported_by_its_status() {
    for (status, body) in [
        ("400 Bad Request", ""),
        ("401 Unauthorized", ""),
        ("403 Forbidden", ""),
        ("403 Forbidden", "{}"),
        ("418 I'm a teapot", " \n"),
    ] {
        let expected = (OauthDiagnosis::RefusedSilently, status.to_owned());
        assert_eq!(trouble(Turn::json(status, body)).await, expected);
    }
}

#[tokio::test]
async fn a_nonstandard_error_is_reported_with_its_text() {
    for (body, peer_text) in [
        (r#"{"message":"Wrong tenant."}"#, "400 Bad Request: Wrong tenant."),
        (r#"{"error":{"status":"INVALID","message":"No."}}"#, "INVALID: No."),
        ("Blocked by policy.", "400 Bad Request: Blocked by policy."),
        (r#"{"errcode":40013,"errmsg":"invalid appid"}"#, "400 Bad Request: 40013: invalid appid"),
        (r#"{"errors":["No.","Never."]}"#, "400 Bad Request: No.; Never."),
        (r#"{"errors":[{"detail":"No."}]}"#, "400 Bad Request: No."),
        (r#"{"title":"Bad","detail":"No."}"#, "400 Bad Request: Bad: No."),
        (r#"{"error_message":"No."}"#, "400 Bad Request: No."),
        (r#"{"reason":"No."}"#, "400 Bad Request: No."),
    ] {
        let expected = (OauthDiagnosis::UnknownError, peer_text.to_owned());
        assert_eq!(public_trouble(Turn::answer("400 Bad Request", &[], body)).await, expected);
    }
}

#[tokio::test]
async fn an_oauth_code_in_another_member_is_recognised() {
    for (body, peer_text) in [
        (r#"{"errorCode":"invalid_client","errorSummary":"No."}"#, "invalid_client: No."),
        (r#"{"errors":[{"code":"invalid_client","message":"No."}]}"#, "invalid_client: No."),
        (r#"{"type":"https://a.example/invalid_client","title":"No."}"#, "invalid_client: No."),
    ] {
        let expected = (OauthDiagnosis::InvalidClient, format!("400 Bad Request: {peer_text}"));
        assert_eq!(public_trouble(Turn::json("400 Bad Request", body)).await, expected);
    }
}

#[tokio::test]
async fn an_oauth_code_in_plain_text_is_recognised_with_any_status() {
    for status in ["400 Bad Request", "401 Unauthorized", "200 OK"] {
        let turn = Turn::answer(status, &["Content-Type: text/plain"], "invalid_client\n");
        let expected = (OauthDiagnosis::InvalidClient, "invalid_client".to_owned());
        assert_eq!(trouble(turn).await, expected, "{status}");
    }
}

#[tokio::test]
async fn a_bare_number_as_an_error_is_reported_with_its_status() {
    for status in ["400 Bad Request", "200 OK"] {
        for body in [r#"{"result":0,"error":"9"}"#, r#"{"result":0,"error":9}"#] {
            let expected = (OauthDiagnosis::NotOauth, format!("{status}: 9"));
            assert_eq!(public_trouble(Turn::json(status, body)).await, expected);
        }
    }
}

#[tokio::test]
async fn microsofts_numbers_and_trace_id_are_added_to_its_text() {
    let body = r#"{"error":"invalid_request","error_description":"No tenant.","error_codes":[90002],
        "trace_id":"0f8fad5b-d9cb-469f-a165-70867728950e"}"#;
    for status in ["400 Bad Request", "200 OK"] {
        let peer_text =
            "invalid_request: No tenant. (AADSTS90002, 0f8fad5b-d9cb-469f-a165-70867728950e)";
        let expected = (OauthDiagnosis::InvalidRequest, peer_text.to_owned());
        assert_eq!(trouble(Turn::json(status, body)).await, expected, "{status}");
    }
}

#[tokio::test]
async fn pages_of_proxies_and_bot_guards_are_recognised() {
    use OauthDiagnosis::{BotGuard, NetworkPage, SignInPage};
    let html = "Content-Type: text/html";
    let cloudflare = &["cf-mitigated: challenge", html][..];
    let moment = "<title>Just a moment...</title>";
    let page = format!("<!DOCTYPE html>{moment}");
    let sign_in = "<title>Sign in</title><input type=\"password\">";
    let welcome = "<title>Welcome</title>";
    for (status, headers, body, diagnosis, title) in [
        ("403 Forbidden", cloudflare, page.as_str(), BotGuard, "Just a moment..."),
        ("503 Service Unavailable", &[html], moment, BotGuard, "Just a moment..."),
        ("200 OK", &[html], sign_in, SignInPage, "Sign in"),
        ("511 Network Authentication Required", &[html], welcome, NetworkPage, "Welcome"),
    ] {
        let words = if status == "200 OK" { title } else { &format!("{status}: {title}") };
        let told = public_trouble(Turn::answer(status, headers, body)).await;
        assert_eq!(told, (diagnosis, words.to_owned()));
        let (found, told) = trouble(Turn::answer(status, headers, body)).await;
        assert_eq!(found, diagnosis, "from this machine too");
        assert!(!told.contains("moment") && !told.contains("Sign in"), "{told}");
    }
}

#[tokio::test]
async fn a_page_is_described_by_its_title() {
    let page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Hi</body></html>";
    for (status, peer_text) in [
        ("200 OK", "Sign in"),
        ("403 Forbidden", "403 Forbidden: Sign in"),
        ("404 Not Found", "404 Not Found: Sign in"),
    ] {
        let turn = Turn::answer(status, &["Content-Type: text/html"], page);
        assert_eq!(public_trouble(turn).await, (OauthDiagnosis::NotOauth, peer_text.to_owned()));
    }
}

#[tokio::test]
async fn a_404_405_or_410_is_no_token_endpoint() {
    for (status, body) in [
        ("404 Not Found", ""),
        ("404 Not Found", r#"{"detail":"Not Found"}"#),
        ("405 Method Not Allowed", ""),
        ("410 Gone", "Gone"),
    ] {
        let found = diagnosis(Turn::answer(status, &[], body)).await;
        assert_eq!(found, OauthDiagnosis::NotOauth, "{status}");
    }
}

#[tokio::test]
async fn a_5xx_status_is_a_provider_failure_with_any_body() {
    for (status, body, peer_text) in [
        ("500 Internal Server Error", "", "500 Internal Server Error"),
        ("502 Bad Gateway", "<h1>Bad</h1>", "502 Bad Gateway: Bad"),
        ("503 Service Unavailable", r#"{"error":"invalid_grant"}"#, "invalid_grant"),
    ] {
        let expected = (OauthDiagnosis::ProviderFailed, peer_text.to_owned());
        assert_eq!(public_trouble(Turn::answer(status, &[], body)).await, expected);
    }
}

#[tokio::test]
async fn a_busy_provider_is_recognised_by_status_or_code() {
    for (status, body) in [
        ("429 Too Many Requests", ""),
        ("429 Too Many Requests", r#"{"error":"invalid_request"}"#),
        ("503 Service Unavailable", r#"{"error":"temporarily_unavailable"}"#),
    ] {
        let found = diagnosis(Turn::json(status, body)).await;
        assert_eq!(found, OauthDiagnosis::ProviderBusy, "{status}");
    }
}

#[tokio::test]
async fn a_secret_that_a_provider_repeats_is_redacted() {
    let (code, verifier) = ("code/1+2".into(), "verifier-".repeat(5).into());
    // Verbatim, form-encoded, and in base64.
    let body = r#"{"error":"invalid_grant","error_description":
        "no canary client/secret+1, canary+client%2Fsecret%2B1, code/1+2 code%2F1%2B2, Y29kZS8xKzI=, verifier-verifier-verifier-verifier-verifier-"}"#;
    let provider = ScriptedProvider::play([Turn::json("400 Bad Request", body)]);
    let grant = consented(
        "https://login.example.com/",
        "https://ppm.example.com/",
        true,
        &provider.token_endpoint(),
    );
    let failure = client().exchange(&grant, ClientAuth::Body, &code, Some(&verifier)).await;
    let expected =
        "invalid_grant: no [client secret], [client secret], [code] [code], [code], [verifier]";
    assert_eq!(failure.expect_err("a failure").peer_text.as_deref(), Some(expected));
}

#[tokio::test]
async fn a_refresh_token_that_a_provider_repeats_is_redacted() {
    let body = r#"{"error":"invalid_grant","error_description":"no refresh-canary"}"#;
    let provider = ScriptedProvider::play([Turn::json("400 Bad Request", body)]);
    let grant = grant(Consent::NotNeeded, &provider.token_endpoint());
    let failure = client().refresh(&grant, ClientAuth::Body, &"refresh-canary".into()).await;
    let failure = failure.expect_err("a failure");
    assert_eq!(failure.stage, OauthStage::Renewal);
    assert_eq!(failure.diagnosis, OauthDiagnosis::InvalidGrant);
    assert_eq!(failure.peer_text.as_deref(), Some("invalid_grant: no [refresh token]"));
}

#[tokio::test]
async fn a_basic_header_that_a_provider_repeats_is_redacted() {
    let body =
        r#"{"error":"odd","error_description":"cHBtOmNhbmFyeSUyMGNsaWVudCUyRnNlY3JldCUyQjE="}"#;
    let provider = ScriptedProvider::play([Turn::json("400 Bad Request", body)]);
    let grant = grant(Consent::NotNeeded, &provider.token_endpoint());
    let expected = (OauthDiagnosis::UnknownError, "odd: [client secret]".to_owned());
    assert_eq!(told(ask_by_basic(&grant).await), expected);
}
