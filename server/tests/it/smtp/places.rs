//! The places of one conversation at which a server can turn hostile, and a server that is good
//! until then. Tests that cross places with deeds are in `cuts` and `replies`.

use std::io;

use domain::delivery::{Advice, Step};
use domain::settings::Security;
use tokio::task::JoinSet;

use super::{Attempt, Outcome};
use crate::support::smtp_server::{AUTHORITY, Peer, SmtpServer};

/// What the caller has just said, all of it heard and none of it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing: the greeting is due.
    Connection,
    Ehlo,
    StartTls,
    /// The hello of TLS.
    Handshake,
    EhloUnderTls,
    /// AUTH LOGIN.
    Auth,
    Username,
    Password,
    Mail,
    Rcpt,
    Data,
    /// The beginning of a message that does not fit into any buffer.
    Body,
    FinalDot,
    Quit,
}

impl Place {
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

    /// Those at which the caller waits for a reply and acts on it.
    pub(super) fn of_replies() -> impl Iterator<Item = Self> {
        let others = [Self::Handshake, Self::Body, Self::Quit];
        Self::ALL.into_iter().filter(move |place| !others.contains(place))
    }

    /// Those of them that are under TLS.
    pub(super) fn of_replies_under_tls() -> impl Iterator<Item = Self> {
        Self::of_replies().skip(3)
    }

    /// The step that ends there with a refusal.
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

    /// What is to be advised where the conversation ends without a good reply: after the final dot,
    /// that is always that nobody knows.
    pub(super) fn ends_with(self, advice: Advice) -> (Step, Advice) {
        match self {
            Self::FinalDot => (Step::Accepted, Advice::MaybeDelivered),
            _ => (self.step(), advice),
        }
    }

    /// An attempt that comes to this place, by STARTTLS and LOGIN.
    pub(super) fn attempt(self, server: &SmtpServer) -> Attempt {
        let attempt = Attempt::at(server, Security::StartTls).signed_in("ppm", "secret");
        match self {
            Self::Body => attempt.with_message(&vec![b'x'; 8 << 20]),
            _ => attempt,
        }
    }
}

impl Peer {
    /// Is a good server until the caller comes to a place.
    pub(super) async fn until(&mut self, place: Place) -> io::Result<()> {
        if place == Place::Connection {
            return Ok(());
        }
        self.say("220 hello").await?;
        for (at, answer) in
            [(Place::Ehlo, "250-hello\r\n250 STARTTLS"), (Place::StartTls, "220 go")]
        {
            self.hear().await?;
            if at == place {
                return Ok(());
            }
            self.say(answer).await?;
        }
        if place == Place::Handshake {
            return self.hear_something().await;
        }
        self.start_tls(AUTHORITY.good()).await?;
        for (at, answer) in [
            (Place::EhloUnderTls, "250-hello\r\n250 AUTH LOGIN"),
            (Place::Auth, "334 VXNlcm5hbWU6"),
            (Place::Username, "334 UGFzc3dvcmQ6"),
            (Place::Password, "235 welcome"),
            (Place::Mail, "250 fine"),
            (Place::Rcpt, "250 fine"),
            (Place::Data, "354 go on"),
        ] {
            self.hear().await?;
            if at == place {
                return Ok(());
            }
            self.say(answer).await?;
        }
        if place == Place::Body {
            return self.hear_something().await;
        }
        self.hear_content().await?;
        if place == Place::FinalDot {
            return Ok(());
        }
        self.say("250 taken").await?;
        self.hear().await.map(drop)
    }
}

/// A cell of a matrix: what it is called, and what was wrong in it, if anything.
pub(super) type Cell = (String, Option<String>);

/// Waits for all cells of a matrix at once, and names those that are wrong.
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

/// What is wrong where an attempt ended otherwise than expected; nothing expected is success.
pub(super) fn unlike(outcome: &Outcome, expected: Option<(Step, Advice)>) -> Option<String> {
    let found = outcome.result.as_ref().err().map(|failure| (failure.step, failure.advice));
    (found != expected).then(|| format!("{found:?} instead of {expected:?}"))
}
