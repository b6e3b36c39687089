//! A mail server over real sockets that does what its script says, once, and remembers what it
//! heard. Its certificates come from an authority of its own and can be wrong in one way each.

use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The authority that the tests trust.
pub static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::named("Test authority"));

/// Who issues certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self::with(params)
    }

    /// A server that issues certificates, though its own has no mark of an authority.
    pub fn presumptuous() -> Self {
        let mut params = for_names(&["localhost"]);
        params.is_ca = IsCa::ExplicitNoCa;
        Self::with(params)
    }

    fn with(params: CertificateParams) -> Self {
        Self(CertifiedIssuer::self_signed(params, key()).expect("an authority"))
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// The same as `--extra-ca` takes it.
    pub fn pem(&self) -> String {
        let certificate = BASE64.encode(self.certificate());
        format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n")
    }

    /// A good certificate for this machine, by name and address.
    pub fn good(&self) -> Arc<ServerConfig> {
        self.issue(&for_names(&["localhost", "127.0.0.1"]))
    }

    /// The same for a machine with any name in it.
    pub fn good_called(&self, subject: &str) -> Arc<ServerConfig> {
        let mut params = for_names(&["localhost", "127.0.0.1"]);
        params.distinguished_name.push(DnType::CommonName, subject);
        self.issue(&params)
    }

    /// The same with its key, in PEM.
    pub fn good_in_pem(&self) -> String {
        let key = key();
        let params = for_names(&["localhost", "127.0.0.1"]);
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        key.serialize_pem() + &certificate.pem()
    }

    /// A good certificate, from a server that shows its authority's too.
    pub fn good_with_its_own(&self) -> Arc<ServerConfig> {
        self.good_with(self)
    }

    /// A good certificate, from a server that shows that of some authority too.
    pub fn good_with(&self, authority: &Self) -> Arc<ServerConfig> {
        let key = key();
        let params = for_names(&["localhost", "127.0.0.1"]);
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        chain_config(vec![certificate.der().clone(), authority.certificate()], &key)
    }

    /// A server's certificate in PEM.
    pub fn leaf_pem(&self) -> String {
        let params = for_names(&["localhost", "127.0.0.1"]);
        params.signed_by(&key(), &self.0).expect("a certificate").pem()
    }

    /// A certificate for another machine.
    pub fn of_another_name(&self) -> Arc<ServerConfig> {
        self.issue(&for_names(&["mail.example.org"]))
    }

    /// A certificate for a public address.
    pub fn of_address(&self, address: &str) -> Arc<ServerConfig> {
        self.issue(&for_names(&[address]))
    }

    /// A certificate whose time is over.
    pub fn expired(&self) -> Arc<ServerConfig> {
        let mut params = for_names(&["localhost", "127.0.0.1"]);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.issue(&params)
    }

    /// A certificate whose time has not begun.
    pub fn not_yet_valid(&self) -> Arc<ServerConfig> {
        let mut params = for_names(&["localhost", "127.0.0.1"]);
        params.not_before = date_time_ymd(3000, 1, 1);
        self.issue(&params)
    }

    /// A good certificate, from a server that wants one of its caller too.
    pub fn good_and_curious(&self) -> Arc<ServerConfig> {
        let key = key();
        let params = for_names(&["localhost", "127.0.0.1"]);
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()).expect("an authority");
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .expect("a verifier");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], private(&key))
            .expect("a certificate with its key");
        Arc::new(config)
    }

    fn issue(&self, params: &CertificateParams) -> Arc<ServerConfig> {
        let key = key();
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        server_config(certificate.der().clone(), &key)
    }
}

/// A certificate that nobody vouches for; `is_ca` as `openssl req -x509` makes them.
pub fn self_signed(is_ca: bool) -> Arc<ServerConfig> {
    if is_ca { self_signed_authority(|_| {}).0 } else { self_signed_by(|_| {}).0 }
}

/// A server's own certificate that may vouch for others, made otherwise, and the same in PEM.
pub fn self_signed_authority(
    change: impl FnOnce(&mut CertificateParams),
) -> (Arc<ServerConfig>, String) {
    self_signed_by(|params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(params);
    })
}

fn self_signed_by(change: impl FnOnce(&mut CertificateParams)) -> (Arc<ServerConfig>, String) {
    let key = key();
    let mut params = for_names(&["localhost", "127.0.0.1"]);
    change(&mut params);
    let certificate = params.self_signed(&key).expect("a certificate");
    (server_config(certificate.der().clone(), &key), certificate.pem())
}

fn for_names(names: &[&str]) -> CertificateParams {
    let names = names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, "Test server");
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(key.serialize_der().into())
}

fn server_config(certificate: CertificateDer<'static>, key: &KeyPair) -> Arc<ServerConfig> {
    chain_config(vec![certificate], key)
}

fn chain_config(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, private(key))
        .expect("a certificate with its key");
    Arc::new(config)
}

/// A server that shows any certificate, in PEM, valid or not. It signs with another key,
/// which a client finds out only after it has judged the certificate.
pub fn showing(pem: &str) -> Arc<ServerConfig> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
    let chain = certificates.collect::<Result<_, _>>().expect("certificates");
    let provider = Arc::new(ring::default_provider());
    let key = provider.key_provider.load_private_key(private(&key())).expect("a key");
    let resolver = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    Arc::new(config)
}

/// What the `openssl` of this machine makes by these lines of arguments in a folder of its own, where
/// `san` holds an extension with the name of this machine: these files.
pub fn made_by_openssl<const N: usize>(lines: &[&str], files: [&str; N]) -> [String; N] {
    let folder = tempfile::tempdir().expect("a folder for the test");
    std::fs::write(folder.path().join("san"), "subjectAltName=DNS:localhost").expect("a file");
    for line in lines {
        let arguments = line.split_whitespace();
        let output = Command::new("openssl").args(arguments).current_dir(folder.path()).output();
        let output = output.expect("openssl runs");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    files.map(|file| std::fs::read_to_string(folder.path().join(file)).expect("a file"))
}

/// What a server heard.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Every line before TLS, without its end.
    pub in_clear: Vec<String>,
    /// Every line under TLS, without its end.
    pub under_tls: Vec<String>,
    /// What came between DATA and the final dot, as it came.
    pub stuffed: Vec<u8>,
    /// How often it was called.
    pub connections: usize,
    /// How many messages came to their final dot.
    pub messages: usize,
}

impl Heard {
    /// The message as its reader gets it: without the dots that were added on the way.
    pub fn message(&self) -> Vec<u8> {
        let mut message = Vec::new();
        for line in self.stuffed.split_inclusive(|&octet| octet == b'\n') {
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
        message
    }

    /// Every line, in clear or not.
    pub fn lines(&self) -> Vec<&str> {
        self.in_clear.iter().chain(&self.under_tls).map(String::as_str).collect()
    }

    /// The line that begins so.
    pub fn line(&self, start: &str) -> &str {
        self.lines().into_iter().find(|line| line.starts_with(start)).unwrap_or_default()
    }
}

/// A server that speaks on its first connection, and counts those that follow.
pub struct SmtpServer {
    pub address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    over: oneshot::Sender<()>,
    part: JoinHandle<io::Result<()>>,
}

impl SmtpServer {
    /// Listens, and plays a part for the first caller.
    pub fn play<F>(part: impl FnOnce(Peer) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::play_at("127.0.0.1:0", part)
    }

    /// The same at a chosen address.
    pub fn play_at<F>(address: &str, part: impl FnOnce(Peer) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = listen(address).expect("a port");
        let address = listener.local_addr().expect("an address");
        let heard = Arc::new(Mutex::new(Heard::default()));
        let ears = heard.clone();
        let (over, mut is_over) = oneshot::channel();
        let part = tokio::spawn(async move {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            ears.lock().expect("ears").connections = 1;
            let part = tokio::spawn(part(Peer::of(stream, ears.clone())));
            loop {
                tokio::select! {
                    biased;
                    _ = listener.accept() => ears.lock().expect("ears").connections += 1,
                    _ = &mut is_over => break,
                }
            }
            part.await.expect("a part without a panic")
        });
        Self { address, heard, over, part }
    }

    /// What it heard, once its part is over. A part ends early when the caller is gone.
    pub async fn heard(self) -> Heard {
        let _ = self.over.send(());
        let _ = self.part.await.expect("a part without a panic");
        self.heard.lock().expect("ears").clone()
    }
}

/// Listens with small buffers, so that a part which does not read holds its caller up, and a caller
/// who does not read holds up its part.
fn listen(address: &str) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(65_536)?;
    socket.set_send_buffer_size(65_536)?;
    socket.set_reuseaddr(true)?;
    socket.bind(address.parse().map_err(io::Error::other)?)?;
    socket.listen(8)
}

enum Channel {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Closed,
}

/// The caller, seen from a server.
pub struct Peer {
    channel: Channel,
    ahead: Vec<u8>,
    heard: Arc<Mutex<Heard>>,
    octet_by_octet: bool,
}

impl Peer {
    fn of(stream: TcpStream, heard: Arc<Mutex<Heard>>) -> Self {
        let channel = Channel::Clear(stream);
        Self { channel, ahead: Vec::new(), heard, octet_by_octet: false }
    }

    /// Says a line.
    pub async fn say(&mut self, line: &str) -> io::Result<()> {
        self.write(format!("{line}\r\n").as_bytes()).await
    }

    /// Sends octets, all at once unless the script has it otherwise.
    pub async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let size = if self.octet_by_octet { 1 } else { octets.len().max(1) };
        for piece in octets.chunks(size) {
            self.send(piece).await?;
        }
        Ok(())
    }

    /// Sends a piece over and over, to `limit` octets, and says how many went before the caller
    /// was gone.
    pub async fn pour(&mut self, piece: &[u8], limit: usize) -> usize {
        let mut poured = 0;
        while poured < limit && self.send(piece).await.is_ok() {
            poured += piece.len();
        }
        poured
    }

    /// Sends octets in clear where TLS is spoken.
    pub async fn write_below_tls(&mut self, octets: &[u8]) -> io::Result<()> {
        match &mut self.channel {
            Channel::Tls(stream) => stream.get_mut().0.write_all(octets).await,
            Channel::Clear(_) | Channel::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Says no more (FIN), in TLS too.
    pub async fn close(&mut self) -> io::Result<()> {
        match &mut self.channel {
            Channel::Clear(stream) => stream.shutdown().await,
            Channel::Tls(stream) => stream.shutdown().await,
            Channel::Closed => Ok(()),
        }
    }

    /// Breaks the connection off (RST).
    pub fn reset(&mut self) -> io::Result<()> {
        let channel = std::mem::replace(&mut self.channel, Channel::Closed);
        match &channel {
            Channel::Clear(stream) => stream.set_zero_linger(),
            Channel::Tls(stream) => stream.get_ref().0.set_zero_linger(),
            Channel::Closed => Ok(()),
        }
    }

    async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        match &mut self.channel {
            Channel::Clear(stream) => stream.write_all(octets).await,
            Channel::Tls(stream) => {
                stream.write_all(octets).await?;
                stream.flush().await
            }
            Channel::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Hears a line.
    pub async fn hear(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.ahead.drain(..end + 2).take(end).collect();
                let line = String::from_utf8_lossy(&line).into_owned();
                let mut heard = self.heard.lock().expect("ears");
                match self.channel {
                    Channel::Tls(_) => heard.under_tls.push(line.clone()),
                    Channel::Clear(_) | Channel::Closed => heard.in_clear.push(line.clone()),
                }
                return Ok(line);
            }
            self.more().await?;
        }
    }

    /// Hears a message to its final dot.
    pub async fn hear_content(&mut self) -> io::Result<()> {
        const FINAL_DOT: &[u8] = b"\r\n.\r\n";
        let mut searched = 0;
        loop {
            let fresh = &self.ahead[searched..];
            if let Some(end) = fresh.windows(FINAL_DOT.len()).position(|five| five == FINAL_DOT) {
                let end = searched + end;
                let content: Vec<u8> = self.ahead.drain(..end + FINAL_DOT.len()).collect();
                let mut heard = self.heard.lock().expect("ears");
                heard.stuffed = content[..end + 2].to_vec();
                heard.messages += 1;
                return Ok(());
            }
            searched = self.ahead.len().saturating_sub(FINAL_DOT.len());
            self.more().await?;
        }
    }

    /// Hears anything at all.
    pub async fn hear_something(&mut self) -> io::Result<()> {
        self.more().await
    }

    /// Waits until the caller is gone.
    pub async fn is_left(&mut self) -> io::Result<()> {
        while self.more().await.is_ok() {}
        Ok(())
    }

    /// Turns to TLS.
    pub async fn start_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        let Channel::Clear(stream) = std::mem::replace(&mut self.channel, Channel::Closed) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        self.channel = Channel::Tls(Box::new(stream));
        Ok(())
    }

    async fn more(&mut self) -> io::Result<()> {
        let stream = match &mut self.channel {
            Channel::Clear(stream) => stream as &mut (dyn AsyncRead + Send + Unpin),
            Channel::Tls(stream) => stream,
            Channel::Closed => return Err(io::ErrorKind::NotConnected.into()),
        };
        self.ahead.reserve(16_384);
        match stream.read_buf(&mut self.ahead).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// How a server protects its connections.
#[derive(Clone)]
pub enum Protection {
    None,
    StartTls(Arc<ServerConfig>),
    FromTheFirstByte(Arc<ServerConfig>),
}

/// What an otherwise well-behaved server answers. An empty answer closes the connection; a line
/// feed in an answer makes two lines of it.
#[derive(Clone)]
pub struct Script {
    pub protection: Protection,
    pub greeting: &'static str,
    pub ehlo_in_clear: &'static str,
    pub helo: &'static str,
    pub starttls: &'static str,
    pub ehlo_under_tls: &'static str,
    /// What comes before the answer to a token, and is to be answered itself.
    pub challenge: Option<&'static str>,
    pub auth: &'static str,
    pub mail: &'static str,
    pub rcpt: &'static str,
    pub data: &'static str,
    pub content: &'static str,
    pub quit: &'static str,
    pub octet_by_octet: bool,
}

/// What every server says to the recipient `nobody`.
const NOBODY: &str = "550 5.1.1 Nobody here";

impl Script {
    /// A server that accepts everything by STARTTLS, and offers sign-in under TLS only.
    pub fn by_starttls() -> Self {
        Self {
            protection: Protection::StartTls(AUTHORITY.good()),
            greeting: "220 mail.example.com ESMTP",
            ehlo_in_clear: "250-mail.example.com\n250-8BITMIME\n250 STARTTLS",
            helo: "250 mail.example.com",
            starttls: "220 2.0.0 Go ahead",
            ehlo_under_tls: "250-mail.example.com\n250-AUTH PLAIN LOGIN\n250 8BITMIME",
            challenge: None,
            auth: "235 2.7.0 Welcome",
            mail: "250 2.1.0 Sender fine",
            rcpt: "250 2.1.5 Recipient fine",
            data: "354 Go on",
            content: "250 2.0.0 Queued as 4711",
            quit: "221 2.0.0 Bye",
            octet_by_octet: false,
        }
    }

    /// A server that accepts everything under implicit TLS.
    pub fn from_the_first_byte() -> Self {
        Self { protection: Protection::FromTheFirstByte(AUTHORITY.good()), ..Self::by_starttls() }
    }

    /// A server that knows no TLS, accepts everything, and offers sign-in in clear.
    pub fn in_clear() -> Self {
        Self {
            protection: Protection::None,
            ehlo_in_clear: "250-mail.example.com\n250-AUTH PLAIN LOGIN\n250 8BITMIME",
            ..Self::by_starttls()
        }
    }

    /// Starts the server.
    pub fn play(self) -> SmtpServer {
        SmtpServer::play(move |peer| self.part(peer))
    }

    async fn part(self, mut peer: Peer) -> io::Result<()> {
        peer.octet_by_octet = self.octet_by_octet;
        if let Protection::FromTheFirstByte(config) = &self.protection {
            peer.start_tls(config.clone()).await?;
        }
        self.answer(&mut peer, self.greeting).await?;
        loop {
            let line = peer.hear().await?;
            match line.split(' ').next().unwrap_or_default() {
                "EHLO" => self.introduce(&mut peer).await?,
                "HELO" => self.answer(&mut peer, self.helo).await?,
                "STARTTLS" => self.turn_to_tls(&mut peer).await?,
                "AUTH" => self.sign_in(&mut peer, &line).await?,
                "MAIL" => self.answer(&mut peer, self.mail).await?,
                "RCPT" if line.contains("<nobody@") => peer.say(NOBODY).await?,
                "RCPT" => self.answer(&mut peer, self.rcpt).await?,
                "DATA" => self.take_content(&mut peer).await?,
                "QUIT" => return self.answer(&mut peer, self.quit).await,
                _ => peer.say("500 5.5.1 What?").await?,
            }
        }
    }

    async fn introduce(&self, peer: &mut Peer) -> io::Result<()> {
        let offers = match peer.channel {
            Channel::Tls(_) => self.ehlo_under_tls,
            Channel::Clear(_) | Channel::Closed => self.ehlo_in_clear,
        };
        self.answer(peer, offers).await
    }

    async fn turn_to_tls(&self, peer: &mut Peer) -> io::Result<()> {
        self.answer(peer, self.starttls).await?;
        match &self.protection {
            Protection::StartTls(config) if self.starttls.starts_with('2') => {
                peer.start_tls(config.clone()).await
            }
            _ => Ok(()),
        }
    }

    async fn sign_in(&self, peer: &mut Peer, line: &str) -> io::Result<()> {
        let challenges: &[&str] = match line {
            "AUTH LOGIN" => &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
            "AUTH PLAIN" | "AUTH XOAUTH2" | "AUTH OAUTHBEARER" => &["334 "],
            _ => &[],
        };
        for challenge in challenges.iter().copied().chain(self.challenge) {
            peer.say(challenge).await?;
            peer.hear().await?;
        }
        self.answer(peer, self.auth).await
    }

    async fn take_content(&self, peer: &mut Peer) -> io::Result<()> {
        self.answer(peer, self.data).await?;
        if !self.data.starts_with('3') {
            return Ok(());
        }
        peer.hear_content().await?;
        self.answer(peer, self.content).await
    }

    async fn answer(&self, peer: &mut Peer, answer: &str) -> io::Result<()> {
        if answer.is_empty() {
            peer.channel = Channel::Closed;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        peer.say(&answer.replace('\n', "\r\n")).await
    }
}
