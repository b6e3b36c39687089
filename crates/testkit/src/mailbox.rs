//! A mail server under implicit TLS for many concurrent clients, which accepts messages from users
//! with a valid token, and counts.

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

use crate::provider::TestProvider;
use crate::smtp_server::AUTHORITY;

/// The counters of a [`Mailbox`].
#[derive(Debug, Default)]
struct Counters {
    refused: AtomicUsize,
    messages: AtomicUsize,
    tokens: Mutex<Vec<String>>,
    users: Mutex<Vec<String>>,
    holds: watch::Sender<bool>,
    /// The number of sign-in attempts.
    asked: watch::Sender<usize>,
}

/// The mail server, which listens until it is dropped.
pub struct Mailbox {
    pub address: SocketAddr,
    counters: Arc<Counters>,
    serving: JoinHandle<()>,
}

impl Mailbox {
    /// Starts a server that accepts the valid tokens of this provider.
    pub async fn start(provider: &Arc<TestProvider>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let counters = Arc::new(Counters::default());
        let (tls, provider, shared) = (AUTHORITY.good(), provider.clone(), counters.clone());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, provider, counters) = (tls.clone(), provider.clone(), shared.clone());
                tokio::spawn(async move { serve(stream, tls, &provider, &counters).await });
            }
        });
        Self { address, counters, serving }
    }

    /// Returns the number of refused sign-ins.
    pub fn refused(&self) -> usize {
        self.counters.refused.load(Ordering::SeqCst)
    }

    /// Returns the number of accepted messages.
    pub fn messages(&self) -> usize {
        self.counters.messages.load(Ordering::SeqCst)
    }

    /// Holds all sign-ins until [`Mailbox::release`].
    pub fn hold(&self) {
        self.counters.holds.send_replace(true);
    }

    /// Releases the held sign-ins.
    pub fn release(&self) {
        self.counters.holds.send_replace(false);
    }

    /// Waits for the first sign-in attempt.
    pub async fn is_asked(&self) {
        let mut asked = self.counters.asked.subscribe();
        asked.wait_for(|asked| *asked > 0).await.expect("counters that stay");
    }

    /// Returns the tokens of all sign-in attempts, in order.
    pub fn tokens(&self) -> Vec<String> {
        self.counters.tokens.lock().expect("counters").clone()
    }

    /// Returns the users of all sign-in attempts, in order.
    pub fn users(&self) -> Vec<String> {
        self.counters.users.lock().expect("counters").clone()
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
    provider: &TestProvider,
    counters: &Counters,
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
                counters.users.lock().expect("counters").push(user);
                counters.asked.send_modify(|asked| *asked += 1);
                let _ = counters.holds.subscribe().wait_for(|holds| !holds).await;
                let is_good = provider.is_good(&token);
                counters.tokens.lock().expect("counters").push(token);
                if is_good {
                    say(&mut stream, "235 2.7.0 Welcome").await?;
                } else {
                    counters.refused.fetch_add(1, Ordering::SeqCst);
                    say(&mut stream, "535 5.7.3 Authentication unsuccessful").await?;
                }
            }
            ["DATA"] => {
                say(&mut stream, "354 Go on").await?;
                read_message(&mut stream).await?;
                counters.messages.fetch_add(1, Ordering::SeqCst);
                say(&mut stream, "250 2.0.0 Taken").await?;
            }
            ["QUIT"] => return say(&mut stream, "221 Bye").await,
            _ => say(&mut stream, "250 Fine").await?,
        }
    }
}

type MailboxStream = BufReader<TlsStream<TcpStream>>;

async fn say(stream: &mut MailboxStream, line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn read_message(stream: &mut MailboxStream) -> io::Result<()> {
    let mut message = Vec::new();
    while !message.ends_with(b"\r\n.\r\n") {
        message.push(stream.read_u8().await?);
    }
    Ok(())
}

/// Decodes user and token from an initial response of XOAUTH2.
fn user_and_token(response: &str) -> (String, String) {
    let decoded = BASE64.decode(response).expect("a response is base64");
    let text = String::from_utf8(decoded).expect("a response is text");
    let (user, token) = text.split_once("\x01auth=Bearer ").expect("a response has a token");
    let user = user.strip_prefix("user=").expect("a response has a user");
    (user.to_owned(), token.trim_end_matches('\x01').to_owned())
}
