//! What the tab needs only after something has happened: a refusal, a clash, a test message. It is a
//! part of the bundle of its own, which the browser loads once the tab has come to life; whatever is
//! reached from here alone is not in the first part (`xtask/src/split.rs`). So the server renders
//! none of it: until it has come, its places are empty on both sides.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::Field;
use domain::token::Setback;
use leptos::prelude::*;
use leptos::wasm_split::{SplitLoaderError, wasm_split};

use super::dispute::{Choice, ChoiceProps};
use super::live::{LiveView, live_view};
use super::notice::{ConflictNotice, ConflictNoticeProps, ProblemSummary, ProblemSummaryProps};
use super::run::{End, EndProps, Ladder, LadderProps};
use super::save_bar::{TokenQuestion, TokenQuestionProps};
use super::state::{Clash, FormState};
use super::token_end::{SetbackView, SetbackViewProps};
use super::token_panel::{Paste, PasteProps};
use super::token_state::TokenState;
use crate::api::{RunNow, Theirs};
use crate::deadline::pause;

/// How long to wait before what could not be loaded is asked for again.
const AGAIN: Duration = Duration::from_secs(5);

/// A piece of the page that comes later.
pub enum Part {
    /// What two administrators changed at once.
    Conflict(Clash),
    /// The choice between two values of one control.
    Choice(Field),
    /// How a test message ended.
    End(RunNow),
    /// The steps of a test message.
    Ladder(Signal<Option<RunNow>>),
    /// Where the address is put that an attempt ended at.
    Paste(TokenState, String),
    /// Everything that is wrong with the form.
    Problems,
    /// What went wrong on the way to a token.
    Setback(Setback),
    /// Whether to delete a token.
    TokenQuestion,
}

/// The place of a piece, empty until it has come.
pub fn later(form: FormState, part: Part) -> LiveView {
    let mut part = Some(part);
    live_view(move || {
        part.take_if(|_| form.is_whole()).map_or_else(|| ().into_any(), |part| at_once(form, part))
    })
}

/// Loads what comes later, for as long as it takes.
pub async fn load(form: FormState) {
    while preload().await.is_err() {
        pause(AGAIN).await;
    }
    form.complete();
}

/// A piece that has come.
fn at_once(form: FormState, part: Part) -> AnyView {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(shown(form, part)).poll(&mut context) {
        Poll::Ready(Ok(view)) => view,
        Poll::Ready(Err(_)) | Poll::Pending => ().into_any(),
    }
}

#[wasm_split(later, fallible, preload(preload), wasm_split_path = leptos::wasm_split)]
fn shown(form: FormState, part: Part) -> Result<AnyView, SplitLoaderError> {
    Ok(match part {
        Part::Conflict(clash) => {
            ConflictNotice(ConflictNoticeProps { state: form, clash }).into_any()
        }
        Part::Choice(field) => Choice(ChoiceProps { state: form, field }).into_any(),
        Part::End(now) => End(EndProps { now, form: Some(form) }).into_any(),
        Part::Ladder(now) => Ladder(LadderProps { now }).into_any(),
        Part::Paste(token, id) => Paste(PasteProps { token, id }).into_any(),
        Part::Problems => ProblemSummary(ProblemSummaryProps { state: form }).into_any(),
        Part::Setback(setback) => SetbackView(SetbackViewProps { setback }).into_any(),
        Part::TokenQuestion => TokenQuestion(TokenQuestionProps { state: form }).into_any(),
    })
}

/// Puts what was typed together with what somebody else has saved meanwhile.
#[wasm_split(later, fallible, wasm_split_path = leptos::wasm_split)]
pub fn merge(form: FormState, theirs: Theirs) -> Result<(), SplitLoaderError> {
    form.merge(theirs);
    Ok(())
}
