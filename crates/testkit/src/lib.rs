//! Servers and helpers for the tests of several crates: a scripted mail server and token endpoint, a
//! mailbox, Postfix with Dovecot. Never a dependency of the product.

#![expect(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "a test panics where its helpers fail"
)]

pub mod mailbox;
#[cfg(target_os = "linux")]
pub mod postfix;
pub mod provider;
pub mod secret_encodings;
pub mod smtp_server;
pub mod sockets;

use net::egress::EgressPolicy;

/// The addresses of this machine, as `--egress-allow` takes them.
pub const THIS_MACHINE: [&str; 2] = ["127.0.0.0/8", "::1"];

/// A policy that allows every address of this machine.
pub fn this_machine() -> EgressPolicy {
    EgressPolicy::parse(&THIS_MACHINE, &[]).expect("rules")
}
