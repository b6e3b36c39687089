//! Waits for a condition instead of for a time.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Longer than any condition takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// The interval at which a condition is checked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until a condition holds.
pub async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let polling = async {
        while !holds().await {
            sleep(LOOK_EVERY).await;
        }
    };
    timeout(PATIENCE, polling).await.expect("the condition holds within a minute");
}
