//! OAuth providers over real sockets, on a separate thread so that a test may block: a scripted one
//! that sends octets, and a compliant one (RFC 6749, RFC 7636) whose rules can be changed. Both
//! record their requests.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::draft::ClientAuthentication;
use domain::settings::{Consent, Grant};
use rustls::ServerConfig;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use url::Url;
use url::form_urlencoded::{self, byte_serialize};

use crate::sockets::{TestStream, read_more};

/// A request that a provider received.
#[derive(Debug, Clone, Default)]
pub struct RecordedRequest {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub form: Vec<(String, String)>,
    pub body: String,
}

impl RecordedRequest {
    /// Returns a header's value, by its case-insensitive name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(named, _)| named.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns a parameter's value; empty if it is missing.
    pub fn param(&self, name: &str) -> &str {
        self.form.iter().find(|(named, _)| named == name).map_or("", |(_, value)| value)
    }

    /// Returns all parameters as `name=value`, in alphabetical order.
    pub fn params(&self) -> Vec<String> {
        let mut all: Vec<_> =
            self.form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        all.sort();
        all
    }

    /// Decodes client id and secret from HTTP Basic (RFC 6749 2.3.1).
    fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization")?.strip_prefix("Basic ")?;
        let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (id, secret) = pair.split_once(':')?;
        let decoded = |text: &str| {
            let mut pairs = form_urlencoded::parse(text.as_bytes());
            pairs.next().map(|(text, _)| text.into_owned()).unwrap_or_default()
        };
        Some((decoded(id), decoded(secret)))
    }
}

/// A step of a response.
enum ProviderAction {
    Send(Vec<u8>),
    /// Sends one octet at a time, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Sends the same octets repeatedly, until the client disconnects.
    Pour(Vec<u8>),
    /// Waits for a signal, or until the client disconnects.
    Wait(oneshot::Receiver<()>),
    /// Waits until the client disconnects.
    Hang,
    /// Resets the connection (RST).
    Reset,
}

/// The response to one request, after which the connection is closed.
#[derive(Default)]
pub struct Turn(Vec<ProviderAction>);

impl Turn {
    /// Creates a complete response with these header lines.
    pub fn answer(status: &str, headers: &[&str], body: &str) -> Self {
        let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        Self::raw(format!("{head}Connection: close\r\n\r\n{body}"))
    }

    /// Creates a complete JSON response.
    pub fn json(status: &str, body: &str) -> Self {
        Self::answer(status, &["Content-Type: application/json"], body)
    }

    /// Creates a response of exactly these octets.
    pub fn raw(octets: impl Into<Vec<u8>>) -> Self {
        Self(vec![ProviderAction::Send(octets.into())])
    }

    /// Creates a response that never comes.
    pub fn without_answer() -> Self {
        Self(vec![ProviderAction::Hang])
    }

    /// Adds these octets, one at a time with a pause before each.
    pub fn then_drip(self, octets: &str, pause: Duration) -> Self {
        self.then(ProviderAction::Drip(octets.into(), pause))
    }

    /// Adds these octets, repeated forever.
    pub fn then_pour(self, octets: impl Into<Vec<u8>>) -> Self {
        self.then(ProviderAction::Pour(octets.into()))
    }

    /// Adds silence, with the connection kept open.
    pub fn then_hang(self) -> Self {
        self.then(ProviderAction::Hang)
    }

    /// Adds a reset of the connection (RST).
    pub fn then_reset(self) -> Self {
        self.then(ProviderAction::Reset)
    }

    /// Delays the response until a signal is sent.
    pub fn when_told(mut self) -> (Self, oneshot::Sender<()>) {
        let (tell, told) = oneshot::channel();
        self.0.insert(0, ProviderAction::Wait(told));
        (self, tell)
    }

    fn then(mut self, act: ProviderAction) -> Self {
        self.0.push(act);
        self
    }
}

/// The requests of a listener, and notifications about them.
#[derive(Debug, Clone, Default)]
struct RequestLog {
    asked: Arc<Mutex<Vec<RecordedRequest>>>,
    count: watch::Sender<usize>,
    /// The number of clients that disconnected before their response.
    gone: watch::Sender<usize>,
}

impl RequestLog {
    fn record(&self, asked: RecordedRequest) {
        let mut all = self.asked.lock().expect("the log");
        all.push(asked);
        self.count.send_replace(all.len());
    }

    fn all(&self) -> Vec<RecordedRequest> {
        self.asked.lock().expect("the log").clone()
    }

    async fn wait_for(&self, count: usize) {
        let mut received = self.count.subscribe();
        received.wait_for(|received| *received >= count).await.expect("a log that stays");
    }
}

/// A listening thread that ends when this is dropped.
struct ListenerThread {
    address: SocketAddr,
    over: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ListenerThread {
    /// Listens at this address once it is free, and runs `part` for each client.
    fn begin<F>(address: &str, part: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let patience = Instant::now() + Duration::from_mins(1);
        let listener = loop {
            match std::net::TcpListener::bind(address) {
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < patience =>
                {
                    std::thread::sleep(Duration::from_millis(20));
                }
                bound => break bound.expect("a port"),
            }
        };
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let (over, is_over) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                let serve = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(part(stream));
                    }
                };
                tokio::select! {
                    () = serve => {}
                    _ = is_over => {}
                }
            });
        });
        Self { address, over: Some(over), thread: Some(thread) }
    }
}

impl Drop for ListenerThread {
    fn drop(&mut self) {
        // The thread may have panicked, which failed its test if that mattered.
        let _ = self.over.take().map(|over| over.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn channel(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
) -> io::Result<Box<dyn TestStream>> {
    stream.set_nodelay(true)?;
    let stream: Box<dyn TestStream> = Box::new(stream);
    Ok(match tls {
        None => stream,
        Some(config) => Box::new(TlsAcceptor::from(config).accept(stream).await?),
    })
}

/// Reads one complete request.
async fn read_request(channel: &mut dyn TestStream) -> io::Result<RecordedRequest> {
    let mut octets = Vec::new();
    let head = loop {
        if let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        read_more(channel, &mut octets).await?;
    };
    let text = String::from_utf8_lossy(&octets[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let mut asked = RecordedRequest {
        method: first.next().unwrap_or_default(),
        target: first.next().unwrap_or_default(),
        ..RecordedRequest::default()
    };
    asked.headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let length = asked.header("content-length").map_or(Ok(0), str::parse);
    let length: usize = length.map_err(io::Error::other)?;
    while octets.len() < head + 4 + length {
        read_more(channel, &mut octets).await?;
    }
    let body = &octets[head + 4..];
    asked.form = form_urlencoded::parse(body).into_owned().collect();
    asked.body = String::from_utf8_lossy(body).into_owned();
    Ok(asked)
}

async fn read_until_closed(channel: &mut dyn TestStream) -> io::Result<()> {
    let mut rest = Vec::new();
    while read_more(channel, &mut rest).await.is_ok() {}
    Err(io::ErrorKind::UnexpectedEof.into())
}

async fn play(channel: &mut dyn TestStream, turn: Turn) -> io::Result<()> {
    for act in turn.0 {
        match act {
            ProviderAction::Send(octets) => channel.write_all(&octets).await?,
            ProviderAction::Drip(octets, pause) => {
                for octet in octets {
                    sleep(pause).await;
                    channel.write_all(&[octet]).await?;
                    channel.flush().await?;
                }
            }
            ProviderAction::Pour(octets) => loop {
                channel.write_all(&octets).await?;
            },
            ProviderAction::Wait(told) => tokio::select! {
                told = told => told.map_err(io::Error::other)?,
                gone = read_until_closed(channel) => gone?,
            },
            ProviderAction::Hang => read_until_closed(channel).await?,
            ProviderAction::Reset => return channel.tcp().set_zero_linger(),
        }
        channel.flush().await?;
    }
    channel.shutdown().await
}

/// A provider that sends one turn to each client, and disconnects clients after the last turn.
pub struct ScriptedProvider {
    listening: ListenerThread,
    log: RequestLog,
    scheme: &'static str,
    turns: Turns,
}

/// The remaining turns.
type Turns = Arc<Mutex<std::vec::IntoIter<Turn>>>;

impl ScriptedProvider {
    /// In clear.
    pub fn play(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self::over(None, "127.0.0.1:0", turns)
    }

    /// Starts in clear at this address, after waiting until no other test uses it.
    pub fn play_at(address: &str, turns: impl IntoIterator<Item = Turn>) -> Self {
        Self::over(None, address, turns)
    }

    /// Under TLS with this certificate.
    pub fn play_by_tls(tls: Arc<ServerConfig>, turns: impl IntoIterator<Item = Turn>) -> Self {
        Self::over(Some(tls), "127.0.0.1:0", turns)
    }

    fn over(
        tls: Option<Arc<ServerConfig>>,
        address: &str,
        turns: impl IntoIterator<Item = Turn>,
    ) -> Self {
        let log = RequestLog::default();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let turns = turns.into_iter().collect::<Vec<_>>().into_iter();
        let (turns, received) = (Arc::new(Mutex::new(turns)), log.clone());
        let playing = turns.clone();
        let listening = ListenerThread::begin(address, move |stream| {
            let (tls, turns, log) = (tls.clone(), playing.clone(), received.clone());
            async move {
                let mut channel = channel(stream, tls).await?;
                let asked = read_request(channel.as_mut()).await?;
                let turn = turns.lock().expect("turns").next().unwrap_or_default();
                log.record(asked);
                play(channel.as_mut(), turn).await
            }
        });
        Self { listening, log, scheme, turns }
    }

    /// Replaces the remaining turns.
    pub fn plays_on(&self, turns: impl IntoIterator<Item = Turn>) {
        *self.turns.lock().expect("turns") = turns.into_iter().collect::<Vec<_>>().into_iter();
    }

    /// Returns the listening address.
    pub fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// Returns the URL of the token endpoint.
    pub fn token_endpoint(&self) -> String {
        format!("{}://{}/token", self.scheme, self.address())
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<RecordedRequest> {
        self.log.all()
    }

    /// Waits for this number of requests.
    pub async fn wait_for(&self, count: usize) {
        self.log.wait_for(count).await;
    }
}

/// The only client that a [`TestProvider`] knows.
pub const CLIENT_ID: &str = "ppm";
pub const CLIENT_SECRET: &str = "canary client/secret+1";
pub const REDIRECT_URI: &str = "https://PPM.example/oauth/callback?from=Provider";
pub const SCOPE: &str = "mail.send offline_access";

/// What happens to a refresh token when it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshing {
    /// It is rotated, and reusing the old one revokes the grant.
    Rotates,
    /// It stays valid, and the response does not repeat it.
    Keeps,
    /// None is issued.
    Never,
}

/// The accepted client authentication methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Either,
    BodyOnly,
    BasicOnly,
    /// None: a public client.
    NoSecret,
}

/// The behaviour of a [`TestProvider`], which [`TestProvider::rule`] changes while it runs.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The lifetime of an access token, and the default of `expires_in`.
    pub lifetime: Duration,
    /// Overrides `expires_in`; `Value::Null` omits it.
    pub expires_in: Option<Value>,
    pub refreshing: Refreshing,
    /// The granted scope, in place of the requested one, and named in the response.
    pub scope: Option<String>,
    pub takes: Takes,
    /// The minimum length of an access token, in characters.
    pub token_length: usize,
    /// Additional members of a token response: an object.
    pub more: Value,
    /// The `iss` of an authorization response (RFC 9207), if any.
    pub issuer: Option<String>,
    /// The claims of an access token, if it is a JWT.
    pub claims: Option<Value>,
    /// The claims of the ID token, if there is one.
    pub id_token: Option<Value>,
    /// The status of a revocation response.
    pub revoking: &'static str,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_hours(1),
            expires_in: None,
            refreshing: Refreshing::Rotates,
            scope: None,
            takes: Takes::Either,
            token_length: 30,
            more: json!({}),
            issuer: None,
            claims: None,
            id_token: None,
            revoking: "200 OK",
        }
    }
}

/// The point at which a held token request waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Before a token is issued or rotated.
    BeforeIssuing,
    /// After that, and before the response.
    BeforeAnswering,
}

struct Code {
    grant: u64,
    redirect_uri: String,
    challenge: Option<String>,
    is_used: bool,
}

struct TokenPair {
    grant: u64,
    ends: Instant,
}

struct Refresh {
    grant: u64,
    is_superseded: bool,
}

#[derive(Default)]
struct State {
    rules: Rules,
    made: u64,
    codes: HashMap<String, Code>,
    access: HashMap<String, TokenPair>,
    refresh: HashMap<String, Refresh>,
    revoked: Vec<u64>,
    reused: usize,
    failures: Vec<(String, String)>,
}

/// A compliant provider.
pub struct TestProvider {
    listening: ListenerThread,
    log: RequestLog,
    state: Arc<Mutex<State>>,
    hold: watch::Sender<Option<Held>>,
    scheme: &'static str,
}

impl TestProvider {
    /// Starts in clear, with the default rules.
    pub fn start() -> Self {
        Self::over(None)
    }

    /// Under TLS with this certificate.
    pub fn start_by_tls(tls: Arc<ServerConfig>) -> Self {
        Self::over(Some(tls))
    }

    fn over(tls: Option<Arc<ServerConfig>>) -> Self {
        let (log, state) = (RequestLog::default(), Arc::<Mutex<State>>::default());
        let hold = watch::Sender::new(None);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (received, kept, gate) = (log.clone(), state.clone(), hold.clone());
        let listening = ListenerThread::begin("127.0.0.1:0", move |stream| {
            let (tls, log) = (tls.clone(), received.clone());
            let (state, gate) = (kept.clone(), gate.subscribe());
            async move {
                let mut channel = channel(stream, tls).await?;
                let asked = read_request(channel.as_mut()).await?;
                log.record(asked.clone());
                let turn = tokio::select! {
                    biased;
                    turn = answer(&asked, &state, gate) => turn,
                    gone = read_until_closed(channel.as_mut()) => {
                        log.gone.send_modify(|count| *count += 1);
                        return gone;
                    }
                };
                play(channel.as_mut(), turn).await
            }
        });
        Self { listening, log, state, hold, scheme }
    }

    /// Changes the rules.
    pub fn rule(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.state().rules);
    }

    /// Fails the next token request with this response; called twice, the next two.
    pub fn fail_next(&self, status: &str, body: &str) {
        self.state().failures.push((status.to_owned(), body.to_owned()));
    }

    /// Holds every token request until [`TestProvider::release`]; one whose client disconnects
    /// meanwhile is abandoned.
    pub fn hold(&self, when: Held) {
        self.hold.send_replace(Some(when));
    }

    /// Releases the held requests.
    pub fn release(&self) {
        self.hold.send_replace(None);
    }

    pub fn token_endpoint(&self) -> String {
        self.at("/token")
    }

    pub fn revocation_endpoint(&self) -> String {
        self.at("/revoke")
    }

    /// Returns all revocation requests.
    pub fn revocations(&self) -> Vec<RecordedRequest> {
        self.asked().into_iter().filter(|asked| asked.target == "/revoke").collect()
    }

    pub fn authorization_endpoint(&self) -> String {
        self.at("/authorize?prompt=consent")
    }

    fn at(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.listening.address)
    }

    /// Returns a grant with a user's consent.
    pub fn grant(&self, pkce: bool) -> Grant {
        let consent = Consent::AtProvider {
            authorization_endpoint: self.authorization_endpoint(),
            redirect_uri: REDIRECT_URI.to_owned(),
            pkce,
        };
        grant(consent, &self.token_endpoint())
    }

    /// Returns a grant by client credentials.
    pub fn own_grant(&self) -> Grant {
        grant(Consent::NotNeeded, &self.token_endpoint())
    }

    /// Consents to an authorization request, and returns the callback URL.
    pub fn consent(&self, url: &str) -> String {
        assert!(url.starts_with(&self.authorization_endpoint()), "{url}");
        self.state().consent(url)
    }

    /// Declines an authorization request, and returns the callback URL.
    pub fn decline(&self, url: &str) -> String {
        assert!(url.starts_with(&self.authorization_endpoint()), "{url}");
        let answer = [("error", "access_denied"), ("error_description", "The user declined.")];
        callback_url(&Url::parse(url).expect("a URL"), &answer)
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<RecordedRequest> {
        self.log.all()
    }

    /// Returns the number of token requests with this `grant_type`.
    pub fn requests(&self, grant_type: &str) -> usize {
        self.asked().iter().filter(|asked| asked.param("grant_type") == grant_type).count()
    }

    /// Waits for this number of requests of any kind.
    pub async fn wait_for(&self, count: usize) {
        self.log.wait_for(count).await;
    }

    /// Waits until this number of clients disconnected while they were held.
    pub async fn wait_for_gone(&self, count: usize) {
        let mut gone = self.log.gone.subscribe();
        gone.wait_for(|gone| *gone >= count).await.expect("a log that stays");
    }

    /// Returns the number of requests with a superseded refresh token.
    pub fn reused(&self) -> usize {
        self.state().reused
    }

    /// Whether an access token is valid now.
    pub fn is_good(&self, access_token: &str) -> bool {
        self.state().is_good(access_token)
    }

    /// Expires all access tokens, and no grant.
    pub fn expire(&self) {
        self.state().access.clear();
    }

    /// Revokes all grants with their refresh tokens.
    pub fn revoke(&self) {
        let mut state = self.state();
        let grants: Vec<u64> = state.refresh.values().map(|token| token.grant).collect();
        state.revoked.extend(grants);
        state.access.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a provider without a panic")
    }
}

/// Returns a grant of the client that [`TestProvider`] knows.
pub fn grant(consent: Consent, token_endpoint: &str) -> Grant {
    Grant {
        consent,
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(CLIENT_SECRET.into()),
        client_authentication: ClientAuthentication::Automatic,
        token_endpoint: token_endpoint.to_owned(),
        scope: SCOPE.to_owned(),
    }
}

async fn answer(
    asked: &RecordedRequest,
    state: &Mutex<State>,
    mut gate: watch::Receiver<Option<Held>>,
) -> Turn {
    let state = || state.lock().expect("a provider without a panic");
    match (asked.method.as_str(), asked.target.as_str()) {
        ("POST", "/token") => {
            let passes = |held: Held| move |now: &Option<Held>| *now != Some(held);
            let _ = gate.wait_for(passes(Held::BeforeIssuing)).await;
            let turn = state().token(asked);
            let _ = gate.wait_for(passes(Held::BeforeAnswering)).await;
            turn
        }
        ("POST", "/revoke") => {
            let passes = |now: &Option<Held>| *now != Some(Held::BeforeIssuing);
            let _ = gate.wait_for(passes).await;
            Turn::answer(state().rules.revoking, &[], "")
        }
        _ => Turn::answer("404 Not Found", &["Content-Type: text/html"], "<h1>Not found</h1>"),
    }
}

/// Returns the callback URL with a response and its `state`.
fn callback_url(url: &Url, answer: &[(&str, &str)]) -> String {
    let asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
    let mut address = asked["redirect_uri"].clone();
    let state = asked.get("state").map(|state| ("state", state.as_str()));
    for (name, value) in answer.iter().copied().chain(state) {
        address.push(if address.contains('?') { '&' } else { '?' });
        address.push_str(name);
        address.push('=');
        address.extend(byte_serialize(value.as_bytes()));
    }
    address
}

/// Returns a JWT with these claims and any signature.
pub fn jwt(claims: &Value, signature: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let header = part(&json!({ "alg": "RS256", "typ": "JWT" }).to_string());
    format!("{header}.{}.{}", part(&claims.to_string()), part(signature))
}

fn refused(status: &str, code: &str, description: &str) -> Turn {
    Turn::json(status, &json!({ "error": code, "error_description": description }).to_string())
}

impl State {
    fn new_name(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("canary-{kind}-{}", self.made)
    }

    fn is_good(&self, access_token: &str) -> bool {
        self.access.get(access_token).is_some_and(|access| {
            Instant::now() < access.ends && !self.revoked.contains(&access.grant)
        })
    }

    fn consent(&mut self, url: &str) -> String {
        let url = Url::parse(url).expect("an authorization request is a URL");
        let asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], CLIENT_ID);
        let challenge = asked.get("code_challenge").cloned();
        if challenge.is_some() {
            assert_eq!(asked["code_challenge_method"], "S256");
        }
        let name = self.new_name("code");
        let redirect_uri = asked["redirect_uri"].clone();
        let code = Code { grant: self.made, redirect_uri, challenge, is_used: false };
        self.codes.insert(name.clone(), code);
        let mut answer = vec![("code", name.as_str()), ("session_state", "unheard-of")];
        let issuer = self.rules.issuer.clone();
        answer.extend(issuer.as_deref().map(|issuer| ("iss", issuer)));
        callback_url(&url, &answer)
    }

    fn token(&mut self, asked: &RecordedRequest) -> Turn {
        if !self.failures.is_empty() {
            let (status, body) = self.failures.remove(0);
            return Turn::json(&status, &body);
        }
        if !self.is_the_client(asked) {
            let body = r#"{"error":"invalid_client","error_description":"Unknown client."}"#;
            let challenge = "WWW-Authenticate: Basic realm=\"provider\"";
            return Turn::answer("401 Unauthorized", &[challenge], body);
        }
        let granted = match asked.param("grant_type") {
            "authorization_code" => self.by_code(asked),
            "refresh_token" => self.by_refresh_token(asked.param("refresh_token")),
            "client_credentials" => {
                self.made += 1;
                Ok((self.made, false))
            }
            _ => return refused("400 Bad Request", "unsupported_grant_type", "Another one."),
        };
        match granted {
            Ok((grant, with_refresh_token)) => self.issue(grant, with_refresh_token, asked),
            Err(reason) => refused("400 Bad Request", "invalid_grant", reason),
        }
    }

    fn is_the_client(&self, asked: &RecordedRequest) -> bool {
        let in_body =
            (asked.param("client_id").to_owned(), asked.param("client_secret").to_owned());
        let by_basic = asked.basic();
        let sent = match self.rules.takes {
            Takes::Either => by_basic.unwrap_or(in_body),
            Takes::BodyOnly => in_body,
            Takes::BasicOnly => by_basic.unwrap_or_default(),
            Takes::NoSecret => {
                return by_basic.is_none() && in_body == (CLIENT_ID.to_owned(), String::new());
            }
        };
        sent == (CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned())
    }

    /// Returns the grant of a code, and whether it comes with a refresh token.
    fn by_code(&mut self, asked: &RecordedRequest) -> Result<(u64, bool), &'static str> {
        let code = self.codes.get_mut(asked.param("code")).ok_or("There is no such code.")?;
        if code.is_used {
            self.revoked.push(code.grant);
            return Err("The code was used before.");
        }
        code.is_used = true;
        if asked.param("redirect_uri") != code.redirect_uri {
            return Err("The redirect URI is another one.");
        }
        let verifier = asked.param("code_verifier");
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        match &code.challenge {
            Some(expected) if *expected != challenge => Err("The verifier is wrong."),
            None if !verifier.is_empty() => Err("There was no challenge."),
            _ => Ok((code.grant, self.rules.refreshing != Refreshing::Never)),
        }
    }

    /// Returns the grant of a refresh token, and whether it is rotated.
    fn by_refresh_token(&mut self, token: &str) -> Result<(u64, bool), &'static str> {
        let refresh = self.refresh.get_mut(token).ok_or("There is no such refresh token.")?;
        if refresh.is_superseded {
            self.reused += 1;
            self.revoked.push(refresh.grant);
            return Err("The refresh token was used before.");
        }
        if self.revoked.contains(&refresh.grant) {
            return Err("The grant was revoked.");
        }
        refresh.is_superseded = self.rules.refreshing == Refreshing::Rotates;
        Ok((refresh.grant, refresh.is_superseded))
    }

    fn issue(&mut self, grant: u64, with_refresh_token: bool, asked: &RecordedRequest) -> Turn {
        let length = self.rules.token_length;
        let mut token = self.new_name("access-token");
        if let Some(claims) = &self.rules.claims {
            token = jwt(claims, &token);
        }
        token.extend(std::iter::repeat_n('x', length.saturating_sub(token.len())));
        let ends = Instant::now() + self.rules.lifetime;
        self.access.insert(token.clone(), TokenPair { grant, ends });
        let expires_in = self.rules.expires_in.clone();
        let mut body = json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": expires_in.unwrap_or_else(|| self.rules.lifetime.as_secs().into()),
        });
        if with_refresh_token {
            let token = self.new_name("refresh-token");
            self.refresh.insert(token.clone(), Refresh { grant, is_superseded: false });
            body["refresh_token"] = token.into();
        }
        if let Some(claims) = &self.rules.id_token {
            body["id_token"] = jwt(claims, "canary-id-token").into();
        }
        let asked = Some(asked.param("scope").to_owned()).filter(|scope| !scope.is_empty());
        if let Some(scope) = self.rules.scope.clone().or(asked) {
            body["scope"] = scope.into();
        }
        for (name, value) in self.rules.more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        Turn::json("200 OK", &body.to_string())
    }
}
