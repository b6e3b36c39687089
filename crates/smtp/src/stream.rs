//! The transport under an SMTP connection, with limits: a mail server cannot make PPM wait forever,
//! fill its memory, or pass cleartext off as TLS. Knows lines and deadlines, and must not interpret
//! the lines.

use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::delivery::Fact;
use net::certificate::Shown;
use net::tls::{self, TlsTrust};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Deadlines;

/// The maximum length of a line, in octets. RFC 5321 4.5.3.1.5 allows 512; Postfix accepts 2,048.
const LONGEST_LINE: usize = 2_048;

/// The maximum that is read while a session opens, and for each message after that, in octets,
/// without the overhead of TLS.
const BUDGET: usize = 65_536;

/// The size of a block of a message's content, in octets.
const BLOCK: usize = 16_384;

/// The limit of a TLS handshake with a port that sent no cleartext greeting.
const PROBE: Duration = Duration::from_secs(5);

/// Why the stream cannot be used any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum StreamError {
    /// Nothing was received before the reply deadline.
    #[error("nothing was said in time")]
    Silent,
    /// The reply was incomplete at its deadline, or the session's deadline has passed.
    #[error("too slow")]
    TooSlow,
    /// The peer closed the connection.
    #[error("the connection ended")]
    Lost,
    /// Invalid TLS, or a fatal alert; with the text of rustls. A missing client certificate is
    /// reported here, after the handshake (RFC 8446 4.4.2.4).
    #[error("TLS broke: {0}")]
    Garbled(String),
    /// A line, or the whole session, exceeded its size limit.
    #[error("too much was said")]
    TooLong,
}

/// Why TLS could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// Cleartext octets would have been taken for octets under TLS.
    #[error("octets came in clear after the go-ahead")]
    Injected,
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] StreamError),
    /// The handshake failed.
    #[error("the handshake failed")]
    Handshake {
        /// The error of rustls or of the socket.
        #[source]
        error: io::Error,
        /// The server's certificate chain, if it was received.
        shown: Option<Shown>,
    },
}

/// A connection with its limits. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Guarded {
    channel: SmtpTransport,
    /// Octets that were read from the channel and not consumed yet.
    buffer: Vec<u8>,
    budget: usize,
    broken: bool,
    reply: Duration,
    ends: Instant,
    /// When the certificate expires that the server has presented.
    certificate_expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
enum SmtpTransport {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Closed,
}

impl Guarded {
    /// Creates a guarded stream over a new connection, until `ends`.
    pub(super) fn new(stream: TcpStream, deadlines: Deadlines, ends: Instant) -> Self {
        // Commands are short and wait for replies, so Nagle's algorithm only adds delay.
        let _ = stream.set_nodelay(true);
        Self {
            channel: SmtpTransport::Clear(stream),
            buffer: Vec::new(),
            budget: BUDGET,
            broken: false,
            reply: deadlines.reply,
            ends,
            certificate_expires_at: None,
        }
    }

    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        match &self.channel {
            SmtpTransport::Clear(stream) => stream.local_addr().ok(),
            SmtpTransport::Tls(stream) => stream.get_ref().0.local_addr().ok(),
            SmtpTransport::Closed => None,
        }
    }

    pub(super) fn certificate_expires_at(&self) -> Option<DateTime<Utc>> {
        self.certificate_expires_at
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.channel, SmtpTransport::Tls(_))
    }

    /// Whether the session has ended.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Ends the session; nothing more may be sent.
    pub(super) fn give_up(&mut self) {
        self.broken = true;
    }

    /// Closes the connection, without the end of TLS: the peer cannot take what it has for whole.
    pub(super) fn close(&mut self) {
        (self.broken, self.channel) = (true, SmtpTransport::Closed);
    }

    /// Begins another message: sets its deadline, and renews the budget.
    pub(super) fn renew_limits(&mut self, ends: Instant) {
        (self.budget, self.ends) = (BUDGET, ends);
    }

    /// Gives the message more time.
    pub(super) fn extend_limit(&mut self, more: Duration) {
        self.ends += more;
    }

    /// Awaits work that is not the peer's: its time does not count.
    pub(super) async fn suspended_for<T>(&mut self, work: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let done = work.await;
        self.ends += begun.elapsed();
        done
    }

    /// Whether unsolicited octets are buffered.
    pub(super) fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Returns the deadline of a reply that begins now.
    pub(super) fn reply_deadline(&self) -> Instant {
        (Instant::now() + self.reply).min(self.ends)
    }

    /// Returns the deadline of the reply to the final dot. Octets that were written may still be in
    /// the buffers of this machine, for as long as their transfer may take.
    pub(super) fn final_reply_deadline(&self, transfer: Duration) -> Instant {
        (Instant::now() + self.reply + transfer).min(self.ends)
    }

    /// Reads one line, without its end, before `deadline`. Invalid UTF-8 is replaced.
    pub(super) async fn line(&mut self, deadline: Instant) -> Result<String, StreamError> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.buffer[searched..].iter().position(|&octet| octet == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=searched + end).collect();
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                return Ok(String::from_utf8_lossy(line).into_owned());
            }
            searched = self.buffer.len();
            if searched > LONGEST_LINE {
                return Err(self.fail(StreamError::TooLong));
            }
            self.fill_buffer(deadline).await.map_err(|broken| self.fail(broken))?;
        }
    }

    /// Reads available octets, at least one.
    async fn fill_buffer(&mut self, deadline: Instant) -> Result<(), StreamError> {
        let mut chunk = [0; 1_024];
        match timeout_at(deadline, self.channel.read(&mut chunk)).await {
            Ok(read) => self.take_in(&chunk, read),
            Err(_) => Err(self.timeout_error()),
        }
    }

    /// Reads what has arrived, without waiting: an end of the connection, for example.
    pub(super) async fn read_arrived(&mut self) -> Result<(), StreamError> {
        let mut chunk = [0; 1_024];
        let read = tokio::select! {
            biased;
            read = self.channel.read(&mut chunk) => read,
            () = ready(()) => return Ok(()),
        };
        self.take_in(&chunk, read).map_err(|broken| self.fail(broken))
    }

    fn take_in(&mut self, chunk: &[u8], read: io::Result<usize>) -> Result<(), StreamError> {
        let read = match read {
            Ok(0) => return Err(StreamError::Lost),
            Ok(read) => read,
            Err(error) => return Err(connection_error(&error)),
        };
        self.budget = self.budget.checked_sub(read).ok_or(StreamError::TooLong)?;
        self.buffer.extend_from_slice(&chunk[..read]);
        Ok(())
    }

    /// Writes all octets within the reply deadline.
    pub(super) async fn write(&mut self, octets: &[u8]) -> Result<(), StreamError> {
        match timeout_at(self.reply_deadline(), self.channel.write(octets)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.fail(connection_error(&error))),
            Err(_) => Err(self.fail(self.timeout_error())),
        }
    }

    /// Writes a message's content in blocks, each within the reply deadline: what counts is progress
    /// (RFC 5321 4.5.3.2.5).
    pub(super) async fn write_content(&mut self, content: &[u8]) -> Result<(), StreamError> {
        for block in content.chunks(BLOCK) {
            self.write(block).await?;
        }
        Ok(())
    }

    fn timeout_error(&self) -> StreamError {
        if self.buffer.is_empty() && Instant::now() < self.ends {
            StreamError::Silent
        } else {
            StreamError::TooSlow
        }
    }

    fn fail(&mut self, why: StreamError) -> StreamError {
        self.broken = true;
        why
    }

    /// Starts TLS, and returns the version, the cipher and the certificate's facts.
    ///
    /// No cleartext input survives: buffered octets are an injection (RFC 3207 5), and a failed
    /// handshake closes the connection.
    pub(super) async fn encrypt(
        &mut self,
        trust: &TlsTrust,
        name: ServerName<'static>,
    ) -> Result<Vec<Fact>, TlsError> {
        let deadline = self.reply_deadline();
        self.broken = true;
        if !self.buffer.is_empty() {
            return Err(TlsError::Injected);
        }
        let Some(stream) = self.channel.take_cleartext() else {
            return Err(StreamError::Lost.into());
        };
        let (config, witnessed) = trust.capturing();
        let handshake = TlsConnector::from(config).connect(name, stream);
        let ended = timeout_at(deadline, handshake).await;
        let shown = witnessed.take();
        self.certificate_expires_at = shown
            .as_ref()
            .and_then(Shown::expires_at)
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        match ended {
            Ok(Ok(stream)) => {
                let mut facts = tls::facts_of(stream.get_ref().1);
                facts.extend(shown.iter().flat_map(Shown::facts));
                self.channel = SmtpTransport::Tls(Box::new(stream));
                self.broken = false;
                Ok(facts)
            }
            Ok(Err(error)) => Err(TlsError::Handshake { error, shown }),
            Err(_) => Err(self.timeout_error().into()),
        }
    }

    /// Whether a port that sent no cleartext greeting speaks TLS. The session ends either way, so
    /// the certificate does not matter.
    pub(super) async fn answers_to_tls(
        &mut self,
        trust: &TlsTrust,
        name: ServerName<'static>,
    ) -> bool {
        let Some(stream) = self.channel.take_cleartext() else {
            return false;
        };
        self.broken = true;
        let deadline = (Instant::now() + PROBE).min(self.ends);
        let handshake = TlsConnector::from(trust.client_config()).connect(name, stream);
        match timeout_at(deadline, handshake).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => tls::speaks_tls(&error),
            Err(_) => false,
        }
    }
}

fn connection_error(error: &io::Error) -> StreamError {
    tls::words(error).map_or(StreamError::Lost, StreamError::Garbled)
}

impl SmtpTransport {
    /// Takes the stream if it is not encrypted, and closes the transport.
    fn take_cleartext(&mut self) -> Option<TcpStream> {
        match std::mem::replace(self, Self::Closed) {
            Self::Clear(stream) => Some(stream),
            _ => None,
        }
    }

    async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(into).await,
            Self::Tls(stream) => stream.read(into).await,
            Self::Closed => Ok(0),
        }
    }

    async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.write_all(octets).await,
            Self::Tls(stream) => {
                stream.write_all(octets).await?;
                stream.flush().await
            }
            Self::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::{advance, pause};

    use super::*;

    /// Creates a stream whose peer repeats `piece` forever.
    async fn flooded_with(piece: Vec<u8>) -> Guarded {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).await.expect("a connection");
        let (mut flood, _) = listener.accept().await.expect("a caller");
        tokio::spawn(async move { while flood.write_all(&piece).await.is_ok() {} });
        let deadlines = Deadlines::default();
        Guarded::new(stream, deadlines, Instant::now() + deadlines.total)
    }

    #[tokio::test]
    async fn an_endless_line_is_buffered_little_beyond_the_limit() {
        let mut stream = flooded_with(b"2".repeat(4_096)).await;
        let deadline = stream.reply_deadline();
        assert_eq!(stream.line(deadline).await, Err(StreamError::TooLong));
        assert!(stream.buffer.len() <= LONGEST_LINE + 1_024, "{}", stream.buffer.len());
    }

    #[tokio::test]
    async fn the_time_of_other_work_does_not_count() {
        let mut stream = flooded_with(b"2".to_vec()).await;
        let total = Deadlines::default().total;
        pause();
        stream.suspended_for(advance(2 * total)).await;
        assert!(stream.reply_deadline() > Instant::now());
    }

    #[tokio::test]
    async fn a_closed_connection_is_noticed_without_waiting() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).await.expect("a connection");
        drop(listener.accept().await.expect("a caller"));
        stream.readable().await.expect("the end of the connection");
        let deadlines = Deadlines::default();
        let mut stream = Guarded::new(stream, deadlines, Instant::now() + deadlines.total);
        assert_eq!(stream.read_arrived().await, Err(StreamError::Lost));
    }

    #[tokio::test]
    async fn endless_lines_are_read_up_to_the_budget() {
        let mut stream = flooded_with(b"250-more\r\n".repeat(400)).await;
        let deadline = stream.reply_deadline();
        let mut read = 0;
        let broken = loop {
            match stream.line(deadline).await {
                Ok(line) => read += line.len() + 2,
                Err(broken) => break broken,
            }
        };
        assert_eq!(broken, StreamError::TooLong);
        assert!(read + stream.buffer.len() <= BUDGET, "{read}");
    }
}
