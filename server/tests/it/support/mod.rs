//! What the promises are tested with.

pub mod doubles;
pub mod harness;
