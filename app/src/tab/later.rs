//! What the tab needs only after something has happened: a refusal, a clash, a test message. It is a
//! part of the bundle of its own, which the browser loads once the tab has come to life; whatever is
//! reached from here alone is not in the first part (`xtask/src/split.rs`). So the server renders
//! none of it: until it has come, its places are empty on both sides.

#![expect(clippy::unnecessary_wraps, reason = "what may fail is the load, which `wasm_split` adds")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::Field;
use domain::token::Setback;
use leptos::prelude::*;
use leptos::wasm_split::{SplitLoaderError, wasm_split};

use super::copying::{CopyQuestion, CopyQuestionView, CopyQuestionViewProps};
use super::dispute::{Choice, ChoiceProps};
use super::inquiry::{FindingsView, FindingsViewProps, Inquiry, Question};
use super::live::{LiveView, live_view};
use super::note::{AnnouncementView, AnnouncementViewProps, Notes, NotesProps};
use super::notice::{ConflictNotice, ConflictNoticeProps, ProblemSummary, ProblemSummaryProps};
use super::run::{End, EndProps, Ladder, LadderProps};
use super::save_bar::{TokenQuestion, TokenQuestionProps};
use super::state::{Clash, FormState, Wanted};
use super::test_email::TestState;
use super::token_end::{EndView, EndViewProps};
use super::token_panel::{Paste, PasteProps};
use super::token_state::TokenState;
use crate::api::RunNow;
use crate::deadline::pause;
use crate::explanation::Explanation;

/// How long to wait before what could not be loaded is asked for again.
const AGAIN: Duration = Duration::from_secs(5);

/// A piece of the page that comes later.
pub enum Part {
    /// What two administrators changed at once.
    Conflict(Clash),
    /// The choice between two values of one control.
    Choice(Field),
    /// Whether to copy Basic SMTP Settings although a stored secret has to be entered again then.
    CopyQuestion(CopyQuestion),
    /// How a test message ended.
    End(RunNow),
    /// The steps of a test message.
    Ladder(Signal<Option<RunNow>>),
    /// Nothing to see: whatever hears of test messages.
    News(TestState),
    /// Where the address is put that an attempt ended at.
    Paste(TokenState, String),
    /// What the server found.
    Findings(Inquiry),
    /// What a provider has announced.
    Notice,
    /// What to know of a control's text.
    Notes(Field),
    /// Everything that is wrong with the form.
    Problems(Wanted),
    /// How the way to a token ended, and what kept it from succeeding.
    TokenEnd(Explanation, Option<Setback>),
    /// Whether to delete a token.
    TokenQuestion,
}

/// The place of a piece, empty until it has come.
pub fn later(form: FormState, part: Part) -> LiveView {
    let mut part = Some(part);
    live_view(move || {
        let part = part.take_if(|_| form.is_whole());
        part.and_then(|part| at_once(shown(form, part))).unwrap_or_else(|| ().into_any())
    })
}

/// Loads what comes later, for as long as it takes. Each call that is to be made at once has to have
/// been asked for, though all are in one file.
pub async fn load(form: FormState) {
    while load_views().await.is_err() || load_check().await.is_err() {
        pause(AGAIN).await;
    }
    form.complete();
}

/// What a call brings that waits for nothing any more.
fn at_once<T>(call: impl Future<Output = Result<T, SplitLoaderError>>) -> Option<T> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(brought)) => Some(brought),
        Poll::Ready(Err(_)) | Poll::Pending => None,
    }
}

#[wasm_split(later, fallible, preload(load_views), wasm_split_path = leptos::wasm_split)]
fn shown(form: FormState, part: Part) -> Result<AnyView, SplitLoaderError> {
    Ok(match part {
        Part::Conflict(clash) => {
            ConflictNotice(ConflictNoticeProps { state: form, clash }).into_any()
        }
        Part::Choice(field) => Choice(ChoiceProps { state: form, field }).into_any(),
        Part::CopyQuestion(question) => {
            CopyQuestionView(CopyQuestionViewProps { question }).into_any()
        }
        Part::End(now) => End(EndProps { now, form: Some(form) }).into_any(),
        Part::Ladder(now) => Ladder(LadderProps { now }).into_any(),
        Part::News(test) => {
            super::news::listen(test);
            ().into_any()
        }
        Part::Paste(token, id) => Paste(PasteProps { token, id }).into_any(),
        Part::Findings(inquiry) => FindingsView(FindingsViewProps { inquiry }).into_any(),
        Part::Notice => AnnouncementView(AnnouncementViewProps { form }).into_any(),
        Part::Notes(field) => Notes(NotesProps { form, field }).into_any(),
        Part::Problems(wanted) => {
            ProblemSummary(ProblemSummaryProps { state: form, wanted }).into_any()
        }
        Part::TokenEnd(explanation, setback) => {
            EndView(EndViewProps { explanation, setback, form: Some(form) }).into_any()
        }
        Part::TokenQuestion => TokenQuestion(TokenQuestionProps { state: form }).into_any(),
    })
}

/// Asks the server, and takes what it finds.
#[wasm_split(later, fallible, wasm_split_path = leptos::wasm_split)]
pub fn ask(inquiry: Inquiry, question: Question) -> Result<(), SplitLoaderError> {
    inquiry.put(question);
    Ok(())
}

/// Sends a test message through what is typed, once that is checked, or through what is saved.
#[wasm_split(later, fallible, wasm_split_path = leptos::wasm_split)]
pub fn send_test(form: FormState, test: TestState, is_typed: bool) -> Result<(), SplitLoaderError> {
    if !is_typed {
        test.send(form, None);
    } else if let Some(typed) = form.typed() {
        test.send(form, Some(typed));
    }
    Ok(())
}

/// Checks the form, and saves it.
#[wasm_split(later, fallible, wasm_split_path = leptos::wasm_split)]
pub fn save(form: FormState) -> Result<(), SplitLoaderError> {
    form.check_and_save();
    Ok(())
}

/// Shows what is wrong with the form, once what comes later has come: before a save, nothing is shown.
pub fn check(form: FormState) {
    at_once(check_and_show(form));
}

#[wasm_split(later, fallible, preload(load_check), wasm_split_path = leptos::wasm_split)]
fn check_and_show(form: FormState) -> Result<(), SplitLoaderError> {
    form.check_and_show();
    Ok(())
}
