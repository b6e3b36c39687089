//! The points of a session at which a server can turn hostile, and a server that is correct until
//! then. The tests that combine them are in `cuts` and `replies`.

use std::io;

use domain::delivery::{Diagnosis, Step};
use testkit::smtp_server::{AUTHORITY, SmtpPeer, SmtpServer};
use tokio::task::JoinSet;

use super::{DeliveryAttempt, DeliveryResult, with_password};

/// A point of a session: the client has sent this, and the server has read and not answered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionPoint {
    /// The connection: the greeting is due.
    Connection,
    Ehlo,
    StartTls,
    /// The TLS `ClientHello`.
    Handshake,
    EhloUnderTls,
    /// AUTH LOGIN.
    Auth,
    Username,
    Password,
    Mail,
    Rcpt,
    Data,
    /// The start of a message that exceeds all buffers.
    Body,
    FinalDot,
    Quit,
}

impl SessionPoint {
    pub(super) const ALL: [Self; 14] = [
        Self::Connection,
        Self::Ehlo,
        Self::StartTls,
        Self::Handshake,
        Self::EhloUnderTls,
        Self::Auth,
        Self::Username,
        Self::Password,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Body,
        Self::FinalDot,
        Self::Quit,
    ];

    /// Returns the points at which the client waits for a reply and acts on it.
    pub(super) fn of_replies() -> impl Iterator<Item = Self> {
        let others = [Self::Handshake, Self::Body, Self::Quit];
        Self::ALL.into_iter().filter(move |place| !others.contains(place))
    }

    /// Returns those of them that are under TLS.
    pub(super) fn of_replies_under_tls() -> impl Iterator<Item = Self> {
        Self::of_replies().skip(3)
    }

    /// Returns the step that a refusal at this point fails.
    pub(super) fn step(self) -> Step {
        match self {
            Self::Connection => Step::Greeting,
            Self::StartTls | Self::Handshake => Step::Tls,
            Self::Ehlo | Self::EhloUnderTls => Step::Capabilities,
            Self::Auth | Self::Username | Self::Password => Step::SignIn,
            Self::Mail => Step::Sender,
            Self::Rcpt => Step::Recipient,
            Self::Data | Self::Body | Self::FinalDot | Self::Quit => Step::Content,
        }
    }

    /// Returns the expected failure if the session ends without a valid reply: after the final dot
    /// the outcome is always unknown.
    pub(super) fn ends_with(self, diagnosis: Diagnosis) -> (Step, Diagnosis) {
        match self {
            Self::FinalDot => (Step::Accepted, Diagnosis::MaybeDelivered),
            _ => (self.step(), diagnosis),
        }
    }

    /// Creates a delivery that reaches this point, by STARTTLS and LOGIN.
    pub(super) fn attempt(self, server: &SmtpServer) -> DeliveryAttempt {
        let attempt = with_password(server);
        match self {
            Self::Body => attempt.with_message(&vec![b'x'; 8 << 20]),
            _ => attempt,
        }
    }
}

/// Acts as a correct server until the client reaches a point.
pub(super) async fn until(peer: &mut SmtpPeer, place: SessionPoint) -> io::Result<()> {
    if place == SessionPoint::Connection {
        return Ok(());
    }
    peer.say("220 hello").await?;
    for (at, answer) in
        [(SessionPoint::Ehlo, "250-hello\r\n250 STARTTLS"), (SessionPoint::StartTls, "220 go")]
    {
        peer.read_line().await?;
        if at == place {
            return Ok(());
        }
        peer.say(answer).await?;
    }
    if place == SessionPoint::Handshake {
        return peer.read_some().await;
    }
    peer.start_tls(AUTHORITY.good()).await?;
    for (at, answer) in [
        (SessionPoint::EhloUnderTls, "250-hello\r\n250 AUTH LOGIN"),
        (SessionPoint::Auth, "334 VXNlcm5hbWU6"),
        (SessionPoint::Username, "334 UGFzc3dvcmQ6"),
        (SessionPoint::Password, "235 welcome"),
        (SessionPoint::Mail, "250 fine"),
        (SessionPoint::Rcpt, "250 fine"),
        (SessionPoint::Data, "354 go on"),
    ] {
        peer.read_line().await?;
        if at == place {
            return Ok(());
        }
        peer.say(answer).await?;
    }
    if place == SessionPoint::Body {
        return peer.read_some().await;
    }
    peer.read_content().await?;
    if place == SessionPoint::FinalDot {
        return Ok(());
    }
    peer.say("250 taken").await?;
    peer.read_line().await.map(drop)
}

/// A cell of a test matrix: its name, and its failure if there is one.
pub(super) type Cell = (String, Option<String>);

/// Runs all cells of a matrix concurrently, and lists those that failed.
pub(super) async fn all_hold(
    cells: impl IntoIterator<Item: Future<Output = Cell> + Send + 'static>,
) {
    let cells: JoinSet<Cell> = cells.into_iter().collect();
    let wrong: Vec<String> = cells
        .join_all()
        .await
        .into_iter()
        .filter_map(|(name, wrong)| Some(format!("{name}: {}", wrong?)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Returns the difference to the expected failure; `None` expects success.
pub(super) fn unlike(
    outcome: &DeliveryResult,
    expected: Option<(Step, Diagnosis)>,
) -> Option<String> {
    let found = outcome.result.as_ref().err().map(|failure| (failure.step, failure.diagnosis));
    (found != expected).then(|| format!("{found:?} instead of {expected:?}"))
}
