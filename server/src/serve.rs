//! Listens, announces it, and stops in good order: no new requests after SIGTERM or Ctrl-C, and a
//! few seconds for those under way.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// How long requests under way may take after the word to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Why nothing is served any more, or never was.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum ServeError {
    #[error("--listen: {0} cannot be listened on")]
    Bind(SocketAddr, #[source] io::Error),
    #[error("the signals that stop this program cannot be heard")]
    Signals(#[source] io::Error),
    #[error("the connection to the network was lost")]
    Network(#[source] io::Error),
}

/// Serves `router` on `listen` until told to stop, and prints the address once it can be reached.
///
/// # Errors
/// The address cannot be listened on, or the network fails.
pub async fn serve(
    router: Router,
    listen: SocketAddr,
    invitation: Option<&Invitation>,
) -> Result<(), ServeError> {
    let cannot_bind = |error| ServeError::Bind(listen, error);
    let listener = TcpListener::bind(listen).await.map_err(cannot_bind)?;
    let address = listener.local_addr().map_err(cannot_bind)?;
    let mut stop = stop_signal().map_err(ServeError::Signals)?;
    announce(address, invitation);

    let mut drain = stop.clone();
    let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move {
            // An error means that nobody will ever say stop; the process then ends with its signals.
            let _ = stop.wait_for(|&stopping| stopping).await;
        });
    tokio::select! {
        ended = serving.into_future() => ended.map_err(ServeError::Network),
        () = async {
            let _ = drain.wait_for(|&stopping| stopping).await;
            tokio::time::sleep(DRAIN).await;
        } => {
            tracing::warn!("requests under way were cut off");
            Ok(())
        }
    }
}

/// Gives the messages on their way a few seconds to arrive.
pub async fn drain(under_way: &TaskTracker) {
    under_way.close();
    if tokio::time::timeout(DRAIN, under_way.wait()).await.is_err() {
        tracing::warn!("a test message was cut off");
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
