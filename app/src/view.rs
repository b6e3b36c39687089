//! Helpers of the views of both chunks. They import no state but the host's, and no view of either
//! chunk.

pub mod host;
pub mod reactive;
