//! The door to the deferred Wasm chunk: its views, and the commands of the state. The build splits the
//! module here; code reachable only from here is not in the first chunk. The server renders the banner
//! about an incident, the status strip and the groups of the token and the test; its other placeholders are empty on both
//! sides until the chunk has loaded.
//!
//! Only our own bundle is split (feature `bundle`), because a plain wasm-bindgen cannot link a module
//! that is to be split. In the bundle of a Leptos host the same functions are called directly.

#![expect(clippy::unnecessary_wraps, reason = "what may fail is the load, which `wasm_split` adds")]

use std::task::{Context, Poll, Waker};
use std::{pin::pin, time::Duration};

use domain::Field;
use leptos::prelude::*;
use leptos::wasm_split::SplitLoaderError;
#[cfg(feature = "bundle")]
use leptos::wasm_split::wasm_split;

use super::note::{AnnouncementView, Notes};
use super::notice::{ConflictNotice, ProblemSummary};
use super::{conflict::ConflictChoice, copying::CopyQuestionView, findings::FindingsView};
use super::{
    incident::{IncidentBanner, Reminders},
    save_bar::SaveBar,
    status::StatusStrip,
    test_email::SendTestEmail,
    token_panel::TokenPanel,
};
use crate::deadline::pause;
use crate::model::commands::{ChunkUnavailable, CommandFuture, Commands};
use crate::model::form::{BlockedAction, FormState, MergeConflict};
use crate::model::lookup::{Lookup, LookupRequest};
use crate::model::{
    copying::CopyQuestion, incident::IncidentState, test_run::TestState, token::TokenState,
};
use crate::view::reactive::{LiveView, live_view};

/// The delay before a failed load of the chunk is retried.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// A call of a function of the deferred chunk, as a future.
#[cfg(feature = "bundle")]
macro_rules! call {
    ($call:expr) => {
        $call
    };
}

#[cfg(not(feature = "bundle"))]
macro_rules! call {
    ($call:expr) => {
        std::future::ready($call)
    };
}

/// A view that is rendered from the deferred chunk.
pub enum DeferredView {
    /// The notice about another administrator's concurrent save.
    Conflict(MergeConflict),
    /// The choice between two conflicting values of one control.
    Choice(Field),
    /// The prompt before a copy of Basic SMTP Settings that requires a stored secret again.
    CopyQuestion(CopyQuestion),
    /// The effects outside the form; renders nothing.
    Effects,
    /// The result of a lookup.
    Findings(Lookup),
    /// A provider's announcement, such as the end of basic authentication.
    Notice,
    /// The notes on a control's text.
    Notes(Field),
    /// The summary of validation problems.
    Problems(BlockedAction),
    /// Save and Cancel, and what a save asks or says.
    SaveBar(TokenState, IncidentState),
    /// The group "Send Test Email".
    SendTest(TestState, TokenState, IncidentState),
    /// The banner about an open incident, the reminders, and the strip at the top.
    Status(TestState, TokenState, IncidentState),
    /// The group "OAuth Token Management".
    TokenPanel(TokenState),
}

/// A placeholder for a deferred view; empty until the chunk has loaded.
pub fn deferred(form: FormState, part: DeferredView) -> LiveView {
    let mut part = Some(part);
    live_view(move || {
        let part = part.take_if(|_| form.is_chunk_loaded());
        part.and_then(|part| render(form, part)).unwrap_or_else(|| ().into_any())
    })
}

/// A deferred view, if its code is here: on the server, or once the chunk has loaded.
pub fn render(form: FormState, part: DeferredView) -> Option<AnyView> {
    poll_once(call!(render_deferred(form, part)))
}

/// Begins to load the deferred chunk, for [`load`] to find it.
#[cfg(not(feature = "ssr"))]
pub async fn fetch() {
    let _ = preload().await;
}

/// Loads the deferred chunk, with retries.
pub async fn load(form: FormState) {
    while preload().await.is_err() {
        pause(RETRY_DELAY).await;
    }
    // In a separate task, after the one that brought the chunk.
    pause(Duration::ZERO).await;
    form.mark_chunk_loaded();
}

/// Each function that is called without waiting has to be preloaded, although all are in one file.
#[cfg(feature = "bundle")]
async fn preload() -> Result<(), SplitLoaderError> {
    load_views().await?;
    load_check().await
}

#[cfg(not(feature = "bundle"))]
fn preload() -> std::future::Ready<Result<(), SplitLoaderError>> {
    std::future::ready(Ok(()))
}

/// The output of a call to a preloaded function, which is ready on its first poll.
fn poll_once<T>(call: impl Future<Output = Result<T, SplitLoaderError>>) -> Option<T> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(brought)) => Some(brought),
        Poll::Ready(Err(_)) | Poll::Pending => None,
    }
}

#[cfg_attr(feature = "bundle", wasm_split(later, fallible, preload(load_views), wasm_split_path = leptos::wasm_split))]
fn render_deferred(form: FormState, part: DeferredView) -> Result<AnyView, SplitLoaderError> {
    Ok(match part {
        DeferredView::Conflict(conflict) => {
            view! { <ConflictNotice state=form conflict/> }.into_any()
        }
        DeferredView::Choice(field) => view! { <ConflictChoice state=form field/> }.into_any(),
        DeferredView::CopyQuestion(question) => view! { <CopyQuestionView question/> }.into_any(),
        DeferredView::Effects => {
            super::effects::start(form);
            ().into_any()
        }
        DeferredView::Findings(lookup) => view! { <FindingsView lookup/> }.into_any(),
        DeferredView::Notice => view! { <AnnouncementView form/> }.into_any(),
        DeferredView::Notes(field) => view! { <Notes form field/> }.into_any(),
        DeferredView::SaveBar(token, incident) => {
            view! { <SaveBar state=form token incident/> }.into_any()
        }
        DeferredView::Problems(wanted) => view! { <ProblemSummary state=form wanted/> }.into_any(),
        DeferredView::SendTest(test, token, incident) => {
            view! { <SendTestEmail form test token incident/> }.into_any()
        }
        DeferredView::Status(test, token, incident) => view! {
            <IncidentBanner form test incident/>
            <Reminders form incident/>
            <StatusStrip form test token/>
        }
        .into_any(),
        DeferredView::TokenPanel(token) => view! { <TokenPanel form token/> }.into_any(),
    })
}

/// The commands of the state that the deferred chunk runs.
pub static COMMANDS: Commands = Commands {
    check: |form| {
        // Without effect until the chunk has loaded. Problems are first shown by code in the chunk.
        poll_once(call!(check_and_show(form)));
    },
    save: |form| command(call!(save(form))),
    send_test: |form, test, is_typed| command(call!(send_test(form, test, is_typed))),
    copy: |question| command(call!(copy(question))),
    look_up: |lookup, request| command(call!(look_up(lookup, request))),
};

fn command(call: impl Future<Output = Result<(), SplitLoaderError>> + 'static) -> CommandFuture {
    Box::pin(async move { call.await.map_err(|_| ChunkUnavailable) })
}

#[cfg_attr(feature = "bundle", wasm_split(later, fallible, wasm_split_path = leptos::wasm_split))]
fn copy(question: CopyQuestion) -> Result<(), SplitLoaderError> {
    question.ask_or_copy();
    Ok(())
}

#[cfg_attr(feature = "bundle", wasm_split(later, fallible, wasm_split_path = leptos::wasm_split))]
fn look_up(lookup: Lookup, request: LookupRequest) -> Result<(), SplitLoaderError> {
    lookup.run(request);
    Ok(())
}

#[cfg_attr(feature = "bundle", wasm_split(later, fallible, wasm_split_path = leptos::wasm_split))]
fn send_test(form: FormState, test: TestState, is_typed: bool) -> Result<(), SplitLoaderError> {
    if !is_typed {
        test.send(form, None);
    } else if let Some(typed) = form.typed() {
        test.send(form, Some(typed));
    }
    Ok(())
}

#[cfg_attr(feature = "bundle", wasm_split(later, fallible, wasm_split_path = leptos::wasm_split))]
fn save(form: FormState) -> Result<(), SplitLoaderError> {
    form.check_and_save();
    Ok(())
}

#[cfg_attr(feature = "bundle", wasm_split(later, fallible, preload(load_check), wasm_split_path = leptos::wasm_split))]
fn check_and_show(form: FormState) -> Result<(), SplitLoaderError> {
    form.check_and_show();
    Ok(())
}
