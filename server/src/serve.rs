//! The HTTP listener: bounds the number and the duration of connections, and shuts down gracefully:
//! no new requests after SIGTERM or Ctrl-C, and a few seconds for those in progress. The limits of
//! one request are in the router: a host written in Rust has those, but listens itself and must
//! bound its own connections.

mod slots;
mod socket;

use std::io::{self, Write};
use std::task::{Context, Poll, ready};
use std::{convert::Infallible, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::{Router, response::Response};
use domain::error::one_line;
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use slots::{ConnectionSlot, Slots};
use socket::Socket;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::config::{Config, Room};

/// How long requests in progress may take after a stop signal.
const DRAIN: Duration = Duration::from_secs(10);

/// How long an attempt of the outbox may take at most after a stop signal.
const LONGEST_ATTEMPT: Duration = Duration::from_mins(1);

/// How long storing a received token, or the result of an attempt, may take after a stop signal.
const STORING: Duration = Duration::from_secs(5);

/// The deadline for a request's headers, counted from the end of the previous request.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);

/// How long a client may read nothing of a pending response.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// The maximum size of request line and headers, in octets. hyper reads ahead and may accept up to
/// twice as many, and accepts at most 100 headers.
const HEADER_OCTETS: usize = 32 * 1024;

/// The pause after a failed `accept`.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The minimum interval between log entries about refused connections.
const REFUSAL_LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The response to a connection beyond the limits.
const OVER_CAPACITY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\
    Content-Type: application/json\r\nContent-Length: 31\r\nConnection: close\r\n\r\n\
    {\"code\":\"too-many-connections\"}";

/// The assumed limit of descriptors if it cannot be read.
const ASSUMED_DESCRIPTORS: u64 = 256;

/// The limits of connections.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The deadline for all headers of a request, counted from the end of the previous response.
    pub headers_within: Duration,
    /// How long a client may read nothing of a pending response.
    pub taken_within: Duration,
    /// The maximum numbers of connections.
    pub room: Room,
}

impl Default for Limits {
    fn default() -> Self {
        Self { headers_within: HEADERS_WITHIN, taken_within: TAKEN_WITHIN, room: Room::default() }
    }
}

impl Limits {
    /// The configured limits, in a process with this limit of file descriptors. Connections get at
    /// most half of them; the rest is for the database, mail servers and Token Endpoints.
    pub fn new(config: &Config, descriptors: u64) -> Self {
        let most = usize::try_from(descriptors / 2).unwrap_or(usize::MAX).max(1);
        if config.max_connections > most {
            tracing::warn!(most, "--max-connections: the limit of open files allows fewer");
        }
        let room = Room {
            connections: config.max_connections.min(most),
            per_address: config.max_connections_per_address,
            unlimited: config.trusted_proxies.clone(),
        };
        Self { room, ..Self::default() }
    }
}

/// Raises the soft limit of open files to the hard limit (`RLIMIT_NOFILE`), and returns it.
pub fn raise_descriptors() -> u64 {
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::warn!(error = one_line(&error), "the limit of open files could not be raised");
        rlimit::Resource::NOFILE.get_soft().unwrap_or(ASSUMED_DESCRIPTORS)
    })
}

/// Why serving failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum ServeError {
    #[error("--listen: this server cannot listen on {0}")]
    Bind(SocketAddr, #[source] io::Error),
    #[error("--metrics-listen: this server cannot listen on {0}")]
    BindMetrics(SocketAddr, #[source] io::Error),
    #[error("the signals that stop this program cannot be received")]
    Signals(#[source] io::Error),
}

/// Serves `router` on `listen` within `limits` until a stop signal. Prints the address once it is
/// reachable, and then calls `listening`, for messages that make sense only after a successful
/// start. A stop signal cancels `stopping`, for streams that never end by themselves.
///
/// # Errors
/// The address cannot be bound, or signal handlers cannot be registered.
pub async fn serve(
    router: Router,
    listen: SocketAddr,
    limits: Limits,
    invitation: Option<&Invitation>,
    listening: impl FnOnce(),
    stopping: &CancellationToken,
) -> Result<(), ServeError> {
    let cannot_bind = |error| ServeError::Bind(listen, error);
    let listener = TcpListener::bind(listen).await.map_err(cannot_bind)?;
    let address = listener.local_addr().map_err(cannot_bind)?;
    let mut stop = stop_signal().map_err(ServeError::Signals)?;
    announce(address, invitation);
    listening();

    connections(listener, router, limits, async move {
        // An error means that no stop signal can arrive any more.
        let _ = stop.wait_for(|&stopping| stopping).await;
        stopping.cancel();
    })
    .await;
    Ok(())
}

/// Serves the metrics in the background until `stopping` is cancelled.
///
/// # Errors
/// The address cannot be bound.
pub async fn serve_metrics(
    router: Router,
    listen: SocketAddr,
    stopping: &CancellationToken,
) -> Result<(), ServeError> {
    let cannot_bind = |error| ServeError::BindMetrics(listen, error);
    let listener = TcpListener::bind(listen).await.map_err(cannot_bind)?;
    let address = listener.local_addr().map_err(cannot_bind)?;
    tracing::info!("metrics at http://{address}/metrics");
    let stop = stopping.clone().cancelled_owned();
    tokio::spawn(connections(listener, router, Limits::default(), stop));
    Ok(())
}

/// Serves connections until `stop`, then lets the requests in progress finish. A connection is
/// closed if it misses the deadline for headers, reads nothing of its response, or is evicted for
/// another: attackers hold such connections open to exhaust resources (CWE-400).
pub async fn connections(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let Limits { headers_within, taken_within, room } = limits;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(headers_within).max_buf_size(HEADER_OCTETS);
    let slots = Slots::new(room);
    let under_way = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    let mut refusals_logged_at: Option<Instant> = None;
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        tracing::trace!(%peer, "a connection begins");
        let Some(taken) = slots.take(peer.ip()).await else {
            if refusals_logged_at.is_none_or(|at| at.elapsed() >= REFUSAL_LOG_INTERVAL) {
                tracing::warn!(%peer, "connections are refused: all others have a request under way");
                refusals_logged_at = Some(Instant::now());
            }
            refuse_connection(stream);
            continue;
        };
        // Responses are short: Nagle's algorithm gains nothing.
        let _ = stream.set_nodelay(true);
        let slot = taken.slot.clone();
        let socket = TokioIo::new(Socket::new(stream, slot.clone(), taken_within));
        let (router, at) = (router.clone(), slot.clone());
        let service = service_fn(move |request| answer(router.clone(), request, peer, at.clone()));
        let connection = under_way.watch(http.serve_connection(socket, service));
        tokio::spawn(async move {
            let _taken = taken;
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(error = one_line(&error), "a connection broke");
                },
                () = slot.evicted() => tracing::debug!("a connection was evicted for another"),
            }
        });
    }
    drop(listener);
    if timeout(DRAIN, under_way.shutdown()).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
}

/// Handles one request of a connection, and reports its progress to the connection's slot.
async fn answer(
    router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
    slot: Arc<ConnectionSlot>,
) -> Result<Response, Infallible> {
    if request.body().is_end_stream() {
        slot.begin_answer();
    }
    let mut request = request.map(|body| Body::new(RequestBody { body, slot: slot.clone() }));
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.oneshot(request).await;
    slot.end_answer();
    response
}

/// A request body that reports its end to the connection's slot.
struct RequestBody {
    body: Incoming,
    slot: Arc<ConnectionSlot>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() {
            self.slot.begin_answer();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Sends the response for a full server if that is possible without waiting, and closes.
fn refuse_connection(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(OVER_CAPACITY);
    }
}

/// Pauses after a failed `accept`, unless the client had disconnected. Any other error is most
/// likely too many open files, which an immediate retry does not fix.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(error = one_line(error), "a connection could not be accepted");
        tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
    }
}

/// Waits a few seconds for messages in progress.
pub async fn drain_messages(under_way: &TaskTracker) {
    under_way.close();
    if timeout(DRAIN, under_way.wait()).await.is_err() {
        tracing::warn!("a test message was cut off");
    }
}

/// Waits for attempts of the outbox as long as one may take, at most a minute: what a mail server
/// has accepted should not be unknown. `longest` is the deadline of a message.
pub async fn drain_attempts(workers: &TaskTracker, longest: Duration) {
    workers.close();
    if timeout(longest.min(LONGEST_ATTEMPT) + STORING, workers.wait()).await.is_err() {
        tracing::warn!("an attempt of the outbox was cut off");
    }
}

/// Waits for token requests as long as one may take, and a little for storing its token.
pub async fn drain_requests(asking: &TaskTracker, longest: Duration) {
    asking.close();
    if timeout(longest + STORING, asking.wait()).await.is_err() {
        tracing::warn!("a request for a token was cut off");
    }
}

/// Becomes true at SIGTERM or SIGINT.
fn stop_signal() -> io::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stop.send_replace(true);
        // Held until the end: a dropped sender would look like a stop signal.
        stop.closed().await;
    });
    Ok(stopping)
}

/// Prints the address and the set-up link. Errors are ignored: nothing may read standard output.
fn announce(address: SocketAddr, invitation: Option<&Invitation>) {
    let mut output = io::stdout();
    let _ = writeln!(output, "listening on http://{address}");
    if let Some(Invitation { origin, ticket }) = invitation {
        let origin = origin.clone().unwrap_or_else(|| format!("http://{address}"));
        let _ = writeln!(
            output,
            "no administrator yet: open {origin}/set-up?ticket={ticket} within 10 minutes"
        );
    }
    let _ = output.flush();
}

/// The set-up link of the first administrator: printed once, only on standard output.
pub struct Invitation {
    /// The origin that browsers use, if configured.
    pub origin: Option<String>,
    /// The ticket that the link carries.
    pub ticket: String,
}
