//! Asking for tokens, of providers over real sockets: good ones and bad ones.

mod answers;
mod consent;
mod grants;
mod hostile;
mod places;
mod refusals;
mod requests;

use std::sync::LazyLock;
use std::time::Duration;

use domain::settings::Consent;
use domain::token::{Fault, Leg, Setback};
use secrecy::{ExposeSecret, SecretString};
use server::config::ProxyUrl;
use server::oauth::{ClientAuth, Issued, TokenClient, TokenDeadlines};
use server::smtp::TlsTrust;

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
    TokenDeadlines { connect: Duration::from_millis(600), total: Duration::from_millis(900) };

fn client() -> TokenClient {
    client_with(None, LONG)
}

fn client_with(proxy: Option<&ProxyUrl>, deadlines: TokenDeadlines) -> TokenClient {
    TokenClient::new(&TRUST, proxy, deadlines).expect("a client")
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

fn words(text: &SecretString) -> &str {
    text.expose_secret()
}
