//! What the promises are tested with.

pub mod accounts;
pub mod databases;
pub mod doubles;
pub mod harness;
pub mod host;
pub mod mailbox;
pub mod oauth_programs;
pub mod oauth_world;
pub mod openid_provider;
pub mod pages;
#[cfg(target_os = "linux")]
pub mod postfix;
pub mod program;
pub mod provider;
pub mod smtp_server;
pub mod soak;
pub mod sockets;
pub mod spellings;
