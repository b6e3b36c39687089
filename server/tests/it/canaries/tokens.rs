//! The same for everything that is secret on the way to a token and with it: Client Secret, code,
//! code verifier, state, the cookie that ties them to a browser, access token and refresh token. Of
//! all these only the state may be seen, in the address of the provider's page, and the cookie,
//! where it is given.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use app::api::{Begun, RunNow, Save, SaveAnswer, Tab, TokenNow};
use app::shell::paths;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::delivery::{Outcome, Run};
use domain::token::{Attempt, AttemptEnd, Renewal};
use domain::{Draft, Field, OauthFlow};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;
use url::form_urlencoded;

use super::{CLIENT, Witness, leaked};
use crate::support::harness::cookie_of;
use crate::support::oauth_world::{CALLBACK, FLOWS, draft_with};
use crate::support::program::encoded;
use crate::support::smtp_server::Script;

const ACCESS: &str = "ya29./Rohrdommel5Lm~+=";
const REFRESH: &str = "1/\"~Wasseramsel3Qp~*' %3D&";
const CODE: &str = "4/~Steinkauz6Hd~+ %20\"&";
/// Their middles.
const CANARIES: [&str; 3] = ["Rohrdommel5Lm", "Wasseramsel3Qp", "Steinkauz6Hd"];

const WITH_CONSENT: [OauthFlow; 2] =
    [OauthFlow::AuthorizationCode, OauthFlow::AuthorizationCodePkce];

/// A request for a token.
#[derive(Debug, Clone)]
struct Asked {
    body: String,
    authorization: String,
    form: Vec<(String, String)>,
}

impl Asked {
    fn param(&self, name: &str) -> &str {
        self.form.iter().find(|(named, _)| named == name).map_or("", |(_, value)| value)
    }

    /// What of it is secret.
    fn secrets(&self) -> Vec<&str> {
        let names = ["client_secret", "code", "code_verifier", "refresh_token", "token"];
        names.map(|name| self.param(name)).into_iter().filter(|value| !value.is_empty()).collect()
    }
}

/// How a request for a token is answered.
#[derive(Debug, Clone, Copy)]
enum Mood {
    /// With tokens that are good for so many seconds.
    Gives(u32),
    Refuses(Refusal),
}

/// What is answered instead of a token: all of them repeat what is secret in the request.
type Refusal = fn(&Asked) -> Response;

/// Answers in JSON.
fn refused(status: StatusCode, error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description }).to_string();
    (status, body).into_response()
}

fn told(description: &str) -> Response {
    refused(StatusCode::BAD_REQUEST, "invalid_request", description)
}

const REFUSALS: [(&str, Refusal); 16] = [
    ("as it is", |asked| told(&asked.secrets().join(" "))),
    ("run together", |asked| told(&asked.secrets().concat())),
    ("in base64", |asked| told(&asked.secrets().map_each(|secret| BASE64.encode(secret)))),
    ("percent-encoded", |asked| told(&asked.secrets().map_each(as_form))),
    ("as it was sent", |asked| told(&asked.body)),
    ("as it was sent, in base64", |asked| told(&BASE64.encode(&asked.body))),
    ("quoted", |asked| told(&json!(asked.secrets()).to_string())),
    ("cut off early", |asked| told(&cut_off(asked, 1_970))),
    ("cut off late", |asked| told(&cut_off(asked, 1_988))),
    ("as its code", |asked| {
        refused(StatusCode::BAD_REQUEST, &asked.secrets().join("."), "Repeated.")
    }),
    ("in a page", |asked| {
        let page = format!("<html><title>No</title><p>{}</p></html>", asked.secrets().join(" "));
        (StatusCode::BAD_REQUEST, page).into_response()
    }),
    ("in trouble", |asked| {
        refused(StatusCode::SERVICE_UNAVAILABLE, "server_error", &asked.secrets().join(" "))
    }),
    ("with success", |asked| {
        let words = asked.secrets().join(" ");
        let tokens = json!({ "error": "no", "error_description": format!("{words} {ACCESS}"), "access_token": ACCESS });
        tokens.to_string().into_response()
    }),
    ("without a token", |asked| {
        json!({ "message": asked.secrets().join(" ") }).to_string().into_response()
    }),
    ("by a redirect", |asked| {
        let to = format!("https://elsewhere.example/{0}?{0}", asked.secrets().map_each(encoded));
        (StatusCode::FOUND, AppendHeaders([(header::LOCATION, to)])).into_response()
    }),
    ("by Basic", |asked| {
        let challenge = AppendHeaders([(header::WWW_AUTHENTICATE, "Basic realm=\"here\"")]);
        let answer = refused(StatusCode::UNAUTHORIZED, "invalid_client", &asked.authorization);
        (challenge, answer).into_response()
    }),
];

fn as_form(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

trait MapEach {
    fn map_each(self, spell: impl Fn(&str) -> String) -> String;
}

impl MapEach for Vec<&str> {
    fn map_each(self, spell: impl Fn(&str) -> String) -> String {
        self.into_iter().map(spell).collect::<Vec<_>>().join(" ")
    }
}

/// Words of this many characters, and then what is secret: the end is not shown.
fn cut_off(asked: &Asked, length: usize) -> String {
    format!("{}{}", "x".repeat(length - "invalid_request: ".len()), asked.secrets().concat())
}

/// A provider that gives away canaries, or repeats what it hears.
struct Parrot {
    address: SocketAddr,
    mind: Arc<Mind>,
    serving: JoinHandle<()>,
}

struct Mind {
    /// To a code or a client, and to a token.
    moods: Mutex<(Mood, Mood)>,
    asked: Mutex<Vec<Asked>>,
}

impl Parrot {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let moods = Mutex::new((Mood::Gives(3_600), Mood::Gives(3_600)));
        let mind = Arc::new(Mind { moods, asked: Mutex::default() });
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(move || async move { described(address) }),
            )
            .route("/token", post(answer))
            .route("/revoke", post(answer))
            .with_state(mind.clone());
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves until it is dropped");
        });
        Self { address, mind, serving }
    }

    /// How it answers from now on: a first request, and the next.
    fn will(&self, first: Mood, next: Mood) {
        *self.mind.moods.lock().expect("a mind") = (first, next);
    }

    /// A whole form for this provider and a mail server at this port.
    fn draft(&self, flow: OauthFlow, port: u16) -> Draft {
        let at = |path: &str| format!("http://{}{path}", self.address);
        let mut draft = draft_with(flow, &at("/authorize?prompt=consent"), &at("/token"), port);
        draft.edit(Field::ClientSecret, CLIENT);
        draft.edit(Field::Scope, "mail.send");
        draft
    }
}

impl Drop for Parrot {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What it says about itself.
fn described(address: SocketAddr) -> String {
    let at = |path: &str| format!("http://{address}{path}");
    json!({
        "issuer": at(""),
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "revocation_endpoint": at("/revoke"),
    })
    .to_string()
}

async fn answer(State(mind): State<Arc<Mind>>, headers: HeaderMap, body: String) -> Response {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.map_or("", |value| value.to_str().expect("ASCII"));
    let form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let asked = Asked { form, authorization: authorization.to_owned(), body };
    mind.asked.lock().expect("a mind").push(asked.clone());
    let (first, next) = *mind.moods.lock().expect("a mind");
    let is_first =
        ["authorization_code", "client_credentials"].contains(&asked.param("grant_type"));
    let mood = if is_first { first } else { next };
    match mood {
        Mood::Refuses(refusal) => refusal(&asked),
        Mood::Gives(seconds) => json!({
            "access_token": ACCESS,
            "refresh_token": REFRESH,
            "token_type": "Bearer",
            "expires_in": seconds,
            "scope": format!("mail.send {}", asked.secrets().join(" ")),
        })
        .to_string()
        .into_response(),
    }
}

/// A browser at the provider's page.
struct Away {
    attempt: String,
    state: String,
    /// Its cookies on the way back.
    cookies: String,
}

impl Away {
    /// The address that it comes back by, with a code.
    fn address(&self) -> String {
        format!("/oauth/callback?code={}&state={}&iss=", encoded(CODE), encoded(&self.state))
    }
}

impl Witness {
    /// A witness of a program with a flow saved.
    async fn of(flow: OauthFlow, parrot: &Parrot) -> Self {
        let mut witness = Self::signed_in().await;
        witness.secrets.extend(CANARIES.map(str::to_owned));
        let saved = witness.saves(&parrot.draft(flow, 465), 0).await;
        assert!(matches!(saved, SaveAnswer::Saved(_)), "{saved:?}");
        witness
    }

    /// Presses Get Auth Token, and goes to the provider's page.
    async fn departs(&mut self) -> Away {
        // From another address each time: one may go to a provider only so often.
        let address =
            Ipv4Addr::from_bits(0xC633_0000 + u32::try_from(self.heard.len()).expect("few"));
        self.browser.forwarded_for = address.to_string();
        let begun = self.calls("email/get-token", &json!({ "in_pop_up": true })).await;
        let Begun { attempt, start } = serde_json::from_str(&begun.body).expect("an attempt");
        let start = start.expect("somebody is asked");
        let mut departed = self.browser.get(&start).await.expect("an answer");
        let location = Url::parse(departed.header("location")).expect("the provider's page");
        let state = location.query_pairs().find(|(name, _)| name == "state");
        let state = state.expect("a state").1.into_owned();
        let cookie = cookie_of(departed.header("set-cookie"));
        let cookie_value = cookie.split_once('=').expect("a cookie").1.to_owned();
        self.secrets.extend([state.clone(), cookie_value]);

        // What they are for.
        departed.headers.remove(header::SET_COOKIE);
        let location = location.as_str().replace(&state, "STATE");
        departed.headers.insert(header::LOCATION, location.parse().expect("an address"));
        self.hears("departing", &departed);
        let again = self.reads(&start).await;
        assert!(again.header("location").ends_with("attempt-used"), "{again:?}");
        let cookies = format!("{}; {cookie}", self.browser.cookie);
        Away { attempt: attempt.id, state, cookies }
    }

    /// Goes somewhere with the cookies of a browser that was away, and reads on where that leads.
    async fn lands(&mut self, away: &Away, address: &str) {
        let own = std::mem::replace(&mut self.browser.cookie, away.cookies.clone());
        let landed = self.browser.get(address).await.expect("an answer");
        self.hears("landing", &landed);
        assert_eq!(landed.status, StatusCode::SEE_OTHER, "{landed:?}");
        self.reads(landed.header("location")).await;
        self.browser.cookie = own;
    }

    /// Pastes an address.
    async fn pastes(&mut self, away: &Away, address: &str) {
        let own = std::mem::replace(&mut self.browser.cookie, away.cookies.clone());
        let pasted = json!({ "id": away.attempt, "address": address });
        self.calls("email/finish-attempt", &pasted).await;
        self.browser.cookie = own;
    }

    /// Looks at everything that tells of a token.
    async fn looks_around(&mut self) -> TokenNow {
        for page in [paths::EMAIL, paths::HISTORY, paths::AUDIT] {
            self.reads(page).await;
        }
        self.calls("email/load", &json!({})).await;
        self.calls("email/token-xray", &json!({})).await;
        let told = self.calls("email/token", &json!({})).await;
        serde_json::from_str(&told.body).expect("what there is of a token")
    }

    /// The last attempt, once it has ended.
    async fn ended(&mut self) -> Attempt {
        loop {
            let attempt = self.looks_around().await.attempt.expect("an attempt");
            if attempt.end.is_some() {
                return attempt;
            }
        }
    }

    /// Sends a test message, and waits for its end.
    async fn sends(&mut self) -> Run {
        let begun = self.calls("email/send-test", &json!({})).await;
        let mut now: RunNow = serde_json::from_str(&begun.body).expect("a run");
        while now.run.outcome.is_none() {
            let answer = self.calls("email/run", &json!({ "id": now.run.id })).await;
            now = serde_json::from_str(&answer.body).expect("a run");
        }
        assert!(now.transcript.is_some(), "what is copied is looked into as well");
        now.run
    }

    /// Saves another mail server's port over whatever there is, and deletes the token.
    async fn saves_port(&mut self, port: u16) {
        let tab = self.calls("email/load", &json!({})).await;
        let Tab { saved, token, .. } = serde_json::from_str(&tab.body).expect("a tab");
        let mut draft = saved.draft();
        draft.edit(Field::OauthPort, port.to_string());
        // With Client Credentials, the secret is for this mail server too.
        draft.edit(Field::ClientSecret, CLIENT);
        let grant = token.token.map(|token| token.grant);
        let save = Save { draft, revision: saved.revision, deletes_grant: grant };
        let answer = self.calls("email/save", &json!({ "save": save })).await;
        let answer: SaveAnswer = serde_json::from_str(&answer.body).expect("an answer");
        assert!(matches!(answer, SaveAnswer::Saved(_)), "{answer:?}");
    }

    /// Adds the verifiers that a provider got to what nobody may hear, and expects that nobody did.
    fn expects_silence_about(mut self, parrot: &Parrot) {
        let asked = parrot.mind.asked.lock().expect("a mind").clone();
        let verifiers = asked.iter().map(|asked| asked.param("code_verifier").to_owned());
        self.secrets.extend(verifiers.filter(|verifier| !verifier.is_empty()));
        self.expects_silence();
    }
}

#[tokio::test]
async fn what_is_secret_in_a_consent_is_heard_of_nowhere() {
    for flow in WITH_CONSENT {
        let parrot = Parrot::start().await;
        let mut witness = Witness::of(flow, &parrot).await;

        let away = witness.departs().await;
        witness.lands(&away, &away.address()).await;
        assert_eq!(witness.ended().await.end, Some(AttemptEnd::Obtained));
        for again in [
            away.address(),
            format!("/oauth/callback?state={}", encoded(&away.state)),
            format!("/oauth/callback?code={}", encoded(CODE)),
            format!("/oauth/callback?code={}&state={}x", encoded(CODE), encoded(&away.state)),
        ] {
            witness.lands(&away, &again).await;
        }

        let away = witness.departs().await;
        for bad in [CODE.to_owned(), format!("{CALLBACK}#{CODE}"), format!("?code={CODE}&state=")] {
            witness.pastes(&away, &bad).await;
        }
        let good = format!("http://ppm.example{}", away.address());
        witness.pastes(&away, &good).await;
        assert_eq!(witness.ended().await.end, Some(AttemptEnd::Obtained));
        witness.pastes(&away, &good).await;

        let away = witness.departs().await;
        let declined = format!(
            "/oauth/callback?error=access_denied&error_description={}&state={1}&code={2}",
            encoded(&format!("{} {CODE}", away.state)),
            encoded(&away.state),
            encoded(CODE),
        );
        witness.lands(&away, &declined).await;
        let end = witness.ended().await.end;
        assert!(matches!(end, Some(AttemptEnd::Failed(_))), "{end:?}");
        assert_eq!(parrot.mind.asked.lock().expect("a mind").len(), 2, "the rest asked nobody");
        witness.expects_silence_about(&parrot);
    }
}

#[tokio::test]
async fn what_a_provider_repeats_instead_of_a_token_is_heard_of_nowhere() {
    for flow in FLOWS {
        let parrot = Parrot::start().await;
        let mut witness = Witness::of(flow, &parrot).await;
        for (how, refusal) in REFUSALS {
            parrot.will(Mood::Refuses(refusal), Mood::Refuses(refusal));
            if flow == OauthFlow::ClientCredentials {
                witness.calls("email/get-token", &json!({ "in_pop_up": true })).await;
            } else {
                let away = witness.departs().await;
                witness.lands(&away, &away.address()).await;
            }
            let end = witness.ended().await.end;
            assert!(matches!(end, Some(AttemptEnd::Failed(_))), "{how}: {end:?}");
        }
        witness.expects_silence_about(&parrot);
    }
}

#[tokio::test]
async fn what_a_provider_repeats_instead_of_the_next_token_is_heard_of_nowhere() {
    let parrot = Parrot::start().await;
    let mut witness = Witness::of(OauthFlow::AuthorizationCodePkce, &parrot).await;
    for (how, refusal) in REFUSALS {
        // It is to be renewed as soon as it is wanted.
        parrot.will(Mood::Gives(0), Mood::Refuses(refusal));
        let away = witness.departs().await;
        witness.lands(&away, &away.address()).await;
        let run = witness.sends().await;
        assert!(matches!(run.outcome, Some(Outcome::Failed { .. })), "{how}: {run:?}");
        let renewal = witness.looks_around().await.token.expect("a token").renewal;
        let has_failed = matches!(renewal, Renewal::Failing { .. } | Renewal::Gone(_));
        assert!(has_failed, "{how}: {renewal:?}");
    }
    let asked = parrot.mind.asked.lock().expect("a mind").clone();
    let sent = asked.iter().filter(|asked| asked.param("refresh_token") == REFRESH);
    assert!(sent.count() >= REFUSALS.len(), "each had its renewal");
    witness.expects_silence_about(&parrot);
}

#[tokio::test]
async fn what_a_provider_repeats_of_a_token_that_is_revoked_is_heard_of_nowhere() {
    for (how, refusal) in REFUSALS {
        let parrot = Parrot::start().await;
        let mut witness = Witness::of(OauthFlow::AuthorizationCode, &parrot).await;
        let issuer = format!("http://{}", parrot.address);
        let found = witness.calls("email/discover", &json!({ "issuer": issuer })).await;
        assert!(found.body.contains("/revoke"), "{found:?}");
        let away = witness.departs().await;
        witness.lands(&away, &away.address()).await;
        assert_eq!(witness.ended().await.end, Some(AttemptEnd::Obtained));

        parrot.will(Mood::Refuses(refusal), Mood::Refuses(refusal));
        witness.saves_port(466).await;
        let is_asked = |token| {
            parrot
                .mind
                .asked
                .lock()
                .expect("a mind")
                .iter()
                .any(|asked| asked.param("token") == token)
        };
        while !(is_asked(REFRESH) && is_asked(ACCESS)) {
            let now = witness.looks_around().await;
            assert_eq!(now.token, None, "{how}");
        }
        witness.expects_silence_about(&parrot);
    }
}

/// What an unfriendly mail server has to say once it knows the token.
fn echoes() -> Vec<String> {
    let response = format!("user=noreply@example.com\x01auth=Bearer {ACCESS}\x01\x01");
    vec![
        format!("no {ACCESS}"),
        format!("no {}", BASE64.encode(ACCESS)),
        format!("no {}", BASE64.encode(&response)),
        format!("no {}", BASE64.encode(&response).trim_end_matches('=')),
        format!("no {}", as_form(ACCESS)),
        format!("no {{\"status\":\"400\",\"token\":\"{ACCESS}\"}}"),
        format!("{}{ACCESS}", "x".repeat(1_985 - "535 5.7.8 ".len())),
    ]
}

#[tokio::test]
async fn a_token_that_the_mail_server_repeats_is_heard_of_nowhere() {
    let parrot = Parrot::start().await;
    let mut witness = Witness::of(OauthFlow::ClientCredentials, &parrot).await;
    let mut arrived = 0;
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let offers = leaked(format!("250-mail.example.com\n250 AUTH {mechanism}"));
        for echo in echoes() {
            for step in ["challenge", "auth", "done-auth", "mail", "content", "done"] {
                let refusal = leaked(format!("535-5.7.8 {echo}\n535 5.7.8 {echo}"));
                let mut script = Script { ehlo_under_tls: offers, ..Script::from_the_first_byte() };
                match step {
                    "challenge" => {
                        script.challenge = Some(leaked(format!("334 {}", BASE64.encode(&echo))));
                        script.auth = refusal;
                    }
                    "auth" => script.auth = refusal,
                    "done-auth" => script.auth = leaked(format!("235 2.0.0 {echo}")),
                    "mail" => script.mail = refusal,
                    "content" => script.content = refusal,
                    _ => script.content = leaked(format!("250 2.0.0 {echo}")),
                }
                let server = script.play();
                witness.saves_port(server.address.port()).await;
                witness.calls("email/get-token", &json!({ "in_pop_up": false })).await;
                assert_eq!(witness.ended().await.end, Some(AttemptEnd::Obtained));
                let run = witness.sends().await;
                arrived += usize::from(matches!(run.outcome, Some(Outcome::Accepted { .. })));
                let heard = server.heard().await;
                let is_sign_in = |line: &&str| line.starts_with("AUTH");
                assert_eq!(heard.in_clear.iter().map(String::as_str).find(is_sign_in), None);
                assert!(heard.line("AUTH").contains(mechanism), "{run:?}, {heard:?}");
            }
        }
    }
    assert_eq!(arrived, 2 * 2 * echoes().len(), "where nothing but a good reply repeats it");
    witness.looks_around().await;
    witness.expects_silence_about(&parrot);
}
