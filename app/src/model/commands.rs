//! What the state asks of the deferred chunk. Its functions are handed to the form's state when it is
//! made, so that the state imports no view.

use std::pin::Pin;

use super::lookup::{Lookup, LookupRequest};
use super::{copying::CopyQuestion, form::FormState, test_run::TestState};

/// The functions of the deferred chunk.
pub struct Commands {
    /// Shows the validation problems, if the chunk has loaded.
    pub check: fn(FormState),
    /// Validates and saves the form.
    pub save: fn(FormState) -> CommandFuture,
    /// Sends a test message with the unsaved settings, after validation, or with the saved ones.
    pub send_test: fn(FormState, TestState, bool) -> CommandFuture,
    /// Copies Basic SMTP Settings, or asks first.
    pub copy: fn(CopyQuestion) -> CommandFuture,
    /// Asks the server for a lookup and shows the result.
    pub look_up: fn(Lookup, LookupRequest) -> CommandFuture,
}

/// A command that waits for the deferred chunk.
pub type CommandFuture = Pin<Box<dyn Future<Output = Result<(), ChunkUnavailable>>>>;

/// The deferred chunk could not be loaded, so the command has not run.
pub struct ChunkUnavailable;
