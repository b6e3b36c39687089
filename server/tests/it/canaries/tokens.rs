//! The secrets of an OAuth grant do not leak: Client Secret, code, code verifier, state, consent
//! cookie, access token, refresh token. Allowed are only the state in the authorization URL and the
//! cookie in `Set-Cookie`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use contract::{AttemptStarted, EmailTab, Save, SaveAnswer, TokenView, paths};
use domain::delivery::Outcome;
use domain::token::{Attempt, AttemptOutcome, Renewal};
use domain::{Draft, Field, OauthFlow};
use serde_json::json;
use testkit::smtp_server::SmtpScript;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::{Url, form_urlencoded};

use super::{CLIENT, STORED, Witness, leaked, repeating};
use crate::support::harness::cookie_of;
use crate::support::oauth_fixture::{CALLBACK, FLOWS, draft_with};
use crate::support::program::encoded;

const ACCESS: &str = "ya29./Rohrdommel5Lm~+=";
const REFRESH: &str = "1/\"~Wasseramsel3Qp~*' %3D&";
const CODE: &str = "4/~Steinkauz6Hd~+ %20\"&";
/// The alphanumeric middles of the test secrets.
const CANARIES: [&str; 3] = ["Rohrdommel5Lm", "Wasseramsel3Qp", "Steinkauz6Hd"];

const WITH_CONSENT: [OauthFlow; 2] =
    [OauthFlow::AuthorizationCode, OauthFlow::AuthorizationCodePkce];

/// A request to the token endpoint or the revocation endpoint.
#[derive(Debug, Clone)]
struct CanaryRequest {
    body: String,
    authorization: String,
    form: Vec<(String, String)>,
}

impl CanaryRequest {
    fn param(&self, name: &str) -> &str {
        self.form.iter().find(|(named, _)| named == name).map_or("", |(_, value)| value)
    }

    /// The values of its secret parameters.
    fn secrets(&self) -> Vec<&str> {
        let names = ["client_secret", "code", "code_verifier", "refresh_token", "token"];
        names.map(|name| self.param(name)).into_iter().filter(|value| !value.is_empty()).collect()
    }

    /// The values of its secret parameters, in this spelling.
    fn spelled(&self, spell: impl Fn(&str) -> String) -> String {
        self.secrets().into_iter().map(spell).collect::<Vec<_>>().join(" ")
    }
}

/// How the provider answers a request.
#[derive(Debug, Clone, Copy)]
enum Behaviour {
    /// Issues tokens that expire after this many seconds.
    Gives(u32),
    Refuses(Refusal),
}

/// Answers with an error that repeats the secrets of the request.
type Refusal = fn(&CanaryRequest) -> Response;

/// An error response in JSON (RFC 6749 5.2).
fn refused(status: StatusCode, error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description }).to_string();
    (status, body).into_response()
}

fn bad_request(description: &str) -> Response {
    refused(StatusCode::BAD_REQUEST, "invalid_request", description)
}

const REFUSALS: [(&str, Refusal); 16] = [
    ("as it is", |asked| bad_request(&asked.secrets().join(" "))),
    ("run together", |asked| bad_request(&asked.secrets().concat())),
    ("in base64", |asked| bad_request(&asked.spelled(|secret| BASE64.encode(secret)))),
    ("percent-encoded", |asked| bad_request(&asked.spelled(as_form))),
    ("as it was sent", |asked| bad_request(&asked.body)),
    ("as it was sent, in base64", |asked| bad_request(&BASE64.encode(&asked.body))),
    ("quoted", |asked| bad_request(&json!(asked.secrets()).to_string())),
    ("cut off early", |asked| bad_request(&cut_off(asked, 1_970))),
    ("cut off late", |asked| bad_request(&cut_off(asked, 1_988))),
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
        let to = format!("https://another.example/{0}?{0}", asked.spelled(encoded));
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

/// Padding, then the secrets: a text of `length` characters before them, so that a cut hits them.
fn cut_off(asked: &CanaryRequest, length: usize) -> String {
    format!("{}{}", "x".repeat(length - "invalid_request: ".len()), asked.secrets().concat())
}

/// A provider that issues canaries as tokens, or repeats the secrets of a request.
struct EchoingProvider {
    address: SocketAddr,
    shared: Arc<ProviderState>,
    serving: JoinHandle<()>,
}

struct ProviderState {
    /// For a code or client credentials, and for a refresh or revocation.
    behaviours: Mutex<(Behaviour, Behaviour)>,
    asked: Mutex<Vec<CanaryRequest>>,
}

impl EchoingProvider {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let behaviours = Mutex::new((Behaviour::Gives(3_600), Behaviour::Gives(3_600)));
        let shared = Arc::new(ProviderState { behaviours, asked: Mutex::default() });
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(move || async move { described(address) }),
            )
            .route("/token", post(answer))
            .route("/revoke", post(answer))
            .with_state(shared.clone());
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves until it is dropped");
        });
        Self { address, shared, serving }
    }

    /// Sets how first grants are answered, and how refreshes and revocations are.
    fn set_behaviours(&self, first: Behaviour, next: Behaviour) {
        *self.shared.behaviours.lock().expect("no test panics while it holds them") = (first, next);
    }

    /// The requests that it has received.
    fn asked(&self) -> Vec<CanaryRequest> {
        self.shared.asked.lock().expect("no test panics while it holds them").clone()
    }

    /// A complete draft for this provider and a mail server at this port.
    fn draft(&self, flow: OauthFlow, port: u16) -> Draft {
        let at = |path: &str| format!("http://{}{path}", self.address);
        let mut draft = draft_with(flow, &at("/authorize?prompt=consent"), &at("/token"), port);
        draft.edit(Field::ClientSecret, CLIENT);
        draft.edit(Field::Scope, "mail.send");
        draft
    }
}

impl Drop for EchoingProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The provider's metadata.
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

async fn answer(
    State(shared): State<Arc<ProviderState>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.map_or("", |value| value.to_str().expect("ASCII"));
    let form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let asked = CanaryRequest { form, authorization: authorization.to_owned(), body };
    shared.asked.lock().expect("no test panics while it holds them").push(asked.clone());
    let (first, next) = *shared.behaviours.lock().expect("no test panics while it holds them");
    let is_first =
        ["authorization_code", "client_credentials"].contains(&asked.param("grant_type"));
    let behaviour = if is_first { first } else { next };
    match behaviour {
        Behaviour::Refuses(refusal) => refusal(&asked),
        Behaviour::Gives(seconds) => json!({
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

/// A browser that was redirected to the provider.
struct PendingConsent {
    attempt: String,
    state: String,
    /// The cookies that it sends to the callback.
    cookies: String,
}

impl PendingConsent {
    /// The callback URL, with a code.
    fn address(&self) -> String {
        format!("/oauth/callback?code={}&state={}&iss=", encoded(CODE), encoded(&self.state))
    }
}

impl Witness {
    /// Starts the program and saves settings with this flow.
    async fn of(flow: OauthFlow, provider: &EchoingProvider) -> Self {
        let mut witness = Self::signed_in().await;
        witness.secrets.extend(CANARIES.map(str::to_owned));
        let saved = witness.saves(&provider.draft(flow, 465), 0).await;
        assert!(matches!(saved, SaveAnswer::Saved(_)), "{saved:?}");
        witness
    }

    /// Starts Get Auth Token and follows the redirect to the provider.
    async fn start_consent(&mut self) -> PendingConsent {
        // A new client address each time, because the redirect is throttled by address.
        let address = Ipv4Addr::from_bits(
            0xC633_0000 + u32::try_from(self.received.len()).expect("a small number"),
        );
        self.browser.forwarded_for = address.to_string();
        let begun = self.calls("email/get-token", &json!({ "in_pop_up": true })).await;
        let AttemptStarted { attempt, start } =
            serde_json::from_str(&begun.body).expect("an attempt");
        let start = start.expect("a person is asked");
        let mut departed = self.browser.get(&start).await.expect("an answer");
        let location = Url::parse(departed.header("location")).expect("the provider's page");
        let state = location.query_pairs().find(|(name, _)| name == "state");
        let state = state.expect("a state").1.into_owned();
        let cookie = cookie_of(departed.header("set-cookie"));
        let cookie_value = cookie.split_once('=').expect("a cookie").1.to_owned();
        self.secrets.extend([state.clone(), cookie_value]);

        // These headers are meant to carry cookie and state.
        departed.headers.remove(header::SET_COOKIE);
        let location = location.as_str().replace(&state, "STATE");
        departed.headers.insert(header::LOCATION, location.parse().expect("an address"));
        self.hears("departing", &departed);
        let again = self.reads(&start).await;
        assert!(again.header("location").ends_with("attempt-used"), "{again:?}");
        let cookies = format!("{}; {cookie}", self.browser.cookie);
        PendingConsent { attempt: attempt.id, state, cookies }
    }

    /// Starts a consent and completes it with a code.
    async fn consents(&mut self) -> PendingConsent {
        let away = self.start_consent().await;
        self.complete_consent(&away, &away.address()).await;
        away
    }

    /// Requests the callback with the browser's cookies and follows its redirect.
    async fn complete_consent(&mut self, away: &PendingConsent, address: &str) {
        let own = std::mem::replace(&mut self.browser.cookie, away.cookies.clone());
        let landed = self.browser.get(address).await.expect("an answer");
        self.hears("landing", &landed);
        assert_eq!(landed.status, StatusCode::SEE_OTHER, "{landed:?}");
        self.reads(landed.header("location")).await;
        self.browser.cookie = own;
    }

    /// Submits a pasted callback URL.
    async fn pastes(&mut self, away: &PendingConsent, address: &str) {
        let own = std::mem::replace(&mut self.browser.cookie, away.cookies.clone());
        let pasted = json!({ "id": away.attempt, "address": address });
        self.calls("email/finish-attempt", &pasted).await;
        self.browser.cookie = own;
    }

    /// Requests every page and server function that shows the token.
    async fn read_token_views(&mut self) -> TokenView {
        for page in [paths::EMAIL, paths::HISTORY, paths::AUDIT] {
            self.reads(page).await;
        }
        self.calls("email/load", &json!({})).await;
        self.calls("email/token-xray", &json!({})).await;
        let view = self.calls("email/token", &json!({})).await;
        serde_json::from_str(&view.body).expect("what there is of a token")
    }

    /// Polls until the last attempt has ended.
    async fn ended(&mut self) -> Attempt {
        loop {
            let attempt = self.read_token_views().await.attempt.expect("an attempt");
            if attempt.end.is_some() {
                return attempt;
            }
        }
    }

    /// Saves the port of another mail server, and deletes the token.
    async fn saves_port(&mut self, port: u16) {
        let tab = self.calls("email/load", &json!({})).await;
        let EmailTab { saved, token, .. }: EmailTab =
            serde_json::from_str(&tab.body).expect("a tab");
        let mut draft = saved.draft();
        draft.edit(Field::OauthPort, port.to_string());
        // With Client Credentials, the secret is bound to the mail server too.
        draft.edit(Field::ClientSecret, CLIENT);
        let grant = token.token.map(|token| token.grant);
        let save = Save { draft, revision: saved.revision, deletes_grant: grant };
        let answer = self.calls("email/save", &json!({ "save": save })).await;
        let answer: SaveAnswer = serde_json::from_str(&answer.body).expect("an answer");
        assert!(matches!(answer, SaveAnswer::Saved(_)), "{answer:?}");
    }

    /// Presses Get Auth Token, and expects a token without a consent.
    async fn requests_token(&mut self) {
        self.calls("email/get-token", &json!({ "in_pop_up": false })).await;
        assert_eq!(self.ended().await.end, Some(AttemptOutcome::Obtained));
    }

    /// Asserts that the code verifiers that the provider received do not leak either.
    fn expects_silence_about(mut self, provider: &EchoingProvider) {
        let asked = provider.asked();
        let verifiers = asked.iter().map(|asked| asked.param("code_verifier").to_owned());
        self.secrets.extend(verifiers.filter(|verifier| !verifier.is_empty()));
        self.expects_silence();
    }
}

#[tokio::test]
async fn the_secrets_of_a_consent_do_not_leak() {
    for flow in WITH_CONSENT {
        let provider = EchoingProvider::start().await;
        let mut witness = Witness::of(flow, &provider).await;

        let away = witness.consents().await;
        assert_eq!(witness.ended().await.end, Some(AttemptOutcome::Obtained));
        for again in [
            away.address(),
            format!("/oauth/callback?state={}", encoded(&away.state)),
            format!("/oauth/callback?code={}", encoded(CODE)),
            format!("/oauth/callback?code={}&state={}x", encoded(CODE), encoded(&away.state)),
        ] {
            witness.complete_consent(&away, &again).await;
        }

        let away = witness.start_consent().await;
        for bad in [CODE.to_owned(), format!("{CALLBACK}#{CODE}"), format!("?code={CODE}&state=")] {
            witness.pastes(&away, &bad).await;
        }
        let good = format!("http://ppm.example{}", away.address());
        witness.pastes(&away, &good).await;
        assert_eq!(witness.ended().await.end, Some(AttemptOutcome::Obtained));
        witness.pastes(&away, &good).await;

        let away = witness.start_consent().await;
        let declined = format!(
            "/oauth/callback?error=access_denied&error_description={}&state={1}&code={2}",
            encoded(&format!("{} {CODE}", away.state)),
            encoded(&away.state),
            encoded(CODE),
        );
        witness.complete_consent(&away, &declined).await;
        let end = witness.ended().await.end;
        assert!(matches!(end, Some(AttemptOutcome::Failed(_))), "{end:?}");
        assert_eq!(provider.asked().len(), 2, "the other consents send no request");
        witness.expects_silence_about(&provider);
    }
}

#[tokio::test]
async fn secrets_that_a_provider_repeats_instead_of_a_token_do_not_leak() {
    for flow in FLOWS {
        let provider = EchoingProvider::start().await;
        let mut witness = Witness::of(flow, &provider).await;
        for (how, refusal) in REFUSALS {
            provider.set_behaviours(Behaviour::Refuses(refusal), Behaviour::Refuses(refusal));
            if flow == OauthFlow::ClientCredentials {
                witness.calls("email/get-token", &json!({ "in_pop_up": true })).await;
            } else {
                witness.consents().await;
            }
            let end = witness.ended().await.end;
            assert!(matches!(end, Some(AttemptOutcome::Failed(_))), "{how}: {end:?}");
        }
        witness.expects_silence_about(&provider);
    }
}

#[tokio::test]
async fn secrets_that_a_provider_repeats_instead_of_a_refreshed_token_do_not_leak() {
    let provider = EchoingProvider::start().await;
    let mut witness = Witness::of(OauthFlow::AuthorizationCodePkce, &provider).await;
    for (how, refusal) in REFUSALS {
        // The token expires at once, so that its first use refreshes it.
        provider.set_behaviours(Behaviour::Gives(0), Behaviour::Refuses(refusal));
        witness.consents().await;
        let run = witness.sends().await;
        assert!(matches!(run.outcome, Some(Outcome::Failed { .. })), "{how}: {run:?}");
        let renewal = witness.read_token_views().await.token.expect("a token").renewal;
        let has_failed = matches!(renewal, Renewal::Failing { .. } | Renewal::Gone(_));
        assert!(has_failed, "{how}: {renewal:?}");
    }
    let asked = provider.asked();
    let sent = asked.iter().filter(|asked| asked.param("refresh_token") == REFRESH);
    assert!(sent.count() >= REFUSALS.len(), "each had its renewal");
    witness.expects_silence_about(&provider);
}

#[tokio::test]
async fn secrets_that_a_provider_repeats_at_a_revocation_do_not_leak() {
    for (how, refusal) in REFUSALS {
        let provider = EchoingProvider::start().await;
        let mut witness = Witness::of(OauthFlow::AuthorizationCode, &provider).await;
        let issuer = format!("http://{}", provider.address);
        let found = witness.calls("email/discover", &json!({ "issuer": issuer })).await;
        assert!(found.body.contains("/revoke"), "{found:?}");
        witness.consents().await;
        assert_eq!(witness.ended().await.end, Some(AttemptOutcome::Obtained));

        provider.set_behaviours(Behaviour::Refuses(refusal), Behaviour::Refuses(refusal));
        witness.saves_port(466).await;
        let is_asked = |token| provider.asked().iter().any(|asked| asked.param("token") == token);
        while !(is_asked(REFRESH) && is_asked(ACCESS)) {
            let now = witness.read_token_views().await;
            assert_eq!(now.token, None, "{how}");
        }
        witness.expects_silence_about(&provider);
    }
}

/// Replies of a hostile mail server that repeats the token.
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
async fn a_token_that_the_mail_server_repeats_does_not_leak() {
    let provider = EchoingProvider::start().await;
    let mut witness = Witness::of(OauthFlow::ClientCredentials, &provider).await;
    let mut arrived = 0;
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let offers = leaked(format!("250-mail.example.com\n250 AUTH {mechanism}"));
        for echo in echoes() {
            for step in ["challenge", "auth", "done-auth", "mail", "content", "done-content"] {
                let script =
                    SmtpScript { ehlo_under_tls: offers, ..SmtpScript::from_the_first_byte() };
                let script = repeating(script, step, &echo);
                let server = script.play();
                witness.saves_port(server.address.port()).await;
                witness.requests_token().await;
                let run = witness.sends().await;
                arrived += usize::from(matches!(run.outcome, Some(Outcome::Accepted { .. })));
                let received = server.received().await;
                let is_sign_in = |line: &&str| line.starts_with("AUTH");
                assert_eq!(received.in_clear.iter().map(String::as_str).find(is_sign_in), None);
                assert!(received.line("AUTH").contains(mechanism), "{run:?}, {received:?}");
            }
        }
    }
    assert_eq!(arrived, 2 * 2 * echoes().len(), "only where a good reply repeats it");
    witness.read_token_views().await;
    witness.expects_silence_about(&provider);
}

// The mail server answers while the command runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_that_mail_server_and_provider_repeat_at_a_check_do_not_leak() {
    let provider = EchoingProvider::start().await;
    let (mut witness, monitoring) = Witness::with_alerts().await;
    witness.secrets.extend(CANARIES.map(str::to_owned));
    // The way of the alert email while OAuth is down.
    let relay = repeating(SmtpScript::in_clear(), "done-content", STORED).play();
    let relay_port = relay.address.port().to_string();
    let draft = provider.draft(OauthFlow::ClientCredentials, 465).with_texts([
        (Field::BasicSender, "backup@example.com"),
        (Field::BasicDisplayName, "PPM"),
        (Field::BasicServer, "127.0.0.1"),
        (Field::BasicPort, &relay_port),
        (Field::BasicUseTls, "off"),
        (Field::Username, "noreply"),
        (Field::Password, STORED),
    ]);
    witness.saves(&draft, 0).await;

    let xoauth2 = "250-mail.example.com\n250 AUTH XOAUTH2";
    let script = SmtpScript { ehlo_under_tls: xoauth2, ..SmtpScript::from_the_first_byte() };
    for echo in echoes() {
        for (step, is_open) in [("done-auth", false), ("auth", true)] {
            let server = repeating(script.clone(), step, &echo).play_to_all();
            witness.saves_port(server.address.port()).await;
            witness.requests_token().await;
            let incident = witness.checks_now(&monitoring).await;
            let has_words = incident.is_some_and(|open| open.peer_text.is_some());
            assert_eq!(has_words, is_open, "{step}: {echo}");
        }
    }
    // A refused token is renewed at once.
    let server = script.replying("AUTH", "535 5.7.8 No").play_to_all();
    witness.saves_port(server.address.port()).await;
    for (how, refusal) in REFUSALS {
        provider.set_behaviours(Behaviour::Gives(3_600), Behaviour::Gives(3_600));
        witness.requests_token().await;
        provider.set_behaviours(Behaviour::Refuses(refusal), Behaviour::Refuses(refusal));
        let asked_before = provider.asked().len();
        assert!(witness.checks_now(&monitoring).await.is_some(), "{how}");
        assert!(provider.asked().len() > asked_before, "{how}");
    }
    assert_eq!(witness.runs_health(), Some(2));
    witness.hears_alerts(&monitoring, 2 * echoes().len() - 1).await;
    let message = relay.received().await.message();
    assert!(String::from_utf8_lossy(&message).contains("Subject: PPM email has stopped"));
    witness.received.push(("an alert email".to_owned(), message));
    witness.expects_silence_about(&provider);
}
