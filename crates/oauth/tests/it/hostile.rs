//! Tests of hostile providers that stall, exhaust memory or redirect.

use std::time::{Duration, Instant};

use domain::token::OauthDiagnosis;
use testkit::provider::{ScriptedProvider, Turn};
use testkit::smtp_server::AUTHORITY;
use tokio::time::timeout;

use super::{SHORT, ask, client, client_with, diagnosis, public_trouble, reading, told, trouble};

/// The delay that a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(10);

/// Returns the failure for one response with the short deadlines.
async fn in_time(turn: Turn) -> OauthDiagnosis {
    let provider = ScriptedProvider::play([turn]);
    let begun = Instant::now();
    let (diagnosis, _) = told(ask(&client_with(None, SHORT), &provider.token_endpoint()).await);
    assert!(begun.elapsed() < SHORT.total + SLACK, "{:?}", begun.elapsed());
    diagnosis
}

#[tokio::test]
async fn a_provider_that_does_not_answer_or_stops_mid_response_or_trickles_is_too_slow() {
    let drip = |begun: &str| Turn::raw(begun).then_drip(&"x".repeat(1_000), SHORT.total / 20);
    for (case, turn) in [
        ("no answer", Turn::without_answer()),
        ("half a status line", Turn::raw("HTTP/1.1 200").then_hang()),
        (
            "half a body",
            Turn::raw("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"access_token\"").then_hang(),
        ),
        ("a trickled head", drip("HTTP/1.1 200 OK\r\nX-Drip: ")),
        ("a trickled body", drip("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")),
    ] {
        assert_eq!(in_time(turn).await, OauthDiagnosis::TooSlow, "{case}");
    }
}

#[tokio::test]
async fn a_late_response_within_the_deadline_is_accepted() {
    let (turn, tell) = Turn::json("200 OK", r#"{"access_token":"a"}"#).when_told();
    let provider = ScriptedProvider::play([turn]);
    let (client, endpoint) = (client(), provider.token_endpoint());
    let asking = tokio::spawn(async move { ask(&client, &endpoint).await });
    provider.wait_for(1).await;
    tell.send(()).expect("a provider that waits");
    asking.await.expect("no panic").expect("a token");
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    for framing in ["Content-Length: 99999999999", "X-Until: closed"] {
        let head = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{{\"access_token\":\"");
        let found = diagnosis(Turn::raw(head).then_pour(vec![b'x'; 4_096])).await;
        assert_eq!(found, OauthDiagnosis::TooLong, "{framing}");
    }
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400));
    assert_eq!(diagnosis(Turn::raw(head).then_pour(chunk)).await, OauthDiagnosis::TooLong);
}

#[tokio::test]
async fn a_body_of_64_kib_is_read_and_a_longer_one_is_refused() {
    let token = r#"{"access_token":"a"}"#;
    let body = |length: usize| token.to_owned() + &" ".repeat(length - token.len());
    reading(Turn::json("200 OK", &body(65_536))).await.expect("a token");
    assert_eq!(diagnosis(Turn::json("200 OK", &body(65_537))).await, OauthDiagnosis::TooLong);
}

#[tokio::test]
async fn an_endless_head_is_cut_off() {
    let turn = Turn::raw("HTTP/1.1 200 OK\r\n").then_pour("X-More: and more\r\n");
    assert_eq!(diagnosis(turn).await, OauthDiagnosis::TooLong);
}

#[tokio::test]
async fn an_endless_error_page_is_described_by_its_start() {
    let head = "HTTP/1.1 404 Not Found\r\n\r\n<title>Nothing here</title>";
    let told = public_trouble(Turn::raw(head).then_pour(vec![b'x'; 4_096])).await;
    assert_eq!(told, (OauthDiagnosis::NotOauth, "404 Not Found: Nothing here".to_owned()));
}

#[tokio::test]
async fn a_connection_that_ends_early_is_lost() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"access_token\":\"canary";
    for turn in [
        Turn::raw(""),
        Turn::raw("HTTP/1.1 200 OK\r\n"),
        Turn::raw(half),
        Turn::default().then_reset(),
        Turn::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"acc\r\n"),
    ] {
        assert_eq!(trouble(turn).await, (OauthDiagnosis::ConnectionLost, String::new()));
    }
}

#[tokio::test]
async fn a_connection_that_ends_early_under_tls_is_lost() {
    for turn in [Turn::raw(""), Turn::default().then_reset()] {
        let provider = ScriptedProvider::play_by_tls(AUTHORITY.good(), [turn]);
        let told = told(ask(&client(), &provider.token_endpoint()).await);
        assert_eq!(told, (OauthDiagnosis::ConnectionLost, String::new()));
    }
}

#[tokio::test]
async fn a_server_of_another_protocol_is_no_token_endpoint() {
    for banner in ["220 mail.example.com ESMTP\r\n", "SSH-2.0-OpenSSH_9\r\n", "{\"a\":1}\r\n\r\n"] {
        assert_eq!(diagnosis(Turn::raw(banner)).await, OauthDiagnosis::NotOauth, "{banner}");
    }
}

#[tokio::test]
async fn a_redirect_is_reported_without_its_query_and_not_followed() {
    let another = ScriptedProvider::play([]);
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let target = format!("Location: {}?code=canary#canary", another.token_endpoint());
        let told = public_trouble(Turn::answer(status, &[&target], "")).await;
        assert_eq!(told, (OauthDiagnosis::Redirected, another.token_endpoint()), "{status}");
    }
    assert_eq!(another.asked().len(), 0);
}

#[tokio::test]
async fn a_redirect_on_this_machine_is_reported_only_if_it_adds_a_slash() {
    for (location, expected) in
        [("/token/", true), ("/another", false), ("http://sekret.example/token/", false)]
    {
        let turn = Turn::answer("301 Moved", &[&format!("Location: {location}")], "");
        let provider = ScriptedProvider::play([turn]);
        let told = told(ask(&client(), &provider.token_endpoint()).await);
        let target = format!("{}/", provider.token_endpoint());
        let peer_text = if expected { target } else { "301 Moved Permanently".to_owned() };
        assert_eq!(told, (OauthDiagnosis::Redirected, peer_text), "{location}");
    }
}

#[tokio::test]
async fn a_redirect_without_a_valid_location_is_still_a_redirect() {
    for location in ["X-Nothing: here", "Location: javascript:alert(1)", "Location: http://["] {
        let told = public_trouble(Turn::answer("302 Found", &[location], "")).await;
        assert_eq!(told, (OauthDiagnosis::Redirected, String::new()), "{location}");
    }
}

#[tokio::test]
async fn the_body_of_a_redirect_is_not_read() {
    let head = "HTTP/1.1 302 Found\r\nLocation: https://a.example/b\r\nContent-Length: 9\r\n\r\n";
    let answered = timeout(SLACK, public_trouble(Turn::raw(head).then_hang())).await;
    let expected = (OauthDiagnosis::Redirected, "https://a.example/b".to_owned());
    assert_eq!(answered.expect("an answer at once"), expected);
}

#[tokio::test]
async fn a_request_that_is_dropped_closes_its_connection() {
    let (turn, tell) = Turn::raw("").when_told();
    let provider = ScriptedProvider::play([turn]);
    let (client, endpoint) = (client(), provider.token_endpoint());
    let asking = tokio::spawn(async move { ask(&client, &endpoint).await });
    provider.wait_for(1).await;
    asking.abort();
    let mut tell = tell;
    timeout(SLACK, tell.closed()).await.expect("a closed connection");
}
