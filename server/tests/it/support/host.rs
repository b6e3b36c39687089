//! A host product that authenticates users by tokens: its keys, its tokens, and servers that accept
//! them.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST};
use axum::http::request::Builder;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::Algorithm;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use serde_json::{Value, json};
use server::config::{ClaimNames, Config, HostTokens, KeySource, PublicKey};
use vault::clock::Clock;

use super::harness::{ADDRESS, Answer, Harness, answer_of};
use testkit::provider::{ScriptedProvider, Turn};

pub const ISSUER: &str = "https://host.example";
pub const AUDIENCE: &str = "ppm-email";
pub const COOKIE_NAME: &str = "host-token";
/// The id of a host's first key.
pub const KEY_ID: &str = "first";
/// The host's public key in PEM.
pub const PUBLIC_KEY: &str = include_str!("host_key.pub.pem");

/// A private key for tests only.
const PRIVATE_KEY: &str = include_str!("host_key.pem");

/// Signs by RS256.
pub fn by_rsa(message: &[u8]) -> Vec<u8> {
    rsa_signature(&RSA_PKCS1_SHA256, message)
}

/// Signs by PS256.
pub fn by_rsa_pss(message: &[u8]) -> Vec<u8> {
    rsa_signature(&RSA_PSS_SHA256, message)
}

fn rsa_signature(how: &'static dyn ring::signature::RsaEncoding, message: &[u8]) -> Vec<u8> {
    let key = rsa_key();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(how, &SystemRandom::new(), message, &mut signature).expect("a signature");
    signature
}

fn rsa_key() -> RsaKeyPair {
    let base64: String = PRIVATE_KEY.lines().filter(|line| !line.starts_with('-')).collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).expect("PEM")).expect("a key")
}

/// Returns the first key as a JWK.
pub fn rsa_jwk(id: &str) -> Value {
    let PublicKeyComponents::<Vec<u8>> { n, e } = rsa_key().public().into();
    let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
    json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": n, "e": e })
}

/// A key that a host may rotate to.
pub struct EcKey(EcdsaKeyPair);

impl EcKey {
    pub fn new() -> Self {
        let (how, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(how, &random).expect("a key");
        Self(EcdsaKeyPair::from_pkcs8(how, pkcs8.as_ref(), &random).expect("a key"))
    }

    /// Signs by ES256.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
    }

    /// Returns the key as a JWK.
    pub fn jwk(&self, id: &str) -> Value {
        let point = &self.0.public_key().as_ref()[1..];
        let (x, y) = point.split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": x, "y": y })
    }
}

/// Returns a response with a JWK Set.
pub fn key_set(keys: &[Value]) -> Turn {
    Turn::json("200 OK", &json!({ "keys": keys }).to_string())
}

/// Returns a token with this header and these claims.
pub fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(sign(message.as_bytes())))
}

/// Returns a valid token of the host.
pub fn good_token(claims: &Value) -> String {
    token(&json!({ "alg": "RS256", "typ": "JWT", "kid": KEY_ID }), claims, by_rsa)
}

/// Returns the claims of an administrator, valid for one hour from `now`.
pub fn claims(now: DateTime<Utc>) -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "4711",
        "exp": (now + TimeDelta::hours(1)).timestamp(),
        "name": "Grace Hopper",
        "email": "grace@example.com",
        "email_verified": true,
        "roles": ["ppm-administrator"],
    })
}

/// Returns these claims with some overridden; null removes one.
pub fn claims_with(now: DateTime<Utc>, other: Value) -> Value {
    let (Value::Object(mut all), Value::Object(other)) = (claims(now), other) else {
        panic!("claims are objects")
    };
    all.extend(other);
    all.retain(|_, value| !value.is_null());
    Value::Object(all)
}

/// Returns the configuration of a server that accepts the host's tokens, in the cookie too.
pub fn host_tokens(keys: KeySource) -> HostTokens {
    HostTokens {
        keys,
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        algorithms: vec![Algorithm::RS256, Algorithm::ES256],
        cookie: Some(COOKIE_NAME.to_owned()),
        claims: ClaimNames {
            subject: "sub".to_owned(),
            name: "name".to_owned(),
            email: "email".to_owned(),
            email_is_verified: "email_verified".to_owned(),
            roles: "roles".to_owned(),
            language: "locale".to_owned(),
            zone: "zoneinfo".to_owned(),
            date_pattern: "date_format".to_owned(),
            clock: vec!["hour_cycle".to_owned(), "clock".to_owned()],
        },
        max_age: None,
        trusts_email: false,
    }
}

/// Returns the key source of the keys that this provider publishes.
pub fn published_by(host: &ScriptedProvider) -> KeySource {
    KeySource::Address(format!("http://{}/keys", host.address()))
}

/// Starts a server that accepts tokens signed by the key in a file.
pub async fn with_key_file(configure: impl FnOnce(&mut Config)) -> Harness {
    let key = PublicKey::from_pem(PUBLIC_KEY).expect("a public key");
    with_keys(KeySource::File(key), configure).await
}

/// Starts a server that accepts tokens signed by the published keys.
pub async fn with_keys_of(host: &ScriptedProvider, configure: impl FnOnce(&mut Config)) -> Harness {
    with_keys(published_by(host), configure).await
}

async fn with_keys(keys: KeySource, configure: impl FnOnce(&mut Config)) -> Harness {
    Harness::with(|config| {
        config.host_tokens = Some(host_tokens(keys));
        configure(config);
    })
    .await
}

/// Sends a request through the whole router.
pub async fn send(harness: &Harness, peer: &str, request: Builder, body: &str) -> Answer {
    let router = server::router(harness.server.clone());
    answer_of(router, peer, request, Body::from(body.to_owned())).await
}

/// Returns a request as a program makes it.
pub fn call(path: &str) -> Builder {
    Request::post(path).header(HOST, "ppm.example").header(CONTENT_TYPE, "application/json")
}

/// Loads the tab with a bearer token.
pub async fn load_by_bearer(harness: &Harness, token: &str) -> Answer {
    let request = call("/bearer/api/email/load").header(AUTHORIZATION, format!("Bearer {token}"));
    send(harness, ADDRESS, request, "{}").await
}

/// Loads the tab as a page of this server in a browser with the host's cookie.
pub async fn load_by_cookie(harness: &Harness, token: &str) -> Answer {
    let request = call("/api/email/load")
        .header("sec-fetch-site", "same-origin")
        .header(COOKIE, format!("{COOKIE_NAME}={token}"));
    send(harness, ADDRESS, request, "{}").await
}

/// Returns the current time of a server.
pub fn now(harness: &Harness) -> DateTime<Utc> {
    harness.clock.now()
}
