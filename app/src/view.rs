//! Helpers of the views of both chunks. They know no state but the host's.

pub mod host;
pub mod reactive;
