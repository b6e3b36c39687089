//! The writer: one task of this process makes every write of the outbox, and commits at once what
//! has come while it made the last commit. A caller is answered only after the commit that has its
//! write.

use domain::error::one_line;
use store::outbox::{self, Done, Operation};
use store::{Store, StoreError};
use tokio::sync::{mpsc, oneshot};

/// How many writes may wait; a further caller waits to hand over its write.
const WAITING: usize = 1_024;
/// How many writes are committed at once.
const AT_ONCE: usize = 256;
/// How many octets of messages are committed at once, unless a single one is larger.
const OCTETS_AT_ONCE: usize = 8 * 1_024 * 1_024;

/// A write, and where its result goes.
struct Job {
    operation: Operation,
    done: oneshot::Sender<Result<Done, WriteError>>,
}

/// A write was not made, as far as is known.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The attempt has lost its lease.
    #[error("the attempt has lost its lease")]
    LeaseLost,
    /// The process is stopping.
    #[error("the process is stopping")]
    Stopped,
}

/// Makes the writes of this process. Clones share the task, which ends with the last of them.
#[derive(Debug, Clone)]
pub struct Writer(mpsc::Sender<Job>);

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

impl Writer {
    /// Starts the task.
    pub fn start(store: Store) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(write(store, receiver));
        Self(sender)
    }

    /// Makes a write, and returns its result once it is durable.
    ///
    /// # Errors
    /// It was not made. After an error of the database the commit may have been made all the same.
    pub async fn make(&self, operation: Operation) -> Result<Done, WriteError> {
        let (done, result) = oneshot::channel();
        let job = Job { operation, done };
        self.0.send(job).await.map_err(|_| WriteError::Stopped)?;
        result.await.map_err(|_| WriteError::Stopped)?
    }
}

async fn write(store: Store, mut jobs: mpsc::Receiver<Job>) {
    let mut next = None;
    while let Some(first) = match next.take() {
        Some(job) => Some(job),
        None => jobs.recv().await,
    } {
        let mut octets = size(&first.operation);
        let mut batch = vec![first];
        while batch.len() < AT_ONCE
            && let Ok(job) = jobs.try_recv()
        {
            octets += size(&job.operation);
            if octets > OCTETS_AT_ONCE {
                next = Some(job);
                break;
            }
            batch.push(job);
        }
        commit(&store, batch).await;
    }
}

/// Commits writes together or, if that fails, each by itself, so that one does not spoil the others.
async fn commit(store: &Store, batch: Vec<Job>) {
    let (operations, callers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|job| (job.operation, job.done)).unzip();
    match outbox::commit(store, &operations).await {
        Ok(results) => {
            for (caller, result) in callers.into_iter().zip(results) {
                // A caller that is gone needs no answer.
                let _ = caller.send(Ok(result));
            }
        }
        Err(error) if callers.len() == 1 => answer_error(callers, error),
        Err(error) => {
            tracing::warn!(error = one_line(&error), "writes of the outbox are repeated singly");
            for (caller, operation) in callers.into_iter().zip(&operations) {
                let result = outbox::commit(store, std::slice::from_ref(operation)).await;
                let result = result.map(|mut results| results.remove(0)).map_err(Into::into);
                let _ = caller.send(result);
            }
        }
    }
}

fn answer_error(callers: Vec<oneshot::Sender<Result<Done, WriteError>>>, error: StoreError) {
    if let Some(caller) = callers.into_iter().next() {
        let _ = caller.send(Err(error.into()));
    }
}

fn size(operation: &Operation) -> usize {
    match operation {
        Operation::Accept(message, _) => message.body.len(),
        Operation::Claim(_) | Operation::Mark(..) | Operation::Finish(_) => 0,
    }
}
