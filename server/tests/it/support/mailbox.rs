//! A mail server for many callers at once, under implicit TLS, that takes messages from
//! whoever signs in with a token that it is told is good, and counts.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::provider::Provider;
use super::smtp_server::AUTHORITY;

/// What happened at a [`Mailbox`].
#[derive(Debug, Default)]
struct Tally {
    refused: AtomicUsize,
    messages: AtomicUsize,
    tokens: Mutex<Vec<String>>,
    users: Mutex<Vec<String>>,
    /// Whether whoever tries to sign in waits for the answer.
    holds: watch::Sender<bool>,
    /// How many have tried to sign in.
    asked: watch::Sender<usize>,
}

/// The mail server, listening until it is dropped.
pub struct Mailbox {
    pub address: SocketAddr,
    tally: Arc<Tally>,
    serving: JoinHandle<()>,
}

impl Mailbox {
    /// Takes the tokens that this provider calls good.
    pub async fn start(provider: &Arc<Provider>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let tally = Arc::new(Tally::default());
        let (tls, provider, ears) = (AUTHORITY.good(), provider.clone(), tally.clone());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, provider, tally) = (tls.clone(), provider.clone(), ears.clone());
                tokio::spawn(async move { serve(stream, tls, &provider, &tally).await });
            }
        });
        Self { address, tally, serving }
    }

    /// How many sign-ins were refused.
    pub fn refused(&self) -> usize {
        self.tally.refused.load(Ordering::SeqCst)
    }

    /// How many messages were taken.
    pub fn messages(&self) -> usize {
        self.tally.messages.load(Ordering::SeqCst)
    }

    /// Lets whoever tries to sign in wait until [`Mailbox::release`].
    pub fn hold(&self) {
        self.tally.holds.send_replace(true);
    }

    /// Answers those who wait.
    pub fn release(&self) {
        self.tally.holds.send_replace(false);
    }

    /// Waits until somebody has tried to sign in.
    pub async fn is_asked(&self) {
        let mut asked = self.tally.asked.subscribe();
        asked.wait_for(|asked| *asked > 0).await.expect("a tally that stays");
    }

    /// The tokens that somebody tried to sign in with, in that order.
    pub fn tokens(&self) -> Vec<String> {
        self.tally.tokens.lock().expect("a tally").clone()
    }

    /// Who tried to sign in, in that order.
    pub fn users(&self) -> Vec<String> {
        self.tally.users.lock().expect("a tally").clone()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    stream: TcpStream,
    tls: Arc<ServerConfig>,
    provider: &Provider,
    tally: &Tally,
) -> io::Result<()> {
    let mut stream = BufReader::new(TlsAcceptor::from(tls).accept(stream).await?);
    say(&mut stream, "220 mailbox").await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["EHLO", ..] => say(&mut stream, "250-mailbox\r\n250 AUTH XOAUTH2").await?,
            ["AUTH", "XOAUTH2", response] => {
                let (user, token) = user_and_token(response);
                tally.users.lock().expect("a tally").push(user);
                tally.asked.send_modify(|asked| *asked += 1);
                let _ = tally.holds.subscribe().wait_for(|holds| !holds).await;
                let is_good = provider.is_good(&token);
                tally.tokens.lock().expect("a tally").push(token);
                if is_good {
                    say(&mut stream, "235 2.7.0 Welcome").await?;
                } else {
                    tally.refused.fetch_add(1, Ordering::SeqCst);
                    say(&mut stream, "535 5.7.3 Authentication unsuccessful").await?;
                }
            }
            ["DATA"] => {
                say(&mut stream, "354 Go on").await?;
                hear_message(&mut stream).await?;
                tally.messages.fetch_add(1, Ordering::SeqCst);
                say(&mut stream, "250 2.0.0 Taken").await?;
            }
            ["QUIT"] => return say(&mut stream, "221 Bye").await,
            _ => say(&mut stream, "250 Fine").await?,
        }
    }
}

type Channel = BufReader<TlsStream<TcpStream>>;

async fn say(stream: &mut Channel, line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn hear_message(stream: &mut Channel) -> io::Result<()> {
    let mut message = Vec::new();
    while !message.ends_with(b"\r\n.\r\n") {
        message.push(stream.read_u8().await?);
    }
    Ok(())
}

/// Who signs in with which token, in an initial response of XOAUTH2.
fn user_and_token(response: &str) -> (String, String) {
    let decoded = BASE64.decode(response).expect("a response is base64");
    let text = String::from_utf8(decoded).expect("a response is text");
    let (user, token) = text.split_once("\x01auth=Bearer ").expect("a response has a token");
    let user = user.strip_prefix("user=").expect("a response has a user");
    (user.to_owned(), token.trim_end_matches('\x01').to_owned())
}
