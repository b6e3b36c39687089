//! Helpers of the integration tests.

pub mod accounts;
pub mod databases;
pub mod harness;
pub mod host;
pub mod mailbox;
pub mod oauth_fixture;
pub mod oauth_programs;
pub mod openid_provider;
pub mod pages;
#[cfg(target_os = "linux")]
pub mod postfix;
pub mod program;
pub mod provider;
pub mod secret_encodings;
pub mod smtp_server;
pub mod soak;
pub mod sockets;
pub mod test_doubles;
