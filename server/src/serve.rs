//! Listens, announces it, bounds what connections may cost, and stops in good order: no new requests
//! after SIGTERM or Ctrl-C, and a few seconds for those under way. What one request may cost is
//! bounded by the router: a host written in Rust, which listens by itself, has that, and bounds its
//! connections itself.

mod places;
mod socket;

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::config::Config;
use crate::log::one_line;

pub use places::Room;
use places::{Place, Places};
use socket::Socket;

/// How long requests under way may take after the word to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// How long a token that has come may take to be stored after the word to stop.
const STORING: Duration = Duration::from_secs(5);

/// How long the headers of a request may take, from the end of the one before.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);

/// How long a client may take nothing of an answer that is waiting for it.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// How many octets a request's line and headers may have; hyper reads ahead and may take up to twice
/// as many, and takes at most 100 headers.
const HEADER_OCTETS: usize = 32 * 1024;

/// How long nobody is accepted after that has failed.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// How long the log says nothing more of refused connections.
const TELL_AGAIN: Duration = Duration::from_mins(1);

/// What a connection is told for which there is no place.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\
    Content-Type: application/json\r\nContent-Length: 31\r\nConnection: close\r\n\r\n\
    {\"code\":\"too-many-connections\"}";

/// Descriptors that a process has at least, where it cannot ask.
const FEW_DESCRIPTORS: u64 = 256;

/// What connections may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long all headers of a request may take, from the end of the answer before.
    pub headers_within: Duration,
    /// How long a client may take nothing of an answer that is waiting for it.
    pub taken_within: Duration,
    /// How many there may be.
    pub room: Room,
}

impl Default for Limits {
    fn default() -> Self {
        Self { headers_within: HEADERS_WITHIN, taken_within: TAKEN_WITHIN, room: Room::default() }
    }
}

impl Limits {
    /// What was configured, in a process that may have so many descriptors. Connections get at most
    /// half of them; the database, mail servers and Token Endpoints need the others.
    #[must_use]
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

/// Raises the limit of open descriptors to the most that this process may have (`RLIMIT_NOFILE`,
/// soft to hard), and says what it is.
#[must_use]
pub fn raise_descriptors() -> u64 {
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::warn!(error = one_line(&error), "the limit of open files could not be raised");
        rlimit::Resource::NOFILE.get_soft().unwrap_or(FEW_DESCRIPTORS)
    })
}

/// Why nothing is served any more, or never was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum ServeError {
    #[error("--listen: this server cannot listen on {0}")]
    Bind(SocketAddr, #[source] io::Error),
    #[error("the signals that stop this program cannot be received")]
    Signals(#[source] io::Error),
}

/// Serves `router` on `listen` within `limits` until told to stop, prints the address once it can be
/// reached, and then calls `listening`, for what is not worth telling of a start that fails.
/// `stopping` is told at the stop, for what would never end by itself.
///
/// # Errors
/// The address cannot be listened on, or signals cannot be heard.
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
        // An error means that nobody will ever say stop; the process then ends with its signals.
        let _ = stop.wait_for(|&stopping| stopping).await;
        stopping.cancel();
    })
    .await;
    Ok(())
}

/// Answers connections until `stop`, then lets the requests under way end. A connection is closed
/// that has not sent all headers of its next request in time, takes nothing of its answer, or has to
/// give way to another: such connections are held open to use up what there is (CWE-400).
pub async fn connections(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let Limits { headers_within, taken_within, room } = limits;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(headers_within).max_buf_size(HEADER_OCTETS);
    let places = Places::new(room);
    let under_way = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    let mut told_of_refusals: Option<Instant> = None;
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
        let Some(taken) = places.take(peer.ip()).await else {
            if told_of_refusals.is_none_or(|at| at.elapsed() >= TELL_AGAIN) {
                tracing::warn!(%peer, "connections are refused: all others have a request under way");
                told_of_refusals = Some(Instant::now());
            }
            turn_away(stream);
            continue;
        };
        // Answers are short: holding them back gains nothing.
        let _ = stream.set_nodelay(true);
        let place = taken.place();
        let socket = TokioIo::new(Socket::new(stream, place.clone(), taken_within));
        let (router, at) = (router.clone(), place.clone());
        let service = service_fn(move |request| answer(router.clone(), request, peer, at.clone()));
        let connection = under_way.watch(http.serve_connection(socket, service));
        tokio::spawn(async move {
            let _taken = taken;
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(error = one_line(&error), "a connection broke");
                },
                () = place.gives_way() => tracing::debug!("a connection gave way to another"),
            }
        });
    }
    drop(listener);
    if timeout(DRAIN, under_way.shutdown()).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
}

/// Answers one request of a connection, and keeps its place informed.
async fn answer(
    router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
    place: Arc<Place>,
) -> Result<Response, Infallible> {
    if request.body().is_end_stream() {
        place.is_asked();
    }
    let mut request = request.map(|body| Body::new(RequestBody { body, place: place.clone() }));
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.oneshot(request).await;
    place.has_answered();
    response
}

/// The body of a request, whose end the connection's place hears of.
struct RequestBody {
    body: Incoming,
    place: Arc<Place>,
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
            self.place.is_asked();
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

/// Says that there is no place, if that can be said at once, and closes.
fn turn_away(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(NO_PLACE);
    }
}

/// A connection that went away before it was accepted is no reason to wait. Any other error is
/// most likely too many open files, which does not end by trying again at once.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(error = one_line(error), "a connection could not be accepted");
        tokio::time::sleep(ACCEPT_AGAIN).await;
    }
}

/// Gives the messages on their way a few seconds to arrive.
pub async fn drain_messages(under_way: &TaskTracker) {
    under_way.close();
    if timeout(DRAIN, under_way.wait()).await.is_err() {
        tracing::warn!("a test message was cut off");
    }
}

/// Waits for requests for tokens as long as one may take, and a little for storing what it brings.
pub async fn drain_requests(asking: &TaskTracker, longest: Duration) {
    asking.close();
    if timeout(longest + STORING, asking.wait()).await.is_err() {
        tracing::warn!("a request for a token was cut off");
    }
}

/// Turns true at SIGTERM or SIGINT.
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
        // Held until the end: a dropped sender would look like the word to stop.
        stop.closed().await;
    });
    Ok(stopping)
}

/// Who started this program may be gone or not listen; serving matters more.
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

/// What leads the first administrator in: printed once, on standard output and nowhere else.
pub struct Invitation {
    /// The address by which browsers reach this server, where it was configured.
    pub origin: Option<String>,
    /// What makes the link work.
    pub ticket: String,
}
