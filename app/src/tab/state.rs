//! The form while somebody edits it: what is saved, what is typed, and what follows from the two.
//! No view code.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::field::Kind;
use domain::merge::{self, Merge};
use domain::secret::{SecretEdit, StoredSecret};
use domain::time_format::TimeDisplay;
use domain::{Draft, Field, Presence, Problem, Problems, Saved, presence};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::{self, ApiError, Save, SaveAnswer, Tab, Theirs};

/// What the notice above the form tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Everything is saved.
    Saved,
    /// Controls need attention; nothing was saved.
    Problems,
    /// Somebody else has saved since; the form holds both, and nothing was saved.
    Conflict(Clash),
    /// Nothing was saved, for a reason that is not in the form.
    NotSaved(ApiError),
}

/// What came of two administrators' edits. Who saved and when is part of what is saved now; the
/// fields that wait for a choice get fewer as it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Clash {
    /// Only I changed these.
    pub kept: Vec<Field>,
    /// Only they changed these.
    pub taken: Vec<Field>,
}

/// The form's signals. Copies share them.
#[derive(Clone, Copy)]
pub struct FormState {
    saved: RwSignal<Saved>,
    draft: RwSignal<Draft>,
    /// The fields that both sides changed, until somebody chooses.
    disputed: RwSignal<Vec<Field>>,
    /// Whether problems are shown: from the first refused save on, then with every edit.
    shows_problems: RwSignal<bool>,
    notice: RwSignal<Option<Notice>>,
    is_saving: RwSignal<bool>,
    /// A token that a save would delete, while the administrator is asked about it.
    asks_about_grant: RwSignal<Option<String>>,
    problems: Memo<Problems>,
    is_dirty: Memo<bool>,
    /// Of each field in the order of the screen, made once for all who ask.
    presences: StoredValue<Vec<Memo<Presence>>>,
    /// How whoever is signed in likes times.
    display: RwSignal<TimeDisplay>,
    /// This server's own callback address.
    callback: RwSignal<String>,
    /// Whether the page has come to life, so that a press is not lost.
    is_alive: RwSignal<bool>,
    may_edit: RwSignal<bool>,
}

impl FormState {
    /// A fresh form with nothing saved. Made above `Suspense`, which disposes of what it makes.
    pub fn new() -> Self {
        let saved = RwSignal::new(Saved::default());
        let draft = RwSignal::new(Draft::default());
        let presence_of =
            |&field: &Field| Memo::new(move |_| draft.with(|draft| presence(field, draft)));
        Self {
            presences: StoredValue::new(Field::ALL.iter().map(presence_of).collect()),
            saved,
            draft,
            disputed: RwSignal::new(Vec::new()),
            shows_problems: RwSignal::new(false),
            notice: RwSignal::new(None),
            is_saving: RwSignal::new(false),
            asks_about_grant: RwSignal::new(None),
            problems: Memo::new(move |_| {
                draft.with(|draft| saved.with(|saved| draft.problems(&saved.form)))
            }),
            is_dirty: Memo::new(move |_| {
                draft.with(|draft| saved.with(|saved| *draft != saved.draft()))
            }),
            display: RwSignal::new(TimeDisplay::default()),
            callback: RwSignal::new(String::new()),
            is_alive: RwSignal::new(false),
            may_edit: RwSignal::new(true),
        }
    }

    /// Shows what is saved, secrets untouched.
    pub fn reset(self, saved: Saved) {
        self.draft.set(saved.draft());
        self.saved.set(saved);
        self.disputed.set(Vec::new());
        self.shows_problems.set(false);
    }

    /// Shows what was loaded.
    pub fn adopt(self, tab: &Tab) {
        self.display.set(tab.display.clone());
        self.callback.set(tab.callback.clone());
        self.may_edit.set(tab.may_edit);
        self.reset(tab.saved.clone());
    }

    /// What a control shows.
    pub fn text(self, field: Field) -> Memo<String> {
        Memo::new(move |_| self.draft.with(|draft| draft.text(field).to_owned()))
    }

    /// What a control shows, without following it.
    pub fn text_now(self, field: Field) -> String {
        self.draft.with_untracked(|draft| draft.text(field).to_owned())
    }

    /// Puts text into a control.
    pub fn edit(self, field: Field, text: String) {
        self.draft.update(|draft| draft.edit(field, text));
        self.forget_good_news();
    }

    /// Takes over what was typed before the page came to life.
    pub fn adopt_typed(self, field: Field, text: String) {
        if self.draft.with_untracked(|draft| draft.text(field) != text) {
            self.edit(field, text);
        }
    }

    /// Decides about a stored secret.
    pub fn edit_secret(self, field: Field, edit: SecretEdit) {
        self.draft.update(|draft| {
            if let Some(secret) = draft.secret_mut(field) {
                *secret = edit;
            }
        });
        self.forget_good_news();
    }

    /// Puts what Basic SMTP Settings has into OAuth SMTP Settings.
    pub fn copy_basic_to_oauth(self) {
        self.draft.update(Draft::copy_basic_to_oauth);
        self.forget_good_news();
    }

    /// Takes the word that everything is saved away: something else is going on.
    pub fn forget_good_news(self) {
        if self.notice.with_untracked(|notice| *notice == Some(Notice::Saved)) {
            self.notice.set(None);
        }
    }

    /// Reads the draft.
    pub fn with_draft<T>(self, read: impl FnOnce(&Draft) -> T) -> T {
        self.draft.with(read)
    }

    /// Who saved last, and when.
    pub fn last_save(self) -> (Option<String>, Option<String>) {
        self.saved.with(|saved| (saved.by.clone(), saved.at.map(|at| self.written(at))))
    }

    /// An instant, as whoever is signed in likes it.
    pub fn written(self, instant: DateTime<Utc>) -> String {
        self.display.with(|display| display.written(instant))
    }

    /// This server's own callback address, and whether it is the Redirect URI.
    pub fn callback(self) -> (String, bool) {
        let callback = self.callback.get();
        let is_it = self.draft.with(|draft| draft.authentication.redirect_uri == callback);
        (callback, is_it)
    }

    /// Says that the page has come to life.
    pub fn live(self) {
        self.is_alive.set(true);
    }

    /// Whether the page has come to life, so that a press is not lost.
    pub fn is_alive(self) -> bool {
        self.is_alive.get()
    }

    /// Whether whoever is signed in may change anything.
    pub fn may_edit(self) -> bool {
        self.may_edit.get()
    }

    /// Which save is shown.
    pub fn revision(self) -> Memo<i64> {
        Memo::new(move |_| self.saved.with(|saved| saved.revision))
    }

    /// Reads what is saved, without following it.
    pub fn with_saved_untracked<T>(self, read: impl FnOnce(&Saved) -> T) -> T {
        self.saved.with_untracked(read)
    }

    /// Reads what is saved.
    pub fn with_saved<T>(self, read: impl FnOnce(&Saved) -> T) -> T {
        self.saved.with(read)
    }

    /// Whether a control wants input.
    pub fn presence(self, field: Field) -> Memo<Presence> {
        self.presences.with_value(|presences| presences[field as usize])
    }

    /// What is wrong with a control, once problems are shown.
    pub fn problem(self, field: Field) -> Memo<Option<Problem>> {
        Memo::new(move |_| {
            let is_shown = self.shows_problems.get();
            is_shown.then(|| self.problems.with(|problems| problems.of(field))).flatten()
        })
    }

    /// What is stored and done with a secret.
    pub fn secret(self, field: Field) -> Memo<SecretState> {
        Memo::new(move |_| {
            self.draft.with(|draft| self.saved.with(|saved| SecretState::of(field, draft, saved)))
        })
    }

    /// Everything that is wrong, once problems are shown.
    pub fn shown_problems(self) -> Problems {
        if self.shows_problems.get() { self.problems.get() } else { Problems::default() }
    }

    /// Whether the form differs from what is saved.
    pub fn is_dirty(self) -> Memo<bool> {
        self.is_dirty
    }

    /// The controls that differ from what is saved.
    pub fn changes(self) -> Vec<Field> {
        self.draft
            .with(|draft| self.saved.with(|saved| draft.differences(&saved.draft()).collect()))
    }

    /// Whether a save is under way.
    pub fn is_saving(self) -> bool {
        self.is_saving.get()
    }

    /// What the notice above the form tells.
    pub fn notice(self) -> Option<Notice> {
        self.notice.get()
    }

    /// The token that a save would delete, while the administrator is asked about it.
    pub fn asks_about_grant(self) -> Option<String> {
        self.asks_about_grant.get()
    }

    /// Tells something above the form, and leads there.
    fn tell(self, notice: Notice) {
        self.notice.set(Some(notice));
        focus_soon(NOTICE);
    }

    /// Restores what is saved.
    pub fn cancel(self) {
        self.reset(self.saved.get_untracked());
        self.dismiss();
    }

    /// Checks the form by the server's own rules, and saves it if it keeps them. A choice that is
    /// still to be made comes first.
    pub fn save(self) {
        let (draft, revision) =
            (self.draft.get_untracked(), self.saved.with_untracked(|saved| saved.revision));
        if let Some(field) = self.disputed.with_untracked(|disputed| disputed.first().copied()) {
            focus(&choice_id(field));
        } else if self.has_problems() {
            self.show_problems();
        } else if let Some(field) = draft.oversized() {
            self.tell(Notice::NotSaved(ApiError::Oversized(field)));
        } else {
            self.send(Save { draft, revision, deletes_grant: None });
        }
    }

    fn has_problems(self) -> bool {
        !self.problems.with_untracked(Problems::is_empty)
    }

    /// Takes the notice away.
    pub fn dismiss(self) {
        self.notice.set(None);
    }

    /// Puts what was typed together with what somebody else has saved meanwhile.
    fn merge(self, Theirs { saved: theirs, replaced }: Theirs) {
        let Merge { draft, kept, taken, disputed } = self.saved.with_untracked(|base| {
            self.draft.with_untracked(|mine| merge::merge(base, mine, &theirs, &replaced))
        });
        self.reset(theirs);
        self.draft.set(draft);
        self.disputed.set(disputed);
        self.tell(Notice::Conflict(Clash { kept, taken }));
    }

    /// The fields that both sides changed and nobody has chosen yet.
    pub fn disputed(self) -> Vec<Field> {
        self.disputed.get()
    }

    /// Whether both sides changed a control, and nobody has chosen yet.
    pub fn is_disputed(self, field: Field) -> Memo<bool> {
        Memo::new(move |_| self.disputed.with(|disputed| disputed.contains(&field)))
    }

    /// Chooses what this form has in a disputed control.
    pub fn keep_mine(self, field: Field) {
        self.disputed.update(|disputed| disputed.retain(|&other| other != field));
        self.focus_chosen(field);
    }

    /// Chooses what somebody else has saved in a disputed control.
    pub fn take_theirs(self, field: Field) {
        self.choose_theirs(field);
        self.focus_chosen(field);
    }

    fn choose_theirs(self, field: Field) {
        self.saved.with_untracked(|theirs| {
            self.disputed.update(|disputed| {
                self.draft.update(|draft| merge::take_theirs(draft, disputed, theirs, field));
            });
        });
    }

    /// Leads from a choice, which is gone once it is made, to the control that it was about.
    fn focus_chosen(self, field: Field) {
        let takes_focus =
            self.draft.with_untracked(|draft| presence(field, draft)) != Presence::Disabled;
        focus_soon(if takes_focus { field.wire_name() } else { NOTICE });
    }

    /// Chooses what this form has, everywhere.
    pub fn keep_all_of_mine(self) {
        self.disputed.set(Vec::new());
        focus_soon(NOTICE);
    }

    /// Chooses what somebody else has saved, everywhere; nothing is left to choose then.
    pub fn take_all_of_theirs(self) {
        while let Some(field) = self.disputed.with_untracked(|disputed| disputed.first().copied()) {
            self.choose_theirs(field);
        }
        focus_soon(NOTICE);
    }

    /// Saves, with the token's deletion agreed to.
    pub fn save_deleting(self, grant: String) {
        self.asks_about_grant.set(None);
        self.send(Save {
            draft: self.draft.get_untracked(),
            revision: self.saved.with_untracked(|saved| saved.revision),
            deletes_grant: Some(grant),
        });
    }

    /// Leaves token and form as they are.
    pub fn keep_token(self) {
        self.asks_about_grant.set(None);
    }

    fn send(self, save: Save) {
        if self.is_saving.get_untracked() {
            return;
        }
        self.is_saving.set(true);
        let sent = save.draft.clone();
        spawn_local(async move {
            let answer = api::in_time(api::save(save)).await;
            self.is_saving.set(false);
            match answer {
                Ok(SaveAnswer::Saved(saved)) => self.saved(&sent, saved),
                Ok(SaveAnswer::Problems(_)) if self.has_problems() => self.show_problems(),
                // Both sides run the same rules: only different versions of them can disagree.
                Ok(SaveAnswer::Problems(_)) => self.tell(Notice::NotSaved(ApiError::Malformed)),
                Ok(SaveAnswer::Conflict(theirs)) => self.merge(theirs),
                Ok(SaveAnswer::TokenWouldBeDeleted(grant)) => {
                    self.asks_about_grant.set(Some(grant));
                }
                Err(error) => self.tell(Notice::NotSaved(error)),
            }
        });
    }

    /// Takes over what is saved now, and keeps what was typed while it was being saved.
    fn saved(self, sent: &Draft, saved: Saved) {
        let mut next = saved.draft();
        self.draft.with_untracked(|draft| {
            for field in draft.differences(sent) {
                match (next.secret_mut(field), draft.secret(field)) {
                    (Some(next), Some(typed)) => *next = typed.clone(),
                    _ => next.edit(field, draft.text(field)),
                }
            }
        });
        self.reset(saved);
        self.draft.set(next);
        self.notice.set(Some(Notice::Saved));
        focus_soon(SAVED);
    }

    fn show_problems(self) {
        self.shows_problems.set(true);
        self.notice.set(Some(Notice::Problems));
        if let Some((field, _)) = self.problems.with_untracked(|problems| problems.iter().next()) {
            focus_soon(field.wire_name());
        }
    }
}

/// What is stored and done with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretState {
    /// Nothing is stored, nothing typed.
    Unset,
    /// Nothing is stored, something typed.
    New,
    /// A value is stored and will be kept.
    Stored,
    /// A value is stored, but it was entered for another destination.
    StoredForAnother,
    /// What is typed will replace what is stored.
    Replaced,
    /// What is stored will be removed.
    Cleared,
    /// What is stored will be removed, because Username is empty.
    ClearedWithUsername,
}

impl SecretState {
    fn of(field: Field, draft: &Draft, saved: &Saved) -> Self {
        let is_stored = matches!(saved.form.secret(field), Some(StoredSecret::For(_)));
        let is_edited = draft.secret(field) == Some(&SecretEdit::Clear);
        match (draft.secret_on_save(field).as_ref(), is_stored) {
            (SecretEdit::Replace(_), true) => Self::Replaced,
            (SecretEdit::Replace(_), false) => Self::New,
            (SecretEdit::Clear, true) if is_edited => Self::Cleared,
            (SecretEdit::Clear, true) => Self::ClearedWithUsername,
            (SecretEdit::Untouched, true) if saved.keeps_secret(field, draft) => Self::Stored,
            (SecretEdit::Untouched, true) => Self::StoredForAnother,
            (SecretEdit::Untouched | SecretEdit::Clear, false) => Self::Unset,
        }
    }
}

/// The notice above the form, as the page knows it.
pub const NOTICE: &str = "form-notice";

/// The word that everything is saved, as the page knows it.
pub const SAVED: &str = "saved";

/// The place where one chooses between two values of a control, as the page knows it.
pub fn choice_id(field: Field) -> String {
    format!("{}-choice", field.wire_name())
}

/// Scrolls an element that may have to be drawn first into view, no further than needed.
pub fn show_soon(id: &'static str) {
    let show = move || {
        if let Some(element) = document().get_element_by_id(id) {
            let nearest = web_sys::ScrollIntoViewOptions::new();
            nearest.set_block(web_sys::ScrollLogicalPosition::Nearest);
            element.scroll_into_view_with_scroll_into_view_options(&nearest);
        }
    };
    set_timeout(show, Duration::ZERO);
}

/// Moves the focus to an element that may have to be drawn first.
fn focus_soon(id: &'static str) {
    set_timeout(move || focus(id), Duration::ZERO);
}

/// Moves the focus to an element.
pub fn focus(id: &str) {
    use leptos::wasm_bindgen::JsCast;
    let element = document().get_element_by_id(id);
    if let Some(element) = element.and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok()) {
        // A detached element cannot take the focus; there is nothing to mend.
        drop(element.focus());
    }
}

/// Whether a control's value is kept from sight.
pub fn is_masked(field: Field) -> bool {
    matches!(field.kind(), Kind::Masked | Kind::Secret)
}
