//! Servers that leave the conversation at any place of it: each ends the step it was at, within the
//! deadline, and is never called again.

use std::io;
use std::time::Duration;

use domain::delivery::{Advice, Step};
use server::smtp::Deadlines;
use tokio::sync::oneshot;

use super::places::{Cell, Place, all_hold, unlike};
use crate::support::smtp_server::{Peer, SmtpServer};

/// Long enough for a dozen handshakes at once on a busy machine.
const PATIENT: Deadlines = Deadlines {
    connect: Duration::from_secs(5),
    reply: Duration::from_secs(1),
    total: Duration::from_secs(4),
};

/// What a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(10);

/// How a server leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Closes,
    Resets,
    FallsSilent,
    Says421,
}

impl Deed {
    async fn done_by(self, mut peer: Peer, over: oneshot::Receiver<()>) -> io::Result<()> {
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

    fn expected_at(self, place: Place) -> Option<(Step, Advice)> {
        match (place, self) {
            (Place::Quit, _) => None,
            (Place::Handshake, Self::Says421) => Some((Step::Tls, Advice::StartTlsInjected)),
            (_, Self::Says421) => Some((place.step(), Advice::TryLater)),
            (Place::Connection, Self::FallsSilent) => Some(place.ends_with(Advice::Silent)),
            (_, Self::FallsSilent) => Some(place.ends_with(Advice::StoppedAnswering)),
            (_, Self::Closes | Self::Resets) => Some(place.ends_with(Advice::ConnectionLost)),
        }
    }
}

/// One attempt at a server that leaves at a place.
async fn cell(place: Place, deed: Deed) -> Cell {
    let (over, is_over) = oneshot::channel();
    let server = SmtpServer::play(move |mut peer| async move {
        peer.until(place).await?;
        deed.done_by(peer, is_over).await
    });
    let mut attempt = place.attempt(&server);
    let longest = match deed {
        Deed::FallsSilent => {
            attempt.deadlines = PATIENT;
            PATIENT.total + SLACK
        }
        // Far from the deadline, so that it is the deed that ended it.
        _ => attempt.deadlines.reply,
    };
    let outcome = attempt.run().await;
    let _ = over.send(());
    let heard = server.heard().await;

    let messages = usize::from(matches!(place, Place::FinalDot | Place::Quit));
    let wrong = unlike(&outcome, deed.expected_at(place))
        .or_else(|| (outcome.took >= longest).then(|| format!("took {:?}", outcome.took)))
        .or_else(|| (heard.connections != 1).then(|| format!("{} calls", heard.connections)))
        .or_else(|| (heard.messages != messages).then(|| format!("{} messages", heard.messages)));
    (format!("{deed:?} at {place:?}"), wrong)
}

async fn everywhere(deed: Deed) {
    all_hold(Place::ALL.into_iter().map(|place| cell(place, deed))).await;
}

#[tokio::test]
async fn a_server_that_closes_the_connection_ends_the_step_it_was_at() {
    everywhere(Deed::Closes).await;
}

#[tokio::test]
async fn a_server_that_resets_the_connection_ends_the_step_it_was_at() {
    everywhere(Deed::Resets).await;
}

#[tokio::test]
async fn a_server_that_falls_silent_ends_the_step_it_was_at_by_the_deadline() {
    everywhere(Deed::FallsSilent).await;
}

#[tokio::test]
async fn a_server_that_says_421_is_to_be_tried_later() {
    everywhere(Deed::Says421).await;
}
