//! Happy Eyeballs (RFC 8305): several addresses of one host are tried at once, each a moment after
//! the one before, and the first that connects is used. A dead address costs a quarter of a second.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Vetted;

/// How long an attempt is waited for before the next one begins beside it (RFC 8305 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A connection, and how it came about.
#[derive(Debug)]
pub struct Connected {
    /// To the first address that took it.
    pub stream: TcpStream,
    /// Every address, in the order in which they were to be tried.
    pub attempts: Vec<Attempt>,
}

/// One address and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The address, with the port.
    pub address: SocketAddr,
    /// What came of it.
    pub end: AttemptEnd,
}

/// What came of an address. It prints as the code that a report has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd {
    /// It took the connection.
    Connected,
    /// The machine answered that nothing listens on this port.
    Refused,
    /// Nothing had answered when another address connected, or the time was over.
    NoAnswer,
    /// There is no way to this address from here.
    Unreachable,
    /// The attempt failed otherwise.
    Failed,
    /// Its turn did not come.
    NotTried,
}

impl fmt::Display for AttemptEnd {
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

impl AttemptEnd {
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

/// No address took the connection.
#[derive(Debug, thiserror::Error)]
#[error("no address took the connection")]
pub struct ConnectError {
    /// Of the attempts, the failure that tells most: a refusal, else the last one.
    #[source]
    pub error: io::Error,
    /// Every address, in the order in which they were to be tried.
    pub attempts: Vec<Attempt>,
}

impl ConnectError {
    /// Whether a machine answered that nothing listens on this port.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.end == AttemptEnd::Refused)
    }
}

/// Connects to the first vetted address that takes the connection. IPv6 and IPv4 take turns; the next
/// address is tried once the one before has failed, or has not answered for 250 ms. Attempts that are
/// still pending when another connects are dropped.
///
/// # Errors
/// No address took it within the time.
pub async fn connect(to: &Vetted, within: Duration) -> Result<Connected, ConnectError> {
    let mut race = Race::over(to);
    let ends = Instant::now() + within;
    let mut next_at = Instant::now();
    loop {
        let has_more = race.begun < race.attempts.len();
        if race.pending.is_empty() && !has_more {
            return Err(race.lost());
        }
        tokio::select! {
            Some(ended) = race.pending.join_next() => {
                // A task that only connects neither panics nor is aborted before the race is over.
                let Ok((index, outcome)) = ended else { continue };
                match outcome {
                    Ok(stream) => return Ok(race.won_by(index, stream)),
                    Err(error) => race.note(index, error),
                }
                next_at = Instant::now();
            }
            () = sleep_until(next_at.min(ends)), if has_more && next_at < ends => {
                race.begin();
                next_at = Instant::now() + ATTEMPT_DELAY;
            }
            () = sleep_until(ends) => return Err(race.lost()),
        }
    }
}

/// Attempts that run side by side.
struct Race {
    attempts: Vec<Attempt>,
    /// How many of them have begun.
    begun: usize,
    pending: JoinSet<(usize, io::Result<TcpStream>)>,
    /// The failure that tells most so far.
    failure: Option<io::Error>,
}

impl Race {
    fn over(to: &Vetted) -> Self {
        let attempt = |address| Attempt { address, end: AttemptEnd::NotTried };
        let attempts = in_turns(to.addresses()).into_iter().map(attempt).collect();
        Self { attempts, begun: 0, pending: JoinSet::new(), failure: None }
    }

    fn begin(&mut self) {
        let index = self.begun;
        let attempt = &mut self.attempts[index];
        attempt.end = AttemptEnd::NoAnswer;
        let address = attempt.address;
        self.pending.spawn(async move { (index, TcpStream::connect(address).await) });
        self.begun += 1;
    }

    fn note(&mut self, index: usize, error: io::Error) {
        self.attempts[index].end = AttemptEnd::of(&error);
        let is_refusal = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if !self.failure.as_ref().is_some_and(is_refusal) {
            self.failure = Some(error);
        }
    }

    fn won_by(mut self, index: usize, stream: TcpStream) -> Connected {
        self.attempts[index].end = AttemptEnd::Connected;
        Connected { stream, attempts: self.attempts }
    }

    fn lost(self) -> ConnectError {
        let error = self.failure.unwrap_or_else(|| io::ErrorKind::TimedOut.into());
        ConnectError { error, attempts: self.attempts }
    }
}

/// Addresses with the families in turns, the first one's first; within a family they stay in the
/// order of the name service, which has sorted them (RFC 8305 4, RFC 6724).
fn in_turns(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
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

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::time::timeout;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn vetted(addresses: &[SocketAddr]) -> Vetted {
        Vetted { addresses: addresses.to_vec(), is_public: false }
    }

    #[test]
    fn families_take_turns_and_the_first_one_begins() {
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
            assert_eq!(in_turns(&addresses(given)), addresses(expected), "{given:?}");
        }
    }

    /// A port whose queue is full, which Linux lets wait like a machine that is not there.
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

    fn ends(attempts: &[Attempt]) -> Vec<AttemptEnd> {
        attempts.iter().map(|attempt| attempt.end).collect()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_dead_address_costs_a_quarter_of_a_second_and_is_named() {
        let ((dead, _queue, _full), (good, _listener)) = (silent().await, listening().await);
        let begun = Instant::now();
        let connected = connect(&vetted(&[dead, good]), 10 * SECOND).await.expect("a connection");

        assert_eq!(connected.stream.peer_addr().expect("a peer"), good);
        assert_eq!(ends(&connected.attempts), [AttemptEnd::NoAnswer, AttemptEnd::Connected]);
        assert!(begun.elapsed() >= ATTEMPT_DELAY && begun.elapsed() < 3 * SECOND);
    }

    #[tokio::test]
    async fn after_a_refusal_the_next_address_is_tried_at_once_and_the_rest_is_not() {
        let (closed, (good, _listener)) = (closed().await, listening().await);
        let to = vetted(&[closed, good, closed]);
        let begun = Instant::now();
        let connected = connect(&to, 10 * SECOND).await.expect("a connection");

        let expected = [AttemptEnd::Refused, AttemptEnd::Connected, AttemptEnd::NotTried];
        assert_eq!(ends(&connected.attempts), expected);
        assert!(begun.elapsed() < ATTEMPT_DELAY, "{:?}", begun.elapsed());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn where_no_address_connects_each_is_named_within_the_deadline() {
        let ((dead, _queue, _full), closed) = (silent().await, closed().await);
        let begun = Instant::now();
        let error = connect(&vetted(&[dead, closed]), SECOND).await.expect_err("no connection");

        assert_eq!(ends(&error.attempts), [AttemptEnd::NoAnswer, AttemptEnd::Refused]);
        assert!(error.is_refused());
        assert!(begun.elapsed() < 3 * SECOND, "{:?}", begun.elapsed());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_deadline_holds_for_all_addresses_together() {
        let (dead, _queue, _full) = silent().await;
        let to = vetted(&[dead; 20]);
        let error = connect(&to, SECOND).await.expect_err("no connection");

        assert!(!error.is_refused());
        assert_eq!(error.attempts[0].end, AttemptEnd::NoAnswer);
        assert_eq!(error.attempts[19].end, AttemptEnd::NotTried);
    }
}
