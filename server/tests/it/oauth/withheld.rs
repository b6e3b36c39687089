//! Answers from a private network or this machine: of what is not OAuth nothing is told but status and
//! type, or a Token Endpoint would be a way to read any service that this server reaches.

use domain::token::Fault;

use super::{PUBLIC, ask, client, client_with, proxy, public_trouble, told, trouble};
use crate::oauth::LONG;
use crate::support::provider::{ScriptedProvider, Turn};
use crate::support::smtp_server::AUTHORITY;

const HTML: &str = "Content-Type: text/html; charset=utf-8";
const PAGE: &str = "<title>Sekret 7</title><p>Sekret 8";

/// Answers that hold a text in each place where one was told, and what is told of them now.
fn answers() -> Vec<(Turn, Fault, &'static str)> {
    let json = |status, body| Turn::json(status, body);
    vec![
        (Turn::answer("200 OK", &[HTML], PAGE), Fault::NotOauth, "200 OK (text/html)"),
        (
            Turn::answer("403 Forbidden", &[HTML], PAGE),
            Fault::NotOauth,
            "403 Forbidden (text/html)",
        ),
        (
            Turn::answer("400 Bad Request", &["Content-Type: text/plain"], "Sekret 7"),
            Fault::UnknownError,
            "400 Bad Request (text/plain)",
        ),
        (
            Turn::answer("400 Bad Request", &["Content-Type: Sekret/7"], "Sekret 8"),
            Fault::UnknownError,
            "400 Bad Request (another type)",
        ),
        (Turn::answer("502 Sekret", &[], "Sekret 7"), Fault::ProviderFailed, "502 Bad Gateway"),
        (
            Turn::answer("302 Found", &["Location: http://sekret-7.example/"], ""),
            Fault::Redirected,
            "302 Found",
        ),
        (json("200 OK", r#"{"message":"Sekret 7"}"#), Fault::NoToken, ""),
        (
            json("200 OK", r#"{"error":"Sekret 7","error_description":"Sekret 8"}"#),
            Fault::NoToken,
            "",
        ),
        (
            json("200 OK", r#"{"error":{"status":"SEKRET","message":"Sekret 8"}}"#),
            Fault::NoToken,
            "",
        ),
        (json("200 OK", r#"["Sekret 7"]"#), Fault::NotOauth, ""),
        (
            json("400 Bad Request", r#"{"detail":"Sekret 7"}"#),
            Fault::UnknownError,
            "400 Bad Request",
        ),
        (
            json("400 Bad Request", r#"{"error_description":"Sekret 7"}"#),
            Fault::UnknownError,
            "400 Bad Request",
        ),
        (
            json("400 Bad Request", r#"{"error":"Sekret 7","error_description":"Sekret 8"}"#),
            Fault::UnknownError,
            "400 Bad Request",
        ),
        (
            json("400 Bad Request", r#"{"error":{"type":"sekret","message":"Sekret 8"}}"#),
            Fault::UnknownError,
            "400 Bad Request",
        ),
    ]
}

fn without_type(said: &str) -> &str {
    said.strip_suffix(" (application/json)").unwrap_or(said)
}

#[tokio::test]
async fn of_an_answer_of_this_machine_that_is_not_oauth_only_status_and_type_are_told() {
    for (turn, fault, said) in answers() {
        let (found, told) = trouble(turn).await;
        assert_eq!((found, without_type(&told)), (fault, said));
    }
}

#[tokio::test]
async fn nor_is_more_told_where_the_answer_comes_by_https() {
    for (turn, fault, said) in answers() {
        let provider = ScriptedProvider::play_by_tls(AUTHORITY.good(), [turn]);
        let (found, told) = told(ask(&client(), &provider.token_endpoint()).await);
        assert_eq!((found, without_type(&told)), (fault, said));
    }
}

#[tokio::test]
async fn nor_where_a_proxy_looks_the_name_up() {
    for (turn, fault, said) in answers() {
        let provider = ScriptedProvider::play_by_tls(AUTHORITY.of_another_name(), [turn]);
        let (proxy, _asked) = proxy(Some(provider.address())).await;
        let client = client_with(Some(&proxy), LONG);
        let (found, told) = told(ask(&client, "https://mail.example.org/token").await);
        assert_eq!((found, without_type(&told)), (fault, said));
    }
}

#[tokio::test]
async fn of_an_answer_of_a_public_address_the_words_are_told() {
    for (turn, expected) in [
        (Turn::answer("200 OK", &[HTML], PAGE), "Sekret 7"),
        (Turn::json("200 OK", r#"{"message":"Sekret 7"}"#), "Sekret 7"),
        (Turn::json("400 Bad Request", r#"{"detail":"Sekret 7"}"#), "400 Bad Request: Sekret 7"),
    ] {
        assert_eq!(public_trouble(turn).await.1, expected, "{PUBLIC}");
    }
}

#[tokio::test]
async fn an_oauth_error_is_told_wherever_it_comes_from() {
    for status in ["400 Bad Request", "200 OK"] {
        let body =
            r#"{"error":"invalid_scope","error_description":"No such scope.","hint":"Sekret"}"#;
        let expected = (Fault::InvalidScope, "invalid_scope: No such scope.".to_owned());
        assert_eq!(trouble(Turn::json(status, body)).await, expected, "{status}");
    }
}
