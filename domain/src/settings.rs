//! Settings that can be used as they are: parsed from a draft and its opened secrets, on the
//! server only. Whoever holds one need not check again.

use secrecy::SecretString;

use crate::check::host::Host;
use crate::draft::TlsMode;

/// How a connection is protected, decided once from port, check box and mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// Clear throughout, with no STARTTLS even where it is offered.
    Clear,
    /// STARTTLS or nothing (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314 3.3).
    ImplicitTls,
}

impl Security {
    /// What Use TLS and TLS mode come to on this port: Automatic means TLS from the first byte on
    /// 465 and 2465, STARTTLS on any other.
    #[must_use]
    pub fn of(use_tls: bool, mode: TlsMode, port: u16) -> Self {
        match (use_tls, mode) {
            (false, _) => Self::Clear,
            (true, TlsMode::StartTls) => Self::StartTls,
            (true, TlsMode::Implicit) => Self::ImplicitTls,
            (true, TlsMode::Automatic) if matches!(port, 465 | 2465) => Self::ImplicitTls,
            (true, TlsMode::Automatic) => Self::StartTls,
        }
    }
}

/// A mail server and how to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name as typed (perhaps with letters beyond ASCII), or its address.
    pub host: Host,
    /// Its port; 0 reaches nothing.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
}

/// Who a message is from, to the server (MAIL FROM) and to its reader (From).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The Default Sender Email.
    pub address: String,
    /// The Display Name.
    pub display_name: String,
}

/// A user name and its password.
#[derive(Debug, Clone)]
pub struct Account {
    /// As typed.
    pub username: String,
    /// Opened for this one use.
    pub password: SecretString,
}
