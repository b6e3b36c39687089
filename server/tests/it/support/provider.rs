//! An OAuth provider over real sockets, on a thread of its own so that a test may block: either it
//! plays a script of octets, or it keeps the rules of RFC 6749 and 7636 and can be told to bend
//! them. Both remember what they were asked.

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
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use url::Url;
use url::form_urlencoded::{self, byte_serialize};

/// A request as a provider got it.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub form: Vec<(String, String)>,
}

impl Asked {
    /// A header's value, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(named, _)| named.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter's value, empty without it.
    pub fn param(&self, name: &str) -> &str {
        self.form.iter().find(|(named, _)| named == name).map_or("", |(_, value)| value)
    }

    /// Every parameter as `name=value`, in the order of the alphabet.
    pub fn params(&self) -> Vec<String> {
        let mut all: Vec<_> =
            self.form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        all.sort();
        all
    }

    /// Client id and secret as HTTP Basic carries them (RFC 6749 2.3.1).
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

/// A step of an answer.
enum Act {
    Send(Vec<u8>),
    /// One octet after the other, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// The same over and over, until the caller is gone.
    Pour(Vec<u8>),
    /// Nothing until told so, or until the caller is gone.
    Wait(oneshot::Receiver<()>),
    /// Nothing more, until the caller is gone.
    Hang,
    /// RST.
    Reset,
}

/// What is answered to one request; afterwards the connection is closed.
#[derive(Default)]
pub struct Turn(Vec<Act>);

impl Turn {
    /// A whole answer with these header lines.
    pub fn answer(status: &str, headers: &[&str], body: &str) -> Self {
        let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        Self::raw(format!("{head}Connection: close\r\n\r\n{body}"))
    }

    /// A whole answer in JSON.
    pub fn json(status: &str, body: &str) -> Self {
        Self::answer(status, &["Content-Type: application/json"], body)
    }

    /// These octets and nothing else.
    pub fn raw(octets: impl Into<Vec<u8>>) -> Self {
        Self(vec![Act::Send(octets.into())])
    }

    /// Nothing at all.
    pub fn silence() -> Self {
        Self(vec![Act::Hang])
    }

    /// Then these octets, one by one with a pause before each.
    pub fn then_drip(self, octets: &str, pause: Duration) -> Self {
        self.then(Act::Drip(octets.into(), pause))
    }

    /// Then these octets over and over.
    pub fn then_pour(self, octets: impl Into<Vec<u8>>) -> Self {
        self.then(Act::Pour(octets.into()))
    }

    /// Then nothing, while the connection stays.
    pub fn then_hang(self) -> Self {
        self.then(Act::Hang)
    }

    /// Then the connection breaks (RST).
    pub fn then_reset(self) -> Self {
        self.then(Act::Reset)
    }

    /// The same, once told so.
    pub fn when_told(mut self) -> (Self, oneshot::Sender<()>) {
        let (tell, told) = oneshot::channel();
        self.0.insert(0, Act::Wait(told));
        (self, tell)
    }

    fn then(mut self, act: Act) -> Self {
        self.0.push(act);
        self
    }
}

/// What a listener heard, and whoever waits for that.
#[derive(Debug, Clone)]
struct Ears {
    asked: Arc<Mutex<Vec<Asked>>>,
    count: watch::Sender<usize>,
    /// How many callers went without their answer.
    gone: watch::Sender<usize>,
}

impl Ears {
    fn new() -> Self {
        Self { asked: Arc::default(), count: watch::Sender::new(0), gone: watch::Sender::new(0) }
    }

    fn hear(&self, asked: Asked) {
        let mut all = self.asked.lock().expect("ears");
        all.push(asked);
        self.count.send_replace(all.len());
    }

    fn all(&self) -> Vec<Asked> {
        self.asked.lock().expect("ears").clone()
    }

    async fn wait_for(&self, count: usize) {
        let mut heard = self.count.subscribe();
        heard.wait_for(|heard| *heard >= count).await.expect("ears that stay");
    }
}

/// A thread that listens until it is dropped.
struct Listening {
    address: SocketAddr,
    over: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listening {
    /// Listens on a free port, and gives each caller to `part`.
    fn begin<F>(part: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::begin_at("127.0.0.1:0", part)
    }

    /// Listens at this address, once nobody else does, and gives each caller to `part`.
    fn begin_at<F>(address: &str, part: impl Fn(TcpStream) -> F + Send + 'static) -> Self
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

impl Drop for Listening {
    fn drop(&mut self) {
        // It is gone already if it panicked, which failed its test where that mattered.
        let _ = self.over.take().map(|over| over.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A connection in clear or under TLS.
trait Channel: AsyncRead + AsyncWrite + Send + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Channel for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Channel for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

async fn channel(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
) -> io::Result<Box<dyn Channel>> {
    stream.set_nodelay(true)?;
    Ok(match tls {
        None => Box::new(stream),
        Some(config) => Box::new(TlsAcceptor::from(config).accept(stream).await?),
    })
}

/// Reads one request to its end.
async fn hear(channel: &mut dyn Channel) -> io::Result<Asked> {
    let mut octets = Vec::new();
    let head = loop {
        if let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        more(channel, &mut octets).await?;
    };
    let text = String::from_utf8_lossy(&octets[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let mut asked = Asked {
        method: first.next().unwrap_or_default(),
        target: first.next().unwrap_or_default(),
        ..Asked::default()
    };
    asked.headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let length = asked.header("content-length").map_or(Ok(0), str::parse);
    let length: usize = length.map_err(io::Error::other)?;
    while octets.len() < head + 4 + length {
        more(channel, &mut octets).await?;
    }
    asked.form = form_urlencoded::parse(&octets[head + 4..]).into_owned().collect();
    Ok(asked)
}

async fn more(channel: &mut dyn Channel, octets: &mut Vec<u8>) -> io::Result<()> {
    match channel.read_buf(octets).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

async fn is_left(channel: &mut dyn Channel) -> io::Result<()> {
    let mut rest = Vec::new();
    while more(channel, &mut rest).await.is_ok() {}
    Err(io::ErrorKind::UnexpectedEof.into())
}

async fn play(channel: &mut dyn Channel, turn: Turn) -> io::Result<()> {
    for act in turn.0 {
        match act {
            Act::Send(octets) => channel.write_all(&octets).await?,
            Act::Drip(octets, pause) => {
                for octet in octets {
                    sleep(pause).await;
                    channel.write_all(&[octet]).await?;
                    channel.flush().await?;
                }
            }
            Act::Pour(octets) => loop {
                channel.write_all(&octets).await?;
            },
            Act::Wait(told) => tokio::select! {
                told = told => told.map_err(io::Error::other)?,
                gone = is_left(channel) => gone?,
            },
            Act::Hang => is_left(channel).await?,
            Act::Reset => return channel.tcp().set_zero_linger(),
        }
        channel.flush().await?;
    }
    channel.shutdown().await
}

/// A provider that plays its turns, one for each caller, and hangs up on any caller after the last.
pub struct ScriptedProvider {
    listening: Listening,
    ears: Ears,
    scheme: &'static str,
    turns: Turns,
}

/// What is still to be played.
type Turns = Arc<Mutex<std::vec::IntoIter<Turn>>>;

impl ScriptedProvider {
    /// In clear.
    pub fn play(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self::over(None, "127.0.0.1:0", turns)
    }

    /// In clear at this address, which is waited for while another test has it.
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
        let ears = Ears::new();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let turns = turns.into_iter().collect::<Vec<_>>().into_iter();
        let (turns, heard) = (Arc::new(Mutex::new(turns)), ears.clone());
        let playing = turns.clone();
        let listening = Listening::begin_at(address, move |stream| {
            let (tls, turns, ears) = (tls.clone(), playing.clone(), heard.clone());
            async move {
                let mut channel = channel(stream, tls).await?;
                let asked = hear(channel.as_mut()).await?;
                let turn = turns.lock().expect("turns").next().unwrap_or_default();
                ears.hear(asked);
                play(channel.as_mut(), turn).await
            }
        });
        Self { listening, ears, scheme, turns }
    }

    /// Plays these from now on, in place of what is left.
    pub fn plays_on(&self, turns: impl IntoIterator<Item = Turn>) {
        *self.turns.lock().expect("turns") = turns.into_iter().collect::<Vec<_>>().into_iter();
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// Its Token Endpoint.
    pub fn token_endpoint(&self) -> String {
        format!("{}://{}/token", self.scheme, self.address())
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.ears.all()
    }

    /// Waits until there were so many requests.
    pub async fn wait_for(&self, count: usize) {
        self.ears.wait_for(count).await;
    }
}

/// The one client that a [`Provider`] knows.
pub const CLIENT_ID: &str = "ppm";
pub const CLIENT_SECRET: &str = "canary client/secret+1";
pub const REDIRECT_URI: &str = "https://PPM.example/oauth/callback?from=Provider";
pub const SCOPE: &str = "mail.send offline_access";

/// What becomes of a refresh token when it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshing {
    /// It is replaced, and using the old one again revokes the whole grant.
    Rotates,
    /// It stays, and the answer does not repeat it.
    Keeps,
    /// There is none to begin with.
    Never,
}

/// Which ways of client authentication are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Either,
    BodyOnly,
    BasicOnly,
    /// A public client, which has none.
    NoSecret,
}

/// How a [`Provider`] behaves; changed while it runs by [`Provider::rule`].
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long an access token is good, and what `expires_in` says.
    pub lifetime: Duration,
    /// What `expires_in` says instead; `Value::Null` leaves it out.
    pub expires_in: Option<Value>,
    pub refreshing: Refreshing,
    /// What is granted whatever was asked for, and named in the answer.
    pub scope: Option<String>,
    pub takes: Takes,
    /// How many characters an access token has at least.
    pub token_length: usize,
    /// What a token answer says besides: an object.
    pub more: Value,
    /// Whether consent is answered with `iss` (RFC 9207), and as whom.
    pub issuer: Option<String>,
    /// What an access token says, where it is a JWT.
    pub claims: Option<Value>,
    /// What the ID token beside it says, where there is one.
    pub id_token: Option<Value>,
    /// What a request to revoke a token is answered with.
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

/// When a held request for a token waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Before anything is issued or rotated.
    BeforeIssuing,
    /// After that, and before it is answered.
    BeforeAnswering,
}

struct Code {
    grant: u64,
    redirect_uri: String,
    challenge: Option<String>,
    is_used: bool,
}

struct Access {
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
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    revoked: Vec<u64>,
    reused: usize,
    failures: Vec<(String, String)>,
}

/// A provider that keeps the rules.
pub struct Provider {
    listening: Listening,
    ears: Ears,
    state: Arc<Mutex<State>>,
    hold: watch::Sender<Option<Held>>,
    scheme: &'static str,
}

impl Provider {
    /// In clear, with the usual rules.
    pub fn start() -> Self {
        Self::over(None)
    }

    /// Under TLS with this certificate.
    pub fn start_by_tls(tls: Arc<ServerConfig>) -> Self {
        Self::over(Some(tls))
    }

    fn over(tls: Option<Arc<ServerConfig>>) -> Self {
        let (ears, state) = (Ears::new(), Arc::<Mutex<State>>::default());
        let hold = watch::Sender::new(None);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (heard, kept, gate) = (ears.clone(), state.clone(), hold.clone());
        let listening = Listening::begin(move |stream| {
            let (tls, ears) = (tls.clone(), heard.clone());
            let (state, gate) = (kept.clone(), gate.subscribe());
            async move {
                let mut channel = channel(stream, tls).await?;
                let asked = hear(channel.as_mut()).await?;
                ears.hear(asked.clone());
                let turn = tokio::select! {
                    biased;
                    turn = answer(&asked, &state, gate) => turn,
                    gone = is_left(channel.as_mut()) => {
                        ears.gone.send_modify(|count| *count += 1);
                        return gone;
                    }
                };
                play(channel.as_mut(), turn).await
            }
        });
        Self { listening, ears, state, hold, scheme }
    }

    /// Changes its rules.
    pub fn rule(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.state().rules);
    }

    /// Answers the next request for a token so, and nothing is issued; called twice, the next two.
    pub fn fail_next(&self, status: &str, body: &str) {
        self.state().failures.push((status.to_owned(), body.to_owned()));
    }

    /// Holds every request for a token until [`Provider::release`]; one whose caller goes meanwhile
    /// comes to nothing more.
    pub fn hold(&self, when: Held) {
        self.hold.send_replace(Some(when));
    }

    /// Lets the held requests go.
    pub fn release(&self) {
        self.hold.send_replace(None);
    }

    pub fn token_endpoint(&self) -> String {
        self.at("/token")
    }

    pub fn revocation_endpoint(&self) -> String {
        self.at("/revoke")
    }

    /// Every token that it was asked to revoke, with what it was said to be.
    pub fn revocations(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.target == "/revoke").collect()
    }

    pub fn authorization_endpoint(&self) -> String {
        self.at("/authorize?prompt=consent")
    }

    fn at(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.listening.address)
    }

    /// A grant with a person's consent.
    pub fn grant(&self, pkce: bool) -> Grant {
        let consent = Consent::AtProvider {
            authorization_endpoint: self.authorization_endpoint(),
            redirect_uri: REDIRECT_URI.to_owned(),
            pkce,
        };
        grant(consent, &self.token_endpoint())
    }

    /// A grant in the client's own name.
    pub fn own_grant(&self) -> Grant {
        grant(Consent::NotNeeded, &self.token_endpoint())
    }

    /// Consents to an authorization request, and says where the browser is sent.
    pub fn consent(&self, url: &str) -> String {
        assert!(url.starts_with(&self.authorization_endpoint()), "{url}");
        self.state().consent(url)
    }

    /// Declines it.
    pub fn decline(&self, url: &str) -> String {
        assert!(url.starts_with(&self.authorization_endpoint()), "{url}");
        let answer = [("error", "access_denied"), ("error_description", "Somebody declined.")];
        returned(&Url::parse(url).expect("a URL"), &answer)
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.ears.all()
    }

    /// How many requests for a token there were with this `grant_type`.
    pub fn requests(&self, grant_type: &str) -> usize {
        self.asked().iter().filter(|asked| asked.param("grant_type") == grant_type).count()
    }

    /// Waits until there were so many requests of any kind.
    pub async fn wait_for(&self, count: usize) {
        self.ears.wait_for(count).await;
    }

    /// Waits until so many callers went while they were held.
    pub async fn wait_for_gone(&self, count: usize) {
        let mut gone = self.ears.gone.subscribe();
        gone.wait_for(|gone| *gone >= count).await.expect("ears that stay");
    }

    /// How often a refresh token came that was superseded before.
    pub fn reused(&self) -> usize {
        self.state().reused
    }

    /// Whether an access token is good now.
    pub fn is_good(&self, access_token: &str) -> bool {
        self.state().is_good(access_token)
    }

    /// Ends every access token, and no grant.
    pub fn expire(&self) {
        self.state().access.clear();
    }

    /// Ends every grant: refresh tokens too.
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

/// What [`Provider`] knows its client by.
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
    asked: &Asked,
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

/// Where a browser is sent with an answer, its `state` added.
fn returned(url: &Url, answer: &[(&str, &str)]) -> String {
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

/// A JWT that says this, signed by whoever knows how to write.
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
        returned(&url, &answer)
    }

    fn token(&mut self, asked: &Asked) -> Turn {
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

    fn is_the_client(&self, asked: &Asked) -> bool {
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

    /// The grant of a code, and that it comes with a refresh token.
    fn by_code(&mut self, asked: &Asked) -> Result<(u64, bool), &'static str> {
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

    /// The grant of a refresh token, and whether there is a new one.
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

    fn issue(&mut self, grant: u64, with_refresh_token: bool, asked: &Asked) -> Turn {
        let length = self.rules.token_length;
        let mut token = self.new_name("access-token");
        if let Some(claims) = &self.rules.claims {
            token = jwt(claims, &token);
        }
        token.extend(std::iter::repeat_n('x', length.saturating_sub(token.len())));
        let ends = Instant::now() + self.rules.lifetime;
        self.access.insert(token.clone(), Access { grant, ends });
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
