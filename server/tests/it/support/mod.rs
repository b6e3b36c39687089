//! What the promises are tested with.

pub mod doubles;
pub mod harness;
pub mod pages;
#[cfg(target_os = "linux")]
pub mod postfix;
pub mod program;
pub mod smtp_server;
pub mod spellings;
