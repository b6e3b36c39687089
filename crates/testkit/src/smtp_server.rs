//! A scripted SMTP server over real sockets for one session, which records what it received, and a
//! certificate authority whose certificates can each have one problem.

use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::sockets::{TestStream, read_more};

/// The authority that the tests trust.
pub static AUTHORITY: LazyLock<TestCa> = LazyLock::new(|| TestCa::named("Test authority"));

/// A certificate authority.
pub struct TestCa(CertifiedIssuer<'static, KeyPair>);

impl TestCa {
    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self::with(params)
    }

    /// An end-entity certificate without the CA mark that issues certificates all the same.
    pub fn presumptuous() -> Self {
        let mut params = for_names(&["localhost"]);
        params.is_ca = IsCa::ExplicitNoCa;
        Self::with(params)
    }

    fn with(params: CertificateParams) -> Self {
        Self(CertifiedIssuer::self_signed(params, key()).expect("an authority"))
    }

    /// Returns the authority's certificate.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// Returns the authority's certificate in PEM, as `--extra-ca` takes it.
    pub fn pem(&self) -> String {
        let certificate = BASE64.encode(self.certificate());
        format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n")
    }

    /// Issues a valid certificate for this machine, by name and address.
    pub fn good(&self) -> Arc<ServerConfig> {
        self.changed(|_| {})
    }

    /// Issues a valid certificate with this subject.
    pub fn good_called(&self, subject: &str) -> Arc<ServerConfig> {
        self.changed(|params| params.distinguished_name.push(DnType::CommonName, subject))
    }

    /// Issues a valid certificate, and returns it with its key in PEM.
    pub fn good_in_pem(&self) -> String {
        let (certificate, key) = self.issue(&for_this_machine());
        key.serialize_pem() + &certificate.pem()
    }

    /// Issues a valid certificate for a server that also sends this authority's.
    pub fn good_with_its_own(&self) -> Arc<ServerConfig> {
        self.good_with(self)
    }

    /// Issues a valid certificate for a server that also sends that of `authority`.
    pub fn good_with(&self, authority: &Self) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue(&for_this_machine());
        chain_config(vec![certificate.der().clone(), authority.certificate()], &key)
    }

    /// Issues an end-entity certificate in PEM.
    pub fn leaf_pem(&self) -> String {
        self.issue(&for_this_machine()).0.pem()
    }

    /// Issues a certificate for another host.
    pub fn of_another_name(&self) -> Arc<ServerConfig> {
        self.of_address("mail.example.org")
    }

    /// Issues a certificate for an address or another name.
    pub fn of_address(&self, address: &str) -> Arc<ServerConfig> {
        self.config(&for_names(&[address]))
    }

    /// Issues an expired certificate.
    pub fn expired(&self) -> Arc<ServerConfig> {
        self.changed(|params| params.not_after = date_time_ymd(2020, 1, 1))
    }

    /// Issues a certificate that is not valid yet.
    pub fn not_yet_valid(&self) -> Arc<ServerConfig> {
        self.changed(|params| params.not_before = date_time_ymd(3000, 1, 1))
    }

    /// Issues a valid certificate for a server that requires a client certificate.
    pub fn good_and_curious(&self) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue(&for_this_machine());
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()).expect("an authority");
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let config = config_builder()
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_single_cert(vec![certificate.der().clone()], private(&key))
            .expect("a certificate with its key");
        Arc::new(config)
    }

    /// Issues a certificate for this machine with a change.
    fn changed(&self, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let mut params = for_this_machine();
        change(&mut params);
        self.config(&params)
    }

    fn config(&self, params: &CertificateParams) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue(params);
        chain_config(vec![certificate.der().clone()], &key)
    }

    fn issue(&self, params: &CertificateParams) -> (Certificate, KeyPair) {
        let key = key();
        (params.signed_by(&key, &self.0).expect("a certificate"), key)
    }
}

/// Creates a self-signed certificate, with `is_ca` as `openssl req -x509` creates them.
pub fn self_signed(is_ca: bool) -> Arc<ServerConfig> {
    if is_ca { self_signed_authority(|_| {}).0 } else { self_signed_by(|_| {}).0 }
}

/// Creates a self-signed CA certificate with a change, and returns it in PEM too.
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
    let mut params = for_this_machine();
    change(&mut params);
    let certificate = params.self_signed(&key).expect("a certificate");
    (chain_config(vec![certificate.der().clone()], &key), certificate.pem())
}

fn for_this_machine() -> CertificateParams {
    for_names(&["localhost", "127.0.0.1"])
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

fn config_builder() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
}

fn chain_config(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Arc<ServerConfig> {
    let config = config_builder().with_no_client_auth().with_single_cert(chain, private(key));
    Arc::new(config.expect("a certificate with its key"))
}

/// Configures a server that presents any certificate in PEM, valid or not. It signs with another
/// key, which a client detects only after it has verified the certificate.
pub fn showing(pem: &str) -> Arc<ServerConfig> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
    let chain = certificates.collect::<Result<_, _>>().expect("certificates");
    let provider = ring::default_provider();
    let key = provider.key_provider.load_private_key(private(&key())).expect("a key");
    let resolver = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    Arc::new(config_builder().with_no_client_auth().with_cert_resolver(Arc::new(resolver)))
}

/// Runs `openssl` with these lines of arguments in a temporary folder, where `san` holds an
/// extension with the name of this machine, and returns these files.
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

/// What a server received.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Every line before TLS, without its end.
    pub in_clear: Vec<String>,
    /// Every line under TLS, without its end.
    pub under_tls: Vec<String>,
    /// The dot-stuffed content of the last message, as received.
    pub stuffed: Vec<u8>,
    /// The number of connections.
    pub connections: usize,
    /// The number of messages received up to their final dot.
    pub messages: usize,
}

impl Received {
    /// Returns the message without dot-stuffing.
    pub fn message(&self) -> Vec<u8> {
        let mut message = Vec::new();
        for line in self.stuffed.split_inclusive(|&octet| octet == b'\n') {
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
        message
    }

    /// Returns all lines, in clear and under TLS.
    pub fn lines(&self) -> Vec<&str> {
        self.in_clear.iter().chain(&self.under_tls).map(String::as_str).collect()
    }

    /// Returns the first line with this prefix; empty if there is none.
    pub fn line(&self, start: &str) -> &str {
        self.lines().into_iter().find(|line| line.starts_with(start)).unwrap_or_default()
    }
}

/// A server that serves its first connection and counts the others, or serves all of them.
pub struct SmtpServer {
    pub address: SocketAddr,
    received: Arc<Mutex<Received>>,
    over: oneshot::Sender<()>,
    part: JoinHandle<io::Result<()>>,
}

impl SmtpServer {
    /// Listens, and runs `part` for the first client.
    pub fn play<F>(part: impl FnOnce(SmtpPeer) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::play_at("127.0.0.1:0", part)
    }

    /// Listens at this address, and runs `part` for the first client.
    pub fn play_at<F>(address: &str, part: impl FnOnce(SmtpPeer) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = listen(address).expect("a port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Received::default()));
        let log = received.clone();
        let (over, mut is_over) = oneshot::channel();
        let part = tokio::spawn(async move {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            log.lock().expect("the log").connections = 1;
            let part = tokio::spawn(part(SmtpPeer::of(stream, log.clone())));
            loop {
                tokio::select! {
                    biased;
                    _ = listener.accept() => log.lock().expect("the log").connections += 1,
                    _ = &mut is_over => break,
                }
            }
            part.await.expect("a part without a panic")
        });
        Self { address, received, over, part }
    }

    /// Listens, and runs `part` for every client.
    fn play_to_all<F>(part: impl Fn(SmtpPeer) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = listen("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Received::default()));
        let log = received.clone();
        let (over, mut is_over) = oneshot::channel();
        let part = tokio::spawn(async move {
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (stream, _) = accepted?;
                        stream.set_nodelay(true)?;
                        log.lock().expect("the log").connections += 1;
                        tokio::spawn(part(SmtpPeer::of(stream, log.clone())));
                    }
                    _ = &mut is_over => return Ok(()),
                }
            }
        });
        Self { address, received, over, part }
    }

    /// Returns what was received, once the part has ended. It ends early when the client
    /// disconnects. A server of all clients is not waited for.
    pub async fn received(self) -> Received {
        let _ = self.over.send(());
        let _ = self.part.await.expect("a part without a panic");
        self.received.lock().expect("the log").clone()
    }
}

/// Listens with small buffers, so that a side that does not read blocks the other.
fn listen(address: &str) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(65_536)?;
    socket.set_send_buffer_size(65_536)?;
    socket.set_reuseaddr(true)?;
    socket.bind(address.parse().map_err(io::Error::other)?)?;
    socket.listen(8)
}

/// The client, seen from a server.
pub struct SmtpPeer {
    /// `None` once it is closed.
    stream: Option<Box<dyn TestStream>>,
    buffer: Vec<u8>,
    received: Arc<Mutex<Received>>,
    octet_by_octet: bool,
}

impl SmtpPeer {
    fn of(stream: TcpStream, received: Arc<Mutex<Received>>) -> Self {
        Self { stream: Some(Box::new(stream)), buffer: Vec::new(), received, octet_by_octet: false }
    }

    fn stream(&mut self) -> io::Result<&mut dyn TestStream> {
        Ok(self.stream.as_deref_mut().ok_or(io::ErrorKind::NotConnected)?)
    }

    fn is_encrypted(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.is_encrypted())
    }

    /// Sends a line.
    pub async fn say(&mut self, line: &str) -> io::Result<()> {
        self.write(format!("{line}\r\n").as_bytes()).await
    }

    /// Reads a line and sends a reply, for each of these replies.
    pub async fn answer_each(&mut self, replies: &[&str]) -> io::Result<()> {
        for reply in replies {
            self.read_line().await?;
            self.say(reply).await?;
        }
        Ok(())
    }

    /// Greets, and accepts everything without TLS up to the content.
    pub async fn accept_up_to_data(&mut self) -> io::Result<()> {
        self.say("220 hello").await?;
        self.answer_each(&["250 hello", "250 ok", "250 ok", "354 go"]).await
    }

    /// Sends octets, at once or, if the script says so, one by one.
    pub async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let size = if self.octet_by_octet { 1 } else { octets.len().max(1) };
        for piece in octets.chunks(size) {
            self.send(piece).await?;
        }
        Ok(())
    }

    /// Sends a piece repeatedly, up to `limit` octets, and returns how many were sent before the
    /// client disconnected.
    pub async fn pour(&mut self, piece: &[u8], limit: usize) -> usize {
        let mut poured = 0;
        while poured < limit && self.send(piece).await.is_ok() {
            poured += piece.len();
        }
        poured
    }

    /// Sends cleartext octets below TLS.
    pub async fn write_below_tls(&mut self, octets: &[u8]) -> io::Result<()> {
        let tcp = self.stream()?.tcp();
        tcp.writable().await?;
        tcp.try_write(octets).map(drop)
    }

    /// Closes the sending side (FIN), of TLS too.
    pub async fn close(&mut self) -> io::Result<()> {
        self.stream()?.shutdown().await
    }

    /// Resets the connection (RST).
    pub fn reset(&mut self) -> io::Result<()> {
        self.stream.take().map_or(Ok(()), |stream| stream.tcp().set_zero_linger())
    }

    async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        let stream = self.stream()?;
        stream.write_all(octets).await?;
        stream.flush().await
    }

    /// Reads a line.
    pub async fn read_line(&mut self) -> io::Result<String> {
        let is_encrypted = self.is_encrypted();
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).take(end).collect();
                let line = String::from_utf8_lossy(&line).into_owned();
                let mut received = self.received.lock().expect("the log");
                let lines =
                    if is_encrypted { &mut received.under_tls } else { &mut received.in_clear };
                lines.push(line.clone());
                return Ok(line);
            }
            self.read_more().await?;
        }
    }

    /// Reads a message up to its final dot.
    pub async fn read_content(&mut self) -> io::Result<()> {
        const FINAL_DOT: &[u8] = b"\r\n.\r\n";
        let mut searched = 0;
        loop {
            let fresh = &self.buffer[searched..];
            if let Some(end) = fresh.windows(FINAL_DOT.len()).position(|five| five == FINAL_DOT) {
                let end = searched + end;
                let content: Vec<u8> = self.buffer.drain(..end + FINAL_DOT.len()).collect();
                let mut received = self.received.lock().expect("the log");
                received.stuffed = content[..end + 2].to_vec();
                received.messages += 1;
                return Ok(());
            }
            searched = self.buffer.len().saturating_sub(FINAL_DOT.len());
            self.read_more().await?;
        }
    }

    /// Reads at least one octet.
    pub async fn read_some(&mut self) -> io::Result<()> {
        self.read_more().await
    }

    /// Reads until the client disconnects.
    pub async fn is_left(&mut self) -> io::Result<()> {
        while self.read_more().await.is_ok() {}
        Ok(())
    }

    /// Starts TLS.
    pub async fn start_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        let stream = self.stream.take().ok_or(io::ErrorKind::NotConnected)?;
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        self.stream = Some(Box::new(stream));
        Ok(())
    }

    async fn read_more(&mut self) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        read_more(stream.as_mut(), &mut self.buffer).await
    }
}

/// The TLS mode of a server.
#[derive(Clone)]
pub enum Protection {
    None,
    StartTls(Arc<ServerConfig>),
    FromTheFirstByte(Arc<ServerConfig>),
}

/// The replies of an otherwise correct server. An empty reply closes the connection; a line feed
/// separates the lines of a reply.
#[derive(Clone)]
pub struct SmtpScript {
    pub protection: Protection,
    pub greeting: &'static str,
    pub ehlo_in_clear: &'static str,
    pub helo: &'static str,
    pub starttls: &'static str,
    pub ehlo_under_tls: &'static str,
    /// A challenge before the reply to a token, which expects a response.
    pub challenge: Option<&'static str>,
    pub auth: &'static str,
    pub mail: &'static str,
    pub rcpt: &'static str,
    pub data: &'static str,
    pub content: &'static str,
    pub quit: &'static str,
    pub octet_by_octet: bool,
}

/// The reply of every server to the recipient `nobody`.
const UNKNOWN_RECIPIENT: &str = "550 5.1.1 Nobody here";

/// The reply of every server to the recipient `later`.
const GREYLISTED_RECIPIENT: &str = "450 4.7.1 Greylisted";

impl SmtpScript {
    /// Returns the script of a server that accepts everything by STARTTLS, with AUTH under TLS
    /// only.
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

    /// Returns the script of a server that accepts everything by implicit TLS.
    pub fn from_the_first_byte() -> Self {
        Self { protection: Protection::FromTheFirstByte(AUTHORITY.good()), ..Self::by_starttls() }
    }

    /// Returns the script of a server without TLS that accepts everything, with AUTH in clear.
    pub fn in_clear() -> Self {
        Self {
            protection: Protection::None,
            ehlo_in_clear: "250-mail.example.com\n250-AUTH PLAIN LOGIN\n250 8BITMIME",
            ..Self::by_starttls()
        }
    }

    /// Replaces the reply to a command, to the EHLO under TLS, or to no command: the greeting and
    /// the reply to the content.
    pub fn replying(mut self, to: &str, reply: &'static str) -> Self {
        *match to {
            "greeting" => &mut self.greeting,
            "EHLO" => &mut self.ehlo_in_clear,
            "EHLO under TLS" => &mut self.ehlo_under_tls,
            "STARTTLS" => &mut self.starttls,
            "AUTH" => &mut self.auth,
            "MAIL" => &mut self.mail,
            "RCPT" => &mut self.rcpt,
            "DATA" => &mut self.data,
            "content" => &mut self.content,
            _ => panic!("a script has no reply to {to}"),
        } = reply;
        self
    }

    /// Starts the server.
    pub fn play(self) -> SmtpServer {
        SmtpServer::play(move |peer| self.part(peer))
    }

    /// Starts a server that plays the script to every client.
    pub fn play_to_all(self) -> SmtpServer {
        SmtpServer::play_to_all(move |peer| self.clone().part(peer))
    }

    async fn part(self, mut peer: SmtpPeer) -> io::Result<()> {
        peer.octet_by_octet = self.octet_by_octet;
        if let Protection::FromTheFirstByte(config) = &self.protection {
            peer.start_tls(config.clone()).await?;
        }
        self.answer(&mut peer, self.greeting).await?;
        loop {
            let line = peer.read_line().await?;
            match line.split(' ').next().unwrap_or_default() {
                "EHLO" => self.answer_ehlo(&mut peer).await?,
                "HELO" => self.answer(&mut peer, self.helo).await?,
                "STARTTLS" => self.answer_starttls(&mut peer).await?,
                "AUTH" => self.answer_auth(&mut peer, &line).await?,
                "MAIL" => self.answer(&mut peer, self.mail).await?,
                "RCPT" if line.contains("<nobody@") => peer.say(UNKNOWN_RECIPIENT).await?,
                "RCPT" if line.contains("<later@") => peer.say(GREYLISTED_RECIPIENT).await?,
                "RCPT" => self.answer(&mut peer, self.rcpt).await?,
                "RSET" => peer.say("250 2.0.0 Reset").await?,
                "DATA" => self.answer_data(&mut peer).await?,
                "QUIT" => return self.answer(&mut peer, self.quit).await,
                _ => peer.say("500 5.5.1 What?").await?,
            }
        }
    }

    async fn answer_ehlo(&self, peer: &mut SmtpPeer) -> io::Result<()> {
        let offers = if peer.is_encrypted() { self.ehlo_under_tls } else { self.ehlo_in_clear };
        self.answer(peer, offers).await
    }

    async fn answer_starttls(&self, peer: &mut SmtpPeer) -> io::Result<()> {
        self.answer(peer, self.starttls).await?;
        match &self.protection {
            Protection::StartTls(config) if self.starttls.starts_with('2') => {
                peer.start_tls(config.clone()).await
            }
            _ => Ok(()),
        }
    }

    async fn answer_auth(&self, peer: &mut SmtpPeer, line: &str) -> io::Result<()> {
        let challenges: &[&str] = match line {
            "AUTH LOGIN" => &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
            "AUTH PLAIN" | "AUTH XOAUTH2" | "AUTH OAUTHBEARER" => &["334 "],
            _ => &[],
        };
        for challenge in challenges.iter().copied().chain(self.challenge) {
            peer.say(challenge).await?;
            peer.read_line().await?;
        }
        self.answer(peer, self.auth).await
    }

    async fn answer_data(&self, peer: &mut SmtpPeer) -> io::Result<()> {
        self.answer(peer, self.data).await?;
        if !self.data.starts_with('3') {
            return Ok(());
        }
        peer.read_content().await?;
        self.answer(peer, self.content).await
    }

    async fn answer(&self, peer: &mut SmtpPeer, answer: &str) -> io::Result<()> {
        if answer.is_empty() {
            peer.stream = None;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        peer.say(&answer.replace('\n', "\r\n")).await
    }
}
