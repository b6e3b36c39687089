//! Listens, announces it, and stops in good order: no new requests after SIGTERM or Ctrl-C, and a
//! few seconds for those under way.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Layer;

use crate::log::one_line;

/// How long requests under way may take after the word to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// How long a token that has come may take to be stored after the word to stop.
const STORING: Duration = Duration::from_secs(5);

/// How long the headers of a request may take, from the end of the one before.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);

/// How long nobody is accepted after that has failed.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// Why nothing is served any more, or never was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum ServeError {
    #[error("--listen: {0} cannot be listened on")]
    Bind(SocketAddr, #[source] io::Error),
    #[error("the signals that stop this program cannot be heard")]
    Signals(#[source] io::Error),
}

/// Serves `router` on `listen` until told to stop, and prints the address once it can be reached.
/// `stopping` is told then, for what would never end by itself.
///
/// # Errors
/// The address cannot be listened on, or signals cannot be heard.
pub async fn serve(
    router: Router,
    listen: SocketAddr,
    invitation: Option<&Invitation>,
    stopping: &CancellationToken,
) -> Result<(), ServeError> {
    let cannot_bind = |error| ServeError::Bind(listen, error);
    let listener = TcpListener::bind(listen).await.map_err(cannot_bind)?;
    let address = listener.local_addr().map_err(cannot_bind)?;
    let mut stop = stop_signal().map_err(ServeError::Signals)?;
    announce(address, invitation);

    connections(listener, router, HEADERS_WITHIN, async move {
        // An error means that nobody will ever say stop; the process then ends with its signals.
        let _ = stop.wait_for(|&stopping| stopping).await;
        stopping.cancel();
    })
    .await;
    Ok(())
}

/// Answers whoever connects until `stop`, then lets the requests under way end. A connection that
/// has not sent all headers of its next request `headers_within` is closed: half a request is held
/// open by whoever wants to use up connections (CWE-400).
pub async fn connections(
    listener: TcpListener,
    router: Router,
    headers_within: Duration,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(headers_within);
    let under_way = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
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
        // Answers are short: holding them back gains nothing.
        let _ = stream.set_nodelay(true);
        // Around the router: a layer of the router's own would copy each of its routes.
        let service = TowerToHyperService::new(Extension(ConnectInfo(peer)).layer(router.clone()));
        let connection = under_way.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = one_line(&error), "a connection broke");
            }
        });
    }
    drop(listener);
    if timeout(DRAIN, under_way.shutdown()).await.is_err() {
        tracing::warn!("requests under way were cut off");
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
