//! Tests of servers that end the session at any point: the current step fails within the deadline,
//! and nothing is retried.

use std::io;
use std::time::Duration;

use domain::delivery::{Diagnosis, Step};
use smtp::Deadlines;
use testkit::smtp_server::{SmtpPeer, SmtpServer};
use tokio::sync::oneshot;

use super::session_points::{Cell, SessionPoint, all_hold, unlike, until};

/// Deadlines long enough for a dozen concurrent handshakes on a busy machine.
const PATIENT: Deadlines = Deadlines {
    connect: Duration::from_secs(5),
    reply: Duration::from_secs(1),
    total: Duration::from_secs(4),
};

/// The delay that a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(10);

/// How a server ends the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disconnect {
    Closes,
    Resets,
    FallsSilent,
    Says421,
}

impl Disconnect {
    async fn perform(self, mut peer: SmtpPeer, over: oneshot::Receiver<()>) -> io::Result<()> {
        match self {
            Self::Closes => peer.close().await,
            Self::Resets => peer.reset(),
            Self::FallsSilent => {
                let _ = over.await;
                Ok(())
            }
            Self::Says421 => {
                peer.say("421 4.3.2 Going down").await?;
                peer.close().await?;
                peer.is_left().await
            }
        }
    }

    fn expected_at(self, place: SessionPoint) -> Option<(Step, Diagnosis)> {
        match (place, self) {
            (SessionPoint::Quit, _) => None,
            (SessionPoint::Handshake, Self::Says421) => {
                Some((Step::Tls, Diagnosis::StartTlsInjected))
            }
            (_, Self::Says421) => Some((place.step(), Diagnosis::TryLater)),
            (SessionPoint::Connection, Self::FallsSilent) => {
                Some(place.ends_with(Diagnosis::Silent))
            }
            (_, Self::FallsSilent) => Some(place.ends_with(Diagnosis::StoppedAnswering)),
            (_, Self::Closes | Self::Resets) => Some(place.ends_with(Diagnosis::ConnectionLost)),
        }
    }
}

/// Runs a delivery to a server that ends the session at a point.
async fn cell(place: SessionPoint, disconnect: Disconnect) -> Cell {
    let (over, is_over) = oneshot::channel();
    let server = SmtpServer::play(move |mut peer| async move {
        until(&mut peer, place).await?;
        disconnect.perform(peer, is_over).await
    });
    let mut attempt = place.attempt(&server);
    let longest = match disconnect {
        Disconnect::FallsSilent => {
            attempt.deadlines = PATIENT;
            PATIENT.total + SLACK
        }
        // Well below the deadline, so that the disconnect is what ends the session.
        _ => attempt.deadlines.reply,
    };
    let outcome = attempt.run().await;
    let _ = over.send(());
    let received = server.received().await;

    let messages = usize::from(matches!(place, SessionPoint::FinalDot | SessionPoint::Quit));
    let wrong = unlike(&outcome, disconnect.expected_at(place))
        .or_else(|| (outcome.took >= longest).then(|| format!("took {:?}", outcome.took)))
        .or_else(|| (received.connections != 1).then(|| format!("{} calls", received.connections)))
        .or_else(|| {
            (received.messages != messages).then(|| format!("{} messages", received.messages))
        });
    (format!("{disconnect:?} at {place:?}"), wrong)
}

async fn at_every_place(disconnect: Disconnect) {
    all_hold(SessionPoint::ALL.into_iter().map(|place| cell(place, disconnect))).await;
}

#[tokio::test]
async fn a_closed_connection_ends_the_current_step() {
    at_every_place(Disconnect::Closes).await;
}

#[tokio::test]
async fn a_reset_connection_ends_the_current_step() {
    at_every_place(Disconnect::Resets).await;
}

#[tokio::test]
async fn a_server_that_stops_answering_ends_the_current_step_at_the_deadline() {
    at_every_place(Disconnect::FallsSilent).await;
}

#[tokio::test]
async fn a_421_means_to_try_later() {
    at_every_place(Disconnect::Says421).await;
}
