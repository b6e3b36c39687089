//! The news of test messages, as they happen: a page that is seen reads one stream of events for its
//! whole browser, under a lock that the browser's pages share, and passes on what it hears. A page
//! that is hidden reads nothing, and the next one has the lock. Where a browser has no such lock (a
//! plain http page in a company network), each page that is seen reads a stream of its own. It only
//! tells: whoever has to know polls where nothing is heard.

use std::time::Duration;

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::js_sys::{Math, Promise};
use web_sys::{AbortController, AbortSignal, BroadcastChannel, MessageEvent};

use super::test_email::TestState;
use crate::deadline::pause;

/// Where the stream is.
const STREAM: &str = "/api/email/events";

/// What the lock and the channel of a browser's pages are called.
pub const NEWS: &str = "ppm-email-events";

/// How many milliseconds to wait before a stream that broke is opened again, at first and at most;
/// half of it, or half as much more, as chance will have it.
const AGAIN: (f64, f64) = (1_000.0, 30_000.0);

#[wasm_bindgen]
extern "C" {
    /// What reads a stream piece by piece (WHATWG Streams, 4.4).
    pub type Reader;

    #[wasm_bindgen(method, catch)]
    async fn read(this: &Reader) -> Result<Piece, JsValue>;

    type Piece;

    #[wasm_bindgen(method, getter)]
    fn value(this: &Piece) -> Option<Vec<u8>>;

    /// Web Locks, 3.3: waits for the lock, and has it as long as what it calls has something to do.
    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = request, catch)]
    fn with_lock(name: &str, held: &JsValue) -> Result<Promise, JsValue>;
}

/// Whoever hears of test messages, and tells the other pages of this browser.
#[derive(Clone, Copy)]
struct Listener {
    test: TestState,
    channel: StoredValue<Option<BroadcastChannel>, LocalStorage>,
    /// What ends the reading.
    reading: StoredValue<AbortController, LocalStorage>,
}

/// Hears of test messages for as long as the tab is there.
pub fn listen(test: TestState) {
    let (Ok(reading), name) = (AbortController::new(), test.host().news()) else { return };
    let channel = BroadcastChannel::new(&name).ok();
    if let Some(channel) = &channel {
        let hear = Closure::<dyn FnMut(_)>::new(move |event: MessageEvent| {
            test.hear(&event.data().as_string().unwrap_or_default());
        });
        channel.set_onmessage(Some(hear.into_js_value().unchecked_ref()));
    }
    let listener = Listener {
        test,
        channel: StoredValue::new_local(channel),
        reading: StoredValue::new_local(reading),
    };
    listener.look();
    let looking = window_event_listener(ev::visibilitychange, move |_| listener.look());
    on_cleanup(move || {
        looking.remove();
        listener.stop();
        listener.channel.try_with_value(|channel| channel.as_ref().map(BroadcastChannel::close));
    });
}

impl Listener {
    fn stop(self) {
        self.reading.try_with_value(AbortController::abort);
    }

    /// Reads while the page is seen, and only then.
    fn look(self) {
        self.stop();
        if document().hidden() {
            return;
        }
        if let Ok(reading) = AbortController::new() {
            let signal = reading.signal();
            self.reading.set_value(reading);
            self.test.host().spawn(self.stay(signal));
        }
    }

    /// Reads one stream after another until it is aborted.
    async fn stay(self, signal: AbortSignal) {
        let mut wait = AGAIN.0;
        while !signal.aborted() {
            let (own, name) = (signal.clone(), self.test.host().news());
            let reading =
                move || future_to_promise(async move { Ok(JsValue::from(self.read(&own).await)) });
            let has_heard = match with_lock(&name, &Closure::once_into_js(reading)) {
                Ok(held) => JsFuture::from(held).await.is_ok_and(|has_heard| has_heard.is_truthy()),
                Err(_) => self.read(&signal).await,
            };
            if has_heard {
                wait = AGAIN.0;
            }
            // Not all at once, where they have all lost the same server.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a minute")]
            let millis = (wait * (0.5 + Math::random())) as u32;
            pause(Duration::from_millis(millis.into())).await;
            wait = (wait * 2.0).min(AGAIN.1);
        }
    }

    /// Reads a stream to its end, and returns whether it was one. Each event is one line of data.
    async fn read(self, signal: &AbortSignal) -> bool {
        let (mut has_heard, mut text) = (false, Vec::new());
        if signal.aborted() {
            return false;
        }
        let Some(reader) = self.test.host().stream(STREAM, signal).await else { return false };
        while let Ok(piece) = reader.read().await
            && let Some(octets) = piece.value()
        {
            has_heard = true;
            text.extend(octets);
            while let Some(end) = text.iter().position(|&octet| octet == b'\n') {
                let line: Vec<_> = text.drain(..=end).collect();
                if let Some(Ok(json)) = line.strip_prefix(b"data: ").map(str::from_utf8) {
                    self.tell(json);
                }
            }
        }
        has_heard
    }

    fn tell(self, json: &str) {
        self.test.hear(json);
        self.channel.try_with_value(|channel| {
            channel.as_ref().map(|channel| channel.post_message(&JsValue::from_str(json)))
        });
    }
}
