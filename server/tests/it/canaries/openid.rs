//! The secrets of a sign-in by `OpenID` Connect do not leak: client secret, code, state, nonce, code
//! verifier, access token, ID token, cookies. Allowed are only state and nonce in the authorization
//! URL, the cookies in `Set-Cookie`, and the ID token in the logout URL.

use axum::http::{StatusCode, header};
use contract::paths;
use serde_json::json;
use tempfile::TempDir;
use url::Url;
use vault::clock::{Clock, SystemClock};

use super::Witness;
use crate::support::harness::{FORM, cookie_of};
use crate::support::openid_provider::{Bent, CLIENT_ID, CLIENT_SECRET, OpenidProvider, param};
use crate::support::program::{encoded, write_private};

/// A browser that was redirected to the provider.
struct CanaryLogin {
    /// The callback URL, with a code.
    address: String,
    state: String,
    /// The cookie that it sends to the callback.
    cookie: String,
}

/// Starts the program with this provider; the returned folder holds the client secret's file.
async fn witness_of(provider: &OpenidProvider) -> (Witness, TempDir) {
    let other = tempfile::tempdir().expect("a folder for the test");
    let secret = other.path().join("client-secret");
    write_private(&secret, CLIENT_SECRET);
    let witness = Witness::with(|command| {
        command.args(["--oidc-issuer", &provider.issuer, "--oidc-client-id", CLIENT_ID]);
        command.arg("--oidc-client-secret-file").arg(secret);
    })
    .await;
    (witness, other)
}

impl Witness {
    /// Follows the redirect to the provider and signs in there.
    async fn start_login(&mut self, provider: &OpenidProvider) -> CanaryLogin {
        let mut departed = self.browser.get(paths::OIDC_START).await.expect("an answer");
        let url = Url::parse(departed.header("location")).expect("the provider's page");
        let cookie = cookie_of(departed.header("set-cookie"));
        let (state, nonce) = (param(&url, "state"), param(&url, "nonce"));
        let cookie_value = cookie.split_once('=').expect("a cookie").1.to_owned();
        self.secrets.extend([state.clone(), cookie_value]);

        // These headers are meant to carry cookie, state and nonce.
        departed.headers.remove(header::SET_COOKIE);
        let location = url.as_str().replace(&state, "STATE").replace(&nonce, "NONCE");
        departed.headers.insert(header::LOCATION, location.parse().expect("an address"));
        self.hears("departing", &departed);
        self.reads_files("while a browser is away");
        CanaryLogin { address: provider.sign_in(&url), state, cookie }
    }

    /// Requests the callback, follows its redirect and returns the target.
    async fn complete_login(&mut self, away: &CanaryLogin, address: &str) -> String {
        let own = std::mem::replace(&mut self.browser.cookie, away.cookie.clone());
        let mut landed = self.browser.get(address).await.expect("an answer");
        self.browser.cookie = match landed.headers.remove(header::SET_COOKIE) {
            Some(session) => cookie_of(session.to_str().expect("a cookie is text")),
            None => own,
        };
        self.hears("coming back", &landed);
        assert_eq!(landed.status, StatusCode::SEE_OTHER, "{landed:?}");
        let location = landed.header("location").to_owned();
        self.reads(&location).await;
        location
    }

    /// Asserts that the provider's secrets do not leak either.
    fn expects_silence_beside(mut self, provider: &OpenidProvider) {
        self.secrets.extend(provider.secrets());
        self.expects_silence();
    }
}

#[tokio::test]
async fn the_secrets_of_a_sign_in_by_openid_do_not_leak() {
    let provider = OpenidProvider::start(SystemClock.now().timestamp()).await;
    let (mut witness, _folder) = witness_of(&provider).await;
    let away = witness.start_login(&provider).await;
    assert_eq!(witness.complete_login(&away, &away.address).await, paths::EMAIL);
    for page in [paths::EMAIL, paths::HISTORY, paths::AUDIT, paths::TIME, "/nowhere"] {
        witness.reads(page).await;
    }
    let loaded = witness.calls("email/load", &json!({})).await;
    assert_eq!(loaded.status, StatusCode::OK, "{loaded:?}");
    witness.reads_files("signed in");

    let mut out = witness.browser.ask("POST", paths::SIGN_OUT, FORM, "").await.expect("an answer");
    let leads_to = out.headers.remove(header::REFRESH).expect("a way on");
    let leads_to = leads_to.to_str().expect("an address").replacen("0; url=", "", 1);
    let url = Url::parse(&leads_to).expect("an address");
    out.body = out.body.replace(&param(&url, "id_token_hint"), "HINT");
    witness.hears("signing out", &out);
    let refused = witness.calls("email/load", &json!({})).await;
    assert_eq!(refused.code(), "session-ended");
    witness.expects_silence_beside(&provider);
}

#[tokio::test]
async fn the_secrets_of_a_failed_sign_in_by_openid_do_not_leak() {
    let provider = OpenidProvider::start(SystemClock.now().timestamp()).await;
    let (mut witness, _folder) = witness_of(&provider).await;

    provider.parrot(true);
    let away = witness.start_login(&provider).await;
    assert!(witness.complete_login(&away, &away.address).await.contains("provider-failed"));
    assert!(witness.complete_login(&away, &away.address).await.contains("over"));
    provider.parrot(false);

    for bent in [
        Bent { is_by_another_key: true, ..Bent::default() },
        Bent { is_unsigned: true, ..Bent::default() },
        Bent { alg: Some("HS256"), mac_key: Some(CLIENT_SECRET), ..Bent::default() },
        Bent { claims: json!({ "nonce": "another" }), ..Bent::default() },
        Bent { claims: json!({ "aud": "another" }), ..Bent::default() },
        Bent { claims: json!({ "exp": 1 }), ..Bent::default() },
        Bent { claims: json!({ "roles": [] }), ..Bent::default() },
    ] {
        let what = format!("{bent:?}");
        provider.bend(bent);
        let away = witness.start_login(&provider).await;
        let location = witness.complete_login(&away, &away.address).await;
        assert!(location.starts_with("/sign-in?refused="), "{what}: {location}");
    }

    let away = witness.start_login(&provider).await;
    let declined = format!(
        "{}?error=access_denied&error_description={}&state={}",
        paths::OIDC_CALLBACK,
        encoded(&format!("{} {}", away.state, provider.secrets().join(" "))),
        away.state,
    );
    assert!(witness.complete_login(&away, &declined).await.contains("declined"));
    let altered = format!("{}x", away.address);
    assert!(witness.complete_login(&away, &altered).await.contains("over"));
    witness.expects_silence_beside(&provider);
}
