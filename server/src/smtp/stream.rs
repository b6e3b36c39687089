//! The guarded stream: everything that comes from a mail server passes here, and none of it can
//! make this server wait without end, fill its memory, or take words in clear for words under TLS.
//! Knows lines and time, and nothing of what the lines mean.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use domain::delivery::Fact;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Deadlines;
use super::certificate::Shown;
use super::tls::{self, TlsTrust};

/// The longest line that is read, in octets. RFC 5321 4.5.3.1.5 allows 512; Postfix takes 2,048.
const LONGEST_LINE: usize = 2_048;

/// The most that is read in a whole conversation, in octets, TLS not counted.
const BUDGET: usize = 65_536;

/// How long a port that is silent in clear may take to answer a TLS hello.
const PROBE: Duration = Duration::from_secs(5);

/// Why nothing more can be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// Nothing came within the time for one reply.
    #[error("nothing was said in time")]
    Silent,
    /// Something came, but no whole reply in its time, or the whole conversation's time is over.
    #[error("too slow")]
    TooSlow,
    /// The other side is gone.
    #[error("the connection ended")]
    Lost,
    /// What came is not TLS, or TLS says that it ends in anger; in the words of rustls. A client
    /// certificate that is missing comes to light here, after the handshake (RFC 8446 4.4.2.4).
    #[error("TLS broke: {0}")]
    Garbled(String),
    /// A line, or all of them together, passed the bounds.
    #[error("too much was said")]
    TooLong,
}

/// Why TLS could not begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// Octets that came in clear would have been taken for octets under TLS.
    #[error("octets came in clear after the go-ahead")]
    Injected,
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The handshake ended badly.
    #[error("the handshake failed")]
    Handshake {
        /// Why.
        #[source]
        error: io::Error,
        /// What the server showed, if it came so far.
        shown: Option<Shown>,
    },
}

/// A connection with its bounds. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Guarded {
    channel: Channel,
    /// Read from the channel and not yet taken as lines.
    ahead: Vec<u8>,
    budget: usize,
    broken: bool,
    reply: Duration,
    ends: Instant,
}

#[derive(Debug)]
enum Channel {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Closed,
}

impl Guarded {
    /// Guards a fresh connection until `ends`.
    pub(super) fn new(stream: TcpStream, deadlines: Deadlines, ends: Instant) -> Self {
        // Commands are short and wait for answers: holding them back gains nothing.
        let _ = stream.set_nodelay(true);
        Self {
            channel: Channel::Clear(stream),
            ahead: Vec::new(),
            budget: BUDGET,
            broken: false,
            reply: deadlines.reply,
            ends,
        }
    }

    /// This side's own address on the connection.
    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        match &self.channel {
            Channel::Clear(stream) => stream.local_addr().ok(),
            Channel::Tls(stream) => stream.get_ref().0.local_addr().ok(),
            Channel::Closed => None,
        }
    }

    /// Whether what is written goes under TLS.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.channel, Channel::Tls(_))
    }

    /// Whether it is over, so that nothing more is to be said.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Marks a conversation in which nothing more is to be said.
    pub(super) fn give_up(&mut self) {
        self.broken = true;
    }

    /// Whether something was said that nobody has asked for yet.
    pub(super) fn has_more(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// When a reply that begins now has to be complete.
    pub(super) fn reply_deadline(&self) -> Instant {
        (Instant::now() + self.reply).min(self.ends)
    }

    /// Reads one line, without its end, before `deadline`; octets that are no UTF-8 are replaced.
    pub(super) async fn line(&mut self, deadline: Instant) -> Result<String, Broken> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.ahead[searched..].iter().position(|&octet| octet == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=searched + end).collect();
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                return Ok(String::from_utf8_lossy(line).into_owned());
            }
            searched = self.ahead.len();
            if searched > LONGEST_LINE {
                return Err(self.break_off(Broken::TooLong));
            }
            self.more(deadline).await.map_err(|broken| self.break_off(broken))?;
        }
    }

    /// Reads what there is, at least one octet.
    async fn more(&mut self, deadline: Instant) -> Result<(), Broken> {
        let mut chunk = [0; 1_024];
        let read = match timeout_at(deadline, self.channel.read(&mut chunk)).await {
            Ok(Ok(0)) => return Err(Broken::Lost),
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return Err(lost(&error)),
            Err(_) => return Err(self.too_late()),
        };
        self.budget = self.budget.checked_sub(read).ok_or(Broken::TooLong)?;
        self.ahead.extend_from_slice(&chunk[..read]);
        Ok(())
    }

    /// Writes all of it, within the time for one reply.
    pub(super) async fn write(&mut self, octets: &[u8]) -> Result<(), Broken> {
        match timeout_at(self.reply_deadline(), self.channel.write(octets)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.break_off(lost(&error))),
            Err(_) => Err(self.break_off(self.too_late())),
        }
    }

    fn too_late(&self) -> Broken {
        if self.ahead.is_empty() && Instant::now() < self.ends {
            Broken::Silent
        } else {
            Broken::TooSlow
        }
    }

    fn break_off(&mut self, why: Broken) -> Broken {
        self.broken = true;
        why
    }

    /// Turns to TLS, and says by which version and cipher, and with whom.
    ///
    /// Nothing that came in clear before survives: octets read ahead are an injection (RFC 3207 5),
    /// and with TLS that fails the connection is closed.
    pub(super) async fn encrypt(
        &mut self,
        trust: &TlsTrust,
        name: ServerName<'static>,
    ) -> Result<Vec<Fact>, TlsError> {
        let deadline = self.reply_deadline();
        self.broken = true;
        if !self.ahead.is_empty() {
            return Err(TlsError::Injected);
        }
        let Channel::Clear(stream) = std::mem::replace(&mut self.channel, Channel::Closed) else {
            return Err(Broken::Lost.into());
        };
        let (config, witnessed) = trust.witnessed();
        let handshake = TlsConnector::from(config).connect(name, stream);
        match timeout_at(deadline, handshake).await {
            Ok(Ok(stream)) => {
                let mut facts = tls::facts_of(stream.get_ref().1);
                facts.extend(witnessed.take().iter().flat_map(Shown::facts));
                self.channel = Channel::Tls(Box::new(stream));
                self.broken = false;
                Ok(facts)
            }
            Ok(Err(error)) => Err(TlsError::Handshake { error, shown: witnessed.take() }),
            Err(_) => Err(self.too_late().into()),
        }
    }

    /// Whether a port that was silent in clear answers when spoken to in TLS. The conversation is
    /// over either way, so whose certificate it shows is of no matter.
    pub(super) async fn answers_to_tls(
        &mut self,
        trust: &TlsTrust,
        name: ServerName<'static>,
    ) -> bool {
        let Channel::Clear(stream) = std::mem::replace(&mut self.channel, Channel::Closed) else {
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

fn lost(error: &io::Error) -> Broken {
    tls::words(error).map_or(Broken::Lost, Broken::Garbled)
}

impl Channel {
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

    use super::*;

    /// A stream whose other side says the same over and over.
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
    async fn of_a_line_without_an_end_little_more_than_the_longest_line_is_held() {
        let mut stream = flooded_with(b"2".repeat(4_096)).await;
        let deadline = stream.reply_deadline();
        assert_eq!(stream.line(deadline).await, Err(Broken::TooLong));
        assert!(stream.ahead.len() <= LONGEST_LINE + 1_024, "{}", stream.ahead.len());
    }

    #[tokio::test]
    async fn of_lines_without_an_end_no_more_than_the_budget_is_read() {
        let mut stream = flooded_with(b"250-more\r\n".repeat(400)).await;
        let deadline = stream.reply_deadline();
        let mut read = 0;
        let broken = loop {
            match stream.line(deadline).await {
                Ok(line) => read += line.len() + 2,
                Err(broken) => break broken,
            }
        };
        assert_eq!(broken, Broken::TooLong);
        assert!(read + stream.ahead.len() <= BUDGET, "{read}");
    }
}
