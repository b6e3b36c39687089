//! A compliant `OpenID` provider (`OpenID` Connect Core 1.0) over real sockets, with one account
//! and one client, whose ID tokens can be changed.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SigningKey};
use ring::hmac;
use serde_json::{Value, json};
use server::config::OidcConfig;
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

use super::host::{by_rsa, rsa_jwk};

pub const CLIENT_ID: &str = "ppm-frame";
pub const CLIENT_SECRET: &str = "canary-oidc-secret";
pub const CODE: &str = "canary-oidc-code";
const ACCESS: &str = "canary-oidc-access";

/// The deviations of the next ID token from a valid one.
#[derive(Debug, Clone, Default)]
pub struct Bent {
    /// Claims that override those of the same name; null removes one.
    pub claims: Value,
    /// The algorithm in the header.
    pub alg: Option<&'static str>,
    /// Whether the metadata announces `iss` in responses (RFC 9207 3); the callback URL has none.
    pub names_itself: bool,
    /// Whether the token is unsigned.
    pub is_unsigned: bool,
    /// Whether another key signs it.
    pub is_by_another_key: bool,
    /// A shared secret that signs it instead of a key.
    pub mac_key: Option<&'static str>,
    /// The `end_session_endpoint` in the metadata, instead of this provider's.
    pub end_session: Option<&'static str>,
}

struct Inner {
    issuer: String,
    key: KeyPair,
    /// Whether it signs by RSA.
    is_rsa: bool,
    key_id: &'static str,
    /// The current time, in seconds.
    now: i64,
    bent: Bent,
    nonce: String,
    challenge: String,
    asked: Vec<&'static str>,
    is_down: bool,
    is_parrot: bool,
    /// Values that only this server and the browser's address bar may contain.
    secrets: Vec<String>,
}

type Shared = Arc<Mutex<Inner>>;

/// The provider, which listens until it is dropped.
pub struct OpenidProvider {
    pub issuer: String,
    state: Shared,
    listening: JoinHandle<()>,
}

impl OpenidProvider {
    /// Starts a provider with the time `now`.
    pub async fn start(now: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(Inner {
            issuer: issuer.clone(),
            key: key(),
            is_rsa: false,
            key_id: "first",
            now,
            bent: Bent::default(),
            nonce: String::new(),
            challenge: String::new(),
            asked: Vec::new(),
            is_down: false,
            is_parrot: false,
            secrets: [CLIENT_SECRET, CODE, ACCESS].map(str::to_owned).to_vec(),
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .with_state(state.clone());
        let listening = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves until it is dropped");
        });
        Self { issuer, state, listening }
    }

    /// Signs the only account in at this authorization URL, and returns the path of the callback.
    pub fn sign_in(&self, url: &Url) -> String {
        let mut state = self.state();
        let nonce = param(url, "nonce");
        state.secrets.push(nonce.clone());
        state.nonce = nonce;
        state.challenge = param(url, "code_challenge");
        format!("/oidc/callback?code={CODE}&state={}", param(url, "state"))
    }

    /// Returns the configuration of its client.
    pub fn client(&self) -> OidcConfig {
        OidcConfig {
            issuer: self.issuer.clone(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: Some(CLIENT_SECRET.into()),
            scope: "openid profile email".to_owned(),
            roles_claim: "roles".to_owned(),
            name: "Example & Co".to_owned(),
        }
    }

    /// Returns an ID token of the only account.
    pub fn id_token(&self) -> String {
        id_token(&self.state())
    }

    /// Changes the following ID tokens.
    pub fn bend(&self, bent: Bent) {
        self.state().bent = bent;
    }

    /// Rotates the signing key.
    pub fn rotate(&self, key_id: &'static str) {
        let mut state = self.state();
        state.key = key();
        state.key_id = key_id;
    }

    /// Switches to RSA signatures.
    pub fn turn_to_rsa(&self) {
        self.state().is_rsa = true;
    }

    /// Responds with errors only, or normally again.
    pub fn down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    /// Repeats the secrets of a token request instead of issuing tokens, or issues them again.
    pub fn parrot(&self, is_parrot: bool) {
        self.state().is_parrot = is_parrot;
    }

    /// Returns all secrets sent and received: client secret, code, access token, nonces, code
    /// verifiers, and the claims and signatures of ID tokens.
    pub fn secrets(&self) -> Vec<String> {
        self.state().secrets.clone()
    }

    /// Returns the number of requests to a path.
    pub fn count(&self, path: &str) -> usize {
        self.state().asked.iter().filter(|asked| **asked == path).count()
    }

    fn state(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().expect("no test panics while it holds the state")
    }
}

impl Drop for OpenidProvider {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Returns a query parameter of a URL; empty if it is missing.
pub fn param(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(named, _)| named == name);
    found.map_or_else(String::new, |(_, value)| value.into_owned())
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).expect("a key")
}

async fn configuration(State(state): State<Shared>) -> Response {
    answer(&state, "configuration", |state| {
        let issuer = &state.issuer;
        let own = format!("{issuer}/end-session?kind=rp");
        let end_session = state.bent.end_session.map_or(own, str::to_owned);
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "end_session_endpoint": end_session,
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "EdDSA", "HS256"],
            "authorization_response_iss_parameter_supported": state.bent.names_itself,
        })
    })
}

async fn keys(State(state): State<Shared>) -> Response {
    answer(&state, "jwks", |state| {
        if state.is_rsa {
            return json!({"keys": [rsa_jwk(state.key_id)]});
        }
        let x = BASE64.encode(state.key.der_bytes());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": state.key_id, "x": x}]})
    })
}

async fn token(
    State(state): State<Shared>,
    headers: HeaderMap,
    Form(form): Form<Vec<(String, String)>>,
) -> Response {
    let param = |name: &str| {
        form.iter().find(|(named, _)| named == name).map_or("", |(_, value)| value.as_str())
    };
    let (challenge, is_parrot) = {
        let mut state = state.lock().expect("no test panics while it holds the state");
        state.secrets.push(param("code_verifier").to_owned());
        (state.challenge.clone(), state.is_parrot)
    };
    let basic = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    let expected = (format!("Basic {basic}"), CODE.to_owned(), challenge);
    let given = (
        headers.get("authorization").map_or("", |value| value.to_str().expect("text")).to_owned(),
        param("code").to_owned(),
        BASE64.encode(Sha256::digest(param("code_verifier"))),
    );
    if is_parrot {
        let received = format!("{} {} {form:?}", given.0, given.2);
        let refusal = json!({"error": "invalid_grant", "error_description": received});
        return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
    }
    if given != expected {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    }
    answer(&state, "token", |state| {
        let id_token = id_token(state);
        let parts = id_token.split('.').skip(1).filter(|part| !part.is_empty());
        state.secrets.extend(parts.map(str::to_owned));
        json!({"access_token": ACCESS, "token_type": "Bearer", "id_token": id_token})
    })
}

fn answer(state: &Shared, path: &'static str, body: impl FnOnce(&mut Inner) -> Value) -> Response {
    let mut state = state.lock().expect("no test panics while it holds the state");
    state.asked.push(path);
    if state.is_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    Json(body(&mut state)).into_response()
}

fn id_token(state: &Inner) -> String {
    let mut claims = json!({
        "iss": state.issuer,
        "sub": "248289761001",
        "aud": CLIENT_ID,
        "iat": state.now,
        "exp": state.now + 300,
        "nonce": state.nonce,
        "name": "Ada Okafor",
        "email": "ada@practice.example",
        "email_verified": true,
        "locale": "de-DE",
        "zoneinfo": "Europe/Berlin",
        "roles": ["ppm-administrator"],
    });
    for (name, value) in state.bent.claims.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    let claims = claims.as_object_mut().expect("an object");
    claims.retain(|_, value| !value.is_null());
    let usual = if state.is_rsa { "RS256" } else { "EdDSA" };
    let header = json!({"alg": state.bent.alg.unwrap_or(usual), "kid": state.key_id});
    let encoded = |value: &Value| BASE64.encode(value.to_string());
    let signed = format!("{}.{}", encoded(&header), encoded(&Value::Object(claims.clone())));
    let signature = match &state.bent {
        Bent { is_unsigned: true, .. } => Vec::new(),
        Bent { mac_key: Some(secret), .. } => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
        }
        Bent { is_by_another_key: true, .. } => key().sign(signed.as_bytes()).expect("a key signs"),
        _ if state.is_rsa => by_rsa(signed.as_bytes()),
        _ => state.key.sign(signed.as_bytes()).expect("a key signs"),
    };
    format!("{signed}.{}", BASE64.encode(signature))
}
