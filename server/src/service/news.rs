//! Who watches their test messages, and what they are to hear. One task looks at the database for
//! each person who watches, however many streams they have open; a run of this process wakes it as
//! each step is written, one of another node is found at the next look. The database is the only
//! source, so that a stream never tells what a reload would not show. Nothing is left behind when
//! the last stream of a person ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::clock::Clock;
use crate::log::one_line;
use crate::store::Store;
use crate::store::runs::{self, Kept};

/// How often to look, how long a stream lives, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks at the database while a message is under way.
    pub look: Duration,
    /// Between two looks while none is known to be.
    pub look_idle: Duration,
    /// After how much silence a stream says that it is there.
    pub keep_alive: Duration,
    /// Between two looks whether a session goes on.
    pub recognise: Duration,
    /// After how long a stream ends, so that whoever reads it is recognised anew.
    pub lifetime: Duration,
    /// The streams of one server.
    pub most: usize,
    /// The streams of one person, so that nobody takes them all.
    pub most_of_one: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look: Duration::from_millis(500),
            look_idle: Duration::from_secs(2),
            keep_alive: Duration::from_secs(15),
            recognise: Duration::from_secs(15),
            lifetime: Duration::from_mins(5),
            most: 1_000,
            most_of_one: 250,
        }
    }
}

/// Everybody who watches.
#[derive(Debug)]
pub struct News {
    pace: Pace,
    room: Arc<Semaphore>,
    people: Mutex<HashMap<String, Watched>>,
}

/// A person who watches.
#[derive(Debug)]
struct Watched {
    streams: usize,
    latest: watch::Receiver<Option<Kept>>,
    wake: Arc<Notify>,
    _looking: AbortOnDropHandle<()>,
}

/// A place among those who watch, given back when it is dropped.
#[derive(Debug)]
pub struct Watching {
    news: Arc<News>,
    person: String,
    latest: watch::Receiver<Option<Kept>>,
    _room: OwnedSemaphorePermit,
}

impl News {
    /// Nobody watches yet.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, room: Arc::new(Semaphore::new(pace.most)), people: Mutex::default() }
    }

    /// How things are paced.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Watches a person's latest test message; nothing where too many watch already.
    pub fn watch(
        self: &Arc<Self>,
        store: &Store,
        clock: &Arc<dyn Clock>,
        person: &str,
    ) -> Option<Watching> {
        let room = self.room.clone().try_acquire_owned().ok()?;
        let mut people = self.people();
        if people.get(person).is_some_and(|watched| watched.streams >= self.pace.most_of_one) {
            return None;
        }
        let watched = people
            .entry(person.to_owned())
            .or_insert_with(|| Watched::begin(self.pace, store, clock, person));
        watched.streams += 1;
        // Whoever comes later gets what is known at once, and what has happened since soon after.
        watched.wake.notify_one();
        let mut latest = watched.latest.clone();
        latest.mark_changed();
        Some(Watching { news: self.clone(), person: person.to_owned(), latest, _room: room })
    }

    /// Tells whoever watches this person's messages that there is something to see.
    pub fn tell(&self, person: &str) {
        if let Some(watched) = self.people().get(person) {
            watched.wake.notify_one();
        }
    }

    /// Whether nobody watches, and nothing is kept for anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let people = self.people();
        people.is_empty() && self.room.available_permits() == self.pace.most
    }

    fn people(&self) -> MutexGuard<'_, HashMap<String, Watched>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn begin(pace: Pace, store: &Store, clock: &Arc<dyn Clock>, person: &str) -> Self {
        let (tell, latest) = watch::channel(None);
        let wake = Arc::new(Notify::new());
        let (store, clock, person) = (store.clone(), clock.clone(), person.to_owned());
        let looking = tokio::spawn(look(pace, store, clock, person, tell, wake.clone()));
        Self { streams: 0, latest, wake, _looking: AbortOnDropHandle::new(looking) }
    }
}

impl Watching {
    /// Waits for the person's latest message to be another one, or further on than it was. What is
    /// known already comes at once. Nothing where nobody looks any more.
    pub async fn next(&mut self) -> Option<Kept> {
        loop {
            self.latest.changed().await.ok()?;
            if let Some(kept) = self.latest.borrow_and_update().clone() {
                return Some(kept);
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut people = self.news.people();
        let Some(watched) = people.get_mut(&self.person) else { return };
        watched.streams -= 1;
        if watched.streams == 0 {
            people.remove(&self.person);
        }
        if people.is_empty() {
            people.shrink_to_fit();
        }
    }
}

/// Looks for a person's latest message, over and over, and tells when it is another than before.
async fn look(
    pace: Pace,
    store: Store,
    clock: Arc<dyn Clock>,
    person: String,
    tell: watch::Sender<Option<Kept>>,
    wake: Arc<Notify>,
) {
    let mut is_failing = false;
    loop {
        match runs::latest(&store, Some(&person)).await {
            Ok(latest) => {
                is_failing = false;
                let latest = latest.map(|kept| kept.at(clock.now()));
                tell.send_if_modified(|known| {
                    let is_news = *known != latest;
                    *known = latest;
                    is_news
                });
            }
            Err(error) if !is_failing => {
                is_failing = true;
                tracing::error!(error = one_line(&error), "test messages cannot be watched");
            }
            Err(_) => {}
        }
        let is_under_way =
            tell.borrow().as_ref().is_some_and(|latest| latest.run.outcome.is_none());
        let pause = if is_under_way { pace.look } else { pace.look_idle };
        tokio::select! {
            () = wake.notified() => {}
            () = sleep(pause) => {}
        }
    }
}
