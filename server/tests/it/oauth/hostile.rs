//! Providers that mean to hold this server up, fill its memory or lead it elsewhere.

use std::time::{Duration, Instant};

use domain::token::Fault;
use tokio::time::timeout;

use super::{SHORT, ask, client, client_with, public_trouble, reading, told, trouble};
use crate::support::provider::{ScriptedProvider, Turn};
use crate::support::smtp_server::AUTHORITY;

/// What a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(10);

/// What went wrong with this answer, by the short deadlines.
async fn in_time(turn: Turn) -> Fault {
    let provider = ScriptedProvider::play([turn]);
    let begun = Instant::now();
    let (fault, _) = told(ask(&client_with(None, SHORT), &provider.token_endpoint()).await);
    assert!(begun.elapsed() < SHORT.total + SLACK, "{:?}", begun.elapsed());
    fault
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_too_slow() {
    assert_eq!(in_time(Turn::silence()).await, Fault::TooSlow);
}

#[tokio::test]
async fn a_provider_that_stops_in_the_middle_is_too_slow() {
    for begun in ["HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"access_token\""]
    {
        assert_eq!(in_time(Turn::raw(begun).then_hang()).await, Fault::TooSlow, "{begun}");
    }
}

#[tokio::test]
async fn a_slow_drip_is_too_slow_in_head_and_body() {
    let (pause, drip) = (SHORT.total / 20, "x".repeat(1_000));
    for begun in ["HTTP/1.1 200 OK\r\nX-Drip: ", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"]
    {
        assert_eq!(in_time(Turn::raw(begun).then_drip(&drip, pause)).await, Fault::TooSlow);
    }
}

#[tokio::test]
async fn an_answer_that_comes_late_and_in_time_is_taken() {
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
        let fault = trouble(Turn::raw(head).then_pour(vec![b'x'; 4_096])).await.0;
        assert_eq!(fault, Fault::TooLong, "{framing}");
    }
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400));
    assert_eq!(trouble(Turn::raw(head).then_pour(chunk)).await.0, Fault::TooLong);
}

#[tokio::test]
async fn a_body_of_64_kib_is_read_and_one_octet_more_is_not() {
    let token = r#"{"access_token":"a"}"#;
    let body = |length: usize| token.to_owned() + &" ".repeat(length - token.len());
    reading(Turn::json("200 OK", &body(65_536))).await.expect("a token");
    assert_eq!(trouble(Turn::json("200 OK", &body(65_537))).await.0, Fault::TooLong);
}

#[tokio::test]
async fn a_head_without_an_end_is_cut_off() {
    let turn = Turn::raw("HTTP/1.1 200 OK\r\n").then_pour("X-More: and more\r\n");
    assert_eq!(trouble(turn).await.0, Fault::TooLong);
}

#[tokio::test]
async fn an_endless_page_of_refusal_is_told_by_its_beginning() {
    let head = "HTTP/1.1 404 Not Found\r\n\r\n<title>Nothing here</title>";
    let told = public_trouble(Turn::raw(head).then_pour(vec![b'x'; 4_096])).await;
    assert_eq!(told, (Fault::NotOauth, "404 Not Found: Nothing here".to_owned()));
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
        assert_eq!(trouble(turn).await, (Fault::ConnectionLost, String::new()));
    }
}

#[tokio::test]
async fn a_connection_that_ends_early_under_tls_is_lost() {
    for turn in [Turn::raw(""), Turn::default().then_reset()] {
        let provider = ScriptedProvider::play_by_tls(AUTHORITY.good(), [turn]);
        let told = told(ask(&client(), &provider.token_endpoint()).await);
        assert_eq!(told, (Fault::ConnectionLost, String::new()));
    }
}

#[tokio::test]
async fn what_speaks_no_http_is_no_token_endpoint() {
    for banner in ["220 mail.example.com ESMTP\r\n", "SSH-2.0-OpenSSH_9\r\n", "{\"a\":1}\r\n\r\n"] {
        assert_eq!(trouble(Turn::raw(banner)).await.0, Fault::NotOauth, "{banner}");
    }
}

#[tokio::test]
async fn a_redirect_is_told_without_its_query_and_not_followed() {
    let elsewhere = ScriptedProvider::play([]);
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let target = format!("Location: {}?code=canary#canary", elsewhere.token_endpoint());
        let told = public_trouble(Turn::answer(status, &[&target], "")).await;
        assert_eq!(told, (Fault::Redirected, elsewhere.token_endpoint()), "{status}");
    }
    assert_eq!(elsewhere.asked().len(), 0);
}

#[tokio::test]
async fn of_a_redirect_on_this_machine_only_a_slash_is_told() {
    for (location, expected) in
        [("/token/", true), ("/another", false), ("http://sekret.example/token/", false)]
    {
        let provider = ScriptedProvider::play([Turn::answer(
            "301 Moved",
            &[&format!("Location: {location}")],
            "",
        )]);
        let told = told(ask(&client(), &provider.token_endpoint()).await);
        let target = format!("{}/", provider.token_endpoint());
        let said = if expected { target } else { "301 Moved Permanently".to_owned() };
        assert_eq!(told, (Fault::Redirected, said), "{location}");
    }
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_one_all_the_same() {
    for location in ["X-Nothing: here", "Location: javascript:alert(1)", "Location: http://["] {
        let told = public_trouble(Turn::answer("302 Found", &[location], "")).await;
        assert_eq!(told, (Fault::Redirected, String::new()), "{location}");
    }
}

#[tokio::test]
async fn the_body_of_a_redirect_is_not_waited_for() {
    let head = "HTTP/1.1 302 Found\r\nLocation: https://a.example/b\r\nContent-Length: 9\r\n\r\n";
    let answered = timeout(SLACK, public_trouble(Turn::raw(head).then_hang())).await;
    let expected = (Fault::Redirected, "https://a.example/b".to_owned());
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
