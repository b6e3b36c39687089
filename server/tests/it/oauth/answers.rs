//! Token answers in every form that providers give them, and what is no token however it is sent.

use std::time::Duration;

use domain::token::Fault;

use super::{public_trouble, reading, trouble, words};
use crate::support::provider::Turn;

/// A token answer with this beside the token.
async fn with(rest: &str) -> server::oauth::Issued {
    let body = format!(r#"{{"access_token":"token-1"{rest}}}"#);
    reading(Turn::json("200 OK", &body)).await.expect(rest)
}

#[tokio::test]
async fn an_expiry_is_read_as_a_number_a_text_and_a_fraction() {
    for rest in [r#","expires_in":3599"#, r#","expires_in":"3599""#, r#","expires_in":3599.5"#] {
        assert_eq!(with(rest).await.lifetime, Duration::from_secs(3_599), "{rest}");
    }
}

#[tokio::test]
async fn a_missing_expiry_is_an_hour() {
    assert_eq!(with("").await.lifetime, Duration::from_hours(1));
}

#[tokio::test]
async fn a_negative_expiry_is_over_at_once() {
    assert_eq!(with(r#","expires_in":-5"#).await.lifetime, Duration::ZERO);
}

#[tokio::test]
async fn the_ends_of_a_refresh_token_and_of_a_grant_are_read() {
    let rest = r#","refresh_token_timeout":"600","authorization_expires_in":900"#;
    let issued = with(rest).await;
    let seconds = Duration::from_secs;
    let found = (issued.refresh_lifetime, issued.grant_lifetime);
    assert_eq!(found, (Some(seconds(600)), Some(seconds(900))));
}

#[tokio::test]
async fn an_absurd_expiry_is_ten_years() {
    let ten_years = Duration::from_hours(24 * 3_652);
    assert_eq!(with(r#","expires_in":99999999999999999999"#).await.lifetime, ten_years);
}

#[tokio::test]
async fn the_token_type_is_bearer_in_any_case_or_missing() {
    for rest in ["", r#","token_type":"bearer""#, r#","token_type":"BeArEr""#] {
        assert_eq!(words(&with(rest).await.access_token), "token-1", "{rest}");
    }
}

#[tokio::test]
async fn another_token_type_is_refused_by_its_name() {
    for (named, said) in [(r#""mac""#, "mac"), ("1", "1"), ("{}", "{}")] {
        let body = format!(r#"{{"access_token":"a","token_type":{named}}}"#);
        let expected = (Fault::OtherTokenType, said.to_owned());
        assert_eq!(trouble(Turn::json("200 OK", &body)).await, expected);
    }
}

#[tokio::test]
async fn a_narrower_scope_is_told() {
    assert_eq!(with(r#","scope":"mail.send""#).await.scope.as_deref(), Some("mail.send"));
}

#[tokio::test]
async fn json_is_json_whatever_it_is_called() {
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
async fn json_after_a_byte_order_mark_is_json() {
    let body = "\u{FEFF}{\"access_token\":\"token-1\"}";
    assert!(reading(Turn::json("200 OK", body)).await.is_ok());
}

#[tokio::test]
async fn any_status_of_success_is_one() {
    assert!(reading(Turn::json("201 Created", r#"{"access_token":"a"}"#)).await.is_ok());
}

#[tokio::test]
async fn a_token_of_any_usual_length_arrives_whole() {
    for length in [1, 30, 1_500, 6_000, 60_000] {
        let token = "t".repeat(length);
        let body = format!(r#"{{"access_token":"{token}"}}"#);
        let issued = reading(Turn::json("200 OK", &body)).await.expect("a token");
        assert_eq!(words(&issued.access_token), token);
    }
}

#[tokio::test]
async fn an_answer_without_a_token_is_told_in_its_own_words() {
    for (body, said) in [
        ("{}", ""),
        (r#"{"status":"ok","message":"Use the other endpoint."}"#, "Use the other endpoint."),
        (r#"{"token_type":"Bearer","id_token":"canary"}"#, ""),
        ("", ""),
        (" \r\n", ""),
    ] {
        let expected = (Fault::NoToken, said.to_owned());
        assert_eq!(public_trouble(Turn::json("200 OK", body)).await, expected, "{body}");
    }
}

#[tokio::test]
async fn a_token_that_would_break_a_sign_in_is_none() {
    for token in ["", "a b", "canary\\u0001", "canary\\r\\nAUTH", "canary\\u007f", "caf\u{e9}"] {
        let body = format!(r#"{{"access_token":"{token}"}}"#);
        assert_eq!(trouble(Turn::json("200 OK", &body)).await.0, Fault::NoToken, "{token}");
    }
}

#[tokio::test]
async fn json_that_is_no_object_is_no_token_answer() {
    for body in ["[]", "7", "null", r#""canary""#, r#"{"access_token":"canary"#, "{]"] {
        let expected = (Fault::NotOauth, String::new());
        assert_eq!(trouble(Turn::json("200 OK", body)).await, expected, "{body}");
    }
}

#[tokio::test]
async fn a_token_in_another_form_is_no_token_answer_and_is_not_shown() {
    for body in ["access_token=canary&token_type=bearer", "canary", "<a access_token='canary'>"] {
        let expected = (Fault::NotOauth, String::new());
        assert_eq!(trouble(Turn::answer("200 OK", &[], body)).await, expected, "{body}");
    }
}

#[tokio::test]
async fn nothing_of_what_was_issued_is_printed() {
    let body = r#"{"access_token":"canary-1","refresh_token":"canary-2"}"#;
    let issued = reading(Turn::json("200 OK", body)).await.expect("a token");
    let printed = format!("{issued:?}");
    assert!(!printed.contains("canary"), "{printed}");
}
