//! An `OpenID` provider over real sockets: it keeps the rules of `OpenID` Connect Core 1.0 with one
//! account and one client, and can be told to say something else in its ID tokens.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SigningKey};
use ring::hmac;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use super::host::{by_rsa, rsa_jwk};

pub const CLIENT_ID: &str = "ppm-frame";
pub const CLIENT_SECRET: &str = "canary-oidc-secret";
pub const CODE: &str = "canary-oidc-code";
const ACCESS: &str = "canary-oidc-access";

/// What differs in the next ID token from a good one.
#[derive(Debug, Clone, Default)]
pub struct Bent {
    /// Claims in place of those of the same name; null takes one away.
    pub claims: Value,
    /// The algorithm that the header names.
    pub alg: Option<&'static str>,
    /// Whether it promises that each answer names it (RFC 9207 3); the way back does not.
    pub names_itself: bool,
    /// Whether there is no signature.
    pub is_unsigned: bool,
    /// Whether somebody else signs it.
    pub is_by_another_key: bool,
    /// What signs it instead of a key: a secret that others know, too.
    pub mac_key: Option<&'static str>,
    /// Where the configuration says that a session ends, instead of at this provider.
    pub end_session: Option<&'static str>,
}

struct Told {
    issuer: String,
    key: KeyPair,
    /// Whether it signs by RSA instead.
    is_rsa: bool,
    key_id: &'static str,
    /// When it is, in seconds.
    now: i64,
    bent: Bent,
    nonce: String,
    challenge: String,
    asked: Vec<&'static str>,
    is_down: bool,
    is_parrot: bool,
    /// What nobody may hear but this server and the browser's address bar.
    secrets: Vec<String>,
}

type Shared = Arc<Mutex<Told>>;

/// The provider; it listens until it is dropped.
pub struct OpenidProvider {
    pub issuer: String,
    told: Shared,
    listening: JoinHandle<()>,
}

impl OpenidProvider {
    /// Starts one whose clock shows `now`.
    pub async fn start(now: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let told = Arc::new(Mutex::new(Told {
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
            .with_state(told.clone());
        let listening = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves until it is dropped");
        });
        Self { issuer, told, listening }
    }

    /// Signs the one account in at the page with this address, and returns the way back.
    pub fn sign_in(&self, url: &Url) -> String {
        let mut told = self.told();
        told.nonce = param(url, "nonce");
        let nonce = told.nonce.clone();
        told.secrets.push(nonce);
        told.challenge = param(url, "code_challenge");
        format!("/oidc/callback?code={CODE}&state={}", param(url, "state"))
    }

    /// Bends the ID tokens to come.
    pub fn bend(&self, bent: Bent) {
        self.told().bent = bent;
    }

    /// Signs with another key from now on.
    pub fn rotate(&self, key_id: &'static str) {
        let mut told = self.told();
        told.key = key();
        told.key_id = key_id;
    }

    /// Signs by RSA from now on.
    pub fn turn_to_rsa(&self) {
        self.told().is_rsa = true;
    }

    /// Answers nothing but errors, or answers again.
    pub fn down(&self, is_down: bool) {
        self.told().is_down = is_down;
    }

    /// Repeats whatever is secret in a request for tokens instead of giving any, or gives them again.
    pub fn parrot(&self, is_parrot: bool) {
        self.told().is_parrot = is_parrot;
    }

    /// Everything secret that it has said and heard: client secret, code, access token, nonces, code
    /// verifiers, and of ID tokens the claims and the signatures.
    pub fn secrets(&self) -> Vec<String> {
        self.told().secrets.clone()
    }

    /// How often a path was asked for.
    pub fn count(&self, path: &str) -> usize {
        self.told().asked.iter().filter(|asked| **asked == path).count()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("no test panics while it tells")
    }
}

impl Drop for OpenidProvider {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// A parameter of an address, empty without it.
pub fn param(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(named, _)| named == name);
    found.map_or_else(String::new, |(_, value)| value.into_owned())
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).expect("a key")
}

async fn configuration(State(told): State<Shared>) -> Response {
    answer(&told, "configuration", |told| {
        let issuer = &told.issuer;
        let own = format!("{issuer}/end-session?kind=rp");
        let end_session = told.bent.end_session.map_or(own, str::to_owned);
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "end_session_endpoint": end_session,
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "EdDSA", "HS256"],
            "authorization_response_iss_parameter_supported": told.bent.names_itself,
        })
    })
}

async fn keys(State(told): State<Shared>) -> Response {
    answer(&told, "jwks", |told| {
        if told.is_rsa {
            return json!({"keys": [rsa_jwk(told.key_id)]});
        }
        let x = BASE64.encode(told.key.der_bytes());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": told.key_id, "x": x}]})
    })
}

async fn token(
    State(told): State<Shared>,
    headers: HeaderMap,
    Form(form): Form<Vec<(String, String)>>,
) -> Response {
    let param = |name: &str| {
        form.iter().find(|(named, _)| named == name).map_or("", |(_, value)| value.as_str())
    };
    let expected = {
        let told = told.lock().expect("no test panics while it tells");
        let basic = base64::engine::general_purpose::STANDARD
            .encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
        (format!("Basic {basic}"), CODE.to_owned(), told.challenge.clone())
    };
    let given = (
        headers.get("authorization").map_or("", |value| value.to_str().expect("text")).to_owned(),
        param("code").to_owned(),
        BASE64.encode(Sha256::digest(param("code_verifier"))),
    );
    let is_parrot = {
        let mut told = told.lock().expect("no test panics while it tells");
        told.secrets.push(param("code_verifier").to_owned());
        told.is_parrot
    };
    if is_parrot {
        let heard = format!("{} {} {form:?}", given.0, given.2);
        let refusal = json!({"error": "invalid_grant", "error_description": heard});
        return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
    }
    if given != expected {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    }
    answer(&told, "token", |told| {
        let id_token = id_token(told);
        let parts = id_token.split('.').skip(1).filter(|part| !part.is_empty());
        told.secrets.extend(parts.map(str::to_owned));
        json!({"access_token": ACCESS, "token_type": "Bearer", "id_token": id_token})
    })
}

fn answer(told: &Shared, path: &'static str, body: impl FnOnce(&mut Told) -> Value) -> Response {
    let mut told = told.lock().expect("no test panics while it tells");
    told.asked.push(path);
    if told.is_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    Json(body(&mut told)).into_response()
}

fn id_token(told: &Told) -> String {
    let mut claims = json!({
        "iss": told.issuer,
        "sub": "248289761001",
        "aud": CLIENT_ID,
        "iat": told.now,
        "exp": told.now + 300,
        "nonce": told.nonce,
        "name": "Ada Okafor",
        "email": "ada@practice.example",
        "email_verified": true,
        "locale": "de-DE",
        "zoneinfo": "Europe/Berlin",
        "roles": ["ppm-administrator"],
    });
    for (name, value) in told.bent.claims.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    let claims = claims.as_object_mut().expect("an object");
    claims.retain(|_, value| !value.is_null());
    let usual = if told.is_rsa { "RS256" } else { "EdDSA" };
    let header = json!({"alg": told.bent.alg.unwrap_or(usual), "kid": told.key_id});
    let encoded = |value: &Value| BASE64.encode(value.to_string());
    let signed = format!("{}.{}", encoded(&header), encoded(&Value::Object(claims.clone())));
    let signature = match &told.bent {
        Bent { is_unsigned: true, .. } => Vec::new(),
        Bent { mac_key: Some(secret), .. } => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
        }
        Bent { is_by_another_key: true, .. } => key().sign(signed.as_bytes()).expect("a key signs"),
        _ if told.is_rsa => by_rsa(signed.as_bytes()),
        _ => told.key.sign(signed.as_bytes()).expect("a key signs"),
    };
    format!("{signed}.{}", BASE64.encode(signature))
}
