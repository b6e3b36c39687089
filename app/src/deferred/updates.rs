//! The client of the event stream: saves, incidents, and the progress of a test message. One visible page per
//! browser reads the stream, under a Web Lock that the browser's pages share, and forwards each event
//! on a `BroadcastChannel`. A hidden page releases the lock. Without Web Locks (they need a secure
//! context), each visible page reads its own stream. Events are not guaranteed to arrive: consumers
//! poll when none do.

use std::time::Duration;

use leptos::{ev, prelude::*};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::js_sys::{Math, Promise};
use web_sys::{AbortController, AbortSignal, BroadcastChannel, MessageEvent};

use contract::SettingsSaved;

use crate::model::{form::FormState, incident::IncidentState, test_run::TestState};
use crate::{deadline::pause, json};

const STREAM: &str = "/api/email/events";

/// The first and the longest delay before a broken stream is reopened, in milliseconds. Each delay
/// has a random jitter of up to half of it in either direction.
const RETRY_DELAY: (f64, f64) = (1_000.0, 30_000.0);

#[wasm_bindgen]
extern "C" {
    /// `LockManager.request` (Web Locks, 3.3): waits for the lock and holds it until the promise that
    /// the callback returns has settled.
    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = request, catch)]
    fn with_lock(name: &str, held: &JsValue) -> Result<Promise, JsValue>;
}

/// Receives events and forwards them to this browser's other pages.
#[derive(Clone, Copy)]
struct Listener {
    form: FormState,
    test: TestState,
    incident: IncidentState,
    channel: StoredValue<Option<BroadcastChannel>, LocalStorage>,
    /// Aborts the current read.
    abort: StoredValue<AbortController, LocalStorage>,
}

/// Subscribes to the event stream until the component is disposed.
pub fn subscribe(form: FormState, test: TestState, incident: IncidentState) {
    let (Ok(abort), name) = (AbortController::new(), test.host.news()) else { return };
    let channel = BroadcastChannel::new(&name).ok();
    if let Some(channel) = &channel {
        let on_message = Closure::<dyn FnMut(_)>::new(move |event: MessageEvent| {
            receive(form, test, incident, &event.data().as_string().unwrap_or_default());
        });
        channel.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    }
    let listener = Listener {
        form,
        test,
        incident,
        channel: StoredValue::new_local(channel),
        abort: StoredValue::new_local(abort),
    };
    listener.restart();
    form.host.spawn(incident.watch(form));
    let on_visibility = window_event_listener(ev::visibilitychange, move |_| listener.restart());
    on_cleanup(move || {
        on_visibility.remove();
        listener.stop();
        listener.channel.try_with_value(|channel| channel.as_ref().map(BroadcastChannel::close));
    });
}

impl Listener {
    fn stop(self) {
        self.abort.try_with_value(AbortController::abort);
    }

    /// Stops reading, then starts again if the page is visible.
    fn restart(self) {
        self.stop();
        if document().hidden() {
            return;
        }
        if let Ok(abort) = AbortController::new() {
            let signal = abort.signal();
            self.abort.set_value(abort);
            self.test.host.spawn(self.read_until_aborted(signal));
        }
    }

    /// Reads the stream, reopening it with exponential back-off, until aborted.
    async fn read_until_aborted(self, signal: AbortSignal) {
        let mut wait = RETRY_DELAY.0;
        while !signal.aborted() {
            let (own, name) = (signal.clone(), self.test.host.news());
            let reading =
                move || future_to_promise(async move { Ok(JsValue::from(self.read(&own).await)) });
            let has_data = match with_lock(&name, &Closure::once_into_js(reading)) {
                Ok(held) => JsFuture::from(held).await.is_ok_and(|has_data| has_data.is_truthy()),
                Err(_) => self.read(&signal).await,
            };
            if has_data {
                wait = RETRY_DELAY.0;
            }
            // Jitter: all clients of a server that restarts lose their streams at the same time.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a minute")]
            let millis = (wait * (0.5 + Math::random())) as u32;
            pause(Duration::from_millis(millis.into())).await;
            wait = (wait * 2.0).min(RETRY_DELAY.1);
        }
    }

    /// Reads a stream to its end. Returns whether any data arrived. Each event is one `data:` line.
    async fn read(self, signal: &AbortSignal) -> bool {
        let (mut has_data, mut text) = (false, Vec::new());
        if signal.aborted() {
            return false;
        }
        let Some(reader) = self.test.host.stream(STREAM, signal).await else { return false };
        while let Ok(chunk) = reader.read().await
            && let Some(octets) = chunk.value()
        {
            has_data = true;
            text.extend(octets);
            // A sign of life for the pages that wait for the lock, too.
            self.tell("");
            while let Some(end) = text.iter().position(|&octet| octet == b'\n') {
                let line: Vec<_> = text.drain(..=end).collect();
                if let Some(Ok(json)) = line.strip_prefix(b"data: ").map(str::from_utf8) {
                    self.tell(json);
                }
            }
        }
        has_data
    }

    fn tell(self, json: &str) {
        receive(self.form, self.test, self.incident, json);
        self.channel.try_with_value(|channel| {
            channel.as_ref().map(|channel| channel.post_message(&JsValue::from_str(json)))
        });
    }
}

/// Handles the data of an event, which tells what it is; empty data is a sign of life.
fn receive(form: FormState, test: TestState, incident: IncidentState, json: &str) {
    incident.mark_alive();
    if json.is_empty() {
        return;
    }
    let json = json.as_bytes();
    if let Ok(SettingsSaved { revision }) = json::read(json) {
        return form.learn_revision(revision);
    }
    match json::read(json) {
        Ok(run) => test.receive(run),
        Err(_) => {
            if let Ok(open) = json::read(json) {
                incident.receive(form, open);
            }
        }
    }
}
