//! Tests of the egress of token requests: no forbidden address, valid TLS, and a proxy only if one
//! is configured.

use std::process::Command;

use domain::token::OauthDiagnosis;
use net::egress::EgressPolicy;
use net::origin::ProxyUrl;
use testkit::provider::{ScriptedProvider, Turn};
use testkit::smtp_server::{AUTHORITY, TestCa, self_signed};
use testkit::sockets::{FullBacklog, free_address};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{LONG, SHORT, ask, client, client_by, client_with, proxy, told};

const TOKEN: &str = r#"{"access_token":"token-1"}"#;

async fn trouble_at(endpoint: &str) -> (OauthDiagnosis, String) {
    told(ask(&client(), endpoint).await)
}

#[tokio::test]
async fn a_forbidden_address_is_not_connected_to_in_any_notation() {
    for (endpoint, address) in [
        ("http://169.254.169.254/token", "169.254.169.254"),
        ("https://169.254.169.254/token", "169.254.169.254"),
        ("https://2852039166/token", "169.254.169.254"),
        ("https://0xa9.254.169.254/token", "169.254.169.254"),
        ("https://[::ffff:169.254.169.254]/token", "::ffff:169.254.169.254"),
        ("https://[64:ff9b::a9fe:a9fe]/token", "64:ff9b::a9fe:a9fe"),
        ("https://[fe80::1]/token", "fe80::1"),
        ("https://0.0.0.0/token", "0.0.0.0"),
    ] {
        let expected = (OauthDiagnosis::AddressForbidden, address.to_owned());
        assert_eq!(trouble_at(endpoint).await, expected, "{endpoint}");
    }
}

#[tokio::test]
async fn http_to_another_machine_is_refused() {
    let expected = (OauthDiagnosis::AddressForbidden, "192.0.2.1".to_owned());
    assert_eq!(trouble_at("http://192.0.2.1/token").await, expected);
}

#[tokio::test]
async fn a_url_other_than_http_is_refused() {
    for endpoint in ["javascript:alert(1)", "ftp://192.0.2.1/", "data:,x", "token", ""] {
        assert_eq!(trouble_at(endpoint).await.0, OauthDiagnosis::AddressForbidden, "{endpoint}");
    }
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_connected_to() {
    let provider = ScriptedProvider::play([Turn::json("200 OK", TOKEN)]);
    let endpoint = format!("http://localhost:{}/token", provider.address().port());
    ask(&client(), &endpoint).await.expect("a token");
    assert_eq!(provider.asked()[0].header("host"), Some(&endpoint[7..endpoint.len() - 6]));
}

#[tokio::test]
async fn a_nonexistent_name_is_not_found() {
    let expected = (OauthDiagnosis::NameNotFound, String::new());
    assert_eq!(trouble_at("https://login.invalid/token").await, expected);
}

#[tokio::test]
async fn a_refused_connection_is_reported() {
    let endpoint = format!("http://{}/token", free_address());
    assert_eq!(trouble_at(&endpoint).await, (OauthDiagnosis::NothingListens, String::new()));
}

#[tokio::test]
async fn a_host_that_does_not_accept_the_connection_is_unreachable() {
    let host = FullBacklog::start().await;
    let asked = ask(&client_with(None, SHORT), &format!("http://{}/token", host.address)).await;
    assert_eq!(told(asked), (OauthDiagnosis::Unreachable, String::new()));
}

#[tokio::test]
async fn a_trusted_certificate_is_valid_for_its_name_and_its_address() {
    for host in ["localhost", "127.0.0.1"] {
        let provider =
            ScriptedProvider::play_by_tls(AUTHORITY.good(), [Turn::json("200 OK", TOKEN)]);
        let endpoint = format!("https://{host}:{}/token", provider.address().port());
        ask(&client(), &endpoint).await.expect(host);
    }
}

#[tokio::test]
async fn a_certificate_with_any_problem_is_refused_before_the_request() {
    for (certificate, diagnosis) in [
        (TestCa::named("Another authority").good(), OauthDiagnosis::CertificateUntrusted),
        (self_signed(false), OauthDiagnosis::CertificateUntrusted),
        (self_signed(true), OauthDiagnosis::CertificateUntrusted),
        (AUTHORITY.expired(), OauthDiagnosis::CertificateOutOfDate),
        (AUTHORITY.not_yet_valid(), OauthDiagnosis::CertificateOutOfDate),
        (AUTHORITY.of_another_name(), OauthDiagnosis::CertificateWrongName),
    ] {
        let provider = ScriptedProvider::play_by_tls(certificate, []);
        let endpoint = format!("https://localhost:{}/token", provider.address().port());
        let (found, peer_text) = trouble_at(&endpoint).await;
        assert_eq!(found, diagnosis);
        assert!(peer_text.starts_with("invalid peer certificate"), "{peer_text}");
        assert_eq!(provider.asked().len(), 0);
    }
}

#[tokio::test]
async fn a_required_client_certificate_is_a_tls_failure() {
    let turn = Turn::json("200 OK", TOKEN);
    let provider = ScriptedProvider::play_by_tls(AUTHORITY.good_and_curious(), [turn]);
    let (diagnosis, peer_text) = trouble_at(&provider.token_endpoint()).await;
    assert_eq!(diagnosis, OauthDiagnosis::TlsFailed);
    assert_eq!(peer_text, "received fatal alert: CertificateRequired");
}

#[tokio::test]
async fn https_to_a_cleartext_port_is_a_tls_failure() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read(&mut [0; 1]).await;
    });
    assert_eq!(trouble_at(&format!("https://{address}/token")).await.0, OauthDiagnosis::TlsFailed);
}

#[tokio::test]
async fn a_configured_proxy_is_asked_to_connect_to_the_endpoint() {
    let turn = Turn::json("200 OK", TOKEN);
    let provider = ScriptedProvider::play_by_tls(AUTHORITY.of_another_name(), [turn]);
    let (proxy, asked) = proxy(Some(provider.address())).await;
    let client = client_with(Some(&proxy), LONG);
    ask(&client, "https://mail.example.org/token").await.expect("a token");
    let asked = asked.await.expect("no panic");
    assert!(asked.starts_with("CONNECT mail.example.org:443 HTTP/1.1\r\n"), "{asked}");
    // ada:canary/password
    let sign_in = "proxy-authorization: Basic YWRhOmNhbmFyeS9wYXNzd29yZA==";
    assert!(asked.to_ascii_lowercase().contains(&sign_in.to_ascii_lowercase()), "{asked}");
    assert_eq!(provider.asked().len(), 1);
}

#[tokio::test]
async fn a_refusing_proxy_is_named_without_its_password() {
    let (proxy, _asked) = proxy(None).await;
    let client = client_with(Some(&proxy), LONG);
    let told = told(ask(&client, "https://mail.example.org/token").await);
    assert_eq!(told, (OauthDiagnosis::Unreachable, proxy.origin().to_owned()));
    assert!(!format!("{client:?} {proxy:?}").contains("canary"));
}

#[tokio::test]
async fn a_proxy_is_used_neither_for_this_machine_nor_for_a_forbidden_address() {
    let (proxy, asked) = proxy(None).await;
    let client = client_with(Some(&proxy), LONG);
    let provider = ScriptedProvider::play([Turn::json("200 OK", TOKEN)]);
    ask(&client, &provider.token_endpoint()).await.expect("a token");
    let told = told(ask(&client, "https://169.254.169.254/token").await);
    assert_eq!(told, (OauthDiagnosis::AddressForbidden, "169.254.169.254".to_owned()));
    assert!(!asked.is_finished());
}

#[tokio::test]
async fn a_denied_target_is_not_reached_by_proxy_and_a_denied_proxy_is_not_used() {
    let (proxy, asked) = proxy(None).await;
    for (deny, endpoint, named) in [
        ("login.example.org", "https://Login.example.org/token", "login.example.org:443"),
        ("198.51.100.0/24", "https://198.51.100.10/token", "198.51.100.10:443"),
        ("127.0.0.1", "https://login.example.org/token", proxy.origin()),
    ] {
        let egress = EgressPolicy::parse(&[], &[deny]).expect("rules");
        let client = client_by(&egress, Some(&proxy), LONG);
        let told = told(ask(&client, endpoint).await);
        assert_eq!(told, (OauthDiagnosis::EgressDenied, named.to_owned()), "{deny}");
    }
    assert!(!asked.is_finished());
}

#[test]
fn a_proxy_url_is_an_origin_with_optional_user_info() {
    for (text, origin) in [
        ("http://proxy.example:8080", Some("http://proxy.example:8080")),
        ("https://Proxy.example/", Some("https://proxy.example")),
        ("http://ada:p%40ss@proxy.example:3128/", Some("http://proxy.example:3128")),
        ("http://[::1]:3128", Some("http://[::1]:3128")),
        ("socks5://proxy.example", None),
        ("proxy.example:8080", None),
        ("http://proxy.example/path", None),
        ("http://proxy.example/?query", None),
        ("http://proxy.example#", None),
        ("http://proxy.example:99999", None),
        ("http://ada@", None),
        ("", None),
    ] {
        let read = ProxyUrl::parse(text).ok();
        assert_eq!(read.as_ref().map(ProxyUrl::origin), origin, "{text}");
        assert!(!format!("{read:?}").contains("p%40ss"), "{read:?}");
    }
}

#[test]
fn a_proxy_in_the_environment_is_ignored() {
    let mut again = Command::new(std::env::current_exe().expect("this very program"));
    again.args(["--exact", "egress::a_name_that_resolves_to_this_machine_is_connected_to"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    {
        again.env(name, "http://127.0.0.1:9");
    }
    let output = again.env_remove("NO_PROXY").env_remove("no_proxy").output();
    let output = output.expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
