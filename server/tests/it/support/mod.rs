//! What the promises are tested with.

pub mod databases;
pub mod doubles;
pub mod harness;
pub mod pages;
pub mod program;
pub mod smtp_server;
pub mod spellings;
