//! The form while somebody edits it: what is saved, what is typed, and what follows from the two.
//! No view code.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::field::Kind;
use domain::merge::{self, Merge};
use domain::secret::{SecretEdit, StoredSecret};
use domain::time_format::TimeDisplay;
use domain::{Draft, Field, Presence, Problems, Saved, presence};
use leptos::prelude::*;

use super::later;
use crate::api::{self, ApiError, Save, SaveAnswer, Tab, Theirs};
use crate::explanation::Fill;
use crate::host::Host;
use crate::labels;

/// What the notice above the form tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Everything is saved.
    Saved,
    /// Controls need attention; nothing was done.
    Problems(Wanted),
    /// Somebody else has saved since; the form holds both, and nothing was saved.
    Conflict(Clash),
    /// Nothing was saved, for a reason that is not in the form.
    NotSaved(ApiError),
}

/// What somebody wanted to do with what is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// To save it.
    Save,
    /// To send a message through it.
    Test,
}

/// What came of two administrators' edits. Who saved and when is part of what is saved now; the
/// fields that wait for a choice get fewer as it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Clash {
    /// Whose save came first.
    pub other: Other,
    /// Only I changed these.
    pub kept: Vec<Field>,
    /// Only they changed these.
    pub taken: Vec<Field>,
}

/// Whose save came between loading a form and saving it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Other {
    /// Another administrator's.
    #[default]
    Person,
    /// The same administrator's, in another window.
    Window,
}

/// What both sides changed.
#[derive(Debug, Clone, Default)]
struct Disputed {
    /// Whose changes the others are.
    other: Other,
    /// The fields, until a value is chosen for each.
    fields: Vec<Field>,
}

/// What the view follows of one control. Each is written only where it changes, so that a keystroke
/// wakes nobody who watches another control.
#[derive(Clone, Copy)]
struct Watched {
    text: RwSignal<String>,
    presence: RwSignal<Presence>,
    /// What is wrong with it, in words.
    problem: RwSignal<Option<String>>,
    secret: RwSignal<SecretState>,
    /// Whether blanks were removed from its ends, until it is edited.
    is_trimmed: RwSignal<bool>,
}

/// The form's signals. Copies share them.
#[derive(Clone, Copy)]
pub struct FormState {
    host: Host,
    saved: RwSignal<Saved>,
    draft: RwSignal<Draft>,
    /// The fields that both sides changed, until somebody chooses.
    disputed: RwSignal<Disputed>,
    /// Whether problems are shown: from the first refused save on, then with every edit.
    shows_problems: RwSignal<bool>,
    notice: RwSignal<Option<Notice>>,
    is_saving: RwSignal<bool>,
    /// A token that a save would delete, while the administrator is asked about it.
    asks_about_grant: RwSignal<Option<String>>,
    /// Of each field, in the order of the screen.
    watched: StoredValue<Vec<Watched>>,
    /// Everything that is wrong, once problems are shown.
    problems: RwSignal<Problems>,
    /// The controls that differ from what is saved.
    changes: RwSignal<Vec<Field>>,
    is_dirty: Memo<bool>,
    /// How whoever is signed in likes times.
    display: RwSignal<TimeDisplay>,
    /// This server's own callback address.
    callback: RwSignal<String>,
    /// Whether the page has come to life, so that a press is not lost.
    is_alive: RwSignal<bool>,
    /// Whether what comes later has come.
    is_whole: RwSignal<bool>,
    may_edit: RwSignal<bool>,
}

impl FormState {
    /// A fresh form with nothing saved. Made above `Suspense`, which disposes of what it makes.
    pub fn new(host: Host) -> Self {
        let saved = RwSignal::new(Saved::default());
        let draft = RwSignal::new(Draft::default());
        let changes = RwSignal::new(Vec::new());
        let watched = |&field: &Field| Watched {
            text: RwSignal::new(draft.with_untracked(|draft| draft.text(field).to_owned())),
            presence: RwSignal::new(draft.with_untracked(|draft| presence(field, draft))),
            problem: RwSignal::new(None),
            secret: RwSignal::new(SecretState::Unset),
            is_trimmed: RwSignal::new(false),
        };
        Self {
            host,
            watched: StoredValue::new(Field::ALL.iter().map(watched).collect()),
            saved,
            draft,
            disputed: RwSignal::new(Disputed::default()),
            shows_problems: RwSignal::new(false),
            notice: RwSignal::new(None),
            is_saving: RwSignal::new(false),
            asks_about_grant: RwSignal::new(None),
            problems: RwSignal::new(Problems::default()),
            changes,
            is_dirty: Memo::new(move |_| changes.with(|changes| !changes.is_empty())),
            display: RwSignal::new(TimeDisplay::default()),
            callback: RwSignal::new(String::new()),
            is_alive: RwSignal::new(false),
            is_whole: RwSignal::new(false),
            may_edit: RwSignal::new(true),
        }
    }

    /// Shows what is saved, secrets untouched.
    pub fn reset(self, saved: Saved) {
        let draft = saved.draft();
        self.saved.set(saved);
        self.disputed.set(Disputed::default());
        self.shows_problems.set(false);
        self.change(|before| *before = draft);
    }

    /// Changes the draft, and tells each control's watchers what that changes for them.
    fn change(self, change: impl FnOnce(&mut Draft)) {
        self.draft.update(change);
        self.draft.with_untracked(|draft| {
            self.saved.with_untracked(|saved| {
                renew(self.changes, draft.differences(&saved.draft()).collect());
                self.watched.with_value(|watched| {
                    for (&field, watched) in Field::ALL.iter().zip(watched) {
                        renew(watched.presence, presence(field, draft));
                        renew(watched.secret, SecretState::of(field, draft, saved));
                        if watched.text.with_untracked(|text| text != draft.text(field)) {
                            watched.text.set(draft.text(field).to_owned());
                        }
                    }
                });
            });
        });
        self.check();
    }

    /// Tells each control's watchers what is wrong with it, once problems are shown.
    fn check(self) {
        if self.shows_problems.get_untracked() {
            later::check(self);
        } else {
            self.watched.with_value(|watched| {
                for watched in watched {
                    renew(watched.problem, None);
                }
            });
            renew(self.problems, Problems::default());
        }
    }

    /// Shows what is wrong.
    pub fn check_and_show(self) {
        self.spread(self.all_problems());
    }

    fn spread(self, problems: Problems) {
        self.watched.with_value(|watched| {
            for (&field, watched) in Field::ALL.iter().zip(watched) {
                let words = problems.of(field).map(|problem| labels::problem(field, problem));
                renew(watched.problem, words);
            }
        });
        renew(self.problems, problems);
    }

    /// Everything that is wrong, shown or not, once blanks are removed.
    fn all_problems(self) -> Problems {
        let draft = self.draft.get_untracked().trimmed();
        self.saved.with_untracked(|saved| draft.problems(&saved.form))
    }

    fn watched(self, field: Field) -> Watched {
        self.watched.with_value(|watched| watched[field as usize])
    }

    /// Shows what was loaded.
    pub fn adopt(self, tab: &Tab) {
        self.display.set(tab.display.clone());
        self.callback.set(tab.callback.clone());
        self.may_edit.set(tab.may_edit);
        self.reset(tab.saved.clone());
    }

    /// What a control shows.
    pub fn text(self, field: Field) -> RwSignal<String> {
        self.watched(field).text
    }

    /// What a control shows, without following it.
    pub fn text_now(self, field: Field) -> String {
        self.draft.with_untracked(|draft| draft.text(field).to_owned())
    }

    /// Puts text into a control.
    pub fn edit(self, field: Field, text: String) {
        renew(self.watched(field).is_trimmed, false);
        self.change(|draft| draft.edit(field, text));
        self.forget_good_news();
    }

    /// Removes blanks from the ends of what is typed in a control, as a save would.
    pub fn trim(self, field: Field) {
        let mut draft = self.draft.get_untracked();
        if draft.trim(field) {
            self.change(|before| *before = draft);
            self.watched(field).is_trimmed.set(true);
        }
    }

    fn trim_all(self) {
        for &field in Field::ALL {
            self.trim(field);
        }
    }

    /// Whether blanks were just removed from the ends of a control's text.
    pub fn is_trimmed(self, field: Field) -> bool {
        self.watched(field).is_trimmed.get()
    }

    /// Puts into a control what was offered for it, and leads there.
    pub fn fill(self, field: Field, text: String) {
        self.edit(field, text);
        self.focus_soon(field.wire_name());
    }

    /// Puts values into several controls at once.
    pub fn fill_all(self, fills: &[Fill]) {
        self.change(|draft| put(fills, draft));
        self.forget_good_news();
    }

    /// Which stored secrets a change of the draft would ask for again, and why, in words; nothing
    /// where it asks for none. Follows these controls and the secrets.
    pub fn asks_again(self, follows: &[Field], change: impl FnOnce(&mut Draft)) -> String {
        const SECRETS: [Field; 2] = [Field::Password, Field::ClientSecret];
        let follows: Vec<_> = follows.iter().copied().chain(SECRETS).collect();
        self.with_draft(&follows, |before| {
            let mut after = before.clone();
            change(&mut after);
            let saved = self.saved.read_untracked();
            let asked = SECRETS.map(|secret| (secret, saved.moved_by(secret, before, &after)));
            let asked = asked.iter().filter(|(_, moved)| !moved.is_empty());
            asked
                .map(|(secret, moved)| labels::enter_again(*secret, moved))
                .collect::<Vec<_>>()
                .join(" ")
        })
    }

    /// What is typed, without following it.
    pub fn draft_now(self) -> Draft {
        self.draft.get_untracked()
    }

    /// Takes over what was typed before the page came to life.
    pub fn adopt_typed(self, field: Field, text: String) {
        if self.draft.with_untracked(|draft| draft.text(field) != text) {
            self.edit(field, text);
        }
    }

    /// Decides about a stored secret.
    pub fn edit_secret(self, field: Field, edit: SecretEdit) {
        self.change(|draft| {
            if let Some(secret) = draft.secret_mut(field) {
                *secret = edit;
            }
        });
        self.forget_good_news();
    }

    /// Puts what Basic SMTP Settings has into OAuth SMTP Settings.
    pub fn copy_basic_to_oauth(self) {
        self.change(Draft::copy_basic_to_oauth);
        self.forget_good_news();
    }

    /// Takes the word that everything is saved away: something else is going on.
    pub fn forget_good_news(self) {
        if self.notice.with_untracked(|notice| *notice == Some(Notice::Saved)) {
            self.notice.set(None);
        }
    }

    /// Reads the draft, and follows no more of it than these controls.
    pub fn with_draft<T>(self, follows: &[Field], read: impl FnOnce(&Draft) -> T) -> T {
        for &field in follows {
            let Watched { text, secret, .. } = self.watched(field);
            text.track();
            secret.track();
        }
        self.draft.with_untracked(read)
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
        let is_it = self.text(Field::RedirectUri).with(|text| *text == callback);
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

    /// Says that what comes later has come.
    pub fn complete(self) {
        self.is_whole.try_set(true);
    }

    /// Whether what comes later has come.
    pub fn is_whole(self) -> bool {
        self.is_whole.get()
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
    pub fn presence(self, field: Field) -> RwSignal<Presence> {
        self.watched(field).presence
    }

    /// What is wrong with a control, in words, once problems are shown.
    pub fn problem(self, field: Field) -> RwSignal<Option<String>> {
        self.watched(field).problem
    }

    /// What is stored and done with a secret.
    pub fn secret(self, field: Field) -> RwSignal<SecretState> {
        self.watched(field).secret
    }

    /// Everything that is wrong, once problems are shown.
    pub fn shown_problems(self) -> Problems {
        self.problems.get()
    }

    /// Whether the form differs from what is saved.
    pub fn is_dirty(self) -> Memo<bool> {
        self.is_dirty
    }

    /// The controls that differ from what is saved.
    pub fn changes(self) -> Vec<Field> {
        self.changes.get()
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
        if let Notice::NotSaved(error) = &notice {
            self.host.tell_error(*error);
        }
        self.notice.set(Some(notice));
        self.focus_soon(NOTICE);
    }

    /// Restores what is saved.
    pub fn cancel(self) {
        self.reset(self.saved.get_untracked());
        self.watched.with_value(|watched| {
            for watched in watched {
                renew(watched.is_trimmed, false);
            }
        });
        self.dismiss();
    }

    /// Saves, with what comes later.
    pub fn save(self) {
        self.host.spawn(async move {
            if later::save(self).await.is_err() {
                self.tell(Notice::NotSaved(ApiError::Unreachable));
            }
        });
    }

    /// Checks the form by the server's own rules, and saves it if it keeps them. A choice that is
    /// still to be made comes first; a form that differs by blanks alone needs no save.
    pub fn check_and_save(self) {
        self.trim_all();
        if !self.is_dirty.get_untracked() {
            return;
        }
        let (draft, revision) =
            (self.draft.get_untracked(), self.saved.with_untracked(|saved| saved.revision));
        if let Some(field) = self.first_disputed() {
            self.focus(&choice_id(field));
        } else if let problems = self.all_problems()
            && !problems.is_empty()
        {
            self.show_problems(Wanted::Save, problems);
        } else if let Some(field) = draft.oversized() {
            self.tell(Notice::NotSaved(ApiError::Oversized(field)));
        } else {
            self.send(Save { draft, revision, deletes_grant: None });
        }
    }

    /// What is typed, to be tested; where something is wrong with it, that is shown instead.
    pub fn typed(self) -> Option<Draft> {
        self.trim_all();
        let problems = self.all_problems();
        if problems.is_empty() {
            return Some(self.draft.get_untracked());
        }
        self.show_problems(Wanted::Test, problems);
        None
    }

    /// Takes the notice away.
    pub fn dismiss(self) {
        self.notice.set(None);
    }

    /// Puts what was typed together with what somebody else has saved meanwhile.
    fn merge(self, Theirs { saved: theirs, replaced, is_own }: Theirs) {
        let other = if is_own { Other::Window } else { Other::Person };
        let Merge { draft, kept, taken, disputed: fields } = self.saved.with_untracked(|base| {
            self.draft.with_untracked(|mine| merge::merge(base, mine, &theirs, &replaced))
        });
        self.reset(theirs);
        self.change(|before| *before = draft);
        self.disputed.set(Disputed { other, fields });
        self.tell(Notice::Conflict(Clash { other, kept, taken }));
    }

    /// The fields that both sides changed and nobody has chosen yet.
    pub fn disputed(self) -> Vec<Field> {
        self.disputed.with(|disputed| disputed.fields.clone())
    }

    fn first_disputed(self) -> Option<Field> {
        self.disputed.with_untracked(|disputed| disputed.fields.first().copied())
    }

    /// Whose changes the others are.
    pub fn other(self) -> Other {
        self.disputed.with(|disputed| disputed.other)
    }

    /// Whether both sides changed a control, and nobody has chosen yet.
    pub fn is_disputed(self, field: Field) -> Memo<bool> {
        Memo::new(move |_| self.disputed.with(|disputed| disputed.fields.contains(&field)))
    }

    /// Chooses what this form has in a disputed control.
    pub fn keep_mine(self, field: Field) {
        self.disputed.update(|disputed| disputed.fields.retain(|&other| other != field));
        self.focus_chosen(field);
    }

    /// Chooses what somebody else has saved in a disputed control.
    pub fn take_theirs(self, field: Field) {
        self.choose_theirs(field);
        self.focus_chosen(field);
    }

    fn choose_theirs(self, field: Field) {
        self.saved.with_untracked(|theirs| {
            self.disputed.update(|Disputed { fields, .. }| {
                self.change(|draft| merge::take_theirs(draft, fields, theirs, field));
            });
        });
    }

    /// Leads from a choice, which is gone once it is made, to the control that it was about.
    fn focus_chosen(self, field: Field) {
        let takes_focus =
            self.draft.with_untracked(|draft| presence(field, draft)) != Presence::Disabled;
        self.focus_soon(if takes_focus { field.wire_name() } else { NOTICE });
    }

    /// Chooses what this form has, everywhere.
    pub fn keep_all_of_mine(self) {
        self.disputed.update(|disputed| disputed.fields.clear());
        self.focus_soon(NOTICE);
    }

    /// Chooses what somebody else has saved, everywhere; nothing is left to choose then.
    pub fn take_all_of_theirs(self) {
        while let Some(field) = self.first_disputed() {
            self.choose_theirs(field);
        }
        self.focus_soon(NOTICE);
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
        self.host.spawn(async move {
            let answer = api::in_time(api::save(save)).await;
            self.is_saving.set(false);
            match answer {
                Ok(SaveAnswer::Saved(saved)) => self.saved(&sent, saved),
                Ok(SaveAnswer::Problems(problems)) => self.show_problems(Wanted::Save, problems),
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
        self.host.tell_saved(saved.revision);
        self.reset(saved);
        self.change(|draft| *draft = next);
        self.notice.set(Some(Notice::Saved));
        self.focus_soon(SAVED);
    }

    /// Shows what is wrong, by this page's word or by the server's, and leads to the first of it. What
    /// only the server can know is shown until the next edit.
    pub fn show_problems(self, wanted: Wanted, problems: Problems) {
        self.shows_problems.set(true);
        let first = problems.iter().next();
        self.spread(problems);
        self.notice.set(Some(Notice::Problems(wanted)));
        if let Some((field, _)) = first {
            self.focus_soon(field.wire_name());
        }
    }

    /// Moves the focus to an element that may have to be drawn first.
    pub fn focus_soon(self, id: &'static str) {
        set_timeout(move || self.focus(id), Duration::ZERO);
    }

    /// Moves the focus to an element.
    pub fn focus(self, id: &str) {
        use leptos::wasm_bindgen::JsCast;
        let element = self.host.element(id);
        if let Some(element) =
            element.and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok())
        {
            // A detached element cannot take the focus; there is nothing to mend.
            drop(element.focus());
        }
    }

    /// Whatever holds the tab.
    pub fn host(self) -> Host {
        self.host
    }
}

/// Puts values into the controls of a draft.
pub fn put(fills: &[Fill], draft: &mut Draft) {
    for Fill { field, value, .. } in fills {
        draft.edit(*field, value.as_str());
    }
}

/// Writes what is new.
fn renew<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|before| *before != value) {
        signal.set(value);
    }
}

/// What is stored and done with a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretState {
    /// Nothing is stored, nothing typed.
    Unset,
    /// Nothing is stored, something typed.
    New,
    /// A value is stored and will be kept.
    Stored,
    /// A value is stored, but it was entered for another destination: these controls differ.
    StoredForAnother(Vec<Field>),
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
            (SecretEdit::Untouched, true) => match saved.moved(field, draft) {
                moved if moved.is_empty() => Self::Stored,
                moved => Self::StoredForAnother(moved),
            },
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

/// Whether a control's value is kept from sight.
pub fn is_masked(field: Field) -> bool {
    matches!(field.kind(), Kind::Masked | Kind::Secret)
}
