//! Tests of token responses in the forms of real providers, and of invalid ones.

use std::time::Duration;

use domain::token::OauthDiagnosis;
use testkit::provider::Turn;

use super::{diagnosis, public_trouble, reading, trouble, words};

/// Requests a token whose response has these additional members.
async fn issued_with(rest: &str) -> oauth::Issued {
    let body = format!(r#"{{"access_token":"token-1"{rest}}}"#);
    reading(Turn::json("200 OK", &body)).await.expect(rest)
}

#[tokio::test]
async fn a_lifetime_is_read_from_any_form_and_otherwise_one_hour_and_at_most_ten_years() {
    for (rest, expected) in [
        (r#","expires_in":3599"#, Duration::from_secs(3_599)),
        (r#","expires_in":"3599""#, Duration::from_secs(3_599)),
        (r#","expires_in":3599.5"#, Duration::from_secs(3_599)),
        ("", Duration::from_hours(1)),
        (r#","expires_in":-5"#, Duration::ZERO),
        (r#","expires_in":99999999999999999999"#, Duration::from_hours(24 * 3_652)),
    ] {
        assert_eq!(issued_with(rest).await.lifetime, expected, "{rest}");
    }
}

#[tokio::test]
async fn the_lifetimes_of_a_refresh_token_and_a_grant_are_read() {
    let rest = r#","refresh_token_timeout":"600","authorization_expires_in":900"#;
    let issued = issued_with(rest).await;
    let seconds = Duration::from_secs;
    let found = (issued.refresh_lifetime, issued.grant_lifetime);
    assert_eq!(found, (Some(seconds(600)), Some(seconds(900))));
}

#[tokio::test]
async fn the_token_type_is_bearer_in_any_case_or_missing() {
    for rest in ["", r#","token_type":"bearer""#, r#","token_type":"BeArEr""#] {
        assert_eq!(words(&issued_with(rest).await.access_token), "token-1", "{rest}");
    }
}

#[tokio::test]
async fn another_token_type_is_refused_and_named() {
    for (named, peer_text) in [(r#""mac""#, "mac"), ("1", "1"), ("{}", "{}")] {
        let body = format!(r#"{{"access_token":"a","token_type":{named}}}"#);
        let expected = (OauthDiagnosis::OtherTokenType, peer_text.to_owned());
        assert_eq!(trouble(Turn::json("200 OK", &body)).await, expected);
    }
}

#[tokio::test]
async fn a_narrower_scope_is_reported() {
    assert_eq!(issued_with(r#","scope":"mail.send""#).await.scope.as_deref(), Some("mail.send"));
}

#[tokio::test]
async fn json_is_accepted_with_any_content_type() {
    let body = r#"{"access_token":"token-1"}"#;
    for headers in [
        &["Content-Type: text/html; charset=utf-8"][..],
        &["Content-Type: text/javascript"],
        &["Content-Type: "],
        &[],
    ] {
        let issued = reading(Turn::answer("200 OK", headers, body)).await;
        assert_eq!(words(&issued.expect("a token").access_token), "token-1", "{headers:?}");
    }
}

#[tokio::test]
async fn json_after_a_byte_order_mark_and_any_2xx_status_are_accepted() {
    for (status, body) in [
        ("200 OK", "\u{FEFF}{\"access_token\":\"token-1\"}"),
        ("201 Created", r#"{"access_token":"a"}"#),
    ] {
        assert!(reading(Turn::json(status, body)).await.is_ok(), "{status}");
    }
}

#[tokio::test]
async fn a_token_of_any_usual_length_is_read_completely() {
    for length in [1, 30, 1_500, 6_000, 60_000] {
        let token = "t".repeat(length);
        let body = format!(r#"{{"access_token":"{token}"}}"#);
        let issued = reading(Turn::json("200 OK", &body)).await.expect("a token");
        assert_eq!(words(&issued.access_token), token);
    }
}

#[tokio::test]
async fn a_response_without_a_token_is_reported_with_its_text() {
    for (body, peer_text) in [
        ("{}", ""),
        (r#"{"status":"ok","message":"Use the other endpoint."}"#, "Use the other endpoint."),
        (r#"{"token_type":"Bearer","id_token":"canary"}"#, ""),
        ("", ""),
        (" \r\n", ""),
    ] {
        let expected = (OauthDiagnosis::NoToken, peer_text.to_owned());
        assert_eq!(public_trouble(Turn::json("200 OK", body)).await, expected, "{body}");
    }
}

#[tokio::test]
async fn a_token_that_would_break_a_sign_in_is_refused() {
    for token in ["", "a b", "canary\\u0001", "canary\\r\\nAUTH", "canary\\u007f", "caf\u{e9}"] {
        let body = format!(r#"{{"access_token":"{token}"}}"#);
        let found = diagnosis(Turn::json("200 OK", &body)).await;
        assert_eq!(found, OauthDiagnosis::NoToken, "{token}");
    }
}

#[tokio::test]
async fn a_token_in_another_format_than_a_json_object_is_refused_and_not_shown() {
    for body in [
        "[]",
        "7",
        "null",
        r#""canary""#,
        r#"{"access_token":"canary"#,
        "{]",
        "access_token=canary&token_type=bearer",
        "canary",
        "<a access_token='canary'>",
    ] {
        let expected = (OauthDiagnosis::NotOauth, String::new());
        for turn in [Turn::json("200 OK", body), Turn::answer("200 OK", &[], body)] {
            assert_eq!(trouble(turn).await, expected, "{body}");
        }
    }
}

#[tokio::test]
async fn issued_tokens_are_not_printed() {
    let body = r#"{"access_token":"canary-1","refresh_token":"canary-2"}"#;
    let issued = reading(Turn::json("200 OK", body)).await.expect("a token");
    let printed = format!("{issued:?}");
    assert!(!printed.contains("canary"), "{printed}");
}
