//! Tests of the OAuth client against scripted providers over real sockets.

mod answers;
mod consent;
mod egress;
mod encodings;
mod grants;
mod hostile;
mod requests;
mod token_errors;
mod withheld;

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use domain::settings::{Consent, Grant};
use domain::token::{OauthDiagnosis, OauthFailure, OauthStage};
use net::egress::EgressPolicy;
use net::http::{GuardedHttp, HttpDeadlines};
use net::origin::ProxyUrl;
use net::tls::TlsTrust;
use oauth::{ClientAuth, Issued, TokenClient};
use secrecy::{ExposeSecret, SecretString};
use testkit::provider::{CLIENT_SECRET, ScriptedProvider, Turn, grant};
use testkit::smtp_server::AUTHORITY;
use testkit::this_machine;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

/// The authorities that every test trusts: the platform's and the tests' own.
static TRUST: LazyLock<TlsTrust> =
    LazyLock::new(|| TlsTrust::with_extra_ca(&[AUTHORITY.certificate()]).expect("trust"));

/// A PKCE verifier: 43 characters, the minimum (RFC 7636 4.1).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Deadlines long enough for a busy machine.
const LONG: HttpDeadlines =
    HttpDeadlines { connect: Duration::from_secs(10), total: Duration::from_secs(20) };

/// Deadlines short enough for a test that exceeds them.
const SHORT: HttpDeadlines =
    HttpDeadlines { connect: Duration::from_secs(2), total: Duration::from_secs(3) };

fn client() -> TokenClient {
    client_with(None, LONG)
}

fn client_with(proxy: Option<&ProxyUrl>, deadlines: HttpDeadlines) -> TokenClient {
    client_by(&this_machine(), proxy, deadlines)
}

fn client_by(
    egress: &EgressPolicy,
    proxy: Option<&ProxyUrl>,
    deadlines: HttpDeadlines,
) -> TokenClient {
    TokenClient::new(GuardedHttp::new(&TRUST, egress, proxy, deadlines).expect("a client"))
}

/// Requests a token by client credentials.
async fn ask(client: &TokenClient, endpoint: &str) -> Result<Issued, OauthFailure> {
    let grant = grant(Consent::NotNeeded, endpoint);
    client.client_credentials(&grant, ClientAuth::Body, OauthStage::TokenRequest).await
}

/// Requests a token by client credentials with HTTP Basic.
async fn ask_by_basic(grant: &Grant) -> Result<Issued, OauthFailure> {
    client().client_credentials(grant, ClientAuth::Basic, OauthStage::TokenRequest).await
}

/// Returns a grant with a user's consent.
fn consented(
    authorization_endpoint: &str,
    redirect_uri: &str,
    pkce: bool,
    token_endpoint: &str,
) -> Grant {
    let consent = Consent::AtProvider {
        authorization_endpoint: authorization_endpoint.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        pkce,
    };
    grant(consent, token_endpoint)
}

/// Requests a token from a provider that sends one response.
async fn reading(turn: Turn) -> Result<Issued, OauthFailure> {
    let provider = ScriptedProvider::play([turn]);
    ask(&client(), &provider.token_endpoint()).await
}

/// Returns the failure and the provider's text for one response.
async fn trouble(turn: Turn) -> (OauthDiagnosis, String) {
    told(reading(turn).await)
}

/// Returns the failure for one response.
async fn diagnosis(turn: Turn) -> OauthDiagnosis {
    trouble(turn).await.0
}

/// Returns the failure of a token request and the provider's text, and checks that it holds no
/// secret.
fn told(result: Result<Issued, OauthFailure>) -> (OauthDiagnosis, String) {
    let failure = result.expect_err("a failure");
    assert_eq!(failure.stage, OauthStage::TokenRequest);
    let printed = format!("{failure:?}");
    assert!(!printed.contains(CLIENT_SECRET) && !printed.contains("canary"), "{printed}");
    (failure.diagnosis, failure.peer_text.unwrap_or_default())
}

/// A public address, which this machine does not have.
const PUBLIC: &str = "198.51.100.10";

/// Returns the failure for one response from a public address, reached through a proxy.
async fn public_trouble(turn: Turn) -> (OauthDiagnosis, String) {
    let provider = ScriptedProvider::play_by_tls(AUTHORITY.of_address(PUBLIC), [turn]);
    let (proxy, _asked) = proxy(Some(provider.address())).await;
    told(ask(&client_with(Some(&proxy), LONG), &format!("https://{PUBLIC}/token")).await)
}

/// Starts a proxy that connects one client to `target` instead of the requested host; the task
/// returns the request.
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
            // Either side may close the connection.
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
