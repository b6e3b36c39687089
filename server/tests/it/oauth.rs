//! Asking for tokens, of providers over real sockets: good ones and bad ones.

mod answers;
mod consent;
mod encodings;
mod grants;
mod hostile;
mod places;
mod refusals;
mod requests;
mod withheld;

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use domain::settings::Consent;
use domain::token::{Fault, Leg, Setback};
use secrecy::{ExposeSecret, SecretString};
use server::config::ProxyUrl;
use server::oauth::{ClientAuth, Issued, TokenClient, TokenDeadlines};
use server::smtp::TlsTrust;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::support::harness::this_machine;
use crate::support::provider::{CLIENT_SECRET, ScriptedProvider, Turn, grant};
use crate::support::smtp_server::AUTHORITY;

/// What every test trusts: this machine's authorities and the tests' own.
static TRUST: LazyLock<TlsTrust> =
    LazyLock::new(|| TlsTrust::with_extra_ca(&[AUTHORITY.certificate()]).expect("trust"));

/// Long enough for a busy machine.
const LONG: TokenDeadlines =
    TokenDeadlines { connect: Duration::from_secs(10), total: Duration::from_secs(20) };

/// Short enough for a test that runs into it.
const SHORT: TokenDeadlines =
    TokenDeadlines { connect: Duration::from_secs(2), total: Duration::from_secs(3) };

fn client() -> TokenClient {
    client_with(None, LONG)
}

fn client_with(proxy: Option<&ProxyUrl>, deadlines: TokenDeadlines) -> TokenClient {
    TokenClient::new(&TRUST, &this_machine(), proxy, deadlines).expect("a client")
}

/// Asks this endpoint in the client's own name.
async fn ask(client: &TokenClient, endpoint: &str) -> Result<Issued, Setback> {
    let grant = grant(Consent::NotNeeded, endpoint);
    client.client_credentials(&grant, ClientAuth::Body, Leg::TokenRequest).await
}

/// What is made of this one answer.
async fn reading(turn: Turn) -> Result<Issued, Setback> {
    let provider = ScriptedProvider::play([turn]);
    ask(&client(), &provider.token_endpoint()).await
}

/// What went wrong with this one answer, and in whose words.
async fn trouble(turn: Turn) -> (Fault, String) {
    told(reading(turn).await)
}

/// What went wrong at the first request for a token, having checked that it tells no secret.
fn told(result: Result<Issued, Setback>) -> (Fault, String) {
    let setback = result.expect_err("a setback");
    assert_eq!(setback.leg, Leg::TokenRequest);
    let printed = format!("{setback:?}");
    assert!(!printed.contains(CLIENT_SECRET) && !printed.contains("canary"), "{printed}");
    (setback.fault, setback.said.unwrap_or_default())
}

/// A public address, at which this machine is not.
const PUBLIC: &str = "198.51.100.10";

/// What went wrong with this one answer of a public address, to which a proxy leads.
async fn public_trouble(turn: Turn) -> (Fault, String) {
    let provider = ScriptedProvider::play_by_tls(AUTHORITY.of_address(PUBLIC), [turn]);
    let (proxy, _asked) = proxy(Some(provider.address())).await;
    told(ask(&client_with(Some(&proxy), LONG), &format!("https://{PUBLIC}/token")).await)
}

/// A proxy that takes one caller anywhere to `target`; tells what it was asked.
async fn proxy(target: Option<SocketAddr>) -> (ProxyUrl, tokio::task::JoinHandle<String>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut head).await.expect("a request");
        }
        if let Some(target) = target {
            let mut target = TcpStream::connect(target).await.expect("a target");
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("a caller who stays");
            // Either side may end it.
            let _ = copy_bidirectional(&mut stream, &mut target).await;
        } else {
            let refusal = b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(refusal).await.expect("a caller who stays");
        }
        String::from_utf8(head).expect("text")
    });
    let url = format!("http://ada:canary%2Fpassword@{address}/");
    (ProxyUrl::parse(&url).expect("a proxy"), asked)
}

fn words(text: &SecretString) -> &str {
    text.expose_secret()
}
