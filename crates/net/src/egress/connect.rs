//! Connects by Happy Eyeballs (RFC 8305): the addresses of a host are tried with a short delay
//! between them, and the first connection is used. An unreachable address costs 250 ms.

use std::{fmt, io, net::SocketAddr, time::Duration};

use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Vetted;

/// The delay before the next attempt starts beside the pending ones (RFC 8305 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The size of a connection's send buffer, in octets: small, so that a write that completes is
/// progress at the peer, and large enough for 1 MiB/s to a peer that is 100 ms away.
const SEND_BUFFER: u32 = 131_072;

/// A connection and its attempts.
#[derive(Debug)]
pub struct Connected {
    /// The connection to the first address that accepted.
    pub stream: TcpStream,
    /// All addresses, in the order of the attempts.
    pub attempts: Vec<ConnectAttempt>,
}

/// One address and its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectAttempt {
    /// The address, with the port.
    pub address: SocketAddr,
    /// The outcome.
    pub end: ConnectOutcome,
}

/// The outcome of an attempt. It displays as its code in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectOutcome {
    /// The address accepted the connection.
    Connected,
    /// The connection was refused: no program listens on this port.
    Refused,
    /// There was no answer until another address connected, or until the timeout.
    NoAnswer,
    /// There is no route to this address.
    Unreachable,
    /// The attempt failed otherwise.
    Failed,
    /// The attempt was not started.
    NotTried,
}

impl fmt::Display for ConnectOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connected => "connected",
            Self::Refused => "refused",
            Self::NoAnswer => "no-answer",
            Self::Unreachable => "unreachable",
            Self::Failed => "failed",
            Self::NotTried => "not-tried",
        })
    }
}

impl ConnectOutcome {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::NoAnswer,
            io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable => Self::Unreachable,
            _ => Self::Failed,
        }
    }
}

/// No address accepted the connection.
#[derive(Debug, thiserror::Error)]
#[error("no address accepted the connection")]
pub struct ConnectError {
    /// The most specific error of the attempts: a refusal, else the last one.
    #[source]
    pub error: io::Error,
    /// All addresses, in the order of the attempts.
    pub attempts: Vec<ConnectAttempt>,
}

impl ConnectError {
    /// Whether a connection was refused because no program listens on the port.
    pub fn is_refused(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.end == ConnectOutcome::Refused)
    }
}

/// Connects to the first vetted address that accepts. IPv6 and IPv4 alternate. The next address is
/// tried once the previous one has failed or has not answered for 250 ms. Pending attempts are
/// dropped when another connects.
///
/// # Errors
/// No address accepted within the time.
pub async fn connect(to: &Vetted, within: Duration) -> Result<Connected, ConnectError> {
    let mut race = Race::new(to);
    let ends = Instant::now() + within;
    let mut next_at = Instant::now();
    loop {
        let has_more = race.begun < race.attempts.len();
        if race.pending.is_empty() && !has_more {
            return Err(race.lost());
        }
        tokio::select! {
            Some(ended) = race.pending.join_next() => {
                // A connecting task neither panics nor is aborted before the race ends.
                let Ok((index, outcome)) = ended else { continue };
                match outcome {
                    Ok(stream) => return Ok(race.won(index, stream)),
                    Err(error) => race.record_failure(index, error),
                }
                next_at = Instant::now();
            }
            () = sleep_until(next_at.min(ends)), if has_more && next_at < ends => {
                race.start_next();
                next_at = Instant::now() + ATTEMPT_DELAY;
            }
            () = sleep_until(ends) => return Err(race.lost()),
        }
    }
}

/// The concurrent attempts.
struct Race {
    attempts: Vec<ConnectAttempt>,
    /// The number of started attempts.
    begun: usize,
    pending: JoinSet<(usize, io::Result<TcpStream>)>,
    /// The most specific error so far.
    failure: Option<io::Error>,
}

impl Race {
    fn new(to: &Vetted) -> Self {
        let attempt = |address| ConnectAttempt { address, end: ConnectOutcome::NotTried };
        let attempts = alternate_families(to.addresses()).into_iter().map(attempt).collect();
        Self { attempts, begun: 0, pending: JoinSet::new(), failure: None }
    }

    fn start_next(&mut self) {
        let index = self.begun;
        let attempt = &mut self.attempts[index];
        attempt.end = ConnectOutcome::NoAnswer;
        let address = attempt.address;
        self.pending.spawn(async move { (index, dial(address).await) });
        self.begun += 1;
    }

    fn record_failure(&mut self, index: usize, error: io::Error) {
        self.attempts[index].end = ConnectOutcome::of(&error);
        let is_refusal = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if !self.failure.as_ref().is_some_and(is_refusal) {
            self.failure = Some(error);
        }
    }

    fn won(mut self, index: usize, stream: TcpStream) -> Connected {
        self.attempts[index].end = ConnectOutcome::Connected;
        Connected { stream, attempts: self.attempts }
    }

    fn lost(self) -> ConnectError {
        let error = self.failure.unwrap_or_else(|| io::ErrorKind::TimedOut.into());
        ConnectError { error, attempts: self.attempts }
    }
}

/// Alternates the address families, that of the first address first. Within a family the order of
/// DNS stays, which is sorted (RFC 8305 4, RFC 6724).
fn alternate_families(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first = addresses.first().map(SocketAddr::is_ipv6);
    let of_family = |is_first: bool| {
        let is_wanted = move |address: &SocketAddr| (Some(address.is_ipv6()) == first) == is_first;
        addresses.iter().copied().filter(is_wanted)
    };
    let (mut one, mut other) = (of_family(true), of_family(false));
    let mut turns = Vec::with_capacity(addresses.len());
    while turns.len() < addresses.len() {
        turns.extend(one.next());
        turns.extend(other.next());
    }
    turns
}

async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.connect(address).await
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn vetted(addresses: &[SocketAddr]) -> Vetted {
        Vetted { addresses: addresses.to_vec(), is_public: false }
    }

    #[test]
    fn families_alternate_and_the_first_one_comes_first() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().expect("an address")).collect()
        };
        for (given, expected) in [
            (
                &["[2001:db8::1]:25", "[2001:db8::2]:25", "192.0.2.1:25", "192.0.2.2:25"][..],
                &["[2001:db8::1]:25", "192.0.2.1:25", "[2001:db8::2]:25", "192.0.2.2:25"][..],
            ),
            (
                &["192.0.2.1:25", "[2001:db8::1]:25", "[2001:db8::2]:25"][..],
                &["192.0.2.1:25", "[2001:db8::1]:25", "[2001:db8::2]:25"][..],
            ),
            (&["192.0.2.1:25", "192.0.2.2:25"][..], &["192.0.2.1:25", "192.0.2.2:25"][..]),
            (&[][..], &[][..]),
        ] {
            assert_eq!(alternate_families(&addresses(given)), addresses(expected), "{given:?}");
        }
    }

    /// Creates a port with a full backlog, which on Linux does not answer.
    async fn silent() -> (SocketAddr, Vec<TcpStream>, TcpListener) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let listener = socket.listen(1).expect("a queue of one");
        let address = listener.local_addr().expect("an address");
        let mut queue = Vec::new();
        while let Ok(waiting) = timeout(SECOND, TcpStream::connect(address)).await {
            queue.extend(waiting);
        }
        (address, queue, listener)
    }

    async fn listening() -> (SocketAddr, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        (listener.local_addr().expect("an address"), listener)
    }

    async fn closed() -> SocketAddr {
        let (address, listener) = listening().await;
        drop(listener);
        address
    }

    fn ends(attempts: &[ConnectAttempt]) -> Vec<ConnectOutcome> {
        attempts.iter().map(|attempt| attempt.end).collect()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_unreachable_address_costs_250_ms_and_is_reported() {
        let ((unresponsive, _queue, _full), (good, _listener)) =
            (silent().await, listening().await);
        let begun = Instant::now();
        let connected =
            connect(&vetted(&[unresponsive, good]), 10 * SECOND).await.expect("a connection");

        assert_eq!(connected.stream.peer_addr().expect("a peer"), good);
        assert_eq!(
            ends(&connected.attempts),
            [ConnectOutcome::NoAnswer, ConnectOutcome::Connected]
        );
        assert!(begun.elapsed() >= ATTEMPT_DELAY && begun.elapsed() < 3 * SECOND);
    }

    #[tokio::test]
    async fn after_a_refusal_the_next_address_is_tried_immediately() {
        let (closed, (good, _listener)) = (closed().await, listening().await);
        let to = vetted(&[closed, good, closed]);
        let begun = Instant::now();
        let connected = connect(&to, 10 * SECOND).await.expect("a connection");

        let expected =
            [ConnectOutcome::Refused, ConnectOutcome::Connected, ConnectOutcome::NotTried];
        assert_eq!(ends(&connected.attempts), expected);
        assert!(begun.elapsed() < ATTEMPT_DELAY, "{:?}", begun.elapsed());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn if_no_address_connects_each_outcome_is_reported_within_the_deadline() {
        let ((unresponsive, _queue, _full), closed) = (silent().await, closed().await);
        let begun = Instant::now();
        let error =
            connect(&vetted(&[unresponsive, closed]), SECOND).await.expect_err("no connection");

        assert_eq!(ends(&error.attempts), [ConnectOutcome::NoAnswer, ConnectOutcome::Refused]);
        assert!(error.is_refused());
        assert!(begun.elapsed() < 3 * SECOND, "{:?}", begun.elapsed());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_deadline_applies_to_all_addresses_together() {
        let (unresponsive, _queue, _full) = silent().await;
        let to = vetted(&[unresponsive; 20]);
        let error = connect(&to, SECOND).await.expect_err("no connection");

        assert!(!error.is_refused());
        assert_eq!(error.attempts[0].end, ConnectOutcome::NoAnswer);
        assert_eq!(error.attempts[19].end, ConnectOutcome::NotTried);
    }
}
