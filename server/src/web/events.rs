//! Server-sent events (WHATWG HTML, 9.2): saves of the settings, incidents, and the steps of the
//! signed-in user's last test message, as they happen. A stream shows what a call would show, and only to that user; a page without a
//! stream polls. A stream ends after its lifetime, with its session, and when the server stops.

use std::{convert::Infallible, time::Duration};

use axum::extract::{Extension, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use contract::{ApiCode, SettingsSaved};
use domain::Principal;
use futures_util::stream::unfold;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use super::api_error::refuse;
use crate::identity::Caller;
use crate::identity::sessions::SessionKey;
use crate::state::Server;
use crate::use_cases::{Subscription, Update, incident_shown, shown};

/// The path of the stream.
pub const EVENTS: &str = "/api/email/events";

/// Keeps intermediaries from storing or transforming the stream (RFC 9111 5.2.2.6), and nginx from
/// buffering it.
const LIVE: [(HeaderName, HeaderValue); 2] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];

/// The maximum lifetime of a stream whose reader is not authenticated by a session.
const WITHOUT_SESSION: Duration = Duration::from_mins(1);

/// `GET /api/email/events`.
pub async fn events(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let Caller { principal: Some(who), session, .. } = caller else {
        return refuse(ApiCode::SignedOut);
    };
    let Some(watching) = server.runs.updates.subscribe(&server.store, &server.clock, &who.id)
    else {
        return refuse(ApiCode::TooManyStreams);
    };
    let pace = server.runs.updates.timing();
    // Only a session can be checked meanwhile; any other caller must reconnect sooner.
    let lifetime =
        if session.is_some() { pace.lifetime } else { pace.lifetime.min(WITHOUT_SESSION) };
    let stream = Stream {
        end: Instant::now() + lifetime,
        again: every(pace.session_check_interval),
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

/// An open stream.
struct Stream {
    server: Server,
    who: Principal,
    session: Option<SessionKey>,
    watching: Subscription,
    /// When to check the session again.
    again: Interval,
    end: Instant,
    is_new: bool,
}

impl Stream {
    /// The next event; `None` once the stream is over.
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
                update = self.watching.next() => {
                    let update = update?;
                    self.recognise().await?;
                    return self.event(update).await;
                }
            }
        }
    }

    /// Checks the session again; `None` if it has ended. Other credentials are checked when the
    /// stream has ended and the client reconnects.
    async fn recognise(&mut self) -> Option<()> {
        if let Some(key) = &self.session {
            let now = self.server.clock.now();
            let found = self.server.people.accounts.sessions().resume(key, now, false).await;
            self.who = found.ok().flatten()?;
        }
        Some(())
    }

    async fn event(&self, update: Update) -> Option<Event> {
        match update {
            Update::Saved(revision) => {
                Event::default().event("saved").json_data(SettingsSaved { revision }).ok()
            }
            Update::Incident(open) => {
                let open = match open {
                    Some(open) => {
                        let shown = incident_shown(&self.server.checks, &self.who, *open).await;
                        Some(shown.ok()?)
                    }
                    None => None,
                };
                Event::default().event("incident").json_data(open).ok()
            }
            Update::Run(kept) => {
                let now = shown(&self.server.runs, &self.who, *kept).ok()?;
                let id = format!("{}-{}", now.run.id, now.run.steps.len());
                Event::default().event("run").id(id).json_data(now).ok()
            }
        }
    }
}

/// An interval whose first tick comes after one period.
fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.reset();
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
