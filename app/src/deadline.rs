//! Time in the browser: how long to wait, and waiting itself.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use leptos::prelude::set_timeout;

/// How long the page waits for an answer of its server.
pub const ANSWER: Duration = Duration::from_secs(45);

/// Waits, without holding anything up.
pub async fn pause(time: Duration) {
    let (ring, bell) = futures_channel::oneshot::channel();
    set_timeout(move || ring.send(()).unwrap_or_default(), time);
    bell.await.unwrap_or_default();
}

/// The future's output, or nothing once the time is over. What was waited for is dropped then,
/// which aborts a request under way.
pub async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut bell = pin!(pause(time));
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        bell.as_mut().poll(context).map(|()| None)
    })
    .await
}
