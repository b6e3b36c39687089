//! An SMTP client (RFC 5321) that sends messages through one server and reports each step:
//! [`deliver`] sends one, a [`Session`] sends one after another.
//! lettre provides the message, the addresses and the commands. The connection is implemented here
//! because lettre's keeps neither the greeting nor the offered AUTH mechanisms, takes no TLS
//! configuration, and cannot tell a connection lost before the final dot from one lost after it.
//!
//! - `session` is the session from the name lookup to QUIT; begin there.
//! - `stream` limits time and memory; `protocol` frames lines, replies and content.
//! - `tls` decides trust and explains a failed handshake; `capabilities` parses the EHLO response;
//!   `sasl` implements AUTH; `client_name` is the argument of EHLO.
//! - `certificate` reads a server's certificate, `queue_id` the message's id in the final reply.
//! - `diagnosis` maps refusals to their causes; `mx_hosts` knows MX hosts that accept no
//!   submission; `report` reports the end of each step once, with secrets redacted.
//! - [`message`] composes the test message; `address` converts mailboxes to wire form.

mod address;
mod capabilities;
mod client_name;
mod diagnosis;
#[cfg(fuzzing)]
pub mod fuzz;
pub mod message;
mod mx_hosts;
mod protocol;
mod queue_id;
mod report;
mod sasl;
mod session;
mod stream;

use std::time::Duration;

pub use address::wire_form;
pub use capabilities::Capabilities;
pub use client_name::ClientName;
pub use sasl::{Bearer, Credentials};
pub use session::{
    Accepted, Attempt, Envelope, Failure, NotAccepted, OnRefusal, Refusal, Route, Session,
    Transaction, check, deliver,
};

/// The time limits of an SMTP session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// The limit of the name lookup, and of connecting to any of its addresses.
    pub connect: Duration,
    /// The limit of each command with its whole reply, of the TLS handshake, and of each block of a
    /// message's content.
    pub reply: Duration,
    /// The limit of opening a session, and of each message after that, without the time that its
    /// content may take ([`transfer_time`]).
    pub total: Duration,
}

/// The slowest speed at which the content of a message is sent, in octets a millisecond: 256 kbit/s.
pub const SLOWEST: u32 = 32;

/// Returns how much longer than any other a message with this many octets may take.
pub fn transfer_time(octets: usize) -> Duration {
    Duration::from_millis(octets as u64 / u64::from(SLOWEST))
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
