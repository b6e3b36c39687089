//! Waits for a condition instead of for a time.

use std::time::Duration;

use contract::{EmailService, RunView};
use domain::Principal;
use server::use_cases::Service;
use tokio::time::{sleep, timeout};

/// Longer than any condition takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// The interval at which a condition is checked.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until a condition holds.
pub async fn until(mut holds: impl AsyncFnMut() -> bool) {
    until_some(async || holds().await.then_some(())).await;
}

/// Waits until there is a value, and returns it.
pub async fn until_some<T>(mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let polling = async {
        loop {
            if let Some(value) = found().await {
                return value;
            }
            sleep(LOOK_EVERY).await;
        }
    };
    timeout(PATIENCE, polling).await.expect("the condition holds within two minutes")
}

/// Waits for the outcome of a user's test message.
pub async fn ended(service: &Service, who: &Principal, id: &str) -> RunView {
    until_some(async || {
        let view = service.run(who, id).await.expect("the run");
        view.run.outcome.is_some().then_some(view)
    })
    .await
}
