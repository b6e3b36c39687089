//! Tests of responses from a private network or this machine: unless they are OAuth, only status
//! and type are shown, or a token endpoint could read any service that the server reaches.

use domain::token::OauthDiagnosis;
use testkit::provider::{ScriptedProvider, Turn};
use testkit::smtp_server::AUTHORITY;

use super::{LONG, PUBLIC, ask, client, client_with, proxy, public_trouble, told, trouble};

const HTML: &str = "Content-Type: text/html; charset=utf-8";
const PAGE: &str = "<title>Sekret 7</title><p>Sekret 8";

/// Responses with text in each place that is shown for a public address, and what is shown instead.
fn answers() -> Vec<(Turn, OauthDiagnosis, &'static str)> {
    use OauthDiagnosis::{NoToken, NotOauth, ProviderFailed, Redirected, UnknownError};
    let ok = |body| Turn::json("200 OK", body);
    let bad = |body| Turn::json("400 Bad Request", body);
    let typed = |named, body| Turn::answer("400 Bad Request", &[named], body);
    let redirect = Turn::answer("302 Found", &["Location: http://sekret-7.example/"], "");
    vec![
        (Turn::answer("200 OK", &[HTML], PAGE), NotOauth, "200 OK (text/html)"),
        (Turn::answer("403 Forbidden", &[HTML], PAGE), NotOauth, "403 Forbidden (text/html)"),
        (
            typed("Content-Type: text/plain", "Sekret 7"),
            UnknownError,
            "400 Bad Request (text/plain)",
        ),
        (
            typed("Content-Type: Sekret/7", "Sekret 8"),
            UnknownError,
            "400 Bad Request (another type)",
        ),
        (Turn::answer("502 Sekret", &[], "Sekret 7"), ProviderFailed, "502 Bad Gateway"),
        (redirect, Redirected, "302 Found"),
        (ok(r#"{"message":"Sekret 7"}"#), NoToken, ""),
        (ok(r#"{"error":"Sekret 7","error_description":"Sekret 8"}"#), NoToken, ""),
        (ok(r#"{"error":{"status":"SEKRET","message":"Sekret 8"}}"#), NoToken, ""),
        (ok(r#"["Sekret 7"]"#), NotOauth, ""),
        (bad(r#"{"detail":"Sekret 7"}"#), UnknownError, "400 Bad Request"),
        (bad(r#"{"error_description":"Sekret 7"}"#), UnknownError, "400 Bad Request"),
        (
            bad(r#"{"error":"Sekret 7","error_description":"Sekret 8"}"#),
            UnknownError,
            "400 Bad Request",
        ),
        (
            bad(r#"{"error":{"type":"sekret","message":"Sekret 8"}}"#),
            UnknownError,
            "400 Bad Request",
        ),
    ]
}

/// Checks what is shown of each response when it is received in this way.
async fn assert_withheld(receive: impl AsyncFn(Turn) -> (OauthDiagnosis, String)) {
    for (turn, diagnosis, peer_text) in answers() {
        let (found, told) = receive(turn).await;
        let told = told.strip_suffix(" (application/json)").unwrap_or(&told);
        assert_eq!((found, told), (diagnosis, peer_text));
    }
}

#[tokio::test]
async fn only_status_and_type_of_a_non_oauth_response_of_this_machine_are_shown() {
    assert_withheld(trouble).await;
}

#[tokio::test]
async fn over_https_only_status_and_type_are_shown_too() {
    assert_withheld(async |turn| {
        let provider = ScriptedProvider::play_by_tls(AUTHORITY.good(), [turn]);
        told(ask(&client(), &provider.token_endpoint()).await)
    })
    .await;
}

#[tokio::test]
async fn if_a_proxy_resolves_the_name_only_status_and_type_are_shown() {
    assert_withheld(async |turn| {
        let provider = ScriptedProvider::play_by_tls(AUTHORITY.of_another_name(), [turn]);
        let (proxy, _asked) = proxy(Some(provider.address())).await;
        let client = client_with(Some(&proxy), LONG);
        told(ask(&client, "https://mail.example.org/token").await)
    })
    .await;
}

#[tokio::test]
async fn the_text_of_a_public_response_is_shown() {
    for (turn, expected) in [
        (Turn::answer("200 OK", &[HTML], PAGE), "Sekret 7"),
        (Turn::json("200 OK", r#"{"message":"Sekret 7"}"#), "Sekret 7"),
        (Turn::json("400 Bad Request", r#"{"detail":"Sekret 7"}"#), "400 Bad Request: Sekret 7"),
    ] {
        assert_eq!(public_trouble(turn).await.1, expected, "{PUBLIC}");
    }
}

#[tokio::test]
async fn an_oauth_error_is_shown_from_any_address() {
    for status in ["400 Bad Request", "200 OK"] {
        let body =
            r#"{"error":"invalid_scope","error_description":"No such scope.","hint":"Sekret"}"#;
        let expected = (OauthDiagnosis::InvalidScope, "invalid_scope: No such scope.".to_owned());
        assert_eq!(trouble(Turn::json(status, body)).await, expected, "{status}");
    }
}
