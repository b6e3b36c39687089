//! Refusals: each with a meaning of its own, in the provider's words, and without the secrets that
//! some providers repeat.

use domain::settings::Consent;
use domain::token::{Fault, Leg};
use server::oauth::{Answer, ClientAuth, ProviderError};

use super::{client, public_trouble, trouble};
use crate::support::provider::{ScriptedProvider, Turn, grant};

/// Every error code of RFC 6749 4.1.2.1 and 5.2, those of `OpenID` Connect Core 3.1.2.6 and RFC 8628
/// that matter here, and some of which nothing is known.
const CODES: [(&str, Fault); 17] = [
    ("access_denied", Fault::AccessDenied),
    ("consent_required", Fault::InteractionRequired),
    ("login_required", Fault::InteractionRequired),
    ("interaction_required", Fault::InteractionRequired),
    ("account_selection_required", Fault::InteractionRequired),
    ("invalid_request", Fault::InvalidRequest),
    ("invalid_client", Fault::InvalidClient),
    ("invalid_grant", Fault::InvalidGrant),
    ("unauthorized_client", Fault::UnauthorizedClient),
    ("unsupported_grant_type", Fault::UnsupportedGrantType),
    ("unsupported_response_type", Fault::UnsupportedResponseType),
    ("invalid_scope", Fault::InvalidScope),
    ("server_error", Fault::ProviderFailed),
    ("temporarily_unavailable", Fault::ProviderBusy),
    ("slow_down", Fault::ProviderBusy),
    ("invalid_target", Fault::UnknownError),
    ("admin_policy_enforced", Fault::UnknownError),
];

#[tokio::test]
async fn every_error_code_has_its_meaning_at_the_token_endpoint_whatever_the_status() {
    for status in ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "200 OK"] {
        for (code, fault) in CODES {
            let body = format!(r#"{{"error":"{code}","error_description":"So it is."}}"#);
            let expected = (fault, format!("{code}: So it is."));
            assert_eq!(trouble(Turn::json(status, &body)).await, expected, "{status}");
        }
    }
}

#[test]
fn every_error_code_has_the_same_meaning_at_the_providers_page_but_for_a_refused_consent() {
    for (code, fault) in CODES {
        let description = Some("So it is.".to_owned());
        let error = Some(ProviderError { code: code.to_owned(), description, uri: None });
        let setback = Answer { error, ..Answer::default() }.setback().expect("an error");
        // A person who is asked for a consent has refused it.
        let is_declined = code == "consent_required";
        let fault = if is_declined { Fault::AccessDenied } else { fault };
        assert_eq!((setback.leg, setback.fault), (Leg::Consent, fault));
        assert_eq!(setback.said, Some(format!("{code}: So it is.")));
    }
}

#[tokio::test]
async fn a_page_about_the_error_is_named_if_its_address_is_https() {
    for (uri, said) in [
        ("https://a.example/e", "invalid_scope (https://a.example/e)"),
        ("http://a.example/e", "invalid_scope"),
        ("javascript:alert(1)", "invalid_scope"),
    ] {
        let body = format!(r#"{{"error":"invalid_scope","error_uri":"{uri}"}}"#);
        assert_eq!(trouble(Turn::json("400 Bad Request", &body)).await.1, said);
    }
}

#[tokio::test]
async fn a_providers_words_are_made_fit_to_be_shown() {
    let long = "é".repeat(3_000);
    let body = format!(r#"{{"error":"odd","error_description":"a\u202eb\u0007c <b> {long}"}}"#);
    let (_, said) = trouble(Turn::json("400 Bad Request", &body)).await;
    assert!(said.starts_with("odd: abc <b> é") && said.ends_with('…'), "{said}");
    assert_eq!(said.chars().count(), 2_000);
}

#[tokio::test]
async fn a_refusal_without_a_word_is_told_by_its_status() {
    for (status, body) in [
        ("400 Bad Request", ""),
        ("401 Unauthorized", ""),
        ("403 Forbidden", ""),
        ("403 Forbidden", "{}"),
        ("418 I'm a teapot", " \n"),
    ] {
        let expected = (Fault::RefusedSilently, status.to_owned());
        assert_eq!(trouble(Turn::json(status, body)).await, expected);
    }
}

#[tokio::test]
async fn a_refusal_in_words_of_its_own_is_told_with_them() {
    for (body, said) in [
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
        let expected = (Fault::UnknownError, said.to_owned());
        assert_eq!(public_trouble(Turn::answer("400 Bad Request", &[], body)).await, expected);
    }
}

#[tokio::test]
async fn an_oauth_code_under_another_name_is_that_error() {
    for (body, said) in [
        (r#"{"errorCode":"invalid_client","errorSummary":"No."}"#, "invalid_client: No."),
        (r#"{"errors":[{"code":"invalid_client","message":"No."}]}"#, "invalid_client: No."),
        (r#"{"type":"https://a.example/invalid_client","title":"No."}"#, "invalid_client: No."),
    ] {
        let (fault, told) = public_trouble(Turn::json("400 Bad Request", body)).await;
        assert_eq!((fault, told), (Fault::InvalidClient, format!("400 Bad Request: {said}")));
    }
}

#[tokio::test]
async fn an_oauth_code_in_plain_text_is_that_error_whatever_the_status() {
    for status in ["400 Bad Request", "401 Unauthorized", "200 OK"] {
        let turn = Turn::answer(status, &["Content-Type: text/plain"], "invalid_client\n");
        let expected = (Fault::InvalidClient, "invalid_client".to_owned());
        assert_eq!(trouble(turn).await, expected, "{status}");
    }
}

#[tokio::test]
async fn a_number_in_place_of_an_error_keeps_its_status_and_is_no_token_endpoint() {
    for status in ["400 Bad Request", "200 OK"] {
        for body in [r#"{"result":0,"error":"9"}"#, r#"{"result":0,"error":9}"#] {
            let expected = (Fault::NotOauth, format!("{status}: 9"));
            assert_eq!(public_trouble(Turn::json(status, body)).await, expected);
        }
    }
}

#[tokio::test]
async fn microsofts_numbers_and_its_trace_stand_beside_its_words() {
    let body = r#"{"error":"invalid_request","error_description":"No tenant.","error_codes":[90002],
        "trace_id":"0f8fad5b-d9cb-469f-a165-70867728950e"}"#;
    for status in ["400 Bad Request", "200 OK"] {
        let (fault, said) = trouble(Turn::json(status, body)).await;
        let expected =
            "invalid_request: No tenant. (AADSTS90002, 0f8fad5b-d9cb-469f-a165-70867728950e)";
        assert_eq!((fault, said.as_str()), (Fault::InvalidRequest, expected), "{status}");
    }
}

#[tokio::test]
async fn who_answers_in_the_providers_place_is_told_apart() {
    let (cloudflare, html) = ("cf-mitigated: challenge", "Content-Type: text/html");
    for (status, headers, body, fault, said) in [
        (
            "403 Forbidden",
            &[cloudflare, html][..],
            "<!DOCTYPE html><title>Just a moment...</title>",
            Fault::BotGuard,
            "403 Forbidden: Just a moment...",
        ),
        (
            "503 Service Unavailable",
            &[html],
            "<title>Just a moment...</title>",
            Fault::BotGuard,
            "503 Service Unavailable: Just a moment...",
        ),
        (
            "200 OK",
            &[html],
            "<title>Sign in</title><input type=\"password\">",
            Fault::SignInPage,
            "Sign in",
        ),
        (
            "511 Network Authentication Required",
            &[html],
            "<title>Welcome</title>",
            Fault::NetworkPage,
            "511 Network Authentication Required: Welcome",
        ),
    ] {
        let told = public_trouble(Turn::answer(status, headers, body)).await;
        assert_eq!(told, (fault, said.to_owned()));
        let (found, told) = trouble(Turn::answer(status, headers, body)).await;
        assert_eq!(found, fault, "of this machine it is told too");
        assert!(!told.contains("moment") && !told.contains("Sign in"), "{told}");
    }
}

#[tokio::test]
async fn a_page_is_no_token_endpoint_and_is_told_by_its_title() {
    let page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Hi</body></html>";
    for (status, said) in [
        ("200 OK", "Sign in"),
        ("403 Forbidden", "403 Forbidden: Sign in"),
        ("404 Not Found", "404 Not Found: Sign in"),
    ] {
        let turn = Turn::answer(status, &["Content-Type: text/html"], page);
        assert_eq!(public_trouble(turn).await, (Fault::NotOauth, said.to_owned()));
    }
}

#[tokio::test]
async fn where_nothing_is_found_there_is_no_token_endpoint() {
    for (status, body) in [
        ("404 Not Found", ""),
        ("404 Not Found", r#"{"detail":"Not Found"}"#),
        ("405 Method Not Allowed", ""),
        ("410 Gone", "Gone"),
    ] {
        assert_eq!(trouble(Turn::answer(status, &[], body)).await.0, Fault::NotOauth, "{status}");
    }
}

#[tokio::test]
async fn a_status_of_5xx_is_the_providers_failure_whatever_it_says() {
    for (status, body, said) in [
        ("500 Internal Server Error", "", "500 Internal Server Error"),
        ("502 Bad Gateway", "<h1>Bad</h1>", "502 Bad Gateway: Bad"),
        ("503 Service Unavailable", r#"{"error":"invalid_grant"}"#, "invalid_grant"),
    ] {
        let expected = (Fault::ProviderFailed, said.to_owned());
        assert_eq!(public_trouble(Turn::answer(status, &[], body)).await, expected);
    }
}

#[tokio::test]
async fn a_provider_that_is_busy_says_so_by_status_or_code() {
    for (status, body) in [
        ("429 Too Many Requests", ""),
        ("429 Too Many Requests", r#"{"error":"invalid_request"}"#),
        ("503 Service Unavailable", r#"{"error":"temporarily_unavailable"}"#),
    ] {
        assert_eq!(trouble(Turn::json(status, body)).await.0, Fault::ProviderBusy, "{status}");
    }
}

#[tokio::test]
async fn a_secret_that_a_provider_repeats_is_not_told() {
    let (code, verifier) = ("code/1+2".into(), "verifier-".repeat(5).into());
    // As it was typed, as a form sends it, and as base64.
    let body = r#"{"error":"invalid_grant","error_description":
        "no canary client/secret+1, canary+client%2Fsecret%2B1, code/1+2 code%2F1%2B2, Y29kZS8xKzI=, verifier-verifier-verifier-verifier-verifier-"}"#;
    let provider = ScriptedProvider::play([Turn::json("400 Bad Request", body)]);
    let consent = Consent::AtProvider {
        authorization_endpoint: "https://login.example.com/".to_owned(),
        redirect_uri: "https://ppm.example.com/".to_owned(),
        pkce: true,
    };
    let grant = grant(consent, &provider.token_endpoint());
    let setback = client().exchange(&grant, ClientAuth::Body, &code, Some(&verifier)).await;
    assert_eq!(
        setback.expect_err("a setback").said.as_deref(),
        Some(
            "invalid_grant: no [client secret], [client secret], [code] [code], [code], [verifier]"
        )
    );
}

#[tokio::test]
async fn a_refresh_token_that_a_provider_repeats_is_not_told() {
    let body = r#"{"error":"invalid_grant","error_description":"no refresh-canary"}"#;
    let provider = ScriptedProvider::play([Turn::json("400 Bad Request", body)]);
    let grant = grant(Consent::NotNeeded, &provider.token_endpoint());
    let setback = client().refresh(&grant, ClientAuth::Body, &"refresh-canary".into()).await;
    let setback = setback.expect_err("a setback");
    assert_eq!((setback.leg, setback.fault), (Leg::Renewal, Fault::InvalidGrant));
    assert_eq!(setback.said.as_deref(), Some("invalid_grant: no [refresh token]"));
}

#[tokio::test]
async fn a_basic_header_that_a_provider_repeats_is_not_told() {
    let body =
        r#"{"error":"odd","error_description":"cHBtOmNhbmFyeSUyMGNsaWVudCUyRnNlY3JldCUyQjE="}"#;
    let provider = ScriptedProvider::play([Turn::json("400 Bad Request", body)]);
    let grant = grant(Consent::NotNeeded, &provider.token_endpoint());
    let asked = client().client_credentials(&grant, ClientAuth::Basic, Leg::TokenRequest).await;
    assert_eq!(super::told(asked), (Fault::UnknownError, "odd: [client secret]".to_owned()));
}
