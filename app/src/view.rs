//! Helpers of the views of both chunks. They import no view of either chunk.

pub mod host;
pub mod lookup;
pub mod reactive;
