//! The SMTP conversation (RFC 5321): one message to one recipient through one server, step by
//! step, each reported as it ends. lettre gives the message, the addresses and the commands; the
//! connection is our own, because lettre's keeps neither the greeting nor which sign-ins were
//! offered, takes no TLS configuration, and cannot tell a cut before the final dot from one after.
//!
//! - `session` is the conversation, from top to bottom; begin there.
//! - `stream` bounds what a server may do in time and memory; `wire` knows lines, replies, content.
//! - `tls` says whom to trust and what a failed handshake means; `offers` reads EHLO's answer;
//!   `sasl` signs in; `client_name` is how PPM introduces itself.
//! - `certificate` reads what a server shows of itself, `queue_id` under which id it has a message.
//! - `replies` is the dictionary from refusals to advice, and `receiving` knows servers that take no
//!   mail for submission; `report` tells each step's end once,
//!   without the secrets that a server repeats.
//! - [`message`] composes the test message; `address` writes mailboxes.

mod address;
mod certificate;
mod client_name;
#[cfg(fuzzing)]
pub mod fuzz;
pub mod message;
mod offers;
mod queue_id;
mod receiving;
mod replies;
mod report;
mod sasl;
mod session;
mod stream;
mod tls;
mod wire;

use std::time::Duration;

pub use client_name::ClientName;
pub use sasl::{Bearer, Credentials};
pub use session::{Accepted, Envelope, Failure, deliver};
pub use tls::{TlsTrust, TrustError};
pub(crate) use tls::{diagnosis as tls_diagnosis, problem_of_trusted};

/// How long a conversation may take, and its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// For the name lookup, and for the connection to any of its addresses.
    pub connect: Duration,
    /// For each command and its whole reply, and for the TLS handshake.
    pub reply: Duration,
    /// For everything.
    pub total: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            reply: Duration::from_secs(30),
            total: Duration::from_mins(1),
        }
    }
}
