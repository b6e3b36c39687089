//! The latest test message of whoever is signed in as a stream of events (WHATWG HTML, 9.2), so that
//! its steps are seen as they happen. It tells what a call would be told, and to nobody else; a page
//! that has no stream polls. A stream ends by itself, when its session does, and at once when the
//! server stops.

use std::convert::Infallible;
use std::time::Duration;

use app::service::Principal;
use axum::extract::{Extension, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use super::refusal::Refusal;
use crate::Server;
use crate::identity::Caller;
use crate::identity::sessions::SessionKey;
use crate::service::{Watching, shown};
use crate::store::runs::Kept;

/// Where it is.
pub const EVENTS: &str = "/api/email/events";

/// That nothing between here and the page keeps it, packs it (RFC 9111 5.2.2.6) or, as nginx would,
/// saves it up.
const LIVE: [(HeaderName, HeaderValue); 2] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];

/// How long a stream lasts at most whose reader is not known by a session.
const UNASKED: Duration = Duration::from_mins(1);

/// `GET /api/email/events`.
pub async fn events(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let Caller { principal: Some(who), session, .. } = caller else {
        return Refusal::SIGNED_OUT.into_response();
    };
    let Some(watching) = server.news.watch(&server.store, &server.clock, &who.id) else {
        return Refusal::TOO_MANY_STREAMS.into_response();
    };
    let pace = server.news.pace();
    // Only a session can be asked about in between; whoever is known otherwise comes back sooner.
    let lifetime = if session.is_some() { pace.lifetime } else { pace.lifetime.min(UNASKED) };
    let stream = Stream {
        end: Instant::now() + lifetime,
        again: every(pace.recognise),
        is_new: true,
        server,
        who,
        session,
        watching,
    };
    let events = unfold(stream, |mut stream| async {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    let keep_alive = KeepAlive::new().interval(pace.keep_alive);
    (LIVE, Sse::new(events).keep_alive(keep_alive)).into_response()
}

/// A stream that somebody reads.
struct Stream {
    server: Server,
    who: Principal,
    session: Option<SessionKey>,
    watching: Watching,
    /// When to look whether the session goes on.
    again: Interval,
    end: Instant,
    is_new: bool,
}

impl Stream {
    /// The next event; nothing once the stream is over.
    async fn next(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.is_new) {
            // A proxy may hold the headers back until something follows them.
            return Some(Event::default().comment("here"));
        }
        let stopping = self.server.stopping.clone();
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                () = sleep_until(self.end) => return None,
                _ = self.again.tick() => self.recognise().await?,
                kept = self.watching.next() => {
                    let kept = kept?;
                    self.recognise().await?;
                    return self.event(kept);
                }
            }
        }
    }

    /// Learns anew who is reading; nobody where their session has ended. Whoever is known by
    /// something else is asked for it when the stream has ended and they come back.
    async fn recognise(&mut self) -> Option<()> {
        if let Some(key) = &self.session {
            let now = self.server.clock.now();
            let found = self.server.accounts.sessions().resume(key, now, false).await;
            self.who = found.ok().flatten()?;
        }
        Some(())
    }

    fn event(&self, kept: Kept) -> Option<Event> {
        let now = shown(&self.server, &self.who, kept).ok()?;
        let id = format!("{}-{}", now.run.id, now.run.steps.len());
        Event::default().event("run").id(id).json_data(now).ok()
    }
}

/// Ticks, for the first time after one period.
fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.reset();
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
