//! Timers and timeouts in the browser.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use leptos::prelude::set_timeout;

/// The timeout of a request to the server.
pub const ANSWER: Duration = Duration::from_secs(45);

/// Waits asynchronously.
pub async fn pause(time: Duration) {
    let (sender, receiver) = futures_channel::oneshot::channel();
    set_timeout(move || sender.send(()).unwrap_or_default(), time);
    receiver.await.unwrap_or_default();
}

/// Returns the future's output, or `None` after the timeout. The future is dropped then, which aborts
/// a request in progress.
pub async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut timer = pin!(pause(time));
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        timer.as_mut().poll(context).map(|()| None)
    })
    .await
}
